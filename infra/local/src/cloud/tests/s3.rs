//! S3: what the documents need of it.

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Fixture;

pub(super) async fn with_bucket(fixture: &Fixture) -> Client {
    let client = fixture.s3();
    client.create_bucket().bucket("uploads").send().await.unwrap();
    client
}

pub(super) async fn read(client: &Client, key: &str) -> Vec<u8> {
    let object = client.get_object().bucket("uploads").key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

#[tokio::test]
async fn an_object_comes_back_with_its_type_and_metadata() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let put = client
        .put_object()
        .bucket("uploads")
        .key("a/ü + b.txt")
        .content_type("text/plain");
    put.metadata("owner", "ada")
        .body(ByteStream::from_static(b"hello"))
        .send()
        .await
        .unwrap();

    let head = client
        .head_object()
        .bucket("uploads")
        .key("a/ü + b.txt")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(5));
    assert_eq!(head.content_type(), Some("text/plain"));
    assert_eq!(head.metadata().unwrap()["owner"], "ada");
    assert_eq!(read(&client, "a/ü + b.txt").await, b"hello");
    let range = client
        .get_object()
        .bucket("uploads")
        .key("a/ü + b.txt")
        .range("bytes=1-3")
        .send()
        .await
        .unwrap();
    assert_eq!(range.content_range(), Some("bytes 1-3/5"));
    assert_eq!(range.body.collect().await.unwrap().to_vec(), b"ell");
}

#[tokio::test]
async fn a_missing_object_is_not_found_with_its_type() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let get = client
        .get_object()
        .bucket("uploads")
        .key("nope")
        .send()
        .await
        .unwrap_err();
    assert!(get.into_service_error().is_no_such_key());
    let head = client
        .head_object()
        .bucket("uploads")
        .key("nope")
        .send()
        .await
        .unwrap_err();
    assert!(head.into_service_error().is_not_found());
}

#[tokio::test]
async fn listing_pages_through_a_prefix_in_order() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    for key in ["b/3", "a/1", "b/1", "b/2", "c/1"] {
        let put = client.put_object().bucket("uploads").key(key);
        put.body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    let mut pages = client
        .list_objects_v2()
        .bucket("uploads")
        .prefix("b/")
        .max_keys(2)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        found.push(
            page.contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(found, [vec!["b/1", "b/2"], vec!["b/3"]]);
}

#[tokio::test]
async fn a_copy_is_independent_of_its_source() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let put = client
        .put_object()
        .bucket("uploads")
        .key("from")
        .content_type("text/csv");
    put.body(ByteStream::from_static(b"1,2")).send().await.unwrap();
    client
        .copy_object()
        .bucket("uploads")
        .key("x/to")
        .copy_source("uploads/from")
        .send()
        .await
        .unwrap();
    client
        .delete_object()
        .bucket("uploads")
        .key("from")
        .send()
        .await
        .unwrap();

    assert_eq!(read(&client, "x/to").await, b"1,2");
    let head = client.head_object().bucket("uploads").key("x/to").send().await.unwrap();
    assert_eq!(head.content_type(), Some("text/csv"));
}

#[tokio::test]
async fn many_objects_are_deleted_at_once_and_missing_ones_do_not_matter() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    client
        .put_object()
        .bucket("uploads")
        .key("a")
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();
    let object = |key| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = Delete::builder()
        .objects(object("a"))
        .objects(object("b"))
        .build()
        .unwrap();
    let answer = client
        .delete_objects()
        .bucket("uploads")
        .delete(delete)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.deleted().len(), 2);
    assert!(answer.errors().is_empty());
    assert_eq!(
        client
            .list_objects_v2()
            .bucket("uploads")
            .send()
            .await
            .unwrap()
            .key_count(),
        Some(0)
    );
}

