//! Folders that are done with. Their files are emptied, and deleted only when all is measured: ext4
//! looks with each new file whether the inode that it would take was a deleted file's a while ago, so that
//! whoever comes after a great clearing pays for it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use tempfile::TempDir;

/// Where folders wait for the end.
#[derive(Default)]
pub(crate) struct Attic(Mutex<Vec<TempDir>>);

impl Attic {
    /// Takes a folder, and lets the disk come to rest.
    pub(crate) fn take(&self, folder: TempDir) {
        empty(folder.path()).expect("files of our own");
        self.0.lock().expect("nobody panics with it").push(folder);
        rustix::fs::sync();
    }
}

fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() {
            empty(&path)?;
        } else if kind.is_file() {
            // Originals may not be written to.
            fs::set_permissions(&path, Permissions::from_mode(0o600))?;
            File::options().write(true).open(&path)?.set_len(0)?;
        }
    }
    Ok(())
}
