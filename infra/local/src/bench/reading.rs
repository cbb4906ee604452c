//! `parlance bench reading`: how many pages a second are read, in this process and in a child process each.

use std::{path::PathBuf, time::Duration};

use reading::{ReadOutcome, Reader, Settings};
use retrieval::{Kind, index_file};

use super::figures::{milliseconds, percentile};
use super::{Extent, Result, now};

/// Memory of the function that reads documents, bytes.
const MEMORY: u64 = 1769 * 1024 * 1024;
/// How often each document is read, each way.
const ROUNDS: usize = 20;
/// Pages of the long document.
const PAGES: usize = 200;

/// Measures, and prints a table. `program`: what reads documents, unless it is this one.
///
/// # Errors
/// When a document is not read.
pub async fn run(extent: Extent, program: Option<PathBuf>) -> Result<()> {
    let documents = [
        ("TXT of 2 kB", Kind::Text, samples::faq_txt(), 1),
        ("DOCX of 4 pages", Kind::Docx, samples::product_docx(), 4),
        ("PDF of 8 pages", Kind::Pdf, samples::handbook_pdf(), 8),
        ("a long PDF", Kind::Pdf, long_pdf(extent.of(PAGES)), extent.of(PAGES)),
    ];
    let mut settings = Settings::for_function(MEMORY);
    if let Some(program) = program {
        settings.program = program;
    }
    let reader = Reader::new(settings);
    println!(
        "{:<18} {:>14} {:>14} {:>12} {:>12} {:>10}",
        "", "here ms", "child ms", "here p/s", "child p/s", "costs ms"
    );
    for (name, kind, bytes, pages) in documents {
        let (mut here, mut child) = (Vec::new(), Vec::new());
        // In turn, so that whatever slows this machine down slows both.
        for _ in 0..extent.of(ROUNDS) {
            let started = now();
            let alone = index_file(&bytes, kind)?;
            here.push(started.elapsed());
            let started = now();
            let read = reader.read(kind, bytes.len() as u64, &bytes[..]).await?;
            child.push(started.elapsed());
            if read != ReadOutcome::Indexed(alone) {
                return Err(format!("the child reads {name} in another way").into());
            }
        }
        let [here, child] = [here, child].map(|mut took| {
            took.sort_unstable();
            percentile(&took, 50)
        });
        println!(
            "{name:<18} {:>14.2} {:>14.2} {:>12.0} {:>12.0} {:>10.2}",
            milliseconds(here),
            milliseconds(child),
            rate(pages, here),
            rate(pages, child),
            milliseconds(child.saturating_sub(here)),
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "pages of a document are few")]
fn rate(pages: usize, took: Duration) -> f64 {
    pages as f64 / took.as_secs_f64()
}

/// A manual in which no two pages are alike.
fn long_pdf(pages: usize) -> Vec<u8> {
    let pages: Vec<String> = (0..pages)
        .map(|page| {
            let line = |number: usize| {
                format!(
                    "Step {number} of chapter {page}: set valve {} to {} and wait.",
                    number * 7 % 13,
                    page * number % 90
                )
            };
            (1..40).map(line).collect::<Vec<_>>().join("\n")
        })
        .collect();
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    samples::text_pdf(&pages)
}
