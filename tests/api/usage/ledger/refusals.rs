//! What is refused, what is made smaller, and what people are told about it.

use std::time::Duration;

use domain::RateLimitStatus;
use model_double::{Finish, Script, Step};

use super::*;
use crate::support::Answer;

fn words(count: usize) -> Script {
    Script::of(vec![Step::Text("abc ".to_owned()); count])
}

async fn alerts(caller: &Caller) -> Vec<(String, u64)> {
    let found = caller.get("/api/v1/tokens/alerts").await.ok().json();
    let found = found.as_array().unwrap().iter();
    found
        .map(|alert| {
            let scope = alert["scope"].as_str().unwrap().to_owned();
            (scope, alert["percent"].as_u64().unwrap())
        })
        .collect()
}

fn too_fast<T: std::fmt::Debug>(result: Result<T, Error>) -> RateLimitStatus {
    match result {
        Err(Error::Limit(limit)) => match *limit {
            LimitReached::Requests(rate_limit) => rate_limit,
            other @ (LimitReached::Tokens { .. } | LimitReached::Plan(_)) => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refusal_says_which_limit_and_when_it_begins_anew() {
    let (t, _double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    limit(&ada, 100).await;
    let billing = billing(&t, &ada).await;
    let Err(Error::Limit(reached)) = app.generate(question(app, &billing, "What is the best", 400)).await else {
        panic!("a question that fits into no day")
    };
    let LimitReached::Tokens {
        limit,
        needed,
        retry_after,
    } = *reached
    else {
        panic!("a limit on tokens")
    };
    assert_eq!(
        (limit.scope.name(), limit.limit, limit.used, needed),
        ("user", 100, 0, 264)
    );
    let until = limit.resets_at.unwrap().as_millisecond() - app.clock.now_ms();
    let until = Duration::from_millis(u64::try_from(until).unwrap());
    assert!(retry_after.abs_diff(until) < Duration::from_mins(1), "{retry_after:?}");
    // Smaller ones pass: a changed limit changes no counter.
    answered(app, &billing, "What is the best", 90).await.unwrap();
    super::limit(&ada, 99).await;
    let shown = limits(&ada).await;
    assert_eq!(shown["user"]["limit"], 99);
    assert!(shown.get("org").is_none(), "a personal organization has one limit");
}

#[tokio::test]
async fn an_answer_becomes_as_short_as_what_is_left_and_says_so() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    limit(&ada, 308).await;
    let billing = billing(&t, &ada).await;
    double.always(words(1_000));
    let outcome = answered(app, &billing, "What is the best", 1_000).await.unwrap();
    assert_eq!(
        (outcome.finish_reason, outcome.usage.completion_tokens),
        ("length", 300)
    );
    assert_eq!(double.calls()[0].counts.completion, 300);
    assert_eq!(day_of(&t, &ada).await, (304, 0, 304, 0));
    let (short, needed) = refused(answered(app, &billing, "What is the best", 1_000).await);
    assert_eq!(
        (short.used, needed),
        (304, 264),
        "no answer is begun that is hardly one"
    );
}

#[tokio::test]
async fn an_organization_may_have_the_rest_answered_by_a_cheaper_model() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let org = t.shared_org("lovelace", &[(&ada, "owner")]).await;
    let at = format!("/api/v1/orgs/{org}");
    let set = json!({"downgrade_model": "gpt-4.1-nano", "fallback_models": ["gpt-4.1-mini", "local"]});
    let seen = ada.patch(&at, set).await.ok().json();
    assert_eq!(seen["downgrade_model"], "gpt-4.1-nano");
    assert_eq!(seen["fallback_models"], json!(["gpt-4.1-mini", "local"]));
    let billing = payer_in(app, &ada, Some(&org)).await;
    double.always(words(20_000));
    let outcome = answered(app, &billing, "What is the best", 9_500).await.unwrap();
    assert_eq!((outcome.model.as_str(), outcome.requested_model), (MODEL, None));
    let outcome = answered(app, &billing, "What is the best", 9_500).await.unwrap();
    assert_eq!(
        (
            outcome.model.as_str(),
            outcome.requested_model.as_deref(),
            outcome.fallback
        ),
        ("gpt-4.1-nano", Some(MODEL), true)
    );
    assert_eq!(
        (outcome.finish_reason, outcome.usage.completion_tokens),
        ("length", 488)
    );
    ada.patch(&at, json!({"downgrade_model": "", "fallback_models": []}))
        .await
        .ok();
    let seen = ada.get(&at).await.ok().json();
    assert_eq!(
        (&seen["downgrade_model"], &seen["fallback_models"]),
        (&json!(null), &json!([]))
    );
    assert_eq!(
        ada.patch(&at, json!({"fallback_models": ["a", "b", "c", "d", "e", "f"]}))
            .await
            .invalid(),
        ["/fallback_models"]
    );
}

#[tokio::test]
async fn a_key_asks_the_models_it_may_and_spends_its_budget() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let key = ada
        .api_key(json!({"name": "Kiosk", "token_budget": 150, "models": [MODEL]}))
        .await;
    let kiosk = t.anonymous().with_token(&key.text("key"));
    let billing = payer_in(app, &kiosk, None).await;
    let other = Generation {
        model: "gpt-4.1".to_owned(),
        ..question(app, &billing, "What is the best", 10)
    };
    let Err(Error::Forbidden { code, .. }) = app.generate(other).await else {
        panic!("a model that the key may not ask")
    };
    assert_eq!(code, "model_not_allowed");
    double.always(words(100));
    answered(app, &billing, "What is the best", 100).await.unwrap();
    let (short, _) = refused(answered(app, &billing, "What is the best", 100).await);
    assert_eq!(
        (short.scope.name(), short.limit, short.used, short.resets_at),
        ("key", 150, 104, None)
    );
    assert_eq!(limits(&kiosk).await["key"]["remaining"], 46);
    assert_eq!(
        day_of(&t, &ada).await,
        (104, 0, 104, 0),
        "a refusal by one limit changes none"
    );
}

#[tokio::test]
async fn a_chatbot_has_a_daily_cap_of_its_own() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let bot = json!({"name": "Helper", "settings": {"model": MODEL, "daily_token_cap": 120}});
    let bot = ada.post("/api/v1/chatbots", bot).await.created();
    assert_eq!(bot.json()["settings"]["daily_token_cap"], 120);
    let id = domain::ChatbotId(bot.text("id"));
    let payer_now = async || {
        let own = billing(&t, &ada).await;
        let bot = app.chatbot(&own.org, &id).await.unwrap();
        own.with_chatbot(&bot)
    };
    double.always(words(100));
    let billing = payer_now().await;
    answered(app, &billing, "What is the best", 100).await.unwrap();
    let (short, _) = refused(answered(app, &billing, "What is the best", 100).await);
    assert_eq!((short.scope.name(), short.used), ("chatbot", 104));
    let change = json!({"settings": {"daily_token_cap": null}});
    let at = format!("/api/v1/chatbots/{}", id.as_str());
    let changed = ada.put(&at, change).await.ok().json();
    assert_eq!(changed["settings"]["daily_token_cap"], json!(null));
    answered(app, &payer_now().await, "What is the best", 100)
        .await
        .unwrap();
}

