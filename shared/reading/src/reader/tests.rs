use std::{fs, os::unix::fs::PermissionsExt as _, sync::LazyLock, time::Duration};

use super::*;

/// A program whose behavior depends on its allowance of CPU seconds. Written once, before any test starts a process:
/// one that is started while a file is open for writing would make the file busy.
static PROGRAM: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let script = "#!/bin/sh\n\
        case \"$6\" in\n\
        1) env >&2; exit 2;;\n\
        2) kill -KILL $$;;\n\
        3) kill -XCPU $$;;\n\
        4) exec cat > /dev/null;;\n\
        5) echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$;;\n\
        6) exit 0;;\n\
        esac\n";
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("reader");
    fs::write(&program, script).expect("writes");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("permits");
    (folder, program)
});

fn reader(behavior: u64, deadline: Duration) -> Reader {
    Reader::new(Settings {
        program: PROGRAM.1.clone(),
        limits: Limits {
            memory_bytes: 1,
            cpu: Duration::from_secs(behavior),
            run: Duration::from_secs(behavior),
            deadline,
        },
        parallel: 1,
    })
}

async fn read(behavior: u64) -> Result<ReadOutcome, ReadError> {
    let reader = reader(behavior, Duration::from_secs(30));
    reader.read(Kind::Text, 4, &b"text"[..]).await
}

fn died(reading: ReadOutcome) -> String {
    match reading {
        ReadOutcome::Died { failure, .. } => failure.code,
        other => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn a_child_has_no_environment() {
    let error = read(1).await.expect_err("code 2 is a fault of ours");
    let ReadError::Child { errors, .. } = error else {
        unreachable!("{error}");
    };
    let names = errors
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name);
    // Set by the shell itself.
    let names: Vec<&str> = names
        .filter(|name| !["PWD", "SHLVL", "_", "OLDPWD"].contains(name))
        .collect();
    assert_eq!(names, [PDF_STREAM_LIMIT.0]);
}

#[tokio::test]
async fn each_way_to_die_has_its_reason() {
    assert_eq!(died(read(2).await.expect("an outcome")), "too_large");
    assert_eq!(died(read(5).await.expect("an outcome")), "too_large");
    let ReadOutcome::Refused(failure) = read(3).await.expect("an outcome") else {
        unreachable!("the CPU limit is no accident");
    };
    assert_eq!(failure.code, "too_slow");
}

#[tokio::test]
async fn a_child_that_says_nothing_is_a_fault_of_ours() {
    assert!(matches!(read(6).await, Err(ReadError::Child { .. })));
}

#[tokio::test]
async fn a_child_is_killed_at_its_deadline() {
    let reader = reader(4, Duration::from_millis(300));
    let reading = reader.read(Kind::Text, 4, &b"text"[..]).await;
    assert!(
        matches!(reading, Err(ReadError::Late)),
        "the file is not to blame: {reading:?}"
    );
}

#[tokio::test]
async fn a_file_that_does_not_arrive_is_a_fault_of_ours() {
    let reader = reader(4, Duration::from_millis(300));
    let (_held, silent) = tokio::io::duplex(8);
    assert!(matches!(
        reader.read(Kind::Text, 4, silent).await,
        Err(ReadError::File(_))
    ));
    assert!(matches!(
        reader.read(Kind::Text, 9, &b"text"[..]).await,
        Err(ReadError::File(_))
    ));
    assert!(matches!(
        reader.read(Kind::Text, 3, &b"text"[..]).await,
        Err(ReadError::File(_))
    ));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_fault_of_ours() {
    let mut settings = Settings::for_function(1 << 30);
    settings.program = "/nowhere/reader".into();
    let error = Reader::new(settings).read(Kind::Text, 4, &b"text"[..]).await;
    assert!(matches!(&error, Err(ReadError::Start { .. })), "{error:?}");
}

#[tokio::test]
async fn no_more_children_run_than_may() {
    let reader = reader(4, Duration::from_millis(300));
    let begun = tokio::time::Instant::now();
    let (one, two) = tokio::join!(
        reader.read(Kind::Text, 4, &b"text"[..]),
        reader.read(Kind::Text, 4, &b"text"[..])
    );
    assert!(one.is_err() && two.is_err());
    assert!(begun.elapsed() >= Duration::from_millis(600), "one after the other");
}