#[tokio::test]
async fn a_multipart_upload_becomes_one_object() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    // An object of one part was there before: its checksum must not outlive it.
    client
        .put_object()
        .bucket("uploads")
        .key("big")
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();

    let begun = client
        .create_multipart_upload()
        .bucket("uploads")
        .key("big")
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .content_type("video/mp4");
    let upload = begun.send().await.unwrap().upload_id.unwrap();
    let (mut completed, mut bare) = (CompletedMultipartUpload::builder(), CompletedMultipartUpload::builder());
    for (number, length) in [(1, 5 * 1024 * 1024), (2, 10)] {
        let body = ByteStream::from(vec![u8::try_from(number).unwrap(); length]);
        let part = client
            .upload_part()
            .bucket("uploads")
            .key("big")
            .upload_id(&upload)
            .part_number(number);
        let sent = part.body(body).send().await.unwrap();
        let part = CompletedPart::builder().set_e_tag(sent.e_tag).part_number(number);
        bare = bare.parts(part.clone().build());
        completed = completed.parts(part.set_checksum_crc32(sent.checksum_crc32).build());
    }
    let complete = client
        .complete_multipart_upload()
        .bucket("uploads")
        .key("big")
        .upload_id(&upload);
    let refused = complete
        .clone()
        .multipart_upload(bare.build())
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.into_service_error().meta().code(), Some("InvalidRequest"));
    let done = complete.multipart_upload(completed.build()).send().await.unwrap();
    assert_eq!((done.bucket(), done.key()), (Some("uploads"), Some("big")));

    let bytes = read(&client, "big").await;
    assert_eq!(
        (bytes.len(), bytes[0], bytes[bytes.len() - 1]),
        (5 * 1024 * 1024 + 10, 1, 2)
    );
    let head = client.head_object().bucket("uploads").key("big").send().await.unwrap();
    assert_eq!(head.content_type(), Some("video/mp4"));
}

#[tokio::test]
async fn an_upload_id_works_for_its_own_object_only() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let begun = client
        .create_multipart_upload()
        .bucket("uploads")
        .key("mine")
        .send()
        .await
        .unwrap();
    let upload = begun.upload_id.unwrap();
    // The SDK adds a checksum, which this upload was not begun with.
    let part = client.upload_part().bucket("uploads").key("mine").upload_id(&upload);
    let part = part.part_number(1).body(ByteStream::from_static(b"x"));
    let refused = part.send().await.unwrap_err().into_service_error();
    assert_eq!(refused.meta().code(), Some("InvalidRequest"));
    let part = client
        .upload_part()
        .bucket("uploads")
        .key("theirs")
        .upload_id(&upload)
        .part_number(1);
    let refused = part.body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(refused.into_service_error().meta().code(), Some("NoSuchUpload"));
    let abort = client
        .abort_multipart_upload()
        .bucket("uploads")
        .key("mine")
        .upload_id(&upload);
    abort.send().await.unwrap();
}

#[tokio::test]
async fn a_presigned_address_needs_no_credentials_and_no_other_one_works() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let expiry = || PresigningConfig::expires_in(Duration::from_mins(5)).unwrap();
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();

    let put = client
        .put_object()
        .bucket("uploads")
        .key("p")
        .content_type("text/plain")
        .presigned(expiry());
    let put = put.await.unwrap();
    let sent = http
        .put(put.uri())
        .header("content-type", "text/plain")
        .body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    let get = client
        .get_object()
        .bucket("uploads")
        .key("p")
        .presigned(expiry())
        .await
        .unwrap();
    assert_eq!(http.get(get.uri()).send().await.unwrap().text().await.unwrap(), "hello");

    let forged = get.uri().replace("/uploads/p?", "/uploads/q?");
    assert_eq!(http.get(forged).send().await.unwrap().status(), 403);
    let unsigned = format!("{}/uploads/p", fixture.cloud.endpoint());
    assert_eq!(http.get(unsigned).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_presigned_address_expires_by_the_clock_of_the_services() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let put = client.put_object().bucket("uploads").key("p");
    put.body(ByteStream::from_static(b"hello")).send().await.unwrap();
    let http = reqwest::Client::builder().build().unwrap();
    let status = async |url: &str| http.get(url).send().await.unwrap().status().as_u16();
    fixture.clock.store(domain::Clock::default().now_ms(), Ordering::SeqCst);
    let link = async || {
        let now = Duration::from_millis(fixture.clock.load(Ordering::SeqCst).try_into().unwrap());
        let config = PresigningConfig::builder().start_time(std::time::UNIX_EPOCH + now);
        let config = config.expires_in(Duration::from_mins(15)).build().unwrap();
        let get = client.get_object().bucket("uploads").key("p");
        get.presigned(config).await.unwrap().uri().to_owned()
    };
    let first = link().await;
    assert_eq!(status(&first).await, 200);
    fixture.advance(Duration::from_mins(14));
    assert_eq!(status(&first).await, 200);
    fixture.advance(Duration::from_mins(2));
    let expired = http.get(&first).send().await.unwrap();
    assert_eq!(expired.status(), 403);
    let text = expired.text().await.unwrap();
    assert!(text.contains("<Message>Request has expired</Message>"), "{text}");
    // One that is signed now works, however far the clock has been moved.
    fixture.advance(Duration::from_hours(24 * 400));
    assert_eq!(status(&link().await).await, 200);
}

