//! The day of a large organization, which is split over shards: as exact as one counter, and without one that all meet.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use domain::{OrgId, UserId, time::after};
use futures::{StreamExt as _, future::join_all};
use local::cloud::{APPLICATION_ACCESS_KEY_ID, SECRET_ACCESS_KEY};
use model_double::{Script, Step};
use store::{Ledger, QuotaSubjects, Reservation, Reserve, Store, Tables, TokenEstimate, UsageRecord};

use super::*;
use crate::support::{FAULTS, Metered, Random};

/// A limit that is split.
const LIMIT: u64 = 10_000_000;

/// An organization whose people ask without accounts.
struct Crowd<'a> {
    t: &'a Test,
    ledger: Ledger,
    org: String,
    limit: u64,
}

impl<'a> Crowd<'a> {
    fn of(t: &'a Test, org: &str) -> Self {
        // Developers meet no faults.
        let own = Credentials::new(APPLICATION_ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "tests");
        let sdk = t.stack.sdk().clone().into_builder();
        let sdk = sdk.credentials_provider(SharedCredentialsProvider::new(own)).build();
        Self {
            t,
            ledger: Store::new(&sdk, Tables::with_prefix("parlance")).ledger(),
            org: org.to_owned(),
            limit: LIMIT,
        }
    }

    fn subjects(&self, person: usize) -> QuotaSubjects {
        let day = domain::Day::of(self.t.stack.app().clock.now(), "UTC").unwrap();
        QuotaSubjects {
            user: UserId(format!("person-{person:x}")),
            user_day: day,
            user_limit: 1_000_000_000,
            user_request_limit: None,
            org: OrgId(self.org.clone()),
            org_day: day,
            org_limit: Some(self.limit),
            org_overage: None,
            key: None,
            key_budgets: Vec::new(),
            chatbot: None,
            chatbot_cap: None,
        }
    }

    async fn reserve(&self, person: usize, estimate: u64) -> Result<Reservation, TokenLimit> {
        let app = self.t.stack.app();
        let ask = TokenEstimate {
            id: app.ids.make().unwrap(),
            model: MODEL.to_owned(),
            category: Category::Chat,
            prompt: 10,
            estimate,
            now_ms: app.clock.now_ms(),
            until: after(app.clock.now(), std::time::Duration::from_mins(5)),
        };
        match self.ledger.reserve(&self.subjects(person), &ask).await.unwrap() {
            Reserve::Held(reservation) => Ok(*reservation),
            Reserve::Short(mut limits, _) => Err(limits.pop().unwrap()),
            Reserve::TooFast(wait) => panic!("{wait:?}"),
        }
    }

    async fn settle(&self, reservation: &Reservation, tokens: u64) {
        let charge = UsageRecord {
            counters: domain::UsageCounters {
                requests: 1,
                completion_tokens: tokens,
                ..domain::UsageCounters::default()
            },
            model: MODEL.to_owned(),
            latency_ms: Some(10),
            first_token_ms: Some(5),
        };
        assert!(self.ledger.settle(reservation, &charge).await.unwrap());
        assert!(
            !self.ledger.settle(reservation, &charge).await.unwrap(),
            "twice counts once"
        );
    }

    /// `used` and `reserved` of the organization.
    async fn standing(&self) -> (u64, u64) {
        let limits = self.ledger.standings(&self.subjects(0)).await.unwrap();
        let of_org = limits.iter().find(|limit| limit.scope.name() == "org").unwrap();
        (of_org.used, of_org.reserved)
    }
}

