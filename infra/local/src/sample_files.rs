//! The sample documents as files, for tools that are not written in Rust.

use std::{fs, io, path::Path};

/// Returns file names with their bytes: first valid documents, then those that must be refused.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (samples::HANDBOOK, samples::handbook_pdf()),
        (samples::PRODUCT, samples::product_docx()),
        (samples::FAQ, samples::faq_txt()),
        ("protected.pdf", samples::protected_pdf()),
        ("encrypted.pdf", samples::encrypted_pdf()),
        ("scanned.pdf", samples::scanned_pdf()),
        ("truncated.pdf", samples::truncated_pdf()),
        ("page-tree-loop.pdf", samples::page_tree_loop_pdf()),
        ("photo.pdf", samples::png_named_pdf()),
        ("damaged.docx", samples::damaged_docx()),
        ("bomb.docx", samples::docx_bomb()),
    ]
}

/// Writes every sample document into `folder`, which is created if it does not exist; with `hostile`, the hostile files
/// instead and a table `expected.tsv`: file name, and the allowed results of indexing it.
///
/// # Errors
/// If the folder cannot be written.
pub fn write(folder: &Path, hostile: bool) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if hostile {
        return write_hostile(folder);
    }
    for (name, bytes) in files() {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn write_hostile(folder: &Path) -> io::Result<()> {
    let mut expected = String::new();
    for file in samples::hostile() {
        fs::write(folder.join(file.name), (file.bytes)())?;
        expected.extend([file.name, "\t", &file.ends.join("\t"), "\n"]);
    }
    fs::write(folder.join("expected.tsv"), expected)
}
