//! Coverage of a room, of a shared room, and what it adds up to: by the functions alone, and by
//! whole ops.

use super::{COVERAGE, ROLLUP, SHARED_ROOMS, cases, list, texts};
use crate::world::{Draft, building_id, fold, id, round_id, rounds};
use saolou_protocol::building::view::OfficeView;
use saolou_protocol::building::{Building, EntityKind};
use saolou_protocol::coverage::building::{BuildingState, Conditions};
use saolou_protocol::coverage::counts::{Counts, OfficeExtras, Rate};
use saolou_protocol::coverage::floor::{FloorState, RosterStatus};
use saolou_protocol::coverage::office::{
    Contact, Coverage, Evidence, Flags, Reason, State, coverage,
};
use saolou_protocol::coverage::shared::SharedRoom;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{OccupancyId, OpId};
use saolou_protocol::outcome::{Circumstances, Element, Elements, Outcome, VisitKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

fn op(name: &str) -> Uuid {
    id("op", u64::from(name.as_bytes()[0]))
}

fn outcome(fact: &Value) -> Outcome {
    Outcome::parse(fact["outcome"].as_str().expect("an outcome")).expect("a known outcome")
}

fn missing(fact: &Value) -> Elements {
    let listed: Elements =
        texts(fact, "missing").iter().filter_map(|element| Element::parse(element)).collect();
    let everything = outcome(fact) == Outcome::InspectedPartial && listed.is_empty();
    if everything { Elements::six() } else { listed }
}

fn contact(fact: &Value) -> Contact {
    let kind = fact["kind"].as_str().and_then(VisitKind::parse).unwrap_or(VisitKind::Initial);
    let outcome = outcome(fact);
    let circumstances = Circumstances {
        missing: missing(fact),
        absence_shown: fact["no_evidence"] != true,
        occupied_signs: fact["occupied_signs"] == true,
        enforcing: kind.is_enforcing(),
    };
    let pending = fact["photo_pending"] == true;
    Contact {
        op: OpId(op(fact["id"].as_str().expect("an id"))),
        at_ms: fact["at"].as_i64().expect("a time"),
        outcome,
        class: outcome.class(circumstances),
        missing: circumstances.missing,
        companies: fact["company"]
            .as_str()
            .map(|name| u32::from(name.as_bytes()[0]))
            .into_iter()
            .collect(),
        evidence: if pending { Evidence::Pending } else { Evidence::NotDue },
    }
}

/// All orders of some things.
fn orders<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = things.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in orders(rest) {
        for place in 0..=order.len() {
            let mut order = order.clone();
            order.insert(place, first.clone());
            all.push(order);
        }
    }
    all
}

fn assert_expected(found: &Coverage, case: &Value) {
    assert_eq!(json!(found.state), case["state"], "{case}");
    assert_eq!(json!(found.reason), case["reason"], "{case}");
    let mut flags: Vec<String> = found.flags.iter().map(|flag| flag.code().to_owned()).collect();
    flags.sort();
    assert_eq!(flags, texts(case, "flags"), "{case}");
}

#[test]
fn one_room_stands_as_the_truth_table_says_in_every_order() {
    for case in cases(COVERAGE, "cases") {
        let contacts: Vec<Contact> = list(&case, "facts").iter().map(contact).collect();
        let considered: BTreeSet<OpId> =
            texts(&case["exclusion"], "considered").iter().map(|name| OpId(op(name))).collect();
        let approvals = if case["exclusion"].is_null() { vec![] } else { vec![&considered] };
        for order in orders(&contacts) {
            assert_expected(&coverage(&order, &approvals), &case);
        }
    }
}

