//! Answers that fail.

use std::io::Write as _;

use super::double::{begin_stream, end_stream, send_chunk, wait_for_close};
use super::*;
use crate::{Rejection, RejectionReason, TimeLimit};

#[tokio::test]
async fn refusals_are_told_apart() {
    let refused = |status, detail: &str| ModelError::Refused {
        status,
        detail: detail.to_owned(),
    };
    let limited = |seconds: Option<u64>| ModelError::RateLimited {
        retry_after: seconds.map(Duration::from_secs),
    };
    for (status, headers, body, expected) in [
        (
            "401 Unauthorized",
            "",
            r#"{"error":{"message":"Incorrect API key provided: sk-test.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            refused(401, "Incorrect API key provided: ***."),
        ),
        (
            "404 Not Found",
            "",
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            ModelError::Rejected(Rejection {
                reason: RejectionReason::ModelNotFound,
                param: None,
                detail: "The model `x` does not exist".to_owned(),
            }),
        ),
        (
            "429 Too Many Requests",
            "retry-after: 20\r\n",
            r#"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#,
            limited(Some(20)),
        ),
        ("429 Too Many Requests", "", "", limited(None)),
        (
            "503 Service Unavailable",
            "",
            "<html>overloaded</html>",
            refused(503, "<html>overloaded</html>"),
        ),
        ("302 Found", "location: http://127.0.0.1:1/\r\n", "", refused(302, "")),
        (
            "200 OK",
            "",
            r#"{"error":"model is loading"}"#,
            refused(500, "model is loading"),
        ),
    ] {
        let answer = outcome(&Double::refusing(status, headers, body).model(PATIENT)).await;
        assert_eq!(answer, (String::new(), None, Some(expected)), "{status}");
    }
    let answer = outcome(
        &Double::refusing(
            "429 Too Many Requests",
            "retry-after: 1\r\n",
            recordings::INSUFFICIENT_QUOTA,
        )
        .model(PATIENT),
    )
    .await;
    assert!(
        matches!(answer.2, Some(ModelError::QuotaExhausted { .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_endless_refusal_is_not_read_to_its_end() {
    let double = Double::start(|connection| {
        connection
            .write_all(b"HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n")
            .unwrap();
        // Ends when the client disconnects.
        while write!(connection, "400\r\n{}\r\n", "x".repeat(1024)).is_ok() {}
    });
    let error = outcome(&double.model(PATIENT)).await.2;
    assert_eq!(
        error,
        Some(ModelError::Refused {
            status: 500,
            detail: "x".repeat(600)
        })
    );
}

#[tokio::test]
async fn an_error_inside_the_stream_ends_it() {
    let answer = outcome(&Double::streaming(recordings::ERROR_INSIDE).model(PATIENT)).await;
    let error = ModelError::Interrupted {
        detail: "Provider disconnected".to_owned(),
    };
    assert_eq!(answer, ("Hel".to_owned(), None, Some(error)));

    let limited = "event: error\ndata: {\"error\":{\"message\":\"x\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}\n\n";
    let answer = outcome(&Double::streaming(limited).model(PATIENT)).await;
    assert_eq!(answer.2, Some(ModelError::RateLimited { retry_after: None }));
}

#[tokio::test]
async fn a_frame_that_is_damaged_is_malformed_because_words_are_lost_with_it() {
    for frame in [
        "data: {\"choices\":\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}}\n\n",
    ] {
        let answer = outcome(&Double::streaming(frame).model(PATIENT)).await;
        assert!(
            matches!(answer, (_, None, Some(ModelError::Malformed { .. }))),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_line_without_end_is_malformed() {
    let double = Double::start(|connection| {
        begin_stream(connection);
        while write!(connection, "10000\r\n{}\r\n", "x".repeat(0x10000)).is_ok() {}
    });
    assert!(matches!(
        outcome(&double.model(PATIENT)).await.2,
        Some(ModelError::Malformed { .. })
    ));
}

const HALF: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"con";

#[tokio::test]
async fn a_stream_cut_in_the_middle_is_an_error_however_it_is_cut() {
    let ends: [fn(&mut std::net::TcpStream); 2] = [end_stream, |_| {}];
    for end in ends {
        let double = Double::start(move |connection| {
            begin_stream(connection);
            send_chunk(connection, HALF.as_bytes());
            end(connection);
        });
        assert_eq!(
            outcome(&double.model(PATIENT)).await,
            ("Hel".to_owned(), None, Some(ModelError::Cut))
        );
    }
}

#[tokio::test]
async fn a_whole_answer_that_loses_only_its_end_mark_is_estimated() {
    const WHOLE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}\n\n";
    let usage = Usage {
        prompt_tokens: 7,
        completion_tokens: 2,
        estimated: true,
        ..Usage::default()
    };
    let expected = ("Hello".to_owned(), Some((FinishReason::Stop, usage)), None);
    assert_eq!(outcome(&Double::streaming(WHOLE).model(PATIENT)).await, expected);

    let double = Double::start(|connection| {
        begin_stream(connection);
        send_chunk(connection, WHOLE.as_bytes());
        wait_for_close(connection);
    });
    assert_eq!(
        outcome(&double.model(TimeLimits {
            between_tokens: SHORT,
            ..PATIENT
        }))
        .await,
        expected
    );
}

#[tokio::test]
async fn a_provider_that_never_answers_times_out() {
    let double = Double::start(wait_for_close);
    let error = outcome(&double.model(TimeLimits {
        first_token: SHORT,
        ..PATIENT
    }))
    .await
    .2;
    assert_eq!(
        error,
        Some(ModelError::TimedOut {
            what: TimeLimit::FirstToken
        })
    );
}

#[tokio::test]
async fn signs_of_life_do_not_go_on_for_ever() {
    let double = Double::start(|connection| {
        begin_stream(connection);
        let alive = ": alive\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
        while write!(connection, "{:x}\r\n{alive}\r\n", alive.len()).is_ok() {}
    });
    let error = outcome(&double.model(TimeLimits {
        total: SHORT,
        ..PATIENT
    }))
    .await
    .2;
    assert_eq!(error, Some(ModelError::TimedOut { what: TimeLimit::Total }));
}

#[tokio::test]
async fn a_provider_that_stops_in_the_middle_times_out() {
    let stopping = || {
        Double::start(|connection| {
            begin_stream(connection);
            send_chunk(connection, HALF.as_bytes());
            wait_for_close(connection);
        })
    };
    let answer = outcome(&stopping().model(TimeLimits {
        between_tokens: SHORT,
        ..PATIENT
    }))
    .await;
    let error = ModelError::TimedOut {
        what: TimeLimit::BetweenTokens,
    };
    assert_eq!(answer, ("Hel".to_owned(), None, Some(error)));

    let error = outcome(&stopping().model(TimeLimits {
        total: SHORT,
        ..PATIENT
    }))
    .await
    .2;
    assert_eq!(error, Some(ModelError::TimedOut { what: TimeLimit::Total }));
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = outcome(&model_at(&format!("http://127.0.0.1:{port}?key=secret"), PATIENT))
        .await
        .2
        .unwrap();
    assert!(
        matches!(&error, ModelError::Unreachable { detail } if !detail.contains("secret")),
        "{error:?}"
    );
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (closed, is_closed) = tokio::sync::oneshot::channel();
    let double = Double::start(move |connection| {
        begin_stream(connection);
        send_chunk(connection, HALF.as_bytes());
        wait_for_close(connection);
        let _ = closed.send(());
    });
    let model = double.model(PATIENT);
    let mut stream = model.chat(request());
    assert_eq!(stream.next().await, Some(Ok(ChatEvent::Accepted)));
    assert_eq!(stream.next().await, Some(Ok(ChatEvent::Text("Hel".to_owned()))));
    drop(stream);
    is_closed.await.unwrap();
}
