//! Plans, and how organizations pay for them.
//!
//! The payment provider decides what an organization has paid; its state here is a copy. Whatever may have changed it
//! (an event, a request, a schedule) leads to the same step: read all subscriptions of the customer, and write what
//! follows from them ([`sync`]). So no order or repetition of events leads to another state than the provider's.

pub(crate) mod checkout;
pub(crate) mod config;
mod customers;
pub(crate) mod entitlements;
mod notices;
mod operations;
pub(crate) mod overage;
mod reconcile;
pub(crate) mod return_url;
mod seats;
pub(crate) mod subscriptions;
mod sync;
pub(crate) mod webhook;
mod white_label;

use std::time::Duration;

use domain::{Error, KeyMode, Result, Secret, UpstreamKind};
use serde::de::DeserializeOwned;
use stripe::Request;

use crate::App;

/// Name of the secret key.
const SECRET_KEY: &str = "STRIPE_SECRET_KEY";
/// Code of the error when the payment provider refuses a request.
pub(crate) const REFUSED: &str = "payment_provider_refused";
/// Pause before a client's next attempt while the payment provider fails.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The payment provider, with the key to call it.
pub(crate) struct PaymentProvider<'a> {
    client: &'a stripe::Client,
    key: Secret,
}

/// The error without a payment provider (503 `billing_not_configured`).
pub(crate) fn not_configured() -> Error {
    Error::Upstream {
        kind: UpstreamKind::Unavailable,
        code: "billing_not_configured",
        detail: "Payments are not set up here. The operator has to store Stripe's secret key and the prices of the \
                 plans."
            .to_owned(),
        retry_after: None,
    }
}

impl App {
    /// Returns the payment provider.
    ///
    /// # Errors
    /// Returns [`Error::Upstream`] `billing_not_configured` without prices or without a secret key of the configured
    /// mode.
    pub(crate) async fn payment_provider(&self) -> Result<PaymentProvider<'_>> {
        if !self.config.billing.has_prices() {
            return Err(not_configured());
        }
        let key = self.secret(SECRET_KEY).await?.ok_or_else(not_configured)?;
        let is_of_mode = match self.config.billing.mode {
            KeyMode::Live => key.expose().contains("_live_"),
            KeyMode::Test => key.expose().contains("_test_"),
        };
        if !is_of_mode {
            tracing::error!("billing.key_of_another_mode");
            return Err(not_configured());
        }
        Ok(PaymentProvider {
            client: &self.stripe,
            key,
        })
    }
}

impl PaymentProvider<'_> {
    /// Sends a request.
    pub(crate) async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T, stripe::Error> {
        self.client.send(self.key.expose(), request).await
    }
}

/// Returns the error that the caller sees after a failed request.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
pub(crate) fn failure(error: stripe::Error) -> Error {
    let (kind, code, detail) = match &error {
        stripe::Error::Refused { .. } | stripe::Error::BadAnswer(_) => (
            UpstreamKind::BadAnswer,
            REFUSED,
            "The payment provider refused the request. Try again later; if it fails again, tell the operator.",
        ),
        stripe::Error::Unavailable { .. } => (
            UpstreamKind::Unavailable,
            "payment_provider_unavailable",
            "The payment provider does not respond. Try again in a moment; nothing is charged twice.",
        ),
        stripe::Error::TimedOut => (
            UpstreamKind::TimedOut,
            "payment_provider_timeout",
            "The payment provider did not respond in time. Try again in a moment; nothing is charged twice.",
        ),
    };
    tracing::warn!(error = &error as &dyn std::error::Error, "billing.request_failed");
    Error::Upstream {
        kind,
        code,
        detail: detail.to_owned(),
        retry_after: (kind != UpstreamKind::BadAnswer).then_some(RETRY_AFTER),
    }
}
