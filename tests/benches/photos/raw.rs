//! What the machine does at best with the same bytes: files written by as many threads and synced
//! together, files synced one by one, and SHA-256 of one core.

use crate::attic::Attic;
use crate::sender::Film;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// How files become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synced {
    /// One call for all that wait.
    Together,
    /// Each by its own writer.
    Alone,
}

/// How many photos a second so many threads write and make durable.
pub(crate) fn files_per_second(
    film: &Film,
    threads: usize,
    synced: Synced,
    time: Duration,
    attic: &Attic,
) -> f64 {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let photo = film.photo(uuid::Uuid::nil());
    let bytes = film.whole(&photo);
    let (waiting, wait) = channel();
    let done = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let root = folder.path();
        scope.spawn(move || sync_together(root, &wait));
        for thread in 0..threads {
            let (waiting, bytes, done) = (waiting.clone(), &bytes, &done);
            scope.spawn(move || {
                while started.elapsed() < time {
                    let number = done.load(Ordering::Relaxed);
                    let name = root.join(format!("{thread}-{number}"));
                    write(&name, bytes, synced, &waiting);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        drop(waiting);
    });
    let done = u32::try_from(done.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
    let per_second = f64::from(done) / started.elapsed().as_secs_f64();
    attic.take(folder);
    per_second
}

fn write(name: &Path, bytes: &[u8], synced: Synced, waiting: &Sender<Sender<()>>) {
    let mut file = File::create(name).expect("a file");
    file.write_all(bytes).expect("room on the disk");
    match synced {
        Synced::Alone => file.sync_data().expect("a disk that syncs"),
        Synced::Together => {
            let (done, wait) = channel();
            waiting.send(done).expect("somebody syncs");
            wait.recv().expect("it was synced");
        }
    }
    let kept = name.with_extension("kept");
    std::fs::rename(name, kept).expect("the same folder");
}

fn sync_together(root: &Path, wait: &Receiver<Sender<()>>) {
    let root = File::open(root).expect("a folder");
    while let Ok(first) = wait.recv() {
        let group: Vec<Sender<()>> = std::iter::once(first).chain(wait.try_iter()).collect();
        rustix::fs::syncfs(&root).expect("a disk that syncs");
        for done in group {
            _ = done.send(());
        }
    }
}

/// How many photos a second one core hashes.
pub(crate) fn hashes_per_second(film: &Film) -> f64 {
    let bytes = film.whole(&film.photo(uuid::Uuid::nil()));
    let (started, mut hashed) = (Instant::now(), 0);
    while started.elapsed() < Duration::from_millis(500) {
        std::hint::black_box(Sha256::digest(&bytes));
        hashed += 1;
    }
    f64::from(hashed) / started.elapsed().as_secs_f64()
}
