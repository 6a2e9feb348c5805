//! Findings: what a person should look at about a photo. Never a verdict, and nothing is refused or
//! counted otherwise for one.
//!
//! A function of what reading the bytes gave and of what the record says of the photo. It does not
//! matter which of them came first.

use super::PhotoKind;
use super::reading::{PhotoReading, Undecodable};
use crate::canonical::Hash;
use crate::codes::codes;
use crate::identifiers::uscc::{Standing, is_same};
use crate::ids::{BuildingId, FindingId, OpId, PhotoId, UserId, VisitId};
use crate::location::Location;
use crate::time::Millis;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Builder;

codes! {
    /// What is to be looked at about a photo.
    pub enum FindingCode {
        /// Its bytes are no picture, or a broken one (C43).
        NotImage = "not_image",
        /// It is a picture of a kind that nothing here can show (C43).
        PreviewUnavailable = "preview_unavailable",
        /// It has fewer pixels than what it is to show needs.
        LowResolution = "low_resolution",
        /// What is printed in it cannot be read.
        Unreadable = "unreadable",
        /// It shows something else than it was said to.
        WrongKind = "wrong_kind",
        /// The code on the licence is not the one that was typed (C28).
        CodeMismatch = "code_mismatch",
        /// It was taken long before or after the visit (C41).
        PhotoTimeGap = "photo_time_gap",
        /// It was taken far from the visit (C41).
        PhotoPlaceGap = "photo_place_gap",
        /// The same bytes stand under another office (C39).
        PhotoReused = "photo_reused",
        /// It looks like a photo of another office.
        NearDuplicate = "near_duplicate",
    }
}

impl FindingCode {
    /// Whether the one who took the photo is told, because he can take a better one while he is still
    /// in the building. The others are the desk's to look at (C39, C41).
    #[must_use]
    pub const fn is_for_author(self) -> bool {
        matches!(
            self,
            Self::NotImage
                | Self::PreviewUnavailable
                | Self::LowResolution
                | Self::Unreadable
                | Self::WrongKind
                | Self::CodeMismatch
        )
    }

    /// What it means and what to do, in Chinese and in English.
    #[must_use]
    pub const fn explained(self) -> [&'static str; 2] {
        match self {
            Self::NotImage => [
                "文件不是可识别的图片或已损坏，原件照存；请重拍。",
                "The file is no picture, or a broken one. It is kept; take the photo again.",
            ],
            Self::PreviewUnavailable => [
                "图片格式无法预览，原件照存；请在手机上改用JPEG。",
                "The picture has a format that cannot be shown. It is kept; set the phone to JPEG.",
            ],
            Self::LowResolution => [
                "照片分辨率不足，小字看不清；请靠近重拍。",
                "The photo has too few pixels for its small print. Go closer and take it again.",
            ],
            Self::Unreadable => [
                "照片模糊或读不出二维码；请对焦后重拍。",
                "The photo is blurred, or its code cannot be read. Focus and take it again.",
            ],
            Self::WrongKind => [
                "照片内容与所选类别不符；请核对类别或重拍。",
                "The photo shows something else than it was said to. Check its kind or take it again.",
            ],
            Self::CodeMismatch => [
                "照片二维码中的代码与录入的统一社会信用代码不一致；请核对录入或执照。",
                "The code on the licence is not the one that was typed. Check what was typed, and the licence.",
            ],
            Self::PhotoTimeGap => [
                "拍摄时间与走访时间相差两小时以上；请核实。",
                "The photo was taken more than two hours before or after the visit. Find out why.",
            ],
            Self::PhotoPlaceGap => [
                "拍摄地点距走访地点三百米以上；请核实。",
                "The photo was taken more than 300 metres from the visit. Find out why.",
            ],
            Self::PhotoReused => [
                "同一张照片用于另一房间；请核实。",
                "The same photo stands under another room. Find out why.",
            ],
            Self::NearDuplicate => [
                "与另一房间的照片几乎相同；请对照核实。",
                "The photo looks like one of another room. Compare the two.",
            ],
        }
    }
}

