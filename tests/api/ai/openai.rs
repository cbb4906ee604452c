//! `/v1`: what clients of `OpenAI`'s API need. `make test-sdk` has its own clients call it.

use std::collections::BTreeMap;

use futures::future::join_all;
use model_double::{Finish, ModelDouble, Script, Step};
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test, statuses};

const CHAT: &str = "/v1/chat/completions";
const MODEL: &str = "gpt-4o-mini";

pub(crate) async fn with_model() -> (ModelDouble, Test, Caller) {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    (model, t, ada)
}

fn hello() -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": "Hello?"}]})
}

pub(crate) fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// An error in that API's shape; its sentence.
#[track_caller]
pub(crate) fn refused(answer: Answer, status: u16, kind: &str, param: Option<&str>, code: &str) -> String {
    let answer = answer.expect(status);
    let error = answer.json()["error"].clone();
    assert_eq!(
        (&error["type"], &error["param"], &error["code"]),
        (&json!(kind), &json!(param), &json!(code)),
        "{error}"
    );
    assert!(!answer.header("x-request-id").is_empty());
    error["message"].as_str().unwrap().to_owned()
}

pub(crate) const REFUSED: &str = "invalid_request_error";

#[tokio::test]
async fn messages_are_answered_in_the_shape_that_clients_know() {
    let (model, _t, ada) = with_model().await;
    model.next(Script::text("Grüße 🍵.").ending(Finish::Length));
    let messages = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "One."},
        {"role": "assistant", "content": null, "refusal": null},
        {"role": "developer", "content": [{"type": "text", "text": "In German."}]},
        {"role": "user", "content": [{"type": "text", "text": "Two?"}, {"type": "text", "text": "And three?"}], "name": "ada"},
    ]);
    let more = json!({
        "max_completion_tokens": 40, "max_tokens": 50, "temperature": 0.25, "n": 1, "tools": [], "stop": null,
        "top_p": 1, "user": "u", "seed": 3, "response_format": {"type": "text"}, "stream": false, "unknown": {"x": 1},
    });
    let body = with(json!({"model": MODEL, "messages": messages}), &more);
    let answer = ada.post(CHAT, body).await.ok().json();
    let choice = &answer["choices"][0];
    assert_eq!(
        *choice,
        json!({
            "index": 0, "logprobs": null, "finish_reason": "length",
            "message": {"role": "assistant", "content": "Grüße 🍵.", "refusal": null, "annotations": []},
        })
    );
    let totals = model.totals();
    assert_eq!(
        answer["usage"],
        json!({
            "prompt_tokens": totals.prompt_tokens, "completion_tokens": totals.completion_tokens,
            "total_tokens": totals.prompt_tokens + totals.completion_tokens,
        })
    );
    assert_eq!(
        (
            &answer["object"],
            &answer["model"],
            &answer["provider"],
            &answer["fallback"]
        ),
        (
            &json!("chat.completion"),
            &json!(MODEL),
            &json!("openai"),
            &json!(false)
        )
    );
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-") && answer["created"].is_i64());
    let call = model.calls().pop().unwrap();
    assert_eq!(
        call.body["messages"],
        json!([
            {"role": "system", "content": "Be brief.\n\nIn German."},
            {"role": "user", "content": "One?"},
            {"role": "assistant", "content": "One."},
            {"role": "user", "content": "Two?\nAnd three?"},
        ])
    );
    assert_eq!(
        (&call.body["max_tokens"], &call.body["temperature"]),
        (&json!(40), &json!(0.25))
    );
}

#[tokio::test]
async fn a_stream_has_the_parts_that_clients_put_together() {
    let (model, _t, ada) = with_model().await;
    for includes_usage in [false, true] {
        model.next(Script::text("Grüße aus 東京."));
        let more = json!({"stream_options": {"include_usage": includes_usage}});
        let frames = ada.stream(CHAT, with(hello(), &more)).await.rest().await;
        let (done, chunks) = frames.split_last().unwrap();
        assert_eq!(done.data, "[DONE]");
        let chunks: Vec<Value> = chunks.iter().map(crate::support::Frame::json).collect();
        let first = &chunks[0];
        assert_eq!(
            first["choices"],
            json!([{"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": null, "finish_reason": null}])
        );
        for chunk in &chunks {
            assert_eq!(
                (&chunk["id"], &chunk["created"], &chunk["object"], &chunk["model"]),
                (
                    &first["id"],
                    &first["created"],
                    &json!("chat.completion.chunk"),
                    &json!(MODEL)
                )
            );
        }
        let text: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(text, "Grüße aus 東京.");
        let ends: Vec<&str> = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str())
            .collect();
        assert_eq!(ends, ["stop"]);
        let told: Vec<&Value> = chunks.iter().filter(|chunk| chunk["usage"].is_object()).collect();
        if includes_usage {
            assert_eq!((told.len(), &told[0]["choices"]), (1, &json!([])));
            assert_eq!(told[0], chunks.last().unwrap());
            assert_eq!(told[0]["usage"]["completion_tokens"], 3);
        } else {
            assert_eq!(told.len(), 0);
        }
    }
}

