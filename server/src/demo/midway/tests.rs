//! The 900 visits folded without a server.

use super::super::accounts::ROUND;
use super::super::loader::standin::Standin;
use super::stops::{BLOCKED, LOCKED, STOPS, UNLICENSED, VACANT};
use super::*;
use saolou_protocol::building::answer::{Answer, AnswerStatus};
use saolou_protocol::coverage::counts::Counts;
use std::collections::BTreeSet;

fn count(of: &[Stop], wanted: fn(Fate) -> bool) -> usize {
    of.iter().filter(|stop| wanted(stop.fate)).count()
}

#[test]
fn the_mix_is_as_planned() {
    let all = stops(&street());
    assert_eq!(all.len(), STOPS);
    assert_eq!(count(&all, |fate| fate == Fate::Locked), LOCKED);
    assert_eq!(count(&all, |fate| matches!(fate, Fate::Refused | Fate::Deliberate)), BLOCKED);
    assert_eq!(count(&all, |fate| matches!(fate, Fate::Vacant | Fate::VacantByStatement)), VACANT);
    assert_eq!(count(&all, |fate| matches!(fate, Fate::Unlicensed { .. })), UNLICENSED);
    assert_eq!(count(&all, |fate| fate == Fate::Photographed { sent: true }), 60);
    assert_eq!(count(&all, |fate| fate == Fate::Photographed { sent: false }), 15);
    assert!(count(&all, |fate| fate == Fate::NotInScope) >= APPROVED);
}

#[test]
fn nobody_is_in_two_places_or_at_work_at_night() {
    let all = stops(&street());
    let times: BTreeSet<_> = all.iter().map(|stop| (stop.phone, stop.at_ms)).collect();
    assert_eq!(times.len(), STOPS);
    for stop in &all {
        let minute = (stop.at_ms - ROUND.from_ms) / 60_000 % (24 * 60);
        assert!(
            (9 * 60..=12 * 60).contains(&minute) || (13 * 60 + 30..=17 * 60 + 30).contains(&minute)
        );
        assert!(stop.at_ms < EVENINGS[3]);
    }
}

/// Folds everything: the standing of every building by code, and all answers.
fn folded() -> (BTreeMap<&'static str, Counts>, Vec<Answer>, Crew) {
    let street = street();
    let mut servers: BTreeMap<BuildingId, (&str, Standin)> = street
        .buildings
        .iter()
        .map(|plan| (BuildingId(building_id(plan.code)), (plan.code, Standin::of(&street, plan))))
        .collect();
    let pulled: Vec<Pulled> = servers.values().flat_map(|(_, server)| server.entities()).collect();
    let mut crew = Crew::new();
    crew.walk(&street, &Screens::of(&pulled));
    let mut answers = Vec::new();
    for (evening_ms, place) in EVENINGS.into_iter().flat_map(|at| (0..7).map(move |n| (at, n))) {
        if place == 0 {
            crew.work(&street, evening_ms);
        }
        let phone = crew.phones.get_mut(place).unwrap_or(&mut crew.desk);
        let clock = phone.clock(evening_ms);
        let mut by_building: BTreeMap<BuildingId, Vec<_>> = BTreeMap::new();
        for waiting in phone.take_outbox() {
            by_building.entry(waiting.op.bucket).or_default().push(waiting);
        }
        for (building, ops) in by_building {
            let (_, server) = servers.get_mut(&building).unwrap();
            answers.extend(server.take(ops, Some(&clock), evening_ms));
        }
    }
    for sent in &crew.photos {
        let (_, server) = servers.get_mut(&sent.building).unwrap();
        server.take_photo(sent.photo, &photo_bytes(sent.photo));
    }
    let counts = servers.values().map(|(code, server)| (*code, server.standing().counts)).collect();
    (counts, answers, crew)
}

#[test]
fn the_street_shows_a_campaign_half_way() {
    let (by_building, answers, crew) = folded();
    assert_eq!(crew.visits, STOPS);
    for answer in &answers {
        let taken = [AnswerStatus::Applied, AnswerStatus::AppliedWithIssues];
        assert!(taken.contains(&answer.status), "{answer:?}");
        assert!(answer.issues.is_empty(), "{answer:?}");
    }
    let mut street = Counts::default();
    by_building.values().for_each(|counts| street += *counts);
    assert_eq!(street.in_scope, 1646 - 20);
    assert_eq!(street.excluded, 20);
    assert_eq!(street.conflicts_open, 0);
    assert_eq!(street.evidence_pending, 15);
    assert_eq!(street.vacant, 54);
    assert_eq!(street.blocked, 27);
    assert_eq!(street.locked, 81);
    assert!(street.exclusion_pending > 0 && street.partial > 40 && street.unvisited > 700);
    assert!(street.floors_complete > 5, "{street:?}");
    let hive = by_building["B08"];
    assert_eq!((hive.covered, hive.partial), (2, 3), "only a confirmed list can be done");
    assert_eq!(by_building["B04"].unvisited, 37);
}

#[test]
fn bodies_have_the_size_of_real_ones() {
    let mut crew = Crew::new();
    let none = Screens { rosters: BTreeMap::new(), lists: BTreeMap::new() };
    crew.walk(&street(), &none);
    crew.work(&street(), EVENINGS[3]);
    let sizes: Vec<usize> = crew.phones[0].outbox().map(|w| w.sent.get().len()).collect();
    let inspections = sizes.iter().filter(|size| (2_000..=4_500).contains(*size)).count();
    assert!(inspections * 2 > sizes.len(), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size < 5_000));
}
