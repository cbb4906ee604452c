//! Word documents (ISO/IEC 29500-1) whose parts multiply, nest or unfold.

use super::{Hostile, kind};
use crate::broken::{Data, Entry, deflated_bomb, zip};
use crate::docx::{CONTENT_TYPES, NAMESPACES, RELATIONSHIPS, XML, package};

pub(super) const KINDS: &[Hostile] = &[
    kind("bomb.docx", crate::docx_bomb, &["too_large"]),
    kind("bomb-that-lies.docx", crate::lying_docx_bomb, &["too_large", "damaged"]),
    kind(
        "footnote-multiplied.docx",
        || note_multiplied("footnote"),
        &["ready", "too_large"],
    ),
    kind(
        "endnote-multiplied.docx",
        || note_multiplied("endnote"),
        &["ready", "too_large"],
    ),
    kind("empty-paragraphs.docx", empty_paragraphs, &["too_large"]),
    kind(
        "empty-runs.docx",
        || repeated("<w:p>", "<w:r></w:r>", 5_000_000, "</w:p>"),
        &["ready", "too_large"],
    ),
    kind(
        "empty-cells.docx",
        || repeated("<w:tbl><w:tr>", "<w:tc><w:p/></w:tc>", 2_000_000, "</w:tr></w:tbl>"),
        TEXT,
    ),
    kind(
        "tabs.docx",
        || repeated("<w:p><w:r>", "<w:tab/>", 5_000_000, "</w:r></w:p>"),
        TEXT,
    ),
    kind("many-entries.docx", many_entries, &["too_large"]),
    kind(
        "overlapping-entries.docx",
        overlapping_entries,
        &["too_large", "damaged"],
    ),
    kind("entities.docx", entities, &["ready", "damaged", "too_large"]),
    kind("nested-elements.docx", || nested(100_000), &["damaged"]),
    kind("nested-tables.docx", nested_tables, &["ready", "damaged", "too_large"]),
    kind("attributes.docx", attributes, TEXT),
    kind(
        "long-comment.docx",
        || body(&format!("<!--{}-->", "c".repeat(60_000_000))),
        &["too_large"],
    ),
    kind("style-cycle.docx", style_cycle, &["ready"]),
    kind("headings-multiplied.docx", headings_multiplied, &["too_large"]),
    kind("wide-cells.docx", wide_cells, &["ready"]),
    kind("foreign-chunk.docx", foreign_chunk, &["ready"]),
];

const TEXT: &[&str] = &["ready", "too_large"];

const WORDS: &str = "<w:p><w:r><w:t>Words of an honest paragraph.</w:t></w:r></w:p>";

/// A document of these parts, beside those that every document has.
fn parts(parts: &[(&str, &str)]) -> Vec<u8> {
    let common = [("[Content_Types].xml", CONTENT_TYPES), ("_rels/.rels", RELATIONSHIPS)];
    package(&[&common[..], parts].concat())
}

fn document(body: &str) -> String {
    format!("{XML}<w:document {NAMESPACES}><w:body>{WORDS}{body}<w:sectPr/></w:body></w:document>")
}

fn body(xml: &str) -> Vec<u8> {
    parts(&[("word/document.xml", &document(xml))])
}

fn repeated(open: &str, piece: &str, count: usize, close: &str) -> Vec<u8> {
    body(&[open, &piece.repeat(count), close].concat())
}

