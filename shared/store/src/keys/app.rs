//! Keys of what organizations and users own: documents, chatbots, conversations, prompts; and of outbox entries.

use domain::{
    ChatbotId, ConversationId, CrawlId, DataSourceId, DocumentId, DueFetch, FetchTarget, IntegrationId, MailId,
    MessageId, OrgId, PromptId, QueryId, Turn, TurnId, UserId, WebhookDeliveryId, WebhookEventId, WebhookId,
    documents::pending_upload::UploadSweep, webhooks::message::DueDelivery,
};
use sha2::{Digest as _, Sha256};

use super::{Key, key, shard_of};

/// Sort key prefix of documents.
pub const DOCUMENTS: &str = "D#";
/// Sort key prefix of chatbots.
pub const CHATBOTS: &str = "B#";
/// Sort key prefix of conversations.
pub const CONVERSATIONS: &str = "S#";
/// Sort key prefix of turns.
pub const TURNS: &str = "T#";

/// Partition of an organization's resources.
pub fn tenant(org: &OrgId) -> String {
    format!("O#{org}")
}

/// A document.
pub fn document(org: &OrgId, document: &DocumentId) -> Key {
    key(tenant(org), format!("{DOCUMENTS}{document}"))
}

/// Sort key prefix of the rows that find documents by the content of their files.
pub const CONTENTS: &str = "H#";

/// Sort key prefix of the documents whose file has this hex SHA-256.
pub fn documents_with_content(sha256: &str) -> String {
    format!("{CONTENTS}{sha256}#")
}

/// The row that finds a document by the hex SHA-256 of its file.
pub fn content(org: &OrgId, sha256: &str, document: &DocumentId) -> Key {
    key(tenant(org), format!("{}{document}", documents_with_content(sha256)))
}

/// Sort key prefix of the versions of all documents.
pub const DOCUMENT_VERSIONS: &str = "DV#";

/// Sort key prefix of the versions of a document.
pub fn document_versions(document: &DocumentId) -> String {
    format!("{DOCUMENT_VERSIONS}{document}#")
}

/// A version of a document. The number has a fixed width, so that keys sort by it.
pub fn document_version(org: &OrgId, document: &DocumentId, number: u32) -> Key {
    key(tenant(org), format!("{}{number:06}", document_versions(document)))
}

/// Partition of the changes of an organization's documents, sorted by time.
pub fn document_changes(org: &OrgId) -> String {
    format!("O#{org}#CHANGES")
}

/// Lower bound of the changes at this moment (milliseconds since the Unix epoch) or later.
pub fn changes_since(ms: i64) -> String {
    format!("{ms:016}")
}

/// A change of a document.
pub fn document_change(org: &OrgId, ms: i64, document: &DocumentId) -> Key {
    key(document_changes(org), format!("{}#{document}", changes_since(ms)))
}

/// Counters of the resources that the plan of an organization limits.
pub fn resource_counts(org: &OrgId) -> Key {
    key(tenant(org), "COUNTS")
}

/// A chatbot.
pub fn chatbot(org: &OrgId, chatbot: &ChatbotId) -> Key {
    key(tenant(org), format!("{CHATBOTS}{chatbot}"))
}

/// Sort key prefix of the questions that chatbots did not answer.
pub const UNANSWERED_QUESTIONS: &str = "UA#";

/// Sort key prefix of the questions that a chatbot did not answer.
pub fn unanswered_questions(chatbot: &ChatbotId) -> String {
    format!("{UNANSWERED_QUESTIONS}{chatbot}#")
}

/// A question that a chatbot did not answer, by the ID of its refusal, which sorts by the time of the turn.
pub fn unanswered_question(org: &OrgId, chatbot: &ChatbotId, answer: &MessageId) -> Key {
    key(tenant(org), format!("{}{answer}", unanswered_questions(chatbot)))
}

/// The row that leads visitors to a published chatbot, whose organization they do not know.
pub fn published_chatbot(chatbot: &ChatbotId) -> Key {
    key(format!("PUBLISHED#{chatbot}"), "CHATBOT")
}

/// Partition of the resources of one user in one organization, hidden from the other members.
pub fn member(org: &OrgId, user: &UserId) -> String {
    format!("O#{org}#U#{user}")
}

/// A conversation.
pub fn conversation(org: &OrgId, user: &UserId, conversation: &ConversationId) -> Key {
    key(member(org, user), format!("{CONVERSATIONS}{conversation}"))
}

