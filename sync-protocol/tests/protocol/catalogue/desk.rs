//! What the desk is told of one room: where it comes from, who sits there, which visit gave what.

use super::{Ended, ends, inspected, room, said, seeing, visit};
use crate::world::id;
use saolou_protocol::building::tenants::{Stay, Tenant};
use saolou_protocol::ids::{OfficeId, OpId};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

fn office(number: u64) -> OfficeId {
    OfficeId(id("office", number))
}

fn told(end: &Ended, number: u64) -> Value {
    let room = end.building.room(office(number)).expect("a known room");
    serde_json::to_value(room).expect("it is plain")
}

fn tenants(end: &Ended, number: u64, said: &[&super::Draft]) -> Vec<Tenant> {
    let bodies: HashMap<Uuid, Map<String, Value>> =
        said.iter().map(|draft| (draft.op, crate::world::object(&draft.body))).collect();
    end.building.tenants(office(number), |op: OpId| bodies.get(&op.0))
}

#[test]
fn each_element_names_the_first_visit_to_the_company_that_obtained_it() {
    let partial = json!({ "ledger_check": null });
    let ledger = json!({
        "kind": "supplement", "company": { "name": "青柠设计", "actual_business": "设计" },
        "missing": ["q2_people", "q3_history", "c1_id_check", "c2_licence"],
        "ledger_check": { "result": "normal" } });
    let end =
        ends(&[inspected(1, 1, 1201, partial), visit(2, 2, 1201, "inspected_partial", ledger)]);
    let room = told(&end, 1201);
    let elements = room["obtained"][0]["elements"].as_array().expect("elements").clone();
    let from = |element: &str| {
        let found = elements.iter().find(|one| one["element"] == element);
        found.map(|one| one["op_id"].clone())
    };
    assert_eq!(from("c3_ledger"), Some(json!(id("op", 2))));
    assert_eq!(from("q2_people"), Some(json!(id("op", 1))));
    assert_eq!(elements.len(), 6);
    assert_eq!(room["rounds"][0]["state"], "covered");
}

#[test]
fn what_another_company_showed_is_not_obtained_from_the_one_met_last() {
    let other = json!({ "company": { "name": "海棠商贸", "actual_business": "商贸" } });
    let end = ends(&[
        inspected(1, 1, 1201, json!({ "ledger_check": null })),
        visit(2, 2, 1201, "inspected_partial", other),
    ]);
    let room = told(&end, 1201);
    let elements = room["obtained"][0]["elements"].as_array().expect("elements");
    assert!(elements.iter().all(|one| one["op_id"] == json!(id("op", 2))), "{room}");
}

#[test]
fn a_split_is_told_at_the_room_and_at_its_parts_and_the_old_room_keeps_its_records() {
    let children = [(1, "1201A"), (2, "1201B")]
        .map(|(part, label)| json!({ "office_id": id("office", part), "label": label }));
    let split = json!({ "parent": id("office", 1201), "children": children });
    let end = ends(&[visit(1, 1, 1201, "locked", json!({})), said(2, 7, "office_split", split)]);
    for number in [1201, 1, 2] {
        let room = told(&end, number);
        assert_eq!(room["changes"][0]["op_id"], json!(id("op", 2)), "{room}");
        assert_eq!(room["changes"][0]["parents"][0]["label"], "1201");
        assert_eq!(room["changes"][0]["children"][1]["label"], "1201B");
    }
    assert_eq!(end.building.canonical(office(1201)), None);
    assert_eq!(end.building.stands_for(office(1201)), Some(office(1201)));
    let kept = end.building.history(office(1201));
    assert!(kept.iter().any(|item| item.op_id.0 == id("op", 1)), "nobody knows whose the visit is");
    assert_eq!(told(&end, 1201)["conflicts"][0]["code"], "needs_reassignment");
    assert_eq!(told(&end, 1)["conflicts"], json!([]));
}

#[test]
fn a_room_names_the_rooms_that_are_the_same() {
    let one = json!({ "a": id("office", 1), "b": id("office", 2) });
    let end = ends(&[room(1, 1, 1, "1207西"), room(2, 2, 2, "1207A"), said(3, 7, "same_as", one)]);
    let live = end.building.stands_for(office(1)).expect("a known room");
    assert_eq!(end.building.stands_for(office(2)), Some(live));
    let room = end.building.room(live).expect("a known room");
    assert_eq!(room.aliases.len(), 1);
    assert_ne!(room.aliases[0].office_id, live);
}

#[test]
fn of_a_company_the_value_of_the_best_source_is_shown_and_the_others_are_named() {
    let listed = said(
        1,
        7,
        "occupancy_add",
        json!({ "occupancy_id": id("stay", 1), "office_id": id("office", 1201),
            "kind": "physical", "company": { "name": "青柠", "uscc": "91990101MADEMA0198" } }),
    );
    let met = inspected(
        2,
        1,
        1201,
        json!({
            "company": { "name": "青柠设计", "actual_business": "设计", "signage_name": "QN" },
            "licence_check": { "status": "licensed_displayed", "name_on_licence": "青柠设计公司",
                "qr_raw": "https://www.gsxt.gov.cn/index.html?uniscid=91990101MADEMA0198" } }),
    );
    let end = ends(&[listed.clone(), met.clone()]);
    let [tenant] = &tenants(&end, 1201, &[&listed, &met])[..] else { panic!("one company") };
    let name = tenant.name.as_ref().expect("a name");
    assert_eq!((name.value.as_str(), name.source.code()), ("青柠设计公司", "licence_photo_typed"));
    assert_eq!(name.others, ["青柠设计", "青柠"]);
    let code = tenant.uscc.as_ref().expect("a code");
    assert_eq!((code.op_id.0, code.source.code()), (id("op", 2), "licence_qr_verified"));
    assert_eq!(
        (tenant.stay, tenant.first_seen_ms, tenant.last_seen_ms),
        (Stay::Present, Some(2), Some(2))
    );
}

#[test]
fn a_company_has_left_where_the_room_was_shown_to_be_empty_after_it_was_met() {
    let photo = json!({ "photos": [{ "photo_id": id("photo", 1), "kind": "vacant_interior" }] });
    let (met, empty) = (inspected(1, 1, 1201, json!({})), visit(2, 2, 1201, "vacant", photo));
    let end = ends(&[met.clone(), empty.clone()]);
    assert_eq!(tenants(&end, 1201, &[&met, &empty])[0].stay, Stay::MovedOut);
    let void = seeing(said(3, 7, "visit_void", json!({ "visit_id": empty.subject })), &[2]);
    let end = ends(&[met.clone(), empty.clone(), void]);
    assert_eq!(tenants(&end, 1201, &[&met, &empty])[0].stay, Stay::Present);
}
