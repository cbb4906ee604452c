//! Successful answers, and the requests for them.

use super::double::{begin_stream, end_stream, send_chunk};
use super::*;
use crate::InvalidBaseUrl;
use crate::Source;
use crate::openai::wire::Body;
use crate::testing::{HARD, every_split_is_the_same};

#[tokio::test]
async fn a_recorded_answer_is_streamed_with_its_usage() {
    let double = Double::streaming(recordings::OPENAI);
    let answer = outcome(&double.model(PATIENT)).await;
    assert_eq!(
        answer,
        ("Hi?".to_owned(), Some((FinishReason::Stop, counted(10, 5))), None)
    );

    let seen = double.seen();
    assert!(
        seen.head.starts_with("post /v1/chat/completions http/1.1\r\n"),
        "{}",
        seen.head
    );
    assert!(seen.head.contains("authorization: bearer sk-test\r\n"));
    assert_eq!(
        seen.body,
        json!({
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": "Say hello."}],
            "max_tokens": 50,
            "stream": true,
            "stream_options": {"include_usage": true},
        })
    );
}

#[tokio::test]
async fn every_dialect_is_understood() {
    for (recording, text, reason, usage) in [
        (
            recordings::GROQ,
            "Grüße 🍵 東京",
            FinishReason::Length,
            counted(18, 439),
        ),
        (
            recordings::AZURE,
            "Color",
            FinishReason::ContentFilter,
            Usage {
                prompt_tokens: 7,
                completion_tokens: 2,
                estimated: true,
                ..Usage::default()
            },
        ),
        (
            recordings::OPENROUTER,
            "Hello",
            FinishReason::Stop,
            // The thought counts once, though it was sent twice.
            Usage {
                prompt_tokens: 7,
                completion_tokens: 6,
                reasoning_tokens: 4,
                estimated: true,
                ..Usage::default()
            },
        ),
    ] {
        let answer = outcome(&Double::streaming(recording).model(PATIENT)).await;
        assert_eq!(answer, (text.to_owned(), Some((reason, usage)), None));
    }
}

