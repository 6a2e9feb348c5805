//! The figures of memory: many uploads that are open at the same time, each in the middle of a photo.

use crate::sender::{Film, lines};
use crate::stand::server::Server;
use crate::stand::told::say;
use std::path::Path;
use std::time::Duration;

/// What each sends of its photo, in bytes.
const SENT: usize = 1_500_000;
const PHOTO: usize = 3_000_000;

/// Opens so many uploads, and tells what the server occupies while they all are.
pub(crate) async fn measure(program: &Path, uploads: usize) {
    let server = Server::start(program, None).await;
    let film = Film::of(PHOTO);
    let mut lines = lines(&server.base, uploads, &film).await;
    server.forget_peak_memory();
    let before = server.memory();
    futures_util::future::join_all(lines.iter_mut().map(|line| line.begin(SENT))).await;
    // All that was sent has been taken from the sockets, and nothing more comes.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let open = server.memory();
    drop(lines);
    if let (Some(before), Some(open)) = (before, open) {
        let mb = |kib: u64| kib * 1024 / 1_000_000;
        say(&format!(
            "\nmemory: {} MB before, {} MB with {uploads} uploads open, {} MB at most",
            mb(before.now_kib),
            mb(open.now_kib),
            mb(open.peak_kib)
        ));
    }
}
