//! Secrets Manager.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;

use super::Fixture;
use crate::cloud::Data;

async fn value(fixture: &Fixture, name: &str) -> String {
    fixture
        .secrets()
        .get_secret_value()
        .secret_id(name)
        .send()
        .await
        .unwrap()
        .secret_string
        .unwrap()
}

#[tokio::test]
async fn a_missing_secret_is_not_found_with_its_type() {
    let fixture = Fixture::new().await;
    let get = fixture
        .secrets()
        .get_secret_value()
        .secret_id("JWT_SECRET")
        .send()
        .await
        .unwrap_err();
    assert!(get.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn a_secret_is_created_once_changed_described_and_listed() {
    let fixture = Fixture::new().await;
    let client = fixture.secrets();
    let created = client
        .create_secret()
        .name("a/KEY")
        .secret_string("one")
        .description("d")
        .send()
        .await
        .unwrap();
    let again = client
        .create_secret()
        .name("a/KEY")
        .secret_string("two")
        .send()
        .await
        .unwrap_err();
    assert!(again.into_service_error().is_resource_exists_exception());

    client
        .put_secret_value()
        .secret_id("a/KEY")
        .secret_string("two")
        .send()
        .await
        .unwrap();
    assert_eq!(value(&fixture, "a/KEY").await, "two");
    assert_eq!(value(&fixture, created.arn().unwrap()).await, "two");
    let previous = client
        .get_secret_value()
        .secret_id("a/KEY")
        .version_stage("AWSPREVIOUS");
    assert_eq!(previous.send().await.unwrap().secret_string(), Some("one"));

    let described = client.describe_secret().secret_id("a/KEY").send().await.unwrap();
    assert_eq!(described.description(), Some("d"));
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 2);
    let listed = client.list_secrets().send().await.unwrap();
    assert_eq!(listed.secret_list()[0].name(), Some("a/KEY"));
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_until_it_is_forced_away() {
    let fixture = Fixture::new().await;
    let client = fixture.secrets();
    client
        .create_secret()
        .name("KEY")
        .secret_string("one")
        .send()
        .await
        .unwrap();
    client.delete_secret().secret_id("KEY").send().await.unwrap();
    let get = client.get_secret_value().secret_id("KEY").send().await.unwrap_err();
    assert_eq!(get.code(), Some("InvalidRequestException"));
    client.restore_secret().secret_id("KEY").send().await.unwrap();
    assert_eq!(value(&fixture, "KEY").await, "one");
    client
        .delete_secret()
        .secret_id("KEY")
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    let get = client.get_secret_value().secret_id("KEY").send().await.unwrap_err();
    assert!(get.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn a_retried_put_makes_one_version() {
    let fixture = Fixture::new().await;
    let client = fixture.secrets();
    client
        .create_secret()
        .name("KEY")
        .secret_string("one")
        .send()
        .await
        .unwrap();
    let put = |text| {
        let put = client
            .put_secret_value()
            .secret_id("KEY")
            .client_request_token("0123456789abcdef0123456789abcdef");
        put.secret_string(text).send()
    };
    let first = put("two").await.unwrap();
    assert_eq!(put("two").await.unwrap().version_id, first.version_id);
    assert!(
        put("three")
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_exists_exception()
    );
    let previous = client.get_secret_value().secret_id("KEY").version_stage("AWSPREVIOUS");
    assert_eq!(previous.send().await.unwrap().secret_string(), Some("one"));
}

#[tokio::test]
async fn secrets_are_kept_for_their_owner_and_those_of_the_environment_win_without_being_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = || Data::Folder(folder.path().to_owned());
    let fixture = Fixture::on(folder.path()).await;
    fixture
        .secrets()
        .create_secret()
        .name("KEY")
        .secret_string("stored")
        .send()
        .await
        .unwrap();
    fixture.cloud.shutdown().await;

    let seed = vec![
        ("KEY".to_owned(), "seeded".to_owned()),
        ("OTHER".to_owned(), "seeded".to_owned()),
    ];
    let fixture = Fixture::start(data(), seed).await;
    assert_eq!(value(&fixture, "KEY").await, "seeded");
    assert_eq!(value(&fixture, "OTHER").await, "seeded");
    fixture
        .secrets()
        .create_secret()
        .name("THIRD")
        .secret_string("x")
        .send()
        .await
        .unwrap();
    fixture.cloud.shutdown().await;

    let file = folder.path().join("secrets.json");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("seeded"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let fixture = Fixture::on(folder.path()).await;
    assert_eq!(value(&fixture, "KEY").await, "stored");
}
