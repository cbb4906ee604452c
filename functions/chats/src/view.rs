//! Conversations as clients see them.

use app::{Answered, ResultColumn, ShownMessage, ShownQuery};
use domain::{
    Answer, AnswerQuery, AnswerStatus, Citation, Clarification, Conversation, ConversationChannel, ConversationId,
    DataSourceId, Feedback, MessageId, QueryId, Timestamp, Turn, Usage, integrations::visitor::Visitor,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The parameter `{session_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct SessionPath {
    pub(crate) session_id: ConversationId,
}

/// The parameters `{session_id}` and `{message_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct MessagePath {
    pub(crate) session_id: ConversationId,
    pub(crate) message_id: MessageId,
}

/// A chat session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionView {
    id: String,
    /// The same as `id`.
    session_id: String,
    chatbot_id: Option<String>,
    /// The model that answers if there is no chatbot.
    model: Option<String>,
    user_id: String,
    /// Null until the first message.
    title: Option<String>,
    pinned: bool,
    /// Where people hold it with an integration of the user: `slack` or `website`; omitted if the user holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<ConversationChannel>,
    /// The visitor of a web site, as far as they or their site said.
    #[serde(skip_serializing_if = "Option::is_none")]
    visitor: Option<Visitor>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Conversation> for SessionView {
    fn from(conversation: Conversation) -> Self {
        Self {
            id: conversation.id.0.clone(),
            session_id: conversation.id.0,
            chatbot_id: conversation.chatbot.map(|id| id.0),
            model: conversation.model,
            user_id: conversation.user.0,
            title: conversation.title,
            pinned: conversation.pinned,
            channel: conversation.channel,
            visitor: conversation.visitor,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

/// A chat session whose title is always a string.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TitledSessionView {
    session_id: String,
    /// The same as `session_id`.
    id: String,
    chatbot_id: Option<String>,
    /// The model that answers if there is no chatbot.
    model: Option<String>,
    user_id: String,
    /// `New chat` until the first message.
    title: String,
    pinned: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Conversation> for TitledSessionView {
    fn from(conversation: Conversation) -> Self {
        Self {
            title: conversation.title_or_default().to_owned(),
            id: conversation.id.0.clone(),
            session_id: conversation.id.0,
            chatbot_id: conversation.chatbot.map(|id| id.0),
            model: conversation.model,
            user_id: conversation.user.0,
            pinned: conversation.pinned,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

/// A chat session, with its latest messages in reading order if requested.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionWithMessages {
    #[serde(flatten)]
    pub(crate) session: SessionView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messages: Option<Vec<MessageView>>,
}

/// The author of a message.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Author {
    /// The user.
    User,
    /// The chatbot or model.
    Assistant,
}

/// The query that a message tells of.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MessageQuery {
    query_id: QueryId,
    data_source_id: DataSourceId,
    /// Null if there was none.
    sql: Option<String>,
    /// How the question was understood.
    explanation: Option<String>,
    /// The question back, if the question could mean several things equally.
    clarification: Option<Clarification>,
    columns: Vec<ResultColumn>,
    /// The first 100 rows at most.
    rows: Vec<Vec<Value>>,
    /// Number of rows that there were.
    row_count: u64,
    /// Whether there were more rows than are here.
    truncated: bool,
    /// A Vega-Lite specification of a chart, if one suits the rows and they are all here.
    chart: Option<Value>,
}

impl From<&AnswerQuery> for MessageQuery {
    fn from(query: &AnswerQuery) -> Self {
        let shown = ShownQuery::of(query);
        Self {
            query_id: query.id.clone(),
            data_source_id: query.data_source.clone(),
            sql: query.sql.clone(),
            explanation: query.explanation.clone(),
            clarification: query.clarification.clone(),
            columns: shown.columns,
            rows: shown.rows,
            row_count: query.row_count,
            truncated: shown.truncated,
            chart: shown.chart,
        }
    }
}

/// A message.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MessageView {
    id: String,
    session_id: String,
    role: Author,
    content: String,
    /// ID of the previous message.
    parent_id: Option<String>,
    /// IDs of all answers to the same message, or of all versions of the message, oldest first, including this one.
    variants: Vec<MessageId>,
    /// The passages that the numbers in the text cite.
    sources: Vec<Citation>,
    /// The query that it tells of, if a database answered.
    query: Option<MessageQuery>,
    /// A notice about the answer, for example that documents were still being indexed.
    notice: Option<String>,
    /// The model that answered.
    model: Option<String>,
    /// The provider of that model.
    provider: Option<String>,
    /// The requested model, if another one answered.
    requested_model: Option<String>,
    /// Whether another model answered because the requested one was unavailable.
    fallback: bool,
    usage: Option<Usage>,
    /// Cost in millionths of a US dollar; null if the price is unknown.
    cost_micro_usd: Option<u64>,
    /// Milliseconds from the message to the end of the answer.
    latency_ms: Option<u64>,
    /// Milliseconds from the message to the first words of the answer.
    time_to_first_token_ms: Option<u64>,
    /// `stop`, `length`, `content_filter` or `stopped`.
    finish_reason: Option<String>,
    /// `complete`, or the progress of the answer.
    status: AnswerStatus,
    /// The error code, if the answer failed.
    failure: Option<String>,
    feedback: Option<Feedback>,
    created_at: Timestamp,
}

/// Returns the user's message of a turn.
pub(crate) fn question_view(turn: &Turn) -> MessageView {
    let variants = match turn.versions.as_slice() {
        [] => vec![turn.id.question()],
        versions => versions.iter().map(domain::TurnId::question).collect(),
    };
    MessageView {
        id: turn.id.0.clone(),
        session_id: turn.conversation.0.clone(),
        role: Author::User,
        content: turn.question.clone(),
        parent_id: turn.before().map(|id| id.0),
        variants,
        sources: Vec::new(),
        query: None,
        notice: None,
        model: None,
        provider: None,
        requested_model: None,
        fallback: false,
        usage: None,
        cost_micro_usd: None,
        latency_ms: None,
        time_to_first_token_ms: None,
        finish_reason: None,
        status: AnswerStatus::Complete,
        failure: None,
        feedback: None,
        created_at: turn.created_at,
    }
}

/// Returns an answer as a message.
fn answer_view(turn: &Turn, answer: &Answer, now: Timestamp) -> MessageView {
    MessageView {
        status: answer.status_at(now),
        id: answer.id.0.clone(),
        session_id: turn.conversation.0.clone(),
        role: Author::Assistant,
        content: answer.text.clone(),
        parent_id: Some(turn.id.0.clone()),
        variants: turn.answers.iter().map(|answer| answer.id.clone()).collect(),
        sources: answer.citations.clone(),
        query: answer.query.as_deref().map(MessageQuery::from),
        notice: answer.notice.clone(),
        model: answer.model.clone(),
        provider: answer.provider.clone(),
        requested_model: answer.requested_model.clone(),
        fallback: answer.fallback,
        usage: answer.model.is_some().then_some(answer.usage),
        cost_micro_usd: answer.cost_micro_usd,
        latency_ms: answer.latency_ms,
        time_to_first_token_ms: answer.time_to_first_token_ms,
        finish_reason: answer.finish_reason.clone(),
        failure: answer.failure.clone(),
        feedback: answer.feedback.clone(),
        created_at: answer.completed_at.unwrap_or(answer.created_at),
    }
}

/// Returns a message of a turn: one of its answers, or the user's message.
pub(crate) fn message_view(turn: &Turn, id: &MessageId, now: Timestamp) -> MessageView {
    match turn.answer(id) {
        Some(answer) => answer_view(turn, answer, now),
        None => question_view(turn),
    }
}

/// Returns a completed answer as a message.
pub(crate) fn answered_view(answered: &Answered, now: Timestamp) -> MessageView {
    message_view(&answered.turn, &answered.answer, now)
}

/// Returns the messages of turns, which are newest first.
pub(crate) fn turns_in_reading_order(turns: &[Turn], now: Timestamp) -> Vec<MessageView> {
    let messages = turns.iter().rev().flat_map(|turn| {
        let answer = turn.shown().map(|answer| answer_view(turn, answer, now));
        [Some(question_view(turn)), answer]
    });
    messages.flatten().collect()
}

/// Returns the messages, newest first.
pub(crate) fn in_reading_order(messages: &[ShownMessage], now: Timestamp) -> Vec<MessageView> {
    let messages = messages.iter().rev();
    messages
        .map(|message| message_view(&message.turn, &message.id, now))
        .collect()
}
