//! Starting, refusing to start, and leaving nothing behind.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

#[cfg(target_os = "linux")]
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;

use super::{Fixture, START_MS, options};
use crate::cloud::{Cloud, Data};

async fn refusal(data: Data, port: u16) -> String {
    let clock = Arc::new(AtomicI64::new(START_MS));
    let mut options = options(data, vec![], &clock);
    options.port = port;
    match Cloud::start(options).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let refusal = refusal(Data::Ephemeral, port).await;
    assert_eq!(refusal, format!("port {port} on 127.0.0.1 is already in use"));
}

#[tokio::test]
async fn a_data_folder_belongs_to_one_cloud_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = Fixture::on(folder.path()).await;
    let refused = refusal(Data::Folder(folder.path().into()), 0).await;
    let expected = format!(
        "the data folder {} is in use by another parlance process",
        folder.path().display()
    );
    assert_eq!(refused, expected);

    first.cloud.shutdown().await;
    Fixture::on(folder.path()).await.cloud.shutdown().await;
}

#[tokio::test]
async fn data_of_a_newer_release_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("version"), "999\n").unwrap();
    let refused = refusal(Data::Folder(folder.path().into()), 0).await;
    assert!(
        refused.ends_with("was written by a newer parlance (data version 999, this one knows 1)"),
        "{refused}"
    );
    assert!(!folder.path().join("sqs.sqlite").exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = refusal(Data::Folder(file.join("data")), 0).await;
    assert!(
        refused.starts_with("the data folder ") && refused.contains(" is not writable: "),
        "{refused}"
    );
}

#[tokio::test]
async fn a_damaged_file_is_named_and_its_content_is_not() {
    let noise = "hunter2 ".repeat(2000);
    for (name, content) in [
        ("version", "hunter2"),
        ("secrets.json", "{\"JWT_SECRET\": hunter2"),
        ("sqs.sqlite", &noise),
        ("dynamodb.sqlite", &noise),
    ] {
        let folder = tempfile::tempdir().unwrap();
        Fixture::on(folder.path()).await.cloud.shutdown().await;
        let file = folder.path().join(name);
        fs::write(&file, content).unwrap();
        let refused = refusal(Data::Folder(folder.path().into()), 0).await;
        assert!(refused.contains(&*file.to_string_lossy()), "{name}: {refused}");
        assert!(refused.contains("Restore the file from a copy"), "{name}: {refused}");
        assert!(!refused.contains("hunter2"), "{name}: {refused}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    for name in ["version", "secrets.json", "sqs.sqlite", "dynamodb.sqlite", "lock"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::create_dir(&file).unwrap();
        let refused = refusal(Data::Folder(folder.path().into()), 0).await;
        assert!(refused.contains(&*file.to_string_lossy()), "{name}: {refused}");
    }
}

/// Linux has a file for whose writers the disk is always full.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_a_secret_stays_as_it_was_and_its_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::on(folder.path()).await;
    let client = fixture.secrets();
    let create = client.create_secret().name("KEY").secret_string("one");
    create.send().await.unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("secrets.new")).unwrap();
    let put = client.put_secret_value().secret_id("KEY").secret_string("two");
    let refused = put.send().await.unwrap_err();
    let message = refused.message().unwrap();
    assert!(
        message.contains("secrets.json") && message.contains("Free some space there"),
        "{message}"
    );
    let kept = client.get_secret_value().secret_id("KEY").send().await.unwrap();
    assert_eq!(kept.secret_string(), Some("one"));
}

#[tokio::test]
async fn a_browser_page_that_rebinds_its_name_is_refused() {
    let fixture = Fixture::new().await;
    let address = fixture.cloud.endpoint().replace("http://", "");
    let answer = tokio::task::spawn_blocking(move || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let request = "POST / HTTP/1.1\r\nHost: evil.example\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.unwrap().starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn many_clouds_come_and_go_and_their_folders_with_them() {
    for _ in 0..20 {
        let fixture = Fixture::new().await;
        fixture.sqs().create_queue().queue_name("q").send().await.unwrap();
        fixture.dynamodb().list_tables().send().await.unwrap();
        fixture.s3().create_bucket().bucket("bucket").send().await.unwrap();
        let folder = fixture.cloud.objects_folder();
        assert!(folder.exists());
        // Returns when the threads have ended: it joins them.
        fixture.cloud.shutdown().await;
        assert!(!folder.exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let fixture = Fixture::on(&data).await;
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    fixture.cloud.shutdown().await;
}
