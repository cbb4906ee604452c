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

/// Makes a person at Clerk unique and leads from them to their account.
pub fn clerk(person: &str) -> Key {
    key(format!("CLERK#{person}"), "U")
}

/// Marks a session at Clerk as ended here.
pub fn clerk_sign_out(user: &UserId, session: &str) -> Key {
    key(account(user), format!("CLERKOUT#{session}"))
}

/// Sort key prefix of sign-in sessions.
pub const SESSIONS: &str = "SESS#";

/// Partition of what belongs to an account alone.
pub fn account(user: &UserId) -> String {
    format!("U#{user}")
}

/// The salt of the keys that seal a person's data in the audit log. Destroying it makes that data unreadable.
pub fn audit_salt(user: &UserId) -> Key {
    key(account(user), "AUDITSALT")
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

/// Whose partition this is, when it is one that [`member`] makes.
pub fn parse_member(pk: &str) -> Option<(OrgId, UserId)> {
    let (org, user) = pk.strip_prefix("O#")?.split_once("#U#")?;
    Some((OrgId(org.to_owned()), UserId(user.to_owned())))
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

// ephemeral

/// The answer to a request with an `Idempotency-Key`. `digest`: hex SHA-256 of scope, route and key.
pub fn idempotency(digest: &str) -> Key {
    key(format!("IDEM#{digest}"), "I")
}

/// An event of somebody else's system that was dealt with. `id`: the sender's own name for it.
pub fn event(source: &str, id: &str) -> Key {
    key(format!("EVT#{source}#{id}"), "E")
}

/// Partition of the requests that failed by our fault on one day (`2026-11-24`).
pub fn failures(day: &str) -> String {
    format!("ERR#{day}")
}

/// A request that failed by our fault. `id` sorts by time.
pub fn failure(day: &str, id: &str) -> Key {
    key(failures(day), id)
}

/// Partition of the last runs of schedules.
pub const SCHEDULES: &str = "SCHEDULE";
/// Sort key prefix of the last runs of schedules.
pub const RUNS: &str = "RUN#";

/// The last run of a schedule.
pub fn schedule_run(name: &str) -> Key {
    key(SCHEDULES.to_owned(), format!("{RUNS}{name}"))
}

/// The number that every process compares with its own: when it has grown, what is cached is forgotten.
pub fn cache_epoch() -> Key {
    key("CACHE#EPOCH".to_owned(), "E")
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
