//! A double of Stripe: an HTTP server with the operations that billing uses, as strict as Stripe about parameters,
//! versions and idempotency keys; the payments that happen there; and the signed events that it would send. The local
//! stack serves it in place of Stripe.
//!
//! ```ignore
//! let stripe = StripeDouble::start(Settings::default()).await?;
//! stripe.next(Fault::StoredFailure);                       // what happens to the next request
//! let subscription = stripe.pay(&session);                 // somebody pays on the page of a checkout session
//! for event in stripe.take_events() { deliver(&event, &sign(&event, SECRET, now)); }
//! ```
//!
//! It shares nothing with the client that is tested against it.

mod objects;
mod operations;
mod params;
mod server;
mod state;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::hmac;
use axum::{Router, extract::Request};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use objects::EventVersion;
use state::State;

/// The secret key with which the double is called.
pub const SECRET_KEY: &str = "sk_test_double";
/// The secret with which its events are signed.
pub const WEBHOOK_SECRET: &str = "whsec_double";
/// The price of the plan PRO.
pub const PRICE_PRO: &str = "price_pro";
/// The price of a seat of the plan TEAM.
pub const PRICE_TEAM: &str = "price_team";

/// The metered price of a pack of tokens.
pub const PRICE_PACKS: &str = "price_packs";
/// The name of the events of its meter.
pub const METER_EVENT: &str = "token_packs";

/// Returns the current time in seconds since the Unix epoch.
pub type ClockFn = dyn Fn() -> i64 + Send + Sync;

/// How a double is set up.
#[derive(Clone)]
pub struct Settings {
    /// The clock.
    pub clock: Arc<ClockFn>,
    /// Prices: ID and amount in hundredths of a dollar.
    pub prices: Vec<(String, u64)>,
    /// URL of the page of checkout sessions.
    pub pages: String,
    /// Where objects are stored between runs; `None` for memory only.
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Returns settings with this clock, and nothing stored.
    pub fn new(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            prices: vec![
                (PRICE_PRO.to_owned(), 2_900),
                (PRICE_TEAM.to_owned(), 1_900),
                (PRICE_PACKS.to_owned(), 50),
            ],
            pages: "https://checkout.stripe.com/c/pay".to_owned(),
            file: None,
        }
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It is never answered.
    Hang,
    /// It is refused before anything is executed.
    Refused {
        /// HTTP status.
        status: u16,
        /// `Stripe-Should-Retry`.
        should_retry: Option<bool>,
        /// `Retry-After`, in seconds.
        retry_after: Option<&'static str>,
    },
    /// It fails with 500, which is stored under its idempotency key.
    StoredFailure,
    /// It is carried out, and its response is lost.
    LostResponse,
}

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// HTTP method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Query.
    pub query: String,
    /// Body.
    pub body: String,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `Stripe-Version`.
    pub version: Option<String>,
}

struct Shared {
    state: Mutex<State>,
    settings: Settings,
    hangs: AtomicBool,
}

