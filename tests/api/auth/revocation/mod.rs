//! The end of all credentials of an account: whatever ends them ends every kind of them.

mod kept_keys;
mod pre_hijacking;

use domain::Secret;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::auth::clerk::Clerk;
use crate::support::{Answer, Caller, PASSWORD, Test};

const NEW: &str = "a rather new password";
const ADA: &str = "ada@example.com";

/// Something that was good for the account of `ada@example.com`.
#[derive(Debug)]
enum Credential {
    /// What is sent as `Authorization: Bearer`.
    Bearer(Secret),
    /// A session at Clerk, by its person.
    Clerk(&'static str),
    Refresh(Secret),
    Password,
    ResetLink(Secret),
    VerificationLink(Secret),
    /// A link to the archive of an export.
    Download(String),
}

async fn log_in(t: &Test, path: &str, password: &str) -> Answer {
    let credentials = json!({"email": ADA, "password": password});
    t.anonymous().post(path, credentials).await
}

async fn reset_link(t: &Test) -> Secret {
    t.anonymous()
        .post("/api/v1/auth/reset-password", json!({"email": ADA}))
        .await
        .ok();
    Secret::new(t.mailed_token(ADA, "new password").await)
}

async fn reset(t: &Test, token: &Secret, more: Value) -> Answer {
    let mut body = json!({"token": token.expose(), "new_password": NEW});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    t.anonymous().post("/api/v1/auth/reset-password/confirm", body).await
}

/// Every kind of credential that somebody with the account of Ada can have.
async fn every_kind(t: &Test, ada: &Caller, is_verified: bool) -> Vec<(&'static str, Credential)> {
    let bearer = |answer: &Answer, field: &str| Credential::Bearer(Secret::new(answer.text(field)));
    let acme = ada.with_header("x-current-org", &t.shared_org("acme", &[(ada, "owner")]).await);
    let scopes = json!(["documents:read", "documents:write"]);
    let content = json!({"name": "Kiosk", "scopes": scopes});
    let key = ada.api_key(content.clone()).await;
    let rotated = ada
        .post(
            &format!("/api/v1/apikeys/{}/rotate", key.text("id")),
            json!({"overlap_seconds": 3600}),
        )
        .await
        .ok();
    let export = "/api/v1/users/me/export";
    ada.get(export).await.expect(202);
    t.drain().await;
    let export = ada.get(export).await.ok().text("download_url");
    assert_eq!(t.follow(&export).await.status(), 200);
    let mut held = vec![
        ("a session", Credential::Bearer(Secret::new(&*ada.token))),
        ("a refresh token", Credential::Refresh(Secret::new(&*ada.refresh))),
        (
            "a session of document 004",
            bearer(&log_in(t, "/api/auth/login", PASSWORD).await.ok(), "token"),
        ),
        ("a key", bearer(&rotated, "key")),
        ("the secret it had before", bearer(&key, "key")),
        (
            "a key of a shared organization",
            bearer(&acme.api_key(content).await, "key"),
        ),
        (
            "the personal key",
            bearer(
                &ada.post("/api/settings/regenerate-api-key", json!({})).await.ok(),
                "apiKey",
            ),
        ),
        ("the password", Credential::Password),
        ("a link to an export", Credential::Download(export)),
    ];
    if is_verified {
        let all = ada.api_key(json!({"name": "All"})).await;
        let by_key = t.anonymous().with_token(&all.text("key"));
        let child = by_key.api_key(json!({"name": "Child"})).await;
        held.push(("a key that a key made", bearer(&child, "key")));
    } else {
        let link = t.mailed_token(ADA, "Confirm").await;
        held.push(("a link that verifies", Credential::VerificationLink(Secret::new(link))));
    }
    held.push(("a link that resets", Credential::ResetLink(reset_link(t).await)));
    held
}

/// Who ends the credentials, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Reset,
    SignOutEverywhere,
    ClerkSession,
    ClerkWebhook,
    RestoredAddress,
    Deletion,
    Disabling,
}

impl Ending {
    const ALL: [(Self, bool); 10] = [
        (Self::Reset, false),
        (Self::Reset, true),
        (Self::SignOutEverywhere, false),
        (Self::SignOutEverywhere, true),
        (Self::ClerkSession, false),
        (Self::ClerkWebhook, false),
        (Self::RestoredAddress, true),
        (Self::Deletion, true),
        (Self::Disabling, false),
        (Self::Disabling, true),
    ];

