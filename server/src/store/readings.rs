//! Readings of photos, where photos that look alike are found, and what is to be looked at.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// A reading, as stored: `body` is JSON.
pub(crate) struct ReadingRow<'a> {
    pub(crate) sha256: &'a [u8],
    pub(crate) version: i64,
    pub(crate) phash64: Option<[u8; 8]>,
    pub(crate) phash256: Option<[u8; 32]>,
    pub(crate) body: &'a [u8],
    pub(crate) read_ms: Millis,
}

/// A photo with some bytes, and the street that it is of.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PhotoOf {
    pub(crate) street_id: Uuid,
    pub(crate) photo_id: Uuid,
    pub(crate) sha256: Vec<u8>,
}

/// A photo that shares a slot with another one.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Neighbour {
    pub(crate) photo_id: Uuid,
    pub(crate) sha256: Vec<u8>,
    pub(crate) phash64: Option<Vec<u8>>,
}

/// A finding, as stored: `body` is JSON.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PhotoFindingRow {
    pub(crate) photo_id: Uuid,
    pub(crate) code: String,
    /// The other photo; nil where there is none.
    pub(crate) other_id: Uuid,
    pub(crate) body: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct RecordRow {
    photo_id: Uuid,
    body: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct BodyRow {
    sha256: Vec<u8>,
    body: Vec<u8>,
}

impl Tx {
    /// Stores a reading, unless there is one by a later version.
    pub(crate) async fn put_reading(&mut self, reading: &ReadingRow<'_>) -> Result<()> {
        const SQL: &str = "insert into photo_reading \
             (sha256, version, phash64, phash256, body, read_ms) values ($1, $2, $3, $4, $5, $6) \
             on conflict (sha256) do update set version = excluded.version, \
             phash64 = excluded.phash64, phash256 = excluded.phash256, body = excluded.body, \
             read_ms = excluded.read_ms where photo_reading.version <= excluded.version";
        on!(self, |conn| sqlx::query(SQL)
            .bind(reading.sha256)
            .bind(reading.version)
            .bind(reading.phash64.map(Vec::from))
            .bind(reading.phash256.map(Vec::from))
            .bind(reading.body)
            .bind(reading.read_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// The readings of these bytes, each with their hash.
    pub(crate) async fn readings(&mut self, hashes: &[&[u8]]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let rows = select_in!(
            self,
            hashes,
            BodyRow,
            "select sha256, body from photo_reading where sha256 in ("
        );
        Ok(rows.into_iter().map(|row| (row.sha256, row.body)).collect())
    }

    /// The photos that have these bytes.
    pub(crate) async fn photos_of_bytes(&mut self, sha256: &[u8]) -> Result<Vec<PhotoOf>> {
        const SQL: &str = "select distinct street_id, photo_id, sha256 from photo \
             where sha256 = $1 and state = 'stored'";
        on!(self, |conn| sqlx::query_as(SQL).bind(sha256).fetch_all(conn).await)
    }

    /// Puts a photo into slots of its street.
    pub(crate) async fn put_slots(
        &mut self,
        photo: &PhotoOf,
        slots: &[i64],
        phash64: Option<[u8; 8]>,
    ) -> Result<()> {
        const HEAD: &str = "insert into photo_slot (street_id, slot, photo_id, sha256, phash64) ";
        for_chunks!(
            self,
            slots,
            HEAD,
            |values, slot| _ = values
                .push_bind(photo.street_id)
                .push_bind(*slot)
                .push_bind(photo.photo_id)
                .push_bind(photo.sha256.as_slice())
                .push_bind(phash64.map(Vec::from)),
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

    /// Notes what the record says of a photo, as JSON.
    #[expect(dead_code, reason = "for whoever derives it from ops")]
    pub(crate) async fn put_photo_record(
        &mut self,
        street: Uuid,
        photo: Uuid,
        body: &[u8],
    ) -> Result<()> {
        const SQL: &str = "insert into photo_record (street_id, photo_id, body) \
             values ($1, $2, $3) on conflict (street_id, photo_id) do update \
             set body = excluded.body";
        on!(self, |conn| sqlx::query(SQL)
            .bind(street)
            .bind(photo)
            .bind(body)
            .execute(conn)
            .await
            .map(drop))
    }

    /// What the records say of photos of a street, as JSON.
    pub(crate) async fn photo_records(
        &mut self,
        street: Uuid,
        photos: &[Uuid],
    ) -> Result<Vec<(Uuid, Vec<u8>)>> {
        let rows = select_in!(
            self,
            photos,
            RecordRow,
            "select photo_id, body from photo_record where street_id = ",
            street,
            " and photo_id in ("
        );
        Ok(rows.into_iter().map(|row| (row.photo_id, row.body)).collect())
    }

    /// Replaces what is to be looked at about a photo, and what others have to do with it.
    pub(crate) async fn put_findings(
        &mut self,
        street: Uuid,
        photo: Uuid,
        findings: &[PhotoFindingRow],
        now_ms: Millis,
    ) -> Result<()> {
        const FORGET: [&str; 2] = [
            "delete from photo_finding where street_id = $1 and photo_id = $2",
            "delete from photo_finding where street_id = $1 and other_id = $2",
        ];
        const HEAD: &str =
            "insert into photo_finding (street_id, photo_id, code, other_id, body, found_ms) ";
        for sql in FORGET {
            on!(self, |conn| sqlx::query(sql)
                .bind(street)
                .bind(photo)
                .execute(conn)
                .await
                .map(drop))?;
        }
        for_chunks!(
            self,
            findings,
            HEAD,
            |values, finding| _ = values
                .push_bind(street)
                .push_bind(finding.photo_id)
                .push_bind(finding.code.as_str())
                .push_bind(finding.other_id)
                .push_bind(finding.body.as_slice())
                .push_bind(now_ms),
            " on conflict (street_id, photo_id, code, other_id) do nothing"
        );
        Ok(())
    }

    /// What is to be looked at about photos of a street.
    #[expect(dead_code, reason = "for whoever shows it")]
    pub(crate) async fn findings(
        &mut self,
        street: Uuid,
        photos: &[Uuid],
    ) -> Result<Vec<PhotoFindingRow>> {
        Ok(select_in!(
            self,
            photos,
            PhotoFindingRow,
            "select photo_id, code, other_id, body from photo_finding where street_id = ",
            street,
            " and photo_id in ("
        ))
    }
}
