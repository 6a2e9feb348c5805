//! The chain of a device's manifests: what its numbers and hashes say about photos that are missing.
//!
//! A function of the set of manifests, whatever their order of arrival.

use crate::canonical::Hash;
use std::collections::{BTreeMap, BTreeSet};

/// Of a manifest what its chain is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbered {
    /// Its number, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// The hash of the one before, as it names it.
    pub previous: Option<Hash>,
}

/// What a chain shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The highest number; 0 where there is none.
    pub last: u64,
    /// Numbers below it that never came, first and last of each run: not sent yet, or removed.
    pub missing: Vec<(u64, u64)>,
    /// Numbers whose manifest names another one before it than is here: one of the two was replaced.
    pub broken: Vec<u64>,
    /// Numbers that two manifests have: a device that was cloned or set back, or a forgery.
    pub doubled: Vec<u64>,
}

impl Chain {
    /// The chain of a set of manifests of one device.
    #[must_use]
    pub fn of(manifests: impl IntoIterator<Item = Numbered>) -> Self {
        let mut at: BTreeMap<u64, BTreeSet<Numbered>> = BTreeMap::new();
        for manifest in manifests {
            at.entry(manifest.seq).or_default().insert(manifest);
        }
        let mut chain = Self::default();
        for (&seq, here) in &at {
            if seq > chain.last + 1 {
                chain.missing.push((chain.last + 1, seq - 1));
            }
            chain.last = seq;
            let hashes: BTreeSet<Hash> = here.iter().map(|manifest| manifest.hash).collect();
            if hashes.len() > 1 {
                chain.doubled.push(seq);
            }
            let before = seq.checked_sub(1).and_then(|before| at.get(&before));
            let fits = |manifest: &Numbered| match (before, manifest.previous) {
                (Some(before), Some(named)) => before.iter().any(|one| one.hash == named),
                // The first one follows nothing; after a gap nobody knows what it follows.
                (None, named) => seq > 1 || named.is_none(),
                (Some(_), None) => false,
            };
            if !here.iter().all(fits) {
                chain.broken.push(seq);
            }
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(seq: u64, name: &str, previous: Option<&str>) -> Numbered {
        let of = |name: &str| Hash::of(name.as_bytes());
        Numbered { seq, hash: of(name), previous: previous.map(of) }
    }

    #[test]
    fn what_is_missing_shows_in_whatever_order_the_rest_arrives() {
        let all = [
            numbered(1, "a", None),
            numbered(2, "b", Some("a")),
            numbered(5, "e", Some("d")),
            numbered(6, "f", Some("x")),
            numbered(7, "g", Some("f")),
            numbered(7, "G", Some("f")),
        ];
        let expected = Chain { last: 7, missing: vec![(3, 4)], broken: vec![6], doubled: vec![7] };
        for turn in 0..all.len() {
            let mut turned = all;
            turned.rotate_left(turn);
            assert_eq!(Chain::of(turned), expected);
            turned.reverse();
            assert_eq!(Chain::of(turned.into_iter().chain(all)), expected, "and twice");
        }
    }

    #[test]
    fn a_beginning_that_was_cut_off_shows() {
        let chain = Chain::of([numbered(3, "c", Some("b"))]);
        assert_eq!((chain.missing, chain.broken), (vec![(1, 2)], vec![]));
        let chain = Chain::of([numbered(1, "a", Some("z"))]);
        assert_eq!(chain.broken, [1], "the first names one before it");
        assert_eq!(Chain::of([]), Chain::default());
    }
}
