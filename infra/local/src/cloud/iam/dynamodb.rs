//! The accesses of a request to the tables. Every part of a transaction needs its own permission, and an index is a
//! separate resource. <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>

use std::collections::HashMap;

use serde::Deserialize;

use super::names::table;
use super::policy::Access;

const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

/// The parts of a request that permissions depend on.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    table_name: Option<String>,
    index_name: Option<String>,
    key: Option<Primary>,
    item: Option<Primary>,
    key_condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: HashMap<String, String>,
    #[serde(default)]
    expression_attribute_values: HashMap<String, Text>,
    #[serde(default)]
    transact_items: Vec<HashMap<String, Request>>,
    #[serde(default, rename = "RequestItems")]
    tables: HashMap<String, Items>,
    stream_arn: Option<String>,
}

/// The partition key of every table is `pk`.
#[derive(Deserialize)]
struct Primary {
    pk: Option<Text>,
}

/// A value, if it is a string.
#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: Option<String>,
}

/// What a batch reads or writes of a table.
#[derive(Deserialize)]
#[serde(untagged)]
enum Items {
    Reads {
        #[serde(rename = "Keys")]
        keys: Vec<Primary>,
    },
    Writes(Vec<HashMap<String, Request>>),
}

/// Returns all accesses of an operation with this body.
///
/// # Errors
/// The body is not the JSON of a request; the service reports what is wrong with it.
pub(super) fn accesses(operation: &str, body: &[u8]) -> Result<Vec<Access>, serde_json::Error> {
    let request: Request = serde_json::from_slice(body)?;
    let mut all = Vec::new();
    if !request.transact_items.is_empty() {
        let parts = request.transact_items.iter().flatten();
        all.extend(parts.map(|(kind, part)| {
            let action = match kind.as_str() {
                "ConditionCheck" => "ConditionCheckItem".to_owned(),
                other => format!("{other}Item"),
            };
            part.access(&action)
        }));
    } else if !request.tables.is_empty() {
        for (name, items) in request.tables {
            let keys = match items {
                Items::Reads { keys } => keys.into_iter().filter_map(Primary::text).collect(),
                Items::Writes(writes) => {
                    let writes = writes.into_iter().flat_map(HashMap::into_values);
                    writes.filter_map(|write| write.key.or(write.item)?.text()).collect()
                }
            };
            let access = Access::new(format!("dynamodb:{operation}"), table(&name));
            all.push(access.with(LEADING_KEYS, keys));
        }
    } else {
        all.push(request.access(operation));
    }
    Ok(all)
}

impl Request {
    fn access(&self, action: &str) -> Access {
        let mut resource = match (&self.table_name, &self.stream_arn) {
            (Some(name), _) => table(name),
            (None, Some(stream)) => stream.clone(),
            (None, None) => "*".to_owned(),
        };
        if let Some(index) = &self.index_name {
            resource += "/index/";
            resource += index;
        }
        let access = Access::new(format!("dynamodb:{action}"), resource);
        let primary = self.key.as_ref().or(self.item.as_ref());
        match primary
            .and_then(|primary| primary.pk.as_ref()?.text.clone())
            .or_else(|| self.queried())
        {
            Some(key) => access.with(LEADING_KEYS, vec![key]),
            None => access,
        }
    }

    /// Returns the value that a query requires for the partition key, of the index if it names one, else of the table.
    fn queried(&self) -> Option<String> {
        let expression = self.key_condition_expression.as_deref()?;
        let equal = expression.split(" AND ").filter_map(|clause| clause.split_once('='));
        let mut equal = equal.filter_map(|(name, value)| {
            let name = name.trim().trim_start_matches('(');
            let name = self.expression_attribute_names.get(name).map_or(name, String::as_str);
            let value = self
                .expression_attribute_values
                .get(value.trim().trim_end_matches(')'))?;
            Some((name, value.text.clone()?))
        });
        let value = if self.index_name.is_some() {
            equal.next()
        } else {
            equal.find(|(name, _)| *name == "pk")
        };
        value.map(|(_, value)| value)
    }
}

