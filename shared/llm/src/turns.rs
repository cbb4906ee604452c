//! Conversations in the form that every provider accepts: alternating turns of user and model.
//!
//! Bedrock, Anthropic, Gemini and many chat templates of open models refuse a conversation in which one role has two
//! messages in a row, the model comes first or last, or a message is empty. Clients send such conversations, and so
//! does the product: a message that is only stored has no answer. No text is lost.

use crate::chat::{Message, Role};
use crate::thinking::without_thinking;

/// Placeholder before a conversation that the model begins.
const BEGIN: &str = "(The conversation begins.)";
/// Placeholder after a conversation that the model ends.
const GO_ON: &str = "Go on.";

/// Returns the messages so that user and model alternate, beginning and ending with the user. Messages without text are
/// dropped, adjacent messages of one role are joined, and placeholders fill the ends. Thinking that a client sends back
/// with an answer is removed: it is long, and of no use to a model.
pub(crate) fn alternating(messages: Vec<Message>) -> Vec<Message> {
    let mut turns: Vec<Message> = Vec::with_capacity(messages.len() + 2);
    for mut message in messages {
        if message.role == Role::Assistant
            && let Some(answer) = without_thinking(&message.content)
        {
            message.content = answer;
        }
        if message.content.trim().is_empty() && message.images.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last.role == message.role => {
                last.content.push_str("\n\n");
                last.content.push_str(&message.content);
                last.images.extend(message.images);
            }
            Some(_) => turns.push(message),
            None => {
                if message.role == Role::Assistant {
                    turns.push(Message::user(BEGIN));
                }
                turns.push(message);
            }
        }
    }
    if turns.last().is_some_and(|last| last.role == Role::Assistant) {
        turns.push(Message::user(GO_ON));
    }
    turns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_conversation_that_takes_turns_stays_as_it_is() {
        let messages = vec![Message::user("a"), Message::assistant("b"), Message::user("c")];
        assert_eq!(alternating(messages.clone()), messages);
    }

    #[test]
    fn what_providers_refuse_is_merged_or_bridged() {
        let (user, model) = (|text: &str| Message::user(text), |text: &str| Message::assistant(text));
        for (messages, expected) in [
            (vec![user("a"), user("b")], vec![user("a\n\nb")]),
            (vec![user("a"), model(" "), user("b")], vec![user("a\n\nb")]),
            (vec![model("a"), user("b")], vec![user(BEGIN), model("a"), user("b")]),
            (vec![user("a"), model("b")], vec![user("a"), model("b"), user(GO_ON)]),
            (
                vec![user("a"), model("b"), model("c"), user("d")],
                vec![user("a"), model("b\n\nc"), user("d")],
            ),
            (
                vec![user(""), model("a"), user("b")],
                vec![user(BEGIN), model("a"), user("b")],
            ),
            (
                vec![user("a"), model("<think>\nb</think>\nc"), user("d <think>e</think>")],
                vec![user("a"), model("c"), user("d <think>e</think>")],
            ),
            (
                vec![user("a"), model("`<think>b</think>` is a tag."), user("c")],
                vec![user("a"), model("`<think>b</think>` is a tag."), user("c")],
            ),
            (vec![], vec![]),
        ] {
            assert_eq!(alternating(messages.clone()), expected, "{messages:?}");
        }
    }

    proptest! {
        #[test]
        fn any_conversation_takes_turns_and_says_all_that_was_said(
            said in prop::collection::vec((any::<bool>(), "[ab ]{0,3}"), 0..12),
        ) {
            let messages: Vec<_> = said
                .iter()
                .map(|(user, text)| if *user { Message::user(text) } else { Message::assistant(text) })
                .collect();
            let turns = alternating(messages.clone());
            for (place, turn) in turns.iter().enumerate() {
                prop_assert_eq!(turn.role == Role::User, place % 2 == 0);
                prop_assert!(!turn.content.trim().is_empty());
            }
            prop_assert!(turns.len() % 2 == 1 || turns.is_empty());
            let all: String = turns.iter().map(|turn| turn.content.replace("\n\n", "")).collect();
            let words: String = messages.iter().filter(|said| !said.content.trim().is_empty()).map(|said| said.content.as_str()).collect();
            prop_assert_eq!(all.replace(BEGIN, "").replace(GO_ON, ""), words);
        }
    }
}
