//! Slack: calls of its Web API (<https://docs.slack.dev/apis/web-api>), signatures and bodies of its requests, and the
//! text of messages in both directions.
//!
//! **Invariant:** what Slack sends is read leniently. Unknown types and fields are no errors, because an error would have
//! Slack repeat the request.

mod blocks;
mod client;
mod error;
mod incoming;
mod interaction;
mod signature;
mod split;
mod text;

pub use blocks::{FEEDBACK_ACTION, Reference, answer_blocks};
pub use client::{Client, TimeLimits};
pub use error::Error;
pub use incoming::{Event, Incoming, MessageEvent, SharedFile, read_event};
pub use interaction::{Command, Rated, Rating, read_command, read_interaction};
pub use signature::{TOLERANCE_SECONDS, is_signed};
pub use split::{MAX_MESSAGE, Splitter, Step, split};
pub use text::{from_mrkdwn, to_mrkdwn, without_mentions};

/// Default base URL of the Web API.
pub const BASE_URL: &str = "https://slack.com";
