//! Markdown (`CommonMark` with tables, footnotes, task lists and front matter).

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::outline::Outline;
use super::{ExtractError, Extracted, TOO_MUCH_TEXT, clean, markup, table, txt};

pub(super) fn extract(bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let text = txt::decode(bytes)?;
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut reader = Reader::default();
    for event in Parser::new_ext(&text, options) {
        reader.event(event)?;
    }
    reader.end_block();
    Ok(Extracted {
        sections: reader.outline.finish().map_err(|_| TOO_MUCH_TEXT)?,
        pages: None,
    })
}

#[derive(Default)]
struct Reader {
    outline: Outline,
    /// Of the current block.
    text: String,
    /// What an item begins with: `- `, `3. `.
    mark: String,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    row: Option<Vec<String>>,
    /// Lines are to be kept as they are.
    in_lines: bool,
    /// HTML is collected to the end of its block.
    html: String,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) -> Result<(), ExtractError> {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag)?,
            Event::Text(text) if self.in_lines => {
                for line in text.lines() {
                    self.outline.block(line.trim_end());
                }
            }
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text.push_str(&text);
            }
            Event::Html(html) => self.html.push_str(&html),
            Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            Event::TaskListMarker(is_done) => self.text.push_str(if is_done { "[x] " } else { "[ ] " }),
            Event::FootnoteReference(_) | Event::InlineHtml(_) | Event::Rule => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::List(first) => {
                self.end_block();
                self.lists.push(*first);
            }
            Tag::Item => {
                self.end_block();
                self.mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => "- ".to_owned(),
                };
            }
            Tag::TableHead | Tag::TableRow => self.row = Some(Vec::new()),
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.end_block();
                self.in_lines = true;
            }
            Tag::MetadataBlock(MetadataBlockKind::YamlStyle | MetadataBlockKind::PlusesStyle) => self.in_lines = true,
            Tag::Paragraph | Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_) | Tag::Table(_) => {
                self.end_block();
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), ExtractError> {
        match tag {
            TagEnd::Heading(level) => {
                let title = clean::collapse(&std::mem::take(&mut self.text));
                if !title.is_empty() {
                    self.outline.heading(number(level), &title);
                }
            }
            TagEnd::Paragraph | TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition => self.end_block(),
            TagEnd::List(_) => {
                self.end_block();
                self.lists.pop();
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.text);
                if let Some(row) = &mut self.row {
                    row.push(cell);
                }
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                if let Some(line) = self.row.take().and_then(|row| table::row(&row)) {
                    self.outline.block(&line);
                }
            }
            TagEnd::CodeBlock | TagEnd::MetadataBlock(_) => self.in_lines = false,
            TagEnd::HtmlBlock => markup::read(&std::mem::take(&mut self.html), &mut self.outline)?,
            _ => {}
        }
        Ok(())
    }

    fn end_block(&mut self) {
        let text = clean::collapse(&std::mem::take(&mut self.text));
        if !text.is_empty() {
            let mark = std::mem::take(&mut self.mark);
            self.outline.block(&(mark + &text));
        }
    }
}

fn number(level: HeadingLevel) -> usize {
    level as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(markdown: &str) -> Vec<(String, String)> {
        let extracted = extract(markdown.as_bytes()).expect("text");
        let path = |section: &crate::Section| section.place.heading().unwrap_or("-").to_owned();
        extracted.sections.iter().map(|s| (path(s), s.text.clone())).collect()
    }

    #[test]
    fn headings_become_the_path_and_code_has_none() {
        let got = sections(
            "---\ntitle: Handbook\ntags: [a, b]\n---\nIntro.\n\n# Returns #\nWithin **14** days,\nor [later](http://x).\n\n\
             Refunds\n-------\nTo the `card`.\n\n# Help\n```sh\n# no heading\nmake dev\n```\n\n    # indented\n",
        );
        let expected = [
            ("-", "title: Handbook\ntags: [a, b]\nIntro."),
            ("Returns", "Within 14 days, or later."),
            ("Returns > Refunds", "To the card."),
            ("Help", "# no heading\nmake dev\n# indented"),
        ];
        assert_eq!(got, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn lists_tables_and_html_keep_their_shape() {
        let got = sections(
            "- one\n- two\n  1. a\n  2. b\n\n3. three\n\n- [x] done\n\n| Part | Price |\n|---|---:|\n| ZK | 3 |\n| ZL | |\n\n\
             <details><summary>More</summary>\n<p>hidden <b>text</b></p></details>\n\nSee[^1].\n\n[^1]: A note.\n",
        );
        let text = "- one\n- two\n1. a\n2. b\n3. three\n- [x] done\nPart | Price\nZK | 3\nZL |\nMore\nhidden text\nSee.\nA note.";
        assert_eq!(got, [("-".to_owned(), text.to_owned())]);
    }
}
