//! What Stripe stores, and what happens there besides requests: payments, failures, the passing of periods.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Fault, Received,
    objects::{self, EventVersion, NewSubscription},
    operations::metadata,
    params::Params,
    server::{KeyUse, Refusal},
};

/// Length of a month of this calendar, in seconds.
pub(crate) const PERIOD: i64 = 30 * 24 * 3600;
const DAY: i64 = 24 * 3600;

/// Objects by ID. IDs sort by the order of their creation.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(crate) customers: BTreeMap<String, Value>,
    pub(crate) sessions: BTreeMap<String, Value>,
    /// What the sessions are for.
    pub(crate) intended: BTreeMap<String, Value>,
    pub(crate) portals: BTreeMap<String, Value>,
    pub(crate) subscriptions: BTreeMap<String, Value>,
    pub(crate) invoices: BTreeMap<String, Value>,
    /// By identifier.
    pub(crate) meter_events: BTreeMap<String, Value>,
    /// Events that were not taken yet.
    pub(crate) events: Vec<Value>,
    last_id: u64,
    #[serde(skip)]
    pub(crate) version: EventVersion,
    #[serde(skip)]
    pub(crate) keys: HashMap<String, KeyUse>,
    #[serde(skip)]
    pub(crate) received: Vec<Received>,
    #[serde(skip)]
    pub(crate) faults: VecDeque<(Option<String>, Fault)>,
}

