//! Checks PDF syntax (ISO 32000-2, 7.2) before the parser runs: the parser recurses into nested arrays and dictionaries
//! without a limit, which can overflow the stack beyond any `catch_unwind`.

/// Maximum nesting of arrays and dictionaries. Real files stay below 20; binary data that is mistaken for syntax can
/// reach a few hundred.
const MAX_DEPTH: usize = 2_000;
/// Returns whether no object of a file nests too deeply.
///
/// Searches for objects everywhere, even in stream data, because the file decides where the parser looks.
pub(super) fn is_flat(file: &[u8]) -> bool {
    // Objects that do not end would make this scan the same bytes repeatedly; real ones end.
    let mut budget = file.len().saturating_mul(4);
    let starts = |word: &'static [u8]| {
        file.windows(word.len())
            .enumerate()
            .filter(move |(_, found)| *found == word)
    };
    for (start, _) in starts(b"obj").chain(starts(b"trailer")) {
        let seen = Syntax::scan(&file[start + 3..]);
        if seen.depth >= MAX_DEPTH || seen.length > budget {
            return false;
        }
        budget -= seen.length;
    }
    true
}

/// The properties of a piece of syntax.
#[derive(Default)]
struct Syntax {
    /// The deepest nesting.
    depth: usize,
    /// How many bytes were scanned.
    length: usize,
}

impl Syntax {
    /// Scans to the end of the object, or of its dictionary, if a stream follows.
    fn scan(bytes: &[u8]) -> Self {
        let mut seen = Self::default();
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            let next = bytes.get(at + 1);
            at += match (byte, next) {
                (b'(', _) => literal_length(&bytes[at..]),
                (b'<', Some(b'<')) => {
                    depth += 1;
                    2
                }
                (b'>', Some(b'>')) => {
                    depth = depth.saturating_sub(1);
                    2
                }
                (b'<', _) => length_to(&bytes[at..], |b| b == b'>'),
                (b'[' | b'{', _) => {
                    depth += 1;
                    1
                }
                (b']' | b'}', _) => {
                    depth = depth.saturating_sub(1);
                    1
                }
                (b'%', _) => length_to(&bytes[at..], |b| b == b'\n' || b == b'\r'),
                (b'e' | b's', _) if ends_object(&bytes[at..]) => break,
                _ => 1,
            };
            seen.depth = seen.depth.max(depth);
            if depth >= MAX_DEPTH {
                break;
            }
        }
        seen.length = at;
        seen
    }
}

fn ends_object(bytes: &[u8]) -> bool {
    bytes.starts_with(b"endobj") || bytes.starts_with(b"stream")
}

/// Returns the length of `(a string (with balanced parentheses) and \) escapes)`.
fn literal_length(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

fn length_to(bytes: &[u8], is_end: impl Fn(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|byte| is_end(*byte))
        .map_or(bytes.len(), |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_objects_are_flat_and_towers_are_not() {
        assert!(is_flat(b"1 0 obj <</A [1 [2 3] <</B (text) >>]>> endobj"));
        let tower = |open: &str| format!("1 0 obj {} endobj", open.repeat(3_000));
        assert!(!is_flat(tower("[").as_bytes()));
        assert!(!is_flat(tower("<</A").as_bytes()));
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let hidden = format!("1 0 obj {} endobj", "[(])(\\))<5d>%]\n".repeat(3_000));
        assert!(!is_flat(hidden.as_bytes()));
        let harmless = format!("1 0 obj [{}] endobj", "([[[(\\()) <ff> ".repeat(3_000));
        assert!(is_flat(harmless.as_bytes()));
    }

    #[test]
    fn a_tower_inside_of_a_stream_is_found() {
        let hidden = format!("1 0 obj <<>> stream 2 0 obj {}", "[".repeat(3_000));
        assert!(!is_flat(hidden.as_bytes()));
    }
}
