//! Which doors of the other eleven buildings are visited, by whom, when, and what comes of it.
//!
//! 900 stops on the way of six phones: floor by floor from below, Monday to Thursday in working
//! hours, 9 % locked, 3 % blocked, 6 % vacant, 2 % unlicensed, the rest inspected or partly so.

use super::super::accounts::{id, november};
use super::super::loader::{occupancy_id, office_id};
use super::super::street::{BuildingPlan, FloorPlan, OccupantPlan, RoomPlan, Street, demo_uscc};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// Stops in all.
pub(super) const STOPS: usize = 900;
/// Of these: nobody there.
pub(super) const LOCKED: usize = 81;
/// Of these: kept out.
pub(super) const BLOCKED: usize = 27;
/// Of these: empty.
pub(super) const VACANT: usize = 54;
/// Of these: without licence.
pub(super) const UNLICENSED: usize = 18;
const PARTIAL: usize = 44;

/// Stops in each building, and the two phones that share its floors.
const BUILDINGS: [(&str, usize, [usize; 2]); 11] = [
    ("B01", 165, [0, 1]),
    ("B02", 120, [0, 1]),
    ("B03", 75, [0, 1]),
    ("B05", 140, [2, 3]),
    ("B06", 50, [2, 3]),
    ("B07", 40, [2, 3]),
    ("B08", 44, [2, 3]),
    ("B09", 86, [2, 3]),
    ("B10", 60, [4, 5]),
    ("B11", 90, [4, 5]),
    ("B12", 30, [4, 5]),
];
/// Building where companies share rooms and are visited one by one.
const COWORKING: &str = "B08";

/// What comes of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Complete; the licence was shown on a screen.
    Inspected,
    /// Complete; the licence was photographed.
    Photographed {
        /// The photo has arrived.
        sent: bool,
    },
    /// The ledger is missing.
    Partial,
    /// No licence; ordered to apply for one, or not.
    Unlicensed {
        /// Ordered.
        ordered: bool,
    },
    /// Nobody there.
    Locked,
    /// Somebody said no.
    Refused,
    /// Somebody is inside and does not open.
    Deliberate,
    /// Empty, with a photo that has arrived.
    Vacant,
    /// Empty, as the property manager says.
    VacantByStatement,
    /// A home.
    NotInScope,
}

/// One door, or one company of a shared room.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// Code of the building.
    pub(super) building: &'static str,
    /// The office.
    pub(super) office: Uuid,
    /// In a shared room: the company's stay there.
    pub(super) occupancy: Option<Uuid>,
    /// Who sits there.
    pub(super) tenant: OccupantPlan,
    /// The list names a company here.
    listed: bool,
    home: bool,
    /// Place of the phone.
    pub(super) phone: usize,
    /// When, by a right clock.
    pub(super) at_ms: Millis,
    /// What comes of it.
    pub(super) fate: Fate,
}

/// The stops, in the order of buildings, floors and doors.
pub(super) fn stops(street: &Street) -> Vec<Stop> {
    let mut stops = Vec::with_capacity(STOPS);
    for (code, count, phones) in BUILDINGS {
        let plan = street.buildings.iter().find(|plan| plan.code == code);
        let plan = plan.expect("the street has all twelve buildings");
        stops.extend(on_the_way(plan, phones).take(count));
    }
    for (n, stop) in (0..).zip(&mut stops) {
        if stop.tenant.uscc.is_none() {
            // The list gives no code; the licence does.
            stop.tenant.uscc = Some(demo_uscc(19_000 + n, !stop.tenant.company.ends_with("公司")));
        }
    }
    set_times(&mut stops);
    draw_fates(&mut stops);
    stops
}

/// All doors of a building from below; the two phones take the floors in turn.
fn on_the_way(plan: &BuildingPlan, phones: [usize; 2]) -> impl Iterator<Item = Stop> {
    let floors = plan.sections.iter().flat_map(|s| s.floors.iter().map(|floor| (s.name, floor)));
    let with_rooms = floors.filter(|(_, floor)| !floor.rooms.is_empty()).enumerate();
    with_rooms.flat_map(move |(turn, (section, floor))| {
        let rooms = floor.rooms.iter();
        rooms.flat_map(move |room| at_door(plan.code, section, floor, room, phones[turn % 2]))
    })
}

