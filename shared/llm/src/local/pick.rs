//! Selects the sentences that answer a question, or detects that none does.
//!
//! A sentence is rated by the share of the question's terms that it covers, each term weighted by its rarity among the
//! given sentences. The constants were fitted on the English questions of `XQuAD`
//! (<https://github.com/google-deepmind/xquad>): five passages each, with and without the one that answers.

use super::question::{Question, Term, Wants};
use super::reading::{QuestionMatch, Sentence};
use crate::chat::Source;
use crate::text::term_set;

/// Most sentences of an answer.
const MOST_SENTENCES: usize = 4;
/// A further sentence must rank at least this share of the best one.
const FURTHER: f32 = 0.70;
/// From this share on it need not cover more of the question than the answer already does.
const AS_GOOD: f32 = 0.8;
/// The minimum support of an answer. A higher value answers less often and is wrong less often.
const LEAST_SUPPORT: f32 = 0.52;
/// A further sentence needs this share of that minimum.
const FURTHER_SUPPORT: f32 = 0.8;

/// The minimum share of a follow-up's own terms that the source must contain.
const LEAST_OWN: f32 = 0.5;

/// A sentence of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) number: u32,
    pub(super) text: String,
}

/// How well a sentence answers the question.
#[derive(Debug, Clone, Copy)]
struct Score {
    /// To order the sentences.
    rank: f32,
    /// The confidence that it answers at all; mostly between 0 and 1.
    support: f32,
    /// Whether it contains the kind of thing that the question asks for.
    has_wanted: bool,
}

/// Returns the sentences that answer, best first; empty if the sources contain no answer.
pub(super) fn pick(question: &Question, sources: &[Source]) -> Vec<Picked> {
    let reading = QuestionMatch::new(question, sources);
    let mut ranked: Vec<(usize, Score)> = (0..reading.sentences.len())
        .filter(|at| !reading.sentences[*at].is_question())
        .map(|at| (at, score(question, &reading, at)))
        .collect();
    // The sort is stable: ties go to the better source and the earlier sentence.
    ranked.sort_by(|a, b| b.1.rank.total_cmp(&a.1.rank));
    let Some((_, best)) = ranked
        .first()
        .copied()
        .filter(|(_, best)| best.support >= LEAST_SUPPORT)
    else {
        return Vec::new();
    };
    let mut chosen: Vec<usize> = Vec::new();
    for (at, score) in ranked {
        if chosen.len() >= MOST_SENTENCES || score.rank < best.rank * FURTHER {
            break;
        }
        let is_as_good = score.rank >= best.rank * AS_GOOD;
        // If the best sentence contains a requested number or name, a sentence without one is of no use.
        let is_of_use = !best.has_wanted || score.has_wanted;
        if score.support >= LEAST_SUPPORT * FURTHER_SUPPORT
            && is_of_use
            && (is_as_good || adds(question, &reading, at, &chosen))
        {
            choose(&reading, at, &mut chosen);
        }
    }
    chosen.truncate(MOST_SENTENCES);
    chosen
        .into_iter()
        .map(|at| {
            let sentence = &reading.sentences[at];
            Picked {
                number: sources[sentence.source].number,
                text: sentence.text.clone(),
            }
        })
        .collect()
}

fn score(question: &Question, reading: &QuestionMatch<'_>, at: usize) -> Score {
    let sentence = &reading.sentences[at];
    let direct = reading.share(|term| sentence.says(term));
    let covered = reading.share(|term| {
        sentence.says(term)
            || reading.in_heading(sentence, term)
            || reading.neighbors(at).any(|near| near.terms.contains(term))
    });
    let in_source = reading.share(|term| reading.in_source(sentence, term));
    let mut rank = direct + 0.4 * (covered - direct) + 0.3 * (in_source - covered);
    let has_wanted = has_wanted(question, sentence);
    if has_wanted {
        rank += 0.12;
    }
    if sentence.terms.len() < 4 {
        rank -= 0.1;
    }
    // A long question that is half covered is stronger evidence than a short one.
    let evidence = (direct * reading.total / 12.0).min(1.0);
    // The source must cover the follow-up itself, not only the earlier question.
    if !question.context.is_empty() && reading.own_share(|term| reading.in_source(sentence, term)) < LEAST_OWN {
        return Score {
            rank,
            support: 0.0,
            has_wanted,
        };
    }
    let support = 0.32 * covered + 0.37 * in_source + 0.17 * pairs(question, sentence) + 0.14 * evidence;
    Score {
        rank,
        support,
        has_wanted,
    }
}