/// Sort key prefix of the few conversations that a turn may belong to
/// ([`domain::TurnId::conversation_prefix`]).
pub fn conversations_of_turn(prefix: &str) -> String {
    format!("{CONVERSATIONS}{prefix}")
}

/// Prefix of the objects that hold turns of one user that are too large for items.
pub fn large_turns_of(org: &OrgId, user: &UserId) -> String {
    format!("t/{org}/c/{user}/")
}

/// Prefix of the objects that hold turns of one conversation that are too large for items.
pub fn large_turns(org: &OrgId, user: &UserId, conversation: &ConversationId) -> String {
    format!("{}{conversation}/", large_turns_of(org, user))
}

/// The object that holds one revision of a turn.
pub fn large_turn(org: &OrgId, user: &UserId, turn: &Turn) -> String {
    let folder = large_turns(org, user, &turn.conversation);
    format!("{folder}{}/{}", turn.id, turn.rev)
}

/// Returns the owner of a partition that [`member`] names.
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

/// Sort key prefix of users' prompts.
pub const USER_PROMPTS: &str = "UP#";
/// Sort key prefix of the versions of a prompt.
pub const PROMPT_VERSIONS: &str = "V#";
/// Sort key prefix of the platform's prompts.
pub const SYSTEM_PROMPTS: &str = "SP#";
/// Partition of platform resources that everyone may read.
pub const PLATFORM: &str = "SYS";

/// A user's prompt.
pub fn user_prompt(org: &OrgId, user: &UserId, prompt: &PromptId) -> Key {
    key(member(org, user), format!("{USER_PROMPTS}{prompt}"))
}

/// The shared copy of a prompt, which all members read.
pub fn shared_prompt(org: &OrgId, prompt: &PromptId) -> Key {
    key(tenant(org), format!("{USER_PROMPTS}{prompt}"))
}

/// Partition of the versions of a prompt.
pub fn prompt_versions(org: &OrgId, prompt: &PromptId) -> String {
    format!("UP#{org}#{prompt}")
}

/// A version of a prompt. The number has a fixed width, so that keys sort by it.
pub fn prompt_version(org: &OrgId, prompt: &PromptId, version: u32) -> Key {
    key(prompt_versions(org, prompt), format!("{PROMPT_VERSIONS}{version:06}"))
}

/// A prompt of the platform.
pub fn system_prompt(prompt: &PromptId) -> Key {
    key(PLATFORM.to_owned(), format!("{SYSTEM_PROMPTS}{prompt}"))
}

/// Number of partitions of the outbox: each takes 1,000 writes a second.
pub const OUTBOX_SHARDS: u8 = 4;

/// One partition of the outbox.
pub fn outbox_shard(shard: u8) -> String {
    format!("OUT#{shard}")
}

/// The outbox entry of a document. The last digit of its ID is random and selects the shard.
pub fn outbox(document: &DocumentId) -> Key {
    key(
        outbox_shard(shard_of(document.as_str(), OUTBOX_SHARDS)),
        document.as_str(),
    )
}

/// Partition of scheduled erasures: deletions of accounts and organizations are rare.
pub const PURGES: &str = "PURGE";

/// A scheduled erasure. `id`: [`domain::Purge::id`].
pub fn purge(id: &str) -> Key {
    key(PURGES.to_owned(), id)
}

/// Partition of the outbox entries of emails, which are rare: most emails are requested again if they do not arrive.
pub const PROMISED_MAILS: &str = "MAIL";

/// Sort key prefix of the outbox entries of emails about an account.
pub fn promised_mails_about(user: &UserId) -> String {
    format!("{user}#")
}

/// The outbox entry of an email about an account.
pub fn promised_mail(user: &UserId, mail: &MailId) -> Key {
    let about = promised_mails_about(user);
    key(PROMISED_MAILS.to_owned(), format!("{about}{mail}"))
}

/// Sort key prefix of files that clients upload directly to the bucket.
pub const PENDING_UPLOADS: &str = "PU#";

/// A pending upload.
pub fn pending_upload(org: &OrgId, upload: &DocumentId) -> Key {
    key(tenant(org), format!("{PENDING_UPLOADS}{upload}"))
}

/// Partition of the scheduled sweeps, one for each pending upload: it takes 1,000 writes a second.
pub const UPLOAD_SWEEPS: &str = "SWEEP";

/// Lower bound of the sweeps that are due at this moment (milliseconds since the Unix epoch) or later.
pub fn sweeps_before(now_ms: i64) -> String {
    format!("{now_ms:016}")
}

