//! The operations of the API that are played.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    METER_EVENT, Settings, objects,
    params::{self, Params},
    server::Refusal,
    state::State,
};

/// An operation with the ID in its path.
pub(crate) enum Operation {
    CreateCustomer,
    GetCustomer(String),
    DeleteCustomer(String),
    CreateCheckout,
    GetCheckout(String),
    ExpireCheckout(String),
    CreatePortal,
    ListSubscriptions,
    GetSubscription(String),
    UpdateSubscription(String),
    CreatePreview,
    CreateMeterEvent,
    ListInvoices,
}

/// Finds the operation of a path.
pub(crate) fn find(method: &Method, path: &str) -> Result<Operation, Refusal> {
    let segments: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
    let id = |id: &&str| (*id).to_owned();
    Ok(match (method.as_str(), segments.as_slice()) {
        ("POST", ["customers"]) => Operation::CreateCustomer,
        ("GET", ["customers", one]) => Operation::GetCustomer(id(one)),
        ("DELETE", ["customers", one]) => Operation::DeleteCustomer(id(one)),
        ("POST", ["checkout", "sessions"]) => Operation::CreateCheckout,
        ("GET", ["checkout", "sessions", one]) => Operation::GetCheckout(id(one)),
        ("POST", ["checkout", "sessions", one, "expire"]) => Operation::ExpireCheckout(id(one)),
        ("POST", ["billing_portal", "sessions"]) => Operation::CreatePortal,
        ("GET", ["subscriptions"]) => Operation::ListSubscriptions,
        ("GET", ["subscriptions", one]) => Operation::GetSubscription(id(one)),
        ("POST", ["subscriptions", one]) => Operation::UpdateSubscription(id(one)),
        ("POST", ["invoices", "create_preview"]) => Operation::CreatePreview,
        ("POST", ["billing", "meter_events"]) => Operation::CreateMeterEvent,
        ("GET", ["invoices"]) => Operation::ListInvoices,
        _ => {
            let message = format!("Unrecognized request URL ({method}: {path}).");
            return Err(Refusal::new(StatusCode::NOT_FOUND, "url_unknown", &message));
        }
    })
}

impl Operation {
    /// Reads and checks its parameters.
    pub(crate) fn read(&self, encoded: &str) -> Result<Params, Refusal> {
        let rules = match self {
            Self::CreateCustomer => params::CREATE_CUSTOMER,
            Self::CreateCheckout => params::CREATE_CHECKOUT,
            Self::CreatePortal => params::CREATE_PORTAL,
            Self::ListSubscriptions => params::LIST_SUBSCRIPTIONS,
            Self::UpdateSubscription(_) => params::UPDATE_SUBSCRIPTION,
            Self::CreatePreview => params::CREATE_PREVIEW,
            Self::CreateMeterEvent => params::CREATE_METER_EVENT,
            Self::ListInvoices => params::LIST_INVOICES,
            Self::GetCustomer(_)
            | Self::DeleteCustomer(_)
            | Self::GetCheckout(_)
            | Self::ExpireCheckout(_)
            | Self::GetSubscription(_) => &[],
        };
        params::read(encoded, rules)
    }

