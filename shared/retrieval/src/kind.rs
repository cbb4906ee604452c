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
    /// Markdown (`CommonMark` with tables and front matter).
    #[serde(rename = "md")]
    Markdown,
    /// Source code, configuration, logs and data: text whose lines stay as they are.
    Code,
    /// Comma, semicolon or tab separated values (RFC 4180).
    Csv,
    /// Office Open XML spreadsheet.
    Xlsx,
    /// Office Open XML presentation.
    Pptx,
    /// `OpenDocument` text (ISO/IEC 26300).
    Odt,
    /// `OpenDocument` spreadsheet.
    Ods,
    /// `OpenDocument` presentation.
    Odp,
    /// Rich Text Format.
    Rtf,
    /// A web page.
    Html,
    /// An electronic book (ISO/IEC 23736).
    Epub,
    /// An email message (RFC 5322).
    Eml,
}

/// What is known about a kind.
struct Facts {
    kind: Kind,
    /// The name in APIs, keys and messages between processes; never changed.
    name: &'static str,
    /// Lower case, the usual one first.
    extensions: &'static [&'static str],
    content_type: &'static str,
    /// For users, without an article.
    label: &'static str,
}

const fn facts(
    kind: Kind,
    name: &'static str,
    extensions: &'static [&'static str],
    content_type: &'static str,
    label: &'static str,
) -> Facts {
    Facts {
        kind,
        name,
        extensions,
        content_type,
        label,
    }
}

/// Names of files with text whose lines matter.
const CODE: &[&str] = &[
    "json",
    "jsonl",
    "ndjson",
    "geojson",
    "xml",
    "yaml",
    "yml",
    "toml",
    "ini",
    "cfg",
    "conf",
    "properties",
    "log",
    "tex",
    "rst",
    "adoc",
    "org",
    "srt",
    "vtt",
    "sql",
    "graphql",
    "proto",
    "tf",
    "css",
    "scss",
    "less",
    "js",
    "mjs",
    "cjs",
    "ts",
    "tsx",
    "jsx",
    "vue",
    "svelte",
    "py",
    "ipynb",
    "rb",
    "php",
    "java",
    "kt",
    "kts",
    "scala",
    "groovy",
    "go",
    "rs",
    "c",
    "h",
    "cc",
    "cpp",
    "cxx",
    "hpp",
    "cs",
    "fs",
    "swift",
    "m",
    "lua",
    "pl",
    "r",
    "jl",
    "dart",
    "ex",
    "exs",
    "erl",
    "hs",
    "clj",
    "sh",
    "bash",
    "zsh",
    "ps1",
    "bat",
    "diff",
    "patch",
];

#[rustfmt::skip]
const FACTS: [Facts; 15] = [
    facts(Kind::Pdf, "pdf", &["pdf"], "application/pdf", "PDF"),
    facts(Kind::Docx, "docx", &["docx", "docm", "dotx", "dotm"], "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Word document (.docx)"),
    facts(Kind::Text, "txt", &["txt", "text"], "text/plain", "text file"),
    facts(Kind::Markdown, "md", &["md", "markdown", "mdx"], "text/markdown", "Markdown file (.md)"),
    facts(Kind::Code, "code", CODE, "text/plain", "text file"),
    facts(Kind::Csv, "csv", &["csv", "tsv", "tab"], "text/csv", "CSV file"),
    facts(Kind::Xlsx, "xlsx", &["xlsx", "xlsm", "xltx", "xltm"], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel workbook (.xlsx)"),
    facts(Kind::Pptx, "pptx", &["pptx", "pptm", "ppsx", "ppsm", "potx", "potm"], "application/vnd.openxmlformats-officedocument.presentationml.presentation", "PowerPoint presentation (.pptx)"),
    facts(Kind::Odt, "odt", &["odt", "ott"], "application/vnd.oasis.opendocument.text", "OpenDocument text (.odt)"),
    facts(Kind::Ods, "ods", &["ods", "ots"], "application/vnd.oasis.opendocument.spreadsheet", "OpenDocument spreadsheet (.ods)"),
    facts(Kind::Odp, "odp", &["odp", "otp"], "application/vnd.oasis.opendocument.presentation", "OpenDocument presentation (.odp)"),
    facts(Kind::Rtf, "rtf", &["rtf"], "application/rtf", "rich text file (.rtf)"),
    facts(Kind::Html, "html", &["html", "htm", "xhtml"], "text/html", "web page (.html)"),
    facts(Kind::Epub, "epub", &["epub"], "application/epub+zip", "EPUB book"),
    facts(Kind::Eml, "eml", &["eml"], "message/rfc822", "email (.eml)"),
];

impl Kind {
    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTS.iter().map(|facts| facts.kind)
    }

    /// Returns the kind for the extension of a file name, in any letter case; `None` if it is not supported.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        let extension = extension.to_ascii_lowercase();
        let known = |facts: &&Facts| facts.extensions.contains(&extension.as_str());
        FACTS.iter().find(known).map(|facts| facts.kind)
    }

    /// Returns the kind with this short name, see [`Kind::as_str`].
    pub fn from_name(name: &str) -> Option<Self> {
        FACTS.iter().find(|facts| facts.name == name).map(|facts| facts.kind)
    }

    /// Returns the media type with which to store and serve the file (IANA registry).
    pub const fn content_type(self) -> &'static str {
        self.facts().content_type
    }

    /// Returns the short name used in APIs and keys: `pdf`, `docx`, `txt` ...
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// Returns the name for users, without an article: `Word document (.docx)`.
    pub(crate) const fn label(self) -> &'static str {
        self.facts().label
    }

    const fn facts(self) -> &'static Facts {
        // In the order of the variants, see the test.
        &FACTS[self as usize]
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
        assert_eq!(Kind::from_file_name("notes.md"), Some(Kind::Markdown));
        assert_eq!(Kind::from_file_name("Prices.XLSX"), Some(Kind::Xlsx));
        assert_eq!(Kind::from_file_name("settings.yaml"), Some(Kind::Code));
        assert_eq!(Kind::from_file_name("page.HTM"), Some(Kind::Html));
        for other in ["old.doc", "pdf", ".pdf", "archive.pdf.zip", "program.exe", ""] {
            assert_eq!(Kind::from_file_name(other), None, "{other}");
        }
    }

    #[test]
    fn the_short_name_is_the_serialized_name() {
        for kind in Kind::all() {
            let json = serde_json::to_value(kind).expect("a plain enum serializes");
            assert_eq!(json, kind.as_str());
            assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::from_name("exe"), None);
    }

    #[test]
    fn each_kind_has_its_own_facts_and_each_extension_one_kind() {
        let mut seen = std::collections::HashSet::new();
        for (index, facts) in FACTS.iter().enumerate() {
            assert_eq!(facts.kind as usize, index);
            assert!(facts.extensions.iter().all(|extension| seen.insert(*extension)));
        }
    }
}
