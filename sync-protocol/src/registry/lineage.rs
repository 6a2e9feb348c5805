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
    /// The proposals that make an office, by op, for every office that was not added as such.
    pub(crate) creators: BTreeMap<OfficeId, Vec<usize>>,
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
    /// Judges proposals, which are sorted by op, over the offices that were added as such.
    pub(crate) fn of(proposals: &[Proposal], added: &BTreeSet<OfficeId>) -> Self {
        let mut lineage = Self::default();
        for (place, proposal) in proposals.iter().enumerate() {
            for child in proposal.children.iter().filter(|child| !added.contains(child)) {
                lineage.creators.entry(*child).or_default().push(place);
            }
        }
        let order = lineage.without_cycles(proposals);
        lineage.find_disputes(proposals, added, &order);
        for place in order {
            let parents = &proposals[place].parents;
            let undisputed = |parent| !lineage.disputed.contains_key(parent);
            if parents.iter().all(|parent| lineage.exists(*parent, added) && undisputed(parent)) {
                lineage.in_force.insert(place);
                for parent in parents {
                    lineage.consumers.entry(*parent).or_default().push(place);
                }
            }
        }
        lineage
    }

    /// Whether an office was added, or is made by a proposal in force.
    pub(crate) fn exists(&self, office: OfficeId, added: &BTreeSet<OfficeId>) -> bool {
        let made = |places: &Vec<usize>| places.iter().any(|at| self.in_force.contains(at));
        added.contains(&office) || self.creators.get(&office).is_some_and(made)
    }

    /// The proposal that makes an office: the first in force, else the first.
    pub(crate) fn creator(&self, office: OfficeId) -> Option<usize> {
        let places = self.creators.get(&office)?;
        places.iter().find(|at| self.in_force.contains(at)).or(places.first()).copied()
    }

    fn find_disputes(
        &mut self,
        proposals: &[Proposal],
        added: &BTreeSet<OfficeId>,
        order: &[usize],
    ) {
        let known = |id: &OfficeId| added.contains(id) || self.creators.contains_key(id);
        let mut would_consume: BTreeMap<OfficeId, Vec<usize>> = BTreeMap::new();
        for &place in order.iter().filter(|place| proposals[**place].parents.iter().all(known)) {
            for parent in &proposals[place].parents {
                would_consume.entry(*parent).or_default().push(place);
            }
        }
        for (parent, places) in &would_consume {
            if places.iter().any(|place| proposals[*place].effect != proposals[places[0]].effect) {
                let ops = places.iter().map(|place| proposals[*place].op).collect();
                self.disputed.insert(*parent, ops);
            }
        }
    }

    /// The proposals in an order in which each comes after those that make its parents. What is on
    /// a cycle, or lies between two cycles, is left out.
    fn without_cycles(&mut self, proposals: &[Proposal]) -> Vec<usize> {
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); proposals.len()];
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); proposals.len()];
        let mut consuming: BTreeMap<OfficeId, Vec<usize>> = BTreeMap::new();
        for (place, proposal) in proposals.iter().enumerate() {
            for parent in &proposal.parents {
                consuming.entry(*parent).or_default().push(place);
            }
        }
        for (place, proposal) in proposals.iter().enumerate() {
            for child in &proposal.children {
                for &next in consuming.get(child).map(Vec::as_slice).unwrap_or_default() {
                    after[place].push(next);
                    before[next].push(place);
                }
            }
        }
        let forwards = peel(&before, &after);
        let kept: BTreeSet<usize> = forwards.iter().copied().collect();
        let backwards = peel(&after, &before);
        let ends: BTreeSet<usize> = backwards.iter().copied().collect();
        self.cyclic = (0..proposals.len())
            .filter(|place| !kept.contains(place) && !ends.contains(place))
            .map(|place| proposals[place].op)
            .collect();
        // What only follows a cycle starts from offices that the cycle does not make, or from none.
        let mut order = forwards;
        order.extend(backwards.into_iter().rev().filter(|place| !kept.contains(place)));
        order
    }
}

/// Peels off, again and again, what nothing left comes before.
fn peel(before: &[Vec<usize>], after: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut ready: BTreeSet<usize> = (0..before.len()).filter(|at| waiting[*at] == 0).collect();
    let mut order = Vec::new();
    while let Some(place) = ready.pop_first() {
        order.push(place);
        for &next in &after[place] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.insert(next);
            }
        }
    }
    order
}
