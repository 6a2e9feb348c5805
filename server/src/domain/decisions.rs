//! What the desk decides about one building (domain R2, R3): exclusions, voids, confirmations,
//! acceptance, what a photo shows. Each becomes an op whose `seen` is what its author's screen showed.
//!
//! A decision is tried on the folded building before it is filed. One that would change nothing, or
//! that a fact defeats which its author has not seen, is not filed: the answer says why, and what to
//! do. Filed, it can be undone like the resolution of a conflict.

use super::access::Caller;
use super::desk;
use super::fold::fold;
use super::settling::reason_of;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{Head, Tx};
use saolou_protocol::building::decide::Idle;
use saolou_protocol::building::settle::Ruling;
use saolou_protocol::coverage::building::Conditions;
use saolou_protocol::engine::push::Verdict;
use saolou_protocol::ids::{FloorId, OfficeId, OpId, PhotoId, RoundId, VisitId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// Most ops that a decision may have seen: everything about a floor of a large tower.
const SEEN_MAX: usize = 5000;

/// Changes of rooms that the desk takes back.
const CHANGES: &[&str] = &[
    "office_split",
    "office_merge",
    "office_rename",
    "office_reclassify",
    "same_as",
    "not_same_as",
];

/// A decision, its reason, and what was on its author's screen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deciding {
    reason: String,
    #[serde(default)]
    seen: Vec<OpId>,
    decision: Decision,
}

/// What is decided; the names are those of the kinds of op that they become.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Decision {
    /// A room is no object of the canvass: in a round, or in all.
    ExclusionApprove { office_id: OfficeId, round_id: Option<RoundId> },
    /// The claims on the screen do not hold.
    ExclusionReject { office_id: OfficeId },
    /// A visit does not count.
    VisitVoid { visit_id: VisitId },
    /// The room list of a floor is complete.
    FloorConfirm { floor_id: FloorId, method: Option<Method> },
    /// The companies of a shared room are all listed.
    OccupantsConfirm { office_id: OfficeId },
    /// A change of the rooms does not hold: a split, a merger, a number, a kind, one room or two.
    StructureReject { op_id: OpId },
    /// Full coverage is accepted.
    BuildingAccept { round_id: RoundId },
    /// A photo shows an identity document, whatever its record says (C42).
    PhotoReclassify { photo_id: PhotoId },
    /// It shows none: what the screen showed of that is taken back.
    PhotoDeclassify { photo_id: PhotoId },
}

/// How the room list of a floor was checked (domain §2.4).
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    /// Somebody walked the floor.
    Walked,
    /// Against the property manager's list.
    List,
    /// Against the floor plan.
    Plan,
}

impl Method {
    fn code(self) -> &'static str {
        match self {
            Self::Walked => "walked",
            Self::List => "list",
            Self::Plan => "plan",
        }
    }
}

/// What became of a decision.
#[derive(Serialize)]
pub(crate) struct Decided {
    /// `filed` or `refused`.
    status: &'static str,
    /// The op; withdrawing it undoes the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    op_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Why>,
    /// For an acceptance that was refused: what full coverage lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmet: Option<Conditions>,
}

#[derive(Serialize)]
struct Why {
    code: &'static str,
    zh: &'static str,
    en: &'static str,
}

/// Files a decision about a building, or says why it would not hold.
pub(crate) async fn decide(
    sync: &Sync,
    caller: &Caller,
    building_id: Uuid,
    deciding: Deciding,
) -> Result<Decided> {
    let Deciding { reason, seen, decision } = deciding;
    let reason = reason_of(&reason)?;
    if seen.len() > SEEN_MAX {
        return Err(Error::Invalid(format!("seen: at most {SEEN_MAX}")));
    }
    let (kind, subject, mut body) = decision.said(building_id);
    body["reason"] = json!(reason);
    let mut tx = sync.store.read().await?;
    let unit = tx.building_unit(building_id).await?.ok_or(Error::NotFound)?;
    caller.require_filing_at(&mut tx, kind, unit).await?;
    let head = tx.head(building_id).await?.ok_or(Error::NotFound)?;
    let (folded, _) = fold(&mut tx, &head).await?;
    let seen = match decision {
        Decision::StructureReject { op_id } => {
            require_change(&mut tx, &head, op_id).await?;
            // What it withdraws is what it lists.
            vec![op_id]
        }
        _ => seen,
    };
    drop(tx);
    let (op_id, now_ms) = (sync.clock.new_id(), sync.clock.now_ms());
    let ruling = Ruling { kind, subject, seen, body };
    let settles = json!({ "decision": kind, "reason": reason });
    let op = desk::settling(op_id, caller.user_id, now_ms, building_id, ruling, settles)?;
    let judged = desk::judged(op, head.street_id, now_ms);
    let Verdict::Merge(fact) = &judged.verdict else {
        return Err(Error::Internal("an op of the desk is merged".into()));
    };
    if let Err(idle) = folded.would_hold(fact) {
        let idle = match decision {
            Decision::PhotoDeclassify { photo_id } if folded.is_restricted(photo_id) => {
                Idle::Unseen
            }
            _ => idle,
        };
        let unmet = match decision {
            Decision::BuildingAccept { round_id } => folded.unmet(round_id),
            _ => None,
        };
        let reason = Some(why(idle));
        return Ok(Decided { status: "refused", op_id: None, reason, unmet });
    }
    desk::file(&sync.writer, vec![judged]).await?;
    Ok(Decided { status: "filed", op_id: Some(op_id), reason: None, unmet: None })
}

