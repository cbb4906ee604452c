//! The vectors of a segment's chunks: one byte a number, with a scale.

use std::collections::HashMap;

use super::Segment;

/// At least one of so many chunks has a vector: hostile bytes could otherwise make much memory of nothing.
const MAX_SPARSENESS: usize = 4096;

/// A unit vector as numbers from -127 to 127: its cosine with another one differs from the exact one by some thousandths.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    scale: f32,
    values: Vec<i8>,
}

impl Vector {
    /// Rounds the numbers of a vector, after dividing it by its length. Returns `None` if it has no direction.
    pub fn of(vector: &[f32]) -> Option<Self> {
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        let most = vector.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let usable = length.is_finite() && length > f32::MIN_POSITIVE && most > 0.0;
        #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127")]
        usable.then(|| Self {
            scale: most / 127.0 / length,
            values: vector
                .iter()
                .map(|value| (value / most * 127.0).round() as i8)
                .collect(),
        })
    }

    /// Returns the number of dimensions.
    pub fn dimensions(&self) -> usize {
        self.values.len()
    }

    /// Returns the cosine of two vectors of the same embedder.
    pub fn cosine(&self, other: &Self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "below 2^26")]
        let product = dot(&self.values, &other.values) as f32;
        product * self.scale * other.scale
    }

    /// Appends the scale (little-endian) and the numbers to `out`: four bytes and one for each dimension.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.scale.to_le_bytes());
        out.extend(self.values.iter().map(|value| value.cast_unsigned()));
    }

    /// Reads what [`Self::write`] wrote for so many dimensions, and removes it from `input`. Returns `None` for anything
    /// else.
    pub fn read(input: &mut &[u8], dimensions: usize) -> Option<Self> {
        let scale = f32::from_le_bytes(input.split_off(..4)?.try_into().ok()?);
        let values = input.split_off(..dimensions)?;
        // -128 is not written. The scale of a unit vector is at most that of one with a single number.
        let is_sound = scale > 0.0 && scale <= 1.0 && !values.contains(&0x80);
        is_sound.then(|| Self {
            scale,
            values: values.iter().map(|byte| byte.cast_signed()).collect(),
        })
    }
}

/// What made vectors. Vectors of different embedders are never compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Embedder {
    /// Names model and version.
    pub id: String,
    /// The length of its vectors.
    pub dimensions: usize,
}

/// The vectors of chunks, as far as there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    embedder: Embedder,
    /// By chunk; 0 for one without a vector.
    scales: Vec<f32>,
    /// The numbers of all chunks, one after the other.
    values: Vec<i8>,
}

// The scales are finite, so equality is what it should be.
impl Eq for Vectors {}

impl Vectors {
    /// Largest number of dimensions that a segment stores.
    pub const MAX_DIMENSIONS: usize = 4096;

    /// Creates the vectors of so many chunks, of which none has one yet.
    pub fn new(embedder: Embedder, chunks: usize) -> Self {
        Self {
            scales: vec![0.0; chunks],
            values: vec![0; chunks * embedder.dimensions],
            embedder,
        }
    }

    /// Sets the vector of a chunk. Returns `false` if there is no such chunk, or the vector has another length.
    pub fn set(&mut self, chunk: u32, vector: &Vector) -> bool {
        let chunk = chunk as usize;
        let dimensions = self.embedder.dimensions;
        if vector.values.len() != dimensions {
            return false;
        }
        let (Some(scale), Some(values)) = (
            self.scales.get_mut(chunk),
            self.values.get_mut(chunk * dimensions..(chunk + 1) * dimensions),
        ) else {
            return false;
        };
        *scale = vector.scale;
        values.copy_from_slice(&vector.values);
        true
    }

    /// Returns the vector of a chunk, if it has one.
    pub fn get(&self, chunk: u32) -> Option<Vector> {
        let chunk = chunk as usize;
        let dimensions = self.embedder.dimensions;
        let scale = self.scales.get(chunk).copied().filter(|scale| *scale > 0.0)?;
        let values = self.values.get(chunk * dimensions..(chunk + 1) * dimensions)?.to_vec();
        Some(Vector { scale, values })
    }

    /// Returns what made them.
    pub fn embedder(&self) -> &Embedder {
        &self.embedder
    }

    /// Returns how many chunks have one.
    pub fn count(&self) -> usize {
        self.scales.iter().filter(|scale| **scale > 0.0).count()
    }

    /// Returns whether so many vectors of so many chunks are worth their memory.
    pub(super) fn are_worth_it(count: usize, chunks: usize) -> bool {
        count > 0 && chunks / count <= MAX_SPARSENESS
    }

