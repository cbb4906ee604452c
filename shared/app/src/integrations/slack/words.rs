//! What people at Slack are told instead of an answer.

use domain::Error;

/// What to do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Only the person who asked sees it: it is about their limits, or those of the account.
    Person(String),
    /// Everyone in the thread sees it.
    Thread(String),
    /// Nobody yet: the next delivery may succeed.
    Later,
}

/// The model failed, or what it needs.
const NO_ANSWER: &str = "I could not get an answer from the model. Please ask again in a few minutes.";

/// Returns what to do about a failure to answer. `is_last`: whether no further delivery is worth waiting for.
pub(super) fn told(error: &Error, is_last: bool) -> Told {
    match error {
        // Sentences for those who use the API name its settings; people at Slack can only wait.
        Error::Limit(_) => Told::Person(
            "I cannot answer now, because the limit of tokens or requests is reached. Please ask again later."
                .to_owned(),
        ),
        Error::TooMany { detail, .. } => Told::Person((*detail).to_owned()),
        Error::Invalid(_) | Error::BadRequest { .. } | Error::TooLarge { .. } => {
            Told::Person("I could not read this message. Please ask a shorter question.".to_owned())
        }
        // Something else is to end first, which may take as long as an answer.
        Error::InProgress { .. } => Told::Later,
        Error::Internal { .. } | Error::Unavailable { .. } | Error::Conflict { .. } if !is_last => Told::Later,
        _ => Told::Thread(NO_ANSWER.to_owned()),
    }
}

/// No chatbot answers in a channel.
pub(super) const NO_CHATBOT: &str = "No chatbot is set for this channel. Ask who set up this app to choose one.";
/// A message without a question.
pub(super) const NO_QUESTION: &str = "Ask me a question, and I will look for the answer.";
/// What the status of a thread says while the model is asked.
pub(super) const THINKING: &str = "is thinking...";
/// An answer that ended early.
pub(super) const INTERRUPTED: &str = "\n\n_The answer was interrupted. Ask again to get a complete one._";
/// What is said about files that were shared without a question.
pub(super) fn read(documents: usize, unreadable: &[String]) -> String {
    let first = match documents {
        0 => String::new(),
        1 => "I have read the file. What would you like to know?".to_owned(),
        number => format!("I have read {number} files. What would you like to know?"),
    };
    let rest = not_read(unreadable);
    if first.is_empty() || rest.is_empty() {
        first + &rest
    } else {
        format!("{first} {rest}")
    }
}

/// What is said about files that cannot be read; empty without any.
pub(super) fn not_read(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!("I could not read {}.", names.join(", "))
}

/// Too many questions of one person.
pub(super) const TOO_MANY: &str =
    "You have asked as many questions as one person may ask in a day. Please ask again later.";
