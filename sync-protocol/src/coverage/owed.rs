//! Obligations (待办): what is still owed at a room, and by when (domain §3.9, times of B.1).

use super::office::{Flag, Reason, State};
use super::pace::{DAY_MS, after_workdays};
use crate::building::view::OfficeRound;
use crate::codes::{code_set, codes};
use crate::time::Millis;

codes! {
    /// What a room's visits left open beside its state.
    pub enum Open {
        /// Somebody was blocked here, and no later visit settled it.
        Case = "case",
        /// A company without a licence, and neither a measure nor a hand-over.
        Unlicensed = "unlicensed",
    }
}

code_set! {
    /// A set of what is open.
    pub struct Opens(u8) of Open
}

codes! {
    /// What is owed.
    pub enum Obligation {
        /// 通报部门: a blocked door.
        DeptNotice = "dept_notice",
        /// 无证处置: an unlicensed company.
        MeasureUnlicensed = "measure_unlicensed",
        /// 冲突待判.
        ConflictReview = "conflict_review",
        /// 房间变动待审.
        StructureReview = "structure_review",
        /// 核减待批.
        ExclusionReview = "exclusion_review",
        /// 超期记录待认定.
        LateReview = "late_review",
        /// 照片未到.
        PhotoUpload = "photo_upload",
        /// 补检.
        Supplement = "supplement",
        /// 锁门复查.
        RevisitLocked = "revisit_locked",
        /// 首次走访.
        FirstVisit = "first_visit",
        /// 装修复查.
        RenovationRecheck = "renovation_recheck",
    }
}

/// What is owed at a room, each with the time by which it is due: by the clock of the latest visit,
/// corrected. What nobody has begun is due at the end of the round.
#[must_use]
pub fn owed(room: &OfficeRound, round_until_ms: Millis) -> Vec<(Obligation, Millis)> {
    let mut owed = Vec::new();
    let last_ms = room.last_try_ms.unwrap_or(round_until_ms);
    if room.open.contains(Open::Case) {
        owed.push((Obligation::DeptNotice, last_ms + DAY_MS));
    }
    if room.open.contains(Open::Unlicensed) {
        owed.push((Obligation::MeasureUnlicensed, last_ms + DAY_MS));
    }
    match room.state {
        State::Unvisited | State::Attempted => owed.push((Obligation::FirstVisit, round_until_ms)),
        State::Locked => owed.push((Obligation::RevisitLocked, after_workdays(last_ms, 2))),
        State::Partial => owed.push((Obligation::Supplement, after_workdays(last_ms, 3))),
        State::ExclusionPending => {
            owed.push((Obligation::ExclusionReview, after_workdays(last_ms, 2)));
        }
        State::Covered if room.reason == Some(Reason::UnderRenovation) => {
            owed.push((Obligation::RenovationRecheck, last_ms + 30 * DAY_MS));
        }
        State::Blocked | State::Covered | State::Excluded => {}
    }
    if room.flags.contains(Flag::EvidencePending) {
        owed.push((Obligation::PhotoUpload, last_ms + DAY_MS));
    }
    owed
}
