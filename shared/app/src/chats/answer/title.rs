//! Conversation titles: first the start of the first question, later a better one from a model.

use std::time::Duration;

use domain::{Category, ConversationId, Result};
use futures::{StreamExt as _, future::BoxFuture};
use llm::{ChatRequest, Message, ReasoningEffort};
use store::Conversations;

use crate::{App, BillingContext, Generated, Generation};

/// Maximum length of an automatic title, in characters.
const TITLE: usize = 60;
/// Maximum length of the excerpts of question and answer used for a title, in characters.
const EXCERPT: usize = 1000;
/// Maximum length of a model's title, in tokens.
const MAX_TOKENS: u32 = 32;
/// Maximum number of reasoning tokens for a title.
const THINKING_TOKENS: u32 = 2_048;
/// Timeout for a title.
const LIMIT: Duration = Duration::from_secs(15);
/// The same for a reasoning model.
const THINKING_LIMIT: Duration = Duration::from_mins(1);

const RULES: &str = "Write a title for the conversation below: at most six words, in its language, without quotation \
    marks and without a full stop. Write nothing but the title.";

/// A conversation titled with the start of its first question.
pub(super) struct TitleGenerator {
    pub(super) billing: BillingContext,
    pub(super) model: String,
    pub(super) conversation: ConversationId,
    /// Its current title.
    pub(super) title: String,
}

impl TitleGenerator {
    /// Replaces the title by one that a model writes for the first turn, unless the user has set one in the meantime.
    /// On any failure the current title stays.
    pub(super) fn generate_title(
        self,
        app: App,
        conversations: Conversations,
        question: String,
        answer: String,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // The built-in model only quotes; it writes no titles.
            let Ok(chosen) = app.model(&self.model, &[]).await else {
                return;
            };
            if !chosen.model.info().generative {
                return;
            }
            let limit = if chosen.thinking_tokens > 0 {
                THINKING_LIMIT
            } else {
                LIMIT
            };
            let effort = (chosen.thinking_tokens > 0).then_some(ReasoningEffort::Low);
            let made = tokio::time::timeout(limit, self.make(&app, &question, &answer, effort)).await;
            let stored = match made {
                Ok(Ok(Some(title))) => conversations
                    .retitle(&self.conversation, &self.title, &title)
                    .await
                    .map(|_| ()),
                Ok(Ok(None)) | Err(_) => Ok(()),
                Ok(Err(error)) => Err(error),
            };
            if let Err(error) = stored {
                tracing::info!(conversation_id = %self.conversation, %error, "title.not_made");
            }
        })
    }

    async fn make(
        &self,
        app: &App,
        question: &str,
        answer: &str,
        reasoning_effort: Option<ReasoningEffort>,
    ) -> Result<Option<String>> {
        let said = format!("Person: {}\n\nAssistant: {}", excerpt(question), excerpt(answer));
        let generation = Generation {
            id: app.ids.make()?,
            billing: self.billing.clone(),
            category: Category::Titles,
            model: self.model.clone(),
            thinking_tokens: THINKING_TOKENS,
            request: ChatRequest {
                model: String::new(),
                system: Some(RULES.to_owned()),
                messages: vec![Message::user(said)],
                sources: None,
                refusal: None,
                prescribed: None,
                max_tokens: MAX_TOKENS,
                temperature: None,
                reasoning_effort,
            },
        };
        let mut events = app.generate(generation).await?;
        let mut title = String::new();
        while let Some(event) = events.next().await {
            if let Generated::Text(text) = event? {
                title.push_str(&text);
            }
        }
        Ok(clean(&title))
    }
}

fn excerpt(text: &str) -> &str {
    text.char_indices().nth(EXCERPT).map_or(text, |(end, _)| &text[..end])
}

/// Extracts the title from a model's text; `None` if there is none.
fn clean(written: &str) -> Option<String> {
    let line = written.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line = line.trim_start_matches('#').trim();
    let line = line.strip_prefix("Title:").unwrap_or(line);
    let marks = |c: char| c.is_whitespace() || "\"'`*_“”„«»‘’".contains(c);
    let line = line.trim_matches(marks).trim_end_matches('.').trim_end_matches(marks);
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    Some(cut(&line)).filter(|title| title.chars().any(char::is_alphanumeric))
}

/// Returns the start of a text, truncated at a word boundary.
pub(crate) fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE {
        return line;
    }
    let cut: String = line.chars().take(TITLE).collect();
    let cut = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::{clean, cut};

    #[test]
    fn a_title_is_the_beginning_of_the_question_cut_at_a_word() {
        assert_eq!(cut("  What is\nthis? "), "What is this?");
        let long = cut("How long do I have to return a grinder that was opened but never used at all?");
        assert_eq!(long, "How long do I have to return a grinder that was opened but…");
        assert_eq!(cut(&"x".repeat(80)).chars().count(), 61);
    }

    #[test]
    fn of_what_a_model_writes_the_title_is_what_counts() {
        for (written, title) in [
            ("Grinder returns", Some("Grinder returns")),
            ("\n\"Grinder returns.\"\n\nBecause ...", Some("Grinder returns")),
            ("## **Das Mahlwerk**", Some("Das Mahlwerk")),
            ("Title: 返品について", Some("返品について")),
            ("", None),
            ("...", None),
        ] {
            assert_eq!(clean(written).as_deref(), title, "{written}");
        }
    }
}
