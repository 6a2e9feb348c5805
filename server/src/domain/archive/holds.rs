//! Legal holds: as long as one case holds an original, nobody removes it, whatever its term. That a
//! case holds it stands in the table and in the evidence log, in one commit; a store with locks is
//! told afterwards, so that its owner cannot remove it either. Until it was told, that is shown as
//! pending; a store that is down is told when it is back.

use super::{Archive, NotArchived, place_of};
use crate::blobs::{Failure, Mode};
use crate::domain::evidence::filing;
use crate::error::{Error, Result};
use crate::store::{CopyRow, HoldRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::Event;
use saolou_protocol::time::Millis;
use serde::Serialize;
use std::time::Duration;
use uuid::Uuid;

/// How often it is looked whether the store is still to be told of a hold.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// The same while it is down.
const TELL_EVERY_MAX: Duration = Duration::from_secs(60);
/// Originals taken from the table at once.
const PAGE_MAX: i64 = 64;

/// Somebody sets or lifts the hold of a case, and why.
#[derive(Clone, Copy)]
pub(crate) struct Holding<'a> {
    pub(crate) case: &'a str,
    pub(crate) reason: &'a str,
    /// Nil at a terminal.
    pub(crate) by: Uuid,
}

/// The cases of an original.
#[derive(Debug, Serialize)]
pub(crate) struct Holds {
    sha256: Hash,
    /// Whether any case holds it now.
    pub(crate) is_held: bool,
    /// Whether the store with locks is still to be told so.
    pub(crate) is_pending: bool,
    holds: Vec<Hold>,
}

/// A case that holds an original, or held it.
#[derive(Debug, Serialize)]
struct Hold {
    case: String,
    reason: String,
    set_by: Uuid,
    set_ms: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_by: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifted_ms: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lift_reason: Option<String>,
}

impl Archive {
    /// Holds an original for a case. A case that holds it already changes nothing.
    ///
    /// # Errors
    /// Where two persons have agreed to remove it.
    pub(crate) async fn hold(&self, hash: Hash, holding: Holding<'_>) -> Result<Holds> {
        let now_ms = self.0.clock.now_ms();
        let mut tx = self.0.store.write().await?;
        tx.lock_original(&hash.0).await?;
        let removal = tx.archive_removal(&hash.0).await?;
        if removal.is_some_and(|removal| removal.agreed_by.is_some()) {
            return Err(Error::Invalid("two persons have agreed to remove this photo".into()));
        }
        if !tx.holds(&hash.0).await?.iter().any(|row| is_open(row, holding.case)) {
            let row = HoldRow {
                hold_id: self.0.clock.new_id(),
                case_name: holding.case.to_owned(),
                reason: holding.reason.to_owned(),
                set_by: holding.by,
                set_ms: now_ms,
                lifted_by: None,
                lifted_ms: None,
                lift_reason: None,
            };
            tx.put_hold(&hash.0, &row).await?;
            let (mut salts, id) = (Vec::new(), row.hold_id);
            let case = filing::commit(id, "case", holding.case.as_bytes(), &mut salts);
            let event = Event::HoldOn { sha256: hash, case };
            tx.put_events(&[filing::event(id, now_ms, event)]).await?;
            tx.put_salts(&salts).await?;
            tx.commit().await?;
            tracing::info!(sha256 = %hash, "a case holds an original");
        }
        self.holds(hash).await
    }

    /// Lifts the hold of a case; other cases hold on.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the case does not hold it.
    pub(crate) async fn free(&self, hash: Hash, holding: Holding<'_>) -> Result<Holds> {
        let now_ms = self.0.clock.now_ms();
        let mut tx = self.0.store.write().await?;
        tx.lock_original(&hash.0).await?;
        let mut open = tx.holds(&hash.0).await?;
        open.retain(|row| is_open(row, holding.case));
        if open.is_empty() {
            return Err(Error::NotFound);
        }
        for row in open {
            tx.lift_hold(row.hold_id, holding.by, now_ms, holding.reason).await?;
            let (mut salts, id) = (Vec::new(), self.0.clock.new_id());
            let case = filing::commit(id, "case", holding.case.as_bytes(), &mut salts);
            let event = Event::HoldOff { sha256: hash, case };
            tx.put_events(&[filing::event(id, now_ms, event)]).await?;
            tx.put_salts(&salts).await?;
        }
        tx.commit().await?;
        tracing::info!(sha256 = %hash, "a case holds an original no longer");
        self.holds(hash).await
    }

