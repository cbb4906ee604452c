//! The life of one reservation: charged, stopped, dropped, left behind, past midnight, settled twice.

use domain::time::after;
use futures::StreamExt as _;
use model_double::{End, Gate, Script, Step};
use serde_json::json;
use store::{QuotaSubjects, Reserve, Store, Tables, TokenEstimate, UsageRecord};

use super::*;

/// A piece of an answer that everybody counts as one token.
fn word() -> Step {
    Step::Text("abc ".to_owned())
}

/// An answer of so many tokens.
fn words(count: usize) -> Vec<Step> {
    vec![word(); count]
}

/// Reads the beginning of an answer.
async fn read(stream: &mut GenerationStream, pieces: usize) {
    for _ in 0..pieces {
        next_words(stream).await;
    }
}

#[tokio::test]
async fn an_answer_is_charged_what_the_provider_counted() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let billing = billing(&t, &ada).await;
    double.next(Script::of(words(30)));
    let mut stream = app
        .generate(question(app, &billing, "What is the best?", 100))
        .await
        .unwrap();
    assert_eq!(day_of(&t, &ada).await, (0, 109, 109, 1), "5 + 4 + 100 are set aside");
    read(&mut stream, 1).await;
    let outcome = whole(stream).await.unwrap();
    assert_eq!((outcome.model.as_str(), outcome.provider.name()), (MODEL, "openai"));
    assert_eq!((outcome.finish_reason, outcome.fallback), ("stop", false));
    let sold = double.totals();
    assert_eq!(outcome.usage.total_tokens, sold.prompt_tokens + sold.completion_tokens);
    assert!(!outcome.usage.estimated && outcome.cost_micro_usd.is_some());
    let used = i64::try_from(outcome.usage.total_tokens).unwrap();
    assert_eq!(day_of(&t, &ada).await, (used, 0, used, 0));
    let quota = ada.get("/api/v1/users/me/quota").await.ok().json();
    assert_eq!(quota["used_today"], used);
    assert_eq!(limits(&ada).await["user"]["remaining"], 10_000 - used);
}

#[tokio::test]
async fn what_was_written_until_a_stop_a_drop_or_a_failure_is_charged_and_no_more() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let billing = billing(&t, &ada).await;
    // 4 tokens of prompt, and 4 that our estimate adds for the message.
    let ask = || question(app, &billing, "What is the best", 500);

    double.next(Script::of(words(7)).then(Step::Hang));
    let mut stream = app.generate(ask()).await.unwrap();
    read(&mut stream, 7).await;
    let outcome = stream.stop().await.unwrap();
    assert_eq!((outcome.finish_reason, outcome.usage.completion_tokens), ("stopped", 7));
    assert!(outcome.usage.estimated);
    assert_eq!(day_of(&t, &ada).await, (15, 0, 15, 0));

    double.next(Script::of(words(5)).then(Step::Hang));
    let mut stream = app.generate(ask()).await.unwrap();
    read(&mut stream, 5).await;
    drop(stream);
    app.idle().await;
    assert_eq!(day_of(&t, &ada).await, (28, 0, 28, 0));

    double.next(Script::of(words(3)).then(Step::Error("server_error".to_owned())));
    let mut stream = app.generate(ask()).await.unwrap();
    read(&mut stream, 3).await;
    assert!(matches!(stream.next().await, Some(Err(Error::Upstream { .. }))));
    assert!(stream.next().await.is_none());
    assert_eq!(day_of(&t, &ada).await, (39, 0, 39, 0));

    double.next(Script::of(words(2)));
    let mut stream = app.generate(ask()).await.unwrap().begun().await.unwrap();
    read(&mut stream, 2).await;
    whole(stream).await.unwrap();
    assert_eq!(day_of(&t, &ada).await, (45, 0, 45, 0), "what was looked at is not lost");
    double.next(Script::refuse(400, "invalid_request_error"));
    assert!(app.generate(ask()).await.unwrap().begun().await.is_err());

    double.next(Script::refuse(400, "invalid_request_error"));
    assert!(whole(app.generate(ask()).await.unwrap()).await.is_err());
    assert_eq!(day_of(&t, &ada).await, (45, 0, 45, 0), "a refused call costs nothing");

    double.until_ended(6).await;
    let ends: Vec<_> = double.calls().iter().map(|call| call.end).collect();
    assert_eq!(
        ends[..2],
        [Some(End::Closed), Some(End::Closed)],
        "stopped upstream too"
    );
}

