//! Every key string of every table. Nowhere else is one put together.
//!
//! The partition key always starts from ids that were proven to belong to the caller (the organization, the
//! user, the session), so a foreign id in a request only ever makes a sort key that is not there.
//!
//! Where an erasure finds what belongs to an organization or a user is in one list, `app`'s `estate.rs`.

use jiff::civil::Date;
use model::{
    ApiKeyId, ChatbotId, ConversationId, DocumentId, InvitationId, MailId, MessageId, Network, OrgId, SessionId, Turn,
    TurnId, UserId, throttle::Lane,
};

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
    key(self::user(user), format!("{SESSIONS}{session}"))
}

/// Makes an address unique and leads from it to its account. `fingerprint`: [`model::Email::fingerprint`].
pub fn email(fingerprint: &str) -> Key {
    key(format!("EMAIL#{fingerprint}"), "U")
}

/// Sort key prefix of sign-in sessions.
pub const SESSIONS: &str = "SESS#";

/// Sort key prefix of the links that were mailed to a person.
pub const LINKS: &str = "LINK#";

/// Leads from a person to a link that was mailed to them. `digest`: hex SHA-256 of its token.
pub fn mailed_link(user: &UserId, digest: &str) -> Key {
    key(self::user(user), format!("{LINKS}{digest}"))
}

/// A link by which a password can be set. `digest`: hex SHA-256 of its token.
pub fn password_reset(digest: &str) -> Key {
    key(format!("PWR#{digest}"), "T")
}

/// A link that shows that an address is its account's own. `digest`: hex SHA-256 of its token.
pub fn email_verification(digest: &str) -> Key {
    key(format!("EMV#{digest}"), "T")
}

/// Makes a person at Clerk unique and leads from them to their account.
pub fn clerk(person: &str) -> Key {
    key(format!("CLERK#{person}"), "U")
}

/// Marks a session at Clerk as ended here.
pub fn clerk_sign_out(user: &UserId, session: &str) -> Key {
    key(self::user(user), format!("CLERKOUT#{session}"))
}

