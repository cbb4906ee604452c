//! Writing an answer into a thread: streamed while it is generated, posted where it cannot be streamed.
//!
//! Before each message that appears in the thread its reply is stored as `is_posting`, and after it with the message's
//! time. A delivery that finds `is_posting` looks into the thread before it writes, so that no crash leads to a second
//! visible reply.

use std::time::Duration;

use domain::{Error, SlackQuestion, SlackReply};
use serde::Deserialize;
use serde_json::{Value, json};
use slack::{Splitter, Step, split};
use tokio::time::Instant;

use super::Connected;

/// How often a streamed message grows: Slack allows more than a hundred calls a minute.
const GROW: Duration = Duration::from_secs(1);
/// `event_type` of the metadata of our messages.
const METADATA: &str = "parlance_answer";
/// Longest text of a notification, in characters.
const MAX_NOTICE: usize = 300;

/// Why a reply failed.
#[derive(Debug)]
pub(super) enum Failed {
    /// Here.
    App(Error),
    /// At Slack.
    Slack(slack::Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

impl From<slack::Error> for Failed {
    fn from(error: slack::Error) -> Self {
        Self::Slack(error)
    }
}

/// What Slack returns for a message.
#[derive(Deserialize)]
struct Posted {
    ts: String,
}

/// The reply to one message.
pub(super) struct Reply<'a> {
    pub(super) connected: &'a Connected<'a>,
    pub(super) question: &'a SlackQuestion,
    holder: String,
    /// How far it has come.
    pub(super) state: SlackReply,
    splitter: Splitter,
    /// The message that is being streamed.
    stream: Option<String>,
    /// Texts of messages that remain to be posted, because they cannot be streamed.
    rest: Option<Vec<String>>,
    grown: Instant,
}

impl<'a> Reply<'a> {
    pub(super) fn new(
        connected: &'a Connected<'a>,
        question: &'a SlackQuestion,
        holder: String,
        state: SlackReply,
    ) -> Self {
        Self {
            connected,
            question,
            holder,
            state,
            splitter: Splitter::default(),
            stream: None,
            rest: None,
            grown: Instant::now(),
        }
    }

    /// Returns whether an earlier delivery has written into the thread, or may have.
    pub(super) fn is_begun(&self) -> bool {
        self.state.is_posting || !self.state.messages.is_empty()
    }

    /// Returns whether there is text that is not shown yet.
    pub(super) fn has_text(&self) -> bool {
        self.splitter.has_text()
    }

    /// Stores how far the reply has come.
    pub(super) async fn save(&self) -> Result<(), Failed> {
        let integration = self.connected.integration;
        let place = (
            &integration.id,
            self.question.channel.as_str(),
            self.question.ts.as_str(),
        );
        let integrations = self.connected.app.store.integrations(&integration.org);
        if integrations.save_reply(place, &self.holder, &self.state).await? {
            return Ok(());
        }
        Err(Failed::App(Error::InProgress {
            detail: "another delivery has taken over the reply",
            retry_after: Duration::from_secs(10),
        }))
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        arguments: Value,
        is_repeatable: bool,
    ) -> Result<T, slack::Error> {
        let token = self.connected.token.expose();
        self.connected
            .app
            .slack
            .call(token, method, &arguments, is_repeatable)
            .await
    }

    /// Shows that the app is at work. Best effort: it needs the assistant's scope.
    pub(super) async fn show_status(&self, status: &str) {
        let (channel_id, thread_ts) = (&self.question.channel, &self.question.thread_ts);
        let arguments = json!({"channel_id": channel_id, "thread_ts": thread_ts, "status": status});
        if let Err(error) = self.call::<Value>("assistant.threads.setStatus", arguments, true).await {
            tracing::debug!(%error, "slack.no_status");
        }
    }

    /// Tells only the person who asked.
    pub(super) async fn tell_person(&mut self, text: &str) -> Result<(), Failed> {
        self.show_status("").await;
        let mut arguments = json!({
            "channel": self.question.channel,
            "user": self.question.user,
            "text": slack::to_mrkdwn(text),
        });
        if self.question.thread_ts != self.question.ts {
            arguments["thread_ts"] = json!(self.question.thread_ts);
        }
        // Shown once or not at all: a notice that comes twice is worse than none.
        self.call::<Value>("chat.postEphemeral", arguments, false).await?;
        Ok(())
    }