impl Primary {
    fn text(self) -> Option<String> {
        self.pk?.text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/t";

    /// Returns actions, resources and leading keys, in order.
    fn seen(operation: &str, body: &Value) -> Vec<(String, String, Vec<String>)> {
        let accesses = accesses(operation, body.to_string().as_bytes()).unwrap();
        let mut seen: Vec<_> = accesses
            .into_iter()
            .map(|mut access| {
                let keys = access.context.pop().map_or(vec![], |(_, values)| values);
                (access.action, access.resource, keys)
            })
            .collect();
        seen.sort();
        seen
    }

    fn one(action: &str, resource: &str, keys: &[&str]) -> (String, String, Vec<String>) {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        (format!("dynamodb:{action}"), resource.to_owned(), keys)
    }

    #[test]
    fn a_single_item_is_one_access_with_its_key() {
        let key = json!({"pk": {"S": "U#ada"}, "sk": {"S": "A"}});
        let get = json!({"TableName": "t", "Key": key, "ConsistentRead": true});
        assert_eq!(seen("GetItem", &get), [one("GetItem", TABLE, &["U#ada"])]);
        let put = json!({"TableName": "t", "Item": {"pk": {"S": "O#a"}, "sk": {"S": "A"}, "n": {"N": "1"}}});
        assert_eq!(seen("PutItem", &put), [one("PutItem", TABLE, &["O#a"])]);
    }

    #[test]
    fn every_part_of_a_transaction_needs_its_own_action() {
        let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "A"}});
        let body = json!({"TransactItems": [
            {"Put": {"TableName": "t", "Item": key("1")}},
            {"Update": {"TableName": "t", "Key": key("2"), "UpdateExpression": "SET a = :a",
                "ExpressionAttributeValues": {":a": {"L": []}}}},
            {"Delete": {"TableName": "t", "Key": key("3")}},
            {"ConditionCheck": {"TableName": "t", "Key": key("4"), "ConditionExpression": "x"}},
        ]});
        let expected = [
            one("ConditionCheckItem", TABLE, &["4"]),
            one("DeleteItem", TABLE, &["3"]),
            one("PutItem", TABLE, &["1"]),
            one("UpdateItem", TABLE, &["2"]),
        ];
        assert_eq!(seen("TransactWriteItems", &body), expected);
        let body = json!({"TransactItems": [{"Get": {"TableName": "t", "Key": key("1")}}]});
        assert_eq!(seen("TransactGetItems", &body), [one("GetItem", TABLE, &["1"])]);
    }

    #[test]
    fn a_batch_is_an_access_of_each_table() {
        let key = |pk: &str| json!({"pk": {"S": pk}, "sk": {"S": "A"}});
        let body = json!({"RequestItems": {"t": {"Keys": [key("1"), key("2")]}}});
        assert_eq!(seen("BatchGetItem", &body), [one("BatchGetItem", TABLE, &["1", "2"])]);
        let writes = json!([{"PutRequest": {"Item": key("1")}}, {"DeleteRequest": {"Key": key("2")}}]);
        let body = json!({"RequestItems": {"t": writes}});
        assert_eq!(
            seen("BatchWriteItem", &body),
            [one("BatchWriteItem", TABLE, &["1", "2"])]
        );
    }

    #[test]
    fn an_index_is_a_resource_of_its_own() {
        let body = json!({
            "TableName": "t",
            "IndexName": "by_id",
            "KeyConditionExpression": "#id = :id AND #owner = :owner",
            "ExpressionAttributeNames": {"#id": "id", "#owner": "owner"},
            "ExpressionAttributeValues": {":id": {"S": "d_1"}, ":owner": {"S": "o_1"}},
        });
        assert_eq!(
            seen("Query", &body),
            [one("Query", &format!("{TABLE}/index/by_id"), &["d_1"])]
        );
    }

    #[test]
    fn a_query_leads_with_the_partition_it_asks_for() {
        for expression in ["pk = :pk AND begins_with(sk, :sk)", "sk = :sk AND (#p = :pk)"] {
            let body = json!({
                "TableName": "t",
                "KeyConditionExpression": expression,
                "ExpressionAttributeNames": {"#p": "pk"},
                "ExpressionAttributeValues": {":pk": {"S": "U#ada"}, ":sk": {"S": "S#"}},
            });
            assert_eq!(seen("Query", &body), [one("Query", TABLE, &["U#ada"])], "{expression}");
        }
    }

    #[test]
    fn what_concerns_no_table_concerns_all() {
        assert_eq!(seen("ListTables", &json!({})), [one("ListTables", "*", &[])]);
        assert_eq!(
            seen("DescribeTable", &json!({"TableName": "t"})),
            [one("DescribeTable", TABLE, &[])]
        );
    }
}
