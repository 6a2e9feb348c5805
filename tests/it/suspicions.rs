//! What is odd about a visit beside others: answers say what was known, timelines what is known.

use crate::actors::{Actor, captured_ms, op, visit};
use crate::replica::Replica;
use crate::world::{Database, World, building, id, on_both};
use serde_json::{Value, json};

const USCC: &str = "91990101MADEMA0198";

/// A company that was met by its licence, in a room of some building.
pub(crate) fn met(author: &str, n: i64, at: &str, room: &str) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "kind": "initial", "office_ids": [id(room)],
        "outcome": "inspected_partial", "company": { "name": "青柠设计", "uscc": USCC },
        "notice_given": true,
    });
    op(author, n, "visit", id(&format!("visit {author} {n}")), body, |op| {
        op["bucket"] = json!(id(at));
    })
}

/// A second building of the small street, with the room 301.
async fn second_building(world: &World) -> Actor {
    let qian = world.actor("qian").await;
    let mut other = building();
    other["code"] = json!("B2");
    other["sections"] = json!([{ "section_id": id("B2 section"), "name": "-", "floors": [{
        "floor_id": id("B2 floor"), "label": "3F", "sort_order_milli": 3000, "kind": "office",
        "offices": [{ "office_id": id("301"), "label": "301" }],
    }] }]);
    qian.put(&format!("/api/v1/buildings/{}", id("B2")), other).await;
    qian
}

/// The issues of an op on the timeline of a room.
async fn issues_now(qian: &Actor, at: &str, room: &str, op: &str) -> Value {
    let path = format!("/api/v1/buildings/{}/offices/{}/timeline", id(at), id(room));
    let timeline = qian.get(&path).await;
    let items = timeline["items"].as_array().expect("items");
    let item = items.iter().find(|item| item["op_id"] == json!(id(op)));
    item.unwrap_or_else(|| panic!("{op} is not on {timeline}"))["issues"].clone()
}

fn says(answer: &Value, issue: &str) -> bool {
    answer["issues"].as_array().is_some_and(|issues| issues.contains(&json!(issue)))
}

