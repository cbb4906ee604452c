use crate::Kind;

/// Why no text could be extracted from a file, as a sentence for the user who uploaded it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Opening the file needs a password.
    #[error("this {} is protected by a password; save a copy without the password and upload that", .0.label())]
    Encrypted(Kind),
    /// The file can be opened only by the programs of its seller (DRM).
    #[error("this {} is locked by copy protection (DRM); upload a copy without it, or the text as another file type", .0.label())]
    CopyProtected(Kind),
    /// The pages are images, without a text layer.
    #[error(
        "this PDF contains only images of its pages, no text; run text recognition (OCR) on it first and upload the result, or have an administrator of the organization choose a `transcription_model` and reindex it"
    )]
    Scanned,
    /// The pages show characters, but nothing in the file says which: they are drawn as lines, or their fonts do not tell.
    #[error(
        "the characters of this PDF cannot be identified; export it again with its fonts, or run text recognition (OCR) on it and upload the result"
    )]
    NoText,
    /// The structure of the file is damaged or incomplete.
    #[error("this {} is damaged or incomplete; open it in its program, save it again and upload the new file", .0.label())]
    Damaged(Kind),
    /// The content is of no type that can be read.
    #[error("this file is named like {} {} but its content is {found}; upload the {} itself or correct the name", article(.expected.label()), .expected.label(), .expected.label())]
    WrongType {
        /// The type according to the file name.
        expected: Kind,
        /// The type according to the content, with its article: `a PNG image`.
        found: &'static str,
    },
    /// The bytes are no text in any known encoding.
    #[error("the text of this file is in an unknown encoding; save it as UTF-8 and upload the new file")]
    UnknownEncoding,
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
            Self::Encrypted(_) | Self::CopyProtected(_) => "encrypted",
            Self::Scanned => "scanned",
            Self::NoText => "no_text",
            Self::Damaged(_) => "damaged",
            Self::WrongType { .. } => "wrong_type",
            Self::UnknownEncoding => "unknown_encoding",
            Self::TooLarge(_) => "too_large",
            Self::Empty => "empty",
        }
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['E', 'O', 'e']) { "an" } else { "a" }
}
