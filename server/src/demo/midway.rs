//! The rest of the street in the middle of the campaign: 900 visits that six phones of the four
//! teams bring in from the eleven other buildings, evening by evening, and what the supervisor
//! decided about them.
//!
//! Nothing here is random: told again, the same ops come out. Some licence photos are still on the
//! phones, as they are in real life.

mod stops;
#[cfg(test)]
mod tests;

use super::accounts::{PASSWORD, SUPERVISOR, november, round_id, team_id, user_id};
use super::bodies::{self, Body, Member, Setting, Tenant, photo_bytes};
use super::loader::{building_id, floor_id, office_id};
use super::phone::{Error, Phone, Pulled};
use super::story::{SUNDAY_MS, roster_of};
use super::street::{Street, street};
use saolou_protocol::building::view::OccupantView;
use saolou_protocol::ids::{BuildingId, FloorId, OfficeId, OpId, PhotoId};
use saolou_protocol::time::Millis;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use stops::{Fate, Stop, stops};

/// When the phones are back in the office and push: Monday to Thursday.
pub const EVENINGS: [Millis; 4] =
    [november(23, 1830), november(24, 1830), november(25, 1830), november(26, 1930)];

/// Phone names with the user in whose hands they are, his team and his department function.
const PHONES: [(&str, &str, &str, &str); 6] = [
    ("M1", "xu", "T1", "community_committee"),
    ("M2", "he", "T2", "community_committee"),
    ("M3", "yang", "T3", "safety_construction"),
    ("M4", "zhu", "T3", "community_committee"),
    ("M5", "qin", "T4", "safety_construction"),
    ("M6", "you", "T4", "community_committee"),
];
/// Buildings whose room lists somebody confirmed floor by floor, with the phone that did.
const CONFIRMED: [(&str, usize); 5] = [("B01", 0), ("B03", 1), ("B06", 2), ("B07", 3), ("B12", 4)];
/// Shared rooms whose lists of companies are confirmed: floor and room.
const LISTS_CONFIRMED: [(&str, &str); 2] = [("1F", "101"), ("2F", "201")];
/// Homes whose exclusion the supervisor has approved by now.
const APPROVED: usize = 20;

/// What was brought in so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Visits sent.
    pub visits: usize,
    /// Ops sent, visits included.
    pub ops: usize,
    /// Ops that the server had before.
    pub duplicates: usize,
    /// Photos sent.
    pub photos: usize,
}

/// The phones of the rest of the street on their way through the campaign.
pub struct Rest {
    crew: Crew,
    street: Street,
    tally: Tally,
}

impl Rest {
    /// Signs the phones in to the server at `base_url`, which the street was loaded into and whose
    /// clock shows Sunday, and walks the floors.
    ///
    /// # Errors
    /// [`Error`] of the first request that fails.
    pub async fn begin(base_url: &str) -> Result<Self, Error> {
        let mut crew = Crew::new();
        for (phone, (_, user, _, _)) in crew.phones.iter_mut().zip(PHONES) {
            phone.sign_in(base_url, user, PASSWORD).await?;
        }
        crew.desk.sign_in(base_url, SUPERVISOR, PASSWORD).await?;
        // One phone of each community pulls: its team's buildings are all that is needed.
        let mut pulled = Vec::new();
        for place in [0, 2, 4] {
            pulled.extend(crew.phones[place].pull(SUNDAY_MS).await?);
        }
        let street = street();
        crew.walk(&street, &Screens::of(&pulled));
        Ok(Self { crew, street, tally: Tally::default() })
    }

