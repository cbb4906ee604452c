//! Data sources on PostgreSQL servers, against a double that speaks the protocol.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use postgres_double::{DATABASE, OWNER, PASSWORD, PostgresDouble, READER, WRITER};
use serde_json::{Value, json};

use super::path;
use crate::{
    api::orgs::{join, org, team_plan},
    support::{Answer, Caller, Test, statuses},
};

const CONNECT: &str = "/api/v1/data_sources/connect";
const DAY: u64 = 24 * 60 * 60;

/// A server, a stack that may reach it, and somebody with a database there.
struct Connected {
    server: PostgresDouble,
    t: Test,
    ada: Caller,
    id: String,
}

fn connection(server: &PostgresDouble, user: &str) -> Value {
    json!({
        "host": "127.0.0.1",
        "port": server.port(),
        "database": DATABASE,
        "user": user,
        "password": PASSWORD,
        "tls": "disable",
    })
}

async fn stack(server: &PostgresDouble) -> Test {
    Test::with(&[("ALLOW_PRIVATE_FETCH", &server.host())]).await
}

impl Connected {
    async fn set() -> Self {
        let server = PostgresDouble::start().await;
        let t = stack(&server).await;
        let ada = t.user("ada").await;
        let new = json!({"default": true, "connection": connection(&server, READER)});
        let id = ada.post(CONNECT, new).await.created().text("id");
        t.drain().await;
        Self { server, t, ada, id }
    }

    async fn source(&self) -> Value {
        self.ada.get(&path(&self.id)).await.ok().json()
    }

    async fn test(&self) -> Answer {
        self.ada.post(&format!("{}/test", path(&self.id)), json!({})).await
    }

    async fn relay(&self) {
        let run = self.t.anonymous();
        run.post("/_local/run/relay_outbox", json!({})).await.ok();
        self.t.drain().await;
    }

    async fn rows_of_orders(&self) -> Value {
        let table = self.ada.get("/api/v1/schema/tables/orders").await.ok().json();
        table["row_count"].clone()
    }
}

#[tokio::test]
async fn a_database_is_connected_and_queried() {
    let c = Connected::set().await;
    let source = c.source().await;
    assert_eq!(
        (
            &source["status"],
            &source["type"],
            &source["name"],
            &source["tables"],
            &source["rows"]
        ),
        (
            &json!("ready"),
            &json!("postgres"),
            &json!(DATABASE),
            &json!(2),
            &json!(6)
        ),
        "{source}"
    );
    assert_eq!(source["connection"]["user"], json!(READER));
    assert!(!source.to_string().contains(PASSWORD), "{source}");
    let schema = c.ada.get("/api/v1/schema").await.ok().json();
    assert_eq!(
        (
            &schema["dialect"],
            &schema["tables"][0]["description"],
            &schema["tables"][0]["schema"]
        ),
        (&json!("postgres"), &json!("Who buys."), &json!("public"))
    );
    let joined = "SELECT city, sum(amount) AS total FROM Orders JOIN customers ON customers.id = customer_id GROUP BY city ORDER BY 2 DESC";
    let found = c.ada.sql(joined).await.ok().json();
    assert_eq!(found["rows"], json!([["Graz", 1254.5], ["Bonn", 7.25]]), "{found}");
    assert!(
        found["sql"].as_str().unwrap().contains("\"public\".\"orders\""),
        "{found}"
    );
    for sql in [
        "SELECT pg_sleep(10)",
        "SELECT * FROM pg_catalog.pg_shadow",
        "DELETE FROM orders",
        "SELECT 1; SELECT 2",
        "SELECT * FROM orders FOR UPDATE",
        "COPY orders TO PROGRAM 'sh'",
    ] {
        c.ada.sql(sql).await.problem(422, "query_refused");
    }
    c.ada.sql("SELECT nothing FROM orders").await.problem(422, "sql_error");
    let csv = format!("/api/v1/query/history/{}/csv", found["query_id"].as_str().unwrap());
    let csv = c.ada.get(&csv).await.ok();
    assert_eq!(csv.body, b"city,total\r\nGraz,1254.5\r\nBonn,7.25\r\n");
    let valid = json!({"sql": "SELECT count(*) AS n FROM orders"});
    let valid = c.ada.post("/api/v1/query/validate", valid).await.ok().json();
    assert_eq!(
        (&valid["columns"], &valid["tables"]),
        (&json!(["n"]), &json!(["orders"]))
    );
    // The catalog was read on one connection, all queries on another one.
    let log = c.server.log();
    assert_eq!((log.connections, log.violations.as_slice()), (2, [].as_slice()));
    assert!(
        log.queries
            .iter()
            // Values of columns, read with the catalog.
            .filter(|sql| !sql.starts_with("SELECT pg_catalog.left("))
            .all(|sql| !sql.contains("DELETE") && !sql.contains("pg_")),
        "{:?}",
        log.queries
    );
}

