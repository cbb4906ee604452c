//! The pages of the payment provider on which an organization subscribes, and manages what it has subscribed to.

use std::time::Duration;

use domain::{Actor, BillingAccount, Error, Membership, OrgId, Plan, Result, Timestamp};
use futures::future::BoxFuture;
use serde_json::json;
use stripe::{
    Form,
    objects::{CheckoutSession, Identified, PortalSession},
};

use super::{PaymentProvider, REFUSED, failure, not_configured, return_url};
use crate::{App, audit::audit_event::AuditEvent};

/// A subscription to begin.
#[derive(Debug)]
pub struct NewCheckout {
    /// The plan.
    pub plan: Plan,
    /// Where the page leads after the payment.
    pub success_url: String,
    /// Where it leads if nothing is paid; `success_url` if `None`.
    pub cancel_url: Option<String>,
}

/// A page of the payment provider.
#[derive(Debug)]
pub struct PaymentPage {
    /// Its address, for one person and a limited time.
    pub url: String,
    /// ID of its session at the payment provider; `None` for the customer portal.
    pub session_id: Option<String>,
    /// Until when it can be used, if that is known.
    pub expires_at: Option<Timestamp>,
}

const CHECKOUT: &str = "checkout";
/// How long a page is open if Stripe does not say it: its default, less an hour.
const OPEN: Duration = Duration::from_hours(23);

fn already_subscribed() -> Error {
    Error::conflict(
        "subscription_exists",
        "This organization has a subscription. Change its plan with PUT /api/v1/billing/subscription, or open the \
         customer portal.",
    )
}

