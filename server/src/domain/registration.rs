//! Registering buildings: what the desk writes down becomes ops like everything else, so that its
//! registration and a phone's addition on site merge by the same rules.

use super::access::{Act, Caller};
use super::desk;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::Tx;
use saolou_protocol::building::EntityKind;
use saolou_protocol::building::view::{BuildingView, OfficeView};
use saolou_protocol::canonical::canonical;
use saolou_protocol::engine::push::Judged;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Most rooms that one registration of a building may hold.
const ROOMS_MAX: usize = 20_000;

/// A building as the desk registers it: the unit it lies in, its sections with floors and rooms,
/// and whatever attributes there are.
#[derive(Deserialize)]
pub(crate) struct NewBuilding {
    unit_id: Uuid,
    #[serde(default)]
    sections: Vec<NewSection>,
    #[serde(flatten)]
    attributes: Map<String, Value>,
}

#[derive(Deserialize)]
struct NewSection {
    section_id: Uuid,
    name: String,
    #[serde(default)]
    floors: Vec<NewFloor>,
}

/// The members that [`saolou_protocol::fact::NewFloor`] reads, and the rooms.
#[derive(Deserialize)]
struct NewFloor {
    floor_id: Uuid,
    #[serde(default)]
    offices: Vec<NewOffice>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct NewOffice {
    office_id: Uuid,
    #[serde(default)]
    occupants: Vec<NewOccupant>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Deserialize)]
struct NewOccupant {
    occupancy_id: Uuid,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// What a registration did.
#[derive(Serialize)]
pub(crate) struct Registered {
    building_id: Uuid,
    ops: usize,
}

/// Registers a building, or what of it is not registered yet; repeating it changes nothing.
pub(crate) async fn put_building(
    sync: &Sync,
    caller: &Caller,
    building: Uuid,
    new: NewBuilding,
) -> Result<Registered> {
    let rooms: usize =
        new.sections.iter().flat_map(|s| &s.floors).map(|floor| floor.offices.len()).sum();
    if rooms > ROOMS_MAX {
        return Err(Error::Invalid(format!("sections: {rooms} rooms, the limit is {ROOMS_MAX}")));
    }
    let mut tx = sync.store.write().await?;
    caller.require_at(&mut tx, Act::ManageRegistry, new.unit_id).await?;
    let street = tx.street_of(new.unit_id).await?;
    let street =
        street.ok_or_else(|| Error::Invalid("unit_id: a building lies in a street".into()))?;
    if let Some(unit) = tx.building_unit(building).await? {
        caller.require_at(&mut tx, Act::ManageRegistry, unit).await?;
    }
    tx.place_bucket(building, street, new.unit_id).await?;
    let known = Known::read(&mut tx, street, building).await?;
    let registration = Registration { sync, caller, building, street, known, ops: Vec::new() };
    let ops = registration.ops(new)?;
    tx.commit().await?;
    let filed = ops.len();
    desk::file(&sync.writer, ops).await?;
    Ok(Registered { building_id: building, ops: filed })
}

/// What is registered of a building already.
struct Known {
    attributes: Option<Map<String, Value>>,
    ids: BTreeSet<Uuid>,
}

impl Known {
    async fn read(tx: &mut Tx, street: Uuid, building: Uuid) -> Result<Self> {
        let mut known = Self { attributes: None, ids: BTreeSet::new() };
        for row in tx.entities(street, building).await? {
            let unreadable = |error| Error::Internal(format!("a stored entity: {error}"));
            if row.kind == EntityKind::Building.code() {
                let view: BuildingView = serde_json::from_slice(&row.body).map_err(unreadable)?;
                known.attributes = Some(view.attributes);
                known.ids.extend(view.sections.iter().map(|section| section.section_id.0));
            } else if row.kind == EntityKind::Office.code() {
                let view: OfficeView = serde_json::from_slice(&row.body).map_err(unreadable)?;
                known.ids.extend(view.occupants.iter().map(|stay| stay.occupancy_id.0));
            }
            known.ids.insert(row.entity_id);
        }
        Ok(known)
    }
}

struct Registration<'a> {
    sync: &'a Sync,
    caller: &'a Caller,
    building: Uuid,
    street: Uuid,
    known: Known,
    ops: Vec<Judged>,
}

impl Registration<'_> {
    fn ops(mut self, new: NewBuilding) -> Result<Vec<Judged>> {
        // As it would come back from the store, where 30.0 is 30.
        let attributes: Map<String, Value> = serde_json::from_slice(&canonical(&new.attributes))
            .map_err(|error| Error::Invalid(error.to_string()))?;
        if self.known.attributes.as_ref() != Some(&attributes) {
            self.file("building_add", self.building, Value::Object(attributes))?;
        }
        for section in new.sections {
            let id = section.section_id;
            self.add("section_add", id, json!({ "section_id": id, "name": section.name }))?;
            for floor in section.floors {
                let mut body = floor.rest;
                body.insert("section_id".into(), json!(id));
                body.insert("floor_id".into(), json!(floor.floor_id));
                self.add("floor_add", floor.floor_id, Value::Object(body))?;
                for office in floor.offices {
                    self.add_office(floor.floor_id, office)?;
                }
            }
        }
        Ok(self.ops)
    }

    fn add_office(&mut self, floor: Uuid, office: NewOffice) -> Result<()> {
        let mut body = office.rest;
        body.insert("floor_id".into(), json!(floor));
        body.insert("office_id".into(), json!(office.office_id));
        body.entry("origin").or_insert_with(|| json!("initial"));
        self.add("office_add", office.office_id, Value::Object(body))?;
        for stay in office.occupants {
            let mut body = stay.rest;
            body.insert("office_id".into(), json!(office.office_id));
            body.insert("occupancy_id".into(), json!(stay.occupancy_id));
            self.add("occupancy_add", stay.occupancy_id, Value::Object(body))?;
        }
        Ok(())
    }

    /// Files an op unless what it adds is known.
    fn add(&mut self, kind: &str, id: Uuid, body: Value) -> Result<()> {
        if self.known.ids.insert(id) { self.file(kind, id, body) } else { Ok(()) }
    }

    fn file(&mut self, kind: &str, subject: Uuid, body: Value) -> Result<()> {
        let (clock, author) = (&self.sync.clock, self.caller.user_id);
        let now_ms = clock.now_ms();
        let op_id = clock.new_id();
        let op = desk::op(op_id, author, now_ms, self.building, kind, subject, &[], body)?;
        let judged = desk::judged(op, self.street, now_ms);
        // A phone's evidence is kept whatever it lacks; the desk can mend what it writes.
        if judged.issues.contains("body_incomplete") {
            let issues: Vec<&str> = judged.issues.iter().collect();
            return Err(Error::Invalid(format!("{kind} {subject}: {}", issues.join(", "))));
        }
        self.ops.push(judged);
        Ok(())
    }
}
