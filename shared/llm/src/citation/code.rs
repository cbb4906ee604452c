//! Which characters of a streamed Markdown text are code.

use std::collections::VecDeque;

/// The longest inline code that is recognized, in bytes.
const MAX_INLINE: usize = 256;

/// A character and whether it is code.
pub(super) type Decided = Vec<(char, bool)>;

/// Tells code from text, one character at a time: fenced blocks and inline code within one line
/// (`CommonMark` 0.31, sections 4.5 and 6.1). In doubt it is text.
#[derive(Debug, Default)]
pub(super) struct CodeSpans {
    /// A run of backticks and what follows it: code only if as many backticks come again.
    held: String,
    /// How many backticks `held` begins with; 0 while nothing is held.
    ticks: usize,
    /// Whether that run has ended.
    is_inside: bool,
    /// How many backticks `held` ends with, behind the run.
    closing: usize,
    fence: Option<Fence>,
    line: Line,
}

/// The opening of a block of code: its character and how often it stands there.
#[derive(Debug, Clone, Copy)]
struct Fence {
    mark: char,
    length: usize,
}

/// The current line so far.
#[derive(Debug, Clone, Copy, Default)]
enum Line {
    /// Indentation and quote marks.
    #[default]
    Blank,
    /// Then one run of a fence's character.
    Marks(Fence),
    /// Then what may follow such a run.
    AfterMarks(Fence),
    /// Anything else.
    Words,
}

impl CodeSpans {
    /// Takes a character and appends what it decides.
    pub(super) fn push(&mut self, c: char, decided: &mut Decided) {
        self.run(VecDeque::from([c]), decided);
    }

    /// Appends what is still open, once the text has ended.
    pub(super) fn finish(&mut self, decided: &mut Decided) {
        while self.ticks > 0 {
            let todo = if self.closing == self.ticks {
                self.settle(decided)
            } else {
                self.give_up(decided)
            };
            self.run(todo, decided);
        }
    }

    fn run(&mut self, mut todo: VecDeque<char>, decided: &mut Decided) {
        while let Some(c) = todo.pop_front() {
            let again = if self.ticks > 0 {
                self.step_held(c, decided)
            } else {
                self.step(c, decided);
                VecDeque::new()
            };
            for c in again.into_iter().rev() {
                todo.push_front(c);
            }
        }
    }

    fn step(&mut self, c: char, decided: &mut Decided) {
        if c == '`' && self.fence.is_none() {
            self.ticks = 1;
            self.held.push(c);
            return;
        }
        self.advance_line(c);
        decided.push((c, self.fence.is_some()));
    }

    fn advance_line(&mut self, c: char) {
        let is_mark = match self.fence {
            Some(fence) => c == fence.mark,
            None => c == '~',
        };
        self.line = match self.line {
            Line::Marks(marks) | Line::AfterMarks(marks) if c == '\n' => {
                self.pass_fence(marks);
                Line::Blank
            }
            _ if c == '\n' => Line::Blank,
            Line::Blank if c.is_whitespace() || c == '>' => Line::Blank,
            Line::Blank if is_mark => Line::Marks(Fence { mark: c, length: 1 }),
            Line::Marks(Fence { mark, length }) if c == mark => Line::Marks(Fence {
                mark,
                length: length + 1,
            }),
            // An opening fence may name a language, a closing one stands alone.
            Line::Marks(marks) | Line::AfterMarks(marks) if self.fence.is_none() || c.is_whitespace() => {
                Line::AfterMarks(marks)
            }
            _ => Line::Words,
        };
    }

    /// At the end of a line that holds a fence: opens a block or closes the open one.
    fn pass_fence(&mut self, marks: Fence) {
        match self.fence {
            Some(fence) if marks.mark == fence.mark && marks.length >= fence.length => self.fence = None,
            None if marks.length >= 3 => self.fence = Some(marks),
            _ => {}
        }
    }

    /// A character behind backticks. Gives back what must be read again.
    fn step_held(&mut self, c: char, decided: &mut Decided) -> VecDeque<char> {
        let again = if !self.is_inside && c != '`' {
            if matches!(self.line, Line::Blank) && self.ticks >= 3 {
                let marks = Fence {
                    mark: '`',
                    length: self.ticks,
                };
                let again = self.give_up(decided);
                self.line = Line::AfterMarks(marks);
                Some(again)
            } else {
                self.is_inside = true;
                self.line = Line::Words;
                None
            }
        } else if self.is_inside && c != '`' && self.closing == self.ticks {
            Some(self.settle(decided))
        } else {
            None
        };
        if let Some(mut again) = again {
            again.push_back(c);
            return again;
        }
        if c == '\n' || self.held.len() >= MAX_INLINE {
            let mut again = self.give_up(decided);
            again.push_back(c);
            return again;
        }
        self.held.push(c);
        match (c, self.is_inside) {
            ('`', false) => self.ticks += 1,
            ('`', true) => self.closing += 1,
            _ => self.closing = 0,
        }
        VecDeque::new()
    }

    /// The backticks came again: it was code.
    fn settle(&mut self, decided: &mut Decided) -> VecDeque<char> {
        decided.extend(self.held.drain(..).map(|c| (c, true)));
        self.reset();
        VecDeque::new()
    }

    /// They did not: the first run is text, and the rest must be read again.
    fn give_up(&mut self, decided: &mut Decided) -> VecDeque<char> {
        decided.extend(std::iter::repeat_n(('`', false), self.ticks));
        let again = self.held.drain(..).skip(self.ticks).collect();
        self.reset();
        again
    }

    fn reset(&mut self) {
        self.ticks = 0;
        self.closing = 0;
        self.is_inside = false;
    }
}