on_both! {
    async fn of_a_double_tap_the_second_is_answered_with_a_suspicion_and_both_show_it(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let again = visit("wang", 2, "101", "locked");
        let mut again: Value = serde_json::from_str(&again).expect("JSON");
        again["captured"] = json!({
            "wall_ms": captured_ms(1) + 60_000, "utc_offset_min": 480,
            "anchor": { "server_ms": captured_ms(1) + 60_000, "elapsed_ms": 0 },
        });
        let Value::Object(mut again) = again else { panic!("an op") };
        again.remove("hash");
        let (_, again) = saolou_protocol::op::Op::seal(again).expect("an op");
        let again = String::from_utf8(again).expect("JSON");
        let first = &wang.sync(&[again]).await["results"][0];
        assert_eq!(first["status"], "applied", "{first}");
        let second = &wang.sync(&[visit("wang", 1, "101", "locked")]).await["results"][0];
        assert_eq!(second["issues"], json!(["suspected_duplicate"]), "{second}");
        for op in ["op wang 1", "op wang 2"] {
            let issues = issues_now(&qian, "building", "101", op).await;
            assert_eq!(issues, json!(["suspected_duplicate"]), "{op}");
        }
        assert_eq!(qian.office("101").await["visits"], 2, "both are kept");
    }

    async fn a_licence_at_work_in_two_buildings_is_seen_from_both(world: World) {
        let qian = second_building(&world).await;
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        const SEEN: &str = "licence_seen_elsewhere";
        let first = &wang.sync(&[met("wang", 1, "building", "101")]).await["results"][0];
        assert!(!says(first, SEEN), "nothing was known then: {first}");
        let second = &lin.sync(&[met("lin", 1, "B2", "301")]).await["results"][0];
        assert!(says(second, SEEN), "{second}");
        for (at, room, op) in [("building", "101", "op wang 1"), ("B2", "301", "op lin 1")] {
            let issues = issues_now(&qian, at, room, op).await;
            assert!(issues.to_string().contains(SEEN), "{op}: {issues}");
        }
        // The visit next door was a mistake: with it goes the suspicion, and comes again without it.
        let void = json!({ "visit_id": id("visit lin 1") });
        let at_b2 = |op: &mut Value| op["bucket"] = json!(id("B2"));
        qian.sync(&[op("qian", 1, "visit_void", id("visit lin 1"), void, at_b2)]).await;
        let issues = issues_now(&qian, "building", "101", "op wang 1").await;
        assert!(!issues.to_string().contains(SEEN), "{issues}");
        let back = op("qian", 2, "visit_unvoid", id("visit lin 1"), json!({}), |op| {
            at_b2(op);
            op["seen"] = json!([id("op qian 1")]);
        });
        qian.sync(&[back]).await;
        let issues = issues_now(&qian, "building", "101", "op wang 1").await;
        assert!(issues.to_string().contains(SEEN), "{issues}");
        assert_eq!(world.number("select count(*) from licence_site").await, 2);
    }

    async fn two_buildings_in_one_push_see_each_other_and_two_rooms_of_one_visit_do_not(world: World) {
        second_building(&world).await;
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let both = [met("wang", 1, "building", "101"), met("wang", 2, "B2", "301")];
        let reply = wang.sync(&both).await;
        for answer in reply["results"].as_array().expect("answers") {
            assert!(says(answer, "licence_seen_elsewhere"), "{answer}");
        }
        let locked = &lin.sync(&[visit("lin", 1, "101", "locked")]).await["results"][0];
        assert_eq!(locked["status"], "applied", "a locked door shows no licence: {locked}");
    }

    async fn a_phone_that_quotes_the_version_it_pulled_is_stale_when_rooms_have_changed_since(
        world: World,
    ) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let mut replica = Replica::download(&wang).await;
        let version = |replica: &Replica| {
            let building = id("building").to_string();
            let key = (building.clone(), "building".to_owned(), building);
            replica.entities[&key]["roster_version"].clone()
        };
        assert_eq!(version(&replica), 1);
        // Added on site long before anybody's visit, and received now.
        lin.sync(&[crate::actors::office_add("lin", 1, "104", "floor 1")]).await;
        let at_ms = world.clock.now_ms() + 60_000;
        world.clock.set_ms(at_ms + 60_000);
        let quoting = |n: i64, version: &Value| {
            let body = json!({
                "revision": 1, "round_id": id("round"), "kind": "initial",
                "office_ids": [id("102")], "outcome": "access_denied", "roster_version": version,
            });
            op("wang", n, "visit", id(&format!("visit wang {n}")), body, |op| {
                op["captured"] = json!({
                    "wall_ms": at_ms, "utc_offset_min": 480,
                    "anchor": { "server_ms": at_ms, "elapsed_ms": 0 },
                });
            })
        };
        let stale = &wang.sync(&[quoting(1, &version(&replica))]).await["results"][0];
        assert!(says(stale, "roster_stale"), "{stale}");
        replica.follow(&wang).await;
        assert_eq!(version(&replica), 2);
        let fresh = &wang.sync(&[quoting(2, &version(&replica))]).await["results"][0];
        assert!(!says(fresh, "roster_stale"), "{fresh}");
    }
}

/// A phone that is far off, and one whose map shows the door elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_visit_from_far_away_is_told_so_and_stands() {
    let world = World::new(Database::Sqlite).await.expect("SQLite is built in");
    let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
    let mut placed = building();
    placed["latitude"] = json!(30.25);
    placed["longitude"] = json!(120.17);
    qian.put(&format!("/api/v1/buildings/{}", id("building")), placed).await;
    for (n, room, latitude, datum, outside) in [
        (1, "101", 30.25, "wgs84", false),
        (2, "102", 30.26, "wgs84", true),
        (3, "103", 30.25, "gcj02", true),
    ] {
        let body = json!({
            "revision": 1, "round_id": id("round"), "kind": "initial", "office_ids": [id(room)],
            "outcome": "locked", "location": { "lat": latitude, "lon": 120.17, "datum": datum },
        });
        let made = op("wang", n, "visit", id(&format!("visit wang {n}")), body, |_| ());
        let answer = &wang.sync(&[made]).await["results"][0];
        assert_eq!(says(answer, "outside_geofence"), outside, "{answer}");
        assert_eq!(qian.office(room).await["state"], "locked");
    }
}
