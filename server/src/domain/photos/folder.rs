//! The folder of photos: what is on its way, what has arrived, what is not what it said it was.
//!
//! A photo that has arrived lies under the hash of its content, read-only, and is never written
//! again; it gets there by a link, so that it is there whole or not at all.

use crate::error::{Error, Result};
use crate::store::Trouble;
use bytes::Bytes;
use saolou_protocol::canonical::Hash;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// What must stay free on the disk beside what is uploaded, in bytes.
const SPARE_BYTES: u64 = 256 * 1024 * 1024;
/// How many bytes are read at once to hash a file.
const READ_BYTES: usize = 128 * 1024;

/// Where the files of requests are that bring a whole photo or nothing.
const ONCE: &str = "once";

/// Where photos are.
#[derive(Clone)]
pub(crate) struct Folder(Arc<Path>);

/// The file of an upload.
#[derive(Clone)]
pub(crate) struct Part {
    file: Arc<File>,
    name: Name,
}

/// By what a file can be found.
#[derive(Clone)]
enum Name {
    Path(Arc<Path>),
    /// By whoever has it open alone: when it is closed it is gone, unless it was put at its place. The
    /// path is one that it may take on the way.
    #[cfg(target_os = "linux")]
    None(Arc<Path>),
}

/// Where a file was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    InFolder,
    /// Which was made for it.
    InNewFolder,
}

/// What a file holds.
pub(crate) struct Content {
    pub(crate) sha256: Hash,
    pub(crate) bytes: i64,
    pub(crate) media_type: Cow<'static, str>,
}

