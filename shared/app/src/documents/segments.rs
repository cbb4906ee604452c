//! In-memory cache of search segments. Segments are immutable, so a cached one is never stale.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use domain::{Error, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lru::LruCache;
use retrieval::Segment;
use store::Objects;

use super::packs::{self, Group, NewPack};

/// Cache capacity, in bytes.
const CAPACITY: usize = 128 * 1024 * 1024;
/// Number of segments fetched concurrently.
const PARALLEL: usize = 16;
/// Number of packs fetched concurrently.
const PARALLEL_PACKS: usize = 4;
/// So many segments are fetched one by one; more of them in packs.
const FEW: usize = 16;

/// Segments of one pack, and the pack if it has to be stored.
type Unpacked = (Vec<(String, Arc<Segment>)>, Option<NewPack>);

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

    /// Returns the segments under `keys` of one chatbot, in order, as [`Self::load`] does: many of them by way of packs.
    /// Also returns the packs that are missing. `folder`: the prefix of the object keys of its packs.
    pub(crate) async fn load_packed(
        &self,
        folder: &str,
        keys: Vec<String>,
    ) -> Result<(Vec<Option<Arc<Segment>>>, Vec<NewPack>)> {
        let mut found = self.cached(&keys);
        let missing: HashSet<&String> = keys.iter().filter(|key| !found.contains_key(*key)).collect();
        if missing.len() <= FEW {
            return Ok((self.load(keys).await?, Vec::new()));
        }
        let is_needed = |group: &Group| group.segments.iter().any(|key| missing.contains(key));
        let groups = packs::groups(folder, &keys).into_iter().filter(is_needed);
        let mut read = stream::iter(groups)
            .map(|group| self.unpack(group))
            .buffer_unordered(PARALLEL_PACKS);
        let mut new = Vec::new();
        while let Some((segments, pack)) = read.try_next().await? {
            found.extend(segments);
            new.extend(pack);
        }
        drop(read);
        Ok((keys.iter().map(|key| found.get(key).cloned()).collect(), new))
    }

    async fn unpack(&self, group: Group) -> Result<Unpacked> {
        if let Some(pack) = self.objects.get(&group.pack).await?
            && let Some(segments) = packs::decode(&pack, &group.segments)
        {
            let segments: Vec<_> = group.segments.into_iter().zip(segments).collect();
            for (key, segment) in &segments {
                self.lock().insert(key.clone(), segment.clone(), segment.size());
            }
            return Ok((segments, None));
        }
        let read: Vec<(String, Option<Bytes>)> = stream::iter(group.segments)
            .map(|key| async move {
                let bytes = self.objects.get(&key).await?;
                Ok::<_, Error>((key, bytes))
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let wanted = read.len();
        let read: Vec<(String, Bytes)> = read
            .into_iter()
            .filter_map(|(key, bytes)| Some((key, bytes?)))
            .collect();
        let mut segments = Vec::with_capacity(read.len());
        for (key, bytes) in &read {
            let segment = Arc::new(Segment::from_bytes(bytes).map_err(Error::internal)?);
            self.lock().insert(key.clone(), segment.clone(), bytes.len());
            segments.push((key.clone(), segment));
        }
        let size: usize = read.iter().map(|(_, bytes)| bytes.len()).sum();
        // Without one that was deleted meanwhile, it would not be found by its name.
        let is_worth_it = read.len() == wanted && read.len() > 1 && size <= packs::MAX_BYTES;
        let pack = is_worth_it.then(|| NewPack {
            key: group.pack,
            bytes: packs::encode(&read),
        });
        Ok((segments, pack))
    }

    /// Returns those in memory.
    fn cached(&self, keys: &[String]) -> HashMap<String, Arc<Segment>> {
        let mut cache = self.lock();
        let found = |key: &String| Some((key.clone(), cache.entries.get(key)?.0.clone()));
        keys.iter().filter_map(found).collect()
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