    /// Brings in what was captured since the evening before `evening_ms`, which the server's clock
    /// shows; `progress` hears the ops done so far of this evening's.
    ///
    /// # Errors
    /// [`Error`] of the first request that fails.
    pub async fn bring_in(
        &mut self,
        evening_ms: Millis,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<(), Error> {
        let Self { crew, street, tally } = self;
        crew.work(street, evening_ms);
        let of: usize = crew.devices().map(|phone| phone.outbox().count()).sum();
        let mut done = 0;
        for place in 0..crew.phones.len() {
            let reply = crew.phones[place].sync(evening_ms).await?;
            tally.duplicates += reply.duplicates.len();
            done += reply.answers.len();
            progress(done, of);
        }
        for sent in std::mem::take(&mut crew.photos) {
            let bytes = photo_bytes(sent.photo);
            crew.phones[sent.phone].send_photo(sent.photo, sent.building, bytes).await?;
            tally.photos += 1;
        }
        // The supervisor decides about visits that are there.
        let reply = crew.desk.sync(evening_ms).await?;
        tally.duplicates += reply.duplicates.len();
        if !reply.answers.is_empty() {
            done += reply.answers.len();
            progress(done, of);
        }
        tally.ops += done;
        tally.visits = crew.visits;
        Ok(())
    }

    /// What was brought in so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }
}

/// What the phones have on their screens before the first visit: the ops that made the offices of
/// each floor, and those that put the companies on each room's list.
struct Screens {
    rosters: BTreeMap<FloorId, Vec<OpId>>,
    lists: BTreeMap<OfficeId, Vec<OpId>>,
}

impl Screens {
    fn of(pulled: &[Pulled]) -> Self {
        #[derive(Deserialize)]
        struct Room {
            office_id: OfficeId,
            #[serde(default)]
            occupants: Vec<OccupantView>,
        }
        let rooms = pulled.iter().filter(|entity| entity.kind == "office");
        let rooms = rooms.filter_map(|entity| Room::deserialize(&entity.body).ok());
        let ops = |room: Room| {
            let mut ops: Vec<OpId> = room.occupants.iter().map(|o| o.op_id).collect();
            ops.sort_unstable();
            (room.office_id, ops)
        };
        Self { rosters: roster_of(pulled.iter()), lists: rooms.map(ops).collect() }
    }
}

/// A photo that reaches the archive.
struct Sent {
    phone: usize,
    building: BuildingId,
    photo: PhotoId,
}

/// The six phones and the supervisor's desk.
struct Crew {
    phones: [Phone; 6],
    desk: Phone,
    /// Photos that are to be sent, and have not been.
    photos: Vec<Sent>,
    visits: usize,
    /// Homes that were visited, with the visits that said so.
    homes: Vec<(Stop, OpId)>,
    /// What was captured before this time is captured.
    worked_to_ms: Millis,
}

impl Crew {
    fn new() -> Self {
        let booted_ms = november(20, 800);
        Self {
            phones: PHONES.map(|(name, user, _, _)| Phone::new(name, user_id(user), booted_ms)),
            desk: Phone::new("midway desk", user_id(SUPERVISOR), booted_ms),
            photos: Vec::new(),
            visits: 0,
            homes: Vec::new(),
            worked_to_ms: booted_ms,
        }
    }

    fn devices(&self) -> impl Iterator<Item = &Phone> {
        self.phones.iter().chain([&self.desk])
    }

    /// What is done before the first visit: floors and lists are confirmed.
    fn walk(&mut self, street: &Street, screens: &Screens) {
        self.confirm_floors(street, screens);
        self.confirm_lists(screens);
    }

    /// Captures the visits since the last call up to a time, and on the last evening the approvals.
    fn work(&mut self, street: &Street, to_ms: Millis) {
        let since = self.worked_to_ms;
        for stop in stops(street).iter().filter(|stop| (since..to_ms).contains(&stop.at_ms)) {
            let visit = self.visit(stop);
            if stop.fate == Fate::NotInScope {
                self.homes.push((stop.clone(), visit));
            }
        }
        self.worked_to_ms = to_ms;
        if Some(&to_ms) == EVENINGS.last() {
            for (stop, visit) in std::mem::take(&mut self.homes).iter().take(APPROVED) {
                self.approve(stop, *visit);
            }
        }
    }

