//! `/api/v1/data_sources`.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{CUSTOMERS, ORDERS, path, shop, texts};
use crate::{
    api::orgs::{join, org, team_plan},
    support::{Test, statuses},
};

#[tokio::test]
async fn uploaded_tables_become_a_database() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let files = [
        ("customers.csv", CUSTOMERS.as_bytes()),
        ("orders.csv", ORDERS.as_bytes()),
    ];
    let made = ada
        .new_data_source(&files, &[("description", " Two tables. "), ("default", "true")])
        .await
        .created()
        .json();
    assert_eq!(
        (&made["name"], &made["type"], &made["status"], &made["tables"]),
        (&json!("customers.csv"), &json!("csv"), &json!("pending"), &Value::Null)
    );
    let id = made["id"].as_str().unwrap();
    let waiting = ada.sql("SELECT 1").await;
    waiting.problem(409, "data_source_not_ready");
    t.drain().await;
    let ready = ada.get(&path(id)).await.ok().json();
    assert_eq!(
        (
            &ready["status"],
            &ready["tables"],
            &ready["rows"],
            &ready["default"],
            &ready["description"]
        ),
        (
            &json!("ready"),
            &json!(2),
            &json!(6),
            &json!(true),
            &json!("Two tables.")
        )
    );
    let found = ada
        .sql("SELECT city, sum(amount) AS total FROM orders JOIN customers ON customers.id = customer_id GROUP BY city ORDER BY 2 DESC")
        .await
        .ok()
        .json();
    assert_eq!(found["rows"], json!([["Graz", 1254.5], ["Bonn", 7.25]]));
    assert_eq!(found["data_source_id"], json!(id));
    // What was uploaded is not kept beside what was made of it.
    let keys = t.object_keys().await;
    assert!(
        keys.iter().any(|key| key.ends_with(".sqlite")) && !keys.iter().any(|key| key.contains("/upload/")),
        "{keys:?}"
    );
    let tested = ada.post(&format!("{}/test", path(id)), json!({})).await.ok().json();
    assert_eq!(tested["ok"], json!(true));
}

#[tokio::test]
async fn every_organization_has_the_sample_store() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let list = ada.get("/api/v1/data_sources").await.ok().json();
    assert_eq!(
        (texts(&list, "id"), &list[0]["default"]),
        (vec!["sample".to_owned()], &json!(true))
    );
    let id = shop(&t, &ada).await;
    let list = ada.get("/api/v1/data_sources").await.ok().json();
    assert_eq!(texts(&list, "id"), [id.as_str(), "sample"]);
    // A full page has a next one, which has the rest.
    let first = ada.get("/api/v1/data_sources?limit=1").await.ok();
    let rest = ada.get(&first.next().unwrap()).await.ok();
    assert_eq!(
        (texts(&first.json(), "id"), texts(&rest.json(), "id")),
        (vec![id], vec!["sample".to_owned()])
    );
    assert!(rest.next().is_none());
    for answer in [
        ada.delete(&path("sample")).await,
        ada.patch(&path("sample"), json!({"name": "Mine"})).await,
    ] {
        answer.problem(403, "sample_is_read_only");
    }
}

#[tokio::test]
async fn one_data_source_is_the_default() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = shop(&t, &ada).await;
    let defaults = async || {
        let list = ada.get("/api/v1/data_sources").await.ok().json();
        let is_default = |source: &&Value| source["default"] == json!(true);
        let found: Vec<Value> = list
            .as_array()
            .unwrap()
            .iter()
            .filter(is_default)
            .map(|one| one["id"].clone())
            .collect();
        found
    };
    assert_eq!(defaults().await, ["sample"]);
    ada.patch(&path(&id), json!({"default": true, "name": "Stall"}))
        .await
        .ok();
    assert_eq!(defaults().await, [id.as_str()]);
    ada.sql("SELECT count(*) FROM customers").await.ok();
    ada.patch(&path("sample"), json!({"default": true})).await.ok();
    assert_eq!(defaults().await, ["sample"]);
    ada.patch(&path(&id), json!({"default": true})).await.ok();
    ada.delete(&path(&id)).await.expect(204);
    assert_eq!(defaults().await, ["sample"]);
}

#[tokio::test]
async fn a_deleted_data_source_leaves_nothing() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let id = shop(&t, &ada).await;
    let about = format!("/api/v1/schema/tables/orders?data_source_id={id}");
    ada.put(&about, json!({"description": "A purchase."})).await.ok();
    let query = json!({"sql": "SELECT 1", "data_source_id": id});
    let query = ada.post("/api/v1/query", query).await.ok().text("query_id");
    ada.delete(&path(&id)).await.expect(204);
    for answer in [
        ada.get(&path(&id)).await,
        ada.delete(&path(&id)).await,
        ada.get(&format!("/api/v1/schema?data_source_id={id}")).await,
        ada.post(&format!("/api/v1/query/history/{query}/rerun"), json!({}))
            .await,
    ] {
        answer.problem(404, "not_found");
    }
    t.drain().await;
    assert!(t.object_keys().await.iter().all(|key| !key.contains("/data/")));
    let left = t.items("parlance-app").await;
    let of_it = left.iter().filter(|((_, sk), _)| sk.contains(&id)).count();
    assert_eq!(of_it, 0, "{left:?}");
}

