//! Files written by hand: one page each, with what is tested.

use std::fmt::Write as _;

use pdf_oxide::crypto::{AesKeySize, HashAlgorithm, Padding, active};

use super::*;

/// A file of these objects, numbered from 1; the first is the catalog.
pub(super) fn file(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut table = String::new();
    for (number, object) in (1..).zip(objects) {
        let _ = writeln!(table, "{:010} 00000 n ", bytes.len());
        bytes.extend(format!("{number} 0 obj\n").bytes());
        bytes.extend_from_slice(object);
        bytes.extend_from_slice(b"\nendobj\n");
    }
    let (start, size) = (bytes.len(), objects.len() + 1);
    let end = format!(
        "xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n"
    );
    bytes.extend(end.bytes());
    bytes
}

pub(super) fn objects(objects: &[&str]) -> Vec<Vec<u8>> {
    objects.iter().map(|object| object.as_bytes().to_vec()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

pub(super) fn stream(content: &[u8]) -> Vec<u8> {
    let start = format!("<< /Length {} >>\nstream\n", content.len());
    [start.as_bytes(), content, b"\nendstream"].concat()
}

const FONT: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>";

pub(super) const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";
pub(super) const PAGES: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";

/// One page: its content, the font `/F`, more entries of the page, and more objects from number 6 on.
fn page_of(content: &str, font: &str, entries: &str, more: &[&str]) -> Vec<u8> {
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> {entries} >>"
    );
    let mut all = objects(&[CATALOG, PAGES, &page]);
    all.push(stream(content.as_bytes()));
    all.extend(objects(&[font]));
    all.extend(objects(more));
    file(&all, "")
}

/// A page with this content; its font is called `/F`.
pub(super) fn page(content: &str) -> Vec<u8> {
    page_of(content, FONT, "", &[])
}

fn text(bytes: &[u8]) -> String {
    let extracted = extract(bytes, Kind::Pdf).expect("a readable PDF");
    extracted.sections.into_iter().map(|section| section.text).collect()
}

#[test]
fn words_are_divided_where_the_offset_is_a_space() {
    let content = "BT /F 10 Tf 50 700 Td [(f) -15 (or) -333 (W) 70 (indows)] TJ ET";
    assert_eq!(text(&page(content)), "for Windows");
}

#[test]
fn a_word_keeps_its_letters_although_the_next_one_begins_before_its_end() {
    let content = "BT /F 10 Tf 50 700 Td (for ) Tj ET BT /F 10 Tf 62 700 Td (Windows) Tj ET";
    assert_eq!(text(&page(content)), "for Windows");
}

#[test]
fn an_accent_over_its_letter_is_part_of_it() {
    let content = "BT /F 10 Tf 50 700 Td [(Matem) (\\264) 600 (atica)] TJ ET";
    assert_eq!(text(&page(content)), "Matemática");
}

#[test]
fn text_in_forms_is_read_where_it_is_placed() {
    let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /Font << /F 5 0 R >> >> /Length 37 >>\n\
                stream\nBT /F 10 Tf 0 0 Td (from a form) Tj ET\nendstream";
    let content = "BT /F 10 Tf 50 700 Td (Text) Tj ET q 1 0 0 1 80 700 cm /X Do Q BT /F 10 Tf 152 700 Td (here) Tj ET";
    let resources = "/Resources << /Font << /F 5 0 R >> /XObject << /X 6 0 R >> >>";
    assert_eq!(
        text(&page_of(content, FONT, resources, &[form])),
        "Text from a form here"
    );
}

#[test]
fn a_form_that_contains_itself_ends() {
    let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /X 6 0 R >> /Font << /F 5 0 R >> >> \
                /Length 46 >>\nstream\nBT /F 10 Tf 50 700 Td (once) Tj ET /X Do /X Do\nendstream";
    let resources = "/Resources << /XObject << /X 6 0 R >> >>";
    assert_eq!(text(&page_of("/X Do", FONT, resources, &[form])), "once");
}

#[test]
fn replacement_text_stands_for_its_glyphs() {
    let content =
        "BT /F 10 Tf 50 700 Td (An ) Tj /Span << /ActualText (office) >> BDC (o\\214ce) Tj EMC ( in town) Tj ET";
    assert_eq!(text(&page(content)), "An office in town");
}

#[test]
fn rotated_pages_and_text_in_the_margin_are_read() {
    let content = "BT /F 10 Tf 0 1 -1 0 300 100 Tm (A landscape page.) Tj 0 -14 Td (Its second line.) Tj ET \
                   BT /F 8 Tf 1 0 0 1 50 700 Tm (Stamp) Tj ET";
    assert_eq!(
        text(&page_of(content, FONT, "/Rotate 90", &[]))
            .lines()
            .collect::<Vec<_>>(),
        ["A landscape page. Its second line.", "Stamp"]
    );
}

#[test]
fn hebrew_that_is_drawn_from_left_to_right_is_read_from_right_to_left() {
    let names: Vec<String> = "אבגדהוזחטיכלמנסעפצקרשתםן"
        .chars()
        .map(|c| format!("/uni{:04X}", u32::from(c)))
        .collect();
    let widths = "500 ".repeat(names.len());
    let font = format!(
        "<< /Type /Font /Subtype /Type1 /BaseFont /Hebrew /FirstChar 97 /LastChar {} /Widths [{widths}] \
         /Encoding << /Type /Encoding /Differences [97 {}] >> >>",
        96 + names.len(),
        names.join(" ")
    );
    let more = [FONT];
    // As the page shows it: the letters of "shalom" from left to right are mem, vav, lamed, shin.
    let content = "BT /F 10 Tf 50 700 Td (wflu) Tj ET BT /L 10 Tf 80 700 Td (Windows 11) Tj ET BT /F 10 Tf 145 700 Td (cba) Tj ET";
    let resources = "/Resources << /Font << /F 5 0 R /L 6 0 R >> >>";
    assert_eq!(text(&page_of(content, &font, resources, &more)), "אבג Windows 11 שלום");
}

#[test]
fn vertical_chinese_is_read_from_top_to_bottom_and_from_right_to_left() {
    let font = "<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /UniGB-UCS2-V /DescendantFonts [6 0 R] >>";
    let descendant = "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Song /DW 1000 /CIDSystemInfo \
                      << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>";
    let hex = |text: &str| hex(&text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    let content = format!(
        "BT /F 12 Tf 300 700 Td <{}> Tj ET BT /F 12 Tf 280 700 Td <{}> Tj ET",
        hex("所有商品都有两年保修我们每"),
        hex("天从仓库发货")
    );
    assert_eq!(
        text(&page_of(&content, font, "", &[descendant])),
        "所有商品都有两年保修我们每天从仓库发货"
    );
}

#[test]
fn values_of_form_fields_are_read_beside_their_labels() {
    let content = "BT /F 11 Tf 60 704 Td (Surname:) Tj ET BT /F 11 Tf 60 674 Td (Married:) Tj ET";
    let annotations = "/Annots [6 0 R 7 0 R 8 0 R 9 0 R 10 0 R]";
    let fields = [
        "<< /Subtype /Widget /FT /Tx /T (p1.f01[0]) /TU (Family name of the borrower:) /V (Lindqvist) /Rect [160 700 400 716] >>",
        "<< /Subtype /Widget /FT /Btn /T (married) /V /On /AS /On /Rect [160 670 176 686] >>",
        "<< /Subtype /Widget /FT /Ch /T (plan) /V (p2) /Opt [[(p1) (Monthly)] [(p2) (Yearly)]] /Rect [160 640 300 656] >>",
        "<< /Subtype /Widget /FT /Btn /T (unused) /V /Off /AS /Off /Rect [160 600 176 616] >>",
        "<< /Subtype /Text /Contents (Check the income.) /T (Ada) /Rect [10 10 20 20] >>",
    ];
    let text = text(&page_of(content, FONT, annotations, &fields));
    let lines: Vec<&str> = text.lines().collect();
    assert!(text.contains("Surname: Lindqvist"), "{text}");
    assert!(lines.contains(&"Family name of the borrower: Lindqvist"), "{text}");
    assert!(text.contains("Married: yes"), "{text}");
    assert!(lines.contains(&"plan: Yearly"), "{text}");
    assert!(!text.contains("unused"), "{text}");
    assert!(lines.contains(&"[Note by Ada: Check the income.]"), "{text}");
}

#[test]
fn short_columns_are_read_one_after_the_other() {
    let line = |x: u32, y: u32, text: &str| format!("BT /F 10 Tf {x} {y} Td ({text}) Tj ET ");
    let left = [
        "We roast the beans for every",
        "order, so that they arrive as",
        "fresh as they can be at home.",
    ];
    let right = [
        "Returns are free of charge if",
        "they are posted within a month",
        "of the day of the delivery.",
    ];
    let mut content = String::new();
    for (x, column) in [(50, left), (300, right)] {
        for (row, text) in (0..).zip(column) {
            content += &line(x, 700 - 14 * row, text);
        }
    }
    let expected = [left, right].concat().join(" ");
    assert_eq!(text(&page(&content)).replace('\n', " "), expected);
}

#[test]
fn cells_of_a_table_are_divided() {
    let mut content = String::new();
    for (row, (name, price)) in (0..).zip([("Coffee", "Price"), ("House blend", "8 euros"), ("Decaf", "9 euros")]) {
        for (x, text) in [(50, name), (200, price)] {
            let _ = write!(content, "BT /F 10 Tf {x} {} Td ({text}) Tj ET ", 700 - 14 * row);
        }
    }
    assert_eq!(
        text(&page(&content)),
        "Coffee | Price\nHouse blend | 8 euros\nDecaf | 9 euros"
    );
}

#[test]
fn hidden_layers_are_not_read() {
    let catalog = "<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [6 0 R 7 0 R] /D << /OFF [7 0 R] >> >> >>";
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> \
                /Properties << /Shown 6 0 R /Hidden 7 0 R >> >> >>";
    let content = b"BT /F 10 Tf 50 700 Td /OC /Shown BDC (Final text) Tj EMC /OC /Hidden BDC ( of the draft) Tj EMC ET";
    let mut all = objects(&[catalog, PAGES, page]);
    all.push(stream(content));
    let layer = "<< /Type /OCG /Name (Layer) >>";
    all.extend(objects(&[FONT, layer, layer]));
    assert_eq!(text(&file(&all, "")), "Final text");
}

#[test]
fn text_whose_font_is_missing_is_read() {
    assert_eq!(
        text(&page("BT /Missing 10 Tf 50 700 Td (Still readable) Tj ET")),
        "Still readable"
    );
}

#[test]
fn glyphs_without_a_meaning_are_not_text() {
    let font = "<< /Type /Font /Subtype /Type0 /BaseFont /Subset /Encoding /Identity-H /DescendantFonts [6 0 R] >>";
    let descendant = "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Subset /DW 500 /CIDSystemInfo \
                      << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>";
    let content = "BT /F 12 Tf 50 700 Td <0037004B004C00560003004C0056> Tj ET";
    assert_eq!(code(&page_of(content, font, "", &[descendant])), "no_text");
}

#[test]
fn letters_that_are_drawn_as_lines_are_not_called_a_scan() {
    assert_eq!(code(&page("10 10 m 20 30 l 30 10 l S")), "no_text");
    assert_eq!(code(&page("q Q")), "empty");
}

#[test]
fn a_page_whose_content_is_lost_is_damaged() {
    let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents [4 0 R 5 0 R] >>";
    assert_eq!(code(&file(&objects(&[CATALOG, PAGES, page]), "")), "damaged");
}

#[test]
fn a_file_whose_pages_cannot_be_found_is_not_called_a_scan() {
    let pages = "<< /Type /Pages /Kids [] /Count 1 >>";
    assert_eq!(code(&file(&objects(&[CATALOG, pages]), "")), "damaged");
}

/// A page encrypted with AES-256 of revision 5, under this password.
fn revision_5(password: &[u8]) -> Vec<u8> {
    let sha256 = |parts: &[&[u8]]| {
        let mut hasher = active().hasher(HashAlgorithm::Sha256).expect("a hash");
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize()
    };
    let encrypt = |key: &[u8], data: &[u8], padding| {
        let cipher = active().symmetric();
        cipher
            .aes_cbc_encrypt(AesKeySize::Aes256, key, &[0; 16], data, padding)
            .expect("encrypts")
    };
    let (file_key, salts) = ([7_u8; 32], (b"validate", b"keysalt!"));
    let user = [&sha256(&[password, salts.0]), salts.0.as_slice(), salts.1].concat();
    let wrapped = encrypt(&sha256(&[password, salts.1]), &file_key, Padding::None);
    let content = b"BT /F 10 Tf 50 700 Td (Protected, but not secret.) Tj ET";
    // The initialization vector is all zeros.
    let content = [[0; 16].as_slice(), &encrypt(&file_key, content, Padding::Pkcs7)].concat();
    let page =
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>";
    let encryption = format!(
        "<< /Filter /Standard /V 5 /R 5 /Length 256 /P -1 /U <{}> /UE <{}> /O <{}> /OE <{}> /Perms <{}> \
         /CF << /StdCF << /CFM /AESV3 /AuthEvent /DocOpen /Length 32 >> >> /StmF /StdCF /StrF /StdCF >>",
        hex(&user),
        hex(&wrapped),
        "00".repeat(48),
        "00".repeat(32),
        "00".repeat(16)
    );
    let mut all = objects(&[CATALOG, PAGES, page]);
    all.push(stream(&content));
    all.extend(objects(&[FONT, &encryption]));
    file(&all, "/Encrypt 6 0 R /ID [<00> <00>]")
}

#[test]
fn aes_256_of_revision_5_is_read_without_a_password_and_refused_with_one() {
    assert_eq!(text(&revision_5(b"")), "Protected, but not secret.");
    assert_eq!(code(&revision_5(b"secret")), "encrypted");
}
