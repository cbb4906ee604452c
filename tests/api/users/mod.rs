//! Accounts.

pub(crate) mod deleted;
pub(crate) mod settings;

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{ADMIN, Caller, PASSWORD, Test};

const ME: &str = "/api/v1/users/me";
const QUOTA: &str = "/api/v1/users/me/quota";

fn of(user: &Caller) -> String {
    format!("/api/v1/users/{}", user.id())
}

async fn login(t: &Test, email: &str) -> u16 {
    let credentials = json!({"email": email, "password": PASSWORD});
    t.anonymous()
        .post("/api/v1/auth/login", credentials)
        .await
        .status
        .as_u16()
}

#[tokio::test]
async fn me_and_the_own_id_are_the_same_account_and_others_do_not_exist() {
    let t = Test::with(&ADMIN).await;
    let (ada, eve, root) = (t.user("ada").await, t.user("eve").await, t.admin().await);
    let me = ada.get(ME).await.ok().json();
    for (name, value) in ada.account.as_object().unwrap() {
        if !["access_token", "refresh_token", "token_type", "expires_in"].contains(&name.as_str()) {
            assert_eq!(me[name], *value, "{name}");
        }
    }
    assert!(me.get("access_token").is_none());
    for (caller, status) in [(&ada, 200), (&eve, 404), (&root, 200), (&t.anonymous(), 401)] {
        assert_eq!(caller.get(&of(&ada)).await.status, status);
    }
    root.get("/api/v1/users/nobody").await.problem(404, "not_found");
    eve.put(&of(&ada), json!({"name": "Mine"}))
        .await
        .problem(404, "not_found");
    eve.delete(&of(&ada)).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_admin_creates_accounts_that_nobody_is_signed_in_to() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let new = json!({"name": "Grace", "email": "grace@example.com", "password": PASSWORD, "role": "admin"});
    ada.post("/api/v1/users", new.clone())
        .await
        .problem(403, "role_required");
    let grace = root.post("/api/v1/users", new.clone()).await.created().json();
    assert_eq!((&grace["name"], &grace["role"]), (&json!("Grace"), &json!("admin")));
    let sessions = |items: std::collections::BTreeMap<(String, String), String>| {
        let own = format!("U#{}", grace["id"].as_str().unwrap());
        items
            .into_keys()
            .filter(|(pk, sk)| *pk == own && sk.starts_with("SESS#"))
            .count()
    };
    assert_eq!(sessions(t.items("parlance-identity").await), 0);
    assert_eq!(login(&t, "grace@example.com").await, 200);
    root.post("/api/v1/users", new).await.problem(409, "email_taken");
    let wrong = json!({"name": "x", "email": "x", "password": "x"});
    assert_eq!(
        root.post("/api/v1/users", wrong).await.invalid(),
        ["/email", "/password"]
    );
    let wrong = json!({"email": "x@example.com", "password": PASSWORD, "role": "owner"});
    assert_eq!(root.post("/api/v1/users", wrong).await.invalid(), ["/role"]);
    assert_eq!(
        t.audited(grace["default_org_id"].as_str().unwrap()).await,
        ["user.created"]
    );
}

#[tokio::test]
async fn a_new_address_takes_the_password_and_frees_the_old_one() {
    let t = Test::new().await;
    let (ada, _eve) = (t.user("ada").await, t.user("eve").await);
    assert_eq!(
        ada.put(ME, json!({"name": " Ada L. "})).await.ok().text("name"),
        "Ada L."
    );
    let to = |email: &str, password: &str| json!({"email": email, "current_password": password});
    let without = ada.put(ME, json!({"email": "new@example.com"})).await;
    assert_eq!(without.invalid(), ["/current_password"]);
    assert_eq!(
        ada.put(ME, to("new@example.com", "wrong")).await.invalid(),
        ["/current_password"]
    );
    assert_eq!(ada.put(ME, to("nobody", PASSWORD)).await.invalid(), ["/email"]);
    ada.put(ME, to("EVE@example.com", PASSWORD))
        .await
        .problem(409, "email_taken");
    assert_eq!(
        ada.put(ME, to("new@example.com", PASSWORD)).await.ok().text("email"),
        "new@example.com"
    );
    assert_eq!(
        (login(&t, "new@example.com").await, login(&t, "ada@example.com").await),
        (200, 401)
    );
    t.user("ada").await;
    // The same address in another spelling is the same account's.
    ada.put(ME, to("NEW@example.com", PASSWORD)).await.ok();
    assert_eq!(login(&t, "new@example.com").await, 200);
    assert_eq!(
        t.audited(ada.org()).await,
        ["user.created", "user.changed", "user.changed", "user.changed"]
    );
    for (_, entry) in t.items("parlance-audit").await {
        assert!(
            !entry.contains("example.com") && !entry.contains("Ada"),
            "the log names somebody: {entry}"
        );
    }
}

