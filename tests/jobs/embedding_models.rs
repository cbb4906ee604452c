//! The vectors of documents by the model that their organization has chosen, and what it costs.

use std::io::Write as _;

use domain::{Document, EmbedPassagesMessage, documents::embedding::EmbeddingBatch};
use model_double::{Gate, ModelDouble, Script};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::embed_passages::{LAMP, QUESTION, WORDS, found, objects, rules, segment, shown, stored};
use crate::support::{Caller, Test};

const SMALL: &str = "text-embedding-3-small";

async fn scene() -> (ModelDouble, Test) {
    let model = ModelDouble::start().await.unwrap();
    model.means(WORDS);
    let t = Test::with_model(&model).await;
    (model, t)
}

async fn choose(caller: &Caller, model: &str) {
    let path = format!("/api/v1/orgs/{}", caller.org());
    let org = caller.patch(&path, json!({"embedding_model": model})).await.ok().json();
    let shown = if model.is_empty() { Value::Null } else { json!(model) };
    assert_eq!(org["embedding_model"], shown);
}

async fn upload(t: &Test, caller: &Caller, text: &str) -> String {
    let id = caller.upload("home.md", text).await.created().text("id");
    t.drain().await;
    id
}

async fn request_vectors(caller: &Caller, dry_run: bool) -> Value {
    let body = json!({"dry_run": dry_run});
    caller.post("/api/v1/documents/embed", body).await.ok().json()
}

/// Tokens of the category, and calls that were charged or failed.
async fn charged(caller: &Caller) -> (u64, u64) {
    let breakdown = caller.get("/api/v1/auth/token-breakdown").await.ok().json();
    let categories = breakdown["categories"].as_array().unwrap().clone();
    let own = categories.iter().find(|category| category["name"] == "retrieval");
    own.map_or((0, 0), |own| {
        (
            own["prompt_tokens"].as_u64().unwrap(),
            own["requests"].as_u64().unwrap_or(0),
        )
    })
}

/// Plans the batches of a document, none of which is delivered, and returns their messages.
async fn planned(t: &Test, caller: &Caller, text: &str) -> (String, Vec<EmbedPassagesMessage>) {
    let waiting = caller.with_header("prefer", "wait=20");
    let indexed = waiting.upload("rules.md", text.to_owned());
    let id = Box::pin(t.without_queue("embed_passages", indexed))
        .await
        .created()
        .text("id");
    let plan = message(caller, &id, None);
    Box::pin(t.without_queue("embed_passages", async {
        let sent = t.stack.app().embed_passages(&plan, &t.delivery(1)).await;
        assert!(sent.is_err(), "the messages are not sent");
    }))
    .await;
    let document = stored(t, caller, &id).await;
    let batches = 0..document.embedding.clone().unwrap().batches();
    let messages = batches.map(|number| message(caller, &id, Some((&document, number))));
    (id.clone(), messages.collect())
}

fn message(caller: &Caller, id: &str, batch: Option<(&Document, u32)>) -> EmbedPassagesMessage {
    EmbedPassagesMessage {
        org_id: caller.org().to_owned().into(),
        document_id: id.to_owned().into(),
        batch: batch.map(|(document, number)| EmbeddingBatch {
            segment: document.segment.clone().unwrap(),
            number,
        }),
    }
}

