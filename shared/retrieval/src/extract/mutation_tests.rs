//! Damaged files of each kind: an error or text, never a panic.

use proptest::prelude::*;

use crate::{Kind, extract};

use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn files() -> Vec<(Kind, Vec<u8>)> {
    let kind = |name: &str| Kind::from_file_name(name).expect("a supported name");
    let files = samples::of_each_kind()
        .into_iter()
        .map(|(name, bytes)| (kind(name), stored(bytes)));
    // Page by page, PDFs take longer and have tests of their own.
    files.filter(|(kind, _)| *kind != Kind::Pdf).collect()
}

/// Returns a ZIP without compression and any other file as it is: a change reaches the parser behind the archive.
fn stored(bytes: Vec<u8>) -> Vec<u8> {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes.as_slice())) else {
        return bytes;
    };
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).expect("a part");
        let name = String::from_utf8(part.name_raw().to_vec()).expect("a name");
        let mut content = Vec::new();
        part.read_to_end(&mut content).expect("the content");
        zip.start_file(name, options).expect("writing to memory");
        zip.write_all(&content).expect("writing to memory");
    }
    zip.finish().expect("writing to memory").into_inner()
}

#[test]
fn an_archive_that_expands_without_end_is_refused_whatever_it_holds() {
    let bomb = " ".repeat(40_000_000);
    let kinds = [
        (Kind::Docx, "word/document.xml"),
        (Kind::Xlsx, "xl/workbook.xml"),
        (Kind::Pptx, "ppt/presentation.xml"),
        (Kind::Odt, "content.xml"),
        (Kind::Epub, "META-INF/container.xml"),
    ];
    for (kind, part) in kinds {
        let mut parts = vec![(part, bomb.as_str())];
        if kind == Kind::Odt {
            parts.push(("mimetype", kind.content_type()));
        }
        let error = extract(&samples::zip_package(&parts), kind).expect_err("a bomb");
        assert_eq!(error.code(), "too_large", "{kind}");
    }
}

#[test]
fn markup_that_never_ends_is_read_once() {
    for piece in [
        "<a \">\"",
        "<",
        "&",
        "<!--",
        "<script>",
        "<tr><td>",
        "<table>",
        "<pre>\n",
        "</x",
        "<![CDATA[",
    ] {
        let _ = extract(format!("<html>{}", piece.repeat(300_000)).as_bytes(), Kind::Html);
    }
    for piece in ["{", "\\'", "\\u1 ", "\\f1 ", "\\cell ", "\\par ", "\\bin9 "] {
        let _ = extract(format!("{{\\rtf1 {}", piece.repeat(300_000)).as_bytes(), Kind::Rtf);
    }
    for piece in ["[", "*a", "`", "> ", "| a ", "- ", "<b ", "![](", "# \n"] {
        let _ = extract(piece.repeat(20_000).as_bytes(), Kind::Markdown);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_damaged_file_is_text_or_an_error(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
        as_kind in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let files = files();
        let (kind, bytes) = &files[which.index(files.len())];
        let mut bytes = bytes.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let kinds: Vec<Kind> = Kind::all().filter(|kind| *kind != Kind::Pdf).collect();
        let kind = as_kind.map_or(*kind, |index| kinds[index.index(kinds.len())]);
        if let Ok(extracted) = extract(&bytes, kind) {
            prop_assert!(extracted.sections.iter().all(|section| !section.text.trim().is_empty()));
        }
    }

    #[test]
    fn any_markup_is_text_or_an_error(text in "([<>&;#/a-z0-9 |{}\\\\'\"\n\t]|<p>|<tr>|<td>|</td>|<pre>|<h1>|\\\\par|\\\\u-1|\\\\'e9|\\\\cell|\\\\row|\\| |# |- |```|é){0,200}") {
        for kind in [Kind::Html, Kind::Markdown, Kind::Csv, Kind::Rtf, Kind::Eml, Kind::Text, Kind::Code] {
            let start = if kind == Kind::Rtf { "{\\rtf1 " } else { "" };
            if let Ok(extracted) = extract([start, text.as_str()].concat().as_bytes(), kind) {
                let _ = crate::chunk(&extracted, &crate::ChunkOptions::default());
            }
        }
    }
}
