//! Truncation of long conversations to a model's context window.

use crate::chat::{ChatRequest, Image, Message, Role};
use crate::{estimate_tokens, prompt};

/// Tokens of a message in addition to its text: its role and its delimiters
/// (<https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken>).
pub(crate) const MESSAGE_OVERHEAD: u64 = 4;

/// The window divided by this stays free, because estimates are off by up to a fifth.
const MARGIN: u64 = 10;

/// Returns the newest turns of a conversation that fit, with `system` and an answer of `max_tokens`, into a window of
/// `context_tokens`. The oldest turns are dropped as a whole; a turn is a question with its answers. The last turn
/// always stays, even if it alone is too long: then the provider reports that.
pub fn truncate_to_context(
    messages: Vec<Message>,
    system: Option<&str>,
    context_tokens: u32,
    max_tokens: u32,
) -> Vec<Message> {
    let window = u64::from(context_tokens);
    let mut room = (window - window / MARGIN)
        .saturating_sub(u64::from(max_tokens))
        .saturating_sub(system.map_or(0, cost));
    let mut first = messages.len();
    for (start, end) in turns(&messages).into_iter().rev() {
        let turn: u64 = messages[start..end].iter().map(cost_of).sum();
        match room.checked_sub(turn) {
            Some(left) => room = left,
            None if first < messages.len() => break,
            None => room = 0,
        }
        first = start;
    }
    messages.into_iter().skip(first).collect()
}

impl ChatRequest {
    /// Returns the request with as much of its conversation as fits into a window of `context_tokens`; see
    /// [`truncate_to_context`]. Its sources count as part of the system prompt.
    #[must_use]
    pub fn fitted(mut self, context_tokens: u32) -> Self {
        let system = prompt::system(&self);
        self.messages = truncate_to_context(self.messages, system.as_deref(), context_tokens, self.max_tokens);
        self
    }

    /// Returns about how many tokens the model will read.
    pub fn estimate_prompt_tokens(&self) -> u64 {
        prompt_tokens(self, prompt::system(self).as_deref())
    }
}

/// Returns about how many tokens a model reads, including the final system prompt.
pub(crate) fn prompt_tokens(request: &ChatRequest, system: Option<&str>) -> u64 {
    let messages = request.messages.iter().map(cost_of);
    messages.chain(system.map(cost)).sum()
}

fn cost_of(message: &Message) -> u64 {
    let images = u64::try_from(message.images.len()).unwrap_or(u64::MAX);
    cost(&message.content) + images.saturating_mul(Image::TOKENS)
}

fn cost(text: &str) -> u64 {
    estimate_tokens(text) + MESSAGE_OVERHEAD
}

/// Returns where each turn begins and ends. A turn begins with a user message that follows an answer.
fn turns(messages: &[Message]) -> Vec<(usize, usize)> {
    let begins = |index: usize| {
        index == 0 || (messages[index].role == Role::User && messages[index - 1].role == Role::Assistant)
    };
    let starts: Vec<usize> = (0..messages.len()).filter(|index| begins(*index)).collect();
    let ends = starts.iter().copied().skip(1).chain([messages.len()]);
    starts.iter().copied().zip(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Creates a message of this many tokens, overhead included.
    fn long(role: Role, tokens: usize) -> Message {
        Message {
            role,
            ..Message::user("abcd".repeat(tokens - 4))
        }
    }

    fn conversation(turns: usize) -> Vec<Message> {
        let turn = || [long(Role::User, 10), long(Role::Assistant, 10)];
        (0..turns).flat_map(|_| turn()).chain([long(Role::User, 10)]).collect()
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(truncate_to_context(conversation(3), None, 1_000, 100), conversation(3));
        assert_eq!(truncate_to_context(Vec::new(), None, 1_000, 100), Vec::new());
    }

    #[test]
    fn whole_turns_are_left_out_from_the_oldest_on() {
        // A window of 100 leaves 90, an answer takes 40: 50 are the question and two turns.
        assert_eq!(truncate_to_context(conversation(5), None, 100, 40), conversation(2));
        // With one token less, a turn does not fit as a whole.
        assert_eq!(truncate_to_context(conversation(5), None, 100, 41), conversation(1));
        // A system prompt of 20 takes the space of a turn.
        let system = "abcd".repeat(16);
        assert_eq!(
            truncate_to_context(conversation(5), Some(&system), 100, 40),
            conversation(1)
        );
    }

    #[test]
    fn the_question_stays_even_when_it_is_too_long() {
        assert_eq!(truncate_to_context(conversation(5), None, 10, 40), conversation(0));
    }

    #[test]
    fn an_answer_to_go_on_with_stays_with_its_question() {
        let messages: Vec<_> = conversation(2).into_iter().chain([long(Role::Assistant, 50)]).collect();
        assert_eq!(truncate_to_context(messages.clone(), None, 100, 40), messages[4..]);
    }

    proptest! {
        #[test]
        fn what_is_left_is_the_end_of_the_conversation_and_begins_with_a_turn(
            lengths in prop::collection::vec((any::<bool>(), 0_usize..40), 1..20),
            context in 0_u32..400, answer in 0_u32..100,
        ) {
            let role = |user| if user { Role::User } else { Role::Assistant };
            let messages: Vec<_> = lengths.iter().map(|(user, tokens)| long(role(*user), tokens + 4)).collect();
            let left = truncate_to_context(messages.clone(), None, context, answer);
            prop_assert!(!left.is_empty() && messages.ends_with(&left));
            let start = messages.len() - left.len();
            prop_assert!(turns(&messages).iter().any(|turn| turn.0 == start));
            let cost: u64 = left.iter().map(cost_of).sum();
            let is_last_turn = turns(&messages).last().is_some_and(|turn| turn.0 == start);
            prop_assert!(is_last_turn || cost + u64::from(answer) <= u64::from(context));
        }
    }
}