#[tokio::test]
async fn every_provider_embeds_documents_and_questions_at_the_expense_of_who_uploads_and_asks() {
    let (model, t) = scene().await;
    for (number, (name, id, dimensions, is_counted)) in [
        (SMALL, "openai/text-embedding-3-small", 768, true),
        ("azure/my-vectors", "azure/my-vectors", 8, true),
        ("compatible/vectors", "compatible/vectors", 8, true),
        ("gemini-embedding-001", "gemini/gemini-embedding-001", 768, false),
        (
            "amazon.titan-embed-text-v2:0",
            "bedrock/amazon.titan-embed-text-v2:0",
            512,
            true,
        ),
        (
            "cohere.embed-multilingual-v3",
            "bedrock/cohere.embed-multilingual-v3",
            8,
            false,
        ),
        ("cohere/embed-v4.0", "cohere/embed-v4.0", 1024, true),
    ]
    .into_iter()
    .enumerate()
    {
        let ada = t.user(&format!("ada{number}")).await;
        choose(&ada, name).await;
        let before = (model.totals().prompt_tokens, model.calls().len());
        let document = upload(&t, &ada, LAMP).await;
        let view = shown(&ada, &document).await;
        assert_eq!(view["status"], "ready");
        let vectors = json!({"done": 3, "total": 3, "model": id, "error": null, "error_code": null});
        assert_eq!(view["vectors"], vectors, "{name}");
        let embedder = segment(&t, &ada, &document).await.vectors().unwrap().embedder().clone();
        assert_eq!((embedder.id.as_str(), embedder.dimensions), (id, dimensions));
        let bot = ada.chatbot(&[&document]).await;
        let texts = found(&ada, &bot, QUESTION).await;
        assert!(texts[0].contains("warranty"), "{name}: {texts:?}");
        let (tokens, _) = charged(&ada).await;
        let read = model.totals().prompt_tokens - before.0;
        if is_counted {
            assert_eq!(tokens, read, "{name}");
        }
        assert!(tokens > 0, "{name}");
        let calls: Vec<Value> = model
            .calls()
            .split_off(before.1)
            .into_iter()
            .map(|call| call.body)
            .collect();
        // Titan takes a text at a time.
        assert_eq!(calls.len(), if name.contains("titan") { 4 } else { 2 }, "{name}");
        let role = |body: &Value| {
            let role = body["input_type"].as_str().or(body["requests"][0]["taskType"].as_str());
            role.map(str::to_lowercase)
        };
        if let (Some(passage), Some(question)) = (role(&calls[0]), role(&calls[1])) {
            assert!(
                passage.contains("document") && question.contains("query"),
                "{passage} {question}"
            );
        }
        let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
        assert_eq!(limits["limits"][0]["reserved"], 0, "{limits}");
    }
}

