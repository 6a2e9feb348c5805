//! Withdrawals: decisions and structure changes that somebody took back.
//!
//! A withdrawal is a decision itself: withdrawn in its turn, it takes nothing back any more, so that
//! every decision of the desk can be undone.

use crate::fact::{Fact, Kind};
use crate::ids::OpId;
use std::collections::{BTreeMap, BTreeSet};

/// The ops that these facts withdraw. Withdrawals that lead back to each other all stand: nobody had
/// the last word.
pub(crate) fn withdrawn<'a>(facts: impl Iterator<Item = &'a Fact>) -> BTreeSet<OpId> {
    let withdrawals = facts.filter(|fact| matches!(fact.kind, Kind::Withdrawal));
    let named: BTreeMap<OpId, BTreeSet<OpId>> =
        withdrawals.map(|fact| (fact.op, fact.seen.iter().copied().collect())).collect();
    let void = void(&named);
    named.into_iter().filter(|(op, _)| !void.contains(op)).flat_map(|(_, seen)| seen).collect()
}

/// The withdrawals that a standing one withdraws.
fn void(named: &BTreeMap<OpId, BTreeSet<OpId>>) -> BTreeSet<OpId> {
    let mut against: BTreeMap<OpId, usize> = BTreeMap::new();
    let targets = |op: &OpId| named[op].iter().filter(|target| named.contains_key(target));
    for target in named.keys().flat_map(targets) {
        *against.entry(*target).or_default() += 1;
    }
    let mut standing: Vec<OpId> =
        named.keys().filter(|op| !against.contains_key(op)).copied().collect();
    let mut void = BTreeSet::new();
    while let Some(op) = standing.pop() {
        for target in targets(&op).filter(|target| void.insert(**target)).collect::<Vec<_>>() {
            for freed in targets(target).filter(|freed| !void.contains(freed)) {
                let left = against.entry(*freed).or_default();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    standing.push(*freed);
                }
            }
        }
    }
    void
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn op(n: u128) -> OpId {
        OpId(Uuid::from_u128(n))
    }

    fn void_of(named: &[(u128, &[u128])]) -> Vec<OpId> {
        let named = named.iter().map(|(by, of)| (op(*by), of.iter().map(|of| op(*of)).collect()));
        void(&named.collect()).into_iter().collect()
    }

    #[test]
    fn a_withdrawal_stands_until_one_that_stands_withdraws_it() {
        assert_eq!(void_of(&[(2, &[1])]), []);
        assert_eq!(void_of(&[(2, &[1]), (3, &[2])]), [op(2)]);
        assert_eq!(void_of(&[(2, &[1]), (3, &[2]), (4, &[3])]), [op(3)]);
        assert_eq!(void_of(&[(2, &[1]), (3, &[2]), (4, &[2, 3])]), [op(2), op(3)]);
    }

    #[test]
    fn withdrawals_that_lead_back_to_each_other_all_stand() {
        assert_eq!(void_of(&[(2, &[3]), (3, &[2])]), []);
        assert_eq!(void_of(&[(2, &[2])]), []);
        assert_eq!(void_of(&[(2, &[3]), (3, &[2]), (4, &[3])]), [op(3)]);
    }
}
