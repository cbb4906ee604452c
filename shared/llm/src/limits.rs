//! How long a provider may take.

use std::time::Duration;

/// Time limits of one model call. [`Profiles`](crate::Profiles) has those of each model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// To the established connection, TLS included.
    pub connect: Duration,
    /// From the request, or the last sign of life, to the next one, until the first piece of text or thinking.
    pub first_token: Duration,
    /// The same after the first piece, and to the end mark.
    pub between_tokens: Duration,
    /// From the request to the end mark, however many signs of life there are.
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
    /// When there is no TLS.
    pub fn http_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        self.http_client_builder().build()
    }

    /// The same before it is built, for callers with further limits.
    pub fn http_client_builder(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .connect_timeout(self.connect)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("parlance/", env!("CARGO_PKG_VERSION")));
        match http_client::tls_config() {
            Ok(tls) => builder.tls_backend_preconfigured(tls),
            // Building the client fails for the same reason, and tells it.
            Err(_) => builder,
        }
    }
}
