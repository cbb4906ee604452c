//! Installation, and answers in threads.

use model_double::Script;
use serde_json::{Value, json};
use slack_double::{Fault, SIGNING_SECRET};

use super::PATH;
use crate::support::{CHANNEL, CLICKS, COMMANDS, EVENTS, SlackWorkspace, slack_workspace::MODEL};

#[tokio::test]
async fn the_platforms_app_is_installed_by_whoever_began_it_once() {
    let world = SlackWorkspace::without_installation("local").await;
    let path = format!("{PATH}/slack/{}/install", world.integration);
    let url = world.ada.post(&path, json!({})).await.ok().text("url");
    for part in [
        "/oauth/v2/authorize?client_id=111.222",
        "scope=app_mentions",
        "redirect_uri=",
        "callback&state=",
    ] {
        assert!(url.contains(part), "{url}");
    }
    let state = url.split_once("state=").unwrap().1;
    {
        let mut workspace = world.slack.workspace();
        workspace.install("T1", "xoxb-1");
        workspace.codes.insert("code".to_owned(), "xoxb-1".to_owned());
    }
    let complete = format!("{path}/complete");
    let result = json!({"state": state, "code": "code"});
    // Another session of the same person, and a forged state.
    let elsewhere = world.ada.sign_in_again().await;
    let own_state = world.ada.post(&path, json!({})).await.ok().text("url");
    let stolen = json!({"state": own_state.split_once("state=").unwrap().1, "code": "code"});
    assert_eq!(elsewhere.post(&complete, stolen).await.invalid(), ["/state"]);
    let forged = json!({"state": "0".repeat(64), "code": "code"});
    assert_eq!(world.ada.post(&complete, forged).await.invalid(), ["/state"]);
    let view = world.ada.post(&complete, result.clone()).await.ok().json();
    assert_eq!(
        (&view["status"], &view["workspace"]["team_id"]),
        (&json!("active"), &json!("T1"))
    );
    assert_eq!(view["workspace"]["platform_app"], true);
    assert_eq!(world.ada.post(&complete, result).await.invalid(), ["/state"]);
    // A state lives ten minutes.
    let url = world.ada.post(&path, json!({})).await.ok().text("url");
    world.t.advance_seconds(601);
    let late = json!({"state": url.split_once("state=").unwrap().1, "code": "code"});
    assert_eq!(world.ada.post(&complete, late).await.invalid(), ["/state"]);
}

#[tokio::test]
async fn without_an_app_of_the_platform_an_installation_says_so() {
    let t = crate::support::Test::new().await;
    let ada = t.user("ada").await;
    let id = ada
        .post(&format!("{PATH}/slack"), json!({"name": "x"}))
        .await
        .created()
        .text("id");
    let begun = ada.post(&format!("{PATH}/slack/{id}/install"), json!({})).await;
    begun.problem(503, "slack_not_configured");
    let site = ada
        .post(&format!("{PATH}/website"), json!({"name": "x"}))
        .await
        .created()
        .text("id");
    let begun = ada.post(&format!("{PATH}/slack/{site}/install"), json!({})).await;
    begun.problem(409, "not_slack");
}