impl State {
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}{:08}", self.last_id)
    }

    /// Takes what is to happen to a request to a path.
    pub(crate) fn take_fault(&mut self, path: &str) -> Option<Fault> {
        let is_for = |(wanted, _): &(Option<String>, Fault)| wanted.as_deref().is_none_or(|wanted| wanted == path);
        let at = self.faults.iter().position(is_for)?;
        self.faults.remove(at).map(|(_, fault)| fault)
    }

    /// Adds an event about an object.
    pub(crate) fn emit(&mut self, kind: &str, object: &Value, now: i64) {
        let id = self.new_id("evt_");
        let object = self.version.written(object);
        self.events.push(json!({
            "id": id, "object": "event", "api_version": self.version.name(), "created": now, "livemode": false,
            "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind,
            "data": {"object": object},
        }));
    }

    pub(crate) fn create_customer(&mut self, params: &Params, now: i64) -> Value {
        let id = self.new_id("cus_");
        let customer = json!({"id": id, "object": "customer", "livemode": false, "created": now,
            "email": params.get("email"), "name": params.get("name"), "metadata": metadata(params, "metadata")});
        self.customers.insert(id, customer.clone());
        self.emit("customer.created", &customer, now);
        customer
    }

    /// Deletes a customer, which cancels their subscriptions.
    pub(crate) fn delete_customer(&mut self, id: &str, now: i64) -> Result<Value, Refusal> {
        match self.customers.get_mut(id) {
            Some(customer) if customer["deleted"] != true => {
                *customer = json!({"id": id, "object": "customer", "deleted": true});
            }
            _ => return Err(Refusal::not_found("customer", id)),
        }
        for subscription in self.subscriptions_of(id) {
            if subscription["status"] != "canceled" {
                self.set_status(subscription["id"].as_str().unwrap_or_default(), "canceled", now);
            }
        }
        self.emit("customer.deleted", &json!({"id": id, "object": "customer"}), now);
        Ok(json!({"id": id, "object": "customer", "deleted": true}))
    }

    pub(crate) fn subscriptions_of(&self, customer: &str) -> Vec<Value> {
        of_customer(&self.subscriptions, customer)
    }

    pub(crate) fn invoices_of(&self, customer: &str) -> Vec<Value> {
        of_customer(&self.invoices, customer)
    }

    /// Completes a checkout session. `is_paid`: whether the payment has arrived; otherwise it comes later.
    pub(crate) fn complete(&mut self, session: &str, is_paid: bool, now: i64) -> Option<String> {
        let mut found = self.sessions.get(session)?.clone();
        if found["status"] != "open" || found["expires_at"].as_i64() <= Some(now) {
            return None;
        }
        let intended = self.intended.get(session)?.clone();
        let customer = found["customer"].as_str()?.to_owned();
        let trial_days = intended["trial_days"].as_i64().filter(|days| *days > 0);
        let (status, period_end) = match (trial_days, is_paid) {
            (Some(days), _) => ("trialing", now + days * DAY),
            (None, true) => ("active", now + PERIOD),
            (None, false) => ("incomplete", now + PERIOD),
        };
        let (id, item) = (self.new_id("sub_"), self.new_id("si_"));
        let subscription = objects::subscription(&NewSubscription {
            id: &id,
            item: &item,
            customer: &customer,
            intended: &intended,
            status,
            now,
            period_end,
        });
        self.subscriptions.insert(id.clone(), subscription.clone());
        found["status"] = "complete".into();
        found["payment_status"] = if is_paid { "paid" } else { "unpaid" }.into();
        found["subscription"] = id.clone().into();
        found["url"] = Value::Null;
        self.sessions.insert(session.to_owned(), found.clone());
        self.emit("customer.subscription.created", &subscription, now);
        self.emit("checkout.session.completed", &found, now);
        if is_paid && trial_days.is_none() {
            self.charge(&subscription, true, now);
        }
        Some(id)
    }

    /// Adds an invoice for the current period.
    fn charge(&mut self, subscription: &Value, is_paid: bool, now: i64) {
        let id = self.new_id("in_");
        let item = &subscription["items"]["data"][0];
        let number = item["quantity"].as_u64().unwrap_or(1);
        let end = item["current_period_start"].as_i64().unwrap_or_default();
        let metered = self.metered(subscription, end - PERIOD, end);
        let amount = item["price"]["unit_amount"].as_u64().unwrap_or_default() * number + metered;
        let (status, event) = if is_paid {
            ("paid", "invoice.paid")
        } else {
            ("open", "invoice.payment_failed")
        };
        let invoice = objects::invoice(&id, subscription, status, amount, now);
        self.invoices.insert(id, invoice.clone());
        self.emit(event, &invoice, now);
    }

    /// What the metered prices of a subscription cost for the usage from `start` until before `end`.
    pub(crate) fn metered(&self, subscription: &Value, start: i64, end: i64) -> u64 {
        let items = subscription["items"]["data"].as_array().into_iter().flatten().skip(1);
        let unit: u64 = items.filter_map(|item| item["price"]["unit_amount"].as_u64()).sum();
        let is_own = |event: &&Value| {
            let at = event["timestamp"].as_i64().unwrap_or_default();
            event["payload"]["stripe_customer_id"] == subscription["customer"] && (start..end).contains(&at)
        };
        let events = self.meter_events.values().filter(is_own);
        let values = events.filter_map(|event| event["payload"]["value"].as_str()?.parse::<u64>().ok());
        unit * values.sum::<u64>()
    }

    /// Gives a subscription another status, with the events that come with it.
    pub(crate) fn set_status(&mut self, id: &str, status: &str, now: i64) {
        let Some(mut subscription) = self.subscriptions.get(id).cloned() else {
            return;
        };
        subscription["status"] = status.into();
        if status == "canceled" {
            subscription["ended_at"] = now.into();
            subscription["canceled_at"] = now.into();
        }
        self.subscriptions.insert(id.to_owned(), subscription.clone());
        let kind = if status == "canceled" { "deleted" } else { "updated" };
        self.emit(&format!("customer.subscription.{kind}"), &subscription, now);
    }

    /// Charges a subscription again, with success or without.
    pub(crate) fn charge_again(&mut self, id: &str, is_paid: bool, now: i64) {
        self.set_status(id, if is_paid { "active" } else { "past_due" }, now);
        if let Some(subscription) = self.subscriptions.get(id).cloned() {
            self.charge(&subscription, is_paid, now);
        }
    }

    /// Lets periods end that have ended by `now`.
    pub(crate) fn tick(&mut self, now: i64) {
        for id in self.subscriptions.keys().cloned().collect::<Vec<_>>() {
            while let Some(end) = self.ended_period(&id, now) {
                let Some(subscription) = self.subscriptions.get_mut(&id) else {
                    break;
                };
                if subscription["cancel_at_period_end"] == true {
                    self.set_status(&id, "canceled", end);
                    break;
                }
                let item = &mut subscription["items"]["data"][0];
                item["current_period_start"] = end.into();
                item["current_period_end"] = (end + PERIOD).into();
                self.charge_again(&id, true, end);
            }
        }
    }

    /// The end of the period of a running subscription, if it has passed.
    fn ended_period(&self, id: &str, now: i64) -> Option<i64> {
        let subscription = self.subscriptions.get(id)?;
        let is_running = ["active", "trialing"]
            .iter()
            .any(|status| subscription["status"] == *status);
        let end = subscription["items"]["data"][0]["current_period_end"].as_i64()?;
        (is_running && end <= now).then_some(end)
    }
}

/// The objects of a customer, newest first.
fn of_customer(objects: &BTreeMap<String, Value>, customer: &str) -> Vec<Value> {
    let own = objects.values().rev().filter(|one| one["customer"] == customer);
    own.cloned().collect()
}
