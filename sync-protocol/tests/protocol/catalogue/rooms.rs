//! C13, C15–C24: rooms, floors, decisions about them; C34: a field that two write; C55: acceptance.

use super::{Draft, ends, inspected, room, said, seeing, visit};
use crate::world::id;
use saolou_protocol::conflict::Conflict;
use serde_json::json;

fn rename(number: u64, author: u64, label: &str, source: &str) -> Draft {
    let body = json!({ "office_id": id("office", 1201), "label": label, "source": source });
    said(number, author, "office_rename", body)
}

fn split(number: u64, author: u64, parts: [(u64, &str); 2]) -> Draft {
    let children =
        parts.map(|(part, label)| json!({ "office_id": id("office", part), "label": label }));
    let body = json!({ "parent": id("office", 1201), "children": children });
    said(number, author, "office_split", body)
}

#[test]
fn c13_a_visit_under_the_old_number_stays_with_the_renamed_room() {
    let renamed = seeing(rename(2, 2, "1208", "signage"), &[903]);
    let end = ends(&[visit(1, 1, 1201, "locked", json!({})), renamed]);
    assert_eq!((end.state(1201), end.office(1201).label.as_str()), (json!("locked"), "1208"));
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c15_an_excluded_room_comes_back_with_a_visit_that_the_approver_had_not_seen() {
    let approved = said(2, 7, "exclusion_approve", json!({ "office_id": id("office", 1201) }));
    let claim = visit(1, 1, 1201, "not_found", json!({}));
    let end = ends(&[claim.clone(), seeing(approved.clone(), &[1])]);
    assert_eq!(end.state(1201), "excluded");
    let end = ends(&[claim, seeing(approved, &[1]), inspected(3, 2, 1201, json!({}))]);
    assert_eq!(end.state(1201), "covered");
    assert!(end.flags(1201).to_string().contains("exclusion_defeated"));
    end.keeps(1201, &[1, 2, 3]);
}

#[test]
fn c16_one_new_room_added_by_two_under_spellings_of_one_key_is_one() {
    let end = ends(&[room(1, 1, 1, "1207A"), room(2, 2, 2, "1207-a室")]);
    let mut statuses = [end.office(1).status, end.office(2).status];
    statuses.sort();
    assert_eq!(statuses, ["alias", "live"]);
    assert_eq!(end.whole().rounds[0].counts.in_scope, 3);
    end.keeps(1, &[1, 2]);
}

#[test]
fn c17_numbers_that_only_look_alike_are_two_rooms_until_a_person_says_that_they_are_one() {
    let two = [room(1, 1, 1, "1207西"), room(2, 2, 2, "1207A")];
    let end = ends(&two);
    assert_eq!([end.office(1).status, end.office(2).status], ["live", "live"]);
    assert_eq!(end.whole().rounds[0].counts.in_scope, 4);
    let one = json!({ "a": id("office", 1), "b": id("office", 2) });
    let end = ends(&[two[0].clone(), two[1].clone(), said(3, 7, "same_as", one)]);
    let mut statuses = [end.office(1).status, end.office(2).status];
    statuses.sort();
    assert_eq!(statuses, ["alias", "live"]);
    end.keeps(1, &[1, 2, 3]);
}

#[test]
fn c18_a_person_who_says_that_two_rooms_differ_has_the_last_word() {
    let apart = json!({ "a": id("office", 1), "b": id("office", 2) });
    let end =
        ends(&[room(1, 1, 1, "1207"), room(2, 2, 2, "1207"), said(3, 7, "not_same_as", apart)]);
    assert_eq!([end.office(1).status, end.office(2).status], ["live", "live"]);
    assert!(end.conflicts().is_empty(), "{:?}", end.conflicts());
    let one = json!({ "a": id("office", 1), "b": id("office", 2) });
    let end = ends(&[
        room(1, 1, 1, "1207"),
        room(2, 2, 2, "1208"),
        said(3, 7, "not_same_as", one.clone()),
        said(4, 8, "same_as", one),
    ]);
    assert_eq!([end.office(1).status, end.office(2).status], ["live", "live"]);
    assert_eq!((end.conflicts(), end.told()), (vec!["alias_contradicted"], vec!["community"]));
}

#[test]
fn c19_a_rename_and_a_new_room_of_that_number_both_count_and_conflict() {
    let renamed = seeing(rename(1, 1, "1208", "signage"), &[903]);
    let end = ends(&[renamed, room(2, 2, 2, "1208")]);
    assert_eq!(end.conflicts(), ["duplicate_key"]);
    assert_eq!(end.told(), ["leader", "community"]);
    assert_eq!(end.whole().rounds[0].counts.in_scope, 3);
    assert!(end.building.conflicts().all(|conflict| !conflict.blocks_acceptance()));
}

#[test]
fn c20_a_merge_and_a_split_of_one_room_leave_the_base_in_force() {
    let merged = json!({ "parents": [id("office", 1201), id("office", 1202)],
        "child": { "office_id": id("office", 3), "label": "1201-1202" } });
    let end = ends(&[
        split(1, 1, [(1, "1201A"), (2, "1201B")]),
        said(2, 7, "office_merge", merged),
        visit(3, 2, 1, "locked", json!({})),
    ]);
    assert_eq!(end.conflicts(), ["structure_disputed"]);
    assert_eq!(end.told(), ["street", "leader"]);
    assert!(end.building.conflicts().all(Conflict::blocks_acceptance));
    assert_eq!((end.state(1201), end.state(1202)), (json!("locked"), json!("unvisited")));
    end.keeps(1201, &[1, 2, 3]);
}

#[test]
fn c21_one_floor_added_twice_at_the_same_height_is_one() {
    let floor = |number: u64, label: &str| {
        said(
            number,
            number,
            "floor_add",
            json!({ "floor_id": id("floor", number),
            "section_id": id("section", 1), "label": label, "sort_order_milli": 12_500,
            "kind": "mezzanine" }),
        )
    };
    let mut upper = room(3, 1, 1, "M01");
    upper.body["floor_id"] = json!(id("floor", 2));
    let end = ends(&[floor(1, "M"), floor(2, "夹层"), upper]);
    assert_eq!(end.office(1).floor_id.0, id("floor", 1).min(id("floor", 2)));
}

#[test]
fn c24_a_room_that_the_confirmer_had_not_seen_opens_the_list_again() {
    let confirmed = said(1, 1, "floor_confirm", json!({ "floor_id": id("floor", 12) }));
    let confirmed = seeing(confirmed, &[903, 904]);
    let before = ends(std::slice::from_ref(&confirmed));
    let after = ends(&[confirmed, room(2, 2, 1, "1209")]);
    let roster = |end: &super::Ended| {
        let floor = id("floor", 12);
        let found = end.building.entities().into_iter().find(|entity| entity.id == floor);
        let body: serde_json::Value =
            serde_json::from_slice(&found.expect("the floor").body).expect("JSON");
        body["roster_status"].clone()
    };
    assert_eq!((roster(&before), roster(&after)), (json!("confirmed"), json!("imported")));
}

#[test]
fn c34_of_two_values_the_better_source_is_shown_and_both_are_kept() {
    let end = ends(&[
        rename(1, 1, "1208", "signage"),
        rename(2, 7, "1209", "desk_verified"),
        rename(3, 2, "1210", "licence_qr_verified"),
    ]);
    assert_eq!((end.office(1201).label.as_str(), end.conflicts()), ("1210", vec!["field"]));
    assert_eq!(end.told(), ["author"]);
    let conflict = end.building.conflicts().next().expect("one").clone();
    let values: Vec<_> =
        end.building.values(&conflict).into_iter().map(|write| write.value).collect();
    assert_eq!(json!(values), json!(["1210", "1209", "1201", "1208"]));
    end.keeps(1201, &[1, 2, 3]);
}

#[test]
fn c55_an_accepted_building_is_challenged_by_a_fact_that_nobody_had_seen() {
    let accepted = said(3, 7, "building_accept", json!({ "round_id": id("round", 0) }));
    let end = ends(&[
        visit(1, 1, 1201, "locked_deliberate", json!({})),
        inspected(2, 1, 1202, json!({})),
        accepted,
    ]);
    assert_eq!(json!(end.whole().rounds[0].state), "challenged");
    end.keeps(1201, &[1]);
}
