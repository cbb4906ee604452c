use super::*;
use reqwest::header::HeaderValue;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn a_delay_is_read_in_seconds_in_milliseconds_and_as_a_date() {
    assert_eq!(
        retry_after(&headers(&[("retry-after", "20")])),
        Some(Duration::from_secs(20))
    );
    assert_eq!(
        retry_after(&headers(&[("retry-after", "0.5")])),
        Some(Duration::from_millis(500))
    );
    assert_eq!(
        retry_after(&headers(&[("retry-after-ms", "1250"), ("retry-after", "2")])),
        Some(Duration::from_millis(1250))
    );
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let later = ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
    let earlier = ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT");
    assert_eq!(retry_after(&headers(&[date, later])), Some(Duration::from_mins(1)));
    assert_eq!(retry_after(&headers(&[date, earlier])), Some(Duration::ZERO));
}

#[test]
fn a_delay_that_cannot_be_read_is_none() {
    for value in ["soon", "-3", "NaN", "1e99", "Sun, 06 Nov 1994 08:50:37 GMT"] {
        assert_eq!(retry_after(&headers(&[("retry-after", value)])), None, "{value}");
    }
}

#[test]
fn a_key_repeated_by_the_provider_is_not_kept() {
    let body = br#"{"error":{"message":"Incorrect API key provided: sk-secret.","type":"invalid_request_error","code":"invalid_api_key"}}"#;
    let error = ErrorBody::read(body).into_error(401, "sk-secret");
    assert_eq!(
        error,
        ModelError::Refused {
            status: 401,
            detail: "Incorrect API key provided: ***.".to_owned()
        }
    );
}