fn at_door(
    building: &'static str,
    section: &str,
    floor: &FloorPlan,
    room: &RoomPlan,
    phone: usize,
) -> Vec<Stop> {
    let office = office_id(building, section, &floor.label, &room.label);
    let stop = |occupancy, tenant: &OccupantPlan, listed| Stop {
        building,
        office,
        occupancy,
        tenant: tenant.clone(),
        listed,
        home: room.kind == "residential_unit",
        phone,
        at_ms: 0,
        fate: Fate::Inspected,
    };
    if building == COWORKING {
        let inside = room.occupants.iter().enumerate();
        let inside = inside.filter(|(_, occupant)| occupant.kind == "physical");
        return inside
            .map(|(place, occupant)| stop(Some(occupancy_id(office, place)), occupant, true))
            .collect();
    }
    match room.occupants.first() {
        Some(occupant) => vec![stop(None, occupant, true)],
        None => {
            let company = format!("云岚新驻{}{}工作室（演示）", &building[1..], room.label);
            let newcomer = OccupantPlan { company, uscc: None, kind: "physical" };
            vec![stop(None, &newcomer, false)]
        }
    }
}

/// Spreads each phone's stops over four days, seven working hours each.
fn set_times(stops: &mut [Stop]) {
    const MINUTE_MS: Millis = 60_000;
    for phone in 0..6 {
        let own: Vec<_> = stops.iter_mut().filter(|stop| stop.phone == phone).collect();
        let per_day = own.len().div_ceil(4).max(1);
        for (place, stop) in own.into_iter().enumerate() {
            let share = |of: usize| Millis::try_from(of).expect("a few hundred");
            let (day, turn) = (share(place / per_day), share(place % per_day));
            let minute = 5 + turn * 410 / share(per_day);
            // From 9:00; after three hours an hour and a half of noon.
            let noon = if minute >= 180 { 90 } else { 0 };
            stop.at_ms = november(23 + day, 900) + (minute + noon) * MINUTE_MS;
        }
    }
}

/// Draws what comes of each stop; the draw is the same every time.
fn draw_fates(stops: &mut [Stop]) {
    let mut order: Vec<usize> = (0..stops.len()).collect();
    order.sort_by_key(|place| id(&format!("draw:{place}")));
    let mut free = vec![true; stops.len()];
    let mut draw = |stops: &[Stop], count: usize, may: fn(&Stop) -> bool| -> Vec<usize> {
        let drawn = order.iter().copied().filter(|place| free[*place] && may(&stops[*place]));
        let drawn: Vec<_> = drawn.take(count).collect();
        drawn.iter().for_each(|place| free[*place] = false);
        drawn
    };
    let unlisted = |stop: &Stop| !stop.listed && !stop.home;
    let alone = |stop: &Stop| !stop.home && stop.occupancy.is_none();
    for (turn, place) in draw(stops, VACANT, unlisted).into_iter().enumerate() {
        // The old walk-up has no property manager who could say so.
        let seen = turn % 5 == 0 || stops[place].building == "B12";
        stops[place].fate = if seen { Fate::Vacant } else { Fate::VacantByStatement };
    }
    for (turn, place) in draw(stops, UNLICENSED, alone).into_iter().enumerate() {
        stops[place].fate = Fate::Unlicensed { ordered: turn % 3 != 0 };
    }
    for (turn, place) in draw(stops, BLOCKED, alone).into_iter().enumerate() {
        stops[place].fate = if turn % 2 == 0 { Fate::Refused } else { Fate::Deliberate };
    }
    for place in draw(stops, LOCKED, |stop| stop.occupancy.is_none()) {
        stops[place].fate = Fate::Locked;
    }
    for place in draw(stops, PARTIAL, alone) {
        stops[place].fate = Fate::Partial;
    }
    for place in draw(stops, STOPS, |stop| stop.home) {
        stops[place].fate = Fate::NotInScope;
    }
    for (turn, place) in draw(stops, 75, alone).into_iter().enumerate() {
        stops[place].fate = Fate::Photographed { sent: turn % 5 != 0 };
    }
}
