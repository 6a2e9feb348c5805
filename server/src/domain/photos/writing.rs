//! Bytes on their way into the file of an upload: while some are written, more come in, and what has
//! come in meanwhile is written in one go. Of a small photo all is written in one go, at the end.

use super::folder::{Part, failed};
use crate::error::{Error, Result};
use bytes::Bytes;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Bytes that may wait while others are written; whoever brings more waits, too.
const WAITING_BYTES_MAX: usize = 256 * 1024;

/// What one request writes, in order.
pub(super) struct Writing<'a> {
    part: &'a Part,
    /// Where the next bytes go that are not being written yet.
    at: u64,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    /// Whether there is memory for all that comes: then it waits for the end.
    waits: bool,
    under_way: Option<JoinHandle<io::Result<()>>>,
}

impl<'a> Writing<'a> {
    /// Begins at a place of a file. `waits` says that there is memory for all that comes.
    pub(super) fn to(part: &'a Part, at: i64, waits: bool) -> Self {
        let at = u64::try_from(at).unwrap_or(0);
        Self { part, at, waiting: Vec::new(), waiting_bytes: 0, waits, under_way: None }
    }

    /// Takes the next bytes; where too many wait, until some are written.
    pub(super) async fn take(&mut self, chunk: Bytes) -> Result<()> {
        self.waiting_bytes += chunk.len();
        self.waiting.push(chunk);
        if self.waits {
            return Ok(());
        }
        if self.waiting_bytes >= WAITING_BYTES_MAX {
            self.turn().await?;
        }
        self.begin();
        Ok(())
    }

    /// Done when what is being written is written; then what waits is. Never, where nothing is.
    /// May be given up and called again.
    pub(super) async fn turn(&mut self) -> Result<()> {
        let Some(under_way) = &mut self.under_way else { return std::future::pending().await };
        let written = under_way.await;
        self.under_way = None;
        written
            .map_err(|error| Error::Internal(format!("writing a photo: {error}")))?
            .map_err(|error| failed(&error))?;
        self.begin();
        Ok(())
    }

    /// Done when all is written.
    pub(super) async fn all(&mut self) -> Result<()> {
        self.waits = false;
        self.begin();
        while self.under_way.is_some() {
            self.turn().await?;
        }
        Ok(())
    }

    /// Writes what waits, unless something is being written.
    fn begin(&mut self) {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return;
        }
        let (file, mut at) = (Arc::clone(self.part.file()), self.at);
        let chunks = std::mem::take(&mut self.waiting);
        self.at += std::mem::take(&mut self.waiting_bytes) as u64;
        self.under_way = Some(tokio::task::spawn_blocking(move || {
            for chunk in chunks {
                file.write_all_at(&chunk, at)?;
                at += chunk.len() as u64;
            }
            Ok(())
        }));
    }
}
