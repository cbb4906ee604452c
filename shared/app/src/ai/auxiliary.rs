//! Short texts that a model writes beside an answer: titles, questions to search for.

use std::time::Duration;

use domain::{Category, Result};
use futures::StreamExt as _;
use llm::{ChatRequest, Message, ReasoningEffort};

use crate::{App, BillingContext, Generated, Generation};

/// Maximum number of reasoning tokens for such a text.
const THINKING_TOKENS: u32 = 2_048;

/// A short text to be written.
pub(crate) struct AuxiliaryText {
    pub(crate) billing: BillingContext,
    pub(crate) category: Category,
    /// Model or alias.
    pub(crate) model: String,
    pub(crate) rules: &'static str,
    pub(crate) message: String,
    pub(crate) max_tokens: u32,
    /// Timeout.
    pub(crate) limit: Duration,
    /// The same for a reasoning model.
    pub(crate) thinking_limit: Duration,
}

impl App {
    /// Returns what the model writes; `None` if it is not one that writes, or not in time.
    ///
    /// # Errors
    /// Returns the errors of [`App::generate`] and its stream.
    pub(crate) async fn auxiliary_text(&self, wanted: AuxiliaryText) -> Result<Option<String>> {
        let chosen = self.model(&wanted.model, &[]).await?;
        // The built-in model only quotes.
        if !chosen.model.info().generative {
            return Ok(None);
        }
        let is_reasoning = chosen.thinking_tokens > 0;
        let limit = if is_reasoning {
            wanted.thinking_limit
        } else {
            wanted.limit
        };
        let generation = Generation {
            id: self.ids.make()?,
            billing: wanted.billing,
            category: wanted.category,
            model: wanted.model,
            thinking_tokens: THINKING_TOKENS,
            request: ChatRequest {
                model: String::new(),
                system: Some(wanted.rules.to_owned()),
                messages: vec![Message::user(wanted.message)],
                sources: None,
                refusal: None,
                prescribed: None,
                max_tokens: wanted.max_tokens,
                temperature: None,
                reasoning_effort: is_reasoning.then_some(ReasoningEffort::Low),
            },
        };
        let written = async {
            let mut events = self.generate(generation).await?;
            let mut text = String::new();
            while let Some(event) = events.next().await {
                if let Generated::Text(piece) = event? {
                    text.push_str(&piece);
                }
            }
            Ok(text)
        };
        tokio::time::timeout(limit, written).await.ok().transpose()
    }
}

/// Returns the start of a text, at most so many characters.
pub(crate) fn excerpt(text: &str, characters: usize) -> &str {
    text.char_indices()
        .nth(characters)
        .map_or(text, |(end, _)| &text[..end])
}
