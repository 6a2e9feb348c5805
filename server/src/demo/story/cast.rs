//! The people of the story with their devices: what they capture, and what their screens showed
//! them when they did.

use super::super::accounts::{SUPERVISOR, november, round_id, team_id, user_id};
use super::super::bodies::{self, Body, Member, Setting, Tenant, photo_bytes};
use super::super::loader::{building_id, floor_id, occupancy_id, office_id};
use super::super::phone::Phone;
use super::super::street::{OccupantPlan, demo_uscc, street};
use super::TIDE;
use super::script::{Line, What, Who};
use saolou_protocol::ids::{BuildingId, FloorId, OpId, PhotoId};
use saolou_protocol::time::Millis;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// P4's wall clock is this far ahead.
const P4_SKEW_MS: Millis = 26 * 3_600_000;

/// A photo on a phone that was promised and has not been sent.
#[derive(Clone, Debug)]
pub(super) struct Unsent {
    /// The photo.
    pub(super) photo: PhotoId,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

/// The devices, what their photos are, and what their screens have shown.
pub(super) struct Cast {
    phones: [Phone; 5],
    unsent: [Vec<Unsent>; 5],
    held: BTreeMap<&'static str, Unsent>,
    tenants: BTreeMap<String, OccupantPlan>,
    /// What made the offices of each floor.
    made: BTreeMap<FloorId, Vec<OpId>>,
    visits: BTreeMap<&'static str, Vec<OpId>>,
    /// Changes of rooms that wait on each device, and how many the server has.
    changes: ([i64; 5], i64),
}

/// User name and team of each device.
const HANDS: [(&str, &str, &str); 5] = [
    ("P1", "zhao", "T1"),
    ("P2", "lin", "T1"),
    ("P3", "li", "T2"),
    ("P4", "wang", "T2"),
    ("desk", SUPERVISOR, "T1"),
];

impl Cast {
    /// The cast before the first line; the phones were switched on when the roster came out.
    pub(super) fn new() -> Self {
        let booted_ms = november(20, 800);
        let mut phones = HANDS.map(|(name, user, _)| Phone::new(name, user_id(user), booted_ms));
        phones[Who::P4 as usize].skew_ms = P4_SKEW_MS;
        Self {
            phones,
            unsent: Default::default(),
            held: BTreeMap::new(),
            tenants: tenants(),
            made: BTreeMap::new(),
            visits: BTreeMap::new(),
            changes: ([0; 5], 0),
        }
    }

    /// User names in the order of the devices.
    pub(super) fn users() -> [&'static str; 5] {
        HANDS.map(|(_, user, _)| user)
    }

    pub(super) fn phone(&mut self, who: Who) -> &mut Phone {
        &mut self.phones[who as usize]
    }

    /// Tells the screens which ops made the offices of the first roster, by floor.
    pub(super) fn show_roster(&mut self, made: BTreeMap<FloorId, Vec<OpId>>) {
        self.made = made;
    }

    /// The photos that a device sends when it has a connection; they are gone from it then.
    pub(super) fn photos_to_send(&mut self, who: Who) -> Vec<Unsent> {
        std::mem::take(&mut self.unsent[who as usize])
    }

    /// The held licence photo of a room.
    pub(super) fn held_photo(&mut self, room: &str) -> Option<Unsent> {
        self.held.remove(room)
    }

    /// Captures what a line says, where it says that something is captured.
    pub(super) fn capture(&mut self, line: &Line) {
        match line.what {
            What::Hear => self.phone(line.who).hear(line.at_ms, line.at_ms),
            What::Sync => {
                let (waiting, sent) = &mut self.changes;
                *sent += std::mem::take(&mut waiting[line.who as usize]);
            }
            What::HeldPhoto | What::Moment(_) => {}
            What::Confirm => self.confirm(line),
            What::Split603 => self.split_603(line),
            What::Add907 => self.add_907(line),
            What::ApproveExclusion => self.approve_exclusion(line),
            _ => self.visit(line),
        }
    }

    fn put(
        &mut self,
        line: &Line,
        kind: &str,
        subject: (&str, Uuid),
        body: Value,
        seen: &[OpId],
    ) -> OpId {
        let Value::Object(body) = body else { unreachable!("bodies are written as objects") };
        let tide = BuildingId(building_id(TIDE));
        self.phone(line.who).capture(kind, subject, tide, body, seen, line.at_ms)
    }

