//! Every key string of every table. Nowhere else is one put together.
//!
//! The partition key always starts from ids that were proven to belong to the caller (the organization, the
//! user, the session), so a foreign id in a request only ever makes a sort key that is not there.

//!
//! Where an erasure finds what belongs to an organization or a user:
//!
//! | partition | table | holds | found by |
//! |---|---|---|---|
//! | `O#{org}` | identity | the organization, members `M#`, invitations `INV#` | the organization |
//! | `U#{user}` | identity | places in organizations `ORG#` | the user |
//! | `EMAIL#{address}` | identity | what an address is invited to, `INV#` | the account's address; `O#{org}` &#124; `INV#` |
//! | `INVT#{token}` | identity | leads from a token to its invitation | `token_hash` in `O#{org}` &#124; `INV#` |
//! | `SLUG#{slug}` | identity | leads from a slug to its organization; freed when that is deleted | the organization |
//! | `OUTM#{shard}` | app | mail until it is sent | gone when it is sent |
//! | `OUTP#{shard}` | app | organizations whose content is to be removed | gone when that is done |

use model::{ChatbotId, ConversationId, DocumentId, InvitationId, OrgId, SessionId, TurnId, UserId};

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

/// An organization.
pub fn org(org: &OrgId) -> Key {
    key(format!("O#{org}"), "ORG")
}

/// A person's place in an organization.
pub fn membership(org: &OrgId, user: &UserId) -> Key {
    key(format!("O#{org}"), format!("M#{user}"))
}

/// Sort key prefix of the members of an organization.
pub const MEMBERS: &str = "M#";
/// Sort key prefix of a user's places in organizations.
pub const PLACES: &str = "ORG#";
/// Sort key prefix of invitations.
pub const INVITATIONS: &str = "INV#";

/// Partition of what belongs to a user.
pub fn user(user: &UserId) -> String {
    format!("U#{user}")
}

/// The same place as [`membership`], where its user finds it.
pub fn place(user: &UserId, org: &OrgId) -> Key {
    key(self::user(user), format!("{PLACES}{org}"))
}

/// An invitation into an organization.
pub fn invitation(org: &OrgId, invitation: &InvitationId) -> Key {
    key(tenant(org), format!("{INVITATIONS}{invitation}"))
}

/// Partition of what is known about an address. `fingerprint`: [`model::Email::fingerprint`].
pub fn address(fingerprint: &str) -> String {
    format!("EMAIL#{fingerprint}")
}

/// Makes the invitation of an address into an organization unique, and is where the address finds it.
pub fn invited(fingerprint: &str, org: &OrgId) -> Key {
    key(address(fingerprint), format!("{INVITATIONS}{org}"))
}

/// Leads from a token to its invitation. `hash`: [`model::invitation::token_hash`].
pub fn invitation_token(hash: &str) -> Key {
    key(format!("INVT#{hash}"), "I")
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

fn shard_of(id: &str) -> u8 {
    id.bytes().last().unwrap_or_default() % OUTBOX_SHARDS
}

/// A mail that is promised.
pub fn promised_mail(id: &str) -> Key {
    key(format!("OUTM#{}", shard_of(id)), id)
}

/// The promise to remove what a deleted organization leaves behind.
pub fn promised_purge(org: &OrgId) -> Key {
    key(format!("OUTP#{}", shard_of(org.as_str())), org.as_str())
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
