use super::*;

fn sections(html: &str) -> Vec<(String, String)> {
    let mut outline = Outline::default();
    read(html, &mut outline).expect("text");
    let sections = outline.finish().expect("little text");
    let path = |section: &crate::Section| section.place.heading().unwrap_or("-").to_owned();
    sections.iter().map(|s| (path(s), s.text.clone())).collect()
}

#[test]
fn headings_lists_and_tables_keep_their_shape() {
    let html = "<html><head><title>x</title><style>p{}</style></head><body><h1>Lamps</h1><p>Three <b>years</b> of\n\
        warranty &mdash; caf&eacute; &#8364;5 &lt; 6.</p><ul><li>first<li>second</ul><script>if (a<b) {}</script>\
        <table><tr><th>Part<th>Price</tr><tr><td>Bulb</td><td></td></tr></table><h2>Care</h2>Wipe<br>dry</body></html>";
    let expected = [
        (
            "Lamps",
            "Three years of warranty — café €5 < 6.\n- first\n- second\nPart | Price\nBulb |",
        ),
        ("Lamps > Care", "Wipe\ndry"),
    ];
    let expected = expected.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(sections(html), expected);
}

#[test]
fn broken_markup_is_read_as_browsers_read_it() {
    for (html, text) in [
        ("<p>a < b", "a < b"),
        ("<p title=\"x>y", "y"),
        ("a<!-- no end", "a"),
        ("<p>&bogus; &amp", "&bogus; &amp"),
        ("</p></div>x<![CDATA[<y>]]>", "x<y>"),
    ] {
        assert_eq!(sections(html), [("-".to_owned(), text.to_owned())], "{html}");
    }
}
