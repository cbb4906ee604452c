//! Analysis of a question.

use retrieval::{Language, QuestionTerm, Relation, Wants, of_question, question_terms, standalone, subject_terms};

use crate::chat::{Message, Role, exchanges};

/// An analyzed question.
#[derive(Debug)]
pub(super) struct Question {
    /// As it was asked.
    pub text: String,
    /// The terms of the question itself, each once.
    pub terms: Vec<QuestionTerm>,
    /// The terms of the conversation, if the question depends on it.
    pub context: Vec<QuestionTerm>,
    pub wants: Wants,
}

impl Question {
    /// Analyzes the last message of the user about documents in these languages.
    pub(super) fn read(messages: &[Message], languages: &[Language]) -> Self {
        let last = messages.iter().rposition(|message| message.role == Role::User);
        let (before, text) = match last {
            Some(at) => (&messages[..at], messages[at].content.as_str()),
            None => (messages, ""),
        };
        let relation = Relation::of(text, languages);
        let terms = if relation == Relation::More || is_without_subject(text, languages) {
            Vec::new()
        } else {
            question_terms(text, languages)
        };
        let mut context = Vec::new();
        if relation != Relation::Independent {
            let whole = standalone(text, &exchanges(before), languages);
            if !is_without_subject(&whole, languages) {
                context = question_terms(&whole, languages);
                context.retain(|old| !terms.iter().any(|term| term.forms == old.forms));
            }
        }
        Self {
            text: text.to_owned(),
            terms,
            context,
            wants: Wants::of(text, languages),
        }
    }
}

/// Returns whether a text has only stop words.
fn is_without_subject(text: &str, languages: &[Language]) -> bool {
    subject_terms(of_question(text, languages), text).is_empty()
}
