//! Exports: everything of a person, in one archive that only they get.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
};

use app::Delivery;
use domain::{ExportMessage, Timestamp};
use futures::future::join_all;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::support::{ADMIN, Caller, Test};

const EXPORT: &str = "/api/v1/users/me/export";
const DAY: u64 = 24 * 3600;

/// The files of the archive that a ready export leads to.
pub(crate) async fn download(t: &Test, export: &Value) -> BTreeMap<String, Vec<u8>> {
    let url = export["download_url"].as_str().expect("a link");
    let answer = t.follow(url).await;
    assert_eq!(answer.status(), 200, "{url}");
    let bytes = answer.bytes().await.unwrap();
    assert_eq!(json!(bytes.len()), export["size_bytes"]);
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert!(files.insert(file.name().unwrap().into_owned(), content).is_none());
    }
    files
}

/// The lines of all files of the archive that hold lines.
fn lines(files: &BTreeMap<String, Vec<u8>>) -> Vec<Value> {
    let tables = files
        .iter()
        .filter(|(name, _)| name.rsplit('.').next() == Some("jsonl"));
    tables
        .flat_map(|(_, content)| std::str::from_utf8(content).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// An export of the caller that is ready.
pub(crate) async fn exported(t: &Test, caller: &Caller) -> Value {
    caller.get(EXPORT).await.expect(202);
    t.drain().await;
    let export = caller.get(EXPORT).await.ok().json();
    assert_eq!(export["status"], "ready");
    export
}

/// What somebody does in a day.
async fn seed(t: &Test, ada: &Caller) {
    let text = "The warranty of zyxmarker is five years. ".repeat(20);
    let document = ada.upload("zyxmarker.txt", text).await.created().text("id");
    t.drain().await;
    let session = ada.session(&[&document]).await;
    ada.ask(&session, "How long is the zyxmarker warranty?").await.ok();
    ada.put("/api/v1/settings", json!({"preferences": {"note": "zyxsettings"}}))
        .await
        .ok();
    ada.api_key(json!({"name": "zyxkey"})).await;
    let entry = json!({"action": "seen", "details": {"note": "zyxaudit"}});
    ada.post("/api/v1/audit_logs", entry).await.created();
}

/// Values that prove something, as the tables have them.
async fn secrets(t: &Test) -> Vec<String> {
    let db = aws_sdk_dynamodb::Client::new(t.stack.sdk());
    let found = db.scan().table_name("parlance-identity").send().await.unwrap();
    let mut secrets = Vec::new();
    for item in found.items() {
        for name in ["password_hash", "secret_hash", "token_hash"] {
            secrets.extend(item.get(name).and_then(|value| value.as_s().ok()).cloned());
        }
        let (pk, sk) = (item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
        secrets.extend(sk.strip_prefix("LINK#").map(str::to_owned));
        secrets.extend(pk.strip_prefix("AK#").map(str::to_owned));
    }
    secrets
}

#[tokio::test]
async fn an_export_holds_everything_of_a_person_and_no_secret() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    seed(&t, &ada).await;
    bob.upload("other.txt", "zyxbob").await.created();
    t.drain().await;
    let asked = ada.get(EXPORT).await.expect(202).json();
    assert_eq!(
        (&asked["status"], &asked["download_url"], &asked["size_bytes"]),
        (&json!("pending"), &Value::Null, &Value::Null)
    );
    t.drain().await;
    let export = ada.get(EXPORT).await.ok().json();
    assert_eq!(export["status"], "ready", "{export}");
    let until: Timestamp = export["expires_at"].as_str().unwrap().parse().unwrap();
    let left = until.as_second() - t.stack.app().clock.now().as_second();
    assert!((899..=900).contains(&left), "{left}");

    let files = download(&t, &export).await;
    let rows = lines(&files);
    let text = rows.iter().map(Value::to_string).collect::<String>();
    for marker in [
        "ada@example.com",
        "zyxmarker",
        "zyxsettings",
        "zyxkey",
        "zyxaudit",
        "How long is",
    ] {
        assert!(text.contains(marker), "{marker} is missing: {:?}", files.keys());
    }
    let uploaded = files.iter().find(|(name, _)| name.ends_with("/zyxmarker.txt"));
    assert!(uploaded.unwrap().1.starts_with(b"The warranty of zyxmarker"));
    let secrets = secrets(&t).await;
    assert!(secrets.len() >= 4, "{secrets:?}");
    for foreign in secrets.iter().map(String::as_str).chain(["zyxbob", "bob@example.com"]) {
        assert!(!text.contains(foreign), "{foreign}");
    }
    let audited = t.items("parlance-audit").await;
    assert_eq!(
        audited
            .values()
            .filter(|entry| entry.contains("user.export_requested"))
            .count(),
        1
    );
}

/// More than a part of an upload; noise cannot be compressed.
#[tokio::test]
async fn a_large_export_is_uploaded_in_parts_and_comes_back_whole() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mut state = 1_u64;
    let mut file = b"%PDF-1.4\n".to_vec();
    file.extend((0..9 << 20).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    }));
    let upload = ada.begin_upload("noise.pdf", file.len()).await;
    upload.put(file.clone()).await.ok();
    upload.complete().await.created();
    let files = download(&t, &exported(&t, &ada).await).await;
    let kept = files.iter().find(|(name, _)| name.ends_with("/noise.pdf"));
    assert!(kept.is_some_and(|(_, kept)| *kept == file));
}

#[tokio::test]
async fn there_is_one_export_at_a_time_however_many_ask() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let answers = join_all((0..32).map(|_| ada.get(EXPORT))).await;
    let first = answers[0].json()["created_at"].clone();
    for answer in answers {
        assert!([200, 202].contains(&answer.status.as_u16()), "{answer:?}");
        assert_eq!(answer.json()["created_at"], first);
    }
    t.drain().await;
    assert_eq!(t.object_keys().await.len(), 1);
}

