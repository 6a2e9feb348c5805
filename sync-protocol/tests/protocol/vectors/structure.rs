//! Histories of rooms: what splits, merges, renames and links make of them, in any order.

use super::{STRUCTURE, cases, file, list, texts};
use crate::world::{Draft, building_id};
use saolou_protocol::building::view::{BuildingView, FloorView, OfficeView};
use saolou_protocol::building::{Building, Entity, EntityKind, RoundWindow};
use saolou_protocol::conflict::Conflict;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::RoundId;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The id that a letter and a number stand for.
pub(super) fn id(name: &str) -> Option<Uuid> {
    let (letter, number) = (name.chars().next()?, name.get(1..)?.parse::<u64>().ok()?);
    let plain = letter.is_ascii_lowercase();
    let text = format!("00000000-0000-4000-8000-{:02x}{number:010}", u32::from(letter));
    plain.then(|| text.parse().expect("a UUID"))
}

pub(super) fn name(id: Uuid) -> String {
    let bytes = id.as_bytes();
    let number: u64 = id.to_string()[26..].parse().expect("decimal digits");
    format!("{}{number}", char::from(bytes[10]))
}

/// A value with ids in the place of their names.
fn with_ids(value: &Value) -> Value {
    match value {
        Value::String(text) => id(text).map_or_else(|| value.clone(), |id| json!(id)),
        Value::Array(items) => items.iter().map(with_ids).collect(),
        Value::Object(map) => {
            map.iter().map(|(name, value)| (name.clone(), with_ids(value))).collect()
        }
        _ => value.clone(),
    }
}

/// A fact as a file of vectors writes it, with the bodies of that file.
pub(super) fn fact(vectors: &str, fact: &Value) -> Fact {
    let text = |name: &str| fact[name].as_str();
    let mut body = Map::new();
    if let Some(like) = text("like") {
        body = file(vectors)["bodies"][like].as_object().expect("a body").clone();
    }
    body.extend(fact["body"].as_object().expect("a body").clone());
    let author = text("by").map_or(1, |by| by[1..].parse().expect("a number"));
    let kind = text("kind").expect("a kind").to_owned();
    let draft = Draft {
        op: id(text("op").expect("an op")).expect("an id"),
        author,
        kind: Box::leak(kind.into_boxed_str()),
        subject: text("subject").or(text("op")).and_then(id).expect("an id"),
        at_ms: fact["at"].as_i64().unwrap_or(5),
        seen: texts(fact, "seen").iter().filter_map(|name| id(name)).collect(),
        body: with_ids(&Value::Object(body)),
    };
    draft.read().0
}

pub(super) fn fold_one_by_one<'a>(facts: impl Iterator<Item = &'a Fact>) -> Building {
    let round = RoundId(id("r1").expect("an id"));
    let mut building = Building::new(
        building_id(),
        vec![RoundWindow {
            round,
            from_ms: 0,
            until_ms: 1000,
            grace_until_ms: 9000,
            is_closed: false,
        }],
    );
    facts.for_each(|fact| drop(building.apply([fact.clone()])));
    building
}

/// What the entities of a building say, in the words of the vectors.
fn found(entities: &[Entity]) -> Value {
    let mut found = json!({"live": {}, "states": {}, "flags": {}, "aliases": {}, "floors": {},
        "floor_aliases": {}, "conflicts": []});
    for Entity { kind, body, .. } in entities {
        match kind {
            EntityKind::Office => {
                let office: OfficeView = serde_json::from_slice(body).expect("an office");
                let name_of = name(office.office_id.0);
                match office.status.as_str() {
                    "live" => {
                        found["live"][&name_of] = json!(office.label);
                        found["states"][&name_of] = json!(office.rounds[0].state);
                        found["flags"][&name_of] = json!(office.rounds[0].flags);
                    }
                    "alias" => found["aliases"][&name_of] = json!(name(office.becomes[0].0)),
                    _ => {}
                }
            }
            EntityKind::Floor => {
                let floor: FloorView = serde_json::from_slice(body).expect("a floor");
                let name_of = name(floor.floor_id.0);
                match floor.becomes {
                    Some(canonical) => found["floor_aliases"][&name_of] = json!(name(canonical.0)),
                    None => found["floors"][&name_of] = json!(floor.roster_status),
                }
            }
            EntityKind::Building => {
                let building: BuildingView = serde_json::from_slice(body).expect("a building");
                for Conflict { code, subject, field, .. } in building.conflicts {
                    let mut conflict = json!({"code": code, "subject": name(subject)});
                    if let Some(field) = field {
                        conflict["field"] = json!(field);
                    }
                    found["conflicts"].as_array_mut().expect("a list").push(conflict);
                }
            }
        }
    }
    found
}

fn assert_expected(entities: &[Entity], case: &Value) {
    let found = found(entities);
    assert_eq!(found["live"], case["live"], "{case}");
    assert_eq!(found["conflicts"], case["conflicts"], "{case}");
    for part in ["states", "floors"] {
        for (name, expected) in case[part].as_object().into_iter().flatten() {
            assert_eq!(found[part][name], *expected, "{name}: {case}");
        }
    }
    let live = case["live"].as_object().expect("an object").keys();
    for name in live.filter(|_| case.get("flags").is_some()) {
        assert_eq!(texts(&found["flags"], name), texts(&case["flags"], name), "{name}: {case}");
    }
    for part in ["aliases", "floor_aliases"] {
        let empty = json!({});
        assert_eq!(found[part], *case.get(part).unwrap_or(&empty), "{case}");
    }
}

/// Facts from every beginning on, forwards and backwards.
pub(super) fn orders<'a>(all: &[&'a Fact]) -> Vec<Vec<&'a Fact>> {
    let mut orders = Vec::new();
    for turn in 0..all.len() {
        let mut turned = all.to_vec();
        turned.rotate_left(turn);
        orders.push(turned.iter().rev().copied().collect());
        orders.push(turned);
    }
    orders
}

#[test]
fn every_history_ends_as_the_vectors_say_in_whatever_order_it_comes() {
    let begin: Vec<Fact> =
        cases(STRUCTURE, "begin").iter().map(|begun| fact(STRUCTURE, begun)).collect();
    for case in cases(STRUCTURE, "cases") {
        let facts: Vec<Fact> =
            list(&case, "facts").iter().map(|told| fact(STRUCTURE, told)).collect();
        let all: Vec<&Fact> = begin.iter().chain(&facts).collect();
        let expected = fold_one_by_one(all.iter().copied()).entities();
        assert_expected(&expected, &case);
        let bytes: BTreeMap<Uuid, &[u8]> =
            expected.iter().map(|entity| (entity.id, entity.body.as_slice())).collect();
        for order in orders(&all) {
            let entities = fold_one_by_one(order.into_iter()).entities();
            let other: BTreeMap<Uuid, &[u8]> =
                entities.iter().map(|entity| (entity.id, entity.body.as_slice())).collect();
            assert_eq!(bytes, other, "{case}");
        }
    }
}
