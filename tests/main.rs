//! The whole product, driven from outside: real requests over HTTP against every function, on the embedded cloud.
//!
//! Each test starts a stack of its own (ports, tables, clock), so tests share nothing and may move time.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a step that fails is the test's failure"
)]

mod api;
mod benches;
mod drift;
mod events;
mod faults;
mod jobs;
mod local_stack;
mod support;
