//! `/v1/embeddings`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use model_double::Script;
use serde_json::{Value, json};

use crate::api::ai::openai::{REFUSED, refused, with, with_model};
use crate::support::Test;

#[tokio::test]
async fn texts_become_vectors_that_are_paid_for() {
    let (model, _t, ada) = with_model().await;
    let asked = |input: Value| json!({"model": "text-embedding-3-small", "input": input});
    let answer = ada
        .post("/v1/embeddings", asked(json!(["one", "two", "one"])))
        .await
        .ok()
        .json();
    let vector = |place: usize| -> Vec<f32> {
        assert_eq!(
            (&answer["data"][place]["index"], &answer["data"][place]["object"]),
            (&json!(place), &json!("embedding"))
        );
        serde_json::from_value(answer["data"][place]["embedding"].clone()).unwrap()
    };
    assert!(vector(0) == vector(2) && vector(0) != vector(1) && !vector(0).is_empty());
    let read = model.totals().prompt_tokens;
    assert_eq!(answer["usage"], json!({"prompt_tokens": read, "total_tokens": read}));
    assert_eq!(
        (&answer["object"], &answer["model"]),
        (&json!("list"), &json!("text-embedding-3-small"))
    );

    let packed = with(asked(json!("one")), &json!({"encoding_format": "base64"}));
    let packed = ada.post("/v1/embeddings", packed).await.ok().json();
    let bytes = STANDARD
        .decode(packed["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let floats: Vec<f32> = bytes
        .chunks(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    assert_eq!(floats, vector(0));

    let used = model.totals().prompt_tokens;
    let shown = ada.get("/api/v1/auth/token-breakdown").await.ok().json();
    assert!(shown.to_string().contains("embeddings"), "{shown}");
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(
        (&limits["limits"][0]["used"], &limits["limits"][0]["reserved"]),
        (&json!(used), &json!(0))
    );

    for (input, param) in [
        (json!([]), "input"),
        (json!(""), "input"),
        (json!(["a", ""]), "input[1]"),
        (json!([1, 2]), "input"),
        (json!([[1, 2]]), "input"),
        (json!(7), "input"),
    ] {
        refused(
            ada.post("/v1/embeddings", asked(input)).await,
            400,
            REFUSED,
            Some(param),
            "invalid",
        );
    }
    let calls = model.totals().calls;
    ada.put("/api/v1/users/me/quota", json!({"daily_limit": used + 3}))
        .await
        .ok();
    let answer = ada
        .post(
            "/v1/embeddings",
            asked(json!("A text that is longer than three tokens.")),
        )
        .await;
    refused(answer, 429, "tokens", None, "token_limit");
    assert_eq!(model.totals().calls, calls);
}

#[tokio::test]
async fn a_provider_of_embeddings_that_fails_once_is_asked_again_and_paid_once() {
    let (model, _t, ada) = with_model().await;
    model.next(Script::refuse(503, "server_error"));
    let asked = json!({"model": "text-embedding-3-small", "input": "one"});
    ada.post("/v1/embeddings", asked).await.ok();
    let totals = model.totals();
    assert_eq!(totals.calls, 2);
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(
        (&limits["limits"][0]["used"], &limits["limits"][0]["reserved"]),
        (&json!(totals.prompt_tokens), &json!(0))
    );
}

#[tokio::test]
async fn a_provider_of_embeddings_that_fails_costs_nothing_and_none_is_no_answer() {
    let (model, _t, ada) = with_model().await;
    let asked = json!({"model": "text-embedding-3-small", "input": "one"});
    for _ in 0..3 {
        model.next(Script::refuse(500, "server_error"));
    }
    refused(
        ada.post("/v1/embeddings", asked.clone()).await,
        502,
        "server_error",
        None,
        "provider_failed",
    );
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(
        (&limits["limits"][0]["used"], &limits["limits"][0]["reserved"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(model.totals().calls, 3, "it is asked again");
    for name in ["openai/", "", "local", "claude-haiku-4-5"] {
        let nameless = with(asked.clone(), &json!({"model": name}));
        refused(
            ada.post("/v1/embeddings", nameless).await,
            400,
            REFUSED,
            Some("model"),
            "invalid",
        );
    }
    let t = Test::new().await;
    let eve = t.user("eve").await;
    refused(
        eve.post("/v1/embeddings", asked).await,
        503,
        "server_error",
        None,
        "provider_not_configured",
    );
}

#[tokio::test]
async fn embeddings_come_from_every_provider_that_has_them() {
    let (model, _t, ada) = with_model().await;
    for (name, provider, costs) in [
        ("gemini-embedding-001", "gemini", true),
        ("azure/my-vectors", "azure", false),
        ("compatible/vectors", "compatible", false),
        ("amazon.titan-embed-text-v2:0", "bedrock", true),
        ("cohere.embed-multilingual-v3", "bedrock", true),
        ("global.cohere.embed-v4:0", "bedrock", false),
        ("cohere/embed-v4.0", "cohere", true),
    ] {
        let calls = model.totals().calls;
        for input_type in ["query", "passage"] {
            let body =
                json!({"model": name, "input": ["one", "two", "one"], "dimensions": 16, "input_type": input_type});
            let answer = ada.post("/v1/embeddings", body).await.ok().json();
            let vectors: Vec<Vec<f32>> = (0..3)
                .map(|at| serde_json::from_value(answer["data"][at]["embedding"].clone()).unwrap())
                .collect();
            assert!(vectors[0] == vectors[2] && vectors[0] != vectors[1], "{answer}");
            assert_eq!((vectors[0].len(), &answer["provider"]), (16, &json!(provider)));
            assert_eq!(answer["cost_micro_usd"].is_u64(), costs, "{answer}");
            assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
        }
        // Titan takes a text at a time.
        let requests = if name.contains("titan") { 6 } else { 2 };
        assert_eq!(model.totals().calls - calls, requests, "{name}");
    }
    // A response that is no set of vectors is a failure of the provider, and costs nothing.
    let before = ada.get("/api/v1/tokens/limits").await.ok().json();
    for body in [
        r#"{"embeddings":[{"values":[1]}]}"#,
        r#"{"embeddings":[{"values":[1]},{"values":["NaN"]}]}"#,
    ] {
        model.next(Script::refuse_with(200, "application/json", body));
        let asked = json!({"model": "gemini-embedding-001", "input": ["one", "two"]});
        ada.post("/v1/embeddings", asked).await.expect(502);
    }
    let after = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(after["limits"][0]["used"], before["limits"][0]["used"]);
}
