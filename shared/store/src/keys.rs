//! Every key string of every table. Nowhere else is one put together.
//!
//! The partition key always starts from ids that were proven to belong to the caller (the organization, the
//! user, the session), so a foreign id in a request only ever makes a sort key that is not there.

use model::{ChatbotId, ConversationId, DocumentId, OrgId, SessionId, TurnId, UserId};

/// Partition and sort key of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

fn key(pk: String, sk: impl Into<String>) -> Key {
    Key { pk, sk: sk.into() }
}

/// A key under which nothing is ever stored: reading it shows that a table answers.
pub fn probe() -> Key {
    key("PROBE".to_owned(), "PROBE")
}

// identity

/// Sort key prefix of a person's organizations.
pub const USER_ORGS: &str = "ORG#";
/// Sort key prefix of an organization's members.
pub const MEMBERS: &str = "M#";

/// Partition of a person.
pub fn user(user: &UserId) -> String {
    format!("U#{user}")
}

/// A person's account.
pub fn profile(user: &UserId) -> Key {
    key(format!("U#{user}"), "PROFILE")
}

/// A sign-in session.
pub fn session(user: &UserId, session: &SessionId) -> Key {
    key(format!("U#{user}"), format!("SESS#{session}"))
}

/// Makes an address unique and leads from it to its account. `fingerprint`: [`model::Email::fingerprint`].
pub fn email(fingerprint: &str) -> Key {
    key(format!("EMAIL#{fingerprint}"), "U")
}

/// An organization.
pub fn org(org: &OrgId) -> Key {
    key(format!("O#{org}"), "ORG")
}

/// A person's place in an organization.
pub fn membership(org: &OrgId, user: &UserId) -> Key {
    key(format!("O#{org}"), format!("M#{user}"))
}

/// Makes a slug unique and leads from it to its organization.
pub fn slug(slug: &str) -> Key {
    key(format!("SLUG#{slug}"), "O")
}

// app

/// Sort key prefix of documents.
pub const DOCUMENTS: &str = "D#";
/// Sort key prefix of chatbots.
pub const CHATBOTS: &str = "B#";
/// Sort key prefix of conversations.
pub const CONVERSATIONS: &str = "S#";
/// Sort key prefix of turns.
pub const TURNS: &str = "T#";

/// Partition of what an organization owns.
pub fn tenant(org: &OrgId) -> String {
    format!("O#{org}")
}

/// A document.
pub fn document(org: &OrgId, document: &DocumentId) -> Key {
    key(tenant(org), format!("{DOCUMENTS}{document}"))
}

/// A chatbot.
pub fn chatbot(org: &OrgId, chatbot: &ChatbotId) -> Key {
    key(tenant(org), format!("{CHATBOTS}{chatbot}"))
}

/// Partition of what one person owns inside one organization, hidden from the other members.
pub fn member(org: &OrgId, user: &UserId) -> String {
    format!("O#{org}#U#{user}")
}

/// A conversation.
pub fn conversation(org: &OrgId, user: &UserId, conversation: &ConversationId) -> Key {
    key(member(org, user), format!("{CONVERSATIONS}{conversation}"))
}

/// Partition of the turns of a conversation.
pub fn turns(org: &OrgId, user: &UserId, conversation: &ConversationId) -> String {
    format!("S#{org}#{user}#{conversation}")
}

/// A turn.
pub fn turn(org: &OrgId, user: &UserId, conversation: &ConversationId, turn: &TurnId) -> Key {
    key(turns(org, user, conversation), format!("{TURNS}{turn}"))
}

/// Number of partitions the outbox is spread over: each takes 1,000 writes a second.
pub const OUTBOX_SHARDS: u8 = 4;

/// One partition of the outbox.
pub fn outbox_shard(shard: u8) -> String {
    format!("OUT#{shard}")
}

/// The outbox entry of a document. The last digit of its id is random and picks the shard.
pub fn outbox(document: &DocumentId) -> Key {
    let last = document.as_str().bytes().last().unwrap_or_default();
    key(outbox_shard(last % OUTBOX_SHARDS), document.as_str())
}

/// Partition of promised erasures: deletions of accounts and organizations are few.
pub const PURGES: &str = "PURGE";

/// A promised erasure. `id`: [`model::Purge::id`].
pub fn purge(id: &str) -> Key {
    key(PURGES.to_owned(), id)
}

// ephemeral

/// The answer to a request with an `Idempotency-Key`. `digest`: hex SHA-256 of scope, route and key.
pub fn idempotency(digest: &str) -> Key {
    key(format!("IDEM#{digest}"), "I")
}

// audit

/// Partition of a tenant's audit entries of one month (`2026-11`): one hash chain.
pub fn audit_chain(tenant: &OrgId, month: &str) -> String {
    format!("A#{tenant}#{month}")
}

/// An audit entry by its place in the chain. The number has a fixed width, so that the order of keys is its order.
pub fn audit_entry(tenant: &OrgId, month: &str, number: u64) -> Key {
    key(audit_chain(tenant, month), format!("{number:012}"))
}
