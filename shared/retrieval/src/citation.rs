use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use crate::terms::{QuestionTerm, index_terms, question_terms, subject_terms};
use crate::{Language, Passage, sentences};

/// An excerpt is filled up with the sentences that follow, which explain, to this length. Characters.
const FULL_EXCERPT: usize = 300;
/// The longest excerpt: it holds what decides each statement. Characters.
const LONGEST_EXCERPT: usize = 600;
/// Stands for sentences that are left out.
const GAP: &str = " … ";
/// A further sentence must hold so many terms of a statement that no other chosen one does.
const LEAST_NEW: usize = 2;

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
    /// The sentences of the passage that support the statements: at most 600 characters, whole words.
    pub excerpt: String,
    /// The score of the passage in its search.
    pub score: f32,
}

impl Citation {
    /// Creates a citation of a passage that was found for a question and supports these statements of the answer.
    pub fn of(number: u32, passage: &Passage, question: &str, statements: &[&str]) -> Self {
        Self {
            number,
            document_id: passage.document_id.clone(),
            name: passage.name.clone(),
            page: passage.place.page(),
            heading: passage.place.heading().map(str::to_owned),
            excerpt: excerpt(passage, question, statements),
            score: passage.score,
        }
    }
}

/// Returns the sentences that decide the statements, in reading order; without statements those that match the question
/// best.
fn excerpt(passage: &Passage, question: &str, statements: &[&str]) -> String {
    let language = passage.language;
    let own = sentences(language, &passage.text);
    let asked = question_terms(question, &[language]);
    let found: Vec<Sentence> = own.iter().map(|text| Sentence::read(language, text, &asked)).collect();
    let mut chosen: Vec<usize> = Vec::new();
    for statement in statements {
        let wanted: HashSet<String> = subject_terms(language, statement).into_iter().collect();
        for at in deciding(&found, &wanted) {
            if !chosen.contains(&at) {
                chosen.push(at);
            }
        }
    }
    if chosen.is_empty() {
        chosen = best_run(&found);
    }
    let mut length = 0;
    // The first sentence is always in: what is too long is cut below.
    let mut kept: Vec<usize> = Vec::new();
    for at in chosen {
        length += found[at].length + GAP.len();
        if !kept.is_empty() && length > LONGEST_EXCERPT {
            break;
        }
        kept.push(at);
    }
    kept.sort_unstable();
    while let Some(next) = kept.last().map(|last| last + 1).filter(|next| *next < found.len()) {
        length += found[next].length + 1;
        if length > FULL_EXCERPT {
            break;
        }
        kept.push(next);
    }
    let mut text = String::new();
    for (at, index) in kept.iter().enumerate() {
        if at > 0 {
            text.push_str(if kept[at - 1] + 1 == *index { " " } else { GAP });
        }
        text.push_str(own[*index]);
    }
    shorten(language, &text, &asked)
}

/// A sentence of a passage.
struct Sentence {
    terms: HashSet<String>,
    /// How many terms of the question it has.
    asked: HashSet<usize>,
    length: usize,
}

impl Sentence {
    fn read(language: Language, text: &str, asked: &[QuestionTerm]) -> Self {
        let terms: HashSet<String> = index_terms(language, text).into_iter().collect();
        let asked = asked
            .iter()
            .enumerate()
            .filter(|(_, term)| term.forms.iter().any(|form| terms.contains(form)))
            .map(|(at, _)| at)
            .collect();
        Self {
            terms,
            asked,
            length: text.chars().count(),
        }
    }
}

/// Returns the sentence that has most of a statement, and a further one if it has what that one lacks.
fn deciding(sentences: &[Sentence], wanted: &HashSet<String>) -> Vec<usize> {
    let mut missing: HashSet<&String> = wanted.iter().collect();
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < 3 {
        let gain = |at: usize| {
            missing
                .iter()
                .filter(|term| sentences[at].terms.contains(**term))
                .count()
        };
        // Of equal ones that which matches the question, then the shortest, then the first.
        let best = (0..sentences.len()).filter(|at| !chosen.contains(at)).max_by_key(|at| {
            (
                gain(*at),
                sentences[*at].asked.len(),
                std::cmp::Reverse((sentences[*at].length, *at)),
            )
        });
        let Some(best) = best.filter(|at| gain(*at) >= if chosen.is_empty() { 1 } else { LEAST_NEW }) else {
            break;
        };
        missing.retain(|term| !sentences[best].terms.contains(*term));
        chosen.push(best);
    }
    chosen
}