#[tokio::test]
async fn an_export_is_offered_for_seven_days_and_renewed_once_a_day() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let first = exported(&t, &ada).await;
    let fresh = format!("{EXPORT}?fresh=true");
    t.advance_seconds(DAY - 60);
    let ada = ada.sign_in_again().await;
    let same = ada.get(&fresh).await.ok().json();
    assert_eq!(same["created_at"], first["created_at"], "one a day");
    t.advance_seconds(61);
    assert_eq!(ada.get(EXPORT).await.ok().json()["created_at"], first["created_at"]);
    ada.get(&fresh).await.expect(202);
    t.drain().await;
    let second = ada.get(&fresh).await.ok().json();
    assert_ne!(second["created_at"], first["created_at"]);
    assert_eq!(t.object_keys().await.len(), 1, "the one before is gone");
    download(&t, &second).await;
    t.advance_seconds(7 * DAY);
    let ada = ada.sign_in_again().await;
    ada.get(EXPORT).await.expect(202);
}

#[tokio::test]
async fn an_export_is_for_the_person_and_platform_admins() {
    let t = Test::with(&ADMIN).await;
    let (ada, eve, root) = (t.user("ada").await, t.user("eve").await, t.admin().await);
    let path = format!("/api/v1/users/{}/export", ada.id());
    t.anonymous().get(EXPORT).await.problem(401, "credentials_required");
    eve.get(&path).await.problem(404, "not_found");
    let key = ada.with_token(&ada.api_key(json!({"name": "Kiosk"})).await.text("key"));
    key.get(EXPORT).await.problem(403, "person_required");
    root.get(&path).await.expect(202);
    t.drain().await;
    let found = ada.get(EXPORT).await.ok().json();
    assert_eq!(found["status"], "ready", "it is the same export");
    assert_eq!(ada.get(&format!("{EXPORT}?fresh=perhaps")).await.invalid(), ["/fresh"]);
    root.get("/api/v1/users/nobody/export").await.problem(404, "not_found");
}

/// The message of the export that ada asked for.
async fn message(t: &Test, ada: &Caller) -> ExportMessage {
    let found = t.items("parlance-identity").await;
    let (_, item) = found.iter().find(|((_, sk), _)| sk == "EXPORT").expect("an export");
    let (_, id) = item.split_once("\"id\": \"S(\\\"").expect("its id");
    ExportMessage {
        user_id: ada.id().to_owned().into(),
        export_id: id[..36].to_owned().into(),
    }
}

#[tokio::test]
async fn a_message_that_comes_ten_times_makes_one_export() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let export = exported(&t, &ada).await;
    let (app, message) = (t.stack.app(), message(&t, &ada).await);
    let delivery = t.delivery(2);
    let before = t.items("parlance-identity").await;
    let again = join_all((0..10).map(|_| app.export_user(&message, &delivery))).await;
    assert!(again.iter().all(Result::is_ok), "{again:?}");
    assert_eq!(t.items("parlance-identity").await, before);
    download(&t, &export).await;
}

#[tokio::test]
async fn an_export_that_failed_says_so_once_and_begins_anew() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    ada.get(EXPORT).await.expect(202);
    t.drain().await;
    let message = message(&t, &ada).await;
    let db = aws_sdk_dynamodb::Client::new(t.stack.sdk());
    let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
    // As if the worker met what it cannot read.
    let broken = db.put_item().table_name("parlance-identity");
    let broken = broken.item("pk", text(&format!("U#{}", ada.id())));
    let broken = broken
        .item("sk", text("EXPORT"))
        .item("id", text(message.export_id.as_str()));
    let broken = broken.item("user", text(ada.id())).item("status", text("pending"));
    let now = t.stack.app().clock.now().to_string();
    let broken = broken.item("created_at", text(&now)).item("queued_at", text(&now));
    broken.send().await.unwrap();
    let place = db.put_item().table_name("parlance-identity");
    let place = place
        .item("pk", text(&format!("U#{}", ada.id())))
        .item("sk", text("ORG#x"));
    place.send().await.unwrap();
    for receive_count in [1, Delivery::MAX - 1, Delivery::MAX] {
        assert_eq!(ada.get(EXPORT).await.expect(202).json()["status"], "pending");
        let delivery = t.delivery(receive_count);
        t.stack.app().export_user(&message, &delivery).await.unwrap_err();
    }
    assert_eq!(ada.get(EXPORT).await.ok().json()["status"], "failed");
    let unplaced = db.delete_item().table_name("parlance-identity");
    let unplaced = unplaced.key("pk", text(&format!("U#{}", ada.id())));
    unplaced.key("sk", text("ORG#x")).send().await.unwrap();
    exported(&t, &ada).await;
}

#[tokio::test]
async fn a_deleted_account_takes_its_exports_with_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let export = exported(&t, &ada).await;
    let message = message(&t, &ada).await;
    ada.delete("/api/v1/users/me").await.ok();
    t.drain().await;
    assert_eq!(t.object_keys().await, Vec::<String>::new());
    // Who signed the link may read archives but not list them, so what is gone is not told from what is forbidden.
    let gone = t.follow(export["download_url"].as_str().unwrap()).await;
    assert_eq!(gone.status(), 403);
    let refused = t.permissions.refused();
    assert_eq!(
        refused.into_iter().map(|it| it.action).collect::<Vec<_>>(),
        ["s3:ListBucket"]
    );
    // A delivery that comes late makes nothing anew.
    let delivery = t.delivery(1);
    t.stack.app().export_user(&message, &delivery).await.unwrap();
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}
