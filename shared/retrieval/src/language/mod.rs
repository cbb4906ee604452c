//! The languages whose words, endings and sentences are known, and how the language of a text is found.

mod detect;
mod hindi;
mod stem;
mod words;

use serde::{Deserialize, Serialize};

pub(crate) use detect::{detect, detect_by_words};
pub use detect::{is_foreign, of_question};
pub(crate) use stem::Stems;
pub(crate) use words::{Capitals, Words};

/// The language of a passage.
///
/// The discriminants are stored in segments: never change or reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Language {
    /// Not known: words are compared as they are written.
    #[default]
    #[serde(rename = "und")]
    Unknown = 0,
    /// Arabic.
    #[serde(rename = "ar")]
    Arabic = 1,
    /// Chinese.
    #[serde(rename = "zh")]
    Chinese = 2,
    /// Danish.
    #[serde(rename = "da")]
    Danish = 3,
    /// Dutch.
    #[serde(rename = "nl")]
    Dutch = 4,
    /// English.
    #[serde(rename = "en")]
    English = 5,
    /// Finnish.
    #[serde(rename = "fi")]
    Finnish = 6,
    /// French.
    #[serde(rename = "fr")]
    French = 7,
    /// German.
    #[serde(rename = "de")]
    German = 8,
    /// Greek.
    #[serde(rename = "el")]
    Greek = 9,
    /// Hindi.
    #[serde(rename = "hi")]
    Hindi = 10,
    /// Hungarian.
    #[serde(rename = "hu")]
    Hungarian = 11,
    /// Italian.
    #[serde(rename = "it")]
    Italian = 12,
    /// Japanese.
    #[serde(rename = "ja")]
    Japanese = 13,
    /// Korean.
    #[serde(rename = "ko")]
    Korean = 14,
    /// Norwegian Bokmål.
    #[serde(rename = "nb")]
    Norwegian = 15,
    /// Portuguese.
    #[serde(rename = "pt")]
    Portuguese = 16,
    /// Romanian.
    #[serde(rename = "ro")]
    Romanian = 17,
    /// Russian.
    #[serde(rename = "ru")]
    Russian = 18,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish = 19,
    /// Swedish.
    #[serde(rename = "sv")]
    Swedish = 20,
    /// Turkish.
    #[serde(rename = "tr")]
    Turkish = 21,
}

impl Language {
    /// All languages, by their number in a segment.
    pub(crate) const ALL: [Self; 22] = [
        Self::Unknown,
        Self::Arabic,
        Self::Chinese,
        Self::Danish,
        Self::Dutch,
        Self::English,
        Self::Finnish,
        Self::French,
        Self::German,
        Self::Greek,
        Self::Hindi,
        Self::Hungarian,
        Self::Italian,
        Self::Japanese,
        Self::Korean,
        Self::Norwegian,
        Self::Portuguese,
        Self::Romanian,
        Self::Russian,
        Self::Spanish,
        Self::Swedish,
        Self::Turkish,
    ];

    /// Returns its ISO 639 code; `und` if it is not known.
    pub const fn iso_code(self) -> &'static str {
        match self {
            Self::Unknown => "und",
            Self::Arabic => "ar",
            Self::Chinese => "zh",
            Self::Danish => "da",
            Self::Dutch => "nl",
            Self::English => "en",
            Self::Finnish => "fi",
            Self::French => "fr",
            Self::German => "de",
            Self::Greek => "el",
            Self::Hindi => "hi",
            Self::Hungarian => "hu",
            Self::Italian => "it",
            Self::Japanese => "ja",
            Self::Korean => "ko",
            Self::Norwegian => "nb",
            Self::Portuguese => "pt",
            Self::Romanian => "ro",
            Self::Russian => "ru",
            Self::Spanish => "es",
            Self::Swedish => "sv",
            Self::Turkish => "tr",
        }
    }

    /// Returns its number in a segment.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the language with this number, if there is one.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Returns the language's words by their role.
    pub(crate) fn words(self) -> &'static Words {
        Words::of(self)
    }
}

#[cfg(test)]
mod tests;
