use serde::{Deserialize, Serialize};

use crate::extract::Extracted;
use crate::language::{detect, detect_by_words};
use crate::width::{char_width, width};
use crate::{Language, SourceLocation, sentences};

/// The unit of retrieval: several whole sentences of one page or of the text below one heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The position of the text in its document.
    pub place: SourceLocation,
    /// Sentences joined by a space, paragraphs by a line break.
    pub text: String,
    /// How many bytes at the start of `text` repeat the header row of its table.
    pub overlap: u32,
    /// The language of the text.
    #[serde(default)]
    pub language: Language,
}

/// Sizes, in characters of alphabetic text; an ideograph counts as two.
///
/// Chunks do not overlap: measured on `XQuAD`, an overlap finds no more, and makes neighbors compete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkOptions {
    /// Target size by which a long paragraph is divided, in parts of about equal length.
    pub target: usize,
    /// Maximum size of a chunk; a longer sentence is divided between words.
    pub max: usize,
    /// A shorter paragraph shares its chunk with the next one.
    pub short: usize,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self {
            target: 900,
            max: 1_200,
            short: 300,
        }
    }
}

/// Divides the sections of a document into chunks, in reading order.
///
/// A chunk never spans two pages or two headings, because a citation names one, and ends at the end of a paragraph where
/// it can: a paragraph is about one thing.
pub fn chunk(document: &Extracted, options: &ChunkOptions) -> Vec<Chunk> {
    let main = main_language(document);
    document
        .sections
        .iter()
        .flat_map(|section| {
            let language = detect(&section.text).unwrap_or(main);
            chunk_section(&section.place, &section.text, language, options)
        })
        .collect()
}

/// Returns the language of most of the text.
fn main_language(document: &Extracted) -> Language {
    let mut sizes = [0_usize; Language::ALL.len()];
    for section in &document.sections {
        if let Some(language) = detect(&section.text) {
            sizes[usize::from(language.code())] += section.text.len();
        }
    }
    // A document of short sections only is detected as a whole.
    if sizes.iter().all(|size| *size == 0) {
        let mut start = String::new();
        for section in &document.sections {
            start.push_str(&section.text);
            start.push('\n');
            if start.len() > 2_000 {
                break;
            }
        }
        return detect(&start).or_else(|| detect_by_words(&start)).unwrap_or_default();
    }
    let most = Language::ALL
        .iter()
        .max_by_key(|language| sizes[usize::from(language.code())]);
    most.copied().unwrap_or_default()
}

/// A sentence, a table row, or a part of one that is too long.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    width: usize,
    starts_line: bool,
    /// Whether white space is before it: Chinese sentences follow each other without.
    is_spaced: bool,
    /// The header row of the table in which it is a row.
    header: Option<&'a str>,
}

fn chunk_section(place: &SourceLocation, text: &str, language: Language, options: &ChunkOptions) -> Vec<Chunk> {
    let pieces = pieces(language, text, options.max.max(1));
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        let header = pieces[start].header.filter(|header| width(header) <= options.max / 3);
        let room = options.max.saturating_sub(header.map_or(0, |header| width(header) + 1));
        let end = end_of_chunk(&pieces, start, room, options);
        chunks.push(join(place, language, header, &pieces[start..end]));
        start = end;
    }
    chunks
}

