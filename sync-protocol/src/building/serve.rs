//! Making the bytes as served, and finding out which of them changed.

use super::office::Cell;
use super::view::{
    BuildingRound, BuildingView, Entity, EntityKind, FloorRound, FloorView, OccupantView,
    OfficeRound, OfficeView, OpenOffice, SectionView,
};
use super::{Building, FloorDerived};
use crate::canonical::Hash;
use crate::coverage::floor::{FloorState, RosterStatus};
use crate::digest::{self, Digest};
use crate::fact::NewFloor;
use crate::ids::{FloorId, OfficeId, RoundId};
use crate::registry::door_order::DoorOrder;
use crate::registry::structure::{Office, Status};
use crate::zoo::{Defect, is_planted};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Most findings that the entity of one office tells.
const FINDINGS_TOLD_MAX: usize = 32;

impl Building {
    /// All entities as they stand, made anew from what is derived: equal sets of facts give equal
    /// lists.
    #[must_use]
    pub fn entities(&self) -> Vec<Entity> {
        let mut all = Vec::new();
        for (id, office) in &self.structure.offices {
            all.push(Entity::of(EntityKind::Office, id.0, &self.office_view(*id, office)));
        }
        let floors = &self.structure.floors;
        let views = floors.iter().map(|(id, floor)| (id, self.floor_view(*id, floor)));
        all.extend(views.map(|(id, view)| Entity::of(EntityKind::Floor, id.0, &view)));
        all.extend(self.former_floors());
        if self.ledger.is_registered() {
            all.push(Entity::of(EntityKind::Building, self.id.0, &self.building_view()));
        }
        all
    }

    /// Gives the entities whose bytes changed: offices, floors, the building.
    pub(super) fn serve(
        &mut self,
        offices: &BTreeSet<OfficeId>,
        floors: &BTreeSet<FloorId>,
        structure: bool,
    ) -> Vec<Entity> {
        let mut made = Vec::new();
        for id in offices {
            if let Some(office) = self.structure.offices.get(id) {
                made.push(Entity::of(EntityKind::Office, id.0, &self.office_view(*id, office)));
            }
        }
        for id in floors {
            if let Some(floor) = self.structure.floors.get(id) {
                made.push(Entity::of(EntityKind::Floor, id.0, &self.floor_view(*id, floor)));
            }
        }
        if structure {
            made.extend(self.former_floors());
        }
        if self.ledger.is_registered() {
            made.push(Entity::of(EntityKind::Building, self.id.0, &self.building_view()));
        }
        made.retain(|entity| {
            let term = digest::term(entity.kind.code(), entity.id, Hash::of(&entity.body));
            let before = self.served.insert((entity.kind, entity.id), term);
            if before == Some(term) {
                return false;
            }
            if let Some(before) = before.filter(|_| !is_planted(Defect::DigestNotSubtracted)) {
                self.digest.remove_row(&before);
            }
            self.digest.add_row(&term);
            true
        });
        made
    }

