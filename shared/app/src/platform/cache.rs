//! A bounded in-memory cache.

use std::{
    borrow::Borrow,
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;

/// Values by key, bounded in number; the least recently used one is evicted first.
pub(crate) struct BoundedCache<K: Hash + Eq, V>(Mutex<LruCache<K, V>>);

impl<K: Hash + Eq, V: Clone> BoundedCache<K, V> {
    /// Creates an empty cache that holds at most `most` values.
    pub(crate) fn with_capacity(most: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(most)))
    }

    /// Returns the value of a key.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.lock().get(key).cloned()
    }

    /// Stores the value of a key.
    pub(crate) fn note(&self, key: K, value: V) {
        self.lock().put(key, value);
    }

    /// Locks the cache for an atomic operation.
    pub(crate) fn lock(&self) -> MutexGuard<'_, LruCache<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values by key, bounded in the sum of their sizes; the least recently used ones are evicted first.
pub(crate) struct SizedCache<K: Hash + Eq, V> {
    most_bytes: usize,
    values: Mutex<Entries<K, V>>,
}

/// Values with their sizes, and the sum of these.
struct Entries<K: Hash + Eq, V> {
    cache: LruCache<K, (V, usize)>,
    bytes: usize,
}

impl<K: Hash + Eq, V: Clone> SizedCache<K, V> {
    /// Creates an empty cache whose values have at most this size together.
    pub(crate) fn with_bytes(most_bytes: usize) -> Self {
        let values = Entries {
            cache: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            most_bytes,
            values: Mutex::new(values),
        }
    }

    /// Returns the value of a key.
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.cache.get(key).map(|(value, _)| value.clone())
    }

    /// Stores the value of a key, unless it alone is larger than all may be.
    pub(crate) fn note(&self, key: K, value: V, bytes: usize) {
        if bytes > self.most_bytes {
            return;
        }
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, old)) = values.cache.put(key, (value, bytes)) {
            values.bytes -= old;
        }
        values.bytes += bytes;
        while values.bytes > self.most_bytes {
            let Some((_, (_, old))) = values.cache.pop_lru() else {
                return;
            };
            values.bytes -= old;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SizedCache;

    #[test]
    fn values_are_evicted_by_their_size() {
        let cache = SizedCache::with_bytes(10);
        cache.note("a", 1, 4);
        cache.note("b", 2, 4);
        cache.note("large", 3, 11);
        assert_eq!(
            (cache.get("a"), cache.get("b"), cache.get("large")),
            (Some(1), Some(2), None)
        );
        // `a` was used before `b`, and is replaced by something smaller.
        cache.note("a", 4, 1);
        cache.note("c", 5, 7);
        assert_eq!(
            (cache.get("a"), cache.get("b"), cache.get("c")),
            (Some(4), None, Some(5))
        );
    }
}
