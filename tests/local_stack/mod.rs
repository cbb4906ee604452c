//! What the local stack is beside the product: who reaches its ports, and how long they may take.

mod erased_folder;
#[cfg(target_os = "linux")]
mod pages;
mod payments;
mod quick_start;
mod requests;
