//! The stem of a word in its language.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};

use super::{Language, hindi};

/// A longer word is data and has no ending. Bytes.
const LONGEST_WORD: usize = 120;

/// Reduces words of one language to their stems.
pub(crate) struct Stems {
    language: Language,
    snowball: Option<Stemmer>,
}

impl Stems {
    pub(crate) fn of(language: Language) -> Self {
        let algorithm = match language {
            Language::Arabic => Some(Algorithm::Arabic),
            Language::Danish => Some(Algorithm::Danish),
            Language::Dutch => Some(Algorithm::Dutch),
            Language::English => Some(Algorithm::English),
            Language::Finnish => Some(Algorithm::Finnish),
            Language::French => Some(Algorithm::French),
            Language::German => Some(Algorithm::German),
            Language::Greek => Some(Algorithm::Greek),
            Language::Hungarian => Some(Algorithm::Hungarian),
            Language::Italian => Some(Algorithm::Italian),
            Language::Norwegian => Some(Algorithm::Norwegian),
            Language::Portuguese => Some(Algorithm::Portuguese),
            Language::Romanian => Some(Algorithm::Romanian),
            Language::Russian => Some(Algorithm::Russian),
            Language::Spanish => Some(Algorithm::Spanish),
            Language::Swedish => Some(Algorithm::Swedish),
            Language::Turkish => Some(Algorithm::Turkish),
            Language::Unknown | Language::Chinese | Language::Hindi | Language::Japanese | Language::Korean => None,
        };
        Self {
            language,
            snowball: algorithm.map(Stemmer::create),
        }
    }

    /// Returns the stem of a word in lower case, still with its accents. A word in another script than that of the
    /// language stays as it is.
    pub(crate) fn stem<'a>(&self, word: &'a str) -> Cow<'a, str> {
        if word.len() > LONGEST_WORD || word.contains(|c: char| c.is_ascii_digit()) {
            return Cow::Borrowed(word);
        }
        if self.language == Language::Hindi {
            return Cow::Owned(hindi::stem(word));
        }
        let Some(snowball) = &self.snowball else {
            return Cow::Borrowed(word);
        };
        if self.language == Language::German {
            let spelled = umlauts(word);
            return Cow::Owned(snowball.stem(&spelled).into_owned());
        }
        let is_latin = word.starts_with(|c: char| c < '\u{250}');
        let is_of_latin = !matches!(self.language, Language::Arabic | Language::Greek | Language::Russian);
        if is_latin == is_of_latin && word.len() > 2 {
            snowball.stem(word)
        } else {
            Cow::Borrowed(word)
        }
    }
}

/// Returns a German word with `ae`, `oe` and `ue` as umlauts, unless the `e` begins an ending or the `u` belongs to
/// another vowel or a `q`: `muenchen`, but `neue`, `bauer`, `quelle`.
fn umlauts(word: &str) -> Cow<'_, str> {
    if !word.contains("ae") && !word.contains("oe") && !word.contains("ue") {
        return Cow::Borrowed(word);
    }
    let mut out = String::with_capacity(word.len());
    let mut before = ' ';
    let mut letters = word.chars().peekable();
    while let Some(c) = letters.next() {
        let umlaut = match c {
            'a' => Some('ä'),
            'o' => Some('ö'),
            'u' => Some('ü'),
            _ => None,
        };
        let umlaut =
            umlaut.filter(|_| letters.peek() == Some(&'e') && !matches!(before, 'a' | 'e' | 'i' | 'o' | 'u' | 'q'));
        if umlaut.is_some() {
            letters.next();
        }
        before = c;
        out.push(umlaut.unwrap_or(c));
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_have_one_spelling() {
        for (written, spelled) in [
            ("muenchen", "münchen"),
            ("neue", "neue"),
            ("bauer", "bauer"),
            ("quelle", "quelle"),
            ("ueber", "über"),
            ("koeln", "köln"),
            ("oe", "ö"),
        ] {
            assert_eq!(umlauts(written), spelled);
        }
    }
}
