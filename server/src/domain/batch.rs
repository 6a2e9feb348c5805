//! One commit against the database: what the core needs to know of it, and what it decided.

use super::fold::head_of;
use super::licences::Moved;
use super::photos::{self, Arrival, Claim};
use super::{quarantine, restrictions};
use crate::error::Result;
use crate::store::{
    EntityRow, EventRow, HeadMove, ManifestRow, NewJob, OpRow, PhotoRow, QuarantineRow, SaltRow,
    Seen, Stage, Tx,
};
use saolou_protocol::building::{Entity, LicencesMoved};
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::Digest;
use saolou_protocol::engine::Head;
use saolou_protocol::engine::commit::{Commit, Known, Move};
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::ids::{BuildingId, OpId, UserId};
use saolou_protocol::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Reads what a batch depends on.
pub(super) async fn known(tx: &mut Tx, ops: &[&Judged]) -> Result<Known> {
    let mut known = Known::default();
    let mut by_street: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    for judged in ops {
        by_street.entry(judged.street).or_default().insert(judged.op.op_id.0);
    }
    for (street, ids) in by_street {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        for row in tx.known_ops(street, &ids).await? {
            let Ok(hash) = row.hash.try_into().map(Hash) else { continue };
            let op = OpId(row.op_id);
            match row.sender_id {
                None => drop(known.accepted.insert(op, (hash, row.answer))),
                Some(sender) => {
                    known.quarantined.insert((op, hash, UserId(sender)), row.answer);
                }
            }
        }
    }
    let mut buckets: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    for judged in ops.iter().filter(|judged| matches!(judged.verdict, Verdict::Merge(_))) {
        buckets.entry(judged.street).or_default().insert(judged.op.bucket.0);
    }
    for (street, buckets) in buckets {
        let buckets: Vec<Uuid> = buckets.into_iter().collect();
        for row in tx.heads_in(street, &buckets).await? {
            known.heads.insert(BuildingId(row.building_id), head_of(&row));
        }
    }
    Ok(known)
}

/// Writes all of a commit, the heads last. `false` means that another writer was faster, and that
/// nothing may be committed.
pub(super) async fn write(tx: &mut Tx, commit: &Commit<'_>) -> Result<bool> {
    for change in commit.moves.iter().filter(|change| change.from.seq == 0) {
        // Facts can come before their building is registered.
        tx.open_bucket(change.bucket.0, change.from.street).await?;
    }
    let rows: Vec<OpRow<'_>> =
        commit.accepted.iter().map(|(judged, answer)| op_row(judged, answer)).collect();
    tx.put_ops(&rows).await?;
    let reviewed = commit.accepted.iter().filter(|(judged, _)| quarantine::is_for_review(judged));
    let rows: Vec<QuarantineRow<'_>> = commit
        .quarantined
        .iter()
        .map(|(judged, reason, answer)| quarantine_row(judged, reason, answer))
        .chain(reviewed.map(|(j, answer)| quarantine_row(j, quarantine::DEVICE_FORKED, answer)))
        .collect();
    tx.put_quarantine(&rows).await?;
    for (judged, _) in commit.accepted.iter().filter(|(j, _)| commit.settled.contains(&j.op.op_id))
    {
        let (op, received_ms) = (&judged.op, judged.stamp.received_ms);
        tx.settle_quarantine(judged.street, op.op_id.0, &op.hash.0, received_ms).await?;
    }
    let entities: Vec<EntityRow> = commit.moves.iter().flat_map(rows_of).collect();
    tx.put_entities(&entities).await?;
    Moved::of(&commit.moves).write(tx).await?;
    let moves: Vec<HeadMove> = commit.moves.iter().map(head_move).collect();
    Ok(tx.move_heads(&moves).await? == moves.len() as u64)
}

