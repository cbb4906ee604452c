use samples::Block::{Heading, Item, Note, Table, Text, Xml};
use samples::{Block, text_docx};

use crate::{Kind, extract};

/// Returns the heading path and the text of each section.
fn sections(blocks: &[Block<'_>]) -> Vec<(String, String)> {
    let extracted = extract(&text_docx(blocks), Kind::Docx).expect("a readable document");
    let path = |section: &crate::Section| section.place.heading().unwrap_or("-").to_owned();
    extracted.sections.iter().map(|s| (path(s), s.text.clone())).collect()
}

/// Returns the text of a document without headings.
fn text(blocks: &[Block<'_>]) -> String {
    let [(_, text)] = sections(blocks).try_into().expect("one section");
    text
}

fn code(bytes: &[u8]) -> &'static str {
    extract(bytes, Kind::Docx).expect_err("must be refused").code()
}

#[test]
fn headings_become_the_path_in_any_language_of_word() {
    let got = sections(&[
        Text("Before."),
        Heading(1, "Returns"),
        Text("Within 14 days."),
        Heading(2, "Refunds"),
        Text("To the card."),
        Heading(1, "Help"),
        Text("Call us."),
    ]);
    let expected = [
        ("-", "Before."),
        ("Returns", "Within 14 days."),
        ("Returns > Refunds", "To the card."),
        ("Help", "Call us."),
    ];
    assert_eq!(got, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

#[test]
fn tables_lists_and_notes_keep_their_shape() {
    let got = text(&[
        Item("first"),
        Item("second"),
        Table(&[&["Motor", "220 watts"], &["Weight", ""]]),
        Note("Clean the burrs.", "Never with water."),
    ]);
    assert_eq!(
        got,
        "- first\n- second\nMotor | 220 watts\nWeight\nClean the burrs.\nNever with water."
    );
}

#[test]
fn characters_and_entities_are_what_they_stand_for() {
    let run = r"<w:p><w:r><w:t>A&amp;B &#8364;5 &undefined;<![CDATA[<c>]]></w:t><w:tab/><w:t>x</w:t><w:noBreakHyphen/><w:t>y</w:t></w:r></w:p>";
    assert_eq!(text(&[Xml(run)]), "A&B €5 <c> x-y");
}

#[test]
fn deleted_and_hidden_text_and_field_codes_are_not_text() {
    let run = r"<w:p><w:ins><w:r><w:t>new</w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>
        <w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:instrText>PAGE</w:instrText><w:t> text</w:t></w:r></w:p>";
    assert_eq!(text(&[Xml(run)]), "new text");
}

#[test]
fn a_text_box_is_read_once() {
    let boxed = r"<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent></mc:Choice>
        <mc:Fallback><w:p><w:r><w:t>boxed</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent></w:r><w:r><w:t>around</w:t></w:r></w:p>";
    assert_eq!(text(&[Xml(boxed)]), "boxed\naround");
}

#[test]
fn a_bomb_is_refused_whatever_its_directory_says() {
    assert_eq!(code(&samples::docx_bomb()), "too_large");
    assert!(["too_large", "damaged"].contains(&code(&samples::lying_docx_bomb())));
}

#[test]
fn a_single_text_of_many_megabytes_is_refused() {
    let run = format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "a".repeat(9 * 1024 * 1024));
    assert_eq!(code(&text_docx(&[Xml(&run)])), "too_large");
}

#[test]
fn elements_that_nest_too_deeply_are_refused() {
    let nested = format!("{}{}", "<w:p>".repeat(1_000), "</w:p>".repeat(1_000));
    assert_eq!(code(&text_docx(&[Text("text"), Xml(&nested)])), "damaged");
}

#[test]
fn broken_and_unfinished_xml_is_refused() {
    for xml in ["<w:p>", "</w:p>"] {
        assert_eq!(code(&text_docx(&[Text("text"), Xml(xml)])), "damaged", "{xml}");
    }
    assert_eq!(code(&samples::damaged_docx()), "damaged");
}

#[test]
fn a_document_cut_off_anywhere_is_refused() {
    let bytes = samples::product_docx();
    for end in (4..bytes.len()).step_by(97) {
        assert!(["damaged", "wrong_type"].contains(&code(&bytes[..end])), "{end}");
    }
}

#[test]
fn a_document_without_text_is_empty() {
    assert_eq!(code(&text_docx(&[Text(" "), Table(&[&["", ""]])])), "empty");
}
