use crate::Kind;

/// Why a file gave no text, as a sentence for the person who uploaded it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Opening the file needs a password.
    #[error("this {} is protected by a password; save a copy without the password and upload that", label(*.0))]
    Encrypted(Kind),
    /// Pages hold pictures of text, not text.
    #[error("this PDF holds only images, no text; run text recognition (OCR) on it first and upload the result")]
    NoText,
    /// The structure of the file is broken or incomplete.
    #[error("this {} is damaged or incomplete; open it in its program, save it again and upload the new file", label(*.0))]
    Damaged(Kind),
    /// The content is not what the file name says.
    #[error("this file is named like a {} but its content is {found}; upload the {} itself or correct the name", label(*.expected), label(*.expected))]
    WrongType {
        /// What the file name promised.
        expected: Kind,
        /// What the content looks like, with its article: `a PNG image`.
        found: &'static str,
    },
    /// A limit would be passed; the text says which.
    #[error("this file is too large to index: {0}; divide it into smaller files and upload those")]
    TooLarge(&'static str),
    /// The file is fine and holds no text at all.
    #[error("this file is empty: it holds no text to index")]
    Empty,
}

impl ExtractError {
    /// The class of the failure, for programs. Stable.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Encrypted(_) => "encrypted",
            Self::NoText => "no_text",
            Self::Damaged(_) => "damaged",
            Self::WrongType { .. } => "wrong_type",
            Self::TooLarge(_) => "too_large",
            Self::Empty => "empty",
        }
    }
}

const fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Pdf => "PDF",
        Kind::Docx => "Word document (.docx)",
        Kind::Text => "text file",
    }
}
