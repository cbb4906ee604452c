//! Time limits of calls to providers.

use std::time::Duration;

/// Time limits of one model call. [`Profiles`](crate::Profiles) has those of each model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// Until the connection is established, TLS included.
    pub connect: Duration,
    /// From the request, or the last sign of life, to the next one, until the first piece of text or thinking.
    pub first_token: Duration,
    /// From one sign of life to the next after the first piece, and to the end mark.
    pub between_tokens: Duration,
    /// From the request to the end mark, regardless of signs of life.
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
    /// Returns the HTTP client that all adapters of a process share: it has the connect limit and the connection pool,
    /// and follows no redirect, because a request carries a key.
    ///
    /// # Errors
    /// If TLS cannot be initialized.
    pub fn http_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        self.http_client_builder().build()
    }

    /// Returns the builder of the client, for callers with further settings.
    pub fn http_client_builder(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .connect_timeout(self.connect)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("parlance/", env!("CARGO_PKG_VERSION")));
        match http_client::tls_config() {
            Ok(tls) => builder.tls_backend_preconfigured(tls),
            // Building the client fails for the same reason, and reports it.
            Err(_) => builder,
        }
    }
}
