//! Figures that open to what they count: the rooms and floors behind each add up to it, now and at
//! any earlier time.

use crate::actors::{Actor, captured_ms, office_add, op, visit};
use crate::photos::promise;
use crate::world::{DAY_MS, MONDAY_MS, World, id, on_both};
use reqwest::Method;
use saolou_server::demo::bodies::{self, Setting, Tenant};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

const MINUTE_MS: i64 = 60_000;
const SHARES: [&str; 8] = [
    "coverage_rate",
    "visited_rate",
    "inspection_rate",
    "locked_rate",
    "floors_done",
    "recheck_success",
    "three_clear_rate",
    "photo_rate",
];
/// Counts of buildings, which no room adds to.
const OF_BUILDINGS: [&str; 3] = ["buildings", "buildings_full", "conflicts_open"];

fn path(metric: &str, more: &str) -> String {
    format!("/api/v1/coverage/{}/rooms?metric={metric}{more}", id("street"))
}

/// An inspection that lacks nothing; `licensed` with the photo of the licence promised.
fn inspection(n: i64, room: &str, licensed: bool) -> String {
    let key = format!("drill {n}");
    let setting = Setting {
        key: &key,
        round: id("round"),
        team: id("team 1"),
        members: &[bodies::Member { user: id("wang"), function: "police" }],
        offices: &[id(room)],
        kind: "initial",
        at_ms: MONDAY_MS - DAY_MS / 4,
        roster_version: 1,
    };
    let tenant = Tenant { name: "青柠设计", uscc: None, business: "平面设计" };
    let made = if licensed { bodies::inspected } else { bodies::inspected_by_e_licence };
    op("wang", n, "visit", bodies::visit_id(&key), Value::Object(made(&setting, &tenant)), |_| ())
}

/// Rooms of every state, some of which were another before, and a second building.
async fn happen(world: &World) {
    let (wang, lin, qian) =
        (world.actor("wang").await, world.actor("lin").await, world.actor("qian").await);
    let mut second = crate::world::building();
    second["code"] = json!("B2");
    second["name"] = json!("云帆中心");
    let ids = second.to_string();
    let fresh = |text: String| -> Value {
        let mut renamed = text;
        for known in ["section", "floor 1", "floor 2", "101", "102", "103", "201", "202", "203"] {
            let other = id(&format!("second {known}"));
            renamed = renamed.replace(&id(known).to_string(), &other.to_string());
        }
        serde_json::from_str(&renamed).expect("JSON")
    };
    qian.put(&format!("/api/v1/buildings/{}", id("second")), fresh(ids)).await;
    world.clock.halt_at(MONDAY_MS + MINUTE_MS);
    wang.sync(&[
        visit("wang", 1, "101", "locked"),
        visit("wang", 2, "102", "refused_entry"),
        visit("wang", 3, "103", "not_in_scope"),
        visit("wang", 4, "201", "locked"),
        inspection(5, "202", false),
    ])
    .await;
    world.clock.halt_at(MONDAY_MS + 2 * MINUTE_MS);
    wang.sync(&[
        inspection(6, "101", true),
        promise(7, "201", "of an empty room"),
        visit("wang", 8, "203", "inspected_partial"),
        office_add("wang", 9, "204", "floor 2"),
    ])
    .await;
    lin.sync(&[visit("lin", 1, "203", "deferred")]).await;
}

/// All rows of a part, page by page.
async fn pages(qian: &Actor, metric: &str, more: &str) -> (Value, Vec<Value>) {
    let first = qian.get(&path(metric, &format!("{more}&limit=2"))).await;
    let mut rows = first["rows"].as_array().expect("rows").clone();
    let mut cursor = first["cursor"].clone();
    while let Some(behind) = cursor.as_str() {
        let page = qian.get(&path(metric, &format!("{more}&limit=2&cursor={behind}"))).await;
        rows.extend(page["rows"].as_array().expect("rows").iter().cloned());
        cursor = page["cursor"].clone();
    }
    (first, rows)
}

