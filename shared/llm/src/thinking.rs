//! Thinking that a model writes into its answer: `<think>...</think>` at its very beginning, as `DeepSeek-R1`, `QwQ`, Qwen 3
//! and others do where their server does not take it out
//! (<https://docs.vllm.ai/en/latest/features/reasoning_outputs.html>).
//!
//! Only what an answer begins with is thinking: a tag further on, in a code block or in quotation marks, is text.

use std::collections::VecDeque;
use std::ops::Range;

/// What thinking begins and ends with; case does not count. The last one is Mistral's.
const TAGS: [(&str, &str); 6] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
];

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Part of the answer.
    Text(String),
    /// Part of its thinking.
    Thinking(String),
}

#[derive(Debug)]
enum State {
    /// Nothing but white space and the beginning of what may be a tag.
    Start,
    /// Behind an opening tag, before this closing one.
    Inside(&'static str),
    /// The model begins inside its thinking, without an opening tag. What came since is here: without a closing tag it
    /// was the answer.
    Assumed(String),
    /// Behind the closing tag, where white space is no part of the answer.
    Behind,
    /// The answer.
    Text,
}

/// Takes thinking apart from text, however both are cut into pieces.
#[derive(Debug)]
pub(crate) struct Splitter {
    state: State,
    /// What cannot be told yet.
    held: String,
    pieces: VecDeque<Piece>,
    has_thinking: bool,
}

impl Splitter {
    /// `begins_inside`: whether the model leaves the opening tag out, because its template has it.
    pub(crate) fn new(begins_inside: bool) -> Self {
        Self {
            state: if begins_inside {
                State::Assumed(String::new())
            } else {
                State::Start
            },
            held: String::new(),
            pieces: VecDeque::new(),
            has_thinking: false,
        }
    }

    /// Whether any thinking came.
    pub(crate) fn has_thinking(&self) -> bool {
        self.has_thinking
    }

    /// The next piece that is known to be what it is.
    pub(crate) fn next_piece(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    /// Thinking that the provider itself has taken out of the text.
    pub(crate) fn push_thinking(&mut self, thinking: &str) {
        if let State::Assumed(_) = self.state {
            // Then there is none left in the text.
            let text = self.leave_assumption();
            self.emit_text(text);
        }
        self.emit_thinking(thinking.to_owned());
    }

    /// The next words.
    pub(crate) fn push_text(&mut self, text: &str) {
        self.held.push_str(text);
        while self.step() {}
    }

    /// The answer is over: what was held back is what it looks like.
    pub(crate) fn finish(&mut self) {
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.state, State::Text) {
            State::Inside(_) => self.emit_thinking(held),
            State::Assumed(mut text) => {
                text.push_str(&held);
                self.has_thinking = false;
                self.emit_text(text);
            }
            State::Start | State::Text => self.emit_text(held),
            State::Behind => self.emit_text(held.trim_start().to_owned()),
        }
    }

    /// Tells as much of what is held as can be told; whether there may be more.
    fn step(&mut self) -> bool {
        match &mut self.state {
            State::Start => match opening(&self.held) {
                Tag::Found(close, end) => {
                    self.held.drain(..end);
                    self.state = State::Inside(close);
                    true
                }
                Tag::Open => false,
                Tag::None => {
                    self.state = State::Text;
                    true
                }
            },
            State::Inside(close) => {
                let (end, is_over) = closing(&self.held, &[*close]);
                let thinking: String = self.held.drain(..end.start).collect();
                self.emit_thinking(thinking);
                if is_over {
                    self.held.drain(..end.len());
                    self.state = State::Behind;
                }
                is_over
            }
            State::Assumed(so_far) => {
                if let Tag::Open = opening(&self.held)
                    && so_far.is_empty()
                {
                    return false;
                }
                if let Tag::Found(close, end) = opening(&self.held)
                    && so_far.is_empty()
                {
                    self.held.drain(..end);
                    self.state = State::Inside(close);
                    return true;
                }
                let (end, is_over) = closing(&self.held, &TAGS.map(|(_, close)| close));
                let thinking: String = self.held.drain(..end.start).collect();
                so_far.push_str(&thinking);
                self.emit_thinking(thinking);
                if is_over {
                    self.held.drain(..end.len());
                    self.state = State::Behind;
                }
                is_over
            }
            State::Behind => {
                let white = self.held.len() - self.held.trim_start().len();
                self.held.drain(..white);
                if self.held.is_empty() {
                    return false;
                }
                // Some models think twice before they answer.
                match opening(&self.held) {
                    Tag::Found(close, end) => {
                        self.held.drain(..end);
                        self.state = State::Inside(close);
                    }
                    Tag::Open => return false,
                    Tag::None => self.state = State::Text,
                }
                true
            }
            State::Text => {
                let text = std::mem::take(&mut self.held);
                self.emit_text(text);
                false
            }
        }
    }

    /// The text that was taken for thinking, which it is not.
    fn leave_assumption(&mut self) -> String {
        match std::mem::replace(&mut self.state, State::Start) {
            State::Assumed(text) => text,
            other => {
                self.state = other;
                String::new()
            }
        }
    }

    fn emit_text(&mut self, text: String) {
        if !text.is_empty() {
            self.pieces.push_back(Piece::Text(text));
        }
    }

    fn emit_thinking(&mut self, thinking: String) {
        if !thinking.is_empty() {
            self.has_thinking = true;
            self.pieces.push_back(Piece::Thinking(thinking));
        }
    }
}

/// Whether a text begins with an opening tag.
enum Tag {
    /// It does; the closing one, and where it ends.
    Found(&'static str, usize),
    /// It may, with what follows.
    Open,
    /// It does not.
    None,
}

fn opening(text: &str) -> Tag {
    let rest = text.trim_start();
    let white = text.len() - rest.len();
    let mut tag = Tag::None;
    for (open, close) in TAGS {
        match begins(rest.as_bytes(), open) {
            Some(true) => return Tag::Found(close, white + open.len()),
            Some(false) => tag = Tag::Open,
            None => {}
        }
    }
    tag
}

/// Where thinking ends: at a closing tag, then it is over; or at the end of the text, or before what may become one.
fn closing(text: &str, tags: &[&str]) -> (Range<usize>, bool) {
    let bytes = text.as_bytes();
    for at in (0..bytes.len()).filter(|at| matches!(bytes[*at], b'<' | b'[' | 0xE2)) {
        let mut may_become = false;
        for close in tags {
            match begins(&bytes[at..], close) {
                Some(true) => return (at..at + close.len(), true),
                Some(false) => may_become = true,
                None => {}
            }
        }
        if may_become {
            return (at..at, false);
        }
    }
    (text.len()..text.len(), false)
}

/// Whether a text begins with a tag: `false` if it is too short to say. By bytes, as the text may be anything.
fn begins(text: &[u8], tag: &str) -> Option<bool> {
    let length = text.len().min(tag.len());
    text[..length]
        .eq_ignore_ascii_case(&tag.as_bytes()[..length])
        .then_some(length == tag.len())
}

#[cfg(test)]
mod tests;
