//! One document generation as one immutable object: its chunks, their BM25 index, and their vectors.

mod decode;
mod encode;
mod vectors;

use crate::terms::index_terms;
use crate::{Chunk, Language, SourceLocation};

pub use decode::SegmentError;
pub use vectors::{Embedder, Vector, Vectors};

/// The searchable form of one document generation. Immutable: a new generation is a new segment.
///
/// The same chunks always produce the same bytes, and [`Segment::from_bytes`] accepts exactly what
/// [`Segment::to_bytes`] writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// The texts of all chunks, concatenated.
    text: String,
    chunks: Vec<Entry>,
    places: Vec<SourceLocation>,
    /// The dictionary: all distinct terms, sorted and concatenated.
    terms: String,
    /// Where each term ends in `terms` and its postings end in `postings`.
    ends: Vec<TermEnd>,
    postings: Vec<Posting>,
    vectors: Option<Vectors>,
}

/// A row of the chunk table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// Where the chunk's text ends in `Segment::text`; it starts where the previous one ends.
    text_end: u32,
    /// See [`Chunk::overlap`].
    overlap: u32,
    /// An index into `Segment::places`.
    place: u32,
    language: Language,
    /// How many terms were indexed, including those of the heading.
    length: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TermEnd {
    text: u32,
    postings: u32,
}

/// A chunk that contains a term, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) chunk: u32,
    pub(crate) count: u32,
}

impl Segment {
    /// Indexes the chunks of one document. The words of a heading count as words of each chunk below it.
    pub fn build(chunks: &[Chunk]) -> Self {
        let mut segment = Self::default();
        let mut found = Found::default();
        for (number, chunk) in (0_u32..).zip(chunks) {
            // Chunks of one place are adjacent, so comparing with the last place is enough to store it once.
            if segment.places.last() != Some(&chunk.place) {
                segment.places.push(chunk.place.clone());
            }
            segment.text.push_str(&chunk.text);
            let mut terms = index_terms(chunk.language, chunk.place.heading().unwrap_or_default());
            terms.extend(index_terms(chunk.language, &chunk.text));
            segment.chunks.push(Entry {
                text_end: narrow(segment.text.len()),
                // An invalid overlap would be refused on reading.
                overlap: if chunk.text.is_char_boundary(chunk.overlap as usize) {
                    chunk.overlap
                } else {
                    0
                },
                place: narrow(segment.places.len() - 1),
                language: chunk.language,
                length: narrow(terms.len()),
            });
            found.add(number, terms);
        }
        found.write(&mut segment);
        segment
    }

    /// Returns how many chunks the document has.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Returns whether the document has no chunks.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns the size of the segment in memory, in bytes: for the budget of a cache.
    pub fn size(&self) -> usize {
        let paths: usize = self
            .places
            .iter()
            .filter_map(SourceLocation::heading)
            .map(str::len)
            .sum();
        size_of::<Self>()
            + self.text.len()
            + self.terms.len()
            + paths
            + self.chunks.len() * size_of::<Entry>()
            + self.places.len() * size_of::<SourceLocation>()
            + self.ends.len() * size_of::<TermEnd>()
            + self.postings.len() * size_of::<Posting>()
            + self.vectors.as_ref().map_or(0, Vectors::size)
    }

    /// Returns the chunk with this number, counted from 0 in reading order.
    pub fn get(&self, chunk: u32) -> Option<Chunk> {
        let entry = self.chunks.get(chunk as usize)?;
        Some(Chunk {
            place: self.place(chunk)?.clone(),
            text: self.text(chunk)?.to_owned(),
            overlap: entry.overlap,
            language: entry.language,
        })
    }

