//! How facts are read from ops: leniently, each kind of op on its line.

use super::{Fact, Kind, NewFloor};
use crate::body::Body;
use crate::canonical::Hash;
use crate::company::Company;
use crate::coverage::floor::RosterStatus;
use crate::field::Source;
use crate::ids::VisitId;
use crate::issue::Issues;
use crate::op::Op;
use crate::photo::PhotoKind;
use crate::photo::reading::{PhotoReading, Resemblance};
use crate::registry::office::{NewOffice, OfficeKind, Sharing};
use crate::time::{CLOCK_SKEW_MS, Millis, Stamp, TimeQuality};
use crate::visit::Visit;

/// A photo that was taken longer before or after its visit is the issue `photo_time_gap`.
pub const PHOTO_GAP_MS: Millis = 2 * 3600 * 1000;

/// Kinds that this version stores without merging them.
const RECORDED: &[&str] = &[
    "note",
    "heartbeat",
    "photo_promise",
    "lead_draft",
    "case_draft",
    "ad_finding",
    "duplicate_hint",
];

impl Fact {
    /// Reads what an op says. Never fails; what is odd becomes issues.
    #[must_use]
    pub fn read(op: &Op, stamp: Stamp) -> (Self, Issues) {
        let mut issues = Issues::default();
        let kind = Kind::read(op, &mut issues).unwrap_or_else(|| {
            issues.add("body_incomplete");
            Kind::Recorded
        });
        let skew_ms = op.captured.wall_ms.saturating_sub(stamp.corrected_ms).saturating_abs();
        issues.add_if(op.n > 0 && skew_ms > CLOCK_SKEW_MS, "clock_skew");
        issues.add_if(stamp.quality == TimeQuality::Clamped, "time_clamped");
        let seen = op.seen.clone();
        let fact = Self { op: op.op_id, author: op.author, stamp, group: op.group, seen, kind };
        (fact, issues)
    }
}

impl Kind {
    fn read(op: &Op, issues: &mut Issues) -> Option<Self> {
        let Some((kind, "1")) = op.schema.split_once('/') else { return Some(Self::Unknown) };
        if kind != op.kind {
            return Some(Self::Unknown);
        }
        let body = Body::new(&op.body);
        Some(match kind {
            "visit" => {
                let (mut visit, found) = Visit::read(&op.body, VisitId(op.subject.id), op.hash);
                visit.wall_ms = Some(op.captured.wall_ms);
                issues.extend(found);
                let gap = has_photo_of_another_time(&body, op, issues);
                issues.add_if(gap, "photo_time_gap");
                Self::Visit(Box::new(visit))
            }
            "building_add" => Self::Building(op.body.clone()),
            "section_add" => {
                let name = body.text("name", issues).unwrap_or("-").to_owned();
                Self::Section { section: body.id("section_id", issues)?, name }
            }
            "floor_add" => Self::Floor(Box::new(NewFloor::read(&body, issues)?)),
            "floor_confirm" => Self::FloorConfirmed { floor: body.id("floor_id", issues)? },
            "office_remove" => {
                let office = body.id("office_id", issues)?;
                let claim =
                    Visit::claim(office, body.id("round_id", issues), VisitId(op.op_id.0), op.hash);
                Self::Visit(Box::new(claim))
            }
            "visit_void" => Self::Void { visit: body.id("visit_id", issues)? },
            "accept_late" => Self::LateAccepted { visit: body.id("visit_id", issues)? },
            "visit_reassign" => Self::Reassigned {
                visit: body.id("visit_id", issues)?,
                office: body.id("office_id", issues)?,
                instead_of: body.id("instead_of", issues),
            },
            "exclusion_approve" => Self::ExclusionApproved {
                office: body.id("office_id", issues)?,
                round: body.id("round_id", issues),
            },
            "exclusion_reject" => Self::ExclusionRejected,
            "structure_reject" | "office_restore" | "visit_unvoid" | "photo_declassify" => {
                Self::Withdrawal
            }
            "waive_photo" => Self::PhotoWaived { photo: body.id("photo_id", issues)? },
            "photo_reclassify" => {
                let photo = body.id("photo_id", issues)?;
                // Away from an identity document leads only a decision of the desk.
                let kind = body.code("kind", issues, PhotoKind::parse, PhotoKind::Other);
                (kind == Some(PhotoKind::IdCard)).then_some(Self::PhotoRestricted { photo })?
            }
            "photo_verified" => Self::PhotoVerified {
                photo: body.id("photo_id", issues)?,
                sha256: Hash::parse(body.text("sha256", issues)?)?,
            },
            "photo_read" => Self::PhotoRead(Box::new(PhotoReading::read(&body, issues)?)),
            "photo_alike" => Self::PhotosAlike(Box::new(Resemblance::read(&body, issues)?)),
            "finding_close" => Self::FindingClosed {
                finding: body.id("finding_id", issues)?,
                photo: body.id("photo_id", issues)?,
            },
            "building_accept" => Self::Accepted { round: body.id("round_id", issues)? },
            _ if RECORDED.contains(&kind) => Self::Recorded,
            _ => return Self::read_office_change(kind, &body, issues),
        })
    }

