//! The conflict inbox: all sides next to each other, settled by a person, never lost.

use crate::actors::{Actor, captured_ms, op, visit};
use crate::rebuild::assert_rebuilt;
use crate::replica::Replica;
use crate::world::{World, building, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

const RESOLVE: &str = "/api/v1/conflicts/resolve";

async fn inbox(who: &Actor) -> Vec<Value> {
    let path = format!("/api/v1/conflicts?unit={}", id("street"));
    who.get(&path).await["conflicts"].as_array().expect("conflicts").clone()
}

async fn post(who: &Actor, path: &str, body: Value) -> Value {
    let response = who.send(Method::POST, path, Some(body)).await;
    let status = response.status();
    let told: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{status} {told}");
    told
}

async fn resolve(who: &Actor, conflict: &Value, choice: Value) -> Value {
    let item = json!({
        "building_id": conflict["building_id"], "conflict_id": conflict["conflict_id"],
        "choice": choice,
    });
    let told = post(who, RESOLVE, json!({ "reason": "现场核实", "items": [item] })).await;
    told["results"][0].clone()
}

async fn undo(who: &Actor, result: &Value) {
    let body =
        json!({ "reason": "看错了", "building_id": result["building_id"], "ops": result["ops"] });
    post(who, "/api/v1/conflicts/undo", body).await;
}

fn rename(author: &str, n: i64, room: &str, label: &str, source: &str) -> String {
    let body = json!({ "office_id": id(room), "label": label, "source": source });
    op(author, n, "office_rename", id(room), body, |_| ())
}

fn split(author: &str, n: i64, room: &str, parts: &[&str]) -> String {
    let children: Vec<Value> =
        parts.iter().map(|part| json!({ "office_id": id(part), "label": part })).collect();
    let body = json!({ "parent": id(room), "children": children });
    op(author, n, "office_split", id(room), body, |_| ())
}

on_both! {
    async fn a_field_that_two_wrote_is_settled_by_taking_one_value_and_can_be_undone(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let qian = world.actor("qian").await;
        wang.sync(&[rename("wang", 1, "101", "108", "signage")]).await;
        lin.sync(&[rename("lin", 2, "101", "109", "stated_orally")]).await;
        let open = inbox(&qian).await;
        let [conflict] = open.as_slice() else { panic!("{open:?}") };
        assert_eq!((&conflict["code"], &conflict["field"]), (&json!("field"), &json!("label")));
        assert_eq!((&conflict["severity"], &conflict["tell"]), (&json!("review"), &json!(["author"])));
        assert_eq!(conflict["blocks_acceptance"], false);
        assert_eq!(conflict["building"], "潮汐大厦");
        assert_eq!((&conflict["offices"][0]["floor"]), (&json!("1F")));
        assert!(!conflict["zh"].as_str().expect("a text").is_empty());
        assert!(!conflict["en"].as_str().expect("a text").is_empty());
        let sides = conflict["siblings"].as_array().expect("siblings");
        assert_eq!(sides.len(), 3, "the first roster is a side, too: {conflict}");
        let of = |who: &str| sides.iter().find(|side| side["author"] == who).expect("a side");
        assert_eq!((&of("wang")["value"], &of("wang")["source"]), (&json!("108"), &json!("signage")));
        assert_eq!(of("wang")["roles"], json!(["inspector"]));
        assert_eq!(of("wang")["corrected_ms"], captured_ms(1));
        assert_eq!(of("lin")["displayed"], true, "what was said outranks the sign");
        assert_eq!(of("lin")["body"]["label"], "109");
        assert_eq!(of("lin")["device"], json!(id("phone of lin")));

        let result = resolve(&qian, conflict, json!({ "take": of("wang")["op_id"] })).await;
        assert_eq!(result["status"], "resolved", "{result}");
        assert!(inbox(&qian).await.is_empty());
        assert_ne!(qian.office("108").await, Value::Null);
        let again = resolve(&qian, conflict, json!({ "take": of("lin")["op_id"] })).await;
        assert_eq!((&again["status"], &again["reason"]["code"]), (&json!("stale"), &json!("stale")));
        undo(&qian, &result).await;
        assert_eq!(inbox(&qian).await, open, "as if nobody had decided");
        // A side that nobody had seen opens a new one.
        resolve(&qian, conflict, json!({ "take": of("wang")["op_id"] })).await;
        lin.sync(&[rename("lin", 3, "101", "110", "signage")]).await;
        let new = inbox(&qian).await;
        assert_eq!(new.len(), 1);
        assert_ne!(new[0]["conflict_id"], conflict["conflict_id"]);
        assert_ne!(qian.office("108").await, Value::Null, "what the desk verified is displayed");
        assert_rebuilt(&world).await;
    }

    async fn rooms_with_one_number_are_one_or_two_as_a_person_says(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let qian = world.actor("qian").await;
        let replica = Replica::download(&wang).await;
        let (bucket, room) = (id("building").to_string(), id("101").to_string());
        let made_by = replica.entities[&(bucket, "office".to_owned(), room)]["made_by"].clone();
        // C19: one renames 101 to 109, another adds a 109.
        let renamed = op("wang", 1, "office_rename", id("101"), json!({
            "office_id": id("101"), "label": "109",
        }), |op| op["seen"] = made_by);
        wang.sync(&[renamed]).await;
        lin.sync(&[crate::actors::office_add("lin", 2, "109", "floor 1")]).await;
        let open = inbox(&qian).await;
        let conflict = open.iter().find(|c| c["code"] == "duplicate_key").expect("both count");
        assert_eq!(conflict["tell"], json!(["leader", "community"]));
        let wrong = resolve(&qian, conflict, json!("void")).await;
        assert_eq!((&wrong["status"], &wrong["reason"]["code"]), (&json!("refused"), &json!("wrong_choice")));
        let same = resolve(&qian, conflict, json!("same_as")).await;
        assert_eq!(same["status"], "resolved", "{same}");
        let open = inbox(&qian).await;
        assert!(open.iter().all(|c| c["code"] != "duplicate_key"), "{open:?}");
        undo(&qian, &same).await;
        let two = resolve(&qian, conflict, json!("not_same_as")).await;
        assert_eq!(two["status"], "resolved", "{two}");
        assert_rebuilt(&world).await;
    }

    async fn of_two_splits_one_is_kept_and_a_visit_to_the_room_finds_its_part(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let qian = world.actor("qian").await;
        wang.sync(&[split("wang", 1, "101", &["101A", "101B"])]).await;
        lin.sync(&[split("lin", 2, "101", &["101甲", "101乙", "101丙"])]).await;
        wang.sync(&[visit("wang", 3, "101", "locked")]).await;
        let open = inbox(&qian).await;
        assert_eq!((open.len(), &open[0]["code"]), (1, &json!("structure_disputed")));
        assert_eq!(open[0]["blocks_acceptance"], true);
        assert_eq!(qian.office("101").await["state"], "locked", "the base stands");
        let kept = resolve(&qian, &open[0], json!({ "keep": id("op wang 1") })).await;
        assert_eq!(kept["status"], "resolved", "{kept}");
        let open = inbox(&qian).await;
        assert_eq!((open.len(), &open[0]["code"]), (1, &json!("needs_reassignment")));
        let nowhere = resolve(&qian, &open[0], json!({ "office": id("101丙") })).await;
        assert_eq!(nowhere["reason"]["code"], "office_not_live", "{nowhere}");
        let placed = resolve(&qian, &open[0], json!({ "office": id("101B") })).await;
        assert_eq!(placed["status"], "resolved", "{placed}");
        assert_eq!(qian.office("101B").await["state"], "locked");
        undo(&qian, &placed).await;
        assert_eq!(qian.office("101B").await["state"], "unvisited");
        undo(&qian, &kept).await;
        assert_eq!(qian.office("101").await["state"], "locked", "disputed as before");
        assert_rebuilt(&world).await;
    }

    async fn nobody_keeps_a_split_of_his_own_against_another(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[split("wang", 1, "101", &["101A", "101B"])]).await;
        qian.sync(&[split("qian", 2, "101", &["101甲", "101乙", "101丙"])]).await;
        let open = inbox(&qian).await;
        assert_eq!(open[0]["code"], "structure_disputed");
        let choices = [json!({ "keep": id("op qian 2") }), json!({ "reject": [id("op wang 1")] })];
        for choice in choices {
            let own = resolve(&qian, &open[0], choice).await;
            assert_eq!(own["status"], "refused", "{own}");
            assert_eq!(own["reason"]["code"], "own_claim", "{own}");
        }
        // What somebody else proposed he may keep, and so give up his own.
        let kept = resolve(&qian, &open[0], json!({ "keep": id("op wang 1") })).await;
        assert_eq!(kept["status"], "resolved", "{kept}");
        assert_eq!(qian.office("101B").await["state"], "unvisited");
        assert_rebuilt(&world).await;
    }

    async fn a_void_that_overlooked_a_revision_is_confirmed_or_taken_back(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let void = json!({ "visit_id": id("visit wang 1"), "reason": "未到现场" });
        qian.sync(&[op("qian", 2, "visit_void", id("visit wang 1"), void, |op| {
            op["seen"] = json!([id("op wang 1")]);
        })]).await;
        let body = json!({
            "revision": 2, "round_id": id("round"), "kind": "initial",
            "office_ids": [id("101")], "outcome": "refused_entry",
            "photos": [{ "photo_id": id("door"), "kind": "door_closed" }],
        });
        wang.sync(&[op("wang", 3, "visit", id("visit wang 1"), body, |_| ())]).await;
        let open = inbox(&qian).await;
        assert_eq!((open.len(), &open[0]["code"]), (1, &json!("void_review")));
        let sides = open[0]["siblings"].as_array().expect("both revisions");
        assert_eq!(sides.len(), 2);
        let promised = sides.iter().find(|side| side["photos"][0]["kind"] == "door_closed");
        assert_eq!(promised.expect("the evidence")["photos"][0]["arrived"], false);
        let back = resolve(&qian, &open[0], json!("unvoid")).await;
        assert_eq!(back["status"], "resolved", "{back}");
        assert_eq!(qian.office("101").await["state"], "blocked");
        undo(&qian, &back).await;
        assert_eq!(inbox(&qian).await.len(), 1, "voided again, and in review again");
        let void = resolve(&qian, &open[0], json!("void")).await;
        assert_eq!(void["status"], "resolved", "{void}");
        assert_eq!(qian.office("101").await["state"], "unvisited");
    }

    async fn forty_fields_are_settled_by_one_rule(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let mut tall = building();
        let rooms: Vec<String> = (0..40).map(|n| format!("9{n:02}")).collect();
        let offices: Vec<Value> =
            rooms.iter().map(|room| json!({ "office_id": id(room), "label": room })).collect();
        tall["code"] = json!("B9");
        tall["sections"] = json!([{ "section_id": id("tall"), "name": "-", "floors": [{
            "floor_id": id("floor 9"), "label": "9F", "sort_order_milli": 9000, "kind": "office",
            "offices": offices,
        }] }]);
        qian.put(&format!("/api/v1/buildings/{}", id("tall")), tall).await;
        let (mut signs, mut verified) = (Vec::new(), Vec::new());
        for (n, room) in (1..).zip(&rooms) {
            let at = |op: &mut Value| op["bucket"] = json!(id("tall"));
            let body = |label: &str, source: &str| {
                json!({ "office_id": id(room), "label": format!("{label}{room}"), "source": source })
            };
            let (sign, desk) = (body("A", "signage"), body("B", "desk_verified"));
            signs.push(op("wang", n, "office_rename", id(room), sign, at));
            if n > 5 {
                verified.push(op("qian", n, "office_rename", id(room), desk, at));
            }
        }
        wang.sync(&signs).await;
        qian.sync(&verified).await;
        assert_eq!(inbox(&qian).await.len(), 40);
        let by = |rule: &str| json!({ "reason": "以街道核对为准", "rule": rule, "unit": id("street") });
        let told = post(&qian, RESOLVE, by("desk")).await;
        let results = told["results"].as_array().expect("results");
        let count = |status: &str| results.iter().filter(|r| r["status"] == status).count();
        assert_eq!((count("resolved"), count("refused")), (35, 5), "{told}");
        let refused = results.iter().find(|r| r["status"] == "refused").expect("one");
        assert_eq!(refused["reason"]["code"], "no_such_value");
        let left = inbox(&qian).await;
        assert_eq!(left.len(), 5);
        let named: Vec<Value> = left
            .iter()
            .map(|c| json!({ "building_id": c["building_id"], "conflict_id": c["conflict_id"] }))
            .collect();
        let latest = json!({ "reason": "以最新为准", "rule": "latest", "conflicts": named });
        let told = post(&qian, RESOLVE, latest).await;
        assert!(told["results"].as_array().expect("results").iter().all(|r| r["status"] == "resolved"));
        assert!(inbox(&qian).await.is_empty());
        assert_rebuilt(&world).await;
    }

    async fn nobody_reads_or_settles_the_conflicts_of_another_street(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[rename("wang", 1, "101", "108", "signage")]).await;
        let open = inbox(&qian).await;
        let stranger = world.actor("other qian").await;
        let path = format!("/api/v1/conflicts?unit={}", id("street"));
        stranger.refused(Method::GET, &path, None, 404, "not_found").await;
        let item = json!({
            "building_id": id("building"), "conflict_id": open[0]["conflict_id"],
            "choice": { "take": id("op wang 1") },
        });
        let body = json!({ "reason": "x", "items": [item] });
        stranger.refused(Method::POST, RESOLVE, Some(body.clone()), 404, "not_found").await;
        let rule = json!({ "reason": "x", "rule": "latest", "unit": id("street") });
        stranger.refused(Method::POST, RESOLVE, Some(rule), 404, "not_found").await;
        wang.refused(Method::POST, RESOLVE, Some(body), 403, "forbidden").await;
        assert_eq!(inbox(&wang).await, open, "his team works there");
        let community = format!("/api/v1/conflicts?unit={}", id("community"));
        let read = world.actor("wu").await.get(&community).await;
        assert_eq!(read["conflicts"], json!(open));
        world.actor("han").await.refused(Method::GET, &path, None, 403, "forbidden").await;
        assert_eq!(inbox(&qian).await, open);
        for (body, status) in [
            (json!({ "reason": " ", "items": [] }), 422),
            (json!({ "reason": "x" }), 422),
            (json!({ "reason": "x", "rule": "best", "unit": id("street") }), 400),
        ] {
            let code = if status == 422 { "invalid" } else { "malformed" };
            qian.refused(Method::POST, RESOLVE, Some(body), status, code).await;
        }
        let undoing = json!({ "reason": "x", "building_id": id("building"), "ops": [id("op wang 1")] });
        qian.refused(Method::POST, "/api/v1/conflicts/undo", Some(undoing), 422, "invalid").await;
    }
}
