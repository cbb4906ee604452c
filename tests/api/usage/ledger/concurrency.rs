//! Many at once. `PARLANCE_TURNS` says how many.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::{StreamExt as _, future::join_all};
use model_double::{Script, Step};

use super::{reservation_lifecycle::date, *};
use crate::support::FAULTS;

/// How many turns come at once.
fn turns() -> usize {
    std::env::var("PARLANCE_TURNS").map_or(1_000, |turns| turns.parse().unwrap())
}

/// Looks at a day until it is told to stop: the limit holds whenever somebody looks.
async fn observe(t: &Test, caller: &Caller, limit: i64, stop: &AtomicBool) -> usize {
    let mut observed = 0;
    while !stop.load(Ordering::SeqCst) {
        let (used, reserved, committed, reservations) = day_of(t, caller).await;
        assert!(used + reserved <= limit, "{used} + {reserved} of {limit}");
        assert_eq!(used + reserved, committed);
        assert_eq!(reserved == 0, reservations == 0, "{reserved} in {reservations}");
        observed += 1;
    }
    observed
}

/// The number at the end of a text.
fn number(text: &str) -> usize {
    text.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_turns_as_many_pass_as_fit_and_the_sum_is_the_providers_own() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    subscribe(&t, ada.org(), "TEAM").await;
    // 16 characters are 4 tokens; 4 more are reserved for the message, and 20 for the answer.
    let (estimate, actual) = (28_i64, 24_i64);
    let limit = 50 * estimate;
    super::limit(&ada, u64::try_from(limit).unwrap()).await;
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    let app = t.stack.app();
    let billing = &billing(&t, &ada).await;
    let stop = AtomicBool::new(false);
    let all = async {
        let turns = (0..turns()).map(|turn| async move {
            let text = format!("a question {turn:05}");
            answered(app, billing, &text, 20).await
        });
        let outcomes = join_all(turns).await;
        stop.store(true, Ordering::SeqCst);
        outcomes
    };
    let (outcomes, observed) = futures::join!(all, observe(&t, &ada, limit, &stop));
    assert!(observed > 0, "nobody looked");
    let mut passed = 0_i64;
    for outcome in outcomes {
        match outcome {
            Ok(outcome) => {
                assert_eq!(i64::try_from(outcome.usage.total_tokens).unwrap(), actual);
                passed += 1;
            }
            refusal => assert_eq!(refused(refusal).1, u64::try_from(estimate).unwrap()),
        }
    }
    let sold = double.totals();
    let (used, reserved, committed, reservations) = day_of(&t, &ada).await;
    assert_eq!(
        (reserved, reservations, committed),
        (0, 0, used),
        "nothing is left reserved"
    );
    assert_eq!(used, passed * actual);
    assert_eq!(
        used,
        i64::try_from(sold.prompt_tokens + sold.completion_tokens).unwrap()
    );
    assert!(passed >= 50 && used <= limit, "{passed} passed");
    // As many more as still fit, none more.
    let mut left = limit - used;
    while left >= estimate {
        answered(app, billing, "a question 99999", 20).await.unwrap();
        left -= actual;
    }
    refused(answered(app, billing, "a question 99999", 20).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_stops_and_lost_readers_leave_the_books_equal() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    let count = turns();
    subscribe(&t, ada.org(), "TEAM").await;
    double.answer_with(|asked| {
        let turn = number(asked.texts.last().unwrap());
        let words = vec![Step::Text("abc ".to_owned()); turn % 13 + 1];
        match turn % 10 {
            0 => Script::refuse(400, "invalid_request_error"),
            1 | 2 => Script::of(words).then(Step::Error("server_error".to_owned())),
            3..=5 => Script::of(words).then(Step::Hang),
            _ => Script::of(words),
        }
    });
    let (app, billing) = (t.stack.app(), billing(&t, &ada).await);
    let failed = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let turns = (0..count).map(|turn| {
        let (billing, failed) = (billing.clone(), failed.clone());
        async move {
            let asked = Generation {
                // Ten turns each, of which two count as failures of the model: no breaker opens.
                model: format!("openai/model-{}", turn / 10),
                ..question(app, &billing, &format!("a question {turn:05}"), 40)
            };
            let mut stream = app.generate(asked).await.unwrap();
            match turn % 10 {
                3..=5 => {
                    for _ in 0..=turn % 13 {
                        next_words(&mut stream).await;
                    }
                    if turn % 10 == 5 {
                        stream.stop().await.unwrap();
                    }
                }
                0..=2 => {
                    assert!(whole(stream).await.is_err());
                    failed.fetch_add(1, Ordering::SeqCst);
                }
                _ => assert!(!whole(stream).await.unwrap().usage.estimated),
            }
        }
    });
    // So many at once as a stack on two cores answers within its time limits.
    futures::stream::iter(turns).buffer_unordered(150).collect::<()>().await;
    app.idle().await;
    double.until_ended(count).await;
    let days = app
        .usage()
        .of_user(&billing.user, domain::Period::day(date(&t)))
        .await
        .unwrap();
    let mut counters = domain::UsageCounters::default();
    for line in days.iter().flat_map(|day| &day.lines) {
        counters += line.counters;
    }
    let sold = double.totals();
    assert_eq!(counters.requests, count as u64);
    assert_eq!(counters.errors, failed.load(Ordering::SeqCst) as u64);
    assert_eq!(counters.completion_tokens, sold.completion_tokens);
    // Where the provider did not say, we estimate its prompt, with 4 tokens for what is around the message.
    assert_eq!(counters.prompt_tokens, sold.prompt_tokens + 4 * counters.estimated);
    let used = i64::try_from(counters.total_tokens()).unwrap();
    assert_eq!(day_of(&t, &ada).await, (used, 0, used, 0), "nothing is left reserved");
}

#[tokio::test]
async fn of_a_hundred_that_ask_at_once_the_ten_that_fit_pass_and_then_ten_more() {
    let (t, _double) = with_double().await;
    let ada = t.user("ada").await;
    subscribe(&t, ada.org(), "PRO").await;
    limit(&ada, 10 * 108).await;
    let (app, billing) = (t.stack.app(), billing(&t, &ada).await);
    for round in 0..2 {
        let asked = (0..100).map(|_| app.generate(question(app, &billing, "What is the best", 100)));
        let (passed, refused_): (Vec<_>, Vec<_>) = join_all(asked).await.into_iter().partition(Result::is_ok);
        assert_eq!((passed.len(), refused_.len()), (10, 90), "in round {round}");
        for refusal in refused_ {
            let (short, needed) = refused(refusal);
            assert_eq!((short.used + short.reserved, needed), (1_080, 108));
        }
        // None was polled, so none was written: what is not used is free the moment they end.
        for stream in passed {
            let outcome = stream.unwrap().stop().await.unwrap();
            assert_eq!(outcome.usage.completion_tokens, 0);
        }
        assert_eq!(day_of(&t, &ada).await, (0, 0, 0, 0));
    }
}

#[tokio::test]
async fn members_of_an_organization_share_its_limit_to_the_token() {
    let (t, double) = with_double().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("lovelace", &[(&ada, "owner"), (&bob, "member")]).await;
    // The plan allows 10,000 a day: 92 times 108, and 64 are left.
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 100]));
    let app = t.stack.app();
    let (ada_pays, bob_pays) = (
        payer_in(app, &ada, Some(&org)).await,
        payer_in(app, &bob, Some(&org)).await,
    );
    let asked = (0..50).map(|turn| {
        let billing = if turn % 2 == 0 { &ada_pays } else { &bob_pays };
        app.generate(question(app, billing, "What is the best", 396))
    });
    let (passed, left): (Vec<_>, Vec<_>) = join_all(asked).await.into_iter().partition(Result::is_ok);
    // 24 times 404; the 304 that are left are enough for an answer of 296.
    assert_eq!(passed.len(), 25);
    for refusal in left {
        assert_eq!(refused(refusal).0.scope.name(), "org");
    }
    for stream in passed {
        whole(stream.unwrap()).await.unwrap();
    }
    let used = 25 * 104;
    let day = format!("D#{}", today(&t));
    assert_eq!(counter(&t, &format!("O#{org}"), &day).await, (used, 0, used, 0));
    let (of_ada, of_bob) = (day_of(&t, &ada).await, day_of(&t, &bob).await);
    assert_eq!((of_ada.0 + of_bob.0, of_ada.1, of_bob.1), (used, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_turns_at_once_of_one_organization_fill_its_day_and_none_is_refused_for_a_conflict() {
    let double = ModelDouble::start().await.unwrap();
    let environment = double.environment();
    let environment = environment.iter().map(|(name, value)| (*name, value.as_str()));
    let environment: Vec<_> = environment.chain([(FAULTS, "conflict=25,seed=17")]).collect();
    let t = Test::with(&environment).await;
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    let users = join_all((0..8).map(|number| {
        let (t, name) = (&t, format!("user{number}"));
        async move { t.user(&name).await }
    }))
    .await;
    let members: Vec<_> = users.iter().map(|user| (user, "owner")).collect();
    let org = t.shared_org("lovelace", &members).await;
    subscribe(&t, &org, "PRO").await;
    let app = t.stack.app();
    let payers = join_all(users.iter().map(|user| payer_in(app, user, Some(&org)))).await;
    let (pk, day) = (format!("O#{org}"), format!("D#{}", today(&t)));
    // A day of the plan has 1,000,000 tokens: a hundred times these.
    let asked = (0..200).map(|turn| app.generate(question(app, &payers[turn % 8], "What is the best", 9_992)));
    let (passed, left): (Vec<_>, Vec<_>) = join_all(asked).await.into_iter().partition(Result::is_ok);
    assert_eq!(passed.len(), 100);
    for refusal in left {
        assert_eq!(refused(refusal).0.scope.name(), "org");
    }
    assert_eq!(counter(&t, &pk, &day).await, (0, 1_000_000, 1_000_000, 0));
    join_all(passed.into_iter().map(|stream| whole(stream.unwrap()))).await;
    assert_eq!(counter(&t, &pk, &day).await, (2_400, 0, 2_400, 0), "24 tokens each");
    // Now there is room for all, so nothing but a conflict could refuse one.
    let asked = (0..200).map(|turn| answered(app, &payers[turn % 8], "What is the best", 20));
    for outcome in join_all(asked).await {
        outcome.unwrap();
    }
    let used = 300 * 24;
    assert_eq!(counter(&t, &pk, &day).await, (used, 0, used, 0));
    let sold = double.totals();
    assert_eq!(
        u64::try_from(used).unwrap(),
        sold.prompt_tokens + sold.completion_tokens
    );
    let counts = t.stack.cloud().faults().counts();
    assert!(counts.conflicts > 300, "{counts:?}");
}
