//! Answers that outlive their connections.

use std::time::Duration;

use futures::future::join_all;
use model_double::{End, Gate, Script, Step};
use serde_json::json;

use super::{ask, id, messages, session, shown, with_model};
use crate::support::{Caller, Frame, Second, Stream, Test};

const TEXT: &str = "Grüße aus 東京, mit 🍵 und viel Zeit.";

fn words(frames: &[Frame]) -> String {
    let of_answer = frames.iter().filter(|frame| frame.data != "[DONE]");
    of_answer.map(Frame::content).collect()
}

/// How often something is tried, from the environment.
fn count(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(default)
}

/// A question of Ada's whose answer, [`TEXT`], comes word by word as the gate is opened.
async fn paced_answer() -> (Test, Caller, String, Gate, Stream) {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let gate = Gate::default();
    model.next(Script::text(TEXT).paced(&gate));
    let stream = ada.stream(&messages(&session), json!({"content": "Hello"})).await;
    (t, ada, session, gate, stream)
}

#[tokio::test]
async fn a_stream_is_resumed_exactly_behind_every_frame_by_any_instance() {
    let (t, ada, session, gate, mut stream) = paced_answer().await;
    let mut frames: Vec<Frame> = Vec::new();
    // One at a time, so that each word is a frame of its own.
    while frames.last().is_none_or(|frame| frame.data != "[DONE]") {
        gate.open(1);
        frames.push(stream.next().await.unwrap());
    }
    let words_sent = TEXT.split(' ').count();
    assert_eq!(
        frames.len(),
        words_sent + 2,
        "each word, what is known at the end, and the end"
    );
    let text = words(&frames);
    assert_eq!(text, TEXT);

    let (answer, last) = frames[0].id.split_once(':').unwrap();
    assert_eq!(last, frames[0].content().len().to_string());
    let path = format!("{}/{answer}/stream", messages(&session));
    let other = Second::on(&t).await;
    for caller in [ada.clone(), other.of(&ada)] {
        let whole = Stream::open(caller.request(reqwest::Method::GET, &path)).await;
        assert_eq!(words(&whole.rest().await), TEXT);
        for (at, frame) in frames[..=words_sent].iter().enumerate() {
            let rest = caller.resume(&path, &frame.id).await.rest().await;
            assert_eq!(words(&frames[..=at]) + &words(&rest), TEXT, "behind frame {at}");
            assert_eq!(rest.last().unwrap().data, "[DONE]");
            // Who has the last event gets no event again.
            let events = rest.len() - 1;
            assert_eq!(
                events,
                if at == words_sent {
                    0
                } else if at == words_sent - 1 {
                    1
                } else {
                    2
                }
            );
            if events > 0 {
                assert_eq!(rest[events - 1], frames[words_sent]);
            }
        }
    }
    // A question leads to its answer.
    let listed = ada.get(&messages(&session)).await.ok().json();
    let question = format!("{}/{}/stream", messages(&session), id(&listed[0]));
    let rest = ada.resume(&question, &frames[0].id).await.rest().await;
    assert_eq!(words(&frames[..1]) + &words(&rest), TEXT);
    for wrong in [
        "x",
        "x:1",
        &format!("{answer}:x"),
        &format!("{}:1", id(&listed[0])),
        // Within the letter ü, and behind the end.
        &format!("{answer}:3"),
        &format!("{answer}:{}", TEXT.len() + 1),
    ] {
        let request = ada.request(reqwest::Method::GET, &path).header("last-event-id", wrong);
        ada.send(request).await.problem(400, "invalid_last_event_id");
    }
}

#[tokio::test]
async fn an_answer_is_followed_while_it_is_written_here_and_elsewhere() {
    let (t, ada, session, gate, mut stream) = paced_answer().await;
    gate.open(2);
    let seen = stream.next().await.unwrap();
    // The connection is lost, the answer is not.
    drop(stream);
    let (answer, _) = seen.id.split_once(':').unwrap();
    let path = format!("{}/{answer}/stream", messages(&session));
    let second = Second::on(&t).await;
    let other = second.of(&ada);
    let here = ada.resume(&path, &seen.id).await;
    let there = other.resume(&path, &seen.id).await;
    gate.open(100);
    let (here, there) = futures::join!(here.rest(), there.rest());
    for rest in [here, there] {
        assert_eq!(seen.content() + &words(&rest), TEXT);
    }
    assert_eq!(shown(&ada, &session).await[1], format!("assistant: {TEXT}"));
}