#[tokio::test]
async fn a_reservation_is_charged_to_the_day_in_which_it_was_made() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    // A minute before the next midnight in UTC.
    let now = t.stack.app().clock.now().as_second();
    t.advance_seconds(u64::try_from(86_400 - now.rem_euclid(86_400)).unwrap() - 60);
    let ada = ada.sign_in_again().await;
    let (app, billing) = (t.stack.app(), billing(&t, &ada).await);
    let (pk, yesterday) = (format!("U#{}", ada.id()), format!("D#{}", today(&t)));
    let gate = Gate::default();
    double.next(Script::of(words(6)).paced(&gate));
    let mut stream = app
        .generate(question(app, &billing, "What is the best", 100))
        .await
        .unwrap();
    gate.open(1);
    read(&mut stream, 1).await;
    t.advance_seconds(120);
    assert_ne!(format!("D#{}", today(&t)), yesterday);
    ada.post("/_local/run/reset_quotas", json!({})).await.ok();
    assert_eq!(
        counter(&t, &pk, &yesterday).await,
        (0, 108, 108, 1),
        "it is still running"
    );
    gate.open(5);
    whole(stream).await.unwrap();
    assert_eq!(counter(&t, &pk, &yesterday).await, (10, 0, 10, 0));
    assert_eq!(day_of(&t, &ada).await, (0, 0, 0, 0));
    ada.post("/_local/run/reset_quotas", json!({})).await.ok();
    let left = t.items(USAGE).await;
    assert!(!left.keys().any(|(pk, _)| pk.starts_with("OPEN#")), "the day is closed");
    assert!(left[&(pk, yesterday)].contains("closed"));
}

#[tokio::test]
async fn who_leaves_a_reservation_behind_is_charged_when_its_lease_is_over() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    limit(&ada, 200).await;
    let billing = billing(&t, &ada).await;
    let ask = || question(app, &billing, "What is the best", 100);
    // A process that dies: nothing of it runs on, not even a destructor.
    std::mem::forget(app.generate(ask()).await.unwrap());
    double.next(Script::of(words(9)).then(Step::Hang));
    let (short, needed) = refused(app.generate(ask()).await);
    assert_eq!((short.used, short.reserved, short.limit, needed), (0, 108, 200, 108));
    t.advance_seconds(5 * 60);
    // The first who is refused settles what is overdue; 92 are left, too few.
    let (short, _) = refused(app.generate(ask()).await);
    assert_eq!(
        (short.used, short.reserved),
        (108, 0),
        "all that was reserved may have been used"
    );
    let estimated = app
        .usage()
        .of_user(&billing.user, domain::Period::day(date(&t)))
        .await
        .unwrap();
    assert_eq!(estimated[0].lines[0].counters.estimated, 1);
}

#[tokio::test]
async fn the_schedule_settles_what_nobody_asks_for() {
    let (t, double) = with_double().await;
    let (ada, app) = (t.user("ada").await, t.stack.app());
    let billing = billing(&t, &ada).await;
    let gate = Gate::default();
    double.next(Script::of(words(9)).paced(&gate));
    let mut stream = app
        .generate(question(app, &billing, "What is the best", 100))
        .await
        .unwrap();
    gate.open(2);
    read(&mut stream, 2).await;
    t.advance_seconds(11);
    gate.open(1);
    // The third piece comes after ten seconds: what was written is noted with it.
    read(&mut stream, 1).await;
    app.idle().await;
    std::mem::forget(stream);
    ada.post("/_local/run/reset_quotas", json!({})).await.ok();
    assert_eq!(day_of(&t, &ada).await, (0, 108, 108, 1), "its lease is not over");
    t.advance_seconds(5 * 60);
    for _ in 0..2 {
        ada.post("/_local/run/reset_quotas", json!({})).await.ok();
        assert_eq!(
            day_of(&t, &ada).await,
            (11, 0, 11, 0),
            "8 of the prompt and 3 that were seen"
        );
    }
}

