//! Identifiers: `UUIDv7` text (RFC 9562), opaque to clients, in time order for us.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{Clock, Error, Result, Timestamp};

/// Longest text that is taken for an id, bytes. Ours have 36.
const MAX_BYTES: usize = 128;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
        #[serde(transparent)]
        #[schemars(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
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
                // More than a key of the table can hold names nothing that exists.
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
    /// A person with an account.
    UserId,
    /// An organization, the tenant that owns everything.
    OrgId,
    /// One sign-in: a family of rotating refresh tokens.
    SessionId,
    /// An uploaded document.
    DocumentId,
    /// A chatbot that answers from documents.
    ChatbotId,
    /// A conversation (chat session).
    ConversationId,
    /// An invitation into an organization.
    InvitationId,
    /// An API key.
    ApiKeyId,
    /// An entry of the audit log.
    AuditEntryId,
    /// A mail: whatever is sent under one id reaches its reader once.
    MailId,
    /// An export of a person's data.
    ExportId,
    /// A prompt that is kept to be used again.
    PromptId,
    /// One turn of a conversation: the user's message and the answer to it.
    TurnId,
    /// One call of a model, and what is reserved for it.
    GenerationId,
}

/// Makes ids and random bytes. Ids of one process are strictly increasing, so lists keep the order of creation.
#[derive(Debug, Clone, Default)]
pub struct Ids {
    clock: Clock,
    /// Milliseconds << 12 | counter of the last id.
    last: Arc<AtomicU64>,
}

impl Ids {
    /// Ids that follow `clock`.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            last: Arc::default(),
        }
    }

    /// A new id of the wanted type.
    ///
    /// # Errors
    /// [`Error::Internal`] when the operating system gives no random bytes.
    pub fn make<I: From<String>>(&self) -> Result<I> {
        let now = u64::try_from(self.clock.now_ms()).unwrap_or(0) << 12;
        let previous = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
            .unwrap_or_default();
        let stamp = now.max(previous + 1);
        let mut random: [u8; 10] = random_bytes()?;
        // rand_a (12 bits) carries the counter: RFC 9562 section 6.2, method 1.
        random[0] = ((stamp >> 8) & 0x0f) as u8;
        random[1] = (stamp & 0xff) as u8;
        Ok(I::from(
            uuid::Builder::from_unix_timestamp_millis(stamp >> 12, &random)
                .into_uuid()
                .to_string(),
        ))
    }
}

/// When an id was made; none for what is not one of ours.
pub fn made_at(id: &str) -> Option<Timestamp> {
    let (seconds, nanoseconds) = uuid::Uuid::parse_str(id).ok()?.get_timestamp()?.to_unix();
    let milliseconds = i64::try_from(seconds).ok()?.checked_mul(1000)? + i64::from(nanoseconds / 1_000_000);
    Timestamp::from_millisecond(milliseconds).ok()
}

/// Random bytes from the operating system, fit for secrets.
///
/// # Errors
/// [`Error::Internal`] when the operating system gives none.
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
            "every id is greater than the one before it"
        );
        let at = made_at(&made[0]).map(Timestamp::as_millisecond).unwrap_or_default();
        assert!((ids.clock.now_ms() - at).abs() < 60_000, "an id tells when it was made");
        assert!(made.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'7'));
    }
}
