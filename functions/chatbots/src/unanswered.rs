//! Questions that a chatbot did not answer.

use app::AskedQuestion;
use domain::{ChatbotId, FixedAnswer, MessageId, Timestamp};
use garde::Validate;
use http_api::not_blank;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters `{chatbot_id}` and `{message_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct QuestionPath {
    pub(crate) chatbot_id: ChatbotId,
    pub(crate) message_id: MessageId,
}

/// A question that a chatbot did not answer, however often it was asked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UnansweredQuestion")]
pub(crate) struct UnansweredQuestionView {
    /// ID of the message with which the chatbot refused it last.
    id: String,
    /// The question, as it was asked last.
    question: String,
    /// How often it was asked in 90 days, with the same words in any order and inflection.
    times: usize,
    /// When it was asked last.
    asked_at: Timestamp,
    /// The chat session in which it was asked last.
    session_id: String,
}

impl From<AskedQuestion> for UnansweredQuestionView {
    fn from(asked: AskedQuestion) -> Self {
        Self {
            id: asked.answer.0,
            question: asked.question,
            times: asked.times,
            asked_at: asked.at,
            session_id: asked.conversation.0,
        }
    }
}

/// The answer to a question that a chatbot did not answer.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct AnswerToQuestion {
    /// The answer, given as it is from now on.
    #[garde(length(chars, max = FixedAnswer::MAX_ANSWER), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    pub(crate) answer: String,
    /// The question in other words than it was asked in, for example without a name.
    #[garde(length(chars, max = FixedAnswer::MAX_QUESTION), inner(custom(not_blank)))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    pub(crate) question: Option<String>,
}
