//! What an onlooker knows who sees everything that happens and forgets nothing.

use crate::backend::{Accepted, Desk, Dump, Person};
use crate::check::{Broken, PROMPT_MS};
use crate::content;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use saolou_protocol::wire::SyncReply;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// An op that a phone called saved.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) hash: Hash,
    pub(crate) bucket: BuildingId,
    pub(crate) author: UserId,
    true_ms: Millis,
    /// The room that it adds by itself.
    pub(crate) adds: Option<Uuid>,
}

/// Who may read what, as the desk decided.
#[derive(Clone, Debug, Default)]
struct Scope {
    taken: BTreeSet<(UserId, BuildingId)>,
    suspended: BTreeSet<UserId>,
}

/// What an onlooker who forgets nothing knows.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) saved: BTreeMap<OpId, Saved>,
    pub(crate) answers: BTreeMap<OpId, String>,
    /// When ops were first answered.
    pub(crate) answered_ms: BTreeMap<OpId, Millis>,
    /// The epochs that the server has named since it last went back, and those from before.
    epochs: BTreeSet<Uuid>,
    epochs_gone: BTreeSet<Uuid>,
    /// Which ops bear a counter: several where a phone was cloned.
    by_counter: BTreeMap<(DeviceId, u64), Vec<OpId>>,
    /// Ops of which the server said that they survive any crash.
    pub(crate) durable: BTreeSet<OpId>,
    /// How ops were dated when they were accepted.
    stamps: BTreeMap<OpId, Stamp>,
    /// Counters of which the server said so.
    counted: BTreeSet<(DeviceId, u64)>,
    scope: Scope,
    /// The scope as a backup has it.
    scope_kept: Scope,
    /// Ops that no phone has any more although the server might not: purged after they were stored,
    /// or gone with a phone that went back to an older state.
    pub(crate) unkept: BTreeSet<OpId>,
    /// Ops that only a disaster on both sides, or the loss of the only phone, took away.
    pub(crate) may_be_lost: BTreeSet<OpId>,
    /// Ids under which a broken client sent other content.
    pub(crate) taken_twice: BTreeSet<OpId>,
    /// Ops that were long under way to the server.
    pub(crate) slow: BTreeSet<OpId>,
    /// A phone was cloned or went back, so that counters may be taken twice.
    pub(crate) cloned: bool,
}

impl Ledger {
    pub(crate) fn save(&mut self, op: &Op, true_ms: Millis) -> Result<(), Broken> {
        let counter = (op.device, op.n);
        let bearing = self.by_counter.entry(counter).or_default();
        bearing.push(op.op_id);
        if bearing.len() > 1 && !self.cloned {
            return Err(Broken::new("OP-2", format!("counter {} is minted twice", op.n)));
        }
        let alone = op.group.is_none() && op.kind == "office_add";
        let adds = alone.then(|| serde_json::from_value(op.body["office_id"].clone()));
        let adds = adds.and_then(Result::ok);
        let saved = Saved { hash: op.hash, bucket: op.bucket, author: op.author, true_ms, adds };
        self.saved.insert(op.op_id, saved);
        Ok(())
    }

    /// A phone is as it was before these ops.
    pub(crate) fn phone_went_back(&mut self, forgotten: impl IntoIterator<Item = OpId>) {
        self.unkept.extend(forgotten);
    }

    /// The server went back to an older state. What it had and no phone keeps must be there still.
    /// Where the server `knows` it, whatever epoch it has named is over.
    pub(crate) fn server_went_back(
        &mut self,
        gone: &[OpId],
        now: &Dump,
        knows: bool,
    ) -> Result<(), Broken> {
        if knows {
            self.epochs_gone.append(&mut self.epochs);
            self.answered_ms.clear();
        }
        self.answers.clear();
        self.durable.clear();
        self.counted.clear();
        self.stamps.clear();
        self.scope = self.scope_kept.clone();
        let waits: BTreeSet<OpId> = now.quarantined.iter().map(|(op, _)| *op).collect();
        for op in gone {
            if now.accepted.contains_key(op) || waits.contains(op) {
                continue;
            }
            if !self.saved.contains_key(op) || self.unkept.contains(op) {
                self.may_be_lost.insert(*op);
                continue;
            }
            return Err(Broken::new("I1", format!("no phone kept {op} for a restored server")));
        }
        Ok(())
    }

