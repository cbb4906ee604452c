//! What an erased person wrote is in no file of the data folder.

use std::{collections::BTreeMap, path::Path};

use local::{Options, Stack, cloud::Data};
use model_double::{ModelDouble, Script};
use serde_json::json;

use crate::{
    jobs::erasure::residue::files_with,
    support::{self, PASSWORD, Test, environment},
};

const MARKER: &str = "zyxfolder5813";

async fn start(folder: &Path, models: &str) -> Test {
    let stack = Stack::start(Options {
        environment: environment(&[("OPENAI_COMPATIBLE_BASE_URL", models)]),
        data: Data::Folder(folder.to_owned()),
        ..support::options()
    });
    Test::of(stack.await.unwrap())
}

#[tokio::test]
async fn neither_former_addresses_nor_typed_names_nor_changes_of_tables_outlive_their_person() {
    let folder = tempfile::tempdir().unwrap();
    let double = ModelDouble::start().await.unwrap();
    double.always(Script::tokens(5));
    let t = start(folder.path(), &double.url()).await;
    let (ada, mut bob) = (t.user("ada").await, t.user(MARKER).await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "admin")]).await;
    // Mail to an address that is another one later, in another case, and once more.
    t.anonymous()
        .post(
            "/api/v1/auth/reset-password",
            json!({"email": format!("{MARKER}@example.com")}),
        )
        .await
        .ok();
    t.drain().await;
    for email in [format!("{MARKER}-second@example.com"), "bob@example.com".to_owned()] {
        let change = json!({"email": email, "current_password": PASSWORD});
        bob.put("/api/v1/users/me", change).await.ok();
        t.drain().await;
    }
    let in_acme = bob.with_header("x-current-org", &org);
    for place in [&bob, &in_acme] {
        let asked = json!({"model": format!("compatible/{MARKER}"), "message": MARKER});
        place.post("/api/v1/ai/chat", asked).await.ok();
    }
    // What others keep: a key in their organization, and a mail to somebody whom Bob invited.
    let key = in_acme
        .api_key(json!({"name": MARKER, "models": [MARKER], "scopes": ["chats:read"]}))
        .await
        .text("id");
    let friend = json!({"email": "friend@example.com"});
    ada.verify().await;
    in_acme
        .post(&format!("/api/v1/orgs/{org}/invite"), friend)
        .await
        .created();
    let text = format!("{MARKER} is five years.");
    bob.upload(&format!("{MARKER}.txt"), text).await.created();
    let platform = async |name: &str| {
        let sums = t.items("parlance-usage").await;
        let mut sums = sums.into_iter().filter(|((pk, _), _)| pk.starts_with("R#"));
        sums.any(|((_, sk), item)| sk.contains(name) || item.contains(name))
    };
    t.drain().await;
    assert!(platform("other").await && !platform(MARKER).await);
    let used = ada
        .with_header("x-current-org", &org)
        .get("/api/v1/ai/usage?group_by=model")
        .await;
    assert!(
        used.ok().json().to_string().contains(MARKER),
        "who lives sees what they asked"
    );
    // Until somebody is erased, all of this is there.
    assert!(!files_with(MARKER, folder.path()).is_empty());

    // An address that Bob was to have, and had not.
    bob.account["email"] = json!("bob@example.com");
    let bob = bob.sign_in_again().await;
    bob.verify().await;
    let change = json!({"email": format!("{MARKER}-third@example.com"), "current_password": PASSWORD});
    bob.put("/api/v1/users/me", change).await.ok();
    t.drain().await;
    let name = json!({"name": "Bob"});
    bob.put("/api/v1/users/me", name).await.ok();
    bob.delete("/api/v1/users/me").await.ok();
    t.advance_seconds(1);
    for _ in 0..2 {
        t.anonymous().post("/_local/run/relay_outbox", json!({})).await.ok();
        t.drain().await;
    }
    let mails = t.outbox().await;
    assert!(!json!(mails).to_string().contains(MARKER), "{mails:?}");
    let usage = t.items("parlance-usage").await;
    let typed: Vec<_> = usage.iter().filter(|(_, item)| item.contains(MARKER)).collect();
    assert!(typed.is_empty(), "{typed:?}");
    let used = ada
        .with_header("x-current-org", &org)
        .get("/api/v1/ai/usage?group_by=model")
        .await;
    let used = used.ok().json();
    assert_eq!(used["groups"][0]["name"], "other", "{used}");
    assert_eq!(
        used["totals"]["requests"], 1,
        "what the organization used stays in its sums: {used}"
    );
    let in_acme = ada.with_header("x-current-org", &org);
    let key = in_acme.get(&format!("/api/v1/apikeys/{key}")).await.ok().json();
    let shown = (&key["name"], &key["status"], &key["models"]);
    assert_eq!(
        shown,
        (&json!("Key of a deleted account"), &json!("revoked"), &json!(null))
    );
    t.stack.stop().await;
    assert_eq!(files_with(MARKER, folder.path()), BTreeMap::new());
    // What was let go of is not missed.
    let t = start(folder.path(), &double.url()).await;
    assert_eq!(t.drain().await.waiting, 0);
    t.stack.stop().await;
}
