//! How long a provider may take.

use std::time::Duration;

/// Time limits of one model call. The default is what production uses; tests shorten it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// To the established connection, TLS included.
    pub connect: Duration,
    /// From the request to the first piece of text or reasoning.
    pub first_token: Duration,
    /// From one piece to the next, and from the last one to the end mark.
    pub between_tokens: Duration,
    /// From the request to the end mark.
    pub total: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_token: Duration::from_secs(15),
            between_tokens: Duration::from_secs(20),
            total: Duration::from_mins(2),
        }
    }
}

impl TimeLimits {
    /// The HTTP client all adapters of a process share: it holds the connect limit and the connection pool, and
    /// follows no redirect, because a request carries a key.
    ///
    /// # Errors
    /// When the system's TLS roots cannot be loaded.
    pub fn http_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        self.http_client_builder().build()
    }

    pub(crate) fn http_client_builder(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .connect_timeout(self.connect)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("parlance/", env!("CARGO_PKG_VERSION")))
    }
}
