//! The end of days: closed many at a time, by runs that may die.

use domain::{Category, Day, GenerationId, Timestamp, TokenScope, UserId, time::after};
use futures::future::join_all;
use serde_json::json;
use store::{Alert, Ledger, Owner, QuotaSubjects, Reserve, TokenEstimate};

use crate::support::{Caller, Metered, Test};

const USAGE: &str = "parlance-usage";

/// Has a person use up their limit.
async fn use_up(ledger: &Ledger, user: UserId, now: Timestamp) {
    let day = Day::of(now, "UTC").unwrap();
    let subjects = QuotaSubjects {
        user: user.clone(),
        user_day: day,
        user_limit: 100,
        user_request_limit: None,
        org: domain::OrgId(format!("of-{user}")),
        org_day: day,
        org_limit: None,
        org_overage: None,
        key: None,
        key_budgets: Vec::new(),
        chatbot: None,
        chatbot_cap: None,
    };
    let ask = TokenEstimate {
        id: GenerationId(format!("call-{user}")),
        model: "gpt-4o-mini".to_owned(),
        category: Category::Chat,
        prompt: 10,
        estimate: 100,
        now_ms: now.as_millisecond(),
        until: after(now, std::time::Duration::from_mins(5)),
    };
    let Reserve::Held(hold) = ledger.reserve(&subjects, &ask).await.unwrap() else {
        panic!("it fits")
    };
    ledger.settle(&hold, &hold.unsettled()).await.unwrap();
    let alert = Alert {
        scope: TokenScope::User,
        day: day.date,
        percent: 100,
        used: 100,
        limit: 100,
        resets_at: day.ends_at,
        at: now,
    };
    assert!(ledger.alert(&Owner::User(user), &alert, None).await.unwrap());
}

/// Days that are listed as open.
async fn open_days(t: &Test) -> usize {
    let items = t.items(USAGE).await;
    items.keys().filter(|(pk, _)| pk.starts_with("OPEN#")).count()
}

/// How many mails say that the tokens of a person are back.
async fn told(t: &Test, person: &Caller) -> usize {
    let mails = t.outbox().await;
    let mails = mails.iter().filter(|mail| mail["subject"] == "Your tokens are back");
    mails.filter(|mail| mail["to"] == person.account["email"]).count()
}

#[tokio::test]
async fn a_run_that_dies_is_gone_on_with_and_everybody_is_told_once() {
    let t = Test::new().await;
    let people = join_all((0..20).map(|number| {
        let (t, name) = (&t, format!("person{number}"));
        async move { t.user(&name).await }
    }))
    .await;
    let now = t.stack.app().clock.now();
    let metered = Metered::new(&t).await;
    for person in &people {
        use_up(&metered.ledger, UserId(person.id().to_owned()), now).await;
    }
    assert_eq!(open_days(&t).await, 20);
    t.advance_seconds(24 * 3600);
    // It dies when it has closed seven days, told others, and is at the rest of them.
    metered.silence_updates_after(7);
    let seven_are_closed = async { while open_days(&t).await > 13 {} };
    tokio::select! {
        closed = metered.app.reset_quotas() => panic!("{closed:?}"),
        () = seven_are_closed => {}
    }
    // The next one meets a queue that is gone for a while.
    let queue = t.queue_url("send_mail");
    let attributes = t.stack.cloud().sqs().attributes("send_mail").unwrap();
    t.drain().await;
    t.sqs().delete_queue().queue_url(&queue).send().await.unwrap();
    assert!(Metered::new(&t).await.app.reset_quotas().await.is_err());
    assert_eq!(open_days(&t).await, 13, "nobody who was not told");
    let redrive = attributes.into_iter().filter(|(name, _)| name == "RedrivePolicy");
    t.stack
        .cloud()
        .sqs()
        .create_queue("send_mail", &redrive.collect())
        .unwrap();
    for _ in 0..2 {
        t.anonymous().post("/_local/run/reset_quotas", json!({})).await.ok();
    }
    t.drain().await;
    assert_eq!(open_days(&t).await, 0);
    for person in &people {
        assert_eq!(told(&t, person).await, 1, "{}", person.id());
    }
}

#[tokio::test]
async fn days_that_are_not_over_are_looked_at_a_portion_after_the_other() {
    let t = Test::new().await;
    let metered = Metered::new(&t).await;
    let ledger = &metered.ledger;
    let now = t.stack.app().clock.now();
    for number in 0..7 {
        // The last character of an id says in which shard its days are listed.
        use_up(ledger, UserId(format!("person-{number}-0")), now).await;
    }
    let portion = async |of: &Ledger| {
        let running = of.running_days(0, t.stack.app().clock.now(), 3).await.unwrap();
        let owners: Vec<_> = running.days.iter().map(|day| day.owner.clone()).collect();
        (owners, running)
    };
    let mut seen = Vec::new();
    for expected in [3, 3, 1] {
        let (owners, running) = portion(ledger).await;
        assert_eq!(owners.len(), expected);
        // A run that dies before it has noted this begins here again.
        assert_eq!(portion(&Metered::new(&t).await.ledger).await.0, owners);
        ledger.seen(0, &running).await.unwrap();
        seen.extend(owners);
    }
    assert_eq!(seen.iter().collect::<std::collections::HashSet<_>>().len(), 7);
    let (owners, running) = portion(ledger).await;
    assert_eq!(owners, seen[..3], "and from the beginning");
    ledger.seen(0, &running).await.unwrap();
    // A day that is over is among the others.
    t.advance_seconds(24 * 3600);
    assert!(portion(ledger).await.0.is_empty());
    let now = t.stack.app().clock.now();
    let first = ledger.ended_days(0, now, None, 5).await.unwrap();
    let rest = ledger.ended_days(0, now, first.last(), 5).await.unwrap();
    assert_eq!((first.len(), rest.len()), (5, 2));
    assert!(ledger.ended_days(0, now, rest.last(), 5).await.unwrap().is_empty());
}
