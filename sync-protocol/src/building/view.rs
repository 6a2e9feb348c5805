//! Entities: the bytes as served, to phones by the feed and to supervisors by the coverage API.
//!
//! One entity for the building with its open conflicts, one a floor, one an office id that was ever
//! made.
//! Members are written in a fixed order, so equal states are equal bytes.

use super::Conditions;
use super::office::Cell;
use crate::codes::codes;
use crate::conflict::Conflict;
use crate::coverage::building::BuildingState;
use crate::coverage::counts::Counts;
use crate::coverage::floor::{FloorState, RosterStatus};
use crate::coverage::office::{Flags, Reason, State};
use crate::coverage::owed::Opens;
use crate::coverage::shared::Companies;
use crate::ids::{BuildingId, FloorId, OccupancyId, OfficeId, OpId, RoundId, SectionId};
use crate::outcome::{Elements, Outcome};
use crate::registry::office::{OfficeKind, Sharing};
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

codes! {
    /// What an entity is.
    pub enum EntityKind {
        /// The building.
        Building = "building",
        /// A floor.
        Floor = "floor",
        /// An office id.
        Office = "office",
    }
}

/// An entity whose bytes changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// What it is.
    pub kind: EntityKind,
    /// Its id.
    pub id: Uuid,
    /// JSON, as served.
    pub body: Vec<u8>,
}

/// The building as served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BuildingView {
    /// The building.
    pub building_id: BuildingId,
    /// What it was registered with: code, name, address, kind, location …
    pub attributes: Map<String, Value>,
    /// Its sections.
    pub sections: Vec<SectionView>,
    /// The version of its room list, from 1, which visits quote; 0 where a server of an earlier
    /// version served it.
    #[serde(default)]
    pub roster_version: i64,
    /// Where it stands in every round.
    pub rounds: Vec<BuildingRound>,
    /// Visits that count only when somebody accepts them late, or should be looked at for their time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub late_waiting: usize,
    /// Visits whose mandatory photo has neither come nor been waived.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub photos_waiting: usize,
    /// Findings about photos that nobody has closed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub findings_open: usize,
    /// What people disagree about, and nobody settled yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

/// A section as served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SectionView {
    /// The section.
    pub section_id: SectionId,
    /// Its name.
    pub name: String,
}

/// Where a building stands in a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BuildingRound {
    /// The round.
    pub round_id: RoundId,
    /// Its state.
    pub state: BuildingState,
    /// What full coverage lacks.
    pub unmet: Conditions,
    /// Its counts.
    pub counts: Counts,
}

/// A floor as served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FloorView {
    /// The floor.
    pub floor_id: FloorId,
    /// Its section.
    pub section_id: SectionId,
    /// `live`, `alias`, `withdrawn`.
    pub status: String,
    /// For an alias the floor that it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<FloorId>,
    /// What the lift panel says.
    pub label: String,
    /// Physical order × 1000.
    pub sort_order_milli: i64,
    /// `office`, `retail`, `refuge` …
    pub kind: String,
    /// How much is known of its rooms.
    pub roster_status: RosterStatus,
    /// Where it stands in every round; empty unless it is live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<FloorRound>,
}

/// Where a floor stands in a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FloorRound {
    /// The round.
    pub round_id: RoundId,
    /// Its state.
    pub state: FloorState,
    /// Its counts.
    pub counts: Counts,
    /// It has locked or blocked offices.
    pub has_locked: bool,
    /// These.
    pub locked: Vec<OpenOffice>,
    /// It has offices nobody got into.
    pub has_unvisited: bool,
    /// These.
    pub unvisited: Vec<OpenOffice>,
}

/// An office that a floor's list names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenOffice {
    /// The office.
    pub office_id: OfficeId,
    /// As on the door.
    pub label: String,
    /// Its state.
    pub state: State,
    /// Visits that got nowhere.
    pub attempts: i64,
    /// Corrected time of the latest visit.
    pub last_try_ms: Option<Millis>,
}

/// An office id as served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfficeView {
    /// The id.
    pub office_id: OfficeId,
    /// Its floor.
    pub floor_id: FloorId,
    /// As on the door.
    pub label: String,
    /// Its comparison key.
    pub key: String,
    /// Its kind.
    pub kind: OfficeKind,
    /// Who sits there.
    pub sharing: Sharing,
    /// `live`, `alias`, `superseded` or `not_in_force`.
    pub status: String,
    /// For an alias the office it stands for; for a superseded one what it became.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub becomes: Vec<OfficeId>,
    /// It was on the first roster.
    pub initial: bool,
    /// The ops that made it: what a confirmation of its floor must have seen.
    pub made_by: Vec<OpId>,
    /// Companies on its list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub occupants: Vec<OccupantView>,
    /// Where it stands in every round; empty unless it is live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<OfficeRound>,
    /// What is to be looked at about photos of visits to it, as far as their authors are told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Value>,
}

/// A company on the list of an office, as served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OccupantView {
    /// The stay.
    pub occupancy_id: OccupancyId,
    /// The company's name.
    pub name: String,
    /// Its credit code, where a valid one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uscc: Option<String>,
    /// It is physically there.
    pub physical: bool,
    /// The op that said so.
    pub op_id: OpId,
}

/// Where an office stands in a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfficeRound {
    /// The round.
    pub round_id: RoundId,
    /// Its state.
    pub state: State,
    /// Why it is covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What else is remarkable.
    #[serde(default, skip_serializing_if = "Flags::is_empty_ref")]
    pub flags: Flags,
    /// Elements still missing.
    #[serde(default, skip_serializing_if = "Elements::is_empty_ref")]
    pub missing: Elements,
    /// What its visits left open beside its state.
    #[serde(default, skip_serializing_if = "Opens::is_empty_ref")]
    pub open: Opens,
    /// For a shared room: companies covered, of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companies: Option<Companies>,
    /// Visits that got nowhere.
    pub attempts: i64,
    /// Effective visits.
    pub visits: i64,
    /// Corrected time of the latest effective visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_try_ms: Option<Millis>,
    /// Its outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<Outcome>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl From<&Cell> for OfficeRound {
    fn from(cell: &Cell) -> Self {
        Self {
            round_id: cell.round,
            state: cell.coverage.state,
            reason: cell.coverage.reason,
            flags: cell.coverage.flags,
            missing: cell.coverage.missing,
            open: cell.open(),
            companies: cell.companies,
            attempts: cell.attempts,
            visits: cell.visits,
            last_try_ms: cell.last.map(|(at_ms, _)| at_ms),
            last_outcome: cell.last.map(|(_, outcome)| outcome),
        }
    }
}
