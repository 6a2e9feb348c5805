//! Late data: what was captured in time counts whenever it comes; what was not waits for somebody.

use crate::actors::{Actor, op, visit};
use crate::rebuild::assert_rebuilt;
use crate::world::{DAY_MS, MONDAY_MS, World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

const UNTIL_MS: i64 = MONDAY_MS + 18 * DAY_MS;

async fn issues_of(who: &Actor, room: &str, op: &str) -> Value {
    let path = format!("/api/v1/buildings/{}/offices/{}/timeline", id("building"), id(room));
    let timeline = who.get(&path).await;
    let items = timeline["items"].as_array().expect("items");
    let item = items.iter().find(|item| item["op_id"] == json!(id(op)));
    item.unwrap_or_else(|| panic!("{op} is not on {timeline}"))["issues"].clone()
}

async fn waiting(who: &Actor) -> Value {
    who.get(&format!("/api/v1/late?unit={}", id("street"))).await
}

async fn accept(who: &Actor, visit: &str) -> Value {
    let body = json!({
        "reason": "设备故障", "building_id": id("building"), "visits": [id(visit)],
    });
    let response = who.send(Method::POST, "/api/v1/late/accept", Some(body)).await;
    let told: Value = response.json().await.expect("JSON");
    told["results"][0].clone()
}

/// A visit at a time; without an anchor only the phone's clock vouches for it.
fn visit_at(n: i64, room: &str, at_ms: i64, anchored: bool) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "kind": "initial",
        "office_ids": [id(room)], "outcome": "locked",
    });
    op("wang", n, "visit", id(&format!("visit wang {n}")), body, |op| {
        op["captured"] = json!({ "wall_ms": at_ms, "utc_offset_min": 480 });
        if anchored {
            op["captured"]["anchor"] = json!({ "server_ms": at_ms, "elapsed_ms": 0 });
        }
    })
}

on_both! {
    async fn what_was_captured_in_the_round_counts_in_its_grace_and_after_and_is_told_late(
        world: World,
    ) {
        world.clock.set_ms(UNTIL_MS + 2 * DAY_MS);
        let wang = world.actor("wang").await;
        let in_grace = &wang.sync(&[visit("wang", 1, "101", "locked")]).await["results"][0];
        assert_eq!(in_grace["status"], "applied", "C52: {in_grace}");
        world.clock.set_ms(UNTIL_MS + 5 * DAY_MS);
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let late = &wang.sync(&[visit("wang", 2, "102", "locked")]).await["results"][0];
        assert_eq!(late["issues"], json!(["late_arrival"]), "C53: {late}");
        assert_eq!(qian.office("102").await["state"], "locked", "it changes the live state");
        assert_eq!(issues_of(&qian, "102", "op wang 2").await, json!(["late_arrival"]));
        assert_eq!(issues_of(&qian, "101", "op wang 1").await, json!([]));
        assert_eq!(waiting(&qian).await["total"], 0, "nobody has to accept it");
        assert_rebuilt(&world).await;
        // The desk gives the phones more time: by then nothing was late.
        let mut round = world.round("closing");
        round["grace_until_ms"] = json!(UNTIL_MS + 9 * DAY_MS);
        qian.put(&format!("/api/v1/rounds/{}", id("round")), round.clone()).await;
        assert_eq!(issues_of(&qian, "102", "op wang 2").await, json!([]));
        let again = &wang.sync(&[visit("wang", 2, "102", "locked")]).await["results"][0];
        assert_eq!(again, late, "an answer is final");
        round["grace_until_ms"] = json!(UNTIL_MS - 1);
        let path = format!("/api/v1/rounds/{}", id("round"));
        qian.refused(Method::PUT, &path, Some(round), 422, "invalid").await;
    }

    async fn what_was_captured_after_the_round_waits_until_somebody_accepts_it(world: World) {
        world.clock.set_ms(UNTIL_MS + DAY_MS);
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let after = visit_at(1, "101", UNTIL_MS + 1000, true);
        let answer = &wang.sync(&[after]).await["results"][0];
        assert_eq!(answer["issues"], json!(["out_of_window"]), "C54: {answer}");
        assert_eq!(qian.office("101").await["state"], "unvisited");
        let list = waiting(&qian).await;
        assert_eq!(list["total"], 1, "{list}");
        let item = &list["visits"][0];
        assert_eq!((&item["why"], &item["author"]), (&json!("out_of_window"), &json!("wang")));
        assert_eq!(item["offices"][0]["label"], "101");
        let stranger = world.actor("other qian").await;
        let path = format!("/api/v1/late?unit={}", id("street"));
        stranger.refused(Method::GET, &path, None, 404, "not_found").await;
        let body = json!({
            "reason": "x", "building_id": id("building"), "visits": [id("visit wang 1")],
        });
        let path = "/api/v1/late/accept";
        stranger.refused(Method::POST, path, Some(body.clone()), 404, "not_found").await;
        wang.refused(Method::POST, path, Some(body), 403, "forbidden").await;
        let accepted = accept(&qian, "visit wang 1").await;
        assert_eq!(accepted["status"], "accepted", "{accepted}");
        assert_eq!(qian.office("101").await["state"], "locked");
        assert_eq!(waiting(&qian).await["total"], 0);
        assert_eq!(accept(&qian, "visit wang 1").await["status"], "stale");
        let undo = json!({
            "reason": "看错了", "building_id": id("building"), "ops": [accepted["op_id"]],
        });
        let undone = qian.send(Method::POST, "/api/v1/conflicts/undo", Some(undo)).await;
        assert!(undone.status().is_success());
        assert_eq!(qian.office("101").await["state"], "unvisited");
        assert_eq!(waiting(&qian).await["total"], 1);
        assert_rebuilt(&world).await;
    }

    async fn near_the_boundary_a_time_that_only_the_phone_vouches_for_is_listed(world: World) {
        world.clock.set_ms(UNTIL_MS + DAY_MS);
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[
            visit_at(1, "101", UNTIL_MS - 3_600_000, false),
            visit_at(2, "102", UNTIL_MS - 3_600_000, true),
            visit_at(3, "103", UNTIL_MS - 2 * DAY_MS, false),
        ]).await;
        let list = waiting(&qian).await;
        assert_eq!(list["total"], 1, "{list}");
        assert_eq!(list["visits"][0]["why"], "unsure_of_boundary", "C45");
        assert_eq!(list["visits"][0]["quality"], "wall_only");
        assert_eq!(qian.office("101").await["state"], "locked", "by its trusted time it counts");
        assert_eq!(accept(&qian, "visit wang 1").await["status"], "accepted");
        assert_eq!(waiting(&qian).await["total"], 0);
    }
}
