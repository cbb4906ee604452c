use super::*;

fn text(rtf: &str) -> String {
    let [section] = extract(rtf.as_bytes()).expect("text").sections.try_into().expect("one");
    section.text
}

#[test]
fn characters_are_read_in_every_notation() {
    let rtf = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fnil Arial;}{\f1\fcharset204 Arial Cyr;}}{\*\generator Word;}
\pard Gr\'fc\'dfe, caf\u233 e \u8364? 5\~000\par {\f1\'cf\'f0\'e8\'e2\'e5\'f2}, {\b bold}{\v hidden} \u-10179?\u-8704?\par}";
    assert_eq!(text(rtf), "Grüße, café € 5 000\nПривет, bold 😀");
}

#[test]
fn tables_and_headings_keep_their_shape() {
    let rtf = r"{\rtf1\ansi\trowd\pard\intbl Part\cell Price\cell\row\trowd\pard\intbl ZK\cell\cell\row
\trowd\pard\intbl ZL\cell 3\cell\row\pard After.\par}";
    assert_eq!(text(rtf), "Part | Price\nZK |\nZL | 3\nAfter.");
    let sections = extract(br"{\rtf1 \pard\outlinelevel0 Title\par\pard Text.\par}")
        .expect("text")
        .sections;
    assert_eq!(
        (sections[0].place.heading(), sections[0].text.as_str()),
        (Some("Title"), "Text.")
    );
}

#[test]
fn pictures_and_raw_bytes_are_no_text() {
    assert_eq!(text(r"{\rtf1 a{\pict\pngblip 89504e47}{\*\x y}\bin3 {}}b\par}"), "ab");
    assert_eq!(text(r"{\rtf1 unfinished {\b text"), "unfinished text");
}
