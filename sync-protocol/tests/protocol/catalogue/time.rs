//! C36, C39, C41, C44, C46, C52–C54, C57: photos, time, rounds, and what comes after them.

use super::{Draft, Ended, begin, ends, fold, inspected, orders, read_issues, said, visit};
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::{Stamp, TimeQuality};
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
fn c36_a_photo_that_comes_before_its_record_is_kept_and_counts_when_that_comes() {
    let photo = json!({ "photo_id": crate::world::id("photo", 1), "sha256": "ab".repeat(32) });
    let verified = said(1, 0, "photo_verified", photo);
    let end = ends(std::slice::from_ref(&verified));
    assert_eq!((end.state(1201), end.conflicts()), (json!("unvisited"), vec![]));
    let promise = json!({ "photos": [{ "photo_id": crate::world::id("photo", 1),
        "kind": "vacant_interior", "sha256": "ab".repeat(32) }] });
    let end = ends(&[verified, visit(2, 1, 1201, "vacant", promise)]);
    assert_eq!((end.state(1201), end.flags(1201)), (json!("covered"), json!([])));
}

#[test]
fn c41_what_was_photographed_or_filed_far_away_is_flagged_and_counts() {
    const HOURS_MS: i64 = 3_600_000;
    let old = json!({ "photos": [{ "photo_id": crate::world::id("photo", 1),
        "kind": "vacant_interior", "taken_ms": -3 * HOURS_MS }] });
    let gap = visit(1, 1, 1201, "vacant", old);
    assert!(read_issues(&gap).contains(&"photo_time_gap".to_owned()));
    let place = json!({ "name": "潮汐大厦", "latitude": 30.0, "longitude": 120.0 });
    let far =
        json!({ "location": { "lat": 30.1, "lon": 120.0, "datum": "wgs84", "accuracy": 10 } });
    let placed = said(3, 9, "building_add", place);
    let end = ends(&[gap, visit(2, 2, 1202, "locked", far), placed]);
    assert_eq!((end.state(1201), end.state(1202)), (json!("covered"), json!("locked")));
    assert_eq!(end.issues(1202, 2), ["outside_geofence"]);
    end.keeps(1201, &[1]);
}

#[test]
fn c42_a_photo_of_an_identity_card_is_hidden_until_the_desk_that_saw_it_says_otherwise() {
    let photo = PhotoId(crate::world::id("photo", 1));
    let promise = |kind: &str| json!({ "photos": [{ "photo_id": photo, "kind": kind }] });
    let card =
        |op| said(op, 1, "photo_reclassify", json!({ "photo_id": photo, "kind": "id_card" }));
    let mut back = said(9, 9, "photo_declassify", json!({ "reason": "?" }));
    back.seen = vec![crate::world::id("op", 2)];
    let visit = visit(1, 1, 1201, "vacant", promise("vacant_interior"));
    let seen = [visit.clone(), card(2), back.clone()];
    for (facts, restricted) in [
        (vec![visit.clone()], false),
        (vec![visit.clone(), card(2)], true),
        (vec![card(2)], true),
        (seen.to_vec(), false),
        ([seen.as_slice(), &[card(3)]].concat(), true),
        (vec![super::visit(4, 2, 1202, "vacant", promise("id_card")), back], true),
    ] {
        for order in orders(&facts) {
            let drafts: Vec<_> = order.iter().collect();
            let building = fold(&drafts);
            assert_eq!(building.is_restricted(photo), restricted, "{facts:?}");
        }
        let last = facts.last().expect("facts").read().0.op;
        let told = fold(&facts.iter().collect::<Vec<_>>()).restricted_by(last);
        assert!(told.iter().all(|(of, now)| (*of, *now) == (photo, restricted)), "{told:?}");
        assert_eq!(told.is_empty(), facts.len() == 1 && !restricted, "{facts:?}");
    }
}

#[test]
fn c44_a_clock_that_is_two_days_ahead_is_flagged_and_the_visit_counts_when_it_was_made() {
    const TWO_DAYS_MS: i64 = 2 * 24 * 3_600_000;
    let mut ahead = visit(1, 1, 1201, "locked", json!({}));
    let at_ms = ahead.at_ms;
    ahead.at_ms += TWO_DAYS_MS;
    let op = ahead.op();
    assert_eq!(op.captured.wall_ms, at_ms + TWO_DAYS_MS, "what the phone said stays");
    let quality = TimeQuality::Offset;
    let stamp = Stamp { corrected_ms: at_ms, received_ms: at_ms + 5_000, quality };
    let (fact, issues) = Fact::read(&op, stamp);
    assert!(issues.contains("clock_skew"));
    let inside = inspected(2, 2, 1202, json!({})).read().0;
    let mut ended = Vec::new();
    for order in orders(&[fact, inside]) {
        let mut building = fold(&begin().iter().collect::<Vec<_>>());
        order.into_iter().for_each(|fact| _ = building.apply([fact]));
        ended.push(Ended { building });
    }
    assert_eq!(ended[0].building.entities(), ended[1].building.entities());
    assert_eq!(ended[0].state(1201), "locked", "inside the round, that ends in a second");
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
