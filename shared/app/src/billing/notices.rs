//! Emails to the owners of an organization about its payments.

use domain::{
    BillingAccount, BillingEvent, BillingNotice, EventData, MailId, MailMessage, Org, Plan, Result, SubscriptionStatus,
    Timestamp, UserId, WebhookEvent,
    webhooks::data::{InvoiceEvent, SubscriptionEvent},
};
use store::OrgFound;

use crate::App;

/// Owners who get an email: the ones who joined first. All parts of a change are one transaction.
const MAX_OWNERS: usize = 5;

/// What the owners may have to be told about.
pub(crate) struct Occasion<'a> {
    /// The plan before and after a change.
    pub(crate) plan: Option<(Plan, Plan)>,
    /// The event that reported it.
    pub(crate) event: Option<&'a BillingEvent>,
}

impl App {
    /// Returns the emails of an occasion, with their recipients.
    pub(crate) async fn notices(
        &self,
        found: &OrgFound,
        account: &BillingAccount,
        occasion: &Occasion<'_>,
        now: Timestamp,
    ) -> Result<Vec<(UserId, MailMessage)>> {
        let org = &found.org;
        let mut notices = Vec::new();
        if let Some((from, to)) = occasion.plan {
            let exceeded = if to < from {
                self.exceeded_sentences(found, to, now).await?
            } else {
                Vec::new()
            };
            notices.push(("plan", BillingNotice::PlanChanged { from, to, exceeded }));
        }
        if let Some(event) = occasion.event
            && let Some(invoice) = event.invoice.as_ref().filter(|invoice| invoice.amount_cents > 0)
        {
            let notice = match event.event_type.as_str() {
                "invoice.paid" => Some(BillingNotice::Paid {
                    invoice: invoice.clone(),
                }),
                "invoice.payment_failed" => {
                    let is_overdue = |status| status == SubscriptionStatus::PastDue;
                    let overdue = account.subscription.as_ref().is_some_and(|one| is_overdue(one.status));
                    let until = account.grace_ends_at(self.config.billing.grace).filter(|_| overdue);
                    Some(BillingNotice::PaymentFailed {
                        invoice: invoice.clone(),
                        plan_until: until.filter(|until| *until > now),
                    })
                }
                _ => None,
            };
            notices.extend(notice.map(|notice| ("invoice", notice)));
        }
        if notices.is_empty() {
            return Ok(Vec::new());
        }
        let owners = self.owner_ids(&org.id).await?;
        let mut mails = Vec::new();
        for (name, notice) in notices {
            for owner in owners.iter().take(MAX_OWNERS) {
                // A repeated attempt to apply an event requests the same emails.
                let id = match occasion.event {
                    Some(event) => MailId(format!("{}.{name}.{owner}", event.event_id)),
                    None => self.ids.make()?,
                };
                let mail = MailMessage::Billing {
                    id,
                    user: owner.clone(),
                    org: (!org.personal).then(|| org.name.clone()),
                    org_id: (!org.personal).then(|| org.id.clone()),
                    notice: notice.clone(),
                };
                mails.push((owner.clone(), mail));
            }
        }
        Ok(mails)
    }

    /// Returns the events of a change that webhooks get: of the subscription, and of a payment.
    pub(crate) fn billing_events(
        &self,
        org: &Org,
        (before, after): (&BillingAccount, &BillingAccount),
        plan: Option<(Plan, Plan)>,
        event: Option<&BillingEvent>,
    ) -> Vec<WebhookEvent> {
        let subscription = after.subscription.as_ref();
        let status = subscription.map(|one| one.status);
        let current = plan.map_or(org.plan, |(_, to)| to);
        let mut events = Vec::new();
        if before.subscription != after.subscription || plan.is_some() {
            let data = EventData::SubscriptionUpdated(SubscriptionEvent {
                plan: current,
                status,
                current_period_end: subscription.and_then(|one| one.current_period_end),
                cancel_at: subscription.and_then(|one| one.cancel_at),
            });
            // Each change has another version.
            events.extend(self.event_of(org, data, &before.version.to_string()));
        }
        if let Some((event, invoice)) = event.and_then(|event| Some((event, event.invoice.as_ref()?))) {
            let is_overdue = status == Some(SubscriptionStatus::PastDue);
            let invoice = InvoiceEvent {
                amount_cents: invoice.amount_cents,
                currency: invoice.currency.clone(),
                plan: current,
                status,
                grace_until: after.grace_ends_at(self.config.billing.grace).filter(|_| is_overdue),
            };
            let data = match event.event_type.as_str() {
                "invoice.paid" => Some(EventData::InvoicePaid(invoice)),
                "invoice.payment_failed" => Some(EventData::InvoicePaymentFailed(invoice)),
                _ => None,
            };
            events.extend(data.and_then(|data| self.event_of(org, data, &event.event_id)));
        }
        events.into_iter().map(|event| *event).collect()
    }

    /// Returns what of an organization exceeds the limits of a smaller plan.
    async fn exceeded_sentences(&self, found: &OrgFound, plan: Plan, now: Timestamp) -> Result<Vec<String>> {
        let own = found.org.entitlements_on(plan, now);
        let exceeded = self.store.exceeded_limits(&found.org.id, &own).await?;
        let mut sentences: Vec<_> = exceeded.iter().map(domain::PlanLimit::excess).collect();
        let seats = own.limits.seats;
        if found.seats > seats {
            sentences.push(format!("{} seats are used, and {seats} are included", found.seats));
        }
        Ok(sentences)
    }
}
