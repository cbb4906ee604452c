//! Statuses, validators, types.

use super::*;
use crate::MediaType;

#[tokio::test]
async fn a_page_comes_with_what_the_next_fetch_needs() {
    let net = Net::new(|_| {
        let headers = "content-type: text/html; charset=ISO-8859-1\r\netag: W/\"1\"\r\nlast-modified: Mon, 02 Nov 2026 10:00:00 GMT\r\n";
        response("200 OK", headers, "<p>a page")
    })
    .await;
    let content = net.get("http://site.example/docs/a%20b.html").await.unwrap();
    assert_eq!(content.media_type, MediaType::Html);
    assert_eq!(content.charset.as_deref(), Some("iso-8859-1"));
    assert_eq!(
        content.sha256,
        "df7d6b09df15d5aff26df6d3760fec79e4c377f5629b30fce23ceb9c288af4be"
    );
    assert_eq!(content.file_name().as_deref(), Some("a b.html"));
    assert_eq!(
        content.conditions(),
        Conditions {
            etag: Some("W/\"1\"".to_owned()),
            last_modified: Some("Mon, 02 Nov 2026 10:00:00 GMT".to_owned()),
        }
    );
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again() {
    let net = Net::serving(|mut stream| async move {
        let head = request_head(&mut stream).await?.to_ascii_lowercase();
        let is_known = head.contains("if-none-match: \"1\"") && head.contains("if-modified-since: mon, 02 nov 2026");
        let answer = if is_known {
            response("304 Not Modified", "", "")
        } else {
            page("new")
        };
        stream.write_all(&answer).await
    })
    .await;
    let known = Conditions {
        etag: Some("\"1\"".to_owned()),
        last_modified: Some("Mon, 02 Nov 2026 10:00:00 GMT".to_owned()),
    };
    let get = async |conditions: &Conditions| net.fetcher.get("http://site.example/", conditions, &small()).await;
    assert_eq!(get(&known).await, Ok(Fetched::NotModified));
    assert!(matches!(get(&Conditions::default()).await, Ok(Fetched::Content(_))));
    // A stored validator that is no header is left out.
    let broken = Conditions {
        etag: Some("\"1\"\r\nHost: evil".to_owned()),
        ..known
    };
    assert!(matches!(get(&broken).await, Ok(Fetched::Content(_))));
}

#[tokio::test]
async fn a_status_is_told_by_what_the_user_can_do() {
    let net = Net::new(|path| response(path.trim_start_matches('/'), "content-type: text/html\r\n", "<p>x")).await;
    for (status, expected) in [
        (204, FetchError::Empty),
        (206, FetchError::Empty),
        (304, FetchError::InvalidResponse),
        (401, FetchError::AccessDenied),
        (403, FetchError::AccessDenied),
        (404, FetchError::NotFound),
        (410, FetchError::NotFound),
        (418, FetchError::SiteError { status: 418 }),
        (429, FetchError::RateLimited { retry_after: None }),
        (451, FetchError::AccessDenied),
        (500, FetchError::SiteError { status: 500 }),
        (503, FetchError::SiteError { status: 503 }),
        (300, FetchError::SiteError { status: 300 }),
    ] {
        assert_eq!(
            net.get(&format!("http://site.example/{status}")).await.err(),
            Some(expected),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_site_says_how_long_to_wait() {
    let net = Net::new(|path| {
        let (status, headers) = match path {
            "/seconds" => ("429 Too Many Requests", "retry-after: 120\r\n"),
            "/date" => (
                "503 Service Unavailable",
                "date: Mon, 02 Nov 2026 10:00:00 GMT\r\nretry-after: Mon, 02 Nov 2026 10:01:30 GMT\r\n",
            ),
            "/past" => (
                "503 Service Unavailable",
                "date: Mon, 02 Nov 2026 10:00:00 GMT\r\nretry-after: Mon, 02 Nov 2026 09:00:00 GMT\r\n",
            ),
            _ => ("429 Too Many Requests", "retry-after: soon\r\n"),
        };
        response(status, headers, "")
    })
    .await;
    for (path, seconds) in [
        ("seconds", Some(120)),
        ("date", Some(90)),
        ("past", Some(0)),
        ("other", None),
    ] {
        let error = net.get(&format!("http://site.example/{path}")).await.unwrap_err();
        assert_eq!(error.code(), "rate_limited", "{path}");
        assert_eq!(error.retry_after().map(|after| after.as_secs()), seconds, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_indexed_is_named_and_not_read() {
    let net = Net::serving(|mut stream| async move {
        request_head(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n\r\n")
            .await?;
        std::future::pending().await
    })
    .await;
    let error = net.get("http://site.example/").await.unwrap_err();
    assert_eq!(error, FetchError::UnsupportedType { found: "a video" });
    assert!(error.to_string().contains("leads to a video"), "{error}");
}

#[test]
fn every_error_has_a_code_and_a_sentence() {
    let errors = [
        FetchError::InvalidUrl,
        FetchError::SchemeNotAllowed,
        FetchError::CredentialsNotAllowed,
        FetchError::PortNotAllowed,
        FetchError::AddressNotAllowed,
        FetchError::HostNotFound,
        FetchError::ConnectionFailed,
        FetchError::CertificateInvalid,
        FetchError::NotFound,
        FetchError::AccessDenied,
        FetchError::RateLimited { retry_after: None },
        FetchError::SiteError { status: 500 },
        FetchError::InvalidResponse,
        FetchError::TooLarge { limit: 4_500_000 },
        FetchError::TooSlow,
        FetchError::UnsupportedType { found: "an image" },
        FetchError::RedirectLoop,
        FetchError::Empty,
        FetchError::Internal,
    ];
    let codes: std::collections::HashSet<_> = errors.iter().map(FetchError::code).collect();
    assert_eq!(codes.len(), errors.len());
    for error in errors {
        let sentence = error.to_string();
        assert!(sentence.ends_with('.') && sentence.len() > 15, "{sentence}");
    }
}
