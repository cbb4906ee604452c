//! The worker `import_data_source`.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{DataSourceId, ImportDataSourceMessage, OrgId};
use serde_json::json;

use crate::support::Test;

const FILE: (&str, &[u8]) = ("t.csv", b"a,b\n1,x\n2,y\n");

fn message(org: &str, id: &str) -> ImportDataSourceMessage {
    ImportDataSourceMessage {
        org_id: OrgId(org.to_owned()),
        data_source_id: DataSourceId(id.to_owned()),
    }
}

#[tokio::test]
async fn a_repeated_message_changes_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.new_data_source(&[FILE], &[]).await.created().text("id");
    t.drain().await;
    let (before, objects) = (t.items("parlance-app").await, t.object_keys().await);
    let app = t.stack.app();
    app.import_data_source(&message(ada.org(), &id), &t.delivery(2))
        .await
        .unwrap();
    assert_eq!(
        (t.items("parlance-app").await, t.object_keys().await),
        (before, objects)
    );
}

#[tokio::test]
async fn names_in_any_language_are_imported() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let table = "Gebäude_id,用户ID,用户编号_id,a\n1,x,p,7\n2,y,q,8\n".as_bytes();
    for name in ["gebäude.csv", "用户.csv"] {
        let id = ada.new_data_source(&[(name, table)], &[]).await.created().text("id");
        t.drain().await;
        let found = ada.get(&format!("/api/v1/data_sources/{id}")).await.ok().json();
        assert_eq!(found["status"], json!("ready"), "{found}");
        ada.delete(&format!("/api/v1/data_sources/{id}")).await.expect(204);
    }
}

#[tokio::test]
async fn a_lost_message_is_sent_again() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let created = t
        .without_queue("import_data_source", ada.new_data_source(&[FILE], &[]))
        .await;
    let id = created.created().text("id");
    t.drain().await;
    let path = format!("/api/v1/data_sources/{id}");
    assert_eq!(ada.get(&path).await.ok().json()["status"], json!("pending"));
    t.advance_seconds(16 * 60);
    let ada = ada.sign_in_again().await;
    t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
    t.drain().await;
    assert_eq!(ada.get(&path).await.ok().json()["status"], json!("ready"));
}

#[tokio::test]
async fn a_data_source_that_was_deleted_meanwhile_stays_deleted() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = ada.new_data_source(&[FILE], &[]).await.created().text("id");
    ada.delete(&format!("/api/v1/data_sources/{id}")).await.expect(204);
    t.drain().await;
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn files_of_a_request_that_crashed_are_removed() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    // As a crash after the promise and the first file leaves it.
    let (org, id) = (ada.org(), "01a2017d-6c1d-7a53-8f5e-2b64c1d7e913");
    let in_half_an_hour = t.stack.app().clock.now_ms() + 30 * 60 * 1_000;
    let purge = [("kind", "data_source"), ("org_id", org), ("data_source_id", id)];
    let purge = purge.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())));
    let entry = aws_sdk_dynamodb::Client::new(t.stack.sdk())
        .put_item()
        .table_name("parlance-app");
    let entry = entry
        .item("pk", AttributeValue::S("PURGE".to_owned()))
        .item("sk", AttributeValue::S(format!("data_source.{org}.{id}")))
        .item("purge", AttributeValue::M(purge.into()))
        .item("created_ms", AttributeValue::N(in_half_an_hour.to_string()));
    entry.send().await.unwrap();
    let file = t
        .s3()
        .put_object()
        .bucket("parlance")
        .key(format!("t/{org}/data/{id}/upload/0"));
    file.body(FILE.1.to_vec().into()).send().await.unwrap();
    let relay = async || {
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
        t.object_keys().await.len()
    };
    // Its request may still be running.
    assert_eq!(relay().await, 1);
    t.advance_seconds(31 * 60);
    assert_eq!(relay().await, 0);
}