#[tokio::test]
async fn a_mention_is_answered_in_its_thread_with_sources_and_a_second_one_goes_on() {
    let world = SlackWorkspace::open().await;
    let ts = world.ask("How long is the warranty of the lamp?").await;
    let [reply] = &world.thread(&ts)[..] else {
        panic!("{:?}", world.slack.calls())
    };
    assert!(
        reply.text.contains("three years. [1]") && !reply.is_streaming,
        "{reply:?}"
    );
    assert!(
        reply.blocks[0]["elements"][0]["text"]
            .as_str()
            .unwrap()
            .contains("[1] handbook.txt"),
        "{reply:?}"
    );
    assert_eq!(reply.blocks[1]["type"], "context_actions");
    let started = &world.slack.calls_of("chat.startStream")[0];
    assert_eq!(
        (&started["recipient_user_id"], &started["recipient_team_id"]),
        (&json!("U0ADA"), &json!("T1"))
    );
    assert_eq!(
        world.slack.calls_of("assistant.threads.setStatus")[0]["status"],
        "is thinking..."
    );

    let second = world.ts();
    world
        .deliver(&world.mention("And how long are returns free?", &second, Some(&ts)))
        .await
        .ok();
    world.t.drain_all().await;
    assert!(world.thread(&ts)[1].text.contains("30 days"), "{:?}", world.thread(&ts));
    // One conversation, which is not among the creator's own.
    let sessions = |filter: &'static str| world.ada.get(filter);
    assert_eq!(sessions("/api/v1/chat/sessions").await.ok().json(), json!([]));
    let held = sessions("/api/v1/chat/sessions?channel=slack").await.ok().json();
    assert_eq!(held.as_array().unwrap().len(), 1);
    let messages = format!("/api/v1/chat/sessions/{}/messages", held[0]["id"].as_str().unwrap());
    assert_eq!(world.ada.get(&messages).await.ok().json().as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_direct_message_is_answered_and_what_is_not_for_the_bot_is_not() {
    let world = SlackWorkspace::open().await;
    let direct = |ts: &str, more: Value| {
        let mut event = json!({
            "type": "message", "channel": "D1", "channel_type": "im", "user": "U0ADA", "ts": ts,
            "text": "How long is the warranty of the lamp?",
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.event(&event)
    };
    let ts = world.ts();
    for event in [
        direct(&ts, json!({})),
        direct(&world.ts(), json!({"bot_id": "B1"})),
        direct(&world.ts(), json!({"user": slack_double::BOT_USER})),
        direct(&world.ts(), json!({"subtype": "message_changed"})),
        direct(&world.ts(), json!({"channel": "C1", "channel_type": "channel"})),
        world.event(&json!({"type": "reaction_added", "user": "U0ADA"})),
    ] {
        world.deliver(&event).await.ok();
    }
    // Of another workspace, which nobody has connected.
    let mut foreign = direct(&world.ts(), json!({}));
    foreign["team_id"] = json!("T2");
    foreign["authorizations"] = json!([]);
    world.deliver(&foreign).await.ok();
    world.t.drain_all().await;
    assert_eq!(world.slack.calls_of("chat.startStream").len(), 1);
    let [reply] = &world.slack.thread("D1", &ts)[..] else {
        panic!("{:?}", world.slack.calls())
    };
    assert!(reply.text.contains("three years"));
    assert_eq!(
        world.slack.calls_of("chat.startStream")[0].get("recipient_user_id"),
        None
    );
}

#[tokio::test]
async fn a_paused_integration_and_one_without_a_chatbot_do_not_answer() {
    let world = SlackWorkspace::open().await;
    let path = format!("{PATH}/{}", world.integration);
    world.ada.put(&path, json!({"status": "paused"})).await.ok();
    let ts = world.ask("How long is the warranty?").await;
    assert!(world.thread(&ts).is_empty());
    world
        .ada
        .put(&path, json!({"status": "active", "chatbot_id": null}))
        .await
        .ok();
    let ts = world.ask("How long is the warranty?").await;
    let told = world.slack.calls_of("chat.postEphemeral");
    assert!(
        world.thread(&ts).is_empty() && told[0]["text"].as_str().unwrap().contains("No chatbot"),
        "{told:?}"
    );
    // A channel may have one of its own.
    let config = json!({"channels": [{"channel": CHANNEL, "chatbot_id": world.chatbot}]});
    world.ada.put(&path, json!({"config": config})).await.ok();
    let ts = world.ask("How long is the warranty?").await;
    assert!(world.thread(&ts)[0].text.contains("three years"));
    // Without its own, the general one answers there.
    let spare = json!({"name": "Spare", "documents": []});
    let spare = world.ada.post("/api/v1/chatbots", spare).await.created().text("id");
    let config = json!({"channels": [{"channel": CHANNEL, "chatbot_id": spare}]});
    let change = json!({"chatbot_id": world.chatbot, "config": config});
    world.ada.put(&path, change).await.ok();
    world.ada.delete(&format!("/api/v1/chatbots/{spare}")).await.expect(204);
    let ts = world.ask("How long is the warranty?").await;
    assert!(world.thread(&ts)[0].text.contains("three years"));
    // Without any the integration says why it is silent.
    world
        .ada
        .delete(&format!("/api/v1/chatbots/{}", world.chatbot))
        .await
        .expect(204);
    world.ask("How long is the warranty?").await;
    let view = world.view().await;
    assert_eq!(
        (&view["status"], &view["problem"]["code"]),
        (&json!("error"), &json!("chatbot_deleted"))
    );
}

#[tokio::test]
async fn people_outside_see_what_is_published() {
    let world = SlackWorkspace::with_model(MODEL).await;
    let bot = format!("/api/v1/chatbots/{}", world.chatbot);
    world.ada.post(&format!("{bot}/publish"), json!({})).await.ok();
    let draft = json!({"settings": {"system_prompt": "A draft that nobody should see."}});
    world.ada.put(&bot, draft).await.ok();
    world.model.always(Script::text("Three years."));
    world.ask("How long is the warranty?").await;
    let asked = format!(
        "{:?}",
        world
            .model
            .calls()
            .iter()
            .map(|call| call.body.to_string())
            .collect::<Vec<_>>()
    );
    assert!(asked.contains("warranty") && !asked.contains("A draft"), "{asked}");
}

#[tokio::test]
async fn a_rating_is_stored_with_the_answer() {
    let world = SlackWorkspace::open().await;
    let ts = world.ask("How long is the warranty?").await;
    let reply = &world.thread(&ts)[0];
    let button = |name: &str| {
        reply.blocks[1]["elements"][0][name]["value"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let click = |value: &str, thread: &str| {
        json!({
            "type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U0ADA", "team_id": "T1"}, "api_app_id": "A0APP",
            "channel": {"id": CHANNEL}, "message": {"ts": reply.ts, "thread_ts": thread},
            "container": {"type": "message", "message_ts": reply.ts, "channel_id": CHANNEL, "thread_ts": thread},
            "actions": [{"type": "feedback_buttons", "action_id": "parlance_feedback", "value": value}],
        })
        .to_string()
    };
    let rating = || async {
        let held = world.ada.get("/api/v1/chat/sessions?channel=slack").await.ok().json();
        let path = format!("/api/v1/chat/sessions/{}/messages", held[0]["id"].as_str().unwrap());
        world.ada.get(&path).await.ok().json()[1]["feedback"]["rating"].clone()
    };
    for (value, thread, expected) in [
        ("up:unknown", ts.as_str(), Value::Null),
        (&button("negative_button"), "1.1", Value::Null),
        (&button("negative_button"), &ts, json!("down")),
        (&button("positive_button"), &ts, json!("up")),
        ("sideways", &ts, json!("up")),
    ] {
        world
            .deliver_form(CLICKS, &[("payload", &click(value, thread))])
            .await
            .ok();
        world.t.drain_all().await;
        assert_eq!(rating().await, expected, "{value}");
    }
}

#[tokio::test]
async fn a_command_is_answered_to_its_person_once() {
    let world = SlackWorkspace::open().await;
    let url = format!("{}/commands/one", world.slack.url());
    let command = |text: &'static str, trigger: &'static str, url: String| {
        let world = &world;
        async move {
            let fields = [
                ("team_id", "T1"),
                ("channel_id", CHANNEL),
                ("user_id", "U0ADA"),
                ("command", "/ask"),
                ("text", text),
                ("trigger_id", trigger),
                ("response_url", &url),
            ];
            let answer = world.deliver_form(COMMANDS, &fields).await.ok().json();
            world.t.drain_all().await;
            answer
        }
    };
    let answer = command("How long is the warranty?", "1.1.a", url.clone()).await;
    assert_eq!(
        (&answer["response_type"], &answer["text"]),
        (&json!("ephemeral"), &json!("I am looking for the answer."))
    );
    command("How long is the warranty?", "1.1.a", url.clone()).await;
    let [responded] = &world.slack.calls_of("response_url")[..] else {
        panic!("{:?}", world.slack.calls())
    };
    assert_eq!(responded["message"]["response_type"], "ephemeral");
    assert!(
        responded["message"]["blocks"][0]["text"]
            .as_str()
            .unwrap()
            .contains("three years"),
        "{responded}"
    );
    command("", "1.1.b", url).await;
    assert!(
        world.slack.calls_of("response_url")[1]["message"]["text"]
            .as_str()
            .unwrap()
            .starts_with("Ask me")
    );
    // Nothing is sent to other hosts, whoever signs the address.
    let elsewhere = world.t.stack.url();
    command(
        "How long is the warranty?",
        "1.1.c",
        format!("{elsewhere}/api/v1/auth/register"),
    )
    .await;
    command(
        "How long is the warranty?",
        "1.1.d",
        "https://hooks.slack.com.evil.example/x".to_owned(),
    )
    .await;
    assert_eq!(world.slack.calls_of("response_url").len(), 2);
    let held = world.ada.get("/api/v1/chat/sessions?channel=all").await.ok().json();
    assert_eq!(held, json!([]), "a command is no conversation");
}

#[tokio::test]
async fn the_assistant_pane_greets_and_suggests() {
    let world = SlackWorkspace::open().await;
    let bot = format!("/api/v1/chatbots/{}", world.chatbot);
    let settings = json!({"settings": {"welcome_message": "Hello <!channel>", "suggested_questions": ["a?", "b?", "c?", "d?", "e?"]}});
    world.ada.put(&bot, settings).await.ok();
    let thread = json!({"user_id": "U0ADA", "channel_id": "D1", "thread_ts": "1.2", "context": {}});
    let event = world.event(&json!({"type": "assistant_thread_started", "assistant_thread": thread}));
    for _ in 0..3 {
        world.deliver(&event).await.ok();
    }
    world.t.drain_all().await;
    let texts: Vec<_> = world.slack.thread("D1", "1.2").into_iter().map(|it| it.text).collect();
    assert_eq!(texts, ["Hello <\u{200b}!channel>"]);
    let prompts = world.slack.calls_of("assistant.threads.setSuggestedPrompts");
    assert_eq!((prompts.len(), prompts[0]["prompts"].as_array().unwrap().len()), (1, 4));
}

#[tokio::test]
async fn an_app_that_is_removed_is_disconnected_and_a_late_event_disconnects_no_new_one() {
    let world = SlackWorkspace::open().await;
    let removed = world.event(&json!({"type": "app_uninstalled"}));
    world.t.advance_seconds(60);
    world.deliver(&removed).await.ok();
    world.t.drain_all().await;
    assert_eq!(world.view().await["status"], "active", "installed after the removal");
    let users = json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}});
    world.deliver(&world.event(&users)).await.ok();
    world.t.drain_all().await;
    assert_eq!(world.view().await["status"], "active");
    world
        .deliver(&world.event(&json!({"type": "app_uninstalled"})))
        .await
        .ok();
    world.t.drain_all().await;
    let view = world.view().await;
    assert_eq!(
        (&view["status"], &view["problem"]["code"]),
        (&json!("disconnected"), &json!("app_removed"))
    );
    assert_eq!(view["workspace"], Value::Null);
    let ts = world.ask("How long is the warranty?").await;
    assert!(world.thread(&ts).is_empty());
    world.install(&world.ada, &world.integration, "T1").await.ok();
    let ts = world.ask("How long is the warranty?").await;
    assert_eq!(world.thread(&ts).len(), 1);
    // A workspace that tells of dropped events goes on.
    let limited = json!({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1, "api_app_id": "A0APP"});
    world.deliver(&limited).await.ok();
    world.t.drain_all().await;
    let view = world.view().await;
    assert_eq!(
        (&view["status"], &view["problem"]["code"]),
        (&json!("active"), &json!("events_dropped"))
    );
}

#[tokio::test]
async fn a_file_that_is_shared_is_read_in_its_thread_only() {
    let world = SlackWorkspace::open().await;
    let path = format!("{PATH}/{}", world.integration);
    let file = |name: &str, url: String| json!({"id": "F1", "name": name, "size": 60, "url_private_download": url});
    {
        let mut workspace = world.slack.workspace();
        workspace.files.insert(
            "kettle".to_owned(),
            b"The Aurora kettle boils a litre of water in 150 seconds.".to_vec(),
        );
        workspace.files.insert("film".to_owned(), b"x".to_vec());
    }
    let shared = |ts: &str, thread: Option<&str>, text: &str, files: Value| {
        let mut event = world.mention(text, ts, thread);
        event["event"]["files"] = files;
        event
    };
    let kettle = || json!([file("kettle.txt", format!("{}/files/kettle", world.slack.url()))]);
    let question = "How fast does the Aurora kettle boil a litre of water?";
    // Not without the permission of who set it up.
    let ts = world.ts();
    world.deliver(&shared(&ts, None, question, kettle())).await.ok();
    world.t.drain_all().await;
    assert!(!world.thread(&ts)[0].text.contains("150 seconds"));
    let ada = world.ada.sign_in_again().await;
    ada.put(&path, json!({"config": {"read_files": true}})).await.ok();

    let ts = world.ts();
    let event = shared(&ts, None, question, kettle());
    for _ in 0..2 {
        world.deliver(&event).await.ok();
    }
    world.t.drain_all().await;
    let [reply] = &world.thread(&ts)[..] else {
        panic!("{:?}", world.slack.calls())
    };
    assert!(reply.text.contains("150 seconds. [1]"), "{reply:?}");
    // A later message of the thread knows it, another thread does not.
    let later = world.ts();
    world.deliver(&world.mention(question, &later, Some(&ts))).await.ok();
    let elsewhere = world.ask(question).await;
    assert!(world.thread(&ts)[1].text.contains("150 seconds"));
    assert!(!world.thread(&elsewhere)[0].text.contains("150 seconds"));
    let documents = world
        .ada
        .sign_in_again()
        .await
        .get("/api/v1/documents?tag=slack")
        .await
        .ok()
        .json();
    assert_eq!(documents.as_array().unwrap().len(), 1, "read once");

    // What cannot be read is named; addresses of other hosts are not called.
    let files = json!([
        file("film.mov", format!("{}/files/film", world.slack.url())),
        file("passwd.txt", format!("{}/health", world.t.stack.url())),
    ]);
    let ts = world.ts();
    world.deliver(&shared(&ts, None, "", files)).await.ok();
    world.t.drain_all().await;
    assert_eq!(world.thread(&ts)[0].text, "I could not read film.mov, passwd.txt.");
}

#[tokio::test]
async fn a_token_that_slack_refuses_is_reported() {
    let world = SlackWorkspace::open().await;
    let hook = json!({"url": world.receiver.url("/hook"), "events": ["integration.error"]});
    world.ada.post("/api/v1/webhooks", hook).await.created();
    world.slack.next("chat.startStream", Fault::Refused("token_revoked"));
    let ts = world.ask("How long is the warranty?").await;
    assert!(world.thread(&ts).is_empty());
    let view = world.view().await;
    assert_eq!(
        (&view["status"], &view["problem"]["code"]),
        (&json!("error"), &json!("token_revoked"))
    );
    let entries = world.ada.get("/api/v1/audit_logs").await.ok().json();
    assert!(entries.to_string().contains("integration.failed"));
    // Told once, although another message fails for the same reason.
    world.slack.next("chat.startStream", Fault::Refused("token_revoked"));
    world.ask("How long is the warranty?").await;
    let received = world.receiver.received();
    let told: Vec<Value> = received.iter().map(|event| event.json()["data"].clone()).collect();
    let [told] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        (&told["integration_id"], &told["code"]),
        (&json!(world.integration), &json!("token_revoked"))
    );
    assert_eq!(told["integration_type"], "slack");
}

#[tokio::test]
async fn a_secret_that_is_copied_elsewhere_opens_nothing() {
    let world = SlackWorkspace::open().await;
    let bob = world.t.talker("bob").await;
    let bot = bob.chatbot(&[]).await;
    let other = json!({"name": "Slack", "chatbot_id": bot});
    let other = bob.post(&format!("{PATH}/slack"), other).await.created().text("id");
    world.install(&bob, &other, "T2").await.ok();
    // The encrypted token of the one is put into the item of the other.
    world
        .t
        .copy_attribute(
            (&format!("O#{}", world.ada.org()), &format!("I#{}", world.integration)),
            (&format!("O#{}", bob.org()), &format!("I#{other}")),
            "bot_token",
        )
        .await;
    let mut event = world.mention("Hello?", &world.ts(), None);
    event["team_id"] = json!("T2");
    event["authorizations"] = json!([]);
    let calls = world.slack.calls().len();
    world.deliver(&event).await.ok();
    world.t.drain().await;
    assert_eq!(
        world.slack.calls().len(),
        calls,
        "nothing was called with the stolen token"
    );
    let signed = world.post_signed(EVENTS, b"{}", SIGNING_SECRET, world.now()).await;
    signed.ok();
}