#[tokio::test]
async fn settling_twice_charges_once_and_what_is_above_the_estimate_is_charged_too() {
    let (t, _double) = with_double().await;
    let ada = t.user("ada").await;
    let ledger = Store::new(t.stack.sdk(), Tables::with_prefix("parlance")).ledger();
    let app = t.stack.app();
    let day = domain::Day::of(app.clock.now(), "UTC").unwrap();
    let subjects = QuotaSubjects {
        user: domain::UserId(ada.id().to_owned()),
        user_day: day,
        user_limit: 1_000,
        user_request_limit: None,
        org: domain::OrgId("shared".to_owned()),
        org_day: day,
        org_limit: Some(5_000),
        org_overage: None,
        key: Some(domain::ApiKeyId("key".to_owned())),
        key_budgets: vec![(domain::ApiKeyId("key".to_owned()), 700)],
        chatbot: Some(domain::ChatbotId("bot".to_owned())),
        chatbot_cap: Some(600),
    };
    let ask = |id: &str, estimate| TokenEstimate {
        id: domain::GenerationId(id.to_owned()),
        model: MODEL.to_owned(),
        category: Category::Chat,
        prompt: 10,
        estimate,
        now_ms: app.clock.now_ms(),
        until: after(app.clock.now(), std::time::Duration::from_mins(5)),
    };
    let Reserve::Held(reservation) = ledger.reserve(&subjects, &ask("one", 400)).await.unwrap() else {
        panic!("it fits")
    };
    let Err(Error::Conflict { code, .. }) = ledger.reserve(&subjects, &ask("one", 100)).await else {
        panic!("an id is used once")
    };
    assert_eq!(code, "generation_repeated");
    let Reserve::Short(short, _) = ledger.reserve(&subjects, &ask("two", 400)).await.unwrap() else {
        panic!("the key and the chatbot have less")
    };
    let scopes: Vec<_> = short.iter().map(|limit| limit.scope.name()).collect();
    assert_eq!(scopes, ["key", "chatbot"]);
    let counters = async || {
        let (user, org, date) = (format!("U#{}", ada.id()), "O#shared", day.date);
        [
            counter(&t, &user, &format!("D#{date}")).await,
            counter(&t, org, &format!("D#{date}")).await,
            counter(&t, org, "K#key").await,
            counter(&t, org, &format!("B#bot#D#{date}")).await,
        ]
    };
    assert_eq!(
        counters().await,
        [(0, 400, 400, 1), (0, 400, 400, 0), (0, 400, 400, 0), (0, 400, 400, 0)],
        "a refusal changes nothing anywhere"
    );
    let charge = UsageRecord {
        counters: domain::UsageCounters {
            requests: 1,
            prompt_tokens: 50,
            completion_tokens: 460,
            cached_tokens: 30,
            ..domain::UsageCounters::default()
        },
        model: MODEL.to_owned(),
        latency_ms: Some(10),
        first_token_ms: Some(5),
    };
    let settled = futures::future::join_all((0..8).map(|_| ledger.settle(&reservation, &charge))).await;
    let winners = settled.into_iter().filter(|settled| *settled.as_ref().unwrap()).count();
    assert_eq!(winners, 1);
    let after = (510, 0, 510, 0);
    assert_eq!(counters().await, [after; 4], "fully, though only 400 were reserved");
    let days = app
        .usage()
        .of_org(&subjects.org, domain::Period::day(day.date))
        .await
        .unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(
        days[0].lines[0].counters, charge.counters,
        "in the statistics once, too"
    );
    let Reserve::Held(unused) = ledger.reserve(&subjects, &ask("three", 90)).await.unwrap() else {
        panic!("90 are left of the chatbot's limit")
    };
    assert!(ledger.release(&unused).await.unwrap() && !ledger.release(&unused).await.unwrap());
    assert_eq!(counters().await, [after; 4]);
}

/// Today as the reader of statistics wants it.
pub(crate) fn date(t: &Test) -> jiff::civil::Date {
    today(t).parse().unwrap()
}