/// 100,000 references to one note of 800 kB: 80 GB of text.
fn note_multiplied(note: &str) -> Vec<u8> {
    let reference = format!(r#"<w:r><w:{note}Reference w:id="1"/></w:r>"#);
    let text = "A note that goes on. ".repeat(40_000);
    let notes = format!(
        r#"{XML}<w:{note}s {NAMESPACES}><w:{note} w:id="1"><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:{note}></w:{note}s>"#
    );
    parts(&[
        (&format!("word/{note}s.xml"), &notes),
        (
            "word/document.xml",
            &document(&format!("<w:p>{}</w:p>", reference.repeat(100_000))),
        ),
    ])
}

fn empty_paragraphs() -> Vec<u8> {
    let paragraph = r#"<w:p><w:pPr><w:pStyle w:val="x"/></w:pPr><w:r><w:t></w:t></w:r></w:p>"#;
    repeated("", paragraph, 3_000_000, "")
}

fn many_entries() -> Vec<u8> {
    let empty = (0..60_000).map(|number| Entry::stored(&format!("word/media/{number}"), ""));
    let main = Entry::stored("word/document.xml", &document(""));
    let common = [Entry::stored("_rels/.rels", RELATIONSHIPS), main];
    zip(&common.into_iter().chain(empty).collect::<Vec<_>>())
}

/// All parts that a reader looks at are the same bytes of the file, as in the bombs of D. Fifield, "A better zip bomb".
fn overlapping_entries() -> Vec<u8> {
    let (bomb, size) = deflated_bomb();
    let common = Entry::stored("_rels/.rels", RELATIONSHIPS);
    let parts = ["document", "styles", "footnotes", "endnotes", "comments", "numbering"].map(|part| Entry {
        name: format!("word/{part}.xml"),
        method: 8,
        crc: 0,
        size,
        data: if part == "document" {
            Data::Own(bomb.clone())
        } else {
            Data::SameAs(1)
        },
    });
    zip(&[common].into_iter().chain(parts).collect::<Vec<_>>())
}

/// Ten entities, each of which is the one before it ten times.
fn entities() -> Vec<u8> {
    let multiplied = (1..10).map(|number| {
        let before = format!("&e{};", number - 1).repeat(10);
        format!(r#"<!ENTITY e{number} "{before}">"#)
    });
    let definitions = format!(r#"<!ENTITY e0 "words ">{}"#, multiplied.collect::<Vec<_>>().concat());
    let main = format!(
        "<!DOCTYPE w:document [{definitions}]><w:document {NAMESPACES}><w:body>{WORDS}<w:p><w:r><w:t>&e9;</w:t></w:r></w:p></w:body></w:document>"
    );
    parts(&[("word/document.xml", &main)])
}

fn nested(depth: usize) -> Vec<u8> {
    body(&["<w:p>".repeat(depth), "</w:p>".repeat(depth)].concat())
}

/// A text of 2 MB inside of 60 tables, each in a cell of the one around it.
fn nested_tables() -> Vec<u8> {
    let depth = 60;
    let text = WORDS.repeat(60_000);
    body(
        &[
            "<w:tbl><w:tr><w:tc>".repeat(depth),
            text,
            "</w:tc></w:tr></w:tbl>".repeat(depth),
        ]
        .concat(),
    )
}

/// One tag with 400,000 attributes: whoever compares each with all others does so 80,000 million times.
fn attributes() -> Vec<u8> {
    let attributes = (0..400_000)
        .map(|number| format!(r#" w:a{number}="1""#))
        .collect::<Vec<_>>()
        .concat();
    body(&format!("<w:p><w:pPr><w:pStyle{attributes}/></w:pPr></w:p>"))
}

/// Styles that are based on each other, and a chain of 50,000.
fn style_cycle() -> Vec<u8> {
    let style = |id: String, base: String| {
        format!(
            r#"<w:style w:type="paragraph" w:styleId="{id}"><w:name w:val="{id}"/><w:basedOn w:val="{base}"/></w:style>"#
        )
    };
    let chain: String = (0..50_000)
        .map(|number| style(format!("c{number}"), format!("c{}", number + 1)))
        .collect();
    let circle = style("a".to_owned(), "b".to_owned()) + &style("b".to_owned(), "a".to_owned());
    let paragraph = |id: &str| {
        format!(r#"<w:p><w:pPr><w:pStyle w:val="{id}"/></w:pPr><w:r><w:t>Words in a style.</w:t></w:r></w:p>"#)
    };
    let text = paragraph("c0").repeat(10_000) + &paragraph("a");
    parts(&[
        (
            "word/styles.xml",
            &format!("{XML}<w:styles {NAMESPACES}>{circle}{chain}</w:styles>"),
        ),
        ("word/document.xml", &document(&text)),
    ])
}

/// Eight long headings, and 300,000 short ones below them that each carry the path of all eight.
fn headings_multiplied() -> Vec<u8> {
    let heading = |level: usize, title: &str| {
        format!(
            r#"<w:p><w:pPr><w:outlineLvl w:val="{}"/></w:pPr><w:r><w:t>{title}</w:t></w:r></w:p>"#,
            level - 1
        )
    };
    let long: String = (1..9).map(|level| heading(level, &"heading ".repeat(15))).collect();
    body(&(long + &heading(9, "x").repeat(300_000)))
}

fn wide_cells() -> Vec<u8> {
    let cell = r#"<w:tc><w:tcPr><w:gridSpan w:val="2147483647"/><w:vMerge w:val="continue"/></w:tcPr><w:p><w:pPr><w:numPr><w:ilvl w:val="99999999"/><w:numId w:val="99999999"/></w:numPr></w:pPr><w:r><w:t>cell</w:t></w:r></w:p></w:tc>"#;
    body(&format!("<w:tbl><w:tr>{}</w:tr></w:tbl>", cell.repeat(1_000)))
}

/// A part of another format, which the document says is a part of its text.
fn foreign_chunk() -> Vec<u8> {
    let relationships = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk" Target="document.xml"/></Relationships>"#;
    parts(&[
        ("word/_rels/document.xml.rels", relationships),
        (
            "word/document.xml",
            &document(&r#"<w:altChunk r:id="rId9"/>"#.repeat(1_000)),
        ),
    ])
}
