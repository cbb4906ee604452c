//! All tables as they were at a moment: to see what changed since.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::Value;

use super::Test;

type Item = HashMap<String, AttributeValue>;

/// The tables that requests write.
const TABLES: [&str; 5] = [
    "parlance-identity",
    "parlance-app",
    "parlance-usage",
    "parlance-audit",
    EPHEMERAL,
];
/// Limits, kept answers, uses of keys: every request leaves something there, those that are refused too.
const EPHEMERAL: &str = "parlance-ephemeral";

/// Shorter parts of keys are names or dates.
const LEAST_ID: usize = 16;

/// Whether a key is of something that a request writes to last; what is summed up for the whole platform follows the
/// stream of a table, some time later.
fn lasting((table, pk, _): &(&'static str, String, String)) -> bool {
    *table != EPHEMERAL && !pk.starts_with("R#") && !pk.starts_with("RW#")
}

/// All items by table and key.
pub(crate) struct Snapshot(BTreeMap<(&'static str, String, String), Item>);

impl Snapshot {
    /// The keys of what differs from `other`, but for what every request leaves.
    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let keys = self.0.keys().chain(other.0.keys()).filter(|key| lasting(key));
        let differs = keys.filter(|key| !self.agrees(other, key));
        let mut found: Vec<String> = differs.map(|(table, pk, sk)| format!("{table} {pk} {sk}")).collect();
        found.sort();
        found.dedup();
        found
    }

    /// The names in all items: tables, constant parts of keys, and attributes with what is inside them. Whatever an id, a
    /// date or a number may stand for is `*`.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for ((table, pk, sk), item) in &self.0 {
            let key = format!("{table} {} {}", without_ids(pk), without_ids(sk));
            let mut values = BTreeMap::new();
            for (name, value) in item.iter().filter(|(name, _)| !["pk", "sk"].contains(&name.as_str())) {
                flatten(name, value, &mut values);
            }
            names.extend(values.keys().map(|path| format!("{key} {}", without_ids(path))));
            names.insert(key);
        }
        names
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What was written since `before`, value by value under a path that is the same whenever the same is done: what
    /// is new has no id in it.
    pub(crate) fn written_since(&self, before: &Self) -> BTreeMap<String, String> {
        let known: BTreeSet<&str> = before
            .0
            .keys()
            .flat_map(|(_, pk, sk)| pk.split('#').chain(sk.split('#')))
            .collect();
        let name = |key: &str| {
            let parts = key.split('#').map(|part| {
                let is_made = part.len() >= LEAST_ID && !known.contains(part);
                if is_made { "*" } else { part }
            });
            parts.collect::<Vec<_>>().join("#")
        };
        let touched: BTreeSet<_> = self
            .0
            .keys()
            .chain(before.0.keys())
            .filter(|key| lasting(key))
            .collect();
        let mut written = BTreeMap::new();
        for key in touched.into_iter().filter(|key| !self.agrees(before, key)) {
            let path = format!("{} {} {}", key.0, name(&key.1), name(&key.2));
            let twins = written.keys().filter(|known: &&String| **known == path).count();
            let path = if twins == 0 { path } else { format!("{path} again") };
            match self.0.get(key) {
                Some(item) => {
                    written.insert(path.clone(), "written".to_owned());
                    let inside = item.iter().filter(|(name, _)| !["pk", "sk"].contains(&name.as_str()));
                    for (name, value) in inside {
                        flatten(&format!("{path} {name}"), value, &mut written);
                    }
                }
                None => {
                    written.insert(path, "removed".to_owned());
                }
            }
        }
        written
    }

    fn agrees(&self, other: &Self, key: &(&'static str, String, String)) -> bool {
        self.0.get(key) == other.0.get(key)
    }
}

/// A key or a path in which only what the code names is left: parts of capitals, or of lower-case words.
fn without_ids(text: &str) -> String {
    let is_name = |part: &str| {
        let is_word = |letter: char| letter == '_' || letter.is_ascii_alphabetic();
        part.chars().all(is_word) && part.len() < LEAST_ID
    };
    let parts = text.split_inclusive(['#', '~', '/', ':', '.', '@']);
    let named = parts.map(|part| {
        let (name, separator) = match part.char_indices().next_back() {
            Some((end, last)) if !last.is_ascii_alphanumeric() && last != '_' => part.split_at(end),
            _ => (part, ""),
        };
        let name = if is_name(name) { name } else { "*" };
        format!("{name}{separator}")
    });
    named.collect()
}

fn flatten(path: &str, value: &AttributeValue, into: &mut BTreeMap<String, String>) {
    match value {
        AttributeValue::M(map) => {
            for (name, value) in map {
                flatten(&format!("{path}/{name}"), value, into);
            }
        }
        AttributeValue::L(list) => {
            for (number, value) in list.iter().enumerate() {
                flatten(&format!("{path}/{number}"), value, into);
            }
        }
        // The audit log keeps entries as text.
        AttributeValue::S(text) if text.starts_with('{') => {
            let json = serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into());
            flatten_json(path, &json, into);
        }
        scalar => {
            into.insert(path.to_owned(), format!("{scalar:?}"));
        }
    }
}

/// Every value of some JSON under its path.
pub(crate) fn flatten_json(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                flatten_json(&format!("{path}/{name}"), value, into);
            }
        }
        Value::Array(list) => {
            for (number, value) in list.iter().enumerate() {
                flatten_json(&format!("{path}/{number}"), value, into);
            }
        }
        scalar => {
            into.insert(path.to_owned(), scalar.to_string());
        }
    }
}

impl Test {
    /// All tables as they are, when nothing is queued any more.
    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.drain().await;
        let db = self.db();
        let scans = TABLES.map(|table| {
            let mut items = db.scan().table_name(table).into_paginator().items().send();
            async move {
                let mut found = Vec::new();
                while let Some(item) = items.next().await {
                    let item = item.unwrap();
                    let part = |name: &str| item[name].as_s().unwrap().clone();
                    found.push(((table, part("pk"), part("sk")), item));
                }
                found
            }
        });
        Snapshot(join_all(scans).await.into_iter().flatten().collect())
    }

    /// All tables as they are, to be [restored](Test::restore) when nothing is queued any more.
    pub(crate) async fn image(&self) -> Vec<u8> {
        self.drain().await;
        self.stack.cloud().tables_image().unwrap()
    }

    /// Makes all tables what they were.
    pub(crate) async fn restore(&self, to: &[u8]) {
        self.drain().await;
        self.stack.cloud().restore_tables(to).unwrap();
    }
}
