//! One reply to each message, whatever is delivered how often and whatever fails.

use model_double::{Gate, Script};
use serde_json::json;
use slack_double::Fault;

use super::PATH;
use crate::support::{CHANNEL, SlackWorkspace, rounds, slack_workspace::MODEL};

const QUESTION: &str = "How long is the warranty?";

#[tokio::test]
async fn two_hundred_deliveries_doubled_and_shuffled_are_one_reply_each() {
    let world = SlackWorkspace::open().await;
    let mut bodies = Vec::new();
    for _ in 0..rounds().clamp(10, 50) {
        let ts = world.ts();
        let mention = world.mention(QUESTION, &ts, None);
        // The same event again, and another event about the same message.
        let again = world.mention(QUESTION, &ts, None);
        bodies.extend([
            (ts.clone(), mention.clone()),
            (ts.clone(), mention),
            (ts.clone(), again.clone()),
            (ts, again),
        ]);
    }
    let count = bodies.len();
    for step in 0..count {
        bodies.swap(step, (step * 7 + 3) % count);
    }
    let sent = bodies.iter().map(|(_, body)| world.deliver(body));
    for answer in futures::future::join_all(sent).await {
        answer.ok();
    }
    world.t.drain_all().await;
    for (ts, _) in &bodies {
        assert_eq!(world.thread(ts).len(), 1, "{ts}");
    }
    let held = world.held().await;
    assert_eq!(held.as_array().unwrap().len(), count / 4);
}

#[tokio::test]
async fn messages_of_one_thread_are_answered_one_after_another() {
    let world = SlackWorkspace::open().await;
    let first = world.ts();
    let mut events = vec![world.mention(QUESTION, &first, None)];
    for _ in 0..5 {
        events.push(world.mention(QUESTION, &world.ts(), Some(&first)));
    }
    for answer in futures::future::join_all(events.iter().map(|event| world.deliver(event))).await {
        answer.ok();
    }
    world.t.drain_all().await;
    assert_eq!(world.thread(&first).len(), 6);
    let held = world.held().await;
    assert_eq!(held.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_delivery_that_fails_is_repeated_without_a_second_reply() {
    for (method, fault) in [
        ("chat.startStream", Fault::LostResponse),
        ("chat.startStream", Fault::Broken),
        ("chat.startStream", Fault::RateLimited(900)),
        (
            "chat.startStream",
            Fault::Refused("method_not_supported_for_channel_type"),
        ),
        ("chat.appendStream", Fault::LostResponse),
        ("chat.stopStream", Fault::LostResponse),
        ("chat.stopStream", Fault::Broken),
        ("assistant.threads.setStatus", Fault::Refused("missing_scope")),
    ] {
        let world = SlackWorkspace::open().await;
        world.slack.next(method, fault);
        let ts = world.ask(QUESTION).await;
        let replies = world.thread(&ts);
        assert_eq!(replies.len(), 1, "{method} {fault:?} {:?}", world.slack.calls());
        assert!(replies[0].text.contains("three years"), "{method} {fault:?}");
        let stored = world.messages().await;
        assert_eq!(stored.as_array().unwrap().len(), 2, "{method} {fault:?}: one turn");
    }
}

#[tokio::test]
async fn a_reply_that_may_have_been_posted_is_not_repeated_if_the_thread_cannot_be_read() {
    let world = SlackWorkspace::open().await;
    world.slack.workspace().cannot_read = true;
    world.slack.next("chat.startStream", Fault::LostResponse);
    let ts = world.ask(QUESTION).await;
    assert_eq!(world.thread(&ts).len(), 1);
}

#[tokio::test]
async fn a_post_whose_response_is_lost_is_found_in_the_thread() {
    let world = SlackWorkspace::open().await;
    world
        .slack
        .next("chat.startStream", Fault::Refused("feature_not_enabled"));
    world.slack.next("chat.postMessage", Fault::LostResponse);
    let ts = world.ask(QUESTION).await;
    let [reply] = &world.thread(&ts)[..] else {
        panic!("{:?}", world.slack.calls())
    };
    assert!(
        reply.text.contains("three years") && reply.blocks.len() == 2,
        "{reply:?}"
    );
    assert_eq!(reply.metadata["event_payload"]["question"], json!(ts));
}

#[tokio::test]
async fn a_long_answer_with_code_arrives_whole() {
    let world = SlackWorkspace::with_model(MODEL).await;
    let step = |number| {
        let code = format!("let line_{number} = 1; // 漢字\n").repeat(6);
        format!(
            "Step {number}: {}\n\n```rust\n{code}```\n\n",
            "do this and that ".repeat(12)
        )
    };
    let text: String = (0..90).map(step).collect();
    assert!(text.chars().count() > 30_000);
    world.model.always(Script::text(&text));
    let bot = format!("/api/v1/chatbots/{}", world.chatbot);
    world
        .ada
        .put(&bot, json!({"settings": {"max_tokens": 32_000}}))
        .await
        .ok();
    let ts = world.ask(QUESTION).await;
    let replies = world.thread(&ts);
    assert!(replies.len() >= 3, "{replies:?}");
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("```"));
        lines.map(|line| line.trim_end().to_owned()).collect()
    };
    let shown: Vec<String> = replies.iter().flat_map(|reply| lines(&reply.text)).collect();
    assert_eq!(shown, lines(&text));
    for reply in &replies {
        let fences = reply.text.lines().filter(|line| line.starts_with("```")).count();
        assert!(fences % 2 == 0 && !reply.is_streaming, "{}", reply.text);
    }
    assert!(
        replies
            .last()
            .unwrap()
            .blocks
            .iter()
            .any(|block| block["type"] == "context_actions")
    );
}

