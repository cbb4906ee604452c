//! Tokens beyond the daily limit, sold in packs up to a spending cap.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use domain::{Category, OrgId, OverageTerms, Plan, UserId, time::after};
use futures::future::join_all;
use serde_json::{Value, json};
use store::{Ledger, QuotaSubjects, Reserve, Store, Tables, TokenEstimate, UsageRecord};
use stripe_double::Fault;
use tokio::sync::Notify;

use crate::support::{ADMIN, Answer, Caller, RACERS, Random, Shop, Test, statuses};

const OVERAGE: &str = "/api/v1/billing/overage";
const METER: &str = "/v1/billing/meter_events";

/// Calls of an organization on terms of its own.
struct Crowd<'a> {
    shop: &'a Shop,
    ledger: Ledger,
    org: String,
    limit: u64,
    terms: OverageTerms,
    /// Tells one of those who wait that a call has ended.
    ended: Notify,
}

impl<'a> Crowd<'a> {
    fn of(shop: &'a Shop, org: &str, limit: u64, spending_cap_cents: u32) -> Self {
        Self {
            shop,
            ledger: Store::new(shop.t.stack.sdk(), Tables::with_prefix("parlance")).ledger(),
            org: org.to_owned(),
            limit,
            terms: OverageTerms {
                pack: Plan::Pro.token_pack().unwrap(),
                spending_cap_cents,
            },
            ended: Notify::new(),
        }
    }

    /// Reserves and settles a call. Returns `false` if it was refused for good.
    async fn turn(&self, person: usize, estimate: u64, actual: u64) -> bool {
        let passed = self.attempts(person, estimate, actual).await;
        self.ended.notify_one();
        passed
    }

    async fn attempts(&self, person: usize, estimate: u64, actual: u64) -> bool {
        let app = self.shop.t.stack.app();
        let day = domain::Day::of(app.clock.now(), "UTC").unwrap();
        let subjects = QuotaSubjects {
            user: UserId(format!("person-{person}")),
            user_day: day,
            user_limit: u64::MAX / 1_000_000,
            user_request_limit: None,
            org: OrgId(self.org.clone()),
            org_day: day,
            org_limit: Some(self.limit),
            org_overage: Some(self.terms),
            key: None,
            key_budgets: Vec::new(),
            chatbot: None,
            chatbot_cap: None,
        };
        loop {
            let ask = TokenEstimate {
                id: app.ids.make().unwrap(),
                model: "local".to_owned(),
                category: Category::Chat,
                prompt: 1,
                estimate,
                now_ms: app.clock.now_ms(),
                until: after(app.clock.now(), std::time::Duration::from_mins(5)),
            };
            match self.ledger.reserve(&subjects, &ask).await.unwrap() {
                Reserve::Held(reservation) => {
                    let charge = UsageRecord {
                        counters: domain::UsageCounters {
                            requests: 1,
                            completion_tokens: actual,
                            ..domain::UsageCounters::default()
                        },
                        model: "local".to_owned(),
                        latency_ms: None,
                        first_token_ms: None,
                    };
                    // Others run meanwhile.
                    tokio::task::yield_now().await;
                    assert!(self.ledger.settle(&reservation, &charge).await.unwrap());
                    return true;
                }
                // Only calls that are running are in the way: a client tries again when one has ended.
                Reserve::Short(limits, _) if limits[0].used + estimate <= limits[0].limit => {
                    self.ended.notified().await;
                }
                Reserve::Short(..) => return false,
                Reserve::TooFast(wait) => panic!("{wait:?}"),
            }
        }
    }

    /// Packs and what they cost.
    async fn spent(&self) -> (u64, u64) {
        let day = domain::Day::of(self.shop.t.stack.app().clock.now(), "UTC").unwrap();
        let month = domain::billing::overage::month_of(day.date);
        let totals = self.ledger.pack_totals(&OrgId(self.org.clone()), &month).await.unwrap();
        (totals.packs, totals.cents)
    }
}

/// How many turns come at once.
fn turns() -> usize {
    std::env::var("PARLANCE_TURNS").map_or(1_000, |turns| turns.parse().unwrap())
}

/// An organization on the plan PRO, and its owner there.
async fn acme(shop: &Shop) -> (Caller, String) {
    let ada = shop.t.user("ada").await;
    let org = ada.found_org("acme").await;
    let ada = ada.with_header("x-current-org", &org);
    shop.subscribe(&ada, "PRO").await;
    (ada, org)
}

