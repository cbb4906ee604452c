//! Emails to the owners of an organization about its payments.

use domain::{
    BillingAccount, BillingEvent, BillingNotice, MailId, MailMessage, Plan, Result, SubscriptionStatus, Timestamp,
    UserId,
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
