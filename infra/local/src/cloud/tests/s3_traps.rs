//! What `s3s-fs` does by itself and S3 does not.

use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use futures::future::join_all;

use super::Fixture;
use super::s3::{read, with_bucket};

const X: fn() -> ByteStream = || ByteStream::from_static(b"x");

#[tokio::test]
async fn of_sixteen_conditional_puts_exactly_one_wins() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    for round in 0..20 {
        let racers = (0..16).map(|racer: u8| {
            let put = client
                .put_object()
                .bucket("uploads")
                .key(format!("race/{round}"))
                .if_none_match("*");
            let put = put.body(ByteStream::from(vec![racer; 1000])).send();
            async move { (racer, put.await) }
        });
        let (winners, losers): (Vec<_>, Vec<_>) = join_all(racers)
            .await
            .into_iter()
            .partition(|(_, result)| result.is_ok());
        assert_eq!(winners.len(), 1, "round {round}");
        assert!(
            losers
                .iter()
                .all(|(_, result)| result.as_ref().unwrap_err().code() == Some("PreconditionFailed"))
        );
        assert_eq!(read(&client, &format!("race/{round}")).await, vec![winners[0].0; 1000]);
    }
}

#[tokio::test]
async fn a_put_that_expects_another_version_is_refused() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let put = || client.put_object().bucket("uploads").key("k");
    let first = put().body(X()).send().await.unwrap();
    let tag = first.e_tag.unwrap();
    let second = put()
        .if_match(&tag)
        .body(ByteStream::from_static(b"y"))
        .send()
        .await
        .unwrap();
    assert_ne!(second.e_tag.as_deref(), Some(tag.as_str()));
    let late = put()
        .if_match(&tag)
        .body(ByteStream::from_static(b"z"))
        .send()
        .await
        .unwrap_err();
    assert_eq!(late.code(), Some("PreconditionFailed"));
    assert_eq!(read(&client, "k").await, b"y");
}

#[tokio::test]
async fn no_key_reaches_another_bucket() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    client.create_bucket().bucket("other").send().await.unwrap();
    client
        .put_object()
        .bucket("other")
        .key("secret")
        .body(X())
        .send()
        .await
        .unwrap();

    let key = "../other/secret";
    let put = client
        .put_object()
        .bucket("uploads")
        .key(key)
        .body(ByteStream::from_static(b"y"))
        .send()
        .await;
    assert_eq!(put.unwrap_err().code(), Some("InvalidArgument"));
    let get = client.get_object().bucket("uploads").key(key).send().await;
    assert_eq!(get.unwrap_err().code(), Some("InvalidArgument"));
    let copy = client
        .copy_object()
        .bucket("uploads")
        .key("k")
        .copy_source("uploads/../other/secret")
        .send()
        .await;
    assert_eq!(copy.unwrap_err().code(), Some("InvalidArgument"));
    let delete = client.delete_object().bucket("uploads").key(key).send().await;
    assert_eq!(delete.unwrap_err().code(), Some("InvalidArgument"));

    let kept = client.get_object().bucket("other").key("secret").send().await.unwrap();
    assert_eq!(kept.body.collect().await.unwrap().to_vec(), b"x");
}

#[tokio::test]
async fn a_put_does_not_create_its_bucket() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    // Large enough that the refusal comes while the body is still being sent.
    let body = ByteStream::from(vec![0; 3 * 1024 * 1024]);
    let put = client
        .put_object()
        .bucket("missing")
        .key("k")
        .body(body)
        .send()
        .await
        .unwrap_err();
    assert_eq!(put.code(), Some("NoSuchBucket"));
    assert!(client.head_bucket().bucket("missing").send().await.is_err());
}

#[tokio::test]
async fn a_key_is_stored_with_its_metadata_or_refused() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let (mut stored, mut refused) = (0, 0);
    for length in [1, 100, 150, 155, 156, 157, 158, 159, 160, 161, 162, 200, 255, 300, 1000] {
        let key = "k".repeat(length);
        let put = client
            .put_object()
            .bucket("uploads")
            .key(&key)
            .content_type("text/plain")
            .body(X())
            .send()
            .await;
        let head = client.head_object().bucket("uploads").key(&key).send().await;
        match put {
            Ok(_) => {
                assert_eq!(head.unwrap().content_type(), Some("text/plain"), "length {length}");
                stored += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), Some("KeyTooLongError"), "length {length}");
                assert!(head.is_err(), "length {length}");
                refused += 1;
            }
        }
    }
    assert!(stored >= 5 && refused >= 5, "{stored} stored, {refused} refused");
}

