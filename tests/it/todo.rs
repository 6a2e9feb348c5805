//! The to-do board: what is owed follows from what is known, and names the door and the day.

use crate::actors::{captured_ms, op, visit};
use crate::photos::promise;
use crate::world::{DAY_MS, MONDAY_MS, World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

fn path(more: &str) -> String {
    format!("/api/v1/coverage/{}/todo?{more}", id("street"))
}

fn pile<'a>(board: &'a Value, kind: &str) -> &'a Value {
    let kinds = board["kinds"].as_array().expect("kinds");
    kinds.iter().find(|pile| pile["kind"] == kind).unwrap_or_else(|| panic!("{kind}: {board}"))
}

on_both! {
    async fn what_is_owed_names_the_door_and_the_day(world: World) {
        let (wang, lin, qian) =
            (world.actor("wang").await, world.actor("lin").await, world.actor("qian").await);
        let unlicensed = op("wang", 4, "visit", id("visit wang 4"), json!({
            "revision": 1, "round_id": id("round"), "kind": "initial", "office_ids": [id("201")],
            "outcome": "inspected_partial", "licence_check": { "status": "unlicensed" },
        }), |_| ());
        wang.sync(&[
            visit("wang", 1, "101", "locked"),
            visit("wang", 2, "102", "refused_entry"),
            visit("wang", 3, "103", "not_in_scope"),
            unlicensed,
        ]).await;
        // Two people rename a room without knowing of each other.
        let rename = |author: &str, label: &str| op(author, 9, "office_rename", id("203"), json!({
            "office_id": id("203"), "label": label,
        }), |_| ());
        wang.sync(&[rename("wang", "203A")]).await;
        lin.sync(&[rename("lin", "203B")]).await;

        let board = qian.get(&path("")).await;
        let totals = |board: &Value| -> Vec<(String, i64, i64)> {
            let piles = board["kinds"].as_array().expect("kinds").iter();
            let full = piles.filter(|pile| pile["total"] != 0);
            full.map(|pile| (
                pile["kind"].as_str().expect("a kind").to_owned(),
                pile["total"].as_i64().expect("a number"),
                pile["overdue"].as_i64().expect("a number"),
            )).collect()
        };
        let expected = |overdue: [i64; 7]| -> Vec<(String, i64, i64)> {
            let kinds = [
                ("dept_notice", 1), ("measure_unlicensed", 1), ("conflict_review", 1),
                ("exclusion_review", 1), ("supplement", 1), ("revisit_locked", 1), ("first_visit", 2),
            ];
            kinds.iter().zip(overdue).map(|((kind, n), due)| ((*kind).to_owned(), *n, due)).collect()
        };
        assert_eq!(totals(&board), expected([0; 7]));

        let locked = &pile(&board, "revisit_locked")["items"][0];
        assert_eq!((&locked["room"]["label"], &locked["room"]["floor"]), (&json!("101"), &json!("1F")));
        assert_eq!(locked["building"], "潮汐大厦");
        assert_eq!(locked["room"]["last_try_ms"], captured_ms(1));
        // Captured at night, on the Monday: two working days later is Wednesday.
        assert_eq!(locked["due_ms"], captured_ms(1) + 2 * DAY_MS);
        assert_eq!(locked["room"]["suggested"].as_array().expect("slots").len(), 2, "{locked}");
        assert!(pile(&board, "supplement")["items"][0]["room"]["missing"].as_array().is_some_and(|m| !m.is_empty()));
        assert!(pile(&board, "conflict_review")["items"][0]["conflict_id"].is_string());

        // Three days on, the doors, the measure and the notice are overdue; the round still runs.
        let later = qian.get(&path(&format!("as_of={}", MONDAY_MS + 3 * DAY_MS))).await;
        assert_eq!(totals(&later), expected([1, 1, 0, 1, 1, 1, 0]));
        let one = qian.get(&path("kind=first_visit")).await;
        assert_eq!(one["kinds"].as_array().map(Vec::len), Some(1));
        qian.refused(Method::GET, &path("kind=nothing"), None, 422, "invalid").await;
    }

    async fn what_is_settled_is_owed_no_more(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[visit("wang", 1, "101", "refused_entry")]).await;
        assert_eq!(pile(&qian.get(&path("")).await, "dept_notice")["total"], 1);
        wang.sync(&[promise(2, "101", "empty")]).await;
        let board = qian.get(&path("")).await;
        assert_eq!(pile(&board, "dept_notice")["total"], 0);
        assert_eq!(pile(&board, "photo_upload")["items"][0]["room"]["label"], "101");
        let other = world.actor("other qian").await;
        other.refused(Method::GET, &path(""), None, 404, "not_found").await;
        let han = world.actor("han").await;
        let district = format!("/api/v1/coverage/{}/todo", id("district"));
        han.refused(Method::GET, &district, None, 422, "invalid").await;
    }
}
