use super::*;
use crate::extract;

fn pages(bytes: &[u8]) -> Vec<(u32, String)> {
    let extracted = extract(bytes, Kind::Pdf).expect("a readable PDF");
    extracted
        .sections
        .into_iter()
        .map(|s| (s.place.page().expect("a page"), s.text))
        .collect()
}

fn code(bytes: &[u8]) -> &'static str {
    extract(bytes, Kind::Pdf).expect_err("must be refused").code()
}

#[test]
fn each_page_is_a_section_without_its_running_head() {
    let pages = pages(&samples::handbook_pdf());
    assert_eq!(pages.len(), 8);
    assert_eq!(pages[2].0, 3);
    assert!(
        pages[2]
            .1
            .starts_with("Returns and refunds\nCoffee is food, and we can only sell"),
        "{}",
        pages[2].1
    );
    assert!(
        pages
            .iter()
            .all(|(_, text)| !text.contains("Customer Handbook") && !text.contains("of 8"))
    );
}

#[test]
fn lines_are_joined_to_paragraphs() {
    let pages = pages(&samples::handbook_pdf());
    let sentence = "Unopened bags of coffee can be returned within 30 days of delivery for a full refund.";
    assert!(pages[2].1.contains(sentence), "{}", pages[2].1);
    assert_eq!(pages[2].1.lines().count(), 5, "{}", pages[2].1);
}

#[test]
fn pages_without_text_are_counted_and_not_returned() {
    let bytes = samples::text_pdf(&["First page with enough words.", "", "Third page with enough words."]);
    let extracted = extract(&bytes, Kind::Pdf).expect("a readable PDF");
    assert_eq!(extracted.pages, Some(3));
    assert_eq!(pages(&bytes).iter().map(|(page, _)| *page).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn columns_are_read_one_after_the_other() {
    let left = "The first column explains how coffee is transported over considerable distances before anybody roasts it. \
                It continues with several further observations about temperature and humidity in warehouses.";
    let right = "The second column describes experiments with particularly interesting varieties from mountainous regions. \
                 It concludes with recommendations about measuring instruments and documentation of results.";
    let (left, right) = ([left; 6].join("\n"), [right; 6].join("\n"));
    let pages = pages(&samples::two_column_pdf(&left, &right));
    let text = pages[0].1.replace('\n', " ");
    assert_eq!(text.trim(), format!("{left} {right}").replace('\n', " "));
}

#[test]
fn chinese_pages_are_read() {
    let pages = pages(&samples::chinese_pdf(&[
        "我们每天从仓库发货，",
        "所有商品都有两年保修。",
    ]));
    assert_eq!(pages, [(1, "我们每天从仓库发货，所有商品都有两年保修。".to_owned())]);
}

#[test]
fn a_pdf_that_needs_a_password_is_refused_and_one_that_does_not_is_read() {
    assert_eq!(code(&samples::encrypted_pdf()), "encrypted");
    assert!(pages(&samples::protected_pdf())[2].1.contains("within 30 days"));
}

#[test]
fn images_without_text_are_refused_with_a_hint_at_text_recognition() {
    let error = extract(&samples::scanned_pdf(), Kind::Pdf).expect_err("no text");
    assert_eq!(error.code(), "no_text");
    assert!(error.to_string().contains("text recognition (OCR)"));
}

#[test]
fn a_pdf_with_blank_pages_only_is_empty() {
    assert_eq!(code(&samples::text_pdf(&[])), "damaged");
    assert!(["empty", "no_text"].contains(&code(&samples::text_pdf(&["", ""]))));
}

#[test]
fn damaged_pdfs_are_refused() {
    assert_eq!(code(&samples::truncated_pdf()), "damaged");
    assert_eq!(code(&samples::page_tree_loop_pdf()), "damaged");
    assert_eq!(code(b"%PDF-1.7\nstartxref\n0\n%%EOF"), "damaged");
}
