//! Embeds Markdown of users and models in a document.

use std::borrow::Cow;

/// Columns from which a line is indented code and begins no other block.
const CODE_INDENT: usize = 4;
/// Tags whose HTML block ends with their end tag only (<https://spec.commonmark.org/0.31.2/#html-blocks>).
const RAW_TAGS: [&str; 4] = ["pre", "script", "style", "textarea"];

/// Returns `text` with any open code block or HTML block closed, so that the following text is no part of it.
/// Blocks inside quotes and list items end by themselves.
pub(crate) fn contained(text: &str) -> Cow<'_, str> {
    let mut scanner = Scanner::default();
    text.lines().for_each(|line| scanner.read(line));
    match scanner.open.filter(|open| open.depth == 0) {
        Some(open) => Cow::Owned(format!("{text}\n{}", open.ending())),
        None => Cow::Borrowed(text),
    }
}

/// A container of other blocks.
enum Container {
    Quote,
    /// A list item whose content begins at this column.
    Item(usize),
}

/// A block that continues over blank lines until an end condition.
struct Open {
    /// Number of containers around it.
    depth: usize,
    kind: Kind,
}

enum Kind {
    /// A fence of this many of these characters.
    Fence(char, usize),
    /// HTML up to a line that contains one of these.
    Html(Vec<String>),
}

impl Open {
    fn ending(&self) -> String {
        match &self.kind {
            Kind::Fence(mark, length) => mark.to_string().repeat(*length),
            Kind::Html(ends) => ends.first().cloned().unwrap_or_default(),
        }
    }

    fn is_ended_by(&self, line: Line<'_>) -> bool {
        match &self.kind {
            Kind::Fence(mark, length) => {
                let marks = line.rest.chars().take_while(|letter| letter == mark).count();
                line.indent < CODE_INDENT && marks >= *length && line.rest[marks..].trim().is_empty()
            }
            Kind::Html(ends) => holds_one(line.rest, ends),
        }
    }
}

fn holds_one(line: &str, ends: &[String]) -> bool {
    let line = line.to_ascii_lowercase();
    ends.iter().any(|end| line.contains(end.as_str()))
}

/// The rest of a line after its containers.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// Columns of white space before `rest`.
    indent: usize,
    /// Column at which the white space begins.
    column: usize,
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn new(text: &'a str, column: usize) -> Self {
        let rest = text.trim_start_matches([' ', '\t']);
        let blanks = &text[..text.len() - rest.len()];
        let end = blanks.chars().fold(column, |at, blank| match blank {
            '\t' => at + CODE_INDENT - at % CODE_INDENT,
            _ => at + 1,
        });
        Self {
            indent: end - column,
            column,
            rest,
        }
    }

    fn is_blank(self) -> bool {
        self.rest.is_empty()
    }

    /// Returns what follows the first `bytes` of the rest.
    fn behind(self, bytes: usize) -> Self {
        Self::new(&self.rest[bytes..], self.column + self.indent + bytes)
    }

    /// Returns the same line with this many fewer columns of white space.
    fn without(self, columns: usize) -> Self {
        Self {
            indent: self.indent.saturating_sub(columns),
            column: self.column + columns.min(self.indent),
            ..self
        }
    }
}

#[derive(Default)]
struct Scanner {
    containers: Vec<Container>,
    open: Option<Open>,
}

impl Scanner {
    fn read(&mut self, text: &str) {
        let mut line = Line::new(text, 0);
        let mut depth = 0;
        for container in &self.containers {
            line = match container {
                Container::Quote if line.indent < CODE_INDENT && line.rest.starts_with('>') => behind_quote(line),
                Container::Item(column) if line.column + line.indent >= *column => {
                    line.without(column.saturating_sub(line.column))
                }
                Container::Item(_) if line.is_blank() => line,
                _ => break,
            };
            depth += 1;
        }
        if let Some(open) = self.open.take_if(|open| open.depth <= depth) {
            if !open.is_ended_by(line) {
                self.open = Some(open);
            }
            return;
        }
        // Its container has ended.
        self.open = None;
        self.containers.truncate(depth);
        while line.indent < CODE_INDENT && !is_break(line.rest) {
            if line.rest.starts_with('>') {
                line = behind_quote(line);
                self.containers.push(Container::Quote);
            } else if let Some((column, behind)) = list_item(line) {
                line = behind;
                self.containers.push(Container::Item(column));
            } else {
                break;
            }
        }
        self.open = beginning(line).map(|kind| Open {
            depth: self.containers.len(),
            kind,
        });
    }
}