#[tokio::test]
async fn a_failure_within_a_stream_ends_it_with_an_error() {
    let (model, _t, ada) = with_model().await;
    model.next(Script::text("Half an").then(Step::Cut));
    let frames = ada.stream(CHAT, hello()).await.rest().await;
    let last = frames.last().unwrap();
    assert_eq!(
        (last.event.as_str(), &last.json()["error"]["code"]),
        ("error", &json!("provider_answer_cut"))
    );
    model.next(Script::refuse(404, "model_not_found"));
    let answer = ada.post(CHAT, with(hello(), &json!({"stream": true}))).await;
    refused(answer, 404, REFUSED, None, "model_not_found");
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_the_part_that_is_wrong() {
    let (model, t, ada) = with_model().await;
    let image = json!([{"type": "image_url", "image_url": {"url": "data:,"}}]);
    for (more, param) in [
        (json!({"model": ""}), "model"),
        (json!({"messages": []}), "messages"),
        (
            json!({"messages": [{"role": "system", "content": "Be brief."}]}),
            "messages",
        ),
        (json!({"messages": [{"role": "user", "content": " "}]}), "messages"),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "user", "content": image}]}),
            "messages[0].content[0]",
        ),
        (
            json!({"messages": [{"role": "user", "content": 1}]}),
            "messages[0].content",
        ),
        (json!({"model": "openai/"}), "model"),
        (json!({"messages": [["user", "Hello?"]]}), "messages[0]"),
        (json!({"n": 2}), "n"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"temperature": 3}), "temperature"),
        (
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
            "tools",
        ),
        (json!({"functions": [{"name": "f"}]}), "functions"),
        (json!({"stop": ["a"]}), "stop"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"audio": {"voice": "alloy"}}), "audio"),
        (json!({"response_format": {"type": "json_object"}}), "response_format"),
    ] {
        let message = refused(
            ada.post(CHAT, with(hello(), &more)).await,
            400,
            REFUSED,
            Some(param),
            "invalid",
        );
        assert!(message.starts_with(&format!("`{param}`: ")), "{message}");
        assert!(!message.contains("untagged"), "{message}");
    }
    assert_eq!(model.totals().calls, 0);
    refused(
        t.anonymous().post(CHAT, hello()).await,
        401,
        REFUSED,
        None,
        "credentials_required",
    );
    let wrong = t.anonymous().with_token("pk_test_nobody");
    assert_eq!(
        wrong.post(CHAT, hello()).await.expect(401).json()["error"]["type"],
        REFUSED
    );
}

#[tokio::test]
async fn a_key_of_ours_is_all_that_a_client_needs_and_its_limits_hold() {
    let (model, _t, ada) = with_model().await;
    let key = json!({"name": "App", "scopes": ["chats:write"], "models": [MODEL], "token_budget": 300});
    let key = ada.with_token(&ada.api_key(key).await.text("key"));
    key.post(CHAT, hello()).await.ok();
    let other = with(hello(), &json!({"model": "gpt-4o"}));
    refused(key.post(CHAT, other).await, 403, REFUSED, None, "model_not_allowed");
    model.next(Script::tokens(280));
    key.post(CHAT, hello()).await.ok();
    let answer = key.post(CHAT, hello()).await;
    assert!(answer.header("retry-after").parse::<u64>().is_ok());
    refused(answer, 429, "tokens", None, "token_limit");
    assert_eq!(model.totals().calls, 2);
}

