use serde::{Deserialize, Serialize};

/// The position of a text in its document, by which a reader finds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceLocation {
    /// A page, counted from 1 as PDF viewers do (not the number printed on it).
    Page(u32),
    /// The path of headings above the text, outermost first: `Returns > Refunds`.
    Heading(String),
    /// The document has neither pages nor headings at this position.
    Whole,
}

/// Separates the headings of a path.
pub(crate) const HEADING_SEPARATOR: &str = " > ";

impl SourceLocation {
    /// Returns the page, if the document has pages.
    pub const fn page(&self) -> Option<u32> {
        match self {
            Self::Page(number) => Some(*number),
            Self::Heading(_) | Self::Whole => None,
        }
    }

    /// Returns the heading path, if there is one.
    pub fn heading(&self) -> Option<&str> {
        match self {
            Self::Heading(path) => Some(path),
            Self::Page(_) | Self::Whole => None,
        }
    }
}