#[tokio::test]
async fn a_url_says_the_same_as_its_parts() {
    let server = PostgresDouble::start().await;
    let t = stack(&server).await;
    let ada = t.user("ada").await;
    let password = "a%20password%3A%20with%2Fspecial%40characters";
    let url = format!(
        "postgres://{READER}:{password}@127.0.0.1:{}/{DATABASE}?sslmode=disable",
        server.port()
    );
    let new = json!({"name": "Shop", "connection": {"url": url, "tls": "disable"}});
    let made = ada.post(CONNECT, new).await.created();
    assert!(
        !String::from_utf8_lossy(&made.body).contains("password"),
        "{}",
        made.json()
    );
    t.drain().await;
    let source = ada.get(&path(&made.text("id"))).await.ok().json();
    assert_eq!(
        (&source["status"], &source["name"]),
        (&json!("ready"), &json!("Shop")),
        "{source}"
    );
}

#[tokio::test]
async fn what_must_not_be_reached_or_is_not_said_is_refused() {
    let server = PostgresDouble::start().await;
    let t = stack(&server).await;
    let ada = t.user("ada").await;
    let with = |changes: Value| {
        let mut new = connection(&server, READER);
        for (name, value) in changes.as_object().unwrap() {
            new[name] = value.clone();
        }
        json!({"connection": new})
    };
    for (changes, code) in [
        (json!({"port": 5432}), "address_not_allowed"),
        (json!({"host": "localhost"}), "address_not_allowed"),
        (json!({"host": "10.1.2.3", "tls": "require"}), "address_not_allowed"),
        (json!({"host": "169.254.169.254"}), "address_not_allowed"),
        (json!({"host": "0x7f000001", "port": 5432}), "address_not_allowed"),
        (json!({"host": "[::ffff:10.0.0.1]"}), "address_not_allowed"),
        (json!({"host": "db.example.com", "port": 22}), "port_not_allowed"),
        (json!({"host": "db.example.com/x"}), "host_invalid"),
        (json!({"host": "db.example.com"}), "tls_required"),
        (json!({"ca_certificate": "none"}), "ca_certificate_invalid"),
    ] {
        ada.post(CONNECT, with(changes)).await.problem(422, code);
    }
    for (changes, pointer) in [
        (json!({"password": null}), "/connection/password"),
        (json!({"password": ""}), "/connection/password"),
        (json!({"database": null}), "/connection/database"),
        (json!({"user": " "}), "/connection/user"),
        (json!({"port": 0}), "/connection/port"),
        (json!({"url": "mysql://a:b@example.com/c"}), "/connection/url"),
    ] {
        assert_eq!(ada.post(CONNECT, with(changes)).await.invalid(), [pointer]);
    }
    assert_eq!(server.log().connections, 0);
    let list = ada.get("/api/v1/data_sources").await.ok().json();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_the_server_refuses_is_the_state_until_the_connection_is_replaced() {
    let server = PostgresDouble::start().await;
    let t = stack(&server).await;
    let ada = t.user("ada").await;
    let mut wrong = connection(&server, READER);
    wrong["password"] = json!("wrong");
    let id = ada
        .post(CONNECT, json!({"connection": wrong}))
        .await
        .created()
        .text("id");
    let replace = format!("{}/connection", path(&id));
    let mut other = connection(&server, READER);
    other["database"] = json!("other");
    for (connection, code) in [
        (wrong, "credentials_rejected"),
        (other, "no_database"),
        (connection(&server, OWNER), "role_too_powerful"),
    ] {
        ada.put(&replace, connection).await.ok();
        t.drain().await;
        let source = ada.get(&path(&id)).await.ok().json();
        assert_eq!(
            (&source["status"], &source["error_code"]),
            (&json!("failed"), &json!(code)),
            "{source}"
        );
        let query = json!({"sql": "SELECT 1", "data_source_id": id});
        ada.post("/api/v1/query", query)
            .await
            .problem(409, "data_source_not_ready");
        if code != "role_too_powerful" {
            ada.post(&format!("{}/test", path(&id)), json!({}))
                .await
                .problem(422, code);
        }
    }
    let replaced = ada.put(&replace, connection(&server, WRITER)).await.ok().json();
    assert_eq!(
        (&replaced["status"], &replaced["error"]),
        (&json!("pending"), &Value::Null)
    );
    t.drain().await;
    let source = ada.get(&path(&id)).await.ok().json();
    assert_eq!(source["status"], json!("ready"));
    assert!(
        source["warnings"][0]
            .as_str()
            .unwrap()
            .contains("may change 2 of the tables"),
        "{source}"
    );
    ada.post(&format!("{}/test", path(&id)), json!({})).await.ok();
}

#[tokio::test]
async fn a_connection_that_ended_is_opened_again() {
    let c = Connected::set().await;
    c.ada.sql("SELECT count(*) FROM orders").await.ok();
    c.server.disconnect();
    let found = c.ada.sql("SELECT count(*) FROM orders").await.ok().json();
    assert_eq!(found["rows"], json!([[3]]));
    assert_eq!(c.server.log().connections, 3);
    let test = c.test().await.ok().json();
    assert_eq!(test["ok"], json!(true));
    assert_eq!(c.server.log().connections, 4, "a test connects anew");
}

#[tokio::test]
async fn the_catalog_is_read_again_on_request_and_every_day() {
    let mut c = Connected::set().await;
    c.server.administer("INSERT INTO public.orders VALUES (13, 3, 1)");
    assert_eq!(c.rows_of_orders().await, json!(3));
    let refresh = format!("{}/refresh", path(&c.id));
    c.ada.post(&refresh, json!({})).await.ok();
    c.t.drain().await;
    assert_eq!(c.rows_of_orders().await, json!(4));
    c.server.administer("INSERT INTO public.orders VALUES (14, 3, 1)");
    c.relay().await;
    assert_eq!(c.rows_of_orders().await, json!(4), "it is not due");
    c.t.advance_seconds(DAY + 60);
    c.ada = c.ada.sign_in_again().await;
    c.relay().await;
    assert_eq!(c.rows_of_orders().await, json!(5));
    // Two catalogs are kept: the present one, and the one that requests may still read.
    let keys = c.t.object_keys().await;
    assert_eq!(keys.iter().filter(|key| key.contains("/data/")).count(), 2, "{keys:?}");
    // What fails leaves the tables as they were.
    c.server
        .administer("DROP TABLE public.orders; CREATE TABLE public.orders (id INT8)");
    c.server.disconnect();
    let files = c.ada.new_data_source(&[("t.csv", b"a\n1\n")], &[]).await;
    files.problem(409, "limit_reached");
    c.ada
        .post(&format!("{}/refresh", path("sample")), json!({}))
        .await
        .problem(409, "data_source_is_a_file");
}

#[tokio::test]
async fn a_failed_refresh_keeps_the_tables_and_is_tried_again() {
    let Connected { server, t, ada, id } = Connected::set().await;
    drop(server);
    ada.post(&format!("{}/refresh", path(&id)), json!({})).await.ok();
    t.drain().await;
    let source = ada.get(&path(&id)).await.ok().json();
    assert_eq!(
        (&source["status"], &source["error_code"], &source["tables"]),
        (&json!("failed"), &json!("server_unreachable"), &json!(2)),
        "{source}"
    );
    assert_eq!(ada.get("/api/v1/schema").await.ok().json()["table_count"], json!(2));
    ada.sql("SELECT 1").await.problem(503, "server_unreachable");
    let due = t.items("parlance-app").await;
    assert_eq!(
        due.keys().filter(|(pk, sk)| pk == "FETCH" && sk.contains(&id)).count(),
        1
    );
}

#[tokio::test]
async fn a_password_belongs_to_its_data_source() {
    let c = Connected::set().await;
    let eve = c.t.user("eve").await;
    let mut own = connection(&c.server, READER);
    own["password"] = json!("wrong");
    let id = eve.post(CONNECT, json!({"connection": own})).await.created().text("id");
    c.t.drain().await;
    let items = c.t.items("parlance-app").await;
    assert!(items.values().all(|item| !item.contains(PASSWORD)));
    let key = |org: &str, id: &str| {
        let text = AttributeValue::S;
        [("pk", text(format!("O#{org}"))), ("sk", text(format!("DS#{id}")))]
    };
    let [pk, sk] = key(c.ada.org(), &c.id);
    let read = c.t.db().get_item().table_name("parlance-app");
    let read = read.key(pk.0, pk.1).key(sk.0, sk.1).send().await.unwrap();
    let stolen = read.item.unwrap()["connection"].as_m().unwrap()["password"].clone();
    let [pk, sk] = key(eve.org(), &id);
    let update = c.t.db().update_item().table_name("parlance-app");
    update
        .key(pk.0, pk.1)
        .key(sk.0, sk.1)
        .update_expression("SET #connection.#password = :stolen")
        .expression_attribute_names("#connection", "connection")
        .expression_attribute_names("#password", "password")
        .expression_attribute_values(":stolen", stolen)
        .send()
        .await
        .unwrap();
    let before = c.server.log().connections;
    let tested = eve.post(&format!("{}/test", path(&id)), json!({})).await;
    tested.problem(500, "internal");
    assert_eq!(c.server.log().connections, before);
}

#[tokio::test]
async fn a_deletion_while_the_catalog_is_read_leaves_nothing() {
    let c = Connected::set().await;
    let other = connection(&c.server, WRITER);
    let (refresh, replace) = (
        format!("{}/refresh", path(&c.id)),
        format!("{}/connection", path(&c.id)),
    );
    let source = path(&c.id);
    let (refreshed, replaced, deleted) = futures::join!(
        c.ada.post(&refresh, json!({})),
        c.ada.put(&replace, other),
        c.ada.delete(&source),
    );
    deleted.expect(204);
    for (answer, allowed) in [(refreshed, [200, 404]), (replaced, [200, 409])] {
        assert!(
            allowed.contains(&answer.status.as_u16()) || answer.status == 404,
            "{}",
            answer.status
        );
    }
    c.t.drain().await;
    c.relay().await;
    let keys = c.t.object_keys().await;
    assert!(keys.iter().all(|key| !key.contains("/data/")), "{keys:?}");
    let left = c.t.items("parlance-app").await;
    assert_eq!(left.keys().filter(|(_, sk)| sk.contains(&c.id)).count(), 0, "{left:?}");
    for answer in [
        c.ada.post(&refresh, json!({})).await,
        c.ada.put(&replace, connection(&c.server, READER)).await,
        c.test().await,
    ] {
        answer.problem(404, "not_found");
    }
}

#[tokio::test]
async fn administrators_connect_what_members_query() {
    let server = PostgresDouble::start().await;
    let t = stack(&server).await;
    let (ada, ben, eve) = (t.user("ada").await, t.user("ben").await, t.user("eve").await);
    let acme = org(&ada, "acme").await;
    team_plan(&t, &acme).await;
    join(&t, &ada, &acme, &ben, "member").await;
    let inside = acme.rsplit('/').next().unwrap();
    let (ada, ben) = (
        ada.with_header("x-current-org", inside),
        ben.with_header("x-current-org", inside),
    );
    let new = json!({"connection": connection(&server, READER)});
    ben.post(CONNECT, new.clone()).await.problem(403, "role_required");
    let id = ada.post(CONNECT, new.clone()).await.created().text("id");
    t.drain().await;
    let query = json!({"sql": "SELECT name FROM customers ORDER BY id", "data_source_id": id});
    let found = ben.post("/api/v1/query", query.clone()).await.ok().json();
    assert_eq!(found["rows"][0], json!(["Ada"]));
    for caller in [&ben, &eve] {
        for answer in [
            caller
                .put(&format!("{}/connection", path(&id)), new["connection"].clone())
                .await,
            caller.post(&format!("{}/refresh", path(&id)), json!({})).await,
        ] {
            assert!([403, 404].contains(&answer.status.as_u16()), "{}", answer.status);
        }
    }
    eve.post("/api/v1/query", query).await.problem(404, "not_found");
    // However many are connected at once, the plan limits them.
    let connected = join_all((0..4).map(|_| eve.post(CONNECT, new.clone()))).await;
    assert_eq!(statuses(&connected), [(201, 1), (409, 3)].into());
}
