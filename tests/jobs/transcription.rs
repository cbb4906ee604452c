//! Scanned pages, transcribed by a model that accepts images.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::documents::outbox::IndexMessage;
use model_double::{ModelDouble, Script};
use serde_json::{Value, json};

use super::{
    index_documents::{message, send},
    index_runs::document as stored,
};
use crate::support::{Caller, Metered, Test};

/// Shades of paper, by which the double knows a page.
const PAPERS: [u8; 6] = [250, 225, 200, 175, 150, 125];

/// A model that reads the number of a page off its paper.
async fn reader() -> (ModelDouble, Test) {
    let model = ModelDouble::start().await.unwrap();
    model.answer_with(|request| match &request.images[..] {
        [image] => Script::text(&format!(
            "Invoice {}\n\nTotal | {} euros",
            page_of(image),
            page_of(image) * 100
        )),
        _ => Script::refuse(400, "one_image_is_expected"),
    });
    let t = Test::with_model(&model).await;
    (model, t)
}

fn page_of(image: &str) -> usize {
    let jpeg = BASE64_STANDARD.decode(image).unwrap();
    let pixels = image::load_from_memory(&jpeg).unwrap().to_luma8();
    let mut light: Vec<u8> = pixels
        .pixels()
        .map(|pixel| pixel.0[0])
        .filter(|shade| *shade > 80)
        .collect();
    light.sort_unstable();
    let shade = light[light.len() / 2];
    let distance = |paper: &u8| paper.abs_diff(shade);
    let nearest = PAPERS.iter().enumerate().min_by_key(|(_, paper)| distance(paper));
    nearest.unwrap().0 + 1
}

async fn choose(caller: &Caller, model: &str) {
    let path = format!("/api/v1/orgs/{}", caller.org());
    let org = caller.patch(&path, json!({"transcription_model": model})).await.ok();
    let shown = if model.is_empty() { Value::Null } else { json!(model) };
    assert_eq!(org.json()["transcription_model"], shown);
}

async fn upload(t: &Test, caller: &Caller, papers: &[u8]) -> Value {
    let id = caller
        .upload("invoices.pdf", samples::scan_of(papers))
        .await
        .created()
        .text("id");
    t.drain().await;
    caller.get(&format!("/api/v1/documents/{id}")).await.ok().json()
}

#[tokio::test]
async fn scanned_pages_are_transcribed_each_once_and_found_by_their_page() {
    let (model, t) = reader().await;
    for (number, name) in [
        "gpt-4o",
        "claude-haiku-4-5",
        "gemini-2.5-flash",
        "bedrock/anthropic.claude-3-haiku-20240307-v1:0",
    ]
    .into_iter()
    .enumerate()
    {
        let ada = t.user(&format!("ada{number}")).await;
        choose(&ada, name).await;
        let before = model.calls().len();
        let document = upload(&t, &ada, &PAPERS).await;
        assert_eq!(
            (&document["status"], &document["pages"], &document["transcribed_pages"]),
            (&json!("ready"), &json!(6), &json!(6)),
            "{name}: {document}"
        );
        assert_eq!(model.calls().len() - before, PAPERS.len(), "{name}: each page once");
        let session = ada.session(&[document["id"].as_str().unwrap()]).await;
        let answer = ada.ask(&session, "What is the total of invoice 5?").await.ok().json();
        let source = &answer["sources"][0];
        assert_eq!(
            (&source["page"], &source["excerpt"]),
            (&json!(5), &json!("Invoice 5 Total | 500 euros")),
            "{name}: {answer}"
        );
    }
}

#[tokio::test]
async fn tokens_of_a_transcription_count_for_the_uploader() {
    let (model, t) = reader().await;
    let ada = t.user("ada").await;
    choose(&ada, "gpt-4o").await;
    upload(&t, &ada, &PAPERS).await;
    let breakdown = ada.get("/api/v1/auth/token-breakdown").await.ok().json();
    let (prompt, completion) = model.calls().iter().fold((0, 0), |(prompt, completion), call| {
        (prompt + call.counts.prompt, completion + call.counts.completion)
    });
    let shown = breakdown["categories"].as_array().unwrap();
    let own = shown
        .iter()
        .find(|category| category["name"] == "transcription")
        .unwrap();
    assert_eq!(
        (own["prompt_tokens"].as_u64(), own["completion_tokens"].as_u64()),
        (Some(prompt), Some(completion)),
        "{breakdown}"
    );
}

