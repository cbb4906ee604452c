//! Files that must be refused, each for one reason, and one that looks like it and must not.

use flate2::{Compress, Compression, Crc, FlushCompress};
use lopdf::{Document, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat};
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref};

use crate::docx::{CONTENT_TYPES, RELATIONSHIPS};
use crate::{handbook_pdf, product_docx};

/// The handbook, to be opened with the password `secret` only.
pub fn encrypted_pdf() -> Vec<u8> {
    encrypted("secret")
}

/// The handbook, encrypted to forbid printing: it opens without a password, as most protected PDFs do.
pub fn protected_pdf() -> Vec<u8> {
    encrypted("")
}

/// Revision 2 (ISO 32000-1, 7.6.4.4.2) is the only one without random bytes; its 40 bits protect nothing.
fn encrypted(user_password: &str) -> Vec<u8> {
    let encrypt = || -> lopdf::Result<Vec<u8>> {
        let mut document = Document::load_mem(&handbook_pdf())?;
        let id = Object::String(b"meridian-handbk!".to_vec(), StringFormat::Literal);
        document.trailer.set("ID", Object::Array(vec![id.clone(), id]));
        let state = EncryptionState::try_from(EncryptionVersion::V1 {
            document: &document,
            owner_password: "owner",
            user_password,
            permissions: Permissions::COPYABLE,
        })?;
        document.encrypt(&state)?;
        let mut bytes = Vec::new();
        document.save_to(&mut bytes)?;
        Ok(bytes)
    };
    match encrypt() {
        Ok(bytes) => bytes,
        Err(error) => unreachable!("the handbook can be encrypted: {error}"),
    }
}

/// Three pages that hold a picture each and no text, as a scanner makes them.
pub fn scanned_pdf() -> Vec<u8> {
    scan_of(&[0xf0; 3])
}

/// A scan of pages that hold no text, on paper of these shades of gray.
pub fn scan_of(papers: &[u8]) -> Vec<u8> {
    const SIDE: i32 = 64;
    let pages = i32::try_from(papers.len()).unwrap_or_default();
    let mut pdf = Pdf::new();
    let (catalog, tree) = (Ref::new(1), Ref::new(2));
    let page_id = |index: i32| Ref::new(10 + 3 * index);
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids((0..pages).map(page_id)).count(pages);
    let mut content = Content::new();
    content
        .save_state()
        .transform([595.0, 0.0, 0.0, 842.0, 0.0, 0.0])
        .x_object(Name(b"Scan"))
        .restore_state();
    let content = content.finish().into_vec();
    for (index, paper) in (0..pages).zip(papers) {
        let (contents, image) = (Ref::new(11 + 3 * index), Ref::new(12 + 3 * index));
        let pixels: Vec<u8> = (0..SIDE * SIDE)
            .map(|n| if (n / 5) % 7 < 3 { 0x20 } else { *paper })
            .collect();
        let mut picture = pdf.image_xobject(image, &pixels);
        picture
            .width(SIDE)
            .height(SIDE)
            .bits_per_component(8)
            .color_space()
            .device_gray();
        picture.finish();
        let mut page = pdf.page(page_id(index));
        page.media_box(Rect::new(0.0, 0.0, 595.0, 842.0))
            .parent(tree)
            .contents(contents);
        page.resources().x_objects().pair(Name(b"Scan"), image);
        page.finish();
        pdf.stream(contents, &content);
    }
    pdf.finish()
}

/// The handbook as an interrupted download leaves it: the last two fifths are missing.
pub fn truncated_pdf() -> Vec<u8> {
    let mut bytes = handbook_pdf();
    bytes.truncate(bytes.len() * 3 / 5);
    bytes
}

/// A PDF whose page tree contains itself.
pub fn page_tree_loop_pdf() -> Vec<u8> {
    let mut pdf = Pdf::new();
    let (catalog, tree, branch) = (Ref::new(1), Ref::new(2), Ref::new(3));
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids([branch, branch]).count(1_000_000);
    pdf.pages(branch).parent(tree).kids([tree, branch]).count(500_000);
    pdf.finish()
}

/// A PNG image of one pixel (ISO/IEC 15948), to be uploaded as `photo.pdf`.
pub fn png_named_pdf() -> Vec<u8> {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(data);
        let length = u32::try_from(data.len()).unwrap_or(0);
        [&length.to_be_bytes(), kind.as_slice(), data, &crc.sum().to_be_bytes()].concat()
    };
    // Zlib around one stored block that holds the filter type and a gray pixel.
    let pixel = [0x78, 0x01, 0x01, 2, 0, 0xfd, 0xff, 0, 0x80, 0x00, 0x82, 0x00, 0x81];
    let header = [0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0];
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &pixel),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// A Word document whose compressed data is broken in the middle.
pub fn damaged_docx() -> Vec<u8> {
    let mut bytes = product_docx();
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 200] {
        *byte = 0xaa;
    }
    bytes
}

