//! Coverage and timelines as supervisors read them: every figure above a building is the sum of the
//! figures below it, and every visit can be looked up with its times.

use crate::actors::{Actor, captured_ms, op, visit};
use crate::world::{DAY_MS, MONDAY_MS, World, id, on_both};
use serde_json::{Map, Value, json};

/// A building of one floor with some rooms, whose labels say which building they are in.
async fn add_building(qian: &Actor, name: &str, unit: &str, rooms: i64) {
    let offices: Vec<Value> = (1..=rooms)
        .map(|room| json!({ "office_id": id(&format!("{name} {room}")), "label": format!("{room}") }))
        .collect();
    let floor = json!({
        "floor_id": id(&format!("{name} floor")), "label": "1F", "sort_order_milli": 1000,
        "kind": "office", "offices": offices,
    });
    let section =
        json!({ "section_id": id(&format!("{name} section")), "name": "-", "floors": [floor] });
    let body = json!({ "unit_id": id(unit), "code": name, "name": name, "sections": [section] });
    qian.put(&format!("/api/v1/buildings/{}", id(name)), body).await;
}

/// A visit to a room of such a building.
fn visit_to(name: &str, n: i64, room: i64, outcome: &str) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "kind": "initial",
        "office_ids": [id(&format!("{name} {room}"))], "outcome": outcome,
    });
    let subject = id(&format!("visit wang {n}"));
    op("wang", n, "visit", subject, body, |op| op["bucket"] = json!(id(name)))
}

/// Adds up count vectors.
fn sum<'a>(counts: impl Iterator<Item = &'a Value>) -> Value {
    let mut sum = Map::new();
    for vector in counts {
        for (name, number) in vector.as_object().expect("counts") {
            let so_far = sum.get(name).and_then(Value::as_i64).unwrap_or(0);
            sum.insert(name.clone(), json!(so_far + number.as_i64().expect("a number")));
        }
    }
    Value::Object(sum)
}

fn coverage(unit: &str) -> String {
    format!("/api/v1/coverage/{}", id(unit))
}