#[tokio::test]
async fn of_many_who_take_one_address_at_once_one_gets_it() {
    let t = Test::new().await;
    let names: Vec<String> = (0..12).map(|number| format!("user{number}")).collect();
    let users = join_all(names.iter().map(|name| t.user(name))).await;
    for round in 0..4 {
        let wanted = json!({"email": format!("wanted{round}@example.com"), "current_password": PASSWORD});
        let answers = join_all(users.iter().map(|user| user.put(ME, wanted.clone()))).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let lost = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((won, lost), (1, 11));
        let items = t.items("parlance-identity").await;
        assert_eq!(
            items.keys().filter(|(pk, _)| pk.starts_with("EMAIL#")).count(),
            12,
            "no orphan"
        );
    }
}

#[tokio::test]
async fn the_role_is_an_admins_to_give_and_works_with_the_next_request() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    assert_eq!(ada.put(ME, json!({"role": "admin"})).await.ok().text("role"), "user");
    ada.get(&of(&root)).await.problem(404, "not_found");
    assert_eq!(
        root.put(&of(&ada), json!({"role": "admin"})).await.ok().text("role"),
        "admin"
    );
    ada.get(&of(&root)).await.ok();
    assert_eq!(
        root.put(&of(&ada), json!({"role": "user"})).await.ok().text("role"),
        "user"
    );
    ada.get(&of(&root)).await.problem(404, "not_found");
    assert_eq!(
        root.put(ME, json!({"role": "user"})).await.ok().text("role"),
        "admin",
        "the own role stays"
    );
    assert_eq!(root.put(&of(&ada), json!({"role": "king"})).await.invalid(), ["/role"]);
    root.put(&of(&ada), json!({"email": "moved@example.com", "name": "Moved"}))
        .await
        .ok();
    assert_eq!(login(&t, "moved@example.com").await, 200);
    let roles = t.audited(ada.org()).await;
    assert_eq!(roles.iter().filter(|action| *action == "user.role_changed").count(), 2);
}

#[tokio::test]
async fn deleting_an_account_ends_every_credential_and_frees_the_address() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let key = t
        .anonymous()
        .with_token(&ada.api_key(json!({"name": "Kiosk"})).await.text("key"));
    key.delete(ME).await.problem(403, "person_required");
    key.put(ME, json!({"name": "x"})).await.problem(403, "person_required");
    let answer = ada.delete(ME).await.ok().json();
    assert_eq!(answer, json!({"message": "User deleted successfully"}));
    ada.get(ME).await.problem(401, "session_ended");
    key.get(ME).await.problem(401, "api_key_invalid");
    let refresh = json!({"refresh_token": ada.refresh});
    t.anonymous()
        .post("/api/v1/auth/refresh", refresh)
        .await
        .problem(401, "session_ended");
    assert_eq!(login(&t, "ada@example.com").await, 401);
    root.get(&of(&ada)).await.problem(404, "not_found");
    root.put(&of(&ada), json!({"name": "x"}))
        .await
        .problem(404, "not_found");
    root.delete(&of(&ada)).await.problem(404, "not_found");
    let again = t.user("ada").await;
    assert_ne!(again.id(), ada.id());
    t.drain().await;
    let left = t.items("parlance-identity").await;
    let own = format!("U#{}", ada.id());
    assert!(left.keys().all(|(pk, _)| *pk != own), "the rest goes with it");
    assert_eq!(
        t.audited(ada.org()).await,
        ["user.created", "user.email_verified", "api_key.created", "user.deleted"]
    );
    root.delete(&of(&again)).await.ok();
    again.get(ME).await.problem(401, "session_ended");
    root.delete(ME).await.problem(403, "own_account");
}