    /// The cases of an original.
    pub(crate) async fn holds(&self, hash: Hash) -> Result<Holds> {
        let mut tx = self.0.store.read().await?;
        let rows = tx.holds(&hash.0).await?;
        let is_held = rows.iter().any(|row| row.lifted_ms.is_none());
        let copies = tx.archive_copies(&hash.0).await?;
        let is_pending = !rows.is_empty()
            && copies
                .iter()
                .any(|copy| self.is_locked_here(copy) && (copy.is_held != 0) != is_held);
        let holds = rows.into_iter().map(|row| Hold {
            case: row.case_name,
            reason: row.reason,
            set_by: row.set_by,
            set_ms: row.set_ms,
            lifted_by: row.lifted_by,
            lifted_ms: row.lifted_ms,
            lift_reason: row.lift_reason,
        });
        Ok(Holds { sha256: hash, is_held, is_pending, holds: holds.collect() })
    }

    /// Has the store hold its copy as long as a case does; a store without locks cannot. Gives the
    /// copy.
    ///
    /// # Errors
    /// Where the store is down or refuses: what two persons agree about is held all the same.
    pub(crate) async fn lock_as_held(
        &self,
        hash: Hash,
    ) -> std::result::Result<Option<CopyRow>, NotArchived> {
        let Holds { is_held, is_pending, .. } = self.holds(hash).await?;
        let of_store = |copy: &CopyRow| copy.store == self.0.name && copy.state != "removed";
        let Some(copy) = self.copies(hash).await?.into_iter().find(of_store) else {
            return Ok(None);
        };
        if !is_pending {
            return Ok(Some(copy));
        }
        self.0.blobs.hold(&place_of(&copy), is_held).await?;
        self.note_lock(copy).await.map(Some)
    }

    /// Tells the store what it could not be told when a case was set or lifted, now and then, as long
    /// as the server runs.
    pub(crate) async fn keep_telling_holds(self) {
        let mut again = TELL_EVERY;
        loop {
            tokio::time::sleep(again).await;
            again = match self.tell_holds().await {
                Ok(()) => TELL_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "the store is not told of holds yet");
                    (again * 2).min(TELL_EVERY_MAX)
                }
            };
        }
    }

    /// Has the store hold every original as cases do.
    ///
    /// # Errors
    /// Where the store is down or refuses; the rest is told the next time.
    pub(crate) async fn tell_holds(&self) -> std::result::Result<(), NotArchived> {
        let mut after = Vec::new();
        let mut refused = None;
        loop {
            let mut tx = self.0.store.read().await?;
            let page = tx.held_otherwise(&self.0.name, &after, PAGE_MAX).await?;
            drop(tx);
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            for hash in page {
                let Ok(hash) = hash.as_slice().try_into().map(Hash) else { continue };
                match self.lock_as_held(hash).await {
                    Ok(_) => {}
                    // One that is refused or lost must not keep the others from being told.
                    Err(error @ NotArchived::Store(Failure::Refused(_) | Failure::Missing)) => {
                        tracing::error!(sha256 = %hash, %error, "not held in the store as a case holds it");
                        refused = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Whether a copy lies in the archive, under its locks.
    fn is_locked_here(&self, copy: &CopyRow) -> bool {
        copy.store == self.0.name && copy.state != "removed" && Mode::of(&copy.mode) != Mode::None
    }
}

fn is_open(row: &HoldRow, case: &str) -> bool {
    row.lifted_ms.is_none() && row.case_name == case
}
