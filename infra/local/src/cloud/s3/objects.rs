//! Objects as files: where `s3s-fs` puts them, and moving them about without leaving anything behind.
//!
//! An object is a file `BUCKET/KEY` and two files of metadata beside the buckets. These functions take
//! microseconds and are called with [`Guarded`](super::guard::Guarded)'s lock held.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::cloud::FileError;

/// Where objects are written before they are moved into place. No bucket can have this name.
pub(super) const STAGING: &str = ".staging";

/// The longest file name on the file systems we care about, bytes.
const MAX_FILE_NAME: usize = 255;

/// The folder that `s3s-fs` works in.
#[derive(Debug, Clone)]
pub(in crate::cloud) struct Objects {
    root: PathBuf,
}

/// The two files of metadata: what the caller said, and what S3 computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sidecar {
    Metadata,
    Internal,
}

const SIDECARS: [Sidecar; 2] = [Sidecar::Metadata, Sidecar::Internal];

impl Sidecar {
    fn suffix(self) -> &'static str {
        match self {
            Self::Metadata => ".metadata.json",
            Self::Internal => ".internal.json",
        }
    }

    fn file_name(self, bucket: &str, key: &str) -> String {
        let (bucket, key) = (URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key));
        format!(".bucket-{bucket}.object-{key}{}", self.suffix())
    }
}

impl Objects {
    /// Opens the folder and removes what a process that was killed left half done.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let objects = Self { root: root.to_owned() };
        let staging = objects.bucket(STAGING);
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&staging)?,
        }
        objects.remove_stale_sidecars()?;
        Ok(objects)
    }

    pub(super) fn bucket(&self, bucket: &str) -> PathBuf {
        self.root.join(bucket)
    }

    pub(in crate::cloud) fn object(&self, bucket: &str, key: &str) -> PathBuf {
        self.bucket(bucket).join(key)
    }

    fn sidecar(&self, sidecar: Sidecar, bucket: &str, key: &str) -> PathBuf {
        self.root.join(sidecar.file_name(bucket, key))
    }

    /// Whether the file names of the object and of its metadata are short enough.
    pub(super) fn fits(bucket: &str, key: &str) -> bool {
        Sidecar::Metadata.file_name(bucket, key).len() <= MAX_FILE_NAME
    }

    /// The stored `ETag` of an object, without quotes.
    pub(super) fn e_tag(&self, bucket: &str, key: &str) -> Option<String> {
        let info = fs::read(self.sidecar(Sidecar::Internal, bucket, key)).ok()?;
        let info: serde_json::Value = serde_json::from_slice(&info).ok()?;
        info.get("e_tag")?.as_str().map(str::to_owned)
    }

    /// Moves a staged object into place, over an older one if there is one.
    ///
    /// The object goes first: should this process end in between, the older metadata is recognized by its age.
    pub(super) fn commit(&self, staged: &str, bucket: &str, key: &str) -> io::Result<()> {
        let target = self.object(bucket, key);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(in_file(parent))?;
        }
        fs::rename(self.object(STAGING, staged), &target).map_err(in_file(&target))?;
        for sidecar in SIDECARS {
            let (from, to) = (
                self.sidecar(sidecar, STAGING, staged),
                self.sidecar(sidecar, bucket, key),
            );
            match fs::rename(from, &to) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => remove(&to)?,
                moved => moved.map_err(in_file(&to))?,
            }
        }
        Ok(())
    }

    /// Removes an object with its metadata, and the folders that only its key made.
    pub(super) fn remove(&self, bucket: &str, key: &str) -> io::Result<()> {
        let object = self.object(bucket, key);
        if object.is_dir() {
            return Ok(());
        }
        remove(&object)?;
        for sidecar in SIDECARS {
            remove(&self.sidecar(sidecar, bucket, key))?;
        }
        let bucket = self.bucket(bucket);
        for folder in object.ancestors().skip(1).take_while(|folder| *folder != bucket) {
            if fs::remove_dir(folder).is_err() {
                break; // It holds another object.
            }
        }
        Ok(())
    }

    /// Whether `s3s-fs` has begun a multipart upload for this staged key and still has it.
    pub(super) fn has_upload(&self, staged: &str, upload_id: &str) -> bool {
        let (bucket, key) = (URL_SAFE_NO_PAD.encode(STAGING), URL_SAFE_NO_PAD.encode(staged));
        let name = format!(".bucket-{bucket}.object-{key}.upload-{upload_id}.metadata.json");
        self.root.join(name).is_file()
    }

    /// A write that was cut off between an object and its metadata leaves metadata that is older than the
    /// object; a removal, metadata without an object; a discarded upload, metadata of the staging area.
    fn remove_stale_sidecars(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let Some((bucket, key)) = addressed(&entry.file_name(), Sidecar::Internal) else {
                continue;
            };
            let written = entry.metadata()?.modified()?;
            let fresh = match fs::metadata(self.object(&bucket, &key)) {
                Ok(object) => object.is_file() && object.modified()? <= written,
                Err(_) => false,
            };
            if !fresh {
                for sidecar in SIDECARS {
                    remove(&self.sidecar(sidecar, &bucket, &key))?;
                }
            }
        }
        Ok(())
    }
}

/// The bucket and key that a file of metadata belongs to; none for any other file.
fn addressed(name: &OsStr, sidecar: Sidecar) -> Option<(String, String)> {
    let name = name
        .to_str()?
        .strip_prefix(".bucket-")?
        .strip_suffix(sidecar.suffix())?;
    let (bucket, key) = name.split_once(".object-")?;
    let decode = |text: &str| {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
    };
    Some((decode(bucket)?, decode(key)?))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if is_absent(&error) => Ok(()),
        removed => removed,
    }
}

/// A path below a file is as absent as one in a folder that does not exist.
/// An error of the same kind that names the file.
fn in_file(path: &Path) -> impl FnOnce(io::Error) -> io::Error {
    |error| io::Error::new(error.kind(), FileError::writing(path)(error))
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