#[tokio::test]
async fn what_is_written_of_a_long_answer_is_stored_before_its_end() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let gate = Gate::default();
    let script = Script::of(vec![
        Step::Text("Once upon".into()),
        Step::Wait(gate.clone()),
        Step::Text(" a time.".into()),
    ]);
    model.next(script);
    let stream = ada.stream(&messages(&session), json!({"content": "A story"})).await;
    let second = Second::on(&t).await;
    let other = second.of(&ada);
    // Another instance knows of it by the table alone.
    let listed = ada.get(&messages(&session)).await.ok().json();
    let path = format!("{}/{}/stream", messages(&session), id(&listed[1]));
    let mut there = Stream::open(other.request(reqwest::Method::GET, &path)).await;
    let stored = tokio::time::timeout(Duration::from_mins(1), there.next()).await;
    assert_eq!(stored.unwrap().unwrap().content(), "Once upon");
    gate.open(1);
    assert_eq!(there.next().await.unwrap().content(), " a time.");
    assert_eq!(words(&stream.rest().await), "Once upon a time.");
}

#[tokio::test]
async fn a_stop_ends_the_call_and_keeps_what_was_written_wherever_it_is_asked() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let second = Second::on(&t).await;
    let other = second.of(&ada);
    for (calls, asker) in [(1, &ada), (3, &other)] {
        let session = session(&ada).await;
        let gate = Gate::default();
        model.next(Script::text("one two three four").paced(&gate));
        let mut stream = ada.stream(&messages(&session), json!({"content": "Count"})).await;
        gate.open(2);
        let mut heard = stream.next().await.unwrap().content();
        while heard != "one two" {
            heard += &stream.next().await.unwrap().content();
        }
        let listed = ada.get(&messages(&session)).await.ok().json();
        let path = format!("{}/{}/stop", messages(&session), id(&listed[1]));
        let (stopped, ()) = futures::join!(asker.post(&path, json!({})), async {
            let closed = tokio::time::timeout(Duration::from_secs(2), model.until_ended(calls)).await;
            assert!(closed.is_ok(), "the call ends within two seconds");
        });
        assert_eq!(model.calls()[calls - 1].end, Some(End::Closed));
        let stopped = stopped.ok().json();
        assert_eq!(
            (&stopped["content"], &stopped["status"]),
            (&json!("one two"), &json!("stopped"))
        );
        assert_eq!(stopped["finish_reason"], "stopped");
        assert!(stopped["usage"]["completion_tokens"].as_u64().unwrap() > 0);
        let rest = stream.rest().await;
        assert_eq!(rest[0].json()["status"], "stopped");
        assert_eq!(rest[1].data, "[DONE]");
        // It can be asked again, and changes nothing.
        assert_eq!(asker.post(&path, json!({})).await.ok().json(), stopped);
        // And the conversation goes on, with what was said.
        model.next(Script::text("five"));
        ask(&ada, &session, "Go on").await;
        assert_eq!(
            super::told(&model),
            ["user: Count", "assistant: one two", "user: Go on"]
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_keeps_what_there_is_and_says_so_again() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    model.next(Script::text("Half an").cut());
    let frames = ada
        .stream(&messages(&session), json!({"content": "Hello"}))
        .await
        .rest()
        .await;
    assert_eq!(frames.last().unwrap().event, "error");
    let listed = ada.get(&messages(&session)).await.ok().json();
    let answer = &listed[1];
    assert_eq!(
        (&answer["status"], &answer["content"]),
        (&json!("failed"), &json!("Half an"))
    );
    assert!(answer["failure"].is_string(), "{answer}");
    // What it cost is shown as it was charged, estimated because its provider said nothing.
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(limits["limits"][0]["used"], answer["usage"]["total_tokens"]);
    assert_eq!(
        (&answer["usage"]["estimated"], &answer["model"]),
        (&json!(true), &json!("gpt-4o-mini"))
    );
    assert!(
        answer["latency_ms"].is_u64() && answer["finish_reason"].is_null(),
        "{answer}"
    );
    let path = format!("{}/{}/stream", messages(&session), id(answer));
    let again = Stream::open(ada.request(reqwest::Method::GET, &path)).await;
    let again = again.rest().await;
    assert_eq!(
        (again[0].content().as_str(), again[1].event.as_str()),
        ("Half an", "error")
    );
    let whole = json!({"content": "Hello", "generate": true});
    model.next(Script::text("Half an").cut());
    let answer = ada.post(&messages(&session), whole).await;
    assert_eq!(answer.status.as_u16() / 100, 5);
}

#[tokio::test]
async fn a_deleted_chat_session_ends_its_answer() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let gate = Gate::default();
    model.next(Script::text(TEXT).paced(&gate));
    let stream = ada.stream(&messages(&session), json!({"content": "Hello"})).await;
    model.until(|calls| !calls.is_empty()).await;
    ada.delete(&format!("{}/{session}", super::SESSIONS)).await.expect(204);
    gate.open(100);
    assert_eq!(stream.rest().await.last().unwrap().event, "error");
    let left = t.items("parlance-app").await;
    assert!(!left.values().any(|item| item.contains(&session)), "nothing comes back");
    t.stack.idle().await;
    assert_eq!(model.totals().calls, 1, "nobody needs a title");
}

