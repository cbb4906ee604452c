//! New passwords, by the old one or by a mail.

use futures::future::join_all;
use serde_json::json;

use crate::support::{Answer, Caller, PASSWORD, RACERS, Test, rounds};

const NEW: &str = "a rather new password";

async fn log_in(t: &Test, email: &str, password: &str) -> Answer {
    let credentials = json!({"email": email, "password": password});
    t.anonymous().post("/api/v1/auth/login", credentials).await
}

async fn ask_for_reset(t: &Test, email: &str) -> Answer {
    t.anonymous()
        .post("/api/v1/auth/reset-password", json!({"email": email}))
        .await
}

async fn confirm(t: &Test, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "new_password": password});
    t.anonymous().post("/api/auth/reset-password/confirm", body).await
}

async fn change(caller: &Caller, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    caller.post("/api/v1/auth/change-password", body).await
}

/// Audit entries with this action.
async fn audited(t: &Test, action: &str) -> usize {
    let entries = t.items("parlance-audit").await;
    entries.values().filter(|entry| entry.contains(action)).count()
}

#[tokio::test]
async fn changing_the_password_ends_all_other_sessions_and_not_this_one() {
    let t = Test::new().await;
    let phone = t.user("ada").await;
    let other = log_in(&t, "ada@example.com", PASSWORD).await.ok();
    let laptop = phone.with_token(&other.text("access_token"));
    laptop.get("/api/v1/auth/me").await.ok();

    let changed = change(&phone, PASSWORD, NEW).await.ok().json();
    assert_eq!(changed, json!({"message": "Password changed successfully"}));
    laptop.get("/api/v1/auth/me").await.problem(401, "session_ended");
    let refresh = json!({"refresh_token": other.text("refresh_token")});
    t.anonymous()
        .post("/api/v1/auth/refresh", refresh)
        .await
        .problem(401, "session_ended");
    phone.get("/api/v1/auth/me").await.ok();
    let refresh = json!({"refresh_token": phone.refresh});
    t.anonymous().post("/api/v1/auth/refresh", refresh).await.ok();

    log_in(&t, "ada@example.com", PASSWORD)
        .await
        .problem(401, "invalid_credentials");
    log_in(&t, "ada@example.com", NEW).await.ok();
    assert_eq!(audited(&t, "user.password_changed").await, 1);
}

#[tokio::test]
async fn changing_the_password_needs_the_current_one_and_an_acceptable_new_one() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    assert_eq!(change(&ada, "not hers", NEW).await.invalid(), ["/current_password"]);
    assert_eq!(change(&ada, PASSWORD, "short").await.invalid(), ["/new_password"]);
    let camel = json!({"currentPassword": "not hers", "newPassword": NEW});
    let camel = ada.post("/api/auth/change-password", camel).await;
    assert_eq!(camel.invalid(), ["/currentPassword"]);
    log_in(&t, "ada@example.com", PASSWORD).await.ok();
    assert_eq!(audited(&t, "user.password_changed").await, 0);
}

#[tokio::test]
async fn a_stolen_session_cannot_guess_the_password() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for _ in 0..10 {
        change(&ada, "not hers", NEW).await.expect(422);
    }
    let refused = change(&ada, "not hers", NEW).await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(429, "too_many_attempts");
}

#[tokio::test]
async fn a_password_is_the_same_however_its_characters_are_composed() {
    let t = Test::new().await;
    let (composed, decomposed) = ("Gr\u{fc}\u{df}e aus K\u{f6}ln", "Gru\u{308}\u{df}e aus Ko\u{308}ln");
    let spaced = "Gr\u{fc}\u{df}e\u{a0}aus\u{3000}K\u{f6}ln";
    let spellings = [composed, decomposed, spaced];
    for (number, registered) in spellings.into_iter().enumerate() {
        let email = format!("ada{number}@example.com");
        let account = json!({"email": email, "password": registered});
        let ada = t.anonymous().post("/api/v1/auth/register", account).await.created();
        let ada = t.anonymous().with_token(&ada.text("access_token"));
        for typed in spellings {
            log_in(&t, &email, typed).await.ok();
            log_in(&t, &email, &typed.to_uppercase()).await.expect(401);
        }
        // Changing it takes any spelling of the current one, and the new one has them all too.
        change(&ada, spellings[(number + 1) % 3], &format!("{decomposed} 2"))
            .await
            .ok();
        log_in(&t, &email, &format!("{composed} 2")).await.ok();
        ask_for_reset(&t, &email).await.ok();
        let token = t.mailed_token(&email, "new password").await;
        confirm(&t, &token, &format!("{decomposed} 3")).await.ok();
        log_in(&t, &email, &format!("{spaced} 3")).await.ok();
    }
    // The length is that of what is kept: 128 characters, each typed as two.
    let long = "u\u{308}".repeat(128);
    let account = |password: &str| json!({"email": "long@example.com", "password": password});
    let too_long = t
        .anonymous()
        .post("/api/v1/auth/register", account(&"\u{fc}".repeat(129)))
        .await;
    assert_eq!(too_long.invalid(), ["/password"]);
    t.anonymous()
        .post("/api/v1/auth/register", account(&long))
        .await
        .created();
    log_in(&t, "long@example.com", &"\u{fc}".repeat(128)).await.ok();
}