    /// Carries it out at `now` (seconds since the Unix epoch).
    pub(crate) fn execute(
        &self,
        state: &mut State,
        settings: &Settings,
        params: &Params,
        now: i64,
    ) -> Result<Value, Refusal> {
        match self {
            Self::CreateCustomer => Ok(state.create_customer(params, now)),
            Self::GetCustomer(id) => {
                let found = state.customers.get(id).cloned();
                found.ok_or_else(|| Refusal::not_found("customer", id))
            }
            Self::DeleteCustomer(id) => state.delete_customer(id, now),
            Self::CreateCheckout => create_checkout(state, settings, params, now),
            Self::GetCheckout(id) => {
                let found = state.sessions.get(id).cloned();
                found.ok_or_else(|| Refusal::not_found("checkout.session", id))
            }
            Self::ExpireCheckout(id) => match state.sessions.get_mut(id) {
                Some(session) if session["status"] == "open" => {
                    session["status"] = "expired".into();
                    session["url"] = Value::Null;
                    Ok(session.clone())
                }
                _ => {
                    let detail = "Only open sessions can be expired.";
                    Err(Refusal::new(StatusCode::BAD_REQUEST, "session_not_open", detail))
                }
            },
            Self::CreatePortal => {
                let customer = known_customer(state, params)?;
                let id = state.new_id("bps_");
                let back = params.get("return_url").cloned().unwrap_or_default();
                let session = json!({"id": id, "object": "billing_portal.session", "customer": customer,
                    "created": now, "livemode": false, "return_url": back,
                    "url": format!("{}?portal={id}", settings.pages)});
                state.portals.insert(id, session.clone());
                Ok(session)
            }
            Self::ListSubscriptions => {
                let customer = known_customer(state, params)?;
                let status = params.get("status").map_or("not_canceled", String::as_str);
                let is_wanted = |one: &Value| match status {
                    "all" => true,
                    "not_canceled" => one["status"] != "canceled",
                    status => one["status"] == status,
                };
                Ok(page(
                    &state.subscriptions_of(&customer),
                    params,
                    is_wanted,
                    "/v1/subscriptions",
                ))
            }
            Self::GetSubscription(id) => {
                let found = state.subscriptions.get(id).cloned();
                found.ok_or_else(|| Refusal::not_found("subscription", id))
            }
            Self::UpdateSubscription(id) => update_subscription(state, settings, id, params, now),
            Self::CreatePreview => preview(state, settings, params, now),
            Self::CreateMeterEvent => create_meter_event(state, params, now),
            Self::ListInvoices => {
                let customer = known_customer(state, params)?;
                let status = params.get("status");
                let is_wanted = |one: &Value| status.is_none_or(|status| one["status"] == *status);
                Ok(page(&state.invoices_of(&customer), params, is_wanted, "/v1/invoices"))
            }
        }
    }
}

/// A page of a list whose objects are newest first.
fn page(all: &[Value], params: &Params, is_wanted: impl Fn(&Value) -> bool, url: &str) -> Value {
    let limit = params.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10);
    let after = params.get("starting_after");
    let skipped = after.and_then(|after| all.iter().position(|one| one["id"] == *after).map(|at| at + 1));
    let rest: Vec<&Value> = all
        .iter()
        .skip(skipped.unwrap_or(0))
        .filter(|one| is_wanted(one))
        .collect();
    let shown: Vec<&Value> = rest.iter().take(limit).copied().collect();
    json!({"object": "list", "url": url, "has_more": rest.len() > shown.len(), "data": shown})
}

fn known_customer(state: &State, params: &Params) -> Result<String, Refusal> {
    let id = params.get("customer").cloned().unwrap_or_default();
    match state.customers.get(&id) {
        Some(customer) if customer["deleted"] != true => Ok(id),
        _ => Err(Refusal::missing("customer", &id)),
    }
}

fn known_price(settings: &Settings, id: &str) -> Result<u64, Refusal> {
    let found = settings.prices.iter().find(|(known, _)| known == id);
    found
        .map(|(_, amount)| *amount)
        .ok_or_else(|| Refusal::missing("line_items[0][price]", id))
}

fn quantity(params: &Params, name: &str) -> u64 {
    params.get(name).and_then(|number| number.parse().ok()).unwrap_or(1)
}

