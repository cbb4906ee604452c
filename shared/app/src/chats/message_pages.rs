//! Pages of a conversation's messages. A stored turn contains up to two messages, and a page may end between them.

use std::sync::Arc;

use domain::{Conversation, MessageId, Page, PageRequest, Result, Turn, TurnId};
use futures::future::BoxFuture;

use crate::ChatSessions;

/// Prefix of a turn's ID in a cursor: its answer was on the previous page, its question was not.
const QUESTION_OF: &str = "question:";

/// A message with its turn.
#[derive(Debug, Clone)]
pub struct ShownMessage {
    /// The turn.
    pub turn: Arc<Turn>,
    /// The message: the question of the turn, or the answer that is shown.
    pub id: MessageId,
}

impl ChatSessions {
    /// Returns the visible messages of a conversation, newest first. `page.limit` counts messages.
    pub fn shown_messages<'a>(
        &'a self,
        conversation: &'a Conversation,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<Page<ShownMessage>>> {
        Box::pin(async move {
            let head = conversation.head.as_ref().map(TurnId::question);
            let (mut after, half) = match page.after.as_deref().and_then(|after| after.strip_prefix(QUESTION_OF)) {
                Some(turn) => (Some(turn.to_owned()), Some(TurnId(turn.to_owned()))),
                None => (page.after.clone(), None),
            };
            let limit = usize::from(page.limit);
            let mut items: Vec<ShownMessage> = Vec::with_capacity(limit);
            loop {
                // This many turns contain at least half of the missing messages, and at most one too many.
                let missing = limit.saturating_sub(items.len());
                let turns = PageRequest {
                    limit: u16::try_from(missing.div_ceil(2)).unwrap_or(PageRequest::MAX_LIMIT),
                    after,
                };
                let turns = self.conversations.path(&conversation.id, head.as_ref(), &turns).await?;
                for turn in turns.items {
                    let turn = Arc::new(turn);
                    let answer = turn.shown().filter(|_| half.as_ref() != Some(&turn.id));
                    let answer = answer.map(|answer| answer.id.clone());
                    for id in answer.into_iter().chain([turn.id.question()]) {
                        if items.len() == limit {
                            let next = Some(format!("{QUESTION_OF}{}", turn.id));
                            return Ok(Page { items, next });
                        }
                        let turn = Arc::clone(&turn);
                        items.push(ShownMessage { turn, id });
                    }
                }
                if turns.next.is_none() || items.len() == limit {
                    return Ok(Page {
                        items,
                        next: turns.next,
                    });
                }
                after = turns.next;
            }
        })
    }
}
