//! Entities: the bytes as served, to phones by the feed and to supervisors by the coverage API.
//!
//! One entity for the building, one a floor, one an office id that was ever made, one a conflict.
//! Members are written in a fixed order, so equal states are equal bytes.

use super::office::Cell;
use super::{Building, Conditions};
use crate::canonical::Hash;
use crate::codes::codes;
use crate::conflict::Conflict;
use crate::coverage::building::BuildingState;
use crate::coverage::counts::Counts;
use crate::coverage::floor::{FloorState, RosterStatus};
use crate::coverage::office::{Flags, Reason, State};
use crate::coverage::shared::Companies;
use crate::ids::{BuildingId, FloorId, OccupancyId, OfficeId, OpId, RoundId, SectionId};
use crate::outcome::{Elements, Outcome};
use crate::registry::office::{OfficeKind, Sharing};
use crate::registry::structure::{Office, Status};
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
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
        /// A conflict.
        Conflict = "conflict",
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
    /// Where it stands in every round.
    pub rounds: Vec<BuildingRound>,
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
    /// What the lift panel says.
    pub label: String,
    /// Physical order × 1000.
    pub sort_order_milli: i64,
    /// `office`, `retail`, `refuge` …
    pub kind: String,
    /// How much is known of its rooms.
    pub roster_status: RosterStatus,
    /// Where it stands in every round.
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

/// A conflict as served; one that was settled stays, closed.
#[derive(Clone, Debug, Serialize)]
struct ConflictView<'a> {
    #[serde(flatten)]
    conflict: &'a Conflict,
    open: bool,
}

impl Building {
    pub(super) fn serve_conflicts(&mut self, now: BTreeSet<Conflict>, changed: &mut Vec<Entity>) {
        if now == self.conflicts {
            return;
        }
        let before = std::mem::replace(&mut self.conflicts, now);
        let now = self.conflicts.clone();
        for conflict in before.union(&now) {
            let view = ConflictView { conflict, open: now.contains(conflict) };
            self.serve_one(EntityKind::Conflict, conflict.conflict_id.0, &view, changed);
        }
    }

    pub(super) fn serve(
        &mut self,
        offices: &BTreeSet<OfficeId>,
        floors: &BTreeSet<FloorId>,
        all: bool,
        changed: &mut Vec<Entity>,
    ) {
        let all_offices: Vec<OfficeId>;
        let offices: &mut dyn Iterator<Item = OfficeId> = if all {
            all_offices = self.structure.offices.keys().copied().collect();
            &mut all_offices.into_iter()
        } else {
            &mut offices.iter().copied()
        };
        for id in offices {
            if let Some(office) = self.structure.offices.get(&id) {
                let view = self.office_view(id, office);
                self.serve_one(EntityKind::Office, id.0, &view, changed);
            }
        }
        for id in floors {
            if let Some(view) = self.floor_view(*id) {
                self.serve_one(EntityKind::Floor, id.0, &view, changed);
            }
        }
        if self.ledger.is_registered() {
            let view = self.building_view();
            self.serve_one(EntityKind::Building, self.id.0, &view, changed);
        }
    }

    fn serve_one<T: Serialize>(
        &mut self,
        kind: EntityKind,
        id: Uuid,
        view: &T,
        changed: &mut Vec<Entity>,
    ) {
        let body = serde_json::to_vec(view).expect("views have text keys and whole numbers");
        let hash = Hash::of(&body);
        if self.served.insert((kind, id), hash) != Some(hash) {
            changed.push(Entity { kind, id, body });
        }
    }

    fn building_view(&self) -> BuildingView {
        let sections = self.structure.sections.iter();
        let rounds = self.rounds.iter().enumerate().map(|(place, window)| {
            let (state, unmet, counts) = self.totals(place);
            BuildingRound { round_id: window.round, state, unmet, counts }
        });
        BuildingView {
            building_id: self.id,
            attributes: self.ledger.attributes().cloned().unwrap_or_default(),
            sections: sections
                .map(|(id, name)| SectionView { section_id: *id, name: name.clone() })
                .collect(),
            rounds: rounds.collect(),
        }
    }

