//! Slack's `mrkdwn` (<https://docs.slack.dev/messaging/formatting-message-text>) in both directions.

/// Returns what a person wrote, as plain text: without mentions of the bot, with readable names and links.
pub fn from_mrkdwn(text: &str, bot_user: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        plain.push_str(&rest[..start]);
        rest = &rest[start + 1..];
        let Some(end) = rest.find('>') else {
            plain.push('<');
            break;
        };
        plain.push_str(&readable(&rest[..end], bot_user));
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    plain.trim().to_owned()
}

/// Returns what a reference in angle brackets says.
fn readable(reference: &str, bot_user: &str) -> String {
    let (target, label) = match reference.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (reference, None),
    };
    match target.chars().next() {
        Some('@') if target[1..] == *bot_user => String::new(),
        Some('@') => format!("@{}", label.unwrap_or(&target[1..])),
        Some('#') => format!("#{}", label.unwrap_or(&target[1..])),
        Some('!') => {
            // Groups and dates have a label, `<!here>` has none.
            let name = target[1..].split('^').next().unwrap_or_default();
            label.map_or_else(|| format!("@{name}"), str::to_owned)
        }
        _ => match label {
            Some(label) if target.ends_with(label) => label.to_owned(),
            Some(label) => format!("{label} ({target})"),
            None => target.to_owned(),
        },
    }
}

/// Returns plain text as `mrkdwn` that shows it.
pub fn to_mrkdwn(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Returns a text in which no reference of Slack's stands: a document or a model must not call everyone in a channel.
/// A zero-width space separates the bracket from what would make it one.
pub fn without_mentions(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        safe.push(character);
        if character == '<' && characters.peek().is_some_and(|next| ['!', '@', '#'].contains(next)) {
            safe.push('\u{200b}');
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_wrote_is_read_as_plain_text() {
        for (text, expected) in [
            ("<@U0BOT> how long is the warranty?", "how long is the warranty?"),
            (
                "Hi <@U0BOT|help>, <@U2> says a &lt; b &amp;&amp; c &gt; d",
                "Hi , @U2 says a < b && c > d",
            ),
            ("see <#C1|general> and <#C2>", "see #general and #C2"),
            ("<!here> <!subteam^S1|@sales> <!date^1^{date}|May>", "@here @sales May"),
            (
                "<https://example.com> <https://example.com|docs> <mailto:a@b.c|a@b.c> <http://b.c|b.c>",
                "https://example.com docs (https://example.com) a@b.c b.c",
            ),
            ("1 < 2", "1 < 2"),
            ("&amp;lt;", "&lt;"),
            ("<>", ""),
            ("<@>", "@"),
            ("", ""),
        ] {
            assert_eq!(from_mrkdwn(text, "U0BOT"), expected, "{text}");
        }
    }

    #[test]
    fn plain_text_shows_as_it_is() {
        assert_eq!(to_mrkdwn("a <b> & c"), "a &lt;b&gt; &amp; c");
        assert_eq!(
            without_mentions("<!channel> <@U1> <#C1> < !a"),
            "<\u{200b}!channel> <\u{200b}@U1> <\u{200b}#C1> < !a"
        );
    }
}
