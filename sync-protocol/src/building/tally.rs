//! What each room and each floor adds to the counts of a building: the records behind a figure.

use super::Building;
use super::view::OfficeRound;
use crate::coverage::counts::Counts;
use crate::coverage::floor::{FloorState, RosterStatus};
use crate::ids::{FloorId, OfficeId, RoundId, UserId};
use crate::registry::door_order::DoorOrder;
use std::cmp::Reverse;

/// A floor of a building, with what it and its rooms add to the counts.
#[derive(Clone, Debug)]
pub struct FloorTally<'a> {
    /// The floor.
    pub floor_id: FloorId,
    /// What the lift panel says.
    pub label: &'a str,
    /// Where it stands.
    pub state: FloorState,
    /// What it adds by itself: whether it has rooms, is complete, is surveyed.
    pub counts: Counts,
    /// Its rooms, in the order of the doors.
    pub rooms: Vec<RoomTally<'a>>,
}

/// A room, with what it adds to the counts.
#[derive(Clone, Debug)]
pub struct RoomTally<'a> {
    /// The room.
    pub office_id: OfficeId,
    /// As on the door.
    pub label: &'a str,
    /// Where it stands.
    pub standing: OfficeRound,
    /// Who made the latest effective visit.
    pub last_by: Option<UserId>,
    /// What it adds.
    pub counts: Counts,
}

impl Building {
    /// Everything that the counts of a round are the sum of, but for what is counted in buildings:
    /// floors top-down, each with its rooms. Nothing for a round that it is not derived for.
    #[must_use]
    pub fn tallies(&self, round: RoundId) -> Vec<FloorTally<'_>> {
        let Some(place) = self.rounds.iter().position(|window| window.round == round) else {
            return Vec::new();
        };
        let height =
            |id: &FloorId| self.structure.floors.get(id).map_or(0, |floor| floor.sort_order_milli);
        let mut floors: Vec<FloorId> = self.floors.keys().copied().collect();
        floors.sort_by_key(|id| (Reverse(height(id)), *id));
        floors.into_iter().map(|id| self.floor_tally(id, place)).collect()
    }

    fn floor_tally(&self, floor_id: FloorId, place: usize) -> FloorTally<'_> {
        let derived = &self.floors[&floor_id];
        let roster = derived.roster.unwrap_or(RosterStatus::Unsurveyed);
        let mut rooms: Vec<RoomTally<'_>> = derived
            .members
            .iter()
            .map(|office_id| {
                let cell = &self.offices[office_id].cells[place];
                let label = self.structure.offices.get(office_id).map_or("", |o| &o.label);
                let (standing, counts) = (OfficeRound::from(cell), cell.counts);
                RoomTally { office_id: *office_id, label, standing, last_by: cell.last_by, counts }
            })
            .collect();
        rooms.sort_by_cached_key(|room| (DoorOrder::of(room.label), room.office_id));
        FloorTally {
            floor_id,
            label: self.structure.floors.get(&floor_id).map_or("", |floor| &floor.label),
            state: FloorState::of(&derived.offices[place], roster),
            counts: derived.own[place],
            rooms,
        }
    }

    /// What the building is called.
    #[must_use]
    pub fn name(&self) -> String {
        let attributes = self.ledger.attributes();
        let shown = attributes.displayed();
        let name = shown.and_then(|write| write.value.get("name")?.as_str());
        name.unwrap_or_default().to_owned()
    }
}
