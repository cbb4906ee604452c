//! Workspaces, and what was said in them.

use std::collections::HashMap;

use serde_json::Value;

/// The app's bot, in every workspace.
pub const BOT_USER: &str = "U0BOT";

/// A message of the bot.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// The channel.
    pub channel: String,
    /// Its time, which is its ID.
    pub ts: String,
    /// The thread it is in.
    pub thread_ts: String,
    /// The text that people see.
    pub text: String,
    /// What stands below it.
    pub blocks: Vec<Value>,
    /// Its metadata.
    pub metadata: Value,
    /// Whether more text may be appended.
    pub is_streaming: bool,
    /// Calls that appended to it.
    pub appended: usize,
}

/// The state of Slack.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Tokens and their workspaces.
    pub tokens: HashMap<String, String>,
    /// Codes of installations, and the token that each leads to.
    pub codes: HashMap<String, String>,
    /// Messages of the bot.
    pub messages: Vec<Posted>,
    /// Contents of files, by ID.
    pub files: HashMap<String, Vec<u8>>,
    /// After how many further texts a stream ends by itself, if it does.
    pub stream_lasts: Option<usize>,
    /// Whether the app lacks the scope to read threads.
    pub cannot_read: bool,
    /// Number of messages so far, from which times are made.
    pub(crate) count: u64,
}

impl Workspace {
    /// Adds a workspace with this token of a bot.
    pub fn install(&mut self, team: &str, token: &str) {
        self.tokens.insert(token.to_owned(), team.to_owned());
    }

    /// The workspace of a token.
    pub fn team_of(&self, token: &str) -> Option<&str> {
        self.tokens.get(token).map(String::as_str)
    }

    /// The messages of the bot in a thread, oldest first.
    pub fn thread(&self, channel: &str, thread: &str) -> Vec<Posted> {
        let of_thread = |message: &&Posted| message.channel == channel && message.thread_ts == thread;
        self.messages.iter().filter(of_thread).cloned().collect()
    }

    pub(crate) fn find(&mut self, channel: &str, ts: &str) -> Option<&mut Posted> {
        self.messages
            .iter_mut()
            .find(|message| message.channel == channel && message.ts == ts)
    }

    /// Has the bot say something in a thread, as a stream that was not stopped.
    pub fn say_as_bot(&mut self, channel: &str, thread: &str, text: &str) {
        let ts = self.next_ts();
        self.messages.push(Posted {
            channel: channel.to_owned(),
            thread_ts: thread.to_owned(),
            text: text.to_owned(),
            blocks: Vec::new(),
            metadata: Value::Null,
            ts,
            is_streaming: true,
            appended: 0,
        });
    }

    /// A time later than that of all messages.
    pub(crate) fn next_ts(&mut self) -> String {
        self.count += 1;
        format!("4000000000.{:06}", self.count)
    }
}