/// As many as fit get an answer, nobody else does, and the limit is free again when they have it.
#[tokio::test]
async fn of_many_at_once_as_many_are_answered_as_a_limit_allows() {
    let (model, _t, ada) = with_model().await;
    model.always(Script::tokens(40));
    ada.put("/api/v1/users/me/quota", json!({"daily_limit": 1_000}))
        .await
        .ok();
    let body = with(hello(), &json!({"max_tokens": 40}));
    // The prompt is 6 tokens, as estimated: 21 calls of 46 tokens fit into 1,000.
    let answers = join_all((0..40).map(|_| ada.post(CHAT, body.clone()))).await;
    let counts: BTreeMap<u16, usize> = statuses(&answers);
    let passed = counts[&200];
    let totals = model.totals();
    assert_eq!(
        (passed as u64, passed + counts.get(&429).copied().unwrap_or_default()),
        (totals.calls, 40),
        "{counts:?}"
    );
    let shown = ada.get("/api/v1/tokens/limits").await.ok().json()["limits"][0].clone();
    assert_eq!(
        (&shown["used"], &shown["reserved"]),
        (&json!(totals.prompt_tokens + totals.completion_tokens), &json!(0)),
        "{shown}"
    );
    assert!(
        shown["used"].as_u64() <= Some(1_000) && passed >= 18,
        "{passed} passed, {shown}"
    );
}

#[tokio::test]
async fn a_request_with_an_idempotency_key_is_answered_once() {
    let (model, _t, ada) = with_model().await;
    let ada = ada.with_header("idempotency-key", "one");
    let first = ada.post(CHAT, hello()).await.ok();
    let again = ada.post(CHAT, hello()).await.ok();
    assert_eq!((first.body, model.totals().calls), (again.body, 1));
}

#[tokio::test]
async fn chatbots_are_models_whose_citations_are_annotations() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let text = "Grüße! The warranty of a grinder is two years. Returns take thirty days.";
    let document = ada.upload("terms.txt", text).await.created().text("id");
    t.drain().await;
    let bot = format!("chatbot/{}", ada.chatbot(&[&document]).await);
    let asked =
        json!({"model": bot, "messages": [{"role": "user", "content": "How long is the warranty of a grinder?"}]});
    let answer = ada.post(CHAT, asked.clone()).await.ok().json();
    let message = &answer["choices"][0]["message"];
    let content: Vec<char> = message["content"].as_str().unwrap().chars().collect();
    let annotations = message["annotations"].as_array().unwrap();
    assert!(!annotations.is_empty(), "{message}");
    for annotation in annotations {
        assert_eq!(annotation["type"], "url_citation");
        let citation = &annotation["url_citation"];
        let place = |name: &str| usize::try_from(citation[name].as_u64().unwrap()).unwrap();
        let mark: String = content[place("start_index")..place("end_index")].iter().collect();
        assert_eq!(mark, "[1]");
        assert!(
            citation["title"].as_str().unwrap().starts_with("terms.txt"),
            "{citation}"
        );
        let url = citation["url"].as_str().unwrap();
        assert!(url.ends_with(&format!("/api/v1/documents/{document}")), "{url}");
        assert!(citation["excerpt"].as_str().unwrap().contains("two years"));
    }
    let frames = ada.stream(CHAT, asked.clone()).await.rest().await;
    let last = frames[frames.len() - 2].json();
    assert_eq!(last["choices"][0]["delta"]["annotations"], message["annotations"]);

    let listed = ada.get("/v1/models").await.ok().json();
    let names: Vec<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        (&listed["object"], &names[..]),
        (&json!("list"), &["local", bot.as_str()][..])
    );
    for path in [bot.clone(), bot.replace('/', "%2F"), "local".to_owned()] {
        let found = ada.get(&format!("/v1/models/{path}")).await.ok().json();
        assert_eq!(
            (&found["object"], found["id"].as_str().unwrap().replace('/', "%2F")),
            (&json!("model"), path.replace('/', "%2F"))
        );
        assert!(found["created"].is_i64() && found["owned_by"].is_string());
    }
    refused(
        ada.get("/v1/models/nothing").await,
        404,
        REFUSED,
        Some("model"),
        "model_not_found",
    );
    // A tenant's chatbots are nobody else's.
    refused(eve.post(CHAT, asked).await, 404, REFUSED, None, "not_found");
    refused(
        eve.get(&format!("/v1/models/{bot}")).await,
        404,
        REFUSED,
        None,
        "not_found",
    );
    assert_eq!(
        eve.get("/v1/models").await.ok().json()["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // Who may not see chatbots may still ask one.
    let key = json!({"name": "App", "scopes": ["chats:write"]});
    let key = ada.with_token(&ada.api_key(key).await.text("key"));
    refused(
        key.get(&format!("/v1/models/{bot}")).await,
        404,
        REFUSED,
        None,
        "not_found",
    );
    assert_eq!(
        key.get("/v1/models").await.ok().json()["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
