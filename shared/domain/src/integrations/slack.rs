//! Chatbots in a workspace of Slack.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::too_many;
use crate::{
    ChatbotId, ConversationId, DocumentId, Error, IntegrationId, OrgId, Rating, Result, Timestamp, TurnId, UserId,
};

/// Settings of an integration with Slack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SlackConfig {
    /// Chatbots of single channels, by the channel's ID; elsewhere the integration's own answers.
    pub channels: BTreeMap<String, ChatbotId>,
    /// Whether files that people share with the bot are read.
    pub read_files: bool,
    /// Questions that one person may ask a day; `None` means no limit of their own.
    pub daily_questions: Option<u32>,
}

impl SlackConfig {
    /// Maximum number of channels with a chatbot of their own.
    pub const MAX_CHANNELS: usize = 100;
    /// Maximum number of questions that can be allowed a day.
    pub const MAX_QUESTIONS: u32 = 10_000;

    /// Checks what a client sent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] with a pointer below `/config`.
    pub fn checked(self) -> Result<Self> {
        if self.channels.len() > Self::MAX_CHANNELS {
            return Err(too_many("/config/channels", Self::MAX_CHANNELS, "channels"));
        }
        if let Some(channel) = self.channels.keys().find(|channel| !is_id(channel)) {
            let pointer = format!("/config/channels/{}", channel.chars().take(64).collect::<String>());
            return Err(Error::invalid(
                pointer,
                "must be the ID of a channel, such as C0123456789",
            ));
        }
        match self.daily_questions {
            Some(number) if number == 0 || number > Self::MAX_QUESTIONS => {
                let detail = format!("must be from 1 to {}", Self::MAX_QUESTIONS);
                Err(Error::invalid("/config/daily_questions", detail))
            }
            _ => Ok(self),
        }
    }
}

/// Returns whether a text can be an ID of Slack's.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The workspace that an integration is installed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackConnection {
    /// The workspace.
    pub team_id: String,
    /// Its name.
    pub team_name: String,
    /// The app's bot there.
    pub bot_user_id: String,
    /// The app.
    pub app_id: Option<String>,
    /// Whether it was installed by OAuth, with the platform's app.
    pub by_oauth: bool,
    /// When it was installed: events of before are about an earlier installation.
    pub connected_at: Timestamp,
}

/// A message to the bot, whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackQuestion {
    /// The channel.
    pub channel: String,
    /// Whether it is a direct message, or one in the assistant pane.
    pub is_direct: bool,
    /// Its time, which is its ID in the channel.
    pub ts: String,
    /// The thread that the answer belongs to.
    pub thread_ts: String,
    /// Who wrote it.
    pub user: String,
    /// The workspace of who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_team: Option<String>,
    /// The text, as Slack's `mrkdwn`.
    pub text: String,
    /// Files that are attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<SlackFile>,
}

/// A file that someone shared with the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackFile {
    /// Its name.
    pub name: String,
    /// Where to download it.
    pub url: String,
    /// Its size, in bytes.
    pub size: u64,
}

/// What happened in a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SlackEvent {
    /// A message to the bot.
    Question(SlackQuestion),
    /// A slash command.
    Command {
        /// What follows the command.
        text: String,
        /// Who entered it.
        user: String,
        /// The channel.
        channel: String,
        /// Identifies this use of the command.
        trigger_id: String,
        /// Where to answer.
        response_url: String,
    },
    /// A person rated an answer.
    Feedback {
        /// The rating.
        rating: Rating,
        /// The conversation and the answer, as the buttons report them.
        value: String,
        /// The channel.
        channel: String,
        /// The thread.
        thread_ts: String,
    },
    /// Someone opened the assistant pane.
    ThreadStarted {
        /// Channel of the pane.
        channel: String,
        /// The thread.
        thread_ts: String,
    },
    /// The app was removed, or its token was revoked.
    Removed {
        /// When, in seconds since the Unix epoch.
        at: i64,
    },
    /// Slack drops events of this workspace, because there are too many.
    RateLimited,
}

/// The body of a message in the queue `answer_slack`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackMessage {
    /// The organization.
    pub org_id: OrgId,
    /// The integration.
    pub integration_id: IntegrationId,
    /// What happened.
    pub event: SlackEvent,
}

/// The conversation of a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackThread {
    /// Who owns the conversation.
    pub user: UserId,
    /// The conversation.
    pub conversation: ConversationId,
}

/// How far the reply to a message has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackReply {
    /// Whether it was counted among the questions of its person.
    #[serde(default)]
    pub is_counted: bool,
    /// The conversation of the thread.
    #[serde(default)]
    pub conversation: Option<ConversationId>,
    /// The turn that answers it, as planned before it was begun.
    #[serde(default)]
    pub turn: Option<TurnId>,
    /// Documents of the files that were attached, as far as they were read.
    #[serde(default)]
    pub documents: Vec<DocumentId>,
    /// Files that were looked at, in their order.
    #[serde(default)]
    pub files: usize,
    /// Names of files that cannot be read.
    #[serde(default)]
    pub unreadable: Vec<String>,
    /// Whether a message may have been posted that is not among `messages`.
    #[serde(default)]
    pub is_posting: bool,
    /// The messages that were posted.
    #[serde(default)]
    pub messages: Vec<String>,
    /// Whether nothing remains to be done.
    #[serde(default)]
    pub is_done: bool,
}
