//! Reads one uploaded file in a child process, so that a hostile file can only crash its own process.
//!
//! The child is the same program started with [`SUBCOMMAND`]: every binary that reads documents calls
//! [`run_if_child`] first. It limits its own memory and CPU time before it reads a byte, has no environment (so no
//! credentials), and is killed at its deadline or when its parent dies.
//!
//! ```text
//! parent                                         child: read-document KIND PAGES_SIZE SIZE MEMORY_BYTES CPU_SECONDS RUN_MS IMAGES
//!   pages of earlier runs, the file -- stdin --->  retrieval::extract_pages, or index_file for a format without pages
//!   (stdin stays open: its end is the end of the parent)
//!   a line for each page <- stdout --------------
//!   a line for the end, the segment <- stdout ---
//! ```
//!
//! With numbers of pages in `IMAGES`, it returns a line with the image of each of these pages instead.
//!
//! A run ends after a page when it has used most of its CPU time, or at its deadline, because the machine is busy. The
//! pages that it read are kept, and another run continues after them. So a file fails for what it contains, never for
//! how long it is or how busy the machine is.

#![cfg_attr(
    test,
    expect(clippy::expect_used, reason = "a step that fails is the test's failure")
)]

mod answer;
mod child;
mod death;
mod limits;
mod reader;

pub use answer::{Failure, PageImage, ReadOutcome, Reading, format_pages, parse_pages};
pub use child::{SUBCOMMAND, run_if_child};
pub use limits::Limits;
pub use reader::{File, Progress, ReadError, Reader, Settings, Slot};
