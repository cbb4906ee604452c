//! Sample documents for tests and the demo, made in memory: the same bytes every time, no data files.
//!
//! The company, its products and its rules are invented. What a question can be asked about stands in exactly one
//! document, so that a test can say which one an answer must cite.

mod broken;
mod docx;
mod faq;
mod handbook;
mod hostile;
mod kinds;
mod pdf;
mod product;

pub use broken::{
    damaged_docx, docx_bomb, encrypted_pdf, lying_docx_bomb, page_tree_loop_pdf, png_named_pdf, protected_pdf, scan_of,
    scanned_pdf, truncated_pdf,
};
pub use docx::{Block, text_docx};
pub use faq::faq_txt;
pub use handbook::handbook_pdf;
pub use hostile::{Hostile, hostile};
pub use kinds::{
    eml, epub, of_each_kind, opendocument, pptx, relationships, shape, xlsx, zip_of_pictures, zip_package,
};
pub use pdf::{chinese_pdf, illustrated_pdf, text_pdf, two_column_pdf};
pub use product::product_docx;

/// The file names that the three sample documents are uploaded under.
pub const HANDBOOK: &str = "meridian-handbook.pdf";
/// See [`HANDBOOK`].
pub const PRODUCT: &str = "grinder-g2.docx";
/// See [`HANDBOOK`].
pub const FAQ: &str = "faq.txt";

/// A question that exactly one of the sample documents answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// As a customer would ask it.
    pub text: &'static str,
    /// The file name of the document to cite.
    pub document: &'static str,
    /// The page to cite, when the document has pages.
    pub page: Option<u32>,
    /// Each of these stands in a correct answer, letter by letter.
    pub answer_holds: &'static [&'static str],
}

/// Three questions for the demo, one for each document.
pub const fn questions() -> [Question; 3] {
    [
        Question {
            text: "How many days do I have to return unopened coffee for a full refund?",
            document: HANDBOOK,
            page: Some(3),
            answer_holds: &["30 days"],
        },
        Question {
            text: "How long is the warranty on the grinder's burrs?",
            document: PRODUCT,
            page: None,
            answer_holds: &["five years"],
        },
        Question {
            text: "Can I pause my subscription while I am on vacation?",
            document: FAQ,
            page: None,
            answer_holds: &["eight weeks"],
        },
    ]
}
