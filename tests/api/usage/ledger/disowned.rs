//! Who leaves for good while calls of theirs end: what an organization used stays what it is.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use domain::{ApiKeyId, Day, OrgId, Period, UsageCounters, UserId, time::after};
use futures::future::join_all;
use model_double::Script;
use store::{Ledger, QuotaSubjects, Reservation, Reserve, Store, Tables, TokenEstimate, UsageRecord};

use super::{reservation_lifecycle::date, *};
use crate::support::{RACERS, rounds};

/// Calls that end at the same time.
const WAVE: usize = 4;
/// Tokens of the prompt of each call.
const PROMPT: u64 = 1_000;

fn charge(number: usize) -> UsageRecord {
    UsageRecord {
        counters: UsageCounters {
            requests: 1,
            prompt_tokens: PROMPT,
            completion_tokens: u64::try_from(number).unwrap(),
            ..UsageCounters::default()
        },
        model: MODEL.to_owned(),
        latency_ms: Some(100),
        first_token_ms: None,
    }
}

async fn reserve(t: &Test, ledger: &Ledger, user: &UserId, org: &OrgId) -> Reservation {
    let app = t.stack.app();
    let now = app.clock.now();
    let day = Day::of(now, "UTC").unwrap();
    let subjects = QuotaSubjects {
        user: user.clone(),
        user_day: day,
        user_limit: 1_000_000_000,
        user_request_limit: None,
        org: org.clone(),
        org_day: day,
        org_limit: Some(1_000_000_000),
        org_overage: None,
        key: Some(ApiKeyId("kiosk".to_owned())),
        key_budgets: Vec::new(),
        chatbot: None,
        chatbot_cap: None,
    };
    let ask = TokenEstimate {
        id: app.ids.make().unwrap(),
        model: MODEL.to_owned(),
        category: Category::Chat,
        prompt: 10,
        estimate: 100,
        now_ms: now.as_millisecond(),
        until: after(now, Duration::from_mins(5)),
    };
    match ledger.reserve(&subjects, &ask).await.unwrap() {
        Reserve::Held(reservation) => *reservation,
        Reserve::Short(..) | Reserve::TooFast(_) => panic!("it fits"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_that_ends_meanwhile_is_lost_or_counts_twice() {
    let t = Test::with(&ADMIN).await;
    let (ada, root) = (t.user("ada").await, t.admin().await);
    let (user, org) = (UserId(ada.id().to_owned()), OrgId("acme".to_owned()));
    let ledger = Store::new(t.stack.sdk(), Tables::with_prefix("parlance")).ledger();
    let today = Period::day(date(&t));
    let (mut requests, mut tokens) = (0, 0);
    for round in 0..rounds() {
        let reservations = join_all((0..RACERS).map(|_| reserve(&t, &ledger, &user, &org))).await;
        let done = AtomicBool::new(false);
        let settles = async {
            for (wave, reservations) in reservations.chunks(WAVE).enumerate() {
                let settles = reservations.iter().enumerate().map(|(place, reservation)| {
                    let (ledger, charge) = (&ledger, charge(wave * WAVE + place));
                    async move { assert!(ledger.settle(reservation, &charge).await.unwrap()) }
                });
                join_all(settles).await;
                // Those beside may not get a word in while calls end one after the other.
                ledger
                    .anonymize_usage(&org, &user, llm::catalog::is_known)
                    .await
                    .unwrap();
            }
            done.store(true, Ordering::SeqCst);
        };
        // Two at a time, as when the queue delivers twice, from the first settlement to the last.
        let disowns = (0..2).map(|_| async {
            while !done.load(Ordering::SeqCst) {
                ledger
                    .anonymize_usage(&org, &user, llm::catalog::is_known)
                    .await
                    .unwrap();
            }
        });
        futures::join!(settles, join_all(disowns));
        for number in 0..RACERS {
            requests += 1;
            tokens += PROMPT + u64::try_from(number).unwrap();
        }
        let days = t.stack.app().usage().of_org(&org, today).await.unwrap();
        let sum = |pick: fn(&UsageCounters) -> u64| -> u64 {
            let lines = days.iter().flat_map(|day| &day.lines);
            lines.map(|line| pick(&line.counters)).sum()
        };
        assert_eq!(sum(|it| it.requests), requests, "round {round}");
        assert_eq!(sum(UsageCounters::total_tokens), tokens, "round {round}");
        let of_keys = days.iter().flat_map(|day| &day.keys);
        assert_eq!(of_keys.map(|key| key.counters.requests).sum::<u64>(), requests);
        let timed = days.iter().flat_map(|day| day.latency.values());
        assert_eq!(timed.flat_map(|times| times.0.values()).sum::<u64>(), requests);
        assert!(
            days.iter().any(|day| day.user.is_none()),
            "somebody's name was taken off"
        );
    }
    ledger
        .anonymize_usage(&org, &user, llm::catalog::is_known)
        .await
        .unwrap();
    let days = t.stack.app().usage().of_org(&org, today).await.unwrap();
    assert!(days.iter().all(|day| day.user.is_none()));
    // Every life of the person's item counts once in the sums of the platform, and no copy does.
    t.drain().await;
    let all = root.get("/api/v1/analytics/system/usage").await.ok().json();
    assert_eq!(all["totals"]["requests"], requests);
    assert_eq!(all["totals"]["total_tokens"], tokens);
    let speed = root.get("/api/v1/analytics/system/performance").await.ok().json();
    assert_eq!(speed["totals"]["latency"]["count"], requests);
}

#[tokio::test]
async fn a_call_of_somebody_who_leaves_is_paid_as_it_ends_and_one_that_was_lost_after_a_while() {
    let (t, double) = with_double().await;
    let (ada, bob, eve) = (t.user("ada").await, t.user("bob").await, t.user("eve").await);
    let org = t
        .shared_org("lovelace", &[(&ada, "owner"), (&bob, "member"), (&eve, "member")])
        .await;
    let inside = ada.with_header("x-current-org", &org);
    double.always(Script::silence());
    let app = t.stack.app();
    let shared = async || {
        let limits = inside.get("/api/v1/tokens/limits").await.ok().json();
        let limits = limits["limits"].as_array().unwrap().clone();
        let shared = limits.into_iter().find(|limit| limit["scope"] == "org").unwrap();
        (shared["used"].as_u64().unwrap(), shared["reserved"].as_u64().unwrap())
    };
    let is_erased = async |who: &Caller| {
        t.drain().await;
        let status = t.anonymous().post("/_local/run/relay_outbox", json!({})).await.status;
        let left = t.items("parlance-identity").await;
        (
            status == 200,
            !left
                .keys()
                .any(|(pk, sk)| pk.contains(who.id()) || sk.contains(who.id())),
        )
    };
    // 8 tokens to read and 20 to write.
    let billing = payer_in(app, &bob, Some(&org)).await;
    let mut running = app
        .generate(question(app, &billing, "What is the best", 20))
        .await
        .unwrap();
    let asked = tokio::time::timeout(Duration::ZERO, running.next()).await;
    assert!(asked.is_err(), "it waits for its first words");
    bob.delete("/api/v1/users/me").await.ok();
    assert_eq!(is_erased(&bob).await, (false, false), "while a call runs");
    assert_eq!(shared().await, (0, 28));
    drop(running);
    app.idle().await;
    assert_eq!(shared().await, (8, 0), "as much as was read");
    assert_eq!(is_erased(&bob).await, (true, true));

    // A process that died settles nothing: five minutes later all that was set aside counts as used.
    let billing = payer_in(app, &eve, Some(&org)).await;
    let lost = app
        .generate(question(app, &billing, "What is the best", 20))
        .await
        .unwrap();
    std::mem::forget(lost);
    eve.delete("/api/v1/users/me").await.ok();
    assert_eq!(is_erased(&eve).await, (false, false));
    t.advance_seconds(301);
    assert_eq!(is_erased(&eve).await, (true, true));
    assert_eq!(shared().await, (36, 0));
}