    async fn happen(self, clerk: &Clerk, ada: &Caller) {
        let t = &clerk.t;
        match self {
            Self::Reset => {
                // The account's own link is void with the others, so it is asked for again.
                reset(t, &reset_link(t).await, json!({"revoke_org_keys": true}))
                    .await
                    .ok();
            }
            Self::SignOutEverywhere => {
                ada.post("/api/v1/auth/logout-all", json!({"revoke_org_keys": true}))
                    .await
                    .ok();
            }
            Self::ClerkSession => {
                clerk.verified("user_ada", ADA).get("/api/v1/auth/me").await.ok();
            }
            Self::ClerkWebhook => {
                let address = json!({"id": "a", "email_address": ADA, "verification": {"status": "verified"}});
                let person = json!({"id": "user_ada", "email_addresses": [address], "primary_email_address_id": "a",
                                    "updated_at": 1});
                let event = json!({"type": "user.created", "data": person});
                clerk.deliver("msg_1", &event).await.ok();
            }
            Self::RestoredAddress => {
                ada.move_to("eve@example.com").await;
                let token = t.mailed_token(ADA, "address was changed").await;
                t.anonymous()
                    .post("/api/v1/auth/restore-email/confirm", json!({"token": token}))
                    .await
                    .ok();
            }
            Self::Deletion => {
                t.remove_member("00000000-0000-7000-8000-000061636d65", ada).await;
                ada.delete("/api/v1/users/me").await.ok();
            }
            Self::Disabling => t.set_status(ada, "disabled").await,
        }
    }
}

/// Whether the credential opens nothing any more, with the answer that the rulings give it.
async fn is_refused(clerk: &Clerk, ending: Ending, credential: &Credential) -> Result<(), String> {
    let t = &clerk.t;
    let expect = |answer: Answer, status: u16| {
        let is_it = answer.status.as_u16() == status;
        is_it
            .then_some(())
            .ok_or(format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)))
    };
    match credential {
        Credential::Bearer(token) => {
            let caller = t.anonymous().with_token(token.expose());
            for path in ["/api/v1/documents", "/api/chat/sessions", "/api/v1/users/me"] {
                expect(caller.get(path).await, 401)?;
            }
            expect(
                caller.send(caller.request(Method::DELETE, "/api/v1/users/me")).await,
                401,
            )
        }
        Credential::Clerk(person) => expect(clerk.person(person).get("/api/v1/auth/me").await, 401),
        Credential::Refresh(token) => {
            let body = json!({"refresh_token": token.expose()});
            expect(t.anonymous().post("/api/v1/auth/refresh", body).await, 401)
        }
        Credential::Password if ending == Ending::SignOutEverywhere => {
            expect(log_in(t, "/api/v1/auth/login", PASSWORD).await, 200)
        }
        Credential::Password => expect(log_in(t, "/api/v1/auth/login", PASSWORD).await, 401),
        // A void link is a 422 at `/token`, whatever made it void.
        Credential::ResetLink(token) => expect(reset(t, token, json!({})).await, 422),
        Credential::VerificationLink(token) => {
            let body = json!({"token": token.expose()});
            // Disabling is taken back by enabling: what verifies an address opens nothing.
            let status = if ending == Ending::Disabling { 200 } else { 422 };
            expect(
                t.anonymous().post("/api/v1/auth/verify-email/confirm", body).await,
                status,
            )
        }
        // Disabled accounts keep what they have; nobody gets a new link.
        Credential::Download(_) if ending == Ending::Disabling => Ok(()),
        Credential::Download(link) => {
            let status = t.follow(link).await.status().as_u16();
            // Who signed the link may read archives but not list them, so what is gone is not told from what is
            // forbidden.
            let refused = t.permissions.refused();
            assert!(refused.iter().all(|it| it.action == "s3:ListBucket"), "{refused:?}");
            (status == 403).then_some(()).ok_or(status.to_string())
        }
    }
}

#[tokio::test]
async fn after_each_ending_no_older_credential_of_any_kind_opens_anything() {
    let mut open = Vec::new();
    for (ending, is_verified) in Ending::ALL {
        let clerk = Clerk::start().await;
        let ada = clerk.t.user("ada").await;
        if is_verified {
            ada.verify().await;
        }
        let mut held = every_kind(&clerk.t, &ada, is_verified).await;
        if is_verified {
            clerk.verified("user_ada", ADA).get("/api/v1/auth/me").await.ok();
            held.push(("a session at Clerk", Credential::Clerk("user_ada")));
        }
        ending.happen(&clerk, &ada).await;
        clerk.t.drain().await;
        for (kind, credential) in &held {
            if let Err(answer) = is_refused(&clerk, ending, credential).await {
                open.push(format!("{ending:?}, verified {is_verified}: {kind}: {answer}"));
            }
        }
    }
    assert!(open.is_empty(), "{}", open.join("\n"));
}

