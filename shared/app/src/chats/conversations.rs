//! Operations on conversations other than answering.

use std::collections::HashSet;

use domain::{
    Answer, ChatbotId, Conversation, ConversationId, Error, EventData, Feedback, MessageId, OrgId, Page, PageRequest,
    Rating, Result, Turn, TurnId, UserId, webhooks::data::FeedbackEvent,
};
use futures::future::BoxFuture;
use store::{ConversationChange, ConversationFilter, Conversations, OptimisticRetry, Saved, TurnBegun};

use crate::{
    App,
    chats::{answer::Answered, answer_counts::Beside},
};

const SESSION_NOT_FOUND: Error = Error::NotFound("chat session");
const NO_MESSAGE: Error = Error::NotFound("message");
const NO_PROMPT: Error = Error::NotFound("prompt");

/// The data of a new conversation.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// The organization that contains it.
    pub org: OrgId,
    /// The user who owns it.
    pub user: UserId,
    /// The chatbot that answers, if any.
    pub chatbot: Option<ChatbotId>,
    /// Its title; by default the start of its first question.
    pub title: Option<String>,
    /// Model or alias that answers if there is no chatbot.
    pub model: Option<String>,
}

impl App {
    /// Creates a conversation.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] for an unknown chatbot.
    pub fn begin_conversation(&self, new: NewConversation) -> BoxFuture<'_, Result<Conversation>> {
        Box::pin(async move {
            if let Some(bot) = &new.chatbot {
                let bot = self.store.chatbots(&new.org).get(bot).await?;
                bot.ok_or(Error::NotFound("chatbot"))?;
            }
            let now = self.clock.now();
            let conversation = Conversation {
                id: self.ids.make()?,
                org: new.org,
                user: new.user,
                chatbot: new.chatbot,
                title: new.title,
                pinned: false,
                model: new.model,
                channel: None,
                visitor: None,
                documents: Vec::new(),
                head: None,
                rev: 0,
                created_at: now,
                updated_at: now,
            };
            let conversations = self.conversations(&conversation.org, &conversation.user);
            conversations.create(&conversation).await?;
            Ok(conversation)
        })
    }

    /// Replaces the answers of a turn by a client's.
    pub(super) fn put_answers(&self, turn: &mut Turn, texts: &[String]) -> Result<()> {
        let now = self.clock.now();
        turn.answers.truncate(texts.len());
        for (at, text) in texts.iter().enumerate() {
            match turn.answers.get_mut(at) {
                Some(answer) if answer.text == *text => {}
                Some(answer) => {
                    *answer = Answer {
                        text: text.clone(),
                        completed_at: Some(now),
                        ..Answer::new(answer.id.clone(), now)
                    };
                }
                None => {
                    let too_many = || {
                        Error::invalid(
                            "/llm_responses",
                            "must not contain more answers than a question can have",
                        )
                    };
                    let answer = turn.add_answer(now).ok_or_else(too_many)?;
                    text.clone_into(&mut answer.text);
                    answer.completed_at = Some(now);
                }
            }
        }
        turn.active = turn.active.min(turn.answers.len().saturating_sub(1));
        Ok(())
    }
}

/// The chat sessions of one user in one organization.
#[derive(Clone)]
pub struct ChatSessions {
    pub(crate) app: App,
    pub(crate) conversations: Conversations,
}

impl App {
    /// Returns the chat sessions of one user in one organization, as whose member the caller must have been verified.
    pub fn chat_sessions(&self, org: &OrgId, user: &UserId) -> ChatSessions {
        ChatSessions {
            app: self.clone(),
            conversations: self.conversations(org, user),
        }
    }

    /// Returns the chat sessions among which this one is, whoever owns it: for services, which act for all users.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn chat_sessions_with<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<ChatSessions>> {
        Box::pin(async move {
            let owner = self.store.owner_of_conversation(id).await?;
            let (org, user) = owner.ok_or(SESSION_NOT_FOUND)?;
            Ok(self.chat_sessions(&org, &user))
        })
    }
}

