//! What is asked and noted after a database was set back: photos without an owner, and where something
//! may still tell of one.

use super::bulk::select_in;
use super::{PhotoRow, Result, Tx, UploadRow, on};
use uuid::Uuid;

/// A photo that is here under an id.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct HereRow {
    pub(crate) photo_id: Uuid,
    pub(crate) sha256: Vec<u8>,
    /// Nil where nobody knows any more.
    pub(crate) author_id: Uuid,
    pub(crate) state: String,
}

impl Tx {
    /// Which contents are here under these ids, from whomever.
    pub(crate) async fn photos_here(&mut self, ids: &[Uuid]) -> Result<Vec<HereRow>> {
        Ok(select_in!(
            self,
            ids,
            HereRow,
            "select photo_id, sha256, author_id, state from photo where photo_id in ("
        ))
    }

    /// Those photos under these ids that wait for whoever took them: their author is nil.
    pub(crate) async fn photos_unclaimed(&mut self, ids: &[Uuid]) -> Result<Vec<PhotoRow>> {
        Ok(select_in!(
            self,
            ids,
            PhotoRow,
            "select street_id, photo_id, author_id, sha256, building_id, device_id, kind, \
             media_type, bytes, manifest, state, reason, received_ms, bound_ms from photo \
             where state = 'quarantined' and author_id = ",
            Uuid::nil(),
            " and photo_id in ("
        ))
    }

    /// Forgets that a photo waits for whoever took it: its row with an author is put in the same
    /// transaction.
    pub(crate) async fn drop_unclaimed(&mut self, photo: Uuid, sha256: &[u8]) -> Result<()> {
        const SQL: &str =
            "delete from photo where photo_id = $1 and sha256 = $2 and author_id = $3";
        on!(self, |conn| sqlx::query(SQL)
            .bind(photo)
            .bind(sha256)
            .bind(Uuid::nil())
            .execute(conn)
            .await
            .map(drop))
    }

    /// Uploads of these photos, by whomever and however they ended.
    pub(crate) async fn uploads_for(&mut self, photos: &[Uuid]) -> Result<Vec<UploadRow>> {
        Ok(select_in!(
            self,
            photos,
            UploadRow,
            "select upload_id, user_id, server_id, protocol, state, street_id, building_id, \
             device_id, photo_id, sha256, kind, manifest, metadata, bytes, received, role, parts, \
             created_ms, touched_ms from upload where photo_id in ("
        ))
    }

    /// A capture manifest of a photo by its hash, as it was sent.
    pub(crate) async fn manifest_of(
        &mut self,
        photo: Uuid,
        hash: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        const SQL: &str = "select body from photo_manifest where photo_id = $1 and hash = $2";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(photo).bind(hash).fetch_optional(conn).await)
    }
}
