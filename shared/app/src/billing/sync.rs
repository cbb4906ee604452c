//! Copies the state of an organization's subscriptions from the payment provider.

use domain::{
    Actor, BillingAccount, BillingEvent, Error, OrgId, Plan, Result, Subscription, SubscriptionStatus, Timestamp,
};
use serde_json::{Value, json};
use store::{BillingChange, BillingWrite, EventMarker, OptimisticRetry};
use stripe::{Form, Request, objects, objects::List};

use super::{PaymentProvider, failure, notices::Occasion};
use crate::{App, audit::audit_event::AuditEvent};

/// Subscriptions that are read: the largest page. The newest come first.
const PAGE: u32 = 100;

/// Why a state is copied.
pub(crate) struct Reason<'a> {
    /// Who is named in the audit log.
    pub(crate) actor: &'a Actor,
    /// The action in the audit log if something changed.
    pub(crate) action: &'static str,
    /// The event that reported a change.
    pub(crate) event: Option<(&'a EventMarker, &'a BillingEvent)>,
}

impl App {
    /// Copies the state for a request of `actor`, if there is a customer.
    pub(crate) async fn sync_with(
        &self,
        provider: &PaymentProvider<'_>,
        account: BillingAccount,
        actor: &Actor,
    ) -> Result<BillingAccount> {
        let reason = Reason {
            actor,
            action: "billing.subscription_changed",
            event: None,
        };
        self.sync(provider, &account.org_id, &reason).await
    }

    /// Copies the state and writes what follows from it: the plan, the next comparison, emails, the audit entry, and
    /// the marker of the event. Returns the account afterwards.
    ///
    /// A write names the version of the account that was read before the provider was asked. So of two that overlap,
    /// the one that asked first never replaces what the other one has written.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] if the provider does not respond.
    pub(crate) async fn sync(
        &self,
        provider: &PaymentProvider<'_>,
        org: &OrgId,
        reason: &Reason<'_>,
    ) -> Result<BillingAccount> {
        let billing = self.store.billing();
        let grace = self.config.billing.grace;
        let mut retry = OptimisticRetry::to_change("a subscription");
        loop {
            retry.next().await?;
            if let Some((marker, _)) = reason.event
                && billing.knows_event(marker).await?
            {
                return billing.account(org).await;
            }
            let before = billing.account(org).await?;
            let found = self.store.orgs().get(org).await?;
            let (Some(customer), Some(found)) = (&before.customer_id, found) else {
                // Nothing to pay, or nobody who could.
                if let Some((marker, _)) = reason.event {
                    billing.record_event(marker).await?;
                }
                return Ok(before);
            };
            let subscriptions = match self.subscriptions_of(provider, customer).await {
                Ok(subscriptions) => subscriptions,
                Err(error) if error.is_missing(Some("customer")) => {
                    tracing::error!(org_id = %org, "billing.customer_missing");
                    billing.forget_customer(&before).await?;
                    continue;
                }
                Err(error) => return Err(failure(error)),
            };
            let now = self.clock.now();
            let after = before.updated(subscriptions, now, grace);
            let paid = after.plan(now, grace);
            // Without a subscription, ever, an operator may have given the plan.
            let decides = after.subscription.is_some();
            let plan = (decides && paid != found.org.plan).then_some((found.org.plan, paid));
            let mails = self
                .notices(
                    &found,
                    &after,
                    &Occasion {
                        plan,
                        event: reason.event.map(|(_, event)| event),
                    },
                    now,
                )
                .await?;
            let ends_overage = Self::ends_overage(&found.org, &after, plan);
            let facts = (facts(&before), facts(&after));
            let is_audited = facts.0 != facts.1 || plan.is_some() || ends_overage;
            let event = reason.event.map(|(_, event)| event);
            let events = self.billing_events(&found.org, (&before, &after), plan, event);
            if !is_audited && after == before && mails.is_empty() && events.is_empty() {
                if let Some((marker, _)) = reason.event {
                    billing.record_event(marker).await?;
                }
                return Ok(before);
            }
            let entry = if is_audited {
                let mut to = with_plan(facts.1, plan.map_or(found.org.plan, |(_, to)| to));
                if ends_overage {
                    to["overage_ended"] = json!(true);
                }
                let event = AuditEvent::to_org(reason.action, org)
                    .before(with_plan(facts.0, found.org.plan))
                    .after(to);
                Some(self.entry(reason.actor, org, event)?)
            } else {
                None
            };
            let change = BillingChange {
                before: &before,
                after: &after,
                plan,
                ends_overage,
                event: reason.event.map(|(marker, _)| marker),
                mails: &mails,
                events: &events,
            };
            match billing.change(&change, entry.as_ref(), now).await? {
                BillingWrite::Done => {
                    let mails: Vec<_> = mails.into_iter().map(|(_, mail)| mail).collect();
                    self.queue_promised(&mails).await;
                    return billing.account(org).await;
                }
                BillingWrite::Repeated => return billing.account(org).await,
                BillingWrite::Changed => {}
            }
        }
    }

