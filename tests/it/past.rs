//! Looking back: what is asked of an earlier time is answered as it was answered then, whatever has
//! come since, and the course of a round is made of such answers.

use crate::actors::{Actor, office_add, op, visit};
use crate::world::{MONDAY_MS, World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

const MINUTE_MS: i64 = 60_000;

/// Everything that can be asked of a time, with `?` or `&` before the time.
fn questions() -> Vec<String> {
    let (street, building) = (id("street"), id("building"));
    vec![
        format!("/api/v1/coverage/{street}?"),
        format!("/api/v1/coverage/{street}/open-floors?"),
        format!("/api/v1/buildings?unit={street}&"),
        format!("/api/v1/buildings/{building}/floors?"),
        format!("/api/v1/buildings/{building}/offices/{}/timeline?", id("101")),
    ]
}

async fn answers(qian: &Actor, as_of: Option<i64>) -> Vec<Value> {
    let mut answers = Vec::new();
    for question in questions() {
        let asked = as_of.map(|at_ms| format!("as_of={at_ms}")).unwrap_or_default();
        answers.push(qian.get(&format!("{question}{asked}")).await);
    }
    answers
}

/// What happens minute by minute: visits, a room added, a void that had seen the visit, and what
/// another phone handed over for its author, released when the desk had looked at it.
async fn happen(world: &World, minute: i64) {
    let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
    match minute {
        1 => drop(wang.sync(&[visit("wang", 1, "101", "locked")]).await),
        2 => drop(wang.sync(&[visit("wang", 2, "102", "inspected")]).await),
        3 => drop(wang.sync(&[office_add("wang", 3, "204", "floor 2")]).await),
        4 => drop(wang.sync(&[visit("lin", 1, "101", "refused_entry")]).await),
        5 => {
            let path = format!("/api/v1/quarantine?unit={}", id("street"));
            let waiting = qian.get(&path).await;
            let waiting =
                waiting["items"][0]["quarantine_id"].as_str().expect("one waits").to_owned();
            let body = json!({ "decision": "release", "reason": "核实" });
            let path = format!("/api/v1/quarantine/{waiting}");
            assert!(qian.send(Method::POST, &path, Some(body)).await.status().is_success());
        }
        _ => {
            let void = op(
                "qian",
                1,
                "visit_void",
                id("visit wang 2"),
                json!({
                    "visit_id": id("visit wang 2"), "reason": "不实",
                }),
                |op| op["seen"] = json!([id("op wang 2")]),
            );
            qian.sync(&[void]).await;
        }
    }
}

on_both! {
    async fn an_earlier_time_is_answered_as_it_was_then(world: World) {
        let qian = world.actor("qian").await;
        let mut told = Vec::new();
        for minute in 1..=6 {
            world.clock.halt_at(MONDAY_MS + minute * MINUTE_MS);
            happen(&world, minute).await;
            told.push(answers(&qian, None).await);
            // Between the moments, too.
            world.clock.halt_at(MONDAY_MS + minute * MINUTE_MS + MINUTE_MS / 2);
        }
        for (at, then) in told.iter().enumerate() {
            let minute = i64::try_from(at).expect("few") + 1;
            for second in [0, 30] {
                let at_ms = MONDAY_MS + minute * MINUTE_MS + second * 1000;
                assert_eq!(&answers(&qian, Some(at_ms)).await, then, "minute {minute}:{second}");
            }
        }
        // What waits in quarantine, and that alone, changes nothing until it is released.
        for (at, pair) in told.windows(2).enumerate() {
            assert_eq!(pair[0] == pair[1], at == 2, "after minute {}", at + 1);
        }
    }

    async fn before_it_was_registered_there_is_no_building(world: World) {
        let qian = world.actor("qian").await;
        let path = format!("/api/v1/buildings?unit={}&as_of={}", id("street"), MONDAY_MS - 1);
        assert_eq!(qian.get(&path).await["buildings"], json!([]));
        let path = format!("/api/v1/buildings/{}/floors?as_of={}", id("building"), MONDAY_MS - 1);
        qian.refused(Method::GET, &path, None, 404, "not_found").await;
    }

    async fn the_course_of_a_round_is_made_of_those_answers(world: World) {
        for minute in 1..=6 {
            // Ten minutes apart: two moments fall into one step.
            world.clock.halt_at(MONDAY_MS + minute * 10 * MINUTE_MS);
            happen(&world, minute).await;
        }
        let street = id("street");
        let now_ms = MONDAY_MS + 67 * MINUTE_MS;
        world.clock.halt_at(now_ms);
        let qian = world.actor("qian").await;
        let path = format!("/api/v1/coverage/{street}/progress?step_ms={}", 20 * MINUTE_MS);
        let told = qian.get(&path).await;
        let steps = told["steps"].as_array().expect("steps");
        assert_eq!(steps.last().expect("a step")["at_ms"], json!(now_ms));
        for (at, step) in steps.iter().enumerate().rev().take(4) {
            let at_ms = step["at_ms"].as_i64().expect("a time");
            let then = qian.get(&format!("/api/v1/coverage/{street}?as_of={at_ms}")).await;
            assert_eq!(step["counts"], then["counts"], "step {at}");
            assert_eq!(step["metrics"], then["metrics"], "step {at}");
            assert_eq!(step["buildings_by_state"], then["buildings_by_state"], "step {at}");
            let standing = &told["buildings"][0]["steps"][at];
            let covered = then["counts"]["covered"].as_i64().unwrap_or(0);
            assert_eq!(standing["covered"], json!(covered), "step {at}");
        }
        assert_eq!(told["buildings"][0]["steps"][0], Value::Null, "not registered yet");
        let last = steps.last().expect("a step");
        let count = |name: &str| last["counts"][name].as_i64().unwrap_or(0);
        let remaining = count("in_scope") - count("covered");
        assert!(remaining > 0, "{last}");
        assert_eq!(told["pace"]["remaining"], json!(remaining));
        assert!(told["pace"]["workdays_left"].as_i64().expect("days") > 5, "{}", told["pace"]);
    }

    async fn a_course_in_steps_that_divide_no_day_is_refused(world: World) {
        let qian = world.actor("qian").await;
        for step_ms in [1_000, 7 * 60 * MINUTE_MS, 48 * 60 * MINUTE_MS] {
            let path = format!("/api/v1/coverage/{}/progress?step_ms={step_ms}", id("street"));
            qian.refused(Method::GET, &path, None, 422, "invalid").await;
        }
        let path = format!("/api/v1/coverage/{}/progress", id("city"));
        let root = world.actor("root").await;
        root.refused(Method::GET, &path, None, 403, "forbidden").await;
        let han = world.actor("han").await;
        let path = format!("/api/v1/coverage/{}/progress", id("district"));
        han.refused(Method::GET, &path, None, 422, "invalid").await;
        let stranger = world.actor("other qian").await;
        let path = format!("/api/v1/coverage/{}/progress", id("street"));
        stranger.refused(Method::GET, &path, None, 404, "not_found").await;
    }
}
