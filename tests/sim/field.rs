//! What people say: visits, rooms added and split by several phones, decisions at the desk.

use crate::dice::Dice;
use saolou_protocol::building::RoundWindow;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, RoundId, UserId};
use saolou_protocol::op::Op;
use saolou_protocol::time::Millis;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Monday 2026-11-23 08:00 in China.
pub(crate) const MONDAY_MS: Millis = 1_795_392_000_000;
const DAY_MS: Millis = 24 * 3_600_000;

const OUTCOMES: &[&str] = &[
    "inspected",
    "inspected_partial",
    "locked",
    "locked_deliberate",
    "refused_entry",
    "vacant",
    "not_found",
    "deferred",
    "not_in_scope",
    "moved_out",
    "teleported",
];
/// The SHA-256 of all photos.
const PHOTO_SHA256: &str = "abababababababababababababababababababababababababababababababab";
const LABELS: &[&str] = &["101", "102", "1O3", "103", "201", "202", "2o2", "１０１"];

/// A name as an id, the same in every run.
pub(crate) fn named(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// The street of all runs.
pub(crate) fn street() -> Uuid {
    named("street")
}

/// Who decides about the quarantine.
pub(crate) fn desk() -> UserId {
    UserId(named("desk"))
}

/// Two rounds: the first two days, and the rest of the week.
pub(crate) fn rounds() -> Vec<RoundWindow> {
    let window = |name, from_ms, until_ms| RoundWindow {
        round: RoundId(named(name)),
        from_ms,
        until_ms,
        grace_until_ms: until_ms + 3 * DAY_MS,
        is_closed: false,
    };
    vec![
        window("round 1", MONDAY_MS - DAY_MS, MONDAY_MS + 2 * DAY_MS),
        window("round 2", MONDAY_MS + 2 * DAY_MS, MONDAY_MS + 30 * DAY_MS),
    ]
}

/// What is known of a building by those who talk about it: ids, whoever made them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Talk {
    offices: Vec<Uuid>,
    visits: Vec<(UserId, Uuid, i64)>,
    ops: Vec<OpId>,
    /// Photos that were promised.
    photos: Vec<Uuid>,
}

/// What is said of all buildings.
pub(crate) type Talks = BTreeMap<BuildingId, Talk>;

/// The floors of a building, which all phones know from the start.
fn floor(building: BuildingId, number: usize) -> Uuid {
    named(&format!("floor {number} of {building}"))
}

/// Ops that register a building, for its supervisor to file.
pub(crate) fn registration(building: BuildingId) -> Vec<(&'static str, Uuid, Value)> {
    let section = named(&format!("section of {building}"));
    let mut ops = vec![
        ("building_add", building.0, json!({ "name": "潮汐大厦" })),
        ("section_add", section, json!({ "section_id": section, "name": "-" })),
    ];
    for number in 1..=2 {
        let id = floor(building, number);
        let body = json!({
            "floor_id": id, "section_id": section, "label": format!("{number}F"),
            "sort_order_milli": number * 1000, "kind": "office",
        });
        ops.push(("floor_add", id, body));
    }
    ops
}

impl Talk {
    /// Something that an inspector says: kind, subject, body, what he had seen.
    pub(crate) fn observation(
        &mut self,
        dice: &mut Dice,
        building: BuildingId,
        author: UserId,
    ) -> (&'static str, Uuid, Value, Vec<OpId>) {
        let seen = self.seen(dice);
        let (kind, subject, body) = match dice.below(20) {
            0..9 => self.visit(dice, author),
            9 | 10 => self.revision(dice, author),
            11..14 => self.office(dice, building),
            14 => self.split(dice),
            15 => self.merge(dice),
            16 => {
                let office = self.an_office(dice);
                let label = *dice.pick(LABELS).expect("there are labels");
                ("office_rename", office, json!({ "office_id": office, "label": label }))
            }
            17 => {
                let id = floor(building, 1 + dice.below(2));
                ("floor_confirm", id, json!({ "floor_id": id, "method": "walked" }))
            }
            18 => ("hologram", dice.id(), json!({ "of": "a later version" })),
            _ => ("note", dice.id(), json!({ "text": "电梯故障" })),
        };
        (kind, subject, body, seen)
    }

