//! The whole product in one process: every function on one HTTP port, the embedded cloud on another.
//!
//! The functions are the same code that runs on Lambda, and they reach the embedded services through the same AWS SDKs.
//! This crate only adds what AWS provides otherwise: it creates the tables, delivers queue messages and schedules, and
//! serves `/_local/*`.

pub mod admin;
pub mod api;
pub mod audit;
pub mod bench;
pub mod cloud;
mod config;
mod control;
pub mod demo;
pub mod deployment;
pub mod functions;
mod gateway;
pub mod keys;
mod listener;
mod options;
mod outbox;
mod pages;
mod payments;
mod provision;
mod queues;
mod request_origin;
pub mod sample_files;
mod stack;
pub mod template;
mod welcome;

pub use gateway::parse_stage;
pub use listener::RequestTimeouts;
pub use options::{Options, SECRETS, SLACK_APP, provider_keys};
pub use provision::{aws_sdk, sdk_at as local_sdk};
pub use stack::{Drained, Stack, StartError};
