use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::{assemble_pages, extract, extract_pages};

mod images;
mod written;

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
fn each_page_is_a_section_and_the_running_head_is_kept_once() {
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
    let heads = pages.iter().filter(|(_, text)| text.contains("Customer Handbook"));
    assert_eq!(
        heads.map(|(page, _)| *page).collect::<Vec<_>>(),
        [1],
        "kept where it occurs first"
    );
    assert!(pages.iter().skip(1).all(|(_, text)| !text.contains("of 8")));
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
    assert_eq!(error.code(), "scanned");
    assert!(error.to_string().contains("text recognition (OCR)"));
}

#[test]
fn a_pdf_with_blank_pages_only_is_empty() {
    assert_eq!(code(&samples::text_pdf(&[])), "damaged");
    assert_eq!(code(&samples::text_pdf(&["", ""])), "empty");
}

#[test]
fn damaged_pdfs_are_refused() {
    assert_eq!(code(&samples::truncated_pdf()), "damaged");
    assert_eq!(code(&samples::page_tree_loop_pdf()), "damaged");
    assert_eq!(code(b"%PDF-1.7\nstartxref\n0\n%%EOF"), "damaged");
}

#[test]
fn a_page_of_two_characters_is_text() {
    assert_eq!(
        pages(&samples::text_pdf(&["1", "2"])),
        [(1, "1".to_owned()), (2, "2".to_owned())]
    );
}

#[test]
fn reading_can_continue_at_any_page() {
    let bytes = samples::handbook_pdf();
    let mut stored = Vec::new();
    let first = extract_pages(&bytes, Kind::Pdf, 1, &mut |page| {
        stored.push(page);
        if stored.len() == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!(first, Ok(true));
    assert_eq!(stored.last().map(|page| (page.number, page.of)), Some((3, 8)));
    let rest = extract_pages(&bytes, Kind::Pdf, 4, &mut |page| {
        stored.push(page);
        ControlFlow::Continue(())
    });
    assert_eq!(rest, Ok(true));
    assert_eq!(assemble_pages(stored), extract(&bytes, Kind::Pdf));
}

#[test]
fn formats_without_pages_are_not_read_by_page() {
    let mut count = 0;
    let has_pages = extract_pages(&samples::faq_txt(), Kind::Text, 1, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((has_pages, count), (Ok(false), 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_bytes_end_in_text_or_an_error(at in 0_usize..20_000, byte: u8, cut in 0_usize..400) {
        let mut bytes = samples::handbook_pdf();
        let length = bytes.len();
        if let Some(place) = bytes.get_mut(at % length) {
            *place = byte;
        }
        bytes.drain(at % length..(at + cut).min(length).max(at % length));
        let _ = extract(&bytes, Kind::Pdf);
    }

    #[test]
    fn any_content_ends_in_text_or_an_error(content in "[a-zA-Z0-9 .()<>\\[\\]/\\\\'\"*-]{0,400}") {
        let _ = extract(&written::page(&content), Kind::Pdf);
    }
}