#[tokio::test]
async fn of_8_changes_at_once_one_wins() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let changes = (0..8).map(|number| {
        let ada = ada.clone();
        async move {
            change(&ada, PASSWORD, &format!("new password {number}"))
                .await
                .status
                .as_u16()
        }
    });
    let statuses = join_all(changes).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(audited(&t, "user.password_changed").await, 1);
    ada.get("/api/v1/auth/me").await.ok();
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_link_of_a_mail_and_all_sessions_end() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let asked = ask_for_reset(&t, "ADA@example.com").await.ok().json();
    assert_eq!(asked, json!({"message": "Password reset email sent"}));
    let token = t.mailed_token("ada@example.com", "new password").await;

    let kept = t.items("parlance-identity").await;
    assert!(!format!("{kept:?}").contains(&token), "only its hash is stored");

    assert_eq!(confirm(&t, &token, "short").await.invalid(), ["/new_password"]);
    confirm(&t, &token, NEW).await.ok();
    ada.get("/api/v1/auth/me").await.problem(401, "session_ended");
    log_in(&t, "ada@example.com", PASSWORD).await.expect(401);
    log_in(&t, "ada@example.com", NEW).await.ok();
    assert_eq!(
        confirm(&t, &token, "another password").await.invalid(),
        ["/token"],
        "once only"
    );
    assert_eq!(audited(&t, "user.password_reset").await, 1);
}

#[tokio::test]
async fn asking_for_a_reset_tells_nothing_about_the_address() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let mails = t.outbox().await.len();
    let known = ask_for_reset(&t, "ada@example.com").await.ok();
    for nobody in ["nobody@example.com", "not an address", ""] {
        let unknown = ask_for_reset(&t, nobody).await.ok();
        assert_eq!(unknown.body, known.body, "{nobody:?}");
        let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&unknown), names(&known), "{nobody:?}");
    }
    assert_eq!(t.outbox().await.len(), mails + 1);
    ada.get("/api/v1/auth/me").await.ok();
}

#[tokio::test]
async fn a_reset_link_works_for_30_minutes_and_only_until_the_password_is_new() {
    let t = Test::new().await;
    t.user("ada").await;
    ask_for_reset(&t, "ada@example.com").await.ok();
    let old = t.mailed_token("ada@example.com", "new password").await;
    t.advance_seconds(30 * 60);
    assert_eq!(confirm(&t, &old, NEW).await.invalid(), ["/token"]);

    ask_for_reset(&t, "ada@example.com").await.ok();
    let first = t.mailed_token("ada@example.com", "new password").await;
    ask_for_reset(&t, "ada@example.com").await.ok();
    let second = t.mailed_token("ada@example.com", "new password").await;
    assert_ne!(first, second);
    confirm(&t, &first, NEW).await.ok();
    assert_eq!(confirm(&t, &second, "yet another one").await.invalid(), ["/token"]);
    for forged in ["", "x", &"x".repeat(43), &"x".repeat(100_000)] {
        assert_eq!(confirm(&t, forged, NEW).await.invalid(), ["/token"]);
    }
    log_in(&t, "ada@example.com", NEW).await.ok();
}

#[tokio::test]
async fn of_64_uses_of_one_reset_link_one_wins() {
    let t = Test::new().await;
    t.user("ada").await;
    for round in 0..rounds() {
        // An address gets few mails a day.
        t.advance_seconds(86_400);
        ask_for_reset(&t, "ada@example.com").await.ok();
        let token = t.mailed_token("ada@example.com", "new password").await;
        let uses = (0..RACERS).map(|number| {
            let (t, token) = (&t, token.clone());
            async move {
                let password = format!("password {round} of {number}");
                (confirm(t, &token, &password).await.status.as_u16(), password)
            }
        });
        let uses = join_all(uses).await;
        let winners: Vec<&String> = uses
            .iter()
            .filter(|(status, _)| *status == 200)
            .map(|(_, it)| it)
            .collect();
        assert_eq!(winners.len(), 1, "round {round}");
        assert!(uses.iter().all(|(status, _)| [200, 422].contains(status)));
        log_in(&t, "ada@example.com", winners[0]).await.ok();
        assert_eq!(audited(&t, "user.password_reset").await, round + 1);
    }
    let left = t.items("parlance-identity").await;
    assert!(
        !left.keys().any(|(pk, _)| pk.starts_with("PWR#")),
        "a used link is gone"
    );
}

#[tokio::test]
async fn an_address_gets_few_mails_however_often_it_is_typed() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.drain().await;
    t.advance_seconds(3600);
    let before = t.outbox().await.len();
    for _ in 0..12 {
        ask_for_reset(&t, "ada@example.com").await.ok();
    }
    assert_eq!(t.outbox().await.len() - before, 3);
    t.advance_seconds(20 * 60);
    ask_for_reset(&t, "ada@example.com").await.ok();
    assert_eq!(t.outbox().await.len() - before, 4);
    ada.post("/api/v1/auth/verify-email/request", json!({}))
        .await
        .expect(401);
    let ada = ada.sign_in_again().await;
    ada.post("/api/v1/auth/verify-email/request", json!({})).await.ok();
    assert_eq!(
        t.outbox().await.len() - before,
        5,
        "each kind of mail has a limit of its own"
    );
}