#[tokio::test]
async fn a_large_object_comes_back_whole_and_in_parts() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(24 * 1024 * 1024).collect();
    let put = client.put_object().bucket("uploads").key("large.bin");
    put.body(ByteStream::from(bytes.clone())).send().await.unwrap();
    let object = client.get_object().bucket("uploads").key("large.bin").send().await;
    let (mut body, mut received, mut parts) = (object.unwrap().body, Vec::new(), 0);
    while let Some(part) = body.try_next().await.unwrap() {
        received.extend_from_slice(&part);
        parts += 1;
    }
    assert!(parts > 1, "it was gathered");
    assert!(received == bytes);
}

#[tokio::test]
async fn an_empty_object_is_one() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    client.put_object().bucket("uploads").key("k").send().await.unwrap();
    assert!(read(&client, "k").await.is_empty());
}

#[tokio::test]
async fn an_unchanged_object_is_not_sent_again() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let put = || client.put_object().bucket("uploads").key("k");
    let tag = put()
        .body(ByteStream::from_static(b"1"))
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    let get = || {
        client
            .get_object()
            .bucket("uploads")
            .key("k")
            .if_none_match(&tag)
            .send()
    };
    assert_eq!(get().await.unwrap_err().raw_response().unwrap().status().as_u16(), 304);
    put().body(ByteStream::from_static(b"2")).send().await.unwrap();
    assert_eq!(get().await.unwrap().body.collect().await.unwrap().to_vec(), b"2");
    let stale = client
        .get_object()
        .bucket("uploads")
        .key("k")
        .if_match(&tag)
        .send()
        .await
        .unwrap_err();
    assert_eq!(stale.raw_response().unwrap().status().as_u16(), 412);
}

/// The origin of the services is one of a page, too, where it could read whatever it has a link to.
#[tokio::test]
async fn what_somebody_uploaded_is_no_page_of_this_origin() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let put = client.put_object().bucket("uploads").key("note.txt");
    let page = ByteStream::from_static(b"<script>1</script>");
    put.content_type("text/plain").body(page).send().await.unwrap();
    let expiry = PresigningConfig::expires_in(Duration::from_mins(5)).unwrap();
    let get = client.get_object().bucket("uploads").key("note.txt");
    let link = get.response_content_type("text/html").presigned(expiry).await.unwrap();
    let http = reqwest::Client::builder().build().unwrap();
    let answer = http.get(link.uri()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(
        (header("x-frame-options"), header("x-content-type-options")),
        ("DENY".to_owned(), "nosniff".to_owned())
    );
    // A person follows a link in a tab; no page shows it in a frame of its own.
    let framed = http.get(link.uri()).header("sec-fetch-site", "cross-site");
    let framed = framed
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "iframe");
    assert_eq!(framed.send().await.unwrap().status(), 403);
}
