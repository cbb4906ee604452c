//! The text of (X)HTML inside other formats: chapters of books and bodies of emails. A tokenizer that accepts what
//! browsers accept. Web pages, whose content stands among other things, are read by `html`.

use super::outline::Outline;
use super::package::TextBudget;
use super::{ExtractError, TOO_MUCH_TEXT, clean, encoding, table};

/// Elements whose content is not text.
const SKIPPED: [&str; 9] = [
    "script", "style", "template", "noscript", "head", "svg", "math", "select", "rt",
];
/// Elements that end a line.
const BLOCKS: [&str; 34] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "dd",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "header",
    "hr",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "title",
    "ul",
    "html",
];

/// Returns the encoding that a page or a declaration of XML names in its first bytes.
pub(super) fn declared_encoding(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_ascii_lowercase();
    let names = ["charset=", "encoding="]
        .into_iter()
        .filter_map(|mark| head.split_once(mark));
    let names = names.map(|(_, rest)| rest.trim_start_matches(['"', '\'']));
    let mut found = names.filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c)));
        encoding_rs::Encoding::for_label(rest.get(..end.unwrap_or(rest.len()))?.as_bytes())
    });
    found.next()
}

/// Decodes a part that declares its encoding, as XML and HTML do.
pub(super) fn decode(bytes: &[u8]) -> Result<String, ExtractError> {
    match declared_encoding(bytes) {
        Some(declared) if std::str::from_utf8(bytes).is_err() => Ok(declared.decode(bytes).0.into_owned()),
        _ => encoding::decode(bytes),
    }
}

/// Adds the text of a page to an outline, with its headings.
pub(super) fn read(html: &str, outline: &mut Outline) -> Result<(), ExtractError> {
    let mut page = Page {
        outline,
        text: String::new(),
        heading: None,
        rows: Vec::new(),
        is_item: false,
        is_preformatted: false,
        skipped: None,
        budget: TextBudget::default(),
    };
    let mut rest = html;
    let mut has_pairs = true;
    while let Some(at) = rest.find('<') {
        page.text(&rest[..at])?;
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
        } else if let Some(data) = rest.strip_prefix("<![CDATA[") {
            let end = data.find("]]>").unwrap_or(data.len());
            page.literal(&data[..end])?;
            rest = data.get(end + 3..).unwrap_or("");
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            let end = Some(rest).filter(|_| has_pairs).and_then(tag_end).unwrap_or_else(|| {
                // A quote without its end does not swallow the page, nor is the rest of it searched again.
                has_pairs = false;
                rest.find('>').unwrap_or(rest.len())
            });
            page.tag(&rest[1..end])?;
            rest = rest.get(end + 1..).unwrap_or("");
            // What looks like a tag in there is none.
            if let Some(raw) = page.raw_element() {
                rest = &rest[raw_end(rest, raw)..];
            }
        } else {
            page.text("<")?;
            rest = &rest[1..];
        }
    }
    page.text(rest)?;
    page.end_block();
    Ok(())
}

/// Returns where the `>` of a tag is, outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// Returns where the end tag of an element is whose content has no tags.
fn raw_end(text: &str, element: &str) -> usize {
    let is_end = |at: &usize| {
        let name = text.get(at + 2..at + 2 + element.len());
        name.is_some_and(|name| name.eq_ignore_ascii_case(element))
    };
    text.match_indices("</")
        .map(|(at, _)| at)
        .find(is_end)
        .unwrap_or(text.len())
}

struct Page<'a> {
    outline: &'a mut Outline,
    /// Of the current block.
    text: String,
    heading: Option<usize>,
    /// The cells of the open rows, innermost last.
    rows: Vec<Vec<String>>,
    is_item: bool,
    is_preformatted: bool,
    /// The element that is being skipped, and its depth.
    skipped: Option<(String, usize)>,
    budget: TextBudget,
}

