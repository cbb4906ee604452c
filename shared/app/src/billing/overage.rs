//! Tokens beyond the plan: what an organization wants to spend on packs, and reporting the packs that were drawn.

use std::time::Duration;

use domain::{
    Actor, BillingMessage, DrawnPack, Error, Membership, Overage, PackTotals, Result, SubscriptionStatus,
    billing::overage::{TokenPack, month_of},
    time::after,
};
use futures::future::BoxFuture;
use serde_json::json;
use store::{OptimisticRetry, OrgWrite};
use stripe::{Form, Request, objects::Identified};

use super::{failure, not_configured};
use crate::{App, audit::audit_event::AuditEvent, orgs::NO_ORG, orgs::personal, platform::batch_outcome::BatchOutcome};

/// How old a pack may be when it is reported: Stripe accepts events of the past 35 days.
const REPORTABLE: Duration = Duration::from_hours(34 * 24);

/// What an organization wants to spend on packs, and its packs of the current month.
#[derive(Debug)]
pub struct OverageFound {
    /// The settings; `None` while no packs are drawn.
    pub overage: Option<Overage>,
    /// The pack of the organization's plan; `None` if the plan sells none.
    pub pack: Option<TokenPack>,
    /// The current month of the organization, as in `2026-11`.
    pub month: String,
    /// The packs that were drawn in it.
    pub totals: PackTotals,
    /// Tokens by which packs extend today's limit.
    pub extra_tokens_today: u64,
}

/// The error of an organization whose plan sells no packs.
const NO_PACKS: Error = Error::Forbidden {
    code: "plan_required",
    detail: "Tokens beyond the daily limit require the PRO or TEAM plan. An administrator of the organization can \
             upgrade with POST /api/v1/billing/checkout.",
};

impl App {
    /// Returns what an organization wants to spend on packs, and what it has spent.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if the organization was deleted in the meantime.
    pub fn overage<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<OverageFound>> {
        Box::pin(async move {
            let org = self.store.orgs().get(&member.org).await?.ok_or(NO_ORG)?.org;
            let today = org.day(self.clock.now())?.date;
            let (ledger, month) = (self.store.ledger(), month_of(today));
            let (totals, extra_tokens_today) =
                futures::try_join!(ledger.pack_totals(&org.id, &month), ledger.extra_tokens(&org.id, today))?;
            Ok(OverageFound {
                overage: org.overage,
                pack: org.plan.token_pack(),
                month,
                totals,
                extra_tokens_today,
            })
        })
    }

