//! Checks the streams of a file before the parser runs: of its decoders (ISO 32000-2, 7.4) only Flate has a limit,
//! while
//! 1.5 MB of LZW decompress to 2 GB. The sizes of their outputs are computed here without writing them.

use std::borrow::Cow;
use std::collections::VecDeque;

use pdf_oxide::decoders::decode_stream;
use pdf_oxide::object::Object;
use pdf_oxide::parser::parse_object;

/// Limit of the decompressed size of one stream; an image of a page at 600 dpi has 100 MB. Bytes.
const MAX_STREAM_BYTES: usize = 256 * 1024 * 1024;
/// How many preceding objects are tried as the owner of a stream.
const CANDIDATES: usize = 4;
/// Maximum filters of one stream; two are usual.
const MAX_FILTERS: usize = 4;

/// Returns whether every stream of a file stays within the limit.
///
/// Searches for streams everywhere, because the file decides where the parser looks. Encrypted ones cannot be checked.
pub(super) fn is_bounded(file: &[u8]) -> bool {
    // Where the last objects begin; a string in the dictionary may look like one.
    let mut objects: VecDeque<usize> = VecDeque::with_capacity(CANDIDATES);
    let mut at = 0;
    while let Some(rest) = file.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(b"obj") {
            at += 3;
            if objects.len() == CANDIDATES {
                objects.pop_front();
            }
            objects.push_back(at);
        } else if rest.starts_with(b"endstream") {
            at += 9;
        } else if rest.starts_with(b"stream") {
            let is_bomb = |start: usize| !has_harmless_filter(&file[start..at]) && !is_object_bounded(&file[start..]);
            if objects.drain(..).any(is_bomb) {
                return false;
            }
            at += 6;
        } else {
            at += 1;
        }
    }
    true
}

/// Returns whether a stream's dictionary names no filter, or a single one that has a limit or does not expand its
/// input. Nearly all streams do, and need not be parsed here.
fn has_harmless_filter(dictionary: &[u8]) -> bool {
    const HARMLESS: [&[u8]; 7] = [
        b"/FlateDecode",
        b"/Fl",
        b"/DCTDecode",
        b"/JPXDecode",
        b"/CCITTFaxDecode",
        b"/JBIG2Decode",
        b"/ASCIIHexDecode",
    ];
    // `#` encodes letters of names.
    if dictionary.contains(&b'#') {
        return false;
    }
    let mut found = dictionary
        .windows(7)
        .enumerate()
        .filter(|(_, word)| *word == b"/Filter");
    let Some((place, _)) = found.next() else {
        return true;
    };
    let value = dictionary[place + 7..].trim_ascii_start();
    let is_name_end = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let is_harmless = |name: &&[u8]| value.starts_with(name) && is_name_end(value.get(name.len()));
    // The last of several entries applies.
    found.next().is_none() && HARMLESS.iter().any(is_harmless)
}

fn is_object_bounded(bytes: &[u8]) -> bool {
    // The parser does not decompress what it does not understand.
    let Ok((_, Object::Stream { dict, data })) = parse_object(bytes) else {
        return true;
    };
    let filters: Vec<&str> = match dict.get("Filter") {
        Some(Object::Name(name)) => vec![name],
        Some(Object::Array(names)) => names.iter().filter_map(Object::as_name).collect(),
        _ => return true,
    };
    filters.len() <= MAX_FILTERS && is_chain_bounded(&filters, &data)
}

fn is_chain_bounded(filters: &[&str], data: &[u8]) -> bool {
    let mut data = Cow::Borrowed(data);
    for (index, filter) in filters.iter().enumerate() {
        let size = match filter.to_ascii_lowercase().as_str() {
            // The parser tries which of the two variants a file uses.
            "lzwdecode" | "lzw" => lzw_size(&data, true).max(lzw_size(&data, false)),
            "runlengthdecode" | "rl" => run_length_size(&data),
            // `z` stands for four bytes.
            "ascii85decode" | "a85" => data.len().saturating_mul(4),
            // Its ratio has no useful bound, and no program writes it.
            "brotlidecode" => usize::MAX,
            _ => 0,
        };
        if size > MAX_STREAM_BYTES {
            return false;
        }
        if index + 1 < filters.len() {
            match decode_stream(&data, &[(*filter).to_owned()]) {
                Ok(decoded) => data = Cow::Owned(decoded),
                // Flate: at its limit, or damaged. The parser stops here too.
                Err(_) => return true,
            }
        }
    }
    true
}

