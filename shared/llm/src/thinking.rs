//! Separates thinking that a model writes into its answer: `<think>...</think>` at its very beginning, as
//! `DeepSeek-R1`, `QwQ`, Qwen 3 and others do if their server does not remove it
//! (<https://docs.vllm.ai/en/latest/features/reasoning_outputs.html>).
//!
//! The channels of gpt-oss are supported too, for servers that pass them on
//! (<https://cookbook.openai.com/articles/openai-harmony>): `analysis` and `commentary` are thinking, `final` is the
//! answer.
//!
//! Only the beginning of an answer can be thinking: a later tag, in a code block or in quotation marks, is text.

use std::collections::VecDeque;
use std::ops::Range;

/// Opening and closing tags, case-insensitive. `[THINK]` is Mistral's, channels are gpt-oss's.
const TAGS: [(&str, &str); 10] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("◁think▷", "◁/think▷"),
    ("[THINK]", "[/THINK]"),
    ("<|channel|>analysis<|message|>", END),
    ("<|start|>assistant<|channel|>analysis<|message|>", END),
    ("<|channel|>commentary<|message|>", END),
    ("<|start|>assistant<|channel|>commentary<|message|>", END),
];
/// The end of a message in a channel.
const END: &str = "<|end|>";
/// Beginnings of the answer of a model with channels.
const FINAL: [&str; 2] = [
    "<|channel|>final<|message|>",
    "<|start|>assistant<|channel|>final<|message|>",
];
/// Ends of that answer.
const ENDS: [&str; 2] = ["<|return|>", END];

/// The longest attributes of a tag, in bytes: `<think time="3">`.
const MAX_ATTRIBUTES: usize = 100;

/// A piece of a model's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Part of the answer.
    Text(String),
    /// Part of its thinking.
    Thinking(String),
}

#[derive(Debug)]
enum State {
    /// Only white space and the beginning of a possible tag so far.
    Start,
    /// After an opening tag, before this closing one.
    Inside(&'static str),
    /// The model begins inside its thinking, without an opening tag. Contains the text since then: without a closing
    /// tag it is the answer.
    Assumed(String),
    /// After the closing tag, where white space is not part of the answer.
    Behind,
    /// The answer.
    Text,
    /// The answer, in its own channel.
    Final,
    /// After that channel.
    Over,
}

/// Separates thinking from text, independently of how the output is cut into pieces.
#[derive(Debug)]
pub(crate) struct Splitter {
    state: State,
    /// Text that cannot be classified yet.
    held: String,
    pieces: VecDeque<Piece>,
    has_thinking: bool,
}

impl Splitter {
    /// `begins_inside`: whether the model omits the opening tag because its template contains it.
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

    /// Returns whether there has been any thinking.
    pub(crate) fn has_thinking(&self) -> bool {
        self.has_thinking
    }

