//! Makes the folder beside the server, and the table of copies, from the archive alone.
//!
//! Names in the archive are hashes: each original proves itself. Whose photo it is, the archive does
//! not say; that comes back with the database, or with the evidence log (`recovery`).

use super::{Archive, LOCAL, NotArchived, place_of};
use crate::blobs::{Failure, Folder, Found, Mark};
use crate::error::Error;
use crate::store::{CopyRow, RemovalRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
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
    /// Whether an original lies whole beside the server.
    pub(crate) async fn is_here(&self, hash: Hash) -> Result<bool, Error> {
        match self.look_here(hash).await {
            Ok(_) => Ok(true),
            Err(NotArchived::NoOriginal(_)) => Ok(false),
            Err(error) => Err(Error::Internal(format!("original {hash}: {error}"))),
        }
    }

    /// Whether an original is neither beside the server nor where its copies are noted.
    ///
    /// # Errors
    /// Where that cannot be told now.
    pub(crate) async fn is_gone(&self, hash: Hash) -> Result<bool, Error> {
        if self.is_here(hash).await? {
            return Ok(false);
        }
        let copies = self.copies(hash).await?;
        let there = |copy: &&CopyRow| copy.store == self.0.name && copy.state != "removed";
        for copy in copies.iter().filter(there) {
            match self.0.blobs.read(&place_of(copy)).await {
                Ok(_) => return Ok(false),
                Err(Failure::Missing) => {}
                Err(error) => return Err(Error::Internal(format!("original {hash}: {error}"))),
            }
        }
        Ok(true)
    }

    /// Notes that two persons removed an original, where only the log knows.
    pub(crate) async fn note_gone(
        &self,
        hash: Hash,
        reason: &str,
        at_ms: Millis,
    ) -> Result<(), Error> {
        let mut rows = self.copies(hash).await?;
        if rows.iter().all(|copy| copy.store != LOCAL) {
            rows.push(self.row(LOCAL, hash, &Folder::place(hash), 0));
        }
        let removal = RemovalRow {
            asked_by: uuid::Uuid::nil(),
            asked_ms: at_ms,
            reason: reason.to_owned(),
            agreed_by: Some(uuid::Uuid::nil()),
            agreed_ms: Some(at_ms),
            removed_ms: Some(at_ms),
        };
        let mut tx = self.0.store.write().await?;
        for copy in rows {
            tx.put_archive_copy(&CopyRow { state: "removed".to_owned(), ..copy }).await?;
        }
        tx.put_archive_removal(&hash.0, &removal).await?;
        Ok(tx.commit().await?)
    }

    /// Brings every original back that is in the archive and not here; nothing where there is no archive
    /// but the folder beside the server. Doing it again goes on where
    /// it was cut off, and reads what is here once more.
    ///
    /// # Errors
    /// Where the store cannot be listed or read, the disk or the database fails.
    pub(crate) async fn restore(&self) -> Result<Restored, NotArchived> {
        let mut restored = Restored::default();
        if self.is_local() {
            return Ok(restored);
        }
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
