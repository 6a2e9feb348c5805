//! What the server in memory has stored: what its crashes leave and its backups keep.

use super::raw;
use crate::backend::{Accepted, Dump};
use saolou_protocol::building::{Building, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::engine::Head;
use saolou_protocol::engine::commit::Commit;
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::fact::{Fact, Kind};
use saolou_protocol::held::Held;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp};
use saolou_protocol::wire::Served;
use saolou_protocol::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use uuid::Uuid;

/// Rows by kind and id, each with its number in the feed.
pub(super) type Feed = BTreeMap<(String, Uuid), (i64, Arc<[u8]>)>;

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub(super) epoch: u64,
    pub(super) accepted: BTreeMap<OpId, (Arc<Accepted>, Vec<u8>)>,
    pub(super) quarantine: BTreeMap<(OpId, Hash, UserId), Waiting>,
    pub(super) refused: BTreeSet<(DeviceId, u64)>,
    pub(super) entities: BTreeMap<BuildingId, Feed>,
    pub(super) heads: BTreeMap<BuildingId, Head>,
    pub(super) holdings: BTreeSet<(DeviceId, BuildingId)>,
    pub(super) assigned: BTreeMap<(UserId, BuildingId), Vec<Range<Millis>>>,
    pub(super) suspended: BTreeMap<UserId, Millis>,
    pub(super) revoked: BTreeSet<DeviceId>,
    /// Devices that have filed for themselves.
    pub(super) devices: BTreeSet<DeviceId>,
}

/// An op in quarantine.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) op: Op,
    pub(super) stamp: Stamp,
    pub(super) answer: Vec<u8>,
    pub(super) is_waiting: bool,
}

impl Data {
    /// One transaction.
    pub(super) fn write(&mut self, commit: &Commit<'_>) {
        for (judged, answer) in &commit.accepted {
            let Judged { op, stamp, verdict, .. } = judged;
            let Verdict::Merge(fact) = verdict else { continue };
            if matches!(fact.kind, Kind::Unknown) && is_planted(Defect::ParkedDropped) {
                continue;
            }
            let accepted = Accepted {
                bucket: op.bucket,
                device: op.device,
                n: op.n,
                hash: op.hash,
                content: op.canonical.clone(),
                stamp: *stamp,
                fact: Fact::clone(fact),
            };
            self.accepted.insert(op.op_id, (Arc::new(accepted), answer.clone()));
        }
        for (judged, reason, answer) in &commit.quarantined {
            if *reason == "device_revoked" && is_planted(Defect::RevokedDropped) {
                continue;
            }
            let key = (judged.op.op_id, judged.op.hash, judged.sender);
            let (op, stamp, answer) = (judged.op.clone(), judged.stamp, answer.clone());
            let waiting = Waiting { op, stamp, answer, is_waiting: true };
            self.quarantine.entry(key).or_insert(waiting);
        }
        for (key, waiting) in &mut self.quarantine {
            if commit.settled.contains(&key.0) {
                waiting.is_waiting = false;
            }
        }
        for change in &commit.moves {
            let rows = self.entities.entry(change.bucket).or_default();
            let first = change.from.seq + i64::from(!is_planted(Defect::NumberTwice));
            for (entity, seq) in change.entities.iter().zip(first..) {
                let key = (entity.kind.code().to_owned(), entity.id);
                rows.insert(key, (seq, entity.body.clone().into()));
            }
            self.heads.insert(change.bucket, change.to);
        }
    }

    /// A building folded from all its ops.
    pub(super) fn fold(&self, rounds: &[RoundWindow], bucket: BuildingId) -> Building {
        let mut building = Building::new(bucket, rounds.to_vec());
        let of_bucket = self.accepted.values().filter(|(op, _)| op.bucket == bucket);
        building.apply(of_bucket.map(|(op, _)| op.fact.clone()));
        building
    }

    /// Which counters of a device have arrived, in whatever form.
    pub(super) fn held(&self, device: DeviceId) -> Held {
        let accepted = self.accepted.values().map(|(accepted, _)| accepted);
        let mut held: BTreeSet<u64> =
            accepted.filter(|op| op.device == device).map(|op| op.n).collect();
        held.extend(self.refused.iter().filter(|(d, _)| *d == device).map(|(_, n)| *n));
        let waiting = self.quarantine.iter();
        held.extend(
            waiting
                .filter(|((_, _, sender), w)| w.op.author == *sender && w.op.device == device)
                .map(|(_, waiting)| waiting.op.n),
        );
        held.remove(&0);
        Held::of(device, 0, held)
    }

    /// The rows of a bucket that are wanted by number and key.
    pub(super) fn rows(
        &self,
        bucket: BuildingId,
        wanted: impl Fn(i64, &(String, Uuid)) -> bool,
    ) -> Vec<Served> {
        let rows = self.entities.get(&bucket).into_iter().flatten();
        rows.filter(|(key, (seq, _))| wanted(*seq, key))
            .map(|((kind, id), (seq, body))| Served {
                bucket,
                seq: *seq,
                kind: kind.clone(),
                id: *id,
                body: raw(body.to_vec()),
            })
            .collect()
    }

    /// Whether an op is there with this content, accepted or sent by its author into quarantine.
    pub(super) fn has(&self, op: OpId, hash: Hash) -> bool {
        let mut quarantine = self.quarantine.iter();
        self.accepted.get(&op).is_some_and(|(accepted, _)| accepted.hash == hash)
            || quarantine
                .any(|(key, waiting)| (key.0, key.1, key.2) == (op, hash, waiting.op.author))
    }

    /// All there is.
    pub(super) fn dump(&self) -> Dump {
        let accepted = self.accepted.iter().map(|(id, (op, _))| (*id, op.clone()));
        let quarantined = self.quarantine.iter();
        let quarantined = quarantined.filter(|((_, _, sender), w)| w.op.author == *sender);
        let quarantined = quarantined.map(|((op, hash, _), _)| (*op, *hash));
        let entities = self.entities.iter().map(|(bucket, rows)| {
            (*bucket, rows.iter().map(|(key, (_, body))| (key.clone(), body.clone())).collect())
        });
        Dump {
            accepted: accepted.collect(),
            quarantined: quarantined.collect(),
            entities: entities.collect(),
            digests: self.heads.iter().map(|(id, head)| (*id, head.digest)).collect(),
        }
    }
}
