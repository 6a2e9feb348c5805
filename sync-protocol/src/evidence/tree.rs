//! The Merkle tree of RFC 6962 §2.1: which hashes a proof is made of, and whether one holds.
//!
//! Nothing here holds a tree. Proofs are named as ranges of leaves, ranges as the perfect subtrees
//! they consist of ([`Node`]), and whoever stores hashes looks those up.

use crate::canonical::Hash;
use sha2::{Digest, Sha256};

/// More hashes than this are in no proof: trees have fewer than 2⁶³ leaves.
pub const PROOF_HASHES_MAX: usize = 63;

/// Leaves from `start` up to, not including, `end`: a subtree as RFC 6962 splits them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first leaf.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
}

/// A perfect subtree: the `index`-th one over 2^`height` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Its height; a leaf has 0.
    pub height: u32,
    /// How many of the same height stand before it.
    pub index: u64,
}

/// The right edge of a growing tree: what is needed to add leaves and to tell the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    // Perfect subtrees from left to right, each smaller than the one before.
    hashes: Vec<Hash>,
}

/// The hash of a leaf: SHA-256(0x00 ‖ bytes).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    let hasher = Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0);
    Hash(hasher.finalize().into())
}

/// The root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Hash::of(b"")
}

/// The ranges whose hashes prove that a leaf is in a tree, from the leaf up.
///
/// # Panics
/// Where the tree has no such leaf.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Vec<Range> {
    assert!(index < size, "a proof is of a leaf that is in the tree");
    let mut path = Vec::new();
    let mut range = Range { start: 0, end: size };
    while range.len() > 1 {
        let (left, right) = range.halves();
        let (inside, beside) = if index < right.start { (left, right) } else { (right, left) };
        path.push(beside);
        range = inside;
    }
    path.reverse();
    path
}

/// The ranges whose hashes prove that a tree is the beginning of a larger one (RFC 6962 §2.1.2).
/// Empty where there is nothing to prove: from no leaves, or to the same size.
///
/// # Panics
/// Where the first tree is the larger one.
#[must_use]
pub fn consistency(from: u64, to: u64) -> Vec<Range> {
    assert!(from <= to, "a tree grows");
    if from == 0 || from == to {
        return Vec::new();
    }
    let mut proof = Vec::new();
    let mut range = Range { start: 0, end: to };
    while range.end != from {
        let (left, right) = range.halves();
        let (inside, beside) = if from <= right.start { (left, right) } else { (right, left) };
        proof.push(beside);
        range = inside;
    }
    // The whole old tree is known to whoever asks; a part of it is not.
    if range.start > 0 {
        proof.push(range);
    }
    proof.reverse();
    proof
}

/// Whether a proof shows that a leaf is in a tree (RFC 9162 §2.1.3.2).
#[must_use]
pub fn is_included(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, leaf);
    for beside in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(*beside, hash);
            while at & 1 == 0 && at > 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(hash, *beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && hash == root
}

/// Whether a proof shows that one tree is the beginning of another (RFC 9162 §2.1.4.2).
#[must_use]
pub fn is_consistent(from: (u64, Hash), to: (u64, Hash), proof: &[Hash]) -> bool {
    let ((from_size, from_root), (to_size, to_root)) = (from, to);
    if from_size == 0 {
        return proof.is_empty() && from_root == empty_root();
    }
    if from_size >= to_size {
        return from == to && proof.is_empty();
    }
    // A perfect old tree is itself the first hash, and is not repeated.
    let known = from_size.is_power_of_two().then_some(from_root);
    let mut hashes = known.into_iter().chain(proof.iter().copied());
    let Some(first) = hashes.next() else { return false };
    let (mut at, mut last) = (from_size - 1, to_size - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let (mut old, mut new) = (first, first);
    for beside in hashes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (old, new) = (node_hash(beside, old), node_hash(beside, new));
            while at & 1 == 0 && at > 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node_hash(new, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == from_root && new == to_root
}

impl Range {
    /// All leaves of a tree.
    #[must_use]
    pub const fn whole(size: u64) -> Self {
        Self { start: 0, end: size }
    }

    /// The perfect subtrees that it consists of, from left to right.
    #[must_use]
    pub fn nodes(self) -> Vec<Node> {
        let mut nodes = Vec::new();
        let mut start = self.start;
        while start < self.end {
            let height = (self.end - start).ilog2();
            nodes.push(Node { height, index: start >> height });
            start += 1 << height;
        }
        nodes
    }

    /// Its hash, from those of its nodes; `None` where one is not to be had.
    pub fn hash(self, mut of: impl FnMut(Node) -> Option<Hash>) -> Option<Hash> {
        let hashes: Option<Vec<Hash>> = self.nodes().into_iter().map(&mut of).collect();
        Some(fold(&hashes?))
    }

    const fn len(self) -> u64 {
        self.end - self.start
    }

    /// The left half is the largest power of two that leaves something for the right one.
    const fn halves(self) -> (Self, Self) {
        let split = self.start + (1 << (self.len() - 1).ilog2());
        (Self { start: self.start, end: split }, Self { start: split, end: self.end })
    }
}

/// The hash over subtrees that stand side by side, each smaller than the one before.
fn fold(hashes: &[Hash]) -> Hash {
    let joined = hashes.iter().rev().copied().reduce(|right, left| node_hash(left, right));
    joined.unwrap_or_else(empty_root)
}

impl Edge {
    /// The edge of a tree of some size, from the hashes of its nodes; `None` where one is not to be
    /// had.
    pub fn of(size: u64, of: impl FnMut(Node) -> Option<Hash>) -> Option<Self> {
        let hashes: Option<Vec<Hash>> = Range::whole(size).nodes().into_iter().map(of).collect();
        Some(Self { size, hashes: hashes? })
    }

    /// Adds the hash of a leaf; tells every perfect subtree that is complete with it, the leaf first.
    pub fn push(&mut self, leaf: Hash) -> Vec<(Node, Hash)> {
        let mut node = Node { height: 0, index: self.size };
        let mut hash = leaf;
        let mut complete = vec![(node, hash)];
        while node.index & 1 == 1 {
            let left = self.hashes.pop().expect("an odd node has one to its left");
            hash = node_hash(left, hash);
            node = Node { height: node.height + 1, index: node.index >> 1 };
            complete.push((node, hash));
        }
        self.hashes.push(hash);
        self.size += 1;
        complete
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.hashes)
    }
}
