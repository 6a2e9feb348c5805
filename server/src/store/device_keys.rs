//! Who a device is: invitations, keys, what it said when it was last heard of, and the manifests that
//! it numbered.

use super::bulk::for_chunks;
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// An invitation to register a key.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct EnrolmentRow {
    pub(crate) enrolment_id: Uuid,
    pub(crate) code_hash: Vec<u8>,
    pub(crate) street_id: Uuid,
    /// For whom; anybody of the street where it is `None`.
    pub(crate) user_id: Option<Uuid>,
    pub(crate) made_by: Uuid,
    pub(crate) made_ms: Millis,
    pub(crate) expires_ms: Millis,
    pub(crate) used_ms: Option<Millis>,
    /// The device and the key that it was used for.
    pub(crate) device_id: Option<Uuid>,
    pub(crate) fingerprint: Option<Vec<u8>>,
}

/// A key that a device has or had.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct DeviceKeyRow {
    pub(crate) device_id: Uuid,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) public_key: String,
    pub(crate) algorithm: String,
    /// The entry of the evidence log that says so.
    pub(crate) event_id: Uuid,
    pub(crate) from_ms: Millis,
}

impl Tx {
    /// Notes an invitation.
    pub(crate) async fn put_enrolment(&mut self, row: &EnrolmentRow) -> Result<()> {
        const SQL: &str = "insert into enrolment \
             (enrolment_id, code_hash, street_id, user_id, made_by, made_ms, expires_ms) \
             values ($1, $2, $3, $4, $5, $6, $7)";
        on!(self, |conn| sqlx::query(SQL)
            .bind(row.enrolment_id)
            .bind(row.code_hash.as_slice())
            .bind(row.street_id)
            .bind(row.user_id)
            .bind(row.made_by)
            .bind(row.made_ms)
            .bind(row.expires_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// How many invitations of a street are good and unused.
    pub(crate) async fn enrolments_open(&mut self, street: Uuid, now_ms: Millis) -> Result<i64> {
        const SQL: &str = "select count(*) from enrolment \
             where street_id = $1 and expires_ms > $2 and used_ms is null";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(street).bind(now_ms).fetch_one(conn).await)
    }

    /// An invitation.
    pub(crate) async fn enrolment_of(&mut self, enrolment: Uuid) -> Result<Option<EnrolmentRow>> {
        const SQL: &str = "select enrolment_id, code_hash, street_id, user_id, made_by, made_ms, \
             expires_ms, used_ms, device_id, fingerprint from enrolment where enrolment_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(enrolment).fetch_optional(conn).await)
    }

    /// The invitation of a code.
    pub(crate) async fn enrolment(&mut self, code_hash: &[u8]) -> Result<Option<EnrolmentRow>> {
        const SQL: &str = "select enrolment_id, code_hash, street_id, user_id, made_by, made_ms, \
             expires_ms, used_ms, device_id, fingerprint from enrolment where code_hash = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(code_hash).fetch_optional(conn).await)
    }

    /// Uses an invitation. `false` where somebody else was faster.
    pub(crate) async fn use_enrolment(
        &mut self,
        enrolment: Uuid,
        device: Uuid,
        fingerprint: &[u8],
        now_ms: Millis,
    ) -> Result<bool> {
        const SQL: &str = "update enrolment set used_ms = $2, device_id = $3, fingerprint = $4 \
             where enrolment_id = $1 and used_ms is null";
        on!(self, |conn| sqlx::query(SQL)
            .bind(enrolment)
            .bind(now_ms)
            .bind(device)
            .bind(fingerprint)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() == 1))
    }

    /// Whose a device is, and since when it is revoked.
    pub(crate) async fn device(&mut self, device: Uuid) -> Result<Option<(Uuid, Option<Millis>)>> {
        const SQL: &str = "select user_id, revoked_ms from device where device_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(device).fetch_optional(conn).await)
    }

    /// The keys that a device ever had, the present one last.
    pub(crate) async fn device_keys(&mut self, device: Uuid) -> Result<Vec<DeviceKeyRow>> {
        const SQL: &str = "select device_id, fingerprint, public_key, algorithm, event_id, \
             from_ms from device_key where device_id = $1 \
             order by coalesce(until_ms, 9223372036854775807), from_ms, fingerprint";
        on!(self, |conn| sqlx::query_as(SQL).bind(device).fetch_all(conn).await)
    }

    /// Registers a key, which takes the place of the present one. A key that a device had before
    /// becomes its present one again.
    pub(crate) async fn put_device_key(&mut self, key: &DeviceKeyRow) -> Result<()> {
        const END: &str = "update device_key set until_ms = $2 \
             where device_id = $1 and until_ms is null";
        const PUT: &str = "insert into device_key \
             (device_id, fingerprint, public_key, algorithm, event_id, from_ms) \
             values ($1, $2, $3, $4, $5, $6) \
             on conflict (device_id, fingerprint) do update set until_ms = null";
        on!(self, |conn| {
            let ended = sqlx::query(END).bind(key.device_id).bind(key.from_ms);
            ended.execute(&mut *conn).await?;
            sqlx::query(PUT)
                .bind(key.device_id)
                .bind(key.fingerprint.as_slice())
                .bind(key.public_key.as_str())
                .bind(key.algorithm.as_str())
                .bind(key.event_id)
                .bind(key.from_ms)
                .execute(conn)
                .await
                .map(drop)
        })
    }
}

/// What a device said when it synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SightingRow {
    pub(crate) device_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) synced_ms: Millis,
    pub(crate) records: Option<i64>,
    pub(crate) photos: Option<i64>,
    pub(crate) skew_ms: Option<i64>,
}

