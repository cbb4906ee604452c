//! The audit log.

use model::OrgId;

use super::{Key, key};

/// Partition of a tenant's audit entries of one month (`2026-11`): one hash chain.
pub fn audit_chain(tenant: &OrgId, month: &str) -> String {
    format!("A#{tenant}#{month}")
}

/// The tenant and month of a chain that [`audit_chain`] names.
pub fn parse_audit_chain(pk: &str) -> Option<(OrgId, &str)> {
    let (tenant, month) = pk.strip_prefix("A#")?.rsplit_once('#')?;
    Some((OrgId(tenant.to_owned()), month))
}

/// Number of partitions that the heads of one month's chains are spread over: every audited change writes one.
pub const AUDIT_HEAD_SHARDS: u8 = 16;

/// A partition of the heads of the chains of one month.
pub fn audit_heads(month: &str, shard: u8) -> String {
    format!("AHEAD#{month}#{shard}")
}

/// The last link of a tenant's chain. It lies outside of the chain, so that the chain cannot be shortened unseen.
pub fn audit_head(tenant: &OrgId, month: &str) -> Key {
    let shard = tenant.as_str().bytes().last().unwrap_or_default() % AUDIT_HEAD_SHARDS;
    key(audit_heads(month, shard), tenant.as_str())
}

/// An audit entry by its place in the chain. The number has a fixed width, so that the order of keys is its order.
pub fn audit_entry(tenant: &OrgId, month: &str, number: u64) -> Key {
    key(audit_chain(tenant, month), format!("{number:012}"))
}
