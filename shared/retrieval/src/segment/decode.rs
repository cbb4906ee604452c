use super::encode::{
    MAGIC, PLACE_HEADING, PLACE_PAGE, PLACE_WHOLE, VERSION, VERSION_WITH_VECTORS, VERSION_WITHOUT_LANGUAGES,
    shared_prefix,
};
use super::{Embedder, Entry, Posting, Segment, TermEnd, Vector, Vectors};
use crate::language::{detect, detect_by_words};
use crate::terms::ANALYSER;
use crate::{Chunk, Language, SourceLocation};

/// The bytes are not a segment that this version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// The first bytes are not those of a segment.
    #[error("not a segment")]
    NotASegment,
    /// Written by a newer or older version: index the document again.
    #[error("segment version {0} is not supported")]
    Version(u8),
    /// A field contradicts another one or the length of the input.
    #[error("segment is damaged: {0}")]
    Damaged(&'static str),
}

type Result<T> = std::result::Result<T, SegmentError>;

impl Segment {
    /// Reads what [`Segment::to_bytes`] wrote. Every field is checked against the others before it is used, and no
    /// allocation exceeds what the input could fill: arbitrary bytes produce an error, and what is accepted is exactly
    /// what `to_bytes` writes. A segment whose terms were made by other rules is indexed anew from its texts, so a
    /// question is never compared with terms of another kind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(SegmentError::NotASegment)?;
        let (version, rest) = rest.split_first().ok_or(SegmentError::NotASegment)?;
        let mut input = Input { rest };
        let analyser = match *version {
            VERSION | VERSION_WITH_VECTORS => Some(input.byte()?),
            VERSION_WITHOUT_LANGUAGES => None,
            other => return Err(SegmentError::Version(other)),
        };
        let embedder = Embedder {
            id: input.string()?.to_owned(),
            dimensions: input.int()? as usize,
        };
        let has_vectors = *version == VERSION_WITH_VECTORS;
        let is_sound = !embedder.id.is_empty() && (1..=Vectors::MAX_DIMENSIONS).contains(&embedder.dimensions);
        if has_vectors != is_sound || (!has_vectors && (!embedder.id.is_empty() || embedder.dimensions != 0)) {
            return Err(SegmentError::Damaged("embedder"));
        }
        let text = input.string()?.to_owned();
        let places = read_places(&mut input)?;
        let chunks = read_chunks(&mut input, &text, places.len(), analyser.is_some())?;
        let mut segment = Self {
            text,
            chunks,
            places,
            terms: String::new(),
            ends: Vec::new(),
            postings: Vec::new(),
            vectors: None,
        };
        read_terms(
            &mut input,
            &mut segment,
            bytes.len().saturating_mul(MAX_DICTIONARY_RATIO),
        )?;
        if has_vectors {
            segment.vectors = Some(read_vectors(&mut input, embedder, segment.len())?);
        }
        if !input.rest.is_empty() {
            return Err(SegmentError::Damaged("bytes after the end"));
        }
        Ok(match analyser {
            Some(ANALYSER) => segment,
            Some(_) => Self {
                vectors: segment.vectors.take(),
                ..Self::build(&segment.chunks().collect::<Vec<_>>())
            },
            None => Self::build(&with_languages(&segment)),
        })
    }
}

/// Returns the chunks of a segment that does not know their languages.
fn with_languages(segment: &Segment) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = segment.chunks().collect();
    let mut sizes = [0_usize; Language::ALL.len()];
    for chunk in &mut chunks {
        if let Some(language) = detect(&chunk.text) {
            chunk.language = language;
            sizes[usize::from(language.code())] += chunk.text.len();
        }
    }
    let most = Language::ALL
        .iter()
        .max_by_key(|language| sizes[usize::from(language.code())]);
    for chunk in &mut chunks {
        if chunk.language == Language::Unknown {
            let main = most.copied().filter(|language| sizes[usize::from(language.code())] > 0);
            chunk.language = main.or_else(|| detect_by_words(&chunk.text)).unwrap_or_default();
        }
    }
    chunks
}

fn read_places(input: &mut Input<'_>) -> Result<Vec<SourceLocation>> {
    let count = input.count(1)?;
    let mut places: Vec<SourceLocation> = Vec::with_capacity(count);
    for _ in 0..count {
        let place = match input.byte()? {
            PLACE_WHOLE => SourceLocation::Whole,
            PLACE_PAGE => SourceLocation::Page(input.int()?),
            PLACE_HEADING => SourceLocation::Heading(input.string()?.to_owned()),
            _ => return Err(SegmentError::Damaged("unknown place")),
        };
        if places.last() == Some(&place) {
            return Err(SegmentError::Damaged("a place is repeated"));
        }
        places.push(place);
    }
    Ok(places)
}

