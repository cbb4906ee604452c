//! One small document of each kind, and the parts to make others of their kind. Each says how long the warranty of the
//! Meridian lamp is.

use crate::docx::{XML, package};
use crate::{faq_txt, handbook_pdf, product_docx};

/// A document of each kind, with a file name of that kind.
pub fn of_each_kind() -> Vec<(&'static str, Vec<u8>)> {
    let sheet = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>Product</t></is></c><c r=\"B1\" t=\"inlineStr\"><is><t>Warranty in years</t></is></c></row>\
        <row r=\"2\"><c r=\"A2\" t=\"inlineStr\"><is><t>Meridian lamp</t></is></c><c r=\"B2\"><v>3</v></c></row>";
    let slide = shape("title", &["Meridian lamp"]) + &shape("body", &["The lamp has a warranty of three years."]);
    let text = "<text:h text:outline-level=\"1\">Meridian lamp</text:h><text:p>The lamp has a warranty of three years.</text:p>";
    let table = "<table:table table:name=\"Lamps\"><table:table-row><table:table-cell><text:p>Product</text:p></table:table-cell><table:table-cell><text:p>Warranty</text:p></table:table-cell></table:table-row>\
        <table:table-row><table:table-cell><text:p>Meridian lamp</text:p></table:table-cell><table:table-cell><text:p>3 years</text:p></table:table-cell></table:table-row></table:table>";
    let page = "<draw:page draw:name=\"page1\"><draw:frame><draw:text-box><text:p>The lamp has a warranty of three years.</text:p></draw:text-box></draw:frame></draw:page>";
    vec![
        ("handbook.pdf", handbook_pdf()),
        ("grinder.docx", product_docx()),
        ("faq.txt", faq_txt()),
        ("lamp.md", b"# Meridian lamp\n\nThe lamp has a warranty of *three years*.\n".to_vec()),
        ("lamp.json", b"{\"product\": \"Meridian lamp\", \"warranty\": \"three years\"}\n".to_vec()),
        ("lamps.csv", b"Product;Warranty in years\nMeridian lamp;3\n\"Table lamp; small\";2\n".to_vec()),
        ("lamps.xlsx", xlsx(&[("Lamps", sheet)], &[])),
        ("lamp.pptx", pptx(&[&slide], &[])),
        ("lamp.odt", opendocument("text", &format!("<office:text>{text}</office:text>"))),
        ("lamps.ods", opendocument("spreadsheet", &format!("<office:spreadsheet>{table}</office:spreadsheet>"))),
        ("lamp.odp", opendocument("presentation", &format!("<office:presentation>{page}</office:presentation>"))),
        ("lamp.rtf", br"{\rtf1\ansi\ansicpg1252 {\b Meridian lamp}\par The lamp has a warranty of three years.\par}".to_vec()),
        ("lamp.html", b"<!DOCTYPE html><html><body><h1>Meridian lamp</h1><p>The lamp has a warranty of three years.</p></body></html>".to_vec()),
        ("lamp.epub", epub(&["<h1>Meridian lamp</h1><p>The lamp has a warranty of three years.</p>"], &[])),
        ("lamp.eml", eml("The lamp has a warranty of three years.")),
    ]
}

/// A ZIP archive that is no document.
pub fn zip_of_pictures() -> Vec<u8> {
    package(&[("holiday/beach.jpg", "picture"), ("holiday/sea.jpg", "picture")])
}

/// Writes parts as a ZIP, in this order and without a time of day: any format that is one.
pub fn zip_package(parts: &[(&str, &str)]) -> Vec<u8> {
    package(parts)
}

const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// `_rels` of a part: role and target of each relationship, which has the ID `rId1`, `rId2` ...
pub fn relationships(targets: &[(&str, &str)]) -> String {
    let all: Vec<String> = targets
        .iter()
        .enumerate()
        .map(|(index, (role, target))| {
            format!(
                "<Relationship Id=\"rId{}\" Type=\"{RELATIONSHIPS}/{role}\" Target=\"{target}\"/>",
                index + 1
            )
        })
        .collect();
    format!(
        "{XML}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{}</Relationships>",
        all.concat()
    )
}

/// A workbook of sheets with a name and the rows of `sheetData`, beside other parts (`xl/styles.xml`).
pub fn xlsx(sheets: &[(&str, &str)], others: &[(&str, &str)]) -> Vec<u8> {
    let numbered = || (1..).zip(sheets);
    let list = numbered()
        .map(|(number, (name, _))| format!("<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"rId{number}\"/>"))
        .collect::<Vec<String>>()
        .concat();
    let workbook = format!(
        "{XML}<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"{RELATIONSHIPS}\"><sheets>{list}</sheets></workbook>"
    );
    let targets: Vec<String> = numbered()
        .map(|(number, _)| format!("worksheets/sheet{number}.xml"))
        .collect();
    let mut roles: Vec<(&str, &str)> = targets.iter().map(|target| ("worksheet", target.as_str())).collect();
    for (name, _) in others {
        match *name {
            "xl/styles.xml" => roles.push(("styles", "styles.xml")),
            "xl/sharedStrings.xml" => roles.push(("sharedStrings", "/xl/sharedStrings.xml")),
            _ => {}
        }
    }
    let contents: Vec<(String, String)> = numbered()
        .map(|(number, (_, rows))| {
            // What follows the rows (`mergeCells`) follows them in the parameter too.
            let (rows, after) = rows.split_once("</sheetData>").unwrap_or((rows, ""));
            let sheet = format!("{XML}<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData>{after}</worksheet>");
            (format!("xl/worksheets/sheet{number}.xml"), sheet)
        })
        .collect();
    let (root, own) = (
        relationships(&[("officeDocument", "xl/workbook.xml")]),
        relationships(&roles),
    );
    let mut parts = vec![
        ("_rels/.rels", root.as_str()),
        ("xl/workbook.xml", &workbook),
        ("xl/_rels/workbook.xml.rels", &own),
    ];
    parts.extend(contents.iter().map(|(name, content)| (name.as_str(), content.as_str())));
    parts.extend(others);
    package(&parts)
}

