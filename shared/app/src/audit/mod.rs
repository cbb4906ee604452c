//! The audit log: client entries, reading, and the effect of an erasure on both.

pub(crate) mod audit_event;

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    Actor, AuditEntry, AuditEntryId, Error, JsonObject, Membership, OrgId, Page, PageRequest, Permission, PlatformRole,
    Result, UserId, audit::AuditSource,
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use store::AuditFilter;

use crate::{App, Cipher, Identity, Undecryptable, audit::audit_event::AuditEvent};

const NO_ENTRY: Error = Error::NotFound("audit log entry");
/// Action of every client entry in the chain. The client's own text is encrypted because it may name people.
const CLIENT_ACTION: &str = "client.entry";
/// Encryption purpose of client entries.
const PURPOSE: &str = "audit entry";
/// Maximum size of the `details` of a client entry, in bytes of JSON.
const MAX_DETAILS_BYTES: usize = 16 * 1024;

/// An entry submitted by a client.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClientEntry {
    /// The action, in the client's words.
    pub action: String,
    /// Arbitrary details.
    pub details: Option<JsonObject>,
}

/// An entry as read from the log.
#[derive(Debug)]
pub struct AuditRecord {
    /// The entry.
    pub entry: AuditEntry,
    /// The client's text; `None` for entries of the system, and after the user was erased.
    pub client: Option<ClientEntry>,
}

impl App {
    /// Adds a client's entry about its user to the log of `tenant`. Its text is encrypted under a key that can only be
    /// derived with the user's salt.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] at `/details` if they are too large.
    pub fn record_client_entry<'a>(
        &'a self,
        tenant: &'a OrgId,
        actor: &'a Actor,
        user: &'a UserId,
        client: ClientEntry,
    ) -> BoxFuture<'a, Result<AuditRecord>> {
        Box::pin(async move {
            if client
                .details
                .as_ref()
                .is_some_and(|details| details.text().len() > MAX_DETAILS_BYTES)
            {
                return Err(Error::invalid("/details", "must be at most 16 KB of JSON"));
            }
            let text = serde_json::to_vec(&client).map_err(Error::internal)?;
            let salt = self.make_audit_salt(user).await?;
            let mut entry = self.entry(actor, tenant, AuditEvent::to_user(CLIENT_ACTION, user))?;
            let cipher = self.cipher(&salt, PURPOSE).await?;
            entry.sealed = Some(STANDARD.encode(cipher.encrypt(entry.id.as_str().as_bytes(), &text)?));
            entry.source = AuditSource::Client;
            self.store.record(&entry).await?;
            Ok(AuditRecord {
                entry,
                client: Some(client),
            })
        })
    }

    /// Returns an entry that the caller may see: their own (an API key's within its organization), one of an
    /// organization that they administer, or any for a platform admin.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`], also for the entries of others.
    pub fn audit_log_entry<'a>(
        &'a self,
        identity: &'a Identity,
        member: &'a Membership,
        id: &'a AuditEntryId,
    ) -> BoxFuture<'a, Result<AuditRecord>> {
        Box::pin(async move {
            let entry = self.store.audit_log().get(id).await?;
            let entry = entry.filter(|entry| may_see(identity, member, entry)).ok_or(NO_ENTRY)?;
            self.open(vec![entry]).await?.pop().ok_or(NO_ENTRY)
        })
    }

    /// Returns the entries of one organization, newest first.
    pub fn audit_log_of_org<'a>(
        &'a self,
        org: &'a OrgId,
        filter: &'a AuditFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<AuditRecord>>> {
        let now = self.clock.now();
        Box::pin(async move {
            let found = self.store.audit_log().of_tenant(org, filter, now, page).await?;
            self.open_page(found).await
        })
    }

    /// Returns what a user did and what was done to them, newest first: in all organizations, or only in `tenant`.
    pub fn audit_log_of_user<'a>(
        &'a self,
        user: &'a UserId,
        tenant: Option<&'a OrgId>,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<AuditRecord>>> {
        Box::pin(async move {
            let found = self.store.audit_log().of_user(user, tenant, page).await?;
            self.open_page(found).await
        })
    }

    async fn open_page(&self, page: Page<AuditEntry>) -> Result<Page<AuditRecord>> {
        Ok(Page {
            items: self.open(page.items).await?,
            next: page.next,
        })
    }

    /// Decrypts client entries. Entries of an erased user keep their position without their text.
    async fn open(&self, entries: Vec<AuditEntry>) -> Result<Vec<AuditRecord>> {
        let mut ciphers: HashMap<String, Option<(Vec<u8>, Cipher)>> = HashMap::new();
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut client = None;
            if let Some(encrypted) = &entry.sealed {
                if !ciphers.contains_key(&entry.subject) {
                    let salt = self.store.audit_log().salt(&UserId(entry.subject.clone())).await?;
                    let cipher = match salt {
                        Some(salt) => Some((salt.clone(), self.cipher(&salt, PURPOSE).await?)),
                        None => None,
                    };
                    ciphers.insert(entry.subject.clone(), cipher);
                }
                if let Some(Some((salt, cipher))) = ciphers.get_mut(&entry.subject) {
                    client = self.decrypt(&entry, encrypted, salt, cipher).await?;
                }
            }
            records.push(AuditRecord { entry, client });
        }
        Ok(records)
    }

    /// Returns a client entry's text, or `None` if it can no longer be decrypted. For an entry under a newly added key,
    /// `cipher` is replaced by a newer one.
    async fn decrypt(
        &self,
        entry: &AuditEntry,
        encrypted: &str,
        salt: &[u8],
        cipher: &mut Cipher,
    ) -> Result<Option<ClientEntry>> {
        let Ok(encrypted) = STANDARD.decode(encrypted) else {
            return Ok(None);
        };
        let context = entry.id.as_str().as_bytes();
        let mut text = cipher.decrypt(context, &encrypted);
        if text == Err(Undecryptable::UnknownKey) {
            *cipher = self.newest_cipher(salt, PURPOSE).await?;
            text = cipher.decrypt(context, &encrypted);
        }
        match text {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) => {
                tracing::error!(audit_entry = entry.id.as_str(), %error, "audit.entry_unreadable");
                Ok(None)
            }
        }
    }

    /// Returns a user's salt, creating it if necessary.
    async fn make_audit_salt(&self, user: &UserId) -> Result<Vec<u8>> {
        let log = self.store.audit_log();
        loop {
            if let Some(salt) = log.salt(user).await? {
                return Ok(salt);
            }
            let salt = domain::id::random_bytes::<32>()?;
            if log.make_salt(user, &salt).await? {
                return Ok(salt.to_vec());
            }
        }
    }
}

fn may_see(identity: &Identity, member: &Membership, entry: &AuditEntry) -> bool {
    let user = &identity.user;
    let is_within_reach = identity.only_org().is_none_or(|only| *only == entry.tenant);
    let is_about_user = entry.subject == user.id.0 || entry.actor.id.as_deref() == Some(user.id.as_str());
    let reads_org = Permission::ReadOrgAudit.is_granted_to(member.role) && identity.reaches(Permission::ReadOrgAudit);
    (is_within_reach && is_about_user)
        || (reads_org && entry.tenant == member.org)
        || (user.role == PlatformRole::Admin && identity.is_person())
}
