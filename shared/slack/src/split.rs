//! Dividing a long answer into messages, while it is written: at paragraphs, lines or words, with code blocks closed at
//! the end of one message and opened again in the next.

use crate::text::without_mentions;

/// Longest text of one message, in UTF-16 code units. Slack's limit for `markdown_text` is 12,000 characters.
pub const MAX_MESSAGE: usize = 11_500;
/// Longest description of a code block that is repeated, in characters.
const MAX_INFO: usize = 24;
/// Longest fence that is repeated.
const MAX_FENCE: usize = 16;
/// What closing a code block takes at most.
const RESERVE: usize = MAX_FENCE + 2;

/// What to do next with the text of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Append this text to the current message.
    Append(String),
    /// End the current message. The next text begins another.
    Next,
}

/// An open code block.
#[derive(Debug, Clone)]
struct Fence {
    mark: char,
    length: usize,
    info: String,
}

impl Fence {
    /// Returns the code block that a line opens.
    fn opened_by(line: &str) -> Option<Self> {
        let text = line.trim_start_matches(' ');
        let mark = text.chars().next().filter(|mark| ['`', '~'].contains(mark))?;
        let length = text.chars().take_while(|it| *it == mark).count();
        let info = text[length..].trim();
        if line.len() - text.len() > 3 || length < 3 || mark == '`' && info.contains('`') {
            return None;
        }
        Some(Self {
            mark,
            length,
            info: info.chars().take(MAX_INFO).collect(),
        })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let text = line.trim_start_matches(' ').trim_end();
        line.len() - line.trim_start_matches(' ').len() <= 3
            && text.len() >= self.length
            && text.chars().all(|it| it == self.mark)
    }

    fn bar(&self) -> String {
        // A fence inside the block may be longer than the one that is repeated, which is rare and only ends it early.
        String::from(self.mark).repeat(self.length.min(MAX_FENCE))
    }
}

/// Divides a text that arrives in pieces.
#[derive(Debug, Default)]
pub struct Splitter {
    /// What was pushed and not taken.
    pending: String,
    /// The last line that was taken, as far as it is complete.
    line: String,
    /// UTF-16 code units in the current message.
    used: usize,
    /// Those of them that only open a code block again.
    base: usize,
    /// Whether the current message ends with a whole line.
    ends_line: bool,
    fence: Option<Fence>,
}

impl Splitter {
    /// Adds a piece of the text.
    pub fn push(&mut self, text: &str) {
        self.pending.push_str(text);
    }

