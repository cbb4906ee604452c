use super::{Segment, Vectors};
use crate::SourceLocation;
use crate::terms::ANALYSER;

/// First bytes of every segment.
pub(super) const MAGIC: [u8; 4] = *b"PLSG";
/// Increased with every incompatible change; a reader refuses unknown versions, and the document is indexed again.
pub(super) const VERSION: u8 = 2;
/// The same with vectors.
pub(super) const VERSION_WITH_VECTORS: u8 = 3;
/// The version before languages, which is still read: its terms are made anew.
pub(super) const VERSION_WITHOUT_LANGUAGES: u8 = 1;

pub(super) const PLACE_WHOLE: u8 = 0;
pub(super) const PLACE_PAGE: u8 = 1;
pub(super) const PLACE_HEADING: u8 = 2;

impl Segment {
    /// Returns the bytes to store.
    ///
    /// Integers are LEB128 varints unless a width is given; a string is its length in bytes, then UTF-8.
    /// ```text
    /// "PLSG" · version u8 · version of the terms u8 · embedder: string (empty: no vectors) · dimensions (0: no vectors)
    /// text: string
    /// places: count · { 0 | 1, page | 2, path: string }
    /// chunks: count · { text length · overlap · place (distance to the place before) · language u8 · terms }
    /// terms: count · { bytes shared with the term before · rest: string · chunks · { chunk (distance) · occurrences } }
    /// vectors, one a chunk: { 0 u8 | 1 u8, scale f32, number i8 for each dimension }
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + self.terms.len() + 3 * self.postings.len() + 64);
        out.extend(MAGIC);
        out.push(match self.vectors {
            None => VERSION,
            Some(_) => VERSION_WITH_VECTORS,
        });
        out.push(ANALYSER);
        let embedder = self.vectors.as_ref().map(Vectors::embedder);
        put_str(&mut out, embedder.map_or("", |embedder| &embedder.id));
        put_len(&mut out, embedder.map_or(0, |embedder| embedder.dimensions));
        put_str(&mut out, &self.text);
        self.put_places(&mut out);
        self.put_chunks(&mut out);
        self.put_terms(&mut out);
        self.put_vectors(&mut out);
        out
    }

    fn put_vectors(&self, out: &mut Vec<u8>) {
        let Some(vectors) = &self.vectors else {
            return;
        };
        for chunk in 0..super::narrow(self.len()) {
            match vectors.get(chunk) {
                None => out.push(0),
                Some(vector) => {
                    out.push(1);
                    vector.write(out);
                }
            }
        }
    }

    fn put_places(&self, out: &mut Vec<u8>) {
        put_len(out, self.places.len());
        for place in &self.places {
            match place {
                SourceLocation::Whole => out.push(PLACE_WHOLE),
                SourceLocation::Page(number) => {
                    out.push(PLACE_PAGE);
                    put(out, *number);
                }
                SourceLocation::Heading(path) => {
                    out.push(PLACE_HEADING);
                    put_str(out, path);
                }
            }
        }
    }

    fn put_chunks(&self, out: &mut Vec<u8>) {
        put_len(out, self.chunks.len());
        let mut text_start = 0;
        let mut place_before = 0;
        for entry in &self.chunks {
            put(out, entry.text_end - text_start);
            put(out, entry.overlap);
            put(out, entry.place - place_before);
            out.push(entry.language.code());
            put(out, entry.length);
            text_start = entry.text_end;
            place_before = entry.place;
        }
    }

    fn put_terms(&self, out: &mut Vec<u8>) {
        put_len(out, self.ends.len());
        let mut before = "";
        for index in 0..self.ends.len() {
            let term = self.term(index);
            let shared = shared_prefix(before, term);
            put_len(out, shared);
            put_str(out, &term[shared..]);
            let postings = self.postings_at(index);
            put_len(out, postings.len());
            let mut chunk_before = 0;
            for posting in postings {
                put(out, posting.chunk - chunk_before);
                put(out, posting.count);
                chunk_before = posting.chunk;
            }
            before = term;
        }
    }
}

/// Returns how many bytes two strings have in common at their start, ending between characters.
pub(super) fn shared_prefix(a: &str, b: &str) -> usize {
    let common = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    (0..=common).rev().find(|at| b.is_char_boundary(*at)).unwrap_or(0)
}

fn put_len(out: &mut Vec<u8>, value: usize) {
    put(out, super::narrow(value));
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Writes LEB128: seven bits a byte, lowest first, the high bit on all but the last.
fn put(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    // The loop leaves less than seven bits.
    out.push((value & 0x7f) as u8);
}
