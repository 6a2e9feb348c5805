//! Settling conflicts over generated histories: every choice that is offered ends the disagreement,
//! a side that had not been seen opens it anew, and what was decided can be taken back.

use crate::history::histories;
use crate::merge::{facts, runner};
use crate::world::{Draft, fold, id};
use proptest::prelude::{prop_assert, prop_assert_eq};
use proptest::test_runner::TestCaseError;
use saolou_protocol::building::settle::{Choice, Ruling, Unsettled};
use saolou_protocol::building::{Building, Entity, EntityKind};
use saolou_protocol::conflict::{Conflict, ConflictCode};
use saolou_protocol::fact::Fact;
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Histories of a test, where `PROPTEST_CASES` does not say.
const CASES: u32 = 2_000;

/// What somebody may choose about a conflict.
fn choices(building: &Building, conflict: &Conflict) -> Vec<Choice> {
    let sides = || conflict.siblings.iter().copied();
    let all_but = |kept| sides().filter(|op| *op != kept).collect::<BTreeSet<_>>();
    match conflict.code {
        ConflictCode::Field => sides().map(Choice::Take).collect(),
        ConflictCode::DuplicateKey => vec![Choice::SameAs, Choice::NotSameAs],
        ConflictCode::StructureDisputed => sides().map(Choice::Keep).collect(),
        ConflictCode::LineageCycle => vec![Choice::Reject(sides().collect())],
        ConflictCode::AliasContradicted => {
            let all = Choice::Reject(sides().collect());
            sides().map(all_but).map(Choice::Reject).chain([all]).collect()
        }
        ConflictCode::NeedsReassignment => {
            let room = (0..9).map(|n| id("office", n)).find(|id| {
                building
                    .canonical(saolou_protocol::ids::OfficeId(*id))
                    .is_some_and(|at| at.0 == *id)
            });
            room.map(|room| Choice::Office(saolou_protocol::ids::OfficeId(room)))
                .into_iter()
                .collect()
        }
        ConflictCode::VoidReview => vec![Choice::Void, Choice::Unvoid],
    }
}

/// The ops of the desk that a ruling is filed as.
fn filed(rulings: &[Ruling], number: u64) -> Vec<Fact> {
    let draft = |(place, ruling): (u64, &Ruling)| Draft {
        op: id("ruling", number * 1000 + place),
        author: 7,
        kind: ruling.kind,
        subject: ruling.subject,
        at_ms: 900,
        seen: ruling.seen.iter().map(|op| op.0).collect(),
        body: ruling.body.clone(),
    };
    (0..).zip(rulings).map(|filed| draft(filed).read().0).collect()
}

fn withdrawal(of: &[Fact], number: u64) -> Fact {
    let seen = of.iter().map(|fact| fact.op.0).collect();
    let (op, subject) = (id("withdrawal", number), Uuid::nil());
    let (kind, at_ms, body) = ("structure_reject", 950, json!({}));
    Draft { op, author: 7, kind, subject, at_ms, seen, body }.read().0
}

/// Everything but the version of the room list, which counts every change that was ever made.
fn states(building: &Building) -> Vec<Entity> {
    building.entities().into_iter().filter(|entity| entity.kind != EntityKind::Building).collect()
}

fn open(building: &Building) -> BTreeSet<Conflict> {
    building.conflicts().cloned().collect()
}

/// Tries a choice. Gives whether it settled the conflict.
fn settles(
    before: &Building,
    conflict: &Conflict,
    choice: &Choice,
    number: u64,
) -> Result<bool, TestCaseError> {
    let rulings = match before.rule(conflict, choice) {
        Ok(rulings) => rulings,
        Err(Unsettled::OfficeNotLive) => return Ok(false),
        Err(why) => return Err(TestCaseError::fail(format!("{why:?}: {choice:?}"))),
    };
    let filed = filed(&rulings, number);
    let mut settled = before.clone();
    settled.apply(filed.iter().cloned());
    let gone = settled.conflict(conflict.conflict_id).is_none();
    let mut undone = settled;
    undone.apply([withdrawal(&filed, number)]);
    prop_assert_eq!(open(&undone), open(before), "{:?}", choice);
    prop_assert!(states(&undone) == states(before), "{choice:?} is not undone");
    Ok(gone)
}

#[test]
fn what_a_person_chooses_settles_a_conflict_and_can_be_taken_back() {
    let mut tried = std::collections::BTreeMap::new();
    let cell = std::cell::RefCell::new(&mut tried);
    let run = |history: Vec<Draft>| {
        let building = fold(&facts(&history));
        let mut number = 0;
        for conflict in open(&building) {
            for choice in choices(&building, &conflict) {
                number += 1;
                let gone = settles(&building, &conflict, &choice, number)?;
                // People may have said before what cannot be true together with this choice: then it
                // would stay open, and is not filed. A value, a void and a place always settle.
                let may_fail = matches!(
                    conflict.code,
                    ConflictCode::DuplicateKey
                        | ConflictCode::AliasContradicted
                        | ConflictCode::StructureDisputed
                );
                prop_assert!(gone || may_fail, "{conflict:?} {choice:?}");
                let mut tried = cell.borrow_mut();
                let (all, settled) = tried.entry(conflict.code).or_insert((0, 0));
                (*all, *settled) = (*all + 1, *settled + u32::from(gone));
            }
        }
        Ok(())
    };
    runner(CASES).run(&histories(), run).expect("choices settle");
    for code in ConflictCode::ALL {
        let (all, settled) = tried.get(code).copied().unwrap_or_default();
        assert!(settled > 0, "{code:?} was never settled");
        assert!(settled * 10 > all * 7, "{code:?} is settled in {settled} of {all} tries only");
    }
}
