//! Requests to receivers of webhooks.

use std::time::Duration;

use super::*;
use crate::{Post, Posted};

fn post() -> Post {
    Post {
        headers: vec![("webhook-id", "evt_1".to_owned())],
        body: "{\"type\":\"webhook.test\"}".to_owned(),
        total: Duration::from_secs(5),
        response_bytes: 10,
    }
}

/// The address of the servers of a test as a private host, where plain HTTP is allowed.
async fn posted(serve: fn(&str) -> Vec<u8>, path: &str) -> (Net, Result<Posted, FetchError>) {
    let net = Net::new(serve).await;
    let port = net.private_port();
    let url = format!("http://localhost:{port}{path}");
    net.names.set("localhost", &[&["93.184.215.14"]]);
    let posted = net.fetcher.post(&url, post()).await;
    (net, posted)
}

#[tokio::test]
async fn the_beginning_of_the_response_is_read() {
    let serve = |_: &str| {
        b"HTTP/1.1 202 Accepted\r\nretry-after: 7\r\ncontent-length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz".to_vec()
    };
    let (_, posted) = posted(serve, "/").await;
    let expected = Posted {
        status: 202,
        retry_after: Some(Duration::from_secs(7)),
        body: b"abcdefghij".to_vec(),
    };
    assert_eq!(posted.unwrap(), expected);
}

#[tokio::test]
async fn a_redirect_is_a_response() {
    let serve = |_: &str| {
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec()
    };
    let (net, posted) = posted(serve, "/").await;
    assert_eq!(posted.unwrap().status, 307);
    assert_eq!(net.connections.load(Ordering::SeqCst), 1);
    assert!(net.canary.accept().is_err(), "the redirect was followed");
}

#[tokio::test]
async fn a_response_that_is_cut_off_has_its_status() {
    let serve = |_: &str| b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc".to_vec();
    let (_, posted) = posted(serve, "/").await;
    let posted = posted.unwrap();
    assert_eq!((posted.status, posted.body), (200, b"abc".to_vec()));
}

#[tokio::test]
async fn public_receivers_need_https() {
    let net = Net::new(|_| Vec::new()).await;
    let sent = net.fetcher.post("http://site.example/", post()).await;
    assert_eq!(sent.unwrap_err(), FetchError::SchemeNotAllowed);
    assert_eq!(net.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn private_networks_are_never_reached() {
    let net = Net::new(|_| Vec::new()).await;
    let port = net.canary().port();
    net.names.set("inside.example", &[&["10.0.0.1"]]);
    net.names.set("both.example", &[&["93.184.215.14", "127.0.0.1"]]);
    net.names.set("metadata.example", &[&["169.254.169.254"]]);
    net.names.set("six.example", &[&["::1"]]);
    net.names.set("mapped.example", &[&["::ffff:127.0.0.1"]]);
    // Rebinding: public when the address is entered, private when it is used.
    net.names.set("rebind.example", &[&["93.184.215.14"], &["127.0.0.1"]]);
    net.names
        .0
        .lock()
        .unwrap()
        .get_mut("rebind.example")
        .unwrap()
        .pop_front();
    let hosts = ssrf::HOSTS.iter().copied();
    let names = [
        "inside.example",
        "both.example",
        "metadata.example",
        "six.example",
        "mapped.example",
        "rebind.example",
    ];
    for host in hosts.chain(names) {
        for scheme in ["https", "http"] {
            let sent = net.fetcher.post(&format!("{scheme}://{host}:{port}/"), post()).await;
            assert!(sent.is_err(), "{scheme}://{host} answered {sent:?}");
        }
    }
    assert!(
        net.canary.accept().is_err(),
        "an address of a private network was reached"
    );
}
