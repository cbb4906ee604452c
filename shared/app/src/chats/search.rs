//! Text search in conversations.

use domain::{Conversation, ConversationId, MessageId, Page, PageRequest, Result};
use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture};
use store::{ChannelFilter, ConversationFilter, Conversations};

use crate::ChatSessions;

/// Maximum number of conversations searched per page.
const SEARCHED: u16 = 50;
/// Number of latest turns searched in each.
const SEARCHED_TURNS: u16 = 100;
/// Number of conversations read concurrently.
const AT_ONCE: usize = 8;
/// Characters shown around a match.
const AROUND: usize = 60;

/// A conversation found by a search.
#[derive(Debug, Clone)]
pub struct Found {
    /// The conversation.
    pub conversation: Conversation,
    /// The matching message and an excerpt; `None` if the title matched.
    pub place: Option<(MessageId, String)>,
}

impl ChatSessions {
    /// Returns conversations whose title or text contains `words`, newest first. A page searches a limited number of
    /// them, so it may contain fewer than requested and still have a next page.
    pub fn search<'a>(&'a self, words: &'a str, page: &'a PageRequest) -> BoxFuture<'a, Result<Page<Found>>> {
        Box::pin(async move {
            let wanted = folded(words);
            let portion = PageRequest {
                limit: SEARCHED,
                after: page.after.clone(),
            };
            let all = ConversationFilter {
                channel: ChannelFilter::All,
                ..ConversationFilter::default()
            };
            let listed = self.conversations.list(&portion, all).await?;
            let (more, total) = (listed.next, listed.items.len());
            let looks = listed.items.into_iter().map(|conversation| {
                let wanted = &wanted;
                async move { look_into(&self.conversations, conversation, wanted).await }
            });
            let mut looks = futures::stream::iter(looks).buffered(AT_ONCE);
            let (mut items, mut looked, mut last) = (Vec::new(), 0, None);
            while items.len() < usize::from(page.limit) {
                let Some((id, found)) = looks.try_next().await? else {
                    break;
                };
                items.extend(found);
                (looked, last) = (looked + 1, Some(id.0));
            }
            let is_more = looked < total || more.is_some();
            Ok(Page {
                items,
                next: last.filter(|_| is_more),
            })
        })
    }
}

/// Searches a conversation.
async fn look_into(
    conversations: &Conversations,
    conversation: Conversation,
    wanted: &str,
) -> Result<(ConversationId, Option<Found>)> {
    let id = conversation.id.clone();
    let found = |place| Found {
        conversation: conversation.clone(),
        place,
    };
    if conversation
        .title
        .as_deref()
        .is_some_and(|title| folded(title).contains(wanted))
    {
        return Ok((id, Some(found(None))));
    }
    let Some(head) = &conversation.head else {
        return Ok((id, None));
    };
    let latest = PageRequest {
        limit: SEARCHED_TURNS,
        after: None,
    };
    let turns = conversations
        .path(&conversation.id, Some(&head.question()), &latest)
        .await?;
    let place = turns.items.iter().find_map(|turn| {
        let answer = turn.shown().map(|answer| (&answer.id, &answer.text));
        let (asked, question) = (turn.id.question(), &turn.question);
        let texts = answer.into_iter().chain([(&asked, question)]);
        let mut hits = texts.filter_map(|(id, text)| Some((id.clone(), excerpt(text, wanted)?)));
        hits.next()
    });
    Ok((id, place.map(|place| found(Some(place)))))
}

/// Returns a text in its comparable form, ignoring case.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// Returns the text around the first occurrence of `wanted`, which is case-folded.
fn excerpt(text: &str, wanted: &str) -> Option<String> {
    let folded = folded(text);
    let at = folded.find(wanted)?;
    // Folding can change the length of characters, so positions are counted in characters of the folded text.
    let first = folded[..at].chars().count().saturating_sub(AROUND);
    let length = wanted.chars().count() + 2 * AROUND;
    let shown: String = text.chars().skip(first).take(length).collect();
    Some(shown.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_is_around_the_match_whatever_its_case() {
        assert_eq!(
            excerpt("The Grinder is loud.", "grinder").as_deref(),
            Some("The Grinder is loud.")
        );
        assert_eq!(excerpt("nothing", "grinder"), None);
        let long = format!("{} Mahlwerk {}", "ä".repeat(200), "ö".repeat(200));
        let found = excerpt(&long, "mahlwerk").unwrap_or_default();
        assert!(found.contains("Mahlwerk") && found.chars().count() <= 128, "{found}");
        assert!(excerpt("İİİİ x", "x").is_some());
    }
}
