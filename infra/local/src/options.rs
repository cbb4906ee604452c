//! Options of the local stack, from the command line and the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use app::Provider;

use crate::{
    RequestTimeouts,
    cloud::{Data, FaultRates},
    request_origin::host_of,
};

/// Environment variables that are secrets on AWS. Locally they seed the embedded Secrets Manager.
pub const SECRETS: &[&str] = &[
    "INTERNAL_API_KEY",
    "METRICS_TOKEN",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "CLERK_WEBHOOK_SECRET",
];

/// Returns the environment variables that are parts of one secret on AWS, `PROVIDER_KEYS`.
pub fn provider_keys() -> impl Iterator<Item = &'static str> {
    Provider::ALL.iter().filter_map(|provider| provider.key_name())
}

/// The environment variables that are parts of one secret on AWS, `SLACK_APP`.
pub const SLACK_APP: &[&str] = &["SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET"];

/// Default origin of pages under development, as in the template's parameter `BrowserOrigins`.
const DEFAULT_BROWSER_ORIGINS: &str = "http://localhost:3000";

/// The options of the local stack.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port of the API on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The stage of the API, as in API Gateway without a custom domain; `None` for the root.
    pub stage: Option<String>,
    /// Port of the embedded AWS services on 127.0.0.1; 0 takes any free one.
    pub aws_port: u16,
    /// Where the data is stored.
    pub data: Data,
    /// Whether schedules run and streams are processed automatically. Tests trigger them explicitly.
    pub timers: bool,
    /// How far all clocks are ahead of this machine's from the start.
    pub clock_ahead: Duration,
    /// Environment variables, as in `infra/local/README.md`.
    pub environment: Vec<(String, String)>,
    /// The program that reads documents and executes queries as a child process; by default this one. It must begin
    /// with [`reading::run_if_child`] and [`sql_engine::run_if_child`].
    pub reader: Option<PathBuf>,
    /// Its limits; by default those on AWS.
    pub reader_limits: Option<reading::Limits>,
    /// Whether a stand-in for Stripe is served, unless the environment has a key of Stripe's.
    pub payments: bool,
    /// How long a client may take to send a request, on both ports.
    pub timeouts: RequestTimeouts,
}

impl Options {
    /// Returns options for tests: ephemeral data, free ports, no timers, an empty environment, and the template's
    /// stage.
    pub fn ephemeral() -> Self {
        Self {
            port: 0,
            stage: Some("live".to_owned()),
            aws_port: 0,
            data: Data::Ephemeral,
            timers: false,
            clock_ahead: Duration::ZERO,
            environment: Vec::new(),
            reader: None,
            reader_limits: None,
            payments: false,
            timeouts: RequestTimeouts::default(),
        }
    }

    /// Returns an environment variable that is not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns the fault rates of the tables from `PARLANCE_FAULTS`, and prints them with their seed.
    pub(crate) fn faults(&self) -> Result<FaultRates, String> {
        let Some(text) = self.variable("PARLANCE_FAULTS") else {
            return Ok(FaultRates::default());
        };
        let rates = text.parse::<FaultRates>()?;
        tracing::warn!(
            throttle_percent = rates.rate_limit,
            conflict_percent = rates.conflict,
            lost_percent = rates.lost,
            seed = rates.seed,
            "local.tables_with_faults"
        );
        Ok(rates)
    }

    /// Returns the origins whose pages may upload to the bucket: `BROWSER_ORIGINS`, separated by commas, and the console
    /// on this port.
    pub(crate) fn browser_origins(&self, port: u16) -> Vec<String> {
        let origins = self.variable("BROWSER_ORIGINS").unwrap_or(DEFAULT_BROWSER_ORIGINS);
        let own = ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}"));
        let origins = origins.split(',').map(|origin| origin.trim().to_owned());
        origins.chain(own).collect()
    }

    /// Returns the hosts at which the API responds, besides the names of this machine: that of `PUBLIC_URL`.
    pub(crate) fn public_hosts(&self) -> Vec<String> {
        self.variable("PUBLIC_URL").and_then(host_of).into_iter().collect()
    }

    pub(crate) fn secrets(&self) -> Vec<(String, String)> {
        let set = |name: &str| Some((name.to_owned(), self.variable(name)?.to_owned()));
        let joined = |name: &str, parts: BTreeMap<String, String>| {
            let text = (!parts.is_empty()).then(|| serde_json::json!(parts).to_string());
            text.map(|text| (name.to_owned(), text))
        };
        let keys = joined("PROVIDER_KEYS", provider_keys().filter_map(set).collect());
        let slack = joined("SLACK_APP", SLACK_APP.iter().filter_map(|name| set(name)).collect());
        SECRETS
            .iter()
            .filter_map(|name| set(name))
            .chain(keys)
            .chain(slack)
            .collect()
    }
}