#[tokio::test]
async fn what_ended_credentials_leave_is_cleared_by_the_schedule_when_the_queue_lost_it() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let made = ada.api_key(json!({"name": "Kiosk", "scopes": ["keys:read"]})).await;
    let key = t.anonymous().with_token(&made.text("key"));
    t.drain().await;
    t.without_queue("purge", async {
        ada.post("/api/v1/auth/logout-all", json!({})).await.ok();
        key.get("/api/v1/apikeys").await.problem(401, "api_key_invalid");
    })
    .await;

    let ada = ada.sign_in_again().await;
    t.advance_seconds(1);
    for _ in 0..2 {
        ada.post("/_local/run/relay_outbox", json!({})).await.ok();
        let row = ada.get(&format!("/api/v1/apikeys/{}", made.text("id"))).await.ok();
        assert_eq!(row.text("status"), "revoked");
    }
    let mails = t.outbox().await;
    let told = mails
        .iter()
        .filter(|mail| mail["subject"] == "Access to your account was reset");
    assert_eq!(told.count(), 1, "{mails:?}");
    let left = t.items("parlance-app").await;
    assert!(!left.keys().any(|(pk, _)| pk == "PURGE"), "{left:?}");
}

#[tokio::test]
async fn exports_that_are_still_made_end_too_and_a_new_one_is_made_for_the_owner() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let export = "/api/v1/users/me/export";
    let file = "/api/v1/analytics/export?format=csv&delivery=link";
    let file = ada.get(file).await.expect(303).header("location").to_owned();
    assert_eq!(t.follow(&file).await.status(), 200);
    ada.get(export).await.expect(202);
    ada.post("/api/v1/auth/logout-all", json!({})).await.ok();
    t.drain().await;
    assert_eq!(t.object_keys().await, Vec::<String>::new());
    let ada = ada.sign_in_again().await;
    ada.get(export).await.expect(202);
    t.drain().await;
    assert_eq!(ada.get(export).await.ok().json()["status"], "ready");
    assert_eq!(t.object_keys().await.len(), 1);
}

/// Somebody who came in through Clerk first, and points their account at an address that is not theirs.
#[tokio::test]
async fn a_person_at_clerk_loses_the_account_to_the_owner_of_its_address() {
    let clerk = Clerk::start().await;
    let t = &clerk.t;
    let intruder = || clerk.verified("user_eve", "eve@example.com");
    intruder().get("/api/v1/auth/me").await.ok();
    let link = json!({"email": "eve@example.com"});
    t.anonymous().post("/api/v1/auth/reset-password", link).await.ok();
    let token = Secret::new(t.mailed_token("eve@example.com", "new password").await);
    reset(t, &token, json!({})).await.ok();
    // Their own reset ended the link with Clerk; who shows the same address there is linked again.
    let first = intruder().get("/api/v1/auth/me").await;
    assert_eq!(first.status, 401, "the session at Clerk was ended");
    t.advance_seconds(120);
    let fresh = |session: &str| {
        let mut claims = clerk.claims("user_eve");
        claims["sid"] = session.into();
        claims["email"] = "eve@example.com".into();
        claims["email_verified"] = true.into();
        t.anonymous().with_token(&clerk.signed_token(&claims))
    };
    let eve = fresh("sess_2");
    let id = eve.get("/api/v1/auth/me").await.ok().text("id");
    let change = json!({"email": ADA, "current_password": NEW});
    eve.put("/api/v1/users/me", change).await.ok();
    let confirm = json!({"token": t.mailed_token(ADA, "Confirm your new").await});
    eve.post("/api/v1/auth/verify-email/confirm", confirm).await.ok();

    // The owner of the address takes the account.
    reset(t, &reset_link(t).await, json!({})).await.ok();
    let ada = log_in(t, "/api/v1/auth/login", NEW).await.ok();
    let ada = t.anonymous().with_token(&ada.text("access_token"));
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().text("id"), id);
    for session in ["sess_2", "sess_3", "sess_4"] {
        let answer = fresh(session).get("/api/v1/auth/me").await;
        let seen = if answer.status == 200 {
            answer.text("id")
        } else {
            String::new()
        };
        assert_ne!(seen, id, "{session} opens the account of somebody else");
    }
    // Nor do Clerk's webhooks about them reach it.
    let deleted = json!({"type": "user.deleted", "data": {"id": "user_eve", "deleted": true}});
    clerk.deliver("msg_9", &deleted).await.ok();
    assert_eq!(ada.get("/api/v1/auth/me").await.ok().text("id"), id);
}