/// A stack whose tables meet a transaction in every fourth call.
async fn with_conflicts(seed: u64) -> Test {
    Test::with(&[(FAULTS, &format!("conflict=25,seed={seed}"))]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_hundred_turns_at_once_of_a_split_day_as_many_pass_as_fit_to_the_token() {
    let t = with_conflicts(17).await;
    let crowd = Crowd::of(&t, "crowd");
    // Two hundred fit, of people in all shards.
    let asked = join_all((0..300).map(|person| crowd.reserve(person, 50_000))).await;
    let (passed, refused): (Vec<_>, Vec<_>) = asked.into_iter().partition(Result::is_ok);
    assert_eq!((passed.len(), refused.len()), (200, 100));
    for refusal in refused {
        let limit = refusal.unwrap_err();
        assert_eq!((limit.scope.name(), limit.remaining()), ("org", 0));
    }
    assert_eq!(crowd.standing().await, (0, LIMIT));
    let settled = passed
        .iter()
        .map(|reservation| crowd.settle(reservation.as_ref().unwrap(), 1_000));
    futures::stream::iter(settled)
        .buffer_unordered(100)
        .collect::<()>()
        .await;
    assert_eq!(crowd.standing().await, (200_000, 0));
    // Now there is room for all: nothing but a conflict could refuse one, and the rest is found wherever it is.
    let again = join_all((0..190).map(|person| crowd.reserve(person, 50_000))).await;
    assert!(again.iter().all(Result::is_ok));
    assert_eq!(crowd.standing().await, (200_000, 9_500_000));
    let rest = join_all((0..10).map(|person| crowd.reserve(person, 30_000))).await;
    assert!(rest.iter().all(Result::is_ok));
    assert_eq!(crowd.reserve(7, 1).await.unwrap_err().remaining(), 0);
    let counts = t.stack.cloud().faults().counts();
    assert!(counts.conflicts > 300, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_of_all_sizes_fill_a_split_day_and_nobody_is_refused_while_there_is_room() {
    let t = with_conflicts(3).await;
    let (crowd, mut dice) = (Crowd::of(&t, "crowd"), Random::from_environment());
    let (mut used, mut refusals) = (0, 0);
    for _ in 0..12 {
        let turns: Vec<(usize, u64, u64)> = (0..60)
            .map(|_| {
                let estimate = 1 + dice.below(60_000);
                // Now and then a model writes more than was reserved.
                let actual = dice.below(estimate + estimate / 8 + 1);
                (dice.below(64), estimate as u64, actual as u64)
            })
            .collect();
        let turns = turns.into_iter().map(|(person, estimate, actual)| {
            let crowd = &crowd;
            async move {
                let reservation = crowd.reserve(person, estimate).await.map_err(|_| estimate)?;
                crowd.settle(&reservation, actual).await;
                Ok::<_, u64>(actual)
            }
        });
        for turn in join_all(turns).await {
            match turn {
                Ok(actual) => used += actual,
                Err(_) => refusals += 1,
            }
        }
        assert_eq!(crowd.standing().await, (used, 0));
    }
    // What is left is there for whoever comes, to the last token.
    let mut left = LIMIT - used.min(LIMIT);
    let mut person = 0;
    while left > 0 {
        let estimate = left.min(100_000);
        let reservation = crowd.reserve(person, estimate).await.unwrap();
        crowd.settle(&reservation, estimate).await;
        (left, person) = (left - estimate, person + 1);
    }
    assert!(crowd.reserve(1, 1).await.is_err());
    println!("{refusals} were refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_item_of_an_organization_is_met_by_more_than_a_fraction_of_its_turns() {
    let t = Test::new().await;
    let metered = Metered::new(&t).await;
    let mut crowd = Crowd::of(&t, "crowd");
    crowd.ledger = metered.ledger.clone();
    let turns = 400;
    let busiest = async |crowd: &Crowd<'_>| {
        // At 200 a second for two seconds, of 128 people; an answer of a second keeps its reservation for as long.
        let paced = (0..turns).map(|turn| async move { (turn, crowd.reserve(turn % 128, 3_000).await.unwrap()) });
        let mut running = futures::stream::iter(paced).buffered(8).chunks(200);
        while let Some(reservations) = running.next().await {
            for (turn, reservation) in reservations {
                crowd
                    .ledger
                    .settle(&reservation, &reservation.unsettled())
                    .await
                    .unwrap();
                assert!(turn < turns);
            }
        }
        let touched = metered.transactions_by_item();
        let of_org = touched
            .into_iter()
            .filter(|((pk, sk), _)| pk.starts_with("O#crowd") && !sk.contains("#U#"));
        of_org.map(|((pk, _), count)| (count, pk)).max().unwrap()
    };
    let (split, pk) = busiest(&crowd).await;
    crowd.limit = 4_000_000;
    t.advance_seconds(24 * 3600);
    let (whole, _) = busiest(&crowd).await;
    println!("of {turns} turns {split} transactions meet {pk}, and {whole} the day of a smaller organization");
    assert!(whole >= 2 * turns, "{whole}");
    assert!(split <= whole / 5, "{split} at {pk}");
}

#[tokio::test]
async fn a_limit_that_changes_during_a_split_day_holds_from_the_next_turn_on() {
    let t = Test::new().await;
    let mut crowd = Crowd::of(&t, "crowd");
    let reservations = join_all((0..16).map(|person| crowd.reserve(person, 100_000))).await;
    assert_eq!(crowd.standing().await, (0, 1_600_000));
    // What lies in the shards was drawn under the old limit.
    crowd.limit = 6_000_000;
    let more = join_all((0..44).map(|person| crowd.reserve(person, 100_000))).await;
    assert!(more.iter().all(Result::is_ok));
    assert_eq!(crowd.reserve(3, 1).await.unwrap_err().remaining(), 0);
    // A limit that is not split takes back what shards still hold.
    for reservation in reservations.into_iter().chain(more).take(30) {
        crowd.settle(&reservation.unwrap(), 10_000).await;
    }
    assert_eq!(crowd.standing().await, (300_000, 3_000_000));
    crowd.limit = 4_000_000;
    assert!(crowd.reserve(5, 700_001).await.is_err());
    crowd.reserve(5, 700_000).await.unwrap();
    assert!(crowd.reserve(6, 1).await.is_err());
    crowd.limit = LIMIT;
    assert!(crowd.reserve(5, 6_000_001).await.is_err());
    crowd.reserve(5, 6_000_000).await.unwrap();
    assert!(crowd.reserve(6, 1).await.is_err());
}

#[tokio::test]
async fn what_is_used_above_a_reservation_is_not_spent_a_second_time_by_another_shard() {
    let t = Test::new().await;
    let crowd = Crowd::of(&t, "crowd");
    let reservations = join_all((0..8).map(|person| crowd.reserve(person, 20_000))).await;
    // One call uses all that is left, while the other shards have portions.
    let reservation = reservations[3].as_ref().unwrap();
    crowd.settle(reservation, LIMIT - 8 * 20_000).await;
    assert_eq!(crowd.standing().await, (LIMIT - 160_000, 140_000));
    crowd.reserve(5, 20_000).await.unwrap();
    for person in 0..8 {
        assert_eq!(crowd.reserve(person, 1).await.unwrap_err().remaining(), 0);
    }
    // The same of a call that counts at the head.
    crowd.settle(reservations[4].as_ref().unwrap(), 0).await;
    crowd.reserve(4, 20_000).await.unwrap();
    assert!(crowd.reserve(4, 1).await.is_err());
}

#[tokio::test]
async fn a_turn_in_a_split_day_costs_what_it_costs_elsewhere_and_its_members_see_one_limit() {
    let (t, double) = with_double().await;
    let (ada, bob) = (t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("lovelace", &[(&ada, "owner"), (&bob, "member")]).await;
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    let metered = Metered::new(&t).await;
    let app = &metered.app;
    for plan in ["PRO", "TEAM"] {
        subscribe(&t, &org, plan).await;
        t.advance_seconds(24 * 3600);
        let (ada, bob) = (ada.sign_in_again().await, bob.sign_in_again().await);
        let (ada_pays, bob_pays) = (
            payer_in(app, &ada, Some(&org)).await,
            payer_in(app, &bob, Some(&org)).await,
        );
        for billing in [&ada_pays, &bob_pays] {
            answered(app, billing, "What is the best", 20).await.unwrap();
        }
        t.advance_seconds(2);
        metered.units();
        let asked = question(app, &ada_pays, "What is the best", 20);
        let stream = app.generate(asked).await.unwrap();
        // Read: both organizations of the person. Written: two counters in a transaction, and the bucket of the organization.
        assert_eq!(metered.units(), (2.0, 5.0), "to reserve, {plan}");
        whole(stream).await.unwrap();
        // Written: the same and the member's statistics. Read: where the limits stand.
        assert_eq!(metered.units(), (2.0, 6.0), "to settle, {plan}");
    }
    let bob = bob.sign_in_again().await;
    let seen = limits(&bob.with_header("x-current-org", &org)).await;
    assert_eq!(
        (&seen["org"]["used"], &seen["org"]["remaining"]),
        (&json!(72), &json!(LIMIT - 72))
    );
}

#[tokio::test]
async fn the_shards_of_a_deleted_organization_are_removed() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let org = ada.post("/api/v1/orgs", json!({"name": "Lovelace"})).await.created();
    let org = org.text("id");
    let crowd = Crowd::of(&t, &org);
    for person in 0..16 {
        let reservation = crowd.reserve(person, 1_000).await.unwrap();
        crowd.settle(&reservation, 1_000).await;
    }
    let left = async || {
        let items = t.items(USAGE).await.into_keys();
        items.filter(|(pk, _)| pk.contains(&org)).count()
    };
    // The head, 8 shards and 16 members; the list of open days has its own line.
    assert_eq!(left().await, 25);
    ada.delete(&format!("/api/v1/orgs/{org}")).await.expect(204);
    t.drain().await;
    assert_eq!(left().await, 0);
    let open = t.items(USAGE).await;
    assert!(!open.keys().any(|(pk, sk)| pk.starts_with("OPEN#") && sk.contains(&org)));
}

#[tokio::test]
async fn shares_of_a_split_day_are_told_when_they_are_used_and_not_when_they_are_lent() {
    let (t, double) = with_double().await;
    let ada = t.user("ada").await;
    let org = t.shared_org("lovelace", &[(&ada, "owner")]).await;
    subscribe(&t, &org, "TEAM").await;
    double.always(Script::of(vec![Step::Text("abc ".to_owned()); 20]));
    let billing = payer_in(t.stack.app(), &ada, Some(&org)).await;
    let told = async || {
        answered(t.stack.app(), &billing, "What is the best", 20).await.unwrap();
        let of_org = ada.with_header("x-current-org", &org);
        let alerts = of_org.get("/api/v1/tokens/alerts").await.ok().json();
        let alerts = alerts.as_array().unwrap().iter();
        alerts.filter(|alert| alert["scope"] == "org").count()
    };
    assert_eq!(told().await, 0);
    let crowd = Crowd::of(&t, &org);
    // Others have so much reserved that more than half is lent, and use less than half of it.
    let reservations = join_all((0..49).map(|person| crowd.reserve(person, 100_000))).await;
    assert_eq!(told().await, 0);
    for reservation in reservations {
        crowd.settle(&reservation.unwrap(), 100_000).await;
    }
    assert_eq!(told().await, 0, "49 percent");
    let reservation = crowd.reserve(1, LIMIT / 2 - crowd.standing().await.0).await.unwrap();
    crowd.settle(&reservation, reservation.terms.estimate).await;
    assert_eq!(told().await, 1, "half");
    assert_eq!(told().await, 1, "once");
}
