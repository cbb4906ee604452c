//! Sets of questions that are asked of a chatbot in one call.

use serde_json::{Value, json};

use crate::support::Test;

#[tokio::test]
async fn answers_are_compared_with_what_is_expected_of_them() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let mut documents = Vec::new();
    for (name, text) in [
        ("warranty.txt", "The warranty of a grinder is Two Years."),
        ("returns.txt", "Returns of coffee take thirty days."),
    ] {
        documents.push(ada.upload(name, text).await.created().text("id"));
    }
    t.drain().await;
    let bot = ada.chatbot(&[&documents[0], &documents[1]]).await;
    let questions = json!([
        {"question": "How long is the warranty of a grinder?", "expected_answer": "two years", "document_id": documents[0]},
        {"question": "How long do returns of coffee take?", "expected_answer": "ten days", "document_id": documents[1]},
        {"question": "How long do returns of coffee take?", "document_id": documents[0]},
        {"question": "Where is Paris?", "unanswerable": true},
        {"question": "How long is the warranty of a grinder?", "unanswerable": true},
    ]);
    let path = format!("/api/v1/chatbots/{bot}/evaluate");
    let evaluated = ada.post(&path, json!({"questions": questions})).await.ok().json();
    let cells = |name: &str| -> Vec<Value> {
        let results = evaluated["results"].as_array().unwrap().iter();
        results.map(|result| result[name].clone()).collect()
    };
    assert_eq!(
        cells("correct"),
        [json!(true), json!(false), Value::Null, json!(true), json!(false)]
    );
    assert_eq!(cells("answered"), [true, true, true, false, true]);
    assert_eq!(
        cells("rank"),
        [json!(1), Value::Null, Value::Null, Value::Null, Value::Null]
    );
    assert_eq!(
        evaluated["results"][0]["response"],
        "The warranty of a grinder is Two Years. [1]"
    );
    assert_eq!(evaluated["results"][0]["sources"][0]["name"], "warranty.txt");
    for (sum, number) in [
        ("questions", 5),
        ("answered", 4),
        ("correct", 2),
        ("incorrect", 2),
        ("found", 1),
        ("failed", 0),
    ] {
        assert_eq!(evaluated[sum], number, "{sum}");
    }
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(limits["limits"][0]["used"], evaluated["total_tokens"]);
    let sessions = ada.get("/api/v1/chat/sessions").await.ok().json();
    assert_eq!(sessions, json!([]));
}

#[tokio::test]
async fn what_the_limit_does_not_pay_for_has_failed_and_the_rest_is_there() {
    let t = Test::new().await;
    let ada = t.talker("ada").await;
    let settings = json!({"daily_token_cap": 4_000, "max_tokens": 1_500});
    let bot = json!({"name": "Helper", "settings": settings});
    let bot = ada.post("/api/v1/chatbots", bot).await.created().text("id");
    let questions: Vec<Value> = (0..40)
        .map(|_| json!({"question": "What is the weather like?".repeat(20)}))
        .collect();
    let path = format!("/api/v1/chatbots/{bot}/evaluate");
    let evaluated = ada.post(&path, json!({"questions": questions})).await.ok().json();
    let results = evaluated["results"].as_array().unwrap();
    let failed = results.iter().filter(|result| result["error"] == "token_limit").count();
    assert!((1..40).contains(&failed), "{failed}");
    assert_eq!((results.len(), &evaluated["failed"]), (40, &json!(failed)));
    assert!(evaluated["total_tokens"].as_u64().unwrap() <= 4_000);
}

#[tokio::test]
async fn an_evaluation_is_refused_to_strangers_and_without_questions() {
    let t = Test::new().await;
    let (ada, eve) = (t.user("ada").await, t.user("eve").await);
    let path = format!("/api/v1/chatbots/{}/evaluate", ada.chatbot(&[]).await);
    let one = json!({"question": "Hello?"});
    eve.post(&path, json!({"questions": [one]}))
        .await
        .problem(404, "not_found");
    for (body, pointer) in [
        (json!({}), "/questions"),
        (json!({"questions": []}), "/questions"),
        (json!({"questions": vec![&one; 51]}), "/questions"),
        (json!({"questions": [{"question": " "}]}), "/questions/0/question"),
        (
            json!({"questions": [{"question": "Hello?", "expected_answer": ""}]}),
            "/questions/0/expected_answer",
        ),
    ] {
        assert_eq!(ada.post(&path, body).await.invalid(), [pointer]);
    }
}
