//! Events of the payment provider: verified and queued by a request, applied by a worker.

use std::time::Duration;

use domain::{Actor, BillingEvent, BillingMessage, BusEvent, Error, InvoiceNotice, KeyMode, Result, time::after};
use futures::future::BoxFuture;
use serde_json::Value;
use store::EventMarker;
use stripe::webhook::{Event, is_signed};

use super::sync::Reason;
use crate::App;

/// Name of the secret, or of several separated by commas while it is rotated.
const WEBHOOK_SECRET: &str = "STRIPE_WEBHOOK_SECRET";
/// How long the ID of an event is remembered. Stripe delivers an event for three days, and by hand for thirty.
const REMEMBER: Duration = Duration::from_hours(45 * 24);
/// Longest ID and type that are accepted.
const MAX_NAME: usize = 128;
/// Longest address of an invoice that is passed on.
const MAX_URL: usize = 2_000;

const FORGED: Error = Error::Unauthorized {
    code: "signature_invalid",
    detail: "The signature of this webhook is invalid. Check the signing secret.",
};

fn unreadable() -> Error {
    Error::bad_request("invalid_event", "The event cannot be parsed.")
}

/// An event as received; untrusted until its signature is verified.
#[derive(Debug, Clone, Copy)]
pub struct SignedStripeEvent<'a> {
    /// `Stripe-Signature`.
    pub signature: &'a str,
    /// The exact bytes that were signed.
    pub body: &'a [u8],
}

impl App {
    /// Queues a verified event. Only what it names is kept: its content may be older than what is known.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] `signature_invalid`, also without a secret; [`Error::BadRequest`]
    /// `invalid_event` or `livemode_mismatch`. All other errors warrant another delivery.
    pub fn receive_stripe_event<'a>(&'a self, signed: SignedStripeEvent<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let secrets = self.secret(WEBHOOK_SECRET).await?.ok_or(FORGED)?;
            let secrets: Vec<&str> = secrets.expose().split(',').map(str::trim).collect();
            let now = self.clock.now().as_second();
            if !is_signed(signed.signature, signed.body, &secrets, now) {
                return Err(FORGED);
            }
            let event: Event = serde_json::from_slice(signed.body).map_err(|_| unreadable())?;
            let message = BillingMessage::Event(self.billing_event(event)?);
            self.queues.send(&message).await
        })
    }

    /// Returns what an event names.
    fn billing_event(&self, event: Event) -> Result<BillingEvent> {
        if event.id.is_empty() || event.id.len() > MAX_NAME || event.kind.len() > MAX_NAME {
            return Err(unreadable());
        }
        if event.livemode != (self.config.billing.mode == KeyMode::Live) {
            let detail = "The event is of another mode (live or test) than this installation. Check the endpoint.";
            return Err(Error::bad_request("livemode_mismatch", detail));
        }
        Ok(BillingEvent {
            customer_id: event.customer().filter(|id| id.len() <= MAX_NAME).map(str::to_owned),
            invoice: invoice(&event.data.object),
            event_id: event.id,
            event_type: event.kind,
        })
    }

    /// Applies an event of the event bus as the webhook's worker does. One that is not meant for this installation is
    /// dropped: the bus would deliver it again and again.
    async fn apply_bus_event(&self, event: &BusEvent) -> Result<()> {
        let read = if event.source.starts_with(BusEvent::SOURCE) {
            serde_json::from_value::<Event>(event.detail.clone()).map_err(|_| unreadable())
        } else {
            Err(unreadable())
        };
        match read.and_then(|event| self.billing_event(event)) {
            Ok(event) => self.apply_event(&event).await,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "billing.bus_event_dropped");
                Ok(())
            }
        }
    }

    /// Processes a message of the queue `apply_stripe_events`.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again.
    pub fn apply_stripe_events<'a>(&'a self, message: &'a BillingMessage) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match message {
                BillingMessage::Event(event) => self.apply_event(event).await,
                BillingMessage::NewCustomer { org_id, .. } => self.apply_new_customer(org_id).await,
                BillingMessage::SeatsChanged { org_id, change_id } => self.sync_seats(org_id, change_id).await,
                BillingMessage::PackDrawn(pack) => self.report_pack(pack).await,
                BillingMessage::Bus(event) => self.apply_bus_event(event).await,
            }
        })
    }

    async fn apply_event(&self, event: &BillingEvent) -> Result<()> {
        let billing = self.store.billing();
        let Some(customer) = &event.customer_id else {
            return Ok(());
        };
        let marker = EventMarker {
            id: event.event_id.clone(),
            until: after(self.clock.now(), REMEMBER),
        };
        if billing.knows_event(&marker).await? {
            return Ok(());
        }
        let Some(org) = billing.org_of_customer(customer).await? else {
            // Of another product of the same account, or its organization was erased.
            return Ok(());
        };
        let provider = self.payment_provider().await?;
        let reason = Reason {
            actor: &Actor::webhook(&event.event_id),
            action: "billing.subscription_changed",
            event: Some((&marker, event)),
        };
        self.sync(&provider, &org, &reason).await.map(|_| ())
    }

    async fn apply_new_customer(&self, org: &domain::OrgId) -> Result<()> {
        let provider = match self.payment_provider().await {
            // Without payments nobody needs a customer.
            Err(Error::Upstream { .. }) => return Ok(()),
            provider => provider?,
        };
        match self.with_customer(&provider, org, &Actor::system()).await {
            // Deleted in the meantime.
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Returns what an email says about an invoice.
fn invoice(object: &Value) -> Option<InvoiceNotice> {
    if object["object"] != "invoice" {
        return None;
    }
    let is_paid = object["status"] == "paid";
    let amount = &object[if is_paid { "amount_paid" } else { "amount_due" }];
    let url = object["hosted_invoice_url"].as_str();
    Some(InvoiceNotice {
        amount_cents: amount.as_u64().unwrap_or_default(),
        currency: object["currency"]
            .as_str()
            .unwrap_or_default()
            .chars()
            .take(3)
            .collect(),
        url: url
            .filter(|url| url.len() <= MAX_URL && url.starts_with("https://"))
            .map(str::to_owned),
    })
}
