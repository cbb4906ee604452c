//! Which parameters an operation accepts. As at Stripe, an unknown one is refused, however deep it is nested.

use std::collections::BTreeMap;

use crate::server::Refusal;

/// Parameters by name, as in `line_items[0][price]`.
pub(crate) type Params = BTreeMap<String, String>;

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Integer,
    Boolean,
    Url,
    OneOf(&'static [&'static str]),
}

use Kind::{Boolean, Integer, OneOf, Text, Url};

/// A parameter: its name with `*` for an index and `#` for a name of the client's own, and whether it is required.
type Rule = (&'static str, Kind, bool);

const PRORATION: Kind = OneOf(&["always_invoice", "create_prorations", "none"]);

pub(crate) const CREATE_CUSTOMER: &[Rule] = &[
    ("email", Text, false),
    ("name", Text, false),
    ("description", Text, false),
    ("metadata[#]", Text, false),
];

pub(crate) const CREATE_CHECKOUT: &[Rule] = &[
    ("mode", OneOf(&["subscription", "payment", "setup"]), true),
    ("customer", Text, true),
    ("line_items[*][price]", Text, true),
    ("line_items[*][quantity]", Integer, false),
    ("success_url", Url, true),
    ("cancel_url", Url, false),
    ("client_reference_id", Text, false),
    ("metadata[#]", Text, false),
    ("subscription_data[metadata][#]", Text, false),
    ("subscription_data[trial_period_days]", Integer, false),
    ("allow_promotion_codes", Boolean, false),
    ("automatic_tax[enabled]", Boolean, false),
    ("customer_update[address]", OneOf(&["auto", "never"]), false),
    ("customer_update[name]", OneOf(&["auto", "never"]), false),
];

pub(crate) const CREATE_PORTAL: &[Rule] = &[("customer", Text, true), ("return_url", Url, false)];

pub(crate) const UPDATE_SUBSCRIPTION: &[Rule] = &[
    ("items[*][id]", Text, false),
    ("items[*][price]", Text, false),
    ("items[*][quantity]", Integer, false),
    ("proration_behavior", PRORATION, false),
    ("cancel_at_period_end", Boolean, false),
    ("metadata[#]", Text, false),
];

pub(crate) const CREATE_PREVIEW: &[Rule] = &[
    ("customer", Text, true),
    ("subscription", Text, true),
    ("subscription_details[items][*][id]", Text, false),
    ("subscription_details[items][*][price]", Text, false),
    ("subscription_details[items][*][quantity]", Integer, false),
    ("subscription_details[proration_behavior]", PRORATION, false),
];

pub(crate) const CREATE_METER_EVENT: &[Rule] = &[
    ("event_name", Text, true),
    ("identifier", Text, false),
    ("timestamp", Integer, false),
    ("payload[#]", Text, true),
];

pub(crate) const LIST_SUBSCRIPTIONS: &[Rule] = &[
    ("customer", Text, true),
    (
        "status",
        OneOf(&["active", "all", "canceled", "ended", "past_due", "trialing", "unpaid"]),
        false,
    ),
    ("limit", Integer, false),
    ("starting_after", Text, false),
];

pub(crate) const LIST_INVOICES: &[Rule] = &[
    ("customer", Text, true),
    (
        "status",
        OneOf(&["draft", "open", "paid", "uncollectible", "void"]),
        false,
    ),
    ("limit", Integer, false),
    ("starting_after", Text, false),
];

/// Longest value of metadata (<https://docs.stripe.com/api/metadata>).
const MAX_METADATA: usize = 500;

/// Reads and checks parameters.
pub(crate) fn read(encoded: &str, rules: &[Rule]) -> Result<Params, Refusal> {
    let mut params = Params::new();
    for (name, value) in form_urlencoded::parse(encoded.as_bytes()) {
        let pattern = pattern(&name);
        let Some((_, kind, _)) = rules.iter().find(|(known, _, _)| is_match(known, &pattern)) else {
            return Err(Refusal::parameter(
                "parameter_unknown",
                &name,
                &format!("Received unknown parameter: {name}"),
            ));
        };
        check(&name, &value, *kind)?;
        if params.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(Refusal::parameter("parameter_invalid", &name, "sent twice"));
        }
    }
    for (name, _, _) in rules.iter().filter(|(_, _, required)| *required) {
        let is_there = params.keys().any(|given| is_match(name, &pattern(given)));
        if !is_there {
            let detail = format!("Missing required param: {name}.");
            return Err(Refusal::parameter("parameter_missing", name, &detail));
        }
    }
    Ok(params)
}

fn check(name: &str, value: &str, kind: Kind) -> Result<(), Refusal> {
    let is_valid = match kind {
        Text => !value.is_empty() && (!name.contains("metadata[") || value.len() <= MAX_METADATA),
        Integer => value.parse::<u32>().is_ok(),
        Boolean => ["true", "false"].contains(&value),
        Url => value.starts_with("https://") || value.starts_with("http://"),
        OneOf(known) => known.contains(&value),
    };
    if is_valid {
        return Ok(());
    }
    let code = if matches!(kind, Url) {
        "url_invalid"
    } else {
        "parameter_invalid"
    };
    Err(Refusal::parameter(code, name, &format!("Invalid {name}: {value:?}")))
}

/// Returns a name with `*` for each index.
fn pattern(name: &str) -> Vec<&str> {
    let parts = name.split(['[', ']']).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                "*"
            } else {
                part
            }
        })
        .collect()
}

fn is_match(rule: &str, given: &[&str]) -> bool {
    let rule = pattern(rule);
    rule.len() == given.len()
        && rule
            .iter()
            .zip(given)
            .all(|(rule, given)| *rule == "#" || rule == given)
}