    /// Something that the desk decides.
    pub(crate) fn decision(
        &mut self,
        dice: &mut Dice,
        building: BuildingId,
    ) -> (&'static str, Uuid, Value, Vec<OpId>) {
        let seen = self.seen(dice);
        let round = named("round 1");
        let office = self.an_office(dice);
        let visit =
            dice.pick(&self.visits).map_or_else(|| named("a visit to come"), |(_, id, _)| *id);
        let (kind, subject, body) = match dice.below(8) {
            0 => ("visit_void", visit, json!({ "visit_id": visit, "reason": "不实" })),
            1 => ("exclusion_approve", office, json!({ "office_id": office, "reason": "机房" })),
            2 => {
                let other = self.an_office(dice);
                let kind = if dice.permille(500) { "same_as" } else { "not_same_as" };
                (kind, office, json!({ "a": office, "b": other }))
            }
            3 => ("structure_reject", office, json!({ "reason": "重复" })),
            4 => ("building_accept", building.0, json!({ "round_id": round })),
            5 => ("accept_late", visit, json!({ "visit_id": visit })),
            6 => ("exclusion_reject", office, json!({})),
            _ => ("visit_unvoid", visit, json!({ "reason": "核实" })),
        };
        (kind, subject, body, seen)
    }

    /// Remembers an op that was saved, so that others can refer to it.
    pub(crate) fn hear(&mut self, op: OpId) {
        self.ops.push(op);
    }

    fn seen(&self, dice: &mut Dice) -> Vec<OpId> {
        (0..dice.below(4)).filter_map(|_| dice.pick(&self.ops).copied()).collect()
    }

    fn an_office(&self, dice: &mut Dice) -> Uuid {
        dice.pick(&self.offices).copied().unwrap_or_else(|| named("an office to come"))
    }

    fn visit(&mut self, dice: &mut Dice, author: UserId) -> (&'static str, Uuid, Value) {
        let id = dice.id();
        self.visits.push((author, id, 1));
        ("visit", id, self.visit_body(dice, 1))
    }

    fn revision(&mut self, dice: &mut Dice, author: UserId) -> (&'static str, Uuid, Value) {
        let own: Vec<usize> =
            (0..self.visits.len()).filter(|n| self.visits[*n].0 == author).collect();
        let Some(which) = dice.pick(&own).copied() else { return self.visit(dice, author) };
        let (_, id, revision) = &mut self.visits[which];
        // Now and then the same revision twice, as a restored phone would.
        *revision += i64::from(dice.permille(800));
        let (id, revision) = (*id, *revision);
        ("visit", id, self.visit_body(dice, revision))
    }

    fn visit_body(&mut self, dice: &mut Dice, revision: i64) -> Value {
        let outcome = *dice.pick(OUTCOMES).expect("there are outcomes");
        let mut body = json!({
            "revision": revision, "office_ids": [self.an_office(dice)], "outcome": outcome,
            "kind": if dice.permille(150) { "joint_revisit" } else { "initial" },
        });
        if dice.permille(500) {
            body["round_id"] = json!(named(if dice.permille(700) { "round 1" } else { "round 2" }));
        }
        if dice.permille(300) {
            let name = ["青柠设计", "半夏文化"][dice.below(2)];
            body["company"] = json!({ "name": name });
        }
        if dice.permille(400) {
            let photo = dice.id();
            self.photos.push(photo);
            let is_vacant = dice.permille(500);
            let kind = if is_vacant { "vacant_interior" } else { "licence_front" };
            if is_vacant {
                body["outcome"] = json!("vacant");
            }
            body["photos"] = json!([{
                "photo_id": photo, "kind": kind, "sha256": PHOTO_SHA256, "bytes": 9,
            }]);
        }
        if dice.permille(400) {
            add_findings(&mut body);
            if body["outcome"] != "vacant" {
                body["outcome"] = json!("inspected");
            }
        }
        body
    }

