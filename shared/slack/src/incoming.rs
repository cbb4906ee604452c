//! Events (<https://docs.slack.dev/apis/events-api>).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest ID that is read.
const MAX_ID: usize = 64;
/// Most files of a message that are read.
const MAX_FILES: usize = 10;

/// A request of the Events API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// The check of a new request URL: the response is this challenge.
    UrlVerification(String),
    /// An event.
    Event {
        /// The event's ID: the same for each repetition.
        event_id: String,
        /// When it happened, in seconds since the Unix epoch.
        event_time: i64,
        /// The event.
        event: Event,
    },
    /// Slack drops events of this workspace for a minute, because there are more than 30,000 an hour.
    RateLimited,
    /// Anything else.
    Other,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message that may be meant for the app.
    Message(MessageEvent),
    /// Someone opened the app's assistant pane.
    ThreadStarted {
        /// Channel of the pane.
        channel: String,
        /// The thread.
        thread_ts: String,
    },
    /// The app was removed from the workspace.
    AppUninstalled,
    /// Tokens ended, of the bot or of users.
    TokensRevoked {
        /// Whether the bot's is among them.
        of_bot: bool,
    },
    /// An event that means nothing here.
    Other,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageEvent {
    /// The channel.
    pub channel: String,
    /// Whether it is a direct message, or one in the assistant pane.
    pub is_direct: bool,
    /// Its time, which is its ID in the channel.
    pub ts: String,
    /// The thread that it belongs to.
    pub thread_ts: Option<String>,
    /// Who wrote it.
    pub user: String,
    /// The workspace of who wrote it.
    pub user_team: Option<String>,
    /// The text, as `mrkdwn`.
    pub text: String,
    /// Files that are attached.
    #[serde(default)]
    pub files: Vec<SharedFile>,
}

/// A file that is attached to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedFile {
    /// Its ID at Slack.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where to download it.
    pub url: String,
    /// Its size, in bytes.
    pub size: u64,
}

impl MessageEvent {
    /// Returns the thread that an answer belongs to: that of the message, or the one that it begins.
    pub fn thread(&self) -> &str {
        self.thread_ts.as_deref().unwrap_or(&self.ts)
    }
}

/// Whose event a body is about, and the event. The body may be anything: nothing of it is trusted before its signature
/// is verified.
///
/// Returns `None` for a body that is no JSON object.
pub fn read_event(body: &[u8]) -> Option<(Vec<String>, Incoming)> {
    let body: Value = serde_json::from_slice(body).ok().filter(Value::is_object)?;
    // The workspace through which the app receives the event; the others are hints for channels that are shared.
    let mut teams: Vec<String> = Vec::new();
    let authorized = body["authorizations"].as_array().into_iter().flatten();
    let named = [&body["context_team_id"], &body["team_id"]]
        .into_iter()
        .chain(authorized.map(|it| &it["team_id"]));
    for team in named.filter_map(id) {
        if !teams.contains(&team) {
            teams.push(team);
        }
    }
    teams.truncate(4);
    let incoming = match body["type"].as_str() {
        Some("url_verification") => {
            let challenge = body["challenge"].as_str().unwrap_or_default();
            Incoming::UrlVerification(challenge.chars().take(1_000).collect())
        }
        Some("event_callback") => match id(&body["event_id"]) {
            Some(event_id) => Incoming::Event {
                event_id,
                event_time: body["event_time"].as_i64().unwrap_or_default(),
                event: event(&body["event"]),
            },
            None => Incoming::Other,
        },
        Some("app_rate_limited") => Incoming::RateLimited,
        _ => Incoming::Other,
    };
    Some((teams, incoming))
}

fn event(event: &Value) -> Event {
    match event["type"].as_str() {
        Some("app_mention") => message(event, false).map_or(Event::Other, Event::Message),
        // Messages of channels are answered when the app is mentioned, and arrive as mentions then.
        Some("message") if event["channel_type"] == "im" => message(event, true).map_or(Event::Other, Event::Message),
        Some("assistant_thread_started") => {
            let thread = &event["assistant_thread"];
            match (id(&thread["channel_id"]), id(&thread["thread_ts"])) {
                (Some(channel), Some(thread_ts)) => Event::ThreadStarted { channel, thread_ts },
                _ => Event::Other,
            }
        }
        Some("app_uninstalled") => Event::AppUninstalled,
        Some("tokens_revoked") => Event::TokensRevoked {
            of_bot: event["tokens"]["bot"].as_array().is_some_and(|bots| !bots.is_empty()),
        },
        _ => Event::Other,
    }
}

/// Returns a message of a person. Those of bots (our own as well), edits, joins and the like are none.
fn message(event: &Value, is_direct: bool) -> Option<MessageEvent> {
    let is_said = matches!(
        event["subtype"].as_str(),
        None | Some("file_share" | "thread_broadcast")
    );
    if !is_said || event["bot_id"].is_string() || event["bot_profile"].is_object() || event["hidden"] == true {
        return None;
    }
    let files = event["files"].as_array().into_iter().flatten().filter_map(file);
    Some(MessageEvent {
        channel: id(&event["channel"])?,
        // A mention in a direct message is one as well.
        is_direct: is_direct || event["channel_type"] == "im" || event["channel"].as_str()?.starts_with('D'),
        ts: id(&event["ts"])?,
        thread_ts: id(&event["thread_ts"]),
        user: id(&event["user"])?,
        user_team: id(&event["user_team"]).or_else(|| id(&event["team"])),
        text: event["text"].as_str().unwrap_or_default().to_owned(),
        files: files.take(MAX_FILES).collect(),
    })
}

fn file(file: &Value) -> Option<SharedFile> {
    let url = file["url_private_download"]
        .as_str()
        .or_else(|| file["url_private"].as_str())?;
    Some(SharedFile {
        id: id(&file["id"])?,
        name: file["name"].as_str()?.chars().take(200).collect(),
        url: url.to_owned(),
        size: file["size"].as_u64()?,
    })
}

/// Returns an ID of Slack's: letters, digits, dots.
pub(crate) fn id(value: &Value) -> Option<String> {
    let id = value.as_str()?;
    let is_id = (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
#[path = "incoming_tests.rs"]
mod tests;
