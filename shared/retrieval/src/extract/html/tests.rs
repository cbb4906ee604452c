use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// The sections of a page: heading path, or `-`, and text.
fn read(html: &str) -> Vec<(String, String)> {
    let extracted = extract(html.as_bytes()).expect("a page");
    let sections = extracted.sections.into_iter();
    sections
        .map(|section| (section.place.heading().unwrap_or("-").to_owned(), section.text))
        .collect()
}

/// The text of a page without headings.
fn text(html: &str) -> String {
    let sections = read(html);
    sections
        .into_iter()
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join("\n")
}

const STORY: &str = "The roastery opened in 1998 and has sold coffee to offices, cafés and homes ever since. \
    Every bean is roasted in small batches, tasted by two people and packed on the same day. \
    Returns are free within thirty days, and a label is in every parcel that leaves the house.";

/// A page as sites build them: frames without meaning around the content.
fn site(content: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=en><head><title>Roastery - About</title><style>p{{color:red}}</style>\
         <script>document.write('<p>script')</script></head><body class='has-sidebar menu-open'>\
         <a class=skip-link href=#main>Skip to content</a>\
         <div id=cookie-banner><p>We use cookies to improve your experience. Accept all cookies?</p><button>Accept</button></div>\
         <header><div class=logo>Roastery</div><nav><ul><li><a href=/shop>Shop</a><li><a href=/about>About</a></ul></nav></header>\
         <div class=wrapper><div class=content>{content}</div>\
         <div class=sidebar><h3>Popular</h3><ul><li><a href=/1>Beans of the month</a><li><a href=/2>Cups and mugs</a></ul></div></div>\
         <div class='newsletter-signup'>Subscribe to our newsletter for ten percent off.</div>\
         <footer>© Roastery. <a href=/imprint>Imprint</a></footer>\
         <div role=dialog aria-modal=true>Sign up now!</div><noscript>Please enable JavaScript.</noscript></body></html>"
    )
}

#[test]
fn the_content_of_a_page_is_read_without_its_frame() {
    let html = site(&format!(
        "<h1>About us</h1><p>{STORY}</p><h2>Delivery</h2><p>We deliver on Mondays.</p>"
    ));
    assert_eq!(
        read(&html),
        [
            ("About us".to_owned(), STORY.to_owned()),
            ("About us > Delivery".to_owned(), "We deliver on Mondays.".to_owned()),
        ]
    );
}

#[test]
fn a_page_without_main_heading_is_below_its_title() {
    let html = site(&format!("<p>{STORY}</p><h2>Delivery</h2><p>On Mondays.</p>"));
    let paths: Vec<String> = read(&html).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["Roastery - About", "Roastery - About > Delivery"]);
}

#[test]
fn the_main_element_is_the_content_and_its_header_belongs_to_it() {
    let html = format!(
        "<body><div>Top <a href=/>home</a></div><main><header><h1>Terms</h1><p>Valid from May.</p></header>\
         <article><p>{STORY}</p><footer>Written by Ada.</footer></article></main><div>Bottom</div>"
    );
    assert_eq!(
        read(&html),
        [("Terms".to_owned(), format!("Valid from May.\n{STORY}\nWritten by Ada."))]
    );
}

#[test]
fn a_short_page_is_read_completely() {
    let html = "<title>Hours</title><nav><a href=/>Home</a></nav><div>Open on <b>Mondays</b> from 9 to 5.</div><footer>Call 555-0100.</footer>";
    let read = text(html);
    assert!(
        read.contains("Open on Mondays from 9 to 5.") && read.contains("Call 555-0100."),
        "{read}"
    );
}

#[test]
fn hidden_elements_are_not_content() {
    let html = site(&format!(
        "<p>{STORY}</p><p hidden>hidden1</p><p style='display: none'>hidden2</p><div aria-hidden=true>hidden3</div>\
         <template><p>hidden4</p></template><span class=sr-only>hidden5</span><svg><title>hidden6</title></svg>\
         <select><option>hidden7</select><textarea>hidden8</textarea><iframe>hidden9</iframe><p hidden=until-found>shown</p>"
    ));
    let read = text(&html);
    assert!(read.ends_with("shown") && !read.contains("hidden"), "{read}");
}

