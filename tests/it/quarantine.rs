//! The quarantine: nothing in it is lost, and the desk decides what counts.

use crate::actors::{Actor, op, visit};
use crate::world::{World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

async fn waiting(qian: &Actor) -> Vec<Value> {
    let path = format!("/api/v1/quarantine?unit={}", id("street"));
    qian.get(&path).await["items"].as_array().expect("items").clone()
}

async fn decide(qian: &Actor, item: &Value, mut decision: Value) -> Value {
    decision["reason"] = json!("与本人核实");
    let path = format!("/api/v1/quarantine/{}", item["quarantine_id"].as_str().expect("an id"));
    let response = qian.send(Method::POST, &path, Some(decision)).await;
    let status = response.status();
    let told: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{status} {told}");
    told
}

on_both! {
    async fn what_is_released_counts_with_its_own_time_and_is_answered_as_before(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let first = wang.sync(&[visit("lin", 1, "101", "locked")]).await;
        let items = waiting(&qian).await;
        assert_eq!(items.len(), 1, "{items:?}");
        assert_eq!(items[0]["reason"]["code"], "wrong_owner");
        for language in ["zh", "en"] {
            assert!(!items[0]["reason"][language].as_str().expect("a text").is_empty());
        }
        let told = decide(&qian, &items[0], json!({ "decision": "release" })).await;
        assert_eq!((&told["state"], &told["note"]), (&json!("released"), &json!("与本人核实")));
        let office = wang.office("101").await;
        assert_eq!(office["state"], "locked");
        assert_eq!(office["last_try_ms"], items[0]["corrected_ms"]);
        assert!(waiting(&qian).await.is_empty());
        let again = wang.sync(&[visit("lin", 1, "101", "locked")]).await;
        assert_eq!(again["results"], first["results"]);
        assert_eq!(wang.office("101").await["visits"], 1);
    }

    async fn what_is_discarded_stays_readable_and_can_be_taken_back(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("lin", 1, "101", "locked")]).await;
        let item = waiting(&qian).await.remove(0);
        decide(&qian, &item, json!({ "decision": "discard" })).await;
        assert!(waiting(&qian).await.is_empty());
        assert_eq!(wang.office("101").await["state"], "unvisited");
        let path = format!("/api/v1/quarantine?unit={}&all=true", id("street"));
        let all = qian.get(&path).await;
        assert_eq!(all["items"][0]["content"]["body"]["outcome"], "locked", "{all}");
        decide(&qian, &item, json!({ "decision": "release" })).await;
        assert_eq!(wang.office("101").await["state"], "locked");
    }

    async fn what_the_supervisors_own_phone_sent_for_another_counts_when_he_releases_it(
        world: World,
    ) {
        let qian = world.actor("qian").await;
        qian.sync(&[visit("wang", 1, "101", "locked")]).await;
        let item = waiting(&qian).await.remove(0);
        assert_eq!(item["reason"]["code"], "wrong_owner");
        decide(&qian, &item, json!({ "decision": "release" })).await;
        assert_eq!(qian.office("101").await["state"], "locked");
        // Sent again, it is answered as before, and counts once.
        let again = qian.sync(&[visit("wang", 1, "101", "locked")]).await;
        assert_eq!(again["results"][0]["status"], "quarantined", "{again}");
        assert_eq!(qian.office("101").await["visits"], 1);
    }

    async fn an_op_under_a_taken_id_is_told_apart_and_released_under_its_own(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        wang.sync(&[visit("wang", 1, "102", "refused_entry")]).await;
        let item = waiting(&qian).await.remove(0);
        assert_eq!(item["reason"]["code"], "op_id_reuse");
        let paths: Vec<&str> = item["diff"]
            .as_array()
            .expect("differences")
            .iter()
            .map(|difference| difference["path"].as_str().expect("a path"))
            .collect();
        assert_eq!(paths, ["/body/office_ids", "/body/outcome"]);
        decide(&qian, &item, json!({ "decision": "release" })).await;
        let kept = world.number("select count(*) from op where kind = 'visit'").await;
        assert_eq!(kept, 2, "the first op stays");
        // One visit id, one author, one revision, two contents: a fork, of which the larger hash
        // counts.
        let states = [wang.office("101").await, wang.office("102").await];
        let visits: i64 = states.iter().filter_map(|office| office["visits"].as_i64()).sum();
        assert_eq!(visits, 1, "{states:?}");
    }

    async fn an_op_is_attached_to_the_room_it_belongs_to(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("lin", 1, "101", "locked")]).await;
        let item = waiting(&qian).await.remove(0);
        let told =
            decide(&qian, &item, json!({ "decision": "attach", "office_ids": [id("203")] })).await;
        assert_eq!(told["state"], "attached");
        assert_eq!(wang.office("203").await["state"], "locked");
        assert_eq!(wang.office("101").await["state"], "unvisited");
    }

    async fn nothing_is_attached_to_a_building_that_is_none_or_another_streets(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let other = world.actor("other qian").await;
        let theirs = json!({ "unit_id": id("other street"), "code": "X1", "name": "X" });
        other.put(&format!("/api/v1/buildings/{}", id("theirs")), theirs).await;
        wang.sync(&[visit("lin", 1, "101", "locked")]).await;
        let item = waiting(&qian).await.remove(0);
        let path = format!("/api/v1/quarantine/{}", item["quarantine_id"].as_str().expect("an id"));
        for building in ["theirs", "no building"] {
            let attach = json!({
                "decision": "attach", "reason": "?", "building_id": id(building),
            });
            qian.refused(Method::POST, &path, Some(attach), 404, "not_found").await;
        }
        assert_eq!(waiting(&qian).await.len(), 1);
    }

    async fn nobody_releases_what_only_the_server_can_know(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let body = json!({ "photo_id": id("p"), "sha256": "ab".repeat(32) });
        for (n, kind) in [(1, "photo_verified"), (2, "photo_read"), (3, "photo_alike")] {
            wang.sync(&[op("wang", n, kind, id("p"), body.clone(), |_| ())]).await;
        }
        let items = waiting(&qian).await;
        assert_eq!(items.len(), 3);
        for item in items {
            let id = item["quarantine_id"].as_str().expect("an id");
            let path = format!("/api/v1/quarantine/{id}");
            let release = json!({ "decision": "release", "reason": "?" });
            qian.refused(Method::POST, &path, Some(release), 422, "invalid").await;
        }
    }

    async fn what_its_author_has_filed_meanwhile_is_not_discarded(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("lin", 1, "101", "locked")]).await;
        let item = waiting(&qian).await.remove(0);
        world.actor("lin").await.sync(&[visit("lin", 1, "101", "locked")]).await;
        let path = format!("/api/v1/quarantine/{}", item["quarantine_id"].as_str().expect("an id"));
        let discard = json!({ "decision": "discard", "reason": "?" });
        qian.refused(Method::POST, &path, Some(discard), 422, "invalid").await;
        assert_eq!(wang.office("101").await["state"], "locked");
    }

    async fn what_is_no_op_can_be_read_and_discarded_and_not_released(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[r#"{"kind":"visit","hash":"00"}"#.to_owned()]).await;
        let item = waiting(&qian).await.remove(0);
        assert_eq!(item["content"]["kind"], "visit", "{item}");
        let path = format!("/api/v1/quarantine/{}", item["quarantine_id"].as_str().expect("an id"));
        let release = json!({ "decision": "release", "reason": "?" });
        qian.refused(Method::POST, &path, Some(release), 422, "invalid").await;
        decide(&qian, &item, json!({ "decision": "discard" })).await;
        assert!(waiting(&qian).await.is_empty());
    }

    async fn the_clone_of_a_device_counts_until_the_desk_says_otherwise(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let clone = op(
            "wang",
            1,
            "visit",
            id("clone"),
            json!({
                "revision": 1, "round_id": id("round"), "office_ids": [id("102")],
                "outcome": "locked",
            }),
            |op| op["op_id"] = json!(id("clone")),
        );
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        wang.sync(&[clone]).await;
        let item = waiting(&qian).await.remove(0);
        assert_eq!(item["reason"]["code"], "device_forked");
        assert_eq!(wang.office("102").await["state"], "locked");
        decide(&qian, &item, json!({ "decision": "discard" })).await;
        assert_eq!(wang.office("102").await["state"], "unvisited");
        assert_eq!(wang.office("101").await["state"], "locked");
        // Discarded by mistake: it counts again, and is not discarded a second time.
        decide(&qian, &item, json!({ "decision": "release" })).await;
        assert_eq!(wang.office("102").await["state"], "locked");
        let path = format!("/api/v1/quarantine/{}", item["quarantine_id"].as_str().expect("an id"));
        let again = json!({ "decision": "discard", "reason": "?" });
        qian.refused(Method::POST, &path, Some(again), 422, "invalid").await;
        assert_eq!(wang.office("102").await["state"], "locked", "nothing was filed");
    }

    async fn nobody_decides_about_his_own_or_in_another_street(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let other = world.actor("other qian").await;
        wang.sync(&[visit("lin", 1, "101", "locked"), visit("qian", 1, "102", "locked")]).await;
        let release = json!({ "decision": "release", "reason": "?" });
        for item in waiting(&qian).await {
            let id = item["quarantine_id"].as_str().expect("an id");
            let path = format!("/api/v1/quarantine/{id}");
            other.refused(Method::POST, &path, Some(release.clone()), 404, "not_found").await;
            wang.refused(Method::POST, &path, Some(release.clone()), 403, "forbidden").await;
            if item["author_id"] == json!(qian.user) {
                qian.refused(Method::POST, &path, Some(release.clone()), 422, "invalid").await;
            }
        }
        let path = format!("/api/v1/quarantine?unit={}", id("street"));
        other.refused(Method::GET, &path, None, 404, "not_found").await;
        assert_eq!(waiting(&qian).await.len(), 2);
    }
}
