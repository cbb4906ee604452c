//! The subscription of an organization: what it is, and its changes.

use domain::{
    Actor, BillingAccount, Entitlements, Error, Membership, OrgId, Plan, PlanLimit, Result, Subscription, Timestamp,
};
use futures::future::BoxFuture;
use stripe::{
    Form, Request,
    objects::{Identified, Invoice, List},
};

use super::{PaymentProvider, failure, not_configured};
use crate::{App, orgs::NO_ORG};

/// Invoices that are listed: the newest ones.
const INVOICES: u32 = 24;

/// The plan of an organization, and the subscription behind it.
#[derive(Debug)]
pub struct SubscriptionFound {
    /// The organization.
    pub org_id: OrgId,
    /// What it may use.
    pub own: Entitlements,
    /// When limits or features that a platform admin has set end; `None` if there are none, or without an end.
    pub overridden_until: Option<Timestamp>,
    /// Members and pending invitations.
    pub seats: u32,
    /// Its payments.
    pub account: BillingAccount,
    /// When the plan ends unless an overdue payment is made.
    pub grace_ends_at: Option<Timestamp>,
    /// Limits that are exceeded, after a change to a smaller plan.
    pub exceeded: Vec<PlanLimit>,
}

/// A change of plan.
#[derive(Debug, Clone, Copy)]
pub struct PlanChange {
    /// The new plan.
    pub plan: Plan,
}

/// What a change of plan costs.
#[derive(Debug)]
pub struct PlanChangePreview {
    /// The plan.
    pub plan: Plan,
    /// Number of units: seats where the price is one per seat.
    pub quantity: u32,
    /// Total of the next invoice, in hundredths of the currency's unit; negative for a credit.
    pub total_cents: i64,
    /// ISO 4217 code in lower case.
    pub currency: String,
    /// Lines of the next invoice.
    pub lines: Vec<PreviewLine>,
}

/// A line of an invoice.
#[derive(Debug)]
pub struct PreviewLine {
    /// What it is for, in the payment provider's words.
    pub description: Option<String>,
    /// Hundredths of the currency's unit; negative for a credit.
    pub amount_cents: i64,
}

