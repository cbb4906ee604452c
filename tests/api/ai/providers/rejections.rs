//! What a provider objects to is the client's to mend: its status, its code, its sentence without secrets.

use model_double::Script;
use serde_json::{Value, json};

use super::{ENDPOINTS, Endpoint, MODELS, Scene};

fn refusal(status: u16, body: &Value) -> Script {
    Script::refuse_with(status, "application/json", body.to_string())
}

/// Objections in the words of many servers, with what a client sees of them.
fn objections() -> Vec<(u16, Value, u16, &'static str)> {
    let too_long = "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.";
    vec![
        (
            400,
            json!({"error": {"message": too_long, "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}}),
            400,
            "context_length_exceeded",
        ),
        (
            400,
            json!({"object": "error", "message": too_long, "type": "BadRequestError", "param": null, "code": 400}),
            400,
            "context_length_exceeded",
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
            400,
            "context_length_exceeded",
        ),
        (
            400,
            json!({"message": "Input is too long for requested model."}),
            400,
            "context_length_exceeded",
        ),
        (
            413,
            json!({"error": "the payload is too big"}),
            400,
            "request_too_large",
        ),
        (
            400,
            json!({"error": {"message": "The prompt triggered the content management policy.", "code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
            400,
            "content_filter",
        ),
        (
            404,
            json!({"error": {"message": "The model `gpt-9` does not exist.", "code": "model_not_found"}}),
            404,
            "model_not_found",
        ),
        (
            404,
            json!({"error": "model \"llama9\" not found, try pulling it first"}),
            404,
            "model_not_found",
        ),
        (
            404,
            json!({"error": {"code": 404, "message": "models/gemini-9 is not found for API version v1beta", "status": "NOT_FOUND"}}),
            404,
            "model_not_found",
        ),
        (
            400,
            json!({"error": {"message": "Unsupported value: 'temperature' does not support 0.2 with this model.", "param": "temperature", "code": "unsupported_value"}}),
            400,
            "invalid_parameter",
        ),
        (
            422,
            json!({"detail": [{"loc": ["body", "temperature"], "msg": "Input should be less than or equal to 1", "type": "less_than_equal"}]}),
            400,
            "invalid_parameter",
        ),
        (
            400,
            json!({"error": {"message": "Conversation roles must alternate user/assistant"}}),
            400,
            "invalid_request",
        ),
    ]
}

#[tokio::test]
async fn what_a_provider_objects_to_reaches_the_client_at_every_endpoint() {
    let scene = Scene::new().await;
    for (place, (status, body, seen, code)) in objections().into_iter().enumerate() {
        for endpoint in ENDPOINTS {
            let model = MODELS[(place + endpoint as usize) % MODELS.len()];
            let before = scene.double.totals().calls;
            let shown = scene.ask(endpoint, model, refusal(status, &body)).await;
            assert_eq!(
                shown.failure,
                Some((seen, code.to_owned())),
                "{body} of {model} on {endpoint:?}"
            );
            assert!(
                shown.detail.len() > 10 && !shown.detail.contains('{'),
                "{}",
                shown.detail
            );
            assert_eq!(
                scene.double.totals().calls,
                before + 1,
                "nobody asks twice for what is refused"
            );
        }
    }
    assert_eq!(scene.used().await, 0, "what is refused costs nothing");
    // However often callers ask for what cannot be, nobody else is turned away.
    for model in MODELS {
        assert_eq!(
            scene.ask(Endpoint::Ai, model, Script::text("Hello.")).await.text,
            "Hello."
        );
    }
}

#[tokio::test]
async fn clients_of_openai_see_what_they_know_and_do_not_ask_again() {
    let scene = Scene::new().await;
    let (_, body, ..) = objections().swap_remove(9);
    scene.double.always(refusal(400, &body));
    let asked =
        json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello?"}], "temperature": 0.2});
    for stream in [false, true] {
        let mut asked = asked.clone();
        asked["stream"] = json!(stream);
        let answer = scene.ada.post("/v1/chat/completions", asked).await.expect(400);
        assert_eq!(
            answer.json(),
            json!({"error": {
                "message": "Unsupported value: 'temperature' does not support 0.2 with this model.",
                "type": "invalid_request_error", "param": "temperature", "code": "invalid_parameter",
            }})
        );
        assert_eq!(answer.header("retry-after"), "");
    }
    scene.double.always(refusal(
        404,
        &json!({"error": {"message": "The model `x` does not exist", "code": "model_not_found"}}),
    ));
    let answer = scene.ada.post("/v1/chat/completions", asked).await.expect(404);
    assert_eq!(answer.json()["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn a_providers_sentence_is_shown_without_secrets() {
    let scene = Scene::new().await;
    for (sentence, shown) in [
        (
            "Invalid value for org-Ab12Cd34 with key sk-proj-abcdef",
            "Invalid value for *** with key ***.",
        ),
        (
            "Invalid call of http://ada:secret@vllm.internal:8000/v1",
            "Invalid call of ***.",
        ),
        (
            "Worker gpu-7.cluster.local:8000 at 10.0.0.7 refused sk-double",
            "Worker *** at *** refused ***.",
        ),
        (
            "<html><body><h1>400 Bad Request</h1>nginx</body></html>",
            "The model's provider does not accept the request.",
        ),
        (
            "Traceback (most recent call last): File /app/x.py",
            "The model's provider does not accept the request.",
        ),
    ] {
        let seen = scene
            .ask(
                Endpoint::Ai,
                "gpt-4o-mini",
                refusal(400, &json!({"error": {"message": sentence}})),
            )
            .await;
        assert_eq!(seen.detail, shown);
    }
    let page = Script::refuse_with(400, "text/html", "<html>nginx/1.2 on 10.0.0.7</html>");
    let seen = scene.ask(Endpoint::OpenAi, "compatible/x", page).await;
    assert_eq!(
        (seen.failure, seen.detail.as_str()),
        (
            Some((400, "invalid_request".to_owned())),
            "The model's provider does not accept the request."
        )
    );
}

#[tokio::test]
async fn what_a_client_cannot_mend_stays_a_failure_of_the_provider() {
    let scene = Scene::new().await;
    for (status, body, seen, code) in [
        (
            401,
            json!({"error": {"message": "Incorrect API key: sk-double", "code": "invalid_api_key"}}),
            503,
            "provider_key_refused",
        ),
        (
            403,
            json!({"error": {"message": "The model is not for you", "type": "permission_error"}}),
            503,
            "provider_key_refused",
        ),
        (404, json!({"detail": "Not Found"}), 502, "provider_refused"),
        (
            400,
            json!({"error": {"message": "Rate limit exceeded, please slow down"}}),
            503,
            "provider_rate_limited",
        ),
        (
            400,
            json!({"error": {"message": "Internal error"}}),
            502,
            "provider_failed",
        ),
        (
            400,
            json!({"error": {"message": "Your credit balance is too low"}}),
            503,
            "provider_quota_exhausted",
        ),
        (405, json!({"error": "Method Not Allowed"}), 502, "provider_refused"),
    ] {
        let shown = scene.ask(Endpoint::Ai, "gpt-4o-mini", refusal(status, &body)).await;
        assert_eq!(shown.failure, Some((seen, code.to_owned())), "{body}");
        assert!(!shown.detail.contains("sk-double"), "{}", shown.detail);
    }
}

#[tokio::test]
async fn an_answer_that_was_refused_says_so_where_it_is_kept() {
    let scene = Scene::new().await;
    let ada = &scene.ada;
    let new = json!({"model": "gpt-4o-mini", "title": "A talk"});
    let session = ada.post("/api/v1/chat/sessions", new).await.created().text("id");
    let path = format!("/api/v1/chat/sessions/{session}/messages");
    let (status, body, ..) = objections().swap_remove(0);
    scene.double.always(refusal(status, &body));
    let asked = json!({"content": "Hello?", "generate": true});
    let problem = ada.post(&path, asked).await.problem(400, "context_length_exceeded");
    assert!(problem["detail"].as_str().unwrap().contains("8192 tokens"), "{problem}");
    let kept = ada.get(&path).await.ok().json();
    let answer = kept
        .as_array()
        .unwrap()
        .iter()
        .find(|message| message["role"] == "assistant")
        .unwrap();
    assert_eq!(answer["status"], "failed", "{answer}");
}

#[tokio::test]
async fn texts_for_vectors_are_refused_in_the_same_words() {
    let scene = Scene::new().await;
    let (status, body, ..) = objections().swap_remove(0);
    scene.double.always(refusal(status, &body));
    let asked = json!({"model": "text-embedding-3-small", "input": "a"});
    let answer = scene.ada.post("/v1/embeddings", asked).await.expect(400);
    assert_eq!(answer.json()["error"]["code"], "context_length_exceeded");
}
