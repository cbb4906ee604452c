//! What stands below an answer: its sources, and buttons for feedback (<https://docs.slack.dev/reference/block-kit/blocks>).

use serde_json::{Value, json};

use crate::text::to_mrkdwn;

/// `action_id` of the feedback buttons.
pub const FEEDBACK_ACTION: &str = "parlance_feedback";
/// Most elements of a context block.
const MAX_ELEMENTS: usize = 10;
/// Longest name of a source, and longest place in it, in characters.
const MAX_NAME: usize = 150;
/// Longest address that becomes a link: a text has 2,000 characters at most.
const MAX_URL: usize = 500;

/// A source of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its number in the answer.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Where in it, such as `page 3`.
    pub place: Option<String>,
    /// Address of a web page.
    pub url: Option<String>,
}

impl Reference {
    fn mrkdwn(&self) -> String {
        let name: String = self.name.chars().take(MAX_NAME).collect();
        let name = to_mrkdwn(&name);
        let is_link =
            |url: &&String| url.starts_with("http") && url.len() <= MAX_URL && !url.contains(['|', '<', '>', ' ']);
        let name = match self.url.as_ref().filter(is_link) {
            Some(url) => format!("<{}|{}>", url.replace('&', "&amp;"), name.replace('|', "¦")),
            None => name,
        };
        let place = self.place.iter().map(|place| {
            let place: String = place.chars().take(MAX_NAME).collect();
            format!(", {}", to_mrkdwn(&place))
        });
        format!("[{}] {name}{}", self.number, place.collect::<String>())
    }
}

/// Returns the blocks below an answer. `feedback`: what the buttons report as their value, if there are any.
pub fn answer_blocks(sources: &[Reference], feedback: Option<&str>) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !sources.is_empty() {
        let is_more = sources.len() > MAX_ELEMENTS;
        let shown = if is_more { MAX_ELEMENTS - 1 } else { sources.len() };
        let mut lines: Vec<String> = sources.iter().take(shown).map(Reference::mrkdwn).collect();
        if is_more {
            lines.push(format!("and {} more", sources.len() - shown));
        }
        let elements: Vec<Value> = lines
            .iter()
            .map(|line| json!({"type": "mrkdwn", "text": line}))
            .collect();
        blocks.push(json!({"type": "context", "elements": elements}));
    }
    if let Some(value) = feedback {
        let button = |text: &str, rating: &str, label: &str| {
            json!({
                "text": {"type": "plain_text", "text": text},
                "value": format!("{rating}:{value}"),
                "accessibility_label": label,
            })
        };
        blocks.push(json!({"type": "context_actions", "elements": [{
            "type": "feedback_buttons",
            "action_id": FEEDBACK_ACTION,
            "positive_button": button("Good answer", "up", "Rate this answer as good"),
            "negative_button": button("Bad answer", "down", "Rate this answer as bad"),
        }]}));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u32, name: &str, url: Option<&str>) -> Reference {
        Reference {
            number,
            name: name.to_owned(),
            place: Some("page 3".to_owned()),
            url: url.map(str::to_owned),
        }
    }

    #[test]
    fn sources_are_links_where_they_are_web_pages() {
        let shown = |reference: Reference| reference.mrkdwn();
        assert_eq!(shown(source(1, "a <b>.pdf", None)), "[1] a &lt;b&gt;.pdf, page 3");
        let url = "https://example.com/?a=1&b=2";
        assert_eq!(
            shown(source(2, "Prices | Example", Some(url))),
            "[2] <https://example.com/?a=1&amp;b=2|Prices ¦ Example>, page 3"
        );
        for url in ["javascript:alert(1)", "https://example.com|<!channel>"] {
            assert_eq!(shown(source(3, "x", Some(url))), "[3] x, page 3", "{url}");
        }
    }

    #[test]
    fn a_block_never_has_too_many_elements() {
        let sources: Vec<Reference> = (1..=30).map(|number| source(number, "x", None)).collect();
        for (count, expected) in [(1, 1), (10, 10), (11, 10), (30, 10)] {
            let blocks = answer_blocks(&sources[..count], None);
            assert_eq!(
                blocks[0]["elements"].as_array().map(Vec::len),
                Some(expected),
                "{count}"
            );
        }
        assert_eq!(answer_blocks(&[], None), Vec::<Value>::new());
    }
}
