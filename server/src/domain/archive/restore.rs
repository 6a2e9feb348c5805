//! Makes the folder beside the server, and the table of copies, from the archive alone.
//!
//! Names in the archive are hashes: each original proves itself. Whose photo it is, the archive does
//! not say; that comes back with the database, or with the evidence log.

use super::{Archive, LOCAL, NotArchived};
use crate::blobs::{Failure, Found, Mark};
use crate::error::Error;
use crate::store::CopyRow;
use saolou_protocol::canonical::Hash;
use serde::Serialize;

/// What came back.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Restored {
    /// Originals in the archive.
    pub(crate) listed: u64,
    /// Of these, those that were here already, whole.
    pub(crate) here: u64,
    /// Of these, those that were fetched.
    pub(crate) fetched: u64,
    /// Originals of which no version in the archive is whole.
    pub(crate) bad: Vec<Hash>,
    /// Originals that no photo in the database names.
    pub(crate) unnamed: i64,
}

impl Archive {
    /// Brings every original back that is in the archive and not here. Doing it again goes on where
    /// it was cut off, and reads what is here once more.
    ///
    /// # Errors
    /// Where the store cannot be listed or read, the disk or the database fails.
    pub(crate) async fn restore(&self) -> Result<Restored, NotArchived> {
        if self.is_local() {
            let refused = "there is no archive but this folder: --archive".to_owned();
            return Err(NotArchived::Waits(refused));
        }
        let mut restored = Restored::default();
        let mut mark: Option<Mark> = None;
        // The versions of one original stand together, and may go over the end of a page.
        let mut versions: Vec<Found> = Vec::new();
        loop {
            let (page, next) = self.0.blobs.list(mark).await?;
            for found in page {
                if versions.first().is_some_and(|first| first.hash != found.hash) {
                    self.restore_one(&versions, &mut restored).await?;
                    versions.clear();
                }
                versions.push(found);
            }
            match next {
                None => break,
                next => mark = next,
            }
        }
        self.restore_one(&versions, &mut restored).await?;
        let mut tx = self.0.store.read().await?;
        restored.unnamed = tx.copies_without_photo().await?;
        Ok(restored)
    }

    async fn restore_one(
        &self,
        versions: &[Found],
        restored: &mut Restored,
    ) -> Result<(), NotArchived> {
        let Some(Found { hash, .. }) = versions.first() else { return Ok(()) };
        restored.listed += 1;
        let known = self.copies(*hash).await?;
        let is_known = known.iter().any(|copy| copy.store == self.0.name);
        let here = self.look_here(*hash).await.ok();
        if here.is_some() && is_known {
            restored.here += 1;
            return Ok(());
        }
        for version in versions {
            let local = match (&here, self.fetch_from(*hash, &version.place).await) {
                (_, Ok(fetched)) => fetched,
                (_, Err(NotArchived::Unfaithful(_) | NotArchived::Store(Failure::Missing))) => {
                    continue;
                }
                (_, Err(error)) => return Err(error),
            };
            restored.here += u64::from(here.is_some());
            restored.fetched += u64::from(here.is_none());
            return self.note_restored(*hash, version, local).await;
        }
        restored.bad.push(*hash);
        Ok(())
    }

    async fn note_restored(
        &self,
        hash: Hash,
        version: &Found,
        local: CopyRow,
    ) -> Result<(), NotArchived> {
        let shown = self.0.blobs.lock(&version.place).await?;
        let away = CopyRow {
            mode: shown.mode.name().to_owned(),
            retain_until_ms: shown.until_ms,
            is_held: i64::from(shown.hold),
            ..self.row(&self.0.name, hash, &version.place, local.bytes)
        };
        debug_assert_eq!(local.store, LOCAL);
        let mut tx = self.0.store.write().await.map_err(Error::from)?;
        tx.put_archive_copy(&local).await?;
        tx.put_archive_copy(&away).await?;
        Ok(tx.commit().await?)
    }
}
