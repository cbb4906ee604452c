//! Builds again when a file of the console is added or changed.

fn main() {
    println!("cargo::rerun-if-changed=assets");
}