#[test]
fn lists_keep_their_numbers_and_marks() {
    let html = site(&format!(
        "<p>{STORY}</p><ol start=3><li>Grind<li value=7><p>Pour</p><p>slowly</p><ul><li>twice</ul><li>Drink</ol>\
         <ul><li><ul><li>deep</ul></ul>"
    ));
    assert_eq!(
        text(&html).lines().skip(1).collect::<Vec<_>>(),
        ["3. Grind", "7. Pour", "slowly", "- twice", "8. Drink", "- deep"]
    );
}

#[test]
fn tables_have_a_row_per_line() {
    let html = site(&format!(
        "<p>{STORY}</p><table><caption>Prices</caption><thead><tr><th>Bean<th>Size<th>Price</thead>\
         <tr><td rowspan=2>Sierra<td>250 g<td>9 €<tr><td>1 kg<td>30 €<tr><td>Yirga<td><td>12 €\
         <tr><td colspan=2>Delivery<td><p>4 €</p><p>per parcel</p></table>"
    ));
    assert_eq!(
        text(&html).lines().skip(1).collect::<Vec<_>>(),
        [
            "Prices",
            "Bean | Size | Price",
            "Sierra | 250 g | 9 €",
            "Sierra | 1 kg | 30 €",
            "Yirga |  | 12 €".replace("  ", " ").as_str(),
            "Delivery | | 4 € per parcel",
        ]
    );
}

#[test]
fn a_table_for_layout_is_no_table() {
    let html = format!(
        "<body><table><tr><td><a href=/a>Left</a></td><td><h1>News</h1><p>{STORY}</p><table><tr><th>A<td>1</table></td></tr></table>"
    );
    assert_eq!(read(&html), [("News".to_owned(), format!("{STORY}\nA | 1"))]);
}

#[test]
fn what_is_between_the_cells_of_a_table_is_text_beside_it() {
    let html = site(&format!(
        "<p>{STORY}</p><table><form action=x>Stray <b>words</b><tr><th>Bean<th>Price<a href=x>link</a><tr><td>Sierra<td>9 €</form></table>"
    ));
    let read = text(&html);
    assert!(
        read.contains("Bean | Pricelink\nSierra | 9 €") && read.contains("Stray words"),
        "{read}"
    );
}

#[test]
fn definitions_stand_with_their_terms() {
    let html = site(&format!(
        "<p>{STORY}</p><dl><dt>Returns<dd>Thirty days.<dt>Phone<dt>Fax<dd>555-0100<dd>555-0101</dd>\
         <div><dt>Mail:</dt><dd><p>ada@example.com</p></dd></div><dt>Nothing</dl>"
    ));
    assert_eq!(
        text(&html).lines().skip(1).collect::<Vec<_>>(),
        [
            "Returns: Thirty days.",
            "Phone, Fax: 555-0100",
            "555-0101",
            "Mail: ada@example.com",
            "Nothing"
        ]
    );
}

#[test]
fn code_keeps_its_lines() {
    let html = site(&format!(
        "<p>{STORY}</p><pre><code>let a = 1;\n\nprint(<b>a</b>);\n</code></pre><p>Then <code>make</code>.</p>"
    ));
    assert_eq!(
        text(&html).lines().skip(1).collect::<Vec<_>>(),
        ["let a = 1;", "print(a);", "Then make."]
    );
}

#[test]
fn inline_elements_join_words_and_blocks_divide_them() {
    let html = site(&format!(
        "<p>{STORY}</p><p>un<b>break</b>able<wbr>!</p><div>one</div>two<br>three<p>10<sup>2</sup> m<sup>2</sup>, H<sub>2</sub>O\
         <sup><a href='#n1'>[1]</a></sup> <q>quoted</q> <img src=x.png alt='A red cup'> <a class=anchor href=#x>¶</a>end\
         <p>&lt;tag&gt; &amp;amp; caf&eacute; &#8364; &hellip; a&nbsp;b &notit;"
    ));
    assert_eq!(
        text(&html).lines().skip(1).collect::<Vec<_>>(),
        [
            "unbreakable!",
            "one",
            "two",
            "three",
            "10^2 m^2, H2O “quoted” A red cup end",
            "<tag> &amp; café € … a b ¬it;",
        ]
    );
}