/// Something to look at about a photo of a visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its id: the same on every node.
    pub finding_id: FindingId,
    /// What it is.
    pub code: FindingCode,
    /// The photo.
    pub photo_id: PhotoId,
    /// The visit that promised it.
    pub visit_id: VisitId,
    /// The other photo, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Other>,
    /// What led to it: sizes, codes, gaps, as they were found.
    pub detail: Value,
    /// The ops that it follows from, sorted. Who closes it has seen all of them.
    #[serde(skip)]
    pub siblings: Vec<OpId>,
}

/// The photo that another one resembles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    /// The photo.
    pub photo_id: PhotoId,
    /// The building that it was taken for.
    pub building_id: BuildingId,
}

impl Finding {
    /// Names a finding by what it is about.
    #[must_use]
    pub fn new(
        (visit_id, author): (VisitId, UserId),
        photo_id: PhotoId,
        (code, detail): (FindingCode, Value),
        other: Option<Other>,
        mut siblings: Vec<OpId>,
    ) -> Self {
        siblings.sort_unstable();
        siblings.dedup();
        let about =
            [visit_id.0, author.0, photo_id.0, other.map_or(PhotoId::default(), |o| o.photo_id).0];
        let mut content = code.code().as_bytes().to_vec();
        content.push(0);
        about.iter().for_each(|id| content.extend_from_slice(id.as_bytes()));
        let mut id = [0; 16];
        id.copy_from_slice(&Hash::of(&content).0[..16]);
        let finding_id = FindingId(Builder::from_custom_bytes(id).into_uuid());
        Self { finding_id, code, photo_id, visit_id, other, detail, siblings }
    }
}

/// The long side from which the small print of a licence is legible, and anything else, in pixels
/// (domain §2.17).
const LICENCE_PX_MIN: i64 = 1600;
const PHOTO_PX_MIN: i64 = 1024;
/// A photo taken longer before or after its visit is of another time.
const GAP_MS_MAX: u64 = 2 * 3600 * 1000;
/// A photo taken farther from its visit is of another place, in metres.
const GAP_M_MAX: f64 = 300.0;
/// Bits of 64 and of 256 that the hashes of one photo and its copy may differ in.
pub const ALIKE_BITS_MAX: (i64, i64) = (6, 26);

/// What the record says of a photo that it promises.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What it is to show.
    pub kind: PhotoKind,
    /// The credit code that was typed, as it was.
    pub code: Option<&'a str>,
    /// When the visit was: corrected, and by the clock of the phone, with which it takes photos.
    pub visited_ms: [Millis; 2],
    /// Where the visit was.
    pub place: Option<&'a Location>,
}

impl Record<'_> {
    /// The codes of companies that a photo stands for: those in it, and for a licence the typed one.
    #[must_use]
    pub fn codes<'b>(&'b self, scanned: &'b [String]) -> Vec<&'b str> {
        let typed = self.code.filter(|_| self.kind.is_licence());
        scanned.iter().map(String::as_str).chain(typed).collect()
    }
}

/// What is to be looked at about a photo by itself, each with what led to it.
#[must_use]
pub fn of_reading(reading: &PhotoReading, record: &Record<'_>) -> Vec<(FindingCode, Value)> {
    let mut found = Vec::new();
    if let Some(why) = reading.undecodable {
        let code = match why {
            Undecodable::PreviewUnavailable => FindingCode::PreviewUnavailable,
            _ => FindingCode::NotImage,
        };
        found.push((code, json!({ "why": why })));
    }
    found.extend(of_legibility(reading, record));
    found.extend(of_codes(reading, record));
    found.extend(of_time(reading, record));
    found.extend(of_place(reading, record));
    found
}

fn of_legibility(reading: &PhotoReading, record: &Record<'_>) -> Vec<(FindingCode, Value)> {
    let mut found = Vec::new();
    let side = reading.long_side_px;
    let side_min = if record.kind.is_licence() { LICENCE_PX_MIN } else { PHOTO_PX_MIN };
    if (1..side_min).contains(&side) {
        let detail = json!({ "side_px": side, "side_px_min": side_min });
        found.push((FindingCode::LowResolution, detail));
    }
    let is_smeared = reading.is_smeared && record.kind.is_print();
    let has_no_code = record.kind == PhotoKind::LicenceQr && !reading.codes.is_any;
    if reading.undecodable.is_none() && (is_smeared || has_no_code) {
        let detail = json!({ "sharpness": reading.sharpness, "is_code_missing": has_no_code });
        found.push((FindingCode::Unreadable, detail));
    }
    found
}