#[tokio::test]
async fn the_transfer_encoding_is_not_kept_as_the_objects() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, vec![7; 100_000]).unwrap();
    // A body from a file is sent in signed chunks with the checksum behind it.
    let body = ByteStream::from_path(&file).await.unwrap();
    let put = client.put_object().bucket("uploads").key("k").content_encoding("gzip");
    put.body(body).send().await.unwrap();
    let head = client.head_object().bucket("uploads").key("k").send().await.unwrap();
    assert_eq!(head.content_encoding(), Some("gzip"));
    assert_eq!(read(&client, "k").await.len(), 100_000);
}

#[tokio::test]
async fn a_body_that_differs_from_its_checksum_leaves_the_old_object() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let put = || client.put_object().bucket("uploads").key("k");
    put().body(X()).send().await.unwrap();
    let refused = put()
        .checksum_crc32("AAAAAA==")
        .body(ByteStream::from_static(b"y"))
        .send()
        .await;
    assert_eq!(refused.unwrap_err().code(), Some("BadDigest"));
    assert_eq!(read(&client, "k").await, b"x");

    let fresh = client
        .put_object()
        .bucket("uploads")
        .key("fresh")
        .checksum_crc32("AAAAAA==");
    assert!(fresh.body(X()).send().await.is_err());
    assert!(
        client
            .head_object()
            .bucket("uploads")
            .key("fresh")
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_folder_of_keys_is_not_an_object() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    client
        .put_object()
        .bucket("uploads")
        .key("a/b")
        .body(X())
        .send()
        .await
        .unwrap();
    assert!(client.head_object().bucket("uploads").key("a").send().await.is_err());
    assert!(
        client
            .get_object()
            .bucket("uploads")
            .key("a")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_no_such_key()
    );
    client.delete_object().bucket("uploads").key("a").send().await.unwrap();
    assert_eq!(read(&client, "a/b").await, b"x");

    let over = client
        .put_object()
        .bucket("uploads")
        .key("a")
        .body(X())
        .send()
        .await
        .unwrap_err();
    assert_eq!(over.code(), Some("InvalidArgument"));
    let below = client
        .put_object()
        .bucket("uploads")
        .key("a/b/c")
        .body(X())
        .send()
        .await
        .unwrap_err();
    assert_eq!(below.code(), Some("InvalidArgument"));
}

/// All names of files below a folder.
fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        names.push(entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            names.extend(self::names(&entry.path()));
        }
    }
    names.sort();
    names
}

#[tokio::test]
async fn a_deleted_object_leaves_no_trace() {
    let fixture = Fixture::new().await;
    let client = with_bucket(&fixture).await;
    let folder = fixture.cloud.objects_folder();
    let before = names(&folder);
    let put = client
        .put_object()
        .bucket("uploads")
        .key("t/acme/d/1")
        .metadata("owner", "ada");
    put.body(X()).send().await.unwrap();
    assert_ne!(names(&folder), before);
    client
        .delete_object()
        .bucket("uploads")
        .key("t/acme/d/1")
        .send()
        .await
        .unwrap();
    assert_eq!(names(&folder), before);
    client.delete_bucket().bucket("uploads").send().await.unwrap();
}

#[tokio::test]
async fn what_a_killed_process_left_half_done_is_gone_at_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let fixture = Fixture::on(data.path()).await;
    let client = with_bucket(&fixture).await;
    for key in ["whole", "half", "removed"] {
        client
            .put_object()
            .bucket("uploads")
            .key(key)
            .content_type("text/a")
            .body(X())
            .send()
            .await
            .unwrap();
    }
    let folder = fixture.cloud.objects_folder();
    fixture.cloud.shutdown().await;
    // A kill between moving an object and its metadata, between the removal of both, and in an upload.
    let later = std::fs::metadata(folder.join("uploads/half"))
        .unwrap()
        .modified()
        .unwrap()
        + Duration::from_secs(1);
    std::fs::write(folder.join("uploads/half"), "overwritten").unwrap();
    std::fs::File::options()
        .write(true)
        .open(folder.join("uploads/half"))
        .unwrap()
        .set_modified(later)
        .unwrap();
    std::fs::remove_file(folder.join("uploads/removed")).unwrap();
    std::fs::write(folder.join(".staging/half an upload"), "x").unwrap();

    let fixture = Fixture::on(data.path()).await;
    let client = fixture.s3();
    assert_eq!(read(&client, "half").await, b"overwritten");
    assert_eq!(read(&client, "whole").await, b"x");
    let whole = client
        .head_object()
        .bucket("uploads")
        .key("whole")
        .send()
        .await
        .unwrap();
    assert_eq!(whole.content_type(), Some("text/a"));
    let sidecars = names(&folder)
        .into_iter()
        .filter(|name| name.starts_with(".bucket-"))
        .count();
    assert_eq!(sidecars, 2, "those of the whole object only");
    assert!(!folder.join(".staging/half an upload").exists());
}
