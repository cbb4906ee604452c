//! Packs: the segments of many documents of one chatbot as one object, so that a question to a chatbot with thousands of
//! documents reads few objects.
//!
//! A pack is a cache that the answering function writes when it had to read the segments one by one. Its name contains
//! the hash of the keys of its segments, so a pack of other segments is never found, and nothing has to be kept in step.
//! The documents of a chatbot are divided by the hash of their IDs: a change of one document concerns one pack.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use domain::{Chatbot, DocumentId, OrgId, Result};
use retrieval::Segment;
use sha2::{Digest as _, Sha256};

use crate::App;

/// Number of documents that a pack is meant for.
const DOCUMENTS: usize = 128;
/// Largest pack, in bytes: larger segments take longer to read than it takes to ask for them.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The first bytes of a pack.
const MAGIC: &[u8] = b"parlance pack 1\n";

/// The segments that belong into one pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Object key of the pack.
    pub(crate) pack: String,
    /// Object keys of its segments, sorted.
    pub(crate) segments: Vec<String>,
}

/// A pack to be stored.
#[derive(Debug)]
pub(crate) struct NewPack {
    pub(crate) key: String,
    pub(crate) bytes: Bytes,
}

/// Divides the segments of a chatbot among packs. `folder`: the prefix of its object keys.
pub(crate) fn groups(folder: &str, keys: &[String]) -> Vec<Group> {
    let packs = keys.len().div_ceil(DOCUMENTS).next_power_of_two();
    let mut members = vec![Vec::new(); packs];
    for key in keys {
        if let Some(group) = members.get_mut(index_of(document_of(key), packs)) {
            group.push(key.clone());
        }
    }
    let group = |(index, mut segments): (usize, Vec<String>)| {
        segments.sort_unstable();
        segments.dedup();
        let hash = hex::encode(&Sha256::digest(segments.join("\n"))[..16]);
        Group {
            pack: format!("{folder}{packs}-{index}-{hash}.pack"),
            segments,
        }
    };
    let groups = members.into_iter().enumerate().map(group);
    groups.filter(|group| !group.segments.is_empty()).collect()
}

/// Returns the document in the key of a segment.
fn document_of(segment: &str) -> &str {
    segment.rsplit('/').nth(1).unwrap_or_default()
}

/// Returns which of so many packs a document belongs to.
fn index_of(document: &str, packs: usize) -> usize {
    let digest = Sha256::digest(document);
    let number = digest
        .iter()
        .take(8)
        .fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    usize::try_from(number % packs.max(1) as u64).unwrap_or_default()
}

/// Returns the pack of segments with these keys and contents.
pub(crate) fn encode(segments: &[(String, Bytes)]) -> Bytes {
    let mut pack = BytesMut::from(MAGIC);
    pack.put_u32(u32::try_from(segments.len()).unwrap_or(u32::MAX));
    for (key, bytes) in segments {
        pack.put_u32(u32::try_from(key.len()).unwrap_or(u32::MAX));
        pack.put_slice(key.as_bytes());
        pack.put_u64(bytes.len() as u64);
    }
    for (_, bytes) in segments {
        pack.put_slice(bytes);
    }
    pack.freeze()
}

/// Returns the contents of a pack if it has exactly these segments; whatever else it is, it is not used.
pub(crate) fn decode(pack: &Bytes, keys: &[String]) -> Option<Vec<Arc<Segment>>> {
    let mut rest = pack.strip_prefix(MAGIC)?;
    if usize::try_from(int(&mut rest)?).ok()? != keys.len() {
        return None;
    }
    let mut lengths = Vec::with_capacity(keys.len());
    for key in keys {
        let length = usize::try_from(int(&mut rest)?).ok()?;
        if rest.split_off(..length)? != key.as_bytes() {
            return None;
        }
        let (high, low) = (int(&mut rest)?, int(&mut rest)?);
        lengths.push(usize::try_from(u64::from(high) << 32 | u64::from(low)).ok()?);
    }
    let mut found = Vec::with_capacity(keys.len());
    for length in lengths {
        found.push(Arc::new(Segment::from_bytes(rest.split_off(..length)?).ok()?));
    }
    rest.is_empty().then_some(found)
}

fn int(rest: &mut &[u8]) -> Option<u32> {
    let bytes = rest.split_off(..4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// The part of a pack's name before the hash.
struct PackName<'a> {
    packs: usize,
    index: usize,
    key: &'a str,
}

fn parsed(key: &str) -> Option<PackName<'_>> {
    let name = key.rsplit('/').next()?.strip_suffix(".pack")?;
    let mut parts = name.split('-');
    let (packs, index) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(PackName { packs, index, key })
}

