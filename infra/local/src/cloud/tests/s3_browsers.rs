//! S3 as pages of other origins meet it, and links that take one file of one size.

use std::time::Duration;

use aws_sdk_s3::Client as S3;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use reqwest::{Client, Method, RequestBuilder, Response};

use super::Fixture;
use super::s3::{read, with_bucket};

const PAGE: &str = "http://localhost:3000";

fn http() -> Client {
    let http = Client::builder().timeout(Duration::from_secs(10));
    http.build().unwrap()
}

/// A link to put five bytes of text at `key`, once.
async fn link(client: &S3, key: &str) -> PresignedRequest {
    let put = client.put_object().bucket("uploads").key(key);
    let put = put.content_type("text/plain").content_length(5).if_none_match("*");
    let valid = PresigningConfig::expires_in(Duration::from_mins(5)).unwrap();
    put.presigned(valid).await.unwrap()
}

fn put(link: &PresignedRequest, kind: &str, condition: &str, body: &'static str) -> RequestBuilder {
    let put = http().put(link.uri()).header("content-type", kind);
    put.header("if-none-match", condition).body(body)
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

async fn preflight(url: &str, origin: &str, method: &str, headers: &str) -> Response {
    let request = http().request(Method::OPTIONS, url).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    let request = request.header("access-control-request-headers", headers);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_link_takes_a_file_of_the_signed_length_and_type_and_only_once() {
    let fixture = Fixture::new().await;
    let link = link(&with_bucket(&fixture).await, "a/file").await;
    let signed: Vec<(&str, &str)> = link.headers().collect();
    for header in [
        ("content-length", "5"),
        ("content-type", "text/plain"),
        ("if-none-match", "*"),
    ] {
        assert!(signed.contains(&header), "{signed:?}");
    }
    for (kind, condition, body) in [
        ("text/plain", "*", "hell"),
        ("text/plain", "*", "hello!"),
        ("text/html", "*", "hello"),
        ("text/plain", "\"x\"", "hello"),
    ] {
        let refused = put(&link, kind, condition, body).send().await.unwrap();
        assert_eq!(refused.status(), 403, "{kind} {condition} {body}");
        assert!(refused.text().await.unwrap().contains("SignatureDoesNotMatch"));
    }
    let bare = http()
        .put(link.uri())
        .header("content-type", "text/plain")
        .body("hello");
    assert_eq!(bare.send().await.unwrap().status(), 403, "a signed header is missing");
    let taken = put(&link, "text/plain", "*", "hello").send().await.unwrap();
    assert_eq!(taken.status(), 200);
    let again = put(&link, "text/plain", "*", "HELLO").send().await.unwrap();
    assert_eq!(again.status(), 412);
    assert_eq!(read(&fixture.s3(), "a/file").await, b"hello");
}

#[tokio::test]
async fn a_page_of_a_known_origin_may_put_and_nothing_else() {
    let fixture = Fixture::new().await;
    let link = link(&with_bucket(&fixture).await, "a/file").await;
    let allowed = preflight(link.uri(), PAGE, "PUT", "content-type, If-None-Match").await;
    assert_eq!(allowed.status(), 200);
    assert_eq!(header(&allowed, "access-control-allow-origin"), PAGE);
    assert_eq!(header(&allowed, "access-control-allow-methods"), "PUT");
    assert_eq!(
        header(&allowed, "access-control-allow-headers"),
        "content-type, if-none-match"
    );
    assert_eq!(header(&allowed, "access-control-max-age"), "3600");
    for (origin, method, headers) in [
        ("http://localhost:3001", "PUT", "content-type"),
        ("http://evil.example", "PUT", "content-type"),
        ("null", "PUT", "content-type"),
        (PAGE, "GET", ""),
        (PAGE, "DELETE", ""),
        (PAGE, "POST", "content-type"),
        (PAGE, "PUT", "content-type, x-amz-acl"),
    ] {
        let refused = preflight(link.uri(), origin, method, headers).await;
        assert_eq!(refused.status(), 403, "{origin} {method} {headers}");
        assert_eq!(header(&refused, "access-control-allow-origin"), "");
        assert!(refused.text().await.unwrap().contains("<Code>AccessForbidden</Code>"));
    }
    let without = http().request(Method::OPTIONS, link.uri()).send().await.unwrap();
    assert_eq!(without.status(), 400);
}

#[tokio::test]
async fn a_page_puts_and_reads_the_answer_only_when_its_origin_is_known() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    for (origin, allowed, status) in [(PAGE, PAGE, 200), ("http://evil.example", "", 403)] {
        let link = link(&client, &format!("a/{status}")).await;
        let put = put(&link, "text/plain", "*", "hello").header("origin", origin);
        let put = put.send().await.unwrap();
        assert_eq!(put.status(), status);
        assert_eq!(header(&put, "access-control-allow-origin"), allowed);
        let exposed = if allowed.is_empty() { "" } else { "etag" };
        assert_eq!(header(&put, "access-control-expose-headers"), exposed);
    }
}
