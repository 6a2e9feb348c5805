//! Sync: what phones push is answered op by op and turns into coverage.

use crate::actors::{op, visit};
use crate::world::{World, id, on_both};
use serde_json::{Value, json};

on_both! {
    async fn a_locked_door_shows_on_the_floor_stack_with_its_label(world: World) {
        let wang = world.actor("wang").await;
        let reply = wang.sync(&[visit("wang", 1, "202", "locked")]).await;
        assert_eq!(reply["results"][0]["status"], "applied", "{reply}");
        assert_eq!(reply["results"][0]["offices"][0]["rounds"][0]["state"], "locked");
        let office = wang.office("202").await;
        assert_eq!((&office["state"], &office["attempts"]), (&json!("locked"), &json!(1)));
        let qian = world.actor("qian").await;
        let open = qian.get(&format!("/api/v1/coverage/{}/open-floors", id("street"))).await;
        let second = &open["floors"][0];
        assert_eq!((&second["label"], &second["locked"][0]["label"]), (&json!("2F"), &json!("202")));
        let labels: Vec<&Value> =
            second["unvisited"].as_array().expect("a list").iter().map(|o| &o["label"]).collect();
        assert_eq!(labels, ["201", "203"]);
    }

    async fn a_repeated_op_is_answered_as_the_first_time_byte_for_byte(world: World) {
        let wang = world.actor("wang").await;
        let ops = [visit("wang", 1, "101", "locked"), visit("wang", 2, "102", "refused_entry")];
        let first = wang.sync(&ops).await;
        wang.sync(&[visit("wang", 3, "101", "refused_entry")]).await;
        let again = wang.sync(&ops).await;
        assert_eq!(first["results"], again["results"]);
        assert_eq!(again["duplicates"], json!([id("op wang 1"), id("op wang 2")]));
        assert_eq!(wang.office("101").await["visits"], 2);
    }

    async fn an_op_for_a_room_that_comes_later_is_parked_and_takes_effect_by_itself(world: World) {
        let wang = world.actor("wang").await;
        let early = wang.sync(&[visit("wang", 2, "104", "locked")]).await;
        assert_eq!(early["results"][0]["status"], "parked", "{early}");
        assert_eq!(early["results"][0]["reason"], "office_unknown");
        let body = json!({ "floor_id": id("floor 1"), "office_id": id("104"), "label": "104" });
        let added = wang.sync(&[op("wang", 1, "office_add", id("104"), body, |_| ())]).await;
        assert_eq!(added["results"][0]["status"], "applied", "{added}");
        assert_eq!(wang.office("104").await["state"], "locked");
    }
}
