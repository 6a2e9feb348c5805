//! A room's page: beside the timeline its floor, what it was made from, what was obtained and whose
//! record says so, the companies; and changes of rooms that the desk takes back.

use crate::actors::{Actor, captured_ms, op, visit};
use crate::rebuild::assert_rebuilt;
use crate::world::{World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

async fn timeline(who: &Actor, office: Uuid) -> Value {
    who.get(&format!("/api/v1/buildings/{}/offices/{office}/timeline", id("building"))).await
}

fn split(author: &str, n: i64, room: &str, parts: [&str; 2]) -> String {
    let children = parts.map(|part| json!({ "office_id": id(part), "label": part }));
    let body = json!({ "parent": id(room), "children": children });
    op(author, n, "office_split", id(room), body, |_| ())
}

/// A visit that learned the name, the business and, at the door, the sign of a company.
fn met(author: &str, n: i64, room: &str, name: &str) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "kind": "initial", "office_ids": [id(room)],
        "outcome": "inspected_partial", "missing": ["q2_people"],
        "company": {
            "name": name, "signage_name": "青柠设计", "uscc": "91990101MADEMA0198",
            "actual_business": "平面设计",
        },
    });
    op(author, n, "visit", id(&format!("visit {author} {n}")), body, |_| ())
}

async fn decide(by: &Actor, decision: Value) -> Value {
    let path = format!("/api/v1/buildings/{}/decisions", id("building"));
    let body = json!({ "reason": "现场核对", "decision": decision });
    let response = by.send(Method::POST, &path, Some(body)).await;
    let status = response.status();
    let told: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{status} {told}");
    told
}

fn labels(doors: &Value) -> Vec<&str> {
    let doors = doors.as_array().expect("doors");
    doors.iter().filter_map(|door| door["label"].as_str()).collect()
}

