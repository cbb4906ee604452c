//! How long models may take. The limits are those of the data, made short.

use std::time::Duration;

use model_double::{End, Gate, Script, Step};
use serde_json::json;

use super::*;

/// Silence that is too long, and a call that is.
const SHORT: (&str, &str) = ("MODEL_LIMITS", "slow*=/60, *=0.5/0.5/3");
const PAUSE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_stream_begins_when_the_provider_has_taken_the_request() {
    let (model, _t, ada) = with_model().await;
    for (path, mut asked) in [
        (CHAT, asking("gpt-4o-mini")),
        ("/api/v1/ai/chat", json!({"message": "How long?"})),
    ] {
        let gate = Gate::default();
        model.next(Script::of(vec![
            Step::Wait(gate.clone()),
            Step::Text("Two years.".to_owned()),
        ]));
        asked["model"] = "gpt-4o-mini".into();
        // It resolves with the head of the response; the model has not said a word.
        let stream = ada.stream(path, asked.clone()).await;
        gate.open(1);
        let frames = stream.rest().await;
        assert_eq!(frames.last().unwrap().data, "[DONE]", "{path}");
        // What fails at once still has a status of its own.
        model.next(Script::refuse(400, "Bad request"));
        asked["stream"] = true.into();
        ada.post(path, asked).await.expect(400);
    }
}

#[tokio::test]
async fn a_model_that_is_alive_is_not_cut_however_long_it_thinks() {
    let (model, _t, ada) = with(&[SHORT]).await;
    let thinking = || Script::slow(8, PAUSE).thinking(&["Hm."]);
    let thoughts: Vec<Step> = (0..6)
        .flat_map(|_| [Step::Pause(PAUSE), Step::Thought("Hm. ".to_owned())])
        .collect();
    for (name, script) in [
        // A second and more without a word, but with signs of life.
        ("gpt-4o-mini", Script::thinking_silently(6, PAUSE, "Two years.")),
        ("claude-sonnet-4-6", Script::thinking_silently(6, PAUSE, "Two years.")),
        // Thinking aloud, and writing slowly.
        (
            THINKER,
            Script::of([thoughts, vec![Step::Text("Two years.".to_owned())]].concat()),
        ),
        ("bedrock/nova-lite", thinking()),
    ] {
        model.next(script);
        let whole = ada.post(CHAT, asking(name)).await.ok().json();
        assert_eq!(whole["choices"][0]["finish_reason"], "stop", "{name}: {whole}");
    }
}

#[tokio::test]
async fn a_model_that_is_silent_or_never_ends_is_given_up() {
    let (model, _t, ada) = with(&[SHORT]).await;
    model.next(Script::silence());
    let answer = ada.post(CHAT, asking("gpt-4o-mini")).await.expect(504).json();
    assert_eq!(answer["error"]["code"], "provider_timed_out");
    // It is alive for ever, and says nothing.
    model.next(Script::thinking_silently(1_000, PAUSE, "Never"));
    ada.post(CHAT, asking("claude-sonnet-4-6")).await.expect(504);
    model
        .until(|calls| calls.iter().all(|call| call.end == Some(End::Closed)))
        .await;
}

#[tokio::test]
async fn a_limit_is_one_model_s() {
    let (model, _t, ada) = with(&[SHORT]).await;
    model.next(Script::of(vec![Step::Pause(PAUSE * 5), Step::Text("Two.".to_owned())]));
    ada.post(CHAT, asking("compatible/slow-one")).await.ok();
    model.next(Script::of(vec![Step::Pause(PAUSE * 5), Step::Text("Two.".to_owned())]));
    ada.post(CHAT, asking("compatible/other")).await.expect(504);
}

#[tokio::test]
async fn a_whole_answer_that_takes_too_long_says_to_stream_and_is_written_on_in_a_chat_session() {
    let (model, t, ada) = with(&[("WHOLE_ANSWER_SECONDS", "0.5")]).await;
    let slow = || Script::slow(6, PAUSE);
    model.next(slow());
    let refused = ada.post(CHAT, asking(THINKER)).await.expect(504);
    assert_eq!(
        refused.header("x-should-retry"),
        "false",
        "asking again would cost the same again"
    );
    let refused = refused.json();
    assert_eq!(refused["error"]["code"], "answer_not_streamed");
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("\"stream\": true"),
        "{refused}"
    );
    model.until_ended(1).await;
    assert_eq!(model.calls()[0].end, Some(End::Closed), "nobody would read it");

    let session = session(&ada, THINKER).await;
    model.next(slow());
    let asked = json!({"content": "How long?", "generate": true});
    ada.post(&messages(&session), asked)
        .await
        .problem(504, "answer_not_streamed");
    t.stack.idle().await;
    let listed = ada.get(&messages(&session)).await.ok().json();
    assert_eq!(
        (&listed[1]["status"], &listed[1]["content"]),
        (&json!("complete"), &json!("w0 w1 w2 w3 w4 w5 "))
    );

    // Streamed, it may take its time.
    model.next(slow());
    let (_, text, _) = streamed(&ada, asking(THINKER)).await;
    assert_eq!(text, "w0 w1 w2 w3 w4 w5 ");
}