    fn confirm(&mut self, line: &Line) {
        let floor = floor_id(TIDE, "-", line.place);
        let seen = self.made.get(&FloorId(floor)).cloned().unwrap_or_default();
        let body = json!({"floor_id": floor, "method": "walked"});
        self.put(line, "floor_confirm", ("floor", floor), body, &seen);
    }

    fn split_603(&mut self, line: &Line) {
        let parts = ["603A", "603B"].map(office);
        let [first, second] = ["603A", "603B"].map(|part| self.tenants[part].clone());
        let company = |tenant: &OccupantPlan| json!({"name": tenant.company, "uscc": tenant.uscc});
        let body = json!({
            "parent": office("603"),
            "children": [
                {"office_id": parts[0], "label": "603A", "kind": "office"},
                {"office_id": parts[1], "label": "603B", "kind": "office"},
            ],
            "hints": [
                {"company": company(&first), "child": parts[0]},
                {"company": company(&second), "child": parts[1]},
            ],
            "reason": "603 已隔成两间，门牌为 603A、603B",
        });
        self.changes.0[line.who as usize] += 1;
        let split = self.put(line, "office_split", ("office", office("603")), body, &[]);
        self.made.entry(FloorId(floor_id(TIDE, "-", "6F"))).or_default().push(split);
        for (part, tenant) in parts.into_iter().zip([first, second]) {
            let stay = occupancy_id(part, 0);
            let body = json!({
                "occupancy_id": stay,
                "office_id": part,
                "kind": "physical",
                "company": company(&tenant),
            });
            self.put(line, "occupancy_add", ("occupancy", stay), body, &[]);
        }
    }

    fn add_907(&mut self, line: &Line) {
        let floor = floor_id(TIDE, "-", "9F");
        let body = json!({
            "floor_id": floor,
            "office_id": office("907"),
            "label": "907",
            "kind": "office",
            "origin": "added_on_site",
            "reason": "9 层走廊尽头有 907 门牌，底册未列",
        });
        self.changes.0[line.who as usize] += 1;
        let added = self.put(line, "office_add", ("office", office("907")), body, &[]);
        self.made.entry(FloorId(floor)).or_default().push(added);
    }

    fn approve_exclusion(&mut self, line: &Line) {
        let seen = self.visits.get(line.place).cloned().unwrap_or_default();
        let room = office(line.place);
        let reason = "现场照片显示为消防通道，竣工图无此房";
        let body = json!({"office_id": room, "round_id": round_id(), "reason": reason});
        self.put(line, "exclusion_approve", ("office", room), body, &seen);
    }

    fn visit(&mut self, line: &Line) {
        let key = format!("{TIDE}:{}:{}", line.place, line.at_ms);
        let body = self.body(line, &key);
        for (photo, kind) in bodies::promised(&body) {
            let unsent = Unsent { photo, bytes: photo_bytes(photo) };
            if line.what == What::PhotoLater && kind == "licence_front" {
                self.held.insert(line.place, unsent);
            } else {
                self.unsent[line.who as usize].push(unsent);
            }
        }
        let subject = ("visit", bodies::visit_id(&key));
        let op = self.put(line, "visit", subject, Value::Object(body), &[]);
        self.visits.entry(line.place).or_default().push(op);
    }