/// The scheduled sweep of a file without a document. Sorts by due time.
pub fn upload_sweep(sweep: &UploadSweep) -> Key {
    let due = sweeps_before(sweep.due_ms);
    let of_document = format!("{due}#{}", sweep.document);
    let file = sweep.file.as_ref().and_then(|file| file.rsplit('/').next());
    let sk = file.map_or(of_document.clone(), |file| format!("{of_document}#{file}"));
    key(UPLOAD_SWEEPS.to_owned(), sk)
}

/// Sort key prefix of data sources.
pub const DATA_SOURCES: &str = "DS#";

/// A data source.
pub fn data_source(org: &OrgId, data_source: &DataSourceId) -> Key {
    key(tenant(org), format!("{DATA_SOURCES}{data_source}"))
}

/// Which data source an organization queries if a request names none.
pub fn default_data_source(org: &OrgId) -> Key {
    key(tenant(org), "DEFAULT_DATA_SOURCE")
}

/// Sort key prefix of the notes on the tables of a data source.
pub fn table_notes_of(data_source: &DataSourceId) -> String {
    format!("TN#{data_source}#")
}

/// The notes on a table.
pub fn table_notes(org: &OrgId, data_source: &DataSourceId, table: &str) -> Key {
    let table = table.to_lowercase();
    key(tenant(org), format!("{}{table}", table_notes_of(data_source)))
}

/// Partition of the imports whose message may be lost: an entry for each upload of an administrator.
pub const IMPORTS: &str = "IMPORTS";

/// The import of a data source.
pub fn import(org: &OrgId, data_source: &DataSourceId) -> Key {
    key(IMPORTS.to_owned(), format!("{org}#{data_source}"))
}

/// Sort key prefix of queries.
pub const QUERIES: &str = "Q#";

/// A query of a user.
pub fn query(org: &OrgId, user: &UserId, query: &QueryId) -> Key {
    key(member(org, user), format!("{QUERIES}{query}"))
}

/// Sort key prefix of crawls.
pub const CRAWLS: &str = "CR#";

/// A crawl.
pub fn crawl(org: &OrgId, crawl: &CrawlId) -> Key {
    key(tenant(org), format!("{CRAWLS}{crawl}"))
}

/// The active crawls of an organization.
pub fn active_crawls(org: &OrgId) -> Key {
    key(tenant(org), "CRAWLS")
}

/// Sort key prefix of the pages that crawls have made documents of.
pub const CRAWLED_PAGES: &str = "CP#";

/// Sort key prefix of the pages that a crawl has made documents of.
pub fn crawled_pages(crawl: &CrawlId) -> String {
    format!("{CRAWLED_PAGES}{crawl}#")
}

/// A page that a crawl has made a document of. `page`: the key of its address, which may be longer than a sort key.
pub fn crawled_page(org: &OrgId, crawl: &CrawlId, page: &str) -> Key {
    let hash = hex::encode(&Sha256::digest(page)[..16]);
    key(tenant(org), format!("{}{hash}", crawled_pages(crawl)))
}

/// Partition of the fetches that are due at a time, one for each page that is refreshed: it takes 1,000 writes a second.
pub const DUE_FETCHES: &str = "FETCH";

/// Lower bound of the fetches that are due at this moment (milliseconds since the Unix epoch) or later.
pub fn fetches_before(now_ms: i64) -> String {
    format!("{now_ms:016}")
}

/// A fetch that is due at a time. Sorts by that.
pub fn due_fetch(due: &DueFetch) -> Key {
    let id = match &due.target {
        FetchTarget::Document { document_id } => document_id.as_str(),
        FetchTarget::Crawl { crawl_id } => crawl_id.as_str(),
        FetchTarget::DataSource { data_source_id } => data_source_id.as_str(),
    };
    key(DUE_FETCHES.to_owned(), format!("{}#{id}", fetches_before(due.due_ms)))
}

/// The document, crawl or data source that a due fetch is about.
pub fn fetch_target(due: &DueFetch) -> Key {
    match &due.target {
        FetchTarget::Document { document_id } => document(&due.org_id, document_id),
        FetchTarget::Crawl { crawl_id } => crawl(&due.org_id, crawl_id),
        FetchTarget::DataSource { data_source_id } => data_source(&due.org_id, data_source_id),
    }
}

/// Sort key prefix of integrations.
pub const INTEGRATIONS: &str = "I#";

/// An integration.
pub fn integration(org: &OrgId, integration: &IntegrationId) -> Key {
    key(tenant(org), format!("{INTEGRATIONS}{integration}"))
}

