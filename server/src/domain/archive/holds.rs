//! Legal holds: as long as one case holds an original, nobody removes it, whatever its term. That a
//! case holds it stands in the table and in the evidence log, in one commit; a store with locks is
//! told afterwards, so that its owner cannot remove it either.

use super::{Archive, NotArchived, place_of};
use crate::blobs::Mode;
use crate::domain::evidence::filing;
use crate::error::{Error, Result};
use crate::store::{CopyRow, HoldRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::Event;
use saolou_protocol::time::Millis;
use serde::Serialize;
use uuid::Uuid;

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
        let rows = self.0.store.read().await?.holds(&hash.0).await?;
        let is_held = rows.iter().any(|row| row.lifted_ms.is_none());
        let holds = rows.into_iter().map(|row| Hold {
            case: row.case_name,
            reason: row.reason,
            set_by: row.set_by,
            set_ms: row.set_ms,
            lifted_by: row.lifted_by,
            lifted_ms: row.lifted_ms,
            lift_reason: row.lift_reason,
        });
        Ok(Holds { sha256: hash, is_held, holds: holds.collect() })
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
        let is_held = self.holds(hash).await?.is_held;
        let of_store = |copy: &CopyRow| copy.store == self.0.name && copy.state != "removed";
        let Some(copy) = self.copies(hash).await?.into_iter().find(of_store) else {
            return Ok(None);
        };
        if Mode::of(&copy.mode) == Mode::None || (copy.is_held != 0) == is_held {
            return Ok(Some(copy));
        }
        self.0.blobs.hold(&place_of(&copy), is_held).await?;
        self.note_lock(copy).await.map(Some)
    }
}

fn is_open(row: &HoldRow, case: &str) -> bool {
    row.lifted_ms.is_none() && row.case_name == case
}