fn read_chunks(input: &mut Input<'_>, text: &str, places: usize, has_languages: bool) -> Result<Vec<Entry>> {
    let count = input.count(4)?;
    let mut chunks: Vec<Entry> = Vec::with_capacity(count);
    let mut start = 0_u32;
    let mut place = 0_u32;
    for index in 0..count {
        let length = input.int()?;
        let text_end = start.checked_add(length).ok_or(SegmentError::Damaged("chunk text"))?;
        let overlap = input.int()?;
        let step = input.int()?;
        // The places are exactly those in use, in order.
        if step > 1 || (index == 0 && step != 0) {
            return Err(SegmentError::Damaged("chunk place"));
        }
        place += step;
        let own = text
            .get(start as usize..text_end as usize)
            .ok_or(SegmentError::Damaged("chunk text"))?;
        if !own.is_char_boundary(overlap as usize) {
            return Err(SegmentError::Damaged("chunk overlap"));
        }
        let language = if has_languages {
            Language::from_code(input.byte()?).ok_or(SegmentError::Damaged("unknown language"))?
        } else {
            Language::Unknown
        };
        chunks.push(Entry {
            text_end,
            overlap,
            place,
            language,
            length: input.int()?,
        });
        start = text_end;
    }
    let used = chunks.last().map_or(0, |last| last.place as usize + 1);
    if start as usize != text.len() || used != places {
        return Err(SegmentError::Damaged("chunk table"));
    }
    Ok(chunks)
}

fn read_terms(input: &mut Input<'_>, segment: &mut Segment, max_bytes: usize) -> Result<()> {
    let count = input.count(5)?;
    segment.ends.reserve_exact(count);
    let mut before = String::new();
    let mut lengths = vec![0_u32; segment.chunks.len()];
    for _ in 0..count {
        let shared = input.int()? as usize;
        let rest = input.string()?;
        let mut term = before
            .get(..shared)
            .ok_or(SegmentError::Damaged("term prefix"))?
            .to_owned();
        term.push_str(rest);
        if term <= before || shared != shared_prefix(&before, &term) {
            return Err(SegmentError::Damaged("terms out of order"));
        }
        read_postings(input, &mut segment.postings, &mut lengths)?;
        segment.terms.push_str(&term);
        if segment.terms.len() > max_bytes {
            return Err(SegmentError::Damaged("dictionary"));
        }
        segment.ends.push(TermEnd {
            text: super::narrow(segment.terms.len()),
            postings: super::narrow(segment.postings.len()),
        });
        before = term;
    }
    if lengths
        .iter()
        .zip(&segment.chunks)
        .any(|(found, chunk)| *found != chunk.length)
    {
        return Err(SegmentError::Damaged("chunk length"));
    }
    Ok(())
}

/// A byte may stand for a long prefix of the previous term. The text that the terms were taken from is part of the
/// input, so a valid dictionary is at most a few times as large as the input.
const MAX_DICTIONARY_RATIO: usize = 8;

fn read_postings(input: &mut Input<'_>, postings: &mut Vec<Posting>, lengths: &mut [u32]) -> Result<()> {
    let count = input.count(2)?;
    if count == 0 {
        return Err(SegmentError::Damaged("a term without chunks"));
    }
    let mut chunk = 0_u32;
    for index in 0..count {
        let step = input.int()?;
        let occurrences = input.int()?;
        if (index > 0 && step == 0) || occurrences == 0 {
            return Err(SegmentError::Damaged("postings out of order"));
        }
        chunk = chunk.checked_add(step).ok_or(SegmentError::Damaged("posting"))?;
        let length = lengths
            .get_mut(chunk as usize)
            .ok_or(SegmentError::Damaged("posting"))?;
        *length = length
            .checked_add(occurrences)
            .ok_or(SegmentError::Damaged("posting"))?;
        postings.push(Posting {
            chunk,
            count: occurrences,
        });
    }
    Ok(())
}

fn read_vectors(input: &mut Input<'_>, embedder: Embedder, chunks: usize) -> Result<Vectors> {
    let dimensions = embedder.dimensions;
    // Chunks without a vector take memory, too.
    let mut present = Vec::new();
    for chunk in 0..super::narrow(chunks) {
        match input.byte()? {
            0 => {}
            1 => {
                let vector = Vector::read(&mut input.rest, dimensions).ok_or(SegmentError::Damaged("vector"))?;
                present.push((chunk, vector));
            }
            _ => return Err(SegmentError::Damaged("vector")),
        }
    }
    if !Vectors::are_worth_it(present.len(), chunks) {
        return Err(SegmentError::Damaged("vectors"));
    }
    let mut vectors = Vectors::new(embedder, chunks);
    for (chunk, vector) in &present {
        vectors.set(*chunk, vector);
    }
    Ok(vectors)
}

/// The remaining input.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8> {
        let (first, rest) = self.rest.split_first().ok_or(SegmentError::Damaged("cut off"))?;
        self.rest = rest;
        Ok(*first)
    }

    /// Reads a varint in its shortest form.
    fn int(&mut self) -> Result<u32> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            let bits = u32::from(byte & 0x7f);
            if (shift == 28 && bits > 0x0f) || (shift > 0 && byte == 0) {
                return Err(SegmentError::Damaged("integer"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(SegmentError::Damaged("integer"))
    }

    /// Reads the number of items that follow, each of at least `least` bytes: a number that exceeds the input is an
    /// error.
    fn count(&mut self, least: usize) -> Result<usize> {
        let count = self.int()? as usize;
        if count > self.rest.len() / least {
            return Err(SegmentError::Damaged("count"));
        }
        Ok(count)
    }

    fn string(&mut self) -> Result<&'a str> {
        let length = self.count(1)?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(text).map_err(|_| SegmentError::Damaged("text is not UTF-8"))
    }
}
