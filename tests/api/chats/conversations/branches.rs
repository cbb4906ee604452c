//! Variants of answers, versions of questions, and the path that is shown.

use futures::future::join_all;
use model_double::{Finish, Gate, Script, Step};
use serde_json::json;

use super::{ask, id, messages, says, session, shown, told, with_model};

#[tokio::test]
async fn an_answer_is_made_again_and_any_variant_can_be_shown() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    says(&model, &["One.", "Two.", "Three.", "Next."]);
    let first = ask(&ada, &session, "Say a number").await;
    let answer = id(&first["answer"]);
    let path = format!("{}/{answer}", messages(&session));
    let second = ada.post(&format!("{path}/regenerate"), json!({})).await.ok().json();
    assert_eq!(told(&model), ["user: Say a number"], "the old answer is not said again");
    assert_eq!(
        (&second["content"], &second["parent_id"]),
        (&json!("Two."), &first["id"])
    );
    // A question can be named as well as its answer, and a body is not needed.
    let question = format!("{}/{}/regenerate", messages(&session), id(&first));
    let request = ada.request(reqwest::Method::POST, &question);
    let third = ada.send(request).await.ok().json();
    assert_eq!(shown(&ada, &session).await, ["user: Say a number", "assistant: Three."]);
    assert_eq!(third["variants"], json!([answer, id(&second), id(&third)]));

    ada.post(&format!("{path}/select"), json!({})).await.ok();
    assert_eq!(shown(&ada, &session).await, ["user: Say a number", "assistant: One."]);
    ask(&ada, &session, "And?").await;
    assert_eq!(told(&model), ["user: Say a number", "assistant: One.", "user: And?"]);
    assert_eq!(shown(&ada, &session).await.len(), 4);

    // What followed the first answer is behind it, and only there.
    let other = format!("{}/{}/select", messages(&session), id(&third));
    ada.post(&other, json!({})).await.ok();
    assert_eq!(shown(&ada, &session).await, ["user: Say a number", "assistant: Three."]);
    ada.post(&format!("{path}/select"), json!({})).await.ok();
    assert_eq!(shown(&ada, &session).await.len(), 4);
}

#[tokio::test]
async fn an_edited_question_is_a_branch_and_the_old_one_stays() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    says(&model, &["Hi.", "Red.", "Because.", "Blue.", "Sky."]);
    ask(&ada, &session, "Hello").await;
    let old = ask(&ada, &session, "Name a color").await;
    ask(&ada, &session, "Why?").await;
    let edit = format!("{}/{}/edit", messages(&session), id(&old));
    let new = json!({"content": "Name a cold color"});
    let answer = ada.post(&edit, new).await.ok().json();
    assert_eq!(
        told(&model),
        ["user: Hello", "assistant: Hi.", "user: Name a cold color"]
    );
    let branch = [
        "user: Hello",
        "assistant: Hi.",
        "user: Name a cold color",
        "assistant: Blue.",
    ];
    assert_eq!(shown(&ada, &session).await, branch);
    ask(&ada, &session, "Example?").await;

    let question = answer["parent_id"].as_str().unwrap().to_owned();
    let versions = json!([id(&old), question]);
    for version in [&id(&old), &question] {
        let message = ada.get(&format!("{}/{version}", messages(&session))).await.ok().json();
        assert_eq!(message["variants"], versions);
    }
    let select = format!("{}/{}/select", messages(&session), id(&old));
    ada.post(&select, json!({})).await.ok();
    let trunk = shown(&ada, &session).await;
    assert_eq!(
        trunk[2..],
        [
            "user: Name a color",
            "assistant: Red.",
            "user: Why?",
            "assistant: Because."
        ]
    );
    let select = format!("{}/{question}/select", messages(&session));
    ada.post(&select, json!({})).await.ok();
    assert_eq!(shown(&ada, &session).await.last().unwrap(), "assistant: Sky.");
}

#[tokio::test]
async fn an_edited_first_question_is_a_second_beginning() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    says(&model, &["A.", "B."]);
    let first = ask(&ada, &session, "First").await;
    let edit = format!("{}/{}/edit", messages(&session), id(&first));
    ada.post(&edit, json!({"content": "Other"})).await.ok();
    assert_eq!(told(&model), ["user: Other"]);
    assert_eq!(shown(&ada, &session).await, ["user: Other", "assistant: B."]);
}

