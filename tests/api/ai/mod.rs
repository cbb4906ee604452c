//! `/api/v1/ai`: one message and its answer, in a chat session or without.

pub(crate) mod embeddings;
pub(crate) mod models;
pub(crate) mod openai;
pub(crate) mod providers;

use model_double::{Counts, End, Finish, Gate, Script, Step};
use serde_json::{Value, json};

use crate::api::ai::openai::with_model;
use crate::support::{Caller, Frame, Stream, Test};

const CHAT: &str = "/api/v1/ai/chat";

/// Tokens of the day: used and reserved.
async fn day(caller: &Caller) -> (u64, u64) {
    let limits = caller.get("/api/v1/tokens/limits").await.ok().json();
    let of = |name: &str| limits["limits"][0][name].as_u64().unwrap();
    (of("used"), of("reserved"))
}

#[tokio::test]
async fn a_message_is_answered_and_nothing_is_kept_of_it_but_what_it_cost() {
    let (model, _t, ada) = with_model().await;
    model.next(Script::text("Hello there!"));
    let answer = ada
        .post(
            CHAT,
            json!({"message": "Hello, AI!", "model": "gemini", "stream": false}),
        )
        .await
        .ok()
        .json();
    assert_eq!(
        (
            &answer["content"],
            &answer["model"],
            &answer["provider"],
            &answer["finish_reason"]
        ),
        (
            &json!("Hello there!"),
            &json!("gemini-2.5-flash"),
            &json!("gemini"),
            &json!("stop")
        )
    );
    let (totals, usage) = (model.totals(), &answer["usage"]);
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(totals.prompt_tokens), &json!(2))
    );
    assert!(answer["cost_micro_usd"].is_u64() && answer["id"].is_string());
    assert_eq!(
        (&answer["requested_model"], &answer["fallback"], &answer["session_id"]),
        (&Value::Null, &json!(false), &Value::Null)
    );
    assert_eq!(day(&ada).await, (totals.prompt_tokens + 2, 0));
    assert_eq!(ada.get("/api/v1/chat/sessions").await.ok().json(), json!([]));
}

