//! An organization with members, written straight into the table.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::{Caller, Test};

const TABLE: &str = "parlance-identity";
const AT: &str = "2026-01-01T00:00:00.000Z";

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: usize) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

impl Test {
    /// A client of the tables.
    pub(crate) fn db(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(self.stack.sdk())
    }

    /// An organization with these members; its id.
    pub(crate) async fn shared_org(&self, name: &str, members: &[(&Caller, &str)]) -> String {
        let number = name.bytes().take(6).fold(0_u64, |sum, byte| sum << 8 | u64::from(byte));
        let id = format!("00000000-0000-7000-8000-{number:012x}");
        let owners = members.iter().filter(|(_, role)| *role == "owner").count();
        let org = [
            ("pk", s(format!("O#{id}"))),
            ("sk", s("ORG")),
            ("id", s(&id)),
            ("name", s(name)),
            ("slug", s(name)),
            ("personal", AttributeValue::Bool(false)),
            ("plan", s("FREE")),
            ("time_zone", s("UTC")),
            ("created_at", s(AT)),
            ("owners", n(owners)),
            ("seats", n(members.len())),
        ];
        self.put(&org).await;
        for (member, role) in members {
            let place = [
                ("pk", s(format!("O#{id}"))),
                ("sk", s(format!("M#{}", member.id()))),
                ("org", s(&id)),
                ("member", s(member.id())),
                ("role", s(*role)),
                ("joined_at", s(AT)),
            ];
            self.put(&place).await;
            let of_user = [
                ("pk", s(format!("U#{}", member.id()))),
                ("sk", s(format!("ORG#{id}"))),
                ("org_id", s(&id)),
                ("role", s(*role)),
                ("joined_at", s(AT)),
            ];
            self.put(&of_user).await;
        }
        id
    }

    /// Copies an attribute of an item of the table of resources to another item.
    pub(crate) async fn copy_attribute(&self, from: (&str, &str), to: (&str, &str), name: &str) {
        let table = "parlance-app";
        let item = self
            .db()
            .get_item()
            .table_name(table)
            .key("pk", s(from.0))
            .key("sk", s(from.1));
        let item = item.send().await.unwrap().item.unwrap();
        let update = self
            .db()
            .update_item()
            .table_name(table)
            .key("pk", s(to.0))
            .key("sk", s(to.1));
        let update = update
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name);
        let update = update.expression_attribute_values(":value", item[name].clone());
        update.send().await.unwrap();
    }

    /// Takes a member out of an organization.
    pub(crate) async fn remove_member(&self, org: &str, member: &Caller) {
        let delete = self.db().delete_item().table_name(TABLE);
        let delete = delete.key("pk", s(format!("O#{org}")));
        delete.key("sk", s(format!("M#{}", member.id()))).send().await.unwrap();
    }

    /// Gives an account another state.
    pub(crate) async fn set_status(&self, user: &Caller, status: &str) {
        let update = self.db().update_item().table_name(TABLE);
        let update = update.key("pk", s(format!("U#{}", user.id()))).key("sk", s("PROFILE"));
        let update = update.update_expression("SET #status = :status");
        let update = update.expression_attribute_names("#status", "status");
        update
            .expression_attribute_values(":status", s(status))
            .send()
            .await
            .unwrap();
    }

    /// A new user whose personal organization has a plan with room for a lot: talk, chatbots, documents, organizations.
    pub(crate) async fn talker(&self, name: &str) -> Caller {
        let user = self.user(name).await;
        self.set_plan(user.org(), "TEAM").await;
        user
    }

    /// Gives an organization another plan, as billing will.
    pub(crate) async fn set_plan(&self, org: &str, plan: &str) {
        let update = self.db().update_item().table_name(TABLE);
        let update = update.key("pk", s(format!("O#{org}"))).key("sk", s("ORG"));
        let update = update.update_expression("SET #plan = :plan");
        let update = update.expression_attribute_names("#plan", "plan");
        update
            .expression_attribute_values(":plan", s(plan))
            .send()
            .await
            .unwrap();
    }

    /// Sets a counter of an organization.
    pub(crate) async fn set_counter(&self, org: &str, name: &str, value: usize) {
        let update = self.db().update_item().table_name(TABLE);
        let update = update.key("pk", s(format!("O#{org}"))).key("sk", s("ORG"));
        let update = update.update_expression("SET #name = :value");
        let update = update.expression_attribute_names("#name", name);
        update
            .expression_attribute_values(":value", n(value))
            .send()
            .await
            .unwrap();
    }

    /// The actions in the audit log of an organization, oldest first.
    pub(crate) async fn audited(&self, org: &str) -> Vec<String> {
        let mut items = self
            .db()
            .scan()
            .table_name("parlance-audit")
            .into_paginator()
            .items()
            .send();
        let mut found = BTreeMap::new();
        while let Some(item) = items.next().await {
            let item = item.unwrap();
            let key = (item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone());
            if key.0.starts_with(&format!("A#{org}#")) {
                let entry: Value = serde_json::from_str(item["body"].as_s().unwrap()).unwrap();
                found.insert(key, entry["action"].as_str().unwrap().to_owned());
            }
        }
        found.into_values().collect()
    }

    async fn put(&self, attributes: &[(&str, AttributeValue)]) {
        let mut put = self.db().put_item().table_name(TABLE);
        for (name, value) in attributes {
            put = put.item(*name, value.clone());
        }
        put.send().await.unwrap();
    }
}
