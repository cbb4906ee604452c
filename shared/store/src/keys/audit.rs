//! Keys of the audit log.

use domain::OrgId;

use super::{Key, key, shard_of};

/// Partition of a tenant's audit entries of one month (`2026-11`): one hash chain.
pub fn audit_chain(tenant: &OrgId, month: &str) -> String {
    format!("A#{tenant}#{month}")
}

/// Returns the tenant and month of a chain that [`audit_chain`] names.
pub fn parse_audit_chain(pk: &str) -> Option<(OrgId, &str)> {
    let (tenant, month) = pk.strip_prefix("A#")?.rsplit_once('#')?;
    Some((OrgId(tenant.to_owned()), month))
}

/// Number of partitions of one month's chain heads: every audited change writes one.
pub const AUDIT_HEAD_SHARDS: u8 = 16;

/// A partition of the chain heads of one month.
pub fn audit_heads(month: &str, shard: u8) -> String {
    format!("AHEAD#{month}#{shard}")
}

/// The last link of a tenant's chain, stored outside of the chain, so that shortening the chain is detected.
pub fn audit_head(tenant: &OrgId, month: &str) -> Key {
    let shard = shard_of(tenant.as_str(), AUDIT_HEAD_SHARDS);
    key(audit_heads(month, shard), tenant.as_str())
}

/// An audit entry by its position in the chain. The number has a fixed width, so that keys sort by it.
pub fn audit_entry(tenant: &OrgId, month: &str, number: u64) -> Key {
    key(audit_chain(tenant, month), format!("{number:012}"))
}

/// Number of partitions that list one month's entries of all organizations: each takes 1,000 writes a second.
pub const AUDIT_MONTH_SHARDS: u8 = 8;

/// A partition that lists a month's entries.
pub fn audit_month(month: &str, shard: u8) -> String {
    format!("{month}#{shard}")
}

/// The partition that lists the entries of a tenant. They form one chain, which is written sequentially, so they are
/// far fewer than a partition takes.
pub fn audit_month_of(month: &str, tenant: &OrgId) -> String {
    audit_month(month, shard_of(tenant.as_str(), AUDIT_MONTH_SHARDS))
}
