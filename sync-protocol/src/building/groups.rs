//! Groups: ops that take effect together or not at all.
//!
//! A member waits until as many members of its group are there as it says there are. Members that
//! give another length belong to another group, and so do members of another author: nobody can
//! complete or hold up what somebody else says.

use crate::fact::Fact;
use crate::ids::{GroupId, OpId, UserId};
use crate::op::Group;
use crate::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, BTreeSet};

/// Facts of groups that lack a member.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    waiting: BTreeMap<Key, BTreeMap<OpId, Fact>>,
    complete: BTreeSet<Key>,
    ops: BTreeSet<OpId>,
}

type Key = (UserId, GroupId, u32);

impl Groups {
    /// Takes a fact and gives those that now take effect: itself, its whole group, or none.
    pub(super) fn take(&mut self, fact: Fact) -> Vec<Fact> {
        let Some(Group { id, len }) = fact.group else { return vec![fact] };
        let key = (fact.author, id, len);
        if self.complete.contains(&key) || is_planted(Defect::GroupPiecemeal) {
            return vec![fact];
        }
        let last = fact.op;
        self.ops.insert(last);
        let members = self.waiting.entry(key).or_default();
        members.insert(fact.op, fact);
        if members.len() < len as usize {
            return Vec::new();
        }
        self.complete.insert(key);
        let mut members = self.waiting.remove(&key).unwrap_or_default();
        if is_planted(Defect::GroupMembersDropped) {
            members.retain(|op, _| *op == last);
        }
        members.keys().for_each(|op| _ = self.ops.remove(op));
        members.into_values().collect()
    }

    /// Whether an op waits for a member of its group.
    pub(super) fn is_waiting(&self, op: OpId) -> bool {
        self.ops.contains(&op)
    }

    /// How many facts wait.
    pub(super) fn len(&self) -> usize {
        self.ops.len()
    }
}
