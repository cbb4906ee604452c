//! Reads one uploaded file in a child process, so that a hostile file can only crash its own process.
//!
//! The child is the same program started with [`SUBCOMMAND`]: every binary that reads documents calls
//! [`run_if_child`] first. It limits its own memory and CPU time before it reads a byte, has no environment (so no
//! credentials), and is killed at its deadline or when its parent dies.
//!
//! ```text
//! parent                                         child: read-document KIND SIZE MEMORY_BYTES CPU_SECONDS
//!   the file -------------- stdin -------------->  retrieval::index_file
//!   (stdin stays open: its end is the end of the parent)
//!   header line, segment <- stdout --------------
//! ```

#![cfg_attr(
    test,
    expect(clippy::expect_used, reason = "a step that fails is the test's failure")
)]

mod answer;
mod child;
mod death;
mod limits;
mod reader;

pub use answer::{Failure, ReadOutcome};
pub use child::{SUBCOMMAND, run_if_child};
pub use limits::Limits;
pub use reader::{ReadError, Reader, Settings, Slot};
