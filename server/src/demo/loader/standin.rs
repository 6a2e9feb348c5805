//! A stand-in for the server, for tests of the demo's facts: it takes the registrations and the ops
//! of phones, folds them by the rules of the protocol and shows what phones would pull.

use super::super::accounts::{ADMIN, ROUND, round_id, user_id};
use super::super::phone::{Phone, Pulled, Waiting};
use super::super::street::{BuildingPlan, Street};
use super::{building, building_id};
use saolou_protocol::building::answer::Answer;
use saolou_protocol::building::view::{BuildingRound, BuildingView, FloorView};
use saolou_protocol::building::{Building, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, PhotoId, RoundId};
use saolou_protocol::time::{ClockReading, Millis, Stamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One building as the server would hold it.
pub(in crate::demo) struct Standin {
    pub(in crate::demo) id: BuildingId,
    building: Building,
    registrar: Phone,
    server: Phone,
    entities: BTreeMap<(String, Uuid), Value>,
}

impl Standin {
    /// A building as the loader registers it.
    pub(in crate::demo) fn of(street: &Street, plan: &BuildingPlan) -> Self {
        let round = RoundId(round_id());
        let window = RoundWindow {
            round,
            from_ms: ROUND.from_ms,
            until_ms: ROUND.until_ms,
            grace_until_ms: ROUND.until_ms,
            is_closed: false,
        };
        let id = BuildingId(building_id(plan.code));
        let mut standin = Self {
            id,
            building: Building::new(id, vec![window]),
            registrar: Phone::new(&format!("registrar {}", plan.code), user_id(ADMIN), 0),
            server: Phone::new(&format!("server {}", plan.code), user_id(ADMIN), 0),
            entities: BTreeMap::new(),
        };
        standin.register(building(street, plan));
        let ops = standin.registrar.take_outbox();
        standin.take(ops, None, ROUND.from_ms);
        standin
    }

    fn register(&mut self, mut building: Value) {
        let sections = building["sections"].take();
        self.put("building_add", building);
        for section in list(&sections) {
            let section_id = &section["section_id"];
            self.put("section_add", json!({"section_id": section_id, "name": section["name"]}));
            for floor in list(&section["floors"]) {
                let mut add = floor.clone();
                add["section_id"] = section_id.clone();
                self.put("floor_add", add);
                for office in list(&floor["offices"]) {
                    let mut add = office.clone();
                    add["floor_id"] = floor["floor_id"].clone();
                    add["origin"] = json!("initial");
                    self.put("office_add", add);
                    for occupant in list(&office["occupants"]) {
                        let mut add = occupant.clone();
                        add["office_id"] = office["office_id"].clone();
                        self.put("occupancy_add", add);
                    }
                }
            }
        }
    }

    fn put(&mut self, kind: &str, body: Value) {
        let Value::Object(body) = body else { panic!("a body is an object") };
        self.registrar.capture(kind, ("building", self.id.0), self.id, body, &[], 0);
    }

    /// Takes pushed ops and answers them.
    pub(in crate::demo) fn take(
        &mut self,
        ops: Vec<Waiting>,
        clock: Option<&ClockReading>,
        received_ms: Millis,
    ) -> Vec<Answer> {
        let mut taken = Vec::new();
        for waiting in ops {
            let op = saolou_protocol::op::Op::parse(waiting.sent.get().as_bytes()).unwrap();
            assert_eq!(op, waiting.op);
            let stamp = Stamp::correct(&op.captured, clock, received_ms);
            let (fact, issues) = Fact::read(&op, stamp);
            taken.push((op.op_id, issues, fact));
        }
        let facts: Vec<Fact> = taken.iter().map(|(_, _, fact)| fact.clone()).collect();
        for entity in self.building.apply(facts) {
            let body = serde_json::from_slice(&entity.body).unwrap();
            self.entities.insert((entity.kind.code().to_owned(), entity.id), body);
        }
        taken.into_iter().map(|(op, issues, _)| self.building.answer(op, issues)).collect()
    }

    /// Takes a photo; the server itself says that it is verified.
    pub(in crate::demo) fn take_photo(&mut self, photo: PhotoId, bytes: &[u8]) {
        let Value::Object(body) = json!({"photo_id": photo, "sha256": Hash::of(bytes)}) else {
            unreachable!()
        };
        let subject = ("photo", photo.0);
        self.server.capture("photo_verified", subject, self.id, body, &[], ROUND.from_ms);
        let ops = self.server.take_outbox();
        self.take(ops, None, ROUND.from_ms);
    }

    /// What a phone would pull.
    pub(in crate::demo) fn entities(&self) -> Vec<Pulled> {
        let pulled = |((kind, id), body): (&(String, Uuid), &Value)| Pulled {
            bucket: self.id,
            seq: 1,
            kind: kind.clone(),
            id: *id,
            body: body.clone(),
        };
        self.entities.iter().map(pulled).collect()
    }

    /// Where the building stands.
    pub(in crate::demo) fn standing(&self) -> BuildingRound {
        let body = &self.entities[&("building".to_owned(), self.id.0)];
        let view: BuildingView = serde_json::from_value(body.clone()).unwrap();
        view.rounds.into_iter().next().unwrap()
    }

    /// Its floors.
    pub(in crate::demo) fn floors(&self) -> Vec<FloorView> {
        let floors = self.entities.iter().filter(|((kind, _), _)| kind == "floor");
        floors.map(|(_, body)| serde_json::from_value(body.clone()).unwrap()).collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
