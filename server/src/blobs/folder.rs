//! A folder of originals: `sha256/<first two digits>/<all digits>`, read-only, never overwritten.
//!
//! A file gets its name last, by a link, and the folder is synced before anybody hears of it: under
//! a name there are its bytes or nothing. What turns out damaged is set aside, never deleted.

use super::{Failure, Found, Mark, Original, Place, Result};
use saolou_protocol::canonical::Hash;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Most files on a page of [`Folder::list`].
const PAGE_MAX: usize = 1000;

/// A folder of originals.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    top: PathBuf,
}

impl Folder {
    /// A folder that exists or will.
    pub(crate) fn new(top: &Path) -> Self {
        Self { top: top.to_owned() }
    }

    /// Its name in rows: no path, which says nothing on another machine.
    pub(crate) fn name(&self) -> String {
        let name = self.top.file_name().unwrap_or_default();
        format!("folder:{}", name.to_string_lossy())
    }

    /// Where it is.
    pub(crate) fn top(&self) -> &Path {
        &self.top
    }

    /// The place of an original.
    pub(crate) fn place(hash: Hash) -> Place {
        let name = hash.to_string();
        let key = format!("sha256/{}/{name}", &name[..2]);
        Place { bucket: String::new(), key, version: String::new() }
    }

    /// The file of a place.
    pub(crate) fn file(&self, place: &Place) -> PathBuf {
        self.top.join(&place.key)
    }

    /// Copies an original into the folder. Good bytes that are there already stay; bad ones are set
    /// aside.
    pub(crate) async fn put(&self, original: &Original<'_>) -> Result<Place> {
        let (folder, hash, from) = (self.clone(), original.hash, original.file.to_owned());
        let place = Self::place(hash);
        if from == self.file(&place) {
            return Ok(place);
        }
        in_background(move || {
            if matches!(digest(&folder.file(&Self::place(hash))), Ok((found, _)) if found == hash) {
                return Ok(Self::place(hash));
            }
            let part = folder.part(hash)?;
            let copied = copy(&from, &part).and_then(|_| folder.keep_part(&part, hash));
            drop(fs::remove_file(&part));
            copied
        })
        .await
    }

    /// Gives a file its place in the folder; the file's own name goes. The caller has seen that its
    /// bytes have this hash and are on the disk.
    pub(crate) async fn keep(&self, part: PathBuf, hash: Hash) -> Result<Place> {
        let folder = self.clone();
        in_background(move || {
            let kept = folder.keep_part(&part, hash)?;
            fs::remove_file(&part)?;
            Ok(kept)
        })
        .await
    }

    /// A name for a file that is still being written.
    pub(crate) fn part(&self, hash: Hash) -> Result<PathBuf> {
        let incoming = self.top.join("incoming");
        fs::create_dir_all(&incoming)?;
        Ok(incoming.join(format!("{hash}.{:016x}", rand::random::<u64>())))
    }