impl App {
    /// Opens a page on which the organization subscribes to a plan. Repeating it returns the same page as long as it
    /// is open.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/plan_type`, `/success_url` or `/cancel_url`; [`Error::Conflict`]
    /// `subscription_exists`; [`Error::Upstream`].
    pub fn create_checkout<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        new: &'a NewCheckout,
    ) -> BoxFuture<'a, Result<PaymentPage>> {
        Box::pin(async move {
            if new.plan == Plan::Free {
                let detail = "must be PRO or TEAM; to return to FREE, cancel the subscription";
                return Err(Error::invalid("/plan_type", detail));
            }
            let cancel_url = new.cancel_url.as_deref().unwrap_or(&new.success_url);
            let origins = self.return_origins();
            for (url, pointer) in [(new.success_url.as_str(), "/success_url"), (cancel_url, "/cancel_url")] {
                return_url::check(url, pointer, &origins)?;
            }
            let provider = self.payment_provider().await?;
            let price = self.config.billing.price_of(new.plan).ok_or_else(not_configured)?;
            let org = &member.org;
            let account = self.with_customer(&provider, org, actor).await?;
            let account = self.sync_after_checkout(&provider, account, actor).await?;
            if account.open_subscription().is_some() {
                return Err(already_subscribed());
            }
            let quantity = self.quantity_of(org, new.plan).await?;
            let form = self.checkout_form(&account, (price, quantity), &new.success_url, cancel_url);
            // After a subscription has ended, the same request is a new intention.
            let ended = account
                .subscription
                .as_ref()
                .map(|one| one.id.as_str())
                .unwrap_or_default();
            let intention = format!("{}\n{ended}", form.encode());
            let done = self
                .perform::<CheckoutSession>(&provider, org, CHECKOUT, ("/v1/checkout/sessions", &form), &intention)
                .await?;
            let session = done.object;
            let Some(url) = session.url.clone() else {
                return Err(failure(stripe::Error::BadAnswer("a session without a page".to_owned())));
            };
            let expires_at = session.expires_at.and_then(|at| Timestamp::from_second(at).ok());
            if !done.is_repeat {
                let left = match expires_at {
                    Some(at) => Duration::try_from(at.duration_since(self.clock.now())).unwrap_or_default(),
                    None => OPEN,
                };
                let result = json!({"id": session.id, "url": url, "expires_at": session.expires_at});
                self.keep_result(org, CHECKOUT, &done.operation, &result, left).await?;
                let event = AuditEvent::to_org("billing.checkout_created", org)
                    .after(json!({"plan": new.plan, "quantity": quantity}));
                self.store.record(&self.entry(actor, org, event)?).await?;
                self.expire(&provider, org, done.replaced.and_then(|replaced| replaced.result))
                    .await;
            }
            Ok(PaymentPage {
                url,
                session_id: Some(session.id),
                expires_at,
            })
        })
    }

    /// Opens a page on which the organization changes its payment method, sees its invoices and cancels.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/return_url`, [`Error::Upstream`].
    pub fn create_portal<'a>(
        &'a self,
        member: &'a Membership,
        actor: &'a Actor,
        back: &'a str,
    ) -> BoxFuture<'a, Result<PaymentPage>> {
        Box::pin(async move {
            return_url::check(back, "/return_url", &self.return_origins())?;
            let provider = self.payment_provider().await?;
            let org = &member.org;
            let account = self.with_customer(&provider, org, actor).await?;
            let form = Form::default()
                .field_if("customer", account.customer_id.as_deref())
                .field("return_url", back);
            // A page lives for minutes, and each request opens its own.
            let session: PortalSession = self
                .perform_once(&provider, org, "portal", ("/v1/billing_portal/sessions", &form))
                .await?;
            let event = AuditEvent::to_org("billing.portal_opened", org);
            self.store.record(&self.entry(actor, org, event)?).await?;
            Ok(PaymentPage {
                url: session.url,
                session_id: None,
                expires_at: None,
            })
        })
    }

    /// Copies the state if there was a checkout before: the event of its payment may still be under way.
    async fn sync_after_checkout(
        &self,
        provider: &PaymentProvider<'_>,
        account: BillingAccount,
        actor: &Actor,
    ) -> Result<BillingAccount> {
        if !self.store.billing().has_operation(&account.org_id, CHECKOUT).await? {
            return Ok(account);
        }
        match self.sync_with(provider, account.clone(), actor).await {
            // Not an outage: a key that may not list subscriptions, for example. What is known has to do.
            Err(Error::Upstream { code: REFUSED, .. }) => Ok(account),
            synced => synced,
        }
    }

    fn checkout_form(
        &self,
        account: &BillingAccount,
        (price, quantity): (&str, u32),
        success_url: &str,
        cancel_url: &str,
    ) -> Form {
        let config = &self.config.billing;
        let org: &OrgId = &account.org_id;
        // A trial is for those who have not had a subscription.
        let trial_days = Some(config.trial_days).filter(|days| *days > 0 && account.subscription.is_none());
        let form = Form::default()
            .field("mode", "subscription")
            .field_if("customer", account.customer_id.as_deref())
            .field("client_reference_id", org)
            .field("line_items[0][price]", price)
            .field("line_items[0][quantity]", quantity)
            .field("success_url", success_url)
            .field("cancel_url", cancel_url)
            .field("metadata[org_id]", org)
            .field("subscription_data[metadata][org_id]", org)
            .field_if("subscription_data[trial_period_days]", trial_days)
            .field_if("allow_promotion_codes", config.promotion_codes.then_some(true));
        if config.automatic_tax {
            // Stripe computes the tax from the address that the page asks for.
            form.field("automatic_tax[enabled]", true)
                .field("customer_update[address]", "auto")
                .field("customer_update[name]", "auto")
        } else {
            form
        }
    }

    /// Closes the page of an earlier intention, so that only one of both is paid. Best effort: a second subscription
    /// would show in the customer portal.
    async fn expire(&self, provider: &PaymentProvider<'_>, org: &OrgId, result: Option<String>) {
        let session = result.and_then(|text| serde_json::from_str::<Identified>(&text).ok());
        let Some(session) = session else { return };
        let path = format!("/v1/checkout/sessions/{}/expire", session.id);
        let form = Form::default();
        let expired = self.perform_once::<Identified>(provider, org, "expire", (&path, &form));
        if let Err(error) = expired.await {
            tracing::warn!(error = &error as &dyn std::error::Error, "billing.checkout_not_expired");
        }
    }

    /// Returns the origins that payment pages may lead back to.
    fn return_origins(&self) -> Vec<&str> {
        let own = self.config.public_url.as_str();
        let others = self.config.billing.return_origins.iter().map(String::as_str);
        std::iter::once(own).chain(others).collect()
    }
}
