//! Prints the text of a file, pages separated by form feeds, or why there is none: for measurements.
//!
//! `extract_text FILE`: the exit code is 1 if there is no text, and standard error then holds the code of the failure.

use std::io::Write as _;
use std::process::ExitCode;
use std::{env, fs, io};

use retrieval::{Kind, extract};

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        return usage("a file is missing");
    };
    let Some(kind) = Kind::from_file_name(&path) else {
        return usage("the file's type is not supported");
    };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return usage(&error.to_string()),
    };
    match extract(&bytes, kind) {
        Ok(extracted) => {
            let texts: Vec<&str> = extracted.sections.iter().map(|section| section.text.as_str()).collect();
            let written = writeln!(io::stdout().lock(), "{}", texts.join("\n\u{c}\n"));
            ExitCode::from(u8::from(written.is_err()))
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}: {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

fn usage(problem: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{problem}; usage: extract_text FILE");
    ExitCode::from(2)
}
