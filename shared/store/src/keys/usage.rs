//! The ledger.

use domain::{ApiKeyId, ChatbotId, OrgId, UserId};
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::{CHATBOTS, Key, key, shard_of, tenant};

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

/// Number of shards that the day of a large organization is split over: each takes 50 to 100 turns a second.
pub const DAY_SHARDS: u8 = 8;

/// A shard of a day. Each is in a partition of its own.
pub fn day_shard(day: &Key, shard: u8) -> Key {
    key(day_shards(&day.pk, shard), day.sk.clone())
}

/// The partition of the days' shards with this number; `owner`: [`tenant`].
pub fn day_shards(owner: &str, shard: u8) -> String {
    format!("{owner}#S#{shard}")
}

/// In which shard the turns of a person count.
pub fn day_shard_of(user: &UserId) -> u8 {
    shard_of(&user.0, DAY_SHARDS)
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
    let shard = shard_of(&day.pk, OPEN_SHARDS);
    key(open_days(shard), format!("{ends_at:012}#{}#{}", day.pk, day.sk))
}

/// End of the keys of those open days that ended until this moment, in seconds.
pub fn ended_until(now: i64) -> String {
    // Behind everything that begins with it.
    format!("{now:012}~")
}

/// How far the open days of a shard that are not over were looked at.
pub fn open_days_seen(shard: u8) -> Key {
    key(format!("SEEN#{shard}"), "OPEN")
}

/// Number of partitions in which the sums of the platform are: each takes 1,000 writes a second.
pub const SYSTEM_SHARDS: u8 = 4;
/// Longest part of a model's name in a key, in characters. Sums tell models apart by the names of their numbers, so two
/// models may share an item.
const MODEL_IN_KEY: usize = 200;

/// What of a day is in the sums of the platform already. It stays when the day's item goes, so its name tells nothing
/// of whose day it is: `born` is random, and is in the day's item alone.
pub fn watermark(day: &Key, born: &str) -> Key {
    let digest = Sha256::digest(format!("{}|{}|{born}", day.pk, day.sk));
    key(format!("RW#{}", hex::encode(digest)), "W")
}

/// One partition of the sums of the platform.
pub fn system_days(shard: u8) -> String {
    format!("R#sys#{shard}")
}

/// In which partition of the sums is what a watermark speaks of.
pub fn system_shard(watermark: &Key) -> u8 {
    shard_of(&watermark.pk, SYSTEM_SHARDS)
}

/// A part of the sums of the platform for a day and a model: that of the items whose watermarks lead here.
pub fn system_day(watermark: &Key, day: Date, model: &str) -> Key {
    let shard = system_shard(watermark);
    let model: String = model.chars().take(MODEL_IN_KEY).collect();
    key(system_days(shard), format!("{DAYS}{day}#{model}"))
}

/// How far the sums of the platform have come.
pub fn rolled_up() -> Key {
    key("R#sys".to_owned(), "UNTIL")
}