on_both! {
    async fn a_room_tells_its_floor_its_companies_and_whose_record_each_element_is_from(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[met("wang", 1, "101", "青柠设计（云岚）有限公司")]).await;
        let told = timeline(&qian, id("101")).await;
        assert_eq!(told["floor"], "1F", "{told}");
        assert_eq!((&told["room"]["label"], &told["room"]["status"]), (&json!("101"), &json!("live")));
        let obtained = &told["room"]["obtained"][0];
        assert_eq!(obtained["round_id"], json!(id("round")));
        let first = &obtained["elements"][0];
        assert_eq!(
            (&first["element"], &first["op_id"]),
            (&json!("q1_identity"), &json!(id("op wang 1"))),
            "{told}"
        );
        let [tenant] = told["tenants"].as_array().expect("companies").as_slice() else {
            panic!("{told}")
        };
        assert_eq!(tenant["name"]["value"], "青柠设计（云岚）有限公司");
        assert_eq!(tenant["name"]["op_id"], json!(id("op wang 1")));
        assert_eq!(tenant["signage"]["source"], "signage");
        assert_eq!((&tenant["stay"], &tenant["physical"]), (&json!("present"), &json!(true)));
        assert_eq!(tenant["first_seen_ms"], captured_ms(1));
        let empty = timeline(&qian, id("102")).await;
        assert_eq!((&empty["tenants"], &empty["room"]["obtained"]), (&json!([]), &json!([])));
    }

    async fn a_split_room_and_its_parts_lead_to_each_other(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[split("wang", 1, "101", ["101A", "101B"])]).await;
        for room in ["101", "101A"] {
            let told = timeline(&qian, id(room)).await;
            let change = &told["room"]["changes"][0];
            assert_eq!(change["op_id"], json!(id("op wang 1")), "{told}");
            assert_eq!(labels(&change["parents"]), ["101"]);
            assert_eq!(labels(&change["children"]), ["101A", "101B"]);
        }
        let old = timeline(&qian, id("101")).await;
        assert_eq!(old["room"]["status"], "superseded", "{old}");
        assert_eq!(old["floor"], "1F", "what is no more was somewhere");
    }

    async fn a_change_of_rooms_that_does_not_hold_is_taken_back_for_a_reason_and_that_too(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[split("wang", 1, "101", ["101A", "101B"]), visit("wang", 2, "102", "locked")])
            .await;
        let back = |op: &str| json!({ "structure_reject": { "op_id": id(op) } });
        let told = decide(&qian, back("op wang 1")).await;
        assert_eq!(told["status"], "filed", "{told}");
        assert_eq!(qian.office("101").await["state"], "unvisited");
        let again = decide(&qian, back("op wang 1")).await;
        assert_eq!(again["reason"]["code"], "no_effect", "{again}");
        let undo = json!({ "reason": "看错了", "building_id": id("building"), "ops": [told["op_id"]] });
        let undone = qian.send(Method::POST, "/api/v1/conflicts/undo", Some(undo)).await;
        assert!(undone.status().is_success());
        assert_eq!(qian.office("101B").await["state"], "unvisited", "split again");
        // A visit is voided, not taken back; what is not of this building does not exist.
        let path = format!("/api/v1/buildings/{}/decisions", id("building"));
        let body = |op: &str| Some(json!({ "reason": "?", "decision": back(op) }));
        qian.refused(Method::POST, &path, body("op wang 2"), 422, "invalid").await;
        qian.refused(Method::POST, &path, body("nothing"), 404, "not_found").await;
        let wu = world.actor("wu").await;
        wu.refused(Method::POST, &path, body("op wang 1"), 403, "forbidden").await;
        assert_rebuilt(&world).await;
    }

    async fn what_was_read_a_moment_ago_is_never_shown_for_what_is_here_now(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let rooms = format!("/api/v1/coverage/{}/rooms?metric=locked", id("street"));
        for (n, room) in [(1, "101"), (2, "102"), (3, "103")] {
            // Asked before and after, so that a reader that keeps what it read would show it.
            assert_eq!(qian.get(&rooms).await["amount"], n - 1);
            assert_eq!(qian.get(&rooms).await["amount"], n - 1);
            wang.sync(&[visit("wang", n, room, "locked")]).await;
            assert_eq!(qian.get(&rooms).await["amount"], n);
            assert_eq!(timeline(&qian, id(room)).await["room"]["rounds"][0]["visits"], 1);
        }
        let workload = qian.get(&format!("/api/v1/coverage/{}/workload", id("street"))).await;
        assert_eq!(workload["teams"][0]["visits"], 3, "{workload}");
        // The window of the round moves: no op came, and yet every figure is another.
        let mut round = world.round("open");
        let late = crate::world::MONDAY_MS + 24 * 3_600_000;
        round["from_ms"] = json!(late);
        qian.put(&format!("/api/v1/rounds/{}", id("round")), round).await;
        assert_eq!(qian.get(&rooms).await["amount"], 0);
    }

    async fn the_course_of_a_round_has_what_came_a_moment_ago_and_ends_its_steps_in_time(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let path = format!("/api/v1/coverage/{}/progress", id("street"));
        let locked = |of: Value| -> Vec<Value> {
            let steps = of["steps"].as_array().expect("steps").clone();
            steps.into_iter().map(|step| step["counts"]["locked"].clone()).collect()
        };
        let before = locked(qian.get(&path).await);
        assert_eq!(before.last(), Some(&Value::Null), "{before:?}");
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        for _ in 0..2 {
            let now = locked(qian.get(&path).await);
            assert_eq!((now.len(), now.last()), (before.len(), Some(&json!(1))), "{now:?}");
        }
        // A day later nothing came, and yet there is one step more, which is not that of yesterday.
        world.clock.halt_at(world.clock.now_ms() + 24 * 3_600_000);
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("wang", 2, "102", "locked")]).await;
        let later = locked(qian.get(&path).await);
        assert_eq!(later.len(), before.len() + 1);
        assert_eq!(later[later.len() - 2..], [json!(1), json!(2)], "{later:?}");
        world.clock.halt_at(world.clock.now_ms() + 24 * 3_600_000);
        let qian = world.actor("qian").await;
        let quiet = locked(qian.get(&path).await);
        assert_eq!(quiet[later.len() - 2..], [json!(1), json!(2), json!(2)], "{quiet:?}");
    }
}
