//! What the local stack is beside the product: who reaches its ports, and how long they may take.

mod erased_folder;
mod pages;
mod requests;
