//! How long originals are kept: only ever longer, and removed at the end by two persons.

use super::log::{self, Noted};
use super::{Archive, LOCAL, NotArchived, place_of};
use crate::blobs::{Folder, Mode};
use crate::domain::evidence::filing;
use crate::error::Error;
use crate::store::{CopyRow, RemovalRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::Event;
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// Why an original is not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Kept {
    /// Nobody archived it.
    #[error("it is not archived")]
    NotArchived,
    /// Its time is not over.
    #[error("it is kept until {0} ms")]
    Until(Millis),
    /// It is under legal hold.
    #[error("it is under legal hold")]
    Held,
    /// Neither his account nor his roles let him.
    #[error("it takes a privacy officer, security administrator or system administrator")]
    NotHis,
    /// The same person cannot agree with himself.
    #[error("the one who asked cannot agree: it takes two persons")]
    SamePerson,
}

/// Who may ask and agree.
const REMOVERS: [&str; 3] = ["privacy_officer", "security_admin", "system_admin"];

/// How far a removal has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// One person has asked; another has to agree.
    Asked,
    /// Two have, and it is removed.
    Removed,
}

/// Whether an original may be removed now; the first reason against it.
fn may_remove(copies: &[CopyRow], retention_ms: Millis, now_ms: Millis) -> Result<(), Kept> {
    let there: Vec<_> = copies.iter().filter(|copy| copy.state != "removed").collect();
    if there.is_empty() {
        return Err(Kept::NotArchived);
    }
    if there.iter().any(|copy| copy.is_held != 0) {
        return Err(Kept::Held);
    }
    // Where no store locks it, the settings alone say how long.
    let until = |copy: &&&CopyRow| copy.retain_until_ms.unwrap_or(copy.archived_ms + retention_ms);
    let last_ms = there.iter().map(|copy| until(&copy)).max().unwrap_or(Millis::MAX);
    if last_ms > now_ms { Err(Kept::Until(last_ms)) } else { Ok(()) }
}

impl Archive {
    /// Keeps an original until a time, where that is later than now. Gives its copy.
    ///
    /// # Errors
    /// Where it is not archived under a lock, or the store refuses.
    pub(crate) async fn extend(
        &self,
        hash: Hash,
        until_ms: Millis,
    ) -> Result<CopyRow, NotArchived> {
        let copy = self.locked_copy(hash).await?;
        if copy.retain_until_ms.is_some_and(|now_ms| now_ms >= until_ms) {
            return Ok(copy);
        }
        let place = place_of(&copy);
        self.0.blobs.extend(&place, Mode::of(&copy.mode), until_ms).await?;
        self.note_lock(copy).await
    }

    /// Asks to remove an original whose time is over, or, as another person, agrees and removes it
    /// from the archive and from here. The photo, its hash and its history stay.
    ///
    /// # Errors
    /// Where it has to be kept, or the store refuses.
    pub(crate) async fn remove(
        &self,
        hash: Hash,
        by: Uuid,
        reason: &str,
    ) -> Result<Result<Removal, Kept>, NotArchived> {
        let now_ms = self.0.clock.now_ms();
        let copies = self.copies(hash).await?;
        if let Err(kept) = may_remove(&copies, self.0.policy.retention_ms, now_ms) {
            return Ok(Err(kept));
        }
        let mut tx = self.0.store.write().await?;
        let is_active = tx.account(by).await?.is_some_and(|account| account.status == "active");
        let grants = tx.grants(by).await?;
        if !is_active || !grants.iter().any(|grant| REMOVERS.contains(&grant.role.as_str())) {
            return Ok(Err(Kept::NotHis));
        }
        tx.lock_original(&hash.0).await?;
        if tx.holds(&hash.0).await?.iter().any(|hold| hold.lifted_ms.is_none()) {
            return Ok(Err(Kept::Held));
        }
        let Some(mut asked) = tx.archive_removal(&hash.0).await? else {
            let row = RemovalRow {
                asked_by: by,
                asked_ms: now_ms,
                reason: reason.to_owned(),
                agreed_by: None,
                agreed_ms: None,
                removed_ms: None,
            };
            tx.put_archive_removal(&hash.0, &row).await?;
            tx.commit().await?;
            return Ok(Ok(Removal::Asked));
        };
        if asked.asked_by == by {
            return Ok(Err(Kept::SamePerson));
        }
        // What two persons decided is noted before it is done: cut off, it is done again.
        (asked.agreed_by, asked.agreed_ms) = (Some(by), Some(now_ms));
        tx.put_archive_removal(&hash.0, &asked).await?;
        tx.commit().await?;
        for copy in copies.iter().filter(|copy| copy.state != "removed") {
            if copy.store == LOCAL {
                self.0.local.remove(&Folder::place(hash)).await?;
            } else {
                self.0.blobs.remove(&place_of(copy)).await?;
            }
        }
        self.note_removed(hash, &copies, asked).await?;
        Ok(Ok(Removal::Removed))
    }

    async fn note_removed(
        &self,
        hash: Hash,
        copies: &[CopyRow],
        mut decided: RemovalRow,
    ) -> Result<(), Error> {
        let mut tx = self.0.store.write().await?;
        for copy in copies {
            let row = CopyRow { state: "removed".to_owned(), ..copy.clone() };
            tx.put_archive_copy(&row).await?;
        }
        let (id, now_ms, mut salts) = (self.0.clock.new_id(), self.0.clock.now_ms(), Vec::new());
        decided.removed_ms = Some(now_ms);
        tx.put_archive_removal(&hash.0, &decided).await?;
        let agreed_by = decided.agreed_by.unwrap_or_default();
        let event = Event::Removed {
            sha256: hash,
            asked_by: filing::commit(id, "asked_by", decided.asked_by.as_bytes(), &mut salts),
            agreed_by: filing::commit(id, "agreed_by", agreed_by.as_bytes(), &mut salts),
            reason: filing::commit(id, "reason", decided.reason.as_bytes(), &mut salts),
        };
        tx.put_events(&[filing::event(id, now_ms, event)]).await?;
        tx.put_salts(&salts).await?;
        tx.commit().await?;
        tracing::warn!(sha256 = %hash, "removed by two persons");
        Ok(())
    }

    async fn locked_copy(&self, hash: Hash) -> Result<CopyRow, NotArchived> {
        let copies = self.copies(hash).await?;
        let copy = copies.into_iter().find(|copy| copy.store == self.0.name);
        copy.ok_or(NotArchived::NoOriginal("not archived"))
    }

    /// Notes the lock that the store shows now.
    pub(super) async fn note_lock(&self, copy: CopyRow) -> Result<CopyRow, NotArchived> {
        let shown = self.0.blobs.lock(&place_of(&copy)).await?;
        let was_held = copy.is_held;
        let after = CopyRow {
            mode: shown.mode.name().to_owned(),
            retain_until_ms: shown.until_ms,
            is_held: i64::from(shown.hold),
            ..copy
        };
        let hash = super::hash_of(&after)?;
        let noted = match after.is_held == was_held {
            true => Noted::Extended(&after),
            false => Noted::Held { hash, is_held: shown.hold },
        };
        let mut tx = self.0.store.write().await?;
        tx.put_archive_copy(&after).await?;
        log::note(&mut tx, &self.0.clock, &noted).await?;
        tx.commit().await?;
        Ok(after)
    }
}

#[cfg(test)]
mod tests;