/// Fails where an op is no change of the rooms of a building. That a room is none is decided otherwise.
async fn require_change(tx: &mut Tx, head: &Head, op: OpId) -> Result<()> {
    let content = tx.op_content(head.street_id, op.0).await?.ok_or(Error::NotFound)?;
    let content: Value = serde_json::from_slice(&content).unwrap_or_default();
    let kind = content["kind"].as_str().unwrap_or_default();
    if content["bucket"] != json!(head.building_id) {
        return Err(Error::NotFound);
    }
    if !CHANGES.contains(&kind) {
        return Err(Error::Invalid(format!("op_id: {kind} is no change of rooms")));
    }
    Ok(())
}

impl Decision {
    /// The kind of its op, what that is about, and what it says.
    fn said(self, building: Uuid) -> (&'static str, Uuid, Value) {
        match self {
            Self::ExclusionApprove { office_id, round_id } => {
                let mut body = json!({ "office_id": office_id });
                if let Some(round) = round_id {
                    body["round_id"] = json!(round);
                }
                ("exclusion_approve", office_id.0, body)
            }
            Self::ExclusionReject { office_id } => {
                ("exclusion_reject", office_id.0, json!({ "office_id": office_id }))
            }
            Self::VisitVoid { visit_id } => {
                ("visit_void", visit_id.0, json!({ "visit_id": visit_id }))
            }
            Self::FloorConfirm { floor_id, method } => {
                let method = method.map_or("desk", Method::code);
                ("floor_confirm", floor_id.0, json!({ "floor_id": floor_id, "method": method }))
            }
            Self::OccupantsConfirm { office_id } => {
                ("occupants_confirm", office_id.0, json!({ "office_id": office_id }))
            }
            Self::StructureReject { op_id } => {
                ("structure_reject", building, json!({ "considered": [op_id] }))
            }
            Self::BuildingAccept { round_id } => {
                ("building_accept", building, json!({ "round_id": round_id }))
            }
            Self::PhotoReclassify { photo_id } => {
                let body = json!({ "photo_id": photo_id, "kind": "id_card" });
                ("photo_reclassify", photo_id.0, body)
            }
            Self::PhotoDeclassify { photo_id } => ("photo_declassify", photo_id.0, json!({})),
        }
    }
}

/// Why a decision was not filed, and what to do; Chinese first.
fn why(idle: Idle) -> Why {
    let [zh, en] = match idle {
        Idle::Unknown => [
            "本楼没有此对象，请刷新后重试。",
            "There is no such thing in this building; look at it again.",
        ],
        Idle::NoEffect => {
            ["已经如此，无需再次决定；请刷新页面。", "It is so already; look at it again."]
        }
        Idle::Unseen => [
            "有您尚未看到的新记录与此决定不一致；请刷新，看过之后再决定。",
            "There is a record that you have not seen and that speaks against it. Look again, then decide.",
        ],
        Idle::OwnClaim => [
            "核减须由申报人以外的人批准；请由其他督导处理。",
            "Nobody approves what he claimed himself; another supervisor must decide.",
        ],
        Idle::NotReady => [
            "尚未满足全覆盖验收条件，所缺各项见下。",
            "Full coverage is not reached; what it lacks is listed.",
        ],
    };
    Why { code: idle.code(), zh, en }
}
