//! Files that try to take the memory or the time of whoever reads them: one kind of attack each, a few megabytes at most.
//!
//! Those that a reader survives because it looks at them in the right order may well be readable: what counts is that each
//! ends with one of the expected words, soon, and alone.

mod docx;
mod filters;
mod pdf;
mod raw_pdf;
mod txt;

/// A hostile file.
#[derive(Clone, Copy)]
pub struct Hostile {
    /// The name to upload it under; it says what the attack is.
    pub name: &'static str,
    /// The file, the same every time.
    pub bytes: fn() -> Vec<u8>,
    /// How indexing may end: the code of a failure, or `ready`.
    pub ends: &'static [&'static str],
}

impl std::fmt::Debug for Hostile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// All kinds.
pub fn hostile() -> Vec<Hostile> {
    [filters::KINDS, pdf::KINDS, docx::KINDS, txt::KINDS].concat()
}

const fn kind(name: &'static str, bytes: fn() -> Vec<u8>, ends: &'static [&'static str]) -> Hostile {
    Hostile { name, bytes, ends }
}

/// Zlib (RFC 1950) around `size` bytes that repeat `pattern`.
fn zlib(pattern: &[u8], size: usize) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let piece = pattern.repeat((1024 * 1024 / pattern.len()).max(1));
    let mut left = size;
    while left > 0 {
        let count = left.min(piece.len());
        let written = encoder.write_all(&piece[..count]);
        assert!(written.is_ok(), "writing to memory does not fail");
        left -= count;
    }
    match encoder.finish() {
        Ok(bytes) => bytes,
        Err(error) => unreachable!("writing to memory does not fail: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let mut names: Vec<&str> = hostile().iter().map(|file| file.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(count >= 25, "{count} kinds");
    }
}
