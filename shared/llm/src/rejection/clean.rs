//! A provider's message as a client may read it: without secrets and without details of anyone's network.

/// The longest message shown, in characters.
const LONGEST: usize = 300;
/// Replaces what was removed.
const REMOVED: &str = "***";

/// Hosts that a message may link to: the public documentation of vendors.
const DOCUMENTATION: [&str; 12] = [
    "platform.openai.com",
    "help.openai.com",
    "docs.anthropic.com",
    "platform.claude.com",
    "ai.google.dev",
    "docs.aws.amazon.com",
    "learn.microsoft.com",
    "go.microsoft.com",
    "console.groq.com",
    "docs.mistral.ai",
    "openrouter.ai",
    "huggingface.co",
];

/// Prefixes of keys, tokens, accounts and organizations.
const SECRETS: [&str; 31] = [
    "sk-", "sk_", "pk-", "pk_", "rk_", "key-", "key_", "gsk_", "xai-", "hf_", "r8_", "aiza", "akia", "asia", "eyj",
    "ya29.", "ghp_", "glpat-", "nvapi-", "pplx-", "fw_", "csk-", "org-", "org_", "proj-", "proj_", "user-", "acct-",
    "acct_", "ak-", "arn:",
];
/// Words that precede a secret.
const BEFORE_SECRETS: [&str; 3] = ["bearer", "basic", "bearer:"];
/// Parts of names whose values are secrets.
const SECRET_NAMES: [&str; 10] = [
    "key",
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "session",
    "cookie",
    "credential",
    "authorization",
];
/// Endings of host names.
const DOMAINS: [&str; 22] = [
    "com",
    "net",
    "org",
    "io",
    "ai",
    "dev",
    "app",
    "cloud",
    "co",
    "de",
    "eu",
    "cn",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "corp",
    "svc",
    "home",
    "test",
    "example",
];

/// Returns the message without what only its provider and its operator may know; `None` if nothing can be shown:
/// HTML pages, stack traces, and messages without information.
pub(super) fn clean(sentence: &str) -> Option<String> {
    let lower = sentence.to_lowercase();
    let is_markup = [
        "<html",
        "<!doctype",
        "<body",
        "<head",
        "<title",
        "<h1",
        "<?xml",
        "<p>",
        "</",
    ]
    .iter()
    .any(|tag| lower.contains(tag));
    if is_markup || lower.contains("traceback (most recent") || lower.contains("\n\tat ") || lower.contains("\n  at ") {
        return None;
    }
    let mut shown: Vec<String> = Vec::new();
    let (mut follows_secret_word, mut follows_secret_name) = (false, false);
    for word in sentence
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
    {
        let lower = word.to_lowercase();
        let named = lower.trim_matches(|c: char| !c.is_alphanumeric() && c != ':');
        // `Authorization: Bearer ...`
        let is_scheme = BEFORE_SECRETS.contains(&named);
        // `token "abcdef"`
        let is_quoted = follows_secret_name && word.starts_with(['"', '\'', '`']) && bare(word).len() >= 6;
        let removes = !is_scheme && (is_quoted || (follows_secret_word && bare(word).len() >= 4));
        follows_secret_word =
            is_scheme || is_secret_name(lower.trim_end_matches(['"', '\'', '`']).strip_suffix([':', '=']));
        follows_secret_name = is_secret_name(Some(&lower));
        shown.push(if removes { REMOVED.to_owned() } else { clean_word(word) });
    }
    let text = shown.join(" ");
    let says_something = text
        .split_whitespace()
        .filter(|word| word.chars().any(char::is_alphabetic))
        .count()
        >= 2;
    says_something.then(|| shorten(&text))
}

/// Returns whether a name's value is a secret: `api_key`, but neither `max_tokens` nor `monkey`.
fn is_secret_name(name: Option<&str>) -> bool {
    let Some(name) = name else { return false };
    let mut parts = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
        .peekable();
    let is_one_word = parts.peek().is_some();
    is_one_word
        && parts.any(|part| {
            SECRET_NAMES
                .iter()
                .any(|secret| part == *secret || part == format!("api{secret}"))
        })
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => {
            let cut = text[..end].rsplit_once(' ').map_or(&text[..end], |(words, _)| words);
            format!("{cut}…")
        }
    }
}