/// A shape of a slide with a placeholder type and paragraphs.
pub fn shape(role: &str, paragraphs: &[&str]) -> String {
    let text = paragraphs
        .iter()
        .map(|text| format!("<a:p><a:r><a:t>{text}</a:t></a:r></a:p>"))
        .collect::<Vec<String>>()
        .concat();
    format!("<p:sp><p:nvSpPr><p:nvPr><p:ph type=\"{role}\"/></p:nvPr></p:nvSpPr><p:txBody>{text}</p:txBody></p:sp>")
}

/// A presentation of slides with these shapes, in reverse order of their file names, beside other parts.
pub fn pptx(slides: &[&str], others: &[(&str, &str)]) -> Vec<u8> {
    let count = slides.len();
    let ids = (1..=count)
        .map(|number| format!("<p:sldId id=\"{}\" r:id=\"rId{number}\"/>", 255 + number))
        .collect::<Vec<String>>()
        .concat();
    let namespaces = format!(
        "xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\" xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" xmlns:r=\"{RELATIONSHIPS}\" xmlns:mc=\"http://schemas.openxmlformats.org/markup-compatibility/2006\""
    );
    let presentation = format!("{XML}<p:presentation {namespaces}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>");
    let targets: Vec<String> = (1..=count)
        .map(|number| format!("slides/slide{}.xml", count + 1 - number))
        .collect();
    let roles: Vec<(&str, &str)> = targets.iter().map(|target| ("slide", target.as_str())).collect();
    let contents: Vec<(String, String)> = targets
        .iter()
        .zip(slides)
        .map(|(target, shapes)| {
            let slide = format!("{XML}<p:sld {namespaces}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>");
            (format!("ppt/{target}"), slide)
        })
        .collect();
    let (root, own) = (
        relationships(&[("officeDocument", "ppt/presentation.xml")]),
        relationships(&roles),
    );
    let mut parts = vec![
        ("_rels/.rels", root.as_str()),
        ("ppt/presentation.xml", &presentation),
        ("ppt/_rels/presentation.xml.rels", &own),
    ];
    parts.extend(contents.iter().map(|(name, content)| (name.as_str(), content.as_str())));
    parts.extend(others);
    package(&parts)
}

/// An `OpenDocument` file of a type (`text`, `spreadsheet`, `presentation`) with this content of `office:body`.
pub fn opendocument(kind: &str, body: &str) -> Vec<u8> {
    let namespaces = ["office", "text", "table", "draw", "presentation"]
        .map(|name| format!("xmlns:{name}=\"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0\""))
        .join(" ");
    let content = format!(
        "{XML}<office:document-content {namespaces} xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><office:body>{body}</office:body></office:document-content>"
    );
    package(&[
        ("mimetype", &format!("application/vnd.oasis.opendocument.{kind}")),
        ("content.xml", &content),
    ])
}

/// A book with a chapter for each of these bodies, in reverse order of their file names, beside other parts.
pub fn epub(chapters: &[&str], others: &[(&str, &str)]) -> Vec<u8> {
    let count = chapters.len();
    let name = |number: usize| format!("text/chapter%20{}.xhtml", count - number);
    let items = (0..count)
        .map(|number| {
            format!(
                "<item id=\"c{number}\" href=\"{}\" media-type=\"application/xhtml+xml\"/>",
                name(number)
            )
        })
        .collect::<Vec<String>>()
        .concat();
    let spine = (0..count)
        .map(|number| format!("<itemref idref=\"c{number}\"/>"))
        .collect::<Vec<String>>()
        .concat();
    let book = format!(
        "{XML}<package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\"><manifest>{items}</manifest><spine>{spine}</spine></package>"
    );
    let contents: Vec<(String, String)> = chapters
        .iter()
        .enumerate()
        .map(|(number, body)| {
            let page = format!("{XML}<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>Book</title></head><body>{body}</body></html>");
            (format!("OEBPS/{}", name(number).replace("%20", " ")), page)
        })
        .collect();
    let container = format!(
        "{XML}<container xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles><rootfile full-path=\"OEBPS/book.opf\"/></rootfiles></container>"
    );
    let mut parts = vec![
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", &container),
        ("OEBPS/book.opf", &book),
    ];
    parts.extend(contents.iter().map(|(name, content)| (name.as_str(), content.as_str())));
    parts.extend(others);
    package(&parts)
}

/// An email with this text.
pub fn eml(text: &str) -> Vec<u8> {
    let lines = [
        "From: Ada <ada@example.com>",
        "To: Bob <bob@example.com>",
        "Subject: Meridian lamp",
        "Date: Mon, 31 Mar 2025 10:00:00 +0200",
        "Message-ID: <1@example.com>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        "",
    ];
    lines.join("\r\n").into_bytes()
}