    /// A photo that somebody promised, or none.
    pub(crate) fn a_photo(&self, dice: &mut Dice) -> Option<Uuid> {
        dice.pick(&self.photos).copied()
    }

    fn office(&mut self, dice: &mut Dice, building: BuildingId) -> (&'static str, Uuid, Value) {
        let id = dice.id();
        self.offices.push(id);
        let body = json!({
            "floor_id": floor(building, 1 + dice.below(2)), "office_id": id,
            "label": *dice.pick(LABELS).expect("there are labels"),
        });
        ("office_add", id, body)
    }

    fn split(&mut self, dice: &mut Dice) -> (&'static str, Uuid, Value) {
        let parent = self.an_office(dice);
        let children = [dice.id(), dice.id()];
        self.offices.extend(children);
        let hints = json!([{ "company": { "name": "青柠设计" }, "child": children[0] }]);
        let part = |(id, label): (&Uuid, &str)| json!({ "office_id": id, "label": label });
        let parts: Vec<Value> = children.iter().zip(["101A", "101B"]).map(part).collect();
        ("office_split", parent, json!({ "parent": parent, "children": parts, "hints": hints }))
    }

    fn merge(&mut self, dice: &mut Dice) -> (&'static str, Uuid, Value) {
        let parents = [self.an_office(dice), self.an_office(dice)];
        let child = dice.id();
        self.offices.push(child);
        let child = json!({ "office_id": child, "label": "101-102" });
        ("office_merge", parents[0], json!({ "parents": parents, "child": child }))
    }
}

/// Everything that the three questions and the three checks ask for.
fn add_findings(body: &mut Value) {
    body["company"] = json!({ "name": "青柠设计", "actual_business": "平面设计" });
    body["three_ask"] = json!({
        "q2_people": {
            "responsible": { "name": "秦演示", "phone": "17490000011" },
            "headcount_claimed": 3, "headcount_present": 2,
        },
        "q3_history": { "started_at_site_on": "2024-03-01", "note": "迁入" },
    });
    body["id_check"] = json!({ "checked_count": 1, "basis": "police_statutory" });
    body["licence_check"] = json!({ "status": "licensed_displayed" });
    body["ledger_check"] = json!({ "result": "normal" });
}

/// What the server files when the bytes of a photo have come: that they are here, and what reading them
/// gave, which is little: whoever took it is told.
pub(crate) fn photo_ops(op: OpId, building: BuildingId, photo: Uuid, now_ms: Millis) -> [Op; 2] {
    let verified = json!({ "photo_id": photo, "sha256": PHOTO_SHA256 });
    let read = json!({
        "photo_id": photo, "sha256": PHOTO_SHA256, "reader": 1, "long_side_px": 640,
    });
    let read_id = Uuid::new_v5(&op.0, b"read");
    [("photo_verified", op.0, verified), ("photo_read", read_id, read)].map(|(kind, id, body)| {
        let captured = json!({ "wall_ms": now_ms });
        let mut content = content(id, building, &captured, (kind, photo, body, Vec::new()));
        content.insert("device".into(), json!(DeviceId(named("server"))));
        content.insert("n".into(), json!(0));
        content.insert("author".into(), json!(desk()));
        Op::seal(content).expect("it is an op").0
    })
}

/// The content of an op, as a phone seals it.
pub(crate) fn content(
    op_id: Uuid,
    building: BuildingId,
    captured: &Value,
    said: (&'static str, Uuid, Value, Vec<OpId>),
) -> Map<String, Value> {
    let (kind, subject, body, seen) = said;
    let schema = if kind == "hologram" { "hologram/7".to_owned() } else { format!("{kind}/1") };
    let Value::Object(content) = json!({
        "op_id": op_id, "kind": kind, "schema": schema,
        "subject": { "type": kind.split('_').next(), "id": subject },
        "bucket": building, "captured": captured, "seen": seen, "body": body,
    }) else {
        unreachable!("it is an object")
    };
    content
}
