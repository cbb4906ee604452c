//! Rules of integrations.

use super::{website::WebsiteConfig, *};

fn origins(origins: &[&str]) -> Result<Vec<String>> {
    let allowed_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
    let config = WebsiteConfig {
        allowed_origins,
        ..WebsiteConfig::default()
    };
    config.checked().map(|config| config.allowed_origins)
}

#[test]
fn origins_are_stored_as_browsers_send_them() {
    for (text, expected) in [
        ("https://Example.COM", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:8443", "https://example.com:8443"),
        (" HTTPS://example.com ", "https://example.com"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://192.0.2.1", "https://192.0.2.1"),
    ] {
        assert_eq!(origins(&[text]).ok(), Some(vec![expected.to_owned()]), "{text}");
    }
}

#[test]
fn what_is_no_origin_is_refused() {
    for text in [
        "",
        "*",
        "null",
        "example.com",
        "https://",
        "https://*.example.com",
        "https://example.com/path",
        "ftp://a.b",
        "http://example.com",
        "https://user@example.com",
        "https://example.com?x",
        "https://example.com#x",
        "https://example.com:99999",
        "https://example.com:",
        "https://exa mple.com",
        "javascript:alert(1)",
        "https://a..b",
        "https://example.com\\@evil.example",
        "file:///etc/passwd",
        "https://%65xample.com",
        "http://127.0.0.1.example.com",
    ] {
        assert!(origins(&[text]).is_err(), "{text}");
    }
    assert!(origins(&["https://a.example"; 51]).is_err());
    assert_eq!(origins(&["https://a.example"; 50]).ok().map(|them| them.len()), Some(1));
}

#[test]
fn only_equal_origins_are_allowed() {
    let config = WebsiteConfig {
        allowed_origins: vec!["https://example.com".to_owned()],
        ..WebsiteConfig::default()
    };
    assert!(config.allows("https://example.com"));
    for origin in [
        "http://example.com",
        "https://example.com:443",
        "https://example.com.evil.example",
        "https://xexample.com",
        "https://EXAMPLE.com",
        "https://example.com/",
        "null",
        "",
        "https://sub.example.com",
    ] {
        assert!(!config.allows(origin), "{origin}");
    }
}

#[test]
fn channels_have_ids_and_people_at_least_one_question() {
    let config = |channel: &str, daily_questions| SlackConfig {
        channels: [(channel.to_owned(), ChatbotId("b".to_owned()))].into(),
        daily_questions,
        ..SlackConfig::default()
    };
    assert!(config("C0123456789", Some(1)).checked().is_ok());
    for channel in ["", "#general", "C1#2", "C1/2"] {
        assert!(config(channel, None).checked().is_err(), "{channel}");
    }
    for number in [0, 10_001] {
        assert!(config("C1", Some(number)).checked().is_err(), "{number}");
    }
}
