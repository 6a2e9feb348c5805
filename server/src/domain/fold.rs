//! Folding buildings from their ops, and keeping the folded ones.

use crate::error::{Error, Result};
use crate::store::{Head, RoundRow, Tx};
use saolou_protocol::building::{Building, Entity, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, RoundId};
use saolou_protocol::op::Op;
use saolou_protocol::time::{Stamp, TimeQuality};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Facts that are kept folded in memory, over all buildings: about 1 KiB each.
const FACTS_CACHED_MAX: usize = 50_000;

/// The entities of a building that differ from what its ops say, as they should be.
pub(crate) async fn differences(tx: &mut Tx, head: &Head) -> Result<Vec<Entity>> {
    let (_, entities) = fold(tx, head).await?;
    let stored = tx.entities(head.street_id, head.building_id).await?;
    let stored: HashMap<(&str, Uuid), &[u8]> = stored
        .iter()
        .map(|row| ((row.kind.as_str(), row.entity_id), row.body.as_slice()))
        .collect();
    let differs = |entity: &Entity| {
        stored.get(&(entity.kind.code(), entity.id)).is_none_or(|body| *body != entity.body)
    };
    Ok(entities.into_iter().filter(differs).collect())
}

/// Folds all accepted ops of a building.
pub(crate) async fn fold(tx: &mut Tx, head: &Head) -> Result<(Building, Vec<Entity>)> {
    let rounds = rounds(tx, head.street_id).await?;
    let rows = tx.accepted_ops(head.street_id, head.building_id).await?;
    let mut facts = Vec::with_capacity(rows.len());
    for row in rows {
        let unreadable = |what: &str| Error::Internal(format!("a stored op is unreadable: {what}"));
        let hash = row.hash.try_into().map(Hash).map_err(|_| unreadable("hash"))?;
        let op = Op::restore(row.content, hash).map_err(|refusal| unreadable(&refusal.detail))?;
        let quality = TimeQuality::parse(&row.quality).ok_or_else(|| unreadable("quality"))?;
        let stamp = Stamp { corrected_ms: row.corrected_ms, received_ms: row.received_ms, quality };
        facts.push(Fact::read(&op, stamp).0);
    }
    let mut building = Building::new(BuildingId(head.building_id), rounds);
    let entities = building.apply(facts);
    Ok((building, entities))
}

/// The rounds of a street that coverage is derived for: all that were published.
async fn rounds(tx: &mut Tx, street: Uuid) -> Result<Vec<RoundWindow>> {
    let rounds = tx.rounds(street).await?.into_iter().filter(|round| round.status != "draft");
    let window = |round: RoundRow| RoundWindow {
        round: RoundId(round.round_id),
        from_ms: round.from_ms,
        until_ms: round.until_ms,
    };
    Ok(rounds.map(window).collect())
}

/// Folded buildings, each valid for one number of its head.
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
    /// Takes the buildings of these heads out of the cache, folding those that are not there or
    /// that another writer has moved on.
    pub(super) async fn take(
        &mut self,
        tx: &mut Tx,
        heads: &BTreeMap<Uuid, Head>,
    ) -> Result<HashMap<Uuid, Building>> {
        let mut taken = HashMap::new();
        let mut rounds_of: HashMap<Uuid, Vec<RoundWindow>> = HashMap::new();
        for head in heads.values() {
            if let Entry::Vacant(entry) = rounds_of.entry(head.street_id) {
                entry.insert(rounds(tx, head.street_id).await?);
            }
            let cached = self.forget(head.building_id).filter(|cached| {
                cached.seq == head.seq && cached.building.rounds() == rounds_of[&head.street_id]
            });
            let building = match cached {
                Some(cached) => cached.building,
                None => fold(tx, head).await?.0,
            };
            taken.insert(head.building_id, building);
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
