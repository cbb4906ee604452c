//! Events as Slack's documentation shows them, and bodies that are none.

use serde_json::json;

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "reads as the event that it is")]
fn read(event: Value) -> Event {
    let body = json!({
        "token": "XXYYZZ", "team_id": "T1", "api_app_id": "A1", "type": "event_callback",
        "event_id": "Ev1", "event_time": 1_515_449_522,
        "authorizations": [{"enterprise_id": null, "team_id": "T1", "user_id": "U0BOT", "is_bot": true}],
        "event": event,
    });
    match read_event(body.to_string().as_bytes()) {
        Some((teams, Incoming::Event { event, .. })) => {
            assert_eq!(teams, ["T1"]);
            event
        }
        _ => Event::Other,
    }
}

fn mention() -> Value {
    json!({
        "type": "app_mention", "user": "U061F7AUR", "text": "<@U0LAN0Z89> is it everything a river should be?",
        "ts": "1515449522.000016", "channel": "C123ABC456", "event_ts": "1515449522000016",
    })
}

fn with(mut event: Value, name: &str, value: Value) -> Value {
    event[name] = value;
    event
}

#[test]
fn mentions_and_direct_messages_are_for_the_app() {
    let Event::Message(message) = read(mention()) else {
        unreachable!("a mention is a message");
    };
    assert_eq!((message.thread(), message.is_direct), ("1515449522.000016", false));
    let direct = json!({
        "type": "message", "channel": "D024BE91L", "user": "U2147483697", "text": "Hello", "ts": "1355517523.000005",
        "channel_type": "im", "thread_ts": "1355517500.000001",
    });
    let Event::Message(message) = read(direct.clone()) else {
        unreachable!("a direct message is a message");
    };
    assert_eq!((message.thread(), message.is_direct), ("1355517500.000001", true));
    assert_eq!(read(with(direct, "channel_type", json!("channel"))), Event::Other);
}

#[test]
fn what_bots_say_and_what_happens_to_messages_is_ignored() {
    for event in [
        with(mention(), "bot_id", json!("B1")),
        with(mention(), "subtype", json!("bot_message")),
        with(mention(), "subtype", json!("message_changed")),
        with(mention(), "subtype", json!("channel_join")),
        with(mention(), "hidden", json!(true)),
        with(mention(), "user", Value::Null),
        with(mention(), "ts", json!("x".repeat(100))),
        with(mention(), "channel", json!("C1#../x")),
        json!({"type": "reaction_added"}),
        json!(7),
    ] {
        assert_eq!(read(event.clone()), Event::Other, "{event}");
    }
    assert!(matches!(
        read(with(mention(), "subtype", json!("file_share"))),
        Event::Message(_)
    ));
}

#[test]
fn files_panes_and_removals_are_read() {
    let file = json!({
        "id": "F1", "name": "a.pdf", "size": 9, "url_private": "https://files.slack.com/a",
        "url_private_download": "https://files.slack.com/download/a",
    });
    let files = json!([file, {"id": "F2", "mode": "tombstone"}]);
    let Event::Message(message) = read(with(mention(), "files", files)) else {
        unreachable!("a mention is a message");
    };
    let urls: Vec<&str> = message.files.iter().map(|file| file.url.as_str()).collect();
    assert_eq!(urls, ["https://files.slack.com/download/a"]);
    let thread = json!({"user_id": "U1", "context": {}, "channel_id": "D1", "thread_ts": "1.2"});
    let (channel, thread_ts) = ("D1".to_owned(), "1.2".to_owned());
    assert_eq!(
        read(json!({"type": "assistant_thread_started", "assistant_thread": thread})),
        Event::ThreadStarted { channel, thread_ts }
    );
    assert_eq!(read(json!({"type": "app_uninstalled"})), Event::AppUninstalled);
    for (tokens, of_bot) in [
        (json!({"oauth": ["U1"]}), false),
        (json!({"oauth": [], "bot": ["U0"]}), true),
    ] {
        let revoked = json!({"type": "tokens_revoked", "tokens": tokens});
        assert_eq!(read(revoked), Event::TokensRevoked { of_bot });
    }
}

#[test]
fn other_bodies_are_no_errors() {
    let kind = |body: &[u8]| read_event(body).map(|(_, incoming)| incoming);
    let challenge = br#"{"token":"x","challenge":"3eZbrw1aB","type":"url_verification"}"#;
    assert_eq!(kind(challenge), Some(Incoming::UrlVerification("3eZbrw1aB".to_owned())));
    let limited = br#"{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820}"#;
    assert_eq!(kind(limited), Some(Incoming::RateLimited));
    assert_eq!(kind(br#"{"type":"event_callback","event":{}}"#), Some(Incoming::Other));
    assert_eq!(kind(b"{}"), Some(Incoming::Other));
    for body in [&b""[..], b"[]", b"7", b"\xff", b"{"] {
        assert_eq!(kind(body), None);
    }
    let shared = json!({
        "type": "event_callback", "event_id": "Ev2", "team_id": "T2",
        "authorizations": [{"team_id": "T1"}, {"team_id": "T2"}, 7], "event": mention(),
    });
    let teams = read_event(shared.to_string().as_bytes()).map(|(teams, _)| teams);
    assert_eq!(teams, Some(vec!["T2".to_owned(), "T1".to_owned()]));
}