#[test]
fn a_shared_room_stands_as_the_truth_table_says() {
    let targets = ["X", "Y", "Z"];
    for case in cases(SHARED_ROOMS, "cases") {
        for order in orders(list(&case, "facts")) {
            let occupancy =
                |name: &str| OccupancyId(id("occupancy", u64::from(name.as_bytes()[0])));
            let mut room = SharedRoom {
                list_confirmed: case["list_confirmed"] == true,
                to_company: targets.iter().map(|name| (occupancy(name), Vec::new())).collect(),
                ..SharedRoom::default()
            };
            for fact in &order {
                let visits = match fact["company"].as_str() {
                    Some(name) => room.to_company.get_mut(&occupancy(name)).expect("a target"),
                    None => &mut room.to_room,
                };
                visits.push(contact(fact));
            }
            let (found, companies) = room.coverage(&[]);
            assert_expected(&found, &case);
            assert_eq!(json!(companies), case["companies"], "{case}");
            if let Some(missing) = case.get("missing") {
                assert_eq!(json!(found.missing), *missing, "{case}");
            }
        }
    }
}

fn draft(name: &str, kind: &'static str, body: Value) -> Draft {
    let op = if kind == "visit" { op(name) } else { id(name, 1) };
    let subject = id("visit", u64::from(name.as_bytes()[0]));
    Draft { op, author: 1, kind, subject, at_ms: 1, seen: Vec::new(), body }
}

/// A registered building with one floor and one room.
fn one_room(sharing: &str) -> Vec<Draft> {
    let (floor, section) = (id("floor", 1), id("section", 1));
    vec![
        draft("register", "building_add", json!({"name": "潮汐大厦"})),
        draft(
            "floor",
            "floor_add",
            json!({"floor_id": floor, "section_id": section, "label": "12",
            "sort_order_milli": 12000, "kind": "office"}),
        ),
        draft(
            "room",
            "office_add",
            json!({"floor_id": floor, "office_id": id("office", 1),
            "label": "1207", "sharing": sharing, "origin": "initial"}),
        ),
    ]
}

/// The visit that a fact of the tables stands for, as a phone would file it.
fn visit(fact: &Value) -> Draft {
    let missing = missing(fact);
    let has = |element| !missing.contains(element);
    let pending = fact["photo_pending"] == true;
    let mut body = json!({
        "revision": 1, "round_id": round_id(0), "office_ids": [id("office", 1)],
        "kind": fact["kind"].as_str().unwrap_or("initial"), "outcome": fact["outcome"],
        "missing": fact["missing"],
        "members_present": [{"function": "police"}],
        "company": {"name": fact["company"], "actual_business": "设计"},
        "three_ask": {"q2_people": {"responsible": {"name": "秦演示", "phone": "17490000011"},
                "headcount_claimed": 9, "headcount_present": 7},
            "q3_history": {"started_at_site_on": "2024-03-01", "note": "迁入"}},
        "id_check": {"checked_count": 7, "basis": "police_statutory"},
        "licence_check": {"status": if pending { "licensed_displayed" } else { "exempt" }},
        "ledger_check": {"result": if has(Element::C3Ledger) { "normal" } else { "refused" }},
        "notice_given": true,
    });
    if !has(Element::C2Licence) {
        body["licence_check"] = json!({"status": "unlicensed"});
    }
    if fact["company"].is_null() {
        body["company"] = json!({"name": "青柠设计", "actual_business": "设计"});
    }
    if fact["occupied_signs"] == true {
        body["occupied_signs"] = json!(["voices_inside"]);
    }
    if pending {
        body["photos"] = json!([{"photo_id": id("photo", 1), "kind": "licence_front"}]);
    } else if fact["no_evidence"] != true {
        body["manager_statement"] = json!({"name": "物业演示", "phone": "17490000012"});
    }
    let mut draft = draft(fact["id"].as_str().expect("an id"), "visit", body);
    draft.at_ms = fact["at"].as_i64().expect("a time");
    draft
}

fn the_room(building: &Building) -> OfficeView {
    let mut entities = building.entities().into_iter();
    let room = entities.find(|entity| entity.kind == EntityKind::Office).expect("one room");
    serde_json::from_slice(&room.body).expect("an office")
}

fn assert_folds(drafts: &[Draft], case: &Value) {
    let facts: Vec<Fact> = drafts.iter().map(|draft| draft.read().0).collect();
    let mut backwards = Building::new(building_id(), rounds());
    for fact in facts.iter().rev() {
        backwards.apply([fact.clone()]);
    }
    for building in [fold(&facts), backwards] {
        let room = the_room(&building).rounds.remove(0);
        let coverage = Coverage {
            state: room.state,
            reason: room.reason,
            flags: room.flags,
            missing: room.missing,
        };
        assert_expected(&coverage, case);
        if let Some(companies) = case.get("companies") {
            assert_eq!(json!(room.companies), *companies, "{case}");
        }
    }
}

