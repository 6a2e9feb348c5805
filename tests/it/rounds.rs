//! Rounds at the desk (walk W8): closing fixes the figures, what comes later is told beside them, and
//! reopening is a decision. Teams and assignments as the desk reads them.

use crate::actors::{Actor, visit};
use crate::world::{DAY_MS, MONDAY_MS, World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

const UNTIL_MS: i64 = MONDAY_MS + 18 * DAY_MS;

fn path() -> String {
    format!("/api/v1/rounds/{}", id("round"))
}

fn because(mut round: Value, reason: &str) -> Value {
    round["reason"] = json!(reason);
    round
}

/// The only round of the small street.
async fn standing(who: &Actor) -> Value {
    who.get(&format!("/api/v1/coverage/{}/rounds", id("street"))).await["rounds"][0].clone()
}

/// The statuses of the steps, and how many locked rooms each closing found.
fn steps(standing: &Value) -> Vec<(&str, Option<i64>)> {
    let steps = standing["steps"].as_array().expect("steps").iter();
    steps
        .map(|step| {
            let locked = step.get("counts").map(|counts| counts["locked"].as_i64().unwrap_or(0));
            (step["status"].as_str().expect("a status"), locked)
        })
        .collect()
}

async fn assignments(who: &Actor, unit: &str) -> Vec<Value> {
    let path = format!("/api/v1/assignments?unit={}", id(unit));
    who.get(&path).await["assignments"].as_array().expect("a list").clone()
}

on_both! {
    async fn what_arrives_after_a_closing_changes_the_figures_of_today_and_not_those_of_the_closing(
        world: World,
    ) {
        let wang = world.actor("wang").await;
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        world.clock.set_ms(UNTIL_MS + 3 * DAY_MS);
        let qian = world.actor("qian").await;
        qian.put(&path(), because(world.round("closed"), "窗口与宽限期均已结束")).await;
        let closed = standing(&qian).await;
        assert_eq!(steps(&closed), [("open", None), ("closed", Some(1))]);
        world.clock.set_ms(UNTIL_MS + 5 * DAY_MS);
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        wang.sync(&[visit("wang", 2, "102", "locked")]).await;
        let later = standing(&qian).await;
        assert_eq!(steps(&later), [("open", None), ("closed", Some(1))]);
        assert_eq!(later["counts"]["locked"], 2, "today: {later}");
        assert_eq!(later["steps"][1]["author"], "qian");
        assert_eq!(later["steps"][1]["reason"], "窗口与宽限期均已结束");
        assert_eq!(later["steps"][1]["metrics"]["coverage_rate"]["whole"], 6);
        // Reopened, and closed again: the second closing has figures of its own.
        qian.put(&path(), because(world.round("reopened"), "补录")).await;
        world.clock.set_ms(UNTIL_MS + 6 * DAY_MS);
        let qian = world.actor("qian").await;
        qian.put(&path(), world.round("closed")).await;
        let again = standing(&qian).await;
        let expected =
            [("open", None), ("closed", Some(1)), ("reopened", None), ("closed", Some(2))];
        assert_eq!(steps(&again), expected);
    }

    async fn a_closed_round_is_reopened_with_a_reason_and_in_no_other_way(world: World) {
        let qian = world.actor("qian").await;
        qian.put(&path(), world.round("closed")).await;
        for round in [
            world.round("open"),
            world.round("closing"),
            world.round("draft"),
            world.round("reopened"),
            because(world.round("reopened"), " "),
        ] {
            qian.refused(Method::PUT, &path(), Some(round), 422, "invalid").await;
        }
        assert_eq!(standing(&qian).await["status"], "closed");
        qian.put(&path(), because(world.round("reopened"), "两台设备数据未回传")).await;
        qian.put(&path(), world.round("reopened")).await;
        let standing = standing(&qian).await;
        assert_eq!(
            steps(&standing),
            [("open", None), ("closed", Some(0)), ("reopened", None)],
            "writing it again is no step"
        );
    }

    async fn rounds_and_teams_are_told_to_those_whose_area_it_is(world: World) {
        let (wu, other) = (world.actor("wu").await, world.actor("other qian").await);
        let of_part = wu.get(&format!("/api/v1/coverage/{}/rounds", id("community"))).await;
        assert_eq!(of_part["rounds"][0]["counts"]["in_scope"], 6, "{of_part}");
        for place in [
            format!("/api/v1/coverage/{}/rounds", id("street")),
            format!("/api/v1/teams?unit={}", id("street")),
            format!("/api/v1/assignments?unit={}", id("street")),
        ] {
            wu.refused(Method::GET, &place, None, 404, "not_found").await;
            other.refused(Method::GET, &place, None, 404, "not_found").await;
        }
        let root = world.actor("root").await;
        let teams = format!("/api/v1/teams?unit={}", id("street"));
        root.refused(Method::GET, &teams, None, 403, "forbidden").await;
        assert_eq!(wu.get("/api/v1/me").await["may"], json!(["import_roster", "read_units"]));
        let qian = world.actor("qian").await;
        let expected = json!(["review", "manage_registry", "import_roster", "read_units"]);
        assert_eq!(qian.get("/api/v1/me").await["may"], expected);
    }

    async fn an_assignment_begins_and_ends_by_the_servers_clock_and_can_be_taken_up_again(
        world: World,
    ) {
        let qian = world.actor("qian").await;
        let teams = qian.get(&format!("/api/v1/teams?unit={}", id("street"))).await;
        assert_eq!(teams["teams"][0]["name"], "team 1");
        assert_eq!(teams["teams"][0]["members"][0]["name"], "wang");
        assert_eq!(assignments(&qian, "street").await.len(), 2);
        assert_eq!(assignments(&qian, "community").await.len(), 2);
        let place = format!("/api/v1/assignments/{}", id("assignment team 1"));
        let mut assignment = json!({
            "round_id": id("round"), "building_id": id("building"), "team_id": id("team 1"),
            "ended": true,
        });
        qian.put(&place, assignment.clone()).await;
        let left = assignments(&qian, "street").await;
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(left[0]["team_id"], json!(id("team 2")));
        assignment["ended"] = json!(false);
        qian.put(&place, assignment.clone()).await;
        assert_eq!(assignments(&qian, "street").await.len(), 2, "taken back");
        let place = format!("/api/v1/assignments/{}", id("a new assignment"));
        qian.put(&place, assignment).await;
        let now = assignments(&qian, "street").await;
        let new = now.iter().find(|one| one["assignment_id"] == json!(id("a new assignment")));
        let from_ms = new.expect("it is listed")["from_ms"].as_i64().expect("a time");
        assert!((MONDAY_MS..MONDAY_MS + DAY_MS).contains(&from_ms), "{from_ms}");
    }

    async fn a_team_lists_the_buildings_that_it_is_assigned_to_and_no_others(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let mine = wang.get("/api/v1/buildings").await;
        let all = qian.get(&format!("/api/v1/buildings?unit={}", id("street"))).await;
        let [building] = &mine["buildings"].as_array().expect("a list")[..] else {
            panic!("one building is assigned: {mine}")
        };
        assert_eq!(building["building_id"], json!(id("building")));
        assert!(all["buildings"].as_array().expect("a list").contains(building), "as listed to others");
        let past = format!("/api/v1/buildings?floors=true&as_of={}", world.clock.now_ms());
        let now = wang.get("/api/v1/buildings?floors=true").await;
        assert_eq!(wang.get(&past).await, now);
        assert!(now["buildings"][0]["floors"].as_array().is_some_and(|floors| !floors.is_empty()));
        // Whoever sees a street through his role has no team, and the end of an assignment is one.
        assert_eq!(qian.get("/api/v1/buildings").await["buildings"], json!([]));
        let assignment = json!({
            "round_id": id("round"), "building_id": id("building"), "team_id": id("team 1"),
            "ended": true,
        });
        qian.put(&format!("/api/v1/assignments/{}", id("assignment team 1")), assignment).await;
        assert_eq!(wang.get("/api/v1/buildings").await["buildings"], json!([]));
        let root = world.actor("root").await;
        root.refused(Method::GET, "/api/v1/buildings", None, 403, "forbidden").await;
        assert_eq!(wang.get("/api/v1/me").await["may"], json!(["read_assigned"]));
    }

    async fn an_invitation_says_whether_a_phone_has_used_it(world: World) {
        let (qian, other) = (world.actor("qian").await, world.actor("other qian").await);
        let body = json!({ "street_id": id("street"), "server": "https://saolou.example" });
        let made = qian.send(Method::POST, "/api/v1/enrolments", Some(body)).await;
        let made: Value = made.json().await.expect("JSON");
        let place = format!("/api/v1/enrolments/{}", made["enrolment_id"].as_str().expect("an id"));
        let open = qian.get(&place).await;
        assert_eq!(open["state"], "open");
        let left_ms = open["left_ms"].as_i64().expect("a time");
        assert!((29 * 60_000..=30 * 60_000).contains(&left_ms), "{left_ms}");
        other.refused(Method::GET, &place, None, 404, "not_found").await;
        world.clock.set_ms(made["expires_ms"].as_i64().expect("a time"));
        let qian = world.actor("qian").await;
        assert_eq!(qian.get(&place).await["state"], "expired");
    }
}