/// The salt of the keys that seal a person's data in the audit log. Destroying it makes that data unreadable.
pub fn audit_salt(user: &UserId) -> Key {
    key(self::user(user), "AUDITSALT")
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
/// Sort key prefix of API keys.
pub const API_KEYS: &str = "AK#";

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

/// A user's settings.
pub fn settings(user: &UserId) -> Key {
    key(self::user(user), "SETTINGS")
}

/// An API key of an organization.
pub fn api_key(org: &OrgId, id: &ApiKeyId) -> Key {
    key(tenant(org), format!("{API_KEYS}{id}"))
}

/// Leads from an API key to its row. `hash`: [`model::api_key::KeyText::hash`].
pub fn api_key_hash(hash: &str) -> Key {
    key(format!("AK#{hash}"), "K")
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

/// Beginning of the sort keys of the few conversations that a turn may belong to
/// ([`model::TurnId::conversation_prefix`]).
pub fn conversations_of_turn(prefix: &str) -> String {
    format!("{CONVERSATIONS}{prefix}")
}

/// Objects that hold what is too large for items: turns of one person.
pub fn large_turns_of(org: &OrgId, user: &UserId) -> String {
    format!("t/{org}/c/{user}/")
}

/// Objects that hold what is too large for items: turns of one conversation.
pub fn large_turns(org: &OrgId, user: &UserId, conversation: &ConversationId) -> String {
    format!("{}{conversation}/", large_turns_of(org, user))
}

/// The object that holds a turn as one write left it.
pub fn large_turn(org: &OrgId, user: &UserId, turn: &Turn) -> String {
    let folder = large_turns(org, user, &turn.conversation);
    format!("{folder}{}/{}", turn.id, turn.rev)
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
    key(outbox_shard(shard_of(document.as_str())), document.as_str())
}

fn shard_of(id: &str) -> u8 {
    id.bytes().last().unwrap_or_default() % OUTBOX_SHARDS
}

/// Partition of promised erasures: deletions of accounts and organizations are few.
pub const PURGES: &str = "PURGE";

/// A promised erasure. `id`: [`model::Purge::id`].
pub fn purge(id: &str) -> Key {
    key(PURGES.to_owned(), id)
}

// usage

/// The daily limit of a user.
pub fn quota(user: &UserId) -> Key {
    key(self::user(user), "QUOTA")
}

/// What a user used on a day: the day is the key, so a new one begins by itself.
pub fn usage_day(user: &UserId, day: Date) -> Key {
    key(self::user(user), format!("D#{day}"))
}

/// Sort key prefix of days.
pub const DAYS: &str = "D#";
/// Sort key prefix of alerts.
pub const ALERTS: &str = "AL#";

/// What an organization used on one of its days, of its limit.
pub fn org_day(org: &OrgId, day: Date) -> Key {
    key(tenant(org), format!("{DAYS}{day}"))
}

/// What one member used of an organization on one of its days; sorts right behind the day itself.
pub fn member_day(org: &OrgId, day: Date, user: &UserId) -> Key {
    key(tenant(org), format!("{DAYS}{day}#U#{user}"))
}

/// What a chatbot used on a day, of its own limit.
pub fn chatbot_day(org: &OrgId, bot: &ChatbotId, day: Date) -> Key {
    key(tenant(org), format!("{CHATBOTS}{bot}#{DAYS}{day}"))
}

/// What an API key used of its budget.
pub fn key_tokens(org: &OrgId, id: &ApiKeyId) -> Key {
    key(tenant(org), format!("K#{id}"))
}

/// That somebody was told how much of a limit is used. `owner`: [`user`] or [`tenant`].
pub fn alert(owner: String, day: Date, scope: &str, percent: u8) -> Key {
    key(owner, format!("{ALERTS}{day}#{scope}#{percent:03}"))
}

/// Number of partitions in which open days are listed: each takes 1,000 writes a second.
pub const OPEN_SHARDS: u8 = 4;

/// One partition of open days.
pub fn open_days(shard: u8) -> String {
    format!("OPEN#{shard}")
}

/// That a day is open: something was reserved in it, and it was not closed. Sorts by the end of the day, in seconds.
pub fn open_day(day: &Key, ends_at: i64) -> Key {
    let shard = shard_of(&day.pk);
    key(open_days(shard), format!("{ends_at:012}#{}#{}", day.pk, day.sk))
}

// ephemeral

/// How fast requests to models come. `digest`: hex SHA-256 of whom they come from.
pub fn pace(digest: &str) -> Key {
    key(format!("RL#{digest}"), "B")
}

/// When an API key was last used.
pub fn api_key_use(id: &ApiKeyId) -> Key {
    key(format!("AKU#{id}"), "U")
}

/// That an answer is to be stopped.
pub fn cancel(answer: &MessageId) -> Key {
    key(format!("CANCEL#{answer}"), "C")
}

/// The answer to a request with an `Idempotency-Key`. `digest`: hex SHA-256 of scope, route and key.
pub fn idempotency(digest: &str) -> Key {
    key(format!("IDEM#{digest}"), "I")
}

/// One of the lanes in which the password of an account is guessed. `account`: fingerprint of the address that was
/// typed, whether or not an account has it.
pub fn guesses(account: &str, lane: Lane) -> Key {
    let lane = match lane {
        Lane::Known => "K",
        Lane::Stranger => "A",
    };
    key(format!("LOGIN#{account}"), lane)
}

/// A network from which somebody signed in to an account.
pub fn known_network(account: &str, network: &Network) -> Key {
    key(format!("LOGIN#{account}"), format!("N#{}", network.as_str()))
}

/// Failed sign-ins of a network; those of unknown origin share one.
pub fn network_failures(network: Option<&Network>) -> Key {
    key(format!("LOGIN#NET#{}", network.map_or("unknown", Network::as_str)), "L")
}

/// Accounts that strangers failed to sign in to, on the whole platform.
pub fn distinct_failures() -> Key {
    key("LOGIN#ALL".to_owned(), "L")
}

/// That a mail is being sent, or was.
pub fn mail(mail: &MailId) -> Key {
    key(format!("MAIL#{mail}"), "M")
}

/// Mails of one kind that an address got because somebody typed it.
pub fn mails_to(account: &str, kind: &str) -> Key {
    key(format!("MAIL#TO#{account}"), kind)
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
