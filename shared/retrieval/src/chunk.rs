use serde::{Deserialize, Serialize};

use crate::extract::Extracted;
use crate::width::{char_width, width};
use crate::{SourceLocation, sentences};

/// The unit of retrieval: several whole sentences of one page or of the text below one heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The position of the text in its document.
    pub place: SourceLocation,
    /// Sentences joined by a space, paragraphs by a line break.
    pub text: String,
    /// How many bytes at the start of `text` repeat the end of the previous chunk; 0 at the start of a section.
    pub overlap: u32,
}

/// Sizes, in characters of alphabetic text; an ideograph counts as two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkOptions {
    /// Target size by which a section is divided: chunks of one section are about equally long.
    pub target: usize,
    /// Maximum size of a chunk; a longer sentence is divided between words.
    pub max: usize,
    /// How much of the end of one chunk may be repeated at the start of the next. Whole sentences only.
    pub overlap: usize,
}

impl Default for ChunkOptions {
    fn default() -> Self {
        Self {
            target: 1_000,
            max: 1_200,
            overlap: 150,
        }
    }
}

/// Divides the sections of a document into chunks, in reading order.
///
/// A chunk never spans two pages or two headings, because a citation names one.
pub fn chunk(document: &Extracted, options: &ChunkOptions) -> Vec<Chunk> {
    document
        .sections
        .iter()
        .flat_map(|section| chunk_section(&section.place, &section.text, options))
        .collect()
}

/// A sentence, a table row, or a part of one that is too long.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    width: usize,
    starts_line: bool,
    /// The header row of the table in which it is a row.
    header: Option<&'a str>,
}

fn chunk_section(place: &SourceLocation, text: &str, options: &ChunkOptions) -> Vec<Chunk> {
    let pieces = pieces(text, options.max.max(1));
    let mut left: usize = pieces.iter().map(|piece| piece.width + 1).sum();
    let mut chunks = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        let header = pieces[start].header.filter(|header| width(header) <= options.max / 3);
        // The header row of its table tells more about a row than the rows before it.
        let repeated = if header.is_some() {
            0
        } else {
            overlap_before(&pieces, start, options)
        };
        // The rest is divided evenly, so that no section ends with a tiny chunk.
        let goal = left.div_ceil(left.div_ceil(options.target.max(1)));
        let mut width: usize = pieces[start - repeated..start]
            .iter()
            .map(|piece| piece.width + 1)
            .sum();
        width += header.map_or(0, |header| self::width(header) + 1);
        let mut fresh = 0;
        let mut end = start;
        while let Some(piece) = pieces.get(end) {
            let is_full = fresh + piece.width / 2 > goal || width + piece.width > options.max;
            if end > start && is_full {
                break;
            }
            width += piece.width + 1;
            fresh += piece.width + 1;
            end += 1;
        }
        chunks.push(join(place, header, &pieces[start - repeated..end], repeated));
        left = left.saturating_sub(fresh);
        start = end;
    }
    chunks
}

fn pieces(text: &str, max: usize) -> Vec<Piece<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let headers = header_rows(&lines);
    lines
        .into_iter()
        .zip(headers)
        .flat_map(|(line, header)| {
            let sentences = if header.is_some() { vec![line] } else { sentences(line) };
            let parts = sentences.into_iter().flat_map(move |sentence| divide(sentence, max));
            parts.enumerate().map(move |(index, text)| Piece {
                text,
                width: width(text),
                starts_line: index == 0,
                header,
            })
        })
        .collect()
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

