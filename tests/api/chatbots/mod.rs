//! Chatbots and their documents.

pub(crate) mod citations;
mod deletion;
mod evaluation;
mod isolation;
mod languages;
mod manifests;
mod packs;
mod preview;
mod reranking;
mod rewriting;
mod search;
mod unanswered;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Chatbot;
use futures::future::join_all;
use serde_json::json;

use crate::support::{Caller, Test};

#[tokio::test]
async fn a_chatbot_is_made_read_changed_and_deleted_on_both_surfaces() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for surface in ["/api/v1", "/api"] {
        let new =
            json!({"name": "Helper", "description": "Helps", "settings": {"systemPrompt": "Be brief.", "top_k": 3}});
        let bot = ada.post(&format!("{surface}/chatbots"), new).await.created();
        let path = format!("{surface}/chatbots/{}", bot.text("id"));
        assert_eq!(ada.get(&path).await.ok().json(), bot.json());
        let changed = ada
            .put(
                &path,
                json!({"name": "Better", "settings": {"welcomeMessage": "Hello!"}}),
            )
            .await
            .ok()
            .json();
        assert_eq!(
            (&changed["name"], &changed["description"]),
            (&"Better".into(), &"Helps".into())
        );
        let settings = serde_json::to_string(&changed["settings"]).unwrap();
        assert!(
            settings.contains("Be brief.") && settings.contains("Hello!"),
            "what was left out stays: {settings}"
        );
        let cleared = ada
            .put(&path, json!({"settings": {"systemPrompt": ""}}))
            .await
            .ok()
            .json();
        assert!(!cleared["settings"].to_string().contains("Be brief."));
        assert_eq!(
            ada.get(&format!("{surface}/chatbots")).await.ok().json(),
            json!([cleared])
        );
        ada.delete(&path).await.expect(204);
        ada.get(&path).await.problem(404, "not_found");
        ada.delete(&path).await.problem(404, "not_found");
        ada.put(&path, json!({"name": "Again"})).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn documents_are_assigned_and_taken_away() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let one = ada.upload("one.txt", "One.").await.created().text("id");
    let two = ada.upload("two.txt", "Two.").await.created().text("id");
    let bot = ada.chatbot(&[&one]).await;
    let path = format!("/api/chatbots/{bot}/documents");
    let assigned = ada.post(&path, json!({"documentIds": [two, one]})).await.ok().json();
    assert_eq!(assigned["documents"], json!([one, two]));
    let removed = ada.delete(&format!("{path}/{one}")).await.ok().json();
    assert_eq!(removed["documents"], json!([two]));
    ada.delete(&format!("{path}/{one}")).await.problem(404, "not_found");
    let last = ada.delete(&format!("{path}/{two}")).await.ok().json();
    assert_eq!(last["documents"], json!([]));
}

#[tokio::test]
async fn documents_have_one_name_wherever_they_are_sent() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let one = ada.upload("one.txt", "One.").await.created().text("id");
    let two = ada.upload("two.txt", "Two.").await.created().text("id");
    for (surface, ids) in [("/api/v1", "document_ids"), ("/api", "documentIds")] {
        let path = format!("{surface}/chatbots");
        let new = json!({"name": "Bot", ids: [one]});
        let bot = ada.post(&path, new).await.created().json();
        assert_eq!(bot["documents"], json!([one]), "{path}");
        let path = format!("{path}/{}", bot["id"].as_str().unwrap_or_default());
        let changed = ada.put(&path, json!({ids: [two]})).await.ok().json();
        assert_eq!(changed["documents"], json!([two]), "{path}");
        let assigned = ada
            .post(&format!("{path}/documents"), json!({"documents": [one]}))
            .await
            .ok()
            .json();
        assert_eq!(assigned["documents"], json!([one, two]), "{path}");
        ada.post(
            &format!("{surface}/chatbots"),
            json!({"name": "Bot", "documents": [one], ids: [two]}),
        )
        .await
        .expect(422);
    }
}

#[tokio::test]
async fn names_that_nobody_can_read_are_refused() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for name in ["\u{200b}", "\u{3164}\u{feff}", "a\u{7}", "a\u{202e}b"] {
        for (body, pointer) in [
            (json!({"name": name}), "/name"),
            (json!({"name": "Bot", "settings": {"model": name}}), "/settings/model"),
        ] {
            assert_eq!(
                ada.post("/api/v1/chatbots", body).await.invalid(),
                [pointer],
                "{name:?}"
            );
        }
    }
    let prompt = json!({"name": "Bot", "settings": {"system_prompt": "One.\n\tTwo."}});
    ada.post("/api/v1/chatbots", prompt).await.created();
    let prompt = json!({"name": "Bot", "settings": {"system_prompt": "\u{2060}"}});
    assert_eq!(
        ada.post("/api/v1/chatbots", prompt).await.invalid(),
        ["/settings/system_prompt"]
    );
}

#[tokio::test]
async fn callers_who_assign_at_the_same_time_all_have_their_way() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(
            ada.upload(&format!("{number}.txt"), format!("Text {number}."))
                .await
                .created()
                .text("id"),
        );
    }
    let path = format!("/api/v1/chatbots/{}/documents", ada.chatbot(&[]).await);
    let assign = async |id: &String| ada.post(&path, json!({"document_ids": [id]})).await.ok();
    let remove = async |id: &String| ada.delete(&format!("{path}/{id}")).await.ok();
    join_all(ids.iter().map(assign)).await;
    join_all(ids[..10].iter().map(remove)).await;
    let bot = ada.get(path.trim_end_matches("/documents")).await.ok().json();
    assert_eq!(bot["documents"], json!(ids[10..]));
}