/// A device, as the desk sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct DeviceRow {
    pub(crate) device_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) name: String,
    pub(crate) first_ms: Millis,
    pub(crate) revoked_ms: Option<Millis>,
    pub(crate) reason: Option<String>,
    pub(crate) synced_ms: Option<Millis>,
    pub(crate) records: Option<i64>,
    pub(crate) photos: Option<i64>,
    pub(crate) skew_ms: Option<i64>,
    pub(crate) fingerprint: Option<Vec<u8>>,
    pub(crate) algorithm: Option<String>,
    pub(crate) key_ms: Option<Millis>,
    /// Different numbers among its manifests, and the highest of them.
    pub(crate) manifests: i64,
    pub(crate) last_seq: i64,
}

impl Tx {
    /// Notes what devices said; of two words of one device the later counts.
    pub(crate) async fn put_sightings(&mut self, rows: &[SightingRow]) -> Result<()> {
        for_chunks!(
            self,
            rows,
            "insert into device_sighting (device_id, user_id, synced_ms, records, photos, skew_ms) ",
            |values, row| _ = values
                .push_bind(row.device_id)
                .push_bind(row.user_id)
                .push_bind(row.synced_ms)
                .push_bind(row.records)
                .push_bind(row.photos)
                .push_bind(row.skew_ms),
            " on conflict (device_id) do update set user_id = excluded.user_id, \
             synced_ms = excluded.synced_ms, records = excluded.records, \
             photos = excluded.photos, skew_ms = excluded.skew_ms \
             where device_sighting.synced_ms <= excluded.synced_ms"
        );
        Ok(())
    }