    /// The digest of its entities as served, kept by difference.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    fn former_floors(&self) -> impl Iterator<Item = Entity> {
        self.structure.former_floors.iter().map(|(id, (floor, canonical))| {
            Entity::of(EntityKind::Floor, id.0, &former_floor_view(*id, floor, *canonical))
        })
    }

    fn building_view(&self) -> BuildingView {
        let sections = self.structure.sections.iter();
        let rounds = self.rounds.iter().enumerate().map(|(place, window)| {
            let (state, unmet, counts) = self.totals(place);
            BuildingRound { round_id: window.round, state, unmet, counts }
        });
        let attributes = self.ledger.attributes();
        BuildingView {
            building_id: self.id,
            attributes: attributes.displayed().map(|write| write.value.clone()).unwrap_or_default(),
            sections: sections
                .map(|(id, name)| SectionView { section_id: *id, name: name.clone() })
                .collect(),
            roster_version: self.roster_versions.latest(),
            rounds: rounds.collect(),
            late_waiting: self.late.len(),
            photos_waiting: self.without_photo.len(),
            findings_open: self.findings.len(),
            conflicts: self.conflicts.open().iter().cloned().collect(),
        }
    }

    fn floor_view(&self, id: FloorId, floor: &NewFloor) -> FloorView {
        let derived = &self.floors[&id];
        let roster_status = derived.roster.unwrap_or(RosterStatus::Unsurveyed);
        let rounds = self.rounds.iter().enumerate();
        FloorView {
            floor_id: id,
            section_id: floor.section,
            status: "live".to_owned(),
            becomes: None,
            label: floor.label.clone(),
            sort_order_milli: floor.sort_order_milli,
            kind: floor.kind.clone(),
            roster_status,
            rounds: rounds
                .map(|(place, window)| {
                    self.floor_round(derived, place, window.round, roster_status)
                })
                .collect(),
        }
    }

    fn floor_round(
        &self,
        derived: &FloorDerived,
        place: usize,
        round_id: RoundId,
        roster: RosterStatus,
    ) -> FloorRound {
        let mut counts = derived.offices[place];
        let state = FloorState::of(&counts, roster);
        counts += derived.own[place];
        let locked = self.open_offices(derived, place, Cell::is_shut);
        let unvisited = self.open_offices(derived, place, Cell::is_unvisited);
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
        floor: &FloorDerived,
        place: usize,
        wanted: fn(&Cell) -> bool,
    ) -> Vec<OpenOffice> {
        let cells = floor.members.iter().map(|id| (id, &self.offices[id].cells[place]));
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
        open.sort_by_cached_key(|office| (DoorOrder::of(&office.label), office.office_id));
        open
    }

    pub(super) fn office_view(&self, id: OfficeId, office: &Office) -> OfficeView {
        let (status, becomes) = match &office.status {
            Status::Live => ("live", Vec::new()),
            Status::Alias(canonical) => ("alias", vec![*canonical]),
            Status::Superseded(children) => ("superseded", children.clone()),
            Status::NotInForce(parents) => ("not_in_force", parents.clone()),
        };
        let occupants = self.structure.occupants.get(&id).into_iter().flatten();
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
            rounds: self.office_rounds(id),
            findings: self.findings_told(id),
        }
    }

    /// What whoever took the photos of an office is told of them.
    fn findings_told(&self, id: OfficeId) -> Vec<Value> {
        let told = self.findings_in(id).filter(|finding| finding.code.is_for_author());
        let told = told.take(FINDINGS_TOLD_MAX);
        told.map(|finding| serde_json::to_value(finding).expect("it is plain")).collect()
    }

    /// Where an office stands now, for the phone that just changed it.
    pub(super) fn office_rounds(&self, id: OfficeId) -> Vec<OfficeRound> {
        let cells = self.offices.get(&id).map(|derived| derived.cells.as_slice());
        cells.unwrap_or_default().iter().map(OfficeRound::from).collect()
    }
}

/// A floor id that stands no more: the same as another, or withdrawn.
fn former_floor_view(id: FloorId, floor: &NewFloor, canonical: Option<FloorId>) -> FloorView {
    FloorView {
        floor_id: id,
        section_id: floor.section,
        status: if canonical.is_some() { "alias" } else { "withdrawn" }.to_owned(),
        becomes: canonical,
        label: floor.label.clone(),
        sort_order_milli: floor.sort_order_milli,
        kind: floor.kind.clone(),
        roster_status: RosterStatus::Unsurveyed,
        rounds: Vec::new(),
    }
}

impl Entity {
    fn of<T: Serialize>(kind: EntityKind, id: Uuid, view: &T) -> Self {
        let body = serde_json::to_vec(view).expect("views have text keys and whole numbers");
        Self { kind, id, body }
    }
}