#[test]
fn elements_that_nobody_closed_end_where_browsers_end_them() {
    let html = site(&format!(
        "<p>{STORY}<p>Second<h2>Part <a href=#p>¶</a></h2>Text<p>More<ul><li>a<li>b</ul>after</b></span></li></td>, and <i>more"
    ));
    assert_eq!(
        read(&html)[1],
        (
            "Roastery - About > Part".to_owned(),
            "Text\nMore\n- a\n- b\nafter, and more".to_owned()
        )
    );
}

#[test]
fn xhtml_closes_its_elements_itself() {
    let html = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\"><html xml:lang=\"de\"><head>\
         <script src=\"a.js\"/><title>Title</title></head><body><a id=\"top\"/><div/><p>{STORY}</p></body></html>"
    );
    assert_eq!(read(&html), [("Title".to_owned(), STORY.to_owned())]);
    assert_eq!(
        HtmlPage::parse(html.as_bytes()).expect("a page").language.as_deref(),
        Some("de")
    );
}

#[test]
fn a_page_says_its_encoding() {
    for (label, words) in [
        ("windows-1251", "Возврат в течение тридцати дней"),
        ("shift_jis", "返品は三十日以内です"),
        ("iso-2022-jp", "返品は三十日以内です"),
        ("iso-8859-2", "Zwroty w ciągu dni"),
        ("big5", "三十天內可以退貨"),
    ] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).expect("an encoding");
        let html = format!("<meta charset={label}><title>x</title><p>{words}");
        let (bytes, ..) = encoding.encode(&html);
        let read = extract(&bytes).expect("a page").sections;
        assert_eq!(read[0].text, words, "{label}");
    }
}

#[test]
fn a_page_tells_of_itself() {
    let html = "<html lang='de-AT'><head><base href=/docs/><title> Preise &amp; Fristen\n</title><link rel='alternate' href=/en>\
        <link rel='Canonical' href='https://example.com/preise'><meta name=Description content='Was es kostet.'>\
        <meta name=robots content='noindex, nofollow'></head><body><svg><title>Logo</title></svg>\
        <a href='a.html'>a</a><a href='#top'>top</a><a rel='nofollow ugc' href=/ad>ad</a><a>none</a><area href=b.html></body>";
    assert_eq!(
        HtmlPage::parse(html.as_bytes()).expect("a page"),
        HtmlPage {
            title: Some("Preise & Fristen".to_owned()),
            description: Some("Was es kostet.".to_owned()),
            canonical: Some("https://example.com/preise".to_owned()),
            language: Some("de-AT".to_owned()),
            base: Some("/docs/".to_owned()),
            links: vec!["a.html".to_owned(), "b.html".to_owned()],
            is_noindex: true,
            is_nofollow: true,
        }
    );
    let bare = HtmlPage::parse(b"<meta property='og:url' content=/x><h1>Only <b>this</b></h1><p>text").expect("a page");
    assert_eq!(
        (bare.title.as_deref(), bare.canonical.as_deref()),
        (Some("Only this"), Some("/x"))
    );
}

#[test]
fn a_page_without_text_is_empty() {
    for html in [
        "<!doctype html><div id=app></div><script>app()</script><noscript>Enable JavaScript</noscript>",
        "<!doctype html><img src=a.png>",
    ] {
        let read = crate::extract(html.as_bytes(), crate::Kind::Html);
        assert_eq!(read.err().map(|error| error.code()), Some("empty"), "{html}");
    }
}

#[test]
fn a_file_of_another_type_is_no_page() {
    // A PDF is read as one, whatever its name.
    for (bytes, code) in [(b"%PDF-1.7 ...".to_vec(), "damaged"), (vec![0, 1, 2, 3], "wrong_type")] {
        let read = crate::extract(&bytes, crate::Kind::Html);
        assert_eq!(read.err().map(|error| error.code()), Some(code));
    }
}

