use samples::{opendocument, zip_package};

use crate::{Kind, extract};

fn sections(kind: Kind, name: &str, body: &str) -> Vec<(String, String)> {
    let extracted = extract(&opendocument(name, body), kind).expect("a readable document");
    let place = |section: &crate::Section| match section.place.page() {
        Some(page) => page.to_string(),
        None => section.place.heading().unwrap_or("-").to_owned(),
    };
    extracted.sections.iter().map(|s| (place(s), s.text.clone())).collect()
}

#[test]
fn a_text_has_its_headings_lists_notes_and_comments() {
    let body = r#"<office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes><text:h text:outline-level="1">Returns</text:h>
        <text:p>Within<text:s text:c="2"/>14<text:line-break/>days<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Working days.</text:p></text:note-body></text:note>.</text:p>
        <text:h text:outline-level="2">Refunds</text:h><text:list><text:list-item><text:p>card</text:p></text:list-item></text:list>
        <text:p>Due<office:annotation><dc:creator>Lee</dc:creator><dc:date>2025</dc:date><text:p>When?</text:p></office:annotation> soon.</text:p></office:text>"#;
    let expected = [
        ("Returns", "Within 14 days.\nWorking days."),
        ("Returns > Refunds", "- card\nDue soon.\nComment by Lee: When?"),
    ];
    assert_eq!(
        sections(Kind::Odt, "text", body),
        expected.map(|(path, text)| (path.to_owned(), text.to_owned()))
    );
}

#[test]
fn a_spreadsheet_keeps_its_columns_and_repeats_what_is_repeated() {
    let cell = |text: &str, repeated: u32| {
        let text = if text.is_empty() {
            String::new()
        } else {
            format!("<text:p>{text}</text:p>")
        };
        format!(r#"<table:table-cell table:number-columns-repeated="{repeated}">{text}</table:table-cell>"#)
    };
    let row = |cells: &[String], repeated: u32| {
        format!(
            r#"<table:table-row table:number-rows-repeated="{repeated}">{}</table:table-row>"#,
            cells.concat()
        )
    };
    let body = format!(
        r#"<office:spreadsheet><table:table table:name="Hours">{}{}{}</table:table></office:spreadsheet>"#,
        row(
            &[cell("Branch", 1), cell("Mon", 1), cell("Sat", 1), cell("", 16_000)],
            1
        ),
        row(&[cell("Harbour", 1), cell("", 1), cell("9", 1)], 2),
        row(&[cell("", 16_384)], 1_048_000)
    );
    let expected = "Branch | Mon | Sat\nHarbour | | 9\nHarbour | | 9";
    assert_eq!(
        sections(Kind::Ods, "spreadsheet", &body),
        [("Hours".to_owned(), expected.to_owned())]
    );
}

#[test]
fn a_presentation_has_pages_with_notes() {
    let page = |text: &str, notes: &str| {
        format!(
            "<draw:page><draw:frame><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame><presentation:notes><text:p>{notes}</text:p></presentation:notes></draw:page>"
        )
    };
    let body = format!(
        "<office:presentation>{}{}</office:presentation>",
        page("One", "Say hello."),
        page("Two", "")
    );
    let expected = [("1", "One\nNotes: Say hello."), ("2", "Two")];
    assert_eq!(
        sections(Kind::Odp, "presentation", &body),
        expected.map(|(page, text)| (page.to_owned(), text.to_owned()))
    );
}

#[test]
fn a_repeated_text_is_bounded_and_encryption_is_named() {
    let body = format!(
        r#"<office:spreadsheet><table:table><table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="1000000"><text:p>{}</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>"#,
        "word ".repeat(100)
    );
    let error = extract(&opendocument("spreadsheet", &body), Kind::Ods).expect_err("too much");
    assert_eq!(error.code(), "too_large");
    let manifest = r#"<manifest:manifest xmlns:manifest="m"><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"#;
    let locked = zip_package(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", "noise"),
    ]);
    assert_eq!(extract(&locked, Kind::Odt).expect_err("locked").code(), "encrypted");
}

#[test]
fn hidden_sheets_are_not_read() {
    let sheet = |name: &str, style: &str| {
        format!(
            r#"<table:table table:name="{name}" table:style-name="{style}"><table:table-row><table:table-cell>
            <text:p>of {name}</text:p></table:table-cell></table:table-row></table:table>"#
        )
    };
    let body = format!(
        r#"<office:automatic-styles><style:style style:name="ta1" style:family="table"><style:table-properties table:display="true"/></style:style>
        <style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style></office:automatic-styles>
        <office:body><office:spreadsheet>{}{}{}</office:spreadsheet></office:body>"#,
        sheet("Prices", "ta1"),
        sheet("Margins", "ta2"),
        sheet("Hours", "ta1"),
    );
    let expected = [("Prices", "of Prices"), ("Hours", "of Hours")];
    assert_eq!(
        sections(Kind::Ods, "spreadsheet", &body),
        expected.map(|(path, text)| (path.to_owned(), text.to_owned()))
    );
}

#[test]
fn page_headers_and_footers_come_once_and_without_page_numbers() {
    let page = |header: &str| {
        format!(
            "<style:master-page><style:header><text:p>{header}</text:p></style:header><style:footer><text:p>Page \
             <text:page-number>1</text:page-number></text:p></style:footer></style:master-page>"
        )
    };
    let styles = format!(
        "<office:document-styles><office:styles><text:p>No text</text:p></office:styles><office:master-styles>{}{}\
         </office:master-styles></office:document-styles>",
        page("Policy of 2025"),
        page("Policy of 2025")
    );
    let content = "<office:document-content><office:body><office:text><text:p>Returns within 14 days.</text:p>\
                   </office:text></office:body></office:document-content>";
    let file = zip_package(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("content.xml", content),
        ("styles.xml", &styles),
    ]);
    let extracted = extract(&file, Kind::Odt).expect("a readable document");
    let texts: Vec<&str> = extracted.sections.iter().map(|section| section.text.as_str()).collect();
    assert_eq!(texts, ["Policy of 2025\nPage", "Returns within 14 days."]);
}
