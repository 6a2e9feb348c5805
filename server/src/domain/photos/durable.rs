//! Group commit for files: what many uploads have written is put at its place and made durable
//! together, and only then said to have been received.

use super::folder::{Part, Put, failed};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{Progress, Store};
use saolou_protocol::canonical::Hash;
use std::fs::File;
use std::path::{Path, PathBuf};
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
    what: What,
    done: oneshot::Sender<Result<()>>,
}

/// What is to be durable.
enum What {
    /// What was written to a file; then its upload is said to have come so far.
    Written(Arc<File>, Progress),
    /// A file, at the place of its content.
    Kept(Part, PathBuf, Hash),
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
        self.wait(What::Written(Arc::clone(file), progress)).await
    }

    /// Puts a file at the place of its content, and makes it durable that it is there.
    pub(crate) async fn keep(&self, part: &Part, place: PathBuf, sha256: Hash) -> Result<()> {
        self.wait(What::Kept(part.clone(), place, sha256)).await
    }

    async fn wait(&self, what: What) -> Result<()> {
        let gone = || Error::Internal("nobody makes files durable any more".into());
        let (done, answer) = oneshot::channel();
        self.0.send(Waiting { what, done }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn run(mut waiting: mpsc::Receiver<Waiting>, store: Store, clock: Clock, root: Arc<File>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, WAITING_MAX).await > 0 {
        metrics::histogram!("saolou_upload_sync_files")
            .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let (whats, waits): (Vec<What>, Vec<_>) =
            batch.drain(..).map(|Waiting { what, done }| (what, done)).unzip();
        let moved: Vec<Progress> = whats.iter().filter_map(What::progress).collect();
        let root = Arc::clone(&root);
        let synced = tokio::task::spawn_blocking(move || sync(&whats, &root)).await;
        let outcomes = match synced {
            Ok(Ok(placed)) => match publish(&store, &moved, clock.now_ms()).await {
                Ok(()) => placed.into_iter().map(|at| at.map_err(|error| failed(&error))).collect(),
                Err(error) => for_all(&error.into(), waits.len()),
            },
            Ok(Err(error)) => for_all(&failed(&error), waits.len()),
            Err(error) => for_all(&Error::Internal(format!("syncing files: {error}")), waits.len()),
        };
        for (done, outcome) in waits.into_iter().zip(outcomes) {
            drop(done.send(outcome));
        }
    }
}

fn for_all(error: &Error, many: usize) -> Vec<Result<()>> {
    (0..many).map(|_| Err(error.again())).collect()
}

async fn publish(store: &Store, moved: &[Progress], now_ms: i64) -> crate::store::Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let mut tx = store.write().await?;
    tx.move_uploads(moved, now_ms).await?;
    tx.commit().await
}

impl What {
    fn progress(&self) -> Option<Progress> {
        match self {
            Self::Written(_, progress) => Some(*progress),
            Self::Kept(..) => None,
        }
    }

    fn put(&self) -> std::io::Result<Put> {
        match self {
            Self::Written(..) => Ok(Put::InFolder),
            Self::Kept(part, place, sha256) => part.put(place, *sha256),
        }
    }

    fn sync(&self, put: Put) -> std::io::Result<()> {
        match self {
            Self::Written(file, _) => file.sync_data(),
            Self::Kept(_, place, _) => {
                // Whichever lies there: it may be another upload's, of the same bytes.
                File::open(place)?.sync_data()?;
                let folder = place.parent().expect("a photo's place lies in a folder");
                File::open(folder)?.sync_all()?;
                match put {
                    Put::InFolder => Ok(()),
                    Put::InNewFolder => File::open(folder.parent().unwrap_or(folder))?.sync_all(),
                }
            }
        }
    }
}

/// Puts files at their places and syncs them all; gives which of them could be put.
fn sync(whats: &[What], root: &File) -> std::io::Result<Vec<std::io::Result<()>>> {
    let placed: Vec<std::io::Result<Put>> = whats.iter().map(What::put).collect();
    if whats.len() < TOGETHER_MIN || !sync_all_of(root)? {
        for (what, put) in whats.iter().zip(&placed) {
            put.as_ref().map_or(Ok(()), |put| what.sync(*put))?;
        }
    }
    Ok(placed.into_iter().map(|placed| placed.map(drop)).collect())
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