    /// Lets an organization draw packs up to a spending cap, or (`None`) no more. The subscription gets the price of
    /// the packs, so that they are on its invoices.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `personal_org`, `no_subscription` or `payment_overdue`; [`Error::Forbidden`]
    /// `plan_required`; [`Error::Invalid`] at `/spending_cap_cents`; [`Error::Upstream`].
    pub fn set_overage<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        overage: Option<Overage>,
    ) -> BoxFuture<'a, Result<OverageFound>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("the spending cap of an organization");
            loop {
                retry.next().await?;
                let org = self.store.orgs().get(&member.org).await?.ok_or(NO_ORG)?.org;
                let mut account = None;
                if let Some(overage) = overage {
                    if org.personal {
                        return Err(personal());
                    }
                    overage.check(&org.plan.token_pack().ok_or(NO_PACKS)?)?;
                    account = Some(self.subscribe_to_packs(member, actor).await?);
                }
                if org.overage == overage {
                    return self.overage(member).await;
                }
                let event = AuditEvent::to_org("billing.overage_changed", &org.id)
                    .before(json!({"spending_cap_cents": org.overage.map(|overage| overage.spending_cap_cents)}))
                    .after(json!({"spending_cap_cents": overage.map(|overage| overage.spending_cap_cents)}));
                let entry = self.entry(actor, &org.id, event)?;
                let billing = self.store.billing();
                if billing.set_overage(&org, account.as_ref(), overage, &entry).await? == OrgWrite::Done {
                    return self.overage(member).await;
                }
            }
        })
    }

    /// Adds the price of packs to the paid subscription of an organization. Returns the account.
    async fn subscribe_to_packs(&self, member: &Membership, actor: &Actor) -> Result<domain::BillingAccount> {
        let price = self.config.billing.price_packs.as_deref().ok_or_else(not_configured)?;
        let (provider, account) = self.current(member, actor).await?;
        let subscription = Self::require_subscription(&account)?;
        match subscription.status {
            SubscriptionStatus::Active | SubscriptionStatus::Trialing => {}
            SubscriptionStatus::PastDue => {
                let detail = "A payment is overdue. Pay it in the customer portal first.";
                return Err(Error::conflict("payment_overdue", detail));
            }
            _ => {
                return Err(Error::conflict(
                    "no_subscription",
                    "The subscription of this organization is not paid. See the customer portal.",
                ));
            }
        }
        if subscription.has_packs {
            return Ok(account);
        }
        let form = Form::default().field("items[0][price]", price);
        let path = format!("/v1/subscriptions/{}", subscription.id);
        let intention = format!("{path}\n{}\n{}", account.version, form.encode());
        self.perform::<Identified>(&provider, &account.org_id, "packs", (&path, &form), &intention)
            .await?;
        self.sync_with(&provider, account, actor).await
    }

    /// Queues the packs that are still to be reported; returns their number.
    ///
    /// # Errors
    /// Returns an error if the table or the queue does not respond; the next run queues the rest.
    pub(crate) async fn relay_packs(&self) -> Result<usize> {
        let mut done = BatchOutcome::default();
        for promise in self.store.ledger().packs_to_report().await? {
            let message = BillingMessage::PackDrawn(promise.pack);
            done.count(
                self.queues.send(&message).await.map(|()| 1),
                |error| tracing::warn!(%error, "billing.pack_not_queued"),
            );
        }
        done.end()
    }

    /// Reports a pack to the payment provider, which counts each identifier once, and records that.
    pub(crate) async fn report_pack(&self, pack: &DrawnPack) -> Result<()> {
        let ledger = self.store.ledger();
        if !ledger.is_to_report(pack).await? {
            return Ok(());
        }
        let now = self.clock.now();
        let account = self.store.billing().account(&pack.org_id).await?;
        let Some(customer) = account.customer_id.filter(|_| now < after(pack.drawn_at, REPORTABLE)) else {
            // Its organization was deleted, or nobody could report it for a month: it cannot be charged any more.
            tracing::error!(org_id = %pack.org_id, number = pack.number, "billing.pack_not_charged");
            return ledger.forget_pack(pack).await;
        };
        let provider = self.payment_provider().await?;
        let identifier = pack.identifier();
        let form = Form::default()
            .field("event_name", &self.config.billing.meter_event)
            .field("identifier", &identifier)
            .field("timestamp", pack.drawn_at.as_second())
            .field("payload[stripe_customer_id]", &customer)
            .field("payload[value]", 1);
        let request = Request::post("/v1/billing/meter_events", &form, &identifier);
        match provider.send::<serde_json::Value>(&request).await {
            Ok(_) => {}
            // An earlier delivery reported it, and its response or record was lost.
            Err(error) if error.is_duplicate_event() => {}
            Err(error) => return Err(failure(error)),
        }
        ledger.pack_reported(pack, now).await.map(|_| ())
    }

    /// Returns whether packs end with a change: of a smaller plan, or of a payment that failed.
    pub(crate) fn ends_overage(
        org: &domain::Org,
        account: &domain::BillingAccount,
        plan: Option<(domain::Plan, domain::Plan)>,
    ) -> bool {
        let is_paid = account
            .subscription
            .as_ref()
            .is_some_and(|one| matches!(one.status, SubscriptionStatus::Active | SubscriptionStatus::Trialing));
        let is_smaller = plan.is_some_and(|(from, to)| to < from);
        org.overage.is_some() && (!is_paid || is_smaller)
    }
}
