//! Subscriptions as the payment provider describes them, and the plan that follows from them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{OrgId, Plan, Timestamp, time::after};

/// Longest time between two comparisons with the payment provider.
const CHECK_INTERVAL: Duration = Duration::from_hours(24);
/// How long after the end of a period it is compared: a renewal is charged within an hour.
const CHECK_AFTER_PERIOD: Duration = Duration::from_hours(2);

/// Status of a subscription, as Stripe defines it
/// (<https://docs.stripe.com/api/subscriptions/object#subscription_object-status>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// The first payment is outstanding.
    Incomplete,
    /// The first payment was not made in time.
    IncompleteExpired,
    /// In its trial period.
    Trialing,
    /// Paid.
    Active,
    /// The last payment failed and is attempted again.
    PastDue,
    /// Ended.
    Canceled,
    /// The last payment failed and is no longer attempted.
    Unpaid,
    /// The trial period ended without a payment method.
    Paused,
    /// A status that this release does not know. It gives no access.
    #[serde(other)]
    Unknown,
}

impl SubscriptionStatus {
    /// Returns whether the subscription has ended and never becomes active again.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }

    /// Returns its rank among the subscriptions of a customer: the one with the highest decides.
    fn rank(self) -> u8 {
        match self {
            Self::Active | Self::Trialing => 3,
            Self::PastDue => 2,
            Self::Incomplete | Self::Unpaid | Self::Paused => 1,
            Self::Canceled | Self::IncompleteExpired | Self::Unknown => 0,
        }
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its ID at the payment provider.
    pub id: String,
    /// The ID of its item with the plan's price.
    pub item_id: Option<String>,
    /// Its status.
    pub status: SubscriptionStatus,
    /// The plan of its price; `None` if the price belongs to no plan, which gives no access.
    pub plan: Option<Plan>,
    /// Number of units: seats where the price is one per seat.
    pub quantity: u32,
    /// When the paid period ends, or the trial.
    pub current_period_end: Option<Timestamp>,
    /// When it ends, if it was canceled for a later time.
    pub cancel_at: Option<Timestamp>,
    /// When its trial period ends.
    pub trial_end: Option<Timestamp>,
    /// Whether it has the price of token packs.
    #[serde(default)]
    pub has_packs: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What is known about the payments of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingAccount {
    /// The organization.
    pub org_id: OrgId,
    /// The organization's customer ID at the payment provider.
    #[serde(default)]
    pub customer_id: Option<String>,
    /// The subscription that decides on the plan; the latest ended one if there is no other.
    #[serde(default)]
    pub subscription: Option<Subscription>,
    /// Since when the last payment has been overdue.
    #[serde(default)]
    pub past_due_since: Option<Timestamp>,
    /// When the subscription is to be compared with the payment provider's again.
    #[serde(default)]
    pub check_at: Option<Timestamp>,
    /// Number of changes, so that concurrent ones notice each other.
    pub version: u64,
}

impl BillingAccount {
    /// Returns the account of an organization without payments.
    pub fn new(org_id: OrgId) -> Self {
        Self {
            org_id,
            customer_id: None,
            subscription: None,
            past_due_since: None,
            check_at: None,
            version: 0,
        }
    }

    /// Returns the account after the payment provider listed these `subscriptions`, which are all of the customer. The
    /// result depends on the list and not on the order in which its subscriptions or their events came. `grace`: how
    /// long the plan stays while a payment is overdue.
    #[must_use]
    pub fn updated(&self, subscriptions: Vec<Subscription>, now: Timestamp, grace: Duration) -> Self {
        let key = |one: &Subscription| {
            let rank = one.status.rank();
            // Of several that give a plan, the largest plan; of others the latest.
            let plan = one.plan.filter(|_| rank > 1);
            (rank, plan, one.created_at, one.id.clone())
        };
        let subscription = subscriptions.into_iter().max_by_key(key);
        let is_past_due = subscription
            .as_ref()
            .is_some_and(|one| one.status == SubscriptionStatus::PastDue);
        let is_same = |one: &Subscription| self.subscription.as_ref().is_some_and(|known| known.id == one.id);
        let known_since = self
            .past_due_since
            .filter(|_| subscription.as_ref().is_some_and(is_same));
        let mut account = Self {
            subscription,
            past_due_since: is_past_due.then(|| known_since.unwrap_or(now)),
            ..self.clone()
        };
        let next = account.next_check(now, grace);
        // A comparison that is due anyway, and early enough, stays: nothing changes where nothing has changed.
        account.check_at = match (self.check_at, next) {
            (Some(known), Some(next)) if now < known && known <= next => Some(known),
            _ => next,
        };
        account
    }

    /// Returns the plan that the organization has paid for.
    pub fn plan(&self, now: Timestamp, grace: Duration) -> Plan {
        let Some(subscription) = &self.subscription else {
            return Plan::Free;
        };
        let has_access = match subscription.status {
            SubscriptionStatus::Active | SubscriptionStatus::Trialing => true,
            SubscriptionStatus::PastDue => self.grace_ends_at(grace).is_some_and(|end| now < end),
            _ => false,
        };
        subscription.plan.filter(|_| has_access).unwrap_or(Plan::Free)
    }

    /// Returns when the plan ends unless the overdue payment is made.
    pub fn grace_ends_at(&self, grace: Duration) -> Option<Timestamp> {
        self.past_due_since.map(|since| after(since, grace))
    }

    /// Returns the subscription, unless it has ended.
    pub fn open_subscription(&self) -> Option<&Subscription> {
        self.subscription.as_ref().filter(|one| !one.status.has_ended())
    }

    fn next_check(&self, now: Timestamp, grace: Duration) -> Option<Timestamp> {
        let subscription = self.open_subscription()?;
        let period_end = subscription
            .current_period_end
            .map(|end| after(end, CHECK_AFTER_PERIOD))
            .filter(|at| *at > now);
        let grace_end = self.grace_ends_at(grace).filter(|at| *at > now);
        [Some(after(now, CHECK_INTERVAL)), period_end, grace_end]
            .into_iter()
            .flatten()
            .min()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_hours(7 * 24);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn subscription(id: &str, status: SubscriptionStatus, created: i64) -> Subscription {
        Subscription {
            id: id.to_owned(),
            item_id: None,
            status,
            plan: Some(Plan::Pro),
            quantity: 1,
            current_period_end: Some(at(30 * 24 * 3600)),
            cancel_at: None,
            trial_end: None,
            has_packs: false,
            created_at: at(created),
        }
    }

    fn account(subscriptions: Vec<Subscription>) -> BillingAccount {
        BillingAccount::new(OrgId("o".to_owned())).updated(subscriptions, at(0), GRACE)
    }

    #[test]
    fn only_what_is_paid_or_tried_gives_a_plan() {
        use SubscriptionStatus as S;
        for (status, expected) in [
            (S::Incomplete, Plan::Free),
            (S::IncompleteExpired, Plan::Free),
            (S::Trialing, Plan::Pro),
            (S::Active, Plan::Pro),
            (S::PastDue, Plan::Pro),
            (S::Canceled, Plan::Free),
            (S::Unpaid, Plan::Free),
            (S::Paused, Plan::Free),
            (S::Unknown, Plan::Free),
        ] {
            let account = account(vec![subscription("a", status, 0)]);
            assert_eq!(account.plan(at(0), GRACE), expected, "{status:?}");
        }
        let foreign = Subscription {
            plan: None,
            ..subscription("a", S::Active, 0)
        };
        assert_eq!(account(vec![foreign]).plan(at(0), GRACE), Plan::Free);
        assert_eq!(account(vec![]).plan(at(0), GRACE), Plan::Free);
    }

    #[test]
    fn an_unknown_status_is_read_and_gives_nothing() {
        let status: SubscriptionStatus = serde_json::from_str("\"on_holiday\"").unwrap();
        assert_eq!(status, SubscriptionStatus::Unknown);
        assert_eq!(
            serde_json::to_string(&SubscriptionStatus::PastDue).unwrap(),
            "\"past_due\""
        );
    }

    #[test]
    fn an_overdue_payment_ends_the_plan_after_seven_days_and_not_a_second_before() {
        let overdue = account(vec![subscription("a", SubscriptionStatus::PastDue, 0)]);
        let week = 7 * 24 * 3600;
        assert_eq!(overdue.plan(at(week - 1), GRACE), Plan::Pro);
        assert_eq!(overdue.plan(at(week), GRACE), Plan::Free);
        // Seen again later, it is overdue since the same time; once paid, a new delay begins anew.
        let again = overdue.updated(vec![subscription("a", SubscriptionStatus::PastDue, 0)], at(3600), GRACE);
        assert_eq!(again.past_due_since, Some(at(0)));
        let paid = again.updated(vec![subscription("a", SubscriptionStatus::Active, 0)], at(7200), GRACE);
        assert_eq!(paid.past_due_since, None);
        let later = paid.updated(vec![subscription("a", SubscriptionStatus::PastDue, 0)], at(9000), GRACE);
        assert_eq!(later.past_due_since, Some(at(9000)));
    }

    #[test]
    fn the_best_subscription_decides_in_whatever_order_they_are_listed() {
        use SubscriptionStatus as S;
        let ended = subscription("a", S::Canceled, 500);
        let paid = subscription("b", S::Active, 100);
        let unpaid = subscription("c", S::Unpaid, 900);
        for order in [
            [&ended, &paid, &unpaid],
            [&unpaid, &ended, &paid],
            [&paid, &unpaid, &ended],
        ] {
            let account = account(order.into_iter().cloned().collect());
            assert_eq!(account.subscription.as_ref().map(|one| one.id.as_str()), Some("b"));
        }
        let latest = account(vec![ended.clone(), subscription("d", S::Canceled, 600)]);
        assert_eq!(latest.subscription.as_ref().map(|one| one.id.as_str()), Some("d"));
        assert!(latest.open_subscription().is_none());
    }

    #[test]
    fn an_open_subscription_is_compared_again_within_a_day_and_when_something_ends() {
        use SubscriptionStatus as S;
        let day = 24 * 3600;
        assert_eq!(account(vec![subscription("a", S::Active, 0)]).check_at, Some(at(day)));
        let ending = Subscription {
            current_period_end: Some(at(600)),
            ..subscription("a", S::Active, 0)
        };
        assert_eq!(account(vec![ending]).check_at, Some(at(600 + 7200)));
        let overdue = account(vec![subscription("a", S::PastDue, 0)]);
        let overdue = overdue.updated(vec![subscription("a", S::PastDue, 0)], at(7 * day - 60), GRACE);
        assert_eq!(overdue.check_at, Some(at(7 * day)));
        assert_eq!(account(vec![subscription("a", S::Canceled, 0)]).check_at, None);
    }
}