impl Folder {
    /// Makes the folders where they are missing.
    pub(crate) fn prepare(root: &Path) -> std::io::Result<Self> {
        // Of these no upload says anything: whoever sent them begins again.
        match std::fs::remove_dir_all(root.join(ONCE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for name in ["incoming", ONCE, "sha256", "mismatched"] {
            std::fs::create_dir_all(root.join(name))?;
        }
        Ok(Self(root.into()))
    }

    /// Where a photo with this content is, once it has arrived.
    pub(crate) fn place(&self, sha256: Hash) -> PathBuf {
        let name = sha256.to_string();
        self.0.join("sha256").join(&name[..2]).join(name)
    }

    /// Where bytes are kept that are not what they were said to be.
    pub(crate) fn place_of_mismatch(&self, sha256: Hash) -> PathBuf {
        self.0.join("mismatched").join(sha256.to_string())
    }

    /// Which of these originals, by hash and length, do not lie at their place with that length. Only
    /// looks at the names: whether the bytes are good, a scrub finds out.
    pub(crate) async fn lacking(&self, originals: Vec<(Hash, i64)>) -> Result<Vec<Hash>> {
        let folder = self.clone();
        blocking(move || {
            let mut lacking = Vec::new();
            for (sha256, bytes) in originals {
                match std::fs::metadata(folder.place(sha256)) {
                    Ok(file) if i64::try_from(file.len()) == Ok(bytes) => {}
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => lacking.push(sha256),
                }
            }
            Ok(lacking)
        })
        .await
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    fn incoming(&self, upload: Uuid) -> PathBuf {
        self.0.join("incoming").join(upload.to_string())
    }

    /// Opens the file of an upload and cuts off what was never acknowledged. `None` where bytes that
    /// were acknowledged are not here: then another server has them, or somebody took them away.
    pub(crate) async fn part(&self, upload: Uuid, received: i64) -> Result<Option<Part>> {
        let path = self.incoming(upload);
        blocking(move || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(received == 0);
            let file = match options.open(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                // It was kept, which is not yet known of the upload.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => own_copy(&path)?,
                opened => opened?,
            };
            let received = u64::try_from(received).unwrap_or(0);
            let len = file.metadata()?.len();
            if len < received {
                return Ok(None);
            }
            let file = if is_kept(&file)? { own_copy(&path)? } else { file };
            if len > received {
                file.set_len(received)?;
            }
            Ok(Some(Part { file: Arc::new(file), name: Name::Path(path.into()) }))
        })
        .await
    }

    /// Makes a file for a request that brings a whole photo or nothing.
    pub(crate) async fn once(&self, request: Uuid) -> Result<Part> {
        let path = self.0.join(ONCE).join(request.to_string());
        blocking(move || made_once(path.into())).await
    }

    /// The same for a photo that is here already: writes it, and reads again what was written.
    pub(crate) async fn written(
        &self,
        request: Uuid,
        chunks: Vec<Bytes>,
    ) -> Result<(Part, Content)> {
        let path = self.0.join(ONCE).join(request.to_string());
        blocking(move || {
            let part = made_once(path.into())?;
            for chunk in chunks {
                (&*part.file).write_all(&chunk)?;
            }
            let content = content_of(&part.file)?;
            Ok((part, content))
        })
        .await
    }

    /// Removes the file of an upload that has ended.
    pub(crate) async fn remove_part(&self, upload: Uuid) {
        drop(tokio::fs::remove_file(self.incoming(upload)).await);
    }

    pub(crate) async fn remove_mismatch(&self, sha256: Hash) {
        drop(tokio::fs::remove_file(self.place_of_mismatch(sha256)).await);
    }

    /// Whether that many bytes more still leave room.
    pub(crate) fn require_room(&self, bytes: u64) -> Result<()> {
        let Ok(disk) = rustix::fs::statvfs(&*self.0) else { return Ok(()) };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free >= SPARE_BYTES.saturating_add(bytes) { Ok(()) } else { Err(Error::NoRoom) }
    }
}

impl Part {
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Removes the file; what was kept of it stays at its place.
    pub(crate) async fn remove(&self) {
        match &self.name {
            Name::Path(path) => drop(tokio::fs::remove_file(path).await),
            #[cfg(target_os = "linux")]
            Name::None(_) => {}
        }
    }

    /// Takes back everything after some length.
    pub(crate) async fn cut(&self, bytes: i64) -> Result<()> {
        let file = Arc::clone(&self.file);
        blocking(move || file.set_len(u64::try_from(bytes).unwrap_or(0))).await
    }

    /// Appends the content of other files, in order.
    pub(crate) async fn join(&self, others: Vec<Self>) -> Result<()> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            let mut whole = &*file;
            file.set_len(0)?;
            whole.seek(SeekFrom::Start(0))?;
            for other in others {
                let mut part = &*other.file;
                part.seek(SeekFrom::Start(0))?;
                std::io::copy(&mut part, &mut whole)?;
            }
            Ok(())
        })
        .await
    }

    /// Reads the file again from its beginning: what counts is what was written, not what was sent.
    pub(crate) async fn content(&self) -> Result<Content> {
        let file = Arc::clone(&self.file);
        blocking(move || content_of(&file)).await
    }

    /// Links the file to its place. What is there already is trusted only when it has the content
    /// that its name says; a copy that a disk or a crash has spoilt is replaced by the good one.
    pub(super) fn put(&self, place: &Path, sha256: Hash) -> std::io::Result<Put> {
        let folder = place.parent().expect("a photo's place lies in a folder");
        match self.link(place) {
            Ok(()) => Ok(Put::InFolder),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                std::fs::create_dir_all(folder)?;
                self.link(place).map(|()| Put::InNewFolder)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if content_of(&File::open(place)?)?.sha256 != sha256 {
                    tracing::error!(%sha256, "a kept photo was spoilt, and is replaced by a good copy");
                    self.put_over(place)?;
                }
                Ok(Put::InFolder)
            }
            Err(error) => Err(error),
        }
    }

    fn link(&self, place: &Path) -> std::io::Result<()> {
        match &self.name {
            Name::Path(path) => {
                self.file.set_permissions(read_only())?;
                std::fs::hard_link(path, place)
            }
            #[cfg(target_os = "linux")]
            Name::None(_) => link_open(&self.file, place),
        }
    }

    fn put_over(&self, place: &Path) -> std::io::Result<()> {
        match &self.name {
            Name::Path(path) => std::fs::rename(path, place),
            #[cfg(target_os = "linux")]
            Name::None(path) => {
                link_open(&self.file, path)?;
                std::fs::rename(path, place)
            }
        }
    }
}

