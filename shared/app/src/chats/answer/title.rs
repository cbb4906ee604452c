//! Conversation titles: first the start of the first question, later a better one from a model.

use std::time::Duration;

use domain::{Category, ConversationId};
use futures::future::BoxFuture;
use store::Conversations;

use crate::{
    App, BillingContext,
    ai::auxiliary::{AuxiliaryText, excerpt},
};

/// Maximum length of an automatic title, in characters.
const TITLE: usize = 60;
/// Maximum length of the excerpts of question and answer used for a title, in characters.
const EXCERPT: usize = 1000;
/// Maximum length of a model's title, in tokens.
const MAX_TOKENS: u32 = 32;
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
            let said = format!(
                "Person: {}\n\nAssistant: {}",
                excerpt(&question, EXCERPT),
                excerpt(&answer, EXCERPT)
            );
            let wanted = AuxiliaryText {
                billing: self.billing,
                category: Category::Titles,
                model: self.model,
                rules: RULES,
                message: said,
                max_tokens: MAX_TOKENS,
                limit: LIMIT,
                thinking_limit: THINKING_LIMIT,
            };
            let stored = match app
                .auxiliary_text(wanted)
                .await
                .map(|text| text.as_deref().and_then(clean))
            {
                Ok(Some(title)) => conversations
                    .retitle(&self.conversation, &self.title, &title)
                    .await
                    .map(|_| ()),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = stored {
                tracing::info!(conversation_id = %self.conversation, %error, "title.not_made");
            }
        })
    }
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
