//! Selects the sentences that answer a question, or detects that none does.
//!
//! Two linear models rate a sentence by the same features: how likely it holds the answer, by which the sentences are
//! ordered, and how likely the sources answer the question at all. Both are logistic regressions, fitted on half of the
//! paragraphs of `XQuAD` (<https://github.com/google-deepmind/xquad>) in eight languages: eight passages each, with and
//! without the one that answers.

use retrieval::{Wants, has_numeral};

use super::question::Question;
use super::reading::{QuestionMatch, Sentence, WeightedTerm};
use crate::chat::Source;
use crate::text::term_set;

/// Most sentences of an answer, without those that they need to be understood.
const MOST_SENTENCES: usize = 4;
/// Sentences are added until one of them holds the answer with this probability.
const ENOUGH: f32 = 0.95;
/// Sentences that say this share of the question need no further ones.
const COMPLETE: f32 = 0.85;
/// A further sentence must be at least this likely, against the best one.
const FURTHER: f32 = 0.05;
/// The minimum log-odds that the sources answer. A higher value answers less often and is wrong less often.
const LEAST_SUPPORT: f32 = -0.8;
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
    /// The log-odds that it holds the answer.
    rank: f32,
    /// The log-odds that the sources answer, if it is the best sentence.
    support: f32,
}