/// Hostile pages, each as long as a large real one.
#[test]
fn hostile_pages_are_read_in_bounded_time() {
    let repeat = |part: &str, count: usize| part.repeat(count);
    let mut numbered = String::new();
    for n in 0..100_000 {
        let _ = write!(numbered, "<a id={n} class='nav-{n}' href=#{n}>{n}");
    }
    let pages = [
        repeat("<div>", 100_000),
        repeat("<b>", 300_000),
        repeat("<p><b>", 100_000),
        repeat("<table><tr><td>", 100_000),
        repeat("<table><tr><td>x<p>", 50_000) + &repeat("<div>", 100_000),
        repeat("<ul><li>", 100_000) + "x",
        repeat("<dl><dd>", 100_000) + "x",
        repeat("</p>", 300_000),
        repeat("<a></b>", 200_000),
        repeat("<div></span>", 100_000),
        repeat("<h1>x", 100_000),
        repeat("<x-y>", 200_000) + &repeat("</x-y>", 200_000),
        repeat("<select><option>", 100_000),
        repeat("<svg><math>", 100_000),
        repeat("<blockquote><q>", 100_000) + "x",
        format!("<table>{}</table>", repeat("<tr><td rowspan=50 colspan=50>x", 20_000)),
        format!("<table><tr>{}</table>", repeat("<td colspan=1000000>x", 100_000)),
        format!("<p class='{}'>x", repeat("a-", 500_000)),
        format!("<p {}>x", repeat("a=b ", 300_000)),
        repeat("&amp", 500_000),
        repeat("<!--", 300_000),
        repeat("<![CDATA[", 100_000),
        repeat("<", 1_000_000),
        repeat("<script>", 100_000),
        numbered,
    ];
    for page in pages {
        let started = cpu_time();
        let _ = extract(page.as_bytes());
        let _ = HtmlPage::parse(page.as_bytes());
        let spent = cpu_time() - started;
        assert!(spent < 5.0, "{spent} s for {}", &page[..60]);
    }
}

/// CPU time of this thread in seconds; 0 where the system does not tell.
fn cpu_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat
        .split(' ')
        .next()
        .and_then(|word| word.parse::<u32>().ok().map(f64::from).or_else(|| word.parse().ok()));
    nanoseconds.unwrap_or(0.0) / 1e9
}

#[test]
fn a_page_of_too_many_elements_is_too_large() {
    let html = "<i>".repeat(3_100_000);
    assert_eq!(
        extract(html.as_bytes()).err().map(|error| error.code()),
        Some("too_large")
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = extract(&bytes);
        let _ = HtmlPage::parse(&bytes);
        let _ = to_utf8(&bytes, Some("gb18030"), true);
    }

    /// Every word of a page of paragraphs is read, whatever tags are left open between them.
    #[test]
    fn no_word_is_lost(parts in prop::collection::vec(prop_oneof![
        Just("<p>"), Just("</p>"), Just("<div>"), Just("</div>"), Just("<b>"), Just("</b>"), Just("<ul>"), Just("<li>"), Just("</ul>"),
        Just("<table>"), Just("<tr>"), Just("<td>"), Just("</td>"), Just("</table>"), Just("<a href=x>"), Just("</a>"), Just("<dl>"),
        Just("<dt>"), Just("<dd>"), Just("</dl>"), Just("<br>"), Just("<pre>"), Just("</pre>"), Just("<section>"),
        Just("word "), Just("word "), Just("word "), Just("word "), Just("word "), Just("word "),
    ], 0..80)) {
        let html = format!("<!doctype html><main>{}", parts.concat());
        let expected = parts.iter().filter(|part| **part == "word ").count();
        let sections = extract(html.as_bytes()).expect("a page").sections;
        let found: usize = sections.iter().map(|section| section.text.matches("word").count()).sum();
        prop_assert_eq!(found, expected, "{}", html);
    }
}
