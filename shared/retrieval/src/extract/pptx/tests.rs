use samples::{pptx, relationships, shape};

use crate::{Kind, extract};

fn slides(bytes: &[u8]) -> Vec<(Option<u32>, String)> {
    let extracted = extract(bytes, Kind::Pptx).expect("a readable presentation");
    extracted
        .sections
        .iter()
        .map(|s| (s.place.page(), s.text.clone()))
        .collect()
}

#[test]
fn slides_are_pages_in_the_order_of_the_presentation() {
    let first = shape("body", &["Three years", "of warranty"])
        + &shape("title", &["Lamps"])
        + &shape("sldNum", &["1"])
        + &shape("ftr", &["Acme"]);
    let third = shape("ctrTitle", &["End"]) + &shape("ftr", &["Acme"]);
    let bytes = pptx(&[&first, "", &third], &[]);
    let expected = [(Some(1), "Lamps\nThree years\nof warranty\nAcme"), (Some(3), "End")];
    assert_eq!(slides(&bytes), expected.map(|(page, text)| (page, text.to_owned())));
    assert_eq!(extract(&bytes, Kind::Pptx).expect("a presentation").pages, Some(3));
}

#[test]
fn tables_charts_and_notes_are_read() {
    let cell = |text: &str| format!("<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>");
    let table = format!(
        "<p:graphicFrame><a:tbl><a:tr>{}{}</a:tr><a:tr>{}{}</a:tr></a:tbl></p:graphicFrame>",
        cell("Part"),
        cell("Price"),
        cell("Bulb"),
        cell("3")
    );
    let bullets = "<p:sp><p:txBody><a:p><a:pPr><a:buChar char=\"•\"/></a:pPr><a:r><a:t>item</a:t></a:r></a:p></p:txBody></p:sp>\
        <mc:AlternateContent><mc:Choice><p:sp><p:txBody><a:p><a:r><a:t>once</a:t></a:r></a:p></p:txBody></p:sp></mc:Choice><mc:Fallback><p:sp><p:txBody><a:p><a:r><a:t>once</a:t></a:r></a:p></p:txBody></p:sp></mc:Fallback></mc:AlternateContent>";
    let rels = relationships(&[
        ("notesSlide", "../notesSlides/notes1.xml"),
        ("chart", "../charts/chart1.xml"),
    ]);
    let notes = format!(
        "<p:notes xmlns:p=\"p\" xmlns:a=\"a\">{}{}</p:notes>",
        shape("body", &["Say hello."]),
        shape("sldNum", &["1"])
    );
    let values = |part: &str, values: &[&str]| {
        let points = values
            .iter()
            .map(|value| format!("<c:pt><c:v>{value}</c:v></c:pt>"))
            .collect::<Vec<String>>()
            .concat();
        format!("<c:{part}>{points}</c:{part}>")
    };
    let chart = format!(
        "<c:chart xmlns:c=\"c\" xmlns:a=\"a\"><c:title><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:title><c:ser>{}{}{}</c:ser><c:ser>{}{}{}</c:ser></c:chart>",
        values("tx", &["North"]),
        values("cat", &["2024", "2025"]),
        values("val", &["5", "6"]),
        values("tx", &["South"]),
        values("cat", &["2024", "2025"]),
        values("val", &["7", "8"]),
    );
    let bytes = pptx(
        &[&(table + bullets)],
        &[
            ("ppt/slides/_rels/slide1.xml.rels", &rels),
            ("ppt/notesSlides/notes1.xml", &notes),
            ("ppt/charts/chart1.xml", &chart),
        ],
    );
    let expected =
        "Part | Price\nBulb | 3\n- item\nonce\nSales\n| 2024 | 2025\nNorth | 5 | 6\nSouth | 7 | 8\nNotes: Say hello.";
    assert_eq!(slides(&bytes), [(Some(1), expected.to_owned())]);
}

#[test]
fn a_presentation_without_text_is_empty() {
    let error = extract(&pptx(&["", ""], &[]), Kind::Pptx).expect_err("no text");
    assert_eq!(error.code(), "empty");
}
