//! Identifiers: `UUIDv7` text (RFC 9562), opaque to clients, internally ordered by time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{Clock, Error, Result, Timestamp};

/// Maximum length of text accepted as an ID, in bytes. Generated IDs have 36.
const MAX_BYTES: usize = 128;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
        #[serde(transparent)]
        #[schemars(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// Returns the ID as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let id = String::deserialize(deserializer)?;
                // A text longer than a key of the table can hold names nothing that exists.
                if id.len() > MAX_BYTES { Err(serde::de::Error::custom("is not an id")) } else { Ok(Self(id)) }
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// A user account.
    UserId,
    /// An organization: the tenant that owns all data.
    OrgId,
    /// One sign-in: a family of rotating refresh tokens.
    SessionId,
    /// An uploaded document.
    DocumentId,
    /// A crawl of a web site.
    CrawlId,
    /// A chatbot that answers from documents.
    ChatbotId,
    /// A conversation (chat session).
    ConversationId,
    /// An integration: where else a chatbot answers.
    IntegrationId,
    /// An invitation into an organization.
    InvitationId,
    /// An API key.
    ApiKeyId,
    /// An entry of the audit log.
    AuditEntryId,
    /// An email: everything sent under one ID reaches its recipient once.
    MailId,
    /// An export of a user's data.
    ExportId,
    /// A saved prompt.
    PromptId,
    /// One turn of a conversation: the user's message and the answers to it.
    TurnId,
    /// A message of a conversation. A question has the ID of its turn; an answer's ID leads to its turn.
    MessageId,
    /// A database that can be queried.
    DataSourceId,
    /// A query in the history of a user.
    QueryId,
    /// One model call and its reservation.
    GenerationId,
    /// A webhook: an endpoint of an organization that receives its events.
    WebhookId,
    /// An event that is sent to webhooks.
    WebhookEventId,
    /// The delivery of an event to a webhook, with all its attempts.
    WebhookDeliveryId,
}

/// Generates IDs and random bytes. IDs of one process are strictly increasing, so lists are in creation order.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    clock: Clock,
    /// Milliseconds << 12 | counter of the last ID.
    last: Arc<AtomicU64>,
}

impl Ids {
    /// Creates a generator that follows `clock`.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            last: Arc::default(),
        }
    }

    /// Returns a new ID of the requested type.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the operating system provides no random bytes.
    pub fn make<I: From<String>>(&self) -> Result<I> {
        Ok(self.build(random_bytes()?))
    }

    /// Returns a new ID for a turn of `conversation`, greater than `before` regardless of the clock of the process that
    /// generated that one. It contains the creation time of its conversation, so that a turn can be found by its ID
    /// alone ([`TurnId::conversation_prefix`]), and its last byte is reserved for the IDs of its answers.
    ///
    /// # Errors
    /// Returns [`Error::Internal`] if the operating system provides no random bytes.
    pub fn make_turn(&self, conversation: &ConversationId, before: Option<&TurnId>) -> Result<TurnId> {
        if let Some(bits) = before.and_then(|before| bits(before.as_str())) {
            let stamp = (bits >> 80) << 12 | (bits >> 64 & 0xfff);
            self.last
                .fetch_max(u64::try_from(stamp).unwrap_or(0), Ordering::Relaxed);
        }
        let mut random: [u8; 10] = random_bytes()?;
        let made = bits(conversation.as_str()).map_or(0, |bits| bits >> 80);
        // After the two variant bits: 48 bits of the conversation, 6 random ones, 8 for the answers.
        let tail = made << 14 | u128::from(random[2] & 0x3f) << 8;
        random[2..].copy_from_slice(&tail.to_be_bytes()[8..]);
        Ok(self.build(random))
    }

    fn build<I: From<String>>(&self, mut random: [u8; 10]) -> I {
        let now = u64::try_from(self.clock.now_ms()).unwrap_or(0) << 12;
        let previous = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
            .unwrap_or_default();
        let stamp = now.max(previous + 1);
        // rand_a (12 bits) carries the counter: RFC 9562 section 6.2, method 1.
        random[0] = ((stamp >> 8) & 0x0f) as u8;
        random[1] = (stamp & 0xff) as u8;
        I::from(
            uuid::Builder::from_unix_timestamp_millis(stamp >> 12, &random)
                .into_uuid()
                .to_string(),
        )
    }
}

