//! The floor stack of a building (楼层立面图): its floors top-down, and every room of them as a cell.

use super::super::access::Caller;
use super::super::sync::Sync;
use super::cut::Cut;
use super::parse;
use crate::error::{Error, Result};
use saolou_protocol::building::EntityKind;
use saolou_protocol::building::view::{
    BuildingView, FloorView, OfficeRound, OfficeView, OpenOffice, SectionView,
};
use saolou_protocol::coverage::building::{BuildingState, Conditions};
use saolou_protocol::coverage::counts::{Counts, Metrics};
use saolou_protocol::coverage::floor::{FloorState, RosterStatus};
use saolou_protocol::ids::{FloorId, OfficeId, OpId, RoundId, SectionId};
use saolou_protocol::registry::door_order::DoorOrder;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The floor stack of a building (楼层立面图).
#[derive(Serialize)]
pub(crate) struct FloorStack {
    building_id: Uuid,
    /// The unit that it lies in.
    unit_id: Option<Uuid>,
    attributes: Map<String, Value>,
    round_id: Uuid,
    state: BuildingState,
    unmet: Conditions,
    counts: Counts,
    metrics: Metrics,
    sections: Vec<StackSection>,
}

#[derive(Serialize)]
struct StackSection {
    section_id: SectionId,
    name: String,
    /// Top-down by physical order.
    floors: Vec<StackFloor>,
}

#[derive(Serialize)]
struct StackFloor {
    floor_id: FloorId,
    label: String,
    sort_order_milli: i64,
    kind: String,
    roster_status: RosterStatus,
    state: FloorState,
    counts: Counts,
    metrics: Metrics,
    has_locked: bool,
    locked: Vec<OpenOffice>,
    has_unvisited: bool,
    unvisited: Vec<OpenOffice>,
    /// In room order.
    offices: Vec<StackOffice>,
}

#[derive(Serialize)]
struct StackOffice {
    office_id: OfficeId,
    label: String,
    /// What whoever confirms the floor must have seen.
    made_by: Vec<OpId>,
    #[serde(flatten)]
    cell: OfficeRound,
    /// What is to be looked at about photos, as far as their authors are told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Value>,
}

/// Reads the floor stack of a building in a round.
pub(crate) async fn floor_stack(
    sync: &Sync,
    caller: &Caller,
    building: Uuid,
    cut: Cut,
) -> Result<FloorStack> {
    let mut tx = sync.store.read().await?;
    let head = caller.building(&mut tx, building, sync.clock.now_ms()).await?;
    let round = cut.round(&mut tx, head.street_id).await?;
    let unit_id = tx.building_unit(building).await?;
    let entities = cut.of_building(&mut tx, &sync.folded, &head).await?;
    drop(tx);
    let mut parts = Parts::default();
    for (kind, body) in entities {
        match kind {
            EntityKind::Building => parts.building = Some(parse(&body)?),
            EntityKind::Floor => parts.floors.push(parse(&body)?),
            EntityKind::Office => parts.offices.push(parse(&body)?),
        }
    }
    parts.stack(building, unit_id, RoundId(round))
}

#[derive(Default)]
struct Parts {
    building: Option<BuildingView>,
    floors: Vec<FloorView>,
    offices: Vec<OfficeView>,
}

impl Parts {
    fn stack(self, building_id: Uuid, unit_id: Option<Uuid>, round: RoundId) -> Result<FloorStack> {
        let building = self.building.ok_or(Error::NotFound)?;
        let standing = building.rounds.into_iter().find(|standing| standing.round_id == round);
        let standing = standing.ok_or(Error::NotFound)?;
        let mut cells: HashMap<FloorId, Vec<StackOffice>> = HashMap::new();
        for office in self.offices {
            let cell = office.rounds.into_iter().find(|cell| cell.round_id == round);
            if let Some(cell) = cell {
                let OfficeView { office_id, label, made_by, floor_id, findings, .. } = office;
                let cell = StackOffice { office_id, label, made_by, cell, findings };
                cells.entry(floor_id).or_default().push(cell);
            }
        }
        let mut floors: BTreeMap<SectionId, Vec<StackFloor>> = BTreeMap::new();
        for floor in self.floors {
            let offices = cells.remove(&floor.floor_id).unwrap_or_default();
            let section = floors.entry(floor.section_id).or_default();
            section.extend(stack_floor(floor, round, offices));
        }
        let mut sections: Vec<StackSection> = building
            .sections
            .into_iter()
            .map(|SectionView { section_id, name }| {
                let mut floors = floors.remove(&section_id).unwrap_or_default();
                floors.sort_by_key(|floor| (-floor.sort_order_milli, floor.floor_id));
                StackSection { section_id, name, floors }
            })
            .collect();
        // The tallest first: the tower above its podium.
        let top =
            |section: &StackSection| section.floors.first().map(|floor| -floor.sort_order_milli);
        sections.sort_by_key(|section| (top(section), section.section_id));
        Ok(FloorStack {
            building_id,
            unit_id,
            attributes: building.attributes,
            round_id: round.0,
            state: standing.state,
            unmet: standing.unmet,
            metrics: standing.counts.metrics(),
            counts: standing.counts,
            sections,
        })
    }
}

fn stack_floor(
    floor: FloorView,
    round: RoundId,
    mut offices: Vec<StackOffice>,
) -> Option<StackFloor> {
    let standing = floor.rounds.into_iter().find(|standing| standing.round_id == round)?;
    offices.sort_by_cached_key(|office| (DoorOrder::of(&office.label), office.office_id));
    Some(StackFloor {
        floor_id: floor.floor_id,
        label: floor.label,
        sort_order_milli: floor.sort_order_milli,
        kind: floor.kind,
        roster_status: floor.roster_status,
        state: standing.state,
        metrics: standing.counts.metrics(),
        counts: standing.counts,
        has_locked: standing.has_locked,
        locked: standing.locked,
        has_unvisited: standing.has_unvisited,
        unvisited: standing.unvisited,
        offices,
    })
}
