//! What speaks for a sentence as the answer, as numbers, and the two linear models over them.
//!
//! Both models rate a sentence by the same features: how likely it holds the answer, by which the sentences are ordered,
//! and how likely the sources answer the question at all. Both are logistic regressions, fitted on half of the paragraphs
//! of `XQuAD` (<https://github.com/google-deepmind/xquad>) in eight languages, those with meanings in six: eight passages
//! each, with and without the one that answers.

use retrieval::{Wants, has_numeral};

use super::question::Question;
use super::reading::{QuestionMatch, Sentence, WeightedTerm};
use crate::chat::Source;
use crate::text::term_set;

/// The minimum share of a follow-up's own terms that the source must contain.
const LEAST_OWN: f32 = 0.5;

/// How well a sentence answers the question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    /// The log-odds that it holds the answer.
    pub(super) rank: f32,
    /// The log-odds that the sources answer, if it is the best sentence.
    pub(super) support: f32,
}

/// How well the search found the source of a sentence.
#[derive(Debug, Clone, Copy)]
struct SourceMatch {
    /// Its score, against that of the best source.
    share: f32,
    relevance: f32,
}

/// The sources and their sentences as evidence for an answer.
pub(super) struct Evidence<'a> {
    question: &'a Question,
    reading: &'a QuestionMatch,
    sources: &'a [Source],
    best_source: f32,
    meaning: Option<Meaning>,
}

/// The cosines of all sentences that were compared with the question.
#[derive(Debug, Clone, Copy)]
struct Meaning {
    mean: f32,
    best: f32,
    /// The best one but one; the best one if it is the only one.
    second: f32,
}

impl Meaning {
    fn of(sentences: &[Sentence]) -> Option<Self> {
        let mut cosines: Vec<f32> = sentences.iter().filter_map(|sentence| sentence.cosine).collect();
        cosines.sort_by(|a, b| b.total_cmp(a));
        let best = *cosines.first()?;
        Some(Self {
            mean: cosines.iter().sum::<f32>() / count(cosines.len()),
            best,
            second: cosines.get(1).copied().unwrap_or(best),
        })
    }

    /// Returns the features of a sentence's meaning: whether it is known, how near it is to the question, and how much
    /// nearer than all sentences and than the nearest other one.
    fn of_sentence(&self, sentence: &Sentence) -> [f32; MEANINGS] {
        let Some(cosine) = sentence.cosine else {
            return [0.0; MEANINGS];
        };
        let other = if cosine >= self.best { self.second } else { self.best };
        [
            1.0,
            SCALE * (cosine - TYPICAL),
            SCALE * (cosine - self.mean),
            SCALE * (cosine - other),
        ]
    }
}

/// The number of features of words, the constant included.
const WORDS: usize = 20;
/// The number of features of meaning.
const MEANINGS: usize = 4;
/// The cosine of a question and a sentence about the same subject, and what makes differences of cosines as large as those
/// of other features: `multilingual-e5-small` puts all texts into a narrow cone.
const TYPICAL: f32 = 0.85;
const SCALE: f32 = 20.0;

/// How likely a sentence holds the answer, by the features of its words.
const RANK: [f32; WORDS] = [
    -7.23, 4.35, 1.28, -2.41, -0.42, 1.64, 0.47, -1.64, 0.18, -0.10, -0.72, 4.92, -0.18, -0.43, -1.07, -0.05, 1.40,
    0.00, 0.00, 0.00,
];
/// How likely the sources answer, by the features of the words of their best sentence.
const SUPPORT: [f32; WORDS] = [
    -5.59, 2.06, 1.83, -2.81, -0.69, 2.61, -0.03, -1.56, 0.04, -0.03, -4.27, 0.00, 1.47, -1.10, -1.21, -0.89, 1.33,
    7.28, 1.37, 1.39,
];