/// `PARLANCE_STREAMS` says how many.
#[tokio::test]
async fn what_is_generated_is_stored_however_many_connections_are_lost() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let streams = count("PARLANCE_STREAMS", 60);
    model.answer_with(|asked| {
        // Different lengths, told by the question.
        let length = asked.texts.last().unwrap().len();
        Script::tokens(1 + length % 37)
    });
    let mut stored = 0;
    for batch in (0..streams).collect::<Vec<_>>().chunks(20) {
        let ends = join_all(batch.iter().map(|n| {
            let ada = &ada;
            async move {
                let session = session(ada).await;
                let question = "?".repeat(1 + (n * 7919) % 101);
                let mut stream = ada.stream(&messages(&session), json!({"content": question})).await;
                let mut heard = String::new();
                // A different number of frames each time, some none and some all.
                for _ in 0..(n * 31) % 11 {
                    match stream.next().await {
                        Some(frame) if frame.data != "[DONE]" => heard += &frame.content(),
                        _ => break,
                    }
                }
                drop(stream);
                (session, question.len(), heard)
            }
        }))
        .await;
        t.stack.idle().await;
        for (session, length, heard) in ends {
            let generated = (0..=(length % 37)).map(|place| format!("w{place} "));
            let generated = generated.collect::<Vec<_>>().concat();
            let listed = ada.get(&messages(&session)).await.ok().json();
            assert_eq!(listed[1]["status"], "complete");
            assert_eq!(listed[1]["content"], generated);
            assert!(generated.starts_with(&heard), "{heard:?} of {generated:?}");
            stored += 1;
        }
    }
    assert_eq!(stored, streams);
    let totals = model.totals();
    assert_eq!((totals.calls, totals.running), (streams as u64, 0));
    // And paid for to the token.
    let quota = ada.get("/api/v1/users/me/quota").await.ok().json();
    assert_eq!(quota["used_today"], totals.prompt_tokens + totals.completion_tokens);
}

#[tokio::test]
async fn a_lost_stream_is_repeated_by_its_idempotency_key_and_not_asked_twice() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let keyed = ada.with_header("idempotency-key", "once");
    let gate = Gate::default();
    model.next(Script::text(TEXT).paced(&gate));
    let path = messages(&session);
    let body = json!({"content": "Hello", "stream": true});
    let mut stream = keyed.stream(&path, body.clone()).await;
    gate.open(1);
    let first = stream.next().await.unwrap();
    drop(stream);
    keyed.post(&path, body.clone()).await.problem(409, "in_progress");
    gate.open(100);
    t.stack.idle().await;
    let again = keyed.post(&path, body).await.ok();
    assert_eq!(again.header("idempotent-replayed"), "true");
    let text = String::from_utf8(again.body).unwrap();
    assert!(
        text.starts_with(&format!("id: {}\n", first.id)) && text.ends_with("data: [DONE]\n\n"),
        "{text}"
    );
    assert_eq!((model.calls().len(), shown(&ada, &session).await.len()), (1, 2));
}
