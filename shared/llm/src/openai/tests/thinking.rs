//! Thinking, in the formats of providers with this protocol.

use super::*;
use crate::ReasoningEffort;
use crate::testing::spoken;
use model_double::{ModelDouble, Script};

/// Returns a stream of these deltas.
fn deltas(deltas: &[&str]) -> String {
    let chunks: Vec<String> = deltas
        .iter()
        .map(|delta| format!("data: {{\"choices\":[{{\"delta\":{delta},\"finish_reason\":null}}]}}\n\n"))
        .collect();
    let chunks = chunks.concat();
    format!("{chunks}data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n")
}

#[tokio::test]
async fn thinking_is_told_apart_however_it_is_called() {
    for shape in [
        // DeepSeek, llama.cpp, older vLLM.
        vec![
            r#"{"role":"assistant","content":null,"reasoning_content":"Hm."}"#,
            r#"{"content":"Two","reasoning_content":null}"#,
        ],
        // vLLM, Groq, Ollama.
        vec![r#"{"content":"","reasoning":"Hm."}"#, r#"{"content":"Two"}"#],
        // OpenRouter sends it twice.
        vec![
            r#"{"content":"","reasoning":"Hm.","reasoning_details":[{"type":"reasoning.text","text":"Hm.","index":0}]}"#,
            r#"{"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"AbC="}]}"#,
            r#"{"content":"Two","reasoning":null}"#,
        ],
        vec![
            r#"{"reasoning_details":[{"type":"reasoning.summary","summary":"Hm."}]}"#,
            r#"{"content":"Two"}"#,
        ],
        // Magistral.
        vec![
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}]}"#,
            r#"{"content":[{"type":"text","text":"Tw"}]}"#,
            r#"{"content":"o"}"#,
        ],
        // Both in one delta.
        vec![r#"{"reasoning_content":"Hm.","content":"Two"}"#],
        // In the text itself.
        vec![
            r#"{"content":"<thi"}"#,
            r#"{"content":"nk>Hm."}"#,
            r#"{"content":"</think>\n\nTwo"}"#,
        ],
    ] {
        let stream = deltas(&shape);
        let answer = spoken(&Double::streaming(&stream).model(PATIENT), request()).await;
        assert_eq!(answer, ("Hm.".to_owned(), "Two".to_owned()), "{shape:?}");
    }
}

#[tokio::test]
async fn a_model_whose_template_opens_the_tag_begins_with_thinking() {
    let stream = deltas(&[r#"{"content":"Hm.\n</th"}"#, r#"{"content":"ink>\n\nTwo"}"#]);
    let named = |model: &str| ChatRequest {
        model: model.to_owned(),
        ..request()
    };
    let double = Double::streaming(&stream).model(PATIENT);
    assert_eq!(spoken(&double, named("deepseek-ai/DeepSeek-R1")).await.1, "Two");
    // Without a count of thinking, the total is used as it is.
    let double = Double::streaming(&stream).model(PATIENT);
    assert_eq!(spoken(&double, named("llama3.3")).await.1, "Hm.\n</think>\n\nTwo");
}

#[tokio::test]
async fn thinking_is_counted_as_written_and_as_reasoning() {
    // xAI counts it in addition to the answer.
    for usage in [
        r#"{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14,"completion_tokens_details":{"reasoning_tokens":7}}"#,
        r#"{"prompt_tokens":5,"completion_tokens":2,"total_tokens":14,"completion_tokens_details":{"reasoning_tokens":7}}"#,
    ] {
        let stream = format!(
            "{}data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n",
            deltas(&[r#"{"reasoning_content":"Hm."}"#, r#"{"content":"Two"}"#]).replace("data: [DONE]\n\n", "")
        );
        let (_, done, _) = outcome(&Double::streaming(&stream).model(PATIENT)).await;
        let usage = done.unwrap().1;
        assert_eq!((usage.completion_tokens, usage.reasoning_tokens), (9, 7), "{usage:?}");
    }
    // Without counts, both are estimated, tags included.
    let stream = deltas(&[r#"{"content":"<think>abcdefgh</think>Two more."}"#]);
    let (text, done, _) = outcome(&Double::streaming(&stream).model(PATIENT)).await;
    let usage = done.unwrap().1;
    assert_eq!(text, "Two more.");
    assert_eq!(
        (usage.completion_tokens, usage.reasoning_tokens, usage.estimated),
        (8, 2, true)
    );
}

#[tokio::test]
async fn only_models_that_take_a_wish_for_thinking_are_told_of_it() {
    let double = ModelDouble::start().await.unwrap();
    for (model, expected) in [
        ("o3", Some("low")),
        ("openai/gpt-oss-120b", Some("low")),
        ("gpt-4o-mini", None),
    ] {
        double.next(Script::text("Two"));
        let request = ChatRequest {
            model: model.to_owned(),
            reasoning_effort: Some(ReasoningEffort::Low),
            ..request()
        };
        spoken(&model_at(&double.url(), PATIENT), request).await;
        let call = double.calls().pop().unwrap();
        assert_eq!(call.body["reasoning_effort"].as_str(), expected, "{model}");
    }
}