fn of_codes(reading: &PhotoReading, record: &Record<'_>) -> Option<(FindingCode, Value)> {
    let (codes, kind) = (&reading.codes, record.kind);
    let is_licence = kind.is_licence();
    let shows = match kind {
        PhotoKind::Other if !codes.licences.is_empty() => Some("licence"),
        _ if is_licence && codes.is_all_of_another_use => Some("other_code"),
        _ => None,
    };
    if let Some(shows) = shows {
        return Some((FindingCode::WrongKind, json!({ "kind": kind, "shows": shows })));
    }
    let typed = record.code.filter(|_| is_licence)?;
    // Where several licences hang side by side, one of them is enough.
    if codes.licences.is_empty() || codes.licences.iter().any(|code| is_same(code, typed)) {
        return None;
    }
    let believed = |code: &str| json!({ "code": code, "standing": Standing::of(code) });
    let scanned: Vec<Value> = codes.licences.iter().map(|code| believed(code)).collect();
    let detail = json!({ "typed": believed(typed), "scanned": scanned });
    Some((FindingCode::CodeMismatch, detail))
}

/// A photo is of another time where both clocks say so: the phone's own, by which the camera dates it,
/// and the corrected one.
fn of_time(reading: &PhotoReading, record: &Record<'_>) -> Option<(FindingCode, Value)> {
    let taken_ms = reading.taken_ms?;
    let gap_ms = record.visited_ms.map(|at_ms| taken_ms.abs_diff(at_ms)).into_iter().min()?;
    let detail = || json!({ "taken_ms": taken_ms, "gap_ms": gap_ms });
    (gap_ms > GAP_MS_MAX).then(|| (FindingCode::PhotoTimeGap, detail()))
}

#[expect(clippy::cast_possible_truncation, reason = "metres on one earth")]
fn of_place(reading: &PhotoReading, record: &Record<'_>) -> Option<(FindingCode, Value)> {
    let gap_m = reading.place.as_ref()?.distance_m(record.place?)?;
    let detail = || json!({ "gap_m": gap_m.round() as i64 });
    (gap_m > GAP_M_MAX).then(|| (FindingCode::PhotoPlaceGap, detail()))
}

/// One of two photos that look alike, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The codes of companies that stand in it.
    pub scanned: &'a [String],
    /// What its records say of it; none where they are not known here.
    pub records: &'a [Record<'a>],
}

impl Side<'_> {
    fn codes(&self) -> Vec<&str> {
        if self.records.is_empty() {
            return self.scanned.iter().map(String::as_str).collect();
        }
        self.records.iter().flat_map(|record| record.codes(self.scanned)).collect()
    }
}

/// What two photos of different offices that look alike are. The hashes of looks take licences in one
/// pose for one another: where both have a code and no code is in both, they are two licences.
#[must_use]
pub fn of_alike(
    bits: Option<(i64, i64)>,
    here: Side<'_>,
    there: Side<'_>,
) -> Option<(FindingCode, Value)> {
    let Some((of_64, of_256)) = bits else { return Some((FindingCode::PhotoReused, json!({}))) };
    if of_64 > ALIKE_BITS_MAX.0 || of_256 > ALIKE_BITS_MAX.1 {
        return None;
    }
    let (ours, theirs) = (here.codes(), there.codes());
    let agree = ours.iter().any(|one| theirs.iter().any(|other| is_same(one, other)));
    let codes = match (agree, ours.is_empty() || theirs.is_empty()) {
        (true, _) => "agree",
        (false, true) => "unknown",
        (false, false) => return None,
    };
    let detail = json!({ "bits_of_64": of_64, "bits_of_256": of_256, "codes": codes });
    Some((FindingCode::NearDuplicate, detail))
}
