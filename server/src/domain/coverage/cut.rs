//! What figures are made from (统计口径): a round, and the facts that were here at a time.
//!
//! Without a time the figures are what the writer keeps. With one, buildings are folded from the
//! facts of that time, by the server's clock: the same question gives the same answer for ever.
//! Rounds are as they are today.

use super::super::fold;
use super::super::folded::Folded;
use super::{chosen, rounds_for};
use crate::error::{Error, Result};
use crate::store::{BuildingRow, Head, Tx};
use saolou_protocol::building::{Building, Entity, EntityKind};
use saolou_protocol::ids::{BuildingId, RoundId};
use saolou_protocol::time::Millis;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Buildings that one request folds at most: more than any street has.
pub(super) const FOLDED_MAX: usize = 500;

/// A round and a time, as a query names them; without them the current round, and now.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct Cut {
    pub(crate) round: Option<Uuid>,
    /// Milliseconds since 1970 by the server's clock; what came later is left out.
    pub(crate) as_of: Option<Millis>,
}

/// An entity of one of several buildings.
pub(super) struct Found {
    pub(super) kind: EntityKind,
    pub(super) row: BuildingRow,
}

impl Cut {
    /// The rounds that figures below a unit are about.
    pub(super) async fn rounds(self, tx: &mut Tx, unit: Uuid) -> Result<HashSet<RoundId>> {
        rounds_for(tx, unit, self.round).await
    }

    /// The round that figures of one building are about.
    pub(super) async fn round(self, tx: &mut Tx, street: Uuid) -> Result<Uuid> {
        let rounds = tx.rounds(street).await?;
        chosen(&rounds, self.round).ok_or(Error::NotFound)
    }

    /// The entities of some kinds of all buildings below a unit.
    pub(super) async fn below(
        self,
        tx: &mut Tx,
        folded: &Folded,
        unit: Uuid,
        kinds: &[EntityKind],
    ) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        if self.as_of.is_none() {
            for kind in kinds {
                let rows = tx.entities_below(unit, kind.code()).await?;
                found.extend(rows.into_iter().map(|row| Found { kind: *kind, row }));
            }
            return Ok(found);
        }
        for (head, unit_id) in heads_below(tx, unit).await? {
            let building_id = head.building_id;
            let entities = self.fold(tx, folded, &head).await?.entities();
            let entities = entities.into_iter().filter(|entity| kinds.contains(&entity.kind));
            found.extend(entities.map(|Entity { kind, body, .. }| Found {
                kind,
                row: BuildingRow { building_id, unit_id, body },
            }));
        }
        Ok(found)
    }

    /// The entities of one building.
    pub(super) async fn of_building(
        self,
        tx: &mut Tx,
        folded: &Folded,
        head: &Head,
    ) -> Result<Vec<(EntityKind, Vec<u8>)>> {
        if self.as_of.is_some() {
            let entities = self.fold(tx, folded, head).await?.entities();
            return Ok(entities.into_iter().map(|entity| (entity.kind, entity.body)).collect());
        }
        let rows = tx.entities(head.street_id, head.building_id).await?;
        let known =
            rows.into_iter().filter_map(|row| Some((EntityKind::parse(&row.kind)?, row.body)));
        Ok(known.collect())
    }

    /// A building, folded.
    pub(crate) async fn fold(
        self,
        tx: &mut Tx,
        folded: &Folded,
        head: &Head,
    ) -> Result<Arc<Building>> {
        folded.building(tx, head, self.as_of).await
    }
}

/// The buildings below a unit, in the order of their ids, each with the unit it lies in.
pub(super) async fn heads_below(tx: &mut Tx, unit: Uuid) -> Result<Vec<(Head, Uuid)>> {
    let rows = tx.entities_below(unit, EntityKind::Building.code()).await?;
    if rows.len() > FOLDED_MAX {
        let cause =
            format!("as_of: {} buildings, the limit is {FOLDED_MAX}: choose a street", rows.len());
        return Err(Error::Invalid(cause));
    }
    let units: HashMap<Uuid, Uuid> =
        rows.into_iter().map(|row| (row.building_id, row.unit_id)).collect();
    let ids: Vec<Uuid> = units.keys().copied().collect();
    let mut heads = tx.heads(&ids).await?;
    heads.sort_by_key(|head| head.building_id);
    let with_unit = heads.into_iter().map(|head| {
        let unit = units[&head.building_id];
        (head, unit)
    });
    Ok(with_unit.collect())
}

/// A building of which nothing is known yet.
pub(super) async fn blank(tx: &mut Tx, head: &Head) -> Result<Building> {
    let rounds = fold::rounds(tx, head.street_id).await?;
    Ok(Building::new(BuildingId(head.building_id), rounds))
}
