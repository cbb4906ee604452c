use crate::{Kind, extract};

fn sections(bytes: &[u8]) -> Vec<(String, String)> {
    let extracted = extract(bytes, Kind::Xlsx).expect("a readable workbook");
    let path = |section: &crate::Section| section.place.heading().unwrap_or("-").to_owned();
    extracted.sections.iter().map(|s| (path(s), s.text.clone())).collect()
}

fn text(column: &str, text: &str) -> String {
    format!(r#"<c r="{column}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

#[test]
fn cells_are_shown_as_excel_shows_them_in_their_columns() {
    let styles = r##"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="#,##0.00\ &quot;€&quot;"/></numFmts>
        <cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs></styleSheet>"##;
    let strings = "<sst><si><t>Date</t></si><si><r><t>Pri</t></r><r><t>ce</t></r><rPh><t>no</t></rPh></si><si/><si><t>Share</t></si></sst>";
    let rows = r#"<row r="1"><c r="B1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c><c r="E1" t="s"><v>3</v></c><c r="F1" t="s"><v>2</v></c></row>
        <row r="3"><c r="B3" s="1"><v>45747</v></c><c r="C3" s="2"><f>1+1</f><v>1234.5</v></c><c r="E3" s="3"><v>0.25</v></c></row>
        <row r="4"><c r="B4" s="1"><v>45748</v></c><c r="C4" s="2"/><c r="E4" t="b"><v>1</v></c></row>
        <row><c t="str"><v>total</v></c><c t="e"><v>#DIV/0!</v></c></row>"#;
    let book = samples::xlsx(
        &[("Sales", rows)],
        &[("xl/styles.xml", styles), ("xl/sharedStrings.xml", strings)],
    );
    let expected = "| Date | Price | Share\n| 2025-03-31 | 1,234.50 € | 25%\n| 2025-04-01 | | TRUE\ntotal | #DIV/0!";
    assert_eq!(sections(&book), [("Sales".to_owned(), expected.to_owned())]);
}

#[test]
fn merged_cells_are_repeated_in_their_rows() {
    let row = |number: usize, cells: &str| format!(r#"<row r="{number}">{cells}</row>"#);
    let rows = row(1, &(text("A1", "Region") + &text("B1", "City")))
        + &row(2, &(text("A2", "North") + &text("B2", "Kiel")))
        + &row(3, &text("B3", "Husum"))
        + &row(5, &text("B5", "Bern"))
        + r#"</sheetData><mergeCells><mergeCell ref="A2:A4"/><mergeCell ref="A1:XFD1048576"/><mergeCell ref="x"/></mergeCells>"#;
    let got = sections(&samples::xlsx(&[("a", &rows)], &[]));
    assert_eq!(got[0].1.lines().nth(2), Some("North | Husum"));
    assert_eq!(got[0].1.lines().next(), Some("Region | City"));
}

#[test]
fn sheets_are_sections_and_hidden_ones_are_left_out() {
    let row = |value: &str| format!("<row>{}</row>", text("A1", value));
    let book = samples::xlsx(
        &[
            ("First", &row("one")),
            (r#"Secret" state="hidden"#, &row("two")),
            ("Empty", ""),
            ("Last &amp; least", &row("three")),
        ],
        &[],
    );
    let expected = [("First", "one"), ("Last & least", "three")].map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(sections(&book), expected);
}

#[test]
fn each_passage_of_a_long_sheet_begins_with_the_header_row() {
    let header = format!("<row>{}{}</row>", text("A1", "Part"), text("B1", "Price in euros"));
    let rows = (2..300)
        .map(|n| {
            format!(
                r#"<row r="{n}">{}<c r="B{n}"><v>{n}</v></c></row>"#,
                text(&format!("A{n}"), &format!("ZK-{n}"))
            )
        })
        .collect::<Vec<String>>()
        .concat();
    let extracted = extract(&samples::xlsx(&[("Parts", &(header + &rows))], &[]), Kind::Xlsx).expect("a workbook");
    let chunks = crate::chunk(&extracted, &crate::ChunkOptions::default());
    assert!(chunks.len() > 2);
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk.text.starts_with("Part | Price in euros\nZK-")),
        "{chunks:?}"
    );
}

#[test]
fn a_cell_far_away_costs_nothing_and_a_sheet_of_them_is_refused() {
    let corner = format!(r#"<row r="1048576">{}</row>"#, text("XFD1048576", "corner"));
    assert_eq!(sections(&samples::xlsx(&[("a", &corner)], &[]))[0].1, "corner");
    let column = |mut index: usize| {
        let mut name = String::new();
        index += 1;
        while index > 0 {
            name.insert(0, char::from(b'A' + u8::try_from((index - 1) % 26).unwrap_or(0)));
            index = (index - 1) / 26;
        }
        name
    };
    let diagonal = (0..16_000)
        .map(|n| format!(r#"<row r="{}"><c r="{}{}"><v>1</v></c></row>"#, n + 1, column(n), n + 1))
        .collect::<Vec<String>>()
        .concat();
    let error = extract(&samples::xlsx(&[("a", &diagonal)], &[]), Kind::Xlsx).expect_err("128 million cells");
    assert_eq!(error.code(), "too_large");
}

#[test]
fn a_shared_string_that_does_not_exist_is_empty() {
    let rows = r#"<row><c t="s"><v>99999999999</v></c><c t="s"><v>x</v></c><c><v>NaN</v></c><c><v>1e999</v></c></row>"#;
    assert_eq!(sections(&samples::xlsx(&[("a", rows)], &[]))[0].1, "NaN | 1e999");
}