/// Returns the run of sentences with the most distinct terms of the question; of equal runs the shortest, then the first.
fn best_run(sentences: &[Sentence]) -> Vec<usize> {
    let mut best = (0, usize::MAX, 0..0);
    for start in 0..sentences.len() {
        let mut length = 0;
        let mut held: HashSet<usize> = HashSet::new();
        for (end, sentence) in sentences.iter().enumerate().skip(start) {
            length += sentence.length + usize::from(end > start);
            if end > start && length > FULL_EXCERPT {
                break;
            }
            held.extend(&sentence.asked);
            let is_better = held.len() > best.0 || (held.len() == best.0 && !held.is_empty() && length < best.1);
            if is_better || best.2.is_empty() {
                best = (held.len(), length, start..end + 1);
            }
        }
    }
    best.2.collect()
}

/// Cuts a long text around its first word of the question, between words.
fn shorten(language: Language, text: &str, asked: &[QuestionTerm]) -> String {
    if text.chars().count() <= LONGEST_EXCERPT {
        return text.to_owned();
    }
    let words: Vec<(usize, &str)> = text.split_word_bound_indices().collect();
    let is_asked = |word: &str| {
        let terms = index_terms(language, word);
        asked
            .iter()
            .any(|term| term.forms.iter().any(|form| terms.contains(form)))
    };
    let first = words.iter().position(|(_, word)| is_asked(word)).unwrap_or(0);
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
            language: Language::English,
            before: String::new(),
            after: String::new(),
            score: 1.5,
            relevance: 1.0,
            likeness: None,
            sentence_cosines: Vec::new(),
        }
    }

    fn excerpt(text: &str, question: &str, statements: &[&str]) -> String {
        super::excerpt(&passage(SourceLocation::Whole, text), question, statements)
    }

    #[test]
    fn a_citation_names_the_page_or_the_heading() {
        let on_page = Citation::of(
            1,
            &passage(SourceLocation::Page(7), "Refunds take 14 days."),
            "refunds",
            &[],
        );
        assert_eq!((on_page.page, on_page.heading), (Some(7), None));
        let below = Citation::of(2, &passage(SourceLocation::Heading("A > B".into()), "x"), "x", &[]);
        assert_eq!((below.page, below.heading.as_deref()), (None, Some("A > B")));
    }

    #[test]
    fn the_excerpt_is_the_part_that_matches_best() {
        let filler = "Coffee is grown in many countries of the world and shipped to us in bags of jute. ".repeat(6);
        let text =
            format!("{filler}Refunds for a grinder take fourteen days. They are paid to the same card. {filler}");
        let excerpt = excerpt(&text, "How long do refunds for a grinder take?", &[]);
        assert!(
            excerpt.starts_with("Refunds for a grinder take fourteen days. They are paid"),
            "{excerpt}"
        );
        assert!(excerpt.chars().count() <= 300);
    }

    #[test]
    fn an_excerpt_holds_what_decides_each_statement() {
        let filler = "Coffee is grown in many countries of the world and shipped to us in bags of jute. ".repeat(6);
        let (first, second) = (
            "The kettle boils a litre of water in three minutes.",
            "Its warranty ends after two years.",
        );
        let text = format!("{filler}{first} {filler}{second} {filler}");
        let got = excerpt(
            &text,
            "How fast is the kettle?",
            &["It boils a litre in three minutes.", "The warranty is two years."],
        );
        assert!(got.starts_with(&format!("{first} … {second}")), "{got}");
        assert!(got.chars().count() <= 600);
    }

    #[test]
    fn a_long_sentence_is_cut_between_words_around_the_match() {
        let text = format!(
            "{} refunds {}",
            "alpha ".repeat(200).trim(),
            "omega ".repeat(200).trim()
        );
        let excerpt = excerpt(&text, "refund", &[]);
        assert!(
            excerpt.starts_with("…alpha ") && excerpt.ends_with(" omega…"),
            "{excerpt}"
        );
        assert!(excerpt.contains(" refunds ") && excerpt.chars().count() <= 600);
    }

    #[test]
    fn a_single_endless_word_is_cut_too() {
        assert_eq!(excerpt(&"x".repeat(5_000), "refund", &[]).chars().count(), 599);
        assert_eq!(excerpt(&"豆".repeat(5_000), "豆豆", &[]).chars().count(), 599);
    }

    #[test]
    fn a_passage_without_matches_is_cited_from_its_start() {
        assert_eq!(excerpt("One. Two.", "zebra", &[]), "One. Two.");
        assert_eq!(excerpt("", "zebra", &[]), "");
    }

    #[test]
    fn a_citation_survives_json() {
        let citation = Citation::of(
            1,
            &passage(SourceLocation::Page(7), "Refunds take 14 days."),
            "refunds",
            &[],
        );
        let json = serde_json::to_string(&citation).expect("plain data serializes");
        assert_eq!(
            serde_json::from_str::<Citation>(&json).expect("written by ourselves"),
            citation
        );
    }
}
