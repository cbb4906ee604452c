//! Exports: all data of a user in one archive, from the same inventory that an erasure uses.

use domain::{
    Actor, DocumentId, Error, Export, ExportMessage, ExportStatus, OrgId, PageRequest, Result, Timestamp, User, UserId,
    UserStatus, time::after, users::export::LINK,
};
use futures::{StreamExt as _, future::BoxFuture};
use serde_json::{Value, json};
use store::{OptimisticRetry, Partition};

use crate::{App, Delivery, audit::audit_event::AuditEvent, users::archive::Archive, users::data_inventory::DataItem};

/// Number of audit log entries read at once.
const PAGE: u16 = 100;
/// Attributes that are credentials. An archive must not allow anyone to sign in.
const SECRETS: [&str; 8] = [
    "password_hash",
    "secret_hash",
    "token_hash",
    "salt",
    "password_version",
    "bot_token",
    "signing_secret",
    "secret",
];
/// Items that are only credentials, by the prefix of their sort keys.
const SECRET_ITEMS: [&str; 2] = [store::keys::LINKS, store::keys::AUDIT_SALT];

/// The state of a user's export.
#[derive(Debug)]
pub struct ExportFound {
    /// The export.
    pub export: Export,
    /// The download link and its expiry; `None` unless it is ready.
    pub link: Option<(String, Timestamp)>,
}

