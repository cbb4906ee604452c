use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::{Passage, sentences, terms};

/// The longest excerpt, in characters.
const LONGEST_EXCERPT: usize = 300;

/// The source of a number in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Citation {
    /// The number used in the text of the answer: `[1]`.
    pub number: u32,
    /// The document.
    pub document_id: String,
    /// The display name of the document.
    pub name: String,
    /// The page, counted from 1, if the document has pages.
    pub page: Option<u32>,
    /// The path of headings (`Returns > Refunds`), if the document has headings instead of pages.
    pub heading: Option<String>,
    /// The part of the passage that matches the query best: at most 300 characters, whole words.
    pub excerpt: String,
    /// The score of the passage in its search.
    pub score: f32,
}

impl Citation {
    /// Creates a citation of a passage that was found for a query.
    pub fn of(number: u32, passage: &Passage, query: &str) -> Self {
        Self {
            number,
            document_id: passage.document_id.clone(),
            name: passage.name.clone(),
            page: passage.place.page(),
            heading: passage.place.heading().map(str::to_owned),
            excerpt: excerpt(&passage.text, query),
            score: passage.score,
        }
    }
}

/// Returns the run of sentences with the most distinct terms of the query; of equal runs the shortest, then the first.
fn excerpt(text: &str, query: &str) -> String {
    let wanted: HashSet<String> = terms(query).into_iter().collect();
    let sentences = sentences(text);
    let matches: Vec<HashSet<String>> = sentences.iter().map(|sentence| matched(sentence, &wanted)).collect();
    let lengths: Vec<usize> = sentences.iter().map(|sentence| sentence.chars().count()).collect();
    let mut best = (0, usize::MAX, 0..0);
    for start in 0..sentences.len() {
        let mut length = 0;
        let mut held: HashSet<&String> = HashSet::new();
        for end in start..sentences.len() {
            length += lengths[end] + usize::from(end > start);
            if end > start && length > LONGEST_EXCERPT {
                break;
            }
            held.extend(&matches[end]);
            let is_better = held.len() > best.0 || (held.len() == best.0 && !held.is_empty() && length < best.1);
            if is_better || best.2.is_empty() {
                best = (held.len(), length, start..end + 1);
            }
        }
    }
    let mut range = best.2;
    let mut length: usize = range.clone().map(|index| lengths[index] + 1).sum();
    // Fill up with the sentences that follow, which explain.
    while range.end < sentences.len() && length + lengths[range.end] <= LONGEST_EXCERPT {
        length += lengths[range.end] + 1;
        range.end += 1;
    }
    shorten(&sentences[range].join(" "), &wanted)
}

fn matched(text: &str, wanted: &HashSet<String>) -> HashSet<String> {
    terms(text).into_iter().filter(|term| wanted.contains(term)).collect()
}

/// Cuts a long sentence around its first matching word, between words.
fn shorten(text: &str, wanted: &HashSet<String>) -> String {
    if text.chars().count() <= LONGEST_EXCERPT {
        return text.to_owned();
    }
    let words: Vec<(usize, &str)> = text.split_word_bound_indices().collect();
    let first = words
        .iter()
        .position(|(_, word)| !matched(word, wanted).is_empty())
        .unwrap_or(0);
    // A third of the space is for the text before the match; two characters are for the ellipses.
    let mut start = first;
    let mut length = 2 + words[first].1.chars().count();
    while start > 0 {
        let before = words[start - 1].1.chars().count();
        if length + before > LONGEST_EXCERPT / 3 {
            break;
        }
        length += before;
        start -= 1;
    }
    let mut end = first + 1;
    while let Some((_, word)) = words.get(end) {
        length += word.chars().count();
        if length > LONGEST_EXCERPT {
            break;
        }
        end += 1;
    }
    let to = words.get(end).map_or(text.len(), |(at, _)| *at);
    // A single word may be too long by itself.
    let body: String = text[words[start].0..to].chars().take(LONGEST_EXCERPT - 2).collect();
    let is_cut = words[start].0 + body.len() < text.len();
    let (before, after) = (if start > 0 { "…" } else { "" }, if is_cut { "…" } else { "" });
    format!("{before}{}{after}", body.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceLocation;

    fn passage(place: SourceLocation, text: &str) -> Passage {
        Passage {
            document_id: "d1".into(),
            name: "handbook.pdf".into(),
            place,
            chunk: 3,
            text: text.into(),
            score: 1.5,
        }
    }

    #[test]
    fn a_citation_names_the_page_or_the_heading() {
        let on_page = Citation::of(1, &passage(SourceLocation::Page(7), "Refunds take 14 days."), "refunds");
        assert_eq!((on_page.page, on_page.heading), (Some(7), None));
        let below = Citation::of(2, &passage(SourceLocation::Heading("A > B".into()), "x"), "x");
        assert_eq!((below.page, below.heading.as_deref()), (None, Some("A > B")));
    }

    #[test]
    fn the_excerpt_is_the_part_that_matches_best() {
        let filler = "Coffee is grown in many countries of the world and shipped to us in bags of jute. ".repeat(6);
        let text =
            format!("{filler}Refunds for a grinder take fourteen days. They are paid to the same card. {filler}");
        let excerpt = excerpt(&text, "How long do refunds for a grinder take?");
        assert!(
            excerpt.starts_with("Refunds for a grinder take fourteen days. They are paid"),
            "{excerpt}"
        );
        assert!(excerpt.chars().count() <= 300);
    }

    #[test]
    fn a_long_sentence_is_cut_between_words_around_the_match() {
        let text = format!(
            "{} refunds {}",
            "alpha ".repeat(200).trim(),
            "omega ".repeat(200).trim()
        );
        let excerpt = excerpt(&text, "refund");
        assert!(
            excerpt.starts_with("…alpha ") && excerpt.ends_with(" omega…"),
            "{excerpt}"
        );
        assert!(excerpt.contains(" refunds ") && excerpt.chars().count() <= 300);
    }

    #[test]
    fn a_single_endless_word_is_cut_too() {
        assert_eq!(excerpt(&"x".repeat(5_000), "refund").chars().count(), 299);
        assert_eq!(excerpt(&"豆".repeat(5_000), "豆豆").chars().count(), 299);
    }

    #[test]
    fn a_passage_without_matches_is_cited_from_its_start() {
        assert_eq!(excerpt("One. Two.", "zebra"), "One. Two.");
        assert_eq!(excerpt("", "zebra"), "");
    }

    #[test]
    fn a_citation_survives_json() {
        let citation = Citation::of(1, &passage(SourceLocation::Page(7), "Refunds take 14 days."), "refunds");
        let json = serde_json::to_string(&citation).expect("plain data serializes");
        assert_eq!(
            serde_json::from_str::<Citation>(&json).expect("written by ourselves"),
            citation
        );
    }
}