/// Returns the decompressed size of a run-length code (ISO 32000-2, 7.4.5), bytes.
fn run_length_size(data: &[u8]) -> usize {
    const END: u8 = 128;
    let (mut size, mut at) = (0, 0);
    while let Some(&length) = data.get(at).filter(|length| **length != END) {
        let length = usize::from(length);
        if length < 128 {
            size += length + 1;
            at += length + 2;
        } else {
            size += 257 - length;
            at += 2;
        }
    }
    size
}

/// Returns the decompressed size of an LZW code (ISO 32000-2, 7.4.4), bytes, up to where it becomes invalid. Each code
/// stands for the previous one and one more byte, so only lengths need to be stored.
fn lzw_size(data: &[u8], early_change: bool) -> usize {
    const CLEAR: usize = 256;
    const END: usize = 257;
    const CODES: usize = 4096;
    let early = usize::from(early_change);
    let mut lengths = vec![1_usize; CODES];
    let (mut next, mut width, mut before) = (END + 1, 9, None);
    let (mut bits, mut count, mut size) = (0_usize, 0, 0_usize);
    for byte in data {
        bits = (bits << 8 | usize::from(*byte)) & 0x000f_ffff;
        count += 8;
        if count < width {
            continue;
        }
        count -= width;
        let code = bits >> count & ((1 << width) - 1);
        match code {
            END => break,
            CLEAR => (next, width, before) = (END + 1, 9, None),
            _ if code > next || (code == next && before.is_none()) => break,
            _ => {
                if let Some(before) = before.filter(|_| next < CODES) {
                    lengths[next] = lengths[before] + 1;
                    next += 1;
                }
                size += lengths[code];
                before = Some(code);
                width = (next + early).clamp(256, CODES - 1).ilog2() as usize + 1;
            }
        }
        if size > MAX_STREAM_BYTES {
            break;
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("%PDF-1.7\n1 0 obj<<{dictionary}/Length {}>>stream\n", data.len());
        [head.as_bytes(), data, b"\nendstream\nendobj\n"].concat()
    }

    #[test]
    fn sizes_are_those_that_the_decoders_write() {
        // ISO 32000-2, 7.4.4.2, example.
        let lzw = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        assert_eq!(lzw_size(&lzw, true), 10);
        assert_eq!(
            decode_stream(&lzw, &["LZWDecode".to_owned()]).expect("decodes").len(),
            10
        );
        let runs = [2, b'a', b'b', b'c', 253, b'd', 128, 9];
        assert_eq!(run_length_size(&runs), 7);
        assert_eq!(
            decode_stream(&runs, &["RunLengthDecode".to_owned()])
                .expect("decodes")
                .len(),
            7
        );
    }

    #[test]
    fn a_code_of_every_width_is_counted() {
        for file in ["lzw.pdf", "lzw-late-change.pdf"] {
            let early = file == "lzw.pdf";
            let hostile = samples::hostile()
                .into_iter()
                .find(|hostile| hostile.name == file)
                .expect("a kind");
            let file = (hostile.bytes)();
            let start = file
                .windows(7)
                .position(|window| window == b"stream\n")
                .expect("a stream")
                + 7;
            // One round of all codes: the sum of the lengths 1 to 3,838.
            assert_eq!(lzw_size(&file[start..start + 5_407], early), 3_838 * 3_839 / 2);
        }
    }

    #[test]
    fn bombs_are_found_however_their_filter_is_written() {
        let runs = b"\x81 ".repeat(3 * 1024 * 1024);
        for dictionary in [
            "/Filter/RunLengthDecode",
            "/Filter /RL",
            "/Filter[/RunLengthDecode]",
            "/Filter/RunLength#44ecode",
            "/Filte#72/RL",
            "/Filter/FlateDecode/Filter/RL",
            "/Filter/runlengthdecode",
            "/A(1 0 obj)/Filter/RL",
        ] {
            assert!(!is_bounded(&stream(dictionary, &runs)), "{dictionary}");
        }
    }

    #[test]
    fn ordinary_streams_are_bounded() {
        let runs = b"\x81 ".repeat(1_000);
        for dictionary in [
            "",
            "/Filter/RL",
            "/Filter/FlateDecode",
            "/Filter/DCTDecode",
            "/Filter 7 0 R",
            "/Filter[/Fl/RL]",
        ] {
            assert!(is_bounded(&stream(dictionary, &runs)), "{dictionary}");
        }
    }
}