/// Every figure of a team's work is what the visits behind it, page by page, come to.
async fn adds_up(qian: &Actor, workload: &str, team: &Value) {
    let of_team = team["team_id"].as_str().map_or(String::new(), |team| format!("&team={team}"));
    let names =
        ["people", "days", "visits", "met", "shut", "partial", "photos", "rooms", "rooms_covered"];
    for figure in names {
        let path = format!("{workload}/visits?figure={figure}{of_team}&limit=2");
        let mut page = qian.get(&path).await;
        let (amount, total) = (page["amount"].clone(), page["total"].clone());
        let mut visits = page["visits"].as_array().expect("visits").clone();
        while let Some(behind) = page["cursor"].as_str() {
            page = qian.get(&format!("{path}&cursor={behind}")).await;
            visits.extend(page["visits"].as_array().expect("visits").iter().cloned());
        }
        assert_eq!((&amount, &total), (&team[figure], &json!(visits.len())), "{figure}");
        let rooms = visits.iter().flat_map(|of| of["rooms"].as_array().expect("rooms"));
        let distinct = |found: Vec<String>| found.into_iter().collect::<BTreeSet<_>>().len();
        let counted = match figure {
            "people" => distinct(visits.iter().map(|of| of["by"].to_string()).collect()),
            "photos" => usize::try_from(sum(&visits, "photos")).expect("some photos"),
            "rooms" => distinct(rooms.map(|room| room["office_id"].to_string()).collect()),
            "rooms_covered" => {
                let covered = rooms.filter(|room| room["is_covered"] == true);
                distinct(covered.map(|room| room["office_id"].to_string()).collect())
            }
            "days" => continue,
            _ => visits.len(),
        };
        assert_eq!(amount, json!(counted), "{figure}");
    }
}

fn sum(rows: &[Value], member: &str) -> i64 {
    rows.iter().map(|row| row[member].as_i64().expect("a number")).sum()
}

