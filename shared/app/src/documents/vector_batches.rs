//! Batches of vectors as objects, until they are put together.

use domain::Document;
use retrieval::Vector;
use sha2::{Digest as _, Sha256};

use super::document_embedder::MadeVectors;

/// First byte of a batch, before the length of its vectors.
const LENGTH: u8 = 2;
/// First byte of a passage without a vector.
const WITHOUT: u8 = 0;
/// First byte of one with a vector.
const WITH: u8 = 1;

/// Returns the object key of a batch.
pub(super) fn batch_key(segment: &str, embedder: &str, number: u32) -> String {
    Document::batch_key(segment, &hash_of(embedder), number)
}

/// Returns the prefix of the object keys of all batches of a segment.
pub(super) fn batches_of(segment: &str) -> String {
    format!("{}-", segment.strip_suffix(".seg").unwrap_or(segment))
}

/// Returns the prefix of those by one embedder.
pub(super) fn batches_by(segment: &str, embedder: &str) -> String {
    format!("{}{}-", batches_of(segment), hash_of(embedder))
}

/// Object keys are short, so a batch names its embedder by a hash.
fn hash_of(embedder: &str) -> String {
    hex::encode(&Sha256::digest(embedder)[..4])
}

/// Returns the bytes of a batch: the length of its vectors, then each of them.
pub(super) fn encode(made: &MadeVectors) -> Vec<u8> {
    let mut bytes = vec![LENGTH];
    // At most `Vectors::MAX_DIMENSIONS`.
    bytes.extend(
        u16::try_from(made.embedder.dimensions)
            .unwrap_or(u16::MAX)
            .to_le_bytes(),
    );
    for vector in &made.vectors {
        match vector {
            None => bytes.push(WITHOUT),
            Some(vector) => {
                bytes.push(WITH);
                vector.write(&mut bytes);
            }
        }
    }
    bytes
}

/// Returns the length of the vectors and those of so many passages, or `None` if the bytes are anything else. `built_in`:
/// their length in batches that an earlier version has written without it.
pub(super) fn decode(bytes: &[u8], count: usize, built_in: Option<usize>) -> Option<(usize, Vec<Option<Vector>>)> {
    let mut rest = bytes;
    let dimensions = match rest.first() {
        Some(&LENGTH) => {
            let length = rest.split_off(..3)?;
            usize::from(u16::from_le_bytes([length[1], length[2]]))
        }
        _ => built_in?,
    };
    let mut vectors = Vec::with_capacity(count);
    for _ in 0..count {
        vectors.push(match *rest.split_off_first()? {
            WITHOUT => None,
            WITH => Some(Vector::read(&mut rest, dimensions)?),
            _ => return None,
        });
    }
    rest.is_empty().then_some((dimensions, vectors))
}

#[cfg(test)]
mod tests {
    use retrieval::Embedder;

    use super::*;

    #[test]
    fn a_batch_is_read_as_it_was_written_and_nothing_else_is() {
        let vectors = vec![
            Vector::of(&[1.0, -0.5, 0.0, 2.0]),
            None,
            Vector::of(&[0.0, 0.0, 1.0, 0.0]),
        ];
        let made = MadeVectors {
            embedder: Embedder {
                id: "e".to_owned(),
                dimensions: 4,
            },
            vectors: vectors.clone(),
        };
        let bytes = encode(&made);
        assert_eq!(decode(&bytes, 3, None), Some((4, vectors.clone())));
        assert_eq!(decode(&bytes, 2, None), None);
        assert_eq!(decode(&bytes, 4, None), None);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end], 3, Some(4)), None, "{end}");
        }
        // As an earlier version has written it, whose model was the built-in one.
        assert_eq!(decode(&bytes[3..], 3, Some(4)), Some((4, vectors)));
        assert_eq!(decode(&bytes[3..], 3, None), None);
    }
}