    fn read_office_change(kind: &str, body: &Body<'_>, issues: &mut Issues) -> Option<Self> {
        Some(match kind {
            "office_add" => Self::Office {
                floor: body.id("floor_id", issues)?,
                office: Box::new(NewOffice::read(body, issues)?),
                initial: body.text("origin", issues) == Some("initial"),
            },
            "office_split" => read_split(body, issues)?,
            "office_merge" => {
                let parents = body.ids("parents", issues);
                let child = Box::new(NewOffice::read(&body.object("child", issues), issues)?);
                (!parents.is_empty()).then_some(Self::Merge { parents, child })?
            }
            "office_rename" | "office_reclassify" => Self::OfficeFields {
                office: body.id("office_id", issues)?,
                label: body.text("label", issues).map(str::to_owned),
                kind: body.code("kind", issues, OfficeKind::parse, OfficeKind::Other),
                sharing: body.code("sharing", issues, Sharing::parse, Sharing::Single),
                source: read_source(body, issues),
            },
            "same_as" | "not_same_as" => Self::Link {
                a: body.id("a", issues)?,
                b: body.id("b", issues)?,
                same: kind == "same_as",
            },
            "occupancy_add" => {
                let company = body.object("company", issues);
                let physical =
                    !matches!(body.text("kind", issues), Some("registered_only" | "storage"));
                Self::Occupancy {
                    occupancy: body.id("occupancy_id", issues)?,
                    office: body.id("office_id", issues)?,
                    physical,
                    company: Box::new(Company::read_named(&company, issues)),
                    name: company.text("name", issues).unwrap_or_default().to_owned(),
                }
            }
            "occupants_confirm" => {
                Self::OccupantsConfirmed { office: body.id("office_id", issues)? }
            }
            _ => Self::Unknown,
        })
    }
}

fn read_split(body: &Body<'_>, issues: &mut Issues) -> Option<Kind> {
    let mut children = Vec::new();
    for child in body.objects("children", issues) {
        children.push(NewOffice::read(&child, issues)?);
    }
    let mut hints = Vec::new();
    for hint in body.objects("hints", issues) {
        let company = Company::read_named(&hint.object("company", issues), issues);
        if let Some(child) = hint.id("child", issues) {
            hints.push((company, child));
        }
    }
    let parent = body.id("parent", issues)?;
    (!children.is_empty()).then_some(Kind::Split { parent, children, hints })
}

/// Whether a photo was taken long before or after the visit: both by the clock of one phone, so that
/// it need not be right (domain §2.10).
fn has_photo_of_another_time(body: &Body<'_>, op: &Op, issues: &mut Issues) -> bool {
    let photos = body.objects("photos", issues);
    let mut taken = photos.iter().filter_map(|photo| photo.integer("taken_ms", issues));
    taken.any(|taken_ms| taken_ms.abs_diff(op.captured.wall_ms) > PHOTO_GAP_MS.unsigned_abs())
}

fn read_source(body: &Body<'_>, issues: &mut Issues) -> Source {
    body.code("source", issues, Source::parse, Source::ImportedList).unwrap_or(Source::Signage)
}

impl NewFloor {
    fn read(body: &Body<'_>, issues: &mut Issues) -> Option<Self> {
        let status =
            body.code("roster_status", issues, RosterStatus::parse, RosterStatus::Unsurveyed);
        Some(Self {
            floor: body.id("floor_id", issues)?,
            section: body.id("section_id", issues)?,
            label: body.text("label", issues)?.to_owned(),
            sort_order_milli: body.integer("sort_order_milli", issues)?,
            kind: body.text("kind", issues).unwrap_or("other").to_owned(),
            roster: status.unwrap_or(RosterStatus::Unsurveyed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use uuid::Uuid;

    #[test]
    fn a_photo_of_another_time_is_told_by_the_clock_of_its_own_phone() {
        const WALL_MS: Millis = 1_000_000_000;
        let issues = |taken_ms: Millis| {
            let id = Uuid::from_u128(1);
            let photo = json!({ "photo_id": id, "kind": "door_plate", "taken_ms": taken_ms });
            let Value::Object(content) = json!({
                "op_id": id, "device": id, "n": 1, "author": id, "kind": "visit",
                "schema": "visit/1", "subject": { "type": "visit", "id": id }, "bucket": id,
                "captured": { "wall_ms": WALL_MS },
                "body": { "outcome": "locked", "office_ids": [id], "photos": [photo] },
            }) else {
                unreachable!("it is an object")
            };
            let (op, _) = Op::seal(content).expect("the envelope is whole");
            // The phone's clock was a day behind: that is another issue.
            let at_ms = WALL_MS + 24 * 3_600_000;
            let quality = TimeQuality::Anchored;
            Fact::read(&op, Stamp { corrected_ms: at_ms, received_ms: at_ms, quality }).1
        };
        for (taken_ms, flagged) in [
            (WALL_MS, false),
            (WALL_MS - PHOTO_GAP_MS, false),
            (WALL_MS - PHOTO_GAP_MS - 1, true),
            (WALL_MS + PHOTO_GAP_MS + 1, true),
        ] {
            assert_eq!(issues(taken_ms).contains("photo_time_gap"), flagged, "{taken_ms}");
        }
    }
}