    /// Returns the cosine of each chunk's vector and `query`; `None` for a chunk without one.
    pub(crate) fn cosines<'a>(&'a self, query: &'a Vector) -> impl Iterator<Item = Option<f32>> + 'a {
        let rows = self.values.chunks_exact(self.embedder.dimensions.max(1));
        self.scales.iter().zip(rows).map(|(scale, row)| {
            (*scale > 0.0).then(|| {
                #[expect(clippy::cast_precision_loss, reason = "below 2^26")]
                let product = dot(row, &query.values) as f32;
                product * scale * query.scale
            })
        })
    }

    pub(super) fn size(&self) -> usize {
        self.values.len() + self.scales.len() * size_of::<f32>()
    }
}

/// Returns the product of two rows of bytes. The compiler makes vector instructions of it.
fn dot(one: &[i8], other: &[i8]) -> i32 {
    let (one, rest) = one.as_chunks::<32>();
    let (other, other_rest) = other.as_chunks::<32>();
    let mut sums = [0_i32; 8];
    for (one, other) in one.iter().zip(other) {
        for (at, (one, other)) in one.iter().zip(other).enumerate() {
            sums[at % 8] += i32::from(i16::from(*one) * i16::from(*other));
        }
    }
    let rest = rest.iter().zip(other_rest);
    sums.iter().sum::<i32>()
        + rest
            .map(|(one, other)| i32::from(*one) * i32::from(*other))
            .sum::<i32>()
}

impl Segment {
    /// Returns the segment with these vectors, or without any if (nearly) no chunk has one.
    #[must_use]
    pub fn with_vectors(mut self, vectors: Vectors) -> Self {
        let fits =
            vectors.scales.len() == self.len() && (1..=Vectors::MAX_DIMENSIONS).contains(&vectors.embedder.dimensions);
        self.vectors =
            Some(vectors).filter(|vectors| fits && Vectors::are_worth_it(vectors.count(), vectors.scales.len()));
        self
    }

    /// Returns the segment without vectors.
    #[must_use]
    pub fn without_vectors(mut self) -> Self {
        self.vectors = None;
        self
    }

    /// Returns the vectors of its chunks, if any chunk has one.
    pub fn vectors(&self) -> Option<&Vectors> {
        self.vectors.as_ref()
    }

    /// Returns the text of a chunk as it is embedded: below its heading.
    pub fn text_to_embed(&self, chunk: u32) -> Option<String> {
        let text = self.text(chunk)?;
        Some(match self.place(chunk)?.heading() {
            Some(heading) => format!("{heading}\n{text}"),
            None => text.to_owned(),
        })
    }

    /// Returns its vectors if the embedder with this ID has made them.
    pub fn vectors_of(&self, embedder: &str) -> Option<&Vectors> {
        self.vectors.as_ref().filter(|vectors| vectors.embedder.id == embedder)
    }

    /// Returns the numbers of the chunks that have no vector of the embedder with this ID.
    pub fn chunks_without_vectors(&self, embedder: &str) -> Vec<u32> {
        let vectors = self.vectors_of(embedder);
        let has =
            |chunk: u32| vectors.is_some_and(|vectors| vectors.scales.get(chunk as usize).is_some_and(|s| *s > 0.0));
        (0..super::narrow(self.len())).filter(|chunk| !has(*chunk)).collect()
    }