impl Shared {
    fn save(&self) {
        if let Some(file) = &self.settings.file {
            let text = serde_json::to_vec(&*locked(&self.state)).unwrap_or_default();
            // A local convenience: without it, the next run begins without payments.
            // In one step: a process that is killed meanwhile leaves the file as it was, and no ID is given twice.
            let new = file.with_extension("new");
            let _ = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, file));
        }
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running double. It stops when this is dropped.
pub struct StripeDouble {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for StripeDouble {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl StripeDouble {
    /// Starts a double on any free port of this machine.
    ///
    /// # Errors
    /// If no port is free.
    #[expect(clippy::disallowed_methods, reason = "it is ended when the double is dropped")]
    pub async fn start(settings: Settings) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let stored = settings.file.as_ref().and_then(|file| std::fs::read(file).ok());
        let state = stored
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            settings,
            hangs: AtomicBool::new(false),
        });
        let router = Router::new().fallback({
            let shared = Arc::clone(&shared);
            move |request: Request| server::respond(Arc::clone(&shared), request)
        });
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            shared,
            address,
            server,
        })
    }

    /// Returns the base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the environment variables with which a stack uses this double.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("STRIPE_BASE_URL", self.url()),
            ("STRIPE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
            ("STRIPE_PRICE_PRO", PRICE_PRO.to_owned()),
            ("STRIPE_PRICE_TEAM", PRICE_TEAM.to_owned()),
            ("STRIPE_PRICE_PACKS", PRICE_PACKS.to_owned()),
            ("STRIPE_METER_EVENT", METER_EVENT.to_owned()),
        ]
    }

    /// Decides what happens to the next request that has no fault yet.
    pub fn next(&self, fault: Fault) {
        locked(&self.shared.state).faults.push_back((None, fault));
    }

    /// Decides what happens to the next request to a path.
    pub fn next_at(&self, path: &str, fault: Fault) {
        let mut state = locked(&self.shared.state);
        state.faults.push_back((Some(path.to_owned()), fault));
    }

    /// Answers no request from now on, or all of them again.
    pub fn hang(&self, hangs: bool) {
        self.shared.hangs.store(hangs, Ordering::SeqCst);
    }

    /// Sets the version in which events are written.
    pub fn write_events_in(&self, version: EventVersion) {
        locked(&self.shared.state).version = version;
    }

    /// Makes a request with this idempotency key count as running.
    pub fn occupy(&self, key: &str, path: &str, body: &str) {
        let mut state = locked(&self.shared.state);
        state.keys.insert(key.to_owned(), server::running(path, body));
    }

    /// Lets a key that was occupied be used.
    pub fn release(&self, key: &str) {
        locked(&self.shared.state).keys.remove(key);
    }

    /// Returns the requests so far.
    pub fn received(&self) -> Vec<Received> {
        locked(&self.shared.state).received.clone()
    }

    /// Returns the number of requests so far to a path.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let received = self.received();
        let is_it = |one: &&Received| one.method == method && one.path == path;
        received.iter().filter(is_it).count()
    }

    /// Returns all customers.
    pub fn customers(&self) -> Vec<Value> {
        locked(&self.shared.state).customers.values().cloned().collect()
    }

    /// Returns all meter events, each identifier once.
    pub fn meter_events(&self) -> Vec<Value> {
        locked(&self.shared.state).meter_events.values().cloned().collect()
    }

    /// Returns all checkout sessions.
    pub fn sessions(&self) -> Vec<Value> {
        locked(&self.shared.state).sessions.values().cloned().collect()
    }

    /// Returns a checkout session.
    pub fn session(&self, id: &str) -> Option<Value> {
        locked(&self.shared.state).sessions.get(id).cloned()
    }

    /// Returns a session of the customer portal.
    pub fn portal(&self, id: &str) -> Option<Value> {
        locked(&self.shared.state).portals.get(id).cloned()
    }

    /// Returns the subscriptions of a customer, newest first.
    pub fn subscriptions_of(&self, customer: &str) -> Vec<Value> {
        locked(&self.shared.state).subscriptions_of(customer)
    }

    /// Returns a subscription.
    pub fn subscription(&self, id: &str) -> Option<Value> {
        locked(&self.shared.state).subscriptions.get(id).cloned()
    }

    /// Pays a checkout session; returns the ID of the subscription, `None` if the session is not open.
    pub fn pay(&self, session: &str) -> Option<String> {
        self.change(|state, now| state.complete(session, true, now))
    }

    /// Completes a checkout session with a payment method that takes days.
    pub fn pay_later(&self, session: &str) -> Option<String> {
        self.change(|state, now| state.complete(session, false, now))
    }

    /// Charges a subscription, with success or without.
    pub fn charge(&self, subscription: &str, is_paid: bool) {
        self.change(|state, now| state.charge_again(subscription, is_paid, now));
    }

    /// Gives a subscription a status.
    pub fn set_status(&self, subscription: &str, status: &str) {
        self.change(|state, now| state.set_status(subscription, status, now));
    }

    /// Lets a subscription end with its period, or not.
    pub fn cancel_at_period_end(&self, subscription: &str, ends: bool) {
        self.change(|state, now| {
            if let Some(found) = state.subscriptions.get_mut(subscription) {
                let end = found["items"]["data"][0]["current_period_end"].clone();
                found["cancel_at_period_end"] = ends.into();
                found["cancel_at"] = if ends { end } else { Value::Null };
                let found = found.clone();
                state.emit("customer.subscription.updated", &found, now);
            }
        });
    }

    /// Lets periods end by the clock.
    pub fn tick(&self) {
        self.change(State::tick);
    }

    /// Takes the events that were not taken yet, oldest first.
    pub fn take_events(&self) -> Vec<Value> {
        self.change(|state, _| std::mem::take(&mut state.events))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State, i64) -> T) -> T {
        let now = (self.shared.settings.clock)();
        let result = change(&mut locked(&self.shared.state), now);
        self.shared.save();
        result
    }
}

/// Returns the header `Stripe-Signature` of a body, signed at `at` (seconds since the Unix epoch).
pub fn sign(body: &[u8], secret: &str, at: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [format!("{at}.").as_bytes(), body].concat();
    format!("t={at},v1={}", hex::encode(hmac::sign(&key, &signed)))
}
