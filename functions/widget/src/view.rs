//! What visitors see. Nothing of it tells settings, models, usage or costs of the organization.

use app::{ShownMessage, VisitorAnswer, WidgetConfig, WidgetSession};
use domain::{
    AnswerStatus, Citation, MessageId, Rating, Timestamp,
    integrations::website::{WidgetPosition, WidgetTheme},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The configuration of the widget.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetConfig")]
pub(crate) struct ConfigView {
    chatbot_id: String,
    name: String,
    welcome_message: Option<String>,
    suggested_questions: Vec<String>,
    appearance: LookView,
    features: FeaturesView,
    /// Whether the product's name stands below.
    powered_by: bool,
}

/// What the widget looks like.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetLook")]
pub(crate) struct LookView {
    title: Option<String>,
    /// Accent color, `#rrggbb`.
    color: Option<String>,
    position: WidgetPosition,
    theme: WidgetTheme,
    /// Language of the widget's own texts; that of the page if null.
    language: Option<String>,
}

/// What visitors may do besides asking.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetFeatures")]
#[expect(clippy::struct_excessive_bools, reason = "each is a feature of its own")]
pub(crate) struct FeaturesView {
    /// Rate answers.
    feedback: bool,
    /// Leave their name and address.
    lead_form: bool,
    /// Ask for a person.
    handover: bool,
    /// Whether only visitors whom the site has signed in may ask.
    identity_required: bool,
}

impl From<WidgetConfig> for ConfigView {
    fn from(config: WidgetConfig) -> Self {
        Self {
            chatbot_id: config.chatbot_id.0,
            name: config.name,
            welcome_message: config.welcome_message,
            suggested_questions: config.suggested_questions,
            appearance: LookView {
                title: config.appearance.title,
                color: config.appearance.color,
                position: config.appearance.position,
                theme: config.appearance.theme,
                language: config.appearance.language,
            },
            features: FeaturesView {
                feedback: config.feedback,
                lead_form: config.lead_form,
                handover: config.handover,
                identity_required: config.identity_required,
            },
            powered_by: config.powered_by,
        }
    }
}

/// A session that was begun.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetSession")]
pub(crate) struct SessionStarted {
    /// Token of the session.
    session_id: String,
    welcome_message: Option<String>,
    expires_at: Timestamp,
}

impl From<WidgetSession> for SessionStarted {
    fn from(session: WidgetSession) -> Self {
        Self {
            session_id: session.id.expose().to_owned(),
            welcome_message: session.welcome_message,
            expires_at: session.expires_at,
        }
    }
}

/// A passage that an answer cites.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetSource")]
pub(crate) struct SourceView {
    /// The number in the answer's text, as in `[1]`.
    number: u32,
    document_id: String,
    /// Name of the document.
    name: String,
    page: Option<u32>,
    heading: Option<String>,
    /// The text that supports the answer.
    excerpt: String,
    /// Address of the web page that the document is; null for files.
    url: Option<String>,
}

fn sources(sourced: &VisitorAnswer) -> Vec<SourceView> {
    let view = |citation: &Citation| SourceView {
        number: citation.number,
        document_id: citation.document_id.clone(),
        name: citation.name.clone(),
        page: citation.page,
        heading: citation.heading.clone(),
        excerpt: citation.excerpt.clone(),
        url: sourced.url_of(citation).map(str::to_owned),
    };
    sourced.answer.citations.iter().map(view).collect()
}

/// Returns the text of an answer, or why there is none.
fn text(sourced: &VisitorAnswer) -> String {
    let answer = &sourced.answer;
    if answer.text.is_empty() {
        answer.notice.clone().unwrap_or_default()
    } else {
        answer.text.clone()
    }
}

/// An answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetReply")]
pub(crate) struct ReplyView {
    /// The answer, as Markdown.
    response: String,
    sources: Vec<SourceView>,
    message_id: String,
}

impl ReplyView {
    pub(crate) fn new(sourced: Option<&VisitorAnswer>) -> Self {
        Self {
            response: sourced.map(text).unwrap_or_default(),
            sources: sourced.map(sources).unwrap_or_default(),
            message_id: sourced.map(|it| it.answer.id.0.clone()).unwrap_or_default(),
        }
    }
}

/// An event of a streamed answer. The last one has no content, and the sources.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "WidgetReplyEvent")]
#[serde(default)]
pub(crate) struct ReplyFrame {
    /// The next words of the answer.
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<SourceView>>,
    /// Why the answer is empty or incomplete.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
}

impl ReplyFrame {
    pub(crate) fn text(content: String) -> Self {
        Self {
            content,
            ..Self::default()
        }
    }

    pub(crate) fn last(sourced: Option<&VisitorAnswer>) -> Self {
        Self {
            content: String::new(),
            message_id: sourced.map(|it| it.answer.id.0.clone()),
            sources: sourced.map(sources),
            notice: sourced.and_then(|it| it.answer.notice.clone()),
        }
    }
}

/// The author of a message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetAuthor")]
#[serde(rename_all = "lowercase")]
enum Author {
    /// The visitor.
    User,
    /// The chatbot.
    Assistant,
}

/// A message of a visitor's conversation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetMessage")]
struct MessageView {
    id: String,
    role: Author,
    content: String,
    sources: Vec<SourceView>,
    /// The visitor's rating of an answer.
    rating: Option<Rating>,
    /// Whether the answer is still being generated.
    pending: bool,
    created_at: Timestamp,
}

/// A visitor's conversation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WidgetConversation")]
pub(crate) struct ConversationView {
    /// The latest messages, oldest first.
    messages: Vec<MessageView>,
}

impl ConversationView {
    /// Returns the view of messages. `sourced`: their answers, in any order.
    pub(crate) fn new(shown: &[ShownMessage], sourced: &[VisitorAnswer], now: Timestamp) -> Self {
        let of = |id: &MessageId| sourced.iter().find(|it| &it.answer.id == id);
        let view = |message: &ShownMessage| match of(&message.id) {
            Some(it) => MessageView {
                id: message.id.0.clone(),
                role: Author::Assistant,
                content: text(it),
                sources: sources(it),
                rating: it.answer.feedback.as_ref().map(|feedback| feedback.rating),
                pending: it.answer.status_at(now) == AnswerStatus::Generating,
                created_at: it.answer.created_at,
            },
            None => MessageView {
                id: message.id.0.clone(),
                role: Author::User,
                content: message.turn.question.clone(),
                sources: Vec::new(),
                rating: None,
                pending: false,
                created_at: message.turn.created_at,
            },
        };
        Self {
            messages: shown.iter().map(view).collect(),
        }
    }
}
