//! Keys of the ledger.

use domain::{ApiKeyId, ChatbotId, DrawnPack, OrgId, UserId};
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::{CHATBOTS, Key, key, shard_of, tenant};

/// What a user used on a day: the date is part of the key, so every day starts at zero.
pub fn usage_day(user: &UserId, day: Date) -> Key {
    key(super::user(user), format!("D#{day}"))
}

/// Sort key prefix of days.
pub const DAYS: &str = "D#";
/// Sort key prefix of alerts.
pub const ALERTS: &str = "AL#";

/// What an organization used of its limit on a day.
pub fn org_day(org: &OrgId, day: Date) -> Key {
    key(tenant(org), format!("{DAYS}{day}"))
}

/// Number of shards of the day of a large organization: each takes 50 to 100 turns a second.
pub const DAY_SHARDS: u8 = 8;

/// A shard of a day. Each has a partition of its own.
pub fn day_shard(day: &Key, shard: u8) -> Key {
    key(day_shards(&day.pk, shard), day.sk.clone())
}

/// The partition of the day shards with this number; `owner`: [`tenant`].
pub fn day_shards(owner: &str, shard: u8) -> String {
    format!("{owner}#S#{shard}")
}

/// The shard in which a user's turns count.
pub fn day_shard_of(user: &UserId) -> u8 {
    shard_of(&user.0, DAY_SHARDS)
}

/// What one member used of an organization on a day; sorts right after the day itself.
pub fn member_day(org: &OrgId, day: Date, user: &UserId) -> Key {
    key(tenant(org), format!("{DAYS}{day}#U#{user}"))
}

/// What a chatbot used of its own limit on a day.
pub fn chatbot_day(org: &OrgId, bot: &ChatbotId, day: Date) -> Key {
    key(tenant(org), format!("{CHATBOTS}{bot}#{DAYS}{day}"))
}

/// What an API key used of its budget.
pub fn key_tokens(org: &OrgId, id: &ApiKeyId) -> Key {
    key(tenant(org), format!("K#{id}"))
}

/// An alert about the share of a limit that is used. `owner`: [`user`](super::user) or [`tenant`].
pub fn alert(owner: String, day: Date, scope: &str, percent: u8) -> Key {
    key(owner, format!("{ALERTS}{day}#{scope}#{percent:03}"))
}

/// Sort key prefix of the packs of a month, and of each pack.
pub const PACKS: &str = "PK#";

/// The packs of tokens that an organization drew in a month.
pub fn org_packs(org: &OrgId, month: &str) -> Key {
    key(tenant(org), format!("{PACKS}{month}"))
}

/// One of these packs. Sorts after the month.
pub fn org_pack(org: &OrgId, month: &str, number: u64) -> Key {
    key(tenant(org), format!("{PACKS}{month}#{number:06}"))
}

/// The partition of promises to report packs to the payment provider.
pub const PACK_PROMISES: &str = "PACKS";

/// The promise to report a pack. Sorts by the time at which it was drawn.
pub fn pack_promise(pack: &DrawnPack) -> Key {
    let drawn_ms = pack.drawn_at.as_millisecond();
    let (org, month, number) = (&pack.org_id, &pack.month, pack.number);
    key(
        PACK_PROMISES.to_owned(),
        format!("{drawn_ms:014}#{org}#{month}#{number}"),
    )
}

/// Number of partitions that list open days: each takes 1,000 writes a second.
pub const OPEN_SHARDS: u8 = 4;

/// A partition that lists open days.
pub fn open_days(shard: u8) -> String {
    format!("OPEN#{shard}")
}

/// Marks a day as open: it has had reservations and is not closed. Sorts by the end of the day, in seconds.
pub fn open_day(day: &Key, ends_at: i64) -> Key {
    let shard = shard_of(&day.pk, OPEN_SHARDS);
    key(open_days(shard), format!("{ends_at:012}#{}#{}", day.pk, day.sk))
}

/// Upper bound of the keys of open days that ended by this moment, in seconds.
pub fn ended_until(now: i64) -> String {
    // Sorts after everything that begins with it.
    format!("{now:012}~")
}

/// How far the running days of a shard were examined.
pub fn open_days_seen(shard: u8) -> Key {
    key(format!("SEEN#{shard}"), "OPEN")
}

/// Number of partitions of the platform's totals: each takes 1,000 writes a second.
pub const SYSTEM_SHARDS: u8 = 4;
/// Longest part of a model's name in a key, in characters. Attribute names tell models apart, so two models may share
/// an item of the totals.
const MODEL_IN_KEY: usize = 200;

/// The watermark of a day in the platform's totals. It outlives the day's item, so its key must not reveal the owner:
/// `born` is random, and stored only in the day's item.
pub fn watermark(day: &Key, born: &str) -> Key {
    let digest = Sha256::digest(format!("{}|{}|{born}", day.pk, day.sk));
    key(format!("RW#{}", hex::encode(digest)), "W")
}

/// A partition of the platform's totals.
pub fn system_days(shard: u8) -> String {
    format!("R#sys#{shard}")
}

/// Returns the partition of the totals for a watermark.
pub fn system_shard(watermark: &Key) -> u8 {
    shard_of(&watermark.pk, SYSTEM_SHARDS)
}

/// The share of the totals for a day and a model that comes from the items with watermarks of this shard.
pub fn system_day(watermark: &Key, day: Date, model: &str) -> Key {
    let shard = system_shard(watermark);
    let model: String = model.chars().take(MODEL_IN_KEY).collect();
    key(system_days(shard), format!("{DAYS}{day}#{model}"))
}

/// How far the platform's totals are complete.
pub fn rolled_up() -> Key {
    key("R#sys".to_owned(), "UNTIL")
}