#[tokio::test]
async fn half_most_and_all_of_a_limit_are_told_once_each() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    limit(&ada, 1_000).await;
    let billing = billing(&t, &ada).await;
    double.always(words(100));
    for _ in 0..4 {
        answered(app, &billing, "What is the best", 100).await.unwrap();
    }
    assert_eq!(alerts(&ada).await, []);
    for _ in 0..5 {
        answered(app, &billing, "What is the best", 100).await.unwrap();
    }
    assert_eq!(alerts(&ada).await, [("user".to_owned(), 80), ("user".to_owned(), 50)]);
    // 936 are used, and 64 are too few: the limit is used up as far as anybody notices.
    for _ in 0..3 {
        refused(answered(app, &billing, "What is the best", 100).await);
    }
    assert_eq!(alerts(&ada).await.first(), Some(&("user".to_owned(), 100)));
    let subjects = async || {
        let mails = t.outbox().await;
        let subjects = mails.iter().map(|mail| mail["subject"].as_str().unwrap().to_owned());
        subjects
            .filter(|subject| subject.contains("tokens"))
            .collect::<Vec<_>>()
    };
    let told = [
        "100% of your tokens are used",
        "80% of your tokens are used",
        "50% of your tokens are used",
    ];
    assert_eq!(subjects().await, told);
    t.advance_seconds(24 * 3600);
    for _ in 0..2 {
        t.anonymous().post("/_local/run/reset_quotas", json!({})).await.ok();
    }
    assert_eq!(subjects().await[0], "Your tokens are back");
    assert_eq!(subjects().await.len(), 4);
}

