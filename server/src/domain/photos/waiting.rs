//! Photos that wait for the desk: in quarantine, without a record (C36), or not what they were said
//! to be (C38). Nobody but the desk sees them before it has decided.

use super::Photos;
use super::arrival::{Placing, attached, verified};
use crate::domain::access::{Act, Caller};
use crate::domain::writer::Push;
use crate::error::{Error, Result};
use crate::store::{NewJob, PhotoRow, Stage};
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Most photos in one list.
const LISTED_MAX: i64 = 500;
/// How long a photo may be without its record before somebody is told.
const ORPHAN_AFTER_MS: Millis = 24 * 3600 * 1000;
/// Longest reason of a decision, in characters.
const REASON_CHARS_MAX: usize = 500;

/// What a photo waits for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Waiting {
    /// Whether it may count.
    Quarantined,
    /// For a record that promised it, since more than a day.
    Orphan,
    /// For somebody to find out why its bytes are not those that were promised.
    Mismatched,
}

/// A photo, for the desk.
#[derive(Serialize)]
pub(crate) struct Item {
    photo_id: Uuid,
    sha256: String,
    street_id: Uuid,
    building_id: Uuid,
    author_id: Uuid,
    device: Option<Uuid>,
    kind: Option<String>,
    media_type: String,
    bytes: i64,
    state: String,
    received_ms: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

/// Why, for people.
#[derive(Serialize)]
struct Reason {
    code: String,
    zh: &'static str,
    en: &'static str,
}

/// What the desk decides about a photo in quarantine.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    sha256: Hash,
    author_id: Uuid,
    decision: Decided,
    reason: String,
    /// For `attach`: the building it belongs to.
    building_id: Option<Uuid>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Decided {
    Release,
    Attach,
    Discard,
}

impl Photos {
    /// Lists the photos below a unit that wait, the longest waiting first.
    pub(crate) async fn waiting(
        &self,
        caller: &Caller,
        unit: Uuid,
        waiting: Waiting,
    ) -> Result<Vec<Item>> {
        let now_ms = self.sync.clock.now_ms();
        let (state, before_ms) = match waiting {
            Waiting::Quarantined => ("quarantined", Millis::MAX),
            Waiting::Mismatched => ("mismatched", Millis::MAX),
            Waiting::Orphan => ("stored", now_ms - ORPHAN_AFTER_MS),
        };
        let mut tx = self.sync.store.read().await?;
        caller.require_at(&mut tx, Act::Review, unit).await?;
        let rows = tx.photos_waiting(unit, state, before_ms, LISTED_MAX).await?;
        Ok(rows.into_iter().map(Item::of).collect())
    }

    /// Decides about a photo in quarantine, or attaches one without a record to the building where its
    /// record is.
    pub(crate) async fn decide(
        &self,
        caller: &Caller,
        photo: Uuid,
        decision: &Decision,
    ) -> Result<Item> {
        let reason = decision.reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
            let wrong = format!("reason: expected 1 to {REASON_CHARS_MAX} characters");
            return Err(Error::Invalid(wrong));
        }
        let mut tx = self.sync.store.read().await?;
        let rows = tx.photos(photo).await?;
        let row = rows
            .into_iter()
            .find(|row| row.sha256 == decision.sha256.0 && row.author_id == decision.author_id);
        let mut row = row.ok_or(Error::NotFound)?;
        caller.require_at(&mut tx, Act::Review, row.street_id).await?;
        let is_orphan = row.state == "stored" && row.bound_ms.is_none();
        let is_attached = decision.decision == Decided::Attach;
        if row.state != "quarantined" && !(is_orphan && is_attached) {
            return Err(Error::Invalid(format!("the photo is {}", row.state)));
        }
        if row.author_id == caller.user_id && decision.decision != Decided::Discard {
            return Err(Error::Invalid("nobody decides about what he sent himself".into()));
        }
        let building = decision.building_id.unwrap_or(row.building_id);
        let state = if decision.decision == Decided::Discard { "discarded" } else { "stored" };
        if decision.decision != Decided::Discard {
            let unknown =
                || Error::Invalid("building_id: expected a building to attach it to".into());
            let head = tx.head(building).await?.ok_or_else(unknown)?;
            caller.require_at(&mut tx, Act::Review, head.street_id).await?;
            drop(tx);
            if head.street_id != row.street_id {
                self.carry_over(&mut row, head.street_id, building).await?;
            }
            let now_ms = self.sync.clock.now_ms();
            let placing = Placing { street: head.street_id, reason: None };
            let ops = vec![match is_orphan {
                true => attached(photo, decision.sha256, building, placing, now_ms)?,
                false => verified(photo, decision.sha256, building, placing, now_ms)?,
            }];
            // The op first: a decision that was noted and had no effect would be a loss.
            self.sync.writer.file(Push { ops, arrivals: Vec::new() }).await?;
        }
        let mut tx = self.sync.store.write().await?;
        if !tx.decide_photo(&row, state, reason, building).await? {
            return Err(Error::Invalid("somebody else has decided meanwhile".into()));
        }
        if state == "stored" {
            // Its bytes may have been read long ago; what they gave was nobody's to know until now.
            let told = NewJob { photo_id: photo, sha256: decision.sha256.0, stage: Stage::Tell };
            tx.put_jobs(&[told], self.sync.clock.now_ms()).await?;
        }
        tx.commit().await?;
        self.sync.jobs.ring();
        tracing::info!(photo_id = %photo, state, by = %caller.user_id, "a photo in quarantine was decided about");
        row.building_id = building;
        row.state = state.to_owned();
        row.reason = Some(reason.to_owned());
        Ok(Item::of(row))
    }

    /// Takes a photo over into the street of the building that it belongs to, before the op says that
    /// it is there: all that is done with a photo is done in the street of its building. Cut off here,
    /// it waits for the desk of that street.
    async fn carry_over(&self, row: &mut PhotoRow, street: Uuid, building: Uuid) -> Result<()> {
        let mut tx = self.sync.store.write().await?;
        if !tx.move_photo(row, street, building).await? {
            return Err(Error::Invalid("the photo is there already, or was decided about".into()));
        }
        tx.commit().await?;
        (row.street_id, row.building_id) = (street, building);
        Ok(())
    }
}

impl Item {
    fn of(row: PhotoRow) -> Self {
        let sha256 = row.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            photo_id: row.photo_id,
            sha256,
            street_id: row.street_id,
            building_id: row.building_id,
            author_id: row.author_id,
            device: row.device_id,
            kind: row.kind,
            media_type: row.media_type,
            bytes: row.bytes,
            state: row.state,
            received_ms: row.received_ms,
            reason: row.reason.map(Reason::of),
        }
    }
}

impl Reason {
    fn of(code: String) -> Self {
        let (zh, en) = match code.as_str() {
            "device_revoked" => ("设备已吊销", "The device is revoked"),
            "account_suspended" => ("账号已停用", "The account is suspended"),
            "building_not_named" => ("未说明所属楼宇", "No building was named"),
            "building_unknown" => (
                "楼宇不存在或不在本人街道",
                "The building is unknown, or in no street of the sender's",
            ),
            super::FORGOTTEN => (
                "数据库恢复后，拍摄人和所属楼宇已不可知；记录再次到达或补充归属后计入",
                "The database was set back and forgot who took it where. It counts when its record \
                 comes again, or when it is attached to its building",
            ),
            "hash_mismatch" => {
                ("内容与承诺的哈希不一致", "The bytes are not those that were promised")
            }
            _ => ("督导处理意见", "What the supervisor decided"),
        };
        Self { code, zh, en }
    }
}