#[tokio::test]
async fn without_a_model_of_the_organization_a_scan_says_what_would_help() {
    let (model, t) = reader().await;
    let ada = t.user("ada").await;
    let document = upload(&t, &ada, &PAPERS).await;
    assert_eq!(
        (&document["status"], &document["error_code"]),
        (&json!("failed"), &json!("scanned"))
    );
    assert!(document.to_string().contains("transcription_model"), "{document}");
    assert!(model.calls().is_empty());

    choose(&ada, "gpt-4o").await;
    let path = format!("/api/v1/documents/{}/reindex", document["id"].as_str().unwrap());
    ada.post(&path, json!({})).await.ok();
    t.drain().await;
    let path = format!("/api/v1/documents/{}", document["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.ok().json()["status"], "ready");
    choose(&ada, "").await;
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again() {
    let (model, t) = reader().await;
    let ada = t.user("ada").await;
    choose(&ada, "gpt-4o").await;
    for _ in 0..40 {
        model.next(Script::refuse(503, "overloaded"));
    }
    let document = upload(&t, &ada, &PAPERS[..2]).await;
    let id = document["id"].as_str().unwrap();
    let mut tries = 0;
    while stored(&t, &ada, id).await.is_unfinished() {
        tries += 1;
        assert!(tries < 50, "{:?}", stored(&t, &ada, id).await);
        t.advance_seconds(900);
        t.drain().await;
    }
    let read = stored(&t, &ada, id).await;
    assert_eq!((read.transcribed_pages, read.failure), (2, None));
}

#[tokio::test]
async fn what_a_model_refuses_is_told() {
    let (model, t) = reader().await;
    let ada = t.user("ada").await;
    choose(&ada, "gpt-4o").await;
    model.answer_with(|_| {
        let error = json!({"error": {"message": "This model does not support image inputs.", "code": "invalid_image"}});
        Script::refuse_with(400, "application/json", error.to_string())
    });
    let document = upload(&t, &ada, &PAPERS[..2]).await;
    assert_eq!(
        (&document["status"], &document["error_code"]),
        (&json!("failed"), &json!("not_transcribed")),
        "{document}"
    );
    assert!(
        document.to_string().contains("does not support image inputs"),
        "{document}"
    );
}

#[tokio::test]
async fn a_used_up_limit_ends_a_transcription_and_says_so() {
    let (_model, t) = reader().await;
    let ada = t.user("ada").await;
    choose(&ada, "gpt-4o").await;
    ada.put("/api/v1/users/me/quota", json!({"daily_limit": 300}))
        .await
        .ok();
    let document = upload(&t, &ada, &PAPERS).await;
    assert_eq!(document["error_code"], "not_transcribed", "{document}");
    assert!(document.to_string().contains("daily limit"), "{document}");
}

#[tokio::test]
async fn a_page_without_text_or_readable_image_leaves_the_others() {
    let (model, t) = reader().await;
    let ada = t.user("ada").await;
    choose(&ada, "gpt-4o").await;
    model.answer_with(|request| match page_of(&request.images[0]) {
        1 => Script::text("[no text]"),
        page => Script::text(&format!("Delivery note number {page} of the supplier")),
    });
    let document = upload(&t, &ada, &PAPERS[..3]).await;
    assert_eq!(
        (&document["status"], &document["transcribed_pages"]),
        (&json!("ready"), &json!(2))
    );
}

#[tokio::test]
async fn a_model_that_is_chosen_while_the_pages_are_read_again_finds_them() {
    let (model, t) = reader().await;
    let ada = t.user("ada").await;
    choose(&ada, "gpt-4o").await;
    for _ in 0..40 {
        model.next(Script::refuse(503, "overloaded"));
    }
    let id = upload(&t, &ada, &PAPERS[..2]).await["id"].as_str().unwrap().to_owned();
    let before = stored(&t, &ada, &id).await.checkpoint.expect("all pages are read");
    assert_eq!(before.of, 2);
    t.advance_seconds(900);
    let ada = ada.sign_in_again().await;
    choose(&ada, "").await;
    let metered = Metered::new(&t).await;
    metered.hold_downloads();
    let message = IndexMessage {
        org_id: ada.org().to_owned().into(),
        document_id: id.clone().into(),
    };
    let delivery = t.delivery(1);
    let indexing = metered.app.index_document(&message, &delivery);
    let choosing = async {
        metered.until_held().await;
        // The pages are there, no model is, and the file is to be read.
        metered.pass_download_until(2).await;
        choose(&ada, "gpt-4o").await;
        metered.release_downloads();
    };
    let (indexed, ()) = tokio::join!(indexing, choosing);
    indexed.unwrap();
    let after = stored(&t, &ada, &id)
        .await
        .checkpoint
        .expect("they are to be transcribed");
    assert!(
        t.object_keys().await.contains(&after.key),
        "{after:?} before {before:?}"
    );
    t.drain_all().await;
    let read = stored(&t, &ada, &id).await;
    assert_eq!((read.transcribed_pages, read.failure), (2, None));
}

#[tokio::test]
async fn a_repeated_delivery_transcribes_no_page_twice() {
    let (model, t) = reader().await;
    let ada = t.user("ada").await;
    choose(&ada, "gpt-4o").await;
    let file = samples::scan_of(&PAPERS[..5]);
    let id = ada.upload("invoices.pdf", file).await.created().text("id");
    for _ in 0..4 {
        send(&t, &message(&ada, &id)).await;
    }
    while stored(&t, &ada, &id).await.is_unfinished() {
        t.drain().await;
        t.advance_seconds(30);
    }
    assert_eq!(stored(&t, &ada, &id).await.transcribed_pages, 5);
    assert_eq!(model.calls().len(), 5);
}
