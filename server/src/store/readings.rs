//! Readings of photos, and where photos that look alike are found.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A reading, as stored: `body` is JSON.
#[derive(Debug)]
pub(crate) struct ReadingRow {
    pub(crate) sha256: Vec<u8>,
    pub(crate) version: i64,
    pub(crate) phash64: Option<[u8; 8]>,
    pub(crate) phash256: Option<[u8; 32]>,
    pub(crate) body: Vec<u8>,
    pub(crate) read_ms: Millis,
}

/// A photo with some bytes, and where it belongs.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PhotoOf {
    pub(crate) street_id: Uuid,
    pub(crate) building_id: Uuid,
    pub(crate) photo_id: Uuid,
    pub(crate) sha256: Vec<u8>,
    /// When it was first received.
    pub(crate) received_ms: Millis,
}

/// A slot that a photo is found in.
pub(crate) struct SlotRow<'a> {
    pub(crate) photo: &'a PhotoOf,
    pub(crate) slot: i64,
    pub(crate) phash64: Option<[u8; 8]>,
}

/// A photo that shares a slot with another one.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Neighbour {
    pub(crate) photo_id: Uuid,
    pub(crate) sha256: Vec<u8>,
    pub(crate) phash64: Option<Vec<u8>>,
}

/// What was read, as JSON.
#[derive(sqlx::FromRow)]
pub(crate) struct ReadingBody {
    pub(crate) sha256: Vec<u8>,
    pub(crate) version: i64,
    pub(crate) body: Vec<u8>,
}

impl Tx {
    /// Stores readings, each unless there is one by a later version.
    pub(crate) async fn put_readings(&mut self, readings: &[&ReadingRow]) -> Result<()> {
        const HEAD: &str =
            "insert into photo_reading (sha256, version, phash64, phash256, body, read_ms) ";
        for_chunks!(
            self,
            readings,
            HEAD,
            |values, reading| _ = values
                .push_bind(reading.sha256.as_slice())
                .push_bind(reading.version)
                .push_bind(reading.phash64.map(Vec::from))
                .push_bind(reading.phash256.map(Vec::from))
                .push_bind(reading.body.as_slice())
                .push_bind(reading.read_ms),
            " on conflict (sha256) do update set version = excluded.version, \
             phash64 = excluded.phash64, phash256 = excluded.phash256, body = excluded.body, \
             read_ms = excluded.read_ms where photo_reading.version <= excluded.version"
        );
        Ok(())
    }

    /// The readings of these bytes.
    pub(crate) async fn readings(&mut self, hashes: &[&[u8]]) -> Result<Vec<ReadingBody>> {
        Ok(select_in!(
            self,
            hashes,
            ReadingBody,
            "select sha256, version, body from photo_reading where sha256 in ("
        ))
    }

    /// The photos that have any of these bytes.
    pub(crate) async fn photos_of_bytes(&mut self, hashes: &[&[u8]]) -> Result<Vec<PhotoOf>> {
        let rows = select_in!(
            self,
            hashes,
            PhotoOf,
            "select street_id, building_id, photo_id, sha256, received_ms from photo \
             where state = 'stored' and sha256 in ("
        );
        Ok(first_of_each(rows))
    }

    /// The photos of a street that came under these ids.
    pub(crate) async fn photos_stored(
        &mut self,
        street: Uuid,
        photos: &[Uuid],
    ) -> Result<Vec<PhotoOf>> {
        let rows = select_in!(
            self,
            photos,
            PhotoOf,
            "select street_id, building_id, photo_id, sha256, received_ms from photo \
             where state = 'stored' and street_id = ",
            street,
            " and photo_id in ("
        );
        Ok(first_of_each(rows))
    }

    /// Notes whether a photo shows an identity document. `false` where that was noted before.
    pub(crate) async fn restrict_photo(
        &mut self,
        street: Uuid,
        photo: Uuid,
        is_restricted: bool,
    ) -> Result<bool> {
        const ADD: &str = "insert into photo_restricted (street_id, photo_id) values ($1, $2) \
             on conflict (street_id, photo_id) do nothing";
        const REMOVE: &str = "delete from photo_restricted where street_id = $1 and photo_id = $2";
        let sql = if is_restricted { ADD } else { REMOVE };
        on!(self, |conn| sqlx::query(sql)
            .bind(street)
            .bind(photo)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() > 0))
    }

    /// The photos that show an identity document, with their streets: of one street, or of all.
    pub(crate) async fn photos_restricted(
        &mut self,
        street: Option<Uuid>,
    ) -> Result<Vec<(Uuid, Uuid)>> {
        const SQL: &str = "select street_id, photo_id from photo_restricted \
             where $1 is null or street_id = $1 order by street_id, photo_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).fetch_all(conn).await)
    }

    /// Whether a photo shows an identity document.
    pub(crate) async fn is_photo_restricted(&mut self, street: Uuid, photo: Uuid) -> Result<bool> {
        const SQL: &str =
            "select count(*) from photo_restricted where street_id = $1 and photo_id = $2";
        let rows: i64 = on!(self, |conn| sqlx::query_scalar(SQL)
            .bind(street)
            .bind(photo)
            .fetch_one(conn)
            .await)?;
        Ok(rows > 0)
    }

    /// Puts photos into slots of their streets.
    pub(crate) async fn put_slots(&mut self, slots: &[SlotRow<'_>]) -> Result<()> {
        const HEAD: &str = "insert into photo_slot (street_id, slot, photo_id, sha256, phash64) ";
        for_chunks!(
            self,
            slots,
            HEAD,
            |values, row| _ = values
                .push_bind(row.photo.street_id)
                .push_bind(row.slot)
                .push_bind(row.photo.photo_id)
                .push_bind(row.photo.sha256.as_slice())
                .push_bind(row.phash64.map(Vec::from)),
            " on conflict (street_id, slot, photo_id, sha256) do nothing"
        );
        Ok(())
    }

    /// The photos of a street in any of some slots, once for each slot.
    pub(crate) async fn neighbours(
        &mut self,
        street: Uuid,
        slots: &[i64],
    ) -> Result<Vec<Neighbour>> {
        Ok(select_in!(
            self,
            slots,
            Neighbour,
            "select photo_id, sha256, phash64 from photo_slot where street_id = ",
            street,
            " and slot in ("
        ))
    }
}

/// Of one photo from two people the first counts.
fn first_of_each(rows: Vec<PhotoOf>) -> Vec<PhotoOf> {
    let mut first: BTreeMap<_, PhotoOf> = BTreeMap::new();
    for row in rows {
        let key = (row.street_id, row.building_id, row.photo_id, row.sha256.clone());
        let known = first.entry(key).or_insert_with(|| row.clone());
        known.received_ms = known.received_ms.min(row.received_ms);
    }
    first.into_values().collect()
}