#[tokio::test]
async fn a_model_that_makes_no_vectors_cannot_be_chosen() {
    let (_model, t) = scene().await;
    let ada = t.user("ada").await;
    let path = format!("/api/v1/orgs/{}", ada.org());
    for name in ["local", "claude-haiku-4-5", "openai/"] {
        let refused = ada.patch(&path, json!({"embedding_model": name})).await;
        let refused = refused.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/embedding_model", "{name}: {refused}");
    }
    // Without any model none are made.
    upload(&t, &ada, LAMP).await;
    let nothing = request_vectors(&ada, false).await;
    assert_eq!((&nothing["model"], &nothing["documents"]), (&Value::Null, &json!(0)));
    choose(&ada, SMALL).await;
    choose(&ada, "").await;
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_and_costs_nothing() {
    let (model, t) = scene().await;
    let ada = t.user("ada").await;
    choose(&ada, SMALL).await;
    for _ in 0..8 {
        model.next(Script::refuse(503, "overloaded"));
    }
    // What is no set of vectors is a failure, too.
    model.next(Script::refuse_with(
        200,
        "application/json",
        r#"{"data":[{"index":0,"embedding":[1]}]}"#,
    ));
    let id = upload(&t, &ada, LAMP).await;
    let mut tries = 0;
    while shown(&ada, &id).await["vectors"]["done"] != 3 {
        tries += 1;
        assert!(tries < 40, "{}", shown(&ada, &id).await);
        // It is found by its words meanwhile.
        assert_eq!(shown(&ada, &id).await["status"], "ready");
        t.advance_seconds(30);
        t.drain().await;
    }
    assert_eq!(charged(&ada).await.0, model.totals().prompt_tokens);
    assert_eq!(shown(&ada, &id).await["vectors"]["error"], Value::Null);
}

#[tokio::test]
async fn a_used_up_limit_ends_the_vectors_says_so_and_they_go_on_when_it_is_raised() {
    let (model, t) = scene().await;
    let ada = t.user("ada").await;
    choose(&ada, SMALL).await;
    let quota = |limit: u64| ada.put("/api/v1/users/me/quota", json!({"daily_limit": limit}));
    quota(2_000).await.ok();
    let text = rules(200, "lamp");
    let id = upload(&t, &ada, &text).await;
    let mut view = shown(&ada, &id).await;
    // Batches that run beside each other reserve more than they use.
    for _ in 0..20 {
        if view["vectors"]["error"].is_string() {
            break;
        }
        t.advance_seconds(20);
        t.drain().await;
        view = shown(&ada, &id).await;
    }

    assert_eq!(
        (&view["status"], &view["vectors"]["error_code"]),
        (&json!("ready"), &json!("not_embedded"))
    );
    assert!(
        view["vectors"]["error"].as_str().unwrap().contains("daily limit"),
        "{view}"
    );
    let calls = model.calls().len();
    // It is found by its words, and nothing asks again by itself.
    let bot = ada.chatbot(&[&id]).await;
    assert!(!found(&ada, &bot, "What is rule 7 about?").await.is_empty());
    t.drain_all().await;
    let ada = ada.sign_in_again().await;
    let embedding_calls = model.calls().len();
    assert!(embedding_calls <= calls + 1, "the question only");
    let (done, tokens) = (view["vectors"]["done"].as_u64().unwrap(), model.totals().prompt_tokens);
    ada.put("/api/v1/users/me/quota", json!({"daily_limit": 10_000}))
        .await
        .ok();
    let needed = request_vectors(&ada, true).await;
    assert_eq!(
        (&needed["documents"], &needed["passages"], &needed["dry_run"]),
        (&json!(1), &json!(200 - done), &json!(true)),
        "{needed}"
    );
    assert_eq!(needed["estimated_tokens"], json!(250 * (200 - done)));
    assert!(needed["estimated_cost_micro_usd"].as_u64().unwrap() > 0);
    assert_eq!(model.totals().prompt_tokens, tokens);
    request_vectors(&ada, false).await;
    t.drain().await;
    let view = shown(&ada, &id).await;
    assert_eq!(
        (&view["vectors"]["done"], &view["vectors"]["error"]),
        (&json!(200), &Value::Null)
    );
    // What was paid before is not paid again.
    let read: usize = model
        .calls()
        .iter()
        .filter_map(|call| {
            Some(
                call.body["input"]
                    .as_array()?
                    .iter()
                    .filter(|text| text.as_str().is_some_and(|text| text.contains("is about")))
                    .count(),
            )
        })
        .sum();
    assert_eq!(read, 200 + usize::from(embedding_calls > calls));
    assert_eq!(request_vectors(&ada, false).await["documents"], 0);
}

#[tokio::test]
async fn a_provider_without_a_key_is_told_and_harms_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    choose(&ada, SMALL).await;
    let id = upload(&t, &ada, LAMP).await;
    let view = shown(&ada, &id).await;
    assert_eq!(
        (&view["status"], &view["vectors"]["error_code"]),
        (&json!("ready"), &json!("not_embedded"))
    );
    let bot = ada.chatbot(&[&id]).await;
    assert_eq!(found(&ada, &bot, "How long is the warranty?").await.len(), 1);
    assert!(t.stack.cloud().sqs().dead_letters("embed_passages").unwrap().is_empty());
}