/// An invoice.
#[derive(Debug)]
pub struct InvoiceFound {
    /// Its ID at the payment provider.
    pub id: String,
    /// Its number.
    pub number: Option<String>,
    /// `draft`, `open`, `paid`, `uncollectible` or `void`.
    pub status: Option<String>,
    /// Hundredths of the currency's unit.
    pub total_cents: i64,
    /// What is still to be paid, in the same.
    pub due_cents: i64,
    /// ISO 4217 code in lower case.
    pub currency: String,
    /// Its page at the payment provider.
    pub url: Option<String>,
    /// Its file.
    pub pdf_url: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl App {
    /// Returns the plan and the subscription of an organization, as last copied from the payment provider.
    pub fn subscription_of<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<SubscriptionFound>> {
        Box::pin(async move {
            let org = &member.org;
            let (found, account) = futures::try_join!(async { self.store.orgs().get(org).await }, async {
                self.store.billing().account(org).await
            })?;
            let found = found.ok_or(NO_ORG)?;
            let now = self.clock.now();
            let own = found.org.entitlements(now);
            let exceeded = self.store.exceeded_limits(org, &own).await?;
            let overrides = found.org.overrides.filter(|overrides| overrides.is_in_force(now));
            Ok(SubscriptionFound {
                org_id: org.clone(),
                own,
                overridden_until: overrides.and_then(|overrides| overrides.expires_at),
                seats: found.seats,
                grace_ends_at: account.grace_ends_at(self.config.billing.grace),
                account,
                exceeded,
            })
        })
    }

    /// Changes the plan of a subscription now; the difference for the rest of the period is part of the next invoice.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/plan_type` for FREE, [`Error::Conflict`] `no_subscription`,
    /// [`Error::Upstream`].
    pub fn change_plan<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        change: PlanChange,
    ) -> BoxFuture<'a, Result<SubscriptionFound>> {
        Box::pin(async move {
            let (provider, account) = self.current(member, actor).await?;
            let subscription = Self::require_subscription(&account)?;
            let (price, quantity) = self.price_and_quantity(member, change.plan).await?;
            if subscription.plan == Some(change.plan) && subscription.quantity == quantity {
                return self.subscription_of(member).await;
            }
            let form = Form::default()
                .field_if("items[0][id]", subscription.item_id.as_deref())
                .field("items[0][price]", price)
                .field("items[0][quantity]", quantity)
                .field("proration_behavior", "create_prorations");
            self.update(&provider, &account, (subscription, &form), actor).await?;
            self.subscription_of(member).await
        })
    }

    /// Returns what a change of plan would cost now.
    ///
    /// # Errors
    /// As [`App::change_plan`].
    pub fn preview_plan_change<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        change: PlanChange,
    ) -> BoxFuture<'a, Result<PlanChangePreview>> {
        Box::pin(async move {
            let (provider, account) = self.current(member, actor).await?;
            let subscription = Self::require_subscription(&account)?;
            let (price, quantity) = self.price_and_quantity(member, change.plan).await?;
            let details = "subscription_details[items][0]";
            let form = Form::default()
                .field_if("customer", account.customer_id.as_deref())
                .field("subscription", &subscription.id)
                .field_if(&format!("{details}[id]"), subscription.item_id.as_deref())
                .field(&format!("{details}[price]"), price)
                .field(&format!("{details}[quantity]"), quantity)
                .field("subscription_details[proration_behavior]", "create_prorations");
            let invoice: Invoice = self
                .perform_once(
                    &provider,
                    &member.org,
                    "preview",
                    ("/v1/invoices/create_preview", &form),
                )
                .await?;
            let lines = invoice.lines.into_iter().map(|line| PreviewLine {
                description: line.description,
                amount_cents: line.amount,
            });
            Ok(PlanChangePreview {
                plan: change.plan,
                quantity,
                total_cents: invoice.total,
                currency: invoice.currency,
                lines: lines.collect(),
            })
        })
    }

    /// Lets the subscription end with its paid period, or (`ends` is `false`) continue after all.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `no_subscription`, [`Error::Upstream`].
    pub fn end_with_period<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        ends: bool,
    ) -> BoxFuture<'a, Result<SubscriptionFound>> {
        Box::pin(async move {
            let (provider, account) = self.current(member, actor).await?;
            let subscription = Self::require_subscription(&account)?;
            if subscription.cancel_at.is_some() != ends {
                let form = Form::default().field("cancel_at_period_end", ends);
                self.update(&provider, &account, (subscription, &form), actor).await?;
            }
            self.subscription_of(member).await
        })
    }

    /// Lists the newest invoices of an organization.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`].
    pub fn invoices<'a>(&'a self, member: &'a Membership) -> BoxFuture<'a, Result<Vec<InvoiceFound>>> {
        Box::pin(async move {
            let provider = self.payment_provider().await?;
            let account = self.store.billing().account(&member.org).await?;
            let Some(customer) = account.customer_id else {
                return Ok(Vec::new());
            };
            let query = Form::default().field("customer", customer).field("limit", INVOICES);
            let list: List<Invoice> = provider
                .send(&Request::get("/v1/invoices", &query))
                .await
                .map_err(failure)?;
            let shown = list.data.into_iter().filter_map(|invoice| {
                Some(InvoiceFound {
                    id: invoice.id?,
                    number: invoice.number,
                    status: invoice.status,
                    total_cents: invoice.total,
                    due_cents: invoice.amount_due,
                    currency: invoice.currency,
                    url: invoice.hosted_invoice_url,
                    pdf_url: invoice.invoice_pdf,
                    created_at: Timestamp::from_second(invoice.created).ok()?,
                })
            });
            Ok(shown.collect())
        })
    }

    /// Returns the account as the payment provider knows it now.
    pub(crate) async fn current(
        &self,
        member: &Membership,
        actor: &Actor,
    ) -> Result<(PaymentProvider<'_>, BillingAccount)> {
        let provider = self.payment_provider().await?;
        let account = self.store.billing().account(&member.org).await?;
        let account = self.sync_with(&provider, account, actor).await?;
        Ok((provider, account))
    }

    async fn price_and_quantity(&self, member: &Membership, plan: Plan) -> Result<(&str, u32)> {
        if plan == Plan::Free {
            let detail = "must be PRO or TEAM; to return to FREE, cancel the subscription";
            return Err(Error::invalid("/plan_type", detail));
        }
        let price = self.config.billing.price_of(plan).ok_or_else(not_configured)?;
        Ok((price, self.quantity_of(&member.org, plan).await?))
    }

    async fn update(
        &self,
        provider: &PaymentProvider<'_>,
        account: &BillingAccount,
        (subscription, form): (&Subscription, &Form),
        actor: &Actor,
    ) -> Result<()> {
        let path = format!("/v1/subscriptions/{}", subscription.id);
        // After any change of the account, the same request is a new intention.
        let intention = format!("{path}\n{}\n{}", account.version, form.encode());
        self.perform::<Identified>(provider, &account.org_id, "update", (&path, form), &intention)
            .await?;
        self.sync_with(provider, account.clone(), actor).await.map(|_| ())
    }
}