impl ChatSessions {
    /// Lists chat sessions, newest first, as `filter` selects.
    pub fn list<'a>(
        &'a self,
        page: &'a PageRequest,
        filter: ConversationFilter,
    ) -> BoxFuture<'a, Result<Page<Conversation>>> {
        Box::pin(async move { self.conversations.list(page, filter).await })
    }

    /// Returns a chat session.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn get<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<Conversation>> {
        Box::pin(async move { self.conversations.get(id).await?.ok_or(SESSION_NOT_FOUND) })
    }

    /// Changes a chat session.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn change<'a>(
        &'a self,
        id: &'a ConversationId,
        change: &'a ConversationChange,
    ) -> BoxFuture<'a, Result<Conversation>> {
        Box::pin(async move {
            let changed = self.conversations.change(id, change, self.app.clock.now()).await?;
            changed.ok_or(SESSION_NOT_FOUND)
        })
    }

    /// Deletes a chat session with all its messages.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn delete<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let is_deleted = self.conversations.delete(id, self.app.clock.now()).await?;
            is_deleted.then_some(()).ok_or(SESSION_NOT_FOUND)
        })
    }

    /// Returns the turns that lead to `to`, newest first.
    pub fn path<'a>(
        &'a self,
        id: &'a ConversationId,
        to: Option<&'a MessageId>,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<Turn>>> {
        Box::pin(async move { self.conversations.path(id, to, page).await })
    }

    /// Returns the turns of all branches of a chat session, oldest first.
    pub fn all_turns<'a>(&'a self, id: &'a ConversationId) -> BoxFuture<'a, Result<Vec<Turn>>> {
        Box::pin(async move { self.conversations.all_turns(id).await })
    }

    /// Stores a message after the turn that is shown, with the client's answers to it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `answer_in_progress`.
    pub fn store_turn<'a>(
        &'a self,
        id: &'a ConversationId,
        question: &'a str,
        answers: &'a [String],
    ) -> BoxFuture<'a, Result<Turn>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("a conversation");
            loop {
                retry.next().await?;
                let conversation = self.conversations.get(id).await?.ok_or(SESSION_NOT_FOUND)?;
                let head = conversation.head.as_ref();
                let one = PageRequest { limit: 1, after: None };
                let before = match head.map(TurnId::question) {
                    Some(head) => self.conversations.path(id, Some(&head), &one).await?.items.pop(),
                    None => None,
                };
                self.app.is_free(before.as_ref())?;
                let (turn, now) = (self.app.ids.make_turn(id, head)?, self.app.clock.now());
                let mut turn = Turn::new(turn, id.clone(), before.as_ref(), question.to_owned(), now);
                self.app.put_answers(&mut turn, answers)?;
                let title = crate::chats::answer::cut(question);
                if self.conversations.begin(&conversation, &mut turn, Some(&title)).await? == TurnBegun::Done {
                    return Ok(turn);
                }
            }
        })
    }

    /// Returns a turn of one user's self.conversations.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn turn<'a>(&'a self, id: &'a TurnId) -> BoxFuture<'a, Result<(Conversation, Turn)>> {
        Box::pin(async move { self.conversations.with_turn(id).await?.ok_or(NO_PROMPT) })
    }

    /// Replaces the text of a turn; absent parts stay unchanged. An answer with unchanged text keeps its metadata.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `answer_in_progress`.
    pub fn rewrite_turn<'a>(
        &'a self,
        id: &'a TurnId,
        question: &'a str,
        answers: Option<&'a [String]>,
    ) -> BoxFuture<'a, Result<(Conversation, Turn)>> {
        Box::pin(async move {
            let (conversation, turn) = self.turn(id).await?;
            let turn = change_turn(&self.conversations, turn, |turn| {
                self.app.is_free(Some(turn))?;
                question.clone_into(&mut turn.question);
                answers.map_or(Ok(()), |answers| self.app.put_answers(turn, answers))
            });
            Ok((conversation, turn.await?.ok_or(NO_PROMPT)?))
        })
    }

    /// Deletes the text of a turn. The turns before and after it stay; an answer in progress is stopped.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn erase_turn<'a>(&'a self, id: &'a TurnId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let (_, turn) = self.turn(id).await?;
            let now = self.app.clock.now();
            let writing = turn.answers.iter().find(|answer| answer.is_generating(now));
            let (writing, versions) = (writing.map(|answer| answer.id.clone()), turn.versions.clone());
            let conversation = turn.conversation.clone();
            let erased = change_turn(&self.conversations, turn, |turn| {
                turn.erase();
                Ok(())
            });
            erased.await?.ok_or(NO_PROMPT)?;
            if let Some(answer) = writing {
                self.app.request_stop(&answer).await?;
            }
            for version in versions.iter().filter(|version| *version != id) {
                if let Some(turn) = self.conversations.turn(&conversation, version).await? {
                    let forget = change_turn(&self.conversations, turn, |turn| {
                        turn.versions.retain(|version| version != id);
                        Ok(())
                    });
                    forget.await?;
                }
            }
            Ok(())
        })
    }

    /// Returns a message with its turn: the answer, or for a question the answer that is shown.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`].
    pub fn message<'a>(
        &'a self,
        conversation: &'a ConversationId,
        message: &'a MessageId,
    ) -> BoxFuture<'a, Result<Turn>> {
        Box::pin(async move {
            let id = message.turn();
            let (there, turn) = futures::try_join!(
                self.conversations.get(conversation),
                self.conversations.turn(conversation, &id)
            )?;
            there.ok_or(SESSION_NOT_FOUND)?;
            let turn = turn.ok_or(NO_MESSAGE)?;
            if message.is_question() || turn.answer(message).is_some() {
                Ok(turn)
            } else {
                Err(NO_MESSAGE)
            }
        })
    }

    /// Shows the path that contains a message, up to the turn that was last added after it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], [`Error::Conflict`] `answer_in_progress`.
    pub fn show_message<'a>(
        &'a self,
        conversation: &'a ConversationId,
        message: &'a MessageId,
    ) -> BoxFuture<'a, Result<Turn>> {
        Box::pin(async move {
            let mut retry = OptimisticRetry::to_change("a conversation");
            loop {
                retry.next().await?;
                let read = self.conversations.get(conversation).await?.ok_or(SESSION_NOT_FOUND)?;
                let turns = self.conversations.all_turns(conversation).await?;
                self.app
                    .is_free(turns.iter().find(|turn| Some(&turn.id) == read.head.as_ref()))?;
                let mut turn = self.message(conversation, message).await?;
                if !message.is_question() && turn.shown().is_none_or(|shown| shown.id != *message) {
                    let shown = change_turn(&self.conversations, turn, |turn| {
                        turn.show(message);
                        Ok(())
                    });
                    turn = shown.await?.ok_or(NO_MESSAGE)?;
                }
                let head = last_turn_after(&turns, &turn);
                let is_shown = Some(&head) == read.head.as_ref();
                if is_shown || self.conversations.set_head(&read, &head, self.app.clock.now()).await? {
                    return Ok(turn);
                }
            }
        })
    }

    /// Stores a user's feedback on an answer; `None` removes it.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also for a question.
    pub fn rate_answer<'a>(
        &'a self,
        conversation: &'a ConversationId,
        message: &'a MessageId,
        rating: Option<(Rating, Option<String>)>,
    ) -> BoxFuture<'a, Result<Answered>> {
        Box::pin(async move {
            let turn = self.message(conversation, message).await?;
            let at = self.app.clock.now();
            let feedback = rating.map(|(rating, reason)| Feedback { rating, reason, at });
            let (mut turn, mut retry) = (turn, OptimisticRetry::to_change("a conversation"));
            let session = self.conversations.get(conversation).await?.ok_or(SESSION_NOT_FOUND)?;
            loop {
                retry.next().await?;
                let answer = turn.answer_mut(message).ok_or(NO_MESSAGE)?;
                let rating = |feedback: &Option<Feedback>| feedback.as_ref().map(|feedback| feedback.rating);
                let (before, after) = (rating(&answer.feedback), rating(&feedback));
                answer.feedback.clone_from(&feedback);
                let data = EventData::MessageFeedback(FeedbackEvent {
                    message_id: message.clone(),
                    prompt_id: message.turn(),
                    session_id: conversation.clone(),
                    user_id: session.user.clone(),
                    rating: after,
                    content: None,
                });
                let place = (message, session.chatbot.as_ref());
                let saved = self.app.save_counted(
                    &self.conversations,
                    (&session.org, &session.user),
                    &mut turn,
                    place,
                    Beside::Event(Box::new(data)),
                    |count| count.rated(before, after),
                );
                if saved.await? == Saved::Done {
                    let answer = message.clone();
                    return Ok(Answered { turn, answer });
                }
                let found = self.conversations.turn(&turn.conversation, &turn.id).await?;
                turn = found.ok_or(NO_MESSAGE)?;
            }
        })
    }
}