#[tokio::test]
async fn an_answer_that_became_too_long_is_continued_where_it_ended() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    model.next(Script::text("Once upon").ending(Finish::Length));
    model.next(Script::text(" a time."));
    let first = ask(&ada, &session, "Tell me a story").await;
    assert_eq!(first["answer"]["finish_reason"], "length");
    let path = format!("{}/{}/continue", messages(&session), id(&first["answer"]));
    let stream = ada.stream(&path, json!({})).await.rest().await;
    let words: String = stream
        .iter()
        .take_while(|frame| frame.data != "[DONE]")
        .map(crate::support::Frame::content)
        .collect();
    assert_eq!(words, " a time.", "only what is new is streamed");
    assert_eq!(told(&model)[..2], ["user: Tell me a story", "assistant: Once upon"]);
    let listed = ada.get(&messages(&session)).await.ok().json();
    let answer = &listed[1];
    assert_eq!(answer["content"], "Once upon a time.");
    assert_eq!(
        (&answer["id"], &answer["finish_reason"]),
        (&first["answer"]["id"], &json!("stop"))
    );
    // Both calls were paid for.
    let calls = model.calls();
    let sold: u64 = calls.iter().map(|call| call.counts.completion).sum();
    assert_eq!(answer["usage"]["completion_tokens"], sold);
    ada.post(&path, json!({})).await.problem(409, "not_continuable");
}

#[tokio::test]
async fn of_two_questions_at_once_one_is_answered() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let gate = Gate::default();
    model.always(Script::text("Now.").paced(&gate));
    let path = messages(&session);
    let mut stream = ada.stream(&path, json!({"content": "First"})).await;
    model.until(|calls| !calls.is_empty()).await;
    let message = json!({"content": "Second", "generate": true});
    ada.post(&path, message).await.problem(409, "answer_in_progress");
    let listed = ada.get(&path).await.ok().json();
    assert_eq!(listed[1]["status"], "generating");
    let answer = id(&listed[1]);
    for action in ["regenerate", "select"] {
        let path = format!("{path}/{answer}/{action}");
        ada.post(&path, json!({})).await.problem(409, "answer_in_progress");
    }
    let edit = json!({"content": "Instead"});
    let path_of = |action: &str| format!("{path}/{}/{action}", id(&listed[0]));
    ada.post(&path_of("edit"), edit)
        .await
        .problem(409, "answer_in_progress");
    let prompt = json!({"session_id": session, "prompt_text": "Beside"});
    ada.post("/api/v1/prompts", prompt)
        .await
        .problem(409, "answer_in_progress");
    gate.open(1);
    assert_eq!(stream.next().await.unwrap().content(), "Now.");
    stream.rest().await;
    assert_eq!(shown(&ada, &session).await, ["user: First", "assistant: Now."]);

    // Of many that come at the same moment, one wins and no other leaves anything.
    gate.open(100);
    let sent = join_all((0..12).map(|n| {
        let message = json!({"content": format!("Number {n}"), "generate": true});
        let (ada, path) = (&ada, &path);
        async move { ada.post(path, message).await.status.as_u16() }
    }));
    let statuses = sent.await;
    let won = statuses.iter().filter(|status| **status == 201).count();
    assert!(
        won >= 1 && statuses.iter().all(|status| [201, 409].contains(status)),
        "{statuses:?}"
    );
    assert_eq!(shown(&ada, &session).await.len(), 2 + 2 * won);
}

#[tokio::test]
async fn a_writer_that_is_gone_blocks_nobody_for_long() {
    let (model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    model.next(Script::of(vec![Step::Hang]));
    model.always(Script::text("Here."));
    let stream = ada.stream(&messages(&session), json!({"content": "First"})).await;
    model.until(|calls| !calls.is_empty()).await;
    t.advance_seconds(60);
    let listed = ada.get(&messages(&session)).await.ok().json();
    assert_eq!(listed[1]["status"], "failed");
    ask(&ada, &session, "Second").await;
    // What broke off is not said again.
    assert_eq!(told(&model), ["user: Second"]);
    drop(stream);
}

#[tokio::test]
async fn stored_messages_race_without_losing_one() {
    let (_model, t) = with_model().await;
    let ada = t.talker("ada").await;
    let session = session(&ada).await;
    let path = messages(&session);
    join_all((0..8).map(|n| {
        let (ada, path) = (&ada, &path);
        async move { ada.post(path, json!({"content": format!("Note {n}")})).await.created() }
    }))
    .await;
    let mut notes = shown(&ada, &session).await;
    notes.sort();
    let expected: Vec<String> = (0..8).map(|n| format!("user: Note {n}")).collect();
    assert_eq!(notes, expected);
}
