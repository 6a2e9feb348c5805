//! Lineage: which splits and merges of offices are in force.
//!
//! A proposal consumes its parents. It is in force when every parent exists and every other
//! proposal that would consume one of them says the same; otherwise none of them is, the offices
//! they started from stay in the denominator, and a person decides (C20). Proposals that lead back
//! to where they began are out of force as well.

use crate::ids::{OfficeId, OpId};
use std::collections::{BTreeMap, BTreeSet};

/// A split (one parent) or a merge (one child).
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub(crate) op: OpId,
    pub(crate) parents: Vec<OfficeId>,
    pub(crate) children: Vec<OfficeId>,
    /// What it would do, in words that two phones which saw the same door would both use.
    pub(crate) effect: Effect,
}

/// Parents and the keys of the children.
pub(crate) type Effect = (BTreeSet<OfficeId>, BTreeSet<String>);

/// Which proposals are in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lineage {
    /// The proposal that makes an office, for every office that is made by one.
    pub(crate) creator: BTreeMap<OfficeId, usize>,
    /// Places of the proposals in force.
    pub(crate) in_force: BTreeSet<usize>,
    /// Proposals in force, by the office that they consume.
    pub(crate) consumers: BTreeMap<OfficeId, Vec<usize>>,
    /// Offices that proposals would change in different ways, with those proposals.
    pub(crate) disputed: BTreeMap<OfficeId, Vec<OpId>>,
    /// Proposals that lead back to where they began.
    pub(crate) cyclic: Vec<OpId>,
}

impl Lineage {
    /// Judges proposals over the offices that were added as such.
    pub(crate) fn of(proposals: &[Proposal], added: &BTreeSet<OfficeId>) -> Self {
        let mut lineage = Self::default();
        let mut by_op: Vec<usize> = (0..proposals.len()).collect();
        by_op.sort_by_key(|place| proposals[*place].op);
        for &place in &by_op {
            for child in proposals[place].children.iter().filter(|child| !added.contains(child)) {
                lineage.creator.entry(*child).or_insert(place);
            }
        }
        let order = lineage.without_cycles(proposals, &by_op);
        let known = |office: &OfficeId| added.contains(office) || lineage.creator.contains_key(office);
        let mut would_consume: BTreeMap<OfficeId, Vec<usize>> = BTreeMap::new();
        for &place in order.iter().filter(|place| proposals[**place].parents.iter().all(known)) {
            for parent in &proposals[place].parents {
                would_consume.entry(*parent).or_default().push(place);
            }
        }
        for (parent, places) in &would_consume {
            if places.iter().any(|place| proposals[*place].effect != proposals[places[0]].effect) {
                let ops = places.iter().map(|place| proposals[*place].op).collect();
                lineage.disputed.insert(*parent, ops);
            }
        }
        for place in order {
            let exists = |office: &OfficeId| {
                added.contains(office)
                    || lineage.creator.get(office).is_some_and(|by| lineage.in_force.contains(by))
            };
            let parents = &proposals[place].parents;
            if parents.iter().all(|parent| exists(parent) && !lineage.disputed.contains_key(parent)) {
                lineage.in_force.insert(place);
                for parent in parents {
                    lineage.consumers.entry(*parent).or_default().push(place);
                }
            }
        }
        lineage
    }

    /// The proposals in an order in which each comes after those that make its parents. What is on
    /// a cycle, or lies between two cycles, is left out.
    fn without_cycles(&mut self, proposals: &[Proposal], by_op: &[usize]) -> Vec<usize> {
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); proposals.len()];
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); proposals.len()];
        let mut consuming: BTreeMap<OfficeId, Vec<usize>> = BTreeMap::new();
        for &place in by_op {
            for parent in &proposals[place].parents {
                consuming.entry(*parent).or_default().push(place);
            }
        }
        for &place in by_op {
            for child in &proposals[place].children {
                for &next in consuming.get(child).map(Vec::as_slice).unwrap_or_default() {
                    after[place].push(next);
                    before[next].push(place);
                }
            }
        }
        let forwards = peel(by_op, &before, &after);
        let kept: BTreeSet<usize> = forwards.iter().copied().collect();
        let backwards = peel(by_op, &after, &before);
        let ends: BTreeSet<usize> = backwards.iter().copied().collect();
        self.cyclic = by_op
            .iter()
            .filter(|place| !kept.contains(place) && !ends.contains(place))
            .map(|place| proposals[*place].op)
            .collect();
        // What only follows a cycle starts from offices that the cycle does not make, or from none.
        let mut order = forwards;
        order.extend(backwards.into_iter().rev().filter(|place| !kept.contains(place)));
        order
    }
}

/// Peels off, again and again, what nothing left comes before.
fn peel(places: &[usize], before: &[Vec<usize>], after: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut ready: BTreeSet<usize> =
        (0..places.len()).filter(|at| waiting[places[*at]] == 0).collect();
    let mut at_of = vec![0; places.len()];
    places.iter().enumerate().for_each(|(at, place)| at_of[*place] = at);
    let mut order = Vec::new();
    while let Some(at) = ready.pop_first() {
        order.push(places[at]);
        for &next in &after[places[at]] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.insert(at_of[next]);
            }
        }
    }
    order
}
