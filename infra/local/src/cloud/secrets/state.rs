//! What is known of each secret, and the file it is kept in.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cloud::{FileError, StartError, new_id};

/// The label of the version that a request without a version gets.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was the current one before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// So many versions are kept; older ones go when they have no label and are a day old.
/// <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
const MAX_VERSIONS: usize = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A secret with its versions, newest first.
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
    /// Its staging labels; each is attached to one version of the secret at most.
    #[serde(default)]
    pub(super) stages: Vec<String>,
}

impl Secret {
    /// The version with this id.
    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that a staging label is attached to.
    pub(super) fn labelled(&self, stage: &str) -> Option<&Version> {
        let mut versions = self.versions.iter();
        versions.find(|version| version.stages.iter().any(|known| known == stage))
    }

    /// Adds a version with these labels, which leave the versions that had them. The first one is the current one,
    /// whatever its labels.
    pub(super) fn push(&mut self, version: Version, stages: &[String]) {
        let (id, now) = (version.id.clone(), version.created_ms);
        let is_first = self.versions.is_empty();
        self.versions.insert(0, version);
        for stage in stages {
            self.attach(stage, &id);
        }
        if is_first {
            self.attach(CURRENT, &id);
        }
        let is_kept = |version: &Version| !version.stages.is_empty() || now - version.created_ms < DAY_MS;
        while self.versions.len() > MAX_VERSIONS {
            let Some(oldest) = self.versions.iter().rposition(|version| !is_kept(version)) else {
                break;
            };
            self.versions.remove(oldest);
        }
    }

    /// Attaches a label to a version, and `AWSPREVIOUS` to the one that `AWSCURRENT` leaves.
    pub(super) fn attach(&mut self, stage: &str, id: &str) {
        let left = self.detach(stage).filter(|left| left != id);
        if let Some(version) = self.versions.iter_mut().find(|version| version.id == id) {
            version.stages.push(stage.to_owned());
        }
        if let Some(left) = left.filter(|_| stage == CURRENT) {
            self.attach(PREVIOUS, &left);
        }
    }

    /// Takes a label off the version that has it, whose id this is.
    pub(super) fn detach(&mut self, stage: &str) -> Option<String> {
        let mut versions = self.versions.iter_mut();
        versions.find_map(|version| {
            let at = version.stages.iter().position(|known| known == stage)?;
            version.stages.remove(at);
            Some(version.id.clone())
        })
    }

    /// Releases before this one wrote no labels: the newest version was the current one.
    fn label_by_age(&mut self) {
        if self.versions.iter().all(|version| version.stages.is_empty()) {
            for (version, stage) in self.versions.iter_mut().zip([CURRENT, PREVIOUS]) {
                version.stages.push(stage.to_owned());
            }
        }
    }
}

/// All secrets: those of the file and those of this process's environment, which take precedence until a value is put.
pub(super) struct State {
    file: Option<PathBuf>,
    stored: BTreeMap<String, Secret>,
    seeded: BTreeMap<String, Secret>,
}

impl State {
    pub(super) fn open(file: Option<PathBuf>) -> Result<Self, StartError> {
        let mut stored = match &file {
            Some(file) => load(file)?,
            None => BTreeMap::new(),
        };
        stored.values_mut().for_each(Secret::label_by_age);
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
            stages: Vec::new(),
        };
        let mut secret = Secret {
            created_ms: now,
            ..Secret::default()
        };
        secret.push(version, &[]);
        self.seeded.insert(name, secret);
    }

    pub(super) fn find(&self, name: &str) -> Option<&Secret> {
        self.seeded.get(name).or_else(|| self.stored.get(name))
    }

    /// What a change of a secret begins with. What the environment said is never written: a change begins with what is
    /// stored below it.
    pub(super) fn to_change(&self, name: &str) -> Option<Secret> {
        let below = || {
            let seeded = self.seeded.get(name)?;
            Some(Secret {
                created_ms: seeded.created_ms,
                ..Secret::default()
            })
        };
        self.stored.get(name).cloned().or_else(below)
    }

    pub(super) fn all(&self) -> BTreeMap<&str, &Secret> {
        let both = self.stored.iter().chain(&self.seeded);
        both.map(|(name, secret)| (name.as_str(), secret)).collect()
    }

    /// Replaces or removes a secret. A seeded one stays replaced until the next start.
    pub(super) fn replace(&mut self, name: &str, secret: Option<Secret>) -> Result<(), FileError> {
        let mut stored = self.stored.clone();
        match secret {
            Some(secret) => stored.insert(name.to_owned(), secret),
            None => stored.remove(name),
        };
        if let Some(file) = &self.file {
            write(file, &stored).map_err(FileError::writing(file))?;
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
        Err(error) => Err(FileError::reading(file)(error).into()),
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
