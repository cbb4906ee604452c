use serde::{Deserialize, Serialize};

/// The file types that can be indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Portable Document Format (ISO 32000).
    Pdf,
    /// Office Open XML word processing (ISO/IEC 29500).
    Docx,
    /// Plain text in any encoding; lines like `# Title` are read as headings.
    #[serde(rename = "txt")]
    Text,
    /// A web page (HTML or XHTML).
    Html,
}

impl Kind {
    /// Returns the kind for the extension of a file name, in any letter case; `None` if it is not supported.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        match extension.to_ascii_lowercase().as_str() {
            "pdf" => Some(Self::Pdf),
            "docx" => Some(Self::Docx),
            "txt" | "text" | "md" | "markdown" => Some(Self::Text),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            _ => None,
        }
    }

    /// Returns the media type with which to store and serve the file (IANA registry).
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Text => "text/plain",
            Self::Html => "text/html",
        }
    }

    /// Returns the short name used in APIs and keys: `pdf`, `docx`, `txt` or `html`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Text => "txt",
            Self::Html => "html",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_in_any_letter_case() {
        assert_eq!(Kind::from_file_name("a.b.PDF"), Some(Kind::Pdf));
        assert_eq!(Kind::from_file_name("Handbook.Docx"), Some(Kind::Docx));
        assert_eq!(Kind::from_file_name("notes.md"), Some(Kind::Text));
        assert_eq!(Kind::from_file_name("page.HTM"), Some(Kind::Html));
        for other in ["old.doc", "pdf", ".pdf", "archive.pdf.zip", ""] {
            assert_eq!(Kind::from_file_name(other), None, "{other}");
        }
    }

    #[test]
    fn the_short_name_is_the_serialized_name() {
        for kind in [Kind::Pdf, Kind::Docx, Kind::Text, Kind::Html] {
            let json = serde_json::to_value(kind).expect("a plain enum serializes");
            assert_eq!(json, kind.as_str());
        }
    }
}
