//! The pull: the next page of what a caller may see and has not read, from one snapshot.

use super::access::Caller;
use super::cursor;
use super::fold::head_of;
use super::sync::{Sync, raw};
use crate::error::Result;
use crate::store::{EntityRow, Head, HoldingRow, Seen, Tx};
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::{Sums, first_byte};
use saolou_protocol::engine::pull::{Cursor, Holdings, Pager, Scope};
use saolou_protocol::ids::{BuildingId, DeviceId};
use saolou_protocol::wire::{BucketSums, Page, PullRequest, Rows, Served};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Rows that are read at once for a page.
const PAGE_ROWS: i64 = 500;

/// A page, what must be noted before it is sent, and whether the server was found to be set back.
pub(super) struct Pulled {
    pub(super) page: Page,
    holdings: Holdings,
    heads: BTreeMap<Uuid, Head>,
    pub(super) is_set_back: bool,
}

impl Sync {
    /// Reads the next page of what the caller may see, in a snapshot.
    pub(super) async fn page(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        device: DeviceId,
        epoch: Uuid,
        asked: PullRequest,
    ) -> Result<Pulled> {
        let now_ms = self.clock.now_ms();
        // A stolen phone may name another device than the one it signed in on.
        let revoked = caller.device_revoked || !tx.revoked_devices(&[device.0]).await?.is_empty();
        let heads = match (caller.suspended_ms, revoked) {
            (None, false) => caller.heads(tx, now_ms).await?,
            _ => BTreeMap::new(),
        };
        let lost_because = match (caller.suspended_ms, revoked) {
            (_, true) => "device_revoked",
            (Some(_), _) => "suspended",
            (None, _) => "reassigned",
        };
        let scope = heads.values().map(|head| (BuildingId(head.building_id), head_of(head)));
        let scope = Scope { heads: scope.collect(), lost_because };
        let cursor =
            match cursor::open(asked.cursor.as_deref().unwrap_or_default(), &self.cursor_key) {
                Some(cursor) => cursor,
                None => lost_cursor(tx, device, epoch).await?,
            };
        if !asked.digests.is_empty() {
            metrics::counter!("saolou_digest_mismatches_total").increment(1);
            tracing::warn!(%device, user_id = %caller.user_id, "a replica differs from the server");
        }
        let bytes_max = self.limits.page_bytes_max;
        let mut pager = Pager::begin(cursor, asked, scope, epoch, bytes_max, now_ms);
        while let Some((bucket, head, read)) = pager.wants() {
            let rows = tx.changes_after(head.street, bucket.0, read, PAGE_ROWS).await?;
            let all = rows.len() < usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
            let rows: Vec<Served> = rows.into_iter().map(served).collect::<Result<_>>()?;
            pager.take(rows, all);
        }
        let mut repair = Vec::new();
        for bucket in pager.differing() {
            let rows = tx.entities(heads[&bucket.0].street_id, bucket.0).await?;
            let terms = rows.iter().map(|r| (r.kind.as_str(), r.entity_id, Hash::of(&r.body)));
            repair.push(BucketSums { bucket, sums: Sums::of(terms) });
        }
        let mut rows = Vec::new();
        for asked in pager.rows_asked() {
            let all = tx.entities(heads[&asked.bucket.0].street_id, asked.bucket.0).await?;
            let wanted =
                |row: &EntityRow| asked.first_bytes.contains(&first_byte(&row.kind, row.entity_id));
            let entities = all.into_iter().filter(wanted).map(served).collect::<Result<_>>()?;
            let first_bytes = asked.first_bytes.clone();
            rows.push(Rows { bucket: asked.bucket, first_bytes, entities });
        }
        let is_set_back = pager.came_from_the_future();
        let seal = |cursor: &Cursor| cursor::seal(cursor, &self.cursor_key);
        let (page, holdings) = pager.end(repair, rows, seal);
        Ok(Pulled { page, holdings, heads, is_set_back })
    }

    /// Notes who holds what, before the page that makes it true is sent.
    pub(super) async fn note_holdings(
        &self,
        caller: &Caller,
        device: DeviceId,
        pulled: &Pulled,
    ) -> Result<()> {
        let Pulled { holdings, heads, .. } = pulled;
        if *holdings == Holdings::default() {
            return Ok(());
        }
        let given_ms = self.clock.now_ms();
        let row = |bucket: &BuildingId| HoldingRow {
            street_id: heads[&bucket.0].street_id,
            building_id: bucket.0,
            device_id: device.0,
            user_id: caller.user_id,
            given_ms,
            purge_by_ms: None,
        };
        let given: Vec<HoldingRow> = holdings.given.iter().map(row).collect();
        // A device that has filed nothing yet is known by what it holds, so that it can be revoked.
        let seen: BTreeSet<Seen> = given.iter().map(Seen::from).collect();
        let mut tx = self.store.write().await?;
        tx.put_devices(&seen.into_iter().collect::<Vec<_>>(), given_ms).await?;
        for bucket in &holdings.left {
            tx.end_holding(device.0, bucket.0).await?;
        }
        for (bucket, purge_by_ms) in &holdings.told {
            tx.tell_to_leave(device.0, bucket.0, *purge_by_ms).await?;
        }
        tx.put_holdings(&given).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The cursor of a phone that shows none that can be read: it has read nothing, but what it was
/// given before it may still hold.
async fn lost_cursor(tx: &mut Tx, device: DeviceId, epoch: Uuid) -> Result<Cursor> {
    let mut cursor = Cursor::start(epoch);
    for bucket in tx.holdings_of(device.0).await? {
        cursor.read.insert(BuildingId(bucket), 0);
    }
    Ok(cursor)
}

fn served(row: EntityRow) -> Result<Served> {
    let EntityRow { building_id, kind, entity_id, seq, body, .. } = row;
    Ok(Served { bucket: BuildingId(building_id), seq, kind, id: entity_id, body: raw(body)? })
}
