//! C01–C14, C37, C51: visits and coverage.

use super::{ends, inspected, read_issues, said, seeing, visit};
use crate::world::id;
use saolou_protocol::ids::OfficeId;
use serde_json::json;

fn shown(photo: u64) -> serde_json::Value {
    json!({ "photos": [{ "photo_id": id("photo", photo), "kind": "vacant_interior" }] })
}

#[test]
fn c01_two_teams_on_one_day_one_inside_and_one_before_a_locked_door_is_covered() {
    let end = ends(&[inspected(1, 1, 1201, json!({})), visit(2, 2, 1201, "locked", json!({}))]);
    assert_eq!(end.state(1201), "covered");
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c02_vacant_and_then_locked_on_purpose_is_blocked_and_contradicts_itself() {
    let end = ends(&[
        visit(1, 1, 1201, "vacant", shown(1)),
        visit(2, 2, 1201, "locked_deliberate", json!({})),
    ]);
    assert_eq!(
        (end.state(1201), end.flags(1201)),
        (json!("blocked"), json!(["absence_contradicted"]))
    );
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c03_two_companies_inspected_in_one_room_stay_covered_and_both_are_counted() {
    let other = json!({ "company": { "name": "海棠商贸", "actual_business": "贸易" } });
    let end = ends(&[inspected(1, 1, 1201, json!({})), inspected(2, 2, 1201, other)]);
    assert_eq!(end.state(1201), "covered");
    assert_eq!(end.whole().rounds[0].counts.companies_known, 2);
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c04_refused_and_moved_out_the_next_day_left_after_the_block() {
    let end = ends(&[
        visit(1, 1, 1201, "refused_entry", json!({})),
        visit(2, 1, 1201, "moved_out", shown(1)),
    ]);
    assert_eq!(
        (end.state(1201), end.flags(1201)),
        (json!("covered"), json!(["evidence_pending", "left_after_block"]))
    );
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c05_an_earlier_inspection_that_arrives_later_covers() {
    let end = ends(&[inspected(1, 2, 1201, json!({})), visit(2, 1, 1201, "locked", json!({}))]);
    assert_eq!(end.state(1201), "covered");
}

#[test]
fn c06_two_partial_visits_of_one_company_complete_each_other() {
    let end = ends(&[
        inspected(1, 1, 1201, json!({ "ledger_check": { "result": "refused" } })),
        inspected(2, 2, 1201, json!({ "id_check": {} })),
    ]);
    assert_eq!(end.state(1201), "covered");
    assert_eq!(end.flags(1201), json!(["completed_by_supplement"]));
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c07_a_double_tap_is_kept_twice_and_both_are_suspected() {
    let end =
        ends(&[visit(1, 1, 1201, "locked", json!({})), visit(2, 1, 1201, "locked", json!({}))]);
    for number in [1, 2] {
        assert_eq!(end.issues(1201, number), ["suspected_duplicate"]);
    }
}

#[test]
fn c08_a_visit_that_is_delivered_again_is_one() {
    let same = visit(1, 1, 1201, "locked", json!({}));
    let end = ends(&[same.clone(), same]);
    let office = end.building.canonical(OfficeId(id("office", 1201))).expect("a live one");
    let visits = end.building.history(office).into_iter().filter(|item| item.visit.is_some());
    assert_eq!((end.state(1201), visits.count()), (json!("locked"), 1));
    assert!(end.issues(1201, 1).is_empty(), "nothing is suspected");
}

#[test]
fn c09_one_revision_with_two_contents_is_a_fork_of_which_both_are_kept() {
    let (mut one, mut other) =
        (visit(1, 1, 1201, "locked", json!({})), visit(2, 1, 1201, "refused_entry", json!({})));
    (one.subject, other.subject) = (id("visit", 1), id("visit", 1));
    let larger = if one.op().hash > other.op().hash { "locked" } else { "blocked" };
    let end = ends(&[one, other]);
    assert_eq!(end.state(1201), larger, "the larger hash counts");
    assert_eq!(end.flags(1201), json!(["revision_fork"]));
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c10_a_visit_moved_by_its_author_leaves_the_first_room_unvisited() {
    let (mut one, mut two) = (
        visit(1, 1, 1201, "locked", json!({})),
        visit(2, 1, 1202, "locked", json!({ "revision": 2 })),
    );
    (one.subject, two.subject) = (id("visit", 1), id("visit", 1));
    let end = ends(&[one, two]);
    assert_eq!((end.state(1201), end.state(1202)), (json!("unvisited"), json!("locked")));
    end.keeps(1202, &[2]);
    end.keeps(1201, &[1]);
}

#[test]
fn c11_a_void_stands_and_goes_to_review_with_a_revision_that_it_had_not_seen() {
    let (mut one, mut two) = (
        visit(1, 1, 1201, "locked", json!({})),
        visit(2, 1, 1201, "refused_entry", json!({ "revision": 2 })),
    );
    (one.subject, two.subject) = (id("visit", 1), id("visit", 1));
    let void = seeing(said(3, 7, "visit_void", json!({ "visit_id": id("visit", 1) })), &[1]);
    let end = ends(&[one, two, void]);
    assert_eq!((end.state(1201), end.conflicts()), (json!("unvisited"), vec!["void_review"]));
    assert_eq!(end.told(), ["street", "leader"]);
    end.keeps(1201, &[1, 2, 3]);
}

#[test]
fn c14_a_visit_to_a_room_that_was_split_covers_nothing_until_somebody_says_where_it_belongs() {
    let split = said(
        2,
        2,
        "office_split",
        json!({ "parent": id("office", 1201), "children": [
        { "office_id": id("office", 1), "label": "1201A" },
        { "office_id": id("office", 2), "label": "1201B" }] }),
    );
    let seen = visit(1, 1, 1201, "locked", json!({}));
    let end = ends(&[seen.clone(), split.clone()]);
    assert_eq!(end.conflicts(), ["needs_reassignment"]);
    assert_eq!(end.told(), ["leader", "community"]);
    assert_eq!((end.state(1), end.state(2)), (json!("unvisited"), json!("unvisited")));
    let (visit_id, office_id) = (seen.subject, id("office", 2));
    let placed = said(
        3,
        7,
        "visit_reassign",
        json!({ "visit_id": visit_id,
        "office_id": office_id, "instead_of": id("office", 1201) }),
    );
    let end = ends(&[seen, split, seeing(placed, &[1])]);
    assert_eq!((end.state(1), end.state(2)), (json!("unvisited"), json!("locked")));
    end.keeps(2, &[1, 3]);
}

#[test]
fn c37_a_promised_photo_that_never_comes_leaves_evidence_pending() {
    let end =
        ends(&[visit(1, 1, 1201, "vacant", shown(1)), visit(2, 2, 1201, "locked", json!({}))]);
    assert_eq!((end.state(1201), end.flags(1201)), (json!("covered"), json!(["evidence_pending"])));
}

#[test]
fn c51_an_outcome_of_a_later_version_counts_as_other_and_is_told() {
    let odd = visit(1, 1, 1201, "teleported", json!({}));
    assert!(read_issues(&odd).contains(&"unknown_enum:/outcome".to_owned()));
    let end = ends(&[odd, visit(2, 2, 1202, "locked", json!({}))]);
    end.keeps(1201, &[1]);
}
