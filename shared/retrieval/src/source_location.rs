use serde::{Deserialize, Serialize};

/// Where in its document a text stands: what a reader needs to find it again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceLocation {
    /// A page, counted from 1 as PDF viewers do (not the number printed on it).
    Page(u32),
    /// The path of headings above the text, outermost first: `Returns > Refunds`.
    Heading(String),
    /// The document has neither pages nor headings at this point.
    Whole,
}

/// Stands between the headings of a path.
pub(crate) const HEADING_SEPARATOR: &str = " > ";

impl SourceLocation {
    /// The page, when the document has pages.
    pub const fn page(&self) -> Option<u32> {
        match self {
            Self::Page(number) => Some(*number),
            Self::Heading(_) | Self::Whole => None,
        }
    }

    /// The heading path, when there is one.
    pub fn heading(&self) -> Option<&str> {
        match self {
            Self::Heading(path) => Some(path),
            Self::Page(_) | Self::Whole => None,
        }
    }
}
