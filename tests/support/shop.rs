//! A stack whose organizations pay at a double of Stripe.

use domain::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use stripe_double::{Settings, StripeDouble, WEBHOOK_SECRET, sign};

use super::{Answer, Caller, Test};

/// Where payment pages may lead back to.
pub(crate) const RETURN: &str = "http://localhost:3000/pricing?status=success";
/// The path of the webhook.
pub(crate) const WEBHOOK: &str = "/api/v1/billing/webhook/stripe";

/// A stack and its Stripe.
pub(crate) struct Shop {
    pub(crate) t: Test,
    pub(crate) stripe: StripeDouble,
    clock: Clock,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::with(&[]).await
    }

    /// With these environment variables, which count more than those of the double.
    pub(crate) async fn with(environment: &[(&str, &str)]) -> Self {
        let clock = Clock::default();
        let of_stripe = clock.clone();
        let settings = Settings::new(move || of_stripe.now().as_second());
        let stripe = StripeDouble::start(settings).await.unwrap();
        let own = stripe.environment();
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let is_replaced = |(name, _): &(&str, &str)| environment.iter().any(|(other, _)| other == name);
        let mut all: Vec<(&str, &str)> = own.filter(|one| !is_replaced(one)).collect();
        all.extend(environment);
        let t = Test::with(&all).await;
        Self { t, stripe, clock }
    }

    /// Moves the clocks of everything.
    pub(crate) fn advance_seconds(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
        self.t.advance_seconds(seconds);
    }

    /// Seconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.t.stack.app().clock.now().as_second()
    }

    /// Posts bytes to the webhook.
    pub(crate) async fn post_event(&self, body: &[u8], signature: &str) -> Answer {
        let nobody = self.t.anonymous();
        let request = nobody
            .request(Method::POST, WEBHOOK)
            .header("stripe-signature", signature);
        nobody
            .send(request.header("content-type", "application/json").body(body.to_vec()))
            .await
    }

    /// Delivers an event, signed now.
    pub(crate) async fn deliver(&self, event: &Value) -> Answer {
        let body = event.to_string();
        let signature = sign(body.as_bytes(), WEBHOOK_SECRET, self.now());
        self.post_event(body.as_bytes(), &signature).await
    }

    /// Delivers all events that Stripe has, and lets them be applied.
    pub(crate) async fn settle(&self) {
        self.stripe.tick();
        for event in self.stripe.take_events() {
            self.deliver(&event).await.ok();
        }
        self.t.drain().await;
    }

    /// Opens a checkout page for the caller's current organization; the ID of its session.
    pub(crate) async fn checkout(&self, caller: &Caller, plan: &str) -> String {
        let new = json!({"plan_type": plan, "success_url": RETURN});
        let page = caller.post("/api/v1/billing/checkout", new).await.created();
        page.text("session_id")
    }

    /// Subscribes the caller's current organization; the ID of the subscription.
    pub(crate) async fn subscribe(&self, caller: &Caller, plan: &str) -> String {
        let session = self.checkout(caller, plan).await;
        let subscription = self.stripe.pay(&session).unwrap();
        self.settle().await;
        subscription
    }

    /// What the API says about the subscription of the caller's current organization.
    pub(crate) async fn subscription(&self, caller: &Caller) -> Value {
        caller.get("/api/v1/billing/subscription").await.ok().json()
    }

    /// Runs the schedule that compares subscriptions.
    pub(crate) async fn reconcile(&self) {
        let nobody = self.t.anonymous();
        nobody.post("/_local/run/reconcile_billing", json!({})).await.ok();
        self.t.drain().await;
    }
}
