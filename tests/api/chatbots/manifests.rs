//! Questions to chatbots with many documents do not read all of their items, and miss no change.

use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures::{StreamExt as _, future::join_all, stream};
use serde_json::{Value, json};

use crate::support::{ADMIN, Caller, Second, Test};

const GATE: &str = "The keeper of the gate opens it at noon.";

/// More documents than are read one by one. `PARLANCE_DOCUMENTS` measures another number.
pub(super) fn number_of_documents() -> usize {
    let wanted = std::env::var("PARLANCE_DOCUMENTS").ok();
    wanted.map_or(200, |wanted| wanted.parse().unwrap())
}

/// A document and its copies under other IDs and names, each with a segment of its own.
pub(super) async fn copies(t: &Test, ada: &Caller, number: usize, text: &str) -> Vec<String> {
    let id = ada.upload("gate.txt", text.to_owned()).await.created().text("id");
    t.drain().await;
    let key = |id: &str| [("pk", format!("O#{}", ada.org())), ("sk", format!("D#{id}"))];
    let mut get = t.db().get_item().table_name("parlance-app");
    for (name, value) in key(&id) {
        get = get.key(name, AttributeValue::S(value));
    }
    let item = get.send().await.unwrap().item.unwrap();
    let segment = item["segment"].as_s().unwrap().clone();
    let bytes = t
        .s3()
        .get_object()
        .bucket("parlance")
        .key(&segment)
        .send()
        .await
        .unwrap();
    let bytes = bytes.body.collect().await.unwrap().into_bytes();
    let mut ids = vec![id.clone()];
    let mut requests = Vec::new();
    for copy in 1..number {
        let own = format!("{}{copy:012x}", &id[..24]);
        let mut item = item.clone();
        item.insert("id".to_owned(), AttributeValue::S(own.clone()));
        item.insert("sk".to_owned(), AttributeValue::S(format!("D#{own}")));
        item.insert("name".to_owned(), AttributeValue::S(format!("{copy}.txt")));
        item.insert("segment".to_owned(), AttributeValue::S(segment.replace(&id, &own)));
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        requests.push(WriteRequest::builder().put_request(put).build());
        ids.push(own);
    }
    for batch in requests.chunks(25) {
        let write = t.db().batch_write_item().request_items("parlance-app", batch.to_vec());
        write.send().await.unwrap();
    }
    let s3 = t.s3();
    let puts = ids.iter().skip(1).map(|own| {
        let put = s3.put_object().bucket("parlance").key(segment.replace(&id, own));
        put.body(bytes.clone().into()).send()
    });
    stream::iter(puts)
        .for_each_concurrent(16, async |put| drop(put.await.unwrap()))
        .await;
    ids
}

async fn found(caller: &Caller, bot: &str, question: &str) -> Vec<Value> {
    let path = format!("/api/v1/chatbots/{bot}/search");
    let found = caller
        .post(&path, json!({"query": question, "limit": 20}))
        .await
        .ok()
        .json();
    found["passages"].as_array().unwrap().clone()
}

