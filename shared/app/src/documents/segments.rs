//! In-memory cache of search segments. Segments are immutable, so a cached one is never stale.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lru::LruCache;
use retrieval::Segment;
use store::Objects;

/// Cache capacity, in bytes.
const CAPACITY: usize = 128 * 1024 * 1024;
/// Number of segments fetched concurrently.
const PARALLEL: usize = 16;

/// Segments by object key, evicted by least recent use.
pub(crate) struct Segments {
    objects: Objects,
    cache: Mutex<Cache>,
}

struct Cache {
    entries: LruCache<String, (Arc<Segment>, usize)>,
    bytes: usize,
}

impl Segments {
    pub(crate) fn new(objects: Objects) -> Self {
        Self {
            objects,
            cache: Mutex::new(Cache {
                entries: LruCache::unbounded(),
                bytes: 0,
            }),
        }
    }

    /// Returns the segments under `keys`, in order; `None` for one that was deleted in the meantime.
    pub(crate) async fn load(&self, keys: Vec<String>) -> Result<Vec<Option<Arc<Segment>>>> {
        stream::iter(keys)
            .map(|key| self.one(key))
            .buffered(PARALLEL)
            .try_collect()
            .await
    }

    async fn one(&self, key: String) -> Result<Option<Arc<Segment>>> {
        if let Some((segment, _)) = self.lock().entries.get(&key) {
            return Ok(Some(segment.clone()));
        }
        let Some(bytes) = self.objects.get(&key).await? else {
            return Ok(None);
        };
        let segment = Arc::new(Segment::from_bytes(&bytes).map_err(Error::internal)?);
        self.lock().insert(key, segment.clone(), bytes.len());
        Ok(Some(segment))
    }

    /// Clears the cache.
    pub(crate) fn clear(&self) {
        let mut cache = self.lock();
        cache.entries.clear();
        cache.bytes = 0;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        // The cache is consistent between any two statements, so a panic elsewhere does not corrupt it.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn insert(&mut self, key: String, segment: Arc<Segment>, bytes: usize) {
        self.bytes += bytes;
        if let Some((_, replaced)) = self.entries.put(key, (segment, bytes)) {
            self.bytes -= replaced;
        }
        while self.bytes > CAPACITY {
            let Some((_, (_, dropped))) = self.entries.pop_lru() else {
                break;
            };
            self.bytes -= dropped;
        }
    }
}