/// Returns where the chunk that begins at `start` ends: behind whole paragraphs if they fit, else within the first one,
/// whose rest is divided evenly.
fn end_of_chunk(pieces: &[Piece<'_>], start: usize, room: usize, options: &ChunkOptions) -> usize {
    let next_line = |from: usize| {
        let rest = pieces.get(from + 1..).unwrap_or_default();
        rest.iter()
            .position(|piece| piece.starts_line)
            .map_or(pieces.len(), |at| from + 1 + at)
    };
    let size = |range: std::ops::Range<usize>| -> usize { pieces[range].iter().map(|piece| piece.width + 1).sum() };
    let mut end = next_line(start);
    let mut used = size(start..end);
    if used > room {
        let parts = used.div_ceil(options.target.max(1).min(room.max(1)));
        let goal = used.div_ceil(parts);
        let mut filled = 0;
        let fits = |filled: usize, piece: &Piece<'_>| filled + piece.width / 2 <= goal && filled + piece.width <= room;
        let count = pieces[start..end]
            .iter()
            .take_while(|piece| {
                let is_first = filled == 0;
                let fits = is_first || fits(filled, piece);
                filled += piece.width + 1;
                fits
            })
            .count();
        return start + count.max(1);
    }
    while end < pieces.len() {
        let following = next_line(end);
        let added = size(end..following);
        // Rows of a table belong together and to their header row, a heading or a short paragraph to what follows, and a
        // last line that is shorter still to what came before.
        let before = &pieces[end - 1];
        let is_tail = following == pieces.len() && added < options.short / 2;
        let joins = match pieces[end].header {
            Some(header) => before.header == Some(header) || before.text == header,
            None => used < options.short || is_tail,
        };
        if !joins || used + added > room {
            break;
        }
        used += added;
        end = following;
    }
    end
}

fn pieces(language: Language, text: &str, max: usize) -> Vec<Piece<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let headers = header_rows(&lines);
    lines
        .into_iter()
        .zip(headers)
        .flat_map(|(line, header)| {
            let sentences = if header.is_some() {
                vec![line]
            } else {
                sentences(language, line)
            };
            let parts = sentences.into_iter().flat_map(move |sentence| divide(sentence, max));
            parts.enumerate().map(move |(index, text)| Piece {
                text,
                width: width(text),
                starts_line: index == 0,
                is_spaced: before(line, text).is_some_and(char::is_whitespace),
                header,
            })
        })
        .collect()
}

/// Returns the character before a part of a line.
fn before(line: &str, part: &str) -> Option<char> {
    let at = (part.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
    line.get(..at)?.chars().next_back()
}

/// Returns for each line the header row of the table in which it is a row, if any.
///
/// A table is a run of lines whose cells are separated by ` | `. Its first line is the header row if each cell there has
/// a text that is no number.
fn header_rows<'a>(lines: &[&'a str]) -> Vec<Option<&'a str>> {
    let mut header: Option<(&str, usize)> = None;
    let mut is_table = false;
    lines
        .iter()
        .map(|line| {
            let cells = cell_count(line);
            if cells < 2 {
                is_table = false;
                return None;
            }
            if !is_table {
                is_table = true;
                header = is_header(line).then_some((*line, cells));
                return None;
            }
            header.filter(|(_, most)| cells <= *most).map(|(row, _)| row)
        })
        .collect()
}

fn cell_count(line: &str) -> usize {
    // Most lines have no border at all.
    if !line.contains('|') {
        return 1;
    }
    line.split(' ').filter(|word| *word == "|").count() + 1
}

fn is_header(line: &str) -> bool {
    let mut cells = line.split('|').map(str::trim);
    // The corner of a table with names of rows may be empty.
    let corner = cells.next().unwrap_or_default();
    let is_name =
        |cell: &str| cell.chars().any(char::is_alphabetic) || (cell.len() == 4 && cell.starts_with(['1', '2']));
    (corner.is_empty() || is_name(corner)) && cells.all(is_name)
}

fn join(place: &SourceLocation, main: Language, header: Option<&str>, pieces: &[Piece<'_>]) -> Chunk {
    let mut text = header.map(|header| [header, "\n"].concat()).unwrap_or_default();
    let overlap = text.len();
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 && piece.starts_line {
            text.push('\n');
        } else if index > 0 && piece.is_spaced {
            text.push(' ');
        }
        text.push_str(piece.text);
    }
    Chunk {
        place: place.clone(),
        language: detect(&text).unwrap_or(main),
        text,
        overlap: u32::try_from(overlap).unwrap_or(0),
    }
}

/// Divides a sentence that is too long for one chunk, between words if possible.
fn divide(sentence: &str, max: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = sentence;
    while let Some(past) = first_past(rest, max) {
        let limit = past.max(rest.chars().next().map_or(0, char::len_utf8));
        let cut = rest[..limit]
            .rfind(char::is_whitespace)
            .filter(|at| *at > limit / 2)
            .unwrap_or(limit);
        parts.push(rest[..cut].trim());
        rest = rest[cut..].trim_start();
    }
    parts.push(rest);
    parts.retain(|part| !part.is_empty());
    parts
}

/// Returns where the first character past `max` begins. It reads no further, or a long text without sentence ends would
/// take quadratic time.
fn first_past(text: &str, max: usize) -> Option<usize> {
    let mut used = 0;
    let past = text.char_indices().find(|(_, c)| {
        used += char_width(*c);
        used > max
    });
    past.map(|(at, _)| at)
}

#[cfg(test)]
mod tests;