#[tokio::test]
async fn a_stream_has_the_frames_that_the_document_shows() {
    let (model, _t, ada) = with_model().await;
    let message = json!({"message": "Hello, AI!", "model": "gemini"});
    model.always(Script::text("Hello there !"));
    let accepting = ada.with_header("accept", "text/event-stream");
    for (caller, path) in [(&ada, "/api/v1/ai/chat/stream"), (&accepting, CHAT)] {
        let answer = caller.post(path, message.clone()).await.ok();
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let frames = answer.frames();
        assert_eq!(
            frames[..3],
            [
                r#"{"content":"Hello"}"#,
                r#"{"content":" there"}"#,
                r#"{"content":" !"}"#
            ]
        );
        let last: Value = serde_json::from_str(&frames[3]).unwrap();
        assert_eq!(
            (
                &last["content"],
                &last["model"],
                &last["provider"],
                &last["usage"]["completion_tokens"]
            ),
            (&json!(""), &json!("gemini-2.5-flash"), &json!("gemini"), &json!(3))
        );
        assert_eq!((&last["sources"], frames[4].as_str()), (&json!([]), "[DONE]"));
        assert_eq!(frames.len(), 5);
    }
    let frames = ada.stream(CHAT, message).await.rest().await;
    let ids: Vec<&str> = frames.iter().map(|frame| frame.id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", ""]);
}

#[tokio::test]
async fn how_an_answer_is_wanted_reaches_the_model() {
    let (model, t, ada) = with_model().await;
    let tuned = |model: &str| json!({"message": "Hello?", "model": model, "system_prompt": "In French.", "max_tokens": 33, "temperature": 0.5});
    ada.post(CHAT, tuned("gpt-4o-mini")).await.ok();
    let call = model.calls().pop().unwrap();
    assert_eq!(
        call.body["messages"],
        json!([{"role": "system", "content": "In French."}, {"role": "user", "content": "Hello?"}])
    );
    assert_eq!(
        (&call.body["temperature"], &call.body["max_tokens"]),
        (&json!(0.5), &json!(33))
    );
    // A chatbot's own instructions come first, and its own limit holds.
    let settings = json!({"model": "gpt-4o-mini", "systemPrompt": "Be kind.", "maxTokens": 20, "temperature": 0.1});
    let bot = json!({"name": "Bot", "settings": settings});
    let bot = ada.post("/api/chatbots", bot).await.created().text("id");
    ada.post(CHAT, tuned(&format!("chatbot/{bot}"))).await.ok();
    let call = model.calls().pop().unwrap();
    assert_eq!(call.body["messages"][0]["content"], "Be kind.\n\nIn French.");
    assert_eq!(
        (&call.body["temperature"], &call.body["max_tokens"]),
        (&json!(0.5), &json!(20))
    );
    drop(t);
}

#[tokio::test]
async fn with_a_session_the_turn_is_kept_and_what_was_said_before_is_known() {
    let (model, t, ada) = with_model().await;
    let session = json!({"title": "A talk", "model": "gpt-4o-mini"});
    let session = ada
        .post("/api/v1/chat/sessions", session)
        .await
        .created()
        .text("session_id");
    let say = |text: &str| json!({"message": text, "session_id": session, "system_prompt": "Be brief."});
    model.next(Script::text("One."));
    let first = ada.post(CHAT, say("Count.")).await.ok().json();
    assert_eq!(
        (&first["content"], &first["session_id"], &first["model"]),
        (&json!("One."), &json!(session), &json!("gpt-4o-mini"))
    );
    model.next(Script::text("Two."));
    let frames = ada.post("/api/v1/ai/chat/stream", say("On.")).await.ok().frames();
    let last: Value = serde_json::from_str(&frames[frames.len() - 2]).unwrap();
    let told: Vec<Value> = model.calls()[1].body["messages"].as_array().unwrap().clone();
    let told: Vec<&str> = told
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["Be brief.", "Count.", "One.", "On."]);
    let listed = ada
        .get(&format!("/api/v1/chat/sessions/{session}/messages"))
        .await
        .ok()
        .json();
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert_eq!(
        (&listed[1]["id"], &listed[3]["id"]),
        (&first["id"], &last["message_id"])
    );
    // A chatbot has sessions of its own.
    let other = json!({"message": "And?", "session_id": session, "model": "chatbot/any"});
    assert_eq!(ada.post(CHAT, other).await.invalid(), ["/model"]);
    // It is Ada's alone.
    let eve = t.user("eve").await;
    for path in [CHAT, "/api/v1/ai/chat/stream"] {
        eve.post(path, say("Mine?")).await.problem(404, "not_found");
    }
    // One answer of a session is written at a time.
    let gate = Gate::default();
    model.next(Script::text("Slow").paced(&gate));
    let mut stream = ada.stream(CHAT, say("Slowly?")).await;
    ada.post(CHAT, say("And?")).await.problem(409, "answer_in_progress");
    gate.open(1);
    assert_eq!(stream.next().await.unwrap().content(), "Slow");
    drop(stream.rest().await);
}

#[tokio::test]
async fn a_chatbot_answers_from_its_documents_to_its_own_organization() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let text = "The warranty of a grinder is two years. Returns take thirty days.";
    let document = ada.upload("terms.txt", text).await.created().text("id");
    t.drain().await;
    let bot = ada.chatbot(&[&document]).await;
    let asked = json!({"message": "How long is the warranty of a grinder?", "model": format!("chatbot/{bot}")});
    let answer = ada.post(CHAT, asked.clone()).await.ok().json();
    let content = answer["content"].as_str().unwrap();
    assert!(content.contains("two years") && content.contains("[1]"), "{content}");
    assert_eq!(
        (&answer["sources"][0]["document_id"], &answer["model"]),
        (&json!(document), &json!("local"))
    );
    eve.post(CHAT, asked.clone()).await.problem(404, "not_found");
    ada.delete(&format!("/api/chatbots/{bot}")).await.expect(204);
    ada.post(CHAT, asked).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_the_place_where_it_is_wrong() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for (body, pointer) in [
        (json!({}), "/message"),
        (json!({"message": " "}), "/message"),
        (json!({"message": 1}), "/message"),
        (json!({"message": "a", "model": ""}), "/model"),
        (json!({"message": "a", "max_tokens": 0}), "/max_tokens"),
        (json!({"message": "a", "temperature": 2.1}), "/temperature"),
    ] {
        for path in [CHAT, "/api/v1/ai/chat/stream"] {
            assert_eq!(ada.post(path, body.clone()).await.invalid(), [pointer], "{body}");
        }
    }
    t.anonymous()
        .post(CHAT, json!({"message": "a"}))
        .await
        .problem(401, "credentials_required");
}

