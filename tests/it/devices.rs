//! Devices: what the server holds of them, what they must leave, and what becomes of a stolen one.

use crate::actors::{Actor, op, visit};
use crate::replica::Replica;
use crate::world::{MONDAY_MS, PASSWORD, World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

async fn end_assignment(qian: &Actor) {
    let body = json!({
        "round_id": id("round"), "building_id": id("building"), "team_id": id("team 1"),
        "from_ms": 0, "until_ms": MONDAY_MS - 1,
    });
    qian.put(&format!("/api/v1/assignments/{}", id("assignment team 1")), body).await;
}

async fn pull(actor: &Actor, pull: Value) -> Value {
    let body = json!({ "device": actor.device, "pull": pull });
    let reply: Value = actor.sync_raw(body.to_string()).await.json().await.expect("JSON");
    reply
}

fn locked(room: &str) -> Value {
    json!({
        "revision": 1, "round_id": id("round"), "office_ids": [id(room)], "outcome": "locked",
    })
}

async fn leaves(qian: &Actor) -> Vec<Value> {
    let path = format!("/api/v1/leaves?unit={}", id("street"));
    qian.get(&path).await["leaves"].as_array().expect("leaves").clone()
}

on_both! {
    async fn what_has_arrived_of_an_outbox_is_told_with_its_holes(world: World) {
        let wang = world.actor("wang").await;
        let held = |reply: &Value| {
            let held = &reply["held"];
            (held["through"].clone(), held["holes"].clone(), held["durable_through"].clone())
        };
        let reply = wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        assert_eq!(held(&reply), (json!(1), Value::Null, json!(1)));
        let reply = wang
            .sync(&[visit("wang", 3, "102", "locked"), visit("wang", 6, "103", "locked")])
            .await;
        assert_eq!(held(&reply), (json!(1), json!([[2, 2], [4, 5]]), json!(1)));
        // What is refused is kept for repair, and so is held; what somebody else sent is not.
        let broken = visit("wang", 2, "201", "locked").replace("locked", "l0cked");
        let lin = world.actor("lin").await;
        lin.sync(&[visit("wang", 4, "202", "locked")]).await;
        let reply = wang.sync(&[broken]).await;
        assert_eq!(reply["results"][0]["reason"], "hash_mismatch", "{reply}");
        assert_eq!(held(&reply), (json!(3), json!([[4, 5]]), json!(3)));
        let rest = [visit("wang", 5, "203", "locked"), visit("wang", 4, "202", "locked")];
        let reply = wang.sync(&rest).await;
        assert_eq!(held(&reply), (json!(6), Value::Null, json!(6)));
    }

    async fn a_lost_building_is_left_confirmed_and_comes_whole_when_it_is_gained_again(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let mut replica = Replica::download(&wang).await;
        assert!(leaves(&qian).await.is_empty());
        end_assignment(&qian).await;
        let unheard = leaves(&qian).await;
        assert_eq!(unheard.len(), 1, "known before the phone is heard of");
        assert_eq!((&unheard[0]["purge_by_ms"], &unheard[0]["overdue"]), (&Value::Null, &json!(false)));
        for _ in 0..2 {
            let reply = pull(&wang, json!({ "cursor": replica.cursor })).await;
            let leave = &reply["pull"]["leave"][0];
            assert_eq!(leave["bucket"], json!(id("building")), "listed until it is left: {reply}");
            assert_eq!(leave["reason"], "reassigned");
            assert_eq!(reply["pull"]["digest"]["count"], 0, "nothing is in scope");
            replica.apply(&reply["pull"]);
        }
        world.clock.set_ms(MONDAY_MS + 4 * 24 * 3600 * 1000);
        let wang = world.actor("wang").await;
        let qian = world.actor("qian").await;
        assert_eq!(leaves(&qian).await[0]["overdue"], true, "four days later");
        // What was captured while it was his still counts.
        let reply = wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        assert_eq!(reply["results"][0]["status"], "applied", "{reply}");
        let later = op("wang", 2, "visit", id("later"), locked("102"), |op| {
            op["captured"] = json!({ "wall_ms": MONDAY_MS + 1000 });
        });
        let reply = wang.sync(&[later]).await;
        assert_eq!(reply["results"][0]["issues"], json!(["out_of_assignment"]), "{reply}");
        let asked = json!({ "cursor": replica.cursor, "left": [id("building")] });
        let reply = pull(&wang, asked).await;
        assert!(reply["pull"]["leave"].is_null(), "{reply}");
        replica.apply(&reply["pull"]);
        assert!(leaves(&qian).await.is_empty(), "confirmed");
        let body = json!({
            "round_id": id("round"), "building_id": id("building"), "team_id": id("team 1"),
            "from_ms": 0,
        });
        qian.put(&format!("/api/v1/assignments/{}", id("assignment again")), body).await;
        assert_eq!(replica.follow(&wang).await.len(), 9, "whole");
    }

    async fn a_phone_that_lost_its_cursor_is_still_told_what_to_leave(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        Replica::download(&wang).await;
        end_assignment(&qian).await;
        let reply = pull(&wang, json!({ "cursor": "damaged" })).await;
        assert_eq!(reply["pull"]["leave"][0]["bucket"], json!(id("building")), "{reply}");
    }

    async fn a_stolen_phone_gets_nothing_and_what_it_sends_waits_for_the_desk(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let before = wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let replica = Replica::download(&wang).await;
        let path = format!("/api/v1/devices/{}/revoke", wang.device);
        let reason = Some(json!({ "reason": "手机遗失" }));
        world.actor("other qian").await.refused(Method::POST, &path, reason.clone(), 404, "not_found").await;
        assert!(qian.send(Method::POST, &path, reason).await.status().is_success());
        let reply = wang.sync(&[visit("wang", 1, "101", "locked"), visit("wang", 2, "102", "locked")]).await;
        assert_eq!(reply["results"][0], before["results"][0], "what counted before still does");
        assert_eq!(reply["results"][1]["reason"], "device_revoked", "{reply}");
        assert_eq!(wang.office("102").await["state"], "unvisited");
        let reply = pull(&wang, json!({ "cursor": replica.cursor })).await;
        assert_eq!(reply["pull"]["leave"][0]["reason"], "device_revoked", "{reply}");
        assert_eq!(reply["pull"]["entities"], json!([]));
    }

    async fn a_stolen_phone_reads_nothing_whatever_device_it_names(world: World) {
        let qian = world.actor("qian").await;
        let mut wang = world.actor("wang").await;
        let body = json!({ "username": "wang", "password": PASSWORD, "device": wang.device });
        let response = wang.send(Method::POST, "/api/v1/session", Some(body)).await;
        let signed_in: Value = response.json().await.expect("JSON");
        wang.token = signed_in["access_token"].as_str().expect("a token").to_owned();
        let replica = Replica::download(&wang).await;
        let path = format!("/api/v1/devices/{}/revoke", wang.device);
        let reason = Some(json!({ "reason": "手机遗失" }));
        let revoked = qian.send(Method::POST, &path, reason).await;
        assert!(revoked.status().is_success(), "it has filed nothing, and holds something");
        let floors = format!("/api/v1/buildings/{}/floors", id("building"));
        wang.refused(Method::GET, &floors, None, 403, "device_revoked").await;
        wang.device = id("another device");
        let reply = pull(&wang, json!({ "cursor": replica.cursor })).await;
        assert_eq!(reply["pull"]["entities"], json!([]));
        let desk_like = op("wang", 0, "visit", id("v"), locked("101"), |op| {
            op["device"] = json!(id("a third device"));
        });
        let reply = wang.sync(&[desk_like]).await;
        assert_eq!(reply["results"][0]["reason"], "device_revoked", "{reply}");
        let elsewhere = world.actor("wang").await;
        elsewhere.get(&floors).await;
    }

    async fn a_replica_that_went_wrong_is_found_and_mended_row_by_row(world: World) {
        let wang = world.actor("wang").await;
        let replica = Replica::download(&wang).await;
        let right = pull(&wang, json!({ "cursor": replica.cursor })).await["pull"]["digest"].clone();
        assert_eq!(right["count"], 9, "{right}");
        let same = json!({ "cursor": replica.cursor, "digests": { id("building").to_string(): right } });
        let reply = pull(&wang, same).await;
        assert!(reply["pull"]["repair"].is_null(), "{reply}");
        let wrong = json!({ "count": 9, "sum": "00".repeat(31) + "07" });
        let asked = json!({ "cursor": replica.cursor, "digests": { id("building").to_string(): wrong } });
        let reply = pull(&wang, asked).await;
        let sums = reply["pull"]["repair"][0]["sums"].as_array().expect("sub-sums");
        assert_eq!(sums.len(), 256);
        let filled: Vec<usize> = (0..256).filter(|byte| sums[*byte] != "").collect();
        let asked = json!({
            "cursor": replica.cursor,
            "rows": [{ "bucket": id("building"), "first_bytes": filled }],
        });
        let reply = pull(&wang, asked).await;
        let rows = reply["pull"]["rows"][0]["entities"].as_array().expect("rows");
        assert_eq!(rows.len(), 9, "all rows of these bytes");
    }

    async fn what_waits_for_its_group_takes_effect_with_the_last_member(world: World) {
        let wang = world.actor("wang").await;
        let member = |n: i64, room: &str| {
            op("wang", n, "visit", id(&format!("member {n}")), locked(room), |op| {
                op["group"] = json!(id("a group"));
                op["group_len"] = json!(3);
            })
        };
        let reply = wang.sync(&[member(1, "101"), member(2, "102")]).await;
        for answer in reply["results"].as_array().expect("answers") {
            assert_eq!((&answer["status"], &answer["reason"]), (&json!("parked"), &json!("group_incomplete")));
        }
        assert_eq!(wang.office("101").await["state"], "unvisited");
        let asked = json!({ "device": wang.device, "ask": [id("op wang 1"), id("nothing")] });
        let reply: Value = wang.sync_raw(asked.to_string()).await.json().await.expect("JSON");
        let state = |reply: &Value, op: &str| {
            let reviews = reply["reviews"].as_array().expect("reviews");
            let review = reviews.iter().find(|review| review["op_id"] == json!(id(op)));
            review.map(|review| review["state"].clone())
        };
        assert_eq!(state(&reply, "op wang 1"), Some(json!("parked")));
        assert_eq!(state(&reply, "nothing"), Some(json!("unknown")));
        wang.sync(&[member(3, "103")]).await;
        for room in ["101", "102", "103"] {
            assert_eq!(wang.office(room).await["state"], "locked");
        }
        let reply: Value = wang.sync_raw(asked.to_string()).await.json().await.expect("JSON");
        assert_eq!(state(&reply, "op wang 1"), Some(json!("applied")));
    }
}
