//! Installations that began with one secret for everything.

use std::{fmt::Write as _, fs};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Actor, AuditEntry, OrgId, UserId, audit::AuditSource};
use local::{Options, Stack, cloud::Data, keys::Keys};
use serde_json::{Value, json};
use store::{Store, Tables};

use super::{rotate_and_wait, secrets, value};
use crate::support::{Caller, Test};

const LOGS: &str = "/api/v1/audit_logs";

fn hkdf(secret: &[u8], salt: &[u8], purpose: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let purpose = [purpose];
    extracted.expand(&purpose, HKDF_SHA256).unwrap().fill(&mut key).unwrap();
    key
}

/// Writes an entry of a client as releases before the key ring did; answers its id.
async fn note_as_before(t: &Test, user: &Caller, words: &str) -> String {
    let store = Store::new(t.stack.sdk(), Tables::with_prefix("parlance"));
    let (owner, salt) = (UserId(user.id().to_owned()), [7; 32]);
    store.audit_log().make_salt(&owner, &salt).await.unwrap();
    let app = t.stack.app();
    let mut entry = AuditEntry {
        id: app.ids.make().unwrap(),
        tenant: OrgId(user.org().to_owned()),
        actor: Actor::user(user.id(), "request"),
        action: "client.entry".to_owned(),
        subject_kind: "user".to_owned(),
        subject: user.id().to_owned(),
        before: Value::Null,
        after: Value::Null,
        sealed: None,
        source: AuditSource::Client,
        created_at: app.clock.now(),
        event: None,
    };
    let root = hkdf(value(t, "JWT_SECRET").await.as_bytes(), b"parlance", b"sealing");
    let key = RandomizedNonceKey::new(&AES_256_GCM, &hkdf(&root, &salt, b"audit entry")).unwrap();
    let mut text = json!({"action": words, "details": null}).to_string().into_bytes();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(entry.id.as_str().as_bytes()), &mut text)
        .unwrap();
    entry.sealed = Some(STANDARD.encode([&[1], nonce.as_ref().as_slice(), &text].concat()));
    store.record(&entry).await.unwrap();
    entry.id.as_str().to_owned()
}

async fn words(caller: &Caller, id: &str) -> String {
    caller.get(&format!("{LOGS}/{id}")).await.ok().text("action")
}

#[tokio::test]
async fn what_was_encrypted_before_there_was_a_key_ring_stays_readable_over_rotations() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = note_as_before(&t, &ada, "written long ago").await;
    assert_eq!(words(&ada, &id).await, "written long ago");
    for _ in 0..3 {
        rotate_and_wait(&t, Keys::Signing).await;
        assert_eq!(words(&ada.sign_in_again().await, &id).await, "written long ago");
    }
    rotate_and_wait(&t, Keys::Encryption).await;
    assert_eq!(words(&ada.sign_in_again().await, &id).await, "written long ago");
}

#[tokio::test]
async fn a_value_of_the_signing_secret_that_was_put_by_hand_takes_nothing_along_at_first() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = note_as_before(&t, &ada, "written long ago").await;
    let put = secrets(&t).put_secret_value().secret_id("JWT_SECRET");
    put.secret_string("0123456789abcdef0123456789abcdef")
        .send()
        .await
        .unwrap();
    t.advance_seconds(91);
    assert_eq!(words(&ada, &id).await, "written long ago");
    // The command keeps the keys of both values for ever.
    rotate_and_wait(&t, Keys::Encryption).await;
    rotate_and_wait(&t, Keys::Signing).await;
    rotate_and_wait(&t, Keys::Signing).await;
    assert_eq!(words(&ada.sign_in_again().await, &id).await, "written long ago");
}

#[tokio::test]
async fn a_data_folder_of_an_earlier_release_gets_a_key_ring_with_what_it_was_encrypted_with() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = json!({"JWT_SECRET": {"created_ms": 1, "versions": [
        {"id": "01234567-0123-7123-8123-0123456789ab", "created_ms": 1, "text": "a".repeat(64)},
    ]}});
    fs::write(folder.path().join("secrets.json"), earlier.to_string()).unwrap();
    let start = async || {
        let options = Options {
            data: Data::Folder(folder.path().to_owned()),
            ..Options::ephemeral()
        };
        Test::of(Stack::start(options).await.unwrap())
    };
    let t = start().await;
    let ring: Value = serde_json::from_str(&value(&t, "ENCRYPTION_KEYS").await).unwrap();
    let root = hkdf("a".repeat(64).as_bytes(), b"parlance", b"sealing");
    let root = root.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    assert_eq!((&ring["current"], &ring["legacy-1"]), (&json!("1"), &json!(root)));
    let ada = t.user("ada").await;
    let id = note_as_before(&t, &ada, "written long ago").await;
    rotate_and_wait(&t, Keys::Signing).await;
    rotate_and_wait(&t, Keys::Signing).await;
    t.stack.stop().await;

    let t = start().await;
    t.advance_seconds(300);
    let ada = ada.at(&t.stack.url()).sign_in_again().await;
    assert_eq!(words(&ada, &id).await, "written long ago");
}