#[tokio::test]
async fn a_key_asks_what_its_scopes_and_its_list_of_models_allow() {
    let (model, _t, ada) = with_model().await;
    let settings = json!({"model": "gpt-4o-mini"});
    let bot = json!({"name": "Bot", "settings": settings});
    let bot = ada.post("/api/chatbots", bot).await.created().text("id");
    let chatbot = format!("chatbot/{bot}");
    let key = |scope: &str, models: Value| {
        let (ada, key) = (ada.clone(), json!({"name": "Key", "scopes": [scope], "models": models}));
        async move { ada.with_token(&ada.api_key(key).await.text("key")) }
    };
    let ask = |caller: &Caller, model: &str| {
        let (caller, body) = (caller.clone(), json!({"message": "Hello?", "model": model}));
        async move { caller.post(CHAT, body).await }
    };
    let reader = key("chats:read", Value::Null).await;
    ask(&reader, "gpt-4o-mini").await.problem(403, "scope_required");
    reader.get("/api/v1/ai/models").await.problem(403, "scope_required");

    let mini = key("chats:write", json!(["gpt-4o-mini"])).await;
    for named in ["gpt-4o-mini", "openai/gpt-4o-mini", &chatbot] {
        ask(&mini, named).await.ok();
    }
    ask(&mini, "gpt-4o").await.problem(403, "model_not_allowed");
    ask(&mini, "azure/gpt-4o-mini").await.problem(403, "model_not_allowed");

    // Nor does a chatbot get a model for a key that it may not ask itself.
    let maker = key("chatbots:write", json!([chatbot, "gpt-4o-mini"])).await;
    let path = format!("/api/chatbots/{bot}");
    let dear = json!({"settings": {"model": "gpt-4o"}});
    maker.put(&path, dear).await.problem(403, "model_not_allowed");
    let dear = json!({"name": "Dear", "settings": {"model": "gpt-4o"}});
    maker
        .post("/api/chatbots", dear)
        .await
        .problem(403, "model_not_allowed");
    let known = json!({"settings": {"model": "openai/gpt-4o-mini", "top_k": 3}});
    maker.put(&path, known).await.ok();

    // Who may ask the chatbot need not know its model; the model alone stays out of reach.
    let only = key("chats:write", json!([chatbot])).await;
    ask(&only, &chatbot).await.ok();
    ask(&only, "gpt-4o-mini").await.problem(403, "model_not_allowed");
    let session = json!({"chatbot_id": bot, "title": "A talk"});
    let session = only.post("/api/v1/chat/sessions", session).await.created().text("id");
    only.ask(&session, "Hello?").await.ok();
    let other = json!({"content": "Hello?", "model": "gpt-4o"});
    only.post(&format!("/api/chat/sessions/{session}/messages"), other)
        .await
        .problem(403, "model_not_allowed");
    assert_eq!(model.totals().calls, 5);

    let names = |models: Value| -> Vec<String> {
        let models = models.as_array().unwrap().clone();
        models
            .iter()
            .map(|model| model["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(mini.get("/api/v1/ai/models").await.ok().json()), ["gpt-4o-mini"]);
    let all = ada.get("/api/v1/ai/models").await.ok().json();
    let flash = all
        .as_array()
        .unwrap()
        .iter()
        .find(|model| model["id"] == "gemini-2.5-flash")
        .unwrap();
    assert_eq!(
        (&flash["provider"], &flash["aliases"][0]),
        (&json!("gemini"), &json!("gemini"))
    );
    assert!(flash["context_tokens"].as_u64() > Some(100_000) && flash["input_micro_usd_per_million"].is_u64());
    assert!(names(all).contains(&"local".to_owned()));
}

#[tokio::test]
async fn a_limit_and_a_provider_that_fails_are_told_before_the_stream_begins() {
    let (model, _t, ada) = with_model().await;
    let hello = json!({"message": "Hello?", "model": "gpt-4o-mini"});
    model.next(Script::refuse(401, "invalid_api_key"));
    ada.post("/api/v1/ai/chat/stream", hello.clone())
        .await
        .problem(503, "provider_key_refused");
    model.next(Script::text("Half an").then(Step::Cut));
    let frames = ada.stream(CHAT, hello.clone()).await.rest().await;
    let last: &Frame = frames.last().unwrap();
    assert_eq!(
        (last.event.as_str(), &last.json()["code"]),
        ("error", &json!("provider_answer_cut"))
    );
    model.next(Script::text("Cut short").ending(Finish::Length));
    let answer = ada.post(CHAT, hello.clone()).await.ok();
    assert_eq!(answer.text("finish_reason"), "length");

    ada.put("/api/v1/users/me/quota", json!({"daily_limit": 20})).await.ok();
    let calls = model.totals().calls;
    for path in [CHAT, "/api/v1/ai/chat/stream"] {
        let problem = ada.post(path, hello.clone()).await;
        assert!(problem.header("retry-after").parse::<u64>().unwrap() > 0);
        let problem = problem.problem(429, "token_limit");
        assert_eq!(problem["limit"]["limit"], 20, "{problem}");
    }
    assert_eq!(model.totals().calls, calls, "nobody was asked");
}

#[tokio::test]
async fn who_leaves_a_stream_ends_the_call_and_pays_for_what_was_written() {
    let (model, t, ada) = with_model().await;
    let gate = Gate::default();
    model.next(Script::tokens(50).paced(&gate));
    gate.open(1);
    let mut stream: Stream = ada
        .stream(CHAT, json!({"message": "Hello?", "model": "gpt-4o-mini"}))
        .await;
    for _ in 0..2 {
        stream.next().await.unwrap();
        gate.open(1);
    }
    stream.next().await.unwrap();
    drop(stream);
    model.until(|calls| calls[0].end == Some(End::Closed)).await;
    t.stack.idle().await;
    let (used, reserved) = day(&ada).await;
    let prompt = model.totals().prompt_tokens;
    assert!(
        (prompt + 3..=prompt + 12).contains(&used) && reserved == 0,
        "{used} used, {reserved} reserved, of {prompt}"
    );
}

/// Whatever a provider tells or does, the books hold.
#[tokio::test]
async fn a_provider_that_tells_nonsense_or_does_not_end_breaks_no_book() {
    let (model, t, ada) = with_model().await;
    let hello = json!({"message": "Hello?", "model": "gpt-4o-mini", "max_tokens": 10});
    let counts = Counts {
        prompt: u64::MAX / 2,
        cached: u64::MAX / 2,
        completion: u64::MAX / 2,
        ..Counts::default()
    };
    model.next(Script::text("Hello").usage(counts));
    let answer = ada.post(CHAT, hello.clone()).await.ok().json();
    let told = answer["usage"]["total_tokens"].as_u64().unwrap();
    assert!(
        (3..100).contains(&told) && answer["usage"]["estimated"] == true,
        "{answer}"
    );
    assert_eq!(day(&ada).await, (told, 0));

    let eve = t.user("eve").await;
    model.next(Script::text("Hello there").usage(Counts::default()));
    let answer = eve.post(CHAT, hello.clone()).await.ok().json();
    let told = answer["usage"]["total_tokens"].as_u64().unwrap();
    assert!(told > 3 && answer["usage"]["estimated"] == true, "{answer}");

    // An answer of ten tokens has at most so many bytes.
    let line = "x".repeat(1_000);
    model.next(Script::of(vec![Step::Raw(piece(&line)); 100]));
    let answer = eve.post(CHAT, hello).await.ok().json();
    assert_eq!(answer["finish_reason"], "length");
    assert!(answer["content"].as_str().unwrap().len() < 8_000);
    assert_eq!(day(&eve).await.1, 0);
}

/// A piece of an answer as its vendor streams it; the double does not count it.
fn piece(text: &str) -> Vec<u8> {
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    format!("data: {chunk}\n\n").into_bytes()
}
