//! What is forgotten by itself.

use domain::{ApiKeyId, MailId, MessageId, Network, OrgId, UserId, rate_limit::Lane};
use sha2::{Digest as _, Sha256};

use super::{Key, key};

/// How fast requests to models come. `digest`: hex SHA-256 of whom they come from.
pub fn request_rate(digest: &str) -> Key {
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

/// Accounts that a network made.
pub fn sign_ups(network: &Network) -> Key {
    key(format!("SIGNUP#{}", network.as_str()), "L")
}

/// Invitations that an organization sent. Counters outlive what they count for a while, so no id stands in them.
pub fn invitations_of(org: &OrgId) -> Key {
    key(format!("INVITES#{}", hex::encode(Sha256::digest(org.as_str()))), "L")
}

/// How often somebody changed what mailed links of their account are bound to. `what`: by what.
pub fn link_endings(user: &UserId, what: &str) -> Key {
    key(format!("LINKS#{}", hex::encode(Sha256::digest(user.as_str()))), what)
}

/// Mails of one kind that an address got because somebody typed it, or that its owner asked for.
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
