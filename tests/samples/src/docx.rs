use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{DateTime, ZipWriter};

/// A block of a Word document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block<'a> {
    /// A heading of level 1 to 9.
    Heading(u8, &'a str),
    /// A paragraph.
    Text(&'a str),
    /// An item of a bulleted list.
    Item(&'a str),
    /// A table, row by row.
    Table(&'a [&'a [&'a str]]),
    /// A paragraph and the footnote at its end.
    Note(&'a str, &'a str),
    /// Any `WordprocessingML` inside of the body, for tests of single features.
    Xml(&'a str),
}

/// A Word document of these blocks. The heading styles have ids as a German Word writes them (`berschrift1`).
pub fn text_docx(blocks: &[Block<'_>]) -> Vec<u8> {
    let mut notes = Vec::new();
    let body: String = blocks.iter().map(|block| write_block(block, &mut notes)).collect();
    let document = format!("{XML}<w:document {NAMESPACES}><w:body>{body}<w:sectPr/></w:body></w:document>");
    let footnotes: Vec<String> = notes
        .iter()
        .enumerate()
        .map(|(index, note)| {
            format!(
                r#"<w:footnote w:id="{}"><w:p>{}</w:p></w:footnote>"#,
                index + 1,
                run(note)
            )
        })
        .collect();
    let separator = r#"<w:footnote w:type="separator" w:id="0"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>"#;
    package(&[
        ("[Content_Types].xml", CONTENT_TYPES),
        ("_rels/.rels", RELATIONSHIPS),
        ("word/styles.xml", &styles()),
        (
            "word/footnotes.xml",
            &format!(
                "{XML}<w:footnotes {NAMESPACES}>{separator}{}</w:footnotes>",
                footnotes.concat()
            ),
        ),
        ("word/document.xml", &document),
    ])
}

pub(crate) const XML: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
pub(crate) const NAMESPACES: &str = r#"xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006""#;
pub(crate) const CONTENT_TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
pub(crate) const RELATIONSHIPS: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>"#;

/// Writes the parts as a ZIP that carries no time of day.
pub(crate) fn package(parts: &[(&str, &str)]) -> Vec<u8> {
    let options = SimpleFileOptions::default().last_modified_time(DateTime::default());
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let written = zip
            .start_file(*name, options)
            .map(|()| zip.write_all(content.as_bytes()));
        assert!(matches!(written, Ok(Ok(()))), "writing to memory does not fail");
    }
    match zip.finish() {
        Ok(cursor) => cursor.into_inner(),
        Err(error) => unreachable!("writing to memory does not fail: {error}"),
    }
}

fn styles() -> String {
    let headings: Vec<String> = (1..=9)
        .map(|level| {
            let outline = level - 1;
            format!(
                r#"<w:style w:type="paragraph" w:styleId="berschrift{level}"><w:name w:val="heading {level}"/><w:pPr><w:outlineLvl w:val="{outline}"/></w:pPr></w:style>"#
            )
        })
        .collect();
    format!("{XML}<w:styles {NAMESPACES}>{}</w:styles>", headings.concat())
}

fn write_block<'a>(block: &Block<'a>, notes: &mut Vec<&'a str>) -> String {
    match block {
        Block::Heading(level, text) => {
            format!(
                r#"<w:p><w:pPr><w:pStyle w:val="berschrift{level}"/></w:pPr>{}</w:p>"#,
                run(text)
            )
        }
        Block::Text(text) => format!("<w:p>{}</w:p>", run(text)),
        Block::Item(text) => {
            let list = r#"<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>"#;
            format!("<w:p>{list}{}</w:p>", run(text))
        }
        Block::Table(rows) => {
            let cell = |text: &&str| format!("<w:tc><w:p>{}</w:p></w:tc>", run(text));
            let row = |cells: &&[&str]| format!("<w:tr>{}</w:tr>", cells.iter().map(cell).collect::<String>());
            format!("<w:tbl>{}</w:tbl>", rows.iter().map(row).collect::<String>())
        }
        Block::Note(text, note) => {
            notes.push(note);
            format!(
                r#"<w:p>{}<w:r><w:footnoteReference w:id="{}"/></w:r></w:p>"#,
                run(text),
                notes.len()
            )
        }
        Block::Xml(xml) => (*xml).to_owned(),
    }
}

fn run(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(r#"<w:r><w:t xml:space="preserve">{escaped}</w:t></w:r>"#)
}