/// Changes a turn despite concurrent writes; returns `None` if it was deleted.
async fn change_turn(
    conversations: &Conversations,
    mut turn: Turn,
    change: impl Fn(&mut Turn) -> Result<()>,
) -> Result<Option<Turn>> {
    let mut retry = OptimisticRetry::to_change("a conversation");
    loop {
        retry.next().await?;
        change(&mut turn)?;
        if conversations.save(&mut turn).await? == Saved::Done {
            return Ok(Some(turn));
        }
        match conversations.turn(&turn.conversation, &turn.id).await? {
            Some(found) => turn = found,
            None => return Ok(None),
        }
    }
}

/// Returns the last added turn on the path after `from`, following the answers that are shown.
fn last_turn_after(turns: &[Turn], from: &Turn) -> TurnId {
    let mut last = from;
    let mut seen = HashSet::new();
    while seen.insert(&last.id) {
        let shown = last.shown().map(|answer| &answer.id);
        let next = turns.iter().filter(|turn| {
            let follows = turn.after.is_none() || turn.after.as_ref() == shown;
            turn.parent.as_ref() == Some(&last.id) && follows
        });
        match next.max_by_key(|turn| &turn.id) {
            Some(next) => last = next,
            None => break,
        }
    }
    last.id.clone()
}