on_both! {
    async fn every_figure_above_a_building_is_the_sum_of_those_below(world: World) {
        let (root, qian, wang) =
            (world.actor("root").await, world.actor("qian").await, world.actor("wang").await);
        let unit = json!({
            "parent_id": id("street"), "code": "990101001002", "level": "community", "name": "community 2",
        });
        root.put(&format!("/api/v1/org-units/{}", id("community 2")), unit).await;
        add_building(&qian, "B2", "community", 4).await;
        add_building(&qian, "B3", "community 2", 3).await;
        // A building may lie in the street itself.
        add_building(&qian, "B4", "street", 2).await;
        let ops = [
            visit("wang", 1, "101", "locked"),
            visit_to("B2", 2, 1, "locked"),
            visit_to("B2", 3, 2, "refused_entry"),
            visit_to("B3", 4, 3, "inspected"),
            visit_to("B4", 5, 1, "deferred"),
            visit_to("B4", 6, 1, "locked"),
        ];
        wang.sync(&ops).await;
        let han = world.actor("han").await;
        let district = han.get(&coverage("district")).await;
        for unit in ["community", "community 2", "street", "district"] {
            let rolled = han.get(&coverage(unit)).await;
            let listed = han.get(&format!("/api/v1/buildings?unit={}", id(unit))).await;
            let listed = listed["buildings"].as_array().expect("buildings");
            assert_eq!(
                rolled["counts"],
                sum(listed.iter().map(|building| &building["counts"])),
                "{unit}"
            );
            let states = rolled["buildings_by_state"].as_object().expect("states").values();
            assert_eq!(
                states.map(|n| n.as_u64().expect("a number")).sum::<u64>(),
                listed.len() as u64
            );
            for building in listed {
                let path = format!(
                    "/api/v1/buildings/{}/floors",
                    building["building_id"].as_str().expect("an id")
                );
                assert_eq!(han.get(&path).await["counts"], building["counts"], "{path}");
            }
        }
        assert_eq!(district["counts"]["in_scope"], 15);
        assert_eq!(district["counts"]["buildings"], 4);
        let children = district["children"].as_array().expect("children");
        assert_eq!(district["counts"], sum(children.iter().map(|child| &child["counts"])));
        let street = han.get(&coverage("street")).await;
        let codes: Vec<&Value> = street["children"]
            .as_array()
            .expect("children")
            .iter()
            .map(|child| &child["unit"]["code"])
            .collect();
        assert_eq!(codes, ["990101001001", "990101001002"]);
        let open = han.get(&format!("{}/open-floors", coverage("street"))).await;
        assert_eq!(open["floors"].as_array().expect("floors").len(), 5, "{open}");
    }

    async fn the_timeline_of_an_office_shows_every_visit_with_its_times_whether_it_counts_or_not(
        world: World,
    ) {
        let (wang, lin, qian) =
            (world.actor("wang").await, world.actor("lin").await, world.actor("qian").await);
        let ago = json!(captured_ms(1));
        let body = json!({
            "revision": 2, "round_id": id("round"), "team_id": id("team 1"), "kind": "initial",
            "office_ids": [id("101")], "outcome": "refused_entry",
        });
        let second = op("wang", 2, "visit", id("visit wang 1"), body, |op| {
            // A phone whose clock is a day fast, without any other knowledge of the time.
            op["captured"] = json!({ "wall_ms": MONDAY_MS + DAY_MS, "utc_offset_min": 480 });
        });
        wang.sync(&[visit("wang", 1, "101", "locked"), second]).await;
        lin.sync(&[visit("lin", 1, "101", "locked_deliberate"), visit("lin", 2, "102", "locked")])
            .await;
        let void = json!({ "visit_id": id("visit lin 1"), "reason": "走错门" });
        let void = op("qian", 1, "visit_void", id("visit lin 1"), void, |op| {
            op["seen"] = json!([id("op lin 1")]);
        });
        assert_eq!(qian.sync(&[void]).await["results"][0]["status"], "applied");
        let path = format!("/api/v1/buildings/{}/offices/{}/timeline", id("building"), id("101"));
        let timeline = qian.get(&path).await;
        let items = timeline["items"].as_array().expect("items");
        let item = |op: &str| -> &Value {
            let op_id = json!(id(op));
            items
                .iter()
                .find(|item| item["op_id"] == op_id)
                .unwrap_or_else(|| panic!("{op}: {timeline}"))
        };
        // What made the room, and the four ops about it; not the visit to the room next door.
        assert_eq!(items.len(), 5, "{timeline}");
        for (op, author, revision, effective, voided) in [
            ("op wang 1", "wang", 1, false, false),
            ("op wang 2", "wang", 2, true, false),
            ("op lin 1", "lin", 1, false, true),
        ] {
            let item = item(op);
            let whose = (&item["author"], &item["revision"]);
            assert_eq!(whose, (&json!(author), &json!(revision)), "{item}");
            let standing = (&item["effective"], &item["voided"]);
            assert_eq!(standing, (&json!(effective), &json!(voided)), "{item}");
            assert_eq!(item["device"], json!(id(&format!("phone of {author}"))), "{item}");
            assert!(item["received_ms"].as_i64() >= Some(MONDAY_MS), "{item}");
        }
        let first = item("op wang 1");
        assert_eq!((&first["captured_wall_ms"], &first["corrected_ms"]), (&ago, &ago));
        let fast = item("op wang 2");
        assert_eq!(fast["captured_wall_ms"], MONDAY_MS + DAY_MS);
        assert_eq!(fast["corrected_ms"], fast["received_ms"]);
        assert_eq!(fast["quality"], "clamped");
        assert_eq!(fast["issues"], json!(["clock_skew", "time_clamped"]));
        assert_eq!(item("op qian 1")["kind"], "visit_void");
        let office = qian.office("101").await;
        assert_eq!((&office["state"], &office["visits"]), (&json!("blocked"), &json!(1)));
    }
}
