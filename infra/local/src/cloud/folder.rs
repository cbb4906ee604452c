//! The data folder: its lock, and the version of its data.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use rusqlite::ErrorCode;

use super::{Data, StartError};

/// The version of the data this release writes. It changes when an older release could not read it.
pub(super) const VERSION: u32 = 1;

/// An opened data folder. It stays locked, or a temporary one exists, as long as this value lives.
pub(super) enum Folder {
    Kept { path: PathBuf, lock: Lock },
    Temporary(TempDir),
}

/// Excludes other processes while any clone of it lives. The system releases it when the process ends.
pub(super) type Lock = Arc<File>;

impl Folder {
    /// Creates, locks and checks the folder.
    pub(super) fn open(data: &Data) -> Result<Self, StartError> {
        match data {
            Data::Folder(path) => {
                let path = std::path::absolute(path).map_err(not_writable(path))?;
                create(&path).map_err(not_writable(&path))?;
                let lock = lock(&path)?;
                check_version(&path)?;
                Ok(Self::Kept { path, lock })
            }
            Data::Ephemeral => TempDir::with_prefix("parlance-")
                .map(Self::Temporary)
                .map_err(not_writable(&std::env::temp_dir())),
        }
    }

    /// Returns the path of a file in the folder; `None` if the data is in memory.
    pub(super) fn file(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Kept { path, .. } => Some(path.join(name)),
            Self::Temporary(_) => None,
        }
    }

    /// Returns the lock, for a thread that may have a file open a little longer than the folder is used.
    pub(super) fn lock(&self) -> Option<Lock> {
        match self {
            Self::Kept { lock, .. } => Some(Arc::clone(lock)),
            Self::Temporary(_) => None,
        }
    }

    /// Returns the folder of the objects, which is on disk in either case.
    pub(super) fn objects(&self) -> Result<PathBuf, StartError> {
        let path = match self {
            Self::Kept { path, .. } => path,
            Self::Temporary(folder) => folder.path(),
        };
        let objects = path.join("s3");
        create(&objects).map_err(not_writable(path))?;
        Ok(objects)
    }
}

/// Creates a folder that only its owner can enter, because it contains users' uploads.
fn create(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

fn lock(path: &Path) -> Result<Lock, StartError> {
    let mut options = File::options();
    let name = path.join("lock");
    let file = options.create(true).truncate(false).write(true).open(&name);
    let file = file.map_err(FileError::writing(&name))?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(FileError::writing(&name)(error).into()),
    }
}

fn check_version(path: &Path) -> Result<(), StartError> {
    let file = path.join("version");
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse() {
            Ok(found) if found > VERSION => Err(StartError::Newer {
                path: path.to_owned(),
                found,
            }),
            Ok(_) => Ok(()),
            Err(_) => Err(StartError::Damaged {
                path: file,
                reason: "it does not hold a version number".into(),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(fs::write(&file, format!("{VERSION}\n")).map_err(FileError::writing(&file))?)
        }
        Err(error) => Err(FileError::reading(&file)(error).into()),
    }
}

/// A file of the data folder that could not be read or written, with the reason and a remedy.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}{}", path.display(), advice(source.kind()))]
pub struct FileError {
    path: PathBuf,
    doing: &'static str,
    source: io::Error,
}

impl FileError {
    /// Reading this file failed.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::doing(path, "read")
    }

    /// Writing this file failed.
    pub(crate) fn writing(path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::doing(path, "write")
    }

    fn doing(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { path, doing, source }
    }
}

fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ". Free some space there, then try again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ". It has to belong to the user who runs this, and to be writable"
        }
        _ => "",
    }
}

/// Returns the error for a database that could not be opened.
pub(super) fn not_opened(path: Option<&Path>, error: &rusqlite::Error) -> StartError {
    let path = path.unwrap_or_else(|| Path::new("the database in memory"));
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Some(io::ErrorKind::StorageFull),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Some(io::ErrorKind::PermissionDenied)
        }
        _ => None,
    };
    match kind {
        Some(kind) => FileError::writing(path)(io::Error::new(kind, error.to_string())).into(),
        None => StartError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    }
}

pub(super) fn not_writable(path: &Path) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::NotWritable {
        path: path.to_owned(),
        source,
    }
}
