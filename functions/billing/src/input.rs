//! Request bodies.

use app::NewCheckout;
use domain::{Plan, Result};
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

/// A subscription to begin.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "NewCheckout")]
pub(crate) struct CheckoutInput {
    /// The plan, in any case.
    #[garde(skip)]
    #[schemars(with = "Plan")]
    plan_type: String,
    /// Where the page leads after the payment: an address of this product. `{CHECKOUT_SESSION_ID}` in it is replaced.
    #[garde(skip)]
    success_url: String,
    /// Where the page leads if nothing is paid; `success_url` if omitted.
    #[garde(skip)]
    cancel_url: Option<String>,
}

impl CheckoutInput {
    pub(crate) fn into_new_checkout(self) -> Result<NewCheckout> {
        Ok(NewCheckout {
            plan: Plan::parse(&self.plan_type)?,
            success_url: self.success_url,
            cancel_url: self.cancel_url,
        })
    }
}

/// A plan to change to.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "PlanChange")]
pub(crate) struct PlanInput {
    /// The plan, in any case.
    #[garde(skip)]
    #[schemars(with = "Plan")]
    plan_type: String,
}

impl PlanInput {
    pub(crate) fn plan(&self) -> Result<Plan> {
        Plan::parse(&self.plan_type)
    }
}

/// A session of the customer portal.
#[derive(Deserialize, Validate, JsonSchema)]
#[schemars(rename = "NewPortalSession")]
pub(crate) struct PortalInput {
    /// Where the page leads back to: an address of this product.
    #[garde(skip)]
    pub(crate) return_url: String,
}