    /// Walks the floors on Sunday.
    fn confirm_floors(&mut self, street: &Street, screens: &Screens) {
        for (code, phone) in CONFIRMED {
            let plans = street.buildings.iter().filter(|plan| plan.code == code);
            let sections = plans.flat_map(|plan| &plan.sections);
            let floors = sections.flat_map(|s| s.floors.iter().map(|floor| (s.name, &floor.label)));
            for (section, label) in floors {
                let floor = floor_id(code, section, label);
                let seen = screens.rosters.get(&FloorId(floor)).map_or(&[][..], Vec::as_slice);
                let body = object(json!({"floor_id": floor, "method": "walked"}));
                let (bucket, at_ms) = (BuildingId(building_id(code)), november(22, 1400));
                let subject = ("floor", floor);
                self.phones[phone].capture("floor_confirm", subject, bucket, body, seen, at_ms);
            }
        }
    }

    /// Goes through the lists of the co-working operator.
    fn confirm_lists(&mut self, screens: &Screens) {
        for (floor, room) in LISTS_CONFIRMED {
            let office = office_id("B08", "-", floor, room);
            let seen = screens.lists.get(&OfficeId(office)).map_or(&[][..], Vec::as_slice);
            let body = object(json!({"office_id": office}));
            let (bucket, at_ms) = (BuildingId(building_id("B08")), november(22, 1600));
            let subject = ("office", office);
            self.phones[2].capture("occupants_confirm", subject, bucket, body, seen, at_ms);
        }
    }

    fn visit(&mut self, stop: &Stop) -> OpId {
        self.visits += 1;
        let key = format!("midway:{}:{}", stop.office, stop.at_ms);
        let (_, user, team, function) = PHONES[stop.phone];
        let members = [Member { user: user_id(user), function }];
        let setting = Setting {
            key: &key,
            round: round_id(),
            team: team_id(team),
            members: &members,
            offices: &[stop.office],
            kind: "initial",
            at_ms: stop.at_ms,
            roster_version: 1,
        };
        let body = body(stop, &setting);
        let bucket = BuildingId(building_id(stop.building));
        let arrived = matches!(stop.fate, Fate::Photographed { sent: true } | Fate::Vacant);
        for (photo, kind) in bodies::promised(&body) {
            if arrived && matches!(kind.as_str(), "licence_front" | "vacant_interior") {
                self.photos.push(Sent { phone: stop.phone, building: bucket, photo });
            }
        }
        let subject = ("visit", bodies::visit_id(&key));
        self.phones[stop.phone].capture("visit", subject, bucket, body, &[], stop.at_ms)
    }

    fn approve(&mut self, stop: &Stop, visit: OpId) {
        let body = object(json!({
            "office_id": stop.office,
            "round_id": round_id(),
            "reason": "住宅自用，已核对房屋用途",
        }));
        let (bucket, at_ms) = (BuildingId(building_id(stop.building)), november(26, 1800));
        let subject = ("office", stop.office);
        self.desk.capture("exclusion_approve", subject, bucket, body, &[visit], at_ms);
    }
}

fn body(stop: &Stop, setting: &Setting<'_>) -> Body {
    let tenant = Tenant {
        name: &stop.tenant.company,
        uscc: stop.tenant.uscc.as_deref(),
        business: "按登记经营范围开展业务",
    };
    let mut body = match stop.fate {
        Fate::Inspected => bodies::inspected_by_e_licence(setting, &tenant),
        Fate::Photographed { .. } => bodies::inspected(setting, &tenant),
        Fate::Partial => bodies::partial_without_ledger(setting, &tenant),
        Fate::Unlicensed { ordered } => bodies::unlicensed(setting, &tenant, ordered),
        Fate::Locked => bodies::locked(setting),
        Fate::Refused => bodies::refused(setting),
        Fate::Deliberate => bodies::locked_deliberate(setting, &["voices_inside"]),
        Fate::Vacant => bodies::vacant(setting),
        Fate::VacantByStatement => bodies::vacant_by_statement(setting),
        Fate::NotInScope => bodies::not_in_scope(setting, "residential_use"),
    };
    if let Some(occupancy) = stop.occupancy {
        body.insert("occupancy_id".into(), json!(occupancy));
    }
    body
}

fn object(value: Value) -> Body {
    match value {
        Value::Object(body) => body,
        _ => unreachable!("bodies are written as objects"),
    }
}