fn create_checkout(state: &mut State, settings: &Settings, params: &Params, now: i64) -> Result<Value, Refusal> {
    let customer = known_customer(state, params)?;
    let price = params.get("line_items[0][price]").cloned().unwrap_or_default();
    let amount = known_price(settings, &price)?;
    let number = quantity(params, "line_items[0][quantity]");
    if params.get("automatic_tax[enabled]").is_some_and(|on| on == "true")
        && params.get("customer_update[address]").is_none()
    {
        let detail = "Automatic tax calculation in Checkout requires a valid address on the Customer. Set \
                      `customer_update[address]` to `auto`.";
        return Err(Refusal::parameter(
            "customer_tax_location_invalid",
            "customer_update[address]",
            detail,
        ));
    }
    let id = state.new_id("cs_test_");
    let session = json!({
        "id": id, "object": "checkout.session", "livemode": false, "created": now, "expires_at": now + 24 * 3600,
        "mode": params["mode"], "status": "open", "payment_status": "unpaid", "customer": customer,
        "client_reference_id": params.get("client_reference_id"), "subscription": null,
        "success_url": params["success_url"], "cancel_url": params.get("cancel_url"),
        "amount_total": amount * number, "currency": "usd",
        "metadata": metadata(params, "metadata"), "url": format!("{}?session={id}", settings.pages),
    });
    let plan = json!({"price": price, "amount": amount, "quantity": number,
        "trial_days": params.get("subscription_data[trial_period_days]").and_then(|days| days.parse::<i64>().ok()),
        "metadata": metadata(params, "subscription_data[metadata]")});
    state.intended.insert(id.clone(), plan);
    state.sessions.insert(id, session.clone());
    Ok(session)
}

/// The metadata below `name`.
pub(crate) fn metadata(params: &Params, name: &str) -> Value {
    let prefix = format!("{name}[");
    let own = params.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix(&prefix)?.strip_suffix(']')?;
        Some((key.to_owned(), Value::String(value.clone())))
    });
    Value::Object(own.collect())
}

/// Counts usage. As at Stripe, an identifier counts once, and the event is some weeks old at most.
fn create_meter_event(state: &mut State, params: &Params, now: i64) -> Result<Value, Refusal> {
    const PAST: i64 = 35 * 24 * 3600;
    if params["event_name"] != METER_EVENT {
        return Err(Refusal::missing("event_name", &params["event_name"]));
    }
    let given = |name: &str| params.get(&format!("payload[{name}]")).cloned().unwrap_or_default();
    let (customer, value) = (given("stripe_customer_id"), given("value"));
    if !state.customers.contains_key(&customer) {
        return Err(Refusal::missing("payload[stripe_customer_id]", &customer));
    }
    if value.parse::<u64>().is_err() {
        return Err(Refusal::parameter(
            "parameter_invalid",
            "payload[value]",
            "not a number",
        ));
    }
    let at = params.get("timestamp").and_then(|at| at.parse().ok()).unwrap_or(now);
    if !(now - PAST..=now + 300).contains(&at) {
        return Err(Refusal::parameter(
            "timestamp_invalid",
            "timestamp",
            "too old or in the future",
        ));
    }
    let identifier = match params.get("identifier") {
        Some(identifier) => identifier.clone(),
        None => state.new_id("mevt_"),
    };
    if state.meter_events.contains_key(&identifier) {
        let detail = format!("An event already exists with identifier {identifier}.");
        return Err(Refusal::parameter("resource_already_exists", "identifier", &detail));
    }
    let event = json!({"object": "billing.meter_event", "created": now, "event_name": params["event_name"],
        "identifier": identifier, "livemode": false, "timestamp": at,
        "payload": {"stripe_customer_id": customer, "value": value}});
    state.meter_events.insert(identifier, event.clone());
    Ok(event)
}

/// A price with its amount, and the number of units.
type NewPrice = (String, u64, u64);

/// The prices of a subscription after a change that `prefix` describes.
fn changed(
    state: &State,
    settings: &Settings,
    id: &str,
    params: &Params,
    prefix: &str,
) -> Result<(Value, Option<NewPrice>), Refusal> {
    let subscription = state.subscriptions.get(id).cloned();
    let subscription = subscription.ok_or_else(|| Refusal::not_found("subscription", id))?;
    if subscription["status"] == "canceled" {
        let detail = "A canceled subscription can only update its cancellation_details and metadata.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "resource_missing", detail));
    }
    let item = &subscription["items"]["data"][0];
    let given = |name: &str| params.get(&format!("{prefix}[0][{name}]"));
    let Some(item_id) = given("id") else {
        return Ok((subscription, None));
    };
    if item["id"] != *item_id {
        return Err(Refusal::missing("items[0][id]", item_id));
    }
    let old_price = item["price"]["id"].as_str().unwrap_or_default().to_owned();
    let price = given("price").cloned().unwrap_or(old_price);
    let amount = known_price(settings, &price)?;
    let number = given("quantity").and_then(|number| number.parse().ok());
    let number = number.or_else(|| item["quantity"].as_u64()).unwrap_or(1);
    Ok((subscription, Some((price, amount, number))))
}

