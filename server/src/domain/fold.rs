//! Folding buildings from their ops, and keeping the folded ones.

use crate::error::{Error, Result};
use crate::store::{AcceptedOp, Head, RoundRow, Tx};
use saolou_protocol::building::{Building, Entity, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::engine;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, RoundId};
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Facts that are kept folded in memory, over all buildings: about 1 KiB each.
const FACTS_CACHED_MAX: usize = 50_000;

/// A building folded anew, and those of its entities that are stored otherwise, as they should be.
pub(crate) async fn differences(tx: &mut Tx, head: &Head) -> Result<(Building, Vec<Entity>)> {
    let (building, entities) = fold(tx, head).await?;
    let stored = tx.entities(head.street_id, head.building_id).await?;
    let stored: HashMap<(&str, Uuid), &[u8]> = stored
        .iter()
        .map(|row| ((row.kind.as_str(), row.entity_id), row.body.as_slice()))
        .collect();
    let differs = |entity: &Entity| {
        stored.get(&(entity.kind.code(), entity.id)).is_none_or(|body| *body != entity.body)
    };
    Ok((building, entities.into_iter().filter(differs).collect()))
}

/// Folds all accepted ops of a building.
pub(crate) async fn fold(tx: &mut Tx, head: &Head) -> Result<(Building, Vec<Entity>)> {
    fold_of(tx, head.street_id, head.building_id).await
}

async fn fold_of(tx: &mut Tx, street: Uuid, building: Uuid) -> Result<(Building, Vec<Entity>)> {
    let rounds = rounds(tx, street).await?;
    let rows = tx.accepted_ops(street, building).await?;
    let facts = rows.into_iter().map(fact).collect::<Result<Vec<Fact>>>()?;
    let mut building = Building::new(BuildingId(building), rounds);
    let entities = building.apply(facts);
    Ok((building, entities))
}

/// What a stored op says.
pub(super) fn fact(row: AcceptedOp) -> Result<Fact> {
    let unreadable = |what: &str| Error::Internal(format!("a stored op is unreadable: {what}"));
    let hash = row.hash.try_into().map(Hash).map_err(|_| unreadable("hash"))?;
    let op = Op::restore(row.content, hash).map_err(|refusal| unreadable(&refusal.detail))?;
    let quality = TimeQuality::parse(&row.quality).ok_or_else(|| unreadable("quality"))?;
    let stamp = Stamp { corrected_ms: row.corrected_ms, received_ms: row.received_ms, quality };
    Ok(Fact::read(&op, stamp).0)
}

/// The facts of a building with the time since which each is among them, the earliest first.
pub(super) async fn dated(tx: &mut Tx, head: &Head) -> Result<Vec<(Millis, Fact)>> {
    let rows = tx.dated_ops(head.street_id, head.building_id).await?;
    let dated = rows.into_iter().map(|row| Ok((row.since_ms, fact(row)?)));
    let mut dated = dated.collect::<Result<Vec<_>>>()?;
    dated.sort_by_key(|(since_ms, _)| *since_ms);
    Ok(dated)
}

/// The rounds of a street that coverage is derived for: all that were published.
pub(super) async fn rounds(tx: &mut Tx, street: Uuid) -> Result<Vec<RoundWindow>> {
    let rounds = tx.rounds(street).await?;
    Ok(rounds.iter().filter(|round| is_published(round)).map(window_of).collect())
}

/// Whether anybody knows of a round.
pub(super) fn is_published(round: &RoundRow) -> bool {
    round.status != "draft"
}

/// A round as coverage looks at it.
pub(super) fn window_of(round: &RoundRow) -> RoundWindow {
    RoundWindow {
        round: RoundId(round.round_id),
        from_ms: round.from_ms,
        until_ms: round.until_ms,
        grace_until_ms: round.grace_until_ms,
        is_closed: matches!(round.status.as_str(), "closed" | "archived"),
    }
}

/// A head as the core knows it.
pub(super) fn head_of(row: &Head) -> engine::Head {
    engine::Head { street: row.street_id, seq: row.seq, digest: row.digest() }
}

/// Folded buildings, each valid for one state of its head.
#[derive(Default)]
pub(super) struct Cache {
    buildings: HashMap<Uuid, Cached>,
    facts_len: usize,
    turn: u64,
}

pub(super) struct Cached {
    seq: i64,
    used: u64,
    building: Building,
}

impl Cache {
    /// Takes the buildings of these buckets out of the cache, folding those that are not there or
    /// that are not as their head says: another writer moved them on, or the database was restored.
    pub(super) async fn take(
        &mut self,
        tx: &mut Tx,
        buckets: &BTreeMap<BuildingId, Uuid>,
        heads: &BTreeMap<BuildingId, engine::Head>,
    ) -> Result<HashMap<BuildingId, Building>> {
        let mut taken = HashMap::new();
        let mut rounds_of: HashMap<Uuid, Vec<RoundWindow>> = HashMap::new();
        for (bucket, street) in buckets {
            let head = heads.get(bucket);
            let street = head.map_or(*street, |head| head.street);
            if let Entry::Vacant(entry) = rounds_of.entry(street) {
                entry.insert(rounds(tx, street).await?);
            }
            let cached = self.forget(bucket.0).filter(|cached| {
                head.is_some_and(|head| cached.seq == head.seq)
                    && head.is_some_and(|head| cached.building.digest() == head.digest)
                    && cached.building.rounds() == rounds_of[&street]
            });
            let building = match (cached, head) {
                (Some(cached), _) => cached.building,
                (None, Some(_)) => fold_of(tx, street, bucket.0).await?.0,
                (None, None) => Building::new(*bucket, rounds_of[&street].clone()),
            };
            taken.insert(*bucket, building);
        }
        Ok(taken)
    }

    pub(super) fn put(&mut self, id: Uuid, seq: i64, building: Building) {
        self.turn += 1;
        self.facts_len += building.facts_len();
        self.buildings.insert(id, Cached { seq, used: self.turn, building });
        while self.facts_len > FACTS_CACHED_MAX && self.buildings.len() > 1 {
            let oldest = self.buildings.iter().min_by_key(|(_, cached)| cached.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else { return };
            self.forget(oldest);
        }
    }

    pub(super) fn forget(&mut self, id: Uuid) -> Option<Cached> {
        let cached = self.buildings.remove(&id)?;
        self.facts_len -= cached.building.facts_len();
        Some(cached)
    }
}
