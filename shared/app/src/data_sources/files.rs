//! The database files on the local disk. They are named by their content and never change, so a file that is there is
//! the right one.

use std::{
    num::NonZeroUsize,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use domain::{DataFile, DataSource, Error, Result};
use sha2::{Digest as _, Sha256};
use sql_engine::{Catalog, SAMPLE_VERSION, create_sample};
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, OnceCell},
    task::spawn_blocking,
};

use super::not_ready;
use crate::{App, platform::cache::BoundedCache};

/// Number of catalogs in memory.
const CATALOGS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);
/// Size of all files on the disk, of which a function has 512 MB.
const MAX_DISK_BYTES: u64 = 350 * 1024 * 1024;

/// Files on the disk, and what they contain.
pub(crate) struct DataFiles {
    catalogs: BoundedCache<String, Arc<Catalog>>,
    sample: OnceCell<(PathBuf, Arc<Catalog>)>,
    /// Where the files are that were fetched. It is removed with the process.
    folder: OnceCell<TempDir>,
    /// One at a time is fetched, so that the size of all is known.
    fetching: Mutex<()>,
}

impl Default for DataFiles {
    fn default() -> Self {
        Self {
            catalogs: BoundedCache::with_capacity(CATALOGS),
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
            let created = spawn_blocking(tempfile::tempdir).await.map_err(Error::internal)?;
            created.map_err(Error::internal)
        };
        Ok(self.folder.get_or_try_init(create).await?.path().join(name))
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
        self.data_files.catalogs.note(key, catalog.clone());
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
        if path.exists() {
            return Ok(path);
        }
        let _one = self.data_files.fetching.lock().await;
        if !path.exists() {
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
            make_room(folder, bytes.len() as u64)?;
            write_whole(&path, &bytes)
        });
        written.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

/// Returns the folder of the sample store, which only this user can read, and which outlives the process.
fn folder_of_sample() -> Result<PathBuf> {
    let folder = std::env::temp_dir().join("parlance-sample");
    let made = || {
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        if !std::fs::symlink_metadata(&folder)?.is_dir() {
            return Err(std::io::ErrorKind::NotADirectory.into());
        }
        // This fails if someone else has created it.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
    };
    made().map_err(Error::internal)?;
    Ok(folder)
}

/// Creates the sample store, unless it is there, and returns what it contains.
fn sample() -> Result<(PathBuf, Arc<Catalog>)> {
    let folder = folder_of_sample()?;
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

/// Removes the oldest files until one of this size has room.
fn make_room(folder: &Path, bytes: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if about.is_file() {
            files.push((about.modified()?, about.len(), entry.path()));
        }
    }
    files.sort();
    let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
    for (_, bytes_of_file, path) in files {
        if size + bytes <= MAX_DISK_BYTES {
            return Ok(());
        }
        std::fs::remove_file(path)?;
        size -= bytes_of_file;
    }
    Ok(())
}