async fn set_cap(caller: &Caller, cents: Option<u32>) -> Answer {
    caller.put(OVERAGE, json!({"spending_cap_cents": cents})).await
}

/// The values of all meter events of Stripe.
fn metered(shop: &Shop) -> u64 {
    let events = shop.stripe.meter_events().into_iter();
    let values = events.map(|event| event["payload"]["value"].as_str().unwrap().parse::<u64>().unwrap());
    values.sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_turns_never_spend_more_than_the_cap_and_stripe_counts_what_the_ledger_sold() {
    for (limit, cap) in [(500_000, 530), (6_000_000, 530), (500_000, 10_000)] {
        let shop = Shop::open().await;
        let (_, org) = acme(&shop).await;
        let crowd = Crowd::of(&shop, &org, limit, cap);
        // What is left of the plan's limit, and 2.5 million beyond it.
        assert!(crowd.turn(0, limit - 100_000, limit - 100_000).await);
        let (is_over, used) = (AtomicBool::new(false), AtomicU64::new(limit - 100_000));
        let observe = async {
            let mut observed = 0;
            while !is_over.load(Ordering::SeqCst) {
                let (packs, cents) = crowd.spent().await;
                assert!(cents <= u64::from(cap) && packs * 50 == cents, "{cents} of {cap}");
                observed += 1;
                tokio::task::yield_now().await;
            }
            observed
        };
        let seed = std::sync::Mutex::new(Random::from_environment());
        let count = turns();
        let all = async {
            let turns = (0..count).map(|person| {
                let actual = 1_500 + seed.lock().unwrap().below(1_501) as u64;
                let (crowd, used) = (&crowd, &used);
                async move {
                    let passed = crowd.turn(person, 3_000, actual).await;
                    if passed {
                        used.fetch_add(actual, Ordering::SeqCst);
                    }
                    passed
                }
            });
            let passed = join_all(turns).await;
            is_over.store(true, Ordering::SeqCst);
            passed.into_iter().filter(|passed| *passed).count()
        };
        let (passed, observed) = tokio::join!(all, observe);
        assert!(observed > 0, "nobody looked");
        let (packs, cents) = crowd.spent().await;
        let (used, bought) = (used.load(Ordering::SeqCst), packs * 100_000);
        println!("limit {limit}, cap {cap}: {passed} of {count} turns, {used} tokens, {packs} packs, {cents} cents");
        assert!(used <= limit + bought, "{used} of {limit} and {bought}");
        // Never a pack more than what was used needs for the next call.
        assert!(
            used + 3_000 > limit + bought.saturating_sub(100_000),
            "{packs} packs for {used}"
        );
        if passed < count {
            assert_eq!(packs, u64::from(cap / 50), "refused below the cap");
            assert!(used + 3_000 > limit + bought, "refused with tokens left");
        }
        // All packs reach Stripe, each once, however often they are queued and delivered.
        for _ in 0..3 {
            shop.reconcile().await;
        }
        assert_eq!(metered(&shop), packs);
        assert_eq!(shop.stripe.meter_events().len() as u64, packs);
        assert_eq!(shop.stripe.count("POST", METER) as u64, packs);
    }
}

#[tokio::test]
async fn an_owner_lets_the_organization_draw_packs_and_sees_what_they_cost() {
    let shop = Shop::with(&ADMIN).await;
    let (ada, org) = acme(&shop).await;
    let admin = shop.t.admin().await;
    let small = json!({"limits": {"tokens_per_day": 400}, "reason": "A small limit"});
    admin
        .put(&format!("/api/v1/admin/orgs/{org}/entitlements"), small)
        .await
        .ok();
    let ask = || {
        let body = json!({"model": "local", "max_tokens": 300, "messages": [{"role": "user", "content": "Hello?"}]});
        ada.post("/v1/chat/completions", body)
    };
    let mut before = 0;
    while ask().await.status.as_u16() == 200 {
        before += 1;
        assert!(before < 100, "the limit of 400 tokens does not hold");
    }
    assert_eq!(ask().await.status.as_u16(), 429);
    let off = ada.get(OVERAGE).await.ok().json();
    assert_eq!(
        (&off["enabled"], &off["packs"], &off["pack"]),
        (
            &json!(false),
            &json!(0),
            &json!({"tokens": 100_000, "amount_cents": 50, "currency": "usd"})
        )
    );
    let on = set_cap(&ada, Some(120)).await.ok().json();
    assert_eq!((&on["enabled"], &on["spending_cap_cents"]), (&json!(true), &json!(120)));
    assert_eq!(on["packs"], 0, "nothing is drawn before it is needed");
    let subscription = &shop
        .stripe
        .subscriptions_of(shop.stripe.customers().last().unwrap()["id"].as_str().unwrap())[0];
    let items = subscription["items"]["data"].as_array().unwrap();
    assert_eq!(items[1]["price"]["id"], "price_packs");
    set_cap(&ada, Some(120)).await.ok();

    ask().await.ok();
    let drawn = ada.get(OVERAGE).await.ok().json();
    assert_eq!(
        (&drawn["packs"], &drawn["tokens"], &drawn["amount_cents"]),
        (&json!(1), &json!(100_000), &json!(50))
    );
    assert_eq!(
        (&drawn["reported_packs"], &drawn["extra_tokens_today"]),
        (&json!(0), &json!(100_000))
    );
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    let limits = limits["limits"].as_array().unwrap();
    let of_org = limits.iter().find(|limit| limit["scope"] == "org").unwrap();
    assert_eq!(of_org["limit"], 100_400, "the pack extends today's limit");

    // Stripe hears of it once, although its first response is lost and the schedule repeats itself.
    shop.stripe.next_at(METER, Fault::LostResponse);
    shop.reconcile().await;
    shop.reconcile().await;
    assert_eq!(metered(&shop), 1);
    assert_eq!(ada.get(OVERAGE).await.ok().json()["reported_packs"], 1);
    let event = &shop.stripe.meter_events()[0];
    assert_eq!(event["event_name"], "token_packs");
    assert!(
        event["identifier"]
            .as_str()
            .unwrap()
            .starts_with(&format!("pack-{org}-"))
    );
    // The next invoice has it.
    let preview = json!({"plan_type": "PRO"});
    let preview = ada
        .post("/api/v1/billing/subscription/preview", preview)
        .await
        .ok()
        .json();
    let lines = preview["lines"].as_array().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line["description"] == "Token packs" && line["amount_cents"] == 50),
        "{preview}"
    );
    // Switched off, what was bought stays for the day.
    let off = set_cap(&ada, None).await.ok().json();
    assert_eq!(
        (&off["enabled"], &off["extra_tokens_today"]),
        (&json!(false), &json!(100_000))
    );
    ask().await.ok();
    let actions = shop.t.audited(&org).await;
    let changes = actions.iter().filter(|action| *action == "billing.overage_changed");
    assert_eq!(changes.count(), 2, "{actions:?}");
}

