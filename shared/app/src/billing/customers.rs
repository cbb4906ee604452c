//! The customer of an organization at the payment provider.

use std::time::Duration;

use domain::{Actor, BillingAccount, BillingMessage, OrgId, OrgRole, Result, User, UserId};
use serde_json::json;
use store::{BillingWrite, OptimisticRetry};
use stripe::{Form, Request, objects::Identified};

use super::{PaymentProvider, failure};
use crate::{App, audit::audit_event::AuditEvent, orgs::NO_ORG};

/// How long the result of the creation is kept: until every caller that has met it is done.
const KEEP: Duration = Duration::from_mins(5);

impl App {
    /// Requests a customer for a new account. Best effort: otherwise it is created when it is needed first.
    pub(crate) async fn request_customer(&self, user: &User) {
        if !self.config.billing.has_prices() {
            return;
        }
        let message = BillingMessage::NewCustomer {
            org_id: user.personal_org.clone(),
            user_id: user.id.clone(),
        };
        if let Err(error) = self.queues.send(&message).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "billing.customer_not_requested"
            );
        }
    }

    /// Returns the billing account of an organization with its customer, which is created if it has none.
    ///
    /// # Errors
    /// Returns [`domain::Error::NotFound`] if the organization was deleted.
    pub(crate) async fn with_customer(
        &self,
        provider: &PaymentProvider<'_>,
        org: &OrgId,
        actor: &Actor,
    ) -> Result<BillingAccount> {
        let billing = self.store.billing();
        let mut retry = OptimisticRetry::to_change("a billing account");
        loop {
            retry.next().await?;
            let account = billing.account(org).await?;
            if account.customer_id.is_some() {
                return Ok(account);
            }
            let found = self.store.orgs().get(org).await?.ok_or(NO_ORG)?;
            let person = if found.org.personal {
                self.owner_of(org).await?
            } else {
                None
            };
            // Only a person's own address is passed on; the page of a checkout asks for others.
            let email = person.as_ref().filter(|user| user.email.is_deliverable());
            let form = Form::default()
                .field_if("email", email.map(|user| user.email.as_str()))
                .field("metadata[org_id]", org);
            let created = self
                .perform::<Identified>(provider, org, "customer", ("/v1/customers", &form), "customer")
                .await?;
            let customer = &created.object.id;
            self.keep_result(org, "customer", &created.operation, &json!({"id": customer}), KEEP)
                .await?;
            let event = AuditEvent::to_org("billing.customer_created", org).after(json!({"customer": customer}));
            let entry = self.entry(actor, org, event)?;
            let user = person.as_ref().map(|user| &user.id);
            match billing.set_customer(&account, customer, user, &entry).await? {
                BillingWrite::Done => return billing.account(org).await,
                // Another caller was first, with the same customer.
                BillingWrite::Changed | BillingWrite::Repeated => {}
            }
        }
    }

    /// Deletes the customer of an organization that is erased, which ends its subscriptions and removes what the
    /// payment provider knows of it.
    ///
    /// # Errors
    /// Returns an error if the payment provider does not respond; the erasure must be attempted again.
    pub(crate) async fn close_billing(&self, org: &OrgId) -> Result<()> {
        let account = self.store.billing().account(org).await?;
        let Some(customer) = account.customer_id else {
            return Ok(());
        };
        let provider = match self.payment_provider().await {
            Ok(provider) => provider,
            Err(domain::Error::Upstream { code, .. }) => {
                tracing::error!(org_id = %org, code, "billing.customer_left");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let request = Request::delete(&format!("/v1/customers/{customer}"));
        match provider.send::<Identified>(&request).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing(None) => Ok(()),
            Err(error) => Err(failure(error)),
        }
    }

    /// Returns the first owner of an organization.
    async fn owner_of(&self, org: &OrgId) -> Result<Option<User>> {
        match self.owner_ids(org).await?.first() {
            Some(owner) => self.store.accounts().get(owner).await,
            None => Ok(None),
        }
    }

    /// Returns the IDs of the owners of an organization.
    pub(crate) async fn owner_ids(&self, org: &OrgId) -> Result<Vec<UserId>> {
        let members = self.store.orgs().members(org).await?.into_iter();
        let owners = members.filter(|membership| membership.role == OrgRole::Owner);
        Ok(owners.map(|membership| membership.member).collect())
    }
}
