//! Photos on their way: one row an upload, forgotten some weeks after its end.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// An upload.
#[derive(Clone, Debug, Default, sqlx::FromRow)]
pub(crate) struct UploadRow {
    pub(crate) upload_id: Uuid,
    pub(crate) user_id: Uuid,
    /// The server that writes its file.
    pub(crate) server_id: Uuid,
    /// What it was made through: `plan`, `tus`, `ietf`, `put`.
    pub(crate) protocol: String,
    /// `open`, `complete`, `refused`, `cancelled`, `expired`.
    pub(crate) state: String,
    pub(crate) street_id: Uuid,
    /// Nil where nobody said for which building the photo is.
    pub(crate) building_id: Uuid,
    pub(crate) device_id: Option<Uuid>,
    /// None for a part of another upload.
    pub(crate) photo_id: Option<Uuid>,
    /// As declared.
    pub(crate) sha256: Option<Vec<u8>>,
    pub(crate) kind: Option<String>,
    pub(crate) manifest: Option<Vec<u8>>,
    /// `Upload-Metadata` as it was sent.
    pub(crate) metadata: Option<String>,
    /// Length, where it is known.
    pub(crate) bytes: Option<i64>,
    /// What has arrived and is durable, in bytes.
    pub(crate) received: i64,
    /// `whole`, `partial`, `final`.
    pub(crate) role: String,
    /// Of a final upload: the partial ones, by id, in order, between spaces.
    pub(crate) parts: Option<String>,
    pub(crate) created_ms: Millis,
    pub(crate) touched_ms: Millis,
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub(crate) upload: Uuid,
    pub(crate) server: Uuid,
    pub(crate) received: i64,
}

const COLUMNS: &str = "select upload_id, user_id, server_id, protocol, state, street_id, \
     building_id, device_id, photo_id, sha256, kind, manifest, metadata, bytes, received, role, \
     parts, created_ms, touched_ms from upload ";

impl Tx {
    /// An upload of a user.
    pub(crate) async fn upload(&mut self, user: Uuid, upload: Uuid) -> Result<Option<UploadRow>> {
        let sql =
            || sqlx::AssertSqlSafe([COLUMNS, "where upload_id = $1 and user_id = $2"].concat());
        on!(self, |conn| sqlx::query_as(sql()).bind(upload).bind(user).fetch_optional(conn).await)
    }

    /// The open uploads of a user's photos, as wholes.
    pub(crate) async fn uploads_of(&mut self, user: Uuid, ids: &[Uuid]) -> Result<Vec<UploadRow>> {
        Ok(select_in!(
            self,
            ids,
            UploadRow,
            "select upload_id, user_id, server_id, protocol, state, street_id, building_id,              device_id, photo_id, sha256, kind, manifest, metadata, bytes, received, role, parts,              created_ms, touched_ms from upload where state = 'open' and role = 'whole'              and user_id = ",
            user,
            " and photo_id in ("
        ))
    }

    /// Notes new uploads.
    pub(crate) async fn put_uploads(&mut self, uploads: &[UploadRow]) -> Result<()> {
        const HEAD: &str = "insert into upload (upload_id, user_id, server_id, protocol, state, \
             street_id, building_id, device_id, photo_id, sha256, kind, manifest, metadata, bytes, \
             received, role, parts, created_ms, touched_ms) ";
        for_chunks!(
            self,
            uploads,
            HEAD,
            |values, row| _ = values
                .push_bind(row.upload_id)
                .push_bind(row.user_id)
                .push_bind(row.server_id)
                .push_bind(row.protocol.as_str())
                .push_bind(row.state.as_str())
                .push_bind(row.street_id)
                .push_bind(row.building_id)
                .push_bind(row.device_id)
                .push_bind(row.photo_id)
                .push_bind(row.sha256.as_deref())
                .push_bind(row.kind.as_deref())
                .push_bind(row.manifest.as_deref())
                .push_bind(row.metadata.as_deref())
                .push_bind(row.bytes)
                .push_bind(row.received)
                .push_bind(row.role.as_str())
                .push_bind(row.parts.as_deref())
                .push_bind(row.created_ms)
                .push_bind(row.touched_ms),
            ""
        );
        Ok(())
    }

    /// Notes how far uploads have come. One that another server has taken over stays as it is, and
    /// none ever goes back.
    pub(crate) async fn move_uploads(&mut self, moved: &[Progress], now_ms: Millis) -> Result<()> {
        const HEAD: &str = "with moved (upload_id, server_id, received, touched_ms) as (";
        const TAIL: &str = ") update upload set received = moved.received, \
             touched_ms = moved.touched_ms from moved where upload.upload_id = moved.upload_id \
             and upload.server_id = moved.server_id and upload.received < moved.received \
             and upload.state = 'open'";
        for_chunks!(
            self,
            moved,
            HEAD,
            |values, one| _ = values
                .push_bind(one.upload)
                .push_bind(one.server)
                .push_bind(one.received)
                .push_bind(now_ms),
            TAIL
        );
        Ok(())
    }

    /// Hands an upload over to a server, which fences the one that wrote it before.
    pub(crate) async fn take_upload(&mut self, upload: Uuid, server: Uuid) -> Result<()> {
        const SQL: &str = "update upload set server_id = $2 where upload_id = $1";
        on!(self, |conn| sqlx::query(SQL).bind(upload).bind(server).execute(conn).await.map(drop))
    }

    /// Notes the length of an upload that was begun without one.
    pub(crate) async fn size_upload(&mut self, upload: Uuid, bytes: i64) -> Result<()> {
        const SQL: &str = "update upload set bytes = $2 where upload_id = $1 and bytes is null";
        on!(self, |conn| sqlx::query(SQL).bind(upload).bind(bytes).execute(conn).await.map(drop))
    }

    /// Ends an upload that is open.
    pub(crate) async fn end_upload(
        &mut self,
        upload: Uuid,
        state: &str,
        received: i64,
        now_ms: Millis,
    ) -> Result<()> {
        self.end_uploads(&[(upload, state, received)], now_ms).await
    }

    /// Ends those of these uploads that are open: each with a state, and how many bytes it had.
    pub(crate) async fn end_uploads(
        &mut self,
        ended: &[(Uuid, &str, i64)],
        now_ms: Millis,
    ) -> Result<()> {
        const HEAD: &str = "with ended (upload_id, state, received, touched_ms) as (";
        const TAIL: &str = ") update upload set state = ended.state, received = ended.received, \
             touched_ms = ended.touched_ms from ended where upload.upload_id = ended.upload_id \
             and upload.state = 'open'";
        for_chunks!(
            self,
            ended,
            HEAD,
            |values, one| _ =
                values.push_bind(one.0).push_bind(one.1).push_bind(one.2).push_bind(now_ms),
            TAIL
        );
        Ok(())
    }

    /// Uploads in a state that nobody has touched since; the longest untouched first.
    pub(crate) async fn uploads_untouched(
        &mut self,
        state: &str,
        before_ms: Millis,
        rows_max: i64,
    ) -> Result<Vec<Uuid>> {
        const SQL: &str = "select upload_id from upload where state = $1 and touched_ms < $2 \
             order by touched_ms limit $3";
        on!(self, |conn| sqlx::query_scalar(SQL)
            .bind(state)
            .bind(before_ms)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }

    /// Forgets an upload.
    pub(crate) async fn forget_upload(&mut self, upload: Uuid) -> Result<()> {
        const SQL: &str = "delete from upload where upload_id = $1";
        on!(self, |conn| sqlx::query(SQL).bind(upload).execute(conn).await.map(drop))
    }
}
