//! How organizations pay, from the environment. Keys are secrets and not included.

use std::time::Duration;

use domain::{KeyMode, Plan};
use stripe::RetryPolicy;

use crate::platform::config::ConfigError;

/// How long a plan stays while a payment is overdue.
const DEFAULT_GRACE_DAYS: u64 = 7;
/// Name of the meter events of token packs.
const DEFAULT_METER_EVENT: &str = "token_packs";
/// Longest trial period that Stripe allows, in days.
const MAX_TRIAL_DAYS: u32 = 730;

/// How organizations pay.
#[derive(Debug, Clone)]
pub struct BillingConfig {
    /// `STRIPE_BASE_URL`: by default Stripe's.
    pub base_url: String,
    /// `STRIPE_PRICE_PRO`: the price of the plan PRO.
    pub price_pro: Option<String>,
    /// `STRIPE_PRICE_TEAM`: the price of a seat of the plan TEAM.
    pub price_team: Option<String>,
    /// `STRIPE_PRICE_PACKS`: the metered price of a pack of tokens. Without it none are sold.
    pub price_packs: Option<String>,
    /// `STRIPE_METER_EVENT`: the name of the events of the meter that this price bills.
    pub meter_event: String,
    /// `STRIPE_MODE`: whether events are about real money (`live`) or not (`test`).
    pub mode: KeyMode,
    /// `STRIPE_TRIAL_DAYS`: length of the trial period of an organization's first subscription.
    pub trial_days: u32,
    /// `STRIPE_PROMOTION_CODES`: whether promotion codes can be entered at checkout.
    pub promotion_codes: bool,
    /// `STRIPE_AUTOMATIC_TAX`: whether Stripe computes taxes.
    pub automatic_tax: bool,
    /// `BILLING_GRACE_DAYS`: how long a plan stays while a payment is overdue.
    pub grace: Duration,
    /// `BROWSER_ORIGINS`: origins that payment pages may lead back to, besides that of `PUBLIC_URL`.
    pub return_origins: Vec<String>,
    /// How often and how long requests are attempted.
    pub retries: RetryPolicy,
}

impl BillingConfig {
    /// Reads the settings from the environment, through `get`. `mode`: that of Stripe's keys by default.
    ///
    /// # Errors
    /// Returns an error for a variable that cannot be parsed.
    pub fn read(get: impl Fn(&str) -> Option<String>, mode: KeyMode) -> Result<Self, ConfigError> {
        let get = |name: &str| get(name).map(|value| value.trim().to_owned()).filter(|v| !v.is_empty());
        let is_on = |name: &'static str| match get(name).as_deref() {
            None | Some("off" | "false" | "0") => Ok(false),
            Some("on" | "true" | "1") => Ok(true),
            Some(other) => Err(ConfigError::Unreadable(
                name,
                format!("`{other}` is neither on nor off"),
            )),
        };
        let days = |name: &'static str, default: u64| match get(name) {
            None => Ok(default),
            Some(text) => {
                let days = text.parse().ok().filter(|days| *days <= u64::from(MAX_TRIAL_DAYS));
                days.ok_or_else(|| ConfigError::Unreadable(name, format!("`{text}` is not a number of days")))
            }
        };
        let mode = match get("STRIPE_MODE").as_deref() {
            None => mode,
            Some("live") => KeyMode::Live,
            Some("test") => KeyMode::Test,
            Some(other) => {
                let why = format!("`{other}` is neither live nor test");
                return Err(ConfigError::Unreadable("STRIPE_MODE", why));
            }
        };
        let origins = get("BROWSER_ORIGINS").unwrap_or_default();
        let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        Ok(Self {
            base_url: get("STRIPE_BASE_URL").unwrap_or_else(|| stripe::BASE_URL.to_owned()),
            price_pro: get("STRIPE_PRICE_PRO"),
            price_team: get("STRIPE_PRICE_TEAM"),
            price_packs: get("STRIPE_PRICE_PACKS"),
            meter_event: get("STRIPE_METER_EVENT").unwrap_or_else(|| DEFAULT_METER_EVENT.to_owned()),
            mode,
            trial_days: u32::try_from(days("STRIPE_TRIAL_DAYS", 0)?).unwrap_or(MAX_TRIAL_DAYS),
            promotion_codes: is_on("STRIPE_PROMOTION_CODES")?,
            automatic_tax: is_on("STRIPE_AUTOMATIC_TAX")?,
            grace: Duration::from_hours(24 * days("BILLING_GRACE_DAYS", DEFAULT_GRACE_DAYS)?),
            return_origins: origins.map(str::to_owned).collect(),
            retries: RetryPolicy::default(),
        })
    }

    /// Returns the price of a plan at Stripe; `None` if there is none.
    pub(crate) fn price_of(&self, plan: Plan) -> Option<&str> {
        match plan {
            Plan::Free => None,
            Plan::Pro => self.price_pro.as_deref(),
            Plan::Team => self.price_team.as_deref(),
        }
    }

    /// Returns the plan of a price at Stripe.
    pub(crate) fn plan_of(&self, price: &str) -> Option<Plan> {
        Plan::ALL.into_iter().find(|plan| self.price_of(*plan) == Some(price))
    }

    /// Returns whether organizations can pay, as far as that is known without the secret key.
    pub(crate) fn has_prices(&self) -> bool {
        self.price_pro.is_some() || self.price_team.is_some()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<BillingConfig, String> {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        BillingConfig::read(get, KeyMode::Live).map_err(|error| error.to_string())
    }

    #[test]
    fn without_variables_nothing_can_be_paid() {
        let config = read(&[]).unwrap();
        assert!(!config.has_prices());
        assert_eq!(config.base_url, "https://api.stripe.com");
        assert_eq!((config.mode, config.grace), (KeyMode::Live, Duration::from_hours(168)));
    }

    #[test]
    fn plans_have_the_prices_of_the_environment() {
        let config = read(&[("STRIPE_PRICE_PRO", "price_1"), ("STRIPE_PRICE_TEAM", "price_2")]).unwrap();
        assert_eq!(config.plan_of("price_2"), Some(Plan::Team));
        assert_eq!(config.plan_of("price_3"), None);
        assert_eq!(config.price_of(Plan::Pro), Some("price_1"));
        assert_eq!(config.price_of(Plan::Free), None);
    }

    #[test]
    fn a_value_that_cannot_be_read_is_named() {
        for (name, value) in [
            ("STRIPE_MODE", "demo"),
            ("STRIPE_TRIAL_DAYS", "-1"),
            ("STRIPE_TRIAL_DAYS", "731"),
            ("STRIPE_AUTOMATIC_TAX", "maybe"),
            ("BILLING_GRACE_DAYS", "soon"),
        ] {
            let error = read(&[(name, value)]).err().unwrap_or_default();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}