    /// Returns whether there is text to take.
    pub fn has_text(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns what opens the current code block again, for text that continues in a message of its own.
    pub fn opening(&self) -> String {
        let fence = self.fence.as_ref();
        fence.map_or_else(String::new, |fence| format!("{}{}\n", fence.bar(), fence.info))
    }

    /// Returns what to do with the text so far. `is_end`: whether nothing follows.
    pub fn take(&mut self, is_end: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut text = without_mentions(&std::mem::take(&mut self.pending));
        if !is_end && text.ends_with('<') {
            // The next piece decides whether this begins a mention.
            text.pop();
            self.pending.push('<');
        }
        let mut rest = text.as_str();
        loop {
            let room = (MAX_MESSAGE - RESERVE).saturating_sub(self.used);
            if units(rest) <= room {
                self.append(rest, &mut steps);
                return steps;
            }
            let (now, later) = rest.split_at(self.cut(rest, room));
            self.append(now, &mut steps);
            // The line break at which the text is divided ends a line like any other.
            rest = match later.strip_prefix('\n') {
                Some(later) => {
                    self.end_line();
                    self.line.clear();
                    later
                }
                None => later,
            };
            self.next(&mut steps);
            if self.fence.is_none() {
                rest = rest.trim_start_matches('\n');
            }
        }
    }

    fn append(&mut self, text: &str, steps: &mut Vec<Step>) {
        if text.is_empty() {
            return;
        }
        self.used += units(text);
        self.ends_line = text.ends_with('\n');
        let mut lines = text.split('\n');
        self.line.push_str(lines.next().unwrap_or_default());
        for line in lines {
            self.end_line();
            line.clone_into(&mut self.line);
        }
        match steps.last_mut() {
            Some(Step::Append(before)) => before.push_str(text),
            _ => steps.push(Step::Append(text.to_owned())),
        }
    }

    fn end_line(&mut self) {
        match &self.fence {
            Some(fence) if fence.is_closed_by(&self.line) => self.fence = None,
            Some(_) => {}
            None => self.fence = Fence::opened_by(&self.line),
        }
    }

    /// Ends the current message.
    fn next(&mut self, steps: &mut Vec<Step>) {
        if let Some(fence) = self.fence.clone() {
            let close = format!("{}{}", if self.ends_line { "" } else { "\n" }, fence.bar());
            match steps.last_mut() {
                Some(Step::Append(before)) => before.push_str(&close),
                _ => steps.push(Step::Append(close)),
            }
            let open = self.opening();
            self.used = units(&open);
            self.base = self.used;
            self.ends_line = true;
            steps.extend([Step::Next, Step::Append(open)]);
        } else {
            (self.used, self.base, self.ends_line) = (0, 0, false);
            steps.push(Step::Next);
        }
        self.line.clear();
    }

    /// Returns where to divide a text of which `room` code units fit.
    fn cut(&self, text: &str, room: usize) -> usize {
        let mut fits = 0;
        let mut count = 0;
        for (at, character) in text.char_indices() {
            count += character.len_utf16();
            if count > room {
                break;
            }
            fits = at + character.len_utf8();
        }
        let head = &text[..fits];
        let (paragraph, line) = self.breaks(head);
        // A message that has text already may end before its next line rather than within it.
        let is_begun = self.used > self.base;
        let least = if is_begun { 0 } else { (fits / 4).max(1) };
        paragraph
            .or_else(|| line.filter(|at| *at >= least))
            .or_else(|| (is_begun && self.line.is_empty()).then_some(0))
            .or_else(|| head.rfind(' ').map(|at| at + 1))
            .unwrap_or(if fits == 0 && !is_begun {
                text.chars().next().map_or(0, char::len_utf8)
            } else {
                fits
            })
    }

    /// Returns the last paragraph break outside of code in the second half of a text, and its last line break that does
    /// not end the opening of a code block, which would be empty.
    fn breaks(&self, head: &str) -> (Option<usize>, Option<usize>) {
        let (mut fence, mut line) = (self.fence.clone(), self.line.clone());
        let (mut paragraph, mut last, mut at) = (None, None, 0);
        for part in head.split_inclusive('\n') {
            let text = part.strip_suffix('\n');
            line.push_str(text.unwrap_or(part));
            if let Some(text) = text {
                let was_open = fence.is_some();
                match &fence {
                    Some(open) if open.is_closed_by(&line) => fence = None,
                    Some(_) => {}
                    None => fence = Fence::opened_by(&line),
                }
                if was_open || fence.is_none() {
                    last = Some(at + text.len());
                }
                if text.is_empty() && fence.is_none() && at >= head.len() / 2 {
                    paragraph = Some(at);
                }
                line.clear();
            }
            at += part.len();
        }
        (paragraph, last)
    }
}

/// Divides a text that is complete.
pub fn split(text: &str) -> Vec<String> {
    let mut splitter = Splitter::default();
    splitter.push(text);
    let mut messages = vec![String::new()];
    for step in splitter.take(true) {
        match (step, messages.last_mut()) {
            (Step::Append(text), Some(message)) => message.push_str(&text),
            (Step::Append(text), None) => messages.push(text),
            (Step::Next, _) => messages.push(String::new()),
        }
    }
    messages.retain(|message| !message.trim().is_empty());
    messages
}

/// Returns the number of UTF-16 code units, by which Slack's clients count.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a text of paragraphs and code blocks.
    fn long_text() -> String {
        let part = |number: u32| {
            let words = format!("Paragraph {number}: {}\n\n", "some words of it ".repeat(20));
            if !number.is_multiple_of(3) {
                return words;
            }
            let code = format!("    let line_{number} = 1; // 漢字🦀\n").repeat(12);
            format!("{words}```rust\n{code}```\n\n")
        };
        (0..90).map(part).collect()
    }

    fn is_well_formed(message: &str) -> bool {
        let mut fence: Option<Fence> = None;
        for line in message.lines() {
            match &fence {
                Some(open) if open.is_closed_by(line) => fence = None,
                Some(_) => {}
                None => fence = Fence::opened_by(line),
            }
        }
        fence.is_none()
    }