/// Returns how many whole sentences before `start` the next chunk repeats.
fn overlap_before(pieces: &[Piece<'_>], start: usize, options: &ChunkOptions) -> usize {
    let mut budget = options.overlap.min(options.max.saturating_sub(pieces[start].width + 1));
    let mut count = 0;
    for piece in pieces[..start].iter().rev() {
        if piece.width + 1 > budget {
            break;
        }
        budget -= piece.width + 1;
        count += 1;
    }
    count
}

fn join(place: &SourceLocation, header: Option<&str>, pieces: &[Piece<'_>], repeated: usize) -> Chunk {
    let mut text = header.map(|header| [header, "\n"].concat()).unwrap_or_default();
    let mut overlap = 0;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            text.push(if piece.starts_line { '\n' } else { ' ' });
        }
        if index == repeated {
            overlap = text.len();
        }
        text.push_str(piece.text);
    }
    Chunk {
        place: place.clone(),
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
mod tests {
    use super::*;
    use crate::extract::Section;

    fn document(sections: &[(SourceLocation, &str)]) -> Extracted {
        let sections = sections
            .iter()
            .map(|(place, text)| Section {
                place: place.clone(),
                text: (*text).to_owned(),
            })
            .collect();
        Extracted { sections, pages: None }
    }

    fn prose(sentences: usize) -> String {
        (0..sentences)
            .map(|n| format!("Sentence number {n} tells one more thing about the roastery. "))
            .collect::<Vec<_>>()
            .concat()
    }

    #[test]
    fn a_chunk_never_spans_two_places() {
        let chunks = chunk(
            &document(&[
                (SourceLocation::Page(1), "One."),
                (SourceLocation::Page(2), "Two."),
                (SourceLocation::Page(3), " \n "),
            ]),
            &ChunkOptions::default(),
        );
        let got: Vec<_> = chunks.iter().map(|c| (c.place.clone(), c.text.as_str())).collect();
        assert_eq!(
            got,
            [(SourceLocation::Page(1), "One."), (SourceLocation::Page(2), "Two.")]
        );
    }

    #[test]
    fn long_sections_become_chunks_of_even_size_that_overlap_by_whole_sentences() {
        let text = prose(60);
        let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
        assert!(chunks.len() >= 3, "{}", chunks.len());
        for pair in chunks.windows(2) {
            let overlap = &pair[1].text[..pair[1].overlap as usize];
            assert!(!overlap.is_empty() && overlap.len() <= 150, "{overlap}");
            assert!(pair[0].text.ends_with(overlap.trim_end()));
        }
        for chunk in &chunks {
            assert!((600..=1_200).contains(&chunk.text.len()), "{}", chunk.text.len());
            assert!(chunk.text.starts_with("Sentence") && chunk.text.ends_with('.'));
        }
    }

    #[test]
    fn the_chunks_without_their_overlaps_are_the_text() {
        let text = prose(60);
        let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
        let fresh: Vec<_> = chunks.iter().map(|c| &c.text[c.overlap as usize..]).collect();
        assert_eq!(fresh.join(" "), text.trim_end());
    }

    #[test]
    fn a_text_without_stops_is_divided_between_words() {
        let text = "word ".repeat(2_000);
        let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
        assert!(
            chunks
                .iter()
                .all(|c| c.text.len() <= 1_200 && c.text.starts_with("word") && c.text.ends_with("word"))
        );
        let words: usize = chunks
            .iter()
            .map(|c| c.text[c.overlap as usize..].split_whitespace().count())
            .sum();
        assert_eq!(words, 2_000);
    }

    #[test]
    fn a_text_without_words_is_divided_too() {
        let text = "豆".repeat(5_000);
        let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
        assert!(chunks.iter().all(|c| c.text.chars().count() <= 600));
        assert_eq!(chunks.iter().map(|c| c.text.chars().count()).sum::<usize>(), 5_000);
    }

    #[test]
    fn extreme_options_still_end() {
        let options = ChunkOptions {
            target: 0,
            max: 0,
            overlap: 9,
        };
        assert_eq!(
            chunk(&document(&[(SourceLocation::Whole, "ab. 豆")]), &options).len(),
            4
        );
    }

    #[test]
    fn paragraphs_stay_on_their_own_lines() {
        let chunks = chunk(
            &document(&[(SourceLocation::Whole, "A heading\nOne. Two.")]),
            &ChunkOptions::default(),
        );
        assert_eq!(chunks[0].text, "A heading\nOne. Two.");
    }

    #[test]
    fn each_passage_of_a_long_table_begins_with_the_header_row() {
        let header = "Part | Weight in grams | Price in euros";
        let rows: Vec<String> = (0..120)
            .map(|n| format!("ZK-{} | {} | {}.50", 1000 + n, 300 + n, n))
            .collect();
        let text = format!(
            "Spare parts for the grinder.\n{header}\n{}\nOrders by mail.",
            rows.join("\n")
        );
        let chunks = chunk(&document(&[(SourceLocation::Whole, &text)]), &ChunkOptions::default());
        assert!(chunks.len() >= 3, "{}", chunks.len());
        for chunk in &chunks[1..] {
            let (first, rest) = chunk.text.split_once('\n').expect("rows");
            assert_eq!((first, chunk.overlap as usize), (header, header.len() + 1));
            assert!(rest.starts_with("ZK-") && chunk.text.len() <= 1_200, "{}", chunk.text);
        }
        let fresh: Vec<&str> = chunks
            .iter()
            .map(|chunk| &chunk.text[chunk.overlap as usize..])
            .collect();
        assert_eq!(fresh.join("\n"), text);
    }

    #[test]
    fn a_table_without_names_of_columns_has_no_header_row() {
        let lines = [
            "Motor | 220 | 5",
            "Weight | 3 | 4",
            "",
            "| 2025 | 2026",
            "Sales | 3 | 4 | 5",
            "Costs | 1 |",
        ];
        let headers = header_rows(&lines);
        assert_eq!(headers, [None, None, None, None, None, Some("| 2025 | 2026")]);
    }

    #[test]
    fn a_line_without_an_end_is_cut_into_full_pieces() {
        let line = "a".repeat(1_000_000);
        let parts = divide(&line, 1_000);
        assert_eq!(parts.len(), 1_000);
        assert!(parts.iter().all(|part| part.len() == 1_000));
    }
}