/// Notes the photos that arrived, and those whose record is here now too.
pub(super) async fn note_photos(
    tx: &mut Tx,
    arrivals: &[&Arrival],
    claims: &[Claim],
    commit: &Commit<'_>,
    now_ms: Millis,
) -> Result<()> {
    let mut photos: Vec<PhotoRow> =
        arrivals.iter().filter_map(|arrival| arrival.photo.clone()).collect();
    let claimed = arrivals.iter().filter(|arrival| arrival.is_claimed);
    let claimed = claimed.filter_map(|arrival| arrival.photo.as_ref());
    for photo in claimed.chain(claims.iter().map(|claim| &claim.photo)) {
        tx.drop_unclaimed(photo.photo_id, &photo.sha256).await?;
    }
    photos.extend(claims.iter().map(|claim| claim.photo.clone()));
    tx.put_photos(&photos).await?;
    let manifests: Vec<ManifestRow> =
        arrivals.iter().filter_map(|arrival| arrival.manifest.clone()).collect();
    tx.put_manifests(&manifests).await?;
    for photo in photos.iter().filter(|photo| photo.state == "mismatched") {
        tx.add_mismatch(photo).await?;
    }
    let mut events: Vec<EventRow> =
        arrivals.iter().flat_map(|arrival| arrival.events.iter().cloned()).collect();
    let mut salts: Vec<SaltRow> =
        arrivals.iter().flat_map(|arrival| arrival.salts.iter().cloned()).collect();
    let mut jobs: Vec<NewJob> =
        arrivals.iter().flat_map(|arrival| arrival.jobs.iter().copied()).collect();
    for Claim { photo, .. } in claims {
        let sha256 = photo.sha256.as_slice().try_into().map(Hash);
        jobs.extend(sha256.iter().flat_map(|sha256| photos::jobs(photo.photo_id, *sha256)));
    }
    let ended: Vec<_> = arrivals.iter().filter_map(|arrival| arrival.ended).collect();
    tx.end_uploads(&ended, now_ms).await?;
    for change in &commit.moves {
        for bound in &change.bound {
            let (street, photo) = (change.from.street, bound.photo.0);
            if tx.bind_photo(street, photo, &bound.sha256.0, now_ms).await? {
                let (event, of_event) = photos::bound(bound, change.bucket.0, now_ms);
                events.push(event);
                salts.extend(of_event);
                // What its record says, the buildings of photos that look like it are told, too.
                jobs.push(NewJob { photo_id: photo, sha256: bound.sha256.0, stage: Stage::Tell });
            }
        }
    }
    let mut again: Vec<NewJob> = Vec::new();
    for change in &commit.moves {
        for (photo, is_restricted) in &change.restricted {
            let street = change.from.street;
            again.extend(restrictions::note(tx, street, photo.0, *is_restricted).await?);
        }
    }
    tx.put_events(&events).await?;
    tx.put_salts(&salts).await?;
    tx.put_jobs(&jobs, now_ms).await?;
    Ok(tx.put_jobs_again(&again, now_ms).await?)
}

fn op_row<'a>(judged: &'a Judged, answer: &'a [u8]) -> OpRow<'a> {
    let Judged { op, stamp, street, .. } = judged;
    OpRow {
        street: *street,
        op: op.op_id.0,
        building: op.bucket.0,
        device: op.device.0,
        n: counter(op.n),
        author: op.author.0,
        kind: &op.kind,
        hash: &op.hash.0,
        content: &op.canonical,
        answer,
        corrected_ms: stamp.corrected_ms,
        received_ms: stamp.received_ms,
        quality: stamp.quality.code(),
    }
}

fn quarantine_row<'a>(
    judged: &'a Judged,
    reason: &'static str,
    answer: &'a [u8],
) -> QuarantineRow<'a> {
    let Judged { op, stamp, street, sender, .. } = judged;
    QuarantineRow {
        street: *street,
        id: quarantine::id_of(*sender, &op.hash),
        op: Some(op.op_id.0),
        building: Some(op.bucket.0),
        author: Some(op.author.0),
        sender: sender.0,
        device: op.device.0,
        // What somebody else sent is not held: its author must still send it.
        n: if op.author == *sender { counter(op.n) } else { 0 },
        kind: Some(&op.kind),
        reason,
        hash: Some(&op.hash.0),
        content: &op.canonical,
        answer,
        corrected_ms: stamp.corrected_ms,
        received_ms: stamp.received_ms,
        quality: Some(stamp.quality.code()),
    }
}

/// A counter as the database has it.
pub(super) fn counter(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn head_move(change: &Move) -> HeadMove {
    HeadMove {
        building: change.bucket.0,
        street: change.from.street,
        from_seq: change.from.seq,
        to_seq: change.to.seq,
        digest: change.to.digest,
    }
}

/// The entities of a change as rows, numbered on from where its bucket stood.
pub(super) fn rows_of(change: &Move) -> impl Iterator<Item = EntityRow> {
    change.entities.iter().zip(change.from.seq + 1..).map(|(entity, seq)| EntityRow {
        street_id: change.from.street,
        building_id: change.bucket.0,
        kind: entity.kind.code().to_owned(),
        entity_id: entity.id,
        seq,
        body: entity.body.clone(),
    })
}

/// A change that brings the entities of a bucket to what its ops say.
pub(super) fn rederived(bucket: Uuid, from: Head, entities: Vec<Entity>, digest: Digest) -> Move {
    let seq = from.seq + i64::try_from(entities.len()).unwrap_or(i64::MAX);
    let (bucket, to) = (BuildingId(bucket), Head { seq, digest, ..from });
    Move {
        bucket,
        from,
        to,
        entities,
        licences: LicencesMoved::default(),
        bound: Vec::new(),
        restricted: BTreeMap::new(),
    }
}

/// The devices of a batch that file for themselves, with the streets they file in.
pub(super) fn devices(ops: &[&Judged]) -> BTreeSet<(Uuid, Uuid, Uuid)> {
    let own = ops.iter().filter(|judged| judged.op.n > 0 && judged.op.author == judged.sender);
    own.map(|judged| (judged.op.device.0, judged.sender.0, judged.street)).collect()
}

impl From<(Uuid, Uuid, Uuid)> for Seen {
    fn from((device, user, street): (Uuid, Uuid, Uuid)) -> Self {
        Self { device, user, street }
    }
}
