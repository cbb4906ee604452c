//! Structures of a PDF that do not end, or multiply.

use super::raw_pdf::{RawPdf, show};
use super::{Hostile, kind, zlib};

const MB: usize = 1024 * 1024;

pub(super) const KINDS: &[Hostile] = &[
    kind("nested-arrays.pdf", || nested("[", 1_000_000), &["damaged"]),
    kind("nested-dictionaries.pdf", || nested("<</A", 1_000_000), &["damaged"]),
    kind(
        "nested-in-object-stream.pdf",
        nested_in_object_stream,
        &["damaged", "too_large", "too_slow", "empty"],
    ),
    kind("page-tree-cycle.pdf", crate::page_tree_loop_pdf, &["damaged"]),
    kind("page-tree-doubling.pdf", page_tree_doubling, &["damaged", "too_large"]),
    kind("many-pages.pdf", || many_pages(6_000), &["too_large"]),
    kind("page-count.pdf", page_count, &["ready", "damaged", "too_large"]),
    kind(
        "forms-multiplied.pdf",
        forms_multiplied,
        &["ready", "too_large", "too_slow", "empty", "no_text"],
    ),
    kind("form-draws-itself.pdf", form_draws_itself, &["ready"]),
    kind("many-words.pdf", many_words, &["too_large", "empty", "no_text"]),
    kind(
        "long-string.pdf",
        || one_page(&show(&"a".repeat(20 * MB))),
        &["too_large", "empty", "no_text"],
    ),
    kind(
        "long-name.pdf",
        || one_page(format!("/{} gs\n", "N".repeat(20 * MB)).as_bytes()),
        ANY,
    ),
    kind("unicode-map.pdf", unicode_map, ANY),
    kind("widths.pdf", widths, ANY),
    kind("previous-cycle.pdf", previous_cycle, ANY),
    kind("length-lies.pdf", length_lies, ANY),
    kind("length-refers-to-itself.pdf", length_refers_to_itself, ANY),
    kind(
        "encrypted-nonsense.pdf",
        encrypted_nonsense,
        &["encrypted", "damaged", "ready"],
    ),
    kind("columns-everywhere.pdf", columns_everywhere, ANY),
];

/// Nobody can say what such a file holds; it has to end, that is all.
const ANY: &[&str] = &["ready", "damaged", "too_large", "too_slow", "empty", "no_text"];

fn one_page(content: &[u8]) -> Vec<u8> {
    RawPdf::with_page("").stream("", content).finish("")
}

fn nested(open: &str, depth: usize) -> Vec<u8> {
    RawPdf::with_page("").object(&open.repeat(depth)).finish("")
}

/// The same where only the parser sees it: in compressed data.
fn nested_in_object_stream() -> Vec<u8> {
    let data = [b"7 0 ".to_vec(), b"[".repeat(2_000_000)].concat();
    let pdf = RawPdf::new()
        .object("<</Type/Catalog/Pages 7 0 R>>")
        .object("null")
        .object("null")
        .object("null")
        .object("null")
        .stream("/Type/ObjStm/N 1/First 4/Filter/FlateDecode", &zlib(&data, data.len()));
    let entries = pdf.xref_entries(Some(6));
    pdf.finish_with_xref_stream("/W[1 4 2]", &entries)
}

/// Each of 30 branches holds the next one twice: a thousand million pages.
fn page_tree_doubling() -> Vec<u8> {
    let mut pdf = RawPdf::new().object("<</Type/Catalog/Pages 2 0 R>>");
    for number in 2..32 {
        let next = number + 1;
        pdf = pdf.object(&format!("<</Type/Pages/Count 1000000000/Kids[{next} 0 R {next} 0 R]>>"));
    }
    pdf.object("<</Type/Page/MediaBox[0 0 595 842]>>").finish("")
}

fn many_pages(count: usize) -> Vec<u8> {
    let kids = (0..count)
        .map(|index| format!("{} 0 R ", index + 5))
        .collect::<Vec<_>>()
        .concat();
    let mut pdf = RawPdf::new()
        .object("<</Type/Catalog/Pages 2 0 R>>")
        .object(&format!("<</Type/Pages/Count {count}/Kids[{kids}]>>"))
        .object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
        .stream("", &show("The same words on every page."));
    for _ in 0..count {
        pdf = pdf
            .object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 3 0 R>>>>>>");
    }
    pdf.finish("")
}

/// One page, and a tree that says it has four thousand million.
fn page_count() -> Vec<u8> {
    RawPdf::new()
        .object("<</Type/Catalog/Pages 2 0 R>>")
        .object("<</Type/Pages/Kids[3 0 R]/Count 4294967295>>")
        .object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>")
        .object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
        .stream("", &show("One page with enough words on it."))
        .finish("")
}

/// Each of nine forms draws the next one ten times.
fn forms_multiplied() -> Vec<u8> {
    let mut pdf = RawPdf::with_page("/XObject<</X 6 0 R>>").stream("", &b"/X Do ".repeat(10));
    for number in 6..15 {
        let entries = format!(
            "/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</Font<</F 4 0 R>>/XObject<</X {} 0 R>>>>",
            number + 1
        );
        pdf = pdf.stream(&entries, &b"/X Do ".repeat(10));
    }
    let entries = "/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</Font<</F 4 0 R>>>>";
    pdf.stream(entries, &show("Words at the bottom of all forms."))
        .finish("")
}

