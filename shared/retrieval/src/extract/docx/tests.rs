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
        "- first\n- second\nMotor | 220 watts\nWeight |\nClean the burrs.\nNever with water."
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

/// Returns the sections of a document with this body and these parts beside it.
fn with_parts(body: &str, parts: &[(&str, &str)]) -> Vec<(String, String)> {
    let document = format!(
        r#"<w:document xmlns:w="w" xmlns:r="r" xmlns:mc="mc" xmlns:w14="w14"><w:body>{body}</w:body></w:document>"#
    );
    let root = samples::relationships(&[("officeDocument", "word/document.xml")]);
    let mut all = vec![("_rels/.rels", root.as_str()), ("word/document.xml", &document)];
    all.extend(parts);
    let extracted = extract(&samples::zip_package(&all), Kind::Docx).expect("a readable document");
    let path = |section: &crate::Section| section.place.heading().unwrap_or("-").to_owned();
    extracted.sections.iter().map(|s| (path(s), s.text.clone())).collect()
}

fn lines(sections: &[(String, String)]) -> Vec<String> {
    let line = |(path, text): &(String, String)| text.lines().map(|line| format!("{path}: {line}")).collect::<Vec<_>>();
    sections.iter().flat_map(line).collect()
}

fn paragraph(properties: &str, text: &str) -> String {
    format!("<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// A paragraph in a list.
fn item(list: u32, level: u32, text: &str) -> String {
    let properties = format!(r#"<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list}"/></w:numPr>"#);
    paragraph(&properties, text)
}

fn level(index: u32, format: &str, pattern: &str, more: &str) -> String {
    format!(
        r#"<w:lvl w:ilvl="{index}"><w:start w:val="1"/><w:numFmt w:val="{format}"/>{more}<w:lvlText w:val="{pattern}"/></w:lvl>"#
    )
}

#[test]
fn paragraphs_have_the_numbers_that_word_shows() {
    let legal = level(0, "upperRoman", "Article %1.", "")
        + &level(1, "decimal", "%1.%2", "<w:isLgl/>")
        + &level(2, "lowerLetter", "(%3)", "");
    let numbering = format!(
        r#"<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="7">{legal}</w:abstractNum>
        <w:abstractNum w:abstractNumId="8">{}</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>
        <w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num><w:num w:numId="3"><w:abstractNumId w:val="8"/>
        <w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num></w:numbering>"#,
        level(0, "decimal", "%1)", "")
    );
    let body = [
        item(1, 0, "Definitions"),
        item(1, 1, "Goods"),
        item(1, 2, "Coffee"),
        item(1, 2, "Tea"),
        item(1, 1, "Term"),
        item(1, 2, "Two years"),
        item(2, 0, "one"),
        item(1, 0, "Liability"),
        item(1, 1, "Fees"),
        item(2, 0, "two"),
        item(3, 0, "five"),
        item(3, 0, "six"),
        item(2, 0, "seven"),
        item(0, 0, "none"),
    ];
    let got = with_parts(&body.concat(), &[("word/numbering.xml", &numbering)]);
    let expected = "Article I. Definitions\n1.1 Goods\n(a) Coffee\n(b) Tea\n1.2 Term\n(a) Two years\n1) one\n\
        Article II. Liability\n2.1 Fees\n2) two\n5) five\n6) six\n7) seven\nnone";
    assert_eq!(got, [("-".to_owned(), expected.to_owned())]);
}

#[test]
fn headings_are_numbered_by_their_style() {
    let levels = level(0, "decimal", "%1", r#"<w:pStyle w:val="H1"/>"#)
        + &level(1, "decimal", "%1.%2", r#"<w:pStyle w:val="H2"/>"#);
    let numbering = format!(
        r#"<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="0">{levels}</w:abstractNum><w:num w:numId="4"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#
    );
    let style = |number: u32| {
        format!(
            r#"<w:style w:type="paragraph" w:styleId="H{number}"><w:name w:val="heading {number}"/><w:pPr><w:numPr><w:numId w:val="4"/></w:numPr></w:pPr></w:style>"#
        )
    };
    let styles = format!(r#"<w:styles xmlns:w="w">{}{}</w:styles>"#, style(1), style(2));
    let heading = |number: u32, text: &str| paragraph(&format!(r#"<w:pStyle w:val="H{number}"/>"#), text);
    let body = [
        heading(1, "Scope"),
        heading(2, "Goods"),
        paragraph("", "Beans."),
        heading(1, "Term"),
        paragraph("", "Years."),
    ];
    let parts = [("word/numbering.xml", numbering.as_str()), ("word/styles.xml", &styles)];
    let got = lines(&with_parts(&body.concat(), &parts));
    assert_eq!(got, ["1 Scope > 1.1 Goods: Beans.", "2 Term: Years."]);
}

#[test]
fn every_cell_stays_in_its_column() {
    let cell = |properties: &str, text: &str| {
        format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
    };
    let row = |cells: &[String]| format!("<w:tr>{}</w:tr>", cells.concat());
    let table = [
        "<w:tbl>".to_owned(),
        row(&[cell("", "Branch"), cell("", "Mon"), cell("", "Sat"), cell("", "Sun")]),
        row(&[
            cell(r#"<w:vMerge w:val="restart"/>"#, "Harbour"),
            cell("", "8"),
            cell("", ""),
            cell("", "10"),
        ]),
        row(&[
            cell("<w:vMerge/>", ""),
            cell(r#"<w:gridSpan w:val="2"/>"#, "closed"),
            cell("", "11"),
        ]),
        row(&[cell("", "Castle"), cell("", ""), cell("", "9"), cell("", "")]),
        format!("<w:tr><w:trPr><w:del/></w:trPr>{}</w:tr>", cell("", "deleted row")),
        "</w:tbl>".to_owned(),
    ];
    let expected = "Branch | Mon | Sat | Sun\nHarbour | 8 | | 10\nHarbour | closed | | 11\nCastle | | 9 |";
    assert_eq!(
        with_parts(&table.concat(), &[]),
        [("-".to_owned(), expected.to_owned())]
    );
}

#[test]
fn a_table_of_one_cell_is_a_frame_around_its_text() {
    let inner = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>";
    let frame = format!(
        "<w:tbl><w:tr><w:tc>{}{}{inner}<w:p/></w:tc></w:tr></w:tbl>",
        paragraph("", "One."),
        paragraph("", "Two.")
    );
    assert_eq!(
        with_parts(&frame, &[]),
        [("-".to_owned(), "One.\nTwo.\na | b".to_owned())]
    );
}

#[test]
fn page_headers_and_footers_come_once_and_without_page_numbers() {
    let rels = samples::relationships(&[
        ("header", "header1.xml"),
        ("header", "header2.xml"),
        ("footer", "footer1.xml"),
    ]);
    let header = format!(
        r#"<w:hdr xmlns:w="w">{}</w:hdr>"#,
        paragraph("", "Contract number QX-7741")
    );
    let footer = r#"<w:ftr xmlns:w="w"><w:p><w:r><w:t>Page </w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGE </w:instrText></w:r>
        <w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>7</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:t> of </w:t></w:r>
        <w:fldSimple w:instr=" NUMPAGES "><w:r><w:t>12</w:t></w:r></w:fldSimple></w:p><w:p><w:r><w:t>Confidential</w:t></w:r></w:p></w:ftr>"#;
    let parts = [
        ("word/_rels/document.xml.rels", rels.as_str()),
        ("word/header1.xml", &header),
        ("word/header2.xml", &header),
        ("word/footer1.xml", footer),
    ];
    let got = lines(&with_parts(&paragraph("", "Text."), &parts));
    assert_eq!(got, ["-: Contract number QX-7741", "-: Confidential", "-: Text."]);
}

#[test]
fn comments_name_their_author() {
    let comments = format!(
        r#"<w:comments xmlns:w="w"><w:comment w:id="0" w:author="Lee">{}</w:comment></w:comments>"#,
        paragraph("", "Fourteen?")
    );
    let body = r#"<w:p><w:r><w:t>Due within thirty days.</w:t></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>"#;
    let got = lines(&with_parts(body, &[("word/comments.xml", &comments)]));
    assert_eq!(got, ["-: Due within thirty days.", "-: Comment by Lee: Fourteen?"]);
}

#[test]
fn form_controls_and_symbols_are_text() {
    let body = r#"<w:p><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r>
        <w:r><w:instrText> FORMCHECKBOX </w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r><w:r><w:t>Delivery</w:t></w:r></w:p>
        <w:p><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/><w:listEntry w:val="blue"/></w:ddList></w:ffData></w:fldChar></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>
        <w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:p><w:r><w:t>Click here to enter text</w:t></w:r></w:p></w:sdtContent></w:sdt>
        <w:sdt><w:sdtPr/><w:sdtContent><w:p><w:r><w:t>Filled in</w:t></w:r></w:p></w:sdtContent></w:sdt>
        <w:p><w:r><w:sym w:font="Wingdings" w:char="F0FC"/><w:t> 5 </w:t><w:sym w:font="Symbol" w:char="F06D"/><w:t>m co</w:t><w:softHyphen/><w:t>ffee</w:t></w:r></w:p>
        <w:p><w:hyperlink r:id="rId9"><w:r><w:t>a link</w:t></w:r></w:hyperlink><w:r><w:rPr><w:rPrChange><w:rPr><w:vanish/></w:rPr></w:rPrChange></w:rPr><w:t> and more</w:t></w:r></w:p>"#;
    let got = lines(&with_parts(body, &[]));
    assert_eq!(
        got,
        [
            "-: ☒ Delivery",
            "-: blue",
            "-: Filled in",
            "-: ✓ 5 μm coffee",
            "-: a link and more"
        ]
    );
}