on_both! {
    async fn the_records_behind_every_figure_add_up_to_it_now_and_then(world: World) {
        happen(&world).await;
        let qian = world.actor("qian").await;
        let mut different = 0;
        for minute in [0, 1, 2] {
            let as_of = format!("&as_of={}", MONDAY_MS + minute * MINUTE_MS);
            let as_of = if minute == 2 { String::new() } else { as_of };
            let street = format!("/api/v1/coverage/{}?{}", id("street"), as_of.trim_start_matches('&'));
            let told = qian.get(&street).await;
            for metric in SHARES {
                let figure = &told["metrics"][metric];
                let (whole, rows) = pages(&qian, metric, &as_of).await;
                assert_eq!(&whole["figure"], figure, "{metric} at {minute}");
                assert_eq!(json!(sum(&rows, "part")), figure["part"], "{metric} at {minute}");
                assert_eq!(json!(sum(&rows, "whole")), figure["whole"], "{metric} at {minute}");
                assert_eq!(whole["total"], json!(rows.len()), "{metric}: every row is on one page");
                let (done, done_rows) = pages(&qian, metric, &format!("&part=numerator{as_of}")).await;
                let (rest, _) = pages(&qian, metric, &format!("&part=rest{as_of}")).await;
                assert_eq!(done["amount"], figure["part"], "{metric} at {minute}");
                let left = figure["whole"].as_i64().expect("whole") - figure["part"].as_i64().expect("part");
                assert_eq!(rest["amount"], json!(left), "{metric} at {minute}");
                assert!(done_rows.iter().all(|row| row["part"] != 0));
                different += i64::from(figure["part"] != 0 && left != 0);
            }
            for (count, number) in told["counts"].as_object().expect("counts") {
                if !OF_BUILDINGS.contains(&count.as_str()) {
                    let (behind, rows) = pages(&qian, count, &as_of).await;
                    assert_eq!((&behind["amount"], json!(sum(&rows, "whole"))), (number, number.clone()), "{count}");
                }
            }
        }
        assert!(different >= 8, "figures have two parts: {different}");
    }

    async fn a_figure_of_one_building_opens_to_its_own_records(world: World) {
        happen(&world).await;
        let qian = world.actor("qian").await;
        for building in ["building", "second"] {
            let told = qian.get(&format!("/api/v1/buildings/{}/floors", id(building))).await;
            for metric in SHARES {
                let (whole, rows) = pages(&qian, metric, &format!("&building={}", id(building))).await;
                assert_eq!(whole["figure"], told["metrics"][metric], "{metric} of {building}");
                assert!(rows.iter().all(|row| row["building_id"] == json!(id(building))));
            }
        }
        let nowhere = path("locked", &format!("&building={}", id("nowhere")));
        qian.refused(Method::GET, &nowhere, None, 404, "not_found").await;
    }

    async fn a_record_names_the_room_its_last_try_and_who_tried(world: World) {
        happen(&world).await;
        let qian = world.actor("qian").await;
        let shut = qian.get(&path("recheck_success", "")).await;
        let rows = shut["rows"].as_array().expect("rows");
        let labels: Vec<&str> = rows.iter().filter_map(|row| row["room"]["label"].as_str()).collect();
        // Top-down, door by door.
        assert_eq!(labels, ["201", "101", "102"], "{shut}");
        let first = &rows[0];
        assert_eq!((&first["building"], &first["floor"]), (&json!("潮汐大厦"), &json!("2F")));
        assert_eq!((&first["room"]["state"], &first["part"]), (&json!("covered"), &json!(1)));
        assert_eq!(first["room"]["last_by"], "wang");
        assert!(first["room"]["last_try_ms"].is_i64());
        // Whole buildings are looked at from above without reading visits: nobody is named then.
        let han = world.actor("han").await;
        let told = han.get(&path("locked", "")).await;
        assert!(told["rows"].as_array().expect("rows").iter().all(|row| row["room"]["last_by"].is_null()));
    }

    async fn a_figure_opens_for_those_who_see_it(world: World) {
        let other = world.actor("other qian").await;
        other.refused(Method::GET, &path("coverage_rate", ""), None, 404, "not_found").await;
        let qian = world.actor("qian").await;
        for wrong in ["buildings", "conflicts_open", "nothing"] {
            qian.refused(Method::GET, &path(wrong, ""), None, 422, "invalid").await;
        }
        let lost = path("in_scope", &format!("&cursor={}", Uuid::nil()));
        qian.refused(Method::GET, &lost, None, 422, "invalid").await;
    }

    async fn the_work_of_a_team_counts_visits_and_says_how_much_of_it_is_covered(world: World) {
        happen(&world).await;
        let qian = world.actor("qian").await;
        let path = format!("/api/v1/coverage/{}/workload", id("street"));
        let told = qian.get(&path).await;
        let teams = told["teams"].as_array().expect("teams");
        // Without a team: the visit that promises a photo names none.
        assert_eq!(teams.len(), 2, "{told}");
        let team = &teams[0];
        assert_eq!((&team["name"], &team["people"]), (&json!("team 1"), &json!(2)));
        let numbers = ["visits", "met", "shut", "rooms", "rooms_covered"].map(|of| team[of].as_i64());
        // 101 twice, 102, 103, 201, 202, 203 twice; covered are 101, 202 and, by another, 201.
        assert_eq!(numbers, [Some(8), Some(3), Some(4), Some(6), Some(3)], "{told}");
        assert_eq!((&teams[1]["name"], &teams[1]["visits"]), (&Value::Null, &json!(1)));
        for team in teams {
            adds_up(&qian, &path, team).await;
        }
        let mine = format!("{path}/visits?figure=shut&team={}", id("team 1"));
        let visits = qian.get(&mine).await;
        assert_eq!(visits["name"], "team 1");
        let first = &visits["visits"][0];
        assert!(first["by"].is_string() && first["outcome"] == "locked", "{first}");
        assert_eq!(first["building_id"], json!(id("building")));
        assert!(first["rooms"][0]["label"].is_string() && first["rooms"][0]["floor"].is_string());
        // Whoever looks from above reads no visits: nobody is named then.
        let told = world.actor("han").await.get(&mine).await;
        assert!(told["visits"].as_array().expect("visits").iter().all(|of| of["by"].is_null()));
        qian.refused(Method::GET, &format!("{path}/visits?figure=rank"), None, 400, "malformed").await;
        // Before anybody was there, nobody has worked.
        let before = qian.get(&format!("{path}?as_of={MONDAY_MS}")).await;
        assert_eq!(before["teams"], json!([]));
        let other = world.actor("other qian").await;
        other.refused(Method::GET, &path, None, 404, "not_found").await;
        other.refused(Method::GET, &mine, None, 404, "not_found").await;
    }

    async fn a_team_opens_the_figures_of_its_own_buildings(world: World) {
        happen(&world).await;
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let place = |building: &str| {
            let unit = id("community");
            format!("/api/v1/coverage/{unit}/rooms?metric=visited_rate&building={}", id(building))
        };
        let mine = wang.get(&place("building")).await;
        assert_eq!(mine["rows"], qian.get(&place("building")).await["rows"]);
        let is_named = |row: &Value| row["room"]["last_by"].is_string();
        assert!(mine["rows"].as_array().is_some_and(|rows| rows.iter().any(is_named)), "{mine}");
        wang.refused(Method::GET, &place("B2"), None, 404, "not_found").await;
        wang.refused(Method::GET, &path("locked", ""), None, 404, "not_found").await;
        let stack = wang.get(&format!("/api/v1/buildings/{}/floors", id("building"))).await;
        assert_eq!(stack["unit_id"], json!(id("community")));
    }

    async fn a_building_on_the_map_says_when_somebody_was_there_last(world: World) {
        happen(&world).await;
        let qian = world.actor("qian").await;
        let listed = qian.get(&format!("/api/v1/buildings?unit={}&floors=true", id("street"))).await;
        let last = |code: &str| {
            let buildings = listed["buildings"].as_array().expect("buildings").iter();
            let mut found = buildings.filter(|of| of["attributes"]["code"] == code);
            found.next().expect("it is listed")["last_try_ms"].clone()
        };
        assert_eq!((last("B1"), last("B2")), (json!(captured_ms(8)), Value::Null));
    }
}