/// Answers in the formats of other protocols, which some gateways pass on for Chat Completions.
#[tokio::test]
async fn answers_in_the_shapes_of_other_protocols_are_read() {
    let ollama = [
        r#"{"message":{"role":"assistant","content":"Two "},"done":false}"#,
        r#"{"message":{"role":"assistant","content":"years."},"done":false}"#,
        r#"{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":3}"#,
    ];
    let cumulative = [
        r#"{"choices":[{"message":{"content":"Two"}}]}"#,
        r#"{"choices":[{"message":{"content":"Two ye"}}]}"#,
        r#"{"choices":[{"message":{"content":"Two years."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}"#,
    ];
    let mixed = [
        r#"{"choices":[{"message":{"content":"Two "}}]}"#,
        r#"{"choices":[{"delta":{"content":"years."}}]}"#,
        r#"{"choices":[{"message":{"content":"Two years."},"finish_reason":"stop"}],"usage":{"input_tokens":9,"output_tokens":3}}"#,
    ];
    let dash_scope = [
        r#"{"output":{"text":"Two","finish_reason":"null"}}"#,
        r#"{"output":{"text":"Two years.","finish_reason":"stop"},"usage":{"input_tokens":9,"output_tokens":3}}"#,
    ];
    let dash_scope_messages = [
        r#"{"output":{"choices":[{"message":{"content":"Two "},"finish_reason":"null"}]}}"#,
        r#"{"output":{"choices":[{"message":{"content":"years."},"finish_reason":"stop"}]},"usage":{"input_tokens":9,"output_tokens":3}}"#,
    ];
    let responses = [
        r#"{"type":"response.created","response":{"status":"in_progress","usage":null}}"#,
        r#"{"type":"response.output_text.delta","delta":"Two "}"#,
        r#"{"type":"response.output_text.delta","delta":"years."}"#,
        r#"{"type":"response.output_text.done","text":"Two years."}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[],"usage":{"input_tokens":9,"output_tokens":3}}}"#,
    ];
    let whole =
        [r#"{"generated_text":"Two years.","usage":{"prompt_tokens":9,"completion_tokens":3},"finish_reason":"stop"}"#];
    let shapes: [&[&str]; 7] = [
        &ollama,
        &cumulative,
        &mixed,
        &dash_scope,
        &dash_scope_messages,
        &responses,
        &whole,
    ];
    for events in shapes {
        let stream = format!("data: {}\n\n", events.join("\n\ndata: "));
        let answer = outcome(&Double::streaming(&stream).model(PATIENT)).await;
        let expected = Some((FinishReason::Stop, counted(9, 3)));
        assert_eq!(answer, ("Two years.".to_owned(), expected, None), "{}", events[0]);
    }
}

#[test]
fn every_split_of_a_recording_gives_the_same_text_and_usage() {
    let model = model_at("http://a.example", PATIENT);
    for recording in [
        recordings::OPENAI,
        recordings::GROQ,
        recordings::AZURE,
        recordings::OPENROUTER,
    ] {
        every_split_is_the_same(&model, recording);
    }
    let other = recordings::OPENAI.replace("Hi", HARD);
    let (text, done) = every_split_is_the_same(&model, &other);
    assert_eq!(text, format!("{HARD}?"));
    assert_eq!(done, (FinishReason::Stop, counted(10, 5)));
}

#[tokio::test]
async fn bytes_that_arrive_one_by_one_give_the_same_answer() {
    let double = Double::start(|connection| {
        begin_stream(connection);
        for byte in recordings::GROQ.as_bytes() {
            send_chunk(connection, &[*byte]);
        }
        end_stream(connection);
    });
    let answer = outcome(&double.model(PATIENT)).await;
    assert_eq!(
        answer,
        (
            "Grüße 🍵 東京".to_owned(),
            Some((FinishReason::Length, counted(18, 439))),
            None
        )
    );
}

#[tokio::test]
async fn nothing_behind_the_end_mark_is_read() {
    let double = Double::start(|connection| {
        begin_stream(connection);
        send_chunk(connection, recordings::OPENAI.as_bytes());
        send_chunk(
            connection,
            b"data: {\"choices\":[{\"delta\":{\"content\":\"more\"}}]}\n\ndata: nonsense\n\n",
        );
        end_stream(connection);
    });
    assert_eq!(outcome(&double.model(PATIENT)).await.0, "Hi?");
}

#[tokio::test]
async fn a_grounded_request_carries_its_sources_and_the_operator_comes_first() {
    let double = Double::streaming(recordings::OPENAI);
    let source = Source {
        number: 4,
        name: "a.pdf".to_owned(),
        place: Some("page 2".to_owned()),
        text: "Two years.".to_owned(),
        before: String::new(),
        after: String::new(),
        language: retrieval::Language::Unknown,
        score: 1.0,
        relevance: 1.0,
        likeness: None,
        sentence_cosines: Vec::new(),
    };
    let grounded = ChatRequest {
        system: Some("Be brief.".to_owned()),
        sources: Some(vec![source]),
        temperature: Some(0.5),
        ..request()
    };
    let events: Vec<_> = double.model(PATIENT).chat(grounded).collect().await;
    assert!(events.iter().all(Result::is_ok));
    let body = double.seen().body;
    let system = body["messages"][0]["content"].as_str().unwrap();
    assert_eq!(
        (&body["messages"][0]["role"], &body["temperature"]),
        (&json!("system"), &json!(0.5))
    );
    assert!(system.starts_with("Be brief.\n\n"));
    assert!(system.contains(r#"{"cite":"[cite:4]","name":"a.pdf","place":"page 2","text":"Two years."}"#));
}

#[test]
fn a_stream_that_is_never_polled_asks_nothing() {
    // No runtime is running: any attempt to connect would panic.
    drop(model_at("http://127.0.0.1:1", PATIENT).chat(request()));
}

#[test]
fn base_urls_are_joined_with_the_path() {
    let joined = |base: &str| model_at(base, PATIENT).client.endpoint.to_string();
    assert_eq!(joined("https://a.example/v1"), "https://a.example/v1/chat/completions");
    assert_eq!(joined("https://a.example/v1/"), "https://a.example/v1/chat/completions");
    assert_eq!(joined("http://a.example"), "http://a.example/chat/completions");
    assert_eq!(
        joined("https://a.example/d?api-version=1"),
        "https://a.example/d/chat/completions?api-version=1"
    );
    for base in ["", "a.example/v1", "file:///etc/passwd", "mailto:a@a.example"] {
        let model = model_at("http://a.example", PATIENT);
        assert_eq!(
            OpenAiCompatible::new(model.client.info, base, model.client.api_key, model.client.http).err(),
            Some(InvalidBaseUrl)
        );
    }
}

#[test]
fn parameters_follow_the_model_and_not_the_host() {
    let body = |base: &str, name: &'static str| {
        let model = model_at(base, PATIENT);
        let info = crate::ModelInfo {
            id: name.into(),
            ..model.client.info.clone()
        };
        let model = OpenAiCompatible::new(info, base, model.client.api_key, model.client.http).unwrap();
        let request = ChatRequest {
            temperature: Some(0.5),
            ..request()
        };
        serde_json::to_value(Body::new(&request, None, model.is_reasoning())).unwrap()
    };
    for base in ["https://api.openai.com/v1", "https://gateway.example/v1"] {
        for name in [
            "gpt-5-mini",
            "o3-2025-04-16",
            "openai/o4-mini",
            "openrouter/openai/gpt-5.1",
        ] {
            let body = body(base, name);
            let sent = (
                &body["max_completion_tokens"],
                body.get("max_tokens"),
                body.get("temperature"),
            );
            assert_eq!(sent, (&json!(50), None, None), "{name} at {base}");
        }
        for name in ["gpt-4o", "llama3.3:70b"] {
            let body = body(base, name);
            let sent = (
                &body["max_tokens"],
                body.get("max_completion_tokens"),
                &body["temperature"],
            );
            assert_eq!(sent, (&json!(50), None, &json!(0.5)), "{name} at {base}");
        }
    }
}

#[test]
fn the_key_is_never_printed() {
    let printed = format!("{:?}", model_at("http://a.example", PATIENT));
    assert!(!printed.contains("sk-test") && printed.contains("***"), "{printed}");
}

#[test]
fn azure_is_reached_by_deployment_and_version() {
    let model = model_at("http://a.example", PATIENT);
    let azure = |name: &'static str| {
        let info = crate::ModelInfo {
            id: name.into(),
            ..model.client.info.clone()
        };
        let (key, http) = (model.client.api_key.clone(), model.client.http.clone());
        OpenAiCompatible::azure(info, "https://me.openai.azure.com/", "2024-10-21", key, http).unwrap()
    };
    assert_eq!(
        azure("my-gpt").client.endpoint.as_str(),
        "https://me.openai.azure.com/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21"
    );
    assert!(azure("o4-mini").is_reasoning() && azure("prod-o3-eu").is_reasoning() && !azure("my-gpt").is_reasoning());
}

#[test]
fn what_is_cached_and_reasoned_is_part_of_the_sums() {
    // From the guides on prompt caching and on reasoning at platform.openai.com.
    let usage = json!({"prompt_tokens": 2006, "completion_tokens": 1186, "total_tokens": 3192,
        "prompt_tokens_details": {"cached_tokens": 1920},
        "completion_tokens_details": {"reasoning_tokens": 1024}});
    let stream = recordings::OPENAI.replace(r#""usage":{"#, &format!(r#""usage":{usage},"more":{{"#));
    let (_, done) = crate::testing::read(&model_at("http://a.example", PATIENT), [stream.as_bytes()]);
    let expected = Usage {
        cached_tokens: 1920,
        reasoning_tokens: 1024,
        ..counted(2006, 1186)
    };
    assert_eq!(done.1, expected);
}