/// Has every process forget what it has in memory.
pub(super) async fn forget(t: &Test) {
    let cleared = t.admin().await;
    cleared.post("/api/v1/admin/system/cache/clear", json!({})).await.ok();
    t.advance_seconds(31);
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how long a question takes is printed")]
async fn a_question_to_many_documents_costs_a_bounded_number_of_reads() {
    let t = Test::with(&ADMIN).await;
    let ada = t.talker("ada").await;
    let number = number_of_documents();
    let ids = copies(&t, &ada, number, GATE).await;
    let bot = ada.chatbot(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let second = Second::on(&t).await;
    let there = second.of(&ada);
    let mut reads = Vec::new();
    for round in ["first", "warm", "warm", "another process", "warm"] {
        if round == "another process" {
            forget(&t).await;
        }
        second.metered.units();
        let begun = Instant::now();
        let passages = found(&there, &bot, "When does the keeper open the gate?").await;
        let took = begun.elapsed();
        assert!(
            passages[0]["text"].as_str().unwrap().contains("at noon"),
            "{passages:?}"
        );
        second.metered.app.idle().await;
        let (read, write) = second.metered.units();
        println!("{number} documents, {round}: {read} R, {write} W, {took:?}");
        reads.push(read);
    }
    // The chatbot has the IDs of its documents in its item: a unit for a hundred of them.
    let counted = f64::from(u32::try_from(number).unwrap());
    let most = 8.0 + counted / 100.0;
    let documents = counted / 2.0;
    assert!(reads[0] > documents, "{reads:?}: it reads them once");
    assert!(reads[1..].iter().all(|read| *read <= most), "{reads:?}: at most {most}");
    // What has changed is read, and nothing else.
    let path = |id: &str| format!("/api/v1/documents/{id}");
    ada.patch(&path(&ids[3]), json!({"name": "South gate"})).await.ok();
    second.metered.units();
    found(&there, &bot, "When does the keeper open the gate?").await;
    let (read, _) = second.metered.units();
    assert!(read <= most + 2.0, "{read}");
    let manifest = |keys: Vec<String>| keys.into_iter().filter(|key| key.ends_with("/manifest")).count();
    assert_eq!(manifest(objects(&t, &ada, &bot).await), 1);
}

/// The keys of the objects of a chatbot.
async fn objects(t: &Test, ada: &Caller, bot: &str) -> Vec<String> {
    let list = t.s3().list_objects_v2().bucket("parlance");
    let listed = list.prefix(format!("t/{}/b/{bot}/", ada.org())).send().await.unwrap();
    listed
        .contents()
        .iter()
        .map(|object| object.key().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_change_of_any_document_is_seen_by_the_next_question() {
    let t = Test::with(&ADMIN).await;
    let ada = t.talker("ada").await;
    let mut ids = copies(&t, &ada, 80, GATE).await;
    let late = ada
        .upload("late.txt", "The ferry leaves at seven.")
        .await
        .created()
        .text("id");
    ids.push(late.clone());
    let bot = ada.chatbot(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let second = Second::on(&t).await;
    let there = second.of(&ada);
    let names = async |question: &str| -> Vec<String> {
        let passages = found(&there, &bot, question).await;
        let name = |passage: &Value| passage["name"].as_str().unwrap().to_owned();
        passages.iter().map(name).collect()
    };
    found(&there, &bot, "gate keeper").await;
    // It becomes ready.
    t.drain().await;
    assert_eq!(names("When does the ferry leave?").await, ["late.txt"]);
    let path = format!("/api/v1/documents/{late}");
    ada.patch(&path, json!({"name": "Timetable"})).await.ok();
    assert_eq!(names("When does the ferry leave?").await, ["Timetable"]);
    // Another file.
    let part = reqwest::multipart::Part::bytes(b"The balloon rises at dawn.".to_vec()).file_name("b.txt");
    let form = reqwest::multipart::Form::new().part("file", part);
    let version = ada.request(reqwest::Method::POST, &format!("{path}/versions"));
    ada.send(version.multipart(form)).await.created();
    t.drain().await;
    assert_eq!(names("When does the balloon rise?").await, ["Timetable"]);
    assert_eq!(names("ferry").await, Vec::<String>::new());
    // In another process, which reads what the first has stored.
    forget(&t).await;
    assert_eq!(names("When does the balloon rise?").await, ["Timetable"]);
    // It is taken away, and comes back.
    let assigned = format!("/api/v1/chatbots/{bot}/documents");
    ada.delete(&format!("{assigned}/{late}")).await.ok();
    assert_eq!(names("balloon").await, Vec::<String>::new());
    ada.post(&assigned, json!({"document_ids": [late]})).await.ok();
    assert_eq!(names("balloon").await, ["Timetable"]);
    ada.delete(&path).await.expect(204);
    assert_eq!(names("balloon").await, Vec::<String>::new());
    t.drain().await;
    let kept = objects(&t, &ada, &bot).await;
    assert!(
        !kept.iter().any(|key| key.ends_with("/manifest")),
        "its name is nowhere: {kept:?}"
    );
    // A day later all is read again.
    t.advance_seconds(21 * 60 * 60);
    let ada = ada.sign_in_again().await;
    assert_eq!(found(&second.of(&ada), &bot, "gate keeper").await.len(), 1);
}

#[tokio::test]
async fn documents_that_come_and_go_at_once_are_all_counted() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let ids = copies(&t, &ada, 96, GATE).await;
    let bot = ada
        .chatbot(&ids[..64].iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let path = format!("/api/v1/chatbots/{bot}/documents");
    let adding = ids[64..]
        .iter()
        .map(|id| ada.post(&path, json!({"document_ids": [id]})));
    let (caller, from) = (&ada, &path);
    let going = ids[..32]
        .iter()
        .map(|id| async move { caller.delete(&format!("{from}/{id}")).await });
    let (added, gone) = tokio::join!(join_all(adding), join_all(going));
    assert!(added.iter().chain(&gone).all(|answer| answer.status.is_success()));
    let shown = ada.get(&format!("/api/v1/chatbots/{bot}")).await.ok().json();
    assert_eq!(shown["document_count"], 64);
    assert_eq!(
        found(&ada, &bot, "gate keeper").await.len(),
        1,
        "equal passages are one"
    );
}