#[test]
fn every_shape_of_refusal_is_read() {
    let refused = |status, detail: &str| ModelError::Refused {
        status,
        detail: detail.to_owned(),
    };
    let read = |body: &str| ErrorBody::read(body.as_bytes()).into_error(500, "");
    assert_eq!(
        read(r#"{"error":"model 'x' not found"}"#),
        refused(500, "model 'x' not found")
    );
    assert_eq!(read("<h1>Bad Gateway</h1>"), refused(500, "<h1>Bad Gateway</h1>"));
    assert_eq!(
        read(r#"{"error":{"code":502,"message":"Provider down"}}"#),
        refused(502, "Provider down")
    );
    assert_eq!(read(r#"{"error":[1]}"#), refused(500, "[1]"));
    assert_eq!(read(""), refused(500, ""));
    // As documented by ai.google.dev, once alone and once in the list that a stream without `alt=sse` is.
    let gemini =
        r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#;
    assert_eq!(
        read(gemini),
        refused(503, "The model is overloaded. Please try again later.")
    );
    assert_eq!(read(&format!("[{gemini}]")), read(gemini));
    // A wrong key, as Google's server reports it.
    let wrong = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#;
    assert_eq!(read(wrong), refused(401, "API key not valid."));
    let limited = r#"{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17s"}]}}"#;
    let retry_after = Some(Duration::from_secs(17));
    assert_eq!(read(limited), ModelError::RateLimited { retry_after });
    // As documented by docs.anthropic.com.
    let anthropic = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let inside = |body: &str| ErrorBody::read(body.as_bytes()).into_error(200, "");
    assert_eq!(inside(anthropic), refused(529, "Overloaded"));
    assert_eq!(
        read(r#"{"message":"Try another region"}"#),
        refused(500, "Try another region")
    );
}

#[test]
fn aws_names_a_failure_in_a_header() {
    let read = |status, word| {
        let said = ErrorBody::read(br#"{"message":"Too many tokens"}"#);
        said.into_refusal(status, &headers(&[("x-amzn-errortype", word)]), "")
    };
    assert_eq!(
        read(400, "ServiceQuotaExceededException:http://internal.amazon.com/"),
        ModelError::RateLimited { retry_after: None }
    );
    let rejected = read(400, "ValidationException");
    assert!(
        matches!(&rejected, ModelError::Rejected(rejection) if rejection.detail == "Too many tokens"),
        "{rejected:?}"
    );
}

#[test]
fn a_provider_that_is_too_busy_says_when_to_come_back() {
    let read = |status| ErrorBody::read(b"busy").into_refusal(status, &headers(&[("retry-after", "7")]), "");
    let (retry_after, detail) = (Duration::from_secs(7), "busy".to_owned());
    assert_eq!(read(529), ModelError::Overloaded { retry_after, detail });
    assert_eq!(
        read(429),
        ModelError::RateLimited {
            retry_after: Some(retry_after)
        }
    );
}

#[test]
fn the_status_of_a_failure_is_what_its_sentence_says() {
    let rate = |model: &ModelError| matches!(model, ModelError::RateLimited { .. });
    let failed = |status| move |model: &ModelError| matches!(model, ModelError::Refused { status: found, .. } if *found == status);
    let unpaid = |model: &ModelError| matches!(model, ModelError::QuotaExhausted { .. });
    let read = |status, body: &str| ErrorBody::read(body.as_bytes()).into_error(status, "");
    for sentence in [
        "Rate limit exceeded for this key",
        "Too many requests",
        "Quota exceeded for metric x",
    ] {
        assert!(rate(&read(400, &format!(r#"{{"error":"{sentence}"}}"#))), "{sentence}");
    }
    for sentence in ["The model is overloaded", "Server busy", "We are at capacity"] {
        assert!(
            failed(503)(&read(400, &format!(r#"{{"error":"{sentence}"}}"#))),
            "{sentence}"
        );
    }
    assert!(failed(500)(&read(
        400,
        r#"{"error":{"message":"Internal error, please retry"}}"#
    )));
    assert!(unpaid(&read(
        403,
        r#"{"error":"You exceeded your current quota, please check your plan"}"#
    )));
}

#[test]
fn an_objection_is_one_whatever_its_status_says() {
    let read = |status, body: &str| match ErrorBody::read(body.as_bytes()).into_error(status, "") {
        ModelError::Rejected(rejection) => (rejection.reason.code(), rejection.detail),
        other => panic!("{other:?}"),
    };
    // As sent by Groq and OpenAI for a request that exceeds the account's tokens per minute.
    let large = r#"{"error":{"message":"Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000.","type":"tokens","code":"rate_limit_exceeded"}}"#;
    assert_eq!(read(413, large).0, "request_too_large");
    assert_eq!(read(429, large).0, "request_too_large");
    // Inside a stream that began with 200, as Baidu does.
    let long = r#"{"error_code":336007,"error_msg":"the max length of question is 2000"}"#;
    assert_eq!(read(200, long).0, "context_length_exceeded");
    // Together with a phrase about overload.
    let filter =
        r#"{"error":{"code":"content_filter","message":"It was overloaded with hate; a guardrail stopped it."}}"#;
    assert_eq!(read(400, filter).0, "content_filter");
}

#[test]
fn what_a_gateway_wraps_in_a_sentence_is_read() {
    let inner = r#"litellm.BadRequestError: OpenAIException - {\"error\": {\"message\": \"max_tokens is too large\", \"param\": \"max_tokens\", \"code\": \"invalid_value\"}}"#;
    let body = format!(r#"{{"error":{{"message":"{inner}","type":"None","param":"None","code":"400"}}}}"#);
    let ModelError::Rejected(rejection) = ErrorBody::read(body.as_bytes()).into_error(400, "") else {
        panic!("no rejection")
    };
    assert_eq!(rejection.detail, "max_tokens is too large");
    assert_eq!(rejection.param.as_deref(), Some("max_tokens"));
    assert_eq!(rejection.reason.code(), "invalid_parameter");
    // A text that only mentions an object stays.
    let shown = ErrorBody::read(br#"{"error":"the tool {\"name\": \"x\"} is not known"}"#);
    assert_eq!(shown.message, r#"the tool {"name": "x"} is not known"#);
}