#[tokio::test]
async fn a_stream_that_ends_halfway_is_finished_by_a_post() {
    let world = SlackWorkspace::with_model(MODEL).await;
    world.slack.workspace().stream_lasts = Some(0);
    let gate = Gate::default();
    world
        .model
        .always(Script::text("one two three four five six").paced(&gate));
    let ts = world.ts();
    world.deliver(&world.mention(QUESTION, &ts, None)).await.ok();
    let worker = world.t.drain();
    let writer = async {
        gate.open(2);
        // The beginning is shown before the rest is written.
        world
            .slack
            .until(|calls| calls.iter().any(|call| call.method == "chat.startStream"))
            .await;
        gate.open(100);
    };
    futures::future::join(worker, writer).await;
    world.t.drain_all().await;
    let replies = world.thread(&ts);
    let text: String = replies.iter().map(|reply| reply.text.as_str()).collect();
    assert_eq!(text, "one two three four five six", "{replies:?}");
    assert_eq!(replies.len(), 2);
    assert!(
        replies[1].blocks.iter().any(|block| block["type"] == "context_actions"),
        "{replies:?}"
    );
}

#[tokio::test]
async fn a_model_that_fails_is_told_in_the_thread_and_a_limit_to_the_person_only() {
    let world = SlackWorkspace::with_model(MODEL).await;
    world.model.always(Script::refuse(500, "overloaded"));
    let ts = world.ask(QUESTION).await;
    let [told] = &world.thread(&ts)[..] else {
        panic!("{:?}", world.slack.calls())
    };
    assert!(told.text.contains("could not get an answer"), "{told:?}");
    world.model.always(Script::text("Three years."));
    let bot = format!("/api/v1/chatbots/{}", world.chatbot);
    world
        .ada
        .put(&bot, json!({"settings": {"daily_token_cap": 1}}))
        .await
        .ok();
    let ts = world.ask(QUESTION).await;
    assert!(world.thread(&ts).is_empty());
    let told = world.slack.calls_of("chat.postEphemeral");
    assert_eq!((told.len(), &told[0]["user"]), (1, &json!("U0ADA")));
    assert!(told[0]["text"].as_str().unwrap().contains("limit"), "{told:?}");
}

#[tokio::test]
async fn a_question_with_a_file_is_counted_once_however_often_it_is_delivered() {
    let world = SlackWorkspace::open().await;
    let path = format!("{PATH}/{}", world.integration);
    let config = json!({"daily_questions": 1, "read_files": true});
    world.ada.put(&path, json!({"config": config})).await.ok();
    world.slack.workspace().files.insert(
        "a".to_owned(),
        b"The Aurora kettle boils a litre in 150 seconds.".to_vec(),
    );
    let ts = world.ts();
    let mut event = world.mention("How fast does the Aurora kettle boil a litre?", &ts, None);
    event["event"]["files"] =
        json!([{"id": "F1", "name": "a.txt", "size": 50, "url_private": format!("{}/files/a", world.slack.url())}]);
    world.deliver(&event).await.ok();
    world.t.drain_all().await;
    assert!(
        world.thread(&ts)[0].text.contains("150 seconds"),
        "{:?}",
        world.slack.calls()
    );
}

#[tokio::test]
async fn an_interrupted_answer_leaves_no_more_messages_than_its_text_needs() {
    let world = SlackWorkspace::open().await;
    // The stream ends early and the rest is posted, but nothing of that is known to the next delivery.
    world.slack.next("chat.startStream", Fault::LostResponse);
    let ts = world.ts();
    {
        let mut workspace = world.slack.workspace();
        workspace.say_as_bot(CHANNEL, &ts, "a part of an earlier attempt");
    }
    world.deliver(&world.mention(QUESTION, &ts, None)).await.ok();
    world.t.drain_all().await;
    let replies = world.thread(&ts);
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert!(replies[0].text.contains("three years"), "{replies:?}");
}

#[tokio::test]
async fn one_person_asks_no_more_than_allowed_and_others_still_can() {
    let world = SlackWorkspace::open().await;
    let path = format!("{PATH}/{}", world.integration);
    world
        .ada
        .put(&path, json!({"config": {"daily_questions": 2}}))
        .await
        .ok();
    let mut replies = 0;
    for _ in 0..4 {
        replies += world.thread(&world.ask(QUESTION).await).len();
    }
    assert_eq!(replies, 2);
    assert_eq!(world.slack.calls_of("chat.postEphemeral").len(), 2);
    let ts = world.ts();
    let mut event = world.mention(QUESTION, &ts, None);
    event["event"]["user"] = json!("U0BOB");
    world.deliver(&event).await.ok();
    world.t.drain_all().await;
    assert_eq!(world.slack.thread(CHANNEL, &ts).len(), 1);
    // A day later there is room again.
    world.t.advance_seconds(24 * 3600);
    assert_eq!(world.thread(&world.ask(QUESTION).await).len(), 1);
}