impl App {
    /// Returns the segments with these keys of a chatbot's documents, in order; `None` for one that was deleted in the
    /// meantime.
    pub(crate) async fn segments_of(&self, bot: &Chatbot, keys: Vec<String>) -> Result<Vec<Option<Arc<Segment>>>> {
        let folder = Chatbot::folder(&bot.org, &bot.id);
        let (segments, packs) = self.segments.load_packed(&folder, keys).await?;
        // A chatbot without an ID is not stored, and neither is anything for it.
        if !packs.is_empty() && !bot.id.as_str().is_empty() {
            let app = self.clone();
            self.continue_in_background(Box::pin(async move {
                if let Err(error) = app.store_packs(&folder, packs).await {
                    tracing::warn!(%error, "packs.not_stored");
                }
            }));
        }
        Ok(segments)
    }

    /// Stores packs, and removes those that they replace.
    async fn store_packs(&self, folder: &str, packs: Vec<NewPack>) -> Result<()> {
        let mut stored = Vec::with_capacity(packs.len());
        for pack in packs {
            self.objects
                .put(&pack.key, pack.bytes, "application/octet-stream")
                .await?;
            stored.push(pack.key);
        }
        let new: Vec<PackName<'_>> = stored.iter().filter_map(|key| parsed(key)).collect();
        let is_replaced = |old: &PackName<'_>| {
            let replaces =
                |new: &PackName<'_>| new.packs != old.packs || (new.index == old.index && new.key != old.key);
            new.iter().any(replaces) && !new.iter().any(|new| new.key == old.key)
        };
        self.delete_packs(folder, is_replaced).await
    }

    /// Removes the packs of all chatbots of an organization that may contain a document.
    pub(crate) async fn delete_packs_with(&self, org: &OrgId, document: &DocumentId) -> Result<()> {
        let may_contain = |pack: &PackName<'_>| index_of(document.as_str(), pack.packs) == pack.index;
        self.delete_packs(&Chatbot::folders(org), may_contain).await
    }

    async fn delete_packs(&self, below: &str, is_to_go: impl Fn(&PackName<'_>) -> bool) -> Result<()> {
        let mut next = Some(None);
        while let Some(after) = next {
            let (keys, more) = self.objects.keys_below(below, after).await?;
            for key in &keys {
                if parsed(key).is_some_and(|pack| is_to_go(&pack)) {
                    self.objects.delete(key).await?;
                }
            }
            next = more.map(Some);
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use retrieval::{Chunk, Language, SourceLocation};

    use super::*;

    fn segment(text: &str) -> Segment {
        Segment::build(&[Chunk {
            place: SourceLocation::Whole,
            text: text.to_owned(),
            overlap: 0,
            language: Language::English,
        }])
    }

    fn key(number: usize) -> String {
        format!("t/o/d/document-{number}/0af.seg")
    }

    #[test]
    fn a_pack_is_read_as_it_was_written_and_not_for_other_segments() {
        let segments: Vec<(String, Bytes)> = (0..5)
            .map(|number| (key(number), segment(&format!("Rule {number}.")).to_bytes().into()))
            .collect();
        let keys: Vec<String> = segments.iter().map(|(key, _)| key.clone()).collect();
        let pack = encode(&segments);
        let read = decode(&pack, &keys).unwrap();
        for (number, found) in read.iter().enumerate() {
            assert_eq!(**found, segment(&format!("Rule {number}.")));
        }
        assert!(decode(&pack, &keys[1..]).is_none());
        let foreign: Vec<String> = keys.iter().map(|key| key.replace("t/o/", "t/x/")).collect();
        assert!(decode(&pack, &foreign).is_none());
        for end in 0..pack.len() {
            assert!(decode(&pack.slice(..end), &keys).is_none(), "{end}");
        }
        for at in 0..pack.len() {
            // Nothing that is damaged does more than not being used.
            let mut damaged = pack.to_vec();
            damaged[at] ^= 0xff;
            let _ = decode(&damaged.into(), &keys);
        }
    }

    #[test]
    fn a_change_of_one_document_concerns_one_pack_of_few() {
        let keys: Vec<String> = (0..2_000).map(key).collect();
        let before = groups("t/o/b/1/", &keys);
        assert_eq!(before.len(), 16);
        assert_eq!(before.iter().map(|group| group.segments.len()).sum::<usize>(), 2_000);
        assert!(before.iter().all(|group| group.segments.len() < 200));
        let mut changed = keys.clone();
        changed[7] = changed[7].replace("0af", "1bf");
        changed.reverse();
        let after = groups("t/o/b/1/", &changed);
        let same = before.iter().filter(|group| after.contains(group)).count();
        assert_eq!(same, 15);
        assert_eq!(groups("t/o/b/1/", &[]), Vec::new());
    }
}
