//! Where originals lie: a folder, or a bucket of an S3-compatible store.
//!
//! Both are addressed by content, so that a name says what bytes must be behind it, and both are
//! written once. What differs is who keeps them from being changed: a bucket with Object Lock may
//! enforce it, which [`probe`] finds out by trying; a folder is open to whoever owns the disk, and
//! says so (`mode: none`). No claim of a store is passed on: what was written is read back and
//! hashed by whoever wrote it.

pub(crate) mod folder;
pub(crate) mod probe;
pub(crate) mod s3;

pub(crate) use folder::Folder;
pub(crate) use s3::S3;

use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A store of originals.
#[derive(Clone, Debug)]
pub(crate) enum Blobs {
    /// A folder on a disk.
    Folder(Folder),
    /// A bucket.
    S3(S3),
}

/// Where one copy of an original lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The bucket; empty in a folder.
    pub(crate) bucket: String,
    /// The key in the bucket, or the path below the folder.
    pub(crate) key: String,
    /// Which version of the key; empty where the store keeps one only.
    pub(crate) version: String,
}

/// How a store promises to keep a copy from being removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Not at all.
    None,
    /// Until a date, against all but those with a special right.
    Governance,
    /// Until a date, against everybody.
    Compliance,
}

/// What a store says of the lock on a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lock {
    pub(crate) mode: Mode,
    /// Not to be removed before; milliseconds since 1970.
    pub(crate) until_ms: Option<Millis>,
    /// A legal hold: not to be removed as long as it is on.
    pub(crate) hold: bool,
}

/// An original that goes into a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Original<'a> {
    pub(crate) hash: Hash,
    /// Where its bytes are now; the caller has seen that they have this hash.
    pub(crate) file: &'a Path,
    /// What kind of file it is.
    pub(crate) media: &'static str,
    /// One of the photos that have these bytes.
    pub(crate) photo: Option<Uuid>,
    /// How it is to be kept, and until when; `None` where the store takes no lock.
    pub(crate) lock: Option<(Mode, Millis)>,
}

/// A copy that a listing shows. Its name says what it should be; its bytes say what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) hash: Hash,
    pub(crate) place: Place,
    pub(crate) bytes: i64,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It cannot be reached, or has too much to do: the same may succeed later.
    #[error("the store is down: {0}")]
    Down(String),
    /// It answered, and will not.
    #[error("the store refuses: {0}")]
    Refused(String),
    /// There is nothing in this place.
    #[error("nothing is there")]
    Missing,
    /// Something is in this place already.
    #[error("something is there already")]
    Exists,
    /// The disk of this machine failed.
    #[error("disk: {0}")]
    Disk(#[from] std::io::Error),
}

impl Failure {
    /// Whether the store says that it does not know this kind of request.
    fn is_not_implemented(&self) -> bool {
        matches!(self, Self::Refused(code) if code.starts_with("NotImplemented"))
    }
}

/// What a store gives.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Blobs {
    /// A short name for logs and rows: which store it is, without its secrets.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.name(),
            Self::S3(s3) => s3.name(),
        }
    }

    /// Puts an original, unless its bytes are there already. Gives where they are; whether they
    /// really are is for [`Blobs::read`] to say.
    pub(crate) async fn put(&self, original: &Original<'_>) -> Result<Place> {
        match self {
            Self::Folder(folder) => folder.put(original).await,
            Self::S3(s3) => s3.put(original).await,
        }
    }

    /// Reads a copy from its place to the end. Gives the hash of what was read and how much it was.
    pub(crate) async fn read(&self, place: &Place) -> Result<(Hash, i64)> {
        match self {
            Self::Folder(folder) => folder.read(place).await,
            Self::S3(s3) => s3.read(place, None).await,
        }
    }

    /// Like [`Blobs::read`], into a new file as well, which is on the disk then.
    pub(crate) async fn fetch(&self, place: &Place, to: PathBuf) -> Result<(Hash, i64)> {
        match self {
            Self::Folder(folder) => folder.fetch(place, to).await,
            Self::S3(s3) => s3.read(place, Some(&to)).await,
        }
    }

    /// How a copy is locked, as the store tells it.
    pub(crate) async fn lock(&self, place: &Place) -> Result<Lock> {
        match self {
            Self::Folder(_) => Ok(Lock { mode: Mode::None, until_ms: None, hold: false }),
            Self::S3(s3) => s3.lock(place).await,
        }
    }

    /// Keeps a copy longer. The caller has seen that it is longer.
    pub(crate) async fn extend(&self, place: &Place, mode: Mode, until_ms: Millis) -> Result<()> {
        match self {
            Self::Folder(_) => Err(Failure::Refused("a folder locks nothing".into())),
            Self::S3(s3) => s3.retain(place, Some((mode, until_ms)), false).await,
        }
    }

    /// Puts a copy under legal hold, or frees it.
    pub(crate) async fn hold(&self, place: &Place, on: bool) -> Result<()> {
        match self {
            Self::Folder(_) => Err(Failure::Refused("a folder locks nothing".into())),
            Self::S3(s3) => s3.hold(place, on).await,
        }
    }

    /// Removes a copy for good. Only for what two persons decided to remove.
    pub(crate) async fn remove(&self, place: &Place) -> Result<()> {
        match self {
            Self::Folder(folder) => folder.remove(place).await,
            Self::S3(s3) => s3.remove(place).await,
        }
    }

    /// All originals, in pages: what lies behind a mark of the previous page, and the next mark.
    pub(crate) async fn list(&self, after: Option<Mark>) -> Result<(Vec<Found>, Option<Mark>)> {
        match self {
            Self::Folder(folder) => folder.list(after).await,
            Self::S3(s3) => s3.list(after).await,
        }
    }
}

/// How far a listing has come: a key, and a version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) key: String,
    pub(crate) version: Option<String>,
}

impl Mode {
    /// Its name in rows, events and settings.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Governance => "governance",
            Self::Compliance => "compliance",
        }
    }

    /// Reads its name; what is unknown locks nothing.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "governance" => Self::Governance,
            "compliance" => Self::Compliance,
            _ => Self::None,
        }
    }
}

/// The media type of a picture by its first bytes, the same for the same bytes forever.
pub(crate) fn media_type(head: &[u8]) -> &'static str {
    match head {
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => "image/heic",
        _ => "application/octet-stream",
    }
}