    /// Returns the segment with the vectors that an earlier one has, of the embedder with this ID, for chunks with the same
    /// text. Its own stay, and so does their length: those of another length are not taken over.
    #[must_use]
    pub fn with_vectors_of(self, earlier: &Self, embedder: &str) -> Self {
        let Some(found) = earlier.vectors_of(embedder) else {
            return self;
        };
        if self
            .vectors_of(embedder)
            .is_some_and(|own| own.embedder != found.embedder)
        {
            return self;
        }
        let numbers = 0..super::narrow(earlier.len());
        let known: HashMap<String, u32> = numbers
            .filter_map(|chunk| Some((earlier.text_to_embed(chunk)?, chunk)))
            .collect();
        let mut vectors = match self.vectors_of(embedder) {
            Some(own) => own.clone(),
            None => Vectors::new(found.embedder.clone(), self.len()),
        };
        for chunk in self.chunks_without_vectors(embedder) {
            let same = self.text_to_embed(chunk).and_then(|text| known.get(&text));
            if let Some(vector) = same.and_then(|same| found.get(*same)) {
                vectors.set(chunk, &vector);
            }
        }
        self.with_vectors(vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Chunk, Language, SourceLocation};

    fn embedder() -> Embedder {
        Embedder {
            id: "test".to_owned(),
            dimensions: 4,
        }
    }

    fn segment(texts: &[&str]) -> Segment {
        let chunk = |text: &&str| Chunk {
            place: SourceLocation::Heading("Manual".to_owned()),
            text: (*text).to_owned(),
            overlap: 0,
            language: Language::English,
        };
        Segment::build(&texts.iter().map(chunk).collect::<Vec<_>>())
    }

    fn vector(values: [f32; 4]) -> Vector {
        Vector::of(&values).expect("a direction")
    }

    #[test]
    fn a_cosine_survives_rounding() {
        let one: Vec<f32> = (0..384_u16).map(|at| f32::from(at % 17) - 7.5).collect();
        let other: Vec<f32> = (0..384_u16).map(|at| f32::from(at % 13) - 5.0).collect();
        let exact = {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt()
        };
        let wide = Embedder {
            id: "wide".to_owned(),
            dimensions: 384,
        };
        let mut vectors = Vectors::new(wide, 2);
        assert!(vectors.set(1, &Vector::of(&one).expect("a direction")));
        let query = Vector::of(&other).expect("a direction");
        let found: Vec<Option<f32>> = vectors.cosines(&query).collect();
        assert_eq!(found[0], None);
        assert!((found[1].expect("a cosine") - exact).abs() < 0.005);
        assert!(Vector::of(&[0.0; 4]).is_none() && Vector::of(&[f32::NAN, 1.0]).is_none());
    }

    #[test]
    fn a_segment_with_vectors_comes_back_as_it_was_written() {
        let plain = segment(&["Refunds take 14 days.", "Shipping is free.", "Coffee."]);
        let mut vectors = Vectors::new(embedder(), 3);
        assert!(vectors.set(0, &vector([1.0, 0.0, 0.5, -1.0])));
        assert!(vectors.set(2, &vector([0.0, 1.0, 0.0, 0.0])));
        assert!(!vectors.set(3, &vector([0.0, 1.0, 0.0, 0.0])));
        let written = plain.clone().with_vectors(vectors);
        assert_eq!(written.chunks_without_vectors("test"), [1]);
        let bytes = written.to_bytes();
        assert_eq!(Segment::from_bytes(&bytes), Ok(written.clone()));
        assert_ne!(bytes, plain.to_bytes());
        assert!(written.size() > plain.size());
        // Without any vector it is what it was.
        let none = written.with_vectors(Vectors::new(embedder(), 3));
        assert_eq!(none.to_bytes(), plain.to_bytes());
    }

    #[test]
    fn damaged_vectors_are_refused_and_never_a_panic() {
        let mut vectors = Vectors::new(embedder(), 1);
        vectors.set(0, &vector([1.0, 0.0, 0.5, -1.0]));
        let bytes = segment(&["Coffee."]).with_vectors(vectors).to_bytes();
        for end in 0..bytes.len() {
            assert!(Segment::from_bytes(&bytes[..end]).is_err(), "{end}");
        }
        for at in 0..bytes.len() {
            for mask in [0xff, 0x80, 0x01] {
                let mut damaged = bytes.clone();
                damaged[at] ^= mask;
                if let Ok(read) = Segment::from_bytes(&damaged) {
                    assert!(read.vectors().is_none_or(|vectors| vectors.count() == 1));
                }
            }
        }
    }

    #[test]
    fn a_later_segment_takes_over_the_vectors_of_equal_passages() {
        let mut vectors = Vectors::new(embedder(), 2);
        vectors.set(0, &vector([1.0, 0.0, 0.0, 0.0]));
        vectors.set(1, &vector([0.0, 1.0, 0.0, 0.0]));
        let earlier = segment(&["Refunds take 14 days.", "Shipping is free."]).with_vectors(vectors);
        let later = segment(&["New.", "Shipping is free.", "Refunds take 15 days."]);
        let later = later.with_vectors_of(&earlier, "test");
        assert_eq!(later.chunks_without_vectors("test"), [0, 2]);
        assert_eq!(
            later.vectors().and_then(|vectors| vectors.get(1)),
            Some(vector([0.0, 1.0, 0.0, 0.0]))
        );
        // Not those of another model.
        let plain = segment(&["Shipping is free."]);
        assert_eq!(plain.clone().with_vectors_of(&earlier, "other"), plain);
        assert_eq!(later.chunks_without_vectors("other"), [0, 1, 2]);
        // Nor those of the same model with another length.
        let mut longer = Vectors::new(
            Embedder {
                dimensions: 5,
                ..embedder()
            },
            2,
        );
        longer.set(0, &Vector::of(&[1.0; 5]).expect("a direction"));
        let own = segment(&["New.", "Shipping is free."]).with_vectors(longer);
        assert_eq!(own.clone().with_vectors_of(&earlier, "test"), own);
    }
}
