//! Thinking as each vendor says it, on its way to clients of `OpenAI`'s API and of our own.

use model_double::{Counts, Script, Step, ThinkingStyle};
use serde_json::{Value, json};

use super::*;

const MODELS: [&str; 5] = [
    THINKER,
    "claude-sonnet-4-6",
    "gemini-2.5-flash",
    "bedrock/us.deepseek.r1-v1:0",
    "azure/o3",
];

#[tokio::test]
async fn thinking_of_every_vendor_is_reasoning_content_and_no_part_of_the_answer() {
    let (model, _t, ada) = with_model().await;
    model.always(Script::text("Two years.").thinking(&["Hm, ", "the warranty."]));
    for name in MODELS {
        let (thinking, text, last) = streamed(&ada, asking(name)).await;
        assert_eq!(
            (thinking.as_str(), text.as_str()),
            ("Hm, the warranty.", "Two years."),
            "{name}"
        );
        assert_eq!(last["usage"]["completion_tokens"], 4, "{name}: thinking is paid for");

        let whole = ada.post(CHAT, asking(name)).await.ok().json();
        let message = &whole["choices"][0]["message"];
        assert_eq!(
            (&message["content"], &message["reasoning_content"]),
            (&json!("Two years."), &json!("Hm, the warranty.")),
            "{name}"
        );
        // Anthropic and Bedrock do not say which of their tokens were thinking.
        let details = &whole["usage"]["completion_tokens_details"];
        let is_told = !name.starts_with("claude") && !name.starts_with("bedrock");
        assert_eq!(
            *details,
            if is_told {
                json!({"reasoning_tokens": 2})
            } else {
                Value::Null
            },
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_style_of_servers_that_speak_that_protocol_is_understood() {
    let (model, _t, ada) = with_model().await;
    for style in [
        ThinkingStyle::ReasoningContent,
        ThinkingStyle::Reasoning,
        ThinkingStyle::Details,
        ThinkingStyle::Parts,
    ] {
        model.next(Script::text("Two years.").thinking(&["Hm, ", "so."]).style(style));
        let (thinking, text, _) = streamed(&ada, asking(THINKER)).await;
        assert_eq!(
            (thinking.as_str(), text.as_str()),
            ("Hm, so.", "Two years."),
            "{style:?}"
        );
    }
}

#[tokio::test]
async fn thinking_in_a_tag_at_the_beginning_is_thinking_however_it_is_cut() {
    let (model, _t, ada) = with_model().await;
    for (name, written, thinking, text) in [
        (
            THINKER,
            "<think>\nHm, 東京.\n</think>\n\nTwo years.",
            "\nHm, 東京.\n",
            "Two years.",
        ),
        ("gpt-4o-mini", "<THINK>Hm.</Think>Two years.", "Hm.", "Two years."),
        (
            "claude-sonnet-4-6",
            "<thinking>Hm.</thinking>\nTwo years.",
            "Hm.",
            "Two years.",
        ),
        ("gemini-2.5-flash", "<think></think>Two years.", "", "Two years."),
        (
            "bedrock/us.deepseek.r1-v1:0",
            "Hm.\n</think>\n\nTwo years.",
            "Hm.\n",
            "Two years.",
        ),
        (
            "compatible/deepseek-ai/DeepSeek-R1",
            "Hm.</think>Two years.",
            "Hm.",
            "Two years.",
        ),
    ] {
        for size in [1, 3, 100] {
            model.next(Script::cut_every(size, written));
            let (thought, said, _) = streamed(&ada, asking(name)).await;
            assert_eq!(
                (thought.as_str(), said.as_str()),
                (thinking, text),
                "{name}, pieces of {size}"
            );
            model.next(Script::cut_every(size, written));
            let whole = ada.post(CHAT, asking(name)).await.ok().json();
            assert_eq!(
                whole["choices"][0]["message"]["content"], text,
                "{name}, pieces of {size}"
            );
        }
    }
}

#[tokio::test]
async fn a_tag_that_is_talked_about_passes_byte_for_byte() {
    let (model, _t, ada) = with_model().await;
    for written in [
        "Write <think>so</think> into the prompt.",
        "```xml\n<think>so</think>\n```",
        "`<think>` opens it and `</think>` closes it.",
        "</think> closes it.",
        "<thinker>so</thinker>",
    ] {
        for size in [1, 4] {
            model.next(Script::cut_every(size, written));
            let (thinking, text, _) = streamed(&ada, asking(THINKER)).await;
            assert_eq!((thinking.as_str(), text.as_str()), ("", written));
        }
    }
}

#[tokio::test]
async fn the_stream_of_a_model_begins_with_its_first_thought() {
    let (model, _t, ada) = with_model().await;
    let gate = model_double::Gate::default();
    model.next(Script::text("Two.").thinking(&["Hm."]).paced(&gate));
    gate.open(1);
    let mut stream = ada.stream(CHAT, asking(THINKER)).await;
    let begin = stream.next().await.unwrap().json();
    assert_eq!(begin["choices"][0]["delta"]["role"], "assistant");
    let thought = stream.next().await.unwrap().json();
    assert_eq!(thought["choices"][0]["delta"], json!({"reasoning_content": "Hm."}));
    gate.open(1);
    stream.rest().await;
}

#[tokio::test]
async fn the_own_stream_tells_thinking_to_those_who_ask_for_it_only() {
    let (model, _t, ada) = with_model().await;
    model.always(Script::text("Two years.").thinking(&["Hm."]));
    let asked = json!({"message": "How long?", "model": THINKER});
    let plain = ada.stream("/api/v1/ai/chat/stream", asked.clone()).await.rest().await;
    assert!(plain.iter().all(|frame| !frame.data.contains("Hm.")), "{plain:?}");
    for field in ["include_thinking", "includeThinking"] {
        let mut asked = asked.clone();
        asked[field] = true.into();
        let frames = ada.stream("/api/v1/ai/chat", asked).await.rest().await;
        assert_eq!(frames[0].json(), json!({"content": "", "thinking": "Hm."}));
        assert_eq!(
            (said(&frames, "content").as_str(), said(&frames, "thinking").as_str()),
            ("Two years.", "Hm.")
        );
    }
}

#[tokio::test]
async fn tokens_of_thinking_are_tokens_of_the_answer_in_the_books() {
    let (model, _t, ada) = with_model().await;
    let counts = Counts {
        prompt: 10,
        completion: 50,
        reasoning: 40,
        ..Counts::default()
    };
    // Gemini counts thoughts beside the candidates, others among what was written.
    for name in MODELS {
        model.next(Script::text("Two.").thinking(&["Hm."]).usage(counts));
        let usage = ada.post(CHAT, asking(name)).await.ok().json()["usage"].clone();
        assert_eq!(
            (&usage["completion_tokens"], &usage["total_tokens"]),
            (&json!(50), &json!(60)),
            "{name}"
        );
    }
    let limits = ada.get("/api/v1/tokens/limits").await.ok().json();
    assert_eq!(limits["limits"][0]["used"], 60 * MODELS.len());
}

#[tokio::test]
async fn a_wish_for_thinking_reaches_models_that_take_one() {
    let (model, _t, ada) = with_model().await;
    for (name, expected) in [
        ("azure/o3", json!("high")),
        ("gpt-4o-mini", Value::Null),
        ("claude-sonnet-4-6", Value::Null),
    ] {
        let mut body = asking(name);
        body["reasoning_effort"] = json!("high");
        ada.post(CHAT, body).await.ok();
        assert_eq!(
            model.calls().pop().unwrap().body["reasoning_effort"],
            expected,
            "{name}"
        );
    }
    let mut wrong = asking(THINKER);
    wrong["reasoning_effort"] = json!("a lot");
    ada.post(CHAT, wrong).await.expect(400);
}

#[tokio::test]
async fn a_failure_while_a_model_thinks_is_told_and_charged() {
    let (model, _t, ada) = with_model().await;
    let script = Script::of(vec![
        Step::Thought("eight by".to_owned()),
        Step::Error("server_error".to_owned()),
    ]);
    model.next(script);
    let frames = ada.stream(CHAT, asking(THINKER)).await.rest().await;
    assert_eq!(frames.last().unwrap().event, "error");
    let used = ada.get("/api/v1/tokens/limits").await.ok().json()["limits"][0]["used"].clone();
    // 7 of the prompt as estimated, and 2 that were thought.
    assert_eq!(used, 9);
}