#[test]
fn whole_ops_make_one_room_stand_as_the_truth_table_says() {
    for case in cases(COVERAGE, "cases") {
        let mut drafts = one_room("single");
        drafts.extend(list(&case, "facts").iter().map(visit));
        if !case["exclusion"].is_null() {
            let body = json!({"office_id": id("office", 1), "round_id": round_id(0)});
            let mut approval = draft("approval", "exclusion_approve", body);
            approval.author = 2;
            approval.seen = texts(&case["exclusion"], "considered").iter().map(|n| op(n)).collect();
            drafts.push(approval);
        }
        assert_folds(&drafts, &case);
    }
}

#[test]
fn whole_ops_make_a_shared_room_stand_as_the_truth_table_says() {
    for case in cases(SHARED_ROOMS, "cases") {
        let mut drafts = one_room("shared");
        let mut listed = Vec::new();
        for name in ["X", "Y", "Z"] {
            let body = json!({"occupancy_id": id("occupancy", u64::from(name.as_bytes()[0])),
                "office_id": id("office", 1), "company": {"name": name}});
            let occupancy = draft(name, "occupancy_add", body);
            listed.push(occupancy.op);
            drafts.push(occupancy);
        }
        if case["list_confirmed"] == true {
            let mut confirmed =
                draft("list", "occupants_confirm", json!({"office_id": id("office", 1)}));
            confirmed.seen = listed;
            drafts.push(confirmed);
        }
        drafts.extend(list(&case, "facts").iter().map(visit));
        assert_folds(&drafts, &case);
    }
}

#[test]
fn rooms_add_up_as_the_vectors_say() {
    for case in cases(ROLLUP, "offices") {
        let mut sum = Counts::default();
        for office in list(&case, "states") {
            let state = State::parse(office["state"].as_str().expect("a state")).expect("known");
            let reason = office["reason"].as_str().and_then(Reason::parse);
            let extras = OfficeExtras::default();
            sum += Counts::of_office(state, reason, Flags::NONE, extras);
        }
        assert_eq!(json!(sum), case["counts"], "{case}");
        let metrics = sum.metrics();
        let found = json!({
            "coverage_rate": metrics.coverage_rate.to_string(),
            "visited_rate": metrics.visited_rate.to_string(),
            "locked_rate": metrics.locked_rate.to_string(),
            "inspection_rate": metrics.inspection_rate.to_string(),
        });
        assert_eq!(found, case["metrics"], "{case}");
    }
}

#[test]
fn a_share_is_never_rounded_up() {
    for case in cases(ROLLUP, "rates") {
        let number = |name: &str| case[name].as_i64().expect("a number");
        let rate = Rate::of(number("part"), number("whole"));
        assert_eq!(json!(rate.to_string()), case["text"], "{case}");
        assert_eq!(json!(rate.permille), case["permille"], "{case}");
    }
    for whole in 1..3000 {
        assert_ne!(Rate::of(whole - 1, whole).to_string(), "100.0%");
    }
}

#[test]
fn floors_and_buildings_stand_as_the_vectors_say() {
    let counts =
        |case: &Value| serde_json::from_value::<Counts>(case["counts"].clone()).expect("counts");
    for case in cases(ROLLUP, "floors") {
        let roster =
            case["roster"].as_str().and_then(RosterStatus::parse).expect("a roster status");
        assert_eq!(json!(FloorState::of(&counts(&case), roster)), case["state"], "{case}");
    }
    for case in cases(ROLLUP, "buildings") {
        let counts = counts(&case);
        assert_eq!(
            json!(BuildingState::of(&counts, case["accepted"] == true)),
            case["state"],
            "{case}"
        );
        assert_eq!(json!(Conditions::unmet(&counts)), case["unmet"], "{case}");
    }
}