fn behind_quote(line: Line<'_>) -> Line<'_> {
    line.behind(1).without(1)
}

/// `***`, `- - -`: no list item.
fn is_break(rest: &str) -> bool {
    let marks: Vec<char> = rest.chars().filter(|letter| !letter.is_whitespace()).collect();
    let first = marks.first().copied().unwrap_or(' ');
    marks.len() >= 3 && "*-_".contains(first) && marks.iter().all(|mark| *mark == first)
}

/// Returns the column at which the content of a list item begins, and the line from there, if the line begins one.
fn list_item(line: Line<'_>) -> Option<(usize, Line<'_>)> {
    let digits = line.rest.bytes().take_while(u8::is_ascii_digit).count();
    let mark = line.rest[digits..].chars().next()?;
    let is_item = match digits {
        0 => "-+*".contains(mark),
        1..=9 => ".)".contains(mark),
        _ => false,
    };
    let behind = line.behind(if is_item { digits + 1 } else { return None });
    if behind.indent == 0 && !behind.is_blank() {
        return None;
    }
    // More white space than that is indented code in the item.
    let blanks = if behind.is_blank() || behind.indent > CODE_INDENT {
        1
    } else {
        behind.indent
    };
    Some((behind.column + blanks, behind.without(blanks)))
}

/// Returns the block that the line begins, unless it ends on the same line.
fn beginning(line: Line<'_>) -> Option<Kind> {
    if line.indent >= CODE_INDENT {
        return None;
    }
    let mark = line.rest.chars().next()?;
    if mark == '`' || mark == '~' {
        let length = line.rest.chars().take_while(|letter| *letter == mark).count();
        let is_fence = length >= 3 && !(mark == '`' && line.rest[length..].contains('`'));
        return is_fence.then_some(Kind::Fence(mark, length));
    }
    let (ends, behind) = html(line.rest)?;
    (!holds_one(behind, &ends)).then_some(Kind::Html(ends))
}

/// Returns what ends the HTML block that a line begins, and what follows its beginning.
fn html(rest: &str) -> Option<(Vec<String>, &str)> {
    let lower = rest.to_ascii_lowercase();
    let inner = lower.strip_prefix('<')?;
    let raw = RAW_TAGS.iter().find(|tag| {
        let behind = inner.strip_prefix(**tag).map(|behind| behind.chars().next());
        behind.is_some_and(|next| next.is_none_or(|next| next == '>' || next.is_whitespace()))
    });
    if let Some(tag) = raw {
        let ends = [*tag].into_iter().chain(RAW_TAGS).map(|tag| format!("</{tag}>"));
        return Some((ends.collect(), &rest[1 + tag.len()..]));
    }
    let other = [("!--", "-->"), ("?", "?>"), ("![cdata[", "]]>")];
    if let Some((begin, end)) = other.iter().find(|(begin, _)| inner.starts_with(begin)) {
        return Some((vec![(*end).to_owned()], &rest[1 + begin.len()..]));
    }
    let is_declaration = inner
        .strip_prefix('!')?
        .starts_with(|letter: char| letter.is_ascii_alphabetic());
    is_declaration.then(|| (vec![">".to_owned()], &rest[2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is added to a text.
    fn added(text: &str) -> String {
        let contained = contained(text);
        let added = contained.strip_prefix(text).unwrap_or("the text was changed");
        added.trim_start_matches('\n').to_owned()
    }

    #[test]
    fn an_open_fence_is_closed_with_one_of_its_kind() {
        for (text, expected) in [
            ("```python\nprint(1)", "```"),
            ("Look:\n~~~\nx", "~~~"),
            ("`````\n```\nx\n```", "`````"),
            ("~~~~\n~~~", "~~~~"),
            ("   ```\n  x", "```"),
            ("```", "```"),
            ("~~~ a ``` b", "~~~"),
            ("```\n~~~\nx\n~~~", "```"),
            ("```\nx\n``` not the end", "```"),
            ("```\nx\n    ```", "```"),
            ("```\na\n```\n\n```\nb", "```"),
            ("- a\n\n```\nb", "```"),
            ("> a\n\n```\nb", "```"),
            ("> ```\n> a\n```\nb", "```"),
        ] {
            assert_eq!(added(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_leaves_nothing_open_stays_as_it_is() {
        for text in [
            "",
            "plain",
            "```\nx\n```",
            "```\nx\n`````   ",
            "   ```\nx\n  ```",
            "    ```\n    x",
            "\t```\nx",
            "``` a ` b",
            "``",
            "in `line` ```code```",
            "`````\n```\n`````",
            "1. ```\n   code\n   ```",
            "10. a\n\n    ```\n    code\n    ```",
            "- a\n  - ~~~\n    x\n    ~~~",
            "- ```\n  open in the item",
            "> ```\n> open in the quote",
            "> - ```\n>   x",
            "-\t```\n\tx\n\t```",
            "***\n* * *\n- - -",
            "<pre>\n```\n</pre>",
            "<!-- ``` -->",
            "1 < 2",
            "<b>\n",
        ] {
            assert_eq!(added(text), "", "{text:?}");
        }
    }

    #[test]
    fn an_open_html_block_is_closed_too() {
        for (text, expected) in [
            ("<!-- a\n\n```", "-->"),
            ("<PRE class=\"x\">\na", "</pre>"),
            ("<script>\n\nx", "</script>"),
            ("<?php\n", "?>"),
            ("<![CDATA[ a", "]]>"),
            ("<!DOCTYPE", ">"),
        ] {
            assert_eq!(added(text), expected, "{text:?}");
        }
    }
}
