//! Odd ops: evidence is never refused for what it says. It is stored, flagged, parked or put in
//! quarantine, and the rest goes on.

use crate::actors::{office_add, op, visit};
use crate::bad_input::{answer, note, sealed};
use crate::world::{World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

on_both! {
    async fn clocks_of_1970_and_2099_are_corrected_or_flagged_and_never_refused(world: World) {
        let wang = world.actor("wang").await;
        let room = |n: i64| if n <= 2 { "101" } else { "102" };
        let at = |n: i64, wall_ms: i64| {
            let mut content: Value =
                serde_json::from_str(&visit("wang", n, room(n), "locked")).expect("an op is JSON");
            content["captured"] = json!({ "wall_ms": wall_ms, "utc_offset_min": 480 });
            content.as_object_mut().expect("an object").remove("hash");
            sealed(&content)
        };
        const IN_2099_MS: i64 = 4_070_908_800_000;
        let reply =
            wang.sync(&[at(1, 0), at(2, IN_2099_MS), at(3, -(1 << 53)), at(4, 1 << 53)]).await;
        let issues: Vec<&Value> = reply["results"]
            .as_array()
            .expect("answers")
            .iter()
            .map(|answer| &answer["issues"])
            .collect();
        assert_eq!(
            issues,
            [
                &json!(["out_of_assignment", "out_of_window"]),
                &json!(["clock_skew", "time_clamped"]),
                &json!(["out_of_assignment", "out_of_window"]),
                &json!(["clock_skew", "time_clamped"]),
            ],
            "{reply}"
        );
        for n in [1, 4] {
            let visits = wang.office(room(n)).await["visits"].clone();
            assert_eq!(visits, 1, "what is dated inside the round counts");
        }
    }

    async fn lineage_that_goes_in_circles_is_stored_and_the_building_is_still_served(world: World) {
        let wang = world.actor("wang").await;
        let child = |room: &str| json!({ "office_id": id(room), "label": room });
        let split = |n, parent: &str, children: [&str; 2]| {
            let body = json!({ "parent": id(parent), "children": children.map(child) });
            op("wang", n, "office_split", id(parent), body, |_| ())
        };
        let merge = |n, parents: [&str; 2], into: &str| {
            let body = json!({ "parents": parents.map(id), "child": child(into) });
            op("wang", n, "office_merge", id(into), body, |_| ())
        };
        let reply = wang
            .sync(&[
                split(1, "101", ["101A", "101B"]),
                split(2, "101A", ["101", "101C"]),
                split(3, "102", ["102", "102A"]),
                merge(4, ["101B", "101C"], "101"),
                merge(5, ["103", "103"], "103"),
                visit("wang", 6, "101", "locked"),
                visit("wang", 7, "201", "locked"),
            ])
            .await;
        let results = reply["results"].as_array().expect("answers");
        assert_eq!(results.len(), 7);
        for answer in results {
            let status = answer["status"].as_str().expect("a status");
            assert!(!["refused", "quarantined", "retry"].contains(&status), "{answer}");
        }
        assert_eq!(wang.office("201").await["state"], "locked");
        let again = wang.sync(&[visit("wang", 8, "202", "locked")]).await;
        assert_eq!(again["results"][0]["status"], "applied", "{again}");
    }

    async fn an_office_on_a_floor_that_nobody_added_waits_for_it(world: World) {
        let wang = world.actor("wang").await;
        let early = answer(&wang, office_add("wang", 1, "301", "floor 3")).await;
        assert_eq!(
            (&early["status"], &early["reason"]),
            (&json!("parked"), &json!("floor_unknown"))
        );
        let floor = json!({
            "floor_id": id("floor 3"), "section_id": id("section"), "label": "3F",
            "sort_order_milli": 3000, "kind": "office",
        });
        let added = answer(&wang, op("wang", 2, "floor_add", id("floor 3"), floor, |_| ())).await;
        assert_eq!(added["status"], "applied", "{added}");
        assert_eq!(wang.office("301").await["state"], "unvisited");
    }

    async fn kinds_schemas_and_codes_of_a_later_version_are_kept(world: World) {
        let wang = world.actor("wang").await;
        let later = |n, kind: &str, schema: &str| {
            let mut content = note(n);
            content["kind"] = json!(kind);
            content["schema"] = json!(schema);
            sealed(&content)
        };
        for op in [
            later(1, "hologram", "hologram/1"),
            later(2, "visit", "visit/2"),
            later(3, "visit", "visit"),
        ] {
            let told = answer(&wang, op).await;
            assert_eq!(
                (&told["status"], &told["reason"]),
                (&json!("parked"), &json!("schema_unknown"))
            );
        }
        let told = answer(&wang, visit("wang", 4, "101", "teleported")).await;
        assert_eq!(told["status"], "applied_with_issues", "{told}");
        assert_eq!(told["issues"], json!(["unknown_enum:/outcome"]));
        let qian = world.actor("qian").await;
        let path = format!("/api/v1/buildings/{}/offices/{}/timeline", id("building"), id("101"));
        let timeline = qian.get(&path).await;
        let items = timeline["items"].as_array().expect("items");
        assert!(items.iter().any(|item| item["body"]["outcome"] == "teleported"), "{timeline}");
    }

    async fn members_of_the_wrong_type_count_as_absent_and_are_named(world: World) {
        let wang = world.actor("wang").await;
        let huge: Value = serde_json::from_str("123456789012345678901234567890").expect("a number");
        for (n, name, value) in [
            (1, "revision", json!("first")),
            (2, "revision", huge),
            (3, "revision", json!(1e300)),
            (4, "office_ids", json!({ "0": id("101") })),
            (5, "office_ids", json!([7])),
            (6, "outcome", json!(7)),
            (7, "round_id", json!([])),
            (8, "company", json!("青柠设计")),
            (9, "three_ask", json!(null)),
            (10, "three_ask", json!({ "q2_people": { "headcount_claimed": -5 } })),
            (11, "photos", json!([null, "p", { "photo_id": 7 }])),
            (12, "licence_check", json!([[]])),
        ] {
            let body = json!({
                "revision": 1, "round_id": id("round"), "kind": "initial", "office_ids": [id("101")],
                "outcome": "inspected", "notice_given": true,
            });
            let mut body = body;
            body[name] = value;
            let told =
                answer(&wang, op("wang", n, "visit", id(&format!("v {n}")), body, |_| ())).await;
            let status = told["status"].as_str().expect("a status");
            assert!(["applied", "applied_with_issues", "parked"].contains(&status), "{told}");
            let named = told["issues"].as_array().is_some_and(|issues| {
                let starts = format!("malformed_field:/{name}");
                issues.iter().any(|issue| issue.as_str().is_some_and(|i| i.starts_with(&starts)))
            });
            assert!(named || name == "three_ask" && n == 9, "{name}: {told}");
        }
        let incomplete =
            answer(&wang, op("wang", 20, "floor_add", id("f"), json!({}), |_| ())).await;
        assert_eq!(incomplete["issues"], json!(["body_incomplete"]), "{incomplete}");
    }

    async fn a_nul_in_a_text_is_kept_in_an_op_and_refused_at_the_desk(world: World) {
        let wang = world.actor("wang").await;
        let body =
            json!({ "floor_id": id("floor 1"), "office_id": id("104"), "label": "1\u{0}04" });
        let told = answer(&wang, op("wang", 1, "office_add", id("104"), body, |_| ())).await;
        assert!(
            told["status"].as_str().is_some_and(|status| status.starts_with("applied")),
            "{told}"
        );
        assert_eq!(wang.office("1\u{0}04").await["state"], "unvisited");
        let root = world.actor("root").await;
        let unit = json!({ "parent_id": id("district"), "code": "9901", "level": "street", "name": "a\u{0}b" });
        let path = format!("/api/v1/org-units/{}", id("new"));
        root.refused(Method::PUT, &path, Some(unit), 422, "invalid").await;
        let team = json!({ "street_id": id("street"), "name": "a\u{0}b", "members": [] });
        let qian = world.actor("qian").await;
        qian.refused(
            Method::PUT,
            &format!("/api/v1/teams/{}", id("t")),
            Some(team),
            422,
            "invalid",
        )
        .await;
        let credentials = json!({ "username": "wang\u{0}", "password": "correct horse" });
        root.refused(Method::POST, "/api/v1/session", Some(credentials), 422, "invalid").await;
    }

    async fn of_a_member_that_an_op_has_twice_the_last_one_counts_and_is_hashed(world: World) {
        let wang = world.actor("wang").await;
        let good = sealed(&note(1));
        let first_differs = good.replacen('{', r#"{"kind":"visit","#, 1);
        assert_eq!(answer(&wang, first_differs).await["status"], "applied");
        let last_differs = format!(r#"{},"kind":"visit"}}"#, &good[..good.len() - 1]);
        assert_eq!(answer(&wang, last_differs).await["reason"], "hash_mismatch");
    }

    async fn an_op_id_that_is_taken_is_quarantined_and_the_first_op_stays(world: World) {
        let wang = world.actor("wang").await;
        let first = answer(&wang, visit("wang", 1, "101", "locked")).await;
        let other = visit("wang", 1, "102", "refused_entry");
        for _ in 0..2 {
            let reply = wang.sync(&[other.clone(), visit("wang", 2, "103", "locked")]).await;
            let told = &reply["results"][0];
            assert_eq!(
                (&told["status"], &told["reason"]),
                (&json!("quarantined"), &json!("op_id_reuse"))
            );
            assert_eq!(reply["results"][1]["status"], "applied");
        }
        let again = wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        assert_eq!(again["results"][0], first, "the first op keeps its answer");
        assert_eq!(wang.office("102").await["state"], "unvisited");
        assert_eq!(world.rejected("op_id_reuse").await, 1);
    }

    async fn an_op_id_that_is_taken_within_one_push_is_quarantined_too(world: World) {
        let wang = world.actor("wang").await;
        let ops = [visit("wang", 1, "101", "locked"), visit("wang", 1, "102", "locked")];
        let reply = wang.sync(&ops).await;
        assert_eq!(reply["results"][0]["status"], "applied", "{reply}");
        assert_eq!(reply["results"][1]["reason"], "op_id_reuse", "{reply}");
        assert_eq!(world.rejected("op_id_reuse").await, 1);
    }

    async fn a_counter_that_is_taken_says_that_the_device_was_cloned_and_both_ops_count(
        world: World,
    ) {
        let wang = world.actor("wang").await;
        let clone = |name: &'static str, room: &str| {
            let body = json!({
                "revision": 1, "round_id": id("round"), "kind": "initial",
                "office_ids": [id(room)], "outcome": "locked",
            });
            op("wang", 1, "visit", id(name), body, |op| op["op_id"] = json!(id(name)))
        };
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let later = answer(&wang, clone("a clone", "102")).await;
        assert_eq!(later["issues"], json!(["device_forked"]), "{later}");
        assert_eq!(wang.office("102").await["state"], "locked");
        let repeated = wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        assert_eq!(repeated["results"][0]["status"], "applied", "a repetition is no clone");
    }

    async fn another_persons_ops_and_forbidden_decisions_are_quarantined(world: World) {
        let wang = world.actor("wang").await;
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let void = json!({ "visit_id": id("visit wang 1"), "reason": "wrong room" });
        let ops = [
            visit("lin", 1, "102", "locked"),
            op("wang", 2, "visit_void", id("visit wang 1"), void, |_| ()),
            op("wang", 3, "photo_verified", id("p"), json!({ "photo_id": id("p") }), |_| ()),
            visit("wang", 4, "103", "locked"),
        ];
        let reply = wang.sync(&ops).await;
        let told: Vec<(&Value, &Value)> = reply["results"]
            .as_array()
            .expect("answers")
            .iter()
            .map(|answer| (&answer["status"], &answer["reason"]))
            .collect();
        let quarantined = json!("quarantined");
        assert_eq!(
            told[..3],
            [
                (&quarantined, &json!("wrong_owner")),
                (&quarantined, &json!("forbidden")),
                (&quarantined, &json!("forbidden")),
            ]
        );
        assert_eq!(told[3].0, "applied");
        assert_eq!(wang.office("101").await["state"], "locked");
        assert_eq!(wang.office("102").await["state"], "unvisited");
        let kept = world.number("select count(*) from quarantine where state = 'waiting'").await;
        assert_eq!(kept, 3, "for the desk to look at");
        let lin = world.actor("lin").await;
        let own = answer(&lin, visit("lin", 1, "102", "locked")).await;
        assert!(own["status"].as_str().is_some_and(|s| s.starts_with("applied")), "{own}");
        assert_eq!(wang.office("102").await["state"], "locked", "its author has sent it");
        let kept = world.number("select count(*) from quarantine where state = 'waiting'").await;
        assert_eq!(kept, 2, "and nothing of it waits");
        let again = wang.sync(&[visit("lin", 1, "102", "locked")]).await;
        assert_eq!(again["results"][0], reply["results"][0], "who sent it first hears the same again");
    }
}
