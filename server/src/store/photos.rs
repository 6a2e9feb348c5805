//! Photos that have arrived. A row stands for one photo of one author with one content, for ever.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// A photo that has arrived.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PhotoRow {
    pub(crate) street_id: Uuid,
    pub(crate) photo_id: Uuid,
    pub(crate) author_id: Uuid,
    pub(crate) sha256: Vec<u8>,
    /// Nil where nobody said for which building it is.
    pub(crate) building_id: Uuid,
    pub(crate) device_id: Option<Uuid>,
    /// What it shows, in the author's words (domain §2.17).
    pub(crate) kind: Option<String>,
    /// As its first bytes say.
    pub(crate) media_type: String,
    pub(crate) bytes: i64,
    pub(crate) manifest: Option<Vec<u8>>,
    /// `stored`, `quarantined`, `mismatched`, `discarded`.
    pub(crate) state: String,
    /// Why it is not simply stored.
    pub(crate) reason: Option<String>,
    pub(crate) received_ms: Millis,
    /// Since when its record is here too.
    pub(crate) bound_ms: Option<Millis>,
}

/// How often one device has sent other bytes for a photo than were promised.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct MismatchRow {
    pub(crate) photo_id: Uuid,
    pub(crate) user_id: Uuid,
    /// Nil where the upload named none.
    pub(crate) device_id: Uuid,
    pub(crate) times: i64,
    pub(crate) last_ms: Millis,
}

/// That somebody asked to see a photo.
pub(crate) struct ViewRow {
    pub(crate) view_id: Uuid,
    pub(crate) street_id: Uuid,
    pub(crate) photo_id: Uuid,
    pub(crate) sha256: Vec<u8>,
    pub(crate) user_id: Uuid,
    pub(crate) variant: String,
    pub(crate) reason: Option<String>,
    pub(crate) at_ms: Millis,
}

const COLUMNS: &str = "select street_id, photo_id, author_id, sha256, building_id, device_id, \
     kind, media_type, bytes, manifest, state, reason, received_ms, bound_ms from photo ";

impl Tx {
    /// Notes photos that have arrived; what is noted already stays as it is.
    pub(crate) async fn put_photos(&mut self, photos: &[PhotoRow]) -> Result<()> {
        const HEAD: &str = "insert into photo (street_id, photo_id, author_id, sha256, \
             building_id, device_id, kind, media_type, bytes, manifest, state, reason, \
             received_ms, bound_ms) ";
        for_chunks!(
            self,
            photos,
            HEAD,
            |values, row| _ = values
                .push_bind(row.street_id)
                .push_bind(row.photo_id)
                .push_bind(row.author_id)
                .push_bind(row.sha256.as_slice())
                .push_bind(row.building_id)
                .push_bind(row.device_id)
                .push_bind(row.kind.as_deref())
                .push_bind(row.media_type.as_str())
                .push_bind(row.bytes)
                .push_bind(row.manifest.as_deref())
                .push_bind(row.state.as_str())
                .push_bind(row.reason.as_deref())
                .push_bind(row.received_ms)
                .push_bind(row.bound_ms),
            " on conflict (street_id, photo_id, author_id, sha256) do nothing"
        );
        Ok(())
    }

    /// What has arrived under the id of a photo, from whomever.
    pub(crate) async fn photos(&mut self, photo: Uuid) -> Result<Vec<PhotoRow>> {
        self.photos_under(&[photo]).await
    }

    /// The same of several photos.
    pub(crate) async fn photos_under(&mut self, photos: &[Uuid]) -> Result<Vec<PhotoRow>> {
        let mut rows: Vec<PhotoRow> = select_in!(
            self,
            photos,
            PhotoRow,
            "select street_id, photo_id, author_id, sha256, building_id, device_id, kind, \
             media_type, bytes, manifest, state, reason, received_ms, bound_ms from photo \
             where photo_id in ("
        );
        rows.sort_by(|a, b| (a.received_ms, &a.sha256).cmp(&(b.received_ms, &b.sha256)));
        Ok(rows)
    }

