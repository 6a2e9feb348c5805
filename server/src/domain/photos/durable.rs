//! Group commit for files: what many uploads have written is made durable together, and only then
//! said to have been received.

use super::folder::failed;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{Progress, Store};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Files that wait; whoever comes then waits to wait.
const WAITING_MAX: usize = 1024;
/// From so many files on, one call that syncs the whole file system is cheaper than one for each.
const TOGETHER_MIN: usize = 3;

/// The way to the disk.
#[derive(Clone)]
pub(crate) struct Durable(mpsc::Sender<Waiting>);

struct Waiting {
    file: Arc<File>,
    folder: Option<Arc<File>>,
    progress: Option<Progress>,
    done: oneshot::Sender<Result<()>>,
}

impl Durable {
    /// Starts the task that syncs. It ends when all handles to it are gone.
    pub(crate) fn start(store: Store, clock: Clock, root: &Path) -> std::io::Result<Self> {
        let (waiting, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(receiver, store, clock, Arc::new(File::open(root)?)));
        Ok(Self(waiting))
    }

    /// Makes what was written to a file durable, then says how far its upload has come.
    pub(crate) async fn progress(&self, file: &Arc<File>, progress: Progress) -> Result<()> {
        self.wait(Arc::clone(file), None, Some(progress)).await
    }

    /// Makes a file durable, and that it is in a folder.
    pub(crate) async fn keep(&self, file: &Arc<File>, folder: &Path) -> Result<()> {
        let folder = File::open(folder).map_err(|error| failed(&error))?;
        self.wait(Arc::clone(file), Some(Arc::new(folder)), None).await
    }

    async fn wait(
        &self,
        file: Arc<File>,
        folder: Option<Arc<File>>,
        progress: Option<Progress>,
    ) -> Result<()> {
        let gone = || Error::Internal("nobody makes files durable any more".into());
        let (done, answer) = oneshot::channel();
        let waiting = Waiting { file, folder, progress, done };
        self.0.send(waiting).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn run(mut waiting: mpsc::Receiver<Waiting>, store: Store, clock: Clock, root: Arc<File>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, WAITING_MAX).await > 0 {
        let files: Vec<_> =
            batch.iter().map(|one| (Arc::clone(&one.file), one.folder.clone())).collect();
        let root = Arc::clone(&root);
        let synced = tokio::task::spawn_blocking(move || sync(&files, &root)).await;
        let moved: Vec<Progress> = batch.iter().filter_map(|one| one.progress).collect();
        let outcome = match synced {
            Ok(Ok(())) => publish(&store, &moved, clock.now_ms()).await.map_err(Error::from),
            Ok(Err(error)) => Err(failed(&error)),
            Err(error) => Err(Error::Internal(format!("syncing files: {error}"))),
        };
        metrics::histogram!("saolou_upload_sync_files")
            .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        for one in batch.drain(..) {
            drop(one.done.send(outcome.as_ref().copied().map_err(again)));
        }
    }
}

/// The same failure, for one more of those that waited.
fn again(error: &Error) -> Error {
    match (error, error.trouble()) {
        (Error::NoRoom, _) => Error::NoRoom,
        (_, Some(trouble)) => Error::Trouble(trouble),
        (other, None) => Error::Internal(other.to_string()),
    }
}

async fn publish(store: &Store, moved: &[Progress], now_ms: i64) -> crate::store::Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let mut tx = store.write().await?;
    tx.move_uploads(moved, now_ms).await?;
    tx.commit().await
}

type Written = (Arc<File>, Option<Arc<File>>);

fn sync(files: &[Written], root: &File) -> std::io::Result<()> {
    if files.len() >= TOGETHER_MIN && sync_all_of(root)? {
        return Ok(());
    }
    for (file, folder) in files {
        file.sync_data()?;
        if let Some(folder) = folder {
            folder.sync_all()?;
        }
    }
    Ok(())
}

/// Syncs the file system that a folder is on; `false` where the system has no such call.
#[cfg(target_os = "linux")]
fn sync_all_of(root: &File) -> std::io::Result<bool> {
    rustix::fs::syncfs(root)?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_all_of(_: &File) -> std::io::Result<bool> {
    Ok(false)
}
