#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failing step is the test's failure"
)]

use std::collections::BTreeMap;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_lc_rs::hmac;
use aws_types::region::Region;
use domain::{Email, MailId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// The request that SES received.
struct Received {
    head: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A server that answers one request.
async fn double(listener: TcpListener, answer: &'static str) -> Received {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let text = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let (head, headers) = text.split_once("\r\n").unwrap();
        let headers = headers.lines().map(|line| line.split_once(": ").unwrap());
        let headers: BTreeMap<_, _> = headers
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        if bytes.len() - end - 4 < headers["content-length"].parse().unwrap() {
            continue;
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        return Received {
            head: head.to_owned(),
            headers,
            body: bytes[end + 4..].to_vec(),
        };
    }
}

fn mail() -> Mail {
    Mail {
        id: MailId("m-1".into()),
        to: Email::parse("ada@example.com").unwrap(),
        subject: "Grüße".to_owned(),
        text: "One\n\nhttps://app.example.com/x?token=abc\n".to_owned(),
        about: None,
        org_id: None,
        branding: None,
    }
}

async fn send(answer: &'static str, token: Option<&str>) -> (Result<()>, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sdk = aws_types::SdkConfig::builder()
        .region(Region::new("eu-central-1"))
        .endpoint_url(format!("http://{}", listener.local_addr().unwrap()))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "AKIDEXAMPLE",
            SECRET,
            token.map(str::to_owned),
            None,
            "test",
        )))
        .build();
    let http = crate::ai::models::http_client().unwrap();
    let ses = Ses::new(&sdk, http, "Parlance <no-reply@example.com>", Clock::default());
    let mail = mail();
    futures::join!(ses.send(&mail), double(listener, answer))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
        .as_ref()
        .to_vec()
}

/// Recomputes the signature of the received request according to the rules:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn signature(received: &Received, signed_headers: &str) -> String {
    let headers = signed_headers
        .split(';')
        .map(|name| format!("{name}:{}\n", received.headers[name]));
    let canonical = format!(
        "POST\n/v2/email/outbound-emails\n\n{}\n{signed_headers}\n{}",
        headers.collect::<Vec<_>>().concat(),
        hex::encode(Sha256::digest(&received.body))
    );
    let time = &received.headers["x-amz-date"];
    let day = &time[..8];
    let scope = format!("{day}/eu-central-1/ses/aws4_request");
    let digest = hex::encode(Sha256::digest(&canonical));
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, "eu-central-1", "ses", "aws4_request"] {
        key = hmac(&key, part);
    }
    hex::encode(hmac(&key, &to_sign))
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"MessageId\":\"0102\"}";

#[tokio::test]
async fn a_mail_is_one_post_that_is_signed_by_the_rules_of_aws() {
    for token in [None, Some("session-token")] {
        let (sent, received) = send(OK, token).await;
        sent.unwrap();
        assert_eq!(received.head, "POST /v2/email/outbound-emails HTTP/1.1");
        let authorization = &received.headers["authorization"];
        let (credential, rest) = authorization.split_once(", SignedHeaders=").expect(authorization);
        let day = &received.headers["x-amz-date"][..8];
        assert_eq!(
            credential,
            format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/eu-central-1/ses/aws4_request")
        );
        let (signed_headers, found) = rest.split_once(", Signature=").expect(authorization);
        let signed: Vec<&str> = signed_headers.split(';').collect();
        for name in ["content-type", "host", "x-amz-date"] {
            assert!(signed.contains(&name), "{name} is not signed: {signed:?}");
        }
        assert_eq!(signed.contains(&"x-amz-security-token"), token.is_some());
        assert_eq!(received.headers.get("x-amz-security-token").map(String::as_str), token);
        assert_eq!(found, signature(&received, signed_headers));
    }
}

/// The members are those of `SendEmail` in botocore's `sesv2/2019-09-27/service-2.json`.
#[tokio::test]
async fn the_body_is_a_simple_message_in_utf_8() {
    let (_, received) = send(OK, None).await;
    assert_eq!(received.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(
        body,
        json!({
            "FromEmailAddress": "Parlance <no-reply@example.com>",
            "Destination": {"ToAddresses": ["ada@example.com"]},
            "Content": {"Simple": {
                "Subject": {"Data": "Grüße", "Charset": "UTF-8"},
                "Body": {"Text": {"Data": "One\n\nhttps://app.example.com/x?token=abc\n", "Charset": "UTF-8"}},
            }},
        })
    );
}

#[tokio::test]
async fn a_refusal_is_an_error_that_does_not_repeat_the_address() {
    let refused = "HTTP/1.1 400 Bad Request\r\nx-amzn-errortype: MessageRejected\r\ncontent-length: 40\r\n\r\n\
                   {\"message\":\"ada@example.com is blocked\"}  ";
    let (sent, _) = send(refused, None).await;
    let error = format!("{:?}", sent.unwrap_err());
    assert!(error.contains("400") && error.contains("MessageRejected"), "{error}");
    assert!(!error.contains("ada@example.com"), "{error}");
}

#[test]
fn a_sender_has_the_name_of_the_organization() {
    assert_eq!(
        named("Acme", "no-reply@example.com"),
        "=?UTF-8?B?QWNtZQ==?= <no-reply@example.com>"
    );
    assert_eq!(
        named("Acme", "\"Parlance\" <no-reply@example.com>"),
        "=?UTF-8?B?QWNtZQ==?= <no-reply@example.com>"
    );
    let long = named(&"ü".repeat(60), "a@example.com");
    assert!(
        long.split(' ').all(|word| word.len() <= 75 && word.is_ascii()),
        "{long}"
    );
    assert_eq!(long.matches("=?UTF-8?B?").count(), 3);
}
