//! How much visitors may ask.

use futures::future::join_all;
use serde_json::json;

use super::OnSite;

#[tokio::test]
async fn one_session_asks_at_a_human_pace() {
    let site = OnSite::new().await;
    let session = site.session().await;
    for _ in 0..20 {
        site.ask(&session, "How long is the warranty of the lamp?").await.ok();
    }
    let refused = site.ask(&session, "How long is the warranty of the lamp?").await;
    assert!(!refused.header("retry-after").is_empty());
    refused.problem(429, "too_many_questions");
    site.t.advance_seconds(6);
    site.ask(&session, "How long is the warranty of the lamp?").await.ok();
}

#[tokio::test]
async fn all_visitors_together_keep_to_the_daily_limit() {
    let site = OnSite::with(json!({"daily_visitor_questions": 5})).await;
    let sessions = join_all((0..12).map(|_| site.session())).await;
    let asked = join_all(
        sessions
            .iter()
            .map(|session| site.ask(session, "How long is the warranty?")),
    )
    .await;
    let answered = asked.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(answered, 5);
    for refused in asked.into_iter().filter(|answer| answer.status != 200) {
        refused.problem(429, "chatbot_busy");
    }
}

#[tokio::test]
async fn a_limit_of_the_organization_is_not_told_to_visitors() {
    let site = OnSite::new().await;
    let bot = format!("/api/v1/chatbots/{}", site.chatbot);
    site.ada
        .put(&bot, json!({"settings": {"daily_token_cap": 1}}))
        .await
        .ok();
    let session = site.session().await;
    let refused = site.ask(&session, "How long is the warranty of the lamp?").await;
    assert!(refused.header("ratelimit").is_empty());
    let problem = refused.problem(429, "chatbot_busy");
    assert!(!problem["detail"].as_str().unwrap().contains("token"), "{problem}");
    assert!(problem.get("limit").is_none(), "{problem}");
}

#[tokio::test]
async fn many_visitors_at_once_are_charged_exactly() {
    let site = OnSite::new().await;
    let visitors = crate::support::rounds().clamp(10, 1_000);
    let sessions = join_all((0..visitors).map(|_| site.session())).await;
    let asked = join_all(
        sessions
            .iter()
            .map(|session| site.ask(session, "How long is the warranty of the lamp?")),
    )
    .await;
    let answered = asked.iter().filter(|answer| answer.status == 200).count();
    assert!(asked.iter().all(|answer| [200, 429].contains(&answer.status.as_u16())));
    assert!(answered > 0);
    let quota = site
        .ada
        .get(&format!("/api/v1/users/{}/quota", site.ada.id()))
        .await
        .ok()
        .json();
    let one = asked.iter().position(|answer| answer.status == 200).unwrap();
    let statistics = site.ada.get("/api/v1/auth/stats").await.ok().json();
    // The same question costs the same each time.
    let used = quota["used_today"].as_u64().unwrap();
    assert_eq!(used % answered as u64, 0, "{one}: {quota} {statistics}");
}
