//! Messages about billing.

use serde::{Deserialize, Serialize};

use crate::{DrawnPack, OrgId, UserId};

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
    /// A pack of tokens was drawn that the payment provider does not know yet.
    PackDrawn(DrawnPack),
    /// An event as the event bus delivers it, which the payment provider writes to itself.
    #[serde(untagged)]
    Bus(BusEvent),
}

/// An event of a partner of Amazon `EventBridge`
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-saas.html>). Only the bus may send to the queue, and
/// only the partner to the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusEvent {
    /// The partner's event source.
    pub source: String,
    /// The event, as a webhook would have it.
    pub detail: serde_json::Value,
}

impl BusEvent {
    /// Prefix of the payment provider's event sources (<https://docs.stripe.com/event-destinations/eventbridge>).
    pub const SOURCE: &str = "aws.partner/stripe.com/";
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_the_bus_is_told_from_messages_of_our_own() {
        let of_bus = json!({
            "version": "0",
            "id": "17793124-05d4-b198-2fde-7ededc63b103",
            "detail-type": "invoice.paid",
            "source": "aws.partner/stripe.com/ed_test_1",
            "account": "123456789012",
            "time": "2026-11-30T15:00:00Z",
            "region": "eu-central-1",
            "resources": [],
            "detail": {"id": "evt_1", "object": "event", "type": "invoice.paid"},
        });
        let read: BillingMessage = serde_json::from_value(of_bus).unwrap();
        let BillingMessage::Bus(event) = read else {
            panic!("{read:?}")
        };
        assert!(event.source.starts_with(BusEvent::SOURCE) && event.detail["id"] == "evt_1");
        let own = BillingMessage::SeatsChanged {
            org_id: OrgId("o".to_owned()),
            change_id: "c".to_owned(),
        };
        let text = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<BillingMessage>(&text).unwrap(), own);
        assert!(serde_json::from_str::<BillingMessage>("{\"kind\":\"other\"}").is_err());
    }
}