/// Returns the share of neighboring term pairs of the question that a sentence contains: words that belong together.
fn pairs(question: &Question, sentence: &Sentence) -> f32 {
    let holds = |term: &Term| sentence.says(&term.text);
    let pairs = question.terms.windows(2).filter(|pair| pair.iter().all(holds)).count();
    ratio(pairs, question.terms.len().saturating_sub(1))
}

fn ratio(part: usize, whole: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "counts of terms are small")]
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

/// Returns whether a sentence contains the kind of thing that is asked for, other than what the question contains.
fn has_wanted(question: &Question, sentence: &Sentence) -> bool {
    let asked = |word: &str| {
        let terms = term_set(word);
        question
            .terms
            .iter()
            .chain(&question.context)
            .any(|term| terms.contains(&term.text))
    };
    let mut words = sentence.text.split_whitespace();
    match question.wants {
        Wants::Anything => false,
        Wants::Number => {
            words.any(|word| word.contains(|c: char| c.is_ascii_digit()) && !asked(word))
                || has_number_word(&sentence.text)
        }
        Wants::Name => words
            .skip(1)
            .any(|word| word.starts_with(char::is_uppercase) && !asked(word)),
    }
}

fn has_number_word(text: &str) -> bool {
    const NUMBERS: [&str; 31] = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
        "thirty",
        "forty",
        "fifty",
        "sixty",
        "seventy",
        "eighty",
        "ninety",
        "hundred",
        "thousand",
        "million",
        "half",
    ];
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| NUMBERS.contains(&word.to_lowercase().as_str()))
}

/// Returns whether a sentence contains a term of the question that the answer does not contain yet.
fn adds(question: &Question, reading: &QuestionMatch<'_>, at: usize, chosen: &[usize]) -> bool {
    let holds = |at: usize, term: &Term| reading.sentences[at].says(&term.text);
    question
        .terms
        .iter()
        .any(|term| holds(at, term) && !chosen.iter().any(|other| holds(*other, term)))
}

/// Adds a sentence and the ones needed to understand it, unless the answer already says the same.
fn choose(reading: &QuestionMatch<'_>, at: usize, chosen: &mut Vec<usize>) {
    if chosen.iter().any(|other| *other == at || reading.repeats(at, *other)) {
        return;
    }
    // After the sentence that it follows in the document, so that references to the previous sentence stay correct.
    let mut add = |at: usize| {
        if chosen.contains(&at) {
            return;
        }
        let behind = chosen
            .iter()
            .position(|other| other + 1 == at && reading.are_neighbors(*other, at));
        chosen.insert(behind.map_or(chosen.len(), |other| other + 1), at);
    };
    let is_short_reply = |before: usize| {
        let before = &reading.sentences[before];
        !before.asked.is_empty() && !before.is_question() && before.terms.len() < 2
    };
    if let Some(before) = at.checked_sub(1).filter(|before| reading.are_neighbors(*before, at))
        && (leans_back(&reading.sentences[at].text) || is_short_reply(before))
    {
        add(before);
    }
    add(at);
    if reading.sentences[at].text.ends_with([':', '：']) && reading.are_neighbors(at, at + 1) {
        add(at + 1);
    }
}

/// Returns whether a sentence depends on the one before it.
fn leans_back(text: &str) -> bool {
    const OPENINGS: [&str; 24] = [
        "this",
        "that",
        "these",
        "those",
        "it",
        "its",
        "they",
        "their",
        "he",
        "she",
        "his",
        "her",
        "however",
        "then",
        "therefore",
        "thus",
        "also",
        "otherwise",
        "but",
        "so",
        "such",
        "in addition",
        "instead",
        "both",
    ];
    let lower = text.to_lowercase();
    let opens_with = |opening: &&str| {
        lower
            .strip_prefix(*opening)
            .is_some_and(|rest| rest.starts_with([' ', ',']))
    };
    OPENINGS.iter().any(opens_with)
}
