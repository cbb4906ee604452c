//! The ledger.

use jiff::civil::Date;
use model::{ApiKeyId, ChatbotId, OrgId, UserId};

use super::{CHATBOTS, Key, key, shard_of, tenant};

/// The daily limit of a user.
pub fn quota(user: &UserId) -> Key {
    key(super::user(user), "QUOTA")
}

/// What a user used on a day: the day is the key, so a new one begins by itself.
pub fn usage_day(user: &UserId, day: Date) -> Key {
    key(super::user(user), format!("D#{day}"))
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

/// That somebody was told how much of a limit is used. `owner`: [`user`](super::user) or [`tenant`].
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