    /// Returns the lines of all messages without the fences, which may be repeated.
    fn content(messages: &[String]) -> Vec<&str> {
        let lines = messages.iter().flat_map(|message| message.lines());
        lines
            .filter(|line| !line.is_empty() && !line.starts_with("```"))
            .collect()
    }

    #[test]
    fn a_long_text_arrives_whole_and_well_formed() {
        let text = long_text();
        assert!(units(&text) > 30_000);
        let messages = split(&text);
        assert!((3..9).contains(&messages.len()), "{}", messages.len());
        for message in &messages {
            assert!(units(message) <= MAX_MESSAGE && is_well_formed(message), "{message}");
        }
        assert_eq!(content(&messages), content(&[text]));
    }

    #[test]
    fn pieces_of_any_length_lead_to_the_same_text() {
        let text = long_text();
        for length in [1, 7, 100, 5_000, 20_000] {
            let mut splitter = Splitter::default();
            let mut messages = vec![String::new()];
            let characters: Vec<char> = text.chars().collect();
            let mut add = |steps: Vec<Step>| {
                for step in steps {
                    match step {
                        Step::Append(text) => messages.last_mut().into_iter().for_each(|last| last.push_str(&text)),
                        Step::Next => messages.push(String::new()),
                    }
                }
            };
            for piece in characters.chunks(length) {
                splitter.push(&piece.iter().collect::<String>());
                add(splitter.take(false));
            }
            add(splitter.take(true));
            for message in &messages {
                assert!(
                    units(message) <= MAX_MESSAGE && is_well_formed(message),
                    "{length}: {message}"
                );
            }
            let joined: String = content(&messages).concat();
            assert_eq!(
                joined.replace(' ', ""),
                content(std::slice::from_ref(&text)).concat().replace(' ', ""),
                "{length}"
            );
        }
    }

    #[test]
    fn one_line_and_one_code_block_are_divided_too() {
        let line = "word ".repeat(6_000);
        let messages = split(&line);
        assert!(messages.len() == 3 && messages.concat() == line, "{}", messages.len());
        let unbroken = "🦀".repeat(9_000);
        assert_eq!(split(&unbroken).concat(), unbroken);
        let code = format!("~~~~ sql\n{}~~~~\n", "SELECT 1;\n```\n".repeat(2_000));
        let messages = split(&code);
        assert!(
            messages
                .iter()
                .all(|message| message.starts_with("~~~~sql\n") || message.starts_with("~~~~ sql\n"))
        );
        assert!(messages.iter().all(|message| message.trim_end().ends_with("~~~~")));
    }

    #[test]
    fn long_lines_of_code_are_divided_wherever_they_stand() {
        let code = |before: &str, line: String| format!("{before}{line}\n```\nafter");
        for text in [
            code("```\n", "x".repeat(30_000)),
            code("```\n", "a b ".repeat(8_000)),
            code(&format!("{}\n\n```\nshort\n", "intro ".repeat(900)), "y".repeat(12_000)),
            code(
                &format!("{}\n```rust\n", "w".repeat(11_465)),
                "let x = 1;\n".repeat(900),
            ),
            format!("{}\n```\ncode\n```\n{}", "w".repeat(11_460), "prose ".repeat(2_000)),
            format!("{}\n\n{}", "w".repeat(11_480), "\n".repeat(20_000)),
        ] {
            let messages = split(&text);
            assert!(messages.len() < 9, "{}", messages.len());
            for message in &messages {
                assert!(units(message) <= MAX_MESSAGE && is_well_formed(message), "{message}");
            }
            let joined = content(&messages).concat();
            let expected = content(&[text]).concat();
            assert_eq!(joined.replace(' ', ""), expected.replace(' ', ""));
        }
    }

    #[test]
    fn nobody_is_mentioned_by_a_text() {
        let mut splitter = Splitter::default();
        let mut taken = String::new();
        for piece in ["Tell <", "!channel> and ", "<@U1", "> that 1 <", " 2"] {
            splitter.push(piece);
            for step in splitter.take(false) {
                if let Step::Append(text) = step {
                    taken.push_str(&text);
                }
            }
        }
        assert_eq!(taken, "Tell <\u{200b}!channel> and <\u{200b}@U1> that 1 < 2");
    }
}
