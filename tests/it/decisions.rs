//! The desk's decisions: filed where they hold, and otherwise a sentence that says why not.

use crate::actors::{Actor, op, visit};
use crate::photos::{DOOR, bring, promise};
use crate::world::{World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

fn path() -> String {
    format!("/api/v1/buildings/{}/decisions", id("building"))
}

async fn decide(by: &Actor, decision: Value, seen: &[&str]) -> Value {
    let seen: Vec<_> = seen.iter().map(|op| id(&format!("op {op}"))).collect();
    let body = json!({ "reason": "核实", "seen": seen, "decision": decision });
    let response = by.send(Method::POST, &path(), Some(body)).await;
    let status = response.status();
    let told: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{status} {told}");
    told
}

fn refused(told: &Value, code: &str) {
    assert_eq!(
        (&told["status"], &told["reason"]["code"]),
        (&json!("refused"), &json!(code)),
        "{told}"
    );
    for language in ["zh", "en"] {
        assert!(told["reason"][language].as_str().is_some_and(|text| text.len() > 10), "{told}");
    }
}

fn claim(author: &str, n: i64, room: &str) -> String {
    visit(author, n, room, "not_in_scope")
}

fn exclude(room: &str) -> Value {
    json!({ "exclusion_approve": { "office_id": id(room), "round_id": id("round") } })
}

on_both! {
    async fn an_exclusion_is_approved_on_what_somebody_else_claimed_and_was_seen(world: World) {
        let (wang, lin, qian) =
            (world.actor("wang").await, world.actor("lin").await, world.actor("qian").await);
        refused(&decide(&qian, exclude("101"), &[]).await, "own_claim");
        let own = op("qian", 1, "office_remove", id("101"), json!({
            "office_id": id("101"), "round_id": id("round"), "reason": "并入",
        }), |_| ());
        qian.sync(&[own]).await;
        refused(&decide(&qian, exclude("101"), &["qian 1"]).await, "own_claim");

        wang.sync(&[claim("wang", 1, "102")]).await;
        lin.sync(&[visit("lin", 2, "102", "locked")]).await;
        // Somebody was at that door, and the supervisor has not seen it.
        refused(&decide(&qian, exclude("102"), &["wang 1"]).await, "unseen");
        assert_eq!(wang.office("102").await["state"], "locked");
        let told = decide(&qian, exclude("102"), &["wang 1", "lin 2"]).await;
        assert_eq!(told["status"], "filed", "{told}");
        assert_eq!(wang.office("102").await["state"], "excluded");
        refused(&decide(&qian, exclude("102"), &["wang 1", "lin 2"]).await, "no_effect");

        // Undone like everything that the desk decides.
        let undo = json!({ "reason": "误批", "building_id": id("building"), "ops": [told["op_id"]] });
        let response = qian.send(Method::POST, "/api/v1/conflicts/undo", Some(undo)).await;
        assert!(response.status().is_success(), "{}", response.status());
        assert_eq!(wang.office("102").await["state"], "locked");
    }

    async fn a_rejected_claim_leaves_the_room_to_be_visited(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[claim("wang", 1, "102")]).await;
        assert_eq!(wang.office("102").await["state"], "exclusion_pending");
        let reject = json!({ "exclusion_reject": { "office_id": id("102") } });
        assert_eq!(decide(&qian, reject.clone(), &["wang 1"]).await["status"], "filed");
        assert_eq!(wang.office("102").await["state"], "unvisited");
        refused(&decide(&qian, reject, &["wang 1"]).await, "no_effect");
    }

    async fn a_visit_is_voided_by_whoever_saw_all_its_revisions(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("wang", 1, "101", "inspected")]).await;
        let void = json!({ "visit_void": { "visit_id": id("visit wang 1") } });
        refused(&decide(&qian, void.clone(), &[]).await, "unseen");
        let unknown = json!({ "visit_void": { "visit_id": id("nothing") } });
        refused(&decide(&qian, unknown, &[]).await, "unknown");
        assert_eq!(decide(&qian, void.clone(), &["wang 1"]).await["status"], "filed");
        assert_eq!(wang.office("101").await["state"], "unvisited");
        refused(&decide(&qian, void, &["wang 1"]).await, "no_effect");
    }

    async fn a_floor_is_confirmed_by_the_community_and_a_building_accepted_by_the_street(world: World) {
        let (wang, wu, qian) =
            (world.actor("wang").await, world.actor("wu").await, world.actor("qian").await);
        let accept = json!({ "building_accept": { "round_id": id("round") } });
        let told = decide(&qian, accept.clone(), &[]).await;
        refused(&told, "not_ready");
        assert_eq!(told["unmet"], json!(["floors_confirmed", "all_covered"]), "{told}");
        let rooms = ["101", "102", "103", "201", "202", "203"];
        for (n, room) in (1..).zip(rooms) {
            wang.sync(&[promise(n, room, room)]).await;
            assert!(bring(&wang, room, DOOR, DOOR).await.status().is_success());
        }
        let nowhere = json!({ "floor_confirm": { "floor_id": id("no floor") } });
        refused(&decide(&wu, nowhere, &[]).await, "unknown");
        let page = wu.get(&format!("/api/v1/buildings/{}/floors", id("building"))).await;
        for floor in page["sections"][0]["floors"].as_array().expect("floors") {
            let confirm = json!({ "floor_confirm": { "floor_id": floor["floor_id"] } });
            refused(&decide(&wu, confirm.clone(), &[]).await, "unseen");
            // What the page showed is what was seen.
            let rooms = floor["offices"].as_array().expect("rooms").iter();
            let seen: Vec<Value> = rooms.flat_map(|room| room["made_by"].as_array().expect("ops").clone()).collect();
            let body = json!({ "reason": "实地核对", "seen": seen, "decision": confirm });
            let response = wu.send(Method::POST, &path(), Some(body)).await;
            let told: Value = response.json().await.expect("JSON");
            assert_eq!(told["status"], "filed", "{told}");
        }
        // A community manager confirms lists, and accepts nothing.
        let body = json!({ "reason": "好", "decision": accept });
        wu.refused(Method::POST, &path(), Some(body), 403, "forbidden").await;
        let told = decide(&qian, accept.clone(), &[]).await;
        assert_eq!(told["status"], "filed", "{told}");
        let state = || async {
            let page = qian.get(&format!("/api/v1/buildings/{}/floors", id("building"))).await;
            page["state"].clone()
        };
        assert_eq!(state().await, "full_coverage");
        refused(&decide(&qian, accept, &[]).await, "no_effect");
        let undo = json!({ "reason": "误点", "building_id": id("building"), "ops": [told["op_id"]] });
        let response = qian.send(Method::POST, "/api/v1/conflicts/undo", Some(undo)).await;
        assert!(response.status().is_success(), "{}", response.status());
        assert_eq!(state().await, "covered_pending_acceptance");
    }

    async fn who_does_not_reach_the_building_is_told_of_none(world: World) {
        let accept = json!({ "reason": "好", "decision": { "building_accept": { "round_id": id("round") } } });
        let other = world.actor("other qian").await;
        other.refused(Method::POST, &path(), Some(accept.clone()), 404, "not_found").await;
        let han = world.actor("han").await;
        han.refused(Method::POST, &path(), Some(accept), 403, "forbidden").await;
        let qian = world.actor("qian").await;
        let without = json!({ "reason": " ", "decision": exclude("101") });
        qian.refused(Method::POST, &path(), Some(without), 422, "invalid").await;
    }

    async fn c42_whoever_files_hides_a_photo_and_the_desk_alone_shows_it_again(world: World) {
        let (wu, qian) = (world.actor("wu").await, world.actor("qian").await);
        let say = async |by: &Actor, what: &str, seen: &[&Value]| {
            let decision = json!({ what: { "photo_id": id("desk") } });
            let body = json!({ "reason": "核对照片", "seen": seen, "decision": decision });
            by.send(Method::POST, &path(), Some(body)).await
        };
        let told = async |response: reqwest::Response| {
            assert!(response.status().is_success(), "{}", response.status());
            response.json::<Value>().await.expect("JSON")
        };
        let hidden = "select count(*) from photo_restricted";
        let said = told(say(&wu, "photo_reclassify", &[]).await).await;
        assert_eq!((&said["status"], world.number(hidden).await), (&json!("filed"), 1), "{said}");
        refused(&told(say(&qian, "photo_reclassify", &[]).await).await, "no_effect");
        let lifted = say(&wu, "photo_declassify", &[&said["op_id"]]).await;
        assert_eq!(lifted.status(), 403, "the desk alone shows it again");
        refused(&told(say(&qian, "photo_declassify", &[]).await).await, "unseen");
        let lifted = told(say(&qian, "photo_declassify", &[&said["op_id"]]).await).await;
        assert_eq!((&lifted["status"], world.number(hidden).await), (&json!("filed"), 0), "{lifted}");
        refused(&told(say(&qian, "photo_declassify", &[&said["op_id"]]).await).await, "no_effect");
        let again = told(say(&qian, "photo_reclassify", &[]).await).await;
        assert_eq!(world.number(hidden).await, 1, "{again}");
        // Undone like everything that the desk decides.
        let undo = async |op: &Value| {
            let body = json!({ "reason": "误判", "building_id": id("building"), "ops": [op] });
            let response = qian.send(Method::POST, "/api/v1/conflicts/undo", Some(body)).await;
            assert!(response.status().is_success(), "{}", response.status());
        };
        undo(&again["op_id"]).await;
        assert_eq!(world.number(hidden).await, 0);
        undo(&lifted["op_id"]).await;
        assert_eq!(world.number(hidden).await, 1, "what was lifted by mistake is hidden again");
        crate::rebuild::assert_rebuilt(&world).await;
    }
}
