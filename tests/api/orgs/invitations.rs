//! Invitations into organizations.

use serde_json::{Value, json};

use crate::api::orgs::{audited, join, org, team_plan};
use crate::support::{Answer, Caller, Test};

async fn invite(by: &Caller, org: &str, name: &str) -> Answer {
    let body = json!({"email": format!("{name}@example.com")});
    by.post(&format!("{org}/invite"), body).await
}

async fn accept(caller: &Caller, token: &str) -> Answer {
    caller
        .post("/api/v1/invitations/accept", json!({ "token": token }))
        .await
}

async fn decline(caller: &Caller, token: &str) -> Answer {
    caller
        .post("/api/v1/invitations/decline", json!({ "token": token }))
        .await
}

/// Items of the identity table that an invitation is made of.
async fn left_of_invitations(t: &Test) -> Vec<(String, String)> {
    let all = t.items("parlance-identity").await.into_keys();
    all.filter(|(pk, sk)| pk.starts_with("INVT#") || sk.starts_with("INV#"))
        .collect()
}

async fn seats(owner: &Caller, org: &str) -> Value {
    owner.get(org).await.ok().json()["seats"]["used"].clone()
}

#[tokio::test]
async fn inviting_answers_the_membership_with_status_invited() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let path = org(&ada, "acme").await;
    let body = json!({"email": "Colleague@Example.com", "role": "admin"});
    let invited = ada.post(&format!("{path}/invite"), body).await.created();
    let membership = invited.json();
    assert_eq!(
        (&membership["status"], &membership["role"], &membership["email"]),
        (&"invited".into(), &"admin".into(), &"Colleague@Example.com".into())
    );
    assert_eq!(
        (&membership["user_id"], &membership["joined_at"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(ada.get(&format!("{path}/members")).await.ok().json()[0], membership);
    let token = t.invitation_token("Colleague@Example.com").await;
    let stored = format!("{:?}", t.items("parlance-identity").await);
    let answered = String::from_utf8(invited.body).unwrap();
    assert!(
        !stored.contains(&token) && !answered.contains(&token),
        "the token is in the mail alone"
    );
    assert_eq!(
        ada.post(&format!("{path}/invite"), json!({"email": "nobody"}))
            .await
            .invalid(),
        ["/email"]
    );
}

#[tokio::test]
async fn the_name_of_an_organization_adds_no_header_to_a_mail() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let new = json!({"name": "Acme\r\nBcc: all@example.com", "slug": "acme"});
    assert_eq!(ada.post("/api/v1/orgs", new).await.invalid(), ["/name"]);
}

#[tokio::test]
async fn an_existing_user_accepts_and_so_does_a_new_one() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    invite(&ada, &path, "BOB").await.created();
    // Anybody may sign up with an address; who invites it is for its owner.
    let hidden = bob.get("/api/v1/invitations").await.ok().json();
    assert_eq!(
        (&hidden[0]["org_name"], &hidden[0]["org_slug"], &hidden[0]["role"]),
        (&Value::Null, &Value::Null, &"member".into())
    );
    let link = t.mailed_token("bob@example.com", "Confirm").await;
    bob.post("/api/v1/auth/verify-email/confirm", json!({"token": link}))
        .await
        .ok();
    let listed = bob.get("/api/v1/invitations").await.ok().json();
    assert_eq!(
        (
            &listed[0]["org_name"],
            &listed[0]["role"],
            listed.as_array().unwrap().len()
        ),
        (&"acme".into(), &"member".into(), 1)
    );
    let token = t.invitation_token("BOB@example.com").await;
    let joined = accept(&bob, &token).await.ok().json();
    assert_eq!((&joined["slug"], &joined["role"]), (&"acme".into(), &"member".into()));
    assert_eq!(bob.get("/api/v1/invitations").await.ok().json(), json!([]));
    invite(&ada, &path, "new").await.created();
    let token = t.invitation_token("new@example.com").await;
    t.anonymous()
        .post("/api/v1/invitations/accept", json!({ "token": token }))
        .await
        .problem(401, "credentials_required");
    let new = t.user("new").await;
    accept(&new, &token).await.ok();
    new.with_header("x-current-org", "acme")
        .get("/api/v1/chatbots")
        .await
        .ok();
    assert_eq!(left_of_invitations(&t).await, []);
    assert_eq!(seats(&ada, &path).await, 3);
}

#[tokio::test]
async fn only_the_invited_address_may_answer() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let path = org(&ada, "acme").await;
    invite(&ada, &path, "bob").await.created();
    let token = t.invitation_token("bob@example.com").await;
    let before = t.items("parlance-identity").await;
    accept(&eve, &token).await.problem(403, "wrong_address");
    decline(&eve, &token).await.problem(403, "wrong_address");
    for unknown in ["", "inv_", &token[..67], &format!("{token}0"), &"x".repeat(5000)] {
        accept(&eve, unknown).await.problem(404, "not_found");
    }
    assert!(t.items("parlance-identity").await == before, "nothing was written");
    assert_eq!(eve.get("/api/v1/invitations").await.ok().json(), json!([]));
}