    /// The devices that file in the streets below a unit.
    pub(crate) async fn devices_below(&mut self, unit: Uuid) -> Result<Vec<DeviceRow>> {
        // A number that came with a signature that is none is somebody's word against the device's.
        const SQL: &str = "select device.device_id, device.user_id, account.name, \
             device.first_ms, device.revoked_ms, device.reason, device_sighting.synced_ms, \
             device_sighting.records, device_sighting.photos, device_sighting.skew_ms, \
             device_key.fingerprint, device_key.algorithm, device_key.from_ms as key_ms, \
             (select count(distinct seq) from photo_manifest \
             where photo_manifest.device_id = device.device_id \
             and signature <> 'invalid') as manifests, \
             (select coalesce(max(seq), 0) from photo_manifest \
             where photo_manifest.device_id = device.device_id \
             and signature <> 'invalid') as last_seq \
             from device join account on account.user_id = device.user_id \
             left join device_sighting on device_sighting.device_id = device.device_id \
             left join device_key on device_key.device_id = device.device_id \
             and device_key.until_ms is null \
             where device.device_id in (select device_street.device_id from device_street \
             join org_unit_above on org_unit_above.unit_id = device_street.street_id \
             where org_unit_above.above_id = $1) \
             order by device.first_ms desc, device.device_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(unit).fetch_all(conn).await)
    }
}

/// A capture manifest, by its number.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct ManifestRow {
    pub(crate) device_id: Uuid,
    pub(crate) seq: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) previous: Option<Vec<u8>>,
    pub(crate) photo_id: Uuid,
    pub(crate) street_id: Uuid,
    /// `valid`, `invalid`, `absent`, `unknown_key`.
    pub(crate) signature: String,
    /// As it was sent.
    pub(crate) body: Vec<u8>,
    pub(crate) at_ms: Millis,
}

/// Of a manifest what shows whether one is missing.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct NumberedRow {
    pub(crate) seq: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) previous: Option<Vec<u8>>,
    pub(crate) photo_id: Uuid,
    pub(crate) signature: String,
    /// Whether the photo is here.
    pub(crate) is_here: bool,
}

impl Tx {
    /// Notes manifests; one that is here already stays as it is.
    pub(crate) async fn put_manifests(&mut self, rows: &[ManifestRow]) -> Result<()> {
        for_chunks!(
            self,
            rows,
            "insert into photo_manifest (device_id, seq, hash, previous, photo_id, street_id, signature, body, at_ms) ",
            |values, row| _ = values
                .push_bind(row.device_id)
                .push_bind(row.seq)
                .push_bind(row.hash.as_slice())
                .push_bind(row.previous.as_deref())
                .push_bind(row.photo_id)
                .push_bind(row.street_id)
                .push_bind(row.signature.as_str())
                .push_bind(row.body.as_slice())
                .push_bind(row.at_ms),
            " on conflict (device_id, seq, hash) do nothing"
        );
        Ok(())
    }

    /// The numbered manifests of a device, in their order.
    pub(crate) async fn numbered(&mut self, device: Uuid) -> Result<Vec<NumberedRow>> {
        const SQL: &str = "select seq, hash, previous, photo_id, signature, \
             exists (select 1 from photo where photo.photo_id = photo_manifest.photo_id) \
             as is_here from photo_manifest where device_id = $1 order by seq, hash";
        on!(self, |conn| sqlx::query_as(SQL).bind(device).fetch_all(conn).await)
    }

    /// Manifests of a device whose signature no known key has made.
    pub(crate) async fn manifests_unproved(
        &mut self,
        device: Uuid,
    ) -> Result<Vec<(i64, Vec<u8>, Vec<u8>)>> {
        const SQL: &str = "select seq, hash, body from photo_manifest \
             where device_id = $1 and signature in ('unknown_key', 'invalid')";
        on!(self, |conn| sqlx::query_as(SQL).bind(device).fetch_all(conn).await)
    }

    /// Notes what the signature of a manifest is worth, now that the key is known.
    pub(crate) async fn judge_manifest(
        &mut self,
        device: Uuid,
        seq: i64,
        hash: &[u8],
        signature: &str,
    ) -> Result<()> {
        const SQL: &str = "update photo_manifest set signature = $4 \
             where device_id = $1 and seq = $2 and hash = $3";
        on!(self, |conn| sqlx::query(SQL)
            .bind(device)
            .bind(seq)
            .bind(hash)
            .bind(signature)
            .execute(conn)
            .await
            .map(drop))
    }
}
