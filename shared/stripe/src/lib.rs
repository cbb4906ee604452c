//! Stripe's API (<https://docs.stripe.com/api>): requests with retries and idempotency keys, the parts of its objects
//! that billing needs, and the signatures of its webhooks.
//!
//! **Invariant:** objects are read leniently. Fields that are not used are ignored, an unknown status is a status, and
//! what moved between API versions is found in either place.

mod client;
mod error;
mod form;
pub mod objects;
mod retry;
pub mod webhook;

pub use client::{Client, Method, Request};
pub use error::Error;
pub use form::Form;
pub use retry::RetryPolicy;

/// The version of the API that every request names
/// (<https://docs.stripe.com/api/versioning>). Webhook endpoints may have another one.
pub const API_VERSION: &str = "2026-10-28.endive";

/// Default base URL.
pub const BASE_URL: &str = "https://api.stripe.com";