/// Returns whether a character may surround a word without being part of it.
fn is_around(c: char) -> bool {
    !c.is_alphanumeric() && !matches!(c, '/' | '-' | '_' | '+' | '*' | '$' | '%')
}

fn bare(word: &str) -> &str {
    word.trim_matches(is_around)
}

/// Returns a word with its secrets removed. Assignments (`key=...`) and lists retain their names.
fn clean_word(word: &str) -> String {
    if is_documentation(bare(word)) {
        return word.to_owned();
    }
    // Some model names have a version after an @.
    let is_mail = word.split_once('@').is_some_and(|(_, host)| host.contains('.'));
    if word.contains("://") || is_mail || is_secret(bare(word)) {
        return around(word, bare(word));
    }
    if let Some((name, value)) = word.split_once(['=', ':'])
        && bare(value).len() >= 3
        && is_secret_name(Some(&name.to_lowercase()))
    {
        let sign = &word[name.len()..word.len() - value.len()];
        return format!("{name}{sign}{}", around(value, bare(value)));
    }
    let mut out = String::with_capacity(word.len());
    let mut piece = String::new();
    let end = |piece: &mut String, out: &mut String| {
        let bare = bare(piece);
        let shown = if is_secret(bare) {
            around(piece, bare)
        } else {
            piece.clone()
        };
        out.push_str(&shown);
        piece.clear();
    };
    for c in word.chars() {
        if matches!(
            c,
            '=' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '"' | '\'' | '`' | '<' | '>' | '&' | '|'
        ) {
            end(&mut piece, &mut out);
            out.push(c);
        } else {
            piece.push(c);
        }
    }
    end(&mut piece, &mut out);
    out
}

/// Returns the word's punctuation, with its content removed.
fn around(word: &str, bare: &str) -> String {
    if bare.is_empty() {
        return word.to_owned();
    }
    let start = word.find(bare).unwrap_or_default();
    format!("{}{REMOVED}{}", &word[..start], &word[start + bare.len()..])
}

fn is_documentation(word: &str) -> bool {
    let Some(rest) = word.strip_prefix("https://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    DOCUMENTATION.contains(&host) && !rest.contains(['@', '?', '='])
}

fn is_secret(word: &str) -> bool {
    let lower = word.to_lowercase();
    let has_prefix = SECRETS
        .iter()
        .any(|prefix| lower.starts_with(prefix) && word.len() >= prefix.len() + if *prefix == "asia" { 12 } else { 4 });
    has_prefix || is_address(&lower) || is_path(word) || is_opaque(word)
}

/// Returns whether a word is a host, with or without a port.
fn is_address(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let host = word.split('/').next().unwrap_or(word);
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if is_number(port) => (host, Some(port)),
        _ => (host, None),
    };
    let labels: Vec<&str> = host.split('.').collect();
    let is_ip = labels.len() == 4 && labels.iter().all(|label| is_number(label) && label.len() <= 3);
    let is_ipv6 =
        word.matches(':').count() >= 3 && word.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'));
    let is_name = labels.len() >= 2
        && labels
            .iter()
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'))
        && labels.last().is_some_and(|last| DOMAINS.contains(last));
    // The tag of a model, as in `llama3.3:70b`, is not a port.
    let has_port = port.is_some_and(|port| port.len() >= 4) && host.chars().any(char::is_alphabetic);
    is_ip || is_ipv6 || is_name || has_port || host == "localhost"
}

/// Returns whether a word is a file path.
fn is_path(word: &str) -> bool {
    (word.starts_with('/') && word.matches('/').count() >= 2) || word.contains(":\\")
}