#[tokio::test]
async fn who_administers_an_organization_is_told_about_its_limit() {
    let (t, double) = with_double().await;
    let (ada, bob, app) = (t.user("ada").await, t.user("bob").await, t.stack.app());
    let org = t.shared_org("lovelace", &[(&ada, "owner"), (&bob, "member")]).await;
    // Bob's own limit is far away.
    subscribe(&t, bob.org(), "TEAM").await;
    let root = t.admin().await;
    root.put(
        &format!("/api/v1/users/{}/quota", bob.id()),
        json!({"daily_limit": 1_000_000}),
    )
    .await
    .ok();
    double.always(words(5_100).ending(Finish::Stop));
    let billing = payer_in(app, &bob, Some(&org)).await;
    answered(app, &billing, "What is the best", 5_200).await.unwrap();
    let mails = t.outbox().await;
    let told: Vec<_> = mails
        .iter()
        .filter(|mail| mail["subject"] == "50% of your tokens are used")
        .map(|mail| mail["to"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["ada@example.com"]);
    let of_org = bob.with_header("x-current-org", &org);
    assert_eq!(alerts(&of_org).await, [("org".to_owned(), 50)]);
    assert_eq!(alerts(&bob).await, []);
}

#[tokio::test]
async fn questions_come_as_fast_as_the_plan_and_the_key_allow() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    double.always(words(1));
    let check = async |caller: &Caller| caller.get("/api/v1/tokens/rate-limit-check").await.ok().json();
    let key = ada.api_key(json!({"name": "Kiosk", "requests_per_minute": 2})).await;
    let kiosk = t.anonymous().with_token(&key.text("key"));
    let of_key = payer_in(app, &kiosk, None).await;
    for _ in 0..2 {
        let seen = check(&kiosk).await;
        assert_eq!((&seen["allowed"], &seen["limit"]), (&json!(true), &json!(2)));
        answered(app, &of_key, "What is the best", 1).await.unwrap();
    }
    let rate_limit = too_fast(app.generate(question(app, &of_key, "What is the best", 1)).await);
    assert_eq!((rate_limit.policy, rate_limit.per_minute), ("key", 2));
    assert!(rate_limit.retry_after > Duration::from_secs(25) && rate_limit.retry_after <= Duration::from_secs(30));
    let seen = check(&kiosk).await;
    assert_eq!((&seen["allowed"], &seen["remaining"]), (&json!(false), &json!(0)));
    assert!(seen["retry_after"].as_u64().unwrap() > 20);
    t.advance_seconds(30);
    answered(app, &of_key, "What is the best", 1).await.unwrap();

    let own = billing(&t, &ada).await;
    let before = check(&ada).await["remaining"].as_u64().unwrap();
    assert!(
        check(&ada).await["remaining"].as_u64().unwrap() >= before,
        "looking counts for nothing"
    );
    let mut passed = 0;
    let rate_limit = loop {
        match answered(app, &own, "What is the best", 1).await {
            Ok(_) => passed += 1,
            refusal => break too_fast(refusal),
        }
        assert!(passed < 200, "no limit holds");
    };
    assert_eq!((rate_limit.policy, rate_limit.per_minute), ("user", 60));
    assert!(passed >= before, "{passed} passed of {before}");
    // A title is nobody's question.
    let title = Generation {
        category: Category::Titles,
        ..question(app, &own, "What is the best", 1)
    };
    whole(app.generate(title).await.unwrap()).await.unwrap();
    let wrong: Answer = ada
        .post("/api/v1/apikeys", json!({"name": "Kiosk", "requests_per_minute": 0}))
        .await;
    assert_eq!(wrong.invalid(), ["/requests_per_minute"]);
}