#[tokio::test]
async fn deliveries_that_are_repeated_are_paid_once() {
    let (model, t) = scene().await;
    let ada = t.user("ada").await;
    choose(&ada, SMALL).await;
    let (id, messages) = planned(&t, &ada, &rules(200, "lamp")).await;
    assert_eq!(messages.len(), 3);
    let app = t.stack.app();
    for message in messages.iter().chain(&messages).rev() {
        app.embed_passages(message, &t.delivery(1)).await.unwrap();
    }
    assert_eq!(shown(&ada, &id).await["vectors"]["done"], 200);
    assert_eq!(model.calls().len(), 3);
    assert_eq!(charged(&ada).await.0, model.totals().prompt_tokens);
    assert!(objects(&t, &ada, &id).await.iter().all(|key| !key.contains(".vec")));
}

#[tokio::test]
async fn a_model_that_is_replaced_gets_no_more_texts_and_its_vectors_are_never_mixed() {
    let (model, t) = scene().await;
    let ada = t.user("ada").await;
    choose(&ada, SMALL).await;
    let (id, messages) = planned(&t, &ada, &rules(200, "lamp")).await;
    let app = t.stack.app();
    app.embed_passages(&messages[0], &t.delivery(1)).await.unwrap();
    // One batch is under way when the organization changes its mind.
    let gate = Gate::default();
    model.next(Script::default().after(&gate));
    let (delivery, changed) = (t.delivery(1), async {
        model.until(|calls| calls.len() == 2).await;
        choose(&ada, "gemini-embedding-001").await;
        gate.open(1);
    });
    let (under_way, ()) = tokio::join!(app.embed_passages(&messages[1], &delivery), changed);
    under_way.unwrap();
    app.embed_passages(&messages[2], &t.delivery(1)).await.unwrap();
    assert_eq!(model.calls().len(), 2);
    let view = shown(&ada, &id).await;
    assert!(
        view["vectors"]["error"]
            .as_str()
            .unwrap()
            .contains("another embedding model"),
        "{view}"
    );
    assert_eq!(view["vectors"]["model"], "openai/text-embedding-3-small");
    // The new one makes all of them.
    assert_eq!(request_vectors(&ada, false).await["passages"], 200);
    t.drain().await;
    let view = shown(&ada, &id).await;
    assert_eq!(
        (&view["vectors"]["model"], &view["vectors"]["done"]),
        (&json!("gemini/gemini-embedding-001"), &json!(200))
    );
    let vectors = segment(&t, &ada, &id).await.vectors().unwrap().clone();
    assert_eq!(
        (vectors.embedder().id.as_str(), vectors.count()),
        ("gemini/gemini-embedding-001", 200)
    );
    // Late deliveries of the first one do nothing, and leave nothing.
    for message in &messages {
        app.embed_passages(message, &t.delivery(1)).await.unwrap();
    }
    assert_eq!(segment(&t, &ada, &id).await.vectors(), Some(&vectors));
    assert!(objects(&t, &ada, &id).await.iter().all(|key| !key.contains(".vec")));
}

#[tokio::test]
async fn equal_texts_of_two_organizations_have_vectors_of_their_own_models() {
    let (model, t) = scene().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    choose(&ada, SMALL).await;
    choose(&eve, "cohere/embed-v4.0").await;
    let (first, second) = (upload(&t, &ada, LAMP).await, upload(&t, &eve, LAMP).await);
    assert_eq!(
        shown(&ada, &first).await["vectors"]["model"],
        "openai/text-embedding-3-small"
    );
    assert_eq!(shown(&eve, &second).await["vectors"]["model"], "cohere/embed-v4.0");
    let spent = charged(&eve).await;
    let bot = ada.chatbot(&[&first]).await;
    assert!(found(&ada, &bot, QUESTION).await[0].contains("warranty"));
    assert_eq!(model.calls().last().unwrap().path, "/embeddings");
    assert_eq!(charged(&eve).await, spent);
}

