//! Folded buildings that readers share: as they stand, or stood at a time, each valid for one state
//! of its head and for the rounds of its street. The writer keeps its own, which it works on.

use super::fold::{self, dated, rounds};
use crate::error::Result;
use crate::store::{Head, Tx};
use saolou_protocol::building::{Building, RoundWindow};
use saolou_protocol::digest::Digest;
use saolou_protocol::ids::BuildingId;
use saolou_protocol::time::Millis;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Facts that are kept folded for readers, over all buildings and times: about 1 KiB each.
const FACTS_KEPT_MAX: usize = 50_000;

/// The buildings that readers have folded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folded(Arc<Mutex<Kept>>);

/// A building, and the time by the server's clock that it was folded for; `None` for now.
type Key = (Uuid, Option<Millis>);

#[derive(Debug, Default)]
struct Kept {
    buildings: HashMap<Key, One>,
    facts_len: usize,
    turn: u64,
}

#[derive(Debug)]
struct One {
    seq: i64,
    digest: Digest,
    used: u64,
    building: Arc<Building>,
}

impl Folded {
    /// A building as its facts make it, or those that were here at a time.
    pub(crate) async fn building(
        &self,
        tx: &mut Tx,
        head: &Head,
        as_of: Option<Millis>,
    ) -> Result<Arc<Building>> {
        let key = (head.building_id, as_of);
        let rounds = rounds(tx, head.street_id).await?;
        if let Some(building) = self.kept(key, head, &rounds) {
            return Ok(building);
        }
        let building = Arc::new(match as_of {
            Some(as_of) => at(tx, head, rounds, as_of).await?,
            None => fold::fold(tx, head).await?.0,
        });
        self.keep(key, head, &building);
        Ok(building)
    }

    /// The building, where it is kept and nothing has changed since.
    fn kept(&self, key: Key, head: &Head, rounds: &[RoundWindow]) -> Option<Arc<Building>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        let turn = kept.turn;
        let one = kept.buildings.get_mut(&key)?;
        let is_valid =
            (one.seq, one.digest) == (head.seq, head.digest()) && one.building.rounds() == rounds;
        one.used = turn;
        is_valid.then(|| Arc::clone(&one.building))
    }

    fn keep(&self, key: Key, head: &Head, building: &Arc<Building>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        kept.forget(&key);
        let (seq, digest, used) = (head.seq, head.digest(), kept.turn);
        kept.facts_len += weight(building);
        kept.buildings.insert(key, One { seq, digest, used, building: Arc::clone(building) });
        while kept.facts_len > FACTS_KEPT_MAX && kept.buildings.len() > 1 {
            let oldest = kept.buildings.iter().min_by_key(|(_, one)| one.used);
            let Some(oldest) = oldest.map(|(key, _)| *key) else { return };
            kept.forget(&oldest);
        }
    }
}

impl Kept {
    fn forget(&mut self, key: &Key) {
        if let Some(one) = self.buildings.remove(key) {
            self.facts_len -= weight(&one.building);
        }
    }
}

/// What a building counts for: one that is blank takes its place, too.
fn weight(building: &Building) -> usize {
    building.facts_len().max(1)
}

/// Folds the facts of a building that were here at a time.
async fn at(tx: &mut Tx, head: &Head, rounds: Vec<RoundWindow>, as_of: Millis) -> Result<Building> {
    let mut building = Building::new(BuildingId(head.building_id), rounds);
    let dated = dated(tx, head).await?;
    let here = dated.into_iter().take_while(|(since_ms, _)| *since_ms <= as_of);
    building.apply(here.map(|(_, fact)| fact));
    Ok(building)
}
