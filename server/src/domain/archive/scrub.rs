//! Reads every copy again and compares it with its hash, and mends one copy from the other.
//!
//! The table says which copy was read longest ago, so that a scrub that was cut off goes on where it
//! was. It reads no faster than it is told. A bad file is set aside, a bad version stays behind a new
//! one: nothing is ever deleted here. Originals that never reached the archive are bad copies too.

use super::log::{self, Noted};
use super::{Archive, Copies, LOCAL, NotArchived, WHOLE, archive, hash_of, place_of};
use crate::blobs::{Blobs, Failure, Folder};
use crate::error::Error;
use crate::store::{CopyRow, FindingRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How often the server looks for copies that are due.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// Copies taken from the table at once.
const PAGE_MAX: i64 = 32;
/// How long an original may wait for its job before a scrub archives it.
const JOB_MS: Millis = 24 * 3600 * 1000;

/// What a scrub did.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Scrubbed {
    pub(crate) read: u64,
    pub(crate) bytes: i64,
    /// Originals that had no copy in the archive and have one now.
    pub(crate) archived: u64,
    /// Copies that were bad and are whole again.
    pub(crate) mended: u64,
    /// Copies that are bad still.
    pub(crate) bad: Vec<Bad>,
    /// Stores that could not be read, with what they said.
    pub(crate) unread: Vec<String>,
}

/// A copy that could not be mended.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bad {
    pub(crate) sha256: Hash,
    pub(crate) store: String,
    pub(crate) found: &'static str,
}

/// A scrub on its way.
struct Scrub<'a> {
    archive: &'a Archive,
    /// Copies read before are due.
    before_ms: Millis,
    started: Instant,
    done: Scrubbed,
    /// Stores that are not asked any more this time.
    silent: BTreeSet<String>,
}

impl Archive {
    /// Scrubs what is due, now and then, as long as the server runs.
    pub(crate) async fn keep_scrubbing(self) {
        loop {
            tokio::time::sleep(EVERY).await;
            match self.scrub_due().await {
                Err(error) => tracing::warn!(%error, "scrubbing"),
                Ok(done) => {
                    metrics::counter!("saolou_scrubbed_total").increment(done.read);
                    #[expect(clippy::cast_precision_loss, reason = "a metric")]
                    metrics::gauge!("saolou_copies_bad").set(done.bad.len() as f64);
                }
            }
        }
    }

    /// Scrubs the copies that are due.
    pub(crate) async fn scrub_due(&self) -> Result<Scrubbed, Error> {
        let now_ms = self.0.clock.now_ms();
        self.scrub(now_ms - self.0.policy.scrub_ms, now_ms - JOB_MS).await
    }

    /// Scrubs every copy, however lately it was read.
    pub(crate) async fn scrub_all(&self) -> Result<Scrubbed, Error> {
        // Those read in this millisecond were read by this scrub.
        let now_ms = self.0.clock.now_ms();
        self.scrub(now_ms, Millis::MAX).await
    }

    /// Scrubs copies that were read before one time, and originals received before another.
    async fn scrub(&self, due_ms: Millis, received_ms: Millis) -> Result<Scrubbed, Error> {
        let mut scrub = Scrub {
            archive: self,
            before_ms: due_ms,
            started: Instant::now(),
            done: Scrubbed::default(),
            silent: BTreeSet::new(),
        };
        scrub.add_missing(LOCAL, received_ms).await?;
        let stores: BTreeSet<&str> = [LOCAL, &self.0.name].into();
        for store in &stores {
            scrub.read_due(store).await?;
        }
        if !self.is_local() {
            scrub.add_missing(&self.0.name, received_ms).await?;
            scrub.tell_holds().await?;
        }
        Ok(scrub.done)
    }
}

