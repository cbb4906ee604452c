//! Where payment pages lead back to: pages of the product only, or a link to a payment would be a link to anywhere.

use domain::{Error, Result};
use reqwest::Url;

/// Longest URL that Stripe accepts.
pub(crate) const MAX_URL: usize = 5_000;

/// Returns `text` if it leads to one of the `origins`, such as `https://app.example.com`.
///
/// # Errors
/// Returns [`Error::Invalid`] at `pointer`.
pub(crate) fn check<'u>(text: &'u str, pointer: &'static str, origins: &[&str]) -> Result<&'u str> {
    let invalid = |detail: &str| Err(Error::invalid(pointer, detail));
    if text.len() > MAX_URL {
        return invalid("must be shorter than 5,000 bytes");
    }
    // A browser removes these, so that what is checked would not be what is opened.
    if text
        .chars()
        .any(|letter| letter.is_control() || letter.is_whitespace() || letter == '\\')
    {
        return invalid("must be a URL such as https://app.example.com/billing");
    }
    let Ok(url) = Url::parse(text) else {
        return invalid("must be a URL such as https://app.example.com/billing");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("must not contain credentials");
    }
    if !["http", "https"].contains(&url.scheme()) || !origins.iter().any(|origin| is_at(&url, origin)) {
        return invalid("must lead to an origin of this product; an operator lists them in BROWSER_ORIGINS");
    }
    Ok(text)
}

fn is_at(url: &Url, origin: &str) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    origin.origin().is_tuple() && url.origin() == origin.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINS: [&str; 2] = ["https://app.example.com", "http://localhost:3000"];

    #[test]
    fn pages_of_the_product_are_accepted_with_any_path() {
        for url in [
            "https://app.example.com",
            "https://app.example.com:443/pricing?status=success&session={CHECKOUT_SESSION_ID}#top",
            "HTTPS://APP.EXAMPLE.COM/",
            "http://localhost:3000/pricing?status=cancel",
        ] {
            assert_eq!(check(url, "/success_url", &ORIGINS).ok(), Some(url), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for url in [
            "",
            "/pricing",
            "app.example.com",
            "//app.example.com/",
            "http://app.example.com/",
            "https://app.example.com:8443/",
            "https://app.example.com.evil.example/",
            "https://app.example.com@evil.example/",
            "https://user@app.example.com/",
            "https://evil.example/https://app.example.com",
            "https://evil.example\\@app.example.com/",
            "https:\\\\evil.example",
            "https://app.example.com\t.evil.example/",
            "https://ap\u{ad}p.example.com.evil.example/",
            "javascript:alert(1)//https://app.example.com",
            "data:text/html,https://app.example.com",
            "blob:https://app.example.com/1",
            "http://localhost:3001/",
            "http://127.0.0.1:3000/",
        ] {
            assert!(check(url, "/success_url", &ORIGINS).is_err(), "{url} was accepted");
        }
        let long = format!("https://app.example.com/{}", "x".repeat(MAX_URL));
        assert!(check(&long, "/success_url", &ORIGINS).is_err());
        assert!(check("https://a.example/", "/success_url", &["null", "", "file:///"]).is_err());
    }
}