#[tokio::test]
async fn midnight_empties_no_bucket_and_a_title_before_the_first_question_neither() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    double.always(words(1));
    let now = t.stack.app().clock.now().as_second();
    t.advance_seconds(u64::try_from(86_400 - now.rem_euclid(86_400)).unwrap() - 30);
    let ada = ada.sign_in_again().await;
    let (app, own) = (t.stack.app(), billing(&t, &ada).await);
    let ask = async || answered(app, &own, "What is the best", 1).await;
    let mut passed = 0;
    while ask().await.is_ok() {
        passed += 1;
    }
    assert!(passed >= 60, "{passed}");
    let day = today(&t);
    t.advance_seconds(31);
    assert_ne!(today(&t), day);
    let title = Generation {
        category: Category::Titles,
        ..question(app, &own, "What is the best", 1)
    };
    whole(app.generate(title).await.unwrap()).await.unwrap();
    let seen = ada.get("/api/v1/tokens/rate-limit-check").await.ok().json();
    let left = seen["remaining"].as_u64().unwrap();
    assert!((31..45).contains(&left), "{left}");
    let mut passed = 0;
    let rate_limit = loop {
        match ask().await {
            Ok(_) => passed += 1,
            refusal => break too_fast(refusal),
        }
    };
    assert_eq!((rate_limit.policy, rate_limit.per_minute), ("user", 60));
    assert!((left..left + 15).contains(&passed), "{passed} of {left}");
}

#[tokio::test]
async fn of_two_hundred_questions_at_once_as_many_pass_as_a_minute_allows() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    double.always(words(1));
    let (app, own) = (t.stack.app(), billing(&t, &ada).await);
    let asked = (0..200).map(|_| answered(app, &own, "What is the best", 1));
    let began = app.clock.now_ms();
    let (passed, refused): (Vec<_>, Vec<_>) = futures::future::join_all(asked)
        .await
        .into_iter()
        .partition(Result::is_ok);
    let more = usize::try_from((app.clock.now_ms() - began) / 1000).unwrap() + 1;
    assert!(
        (60..=60 + more).contains(&passed.len()),
        "{} of 60 and {more}",
        passed.len()
    );
    for refusal in refused {
        assert_eq!(too_fast(refusal).policy, "user");
    }
}

#[tokio::test]
async fn who_has_no_tokens_left_is_told_to_wait_in_the_end() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    double.always(words(1));
    limit(&ada, 100).await;
    let (app, own) = (t.stack.app(), billing(&t, &ada).await);
    let mut short = 0;
    let rate_limit = loop {
        match app.generate(question(app, &own, "What is the best", 500)).await {
            Err(Error::Limit(limit)) if matches!(*limit, LimitReached::Tokens { .. }) => short += 1,
            refusal => break too_fast(refusal),
        }
        assert!(short < 200, "no limit holds");
    };
    assert_eq!((rate_limit.policy, short >= 60), ("user", true), "{short}");
}