impl App {
    /// Returns a user's export; the first call starts one. A failed one is reported once, and the next call starts
    /// another. `fresh`: whether to replace one that is older than a day.
    ///
    /// # Errors
    /// Returns [`Error::NotFound`] if there is no such account.
    pub fn export<'a>(&'a self, actor: &'a Actor, user: &'a UserId, fresh: bool) -> BoxFuture<'a, Result<ExportFound>> {
        Box::pin(async move {
            let exports = self.store.exports();
            let mut retry = OptimisticRetry::to_change("an export");
            loop {
                retry.next().await?;
                let user = self.user(user).await?;
                let now = self.clock.now();
                let before = exports.get(&user.id).await?;
                let current = before
                    .clone()
                    .filter(|export| !export.is_over(fresh, now) && !export.is_ended(&user));
                if let Some(export) = current {
                    if export.is_lost(now) && exports.queue_again(&export, now).await? {
                        self.queue_export(&export).await?;
                    }
                    if export.status == ExportStatus::Failed {
                        exports.forget(&export).await?;
                    }
                    return self.found(export, now).await;
                }
                let export = Export {
                    id: self.ids.make()?,
                    user: user.id.clone(),
                    status: ExportStatus::Pending,
                    created_at: now,
                    epoch: user.credentials.current,
                    queued_at: now,
                    size_bytes: None,
                    replaces: before.as_ref().map(|before| before.id.clone()),
                };
                let event = AuditEvent::to_user("user.export_requested", &user.id).after(json!({"export": export.id}));
                let entry = self.entry(actor, &user.personal_org, event)?;
                if exports.begin(&export, before.as_ref(), &user, &entry).await? {
                    if let Err(error) = self.queue_export(&export).await {
                        // Reported to the caller, who would otherwise wait for an export that nobody creates.
                        exports.fail(&user.id, &export.id).await?;
                        exports.forget(&failed(export)).await?;
                        return Err(error);
                    }
                    return self.found(export, now).await;
                }
            }
        })
    }

    async fn found(&self, export: Export, now: Timestamp) -> Result<ExportFound> {
        let link = match export.status {
            ExportStatus::Ready => {
                let key = Export::object_key(&export.user, &export.id);
                Some((self.objects.link(&key, LINK).await?, after(now, LINK)))
            }
            ExportStatus::Pending | ExportStatus::Failed => None,
        };
        Ok(ExportFound { export, link })
    }

    /// Stores a file in the bucket, and returns a link to it for the user who requested it.
    ///
    /// # Errors
    /// Returns errors of the bucket.
    pub fn link_to_file<'a>(
        &'a self,
        user: &'a UserId,
        name: String,
        media_type: &'static str,
        content: Vec<u8>,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let key = Export::file_key(user, &self.ids.make()?, &name);
            self.objects.put(&key, content.into(), media_type).await?;
            self.objects.link(&key, LINK).await
        })
    }

    async fn queue_export(&self, export: &Export) -> Result<()> {
        let message = ExportMessage {
            user_id: export.user.clone(),
            export_id: export.id.clone(),
        };
        self.queues.send(&message).await
    }

    /// Creates an export. A repeated message finds it finished, or creates the same archive again.
    ///
    /// # Errors
    /// Returns an error if the queue must deliver the message again. From the last delivery on the export counts as
    /// failed until it is ready, so that nobody waits for one whose worker died.
    pub fn export_user<'a>(&'a self, message: &'a ExportMessage, delivery: &'a Delivery) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let export = match self.wanted(message).await? {
                None => return self.objects.delete(&object_of(message)).await,
                Some(export) if export.status == ExportStatus::Ready => return Ok(()),
                Some(export) => export,
            };
            if delivery.is_last() {
                self.store.exports().fail(&export.user, &export.id).await?;
            }
            Box::pin(self.make_export(&export)).await
        })
    }

    /// Returns the export of a message, unless it was replaced or the user was deleted.
    async fn wanted(&self, message: &ExportMessage) -> Result<Option<Export>> {
        let found = self.store.exports().get(&message.user_id).await?;
        Ok(found.filter(|export| export.id == message.export_id))
    }

    async fn make_export(&self, export: &Export) -> Result<()> {
        let user = self.store.accounts().get(&export.user).await?;
        // A deleted account's exports are deleted with it.
        let is_wanted = |user: &User| user.status != UserStatus::Deleted && !export.is_ended(user);
        let Some(user) = user.filter(is_wanted) else {
            return Ok(());
        };
        let key = Export::object_key(&user.id, &export.id);
        let mut archive = Archive::begin(&self.objects, &key);
        if let Err(error) = self.fill(&mut archive, &user).await {
            Box::pin(archive.abandon()).await;
            return Err(error);
        }
        let size = Box::pin(archive.finish()).await?;
        if !self.store.exports().finish(export, size).await? {
            let message = ExportMessage {
                user_id: export.user.clone(),
                export_id: export.id.clone(),
            };
            // Erased in the meantime: the archive must not outlive the user's data.
            if self.wanted(&message).await?.is_none() {
                return self.objects.delete(&key).await;
            }
        }
        match &export.replaces {
            Some(old) => self.objects.delete(&Export::object_key(&user.id, old)).await,
            None => Ok(()),
        }
    }

    async fn fill(&self, archive: &mut Archive<'_>, user: &User) -> Result<()> {
        let places = self.store.memberships_of(&user.id).await?;
        let orgs: Vec<OrgId> = places.held.into_iter().map(|membership| membership.org).collect();
        let mut inventory = self.inventory_of_user(&user.id, &user.personal_org, &orgs);
        while let Some(thing) = inventory.next().await {
            match thing? {
                DataItem::Items(file, items) => self.add_items(archive, &file, &items).await?,
                DataItem::Files(org, prefix) => self.add_files(archive, &org, &prefix).await?,
                DataItem::AuditEntries(user) => self.add_audit_entries(archive, &user).await?,
                DataItem::Pointers(_) | DataItem::Archives(_) | DataItem::Share(..) => {}
            }
        }
        Ok(())
    }

    /// Writes one line per item, with its sort key as `key`.
    async fn add_items(&self, archive: &mut Archive<'_>, file: &str, items: &Partition) -> Result<()> {
        let (mut is_begun, mut after) = (false, None);
        loop {
            let portion = self.store.portion(items, after).await?;
            for (key, item) in portion.items {
                let Some(line) = shown(key, item) else { continue };
                if !is_begun {
                    archive.file(file)?;
                    is_begun = true;
                }
                archive.write(format!("{line}\n").as_bytes()).await?;
            }
            after = portion.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Adds the files as uploaded; derived objects can be recreated from them.
    async fn add_files(&self, archive: &mut Archive<'_>, org: &OrgId, prefix: &str) -> Result<()> {
        let mut next = Some(None);
        while let Some(after) = next {
            let (keys, more) = self.objects.keys_below(prefix, after).await?;
            for key in keys {
                let Some((document, version)) = document_of_source(&key, prefix) else {
                    continue;
                };
                let documents = self.store.documents(org);
                let versions = match documents.get(&document).await? {
                    Some(found) => documents.versions(&found).await?,
                    None => Vec::new(),
                };
                let stored = versions.iter().find(|version| version.source == key);
                let name = stored.map_or_else(|| "file".to_owned(), |version| safe_file_name(&version.file_name));
                let Some(mut body) = self.objects.read(&key).await? else {
                    continue;
                };
                let folder = format!("organizations/{org}/files/{document}");
                archive.file(&match version {
                    None => format!("{folder}/{name}"),
                    Some(version) => format!("{folder}/{version}/{name}"),
                })?;
                while let Some(piece) = body.next().await {
                    archive.write(&piece.map_err(Error::unavailable)?).await?;
                }
            }
            next = more.map(Some);
        }
        Ok(())
    }

    async fn add_audit_entries(&self, archive: &mut Archive<'_>, user: &UserId) -> Result<()> {
        archive.file("audit.jsonl")?;
        let mut page = PageRequest {
            limit: PAGE,
            after: None,
        };
        loop {
            let found = self.audit_log_of_user(user, None, &page).await?;
            for record in found.items {
                let mut line = serde_json::to_value(&record.entry).map_err(Error::internal)?;
                line["sealed"] = Value::Null;
                line["client"] = serde_json::to_value(&record.client).map_err(Error::internal)?;
                archive.write(format!("{line}\n").as_bytes()).await?;
            }
            page.after = found.next;
            if page.after.is_none() {
                return Ok(());
            }
        }
    }
}

fn object_of(message: &ExportMessage) -> String {
    Export::object_key(&message.user_id, &message.export_id)
}

fn failed(export: Export) -> Export {
    Export {
        status: ExportStatus::Failed,
        ..export
    }
}

/// Returns an item without its credentials, or `None` if nothing else is left.
fn shown(key: String, mut item: Value) -> Option<Value> {
    if SECRET_ITEMS.iter().any(|secret| key.starts_with(secret)) {
        return None;
    }
    let attributes = item.as_object_mut()?;
    attributes.retain(|name, _| !SECRETS.contains(&name.as_str()));
    // JSON stored as text is exported as JSON.
    if let Some(preferences) = attributes.get_mut("preferences")
        && let Some(Ok(json)) = preferences.as_str().map(serde_json::from_str)
    {
        *preferences = json;
    }
    if let Some(previous) = attributes.get_mut("previous").and_then(Value::as_object_mut) {
        previous.remove("hash");
        previous.remove("secret");
    }
    attributes.insert("key".to_owned(), key.into());
    Some(item)
}

/// Returns the document whose uploaded file has this key.
fn document_of_source<'k>(key: &'k str, prefix: &str) -> Option<(DocumentId, Option<&'k str>)> {
    let (id, file) = key.strip_prefix(prefix)?.strip_prefix("d/")?.split_once('/')?;
    let version = match file.strip_prefix("source")? {
        "" => None,
        version => Some(version.strip_prefix('-')?),
    };
    Some((DocumentId(id.to_owned()), version))
}