    fn keep_part(&self, part: &Path, hash: Hash) -> Result<Place> {
        let place = Self::place(hash);
        let file = self.file(&place);
        let within = file.parent().expect("a place lies two folders below the top");
        make_folders(&self.top, within)?;
        let mut permissions = fs::metadata(part)?.permissions();
        permissions.set_readonly(true);
        fs::set_permissions(part, permissions)?;
        match fs::hard_link(part, &file) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if digest(&file)?.0 != hash {
                    self.set_aside(&file, hash)?;
                    fs::hard_link(part, &file)?;
                }
            }
            other => other?,
        }
        File::open(within)?.sync_all()?;
        Ok(place)
    }

    /// Moves a damaged file out of the way, for whoever wants to look at it.
    fn set_aside(&self, file: &Path, hash: Hash) -> Result<()> {
        let damaged = self.top.join("damaged");
        make_folders(&self.top, &damaged)?;
        let aside = damaged.join(format!("{hash}.{:016x}", rand::random::<u64>()));
        fs::rename(file, aside)?;
        Ok(File::open(damaged)?.sync_all()?)
    }

    /// Reads a file to its end.
    pub(crate) async fn read(&self, place: &Place) -> Result<(Hash, i64)> {
        let file = self.file(place);
        in_background(move || digest(&file)).await
    }

    /// Reads a file to its end, into another one.
    pub(crate) async fn fetch(&self, place: &Place, to: PathBuf) -> Result<(Hash, i64)> {
        let file = self.file(place);
        in_background(move || copy(&file, &to)).await
    }

    /// The first bytes of a file.
    pub(crate) async fn head(&self, place: &Place) -> Result<Vec<u8>> {
        let file = self.file(place);
        in_background(move || {
            let mut head = Vec::with_capacity(16);
            open(&file)?.take(16).read_to_end(&mut head)?;
            Ok(head)
        })
        .await
    }

    /// Removes a file.
    pub(crate) async fn remove(&self, place: &Place) -> Result<()> {
        let file = self.file(place);
        in_background(move || match fs::remove_file(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(File::open(file.parent().unwrap_or(&file))?.sync_all()?),
        })
        .await
    }

    /// The files in order of their hashes, in pages.
    pub(crate) async fn list(&self, after: Option<Mark>) -> Result<(Vec<Found>, Option<Mark>)> {
        let folder = self.clone();
        in_background(move || folder.page(after.as_ref())).await
    }

    fn page(&self, after: Option<&Mark>) -> Result<(Vec<Found>, Option<Mark>)> {
        let top = self.top.join("sha256");
        let after = after.map_or("", |mark| mark.key.as_str());
        let mut found = Vec::new();
        for within in names(&top)? {
            // Folders before the one of the mark were on earlier pages.
            if within.as_str() < after.get(..2).unwrap_or_default() {
                continue;
            }
            for name in names(&top.join(&within))? {
                let Some(hash) = Hash::parse(&name).filter(|_| name.as_str() > after) else {
                    continue;
                };
                if found.len() == PAGE_MAX {
                    let last: Option<&Found> = found.last();
                    let key = last.map(|last| last.hash.to_string()).unwrap_or_default();
                    return Ok((found, Some(Mark { key, version: None })));
                }
                let place = Self::place(hash);
                let bytes = fs::metadata(self.file(&place))?.len();
                found.push(Found { hash, place, bytes: i64::try_from(bytes).unwrap_or(i64::MAX) });
            }
        }
        Ok((found, None))
    }
}

/// The names in a folder, sorted; none where it does not exist.
fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Makes a folder below the top, and syncs what lists it.
fn make_folders(top: &Path, folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for above in folder.ancestors().skip(1).take_while(|above| above.starts_with(top)) {
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

fn open(file: &Path) -> Result<File> {
    File::open(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::Missing,
        _ => Failure::Disk(error),
    })
}

/// The hash of a file, and its length.
fn digest(file: &Path) -> Result<(Hash, i64)> {
    read_all(open(file)?, |_| Ok(()))
}

/// Copies a file to a new one, which is on the disk then.
fn copy(from: &Path, to: &Path) -> Result<(Hash, i64)> {
    let source = open(from)?;
    let mut target = File::create_new(to)?;
    let read = read_all(source, |chunk| target.write_all(chunk))?;
    target.sync_all()?;
    Ok(read)
}

fn read_all(
    mut source: File,
    mut each: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> Result<(Hash, i64)> {
    let (mut chunk, mut hasher, mut bytes) = (vec![0; CHUNK_BYTES], Sha256::new(), 0);
    loop {
        let read = match source.read(&mut chunk) {
            Ok(0) => return Ok((Hash(hasher.finalize().into()), bytes)),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        };
        hasher.update(&chunk[..read]);
        each(&chunk[..read])?;
        bytes += i64::try_from(read).unwrap_or(i64::MAX);
    }
}

/// Runs what waits for a disk where it holds nobody up.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Failure::Disk(std::io::Error::other(error))),
    }
}

#[cfg(test)]
mod tests;
