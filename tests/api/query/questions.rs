//! Questions that a model turns into SQL.

use model_double::{ModelDouble, Script};
use serde_json::{Value, json};

use crate::support::{Caller, Test};

const COUNT: &str = r#"{"sql": "SELECT count(*) AS orders FROM orders", "reading": "How many orders there are.", "assumptions": ["Cancelled orders count."]}"#;

async fn ask(caller: &Caller, question: &str) -> crate::support::Answer {
    let body = json!({"query": question, "model": "gpt-4o-mini"});
    caller.post("/api/v1/query", body).await
}

async fn used(caller: &Caller) -> Value {
    caller.get("/api/v1/tokens/limits").await.ok().json()["limits"][0].clone()
}

#[tokio::test]
async fn a_question_is_answered_explained_and_metered() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    model.next(Script::text(COUNT));
    let answer = ask(&ada, "How many orders are there?").await.ok().json();
    assert_eq!((&answer["rows"], &answer["attempts"]), (&json!([[6000]]), &json!(1)));
    assert_eq!(
        answer["explanation"],
        json!("I read this as: How many orders there are. Cancelled orders count.")
    );
    assert_eq!(
        (&answer["answer"], &answer["model"]),
        (&json!("orders: 6000."), &json!("gpt-4o-mini"))
    );
    let totals = model.totals();
    assert_eq!(
        answer["usage"]["total_tokens"],
        json!(totals.prompt_tokens + totals.completion_tokens)
    );
    let limits = used(&ada).await;
    assert_eq!(
        (&limits["used"], &limits["reserved"]),
        (&answer["usage"]["total_tokens"], &json!(0))
    );
    let shown = ada.get("/api/v1/auth/token-breakdown").await.ok().json();
    assert!(shown.to_string().contains("sql"), "{shown}");
    let list = ada.get("/api/v1/query/history").await.ok().json();
    assert_eq!(list[0]["question"], json!("How many orders are there?"));
}

