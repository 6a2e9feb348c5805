//! Devices: their counters, whether they were revoked, and which buckets they hold rows of.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// A device that files in a street.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Seen {
    pub(crate) device: Uuid,
    pub(crate) user: Uuid,
    pub(crate) street: Uuid,
}

/// A bucket that a device holds rows of.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct HoldingRow {
    pub(crate) street_id: Uuid,
    pub(crate) building_id: Uuid,
    pub(crate) device_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) given_ms: Millis,
    /// Until when it must have left, where it was told to.
    pub(crate) purge_by_ms: Option<Millis>,
}

impl From<&HoldingRow> for Seen {
    fn from(row: &HoldingRow) -> Self {
        Self { device: row.device_id, user: row.user_id, street: row.street_id }
    }
}

impl Tx {
    /// Notes devices and the streets in which they file.
    pub(crate) async fn put_devices(&mut self, seen: &[Seen], now_ms: Millis) -> Result<()> {
        for_chunks!(
            self,
            seen,
            "insert into device (device_id, user_id, first_ms) ",
            |values, seen| _ = values.push_bind(seen.device).push_bind(seen.user).push_bind(now_ms),
            " on conflict (device_id) do nothing"
        );
        for_chunks!(
            self,
            seen,
            "insert into device_street (device_id, street_id) ",
            |values, seen| _ = values.push_bind(seen.device).push_bind(seen.street),
            " on conflict (device_id, street_id) do nothing"
        );
        Ok(())
    }

    /// The streets in which a device has filed.
    pub(crate) async fn streets_of_device(&mut self, device: Uuid) -> Result<Vec<Uuid>> {
        const SQL: &str = "select street_id from device_street where device_id = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(device).fetch_all(conn).await)
    }

    /// Those of these devices that were revoked.
    pub(crate) async fn revoked_devices(&mut self, devices: &[Uuid]) -> Result<Vec<Uuid>> {
        let rows: Vec<(Uuid,)> = select_in!(
            self,
            devices,
            (Uuid,),
            "select device_id from device where revoked_ms is not null and device_id in ("
        );
        Ok(rows.into_iter().map(|(device,)| device).collect())
    }

    /// Revokes a device; one that is revoked already stays as it is.
    pub(crate) async fn revoke_device(
        &mut self,
        device: Uuid,
        by: Uuid,
        now_ms: Millis,
        reason: &str,
    ) -> Result<()> {
        const SQL: &str = "update device set revoked_ms = $2, revoked_by = $3, reason = $4 \
             where device_id = $1 and revoked_ms is null";
        on!(self, |conn| sqlx::query(SQL)
            .bind(device)
            .bind(now_ms)
            .bind(by)
            .bind(reason)
            .execute(conn)
            .await
            .map(drop))
    }

    /// The counters of a device that were accepted in a street, how many and up to which, equal where
    /// there is no hole; `None` where some are in quarantine, and have to be looked at together.
    pub(crate) async fn counters_len(
        &mut self,
        street: Uuid,
        device: Uuid,
    ) -> Result<Option<(i64, i64)>> {
        // The index gives them in order, so that those that were taken twice stand side by side.
        const SQL: &str = "select count(*), coalesce(max(n), 0), exists (select n from quarantine \
             where street_id = $1 and device_id = $2 and n > 0) from (select distinct n from op \
             where street_id = $1 and device_id = $2 and n > 0) as held";
        let (len, last, more): (i64, i64, bool) =
            on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(device).fetch_one(conn).await)?;
        Ok((!more).then_some((len, last)))
    }

    /// The counters of a device that have arrived in a street, ascending, each with its op; 0
    /// nowhere among them.
    pub(crate) async fn counters(
        &mut self,
        street: Uuid,
        device: Uuid,
        from: i64,
        to: i64,
    ) -> Result<Vec<(i64, Option<Uuid>)>> {
        const SQL: &str = "select n, op_id from op \
             where street_id = $1 and device_id = $2 and n between $3 and $4 and n > 0 union all \
             select n, op_id from quarantine \
             where street_id = $1 and device_id = $2 and n between $3 and $4 and n > 0 order by 1";
        on!(self, |conn| sqlx::query_as(SQL)
            .bind(street)
            .bind(device)
            .bind(from)
            .bind(to)
            .fetch_all(conn)
            .await)
    }

    /// Notes that a device is given rows of buckets.
    pub(crate) async fn put_holdings(&mut self, holdings: &[HoldingRow]) -> Result<()> {
        for_chunks!(
            self,
            holdings,
            "insert into holding (street_id, building_id, device_id, user_id, given_ms, purge_by_ms) ",
            |values, row| _ = values
                .push_bind(row.street_id)
                .push_bind(row.building_id)
                .push_bind(row.device_id)
                .push_bind(row.user_id)
                .push_bind(row.given_ms)
                .push_bind(row.purge_by_ms),
            " on conflict (device_id, building_id) do update \
             set user_id = excluded.user_id, purge_by_ms = excluded.purge_by_ms"
        );
        Ok(())
    }

    /// Notes that a device was told to leave a bucket.
    pub(crate) async fn tell_to_leave(
        &mut self,
        device: Uuid,
        building: Uuid,
        purge_by_ms: Millis,
    ) -> Result<()> {
        const SQL: &str = "update holding set purge_by_ms = $3 \
             where device_id = $1 and building_id = $2 and purge_by_ms is null";
        on!(self, |conn| sqlx::query(SQL)
            .bind(device)
            .bind(building)
            .bind(purge_by_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// Notes that a device has left a bucket.
    pub(crate) async fn end_holding(&mut self, device: Uuid, building: Uuid) -> Result<()> {
        const SQL: &str = "delete from holding where device_id = $1 and building_id = $2";
        on!(self, |conn| sqlx::query(SQL).bind(device).bind(building).execute(conn).await.map(drop))
    }

    /// What a device holds.
    pub(crate) async fn holdings_of(&mut self, device: Uuid) -> Result<Vec<Uuid>> {
        const SQL: &str = "select building_id from holding where device_id = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(device).fetch_all(conn).await)
    }

    /// What devices should have left by now, as they were told.
    pub(crate) async fn holdings_overdue(&mut self, now_ms: Millis) -> Result<Vec<HoldingRow>> {
        const SQL: &str = "select street_id, building_id, device_id, user_id, given_ms, \
             purge_by_ms from holding where purge_by_ms < $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(now_ms).fetch_all(conn).await)
    }

    /// What devices hold of the buckets below a unit.
    pub(crate) async fn holdings_below(&mut self, unit: Uuid) -> Result<Vec<HoldingRow>> {
        const SQL: &str = "select street_id, building_id, device_id, user_id, given_ms, \
             purge_by_ms from holding where street_id in \
             (select unit_id from org_unit_above where above_id = $1) \
             order by building_id, device_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(unit).fetch_all(conn).await)
    }
}
