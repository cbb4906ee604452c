use crate::Kind;

/// Why no text could be extracted from a file, as a sentence for the user who uploaded it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Opening the file needs a password.
    #[error("this {} is protected by a password; save a copy without the password and upload that", label(*.0))]
    Encrypted(Kind),
    /// The pages are images, without a text layer.
    #[error(
        "this PDF contains only images of its pages, no text; run text recognition (OCR) on it first and upload the result"
    )]
    Scanned,
    /// The pages show characters, but nothing in the file says which: they are drawn as lines, or their fonts do not tell.
    #[error(
        "the characters of this PDF cannot be identified; export it again with its fonts, or run text recognition (OCR) on it and upload the result"
    )]
    NoText,
    /// The structure of the file is damaged or incomplete.
    #[error("this {} is damaged or incomplete; open it in its program, save it again and upload the new file", label(*.0))]
    Damaged(Kind),
    /// The content does not match the file name.
    #[error("this file is named like a {} but its content is {found}; upload the {} itself or correct the name", label(*.expected), label(*.expected))]
    WrongType {
        /// The type according to the file name.
        expected: Kind,
        /// The type according to the content, with its article: `a PNG image`.
        found: &'static str,
    },
    /// A limit is exceeded; the text says which.
    #[error("this file is too large to index: {0}; divide it into smaller files and upload those")]
    TooLarge(&'static str),
    /// The file is valid and contains no text.
    #[error("this file contains no text to index; upload a file with text")]
    Empty,
}

impl ExtractError {
    /// Returns the stable code of the failure, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Encrypted(_) => "encrypted",
            Self::Scanned => "scanned",
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
        Kind::Html => "web page (.html)",
    }
}
