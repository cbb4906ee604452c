//! What is known of each secret, and the file it is kept in.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cloud::folder::not_writable;
use crate::cloud::{StartError, new_id};

/// A secret with its two latest versions, newest first.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deleted_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) versions: Vec<Version>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) binary: Option<String>,
}

impl Secret {
    pub(super) fn push(&mut self, version: Version) {
        self.versions.insert(0, version);
        self.versions.truncate(2);
    }
}

/// The staging label of a version that is this many versions old.
pub(super) fn stage(age: usize) -> &'static str {
    match age {
        0 => "AWSCURRENT",
        _ => "AWSPREVIOUS",
    }
}

/// All secrets: those of the file and those of this process's environment, which win.
pub(super) struct State {
    file: Option<PathBuf>,
    stored: BTreeMap<String, Secret>,
    seeded: BTreeMap<String, Secret>,
}

impl State {
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, StartError> {
        let stored = match &file {
            Some(file) => load(file)?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            file,
            stored,
            seeded: BTreeMap::new(),
        })
    }

    pub(super) fn seed(&mut self, name: String, text: String, now: i64) {
        let version = Version {
            id: new_id(),
            created_ms: now,
            text: Some(text),
            binary: None,
        };
        let secret = Secret {
            created_ms: now,
            versions: vec![version],
            ..Secret::default()
        };
        self.seeded.insert(name, secret);
    }

    pub(super) fn find(&self, name: &str) -> Option<&Secret> {
        self.seeded.get(name).or_else(|| self.stored.get(name))
    }

    pub(super) fn all(&self) -> BTreeMap<&str, &Secret> {
        let both = self.stored.iter().chain(&self.seeded);
        both.map(|(name, secret)| (name.as_str(), secret)).collect()
    }

    /// Puts another secret in place of this one, or none. A seeded one gives way until the next start.
    pub(super) fn replace(&mut self, name: &str, secret: Option<Secret>) -> io::Result<()> {
        let mut stored = self.stored.clone();
        match secret {
            Some(secret) => stored.insert(name.to_owned(), secret),
            None => stored.remove(name),
        };
        if let Some(file) = &self.file {
            write(file, &stored)?;
        }
        self.stored = stored;
        self.seeded.remove(name);
        Ok(())
    }
}

fn load(file: &Path) -> Result<BTreeMap<String, Secret>, StartError> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            // The error names a place in the file, never its content.
            let reason = format!("line {}, column {} is not as written", error.line(), error.column());
            StartError::Damaged {
                path: file.to_owned(),
                reason,
            }
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(not_writable(file)(error)),
    }
}

/// Writes a new file beside the old one and renames it, so that there is a whole one at any moment.
fn write(file: &Path, stored: &BTreeMap<String, Secret>) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut options = fs::File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut writer = options.open(&new)?;
    writer.write_all(&serde_json::to_vec_pretty(stored)?)?;
    writer.sync_all()?;
    fs::rename(&new, file)
}