#[tokio::test]
async fn what_cannot_be_read_fails_with_its_reason() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    for (name, bytes, code) in [
        ("empty.csv", &b"a,b\n"[..], "empty"),
        ("shop.sqlite", b"SQLite format 3\0 and nothing else", "damaged"),
        ("shop.db", b"no database", "damaged"),
    ] {
        let id = ada.new_data_source(&[(name, bytes)], &[]).await.created().text("id");
        t.drain().await;
        let failed = ada.get(&path(&id)).await.ok().json();
        assert_eq!(
            (&failed["status"], &failed["error_code"]),
            (&json!("failed"), &json!(code)),
            "{failed}"
        );
        let query = json!({"sql": "SELECT 1", "data_source_id": id});
        ada.post("/api/v1/query", query)
            .await
            .problem(409, "data_source_not_ready");
        ada.delete(&path(&id)).await.expect(204);
    }
    for files in [
        &[("notes.txt", &b"text"[..])][..],
        &[("a.csv", b"a\n1"), ("b.xlsx", b"x")],
    ] {
        ada.new_data_source(files, &[])
            .await
            .problem(415, "unsupported_media_type");
    }
    for files in [
        &[("a.csv", &b""[..])][..],
        &[("a.csv", b"a\n1"), ("b.db", b"x")],
        &[("a.db", b"x"), ("b.db", b"x")],
    ] {
        assert_eq!(ada.new_data_source(files, &[]).await.invalid(), ["/file"]);
    }
    let many: Vec<(&str, &[u8])> = vec![("a.csv", b"a\n1"); 21];
    assert_eq!(ada.new_data_source(&many, &[]).await.invalid(), ["/file"]);
    assert_eq!(t.object_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_limits_data_sources_however_many_are_created_at_once() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let files = [("t.csv", &b"a\n1\n"[..])];
    let created = join_all((0..6).map(|_| ada.new_data_source(&files, &[]))).await;
    assert_eq!(statuses(&created), [(201, 1), (409, 5)].into());
    let refused = created.into_iter().find(|answer| answer.status == 409).unwrap();
    refused.problem(409, "limit_reached");
    t.drain().await;
    // What was refused left nothing.
    let keys = t.object_keys().await;
    assert_eq!(keys.len(), 2, "{keys:?}");
    let list = ada.get("/api/v1/data_sources").await.ok().json();
    ada.delete(&path(list[0]["id"].as_str().unwrap())).await.expect(204);
    ada.new_data_source(&files, &[]).await.created();
}

#[tokio::test]
async fn administrators_create_what_members_query() {
    let t = Test::new().await;
    let (ada, ben, eve) = (t.user("ada").await, t.user("ben").await, t.user("eve").await);
    let acme = org(&ada, "acme").await;
    team_plan(&t, &acme).await;
    join(&t, &ada, &acme, &ben, "member").await;
    let inside = acme.rsplit('/').next().unwrap();
    let (ada, ben) = (
        ada.with_header("x-current-org", inside),
        ben.with_header("x-current-org", inside),
    );
    let id = shop(&t, &ada).await;
    let query = json!({"sql": "SELECT name FROM customers ORDER BY id", "data_source_id": id});
    let found = ben.post("/api/v1/query", query.clone()).await.ok().json();
    assert_eq!(found["rows"][0], json!(["Ada"]));
    for answer in [
        ben.new_data_source(&[("t.csv", b"a\n1\n")], &[]).await,
        ben.patch(&path(&id), json!({"default": true})).await,
        ben.delete(&path(&id)).await,
        ben.put(&format!("/api/v1/schema/tables/orders?data_source_id={id}"), json!({}))
            .await,
    ] {
        answer.problem(403, "role_required");
    }
    // Of another organization it does not exist.
    for answer in [
        eve.get(&path(&id)).await,
        eve.delete(&path(&id)).await,
        eve.patch(&path(&id), json!({"default": true})).await,
        eve.post("/api/v1/query", query).await,
        eve.get(&format!("/api/v1/schema?data_source_id={id}")).await,
        eve.post(&format!("{}/test", path(&id)), json!({})).await,
    ] {
        answer.problem(404, "not_found");
    }
    let events = ada.get("/api/v1/audit_logs").await.ok().json();
    assert!(
        texts(&events, "action").contains(&"data_source.created".to_owned()),
        "{events}"
    );
}