#[tokio::test]
async fn the_last_owner_of_a_shared_organization_stays() {
    let t = Test::new().await;
    let (ada, bob, cleo) = (t.user("ada").await, t.user("bob").await, t.user("cleo").await);
    let acme = t
        .shared_org("acme", &[(&ada, "owner"), (&bob, "member"), (&cleo, "admin")])
        .await;
    let problem = ada.delete(ME).await.problem(409, "last_owner");
    assert!(problem["detail"].as_str().unwrap().contains("acme"), "{problem}");
    ada.get(ME).await.ok();
    bob.delete(ME).await.ok();
    let items = t.items("parlance-identity").await;
    let members = items
        .keys()
        .filter(|(pk, sk)| *pk == format!("O#{acme}") && sk.starts_with("M#"));
    assert_eq!(members.count(), 2, "bob has left");
    assert!(
        items[&(format!("O#{acme}"), "ORG".to_owned())].contains("\"seats\": \"N(\\\"2\\\")\""),
        "his seat is free"
    );
}

#[tokio::test]
async fn of_two_owners_who_delete_their_accounts_at_once_one_stays() {
    let t = Test::new().await;
    for round in 0..6 {
        let (ada, bob) = (
            t.user(&format!("ada{round}")).await,
            t.user(&format!("bob{round}")).await,
        );
        let acme = t
            .shared_org(&format!("acme{round}"), &[(&ada, "owner"), (&bob, "owner")])
            .await;
        let (one, other) = futures::join!(ada.delete(ME), bob.delete(ME));
        let mut statuses = [one.status.as_u16(), other.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let items = t.items("parlance-identity").await;
        let members = items
            .keys()
            .filter(|(pk, sk)| *pk == format!("O#{acme}") && sk.starts_with("M#"));
        assert_eq!(members.count(), 1);
    }
}

#[tokio::test]
async fn fields_that_are_not_for_clients_change_nothing() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let before = ada.get(ME).await.ok().json();
    let mut all = before.clone();
    for (name, value) in [
        ("user_id", json!(eve.id())),
        ("id", json!(eve.id())),
        ("full_name", json!("Not a field")),
        ("role", json!("admin")),
        ("status", json!("disabled")),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("stripe_customer_id", json!("cus_1")),
        ("default_org_id", json!(eve.org())),
        ("personal_org", json!(eve.org())),
        ("org_id", json!(eve.org())),
        ("plan", json!("TEAM")),
        ("used_today", json!(0)),
        ("daily_limit", json!(1_000_000)),
        ("is_admin", json!(true)),
        ("password_hash", json!("x")),
        ("password", json!("another password")),
        ("email_verified", json!(true)),
    ] {
        all[name] = value;
    }
    assert_eq!(ada.put(ME, all.clone()).await.ok().json(), before);
    assert_eq!(ada.get(ME).await.ok().json(), before);
    assert_eq!(login(&t, "ada@example.com").await, 200);
    let quota = ada.get(QUOTA).await.ok().json();
    let mut tried = all;
    tried["daily_limit"] = json!(10_000);
    tried["last_reset"] = json!("2020-01-01T00:00:00Z");
    assert_eq!(ada.put(QUOTA, tried).await.ok().json(), quota);
    assert_eq!(eve.get(ME).await.ok().json()["name"], "eve");
    assert_eq!(Value::Null, ada.get(ME).await.ok().json()["stripe_customer_id"]);
}

#[tokio::test]
async fn an_admin_too_only_names_what_a_new_account_takes() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let mut all = ada.get(ME).await.ok().json();
    all["email"] = json!("grace@example.com");
    all["password"] = json!(PASSWORD);
    for (name, value) in [
        ("status", json!("disabled")),
        ("stripe_customer_id", json!("cus_1")),
        ("org_id", json!(ada.org())),
        ("plan", json!("TEAM")),
        ("used_today", json!(7)),
        ("is_admin", json!(true)),
    ] {
        all[name] = value;
    }
    let grace = root.post("/api/v1/users", all.clone()).await.created().json();
    for own in ["id", "user_id", "default_org_id", "created_at"] {
        assert_ne!(grace[own], all[own], "{own}");
    }
    assert_eq!((&grace["status"], &grace["role"]), (&json!("active"), &json!("user")));
    assert_eq!(grace["stripe_customer_id"], Value::Null);
    let quota = format!("/api/v1/users/{}/quota", grace["id"].as_str().unwrap());
    assert_eq!(root.get(&quota).await.ok().json()["used_today"], 0);
}
