//! Keys of ephemeral data.

use domain::{ApiKeyId, ConversationId, IntegrationId, MailId, MessageId, Network, OrgId, UserId, rate_limit::Lane};
use sha2::{Digest as _, Sha256};

use super::{Key, key};

/// The rate of requests to models. `digest`: hex SHA-256 of the caller they come from.
pub fn request_rate(digest: &str) -> Key {
    key(format!("RL#{digest}"), "B")
}

/// When an API key was last used.
pub fn api_key_use(id: &ApiKeyId) -> Key {
    key(format!("AKU#{id}"), "U")
}

/// A request to stop an answer.
pub fn cancel(answer: &MessageId) -> Key {
    key(format!("CANCEL#{answer}"), "C")
}

/// The response to a request with an `Idempotency-Key`. `digest`: hex SHA-256 of scope, route and key.
pub fn idempotency(digest: &str) -> Key {
    key(format!("IDEM#{digest}"), "I")
}

/// One of the lanes of password attempts at an account. `account`: fingerprint of the address that was typed, whether
/// or not an account has it.
pub fn guesses(account: &str, lane: Lane) -> Key {
    let lane = match lane {
        Lane::Known => "K",
        Lane::Stranger => "A",
    };
    key(format!("LOGIN#{account}"), lane)
}

/// A network from which a user has signed in to an account.
pub fn known_network(account: &str, network: &Network) -> Key {
    key(format!("LOGIN#{account}"), format!("N#{}", network.as_str()))
}

/// Failed sign-ins from a network; those of unknown origin share one key.
pub fn network_failures(network: Option<&Network>) -> Key {
    key(format!("LOGIN#NET#{}", network.map_or("unknown", Network::as_str)), "L")
}

/// Accounts with failed sign-ins from unknown networks, on the whole platform.
pub fn distinct_failures() -> Key {
    key("LOGIN#ALL".to_owned(), "L")
}

/// An email that is being sent, or was sent.
pub fn mail(mail: &MailId) -> Key {
    key(format!("MAIL#{mail}"), "M")
}

/// Accounts created from a network.
pub fn sign_ups(network: &Network) -> Key {
    key(format!("SIGNUP#{}", network.as_str()), "L")
}

/// Invitations sent by an organization. Counters may outlive the organization, so the key does not contain its ID.
pub fn invitations_of(org: &OrgId) -> Key {
    key(format!("INVITES#{}", hex::encode(Sha256::digest(org.as_str()))), "L")
}

/// Queries that a user executes.
pub fn queries_of(user: &UserId) -> Key {
    key(format!("QUERIES#{}", hex::encode(Sha256::digest(user.as_str()))), "L")
}

/// How often an account changed something that its emailed links are bound to. `what`: the kind of change.
pub fn link_endings(user: &UserId, what: &str) -> Key {
    key(format!("LINKS#{}", hex::encode(Sha256::digest(user.as_str()))), what)
}

/// Emails of one kind to an address, requested by anyone who typed it or by its owner.
pub fn mails_to(account: &str, kind: &str) -> Key {
    key(format!("MAIL#TO#{account}"), kind)
}

/// A processed event of an external system. `id`: the sender's ID of it.
pub fn event(source: &str, id: &str) -> Key {
    key(format!("EVT#{source}#{id}"), "E")
}

/// Partition of the requests that failed with a server error on one day (`2026-11-24`).
pub fn failures(day: &str) -> String {
    format!("ERR#{day}")
}

/// A request that failed with a server error. `id` sorts by time.
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

/// The number that every process compares with its own: if it has increased, caches are cleared.
pub fn cache_epoch() -> Key {
    key("CACHE#EPOCH".to_owned(), "E")
}

/// How far the reply to a message of Slack has come.
pub fn slack_reply(integration: &IntegrationId, channel: &str, ts: &str) -> Key {
    key(format!("SLACK#{integration}#{channel}#{ts}"), "R")
}

/// An installation in Slack that was begun. `state`: hex SHA-256 of its single-use state.
pub fn slack_installation(state: &str) -> Key {
    key(format!("SLACK#INSTALL#{state}"), "I")
}

/// A limit of the widget. Counters may outlive what they count, so the key contains no ID.
fn widget_limit(what: &str, id: &str, network: Option<&Network>) -> Key {
    let whose = format!("{id}#{}", network.map(Network::as_str).unwrap_or_default());
    key(format!("WIDGET#{what}#{}", hex::encode(Sha256::digest(whose))), "L")
}

/// Conversations that visitors begin from a network.
pub fn widget_sessions(integration: &IntegrationId, network: &Network) -> Key {
    widget_limit("SESSIONS", integration.as_str(), Some(network))
}

/// Questions of a visitor in a conversation.
pub fn widget_questions(conversation: &ConversationId) -> Key {
    widget_limit("ASKED", conversation.as_str(), None)
}

/// Questions that visitors ask from a network.
pub fn widget_network_questions(integration: &IntegrationId, network: &Network) -> Key {
    widget_limit("ASKED", integration.as_str(), Some(network))
}

/// Questions of all visitors.
pub fn widget_daily_questions(integration: &IntegrationId) -> Key {
    widget_limit("DAY", integration.as_str(), None)
}

/// Messages of a visitor to the people behind a web site.
pub fn widget_contacts(conversation: &ConversationId) -> Key {
    widget_limit("CONTACTS", conversation.as_str(), None)
}

/// Messages of visitors from a network to the people behind a web site.
pub fn widget_network_contacts(integration: &IntegrationId, network: &Network) -> Key {
    widget_limit("CONTACTS", integration.as_str(), Some(network))
}

/// Questions of one person at Slack. The person may never have an account, so the key contains no name.
pub fn slack_questions(integration: &IntegrationId, user: &str) -> Key {
    let person = format!("{integration}#{user}");
    key(format!("SLACK#ASKED#{}", hex::encode(Sha256::digest(person))), "L")
}
