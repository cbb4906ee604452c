//! Metrics for Prometheus: one truth, whichever instance answers.

use model_double::{ModelDouble, Script};
use serde_json::json;

use crate::support::{Caller, Second, Test};

const TOKEN: &str = "a-scrape-token";

/// The value of a sample, by its name and labels.
fn sample(text: &str, name: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

async fn scrape(caller: &Caller) -> String {
    let answer = caller.get("/metrics").await.ok();
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    String::from_utf8(answer.body).unwrap()
}

#[tokio::test]
async fn metrics_are_the_same_on_every_instance_and_count_what_was_used_this_month() {
    let model = ModelDouble::start().await.unwrap();
    let mut environment = model.environment();
    environment.push(("METRICS_TOKEN", TOKEN.to_owned()));
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let t = Test::with(&environment).await;
    let ada = t.user("ada").await;
    let scraper = t.anonymous().with_token(TOKEN);
    let second = Second::on(&t).await;

    let before = scrape(&scraper).await;
    assert_eq!(
        sample(&before, "parlance_dependency_up{dependency=\"table:usage\"}"),
        Some(1.0)
    );
    let dead = "parlance_queue_messages{queue=\"send_mail\",state=\"dead\"}";
    assert_eq!(sample(&before, dead), Some(0.0));
    assert!(!before.contains("parlance_model_calls_total{"), "{before}");

    model.next(Script::text("Two years."));
    model.next(Script::refuse(500, "server_error"));
    model.always(Script::text("Two years."));
    for _ in 0..2 {
        ada.post(
            "/api/v1/ai/chat",
            json!({"message": "How long?", "model": "gpt-4o-mini"}),
        )
        .await
        .ok();
    }
    t.anonymous().post("/_local/run/reset_quotas", json!({})).await.ok();
    t.drain().await;

    let after = scrape(&scraper).await;
    assert_eq!(
        after,
        scrape(&second.of(&scraper)).await,
        "two instances give one truth"
    );
    let labels = "category=\"chat\",model=\"gpt-4o-mini\"";
    assert_eq!(
        sample(&after, &format!("parlance_model_calls_total{{{labels}}}")),
        Some(2.0)
    );
    let of_kind = |kind: &str| {
        sample(
            &after,
            &format!("parlance_model_tokens_total{{{labels},kind=\"{kind}\"}}"),
        )
    };
    let sold = model.totals();
    assert_eq!(
        of_kind("completion"),
        Some(f64::from(u32::try_from(sold.completion_tokens).unwrap()))
    );
    assert_eq!(
        of_kind("prompt"),
        Some(f64::from(u32::try_from(sold.prompt_tokens).unwrap()))
    );
    assert!(sample(&after, &format!("parlance_model_cost_usd_total{{{labels}}}")).unwrap() > 0.0);
    let times = "parlance_model_latency_seconds";
    assert_eq!(
        sample(&after, &format!("{times}_count{{model=\"gpt-4o-mini\"}}")),
        Some(2.0)
    );
    assert_eq!(
        sample(&after, "parlance_schedule_last_run_ok{schedule=\"reset_quotas\"}"),
        Some(1.0)
    );
    // Who asked is nobody's business here.
    assert!(!after.contains(ada.id()) && !after.contains("example.com"), "{after}");
}

#[tokio::test]
async fn a_new_month_begins_to_count_anew() {
    let t = Test::with(&[("METRICS_TOKEN", TOKEN)]).await;
    let (ada, scraper) = (t.user("ada").await, t.anonymous().with_token(TOKEN));
    ada.post("/api/v1/ai/chat", json!({"message": "How long?"})).await.ok();
    t.drain().await;
    assert!(scrape(&scraper).await.contains("parlance_model_calls_total{"));
    t.advance_seconds(32 * 24 * 3600);
    assert!(!scrape(&scraper).await.contains("parlance_model_calls_total{"));
}

#[tokio::test]
async fn metrics_are_read_with_the_scrape_token_alone() {
    let t = Test::with(&[("METRICS_TOKEN", TOKEN), ("INTERNAL_API_KEY", "a-service-key")]).await;
    let ada = t.user("ada").await;
    for caller in [
        t.anonymous(),
        ada.clone(),
        t.anonymous().with_token("another-token"),
        t.anonymous().with_token(""),
        t.anonymous().with_header("x-api-key", "a-service-key"),
        t.anonymous().with_header("x-api-key", TOKEN),
    ] {
        assert_eq!(caller.get("/metrics").await.status, 401);
    }
    // Without a token configured nobody has it.
    let t = Test::new().await;
    for token in ["", TOKEN] {
        t.anonymous()
            .with_token(token)
            .get("/metrics")
            .await
            .problem(401, "scrape_token_required");
    }
}