/// Makes a file for one request: without a name where the file system can do that, which saves the disk
/// a name that is given and taken away again.
#[cfg(target_os = "linux")]
fn made_once(path: Arc<Path>) -> std::io::Result<Part> {
    use rustix::fs::{Mode, OFlags};
    let folder = path.parent().expect("a file of a request lies in a folder");
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    if !has_open_files() {
        return named_once(path);
    }
    // Read-only for whoever opens it later.
    match rustix::fs::open(folder, flags, Mode::RUSR | Mode::RGRP | Mode::ROTH) {
        Ok(file) => Ok(Part { file: Arc::new(file.into()), name: Name::None(path) }),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::INVAL) => {
            named_once(path)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the system shows the files that are open, by which they get a name.
#[cfg(target_os = "linux")]
fn has_open_files() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| Path::new("/proc/self/fd").exists())
}

#[cfg(not(target_os = "linux"))]
fn made_once(path: Arc<Path>) -> std::io::Result<Part> {
    named_once(path)
}

fn named_once(path: Arc<Path>) -> std::io::Result<Part> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(&path)?;
    Ok(Part { file: Arc::new(file), name: Name::Path(path) })
}

/// Gives a name to a file that has none (`open(2)`, `O_TMPFILE`).
#[cfg(target_os = "linux")]
fn link_open(file: &File, place: &Path) -> std::io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    use std::os::fd::AsRawFd as _;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, open, CWD, place, AtFlags::SYMLINK_FOLLOW)?)
}

/// Whether a file is at its place already: somebody's photo may stand on it, so nobody writes to it.
fn is_kept(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink() > 1)
}

/// Puts a copy that may be written where a kept file is.
fn own_copy(path: &Path) -> std::io::Result<File> {
    let copy = path.with_extension("copy");
    drop(std::fs::remove_file(&copy));
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(&copy)?;
    std::io::copy(&mut File::open(path)?, &mut file)?;
    std::fs::rename(&copy, path)?;
    Ok(file)
}

fn read_only() -> Permissions {
    use std::os::unix::fs::PermissionsExt;
    Permissions::from_mode(0o444)
}

fn content_of(mut file: &File) -> std::io::Result<Content> {
    file.seek(SeekFrom::Start(0))?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0_i64);
    let (mut buffer, mut first) = (vec![0; READ_BYTES], Vec::new());
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if first.is_empty() {
            first.extend_from_slice(&buffer[..read.min(32)]);
        }
        hasher.update(&buffer[..read]);
        bytes += i64::try_from(read).unwrap_or(0);
    }
    let sha256 = Hash(hasher.finalize().into());
    Ok(Content { sha256, bytes, media_type: media_type(&first).into() })
}

/// The type of a picture by its first bytes; what a phone says of it is not believed.
fn media_type(first: &[u8]) -> &'static str {
    let brand = first.get(4..12);
    match first {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'%', b'P', b'D', b'F', ..] => "application/pdf",
        _ if brand.is_some_and(|brand| {
            brand.starts_with(b"ftyp")
                && matches!(&brand[4..], b"heic" | b"heix" | b"mif1" | b"msf1")
        }) =>
        {
            "image/heic"
        }
        _ => "application/octet-stream",
    }
}

/// Runs what waits for the disk where it holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Error::Internal(format!("storing a photo: {error}")))?;
    done.map_err(|error| failed(&error))
}

pub(crate) fn failed(error: &std::io::Error) -> Error {
    match Trouble::of_file(error) {
        Some(Trouble::StorageFull) => Error::NoRoom,
        Some(trouble) => Error::Trouble(trouble),
        None => Error::Internal(format!("storing a photo: {error}")),
    }
}
