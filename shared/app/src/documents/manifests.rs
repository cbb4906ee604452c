//! Manifests: what a question has to know of a chatbot's many documents before it searches them, so that it does not
//! read all their items.
//!
//! A manifest is a cache, in memory and as an object. What has changed since it was made is read from the changes of the
//! organization's documents ([`store::Documents::changed_since`]); which documents a chatbot has is read with the
//! chatbot. So it is never out of date, whoever wrote it.

use std::{
    collections::{HashMap, HashSet},
    io::{Read as _, Write as _},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{Chatbot, Document, DocumentId, DocumentStatus, Error, OrgId, Result, Timestamp};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use lru::LruCache;
use serde::{Deserialize, Serialize};
use store::Documents;

use crate::App;

/// So many documents are read one by one: less than the manifest would cost.
const FEW: usize = 64;
/// How much earlier than its manifest a change is looked for: clocks differ, and a transaction takes its time.
const MARGIN: Duration = Duration::from_mins(1);
/// A manifest is stored again after so many documents of it had to be read, or when it is so old.
const MANY_CHANGES: usize = 16;
const OLD: Duration = Duration::from_mins(10);
/// Chatbots that are remembered.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);
/// The end of its object key.
const NAME: &str = "manifest";

/// What a question has to know of a document before it is searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentHead {
    pub(crate) id: DocumentId,
    pub(crate) name: String,
    /// Object key of its segment; `None` if it cannot be searched.
    pub(crate) segment: Option<String>,
    /// It cannot be searched yet, but will be. One that is being reindexed still has its old segment.
    pub(crate) is_unread: bool,
}

impl From<Document> for DocumentHead {
    fn from(document: Document) -> Self {
        let is_coming = matches!(document.status, DocumentStatus::Pending | DocumentStatus::Processing);
        Self {
            is_unread: document.segment.is_none() && is_coming,
            id: document.id,
            name: document.name,
            segment: document.segment,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Manifest {
    /// What changed before this time is in it, milliseconds since the Unix epoch.
    as_of_ms: i64,
    documents: Vec<DocumentHead>,
}

/// Manifests in memory, by object key.
pub(crate) struct Manifests(Mutex<LruCache<String, Arc<Manifest>>>);

impl Default for Manifests {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(CAPACITY)))
    }
}

impl Manifests {
    fn get(&self, key: &str) -> Option<Arc<Manifest>> {
        self.lock().get(key).cloned()
    }

    fn put(&self, key: String, manifest: Arc<Manifest>) {
        self.lock().put(key, manifest);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<String, Arc<Manifest>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Returns what a question has to know of the documents of a chatbot, in their order there.
    pub(crate) async fn documents_to_search(&self, bot: &Chatbot) -> Result<Vec<DocumentHead>> {
        let documents = self.store.documents(&bot.org);
        if bot.documents.len() <= FEW {
            let found = documents.get_many(&bot.documents).await?;
            return Ok(found.into_iter().map(DocumentHead::from).collect());
        }
        let key = key_of(bot);
        let now = self.clock.now();
        let in_memory = self.manifests.get(&key);
        let stored = match &in_memory {
            Some(_) => None,
            None => self.stored_manifest(&key).await?.map(Arc::new),
        };
        let known = in_memory.or(stored);
        let known = self.known(&documents, known, now).await?;
        let (mut heads, changed) = match &known {
            Some((known, changed)) => {
                let heads = known.documents.iter().map(|head| (&head.id, head));
                (heads.collect::<HashMap<_, _>>(), changed.clone())
            }
            None => (HashMap::new(), HashSet::new()),
        };
        heads.retain(|id, _| !changed.contains(*id));
        let missing = bot.documents.iter().filter(|id| !heads.contains_key(id));
        let missing: Vec<DocumentId> = missing.cloned().collect();
        let read = documents.get_many(&missing).await?;
        let read: HashMap<DocumentId, DocumentHead> = read
            .into_iter()
            .map(|document| (document.id.clone(), DocumentHead::from(document)))
            .collect();
        let head = |id: &DocumentId| heads.get(id).copied().or_else(|| read.get(id)).cloned();
        let manifest = Arc::new(Manifest {
            as_of_ms: now.as_millisecond(),
            documents: bot.documents.iter().filter_map(head).collect(),
        });
        let is_old = known.is_none_or(|(known, _)| now.as_millisecond() - known.as_of_ms > millis(OLD));
        // A chatbot without an ID is not stored, and neither is anything for it.
        let is_stored = !bot.id.as_str().is_empty();
        if is_stored && (read.len() > MANY_CHANGES || (is_old && !read.is_empty())) {
            self.store_manifest(&key, &manifest);
        }
        self.manifests.put(key, Arc::clone(&manifest));
        Ok(manifest.documents.clone())
    }

    /// Returns a manifest with the documents that have changed since, unless that is too long ago or too much.
    async fn known(
        &self,
        documents: &Documents,
        manifest: Option<Arc<Manifest>>,
        now: Timestamp,
    ) -> Result<Option<(Arc<Manifest>, HashSet<DocumentId>)>> {
        let Some(manifest) = manifest else {
            return Ok(None);
        };
        let age = now.as_millisecond().saturating_sub(manifest.as_of_ms);
        if age > millis(Documents::CHANGES_KEPT) {
            return Ok(None);
        }
        let since = Timestamp::from_millisecond(manifest.as_of_ms.saturating_sub(millis(MARGIN)));
        let changed = documents.changed_since(since.map_err(Error::internal)?).await?;
        Ok(changed.map(|changed| (manifest, changed.into_iter().collect())))
    }

    /// Returns a stored manifest; one that is damaged is none.
    async fn stored_manifest(&self, key: &str) -> Result<Option<Manifest>> {
        Ok(self.objects.get(key).await?.and_then(|bytes| decoded(&bytes)))
    }

    /// Stores a manifest for other processes, while the answer goes on.
    fn store_manifest(&self, key: &str, manifest: &Arc<Manifest>) {
        let (app, key, manifest) = (self.clone(), key.to_owned(), Arc::clone(manifest));
        self.continue_in_background(Box::pin(async move {
            let stored = match encoded(&manifest) {
                Ok(bytes) => app.objects.put(&key, bytes.into(), "application/gzip").await,
                Err(error) => Err(error),
            };
            if let Err(error) = stored {
                tracing::warn!(%error, "manifest.not_stored");
            }
        }));
    }

    /// Removes the manifests of all chatbots of an organization that contain a document.
    pub(crate) async fn delete_manifests_with(&self, org: &OrgId, document: &DocumentId) -> Result<()> {
        let mut next = Some(None);
        while let Some(after) = next {
            let (keys, more) = self.objects.keys_below(&Chatbot::folders(org), after).await?;
            for key in keys.iter().filter(|key| key.ends_with(NAME)) {
                let manifest = self.stored_manifest(key).await?;
                let contains = |manifest: &Manifest| manifest.documents.iter().any(|head| head.id == *document);
                if manifest.as_ref().is_none_or(contains) {
                    self.objects.delete(key).await?;
                }
            }
            next = more.map(Some);
        }
        Ok(())
    }
}

fn key_of(bot: &Chatbot) -> String {
    format!("{}{NAME}", Chatbot::folder(&bot.org, &bot.id))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn encoded(manifest: &Manifest) -> Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let json = serde_json::to_vec(manifest).map_err(Error::internal)?;
    packed.write_all(&json).map_err(Error::internal)?;
    packed.finish().map_err(Error::internal)
}

fn decoded(bytes: &[u8]) -> Option<Manifest> {
    let mut json = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}