/// Returns whether a word looks generated: a part of at least 16 letters and digits, a long number, or a UUID.
fn is_opaque(word: &str) -> bool {
    let mut parts = word.split(|c: char| !c.is_alphanumeric());
    let is_mixed = |part: &str| {
        part.len() >= 16 && part.bytes().any(|b| b.is_ascii_digit()) && part.bytes().any(|b| b.is_ascii_alphabetic())
    };
    let is_account = |part: &str| part.len() >= 10 && part.bytes().all(|b| b.is_ascii_digit());
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    let is_uuid = lengths == [8, 4, 4, 4, 12] && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    is_uuid || parts.any(|part| is_mixed(part) || is_account(part))
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_sentence_without_secrets_stays_as_it_is() {
        for sentence in [
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 10031 tokens.",
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            "The model `claude-sonnet-4-5-20250929-v1:0` does not exist",
            "model \"llama3.3:70b\" not found, try pulling it first",
            "Invocation of us.anthropic.claude-haiku-4-5-20251001-v1:0 is not possible",
            "models/gemini-9 is not found for API version v1beta",
            "claude-3-5-sonnet@20240620 is not found in this place",
            "messages.0.content: Input should be a valid list",
            "The model meta-llama/Llama-3.3-70B-Instruct-Turbo is not available",
            "prompt is too long: 210000 tokens > 200000 maximum",
            "max_tokens: 9000 is more than max_tokens=8192, token limit reached",
            "See https://platform.openai.com/docs/guides/error-codes for more information.",
        ] {
            assert_eq!(clean(sentence).as_deref(), Some(sentence));
        }
    }

    #[test]
    fn secrets_and_the_inside_of_networks_are_removed() {
        for (sentence, expected) in [
            ("Incorrect key sk-proj-abc123 was given", "Incorrect key *** was given"),
            ("The key (AIzaSyA1234) is not valid.", "The key (***) is not valid."),
            (
                "Header 'Authorization: Bearer abcdef123' was sent",
                "Header 'Authorization: Bearer *** was sent",
            ),
            (
                "Rate of org-Ab12Cd34 in project proj_9xYz is high.",
                "Rate of *** in project *** is high.",
            ),
            (
                "Call to http://user:pass@10.0.0.7:8000/v1?key=x failed",
                "Call to *** failed",
            ),
            ("see https://platform.openai.com/docs?key=abc now", "see *** now"),
            (
                "Worker vllm-0.models.svc.cluster.local:8000 is down",
                "Worker *** is down",
            ),
            ("host=10.0.0.7, port=8000 is down", "host=***, port=8000 is down"),
            ("Connection to gpu-node-7:8000 was lost", "Connection to *** was lost"),
            ("POST vllm.internal:8000/v1/chat was lost", "POST *** was lost"),
            ("Wrong api key: abcdefgh was given", "Wrong api key: *** was given"),
            ("Account 123456789012 may not do this", "Account *** may not do this"),
            (
                "User arn:aws:iam::123456789012:user/x is refused",
                "User *** is refused",
            ),
            (
                "in /usr/lib/python3/site-packages/vllm/x.py was wrong",
                "in *** was wrong",
            ),
            ("ask ops@example.com for help", "ask *** for help"),
            ("id 123e4567-e89b-12d3-a456-426614174000 is gone", "id *** is gone"),
            (
                "session 0f8fad5bd9cb469fa16570867728950e is gone",
                "session *** is gone",
            ),
            (
                "api_key=hunter2pass, password=hunter2 were given",
                "api_key=***, password=*** were given",
            ),
            (
                "Header x-api-key: test-key was wrong",
                "Header x-api-key: *** was wrong",
            ),
            ("Sent {'api_key': 'plainsecret'} to it", "Sent {'api_key': *** to it"),
            ("The token \"abcdef-ghij\" is not known", "The token *** is not known"),
            (
                "access_token: opaquetoken is not known",
                "access_token: *** is not known",
            ),
            (
                "AWS_SECRET_ACCESS_KEY=wJalrXUtn/K7MDENG was used",
                "AWS_SECRET_ACCESS_KEY=*** was used",
            ),
            (r"in C:\Users\bob\secrets.txt was wrong", "in *** was wrong"),
            ("two\nlines\u{0}and   spaces", "two lines and spaces"),
        ] {
            assert_eq!(clean(sentence).as_deref(), Some(expected), "{sentence}");
        }
    }

    #[test]
    fn what_is_no_sentence_is_not_shown_and_a_long_one_is_shortened() {
        for text in [
            "",
            "{}",
            "***",
            "sk-abc123",
            "<html><body>400 Bad Request</body></html>",
            "<h1>Bad</h1> request",
        ] {
            assert_eq!(clean(text), None, "{text}");
        }
        let long = clean(&"word ".repeat(200)).unwrap();
        assert!(long.chars().count() <= 301 && long.ends_with("word…"), "{long}");
    }
}