/// Returns the sentences that answer, best first; empty if the sources contain no answer.
pub(super) fn pick(question: &Question, sources: &[Source]) -> Vec<Picked> {
    let reading = QuestionMatch::new(question, sources);
    let best_source = sources.iter().map(|source| source.score).fold(0.0, f32::max);
    let match_of = |at: usize| {
        let source = &sources[reading.sentences[at].source];
        SourceMatch {
            share: if best_source > 0.0 {
                source.score / best_source
            } else {
                1.0
            },
            relevance: source.relevance,
        }
    };
    let mut ranked: Vec<(usize, Score)> = (0..reading.sentences.len())
        .filter(|at| !reading.sentences[*at].is_question() && !reading.sentences[*at].is_around)
        .filter_map(|at| Some((at, score(question, &reading, at, match_of(at))?)))
        .collect();
    // The sort is stable: ties go to the better source and the earlier sentence.
    ranked.sort_by(|a, b| b.1.rank.total_cmp(&a.1.rank));
    let answers = |(at, best): &(usize, Score)| {
        // A sentence that says all that the question names answers also a question of one or two words.
        best.support >= LEAST_SUPPORT || is_complete(question, &reading, &[*at])
    };
    let Some((_, best)) = ranked.first().copied().filter(answers) else {
        return Vec::new();
    };
    let mut chosen: Vec<usize> = Vec::new();
    let mut certainty = 0.0;
    for (at, score) in ranked.into_iter().take(MOST_SENTENCES) {
        let probability = logistic(score.rank);
        if certainty >= ENOUGH || probability < logistic(best.rank) * FURTHER {
            break;
        }
        certainty += probability;
        choose(&reading, at, &mut chosen);
        if is_complete(question, &reading, &chosen) {
            break;
        }
    }
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

/// How likely a passage must be about a question in another language. Fitted on half of the paragraphs of `XQuAD`, by
/// questions in seven languages about the English text, with and without the passage that answers.
const LEAST_LIKENESS: f32 = 0.4;

/// Returns the sentence that answers a question in another language, by its meaning.
pub(super) fn nearest(sources: &[Source]) -> Option<Picked> {
    let likely = |source: &&Source| source.nearest.is_some() && source.likeness >= Some(LEAST_LIKENESS);
    let best = sources.iter().find(likely)?;
    Some(Picked {
        number: best.number,
        text: best.nearest.clone()?,
    })
}

/// Returns whether the sentences say all that the question names, and the kind of thing that it asks for.
fn is_complete(question: &Question, reading: &QuestionMatch, chosen: &[usize]) -> bool {
    let said = reading.subject_share(|term| chosen.iter().any(|at| reading.says(*at, term)));
    let has_wanted = || {
        chosen
            .iter()
            .any(|at| has_wanted(question, reading, &reading.sentences[*at]))
    };
    said >= COMPLETE && (question.wants == Wants::Anything || has_wanted())
}

/// How well the search found the source of a sentence.
#[derive(Debug, Clone, Copy)]
struct SourceMatch {
    /// Its score, against that of the best source.
    share: f32,
    relevance: f32,
}

fn logistic(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// The number of features, the constant included.
const FEATURES: usize = 20;

/// How likely a sentence holds the answer, by its [`features`].
const RANK: [f32; FEATURES] = [
    -7.23, 4.35, 1.28, -2.41, -0.42, 1.64, 0.47, -1.64, 0.18, -0.10, -0.72, 4.92, -0.18, -0.43, -1.07, -0.05, 1.40,
    0.00, 0.00, 0.00,
];
/// How likely the sources answer, by the features of their best sentence.
const SUPPORT: [f32; FEATURES] = [
    -5.59, 2.06, 1.83, -2.81, -0.69, 2.61, -0.03, -1.56, 0.04, -0.03, -4.27, 0.00, 1.47, -1.10, -1.21, -0.89, 1.33,
    7.28, 1.37, 1.39,
];

/// Rates a sentence; `None` if it has nothing to do with the question.
fn score(question: &Question, reading: &QuestionMatch, at: usize, found: SourceMatch) -> Option<Score> {
    let features = features(question, reading, at, found)?;
    let dot = |weights: &[f32; FEATURES]| features.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    Some(Score {
        rank: dot(&RANK),
        support: dot(&SUPPORT),
    })
}

fn features(question: &Question, reading: &QuestionMatch, at: usize, found: SourceMatch) -> Option<[f32; FEATURES]> {
    let sentence = &reading.sentences[at];
    let direct = reading.share(|term| reading.says(at, term));
    let covered = reading.share(|term| {
        reading.says(at, term)
            || reading.in_heading(sentence, term)
            || reading.neighbors(at).any(|near| term.is_in(&near.terms))
    });
    let in_source = reading.share(|term| reading.in_source(sentence, term));
    // The source must cover the follow-up itself, not only the earlier question.
    let lacks_own =
        !question.context.is_empty() && reading.own_share(|term| reading.in_source(sentence, term)) < LEAST_OWN;
    if in_source <= 0.0 || lacks_own {
        return None;
    }
    let has_wanted = has_wanted(question, reading, sentence);
    let when = |is: bool| if is { 1.0 } else { 0.0 };
    let missing = |term: &&WeightedTerm| !reading.in_source(sentence, term);
    let missing_names: f32 = reading
        .terms
        .iter()
        .filter(|term| term.is_name)
        .filter(missing)
        .map(|term| term.weight)
        .sum();
    let rarest_missing = reading
        .terms
        .iter()
        .filter(missing)
        .map(|term| term.weight)
        .fold(0.0, f32::max);
    let own = &reading.terms[..reading.own];
    let is_nowhere = |term: &&WeightedTerm| !reading.sentences.iter().any(|sentence| term.is_in(&sentence.terms));
    let nowhere: f32 = own.iter().filter(is_nowhere).map(|term| term.weight).sum();
    let held = own.iter().filter(|term| reading.says(at, term)).count();
    let total = reading.total.max(f32::EPSILON);
    Some([
        1.0,
        direct,
        covered,
        in_source,
        pairs(reading, at),
        // A long question that is half covered is stronger evidence than a short one.
        (direct * total / 12.0).min(1.0),
        when(question.wants == Wants::Number && has_wanted),
        when(question.wants == Wants::Number && !has_wanted),
        when(question.wants == Wants::Name && has_wanted),
        when(question.wants == Wants::Name && !has_wanted),
        missing_names / total,
        found.share,
        rarest_missing / total,
        ratio(sentence.terms.len().min(30), 30),
        ratio(reading.own.min(8), 8),
        direct * in_source,
        total.min(30.0) / 30.0,
        found.relevance,
        nowhere / total,
        ratio(held.min(6), 6),
    ])
}

/// Returns the share of neighboring term pairs of the question that a sentence contains: words that belong together.
fn pairs(reading: &QuestionMatch, at: usize) -> f32 {
    let holds = |term: &WeightedTerm| reading.says(at, term);
    let own = &reading.terms[..reading.own];
    let pairs = own.windows(2).filter(|pair| pair.iter().all(holds)).count();
    ratio(pairs, own.len().saturating_sub(1))
}

fn ratio(part: usize, whole: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "counts of terms are small")]
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

/// Returns whether a sentence contains the kind of thing that is asked for, other than what the question contains.
fn has_wanted(question: &Question, reading: &QuestionMatch, sentence: &Sentence) -> bool {
    let asked = |word: &str| {
        let terms = term_set(sentence.language, word);
        reading.terms.iter().any(|term| term.is_in(&terms))
    };
    let mut words = sentence.text.split_whitespace();
    match question.wants {
        Wants::Anything => false,
        Wants::Number => {
            let is_spaced = !sentence.text.contains(|c: char| c >= '\u{2e80}');
            let has_digit = |word: &str| word.contains(char::is_numeric);
            words.any(|word| has_digit(word) && !(is_spaced && asked(word)))
                || has_numeral(sentence.language, &sentence.text)
        }
        Wants::Name => words
            .skip(1)
            .any(|word| word.starts_with(char::is_uppercase) && !asked(word)),
    }
}

/// Adds a sentence and the ones needed to understand it, unless the answer already says the same.
fn choose(reading: &QuestionMatch, at: usize, chosen: &mut Vec<usize>) {
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
        && (reading.sentences[at].leans_back() || is_short_reply(before))
    {
        add(before);
    }
    add(at);
    if reading.sentences[at].text.ends_with([':', '：']) && reading.are_neighbors(at, at + 1) {
        add(at + 1);
    }
}