/// A Word document of about 2 MB that unfolds to 2 GB of text, and says so.
pub fn docx_bomb() -> Vec<u8> {
    docx_bomb_of(None)
}

/// The same, but its directory claims that the text has 1,000 bytes.
pub fn lying_docx_bomb() -> Vec<u8> {
    docx_bomb_of(Some(1_000))
}

fn docx_bomb_of(declared: Option<usize>) -> Vec<u8> {
    let (data, unfolded) = deflated_bomb();
    zip(&[
        Entry::stored("[Content_Types].xml", CONTENT_TYPES),
        Entry::stored("_rels/.rels", RELATIONSHIPS),
        Entry {
            name: "word/document.xml".to_owned(),
            method: 8,
            crc: 0,
            size: declared.unwrap_or(unfolded),
            data: Data::Own(data),
        },
    ])
}

/// A text of 2 GB as the main part of a document: compressed, and how many bytes it unfolds to.
pub(crate) fn deflated_bomb() -> (Vec<u8>, usize) {
    const PARAGRAPH: usize = 1024 * 1024;
    const COUNT: usize = 2_000;
    let open = r#"<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>"#;
    let paragraph = format!("<w:p><w:r><w:t>{}</w:t></w:r></w:p>", "bomb ".repeat(PARAGRAPH / 5));
    let close = "</w:body></w:document>";
    let unfolded = open.len() + COUNT * paragraph.len() + close.len();
    // After a full flush nothing refers back, so that the same compressed bytes can be repeated.
    let mut data = deflated(open.as_bytes(), FlushCompress::Full);
    data.extend(deflated(paragraph.as_bytes(), FlushCompress::Full).repeat(COUNT));
    data.extend(deflated(close.as_bytes(), FlushCompress::Finish));
    (data, unfolded)
}

fn deflated(data: &[u8], flush: FlushCompress) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 1_000);
    let result = Compress::new(Compression::best(), false).compress_vec(data, &mut out, flush);
    assert!(result.is_ok(), "compressing into memory does not fail");
    out
}

fn crc(data: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.sum()
}

/// What the directory of a ZIP says about a file, true or not.
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) method: u16,
    pub(crate) crc: u32,
    pub(crate) size: usize,
    pub(crate) data: Data,
}

/// Where the bytes of a file in a ZIP are.
pub(crate) enum Data {
    Own(Vec<u8>),
    /// Those of the file with this index.
    SameAs(usize),
}

impl Entry {
    pub(crate) fn stored(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            method: 0,
            crc: crc(text.as_bytes()),
            size: text.len(),
            data: Data::Own(text.as_bytes().to_vec()),
        }
    }
}

/// A ZIP (APPNOTE.TXT 4.3) that says what it is told to.
pub(crate) fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    // Where each file starts, and the length of its data.
    let mut places: Vec<(usize, usize)> = Vec::new();
    for entry in entries {
        let (offset, length) = match &entry.data {
            Data::Own(data) => (out.len(), data.len()),
            Data::SameAs(index) => places[*index],
        };
        places.push((offset, length));
        let common = [
            &20_u16.to_le_bytes()[..],
            &[0, 0],
            &entry.method.to_le_bytes(),
            // Midnight on the first of January 1980.
            &[0, 0, 0x21, 0],
            &entry.crc.to_le_bytes(),
            &u32_bytes(length),
            &u32_bytes(entry.size),
            &u16_bytes(entry.name.len()),
            &[0, 0],
        ]
        .concat();
        if let Data::Own(data) = &entry.data {
            out.extend([b"PK\x03\x04", &common[..], entry.name.as_bytes(), data].concat());
        }
        // Comment length, disk, internal and external attributes: all zero.
        directory.extend(
            [
                b"PK\x01\x02\x14\0",
                &common[..],
                &[0; 10],
                &u32_bytes(offset),
                entry.name.as_bytes(),
            ]
            .concat(),
        );
    }
    let count = u16_bytes(entries.len());
    let end = [
        b"PK\x05\x06\0\0\0\0",
        &count[..],
        &count,
        &u32_bytes(directory.len()),
        &u32_bytes(out.len()),
        &[0, 0],
    ];
    let end = end.concat();
    out.extend(directory);
    out.extend(end);
    out
}

fn u32_bytes(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap_or(0).to_le_bytes()
}

fn u16_bytes(value: usize) -> [u8; 2] {
    u16::try_from(value).unwrap_or(0).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_the_same_every_time() {
        // Not `assert_eq!`, which would print them.
        assert!(encrypted_pdf() == encrypted_pdf());
        assert!(product_docx() == product_docx() && docx_bomb() == docx_bomb());
        assert!(encrypted_pdf() != protected_pdf());
    }

    #[test]
    fn the_bomb_is_small() {
        assert!(docx_bomb().len() < 10 * 1024 * 1024);
    }
}
