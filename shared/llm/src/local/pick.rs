//! Selects the sentences that answer a question, or detects that none does.
//!
//! They are ordered by how likely they hold the answer ([`super::features`]).

use retrieval::Wants;

use super::features::{Evidence, Score, has_wanted};
use super::question::Question;
use super::reading::{QuestionMatch, has_leaders};
use crate::chat::Source;
use crate::text::sentences;

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
/// The same where meanings were compared, too.
const LEAST_SUPPORT_WITH_MEANING: f32 = -0.6;

/// A sentence of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) number: u32,
    pub(super) text: String,
}

/// Returns the sentences that answer, best first; empty if the sources contain no answer.
pub(super) fn pick(question: &Question, sources: &[Source]) -> Vec<Picked> {
    let reading = QuestionMatch::new(question, sources);
    let evidence = Evidence::new(question, &reading, sources);
    let mut ranked: Vec<(usize, Score)> = (0..reading.sentences.len())
        .filter(|at| {
            let sentence = &reading.sentences[*at];
            !sentence.is_question() && !sentence.is_around && !is_of_contents(&reading, *at)
        })
        .filter_map(|at| Some((at, evidence.score(at)?)))
        .collect();
    // The sort is stable: ties go to the better source and the earlier sentence.
    ranked.sort_by(|a, b| b.1.rank.total_cmp(&a.1.rank));
    let least = if evidence.has_meaning() {
        LEAST_SUPPORT_WITH_MEANING
    } else {
        LEAST_SUPPORT
    };
    let answers = |(at, best): &(usize, Score)| {
        // A sentence that says all that the question names answers also a question of one or two words.
        best.support >= least || is_complete(question, &reading, &[*at])
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
    let likely = |source: &&Source| !source.sentence_cosines.is_empty() && source.likeness >= Some(LEAST_LIKENESS);
    let source = sources.iter().find(likely)?;
    let compared = sentences(source.language, &source.text)
        .into_iter()
        .zip(&source.sentence_cosines)
        .filter(|(text, _)| !has_leaders(text));
    let (text, _) = compared.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    Some(Picked {
        number: source.number,
        text,
    })
}

/// Returns whether a sentence is a line of a table of contents, or the page number at its end.
fn is_of_contents(reading: &QuestionMatch, at: usize) -> bool {
    let has_leaders = |at: usize| reading.sentences[at].is_of_contents();
    let is_number = || !reading.sentences[at].text.contains(char::is_alphabetic);
    let is_behind = |before: usize| reading.are_neighbors(before, at) && has_leaders(before);
    has_leaders(at) || (is_number() && at.checked_sub(1).is_some_and(is_behind))
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

fn logistic(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
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
