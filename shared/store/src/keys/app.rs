//! What organizations and people own: documents, chatbots, conversations, prompts; and what was promised.

use domain::{
    ChatbotId, ConversationId, DocumentId, MailId, OrgId, PromptId, Turn, TurnId, UserId,
    documents::pending_upload::UploadSweep,
};

use super::{Key, key, shard_of};

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

/// How many resources an organization has that its plan limits.
pub fn resource_counts(org: &OrgId) -> Key {
    key(tenant(org), "COUNTS")
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
/// ([`domain::TurnId::conversation_prefix`]).
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

/// Sort key prefix of prompts that people keep.
pub const USER_PROMPTS: &str = "UP#";
/// Sort key prefix of the versions of a prompt.
pub const PROMPT_VERSIONS: &str = "V#";
/// Sort key prefix of the platform's prompts.
pub const SYSTEM_PROMPTS: &str = "SP#";
/// Partition of what belongs to the platform and everybody reads.
pub const PLATFORM: &str = "SYS";

/// A prompt that a person keeps.
pub fn user_prompt(org: &OrgId, user: &UserId, prompt: &PromptId) -> Key {
    key(member(org, user), format!("{USER_PROMPTS}{prompt}"))
}

/// The copy of a prompt that all members read.
pub fn shared_prompt(org: &OrgId, prompt: &PromptId) -> Key {
    key(tenant(org), format!("{USER_PROMPTS}{prompt}"))
}

/// Partition of the versions of a prompt.
pub fn prompt_versions(org: &OrgId, prompt: &PromptId) -> String {
    format!("UP#{org}#{prompt}")
}

/// A version of a prompt. The number has a fixed width, so that the order of keys is its order.
pub fn prompt_version(org: &OrgId, prompt: &PromptId, version: u32) -> Key {
    key(prompt_versions(org, prompt), format!("{PROMPT_VERSIONS}{version:06}"))
}

/// A prompt of the platform.
pub fn system_prompt(prompt: &PromptId) -> Key {
    key(PLATFORM.to_owned(), format!("{SYSTEM_PROMPTS}{prompt}"))
}

/// Number of partitions the outbox is spread over: each takes 1,000 writes a second.
pub const OUTBOX_SHARDS: u8 = 4;

/// One partition of the outbox.
pub fn outbox_shard(shard: u8) -> String {
    format!("OUT#{shard}")
}

/// The outbox entry of a document. The last digit of its id is random and picks the shard.
pub fn outbox(document: &DocumentId) -> Key {
    key(
        outbox_shard(shard_of(document.as_str(), OUTBOX_SHARDS)),
        document.as_str(),
    )
}

/// Partition of promised erasures: deletions of accounts and organizations are few.
pub const PURGES: &str = "PURGE";

/// A promised erasure. `id`: [`domain::Purge::id`].
pub fn purge(id: &str) -> Key {
    key(PURGES.to_owned(), id)
}

/// Partition of promised mails, which are few: most mails are asked for again when they do not come.
pub const PROMISED_MAILS: &str = "MAIL";

/// Beginning of the sort keys of mails that were promised to tell of an account.
pub fn promised_mails_about(user: &UserId) -> String {
    format!("{user}#")
}

/// A promised mail about an account.
pub fn promised_mail(user: &UserId, mail: &MailId) -> Key {
    let about = promised_mails_about(user);
    key(PROMISED_MAILS.to_owned(), format!("{about}{mail}"))
}

/// Sort key prefix of files that clients put into the bucket by themselves.
pub const PENDING_UPLOADS: &str = "PU#";

/// An announced file.
pub fn pending_upload(org: &OrgId, upload: &DocumentId) -> Key {
    key(tenant(org), format!("{PENDING_UPLOADS}{upload}"))
}

/// Partition of the sweeps of the bucket, one for each announced file: it takes 1,000 writes a second.
pub const UPLOAD_SWEEPS: &str = "SWEEP";

/// Where the sweeps begin that are due at this moment (milliseconds since the Unix epoch) or later.
pub fn sweeps_before(now_ms: i64) -> String {
    format!("{now_ms:016}")
}

/// The promise to look for a file that no document has. Sorts by when it is due.
pub fn upload_sweep(sweep: &UploadSweep) -> Key {
    let due = sweeps_before(sweep.due_ms);
    key(UPLOAD_SWEEPS.to_owned(), format!("{due}#{}", sweep.document))
}