    /// What has arrived of an author under these ids.
    pub(crate) async fn photos_of(&mut self, author: Uuid, ids: &[Uuid]) -> Result<Vec<PhotoRow>> {
        Ok(select_in!(
            self,
            ids,
            PhotoRow,
            "select street_id, photo_id, author_id, sha256, building_id, device_id, kind,              media_type, bytes, manifest, state, reason, received_ms, bound_ms from photo              where state in ('stored', 'quarantined') and author_id = ",
            author,
            " and photo_id in ("
        ))
    }

    /// What an author has shown to have, under whatever id.
    pub(crate) async fn photos_with(
        &mut self,
        author: Uuid,
        hashes: &[&[u8]],
    ) -> Result<Vec<PhotoRow>> {
        Ok(select_in!(
            self,
            hashes,
            PhotoRow,
            "select street_id, photo_id, author_id, sha256, building_id, device_id, kind,              media_type, bytes, manifest, state, reason, received_ms, bound_ms from photo              where state = 'stored' and author_id = ",
            author,
            " and sha256 in ("
        ))
    }

    /// Notes that the record of a photo is here too; the first time counts.
    pub(crate) async fn bind_photo(
        &mut self,
        street: Uuid,
        photo: Uuid,
        sha256: &[u8],
        now_ms: Millis,
    ) -> Result<bool> {
        const SQL: &str = "update photo set bound_ms = $4 where street_id = $1 and photo_id = $2 \
             and sha256 = $3 and bound_ms is null";
        on!(self, |conn| sqlx::query(SQL)
            .bind(street)
            .bind(photo)
            .bind(sha256)
            .bind(now_ms)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() > 0))
    }

    /// Photos below a unit in a state, received before some time, oldest first; of those that are
    /// stored only the ones without a record.
    pub(crate) async fn photos_waiting(
        &mut self,
        unit: Uuid,
        state: &str,
        before_ms: Millis,
        rows_max: i64,
    ) -> Result<Vec<PhotoRow>> {
        const WHERE: &str = "where street_id in \
             (select unit_id from org_unit_above where above_id = $1) \
             and state = $2 and received_ms < $3 and (state <> 'stored' or bound_ms is null) \
             order by received_ms, photo_id limit $4";
        let sql = || sqlx::AssertSqlSafe([COLUMNS, WHERE].concat());
        on!(self, |conn| sqlx::query_as(sql())
            .bind(unit)
            .bind(state)
            .bind(before_ms)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }

    /// Bytes that are not what they were said to be, of before some time.
    pub(crate) async fn photos_mismatched(
        &mut self,
        before_ms: Millis,
        rows_max: i64,
    ) -> Result<Vec<PhotoRow>> {
        const WHERE: &str = "where state = 'mismatched' and received_ms < $1 limit $2";
        let sql = || sqlx::AssertSqlSafe([COLUMNS, WHERE].concat());
        on!(self, |conn| sqlx::query_as(sql()).bind(before_ms).bind(rows_max).fetch_all(conn).await)
    }

    /// Decides about a photo that waits for the desk. `false` where somebody else was faster.
    pub(crate) async fn decide_photo(
        &mut self,
        row: &PhotoRow,
        state: &str,
        reason: &str,
        building: Uuid,
    ) -> Result<bool> {
        const SQL: &str = "update photo set state = $5, reason = $6, building_id = $8 \
             where street_id = $1 and photo_id = $2 and author_id = $3 and sha256 = $4 \
             and state = $7";
        on!(self, |conn| sqlx::query(SQL)
            .bind(row.street_id)
            .bind(row.photo_id)
            .bind(row.author_id)
            .bind(row.sha256.as_slice())
            .bind(state)
            .bind(reason)
            .bind(row.state.as_str())
            .bind(building)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() > 0))
    }

    /// Moves a photo that waits for the desk, or for its record, to the building that it belongs to, and to the street of
    /// that. `false` where it does not wait any more, or is there already.
    pub(crate) async fn move_photo(
        &mut self,
        row: &PhotoRow,
        street: Uuid,
        building: Uuid,
    ) -> Result<bool> {
        const SQL: &str = "update photo set street_id = $5, building_id = $6 \
             where street_id = $1 and photo_id = $2 and author_id = $3 and sha256 = $4 \
             and (state = 'quarantined' or state = 'stored' and bound_ms is null) \
             and not exists (select 1 from photo other \
             where other.street_id = $5 and other.photo_id = $2 and other.author_id = $3 \
             and other.sha256 = $4)";
        on!(self, |conn| sqlx::query(SQL)
            .bind(row.street_id)
            .bind(row.photo_id)
            .bind(row.author_id)
            .bind(row.sha256.as_slice())
            .bind(street)
            .bind(building)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() > 0))
    }

    /// Counts once more that other bytes came for a photo than were promised. The count stays when the
    /// bytes are removed.
    pub(crate) async fn add_mismatch(&mut self, row: &PhotoRow) -> Result<()> {
        const SQL: &str = "insert into photo_mismatch \
             (street_id, photo_id, user_id, device_id, times, last_ms) \
             values ($1, $2, $3, $4, 1, $5) \
             on conflict (street_id, photo_id, user_id, device_id) do update \
             set times = photo_mismatch.times + 1, last_ms = excluded.last_ms";
        on!(self, |conn| sqlx::query(SQL)
            .bind(row.street_id)
            .bind(row.photo_id)
            .bind(row.author_id)
            .bind(row.device_id.unwrap_or_default())
            .bind(row.received_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// Who has sent other bytes for one photo than were promised so often, below a unit, the most
    /// often first.
    pub(crate) async fn mismatches(
        &mut self,
        unit: Uuid,
        times_min: i64,
        rows_max: i64,
    ) -> Result<Vec<MismatchRow>> {
        const SQL: &str = "select photo_id, user_id, device_id, times, last_ms \
             from photo_mismatch where street_id in \
             (select unit_id from org_unit_above where above_id = $1) and times >= $2 \
             order by times desc, last_ms desc, photo_id limit $3";
        on!(self, |conn| sqlx::query_as(SQL)
            .bind(unit)
            .bind(times_min)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }
}

/// What the evidence log needs to know of a photo, for a bundle.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct PhotoFacts {
    pub(crate) sha256: Vec<u8>,
    pub(crate) building_id: Uuid,
    pub(crate) author_id: Uuid,
    pub(crate) received_ms: Millis,
    /// The author's name, for the certificate.
    pub(crate) author: Option<String>,
    /// The building as served, for its name.
    pub(crate) building: Option<Vec<u8>>,
    /// The capture manifest as sent, with its signature.
    pub(crate) manifest: Option<Vec<u8>>,
}

impl Tx {
    /// What is known of a photo. Where it came with several contents, of the first.
    pub(crate) async fn photo_facts(&mut self, photo: Uuid) -> Result<Option<PhotoFacts>> {
        const SQL: &str = "select photo.sha256, photo.building_id, photo.author_id, \
             photo.received_ms, account.name as author, entity.body as building, \
             photo.manifest from photo \
             left join account on account.user_id = photo.author_id \
             left join bucket on bucket.building_id = photo.building_id \
             left join entity on entity.street_id = bucket.street_id \
             and entity.building_id = photo.building_id and entity.kind = 'building' \
             and entity.entity_id = photo.building_id \
             where photo.photo_id = $1 and photo.state in ('stored', 'quarantined') \
             order by photo.received_ms limit 1";
        on!(self, |conn| sqlx::query_as(SQL).bind(photo).fetch_optional(conn).await)
    }

    /// Notes that somebody asked to see a photo.
    pub(crate) async fn put_view(&mut self, view: &ViewRow) -> Result<()> {
        const SQL: &str = "insert into photo_view \
             (view_id, street_id, photo_id, sha256, user_id, variant, reason, at_ms) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)";
        on!(self, |conn| sqlx::query(SQL)
            .bind(view.view_id)
            .bind(view.street_id)
            .bind(view.photo_id)
            .bind(view.sha256.as_slice())
            .bind(view.user_id)
            .bind(view.variant.as_str())
            .bind(view.reason.as_deref())
            .bind(view.at_ms)
            .execute(conn)
            .await
            .map(drop))
    }
}