#[tokio::test]
async fn documents_keep_being_found_by_the_built_in_model_until_the_chosen_one_has_made_their_vectors() {
    let mut file = NamedTempFile::with_suffix(".bin").unwrap();
    file.write_all(&embedding::tiny::model(WORDS)).unwrap();
    let model = ModelDouble::start().await.unwrap();
    model.means(WORDS);
    let mut environment = model.environment();
    environment.push(("EMBEDDING_MODEL", file.path().to_str().unwrap().to_owned()));
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let t = Test::with(&environment).await;
    let ada = t.user("ada").await;
    let old = upload(&t, &ada, LAMP).await;
    choose(&ada, SMALL).await;
    let bot = ada.chatbot(&[&old]).await;
    assert!(found(&ada, &bot, QUESTION).await[0].contains("warranty"));
    assert_eq!(model.calls().len(), 0);
    // A new document beside it: each is compared with the question by its own model.
    let new = upload(&t, &ada, "# Walks\n\nThe river is near the moon gate.\n").await;
    let both = ada.chatbot(&[&old, &new]).await;
    assert!(
        found(&ada, &both, QUESTION)
            .await
            .iter()
            .take(2)
            .any(|text| text.contains("warranty"))
    );
    let texts = found(&ada, &both, "Fluss?").await;
    assert!(texts.iter().take(2).any(|text| text.contains("river")), "{texts:?}");
    let needed = request_vectors(&ada, false).await;
    assert_eq!((&needed["documents"], &needed["passages"]), (&json!(1), &json!(3)));
    t.drain().await;
    assert_eq!(
        shown(&ada, &old).await["vectors"]["model"],
        "openai/text-embedding-3-small"
    );
    assert!(found(&ada, &both, QUESTION).await[0].contains("warranty"));
    // Back to the built-in one: questions go to nobody.
    choose(&ada, "").await;
    let calls = model.calls().len();
    assert!(found(&ada, &both, QUESTION).await.is_empty());
    assert_eq!(found(&ada, &both, "How long is the warranty?").await.len(), 1);
    assert_eq!(model.calls().len(), calls);
    let needed = request_vectors(&ada, false).await;
    assert_eq!(
        (&needed["estimated_tokens"], &needed["estimated_cost_micro_usd"]),
        (&json!(0), &json!(0))
    );
    t.drain().await;
    assert!(found(&ada, &both, QUESTION).await[0].contains("warranty"));
    assert_eq!(model.calls().len(), calls);
}

#[tokio::test]
async fn vectors_of_several_lengths_are_not_kept() {
    let (model, t) = scene().await;
    let ada = t.user("ada").await;
    choose(&ada, "compatible/vectors").await;
    let (id, messages) = planned(&t, &ada, &rules(100, "lamp")).await;
    let app = t.stack.app();
    app.embed_passages(&messages[0], &t.delivery(1)).await.unwrap();
    let data: Vec<Value> = (0..4)
        .map(|index| json!({"index": index, "embedding": [1, 2, 3]}))
        .collect();
    model.next(Script::refuse_with(
        200,
        "application/json",
        json!({"data": data}).to_string(),
    ));
    app.embed_passages(&messages[1], &t.delivery(1)).await.unwrap();
    let view = shown(&ada, &id).await;
    assert_eq!(view["vectors"]["error_code"], "not_embedded", "{view}");
    assert!(segment(&t, &ada, &id).await.vectors().is_none());
    request_vectors(&ada, false).await;
    t.drain().await;
    assert_eq!(shown(&ada, &id).await["vectors"]["done"], 100);
}

#[tokio::test]
async fn a_question_is_answered_by_words_if_its_vector_cannot_be_made() {
    let (model, t) = scene().await;
    let ada = t.user("ada").await;
    choose(&ada, SMALL).await;
    let id = upload(&t, &ada, LAMP).await;
    let bot = ada.chatbot(&[&id]).await;
    let spent = charged(&ada).await.0;
    model.answer_with(|_| Script::refuse(500, "server_error"));
    assert_eq!(found(&ada, &bot, "How long is the warranty?").await.len(), 1);
    assert!(found(&ada, &bot, QUESTION).await.is_empty());
    assert_eq!(charged(&ada).await.0, spent);
}
