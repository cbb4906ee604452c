//! Bombs for each decoder of streams in a PDF (ISO 32000-2, 7.4).

use super::raw_pdf::RawPdf;
use super::{Hostile, kind, zlib};

const MB: usize = 1024 * 1024;

pub(super) const KINDS: &[Hostile] = &[
    kind("lzw.pdf", || page("/Filter/LZWDecode", &lzw(3 * MB / 2, true)), BOMB),
    kind(
        "lzw-late-change.pdf",
        || page("/Filter/LZWDecode", &lzw(3 * MB / 2, false)),
        BOMB,
    ),
    kind("lzw-large.pdf", || page("/Filter/LZWDecode", &lzw(6 * MB, true)), BOMB),
    kind(
        "lzw-by-its-short-name.pdf",
        || page("/Filter[/L#5aW]", &lzw(MB, true)),
        BOMB,
    ),
    kind(
        "lzw-in-flate.pdf",
        || page("/Filter[/FlateDecode/LZWDecode]", &deflated(&lzw(6 * MB, true))),
        BOMB,
    ),
    kind(
        "lzw-in-ascii-hex.pdf",
        || page("/Filter[/ASCIIHexDecode/LZWDecode]", &hex(&lzw(3 * MB / 2, true))),
        BOMB,
    ),
    kind(
        "run-length.pdf",
        || page("/Filter/RunLengthDecode", &b"\x81 ".repeat(10 * MB)),
        BOMB,
    ),
    kind(
        "run-length-in-flate.pdf",
        || page("/Filter[/Fl/RL]", &zlib(b"\x81 ", 200 * MB)),
        BOMB,
    ),
    kind(
        "run-length-in-run-length.pdf",
        || page("/Filter[/RunLengthDecode/RunLengthDecode]", &b"\x81\x81".repeat(4 * MB)),
        BOMB,
    ),
    kind(
        "flate.pdf",
        || page("/Filter/FlateDecode", &zlib(b"0 0 m ", 2_000 * MB)),
        BOMB,
    ),
    kind(
        "flate-in-flate.pdf",
        || page("/Filter[/FlateDecode/FlateDecode]", &deflated(&zlib(b"\0", 2_000 * MB))),
        BOMB,
    ),
    kind(
        "ascii85.pdf",
        || {
            page(
                "/Filter/ASCII85Decode",
                &[b"z".repeat(20 * MB), b"~>".to_vec()].concat(),
            )
        },
        NOTHING,
    ),
    kind(
        "predictor.pdf",
        || {
            let parameters = "/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 4611686018427387904/Colors 4>>";
            page(parameters, &zlib(b"\x02a", MB))
        },
        NOTHING,
    ),
    kind(
        "object-stream.pdf",
        object_stream,
        &["damaged", "too_large", "too_slow", "empty", "no_text"],
    ),
    kind(
        "xref-stream-lzw.pdf",
        || {
            RawPdf::with_page("")
                .stream("", b"")
                .finish_with_xref_stream("/W[1 4 2]/Filter/LZWDecode", &lzw(3 * MB / 2, true))
        },
        BOMB,
    ),
];

const BOMB: &[&str] = &["too_large"];
/// A page without readable instructions.
const NOTHING: &[&str] = &["damaged", "too_large", "empty", "no_text"];

/// One page whose content is this stream.
fn page(entries: &str, content: &[u8]) -> Vec<u8> {
    RawPdf::with_page("").stream(entries, content).finish("")
}

fn deflated(data: &[u8]) -> Vec<u8> {
    zlib(data, data.len())
}

fn hex(data: &[u8]) -> Vec<u8> {
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value)];
    data.iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// About `size` bytes of LZW (ISO 32000-2, 7.4.4), each code of which stands for one space more than the one before:
/// 1.5 MB unfold to 2 GB. Codes grow by a bit one code early, as the standard says, or not.
fn lzw(size: usize, early_change: bool) -> Vec<u8> {
    const CLEAR: u32 = 256;
    let mut out = Vec::with_capacity(size + 8);
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut put = |out: &mut Vec<u8>, code: u32, width: u32| {
        bits = bits << width | code;
        count += width;
        while count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
        bits &= (1 << count) - 1;
    };
    while out.len() < size {
        // The table begins with the first of these, and is full at the others.
        let width = if out.is_empty() { 9 } else { 12 };
        put(&mut out, CLEAR, width);
        put(&mut out, u32::from(b' '), 9);
        // Each code is the one that it adds to the table itself.
        for code in 258..4_095_u32 {
            // What the reader has in its table when it reads this code.
            let known = code + u32::from(early_change);
            let width = (32 - known.leading_zeros()).clamp(9, 12);
            put(&mut out, code, width);
        }
    }
    out
}

/// A million numbers for one object of 200 kB.
fn object_stream() -> Vec<u8> {
    const COUNT: usize = 1_000_000;
    let pairs = (0..COUNT)
        .map(|number| format!("{} 0 ", number + 10))
        .collect::<Vec<_>>()
        .concat();
    let object = format!("[{}]", "0 ".repeat(100_000));
    let data = [pairs.as_bytes(), object.as_bytes()].concat();
    let container = 6;
    let pdf = RawPdf::new()
        .object("<</Type/Catalog/Pages 7 0 R>>")
        .object("null")
        .object("null")
        .object("null")
        .object("null")
        .stream(
            &format!("/Type/ObjStm/N {COUNT}/First {}/Filter/FlateDecode", pairs.len()),
            &deflated(&data),
        );
    let entries = pdf.xref_entries(Some(container));
    pdf.finish_with_xref_stream("/W[1 4 2]", &entries)
}