fn update_subscription(
    state: &mut State,
    settings: &Settings,
    id: &str,
    params: &Params,
    now: i64,
) -> Result<Value, Refusal> {
    let (mut subscription, change) = changed(state, settings, id, params, "items")?;
    if let Some((price, amount, number)) = change {
        let item = &mut subscription["items"]["data"][0];
        item["price"] = objects::price(&price, amount);
        item["quantity"] = number.into();
    }
    let added = params
        .get("items[0][price]")
        .filter(|_| !params.contains_key("items[0][id]"));
    if let Some(price) = added {
        let amount = known_price(settings, price)?;
        let items = subscription["items"]["data"].as_array().cloned().unwrap_or_default();
        if items.iter().any(|item| item["price"]["id"] == **price) {
            let detail = "Cannot add multiple subscription items with the same price.";
            return Err(Refusal::parameter("parameter_invalid", "items[0][price]", detail));
        }
        let mut item = items[0].clone();
        item["id"] = state.new_id("si_").into();
        item["price"] = objects::price(price, amount);
        if let Some(item) = item.as_object_mut() {
            item.remove("quantity");
        }
        if let Some(items) = subscription["items"]["data"].as_array_mut() {
            items.push(item);
        }
    }
    if let Some(ends) = params.get("cancel_at_period_end") {
        let ends = ends == "true";
        let end = subscription["items"]["data"][0]["current_period_end"].clone();
        subscription["cancel_at_period_end"] = ends.into();
        subscription["cancel_at"] = if ends { end } else { Value::Null };
    }
    state.subscriptions.insert(id.to_owned(), subscription.clone());
    state.emit("customer.subscription.updated", &subscription, now);
    Ok(subscription)
}

/// What a change would cost: the rest of the period at the new price, less that at the old one.
fn preview(state: &State, settings: &Settings, params: &Params, now: i64) -> Result<Value, Refusal> {
    known_customer(state, params)?;
    let id = params.get("subscription").cloned().unwrap_or_default();
    let (subscription, change) = changed(state, settings, &id, params, "subscription_details[items]")?;
    let item = &subscription["items"]["data"][0];
    let number = |name: &str| item[name].as_i64().unwrap_or_default();
    let (start, end) = (number("current_period_start"), number("current_period_end"));
    let left = |amount: i64| amount * (end - now).max(0) / (end - start).max(1);
    let old = item["price"]["unit_amount"].as_i64().unwrap_or_default() * number("quantity");
    let mut lines = Vec::new();
    let mut next = old;
    if let Some((_, amount, quantity)) = change {
        let new = i64::try_from(amount * quantity).unwrap_or(i64::MAX);
        lines.push(json!({"object": "line_item", "description": "Unused time", "amount": -left(old)}));
        lines.push(json!({"object": "line_item", "description": "Remaining time", "amount": left(new)}));
        next = new;
    }
    let metered = i64::try_from(state.metered(&subscription, start, end)).unwrap_or(i64::MAX);
    if metered > 0 {
        lines.push(json!({"object": "line_item", "description": "Token packs", "amount": metered}));
    }
    lines.push(json!({"object": "line_item", "description": "Next period", "amount": next}));
    let total: i64 = lines.iter().filter_map(|line| line["amount"].as_i64()).sum();
    Ok(
        json!({"object": "invoice", "total": total, "amount_due": total.max(0), "currency": "usd", "created": now,
        "status": "draft", "customer": params["customer"],
        "lines": {"object": "list", "data": lines, "has_more": false}}),
    )
}