    async fn subscriptions_of(
        &self,
        provider: &PaymentProvider<'_>,
        customer: &str,
    ) -> Result<Vec<Subscription>, stripe::Error> {
        let query = Form::default()
            .field("customer", customer)
            .field("status", "all")
            .field("limit", PAGE);
        let list: List<objects::Subscription> = provider.send(&Request::get("/v1/subscriptions", &query)).await?;
        Ok(list.data.into_iter().map(|one| self.subscription(&one)).collect())
    }

    /// Returns a subscription in our terms.
    fn subscription(&self, found: &objects::Subscription) -> Subscription {
        let time = |seconds: i64| Timestamp::from_second(seconds).ok();
        // A subscription that somebody put together at the provider may have items that belong to no plan.
        let items = found.items.data.iter();
        let item = items
            .map(|item| (self.config.billing.plan_of(&item.price.id), item))
            .max_by_key(|(plan, _)| *plan);
        let price_packs = self.config.billing.price_packs.as_deref();
        let has_packs = |item: &objects::SubscriptionItem| Some(item.price.id.as_str()) == price_packs;
        let quantity = item.and_then(|(_, item)| item.quantity).unwrap_or(1);
        Subscription {
            id: found.id.clone(),
            item_id: item.map(|(_, item)| item.id.clone()),
            status: status(&found.status),
            plan: item.and_then(|(plan, _)| plan),
            quantity: u32::try_from(quantity).unwrap_or(u32::MAX),
            current_period_end: found.period_end().and_then(time),
            cancel_at: found.ends_at().and_then(time),
            trial_end: found.trial_end.and_then(time),
            has_packs: found.items.data.iter().any(has_packs),
            created_at: time(found.created).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// Returns the state of the current subscription for a request, or the error without one.
    pub(crate) fn require_subscription(account: &BillingAccount) -> Result<&Subscription> {
        account.open_subscription().ok_or_else(|| {
            Error::conflict(
                "no_subscription",
                "This organization has no subscription. Begin one with POST /api/v1/billing/checkout.",
            )
        })
    }
}

fn status(text: &str) -> SubscriptionStatus {
    serde_json::from_value(Value::from(text)).unwrap_or(SubscriptionStatus::Unknown)
}

/// What the audit log says about an account.
fn facts(account: &BillingAccount) -> Value {
    account.subscription.as_ref().map_or_else(
        || json!({}),
        |one| {
            json!({
                "subscription": one.id,
                "status": one.status,
                "paid_plan": one.plan,
                "quantity": one.quantity,
                "cancel_at": one.cancel_at,
            })
        },
    )
}

fn with_plan(mut facts: Value, plan: Plan) -> Value {
    facts["plan"] = json!(plan);
    facts
}