    fn floor_view(&self, id: FloorId) -> Option<FloorView> {
        let floor = self.structure.floors.get(&id)?;
        let roster_status = self.roster(id);
        let rounds = self.rounds.iter().enumerate();
        Some(FloorView {
            floor_id: id,
            section_id: floor.section,
            label: floor.label.clone(),
            sort_order_milli: floor.sort_order_milli,
            kind: floor.kind.clone(),
            roster_status,
            rounds: rounds
                .map(|(place, window)| self.floor_round(id, place, window.round, roster_status))
                .collect(),
        })
    }

    fn floor_round(
        &self,
        id: FloorId,
        place: usize,
        round_id: RoundId,
        roster: RosterStatus,
    ) -> FloorRound {
        let derived = &self.floors[&id];
        let mut counts = derived.offices[place];
        let state = FloorState::of(&counts, roster);
        counts += derived.own[place];
        let locked = self.open_offices(id, place, Cell::is_shut);
        let unvisited = self.open_offices(id, place, Cell::is_unvisited);
        FloorRound {
            round_id,
            state,
            counts,
            has_locked: !locked.is_empty(),
            locked,
            has_unvisited: !unvisited.is_empty(),
            unvisited,
        }
    }

    /// Offices of a floor with a property, by label as people count.
    fn open_offices(
        &self,
        floor: FloorId,
        place: usize,
        wanted: fn(&Cell) -> bool,
    ) -> Vec<OpenOffice> {
        let members = self.floors[&floor].members.iter();
        let cells = members.map(|id| (id, &self.offices[id].cells[place]));
        let mut open: Vec<OpenOffice> = cells
            .filter(|(_, cell)| wanted(cell))
            .map(|(id, cell)| OpenOffice {
                office_id: *id,
                label: self.structure.offices[id].label.clone(),
                state: cell.coverage.state,
                attempts: cell.attempts,
                last_try_ms: cell.last.map(|(at_ms, _)| at_ms),
            })
            .collect();
        open.sort_by(|a, b| (a.label.len(), &a.label, a.office_id).cmp(&(b.label.len(), &b.label, b.office_id)));
        open
    }

    fn office_view(&self, id: OfficeId, office: &Office) -> OfficeView {
        let (status, becomes) = match &office.status {
            Status::Live => ("live", Vec::new()),
            Status::Alias(canonical) => ("alias", vec![*canonical]),
            Status::Superseded(children) => ("superseded", children.clone()),
            Status::NotInForce(parents) => ("not_in_force", parents.clone()),
        };
        let occupants = self.structure.occupants.get(&id).into_iter().flatten();
        let cells = self.offices.get(&id).map(|derived| derived.cells.as_slice());
        OfficeView {
            office_id: id,
            floor_id: office.floor,
            label: office.label.clone(),
            key: office.key.clone(),
            kind: office.kind,
            sharing: office.sharing,
            status: status.to_owned(),
            becomes,
            initial: office.initial,
            made_by: office.made_by.clone(),
            occupants: occupants
                .map(|(occupancy_id, occupant)| OccupantView {
                    occupancy_id: *occupancy_id,
                    name: occupant.name.clone(),
                    uscc: occupant.company.uscc.as_ref().map(ToString::to_string),
                    physical: occupant.physical,
                    op_id: occupant.op,
                })
                .collect(),
            rounds: cells.unwrap_or_default().iter().map(OfficeRound::from).collect(),
        }
    }

    /// Where an office stands now, for the phone that just changed it.
    pub(super) fn office_rounds(&self, id: OfficeId) -> Vec<OfficeRound> {
        let cells = self.offices.get(&id).map(|derived| derived.cells.as_slice());
        cells.unwrap_or_default().iter().map(OfficeRound::from).collect()
    }
}

impl From<&Cell> for OfficeRound {
    fn from(cell: &Cell) -> Self {
        Self {
            round_id: cell.round,
            state: cell.coverage.state,
            reason: cell.coverage.reason,
            flags: cell.coverage.flags,
            missing: cell.coverage.missing,
            companies: cell.companies,
            attempts: cell.attempts,
            visits: cell.visits,
            last_try_ms: cell.last.map(|(at_ms, _)| at_ms),
            last_outcome: cell.last.map(|(_, outcome)| outcome),
        }
    }
}