    /// The server keeps a backup.
    pub(crate) fn server_was_backed_up(&mut self) {
        self.scope_kept = self.scope.clone();
    }

    /// The desk decides who may read what.
    pub(crate) fn hear(&mut self, act: &Desk) {
        let scope = &mut self.scope;
        match act {
            Desk::Assign { user, building, has: false } => {
                scope.taken.insert((*user, *building));
            }
            Desk::Assign { user, building, has: true } => {
                scope.taken.remove(&(*user, *building));
            }
            Desk::Suspend { user, is: true } => _ = scope.suspended.insert(*user),
            Desk::Suspend { user, is: false } => _ = scope.suspended.remove(user),
            Desk::Revoke { .. } | Desk::ReleaseAll | Desk::Verify { .. } => {}
        }
    }

    /// A server that was set back says so: the epoch that it names is another one.
    pub(crate) fn in_epoch(&mut self, epoch: Uuid) -> Result<(), Broken> {
        self.epochs.insert(epoch);
        if self.epochs_gone.contains(&epoch) {
            return Err(Broken::new("epoch", "a restored server names its old epoch".into()));
        }
        Ok(())
    }

    /// Nobody is served a row of a bucket that he may not read.
    pub(crate) fn served(&self, by: Person, told: &SyncReply) -> Result<(), Broken> {
        let Some(page) = &told.pull else { return Ok(()) };
        let rows = page.rows.iter().map(|rows| rows.bucket);
        let mut served = page.entities.iter().map(|row| row.bucket).chain(rows);
        let may = |bucket: BuildingId| {
            let is_out = self.scope.suspended.contains(&by.user);
            !is_out && (by.is_supervisor || !self.scope.taken.contains(&(by.user, bucket)))
        };
        match served.find(|bucket| !may(*bucket)) {
            Some(bucket) => Err(Broken::new("scope", format!("rows of {bucket} out of scope"))),
            None => Ok(()),
        }
    }

    /// What the server says it holds is there, and is never lost from now on (I2).
    pub(crate) fn held(
        &mut self,
        told: &SyncReply,
        mut has: impl FnMut(OpId, Hash) -> bool,
    ) -> Result<(), Broken> {
        let held = &told.held;
        let of_device = (held.device, 0)..=(held.device, held.durable_through);
        for (counter, ops) in self.by_counter.range(of_device) {
            if !self.counted.insert(*counter) {
                continue;
            }
            let is_there = |op: &OpId| self.saved.get(op).is_some_and(|saved| has(*op, saved.hash));
            if !ops.iter().any(is_there) {
                return Err(Broken::new(
                    "I2",
                    format!("counter {} counts as held and is not", counter.1),
                ));
            }
            if let [op] = ops.as_slice() {
                self.durable.insert(*op);
            }
        }
        Ok(())
    }

    /// An op is dated once, and where its clocks allow it with the time at which it was made.
    pub(crate) fn dated(&mut self, op: OpId, accepted: &Accepted) -> Result<(), Broken> {
        let stamp = accepted.stamp;
        if *self.stamps.entry(op).or_insert(stamp) != stamp {
            return Err(Broken::new("time", format!("{op} is dated anew")));
        }
        let Some(saved) = self.saved.get(&op) else { return Ok(()) };
        let off_ms = (stamp.corrected_ms - saved.true_ms).abs();
        let has_anchor = content::contains(&accepted.content, "\"anchor\":{");
        let is_clear = has_anchor || !self.slow.contains(&op);
        let is_exact = stamp.quality == TimeQuality::Anchored && is_clear;
        if is_exact && off_ms > PROMPT_MS {
            return Err(Broken::new("time", format!("{op} is dated {off_ms} ms off")));
        }
        Ok(())
    }
}
