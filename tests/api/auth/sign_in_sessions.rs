//! Where somebody is signed in.

use serde_json::{Value, json};

use crate::support::{Caller, PASSWORD, Test};

/// The same user, signed in once more with a program of this name.
async fn sign_in_with(t: &Test, user: &Caller, program: &str) -> Caller {
    let credentials = json!({"email": user.account["email"], "password": PASSWORD});
    let anonymous = t.anonymous().with_header("user-agent", program);
    let login = anonymous.post("/api/v1/auth/login", credentials).await.ok();
    user.with_token(&login.text("access_token"))
}

async fn sessions(caller: &Caller) -> Vec<Value> {
    let listed = caller.get("/api/v1/auth/sessions").await.ok().json();
    listed.as_array().unwrap().clone()
}

#[tokio::test]
async fn a_person_sees_where_they_are_signed_in_newest_first() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.user("eve").await;
    let phone = sign_in_with(&t, &ada, "Phone/1.0").await;
    let found = sessions(&phone).await;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0]["user_agent"], "Phone/1.0");
    assert_eq!(found[0]["network"], "127.0.0.1");
    assert_eq!(
        (&found[0]["current"], &found[1]["current"]),
        (&true.into(), &false.into())
    );
    let camel = ada.get("/api/auth/sessions?limit=1").await.ok();
    assert_eq!(camel.json()[0]["userAgent"], "Phone/1.0");
    assert!(camel.header("link").contains("rel=\"next\""));
    assert!(!String::from_utf8_lossy(&camel.body).contains("generation"));
}

#[tokio::test]
async fn ending_a_session_refuses_its_tokens_and_no_others() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let phone = sign_in_with(&t, &ada, "Phone/1.0").await;
    let found = sessions(&ada).await;
    let path = format!("/api/v1/auth/sessions/{}", found[0]["id"].as_str().unwrap());
    ada.delete(&path).await.expect(204);
    phone.get("/api/v1/auth/me").await.problem(401, "session_ended");
    ada.delete(&path).await.problem(404, "not_found");
    assert_eq!(sessions(&ada).await.len(), 1);
}

#[tokio::test]
async fn a_foreign_session_is_not_found_and_goes_on() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let hers = sessions(&ada).await[0]["id"].as_str().unwrap().to_owned();
    for path in ["/api/v1/auth/sessions/", "/api/auth/sessions/"] {
        eve.delete(&format!("{path}{hers}")).await.problem(404, "not_found");
    }
    ada.get("/api/v1/auth/me").await.ok();
}

#[tokio::test]
async fn logging_out_everywhere_ends_every_session_with_the_next_request() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let phone = sign_in_with(&t, &ada, "Phone/1.0").await;
    let ended = phone.post("/api/auth/logout-all", json!({})).await.ok().json();
    assert_eq!(ended, json!({"message": "Logout successful", "keptApiKeys": []}));
    for gone in [&ada, &phone] {
        gone.get("/api/v1/auth/me").await.problem(401, "session_ended");
    }
    let refresh = json!({"refresh_token": ada.refresh});
    t.anonymous()
        .post("/api/v1/auth/refresh", refresh)
        .await
        .problem(401, "session_ended");
    eve.get("/api/v1/auth/me").await.ok();
    let back = sign_in_with(&t, &ada, "Phone/2.0").await;
    assert_eq!(sessions(&back).await.len(), 1);
}

#[tokio::test]
async fn a_session_that_ended_by_time_is_not_listed() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    t.advance_seconds(31 * 24 * 3600);
    let back = sign_in_with(&t, &ada, "Phone/2.0").await;
    let found = sessions(&back).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["user_agent"], "Phone/2.0");
}
