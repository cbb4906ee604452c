//! Stripe's part in the local stack: the stand-in that the functions call instead of Stripe, the page on which its
//! checkout sessions are paid (`/_local/pay`), and the delivery of its signed events to the API's own webhook.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use domain::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stripe_double::{Settings, StripeDouble, WEBHOOK_SECRET, sign};

use crate::{cloud::Data, options::Options, stack::StartError};

/// The file with the payments in the data folder.
const FILE: &str = "payments.json";

/// The stand-in for Stripe.
pub(crate) struct Payments {
    stripe: StripeDouble,
    http: reqwest::Client,
    webhook: String,
    clock: Clock,
    /// Events that the API did not accept yet, oldest first.
    pending: Mutex<VecDeque<Value>>,
    /// Held while events are delivered, so that they arrive in order.
    delivering: tokio::sync::Mutex<()>,
}

/// What happens on the payment page, or in the customer portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PaymentAction {
    /// The card is charged.
    Pay,
    /// The payment method takes days; the payment arrives with `Arrive`.
    PayLater,
    /// A payment that takes days arrives.
    Arrive,
    /// The card is refused.
    Decline,
    /// The subscription is to end with its period.
    Cancel,
    /// The subscription is to continue.
    Resume,
    /// The next payment fails.
    FailPayment,
    /// The overdue payment is made.
    PayOverdue,
}

/// What the page shows.
#[derive(Debug, Serialize)]
pub(crate) struct PaymentState {
    /// `checkout` or `portal`.
    kind: &'static str,
    /// The checkout session, or the customer's subscriptions.
    object: Value,
    /// Where the page leads now.
    next_url: Option<String>,
    /// What is wrong, as a sentence.
    problem: Option<&'static str>,
}

impl Payments {
    /// Starts the stand-in for Stripe, unless the environment has a key of Stripe's, and has the functions use it.
    pub(crate) async fn of_stack(
        options: &mut Options,
        address: SocketAddr,
        clock: &Clock,
    ) -> Result<Option<Self>, StartError> {
        if !options.payments || options.variable("STRIPE_SECRET_KEY").is_some() {
            return Ok(None);
        }
        let payments = Self::start(&options.data, address, options.stage.as_deref(), clock.clone()).await;
        let payments = payments.map_err(StartError::Payments)?;
        let names: Vec<_> = payments.environment();
        options
            .environment
            .retain(|(name, _)| !names.iter().any(|(own, _)| own == name));
        options.environment.extend(names);
        Ok(Some(payments))
    }

    /// Starts the stand-in. `address`: where the API listens, with its `stage`.
    async fn start(data: &Data, address: SocketAddr, stage: Option<&str>, clock: Clock) -> std::io::Result<Self> {
        let file: Option<PathBuf> = match data {
            Data::Folder(folder) => Some(folder.join(FILE)),
            Data::Ephemeral => None,
        };
        let of_stripe = clock.clone();
        let settings = Settings {
            pages: format!("http://localhost:{}/_local/pay", address.port()),
            file,
            ..Settings::new(move || of_stripe.now().as_second())
        };
        let stage = stage.map(|stage| format!("/{stage}")).unwrap_or_default();
        Ok(Self {
            stripe: StripeDouble::start(settings).await?,
            http: reqwest::Client::builder()
                .no_proxy()
                // Nothing here speaks TLS.
                .tls_certs_only([])
                .timeout(std::time::Duration::from_secs(30))
                .build()
                .map_err(std::io::Error::other)?,
            webhook: format!(
                "http://127.0.0.1:{}{stage}/api/v1/billing/webhook/stripe",
                address.port()
            ),
            clock,
            pending: Mutex::default(),
            delivering: tokio::sync::Mutex::default(),
        })
    }

