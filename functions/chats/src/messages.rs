//! Messages of a chat session. A turn is stored as one item and shown as two messages.

use app::{AnswerEvent, Question};
use futures::StreamExt as _;
use garde::Validate;
use http_api::{Body, Ctx, Either, EventStream, Json, Listing, May, Paging, Path, Result, WantsStream, not_blank};
use model::{
    Citation, Error, Page, Timestamp, Turn, TurnStatus, Usage,
    conversation::MAX_MESSAGE,
    permission::{ReadChats, WriteChats},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sessions::{ABSENT, SessionPath};

/// A message to the chatbot.
#[derive(Deserialize, Validate, JsonSchema)]
pub(crate) struct NewMessage {
    /// What the person says.
    #[garde(length(chars, max = MAX_MESSAGE), custom(not_blank))]
    content: String,
    /// Answer as an event stream; the same as `Accept: text/event-stream`.
    #[serde(default)]
    #[garde(skip)]
    stream: bool,
}

/// Who wrote a message.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Author {
    /// The person.
    User,
    /// The chatbot.
    Assistant,
}

/// A message.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MessageView {
    id: String,
    session_id: String,
    role: Author,
    content: String,
    /// The passages that the numbers in the text stand for.
    sources: Vec<Citation>,
    /// Something to know about the answer, for example that documents were still being read.
    notice: Option<String>,
    /// The model that answered.
    model: Option<String>,
    /// The model that was asked for, when another one answered.
    requested_model: Option<String>,
    usage: Option<Usage>,
    /// `stop`, `length` or `content_filter`.
    finish_reason: Option<String>,
    /// `complete`, or how far the answer is.
    status: TurnStatus,
    created_at: Timestamp,
}

/// Part of a streamed answer. The last one has no content and everything that is known at the end.
#[derive(Default, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct AnswerFrame {
    /// The next words.
    content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_model: Option<String>,
    /// The passages that the numbers in the text stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<Citation>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<String>,
}

impl From<AnswerEvent> for AnswerFrame {
    fn from(event: AnswerEvent) -> Self {
        match event {
            AnswerEvent::Text(content) => Self {
                content,
                ..Self::default()
            },
            AnswerEvent::Done(turn) => Self {
                content: String::new(),
                message_id: Some(turn.answer_id.0),
                model: Some(turn.model),
                requested_model: turn.requested_model,
                sources: Some(turn.citations),
                notice: turn.notice,
                usage: Some(turn.usage),
                finish_reason: turn.finish_reason,
            },
        }
    }
}

fn question_of(turn: &Turn) -> MessageView {
    MessageView {
        id: turn.id.0.clone(),
        session_id: turn.conversation.0.clone(),
        role: Author::User,
        content: turn.question.clone(),
        sources: Vec::new(),
        notice: None,
        model: None,
        requested_model: None,
        usage: None,
        finish_reason: None,
        status: TurnStatus::Complete,
        created_at: turn.created_at,
    }
}

fn answer_of(turn: Turn, now: Timestamp) -> MessageView {
    MessageView {
        status: turn.status_at(now),
        id: turn.answer_id.0,
        session_id: turn.conversation.0,
        role: Author::Assistant,
        content: turn.answer,
        sources: turn.citations,
        notice: turn.notice,
        model: Some(turn.model),
        requested_model: turn.requested_model,
        usage: Some(turn.usage),
        finish_reason: turn.finish_reason,
        created_at: turn.completed_at.unwrap_or(turn.created_at),
    }
}

/// Messages of turns that come newest first.
pub(crate) fn in_reading_order(turns: Vec<Turn>, now: Timestamp) -> Vec<MessageView> {
    turns
        .into_iter()
        .rev()
        .flat_map(|turn| [question_of(&turn), answer_of(turn, now)])
        .collect()
}

pub(crate) async fn send_message(
    app: Ctx,
    member: May<WriteChats>,
    Path(path): Path<SessionPath>,
    accept: WantsStream,
    Body(new): Body<NewMessage>,
) -> Result<Either<Json<MessageView>, EventStream<AnswerFrame>>> {
    let question = Question {
        conversation: path.session_id,
        content: new.content,
    };
    let mut events = app.answer(&member.org, question).await?;
    if new.stream || accept.0 {
        return Ok(Either::Right(EventStream::new(
            events.map(|event| event.map(AnswerFrame::from)),
        )));
    }
    while let Some(event) = events.next().await {
        if let AnswerEvent::Done(turn) = event? {
            return Ok(Either::Left(Json(answer_of(*turn, app.clock.now()))));
        }
    }
    Err(Error::internal("an answer ended without its last event").into())
}

pub(crate) async fn list_messages(
    app: Ctx,
    member: May<ReadChats>,
    Path(path): Path<SessionPath>,
    page: Paging,
) -> Result<Listing<MessageView>> {
    let conversations = app.conversations(&member.org.org, &member.identity.user.id);
    conversations.get(&path.session_id).await?.ok_or(ABSENT)?;
    let turns = conversations.turns(&path.session_id, &page).await?;
    page.answer(Page {
        items: in_reading_order(turns.items, app.clock.now()),
        next: turns.next,
    })
}
