use samples::epub;

use crate::{ExtractError, Kind, extract};

#[test]
fn chapters_are_read_in_the_order_of_the_spine_with_their_headings() {
    let bytes = epub(
        &[
            "<h1>One</h1><p>It was &nbsp; a caf&eacute;.</p>",
            "<h1>Two</h1><h2>Later</h2><p>It rained.<br/>A lot.</p>",
            "<p>&#169; Ada</p>",
        ],
        &[],
    );
    let extracted = extract(&bytes, Kind::Epub).expect("a readable book");
    let got: Vec<_> = extracted
        .sections
        .iter()
        .map(|s| (s.place.heading().unwrap_or("-"), s.text.as_str()))
        .collect();
    assert_eq!(
        got,
        [("One", "It was a café."), ("Two > Later", "It rained.\nA lot.\n© Ada")]
    );
}

#[test]
fn a_locked_book_is_refused_and_one_with_obfuscated_fonts_is_read() {
    let encryption = |method: &str| {
        format!(
            r#"<encryption xmlns:enc="e"><enc:EncryptedData><enc:EncryptionMethod Algorithm="{method}"/><enc:CipherData><enc:CipherReference URI="OEBPS/x"/></enc:CipherData></enc:EncryptedData></encryption>"#
        )
    };
    let locked = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc");
    let book = epub(
        &["<p>Text.</p>"],
        &[
            ("META-INF/encryption.xml", &locked),
            ("META-INF/rights.xml", "<rights/>"),
        ],
    );
    let error = extract(&book, Kind::Epub).expect_err("locked");
    assert_eq!(error, ExtractError::CopyProtected(Kind::Epub));
    assert!(error.to_string().contains("copy protection (DRM)"), "{error}");
    let fonts = encryption("http://www.idpf.org/2008/embedding");
    assert!(
        extract(
            &epub(&["<p>Text.</p>"], &[("META-INF/encryption.xml", &fonts)]),
            Kind::Epub
        )
        .is_ok()
    );
}

#[test]
fn a_book_without_its_chapters_is_damaged() {
    let bytes = samples::zip_package(&[
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", "<container/>"),
    ]);
    assert_eq!(extract(&bytes, Kind::Epub).expect_err("no book").code(), "damaged");
}
