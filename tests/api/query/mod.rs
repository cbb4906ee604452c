//! Questions to databases.

mod data_sources;
mod postgres;
mod questions;
mod schema;
mod sessions;
mod sql;

use reqwest::{Method, multipart};
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Test};

pub(crate) const CUSTOMERS: &str = "id;name;city;joined\n1;Ada;Graz;30.11.2026\n2;Ben;Bonn;1.2.2026\n3;Cem;Graz;\n";
pub(crate) const ORDERS: &str = "id;customer_id;amount\n10;1;1.234,50\n11;1;20,00\n12;2;7,25\n";

impl Caller {
    /// Creates a data source from these files.
    pub(crate) async fn new_data_source(&self, files: &[(&str, &[u8])], fields: &[(&str, &str)]) -> Answer {
        let mut form = multipart::Form::new();
        for (name, bytes) in files {
            let part = multipart::Part::bytes(bytes.to_vec()).file_name((*name).to_owned());
            form = form.part("file", part);
        }
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let request = self.request(Method::POST, "/api/v1/data_sources");
        self.send(request.multipart(form)).await
    }

    /// Executes SQL on the default data source.
    pub(crate) async fn sql(&self, sql: &str) -> Answer {
        self.post("/api/v1/query", json!({"sql": sql})).await
    }
}

/// A data source of two tables that is ready. Returns its ID.
pub(crate) async fn shop(t: &Test, caller: &Caller) -> String {
    let files = [
        ("customers.csv", CUSTOMERS.as_bytes()),
        ("orders.csv", ORDERS.as_bytes()),
    ];
    let id = caller
        .new_data_source(&files, &[("name", "Shop")])
        .await
        .created()
        .text("id");
    t.drain().await;
    id
}

fn path(id: &str) -> String {
    format!("/api/v1/data_sources/{id}")
}

fn texts(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    items
        .map(|item| item[field].as_str().unwrap_or_default().to_owned())
        .collect()
}