    /// Adds text to the answer.
    pub(super) async fn push(&mut self, text: &str) -> Result<(), Failed> {
        self.splitter.push(text);
        if self.grown.elapsed() >= GROW {
            self.grow(false).await
        } else {
            Ok(())
        }
    }

    /// Returns when pending text is to be shown.
    pub(super) fn grows_at(&self) -> Option<Instant> {
        self.splitter.has_text().then(|| self.grown + GROW)
    }

    /// Shows what was added.
    pub(super) async fn grow(&mut self, is_end: bool) -> Result<(), Failed> {
        self.grown = Instant::now();
        let opening = self.splitter.opening();
        for (number, step) in self.splitter.take(is_end).into_iter().enumerate() {
            if let Some(rest) = &mut self.rest {
                keep(rest, step);
                continue;
            }
            match step {
                Step::Append(text) => {
                    if !self.stream_text(&text).await? {
                        let begin = if number == 0 { opening.as_str() } else { "" };
                        self.rest = Some(vec![format!("{begin}{text}")]);
                    }
                }
                Step::Next => {
                    if let Some(ts) = self.stream.take() {
                        self.stop(&ts, &[]).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Appends text to the message that is streamed, or begins one. Returns `false` if it must be posted instead.
    async fn stream_text(&mut self, text: &str) -> Result<bool, Failed> {
        if let Some(ts) = &self.stream {
            let arguments = json!({"channel": self.question.channel, "ts": ts, "markdown_text": text});
            return match self.call::<Value>("chat.appendStream", arguments, false).await {
                Ok(_) => Ok(true),
                Err(error) if error.is_dead_token() => Err(error.into()),
                Err(error) => {
                    if !error.is_ended_stream() {
                        self.stop(ts, &[]).await?;
                    }
                    // Slack ends streams after some minutes. Text that may have been appended is shown again rather
                    // than missed.
                    tracing::info!(%error, "slack.stream_ended");
                    self.stream = None;
                    Ok(false)
                }
            };
        }
        let mut arguments = json!({
            "channel": self.question.channel,
            "thread_ts": self.question.thread_ts,
            "markdown_text": text,
        });
        if !self.question.is_direct {
            arguments["recipient_user_id"] = json!(self.question.user);
            let team = self.question.user_team.as_ref().unwrap_or(&self.connected.team);
            arguments["recipient_team_id"] = json!(team);
        }
        self.state.is_posting = true;
        self.save().await?;
        match self.call::<Posted>("chat.startStream", arguments, false).await {
            Ok(posted) => {
                self.stream = Some(posted.ts.clone());
                self.posted(posted.ts).await?;
                Ok(true)
            }
            // Nothing was posted: streams are not available in every workspace and channel.
            Err(slack::Error::Refused { code, .. }) if !is_final(&code) => {
                tracing::info!(code, "slack.stream_refused");
                self.state.is_posting = false;
                self.save().await?;
                Ok(false)
            }
            Err(error) => self.not_posted(error).await.map(|()| false),
        }
    }

    /// Stores that a message was posted.
    async fn posted(&mut self, ts: String) -> Result<(), Failed> {
        self.state.messages.push(ts);
        self.state.is_posting = false;
        self.save().await
    }

    /// Stores that a message was not posted, if that is certain, and returns the failure.
    async fn not_posted(&mut self, error: slack::Error) -> Result<(), Failed> {
        if !error.is_in_doubt() {
            self.state.is_posting = false;
            self.save().await?;
        }
        Err(error.into())
    }

    /// Ends a message that is streamed.
    async fn stop(&self, ts: &str, blocks: &[Value]) -> Result<(), Failed> {
        let mut arguments =
            json!({"channel": self.question.channel, "ts": ts, "metadata": metadata(&self.question.ts)});
        if !blocks.is_empty() {
            arguments["blocks"] = json!(blocks);
        }
        match self.call::<Value>("chat.stopStream", arguments, false).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_dead_token() => Err(error.into()),
            // The text is there; only what stands below it is missing.
            Err(error) => {
                tracing::info!(%error, "slack.stream_not_stopped");
                Ok(())
            }
        }
    }

    /// Completes the answer.
    pub(super) async fn finish(&mut self, blocks: &[Value]) -> Result<(), Failed> {
        self.grow(true).await?;
        if let Some(ts) = self.stream.take() {
            return self.stop(&ts, blocks).await;
        }
        let rest = self.rest.take().unwrap_or_default();
        let texts: Vec<String> = rest.into_iter().filter(|text| !text.trim().is_empty()).collect();
        let last = texts.len().saturating_sub(1);
        for (number, text) in texts.iter().enumerate() {
            let below = if number == last { blocks } else { &[] };
            self.post(text, below).await?;
        }
        Ok(())
    }

    /// Posts a message of its own.
    pub(super) async fn post(&mut self, text: &str, blocks: &[Value]) -> Result<(), Failed> {
        let mut arguments = self.message(text, blocks);
        arguments["thread_ts"] = json!(self.question.thread_ts);
        arguments["unfurl_links"] = json!(false);
        arguments["unfurl_media"] = json!(false);
        self.state.is_posting = true;
        self.save().await?;
        let mut posted = self.call::<Posted>("chat.postMessage", arguments.clone(), false).await;
        if matches!(&posted, Err(slack::Error::Refused { code, .. }) if !is_final(code)) {
            // An answer without what stands below it is better than none.
            arguments["blocks"] = json!([{"type": "markdown", "text": text}]);
            posted = self.call("chat.postMessage", arguments, false).await;
        }
        match posted {
            Ok(posted) => self.posted(posted.ts).await,
            Err(error) => self.not_posted(error).await,
        }
    }

    /// Says something that is no answer, over what an earlier delivery left in the thread.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), Failed> {
        if self.is_begun() {
            self.rewrite(text, &[]).await
        } else {
            self.post(text, &[]).await
        }
    }

    /// Writes the whole answer over what an earlier delivery left in the thread.
    pub(super) async fn rewrite(&mut self, text: &str, blocks: &[Value]) -> Result<(), Failed> {
        if self.state.is_posting && !self.find_posted().await? {
            return Ok(());
        }
        let texts = split(text);
        let last = texts.len().saturating_sub(1);
        for (number, text) in texts.iter().enumerate() {
            let below = if number == last { blocks } else { &[] };
            let Some(ts) = self.state.messages.get(number).cloned() else {
                self.post(text, below).await?;
                continue;
            };
            self.stop(&ts, &[]).await?;
            let mut arguments = self.message(text, below);
            arguments["ts"] = json!(ts);
            match self.call::<Value>("chat.update", arguments, true).await {
                Err(slack::Error::Refused { code, .. }) if code == "streaming_state_conflict" => {
                    return Err(Error::unavailable("a message is still being streamed").into());
                }
                Err(slack::Error::Refused { code, .. }) => tracing::warn!(code, "slack.not_updated"),
                other => other.map(|_| ())?,
            }
        }
        // Of a longer text that was interrupted.
        while self.state.messages.len() > texts.len().max(1) {
            let Some(ts) = self.state.messages.last().cloned() else {
                break;
            };
            let arguments = json!({"channel": self.question.channel, "ts": ts});
            match self.call::<Value>("chat.delete", arguments, true).await {
                Ok(_) => {}
                Err(slack::Error::Refused { code, .. }) => tracing::warn!(code, "slack.not_deleted"),
                Err(error) => return Err(error.into()),
            }
            self.state.messages.pop();
            self.save().await?;
        }
        Ok(())
    }

    fn message(&self, text: &str, blocks: &[Value]) -> Value {
        let notice: String = text.chars().take(MAX_NOTICE).collect();
        let mut all = vec![json!({"type": "markdown", "text": text})];
        all.extend_from_slice(blocks);
        json!({
            "channel": self.question.channel,
            "text": slack::to_mrkdwn(&notice),
            "blocks": all,
            "metadata": metadata(&self.question.ts),
        })
    }
}

/// Returns the metadata of a message that replies to the one at `ts`.
pub(super) fn metadata(ts: &str) -> Value {
    json!({"event_type": METADATA, "event_payload": {"question": ts}})
}

/// Adds a step to the texts of messages that remain to be posted.
fn keep(rest: &mut Vec<String>, step: Step) {
    match (step, rest.last_mut()) {
        (Step::Append(text), Some(last)) => last.push_str(&text),
        (Step::Append(text), None) => rest.push(text),
        (Step::Next, _) => rest.push(String::new()),
    }
}

/// Returns whether a refusal of a stream would also be one of a message.
fn is_final(code: &str) -> bool {
    matches!(
        code,
        "channel_not_found" | "is_archived" | "not_in_channel" | "thread_not_found" | "restricted_action"
    ) || slack::Error::Refused {
        method: "",
        code: code.to_owned(),
    }
    .is_dead_token()
}
