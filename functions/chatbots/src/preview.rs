//! Previews of a chatbot's answers.

use app::{Completion, Message};
use domain::{ChatbotId, Citation, DocumentId, Error, Result, Usage, chats::conversation::MAX_MESSAGE};
use garde::Validate;
use http_api::not_blank;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input::SettingsPatch;

/// Maximum number of earlier messages.
const MAX_HISTORY: usize = 50;

/// A message to be answered by a chatbot that may not be saved yet.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct PreviewRequest {
    /// The chatbot whose settings and documents apply where the request has none. Visitors name a published one.
    #[garde(skip)]
    pub(crate) chatbot_id: Option<ChatbotId>,
    /// Settings to preview; the others are those of the chatbot, or the defaults.
    #[garde(dive)]
    pub(crate) settings: Option<SettingsPatch>,
    /// The message.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    #[schemars(regex(pattern = http_api::NOT_BLANK))]
    pub(crate) message: String,
    /// IDs of the documents to answer from, instead of those of the chatbot. `document_ids` is an alias.
    #[garde(skip)]
    #[serde(alias = "document_ids", alias = "documentIds")]
    pub(crate) documents: Option<Vec<DocumentId>>,
    /// The conversation before the message, oldest message first.
    #[garde(length(max = MAX_HISTORY), dive)]
    #[serde(default)]
    pub(crate) chat_history: Vec<HistoryMessage>,
}

/// An earlier message.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct HistoryMessage {
    #[garde(skip)]
    role: HistoryRole,
    #[garde(length(chars, max = MAX_MESSAGE))]
    content: String,
}

/// Who wrote it.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum HistoryRole {
    User,
    Assistant,
}

impl PreviewRequest {
    /// Returns the chatbot that a visitor may preview.
    ///
    /// # Errors
    /// Returns [`Error::Unauthorized`] if the request is one of a member.
    pub(crate) fn published(&self) -> Result<&ChatbotId> {
        let is_of_visitor = self.settings.is_none() && self.documents.is_none();
        self.chatbot_id
            .as_ref()
            .filter(|_| is_of_visitor)
            .ok_or(Error::Unauthorized {
                code: "credentials_required",
                detail: "Sign in to preview settings and documents, or name only a published chatbot and a message.",
            })
    }
}

/// Returns the messages of a preview, oldest first.
pub(crate) fn messages(history: Vec<HistoryMessage>, message: String) -> Vec<Message> {
    let history = history.into_iter().map(|said| match said.role {
        HistoryRole::User => Message::user(said.content),
        HistoryRole::Assistant => Message::assistant(said.content),
    });
    history.chain([Message::user(message)]).collect()
}

/// A previewed answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatbotPreview")]
pub(crate) struct PreviewView {
    /// The answer, with citations as `[number]`.
    response: String,
    /// The passages that the numbers in the answer cite.
    sources: Vec<Citation>,
    /// A notice about the answer, for example that documents were still being indexed.
    notice: Option<String>,
    /// The model that answered; `local` if the settings prescribe the answer.
    model: String,
    /// `stop`, `length` or `content_filter`.
    finish_reason: String,
    usage: Usage,
}

impl From<Completion> for PreviewView {
    fn from(completion: Completion) -> Self {
        let answer = completion.answer;
        Self {
            response: answer.text,
            sources: answer.citations,
            notice: answer.notice,
            model: answer.model.unwrap_or_default(),
            finish_reason: answer.finish_reason.unwrap_or_default(),
            usage: answer.usage,
        }
    }
}
