//! What a provider rejects, and whom its words are for.

use super::*;

#[tokio::test]
async fn what_a_provider_objects_to_is_rejected_whatever_it_is_wrapped_in() {
    let vendors = Vendors::new().await;
    let sentence =
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.";
    let raw = json!({"error": {"message": sentence, "code": "context_length_exceeded"}}).to_string();
    for (status, body) in [
        (
            400,
            json!({"error": {"message": sentence, "type": "invalid_request_error", "param": "messages", "code": null}}),
        ),
        (
            400,
            json!({"object": "error", "message": sentence, "type": "BadRequestError", "param": null, "code": 400}),
        ),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": sentence}}),
        ),
        (
            400,
            json!({"error": {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"}}),
        ),
        (
            400,
            json!([{"error": {"code": 400, "message": sentence, "status": "INVALID_ARGUMENT"}}]),
        ),
        (400, json!({"message": sentence})),
        (413, json!({"error": sentence})),
        (
            422,
            json!({"detail": [{"loc": ["body", "messages"], "msg": sentence, "type": "value_error"}]}),
        ),
        (
            422,
            json!({"object": "error", "message": {"detail": [{"loc": ["body", "messages"], "msg": sentence}]}}),
        ),
        (500, json!({"error": {"message": sentence, "type": "server_error"}})),
        (
            400,
            json!({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "X"}}}),
        ),
        (
            400,
            json!({"error": {"message": raw, "type": "None", "param": "None", "code": "400"}}),
        ),
        (200, json!({"error": {"message": sentence, "code": 400}})),
    ] {
        for (name, (_, done, error)) in vendors
            .outcomes(&Script::refuse_with(status, "application/json", body.to_string()))
            .await
        {
            assert_eq!(done, None);
            let Some(ModelError::Rejected(rejection)) = error else {
                panic!("{body} of {name}: {error:?}");
            };
            assert_eq!(rejection.reason, RejectionReason::ContextLength, "{body} of {name}");
            assert_eq!(rejection.detail, sentence, "{body} of {name}");
        }
    }
}

#[tokio::test]
async fn what_the_operator_has_to_mend_is_not_blamed_on_the_request() {
    let vendors = Vendors::new().await;
    for (body, expected) in [
        (
            json!({"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low."}}),
            402,
        ),
        (
            json!({"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xai-***"}),
            401,
        ),
        (
            json!({"error": {"code": 400, "message": "API key expired. Please renew it.", "status": "INVALID_ARGUMENT"}}),
            401,
        ),
        (
            json!({"error": {"code": 400, "message": "User location is not supported.", "status": "FAILED_PRECONDITION"}}),
            403,
        ),
    ] {
        let script = Script::refuse_with(400, "application/json", body.to_string());
        for (name, (_, _, error)) in vendors.outcomes(&script).await {
            let status = match error {
                Some(ModelError::QuotaExhausted { .. }) => 402,
                Some(ModelError::Refused { status, .. }) => status,
                other => panic!("{body} of {name}: {other:?}"),
            };
            assert_eq!(status, expected, "{body} of {name}");
        }
    }
}

#[tokio::test]
async fn a_refusal_may_be_an_event_and_name_no_parameter_in_python() {
    let vendors = Vendors::new().await;
    let body = "event: error\ndata: {\"error\": {\"message\": \"It cannot be done\", \"param\": \"None\", \"code\": \"400\"}}\n\n";
    for (name, (_, _, error)) in vendors
        .outcomes(&Script::refuse_with(400, "text/event-stream", body))
        .await
    {
        let Some(ModelError::Rejected(rejection)) = error else {
            panic!("{name}: {error:?}");
        };
        assert_eq!(
            (rejection.reason, rejection.param),
            (RejectionReason::Other, None),
            "{name}"
        );
        assert_eq!(rejection.detail, "It cannot be done", "{name}");
    }
}