fn form_draws_itself() -> Vec<u8> {
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</Font<</F 4 0 R>>/XObject<</X 6 0 R>>>>";
    let content = [show("Words before a form that draws itself."), b"/X Do\n".to_vec()].concat();
    RawPdf::with_page("/XObject<</X 6 0 R>>")
        .stream("", &content)
        .stream(form, &content)
        .finish("")
}

/// A million words on one page.
fn many_words() -> Vec<u8> {
    let words = b"BT /F 1 Tf 1 0 0 1 9 9 Tm (word) Tj ET\n";
    let content = words.repeat(1_000_000);
    RawPdf::with_page("")
        .stream("/Filter/FlateDecode", &zlib(&content, content.len()))
        .finish("")
}

/// A font whose codes stand for four thousand million characters (ISO 32000-2, 9.10.3).
fn unicode_map() -> Vec<u8> {
    let range = "1 beginbfrange <00000000> <ffffffff> <0041> endbfrange\n";
    let ranges = "100 beginbfrange <0000> <ffff> <00410042004300440045004600470048> endbfrange\n".repeat(2_000);
    let map = format!(
        "/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <00000000> <ffffffff> endcodespacerange\n{range}{ranges}endcmap\n"
    );
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>";
    RawPdf::new()
        .object("<</Type/Catalog/Pages 2 0 R>>")
        .object("<</Type/Pages/Kids[3 0 R]/Count 1>>")
        .object(page)
        .object("<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 7 0 R>>")
        .stream("", &show("abcdefgh"))
        .object("<</Type/Font/Subtype/CIDFontType2/BaseFont/A/CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>>>")
        .stream("/Filter/FlateDecode", &zlib(map.as_bytes(), map.len()))
        .finish("")
}

/// A font with the width of four thousand million glyphs (ISO 32000-2, 9.7.4.3).
fn widths() -> Vec<u8> {
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/A/W[0 4294967295 500 0 2147483647 1]\
                      /CIDSystemInfo<</Registry(A)/Ordering(I)/Supplement 0>>>>";
    RawPdf::new()
        .object("<</Type/Catalog/Pages 2 0 R>>")
        .object("<</Type/Pages/Kids[3 0 R]/Count 1>>")
        .object(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F 4 0 R/G 7 0 R>>>>>>",
        )
        .object("<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[6 0 R]>>")
        .stream(
            "",
            &[
                show("abcdefgh"),
                b"BT /G 12 Tf 9 9 Td (Words in a font without end.) Tj ET".to_vec(),
            ]
            .concat(),
        )
        .object(descendant)
        .object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/FirstChar -2147483648/LastChar 2147483647/Widths[500]>>")
        .finish("")
}

/// Each table of objects names itself as the one before it.
fn previous_cycle() -> Vec<u8> {
    let words = show("Words in a file whose table goes round in circles.");
    let file = |offset: usize| {
        RawPdf::with_page("")
            .stream("", &words)
            .finish(&format!("/Prev {offset}"))
    };
    let start = |file: &[u8]| file.windows(5).position(|window| window == b"xref\n").unwrap_or(0);
    // The offset stands behind the table and does not move it.
    file(start(&file(0)))
}

fn length_lies() -> Vec<u8> {
    let words = show("Words in a stream that claims to be longer than the file.");
    let body = format!(
        "<</Length 99999999999>>stream\n{}\nendstream",
        String::from_utf8_lossy(&words)
    );
    RawPdf::with_page("").object(&body).finish("")
}

fn length_refers_to_itself() -> Vec<u8> {
    let words = show("Words in a stream whose length is the stream.");
    let body = format!(
        "<</Length 5 0 R>>stream\n{}\nendstream",
        String::from_utf8_lossy(&words)
    );
    RawPdf::with_page("").object(&body).finish("")
}

fn encrypted_nonsense() -> Vec<u8> {
    let zeros = "00".repeat(48);
    let encrypt = format!(
        "/Encrypt<</Filter/Standard/V 5/R 6/Length 2147483647/P -1/O<{zeros}>/U<{zeros}>/OE<{zeros}>/UE<{zeros}>\
         /CF<</StdCF<</CFM/AESV3/Length 1000000000>>>>/StmF/StdCF/StrF/StdCF>>/ID[<00><00>]"
    );
    RawPdf::with_page("")
        .stream("", &show("Words that nobody encrypted."))
        .finish(&encrypt)
}

/// 25,000 words, each in a column and a row of its own on a page of a kilometer: the work of whoever looks for columns.
fn columns_everywhere() -> Vec<u8> {
    let content = (0..25_000_u32)
        .map(|n| {
            format!(
                "BT /F 9 Tf 1 0 0 1 {} {} Tm (w) Tj ET\n",
                100 * (n * 7_919 % 25_000),
                20 * n
            )
        })
        .collect::<Vec<_>>()
        .concat();
    RawPdf::with_page("")
        .stream("/Filter/FlateDecode", &zlib(content.as_bytes(), content.len()))
        .finish("")
}
