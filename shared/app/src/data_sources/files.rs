//! The database files on the local disk. They are named by their content and never change, so a file that is there is
//! the right one.

use std::{
    fs::File,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use domain::{DataFile, DataSource, Error, Result};
use question_parser::Vocabulary;
use sha2::{Digest as _, Sha256};
use sql_engine::{Catalog, SAMPLE_VERSION, create_sample};
use tokio::{
    sync::{Mutex, OnceCell},
    task::spawn_blocking,
};

use super::not_ready;
use crate::{App, platform::cache::SizedCache};

/// Size of all catalogs in memory, in bytes of their JSON.
const CATALOGS: usize = 16 * 1024 * 1024;
/// Size of all vocabularies in memory, in bytes.
const VOCABULARIES: usize = 64 * 1024 * 1024;
/// Size of all files on the disk, of which a function has 512 MB.
const MAX_DISK_BYTES: u64 = 350 * 1024 * 1024;
/// How long a file is kept that is not used: the next environment of a function finds the disk of the one before.
const UNUSED: Duration = Duration::from_hours(2);
/// How long after its last use a file is not removed: longer than any query runs, also that of another process.
const IN_USE: Duration = Duration::from_mins(1);
/// Held by the process that changes which files there are.
const LOCK: &str = "lock";

/// Files on the disk, and what they contain.
pub(crate) struct DataFiles {
    catalogs: SizedCache<String, Arc<Catalog>>,
    /// What phrases mention of the tables of a schema, by its etag.
    pub(crate) vocabularies: SizedCache<String, Arc<Vocabulary>>,
    sample: OnceCell<(PathBuf, Arc<Catalog>)>,
    /// Where the files are that were fetched. It outlives the process, and other processes may use it.
    folder: OnceCell<PathBuf>,
    /// One at a time is fetched, so that the size of all is known.
    fetching: Mutex<()>,
}

impl Default for DataFiles {
    fn default() -> Self {
        Self {
            catalogs: SizedCache::with_bytes(CATALOGS),
            vocabularies: SizedCache::with_bytes(VOCABULARIES),
            sample: OnceCell::new(),
            folder: OnceCell::new(),
            fetching: Mutex::default(),
        }
    }
}

impl DataFiles {
    /// Returns the path of a file.
    async fn path(&self, name: String) -> Result<PathBuf> {
        let create = async || {
            let opened = spawn_blocking(|| {
                let folder = private_folder("parlance-data")?;
                sweep(&folder, now())?;
                Ok::<_, std::io::Error>(folder)
            });
            opened.await.map_err(Error::internal)?.map_err(Error::internal)
        };
        Ok(self.folder.get_or_try_init(create).await?.join(name))
    }

    /// Returns the sample store, which is created at its first use.
    async fn sample(&self) -> Result<&(PathBuf, Arc<Catalog>)> {
        let create = async || spawn_blocking(sample).await.map_err(Error::internal)?;
        self.sample.get_or_try_init(create).await
    }
}

impl App {
    /// Returns what a data source contains.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `data_source_not_ready`.
    pub(crate) async fn catalog_of(&self, source: &DataSource) -> Result<Arc<Catalog>> {
        if source.is_sample() {
            return Ok(self.data_files.sample().await?.1.clone());
        }
        let data = source.data.as_ref().ok_or_else(|| not_ready(source))?;
        let key = DataSource::catalog_key(&source.org, &source.id, &data.sha256);
        if let Some(known) = self.data_files.catalogs.get(&key) {
            return Ok(known);
        }
        // It was deleted since it was read.
        let bytes = self.objects.get(&key).await?.ok_or(super::NO_DATA_SOURCE)?;
        let catalog: Arc<Catalog> = Arc::new(serde_json::from_slice(&bytes).map_err(Error::internal)?);
        self.data_files.catalogs.note(key, catalog.clone(), bytes.len());
        Ok(catalog)
    }

    /// Returns the file of a data source on the local disk.
    ///
    /// # Errors
    /// Returns [`Error::Conflict`] `data_source_not_ready`.
    pub(crate) async fn file_of(&self, source: &DataSource) -> Result<PathBuf> {
        if source.is_sample() {
            return Ok(self.data_files.sample().await?.0.clone());
        }
        let data = source.data.as_ref().ok_or_else(|| not_ready(source))?;
        // The content of two organizations may be equal, and their files are not shared: who reads one may read it all.
        let name = format!("{}-{}.sqlite", source.id, data.sha256);
        let path = self.data_files.path(name).await?;
        if use_file(&path) {
            return Ok(path);
        }
        let _one = self.data_files.fetching.lock().await;
        if !use_file(&path) {
            self.fetch_database(source, data, &path).await?;
        }
        Ok(path)
    }

    async fn fetch_database(&self, source: &DataSource, data: &DataFile, path: &Path) -> Result<()> {
        let key = DataSource::data_key(&source.org, &source.id, &data.sha256);
        let bytes = self.objects.get(&key).await?.ok_or(super::NO_DATA_SOURCE)?;
        if hex::encode(Sha256::digest(&bytes)) != data.sha256 {
            return Err(Error::internal("a database file is not what its name says"));
        }
        let path = path.to_owned();
        let written = spawn_blocking(move || {
            let folder = path.parent().unwrap_or(Path::new("/tmp"));
            // Another process may do the same.
            let lock = File::create(folder.join(LOCK))?;
            lock.lock()?;
            if !make_room(folder, bytes.len() as u64, now())? {
                return Ok(false);
            }
            write_whole(&path, &bytes).map(|()| true)
        });
        let written: std::io::Result<bool> = written.await.map_err(Error::internal)?;
        if written.map_err(Error::internal)? {
            return Ok(());
        }
        Err(Error::unavailable("all database files on the disk are in use"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "files have the time of the machine, which tests cannot move"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Returns whether a file is there, and marks it as used.
fn use_file(path: &Path) -> bool {
    let Ok(file) = File::options().append(true).open(path) else {
        return false;
    };
    file.set_modified(now()).is_ok()
}

/// Returns a folder that only this user can read, and which outlives the process.
fn private_folder(name: &str) -> std::io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(name);
    match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    if !std::fs::symlink_metadata(&folder)?.is_dir() {
        return Err(std::io::ErrorKind::NotADirectory.into());
    }
    // This fails if someone else has created it.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// Creates the sample store, unless it is there, and returns what it contains.
fn sample() -> Result<(PathBuf, Arc<Catalog>)> {
    let folder = private_folder("parlance-sample").map_err(Error::internal)?;
    let file = folder.join(format!("sample-{SAMPLE_VERSION}.sqlite"));
    let described = folder.join(format!("sample-{SAMPLE_VERSION}.json"));
    // Written last, so the other one is there.
    if let Ok(bytes) = std::fs::read(&described)
        && file.exists()
        && let Ok(catalog) = serde_json::from_slice(&bytes)
    {
        return Ok((file, Arc::new(catalog)));
    }
    let own = tempfile::tempdir_in(&folder).map_err(Error::internal)?;
    let new = own.path().join("sample");
    let catalog = create_sample(&new).map_err(Error::internal)?;
    std::fs::rename(&new, &file).map_err(Error::internal)?;
    let bytes = serde_json::to_vec(&catalog).map_err(Error::internal)?;
    write_whole(&described, &bytes).map_err(Error::internal)?;
    Ok((file, Arc::new(catalog)))
}

/// Writes a file that others see whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/tmp"));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut new, bytes)?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// A file on the disk.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

impl Kept {
    fn was_used_within(&self, time: Duration, now: SystemTime) -> bool {
        now.duration_since(self.used).is_ok_and(|age| age < time) || self.used > now
    }
}

/// Returns the files of the folder, those first that were not used for longest.
fn kept(folder: &Path) -> std::io::Result<Vec<Kept>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Another process may have removed it.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() && entry.file_name() != LOCK {
            files.push(Kept {
                used: about.modified()?,
                bytes: about.len(),
                path: entry.path(),
            });
        }
    }
    files.sort();
    Ok(files)
}

/// Removes what was not used for long, and what a process left that ended while it wrote.
fn sweep(folder: &Path, now: SystemTime) -> std::io::Result<()> {
    for file in kept(folder)? {
        let is_database = file.path.extension().is_some_and(|extension| extension == "sqlite");
        let time = if is_database { UNUSED } else { IN_USE };
        if !file.was_used_within(time, now) {
            remove(&file.path)?;
        }
    }
    Ok(())
}

/// Removes the files that were not used for longest until one of this size has room. Returns whether it has.
fn make_room(folder: &Path, bytes: u64, now: SystemTime) -> std::io::Result<bool> {
    let files = kept(folder)?;
    let mut size: u64 = files.iter().map(|file| file.bytes).sum();
    for file in files {
        if size + bytes <= MAX_DISK_BYTES || file.was_used_within(IN_USE, now) {
            break;
        }
        remove(&file.path)?;
        size -= file.bytes;
    }
    Ok(size + bytes <= MAX_DISK_BYTES)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        // Another process was faster.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, bytes: u64, used: SystemTime) -> std::io::Result<()> {
        let file = File::create(folder.join(name))?;
        // A sparse file: it has a size, and takes no room.
        file.set_len(bytes)?;
        file.set_modified(used)
    }

    fn names(folder: &Path) -> Vec<String> {
        let files = kept(folder).unwrap_or_default();
        let name = |file: &Kept| file.path.file_name().map(|name| name.to_string_lossy().into_owned());
        files.iter().filter_map(name).collect()
    }

    #[test]
    fn what_is_old_is_swept_and_what_is_used_stays() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let now = now();
        let ago = |seconds: u64| now - Duration::from_secs(seconds);
        for (name, seconds) in [
            ("old.sqlite", 8_000),
            ("new.sqlite", 3_000),
            (".tmpA", 100),
            (".tmpB", 10),
        ] {
            file(folder.path(), name, 10, ago(seconds))?;
        }
        file(folder.path(), LOCK, 0, ago(9_000))?;
        sweep(folder.path(), now)?;
        assert_eq!(names(folder.path()), ["new.sqlite", ".tmpB"]);
        assert!(folder.path().join(LOCK).exists());
        Ok(())
    }

    #[test]
    fn the_disk_never_has_more_than_its_bound() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let now = now();
        let ago = |seconds: u64| now - Duration::from_secs(seconds);
        for (name, seconds) in [("a.sqlite", 300), ("b.sqlite", 200), ("c.sqlite", 5)] {
            file(folder.path(), name, 100 * 1024 * 1024, ago(seconds))?;
        }
        assert!(make_room(folder.path(), 40 * 1024 * 1024, now)?);
        assert_eq!(names(folder.path()).len(), 3);
        assert!(use_file(&folder.path().join("a.sqlite")) && !use_file(&folder.path().join("d.sqlite")));
        // `b` was not used for longest now.
        assert!(make_room(folder.path(), 120 * 1024 * 1024, now)?);
        assert_eq!(names(folder.path()), ["c.sqlite", "a.sqlite"]);
        // Both others are in use.
        assert!(!make_room(folder.path(), 200 * 1024 * 1024, now)?);
        assert_eq!(names(folder.path()).len(), 2);
        Ok(())
    }
}
