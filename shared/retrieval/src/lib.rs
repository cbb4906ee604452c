//! From the bytes of a document to cited passages: extract, chunk, index, search.
//!
//! All functions are pure functions over bytes: no I/O, no clock, no async, no AWS. The same input produces the same
//! output on every machine, so an index can be rebuilt from its document at any time.
//!
//! ```text
//! bytes --extract--> Extracted --chunk--> [Chunk] --Segment::build--> Segment --search--> [Passage] --> Citation
//! ```
//!
//! Formats with pages can be read page by page: [`extract_pages`] gives each page to a function, [`assemble_pages`] makes the
//! document of them.
//!
//! Invariants:
//! - Hostile bytes produce an error in bounded time and memory, never a panic ([`extract()`], [`Segment::from_bytes`]).
//! - A passage always has the page or heading it is from ([`SourceLocation`]).
//! - Scores are exact for the set of documents searched: document frequencies are summed over the set.

#![cfg_attr(
    test,
    expect(clippy::expect_used, reason = "a step that fails is the test's failure")
)]

mod chunk;
mod citation;
mod extract;
mod index_file;
mod kind;
mod language;
mod question;
mod search;
mod segment;
mod sentences;
mod source_location;
mod terms;
mod width;

pub use chunk::{Chunk, ChunkOptions, chunk};
pub use citation::Citation;
pub use extract::{
    ExtractError, Extracted, HtmlPage, MAX_INPUT_BYTES, PageText, Section, assemble_pages, extract, extract_pages,
    page_images, to_utf8,
};
pub use index_file::{IndexedFile, index_extracted, index_file};
pub use kind::Kind;
pub use language::{Language, is_foreign, of_question};
pub use question::{
    Exchange, Relation, Wants, has_numeral, is_same_question, leans_back, question_words, says, standalone,
};
pub use search::{CosineRange, Indexed, Passage, QuestionVector, hybrid_search, languages, like, search};
pub use segment::{Embedder, Segment, SegmentError, Vector, Vectors};
pub use sentences::sentences;
pub use source_location::SourceLocation;
pub use terms::{QuestionTerm, question_terms, subject_terms};