/// The number of integrations of an organization.
pub fn integration_count(org: &OrgId) -> Key {
    key(tenant(org), "INTEGRATIONS")
}

/// The row that leads from a workspace of Slack to its integration.
pub fn slack_team(team: &str) -> Key {
    key(format!("SLACK#{team}"), "I")
}

/// The partition of the integrations through which a chatbot is on web sites.
pub fn websites_of(chatbot: &ChatbotId) -> String {
    format!("WEBSITE#{chatbot}")
}

/// The row that leads from a chatbot to an integration of the type `website`.
pub fn website(chatbot: &ChatbotId, integration: &IntegrationId) -> Key {
    key(websites_of(chatbot), format!("{INTEGRATIONS}{integration}"))
}

/// Sort key prefix of the threads of Slack.
pub const SLACK_THREADS: &str = "ST#";

/// Sort key prefix of the threads in which an integration answered.
pub fn slack_threads(integration: &IntegrationId) -> String {
    format!("{SLACK_THREADS}{integration}#")
}

/// A thread of Slack, which leads to its conversation.
pub fn slack_thread(org: &OrgId, integration: &IntegrationId, channel: &str, thread: &str) -> Key {
    let threads = slack_threads(integration);
    key(tenant(org), format!("{threads}{channel}#{thread}"))
}

/// Number of partitions of promised events, and of deliveries that are due: each takes 1,000 writes a second.
pub const WEBHOOK_SHARDS: u8 = 4;

/// Prefix of the partitions of events that are promised to webhooks; the stream's filter in `template.yaml` names it.
pub const PROMISED_EVENTS: &str = "EVENT#";

/// One partition of the events that are promised to webhooks.
pub fn promised_events(shard: u8) -> String {
    format!("{PROMISED_EVENTS}{shard}")
}

/// An event that is promised to webhooks.
pub fn promised_event(event: &WebhookEventId) -> Key {
    let shard = shard_of(event.as_str(), WEBHOOK_SHARDS);
    key(promised_events(shard), event.as_str())
}

/// Partition of an organization's webhooks, their events and deliveries.
pub fn webhooks_of(org: &OrgId) -> String {
    format!("O#{org}#WEBHOOKS")
}

/// Sort key prefix of webhooks.
pub const WEBHOOKS: &str = "W#";

/// A webhook.
pub fn webhook(org: &OrgId, webhook: &WebhookId) -> Key {
    key(webhooks_of(org), format!("{WEBHOOKS}{webhook}"))
}

/// Which deliveries of a webhook are running, and since when they fail.
pub fn webhook_lane(org: &OrgId, webhook: &WebhookId) -> Key {
    key(webhooks_of(org), format!("L#{webhook}"))
}

/// An event that was sent to webhooks.
pub fn webhook_event(org: &OrgId, event: &WebhookEventId) -> Key {
    key(webhooks_of(org), format!("E#{event}"))
}

/// Sort key prefix of the deliveries of a webhook.
pub fn webhook_deliveries(webhook: &WebhookId) -> String {
    format!("D#{webhook}#")
}

/// A delivery of an event to a webhook.
pub fn webhook_delivery(org: &OrgId, webhook: &WebhookId, delivery: &WebhookDeliveryId) -> Key {
    key(webhooks_of(org), format!("{}{delivery}", webhook_deliveries(webhook)))
}

/// Sort key prefix of the deliveries that wait for others of their webhook.
pub fn waiting_deliveries(webhook: &WebhookId) -> String {
    format!("Q#{webhook}#")
}

/// A delivery that waits for others of its webhook.
pub fn waiting_delivery(org: &OrgId, webhook: &WebhookId, delivery: &WebhookDeliveryId) -> Key {
    key(webhooks_of(org), format!("{}{delivery}", waiting_deliveries(webhook)))
}

/// One partition of the deliveries that are due at a time.
pub fn due_deliveries(shard: u8) -> String {
    format!("DELIVER#{shard}")
}

/// Lower bound of the deliveries that are due at this moment (milliseconds since the Unix epoch) or later.
pub fn deliveries_before(now_ms: i64) -> String {
    format!("{now_ms:016}")
}

/// A delivery that is due at a time. Sorts by that.
pub fn due_delivery(due: &DueDelivery) -> Key {
    let shard = shard_of(due.delivery_id.as_str(), WEBHOOK_SHARDS);
    let sk = format!("{}#{}", deliveries_before(due.due_ms), due.delivery_id);
    key(due_deliveries(shard), sk)
}
