//! The merge over generated histories: whatever the order, the batches and the repetitions, one
//! building comes out, its counters are those of a recount, and nothing takes coverage by contact
//! away but a decision.
//!
//! `PROPTEST_CASES` sets how many histories; the seed is fixed, so that a failure is one for all.

use crate::history::{Action, deliveries, further_visit, histories, visits};
use crate::world::{Draft, apply, building_id, fold, op_id, rounds};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq};
use proptest::test_runner::{RngAlgorithm, TestCaseError, TestRng, TestRunner};
use saolou_protocol::building::view::{BuildingView, FloorView, OfficeView};
use saolou_protocol::building::{Building, Entity, EntityKind, LicenceSite, LicencesMoved};
use saolou_protocol::coverage::counts::Counts;
use saolou_protocol::coverage::office::{Reason, State};
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{OfficeId, OpId};
use saolou_protocol::issue::Issues;
use saolou_protocol::registry::office::Sharing;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Histories of a test, where `PROPTEST_CASES` does not say.
const CASES: u32 = 4_000;
/// Histories of the test that derives the building anew after each of some thirty ops.
const CASES_BY_PREFIX: u32 = 250;

type Served = BTreeMap<(EntityKind, Uuid), Vec<u8>>;

pub(crate) fn runner(cases: u32) -> TestRunner {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = asked.unwrap_or(cases);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

pub(crate) fn facts(history: &[Draft]) -> Vec<Fact> {
    history.iter().map(|draft| draft.read().0).collect()
}

/// What a phone holds that applied every change.
fn keep(served: &mut Served, changed: Vec<Entity>) {
    served.extend(changed.into_iter().map(|entity| ((entity.kind, entity.id), entity.body)));
}

fn all(building: &Building) -> Served {
    let entities = building.entities().into_iter();
    entities.map(|entity| ((entity.kind, entity.id), entity.body)).collect()
}

fn readable(served: &Served) -> Vec<String> {
    served
        .iter()
        .map(|((kind, id), body)| format!("{kind:?} {id} {}", String::from_utf8_lossy(body)))
        .collect()
}

fn assert_same(a: &Served, b: &Served) -> Result<(), TestCaseError> {
    if a != b {
        prop_assert_eq!(readable(a), readable(b));
    }
    Ok(())
}

#[test]
fn any_order_any_batches_and_any_repetition_make_one_building() {
    let strategy = (histories(), deliveries());
    let run = |(history, (keys, sizes)): (Vec<Draft>, (Vec<u32>, Vec<usize>))| {
        let facts = facts(&history);
        let expected = all(&fold(&facts));
        let mut order: Vec<usize> = (0..facts.len()).collect();
        order.sort_by_key(|place| keys[*place]);
        // Every third fact comes again, somewhere later.
        let again: Vec<usize> = order.iter().copied().step_by(3).collect();
        order.extend(again);
        let (mut building, mut served) = (Building::new(building_id(), rounds()), Served::new());
        let mut rest = order.as_slice();
        for size in sizes.iter().cycle() {
            let (batch, after) = rest.split_at((*size).min(rest.len()));
            keep(&mut served, building.apply(batch.iter().map(|place| facts[*place].clone())));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        assert_same(&all(&building), &expected)?;
        assert_same(&served, &expected)
    };
    runner(CASES).run(&strategy, run).expect("one building");
}

/// What the histories of all rooms say of each op beside its own reading.
type Suspected = BTreeMap<OpId, (Issues, Option<LicenceSite>, String)>;

fn suspected(building: &Building) -> Suspected {
    let offices = building.entities().into_iter().filter(|e| e.kind == EntityKind::Office);
    let items = offices.flat_map(|office| building.history(OfficeId(office.id)));
    let said = items.map(|item| {
        let shown = serde_json::to_string(&item).expect("histories are writable");
        (item.op_id, (item.issues, item.licence, shown))
    });
    said.collect()
}

#[test]
fn any_order_of_arrival_leaves_the_same_suspicions() {
    let strategy = (histories(), deliveries());
    let run = |(history, (keys, _)): (Vec<Draft>, (Vec<u32>, Vec<usize>))| {
        let facts = facts(&history);
        let at_once = fold(&facts);
        let mut order: Vec<usize> = (0..facts.len()).collect();
        order.sort_by_key(|place| keys[*place]);
        let mut building = Building::new(building_id(), rounds());
        let mut licences = BTreeSet::new();
        for place in order {
            apply(&mut building, &facts[place]);
            let LicencesMoved { found, gone } = building.licences_moved();
            for site in gone {
                prop_assert!(licences.remove(&site), "{site:?} was never found");
            }
            for site in found {
                prop_assert!(licences.insert(site.clone()), "{site:?} was found before");
            }
            prop_assert_eq!(&licences, &building.licence_sites().collect::<BTreeSet<_>>());
        }
        prop_assert_eq!(licences, at_once.licence_sites().collect::<BTreeSet<_>>());
        prop_assert_eq!(suspected(&building), suspected(&at_once));
        Ok(())
    };
    runner(CASES).run(&strategy, run).expect("the same suspicions");
}

#[test]
fn after_every_op_the_building_is_the_one_derived_anew() {
    let run = |history: Vec<Draft>| {
        let facts = facts(&history);
        let (mut building, mut served) = (Building::new(building_id(), rounds()), Served::new());
        for (place, fact) in facts.iter().enumerate() {
            keep(&mut served, apply(&mut building, fact));
            let recount = all(&fold(&facts[..=place]));
            assert_same(&all(&building), &recount)?;
            assert_same(&served, &recount)?;
            assert_sums(&building)?;
            let answer = building.answer(op_id(history[place].op), Issues::default());
            prop_assert_eq!(answer.op_id, Some(op_id(history[place].op)));
        }
        Ok(())
    };
    runner(CASES_BY_PREFIX).run(&histories(), run).expect("counters are those of a recount");
}

/// Offices add up to floors, floors to the building, and no number is out of its bounds.
fn assert_sums(building: &Building) -> Result<(), TestCaseError> {
    let (mut offices, mut floors) = (Vec::<OfficeView>::new(), Vec::<FloorView>::new());
    let mut whole: Option<BuildingView> = None;
    for Entity { kind, body, .. } in building.entities() {
        match kind {
            EntityKind::Office => offices.push(serde_json::from_slice(&body).expect("an office")),
            EntityKind::Floor => floors.push(serde_json::from_slice(&body).expect("a floor")),
            EntityKind::Building => whole = serde_json::from_slice(&body).ok(),
        }
    }
    for (place, window) in rounds().iter().enumerate() {
        let mut sum = Counts::default();
        for floor in floors.iter().filter(|floor| floor.status == "live") {
            sum += floor.rounds[place].counts;
            let on_floor = |office: &&OfficeView| office.floor_id == floor.floor_id;
            let live = offices.iter().filter(on_floor).filter(|office| office.status == "live");
            assert_states(&floor.rounds[place].counts, live, place)?;
        }
        let live = offices.iter().filter(|office| office.status == "live");
        assert_states(&sum, live, place)?;
        let mut counts = building.counts(window.round).expect("a known round");
        if let Some(whole) = &whole {
            prop_assert_eq!(whole.rounds[place].counts, counts);
        }
        prop_assert_eq!(counts.buildings, 1);
        (counts.buildings, counts.buildings_full, counts.conflicts_open) = (0, 0, 0);
        prop_assert_eq!(counts, sum);
    }
    Ok(())
}

fn assert_states<'a>(
    counts: &Counts,
    live: impl Iterator<Item = &'a OfficeView>,
    place: usize,
) -> Result<(), TestCaseError> {
    let mut by_state: BTreeMap<&str, i64> = BTreeMap::new();
    for office in live {
        *by_state.entry(office.rounds[place].state.code()).or_default() += 1;
        if let Some(reason) = office.rounds[place].reason {
            *by_state.entry(reason.code()).or_default() += 1;
        }
    }
    let named: BTreeMap<&str, i64> = counts.named().collect();
    for code in
        State::ALL.iter().map(|state| state.code()).chain(Reason::ALL.iter().map(|r| r.code()))
    {
        prop_assert_eq!(named[code], by_state.get(code).copied().unwrap_or_default(), "{}", code);
    }
    let uncovered = counts.unvisited
        + counts.attempted
        + counts.locked
        + counts.blocked
        + counts.partial
        + counts.exclusion_pending;
    prop_assert_eq!(counts.in_scope, counts.covered + uncovered);
    prop_assert!(counts.named().all(|(_, number)| number >= 0));
    prop_assert!(counts.ever_shut_covered <= counts.ever_shut);
    prop_assert!(counts.companies_three_clear <= counts.companies_inspected);
    prop_assert!(counts.companies_licence_verified <= counts.companies_licensed);
    prop_assert!(counts.companies_licensed <= counts.companies_inspected);
    prop_assert!(counts.companies_inspected <= counts.companies_known);
    prop_assert!(counts.evidence_pending <= counts.covered);
    Ok(())
}

/// Single rooms that are covered by contact, by round.
fn covered_by_contact(building: &Building) -> Vec<(OfficeId, usize)> {
    let mut covered = Vec::new();
    for Entity { kind, body, .. } in building.entities() {
        if kind != EntityKind::Office {
            continue;
        }
        let office: OfficeView = serde_json::from_slice(&body).expect("an office");
        for (place, round) in office.rounds.iter().enumerate() {
            let by_contact = matches!(round.reason, Some(Reason::Inspected | Reason::Enforced));
            if office.sharing != Sharing::Shared && by_contact {
                covered.push((office.office_id, place));
            }
        }
    }
    covered
}

#[test]
fn no_further_visit_takes_coverage_by_contact_away() {
    let strategy = (histories(), proptest::collection::vec(visits(), 1..4));
    let run = |(history, further): (Vec<Draft>, Vec<Action>)| {
        let mut building = fold(&facts(&history));
        for (number, action) in (0..).zip(&further) {
            let before = covered_by_contact(&building);
            apply(&mut building, &further_visit(action, number).read().0);
            let after = covered_by_contact(&building);
            prop_assert!(before.iter().all(|cell| after.contains(cell)));
        }
        Ok(())
    };
    runner(CASES).run(&strategy, run).expect("coverage by contact only grows");
}

#[test]
fn a_history_reaches_most_of_what_can_happen() {
    use proptest::strategy::{Strategy, ValueTree};
    let (mut runner, mut reached) = (runner(CASES), std::collections::BTreeSet::new());
    for _ in 0..400 {
        let history = histories().new_tree(&mut runner).expect("a history").current();
        let building = fold(&facts(&history));
        for (issues, ..) in suspected(&building).into_values() {
            reached.extend(issues.iter().map(str::to_owned));
        }
        for Entity { body, .. } in building.entities() {
            let view: Value = serde_json::from_slice(&body).expect("entities are JSON");
            let words = ["code", "status", "state", "reason", "roster_status"];
            let rounds = view["rounds"].as_array().into_iter().flatten();
            let conflicts = view["conflicts"].as_array().into_iter().flatten();
            for part in rounds.chain(conflicts).chain([&view]) {
                reached.extend(
                    words.iter().filter_map(|word| part[*word].as_str().map(str::to_owned)),
                );
                let flags = part["flags"].as_array().into_iter().flatten();
                reached.extend(flags.filter_map(|flag| flag.as_str().map(str::to_owned)));
            }
        }
    }
    let states = State::ALL.iter().map(|state| state.code());
    let reasons = Reason::ALL.iter().map(|reason| reason.code());
    let flags = saolou_protocol::coverage::office::Flag::ALL.iter().map(|flag| flag.code());
    let conflicts = saolou_protocol::conflict::ConflictCode::ALL.iter().map(|code| code.code());
    let others = [
        "alias",
        "superseded",
        "not_in_force",
        "withdrawn",
        "confirmed",
        "outside_geofence",
        "roster_stale",
        "suspected_duplicate",
        "licence_seen_elsewhere",
    ];
    let wanted = states.chain(reasons).chain(flags).chain(conflicts).chain(others);
    let missed: Vec<&str> = wanted.filter(|word| !reached.contains(*word)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}
