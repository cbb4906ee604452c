//! What the double says.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{Counts, Quirk};

/// Lets steps of a script through, one for each time it is opened.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets so many more steps through.
    pub fn open(&self, steps: usize) {
        self.0.add_permits(steps);
    }

    pub(crate) async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// A step of an answer.
#[derive(Debug, Clone)]
pub enum Step {
    /// A piece of the answer: one token.
    Text(String),
    /// A piece of reasoning: one token as well.
    Thought(String),
    /// Waits until the gate lets it through.
    Wait(Gate),
    /// Waits for so long.
    Pause(Duration),
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// An event with this data, whatever the vendor knows of it.
    Event(Value),
    /// The response ends here, as if it were whole.
    End,
    /// A sign of life that says nothing.
    Ping,
    /// An error as the vendor puts it into a stream, with its word, such as `overloaded_error`.
    Error(String),
    /// The connection breaks.
    Cut,
    /// Silence until the client leaves.
    Hang,
    /// Bytes that say nothing, without end.
    Babble,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// Everything was said.
    Stop,
    /// It got too long.
    Length,
    /// The vendor's filter.
    Filtered,
    /// The vendor's own word, as it is.
    Word(&'static str),
}

/// How a server of `OpenAI`'s protocol says what a model thinks. Other vendors have one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThinkingStyle {
    /// `reasoning_content`, as `DeepSeek`, llama.cpp and Qwen.
    #[default]
    ReasoningContent,
    /// `reasoning`, as vLLM, Groq and Ollama.
    Reasoning,
    /// `reasoning` and the same in `reasoning_details`, as `OpenRouter`.
    Details,
    /// Parts of the content, as Mistral.
    Parts,
}

/// A refusal before the answer.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Media type and body, when they are not the vendor's own.
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
}

/// How one call is answered.
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) before: Option<Gate>,
    pub(crate) steps: Vec<Step>,
    pub(crate) finish: Finish,
    /// What is said of the tokens, when it is not what was counted.
    pub(crate) usage: Option<Counts>,
    pub(crate) says_usage: bool,
    pub(crate) quirk: Option<Quirk>,
    pub(crate) thinking_style: ThinkingStyle,
}

impl Default for Script {
    fn default() -> Self {
        Self::text("This is what the double says: grün, 東京, 🍵.")
    }
}

impl Script {
    /// A text, word by word: each with the space before it is one token.
    pub fn text(text: &str) -> Self {
        let mut pieces: Vec<Step> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let start = rest
                .find(|character: char| !character.is_whitespace())
                .unwrap_or(rest.len());
            let end = rest[start..]
                .find(char::is_whitespace)
                .map_or(rest.len(), |length| start + length);
            let (piece, behind) = rest.split_at(end);
            pieces.push(Step::Text(piece.to_owned()));
            rest = behind;
        }
        Self::of(pieces)
    }

    /// A text cut after every so many characters, wherever that is: each piece is one token.
    pub fn cut_every(characters: usize, text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let pieces = letters
            .chunks(characters.max(1))
            .map(|piece| Step::Text(piece.iter().collect()));
        Self::of(pieces.collect())
    }

    /// Thinks for so many pauses, saying nothing but that it is alive, and then says a text.
    pub fn thinking_silently(pings: usize, pause: Duration, text: &str) -> Self {
        let mut steps: Vec<Step> = (0..pings).flat_map(|_| [Step::Pause(pause), Step::Ping]).collect();
        steps.extend(Self::text(text).steps);
        Self::of(steps)
    }

    /// An answer of exactly so many tokens.
    pub fn tokens(count: usize) -> Self {
        Self::of((0..count).map(|place| Step::Text(format!("w{place} "))).collect())
    }

    /// The same, with so long a pause before each token.
    pub fn slow(count: usize, pause: Duration) -> Self {
        let steps = Self::tokens(count).steps.into_iter();
        Self::of(steps.flat_map(|step| [Step::Pause(pause), step]).collect())
    }

    /// These steps, and a good end if they do not end otherwise.
    pub fn of(steps: Vec<Step>) -> Self {
        Self {
            refusal: None,
            before: None,
            steps,
            finish: Finish::Stop,
            usage: None,
            says_usage: true,
            quirk: None,
            thinking_style: ThinkingStyle::default(),
        }
    }

    /// A refusal with a status, in the vendor's shape, with its word.
    pub fn refuse(status: u16, code: &str) -> Self {
        Self {
            refusal: Some(Refusal {
                status,
                code: code.to_owned(),
                headers: Vec::new(),
                body: None,
            }),
            ..Self::of(Vec::new())
        }
    }

    /// A refusal with a body of its own; a "refusal" with 200 is a body in the place of an answer.
    pub fn refuse_with(status: u16, media_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let mut script = Self::refuse(status, "");
        if let Some(refusal) = &mut script.refusal {
            refusal.body = Some((media_type, body.into()));
        }
        script
    }

    /// The same, departing from the protocol in this way.
    #[must_use]
    pub fn with(mut self, quirk: Quirk) -> Self {
        self.quirk = Some(quirk);
        self
    }

    /// No answer at all, not even its head.
    pub fn silence() -> Self {
        Self {
            before: Some(Gate::default()),
            ..Self::of(Vec::new())
        }
    }

    /// The same, with a header of the refusal, such as `retry-after`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(refusal) = &mut self.refusal {
            refusal.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The same, not even beginning before the gate is opened.
    #[must_use]
    pub fn after(mut self, gate: &Gate) -> Self {
        self.before = Some(gate.clone());
        self
    }

    /// The same with a gate before each piece.
    #[must_use]
    pub fn paced(mut self, gate: &Gate) -> Self {
        let paced = |step| match step {
            Step::Text(_) | Step::Thought(_) => vec![Step::Wait(gate.clone()), step],
            step => vec![step],
        };
        self.steps = self.steps.into_iter().flat_map(paced).collect();
        self
    }

    /// The same, thinking first.
    #[must_use]
    pub fn thinking(mut self, thoughts: &[&str]) -> Self {
        let thoughts = thoughts.iter().map(|thought| Step::Thought((*thought).to_owned()));
        self.steps.splice(0..0, thoughts);
        self
    }

    /// The same, with its thinking in another style.
    #[must_use]
    pub fn style(mut self, style: ThinkingStyle) -> Self {
        self.thinking_style = style;
        self
    }

    /// The same and one step more.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same, broken off where it would end.
    #[must_use]
    pub fn cut(self) -> Self {
        self.then(Step::Cut)
    }

    /// The same, with another reason of its end.
    #[must_use]
    pub fn ending(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }

    /// The same, saying this of its tokens, whatever they were.
    #[must_use]
    pub fn usage(mut self, usage: Counts) -> Self {
        self.usage = Some(usage);
        self
    }

    /// The same, saying nothing of its tokens.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        self.says_usage = false;
        self
    }
}
