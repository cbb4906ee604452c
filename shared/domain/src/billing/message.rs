//! Messages about billing.

use serde::{Deserialize, Serialize};

use crate::{OrgId, UserId};

/// The body of a message in the queue `apply_stripe_events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BillingMessage {
    /// The payment provider reported an event, whose signature was verified.
    Event(BillingEvent),
    /// An organization was created that needs a customer at the payment provider.
    NewCustomer {
        /// The organization.
        org_id: OrgId,
        /// Its owner.
        user_id: UserId,
    },
    /// The members of an organization that pays by seat changed.
    SeatsChanged {
        /// The organization.
        org_id: OrgId,
        /// Identifies the change: the idempotency key of the call that follows from it.
        change_id: String,
    },
}

/// What an event names. Its content is not used, because events arrive late and in any order: what it is about is read
/// from the payment provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingEvent {
    /// The provider's ID of the event.
    pub event_id: String,
    /// Its type, for example `invoice.paid`.
    pub event_type: String,
    /// The customer it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// The invoice it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<InvoiceNotice>,
}

/// The part of an invoice that an email shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceNotice {
    /// Amount in hundredths of the currency's unit.
    pub amount_cents: u64,
    /// ISO 4217 code in lower case.
    pub currency: String,
    /// The provider's page of the invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
