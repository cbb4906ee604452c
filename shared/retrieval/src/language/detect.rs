//! Finds the language of a text.

use whatlang::Lang;

use super::Language;

/// How much of a text is read. Bytes; detection becomes no better with more.
const ENOUGH: usize = 1_200;
/// A shorter text is in the language of its document, unless its script decides.
const LEAST: usize = 120;

/// Returns the language of a text of at least a few sentences, or `None` if it is too short or unclear to tell.
pub(crate) fn detect(text: &str) -> Option<Language> {
    let start = first(text, ENOUGH);
    let info = whatlang::detect(start)?;
    let language = language(info.lang());
    let is_own_script = matches!(
        language,
        Language::Chinese | Language::Japanese | Language::Korean | Language::Greek
    );
    (is_own_script || (start.len() >= LEAST && info.is_reliable())).then_some(language)
}

/// A text shorter than [`LEAST`] is in the language of which it has at least this share of common words.
const LEAST_COMMON: f32 = 0.2;

/// Returns the language of a text of a sentence or two, by its common words; `None` if two languages are about as likely.
pub(crate) fn detect_by_words(text: &str) -> Option<Language> {
    let text = first(text, ENOUGH);
    let share = |language: &Language| (language.words().stop_share(*language, text), *language);
    let mut shares: Vec<(f32, Language)> = Language::ALL.iter().map(share).collect();
    shares.sort_by(|a, b| b.0.total_cmp(&a.0));
    match shares.as_slice() {
        [(best, language), (second, _), ..] if *best >= LEAST_COMMON && *best > second * 1.2 => Some(*language),
        _ => None,
    }
}

/// Returns whether a question is in another language than those of the documents, as far as that can be told.
pub fn is_foreign(question: &str, documents: &[Language]) -> bool {
    let language = detect(question).or_else(|| detect_by_words(question));
    language.is_some_and(|language| !documents.is_empty() && !documents.contains(&language))
}

/// Returns the language of `among` in which a question is most likely asked: questions are too short for statistics of
/// letters, but most of their words are common ones. Documents in an unknown language are short or lists of names, so
/// the question about them may be in any.
pub fn of_question(text: &str, among: &[Language]) -> Language {
    let is_open = among.is_empty() || among.contains(&Language::Unknown);
    let among = if is_open { &Language::ALL } else { among };
    let mut best = (0.0, among.first().copied().unwrap_or_default());
    for language in among {
        let share = language.words().stop_share(*language, text);
        if share > best.0 {
            best = (share, *language);
        }
    }
    best.1
}

fn first(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

fn language(lang: Lang) -> Language {
    match lang {
        Lang::Ara => Language::Arabic,
        Lang::Cmn => Language::Chinese,
        Lang::Dan => Language::Danish,
        Lang::Nld => Language::Dutch,
        Lang::Eng => Language::English,
        Lang::Fin => Language::Finnish,
        Lang::Fra => Language::French,
        Lang::Deu => Language::German,
        Lang::Ell => Language::Greek,
        Lang::Hin => Language::Hindi,
        Lang::Hun => Language::Hungarian,
        Lang::Ita => Language::Italian,
        Lang::Jpn => Language::Japanese,
        Lang::Kor => Language::Korean,
        Lang::Nob => Language::Norwegian,
        Lang::Por => Language::Portuguese,
        Lang::Ron => Language::Romanian,
        Lang::Rus => Language::Russian,
        Lang::Spa => Language::Spanish,
        Lang::Swe => Language::Swedish,
        Lang::Tur => Language::Turkish,
        _ => Language::Unknown,
    }
}