#[tokio::test]
async fn a_pack_that_stripe_refused_is_reported_later() {
    let shop = Shop::open().await;
    let (_, org) = acme(&shop).await;
    let crowd = Crowd::of(&shop, &org, 1_000, 1_000);
    assert!(crowd.turn(0, 1_000, 1_000).await);
    for person in 0..3 {
        assert!(crowd.turn(person, 100_000, 100_000).await);
    }
    assert_eq!(crowd.spent().await, (3, 150));
    shop.stripe.hang(false);
    for _ in 0..2 {
        let refused = Fault::Refused {
            status: 400,
            should_retry: Some(false),
            retry_after: None,
        };
        shop.stripe.next_at(METER, refused);
    }
    shop.reconcile().await;
    assert!(metered(&shop) < 3);
    shop.advance_seconds(900);
    shop.reconcile().await;
    assert_eq!(metered(&shop), 3);
    // A month later nothing is left to report.
    shop.advance_seconds(40 * 24 * 3600);
    let before = shop.stripe.count("POST", METER);
    shop.reconcile().await;
    assert_eq!(shop.stripe.count("POST", METER), before);
}

#[tokio::test]
async fn a_smaller_plan_or_a_failed_payment_ends_it() {
    for (status, plan) in [("past_due", "PRO"), ("unpaid", "FREE"), ("canceled", "FREE")] {
        let shop = Shop::open().await;
        let (ada, org) = acme(&shop).await;
        set_cap(&ada, Some(500)).await.ok();
        let customer = shop.stripe.customers().last().unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let subscription = shop.stripe.subscriptions_of(&customer)[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        shop.stripe.set_status(&subscription, status);
        shop.settle().await;
        assert_eq!(shop.subscription(&ada).await["plan_type"], plan);
        let found = ada.get(OVERAGE).await.ok().json();
        assert_eq!(
            (&found["enabled"], &found["spending_cap_cents"]),
            (&json!(false), &Value::Null),
            "{status}"
        );
        let log = ada.get("/api/v1/audit_logs").await.ok().json().to_string();
        assert!(log.contains("overage_ended"), "{log}");
        let code = match status {
            "past_due" => set_cap(&ada, Some(500)).await.problem(409, "payment_overdue"),
            _ => set_cap(&ada, Some(500)).await.problem(403, "plan_required"),
        };
        assert!(code["detail"].is_string());
        // Paid again, it stays off until the owner wants it.
        if status == "past_due" {
            shop.stripe.set_status(&subscription, "active");
            shop.settle().await;
            assert_eq!(ada.get(OVERAGE).await.ok().json()["enabled"], false);
            set_cap(&ada, Some(500)).await.ok();
        }
        assert!(
            shop.t
                .audited(&org)
                .await
                .contains(&"billing.overage_changed".to_owned())
        );
    }
}

#[tokio::test]
async fn only_owners_of_paying_organizations_set_a_sensible_cap() {
    let shop = Shop::open().await;
    let (ada, bob, eve) = (
        shop.t.user("ada").await,
        shop.t.user("bob").await,
        shop.t.user("eve").await,
    );
    let org = shop.t.shared_org("acme", &[(&ada, "owner"), (&bob, "admin")]).await;
    let within = |caller: &Caller| caller.with_header("x-current-org", &org);
    let (of_ada, of_bob, of_eve) = (within(&ada), within(&bob), within(&eve));
    set_cap(&of_bob, Some(500)).await.problem(403, "role_required");
    of_bob.get(OVERAGE).await.ok();
    of_eve.get(OVERAGE).await.problem(404, "not_found");
    set_cap(&of_eve, Some(500)).await.problem(404, "not_found");
    set_cap(&of_ada, Some(500)).await.problem(403, "plan_required");
    set_cap(&ada, Some(500)).await.problem(409, "personal_org");
    shop.t.set_plan(&org, "TEAM").await;
    // The plan was given by the operator: there is nothing that packs could be charged with.
    set_cap(&of_ada, Some(500)).await.problem(409, "no_subscription");
    for cents in [json!(49), json!(10_000_001), json!(-1), json!("much"), json!(1.5)] {
        let answer = of_ada.put(OVERAGE, json!({"spending_cap_cents": cents})).await;
        assert_eq!(answer.invalid(), ["/spending_cap_cents"], "{cents}");
    }
    shop.subscribe(&of_ada, "TEAM").await;
    let answers = join_all((0..RACERS).map(|_| set_cap(&of_ada, Some(500)))).await;
    assert_eq!(statuses(&answers), [(200, RACERS)].into());
    let customer = shop.stripe.customers().last().unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let items = shop.stripe.subscriptions_of(&customer)[0]["items"]["data"].clone();
    assert_eq!(
        items.as_array().unwrap().len(),
        2,
        "the price of packs is added once: {items}"
    );
}

#[tokio::test]
async fn administrators_are_told_at_once_how_much_of_the_limit_is_used() {
    let t = Test::with(&ADMIN).await;
    let (admin, ada, bob) = (t.admin().await, t.user("ada").await, t.user("bob").await);
    let org = t.shared_org("acme", &[(&ada, "owner"), (&bob, "member")]).await;
    let small = json!({"limits": {"tokens_per_day": 400}, "reason": "A small limit"});
    admin
        .put(&format!("/api/v1/admin/orgs/{org}/entitlements"), small)
        .await
        .ok();
    let of_bob = bob.with_header("x-current-org", &org);
    let session = of_bob
        .post("/api/v1/chat/sessions", json!({}))
        .await
        .created()
        .text("id");
    for _ in 0..20 {
        if !of_bob.ask(&session, "Hello?").await.status.is_success() {
            break;
        }
    }
    t.drain().await;
    let told: Vec<Value> = t
        .outbox()
        .await
        .into_iter()
        .filter(|mail| mail["to"] == "ada@example.com")
        .collect();
    let subjects: Vec<&str> = told.iter().map(|mail| mail["subject"].as_str().unwrap()).collect();
    assert!(
        subjects
            .iter()
            .any(|subject| subject.ends_with("% of your tokens are used")),
        "{subjects:?}"
    );
}
