//! Answering a message in its thread.

use std::time::Duration;

use domain::{
    Answer, AnswerStatus, Chatbot, Conversation, ConversationChannel, Error, SlackQuestion, User, rate_limit::Bucket,
};
use futures::StreamExt as _;
use serde_json::Value;
use slack::Reference;
use store::keys;
use tokio::time::timeout_at;

use super::{
    Connected, held,
    reply::{Failed, Reply},
    words::{self, INTERRUPTED, NO_CHATBOT, NO_QUESTION, THINKING, TOO_MANY, Told, told},
};
use crate::{AnswerEvent, AnswerStream, BillingContext, Delivery, GenerationOptions, Question, TurnAction};

/// Pause before the next message of a thread whose answer is in progress is looked at.
const NEXT_IN_THREAD: Duration = Duration::from_secs(3);
/// Deliveries after which a failure is told: some three minutes, longer than people wait.
const PATIENCE: u32 = 6;

impl Connected<'_> {
    /// Answers a message once, whatever is delivered how often.
    pub(super) async fn answer(&self, question: &SlackQuestion, delivery: &Delivery) -> domain::Result<()> {
        let holder = delivery.holder();
        let place = (&self.integration.id, question.channel.as_str(), question.ts.as_str());
        let integrations = self.app.store.integrations(&self.integration.org);
        let now = self.app.clock.now();
        let claimed = integrations.claim_reply(place, &holder, delivery.lease_end(), now);
        let state = held(claimed.await?, now)?;
        if state.is_done {
            return Ok(());
        }
        let mut reply = Reply::new(self, question, holder.clone(), state);
        let mut outcome = self.reply_to(question, delivery, &mut reply).await;
        if let Err(Failed::App(error)) = &outcome {
            outcome = match told(error, delivery.receive_count >= PATIENCE) {
                Told::Person(text) => reply.tell_person(&text).await,
                Told::Thread(text) => reply.say(&text).await,
                Told::Later => outcome,
            };
        }
        if let Err(Failed::Slack(error)) = outcome {
            outcome = match self.slack_failure(&error).await {
                Ok(Some(error)) | Err(error) => Err(Failed::App(error)),
                // Another delivery would not help.
                Ok(None) => Ok(()),
            };
        }
        if outcome.is_ok() {
            reply.state.is_done = true;
            outcome = reply.save().await;
        }
        match outcome {
            Ok(()) => Ok(()),
            Err(failed) => {
                integrations.release_reply(place, &holder).await?;
                Err(match failed {
                    // Waits grow, so that all deliveries together outlast the longest answer.
                    Failed::App(Error::InProgress { detail, retry_after }) if retry_after <= NEXT_IN_THREAD => {
                        let retry_after = retry_after * delivery.receive_count.min(10);
                        Error::InProgress { detail, retry_after }
                    }
                    Failed::App(error) => error,
                    Failed::Slack(error) => Error::unavailable(error.to_string()),
                })
            }
        }
    }

    /// Returns the error for the queue after a failure of Slack; `None` if another delivery would not help.
    pub(super) async fn slack_failure(&self, error: &slack::Error) -> domain::Result<Option<Error>> {
        if error.is_dead_token() {
            let detail = "Slack no longer accepts the token of the app. Install the app again, or set a new token.";
            self.app
                .fail_integration(self.integration, "token_revoked", detail)
                .await?;
            return Ok(None);
        }
        Ok(match error {
            slack::Error::Refused { method, code } => {
                tracing::warn!(method, code, "slack.refused");
                None
            }
            slack::Error::RateLimited { retry_after, .. } => Some(Error::InProgress {
                detail: "Slack allows no further calls at the moment",
                retry_after: *retry_after,
            }),
            slack::Error::Unavailable { .. } => Some(Error::unavailable(error.to_string())),
        })
    }

    async fn reply_to(
        &self,
        question: &SlackQuestion,
        delivery: &Delivery,
        reply: &mut Reply<'_>,
    ) -> Result<(), Failed> {
        let text = slack::from_mrkdwn(&question.text, &self.bot_user);
        let Some(chatbot) = self.chatbot(&question.channel).await? else {
            return reply.tell_person(NO_CHATBOT).await;
        };
        let has_files = self.integration.slack.read_files && !question.files.is_empty();
        if text.is_empty() && !has_files {
            let greeting = chatbot.settings.welcome_message.as_deref().unwrap_or(NO_QUESTION);
            return reply.say(greeting).await;
        }
        if !reply.state.is_counted {
            if !self.may_ask(&question.user).await? {
                return reply.tell_person(TOO_MANY).await;
            }
            reply.state.is_counted = true;
            reply.save().await?;
        }
        let Some(payer) = self.app.payer(&chatbot.org, &self.integration.created_by).await? else {
            let detail = "The account that created this integration is no longer active. Create the integration again.";
            self.app
                .fail_integration(self.integration, "no_account", detail)
                .await?;
            return reply.tell_person(NO_CHATBOT).await;
        };
        if !reply.is_begun() {
            reply.show_status(THINKING).await;
        }
        let conversation = self.conversation(question, &chatbot, &payer).await?;
        self.read_files(question, &conversation, &payer, delivery, reply)
            .await?;
        if text.is_empty() {
            let read = words::read(reply.state.documents.len(), &reply.state.unreadable);
            return reply.say(&read).await;
        }
        let answering = self.answer_of(&conversation, &payer, text, reply).await?;
        let answer = match answering {
            Answering::Done(answer) => {
                reply.rewrite(&shown_text(&answer), &self.below(&answer).await?).await?;
                return Ok(());
            }
            Answering::Running(events) if reply.is_begun() => {
                let answer = last_of(events).await?;
                return reply.rewrite(&shown_text(&answer), &self.below(&answer).await?).await;
            }
            Answering::Running(events) => self.stream(events, reply).await?,
        };
        match answer {
            Some(answer) => {
                let unreadable = words::not_read(&reply.state.unreadable);
                if !unreadable.is_empty() {
                    reply.push(&format!("\n\n_{unreadable}_")).await?;
                }
                reply.finish(&self.below(&answer).await?).await
            }
            None => reply.finish(&[]).await,
        }
    }

    /// Returns the chatbot of a channel, as visitors see it if it is published.
    pub(super) async fn chatbot(&self, channel: &str) -> domain::Result<Option<Chatbot>> {
        let chatbots = self.app.store.chatbots(&self.integration.org);
        let Some(id) = self.integration.chatbot_of_channel(channel) else {
            return Ok(None);
        };
        let mut found = chatbots.get(id).await?;
        let general = self.integration.chatbot_id.as_ref();
        if let (None, Some(general)) = (&found, general.filter(|general| *general != id)) {
            // That of a channel is gone: elsewhere nothing changes.
            found = chatbots.get(general).await?;
        }
        if found.is_none() && general.is_some() {
            let detail = "The chatbot of this integration was deleted. Choose another one.";
            self.app
                .fail_integration(self.integration, "chatbot_deleted", detail)
                .await?;
        }
        Ok(found.map(|chatbot| chatbot.clone().as_published().unwrap_or(chatbot)))
    }

    /// Counts a question of a person; returns whether they may ask it.
    pub(super) async fn may_ask(&self, user: &str) -> domain::Result<bool> {
        let Some(number) = self.integration.slack.daily_questions else {
            return Ok(true);
        };
        let key = keys::slack_questions(&self.integration.id, user);
        let bucket = Bucket::per_day(number);
        let taken = self
            .app
            .store
            .rate_limits()
            .check(&key, bucket, self.app.clock.now())
            .await?;
        Ok(taken.is_ok())
    }

    /// Returns the conversation of a thread, which begins anew if it was deleted or another chatbot answers by now.
    async fn conversation(
        &self,
        question: &SlackQuestion,
        chatbot: &Chatbot,
        payer: &User,
    ) -> domain::Result<Conversation> {
        let org = &self.integration.org;
        let integrations = self.app.store.integrations(org);
        let thread = (
            &self.integration.id,
            question.channel.as_str(),
            question.thread_ts.as_str(),
        );
        loop {
            let found = integrations.thread(thread.0, thread.1, thread.2).await?;
            if let Some(found) = &found
                && let Some(there) = self
                    .app
                    .conversations(org, &found.user)
                    .get(&found.conversation)
                    .await?
                && there.chatbot.as_ref() == Some(&chatbot.id)
                && there.user == payer.id
            {
                return Ok(there);
            }
            let now = self.app.clock.now();
            let conversation = Conversation {
                id: self.app.ids.make()?,
                org: org.clone(),
                user: payer.id.clone(),
                chatbot: Some(chatbot.id.clone()),
                title: None,
                pinned: false,
                model: None,
                channel: Some(ConversationChannel::Slack),
                visitor: None,
                documents: Vec::new(),
                head: None,
                rev: 0,
                created_at: now,
                updated_at: now,
            };
            if integrations.begin_thread(thread, &conversation, found.as_ref()).await? {
                return Ok(conversation);
            }
        }
    }

    /// Begins the answer, or finds what an earlier delivery began.
    async fn answer_of(
        &self,
        conversation: &Conversation,
        payer: &User,
        text: String,
        reply: &mut Reply<'_>,
    ) -> Result<Answering, Failed> {
        let sessions = self.app.chat_sessions(&conversation.org, &payer.id);
        let mut asked = None;
        if let Some(planned) = reply
            .state
            .turn
            .clone()
            .filter(|_| reply.state.conversation.as_ref() == Some(&conversation.id))
            && let Some(turn) = sessions.conversations.turn(&conversation.id, &planned).await?
        {
            let now = self.app.clock.now();
            match turn.shown().map(|answer| (answer.status_at(now), answer)) {
                Some((AnswerStatus::Complete | AnswerStatus::Stopped, answer)) => {
                    return Ok(Answering::Done(Box::new(answer.clone())));
                }
                Some((AnswerStatus::Generating, answer)) => {
                    let followed = sessions.follow_answer(&conversation.id, &answer.id, None, false);
                    return Ok(Answering::Running(followed.await?));
                }
                Some((AnswerStatus::Failed, _)) | None => asked = Some(TurnAction::Regenerate(planned.question())),
            }
        }
        let asked = if let Some(asked) = asked {
            asked
        } else {
            let planned = self.app.ids.make_turn(&conversation.id, conversation.head.as_ref())?;
            reply.state.conversation = Some(conversation.id.clone());
            reply.state.turn = Some(planned.clone());
            reply.save().await?;
            TurnAction::Planned(planned, text)
        };
        let billing = BillingContext::user(payer, &conversation.org);
        let question = Question {
            conversation: conversation.id.clone(),
            asked,
            model: None,
            options: GenerationOptions::default(),
            include_thinking: false,
        };
        match self.app.answer(billing, question).await {
            Ok(events) => Ok(Answering::Running(events)),
            Err(Error::Conflict {
                code: "answer_in_progress",
                ..
            }) => Err(Failed::App(Error::InProgress {
                detail: "another message of this thread is being answered",
                retry_after: NEXT_IN_THREAD,
            })),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes an answer into the thread while it is generated. Returns it, or `None` if it was interrupted.
    async fn stream(&self, mut events: AnswerStream, reply: &mut Reply<'_>) -> Result<Option<Box<Answer>>, Failed> {
        loop {
            let next = match reply.grows_at() {
                Some(at) => {
                    let Ok(next) = timeout_at(at, events.next()).await else {
                        reply.grow(false).await?;
                        continue;
                    };
                    next
                }
                None => events.next().await,
            };
            match next {
                Some(Ok(AnswerEvent::Text { text, .. })) => reply.push(&text).await?,
                Some(Ok(AnswerEvent::Thinking { .. })) => {}
                Some(Ok(AnswerEvent::Done(answered))) => {
                    return Ok(answered.turn.answer(&answered.answer).cloned().map(Box::new));
                }
                Some(Err(error)) if !reply.is_begun() && !reply.has_text() => return Err(error.into()),
                Some(Err(_)) | None => {
                    reply.push(INTERRUPTED).await?;
                    return Ok(None);
                }
            }
        }
    }

    /// Returns what stands below an answer.
    async fn below(&self, answer: &Answer) -> domain::Result<Vec<Value>> {
        let sources = self.references(answer).await?;
        Ok(slack::answer_blocks(&sources, Some(answer.id.as_str())))
    }

    /// Returns the sources of an answer. Web pages are links.
    pub(super) async fn references(&self, answer: &Answer) -> domain::Result<Vec<Reference>> {
        let ids: Vec<_> = answer
            .citations
            .iter()
            .map(|it| domain::DocumentId(it.document_id.clone()))
            .collect();
        let documents = self.app.store.documents(&self.integration.org).get_many(&ids).await?;
        let references = answer.citations.iter().map(|citation| {
            let document = documents
                .iter()
                .find(|document| document.id.as_str() == citation.document_id);
            let page = citation.page.map(|page| format!("page {page}"));
            Reference {
                number: citation.number,
                name: citation.name.clone(),
                place: page.or_else(|| citation.heading.clone()),
                url: document
                    .and_then(|document| document.web.as_ref())
                    .map(|web| web.url.clone()),
            }
        });
        Ok(references.collect())
    }
}

/// An answer to be written into a thread.
enum Answering {
    /// It is complete.
    Done(Box<Answer>),
    /// It is being generated.
    Running(AnswerStream),
}

async fn last_of(mut events: AnswerStream) -> domain::Result<Box<Answer>> {
    while let Some(event) = events.next().await {
        if let AnswerEvent::Done(answered) = event?
            && let Some(answer) = answered.turn.answer(&answered.answer)
        {
            return Ok(Box::new(answer.clone()));
        }
    }
    Err(Error::unavailable("an answer ended early"))
}

fn shown_text(answer: &Answer) -> String {
    if answer.text.is_empty() {
        answer.notice.clone().unwrap_or_default()
    } else {
        answer.text.clone()
    }
}