    fn body(&self, line: &Line, key: &str) -> Body {
        let plan = self.tenants.get(line.place);
        let tenant = plan.map_or(Tenant { name: "", uscc: None, business: "" }, tenant);
        let offices = match line.place {
            "601" => vec![office("601"), office("602")],
            room => vec![office(room)],
        };
        let (_, _, team) = HANDS[line.who as usize];
        let setting = Setting {
            key,
            round: round_id(),
            team: team_id(team),
            members: &members(line),
            offices: &offices,
            kind: visit_kind(line),
            at_ms: line.at_ms,
            // Phones pull whenever they have signal.
            roster_version: 1 + self.changes.1,
        };
        match line.what {
            What::Mistyped => {
                let mut body = bodies::inspected(&setting, &tenant);
                bodies::mistype(&mut body, "91990101MADEMA0199");
                body
            }
            What::Expired => bodies::inspected_with_expired_licence(&setting, &tenant),
            What::NoLedger => bodies::partial_without_ledger(&setting, &tenant),
            What::Supplement => bodies::supplement_of_ledger(&setting, &tenant),
            What::ShutDown => bodies::shut_down(&setting, &tenant),
            What::Locked => bodies::locked(&setting),
            What::LockedDeliberate => {
                bodies::locked_deliberate(&setting, &["lights_or_ac_on", "voices_inside"])
            }
            What::Refused => bodies::refused(&setting),
            What::Vacant => bodies::vacant(&setting),
            What::VacantUnproven => bodies::vacant_unproven(&setting),
            What::Renovation => bodies::under_renovation(&setting),
            What::NotFound => bodies::not_found(&setting),
            What::Deferred => bodies::deferred(&setting, november(25, 1430)),
            _ => bodies::inspected(&setting, &tenant),
        }
    }
}

fn visit_kind(line: &Line) -> &'static str {
    match (line.what, line.place) {
        (What::Joint | What::ShutDown, _) => "joint_revisit",
        (What::Supplement, _) => "supplement",
        (What::Revisit, _)
        | (What::PhotoLater, "606")
        | (What::Inspected, "202")
        | (What::Locked, "302") => "revisit",
        _ => "initial",
    }
}

/// Who is there: police with P4, and police and market supervision on joint re-visits.
fn members(line: &Line) -> Vec<Member<'static>> {
    let with = |people: &[(&str, &'static str)]| {
        people.iter().map(|(user, function)| Member { user: user_id(user), function }).collect()
    };
    let [wang, sun] = [("wang", "safety_construction"), ("sun", "police")];
    let li = ("li", "market_supervision");
    match (line.what, line.who) {
        (What::Joint, _) => with(&[wang, sun, li]),
        (What::ShutDown, _) => with(&[li, sun]),
        (_, Who::P1) => with(&[("zhao", "safety_construction")]),
        (_, Who::P2) => with(&[("lin", "safety_construction"), ("xu", "community_committee")]),
        (_, Who::P3) => with(&[li, ("he", "community_committee")]),
        _ => with(&[wang, sun]),
    }
}

/// The office behind a room label of the building.
pub(super) fn office(room: &str) -> Uuid {
    office_id(TIDE, "-", &format!("{}F", &room[..1]), room)
}

/// Who sits behind each door; the two companies of 603 are listed under the parts they get.
fn tenants() -> BTreeMap<String, OccupantPlan> {
    let street = street();
    let tide = street.buildings.iter().find(|plan| plan.code == TIDE);
    let sections = tide.into_iter().flat_map(|plan| &plan.sections);
    let rooms = sections.flat_map(|section| &section.floors).flat_map(|floor| &floor.rooms);
    let mut tenants = BTreeMap::new();
    for room in rooms {
        for (place, occupant) in room.occupants.iter().enumerate() {
            let part = if room.label == "603" { ["A", "B"][place.min(1)] } else { "" };
            let mut occupant = occupant.clone();
            if occupant.uscc.is_none() && room.label != "302" {
                // The list gives no code; the licence on the wall does.
                let n = 20_800 + u32::try_from(tenants.len()).expect("a few dozen doors");
                occupant.uscc = Some(demo_uscc(n, false));
            }
            tenants.insert(format!("{}{part}", room.label), occupant);
        }
    }
    let found = OccupantPlan {
        company: "云岚小满文创工作室（演示）".to_owned(),
        uscc: Some(demo_uscc(20_900, true)),
        kind: "physical",
    };
    tenants.insert("907".to_owned(), found);
    tenants
}

fn tenant(plan: &OccupantPlan) -> Tenant<'_> {
    let business = match plan.company.as_str() {
        name if name.contains("软件") => "手机软件开发、运营维护",
        name if name.contains("资产管理") => "自有资产管理、企业咨询",
        name if name.contains("设计") => "平面设计、广告制作",
        name if name.contains("店") => "零售、餐饮",
        name if name.contains("家政") => "保洁、月嫂、家政中介",
        name if name.contains("教育") => "成人技能培训",
        _ => "商务服务，面向本市企业客户",
    };
    Tenant { name: &plan.company, uscc: plan.uscc.as_deref(), business }
}
