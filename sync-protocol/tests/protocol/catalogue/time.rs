//! C39, C46, C52–C54, C57: time, rounds, and what comes after them.

use super::{Draft, ends, inspected, said, visit};
use serde_json::json;

fn at(mut draft: Draft, at_ms: i64) -> Draft {
    draft.at_ms = at_ms;
    draft
}

#[test]
fn c39_one_photo_under_two_rooms_is_kept_under_both() {
    let photo = json!({ "photos": [{ "photo_id": crate::world::id("photo", 1),
        "kind": "vacant_interior", "sha256": "ab".repeat(32) }] });
    let end = ends(&[
        visit(1, 1, 1201, "vacant", photo.clone()),
        visit(2, 1, 1202, "vacant", photo),
        said(
            3,
            0,
            "photo_verified",
            json!({ "photo_id": crate::world::id("photo", 1),
            "sha256": "ab".repeat(32) }),
        ),
    ]);
    assert_eq!((end.state(1201), end.state(1202)), (json!("covered"), json!("covered")));
    assert_eq!(end.flags(1201), json!([]), "the evidence of both has arrived");
}

#[test]
fn c46_visits_of_both_teams_to_a_building_that_was_handed_over_count() {
    let end = ends(&[visit(1, 1, 1201, "locked", json!({})), inspected(2, 2, 1202, json!({}))]);
    assert_eq!((end.state(1201), end.state(1202)), (json!("locked"), json!("covered")));
}

#[test]
fn c52_what_comes_in_the_grace_counts_and_nothing_is_odd_about_it() {
    let end = ends(&[at(visit(1, 1, 1201, "locked", json!({})), 499)]);
    assert_eq!((end.state(1201), end.issues(1201, 1)), (json!("locked"), vec![]));
}

#[test]
fn c53_what_comes_after_the_grace_counts_and_is_told() {
    let end = ends(&[at(visit(1, 1, 1201, "locked", json!({})), 500)]);
    assert_eq!(end.state(1201), "locked");
    assert_eq!(end.issues(1201, 1), ["late_arrival"]);
}

#[test]
fn c54_what_was_captured_after_the_round_waits_until_it_is_accepted() {
    let late = at(visit(1, 1, 1201, "locked", json!({})), 600);
    let end = ends(std::slice::from_ref(&late));
    assert_eq!((end.state(1201), end.building.late_visits().len()), (json!("unvisited"), 1));
    assert_eq!(
        (end.issues(1201, 1), end.whole().late_waiting),
        (vec!["out_of_window".to_owned()], 1)
    );
    let accepted = said(2, 7, "accept_late", json!({ "visit_id": late.subject }));
    let end = ends(&[late, accepted]);
    assert_eq!((end.state(1201), end.building.late_visits().len()), (json!("locked"), 0));
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c57_a_room_that_blocks_again_after_it_was_entered_stays_covered_and_says_so() {
    let end =
        ends(&[inspected(1, 1, 1201, json!({})), visit(2, 2, 1201, "refused_entry", json!({}))]);
    assert_eq!(end.state(1201), "covered");
    assert_eq!(end.flags(1201), json!(["blocked_after_settlement"]));
    end.keeps(1201, &[1, 2]);
}