#[tokio::test]
async fn foreign_chatbots_and_documents_are_not_found() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let document = ada.upload("one.txt", "One.").await.created().text("id");
    let bot = ada.chatbot(&[&document]).await;
    let path = format!("/api/v1/chatbots/{bot}");
    eve.get(&path).await.problem(404, "not_found");
    eve.put(&path, json!({"name": "Mine"})).await.problem(404, "not_found");
    eve.delete(&path).await.problem(404, "not_found");
    eve.delete(&format!("{path}/documents/{document}"))
        .await
        .problem(404, "not_found");
    let own = eve.chatbot(&[]).await;
    eve.post(
        &format!("/api/v1/chatbots/{own}/documents"),
        json!({"document_ids": [document]}),
    )
    .await
    .problem(404, "not_found");
    eve.post("/api/v1/chatbots", json!({"name": "Thief", "documents": [document]}))
        .await
        .problem(404, "not_found");
    eve.put(&format!("/api/v1/chatbots/{own}"), json!({"documents": [document]}))
        .await
        .problem(404, "not_found");
    assert_eq!(ada.get(&path).await.ok().json()["documents"], json!([document]));
}

#[tokio::test]
async fn what_is_no_chatbot_is_refused_with_pointers() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let create = |body| async { ada.post("/api/v1/chatbots", body).await };
    assert_eq!(create(json!({})).await.invalid(), ["/name"]);
    assert_eq!(create(json!({"name": "  "})).await.invalid(), ["/name"]);
    assert_eq!(
        create(json!({"name": "x", "settings": {"top_k": 0}})).await.invalid(),
        ["/settings/top_k"]
    );
    assert_eq!(
        create(json!({"name": "x", "settings": {"temperature": "hot"}}))
            .await
            .invalid(),
        ["/settings/temperature"]
    );
    let cleared = json!({"name": "x", "description": "to go"});
    let bot = create(cleared).await.created().text("id");
    let gone = ada
        .put(&format!("/api/v1/chatbots/{bot}"), json!({"description": ""}))
        .await
        .ok()
        .json();
    assert_eq!(gone["description"], serde_json::Value::Null);
    let endless = "a".repeat(5000);
    assert_eq!(
        create(json!({"name": "x", "documents": [endless]})).await.invalid(),
        ["/documents/0"]
    );
    let many: Vec<String> = (0..2_001).map(|number| format!("d{number}")).collect();
    assert_eq!(
        create(json!({"name": "x", "documents": many})).await.invalid(),
        ["/documents"]
    );
}

/// Puts rows of documents into the table, as if they had been uploaded; their IDs, oldest first.
async fn many_documents(t: &Test, ada: &Caller, count: usize) -> Vec<String> {
    let sample = ada.upload("sample.txt", "text").await.created().text("id");
    let get = t.db().get_item().table_name("parlance-app");
    let get = get.key("pk", AttributeValue::S(format!("O#{}", ada.org())));
    let get = get.key("sk", AttributeValue::S(format!("D#{sample}")));
    let row = get.send().await.unwrap().item.unwrap();
    let mut ids = Vec::new();
    for number in 0..count {
        let mut row = row.clone();
        let id = format!("00000000-0000-7000-8000-{number:012}");
        row.insert("sk".to_owned(), AttributeValue::S(format!("D#{id}")));
        row.insert("id".to_owned(), AttributeValue::S(id.clone()));
        let put = t.db().put_item().table_name("parlance-app").set_item(Some(row));
        put.send().await.unwrap();
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn a_chatbot_takes_two_thousand_documents_and_says_so_at_the_next_one() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let ids = many_documents(&t, &ada, Chatbot::MAX_DOCUMENTS + 1).await;
    let (last, most) = ids.split_last().unwrap();
    let bot = ada.chatbot(&most.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let bot = format!("/api/v1/chatbots/{bot}");
    let path = format!("{bot}/documents");
    let one = async |id: &String| ada.post(&format!("{path}/{id}"), json!({})).await;
    assert_eq!(one(last).await.invalid(), ["/documents"]);
    let again = one(&most[0]).await.ok().json();
    assert_eq!(again["documents"], json!(most), "what is there already needs no room");
    ada.delete(&format!("{path}/{}", most[0])).await.ok();
    assert_eq!(one(last).await.ok().json()["document_count"], Chatbot::MAX_DOCUMENTS);
    let (mut listed, mut next) = (Vec::new(), Some(format!("{path}?limit=100")));
    while let Some(url) = next {
        let page = ada.get(&url).await.ok();
        let items = page.json().as_array().unwrap().clone();
        assert!((1..=100).contains(&items.len()));
        listed.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        next = page.next();
    }
    listed.reverse();
    assert_eq!(listed, ids[1..]);
    let shown = ada.get("/api/v1/chatbots").await.ok().json()[0].clone();
    assert_eq!(
        (shown["documents"].as_array().unwrap().len(), &shown["document_count"]),
        (20, &json!(2_000))
    );
    ada.post(&format!("{path}/{last}"), json!({})).await.ok();
    t.anonymous().get(&path).await.expect(401);
    t.user("eve").await.get(&path).await.problem(404, "not_found");
}
