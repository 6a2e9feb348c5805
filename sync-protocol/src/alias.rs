//! Aliases: several ids for one thing, joined into classes whose canonical id is the smallest.
//!
//! The smallest id wins so that arrival order cannot matter. A person's `not_same_as` is final: if
//! a class would join such a pair, its automatic links are suspended, and if people's own links
//! still join the pair, those too, so that a person has to look (domain §2.4).

use std::collections::{BTreeMap, BTreeSet};

/// Statements about which ids mean the same thing.
#[derive(Clone, Debug)]
pub struct Links<T> {
    /// Joined by a rule, on a hard key.
    pub automatic: Vec<(T, T)>,
    /// Joined by a person.
    pub by_person: Vec<(T, T)>,
    /// Kept apart by a person, for good.
    pub apart: Vec<(T, T)>,
}

/// Classes of ids that mean the same thing.
#[derive(Clone, Debug)]
pub struct Aliases<T> {
    canonical: BTreeMap<T, T>,
    /// Pairs that a person keeps apart and that links would have joined.
    pub contradicted: BTreeSet<(T, T)>,
    /// Of these, the pairs that people's own links would have joined.
    pub disputed: BTreeSet<(T, T)>,
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self { automatic: Vec::new(), by_person: Vec::new(), apart: Vec::new() }
    }
}

impl<T> Default for Aliases<T> {
    fn default() -> Self {
        Self {
            canonical: BTreeMap::new(),
            contradicted: BTreeSet::new(),
            disputed: BTreeSet::new(),
        }
    }
}

impl<T: Copy + Ord> Links<T> {
    /// The classes that these links make.
    #[must_use]
    pub fn classes(&self) -> Aliases<T> {
        let (mut automatic, mut by_person) = (self.automatic.clone(), self.by_person.clone());
        let (mut contradicted, mut disputed) = (BTreeSet::new(), BTreeSet::new());
        let joined = Union::of(automatic.iter().chain(&by_person));
        let suspended = self.roots_of_contradictions(joined, &mut contradicted);
        let mut union = Union::of(automatic.iter().chain(&by_person));
        automatic.retain(|(a, _)| !suspended.contains(&union.root(*a)));
        let joined = Union::of(automatic.iter().chain(&by_person));
        let suspended = self.roots_of_contradictions(joined, &mut disputed);
        let mut union = Union::of(automatic.iter().chain(&by_person));
        by_person.retain(|(a, _)| !suspended.contains(&union.root(*a)));
        let mut union = Union::of(automatic.iter().chain(&by_person));
        let ids: Vec<T> = union.parent.keys().copied().collect();
        let canonical = ids.into_iter().map(|id| (id, union.root(id))).collect();
        Aliases { canonical, contradicted, disputed }
    }

    fn roots_of_contradictions(
        &self,
        mut joined: Union<T>,
        contradicted: &mut BTreeSet<(T, T)>,
    ) -> BTreeSet<T> {
        let mut roots = BTreeSet::new();
        for &(a, b) in &self.apart {
            if joined.root(a) == joined.root(b) && a != b {
                roots.insert(joined.root(a));
                contradicted.insert((a.min(b), a.max(b)));
            }
        }
        roots
    }
}

impl<T: Copy + Ord> Aliases<T> {
    /// The canonical id of an id; an id that was never linked is its own.
    #[must_use]
    pub fn canonical(&self, id: T) -> T {
        self.canonical.get(&id).copied().unwrap_or(id)
    }
}

/// Union-find whose roots are the smallest members.
struct Union<T> {
    parent: BTreeMap<T, T>,
}

impl<T: Copy + Ord> Union<T> {
    fn of<'a>(links: impl Iterator<Item = &'a (T, T)>) -> Self
    where
        T: 'a,
    {
        let mut union = Self { parent: BTreeMap::new() };
        for &(a, b) in links {
            let (a, b) = (union.root(a), union.root(b));
            union.parent.insert(a.max(b), a.min(b));
            union.parent.entry(a.min(b)).or_insert(a.min(b));
        }
        union
    }

    fn root(&mut self, id: T) -> T {
        let mut root = id;
        while let Some(&parent) = self.parent.get(&root).filter(|parent| **parent != root) {
            root = parent;
        }
        if root != id {
            self.parent.insert(id, root);
        }
        root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_id_stands_for_its_class() {
        let links =
            Links { automatic: vec![(3, 2), (2, 7)], by_person: vec![(7, 1)], apart: vec![] };
        let aliases = links.classes();
        assert_eq!([1, 2, 3, 7, 9].map(|id| aliases.canonical(id)), [1, 1, 1, 1, 9]);
    }

    #[test]
    fn keeping_a_pair_apart_suspends_all_automatic_links_of_its_class() {
        let links =
            Links { automatic: vec![(1, 2), (2, 3)], by_person: vec![(5, 6)], apart: vec![(3, 1)] };
        let aliases = links.classes();
        assert_eq!([1, 2, 3, 5, 6].map(|id| aliases.canonical(id)), [1, 2, 3, 5, 5]);
        assert!(aliases.contradicted.contains(&(1, 3)));
        assert!(aliases.disputed.is_empty(), "the person who kept them apart has decided");
    }

    #[test]
    fn people_who_contradict_each_other_join_nothing() {
        let links =
            Links { automatic: vec![(8, 9)], by_person: vec![(1, 2), (2, 3)], apart: vec![(1, 3)] };
        let aliases = links.classes();
        assert_eq!([1, 2, 3, 9].map(|id| aliases.canonical(id)), [1, 2, 3, 8]);
        assert!(aliases.disputed.contains(&(1, 3)));
    }
}