    /// Returns the environment variables with which the functions use the stand-in.
    fn environment(&self) -> Vec<(String, String)> {
        let variables = self.stripe.environment().into_iter();
        variables.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Lets periods end that have ended, and delivers all events to the webhook. What is not accepted is delivered by
    /// the next call.
    pub(crate) async fn settle(&self) {
        let _delivering = self.delivering.lock().await;
        self.stripe.tick();
        self.queue().extend(self.stripe.take_events());
        loop {
            let Some(event) = self.queue().front().cloned() else {
                return;
            };
            let body = event.to_string();
            let signature = sign(body.as_bytes(), WEBHOOK_SECRET, self.clock.now().as_second());
            let call = self.http.post(&self.webhook).header("stripe-signature", signature);
            match call.header("content-type", "application/json").body(body).send().await {
                Ok(response) if response.status().is_success() => {
                    self.queue().pop_front();
                }
                Ok(response) => {
                    tracing::warn!(status = response.status().as_u16(), "local.event_not_accepted");
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "local.event_not_delivered");
                    return;
                }
            }
        }
    }

    /// Returns what the page of a checkout session or a portal session shows; `None` if there is no such session.
    pub(crate) fn state(&self, id: &str) -> Option<PaymentState> {
        self.state_after(id, None, None)
    }

    fn state_after(&self, id: &str, next_url: Option<String>, problem: Option<&'static str>) -> Option<PaymentState> {
        if let Some(session) = self.stripe.session(id) {
            return Some(PaymentState {
                kind: "checkout",
                object: session,
                next_url,
                problem,
            });
        }
        let portal = self.stripe.portal(id)?;
        let customer = portal["customer"].as_str().unwrap_or_default();
        Some(PaymentState {
            kind: "portal",
            object: self.stripe.subscriptions_of(customer).into(),
            next_url: next_url.or_else(|| portal["return_url"].as_str().map(str::to_owned)),
            problem,
        })
    }

    /// Carries out an action on the page of a session, and delivers the events that follow.
    pub(crate) async fn act(&self, id: &str, action: PaymentAction) -> Option<PaymentState> {
        let (next_url, problem) = if let Some(session) = self.stripe.session(id) {
            self.act_on_checkout(id, &session, action)
        } else {
            let portal = self.stripe.portal(id)?;
            self.act_on_subscription(&portal, action)
        };
        self.settle().await;
        self.state_after(id, next_url, problem)
    }

    fn act_on_checkout(
        &self,
        id: &str,
        session: &Value,
        action: PaymentAction,
    ) -> (Option<String>, Option<&'static str>) {
        let url = |name: &str| {
            let url = session[name].as_str().unwrap_or_default();
            Some(url.replace("{CHECKOUT_SESSION_ID}", id))
        };
        match action {
            PaymentAction::Pay | PaymentAction::PayLater => {
                let paid = match action {
                    PaymentAction::Pay => self.stripe.pay(id),
                    _ => self.stripe.pay_later(id),
                };
                match paid {
                    Some(_) => (url("success_url"), None),
                    None => (None, Some("This checkout session is no longer open.")),
                }
            }
            PaymentAction::Arrive => {
                if let Some(subscription) = session["subscription"].as_str() {
                    self.stripe.charge(subscription, true);
                }
                (url("success_url"), None)
            }
            PaymentAction::Decline => (None, Some("The card was declined. Nothing was charged.")),
            PaymentAction::Cancel => (url("cancel_url"), None),
            _ => (None, Some("This is not possible on a checkout page.")),
        }
    }

    fn act_on_subscription(&self, portal: &Value, action: PaymentAction) -> (Option<String>, Option<&'static str>) {
        let customer = portal["customer"].as_str().unwrap_or_default();
        let open = self
            .stripe
            .subscriptions_of(customer)
            .into_iter()
            .find(|one| one["status"] != "canceled");
        let Some(subscription) = open.as_ref().and_then(|one| one["id"].as_str()) else {
            return (None, Some("There is no subscription."));
        };
        match action {
            PaymentAction::Cancel => self.stripe.cancel_at_period_end(subscription, true),
            PaymentAction::Resume => self.stripe.cancel_at_period_end(subscription, false),
            PaymentAction::FailPayment => self.stripe.charge(subscription, false),
            PaymentAction::PayOverdue | PaymentAction::Arrive => self.stripe.charge(subscription, true),
            _ => return (None, Some("This is not possible in the customer portal.")),
        }
        (None, None)
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Value>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
