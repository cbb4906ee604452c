//! What a process remembers to spare itself questions.

use std::{
    borrow::Borrow,
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

/// Values by their keys: at most so many, of which the one that was not asked for longest is forgotten first.
pub(crate) struct BoundedCache<K: Hash + Eq, V>(Mutex<LruCache<K, V>>);

impl<K: Hash + Eq, V: Clone> BoundedCache<K, V> {
    /// Nothing so far, and never more than `most`.
    pub(crate) fn with_capacity(most: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(most)))
    }

    /// What is known under a key.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.lock().get(key).cloned()
    }

    /// Remembers this under a key.
    pub(crate) fn note(&self, key: K, value: V) {
        self.lock().put(key, value);
    }

    /// For what has to be one step.
    pub(crate) fn lock(&self) -> MutexGuard<'_, LruCache<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
