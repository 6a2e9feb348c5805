//! The registry as the desk writes it: repeating changes nothing, a round derives what it needs, and
//! what is wrong is named.

use crate::actors::{Actor, op, visit};
use crate::world::{DAY_MS, MONDAY_MS, World, building, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

fn building_path(name: &str) -> String {
    format!("/api/v1/buildings/{}", id(name))
}

/// A floor of the small building with one room.
fn floor(number: i64) -> Value {
    let room = format!("{number}01");
    json!({
        "floor_id": id(&format!("floor {number}")), "label": format!("{number}F"),
        "sort_order_milli": number * 1000, "kind": "office",
        "offices": [{ "office_id": id(&room), "label": room }],
    })
}

/// Checks that something new is refused, with a cause that names what is wrong.
async fn assert_named(actor: &Actor, path: &str, body: Value, named: &str) {
    let path = format!("/api/v1/{path}/{}", id("new"));
    let told = actor.refused(Method::PUT, &path, Some(body.clone()), 422, "invalid").await;
    let cause = told["cause"].as_str().unwrap_or_default();
    assert!(cause.contains(named), "{body}: {cause}");
}

on_both! {
    async fn registering_a_building_again_changes_nothing(world: World) {
        let qian = world.actor("qian").await;
        let before = world.ops_kept().await;
        for _ in 0..2 {
            let done = qian.put(&building_path("building"), building()).await;
            assert_eq!(done["ops"], 0, "{done}");
        }
        let mut placed = building();
        placed["latitude"] = json!(30.0);
        placed["footprint"] = json!([[120.0, 30.5], [120.000_000_1, 1e2]]);
        let ops = [
            qian.put(&building_path("building"), placed.clone()).await["ops"].clone(),
            qian.put(&building_path("building"), placed).await["ops"].clone(),
        ];
        assert_eq!(ops, [1, 0], "a whole number may be written in two ways");
        assert_eq!(world.ops_kept().await, before + 1);
    }

    async fn a_floor_that_is_added_later_leaves_the_rest_as_it_is(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let mut higher = building();
        higher["sections"][0]["floors"].as_array_mut().expect("floors").push(floor(3));
        let done = qian.put(&building_path("building"), higher).await;
        assert_eq!(done["ops"], 2, "a floor and its room");
        let stack = qian.get(&format!("{}/floors", building_path("building"))).await;
        let floors = stack["sections"][0]["floors"].as_array().expect("floors");
        let labels: Vec<&Value> = floors.iter().map(|floor| &floor["label"]).collect();
        assert_eq!(labels, ["3F", "2F", "1F"], "top-down");
        assert_eq!(stack["counts"]["in_scope"], 7);
        assert_eq!(stack["counts"]["locked"], 1);
    }

    async fn everything_else_can_be_written_again_as_well(world: World) {
        let (root, qian) = (world.actor("root").await, world.actor("qian").await);
        let unit = json!({ "parent_id": id("district"), "code": "990101001", "level": "street", "name": "street" });
        let member = json!({ "user_id": id("wang"), "function": "police", "from_ms": 5 });
        let team = json!({ "street_id": id("street"), "name": "team 1", "leader_id": id("wang"), "members": [member] });
        let assignment = json!({
            "round_id": id("round"), "building_id": id("building"), "team_id": id("team 1"), "from_ms": 0,
        });
        let phases = json!([{ "phase_id": id("phase"), "kind": "canvass", "from": "2026-11-23", "until": "2026-12-11" }]);
        let campaign = json!({ "street_id": id("street"), "name": "演示", "phases": phases });
        for _ in 0..2 {
            root.put(&format!("/api/v1/org-units/{}", id("street")), unit.clone()).await;
            qian.put(&format!("/api/v1/teams/{}", id("team 1")), team.clone()).await;
            let path = format!("/api/v1/assignments/{}", id("assignment team 1"));
            qian.put(&path, assignment.clone()).await;
            qian.put(&format!("/api/v1/campaigns/{}", id("campaign")), campaign.clone()).await;
            qian.put(&format!("/api/v1/rounds/{}", id("round")), world.round("open")).await;
        }
        for (table, rows) in
            [("team_member", 2), ("assignment", 2), ("campaign_phase", 1), ("round", 1)]
        {
            assert_eq!(
                world.number(&format!("select count(*) from {table}")).await,
                rows,
                "{table}"
            );
        }
    }

    async fn a_round_that_is_opened_shows_every_office_and_a_draft_shows_none(world: World) {
        let qian = world.actor("qian").await;
        let path = format!("/api/v1/rounds/{}", id("round"));
        let floors = format!("{}/floors", building_path("building"));
        qian.put(&path, world.round("draft")).await;
        qian.refused(Method::GET, &floors, None, 404, "not_found").await;
        qian.put(&path, world.round("open")).await;
        let stack = qian.get(&floors).await;
        assert_eq!(
            (&stack["counts"]["in_scope"], &stack["counts"]["unvisited"]),
            (&json!(6), &json!(6))
        );
        qian.put(&path, world.round("closed")).await;
        assert_eq!(
            qian.get(&floors).await["counts"],
            stack["counts"],
            "a closed round stays readable"
        );
    }

    async fn a_round_whose_window_moves_counts_the_visits_inside_it(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let path = format!("/api/v1/rounds/{}", id("round"));
        let mut later = world.round("open");
        later["from_ms"] = json!(MONDAY_MS);
        qian.put(&path, later).await;
        assert_eq!(qian.office("101").await["state"], "unvisited");
        qian.put(&path, world.round("open")).await;
        assert_eq!(qian.office("101").await["state"], "locked");
    }

    async fn a_second_round_starts_from_zero_and_the_first_keeps_its_figures(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        qian.put(&format!("/api/v1/rounds/{}", id("round")), world.round("closed")).await;
        let mut second = world.round("open");
        second["number"] = json!(2);
        second["from_ms"] = json!(MONDAY_MS + 20 * DAY_MS);
        second["until_ms"] = json!(MONDAY_MS + 40 * DAY_MS);
        qian.put(&format!("/api/v1/rounds/{}", id("round 2")), second).await;
        assert_eq!(qian.office("101").await["state"], "unvisited", "the running round is shown");
        let at_ms = MONDAY_MS + 21 * DAY_MS;
        world.clock.set_ms(at_ms);
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        let body = json!({
            "revision": 1, "round_id": id("round 2"), "kind": "revisit",
            "office_ids": [id("102")], "outcome": "refused_entry",
        });
        let later = op("wang", 2, "visit", id("later"), body, |op| {
            op["captured"] = json!({ "wall_ms": at_ms, "utc_offset_min": 480 });
        });
        let told = wang.sync(&[later]).await["results"][0].clone();
        assert_eq!(told["status"], "applied", "{told}");
        let stack = |round| {
            let path = format!("{}/floors?round={}", building_path("building"), id(round));
            let qian = &qian;
            async move { qian.get(&path).await["counts"].clone() }
        };
        let (first, second) = (stack("round").await, stack("round 2").await);
        assert_eq!((&first["locked"], &first["blocked"]), (&json!(1), &Value::Null), "{first}");
        assert_eq!((&second["locked"], &second["blocked"]), (&Value::Null, &json!(1)), "{second}");
    }

    async fn units_and_accounts_that_are_wrong_are_refused_and_named(world: World) {
        let root = world.actor("root").await;
        let unit = |parent: Option<&str>, code: &str, level: &str, name: &str| {
            let parent_id = parent.map(id);
            json!({ "parent_id": parent_id, "code": code, "level": level, "name": name })
        };
        let district = Some("district");
        for (body, named) in [
            (unit(district, "99010100X", "street", "x"), "code"),
            (unit(district, "1", "street", "x"), "code"),
            (unit(district, "990101001", "street", "x"), "code"),
            (unit(district, "990101009", "village", "x"), "level"),
            (unit(district, "990101009", "street", " "), "name"),
            (unit(Some("nowhere"), "990101009", "street", "x"), "parent_id"),
            (unit(None, "990101009", "street", "x"), "parent_id"),
        ] {
            assert_named(&root, "org-units", body, named).await;
        }
        let user = |name: &str, password: &str, role: &str, unit: &str| {
            json!({
                "username": name, "name": name, "password": password,
                "roles": [{ "role": role, "unit_id": id(unit) }],
            })
        };
        for (body, named) in [
            (user("new", "short", "inspector", "street"), "password"),
            (user("new", "long enough", "emperor", "street"), "role"),
            (user("new", "long enough", "inspector", "nowhere"), "unit_id"),
            (user("wang", "long enough", "inspector", "street"), "username"),
            (user(" ", "long enough", "inspector", "street"), "username"),
        ] {
            assert_named(&root, "users", body, named).await;
        }
    }

    async fn rounds_campaigns_and_teams_that_are_wrong_are_refused_and_named(world: World) {
        let qian = world.actor("qian").await;
        let round = |name: &str, value: Value| {
            let mut round = world.round("open");
            round[name] = value;
            round
        };
        let phases = |from: &str, until: &str| {
            let phase = json!({
                "phase_id": id("phase"), "kind": "canvass", "from": from, "until": until,
            });
            json!({ "street_id": id("street"), "name": "演示", "phases": [phase] })
        };
        let twice = json!({ "user_id": id("wang"), "function": "police" });
        let stranger = json!({ "user_id": id("nobody"), "function": "police" });
        let team =
            |members: Value| json!({ "street_id": id("street"), "name": "x", "members": members });
        for (path, body, named) in [
            ("rounds", round("until_ms", json!(0)), "until_ms"),
            ("rounds", round("kind", json!("half_sweep")), "kind"),
            ("rounds", round("status", json!("ajar")), "status"),
            ("rounds", round("campaign_id", json!(id("nothing"))), "campaign_id"),
            ("campaigns", phases("2026-12-11", "2026-11-23"), "until"),
            ("campaigns", phases("tomorrow", "2026-11-23"), "from"),
            ("campaigns", phases("2026-02-30", "2026-11-23"), "from"),
            ("teams", team(json!([twice, twice])), "members"),
            ("teams", team(json!([stranger])), "user_id"),
        ] {
            assert_named(&qian, path, body, named).await;
        }
        for (path, body) in [
            ("teams", json!({ "street_id": id("street"), "name": "x", "memebers": [] })),
            ("teams", json!({ "street_id": "here", "name": "x", "members": [] })),
            ("rounds", json!([])),
        ] {
            let path = format!("/api/v1/{path}/{}", id("new"));
            qian.refused(Method::PUT, &path, Some(body), 400, "malformed").await;
        }
    }

    async fn a_building_with_a_floor_that_is_wrong_is_refused_as_a_whole(world: World) {
        let qian = world.actor("qian").await;
        let before = world.ops_kept().await;
        let tower = |floor: Value| {
            let section = json!({ "section_id": id("s"), "name": "-", "floors": [floor] });
            json!({ "unit_id": id("community"), "name": "x", "sections": [section] })
        };
        let misplaced = json!({
            "floor_id": id("f"), "label": "1F", "sort_order_milli": "one", "kind": "office",
        });
        assert_named(&qian, "buildings", tower(json!({ "floor_id": id("f") })), "floor_add").await;
        assert_named(&qian, "buildings", tower(misplaced), "sort_order_milli").await;
        for body in [
            json!({ "name": "x" }),
            json!({ "unit_id": id("community"), "sections": "two" }),
            tower(json!({ "label": "1F" })),
        ] {
            qian.refused(Method::PUT, &building_path("new"), Some(body), 400, "malformed").await;
        }
        assert_eq!(world.ops_kept().await, before);
        assert_eq!(world.number("select count(*) from bucket").await, 1, "nothing is left of it");
    }

    async fn what_a_caller_works_in_is_listed(world: World) {
        let (wang, han) = (world.actor("wang").await, world.actor("han").await);
        for actor in [&wang, &han] {
            let rounds = actor.get("/api/v1/rounds").await;
            let ids: Vec<&Value> = rounds["rounds"]
                .as_array()
                .expect("rounds")
                .iter()
                .map(|round| &round["round_id"])
                .collect();
            assert_eq!(ids, [&json!(id("round"))]);
        }
        let units = han.get("/api/v1/org-units").await;
        assert_eq!(
            units["units"].as_array().expect("units").len(),
            4,
            "the district and below: {units}"
        );
        let stranger = world.actor("stranger").await;
        assert_eq!(stranger.get("/api/v1/rounds").await["rounds"], json!([]));
    }
}