impl Scrub<'_> {
    /// Takes up originals that have no copy in a store.
    async fn add_missing(&mut self, store: &str, received_ms: Millis) -> Result<(), Error> {
        let mut after = Vec::new();
        loop {
            let mut tx = self.archive.0.store.read().await?;
            let page = tx.originals_without_copy(store, received_ms, &after, PAGE_MAX).await?;
            drop(tx);
            let Some((last, _)) = page.last() else { return Ok(()) };
            after.clone_from(last);
            let mut hashes: Vec<(Hash, Uuid)> = Vec::new();
            for (hash, photo) in page {
                let hash = hash.as_slice().try_into().map(Hash);
                hashes.extend(hash.ok().map(|hash| (hash, photo)));
            }
            hashes.dedup_by_key(|(hash, _)| *hash);
            for (hash, photo) in hashes {
                if store == LOCAL {
                    self.add_local(hash).await?;
                } else if !self.add_archived(photo, hash).await? {
                    return Ok(());
                }
            }
        }
    }

    /// Tells the store of holds that it could not be told of before.
    async fn tell_holds(&mut self) -> Result<(), Error> {
        if self.silent.contains(&self.archive.0.name) {
            return Ok(());
        }
        match self.archive.tell_holds().await {
            Ok(()) => {}
            Err(NotArchived::Failed(error)) => return Err(error),
            Err(error) => self.fall_silent(self.archive.0.name.clone(), &error),
        }
        Ok(())
    }

    async fn add_local(&mut self, hash: Hash) -> Result<(), Error> {
        // Never read yet, so it is due at once, whatever it turns out to be.
        let row = self.archive.row(LOCAL, hash, &Folder::place(hash), 0);
        let mut tx = self.archive.0.store.write().await?;
        tx.put_archive_copy(&CopyRow { verified_ms: 0, checked_ms: 0, ..row }).await?;
        Ok(tx.commit().await?)
    }

    /// `false` where the store needs not be asked any more.
    async fn add_archived(&mut self, photo: Uuid, hash: Hash) -> Result<bool, Error> {
        if self.silent.contains(&self.archive.0.name) {
            return Ok(false);
        }
        let mut copies = Copies::default();
        let done = archive(self.archive, photo, hash, &mut copies).await;
        let mut tx = self.archive.0.store.write().await?;
        super::note(&mut tx, &self.archive.0.clock, [&copies].into_iter()).await?;
        tx.commit().await?;
        copies.lock(self.archive).await;
        match done {
            Ok(()) => {
                self.done.archived += 1;
                self.pause(2 * copies.archived.map_or(0, |copy| copy.bytes)).await;
            }
            Err(NotArchived::Failed(error)) => return Err(error),
            Err(error) if error.is_of_the_store() => {
                self.fall_silent(self.archive.0.name.clone(), &error);
                return Ok(false);
            }
            // The original itself is bad, of which its own copy tells.
            Err(error) => tracing::error!(sha256 = %hash, %error, "not archived"),
        }
        Ok(true)
    }

    async fn read_due(&mut self, store: &str) -> Result<(), Error> {
        while !self.silent.contains(store) {
            let mut tx = self.archive.0.store.read().await?;
            let page = tx.archive_copies_due(store, self.before_ms, PAGE_MAX).await?;
            drop(tx);
            if page.is_empty() {
                return Ok(());
            }
            for copy in page {
                self.check(copy).await?;
                if self.silent.contains(store) {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn check(&mut self, mut copy: CopyRow) -> Result<(), Error> {
        let Archive(inner) = self.archive;
        let (hash, place) = (hash_of(&copy)?, place_of(&copy));
        let is_local = copy.store == LOCAL;
        let read = match is_local {
            true => inner.local.read(&place).await,
            false => inner.blobs.read(&place).await,
        };
        let found = match read {
            Ok((found, bytes)) => {
                copy.bytes = bytes;
                self.done.bytes += bytes;
                if found == hash { WHOLE } else { "damaged" }
            }
            Err(Failure::Missing) => "missing",
            // A disk of ours that cannot read a file has lost it; another store may come back.
            Err(Failure::Disk(_)) if is_local || matches!(inner.blobs, Blobs::Folder(_)) => {
                "damaged"
            }
            Err(failure) => {
                self.fall_silent(copy.store, &failure);
                return Ok(());
            }
        };
        self.done.read += 1;
        copy.checked_ms = inner.clock.now_ms().max(self.before_ms);
        let bytes = copy.bytes;
        if found == WHOLE {
            copy.verified_ms = copy.checked_ms;
            self.keep(&copy, WHOLE, None).await?;
        } else {
            self.mend(copy, hash, found).await?;
        }
        self.pause(bytes).await;
        Ok(())
    }

    /// Makes a bad copy good from the other one, where that is.
    async fn mend(&mut self, copy: CopyRow, hash: Hash, found: &'static str) -> Result<(), Error> {
        let mended = match copy.store == LOCAL {
            true => self.archive.fetch_here(hash).await,
            false => self.archive.put_copy_again(hash).await,
        };
        let good = match mended {
            Ok(good) => good,
            Err(NotArchived::Failed(error)) => return Err(error),
            Err(error) => {
                tracing::error!(sha256 = %hash, store = copy.store, found, %error, "not mended");
                self.done.bad.push(Bad { sha256: hash, store: copy.store.clone(), found });
                return self.keep(&copy, found, Some(found)).await;
            }
        };
        self.done.mended += 1;
        let checked_ms = copy.checked_ms;
        self.keep(&CopyRow { checked_ms, ..good }, WHOLE, Some(found)).await
    }

    async fn keep(
        &self,
        copy: &CopyRow,
        state: &str,
        was_found: Option<&'static str>,
    ) -> Result<(), Error> {
        let Archive(inner) = self.archive;
        let was_known_bad = copy.state == state && state != WHOLE;
        let row = CopyRow { state: state.to_owned(), ..copy.clone() };
        let mut tx = inner.store.write().await?;
        tx.put_archive_copy(&row).await?;
        if let Some(found) = was_found.filter(|_| !was_known_bad) {
            let is_mended = state == WHOLE;
            let (finding_id, at_ms) = (inner.clock.new_id(), inner.clock.now_ms());
            let (sha256, store) = (copy.sha256.as_slice(), copy.store.as_str());
            tx.put_archive_finding(&FindingRow {
                finding_id,
                sha256,
                store,
                at_ms,
                found,
                is_mended,
            })
            .await?;
            let noted = Noted::Scrubbed { hash: hash_of(copy)?, store, found, is_mended };
            log::note(&mut tx, &inner.clock, &noted).await?;
        }
        Ok(tx.commit().await?)
    }

    fn fall_silent(&mut self, store: String, why: &dyn std::fmt::Display) {
        tracing::warn!(store, %why, "not scrubbed further this time");
        self.done.unread.push(format!("{store}: {why}"));
        self.silent.insert(store);
    }

    /// Waits until the bytes read so far were read no faster than they may be.
    async fn pause(&self, _: i64) {
        let bytes = u64::try_from(self.done.bytes).unwrap_or(0);
        let rate = self.archive.0.policy.scrub_bytes_per_second;
        let due = Duration::from_millis(bytes.saturating_mul(1000) / rate);
        tokio::time::sleep_until(self.started + due).await;
    }
}

impl Archive {
    /// Brings an original back into the folder beside the server, from the archive.
    pub(super) async fn fetch_here(&self, hash: Hash) -> Result<CopyRow, NotArchived> {
        let copies = self.copies(hash).await?;
        let away = copies.iter().find(|copy| copy.store == self.0.name && copy.store != LOCAL);
        let Some(away) = away else { return Err(NotArchived::NoOriginal("lost: no other copy")) };
        self.fetch_from(hash, &place_of(away)).await
    }

    /// The same from a certain place.
    pub(super) async fn fetch_from(
        &self,
        hash: Hash,
        place: &crate::blobs::Place,
    ) -> Result<CopyRow, NotArchived> {
        let part = self.0.local.part(hash)?;
        let fetched = self.0.blobs.fetch(place, part.clone()).await;
        let kept = match fetched {
            Ok((found, bytes)) if found == hash => {
                self.0.local.keep(part.clone(), hash).await.map(|place| (place, bytes))
            }
            Ok((found, _)) => {
                drop(tokio::fs::remove_file(&part).await);
                return Err(NotArchived::Unfaithful(found));
            }
            Err(failure) => Err(failure),
        };
        if kept.is_err() {
            drop(tokio::fs::remove_file(&part).await);
        }
        let (here, bytes) = kept?;
        Ok(self.row(LOCAL, hash, &here, bytes))
    }

    /// Archives an original anew, whose copy in the archive is bad.
    async fn put_copy_again(&self, hash: Hash) -> Result<CopyRow, NotArchived> {
        self.look_here(hash).await?;
        self.put_copy(None, hash).await
    }
}
