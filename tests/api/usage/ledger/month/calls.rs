//! The calls of a month, made by a generator and written through the ledger.

use super::*;

/// Numbers that look random and are the same in every run (Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let place = self.below(u64::try_from(of.len()).unwrap());
        &of[usize::try_from(place).unwrap()]
    }
}

/// A call as the generator wrote it down.
pub(super) struct Call {
    pub(super) date: String,
    pub(super) user: String,
    pub(super) org: Option<String>,
    pub(super) category: Category,
    pub(super) model: &'static str,
    pub(super) key: Option<&'static str>,
    pub(super) chatbot: Option<&'static str>,
    pub(super) counters: UsageCounters,
}

fn counters(dice: &mut Dice, model: &str) -> UsageCounters {
    let failed = dice.below(10) == 0;
    let unpriced = model == MODELS[3];
    let prompt_tokens = 1 + dice.below(5_000);
    UsageCounters {
        requests: 1,
        errors: u64::from(failed),
        prompt_tokens,
        completion_tokens: if failed { 0 } else { dice.below(2_000) },
        cached_tokens: if dice.below(3) == 0 { prompt_tokens / 2 } else { 0 },
        cost_micro_usd: if unpriced { 0 } else { dice.below(9_000) },
        unpriced: u64::from(unpriced),
        estimated: u64::from(dice.below(8) == 0),
    }
}

/// Writes a month of calls, and answers what was written.
pub(super) async fn write(t: &Test, users: &[&Caller], orgs: &[&str]) -> Vec<Call> {
    let ledger = Store::new(t.stack.sdk(), Tables::with_prefix("parlance")).ledger();
    let (app, mut dice, mut calls) = (t.stack.app(), Dice(2026), Vec::new());
    for _ in 0..CALLS {
        let ago = i64::try_from(dice.below(u64::try_from(DAYS).unwrap())).unwrap();
        let at = domain::Timestamp::from(*app.clock.now() - (ago * 24).hours());
        let day = Day::of(at, "UTC").unwrap();
        let user = dice.one(users);
        let org = (dice.below(3) > 0).then(|| (*dice.one(orgs)).to_owned());
        let (category, model) = (*dice.one(&Category::ALL), *dice.one(&MODELS));
        let key = (dice.below(3) == 0).then(|| *dice.one(&["kiosk", "robot"]));
        let chatbot = (dice.below(3) == 0).then(|| *dice.one(&["helper", "guide"]));
        let subjects = QuotaSubjects {
            user: UserId(user.id().to_owned()),
            user_day: day,
            user_limit: 1_000_000_000,
            user_request_limit: None,
            org: OrgId(org.clone().unwrap_or_else(|| user.org().to_owned())),
            org_day: day,
            org_limit: org.is_some().then_some(1_000_000_000),
            org_overage: None,
            key: key.map(|key| ApiKeyId(key.to_owned())),
            key_budgets: Vec::new(),
            chatbot: chatbot.map(|bot| ChatbotId(bot.to_owned())),
            chatbot_cap: None,
        };
        let ask = TokenEstimate {
            id: app.ids.make().unwrap(),
            model: model.to_owned(),
            category,
            prompt: 10,
            estimate: 1 + dice.below(4_000),
            now_ms: at.as_millisecond(),
            until: after(at, std::time::Duration::from_mins(5)),
        };
        let Reserve::Held(reservation) = ledger.reserve(&subjects, &ask).await.unwrap() else {
            panic!("it fits")
        };
        if dice.below(12) == 0 {
            assert!(
                ledger.release(&reservation).await.unwrap(),
                "a call that was never made is none"
            );
            continue;
        }
        let counters = counters(&mut dice, model);
        let well = counters.errors == 0;
        let charge = UsageRecord {
            counters,
            model: model.to_owned(),
            latency_ms: well.then(|| 100 + dice.below(9_000)),
            first_token_ms: well.then(|| 10 + dice.below(900)),
        };
        assert!(ledger.settle(&reservation, &charge).await.unwrap());
        if dice.below(5) == 0 {
            assert!(
                !ledger.settle(&reservation, &charge).await.unwrap(),
                "twice counts once"
            );
        }
        calls.push(Call {
            date: day.date.to_string(),
            user: user.id().to_owned(),
            org,
            category,
            model,
            key,
            chatbot,
            counters,
        });
    }
    calls
}