#[tokio::test]
async fn sql_is_found_in_whatever_a_model_writes() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    for (number, text) in [
        format!("```json\n{COUNT}\n```"),
        format!("Sure! Here {{is}} your query:\n\n{COUNT}\n\nLet me know."),
        "```sql\nSELECT count(*) AS orders FROM orders;\n```".to_owned(),
        "SELECT count(*) AS orders FROM orders".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        model.next(Script::text(&text));
        let answer = ask(&ada, &format!("How many orders, {number}?")).await.ok().json();
        assert_eq!(
            (&answer["rows"], &answer["attempts"]),
            (&json!([[6000]]), &json!(1)),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_rejected_query_is_repaired_with_the_reason() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    model.next(Script::text(
        r#"{"sql": "SELECT count(*) FROM orders; DROP TABLE orders"}"#,
    ));
    model.next(Script::text(r#"{"sql": "SELECT count(number) FROM orders"}"#));
    model.next(Script::text(COUNT));
    let answer = ask(&ada, "How many orders?").await.ok().json();
    assert_eq!((&answer["rows"], &answer["attempts"]), (&json!([[6000]]), &json!(3)));
    let totals = model.totals();
    assert_eq!(
        answer["usage"]["total_tokens"],
        json!(totals.prompt_tokens + totals.completion_tokens)
    );
    assert_eq!(used(&ada).await["used"], answer["usage"]["total_tokens"]);
    let last = model.calls().last().unwrap().body.to_string();
    assert!(
        last.contains("no such column: number") && !last.contains("DROP TABLE"),
        "{last}"
    );
}

#[tokio::test]
async fn a_model_that_writes_no_query_is_given_up() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    for _ in 0..3 {
        model.next(Script::text("DELETE FROM orders"));
    }
    let problem = ask(&ada, "How many orders?")
        .await
        .problem(422, "question_not_answered");
    assert!(problem["detail"].as_str().unwrap().contains("no query"), "{problem}");
    let list = ada.get("/api/v1/query/history").await.ok().json();
    assert_eq!(
        (&list[0]["status"], &list[0]["attempts"]),
        (&json!("failed"), &json!(3))
    );
    let path = format!("/api/v1/query/history/{}/rerun", list[0]["query_id"].as_str().unwrap());
    ada.post(&path, json!({})).await.problem(409, "query_without_sql");
    // It says so itself.
    model.next(Script::text(
        r#"{"sql": null, "reason": "There is no weather in the tables."}"#,
    ));
    let problem = ask(&ada, "How is the weather?")
        .await
        .problem(422, "question_not_answered");
    assert!(problem["detail"].as_str().unwrap().contains("no weather"), "{problem}");
    let ledger = used(&ada).await;
    let totals = model.totals();
    assert_eq!(
        (&ledger["used"], &ledger["reserved"]),
        (&json!(totals.prompt_tokens + totals.completion_tokens), &json!(0))
    );
}

#[tokio::test]
async fn plain_questions_need_no_model() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let ask = async |question: &str| ada.post("/api/v1/query", json!({"question": question})).await;
    let answer = ask("How many orders are there?").await.ok().json();
    assert_eq!(
        (&answer["rows"], &answer["attempts"], &answer["model"]),
        (&json!([[6000]]), &json!(0), &Value::Null)
    );
    assert_eq!(answer["explanation"], json!("I read this as: Number of orders."));
    let answer = ask("What is the average salary per department?").await.ok().json();
    assert_eq!(
        (&answer["row_count"], &answer["columns"][1]["name"]),
        (&json!(8), &json!("name"))
    );
    let answer = ask("How many completed orders per month in 2025?").await.ok().json();
    assert_eq!(
        (&answer["row_count"], &answer["chart"]["mark"]),
        (&json!(12), &json!("line"))
    );
    // As people call it.
    ada.put("/api/v1/schema/tables/orders", json!({"synonyms": ["sales"]}))
        .await
        .ok();
    assert_eq!(ask("How many sales?").await.ok().json()["rows"], json!([[6000]]));
    assert_eq!(used(&ada).await["used"], json!(0));
}

#[tokio::test]
async fn other_questions_need_a_model() {
    let t = Test::new().await;
    let ada = t.user("ada").await;
    let ask = async |question: &str| ada.post("/api/v1/query", json!({"question": question})).await;
    let problem = ask("Which customers are likely to leave?")
        .await
        .problem(422, "needs_model");
    let detail = problem["detail"].as_str().unwrap().to_owned();
    assert_eq!(ada.get("/api/v1/query/history").await.ok().json(), json!([]));
    // What is suggested is answered.
    let (_, suggested) = detail.split_once("These need none: ").unwrap();
    let suggested: Vec<&str> = suggested.split_inclusive('?').map(str::trim).collect();
    assert_eq!(suggested.len(), 3, "{detail}");
    assert!(suggested[0].contains("customers"), "{detail}");
    for question in suggested {
        ask(question).await.ok();
    }
}

#[tokio::test]
async fn the_prompt_has_the_tables_and_no_sensitive_values() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    let notes = json!({"description": "A purchase.", "synonyms": ["sale"]});
    ada.put("/api/v1/schema/tables/orders", notes).await.ok();
    model.next(Script::text(COUNT));
    ask(&ada, "How many sales?").await.ok();
    let prompt = model.calls().last().unwrap().body.to_string();
    for part in [
        "A purchase.",
        "also called sale",
        "refers to customers.customer_id",
        "completed",
        "2024-01-01",
    ] {
        assert!(prompt.contains(part), "{part}: {prompt}");
    }
    assert!(!prompt.contains("@example.com"), "{prompt}");
}

#[tokio::test]
async fn a_repeated_request_asks_no_model_again() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await.with_header("idempotency-key", "once");
    model.next(Script::text(COUNT));
    let first = ask(&ada, "How many orders?").await.ok().json();
    let again = ask(&ada, "How many orders?").await.ok().json();
    assert_eq!((first, model.calls().len()), (again, 1));
}

#[tokio::test]
async fn the_same_question_has_the_same_query() {
    let model = ModelDouble::start().await.unwrap();
    let t = Test::with_model(&model).await;
    let ada = t.user("ada").await;
    model.next(Script::text(COUNT));
    let first = ask(&ada, "How many orders are there?").await.ok().json();
    let again = ask(&ada, " how many ORDERS are there").await.ok().json();
    assert_eq!(
        (&again["rows"], &again["sql"], &again["explanation"]),
        (&first["rows"], &first["sql"], &first["explanation"])
    );
    assert_eq!(
        (&again["attempts"], &again["usage"]["total_tokens"], model.calls().len()),
        (&json!(0), &json!(0), 1)
    );
    // Not of tables that people say something else of, nor of another user.
    ada.put("/api/v1/schema/tables/orders", json!({"description": "A purchase."}))
        .await
        .ok();
    model.next(Script::text(COUNT));
    ask(&ada, "How many orders are there?").await.ok();
    model.next(Script::text(COUNT));
    ask(&t.user("ben").await, "How many orders are there?").await.ok();
    assert_eq!(model.calls().len(), 3);
}
