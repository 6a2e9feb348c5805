//! What the log says of keeping originals: cases that hold them, and removals by two persons. Whose
//! they were it does not say; a hold that cannot be matched with its release holds on.

use super::Recovery;
use super::report::Recovered;
use crate::error::Result;
use crate::store::HoldRow;
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// What the log says of keeping one original.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    /// Each hold that was set: its id, its place in the log, and when.
    pub(super) on: Vec<(Uuid, i64, Millis)>,
    /// How many were lifted.
    pub(super) off: usize,
    /// That two persons removed it: the place in the log, and when.
    pub(super) removed: Option<(i64, Millis)>,
}

impl Recovery<'_> {
    /// Notes holds and a removal that the database has forgotten.
    pub(super) async fn note_kept(
        &self,
        sha256: Hash,
        kept: &Kept,
        recovered: &mut Recovered,
    ) -> Result<()> {
        self.note_holds(sha256, kept, recovered).await?;
        let Some((leaf_index, at_ms)) = kept.removed else { return Ok(()) };
        if !self.is_removed(sha256).await? && self.archive.is_gone(sha256).await? {
            let reason =
                format!("见存证日志第 {leaf_index} 条 / entry {leaf_index} of the evidence log");
            self.archive.note_gone(sha256, &reason, at_ms).await?;
            recovered.removals += 1;
        }
        Ok(())
    }

    async fn note_holds(&self, sha256: Hash, kept: &Kept, recovered: &mut Recovered) -> Result<()> {
        let mut tx = self.store.write().await?;
        let rows = tx.holds(&sha256.0).await?;
        let lifted = rows.iter().filter(|row| row.lifted_ms.is_some()).count();
        if kept.off >= kept.on.len() {
            // Every hold of it was lifted, whichever is which.
            for row in rows.iter().filter(|row| row.lifted_ms.is_none()) {
                let is_logged = kept.on.iter().any(|(id, _, _)| *id == row.hold_id);
                if is_logged {
                    let why = "存证日志记载已全部解除 / the log says that all were lifted";
                    tx.lift_hold(row.hold_id, Uuid::nil(), self.clock.now_ms(), why).await?;
                }
            }
            return Ok(tx.commit().await?);
        }
        for (hold_id, leaf_index, set_ms) in kept.on.iter().copied() {
            if rows.iter().any(|row| row.hold_id == hold_id) {
                continue;
            }
            let row = HoldRow {
                hold_id,
                case_name: format!("存证日志第 {leaf_index} 条 / log entry {leaf_index}"),
                reason: "数据库恢复后案号已不可知 / the database was set back and forgot the case"
                    .into(),
                set_by: Uuid::nil(),
                set_ms,
                lifted_by: None,
                lifted_ms: None,
                lift_reason: None,
            };
            tx.put_hold(&sha256.0, &row).await?;
            recovered.holds += 1;
        }
        if kept.off > lifted {
            recovered.releases_unmatched += kept.off - lifted;
        }
        Ok(tx.commit().await?)
    }

    /// Whether two persons removed an original, as the database knows.
    pub(super) async fn is_removed(&self, sha256: Hash) -> Result<bool> {
        let removal = self.store.read().await?.archive_removal(&sha256.0).await?;
        Ok(removal.is_some_and(|removal| removal.removed_ms.is_some()))
    }
}
