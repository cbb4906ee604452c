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

/// The texts of the current version and of the one before.
async fn staged(fixture: &Fixture, name: &str) -> [Option<String>; 2] {
    let client = fixture.secrets();
    let text = async |stage| {
        let get = client.get_secret_value().secret_id(name).version_stage(stage);
        get.send().await.ok().and_then(|found| found.secret_string)
    };
    [text("AWSCURRENT").await, text("AWSPREVIOUS").await]
}

fn texts(current: &str, previous: &str) -> [Option<String>; 2] {
    [current, previous].map(|text| Some(text.to_owned()))
}

#[tokio::test]
async fn a_label_moves_from_the_version_that_has_it_and_from_no_other() {
    let fixture = Fixture::new().await;
    let client = fixture.secrets();
    let create = client.create_secret().name("KEY").secret_string("one");
    let one = create.send().await.unwrap().version_id.unwrap();
    let put = async |text: &str| {
        let put = client.put_secret_value().secret_id("KEY").secret_string(text);
        let put = put.version_stages(format!("PENDING-{text}"));
        put.send().await.unwrap().version_id.unwrap()
    };
    let (two, three) = (put("two").await, put("three").await);
    assert_eq!(
        staged(&fixture, "KEY").await,
        [Some("one".to_owned()), None],
        "a label of its own moves no other"
    );
    let by_id = client.get_secret_value().secret_id("KEY").version_id(&two);
    let found = by_id.send().await.unwrap();
    assert_eq!(
        (found.secret_string(), found.version_stages()),
        (Some("two"), &["PENDING-two".to_owned()][..])
    );
    let mismatch = client
        .get_secret_value()
        .secret_id("KEY")
        .version_id(&two)
        .version_stage("AWSCURRENT");
    assert_eq!(
        mismatch.send().await.unwrap_err().code(),
        Some("InvalidRequestException")
    );

    let label = |stage: &str| {
        client
            .update_secret_version_stage()
            .secret_id("KEY")
            .version_stage(stage)
    };
    let move_to = |to: &str, from: Option<&str>| {
        let from = from.map(str::to_owned);
        label("AWSCURRENT")
            .move_to_version_id(to)
            .set_remove_from_version_id(from)
            .send()
    };
    move_to(&two, Some(&one)).await.unwrap();
    assert_eq!(staged(&fixture, "KEY").await, texts("two", "one"));
    // Whoever began with the first version is too late, and so is who names none.
    for from in [Some(one.as_str()), None] {
        let refused = move_to(&three, from).await.unwrap_err().into_service_error();
        assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
    }
    let unknown = move_to("00000000-0000-0000-0000-000000000000", Some(&two))
        .await
        .unwrap_err();
    assert!(unknown.into_service_error().is_invalid_parameter_exception());
    let current = label("AWSCURRENT")
        .remove_from_version_id(&two)
        .send()
        .await
        .unwrap_err();
    assert!(
        current.into_service_error().is_invalid_parameter_exception(),
        "it is never taken off"
    );
    assert_eq!(staged(&fixture, "KEY").await, texts("two", "one"));
    move_to(&three, Some(&two)).await.unwrap();
    assert_eq!(staged(&fixture, "KEY").await, texts("three", "two"));

    label("PENDING-three")
        .remove_from_version_id(&three)
        .send()
        .await
        .unwrap();
    let again = label("PENDING-three").remove_from_version_id(&three).send().await;
    assert!(again.is_err());
    let described = client.describe_secret().secret_id("KEY").send().await.unwrap();
    let labelled = described.version_ids_to_stages().unwrap();
    assert_eq!(labelled.len(), 2, "the first version is deprecated: {labelled:?}");
    let deprecated = client.get_secret_value().secret_id("KEY").version_id(&one);
    assert_eq!(deprecated.send().await.unwrap().secret_string(), Some("one"));
}

#[tokio::test]
async fn values_and_tokens_have_the_sizes_that_the_service_allows() {
    let fixture = Fixture::new().await;
    let client = fixture.secrets();
    client
        .create_secret()
        .name("KEY")
        .secret_string("one")
        .send()
        .await
        .unwrap();
    let put = || client.put_secret_value().secret_id("KEY");
    put().secret_string("x".repeat(65_536)).send().await.unwrap();
    let refused = [
        (put().secret_string("x".repeat(65_537)), "ValidationException"),
        (put().secret_string(""), "ValidationException"),
        (put(), "InvalidRequestException"),
        (
            put().secret_string("x").client_request_token("short"),
            "InvalidParameterException",
        ),
    ];
    for (request, code) in refused {
        assert_eq!(request.send().await.unwrap_err().code(), Some(code));
    }
}

#[tokio::test]
async fn a_file_without_labels_has_its_newest_version_as_the_current_one() {
    let folder = tempfile::tempdir().unwrap();
    let version = |id: u8, text: &str| serde_json::json!({"id": id.to_string(), "created_ms": id, "text": text});
    let stored = serde_json::json!({"KEY": {"created_ms": 1, "versions": [version(2, "two"), version(1, "one")]}});
    std::fs::write(folder.path().join("secrets.json"), stored.to_string()).unwrap();
    let fixture = Fixture::on(folder.path()).await;
    assert_eq!(staged(&fixture, "KEY").await, texts("two", "one"));
}

#[tokio::test]
async fn a_value_that_is_put_wins_over_the_environment_which_is_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let seed = ["CHANGED", "NEW", "GONE"].map(|name| (name.to_owned(), "seeded".to_owned()));
    let fixture = Fixture::on(folder.path()).await;
    let client = fixture.secrets();
    for name in ["CHANGED", "GONE"] {
        client
            .create_secret()
            .name(name)
            .secret_string("stored")
            .send()
            .await
            .unwrap();
    }
    fixture.cloud.shutdown().await;

    let fixture = Fixture::start(Data::Folder(folder.path().to_owned()), seed.into()).await;
    let client = fixture.secrets();
    for name in ["CHANGED", "NEW"] {
        assert_eq!(value(&fixture, name).await, "seeded");
        client
            .put_secret_value()
            .secret_id(name)
            .secret_string("put")
            .send()
            .await
            .unwrap();
    }
    assert_eq!(staged(&fixture, "CHANGED").await, texts("put", "stored"));
    assert_eq!(staged(&fixture, "NEW").await, [Some("put".to_owned()), None]);
    client.delete_secret().secret_id("GONE").send().await.unwrap();
    let gone = client.get_secret_value().secret_id("GONE").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("InvalidRequestException"));
    let file = folder.path().join("secrets.json");
    assert!(!std::fs::read_to_string(&file).unwrap().contains("seeded"));
}