impl Page<'_> {
    fn text(&mut self, raw: &str) -> Result<(), ExtractError> {
        let mut rest = raw;
        while let Some(at) = rest.find('&') {
            self.literal(&rest[..at])?;
            rest = &rest[at..];
            let end = rest.bytes().take(32).position(|byte| byte == b';');
            if let Some((c, end)) = end.and_then(|end| Some((entity(rest.get(1..end)?)?, end))) {
                self.literal(c.encode_utf8(&mut [0; 4]))?;
                rest = &rest[end + 1..];
            } else {
                self.literal("&")?;
                rest = &rest[1..];
            }
        }
        self.literal(rest)
    }

    fn literal(&mut self, text: &str) -> Result<(), ExtractError> {
        if self.skipped.is_some() || text.is_empty() {
            return Ok(());
        }
        self.budget.spend(text.len()).map_err(|_| TOO_MUCH_TEXT)?;
        if !self.is_preformatted {
            self.text.push_str(text);
            return Ok(());
        }
        let mut lines = text.split('\n');
        self.text.push_str(lines.next().unwrap_or_default());
        for line in lines {
            self.end_block();
            self.text.push_str(line);
        }
        Ok(())
    }

    fn tag(&mut self, tag: &str) -> Result<(), ExtractError> {
        let is_end = tag.starts_with('/');
        let name = tag.trim_start_matches('/');
        let name: String = name
            .chars()
            .take_while(|c| !c.is_whitespace() && *c != '/')
            .take(32)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        // `xhtml:p`
        let name = name.rsplit(':').next().unwrap_or_default();
        let is_empty = tag.ends_with('/');
        if let Some((skipped, depth)) = &mut self.skipped {
            if skipped == name && !is_empty {
                *depth = if is_end { depth.saturating_sub(1) } else { *depth + 1 };
            }
            if *depth == 0 || (skipped == "head" && name == "body") {
                self.skipped = None;
            }
            return Ok(());
        }
        if SKIPPED.contains(&name) {
            if !is_end && !is_empty {
                self.skipped = Some((name.to_owned(), 1));
            }
            return Ok(());
        }
        match (name, is_end) {
            ("br", _) => {
                if self.rows.is_empty() && self.heading.is_none() {
                    self.end_block();
                } else {
                    self.literal(" ")?;
                }
            }
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", false) => {
                self.end_block();
                self.heading = name[1..].parse().ok();
            }
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "td" | "th", true) => self.end_block(),
            ("tr", false) => {
                self.end_block();
                self.rows.push(Vec::new());
            }
            ("tr", true) => self.end_row(),
            ("td" | "th", false) => {
                self.end_block();
                if let Some(row) = self.rows.last_mut() {
                    row.push(String::new());
                }
            }
            (name, _) if BLOCKS.contains(&name) => {
                self.end_block();
                self.is_item = name == "li" && !is_end;
                if name == "pre" {
                    self.is_preformatted = !is_end;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn raw_element(&self) -> Option<&'static str> {
        let (skipped, _) = self.skipped.as_ref()?;
        ["script", "style"].into_iter().find(|raw| raw == skipped)
    }

    fn end_block(&mut self) {
        let text = clean::collapse(&clean::normalize(&std::mem::take(&mut self.text)));
        if text.is_empty() {
            return;
        }
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            if !cell.is_empty() {
                cell.push(' ');
            }
            cell.push_str(&text);
        } else if let Some(level) = self.heading.take() {
            self.outline.heading(level, &text);
        } else if self.is_item && !clean::is_list_item(&text) {
            self.outline.block(&format!("- {text}"));
        } else {
            self.outline.block(&text);
        }
        self.is_item = false;
    }

    fn end_row(&mut self) {
        self.end_block();
        let Some(row) = self.rows.pop() else { return };
        let Some(line) = table::row(&row) else { return };
        // A row of a nested table is text of the cell around it.
        if self.rows.last().is_some_and(|outer| !outer.is_empty()) {
            self.text = line;
            self.end_block();
        } else {
            self.outline.block(&line);
        }
    }
}

/// U+00A0 to U+00FF in order (HTML 4.01, 24.2).
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn \
    sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde \
    Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde \
    Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil \
    egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash \
    ugrave uacute ucirc uuml yacute thorn yuml";

/// Returns the character of a reference without `&` and `;`: `eacute`, `#233` or `#xE9`.
fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        // Windows-1252, which browsers read here.
        return match u8::try_from(code) {
            Ok(byte @ 0x80..=0x9f) => encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(&[byte])
                .0
                .chars()
                .next(),
            _ => char::from_u32(code),
        };
    }
    let other = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "OElig" => 'Œ',
        "oelig" => 'œ',
        "Scaron" => 'Š',
        "scaron" => 'š',
        "Yuml" => 'Ÿ',
        "ensp" | "emsp" | "thinsp" => ' ',
        "zwnj" | "zwj" | "lrm" | "rlm" => '\u{200b}',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "sbquo" => '‚',
        "ldquo" => '“',
        "rdquo" => '”',
        "bdquo" => '„',
        "dagger" => '†',
        "bull" => '•',
        "hellip" => '…',
        "permil" => '‰',
        "prime" => '′',
        "lsaquo" => '‹',
        "rsaquo" => '›',
        "euro" => '€',
        "trade" => '™',
        "larr" => '←',
        "uarr" => '↑',
        "rarr" => '→',
        "darr" => '↓',
        "minus" => '−',
        "le" => '≤',
        "ge" => '≥',
        "ne" => '≠',
        "infin" => '∞',
        _ => {
            let index = LATIN.split_whitespace().position(|latin| latin == name)?;
            return char::from_u32(0xa0 + u32::try_from(index).ok()?);
        }
    };
    Some(other)
}

#[cfg(test)]
mod tests;
