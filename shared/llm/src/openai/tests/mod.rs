mod answers;
mod double;
mod failures;
mod recordings;

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;

use super::OpenAiCompatible;
use crate::{ChatEvent, ChatModel as _, ChatRequest, FinishReason, Message, ModelError, TimeLimits, Usage};
use double::{Double, model_at};

/// Long enough for any machine: nothing in these tests waits for it.
const PATIENT: TimeLimits = TimeLimits {
    connect: Duration::from_mins(1),
    first_token: Duration::from_mins(1),
    between_tokens: Duration::from_mins(1),
    total: Duration::from_mins(1),
};
/// A limit that is meant to be passed.
const SHORT: Duration = Duration::from_millis(50);

fn request() -> ChatRequest {
    ChatRequest {
        model: "gpt-4o-mini".to_owned(),
        system: None,
        messages: vec![Message::user("Say hello.")],
        sources: None,
        max_tokens: 50,
        temperature: None,
    }
}

/// The text, the end if there was one, and the error if there was one. Nothing may follow either.
type Outcome = (String, Option<(FinishReason, Usage)>, Option<ModelError>);

async fn outcome(model: &OpenAiCompatible) -> Outcome {
    let mut outcome: Outcome = (String::new(), None, None);
    let mut stream = model.chat(request());
    while let Some(event) = stream.next().await {
        assert_eq!((&outcome.1, &outcome.2), (&None, &None), "something follows the end");
        match event {
            Ok(ChatEvent::Text(text)) => {
                assert!(!text.is_empty());
                outcome.0.push_str(&text);
            }
            Ok(ChatEvent::Answering { .. }) => panic!("there is only one model"),
            Ok(ChatEvent::Done { finish_reason, usage }) => outcome.1 = Some((finish_reason, usage)),
            Err(error) => outcome.2 = Some(error),
        }
    }
    outcome
}

fn counted(prompt_tokens: u64, completion_tokens: u64) -> Usage {
    Usage {
        prompt_tokens,
        completion_tokens,
        estimated: false,
        ..Usage::default()
    }
}