#[tokio::test]
async fn an_invitation_is_accepted_once() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    invite(&ada, &path, "bob").await.created();
    let token = t.invitation_token("bob@example.com").await;
    accept(&bob, &token).await.ok();
    accept(&bob, &token).await.problem(404, "not_found");
    bob.post(&format!("{path}/leave"), json!({})).await.expect(204);
    accept(&bob, &token).await.problem(404, "not_found");
    bob.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_invitation_lasts_seven_days_and_an_expired_one_holds_no_seat() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    invite(&ada, &path, "bob").await.created();
    invite(&ada, &path, "late").await.created();
    let token = t.invitation_token("bob@example.com").await;
    invite(&ada, &path, "more").await.problem(409, "seat_limit");
    t.advance_seconds(7 * 24 * 3600);
    let (ada, bob) = (ada.sign_in_again().await, bob.sign_in_again().await);
    accept(&bob, &token).await.problem(410, "invitation_expired");
    assert_eq!(bob.get("/api/v1/invitations").await.ok().json(), json!([]));
    let listed = ada.get(&format!("{path}/invitations")).await.ok().json();
    let status: Vec<&Value> = listed.as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(status, ["expired", "expired"]);
    assert_eq!(
        ada.get(&format!("{path}/members")).await.ok().json()[0]["status"],
        "expired"
    );
    invite(&ada, &path, "more").await.created();
    assert_eq!(seats(&ada, &path).await, 2);
    accept(&bob, &token).await.problem(404, "not_found");
    let (actions, _) = audited(&t, &path).await;
    assert_eq!(
        actions.iter().filter(|action| *action == "invitation.expired").count(),
        2
    );
}

#[tokio::test]
async fn an_invitation_is_sent_again_with_a_new_token_and_the_old_one_is_dead() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    let id = invite(&ada, &path, "bob").await.created().text("id");
    let first = t.invitation_token("bob@example.com").await;
    t.advance_seconds(6 * 24 * 3600);
    let ada = ada.sign_in_again().await;
    let resend = format!("{path}/invitations/{id}/resend");
    let sent = ada.post(&resend, json!({})).await.ok();
    assert_eq!(
        (sent.text("id"), sent.text("status")),
        (id.clone(), "pending".to_owned())
    );
    let second = t.invitation_token("bob@example.com").await;
    assert_ne!(first, second);
    t.advance_seconds(6 * 24 * 3600);
    let (ada, bob) = (ada.sign_in_again().await, bob.sign_in_again().await);
    accept(&bob, &first).await.problem(404, "not_found");
    accept(&bob, &second).await.ok();
    ada.post(&resend, json!({})).await.problem(404, "not_found");
    assert_eq!(left_of_invitations(&t).await, []);
}

#[tokio::test]
async fn inviting_an_address_twice_renews_and_inviting_a_member_is_a_conflict() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    let first = invite(&ada, &path, "bob").await.created().text("id");
    let again = json!({"email": "BOB@Example.com", "role": "admin"});
    let second = ada.post(&format!("{path}/invite"), again).await.created();
    assert_eq!((second.text("id"), second.text("role")), (first, "admin".to_owned()));
    let listed = ada.get(&format!("{path}/invitations")).await.ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(seats(&ada, &path).await, 2);
    let token = t.invitation_token("bob@example.com").await;
    assert_eq!(accept(&bob, &token).await.ok().text("role"), "admin");
    for name in ["bob", "BOB", "ada"] {
        invite(&ada, &path, name).await.problem(409, "already_member");
    }
}

#[tokio::test]
async fn an_invitation_is_withdrawn_or_declined_and_its_seat_is_free() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    let id = invite(&ada, &path, "bob").await.created().text("id");
    let token = t.invitation_token("bob@example.com").await;
    let one = format!("{path}/invitations/{id}");
    ada.delete(&one).await.expect(204);
    ada.delete(&one).await.problem(404, "not_found");
    accept(&bob, &token).await.problem(404, "not_found");
    let id = invite(&ada, &path, "bob").await.created().text("id");
    let listed = format!("{path}/members/{id}");
    ada.delete(&listed).await.expect(204);
    ada.delete(&listed).await.problem(404, "not_found");
    invite(&ada, &path, "bob").await.created();
    let token = t.invitation_token("bob@example.com").await;
    decline(&bob, &token).await.expect(204);
    decline(&bob, &token).await.problem(404, "not_found");
    accept(&bob, &token).await.problem(404, "not_found");
    assert_eq!(left_of_invitations(&t).await, []);
    assert_eq!(seats(&ada, &path).await, 1);
}

#[tokio::test]
async fn an_admin_does_not_touch_the_invitation_of_an_owner() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "admin").await;
    let body = json!({"email": "eve@example.com", "role": "owner"});
    let id = ada.post(&format!("{path}/invite"), body).await.created().text("id");
    let one = format!("{path}/invitations/{id}");
    bob.delete(&one).await.problem(403, "owner_required");
    bob.post(&format!("{one}/resend"), json!({}))
        .await
        .problem(403, "owner_required");
    invite(&bob, &path, "eve").await.problem(403, "owner_required");
    let eve = t.user("eve").await;
    accept(&eve, &t.invitation_token("eve@example.com").await).await.ok();
    ada.post(&format!("{path}/leave"), json!({})).await.expect(204);
    assert_eq!(eve.get(&path).await.ok().text("role"), "owner");
}

#[tokio::test]
async fn seats_are_those_of_the_plan_pending_invitations_included() {
    let t = Test::new().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let path = org(&ada, "acme").await;
    join(&t, &ada, &path, &bob, "member").await;
    invite(&ada, &path, "c").await.created();
    let full = invite(&ada, &path, "d").await.problem(409, "seat_limit");
    assert!(
        full["detail"].as_str().unwrap().contains("FREE plan has 3 seats"),
        "{full}"
    );
    invite(&ada, &path, "c").await.created();
    bob.post(&format!("{path}/leave"), json!({})).await.expect(204);
    invite(&ada, &path, "d").await.created();
    team_plan(&t, &path).await;
    for number in 0..47 {
        invite(&ada, &path, &format!("n{number}")).await.created();
    }
    invite(&ada, &path, "last").await.problem(409, "seat_limit");
    assert_eq!(
        ada.get(&path).await.ok().json()["seats"],
        json!({"used": 50, "limit": 50})
    );
}