    /// Returns all chunks in reading order.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        (0..narrow(self.len())).filter_map(|number| self.get(number))
    }

    pub(crate) fn text(&self, chunk: u32) -> Option<&str> {
        let index = chunk as usize;
        let start = index
            .checked_sub(1)
            .map_or(Some(0), |before| Some(self.chunks.get(before)?.text_end))?;
        self.text.get(start as usize..self.chunks.get(index)?.text_end as usize)
    }

    pub(crate) fn place(&self, chunk: u32) -> Option<&SourceLocation> {
        self.places.get(self.chunks.get(chunk as usize)?.place as usize)
    }

    /// Returns how many bytes at the start of the chunk repeat the header row of its table.
    pub(crate) fn overlap(&self, chunk: u32) -> usize {
        self.chunks
            .get(chunk as usize)
            .map_or(0, |entry| entry.overlap as usize)
    }

    /// Returns the language of the chunk.
    pub(crate) fn language(&self, chunk: u32) -> Language {
        self.chunks
            .get(chunk as usize)
            .map_or(Language::Unknown, |entry| entry.language)
    }

    /// Returns how many chunks are in each language, by its number.
    pub(crate) fn languages(&self) -> [usize; Language::ALL.len()] {
        let mut counts = [0; Language::ALL.len()];
        for entry in &self.chunks {
            counts[usize::from(entry.language.code())] += 1;
        }
        counts
    }

    /// Returns how many terms the chunk has.
    pub(crate) fn chunk_length(&self, chunk: u32) -> u32 {
        self.chunks.get(chunk as usize).map_or(0, |entry| entry.length)
    }

    /// Returns how many terms all chunks have together.
    pub(crate) fn total_length(&self) -> u64 {
        self.chunks.iter().map(|entry| u64::from(entry.length)).sum()
    }

    /// Returns the chunks that contain a term, in ascending order.
    pub(crate) fn postings(&self, term: &str) -> &[Posting] {
        let mut low = 0;
        let mut high = self.ends.len();
        while low < high {
            let middle = low.midpoint(high);
            match self.term(middle).cmp(term) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.postings_at(middle),
            }
        }
        &[]
    }

    /// Returns the terms that contain `part`, with their postings.
    pub(crate) fn containing<'a, 'p>(
        &'a self,
        part: &'p str,
    ) -> impl Iterator<Item = (&'a str, &'a [Posting])> + use<'a, 'p> {
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let at = from + self.terms.get(from..)?.find(part)?;
                let index = self.ends.partition_point(|end| (end.text as usize) <= at);
                let end = self.ends.get(index)?.text as usize;
                // The concatenation may contain it across two terms.
                if at + part.len() <= end {
                    from = end;
                    return Some((self.term(index), self.postings_at(index)));
                }
                from = end;
            }
        })
    }

    /// Returns all terms with their postings.
    pub(crate) fn dictionary(&self) -> impl Iterator<Item = (&str, &[Posting])> {
        (0..self.ends.len()).map(|index| (self.term(index), self.postings_at(index)))
    }

    fn postings_at(&self, index: usize) -> &[Posting] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before].postings);
        &self.postings[start as usize..self.ends[index].postings as usize]
    }

    fn term(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before].text);
        &self.terms[start as usize..self.ends[index].text as usize]
    }
}

/// The terms of all chunks while an index is built: two flat lists, because a map of lists would take many times the
/// memory for a text with many distinct terms.
#[derive(Default)]
struct Found {
    text: String,
    terms: Vec<FoundTerm>,
}

struct FoundTerm {
    start: u32,
    end: u32,
    posting: Posting,
}

impl Found {
    /// Adds each distinct term of a chunk once.
    fn add(&mut self, chunk: u32, mut terms: Vec<String>) {
        terms.sort_unstable();
        for same in terms.chunk_by(|a, b| a == b) {
            let start = narrow(self.text.len());
            self.text.push_str(&same[0]);
            let end = narrow(self.text.len());
            let count = narrow(same.len());
            self.terms.push(FoundTerm {
                start,
                end,
                posting: Posting { chunk, count },
            });
        }
    }

    /// Writes the dictionary and the postings.
    fn write(mut self, segment: &mut Segment) {
        let text = self.text;
        let term = |found: &FoundTerm| &text[found.start as usize..found.end as usize];
        self.terms
            .sort_unstable_by(|a, b| term(a).cmp(term(b)).then(a.posting.chunk.cmp(&b.posting.chunk)));
        for same in self.terms.chunk_by(|a, b| term(a) == term(b)) {
            segment.terms.push_str(term(&same[0]));
            segment.postings.extend(same.iter().map(|found| found.posting));
            segment.ends.push(TermEnd {
                text: narrow(segment.terms.len()),
                postings: narrow(segment.postings.len()),
            });
        }
    }
}

/// Extraction stops long before 4 GB, so this never saturates.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