/// Returns the bits of an ID, or `None` if it is not a generated one.
fn bits(id: &str) -> Option<u128> {
    Some(uuid::Uuid::parse_str(id).ok()?.as_u128())
}

/// Maximum number of answers of one turn: what fits into the last byte of an ID.
pub const MAX_ANSWERS: usize = 255;

impl TurnId {
    /// Returns the prefix of its conversation's ID, if it is a generated one.
    pub fn conversation_prefix(&self) -> Option<String> {
        let made = bits(self.as_str())? >> 14 & 0xffff_ffff_ffff;
        Some(format!("{:08x}-{:04x}-", made >> 16, made & 0xffff))
    }

    /// Returns the ID of its question as a message.
    pub fn question(&self) -> MessageId {
        MessageId(self.0.clone())
    }

    /// Returns the ID of its answer with this number, counted from 1.
    pub fn answer(&self, number: u8) -> MessageId {
        let id = bits(self.as_str()).map(|bits| uuid::Uuid::from_u128(bits & !0xff | u128::from(number)));
        MessageId(id.map_or_else(|| self.0.clone(), |id| id.to_string()))
    }
}

impl MessageId {
    /// Returns the turn it belongs to.
    pub fn turn(&self) -> TurnId {
        let id = bits(self.as_str()).map(|bits| uuid::Uuid::from_u128(bits & !0xff));
        TurnId(id.map_or_else(|| self.0.clone(), |id| id.to_string()))
    }

    /// Returns whether it is a question rather than an answer.
    pub fn is_question(&self) -> bool {
        self.0 == self.turn().0
    }
}

/// Returns when an ID was created; `None` if it is not a generated one.
pub fn made_at(id: &str) -> Option<Timestamp> {
    let (seconds, nanoseconds) = uuid::Uuid::parse_str(id).ok()?.get_timestamp()?.to_unix();
    let milliseconds = i64::try_from(seconds).ok()?.checked_mul(1000)? + i64::from(nanoseconds / 1_000_000);
    Timestamp::from_millisecond(milliseconds).ok()
}

/// Returns random bytes from the operating system, suitable for secrets.
///
/// # Errors
/// Returns [`Error::Internal`] if the operating system provides none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_process_are_version_7_and_strictly_increasing() {
        let ids = Ids::default();
        let made: Vec<String> = (0..10_000)
            .map(|_| ids.make::<UserId>().map(|id| id.0).unwrap_or_default())
            .collect();
        assert!(
            made.is_sorted_by(|a, b| a < b),
            "every ID is greater than the one before it"
        );
        let at = made_at(&made[0]).map(|at| at.as_millisecond()).unwrap_or_default();
        assert!(
            (ids.clock.now_ms() - at).abs() < 60_000,
            "an ID carries its creation time"
        );
        assert!(made.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'7'));
    }

    #[test]
    fn a_turn_leads_to_its_conversation_and_an_answer_to_its_turn() {
        let ids = Ids::default();
        let conversation: ConversationId = ids.make().unwrap_or_else(|_| unreachable!());
        let turn = ids.make_turn(&conversation, None).unwrap_or_else(|_| unreachable!());
        let prefix = turn.conversation_prefix().unwrap_or_default();
        assert!(conversation.as_str().starts_with(&prefix), "{prefix} of {conversation}");
        assert_eq!(prefix.len(), 14);
        assert!(turn.question().is_question());
        for number in [1, 2, 255] {
            let answer = turn.answer(number);
            assert!(!answer.is_question() && answer.as_str().as_bytes()[14] == b'7');
            assert_eq!(answer.turn(), turn);
        }
        assert_eq!(MessageId("no id".to_owned()).turn().as_str(), "no id");
    }

    #[test]
    fn a_turn_is_greater_than_the_one_before_it_whatever_the_clock_that_made_that_one() {
        let ahead = Clock::default();
        ahead.advance(std::time::Duration::from_hours(1));
        let (ahead, behind) = (Ids::new(ahead), Ids::default());
        let conversation = ConversationId("c".to_owned());
        let mut last = ahead.make_turn(&conversation, None).unwrap_or_else(|_| unreachable!());
        for _ in 0..5000 {
            let next = behind
                .make_turn(&conversation, Some(&last))
                .unwrap_or_else(|_| unreachable!());
            assert!(next > last, "{next} after {last}");
            last = next;
        }
    }
}
