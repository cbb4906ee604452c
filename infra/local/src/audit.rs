//! `parlance audit verify`: recomputes the hash chains of an audit log.

use domain::Clock;
use store::{Store, Tables, Verified};

use crate::provision;

/// The location of the audit log.
#[derive(Debug, Clone)]
pub enum AuditSource {
    /// In a local stack whose AWS services listen on this port.
    Local(u16),
    /// In the AWS account of the environment, in the table with this name.
    Aws(String),
}

/// Recomputes every chain.
///
/// # Errors
/// If the table cannot be read.
pub async fn verify(place: AuditSource) -> domain::Result<Verified> {
    let (sdk, tables) = match place {
        AuditSource::Local(port) => (provision::sdk_at(port).await, provision::tables()),
        AuditSource::Aws(table) => {
            let sdk = provision::aws_sdk().await;
            let tables = Tables {
                audit: table,
                ..provision::tables()
            };
            (sdk, tables)
        }
    };
    Store::new(&sdk, tables)
        .audit_log()
        .verify(Clock::default().now())
        .await
}

/// Returns the result as lines of text.
///
/// # Errors
/// The same lines if a chain is broken.
pub fn report(verified: &Verified) -> Result<String, String> {
    let counted = format!("{} entries in {} chains", verified.entries, verified.chains);
    if verified.faults.is_empty() {
        return Ok(format!("{counted}, all unbroken"));
    }
    let faults = verified
        .faults
        .iter()
        .map(|fault| format!("\n  {} entry {} {}", fault.chain, fault.number, fault.fault));
    Err(format!(
        "{counted}, {} broken:{}",
        verified.faults.len(),
        faults.collect::<String>()
    ))
}
