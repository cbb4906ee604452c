//! Finds passages that repeat each other.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// A passage that shares this part of its word pairs with a better one is a near duplicate.
const NEAR_DUPLICATE: f64 = 0.8;

/// The pairs of neighboring words of a passage.
pub(super) struct Fingerprint(HashSet<u64>);

impl Fingerprint {
    pub(super) fn of(text: &str) -> Self {
        let mut pairs = HashSet::new();
        let mut before = 0;
        let mut count = 0;
        let mut word = DefaultHasher::new();
        let mut is_open = false;
        let mut close = |hasher: &mut DefaultHasher| {
            let own = std::mem::take(hasher).finish();
            if count > 0 {
                pairs.insert(own ^ before);
            }
            // Otherwise the order would not matter.
            before = own.rotate_left(7);
            count += 1;
        };
        for c in text.chars() {
            // An ideograph is a word.
            let is_word = c >= '\u{2e80}' && c.is_alphanumeric();
            if is_open && (is_word || !c.is_alphanumeric()) {
                close(&mut word);
                is_open = false;
            }
            if c.is_alphanumeric() {
                c.to_lowercase().for_each(|c| c.hash(&mut word));
                is_open = true;
            }
        }
        if is_open {
            close(&mut word);
        }
        if count == 1 {
            pairs.insert(before);
        }
        Self(pairs)
    }

    /// Returns whether this passage says hardly anything that the other one does not.
    pub(super) fn repeats(&self, better: &Self) -> bool {
        let shared = self.0.intersection(&better.0).count();
        #[expect(clippy::cast_precision_loss, reason = "counts of word pairs of a passage")]
        let is_copy = shared as f64 >= NEAR_DUPLICATE * self.0.len() as f64;
        is_copy
    }
}
