//! The audit log: entries of clients, reading, and what erasing a person leaves of both.

pub(crate) mod audit_event;

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    Actor, AuditEntry, AuditEntryId, Error, JsonObject, OrgId, Page, PageRequest, Result, UserId, audit::AuditSource,
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use store::AuditFilter;

use crate::{App, Cipher, Undecryptable, audit::audit_event::AuditEvent};

/// What every entry of a client is called in the chain. Its own words are encrypted: they may name people.
const CLIENT_ACTION: &str = "client.entry";
/// What the words of clients are encrypted for.
const PURPOSE: &str = "audit entry";
/// Largest `details` of a client's entry, bytes of JSON.
const MAX_DETAILS_BYTES: usize = 16 * 1024;

/// What a client wants to have noted.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClientEntry {
    /// What was done, in the client's words.
    pub action: String,
    /// Anything about it.
    pub details: Option<JsonObject>,
}

/// An entry as it is read.
#[derive(Debug)]
pub struct AuditRecord {
    /// The entry.
    pub entry: AuditEntry,
    /// What a client wrote; none for entries of the system, and when the person was erased.
    pub client: Option<ClientEntry>,
}

impl App {
    /// Adds a client's own entry about its user to the log of `tenant`. Its words are encrypted under a key that only
    /// the user's salt gives.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/details` when they are too large.
    pub fn note_client_entry<'a>(
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
                return Err(Error::invalid("/details", "may have 16 KB of JSON at most"));
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

    /// One entry, whoever's it is: the caller decides who may see it.
    pub fn audit_log_entry<'a>(&'a self, id: &'a AuditEntryId) -> BoxFuture<'a, Result<Option<AuditRecord>>> {
        Box::pin(async move {
            match self.store.audit_log().get(id).await? {
                None => Ok(None),
                Some(entry) => Ok(self.open(vec![entry]).await?.pop()),
            }
        })
    }

    /// The entries of one organization, newest first.
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

    /// What a user did, and what was done to them, newest first: in all organizations, or in `tenant` alone.
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

    /// Decrypts what clients wrote. Entries of an erased person keep their place and say nothing.
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

    /// What a client wrote; none when it cannot be read any more. An entry under a key that was added just now makes
    /// `cipher` a newer one.
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

    /// The salt of a user, made when there is none.
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