/// Returns a file name that stays in its folder when unpacked with any tool.
fn safe_file_name(name: &str) -> String {
    let unsafe_in_names = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    let name = name.replace(unsafe_in_names, "_");
    if name.trim_matches(['.', ' ']).is_empty() {
        "file".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_shown_without_what_proves_something() {
        let key = json!({"id": "k", "secret_hash": "x", "previous": {"hash": "y", "until": 1}, "name": "kiosk"});
        let expected = json!({"id": "k", "previous": {"until": 1}, "name": "kiosk", "key": "AK#k"});
        assert_eq!(shown("AK#k".to_owned(), key), Some(expected));
        let own = json!({"preferences": r#"{"salt":"sea","hash":"brown"}"#});
        let kept = shown("SETTINGS".to_owned(), own);
        assert_eq!(
            kept,
            Some(json!({"preferences": {"salt": "sea", "hash": "brown"}, "key": "SETTINGS"})),
            "a user's own fields are exported"
        );
        for secret in ["LINK#0a", "AUDITSALT"] {
            assert_eq!(shown(secret.to_owned(), json!({"expires_at": 1})), None);
        }
    }

    #[test]
    fn a_file_name_stays_in_its_folder() {
        for (name, expected) in [
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("..", "file"),
            ("C:\\a.txt", "C__a.txt"),
            ("Grüße 1.pdf", "Grüße 1.pdf"),
        ] {
            assert_eq!(safe_file_name(name), expected);
        }
        assert_eq!(
            document_of_source("t/o/d/1/source", "t/o/"),
            Some((DocumentId("1".to_owned()), None))
        );
        assert_eq!(
            document_of_source("t/o/d/1/source-2", "t/o/"),
            Some((DocumentId("1".to_owned()), Some("2")))
        );
        assert_eq!(document_of_source("t/o/d/1/0af.seg", "t/o/"), None);
    }
}
