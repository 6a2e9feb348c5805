//! Licences found at work in several buildings of a street (C27): the index that follows every
//! commit, and what answers and timelines ask of it.
//!
//! What lies within one building is the business of the fold. Across buildings an answer says what
//! the index held when it was given; a timeline asks the index as it stands.

use crate::error::Result;
use crate::store::{Head, LicenceRow, Tx};
use saolou_protocol::building::{Building, LicenceSite};
use saolou_protocol::engine::commit::Move;
use saolou_protocol::engine::push::{Judged, Verdict};
use saolou_protocol::fact::Kind;
use saolou_protocol::ids::{BuildingId, OpId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Those ops of a batch whose licence is new to their building and known in another one of the street,
/// or in another one of the batch. Asks nothing where no licence is new.
pub(super) async fn elsewhere(
    tx: &mut Tx,
    ops: &[&Judged],
    buildings: &HashMap<BuildingId, Building>,
) -> Result<BTreeSet<OpId>> {
    let mut new: BTreeMap<Uuid, BTreeMap<LicenceSite, Vec<(BuildingId, OpId)>>> = BTreeMap::new();
    for judged in ops {
        let Verdict::Merge(fact) = &judged.verdict else { continue };
        let Kind::Visit(visit) = &fact.kind else { continue };
        let Some(site) = visit.licence_site() else { continue };
        let building = judged.op.bucket;
        if buildings.get(&building).is_some_and(|building| !building.has_licence_site(&site)) {
            let sites = new.entry(judged.street).or_default();
            sites.entry(site).or_default().push((building, fact.op));
        }
    }
    let mut elsewhere = BTreeSet::new();
    for (street, sites) in new {
        let found = Found::read(tx, street, sites.keys()).await?;
        for (site, ops) in &sites {
            let is_elsewhere = |building: BuildingId| {
                found.is_elsewhere(site, building.0)
                    || ops.iter().any(|(other, _)| *other != building)
            };
            elsewhere.extend(
                ops.iter().filter(|(building, _)| is_elsewhere(*building)).map(|(_, op)| *op),
            );
        }
    }
    Ok(elsewhere)
}

/// Where in a street some licences were found.
pub(super) struct Found(BTreeSet<(String, Uuid, Uuid)>);

impl Found {
    pub(super) async fn read(
        tx: &mut Tx,
        street: Uuid,
        sites: impl Iterator<Item = &LicenceSite>,
    ) -> Result<Self> {
        let codes: BTreeSet<&str> = sites.map(|site| site.uscc.as_str()).collect();
        let codes: Vec<&str> = codes.into_iter().collect();
        let rows = tx.licences_found(street, &codes).await?;
        Ok(Self(rows.into_iter().map(|row| (row.uscc, row.round_id, row.building_id)).collect()))
    }

    /// Whether a licence was found, in its round, in another building than this.
    pub(super) fn is_elsewhere(&self, site: &LicenceSite, building: Uuid) -> bool {
        let (uscc, round) = (site.uscc.as_str().to_owned(), site.round.0);
        let places = (uscc.clone(), round, Uuid::nil())..=(uscc, round, Uuid::max());
        self.0.range(places).any(|(_, _, other)| *other != building)
    }
}

/// What a commit changes of the index.
#[derive(Default)]
pub(super) struct Moved {
    found: Vec<LicenceRow>,
    gone: Vec<LicenceRow>,
}

impl Moved {
    /// What these buckets changed.
    pub(super) fn of(moves: &[Move]) -> Self {
        let mut moved = Self::default();
        for change in moves {
            let row = |site| row(change.from.street, change.bucket.0, site);
            moved.found.extend(change.licences.found.iter().map(row));
            moved.gone.extend(change.licences.gone.iter().map(row));
        }
        moved
    }

    /// What must change so that the index holds for a building what its ops say.
    pub(super) async fn due(tx: &mut Tx, head: &Head, building: &Building) -> Result<Self> {
        let stored: BTreeSet<LicenceRow> =
            tx.licences_in(head.street_id, head.building_id).await?.into_iter().collect();
        let right: BTreeSet<LicenceRow> = building
            .licence_sites()
            .map(|site| row(head.street_id, head.building_id, &site))
            .collect();
        Ok(Self {
            found: right.difference(&stored).cloned().collect(),
            gone: stored.difference(&right).cloned().collect(),
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.gone.is_empty()
    }

    /// Rows that the index lacks, and rows that it should not have.
    pub(super) fn rows(&self) -> (&[LicenceRow], &[LicenceRow]) {
        (&self.found, &self.gone)
    }

    pub(super) async fn write(&self, tx: &mut Tx) -> Result<()> {
        tx.put_licences(&self.found).await?;
        tx.delete_licences(&self.gone).await?;
        Ok(())
    }
}

fn row(street_id: Uuid, building_id: Uuid, site: &LicenceSite) -> LicenceRow {
    let (uscc, round_id) = (site.uscc.as_str().to_owned(), site.round.0);
    LicenceRow { street_id, uscc, round_id, building_id }
}