/// The same for sentences some of whose meanings were compared with that of the question: for words and for meaning.
const RANK_WITH_MEANING: [f32; WORDS] = [
    -8.16, 3.77, 0.82, 1.04, -0.37, -0.03, 0.54, -1.47, 0.19, -0.13, 0.12, 1.75, 0.87, 0.18, 0.94, -1.30, 0.34, 0.75,
    0.15, -0.52,
];
const RANK_OF_MEANING: [f32; MEANINGS] = [2.16, -0.38, 0.08, 1.58];
const SUPPORT_WITH_MEANING: [f32; WORDS] = [
    -8.60, 2.18, 2.94, -1.08, -1.08, 1.75, -0.23, -0.85, 0.03, 0.12, -2.79, 0.77, 2.51, -0.61, 0.30, 1.54, 0.13, 3.04,
    1.11, -0.16,
];
const SUPPORT_OF_MEANING: [f32; MEANINGS] = [0.05, 0.39, 1.78, 0.14];

impl<'a> Evidence<'a> {
    /// Reads the sources as evidence.
    pub(super) fn new(question: &'a Question, reading: &'a QuestionMatch, sources: &'a [Source]) -> Self {
        Self {
            question,
            reading,
            sources,
            best_source: sources.iter().map(|source| source.score).fold(0.0, f32::max),
            meaning: Meaning::of(&reading.sentences),
        }
    }

    /// Returns whether the meanings of sentences were compared with that of the question.
    pub(super) fn has_meaning(&self) -> bool {
        self.meaning.is_some()
    }

    /// Rates a sentence; `None` if it has nothing to do with the question.
    pub(super) fn score(&self, at: usize) -> Option<Score> {
        let words = self.words(at);
        let Some(meaning) = &self.meaning else {
            return self.is_related(at).then(|| Score {
                rank: dot(&words, &RANK),
                support: dot(&words, &SUPPORT),
            });
        };
        let meaning = meaning.of_sentence(&self.reading.sentences[at]);
        let both = |(of_words, of_meaning)| dot(&words, of_words) + dot(&meaning, of_meaning);
        Some(Score {
            rank: both((&RANK_WITH_MEANING, &RANK_OF_MEANING)),
            support: both((&SUPPORT_WITH_MEANING, &SUPPORT_OF_MEANING)),
        })
    }

    /// Returns whether the source of a sentence shares words with the question, and with a follow-up itself rather than
    /// with the earlier question only.
    fn is_related(&self, at: usize) -> bool {
        let (reading, sentence) = (self.reading, &self.reading.sentences[at]);
        let has_own = self.question.context.is_empty()
            || reading.own_share(|term| reading.in_source(sentence, term)) >= LEAST_OWN;
        has_own && reading.share(|term| reading.in_source(sentence, term)) > 0.0
    }

    fn found(&self, sentence: &Sentence) -> SourceMatch {
        let source = &self.sources[sentence.source];
        SourceMatch {
            share: if self.best_source > 0.0 {
                source.score / self.best_source
            } else {
                1.0
            },
            relevance: source.relevance,
        }
    }

    /// Returns the features of a sentence's words.
    fn words(&self, at: usize) -> [f32; WORDS] {
        let (question, reading) = (self.question, self.reading);
        let sentence = &reading.sentences[at];
        let found = self.found(sentence);
        let direct = reading.share(|term| reading.says(at, term));
        let covered = reading.share(|term| {
            reading.says(at, term)
                || reading.in_heading(sentence, term)
                || reading.neighbors(at).any(|near| term.is_in(&near.terms))
        });
        let in_source = reading.share(|term| reading.in_source(sentence, term));
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
        [
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
        ]
    }
}

fn dot<const N: usize>(features: &[f32; N], weights: &[f32; N]) -> f32 {
    features.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts of sentences are small")]
fn count(sentences: usize) -> f32 {
    sentences as f32
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
pub(super) fn has_wanted(question: &Question, reading: &QuestionMatch, sentence: &Sentence) -> bool {
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