    /// Returns the next classified piece.
    pub(crate) fn next_piece(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    /// Adds thinking that the provider itself has separated from the text.
    pub(crate) fn push_thinking(&mut self, thinking: &str) {
        if let State::Assumed(_) = self.state {
            // Then the text contains none.
            let text = self.leave_assumption();
            self.emit_text(text);
        }
        self.emit_thinking(thinking.to_owned());
    }

    /// Adds the next text.
    pub(crate) fn push_text(&mut self, text: &str) {
        self.held.push_str(text);
        while self.step() {}
    }

    /// Ends the answer: the held text is classified as it stands.
    pub(crate) fn finish(&mut self) {
        let held = std::mem::take(&mut self.held);
        match std::mem::replace(&mut self.state, State::Text) {
            State::Inside(_) => self.emit_thinking(held),
            State::Assumed(mut text) => {
                text.push_str(&held);
                self.has_thinking = false;
                self.emit_text(text);
            }
            State::Start | State::Text | State::Final => self.emit_text(held),
            State::Over => {}
            State::Behind => self.emit_text(held.trim_start().to_owned()),
        }
    }

    /// Classifies as much of the held text as possible. Returns whether there may be more.
    fn step(&mut self) -> bool {
        match &mut self.state {
            State::Start => match opening(&self.held) {
                Tag::Found(state, end) => {
                    self.held.drain(..end);
                    self.state = state;
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
                if let Tag::Found(state, end) = opening(&self.held)
                    && so_far.is_empty()
                {
                    self.held.drain(..end);
                    self.state = state;
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
                    Tag::Found(state, end) => {
                        self.held.drain(..end);
                        self.state = state;
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
            State::Final => {
                let (end, is_over) = closing(&self.held, &ENDS);
                let text: String = self.held.drain(..end.start).collect();
                self.emit_text(text);
                if is_over {
                    self.state = State::Over;
                }
                is_over
            }
            State::Over => {
                self.held.clear();
                false
            }
        }
    }

    /// Returns the text that was wrongly assumed to be thinking.
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

/// Returns an earlier answer without leading thinking: models do not receive their earlier thinking.
pub(crate) fn without_thinking(text: &str) -> Option<String> {
    let Tag::Found(..) = opening(text) else { return None };
    let mut splitter = Splitter::new(false);
    splitter.push_text(text);
    // Thinking without an end may be an answer that mentions tags.
    if matches!(splitter.state, State::Inside(_)) {
        return None;
    }
    splitter.finish();
    let pieces = splitter.pieces.into_iter();
    Some(
        pieces
            .filter_map(|piece| match piece {
                Piece::Text(text) => Some(text),
                Piece::Thinking(_) => None,
            })
            .collect(),
    )
}

/// Whether a text begins with an opening tag.
enum Tag {
    /// It does; the state after the tag, and where the tag ends.
    Found(State, usize),
    /// It may, depending on what follows.
    Open,
    /// It does not.
    None,
}

fn opening(text: &str) -> Tag {
    let rest = text.trim_start();
    let white = text.len() - rest.len();
    let mut tag = Tag::None;
    for (open, close) in TAGS {
        match begins(rest.as_bytes(), open).or_else(|| begins_with_attributes(rest, open)) {
            Some(Beginning::Whole(length)) => return Tag::Found(State::Inside(close), white + length),
            Some(Beginning::Part) => tag = Tag::Open,
            None => {}
        }
    }
    for open in FINAL {
        match begins(rest.as_bytes(), open) {
            Some(Beginning::Whole(length)) => return Tag::Found(State::Final, white + length),
            Some(Beginning::Part) => tag = Tag::Open,
            None => {}
        }
    }
    tag
}

/// Like [`begins`], for a tag with attributes.
fn begins_with_attributes(text: &str, tag: &str) -> Option<Beginning> {
    let name = tag.strip_prefix('<')?.strip_suffix('>')?;
    let rest = text.strip_prefix('<')?;
    let Beginning::Whole(_) = begins(rest.as_bytes(), name)? else {
        return None;
    };
    let attributes = &rest.as_bytes()[name.len()..];
    attributes.first().filter(|byte| byte.is_ascii_whitespace())?;
    match attributes.iter().position(|byte| matches!(byte, b'>' | b'\n')) {
        Some(end) if attributes[end] == b'>' && end <= MAX_ATTRIBUTES => {
            Some(Beginning::Whole(1 + name.len() + end + 1))
        }
        None if attributes.len() <= MAX_ATTRIBUTES => Some(Beginning::Part),
        _ => None,
    }
}

/// Returns where thinking ends, and whether it is over: at a closing tag; otherwise at the end of the text, or before
/// the beginning of a possible tag.
fn closing(text: &str, tags: &[&str]) -> (Range<usize>, bool) {
    let bytes = text.as_bytes();
    for at in (0..bytes.len()).filter(|at| matches!(bytes[*at], b'<' | b'[' | 0xE2)) {
        let mut may_become = false;
        for close in tags {
            match begins(&bytes[at..], close) {
                Some(Beginning::Whole(length)) => return (at..at + length, true),
                Some(Beginning::Part) => may_become = true,
                None => {}
            }
        }
        if may_become {
            return (at..at, false);
        }
    }
    (text.len()..text.len(), false)
}

/// How much of a tag a text begins with.
enum Beginning {
    /// All of it; its length.
    Whole(usize),
    /// A part, which is the whole text.
    Part,
}

/// Returns how much of a tag a text begins with. By bytes, because the text may be anything.
fn begins(text: &[u8], tag: &str) -> Option<Beginning> {
    let length = text.len().min(tag.len());
    let is_same = text[..length].eq_ignore_ascii_case(&tag.as_bytes()[..length]);
    is_same.then_some(if length == tag.len() {
        Beginning::Whole(length)
    } else {
        Beginning::Part
    })
}

#[cfg(test)]
mod tests;
