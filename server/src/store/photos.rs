//! Photos whose bytes have arrived.

use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// A photo that is in the folder.
pub(crate) struct PhotoRow<'a> {
    pub(crate) photo: Uuid,
    pub(crate) sha256: &'a [u8],
    pub(crate) building: Uuid,
    pub(crate) author: Uuid,
    pub(crate) bytes: i64,
    pub(crate) received_ms: Millis,
}

impl Tx {
    /// Notes that a photo has arrived; the same bytes under the same id are noted once.
    pub(crate) async fn put_photo(&mut self, photo: &PhotoRow<'_>) -> Result<()> {
        const SQL: &str = "insert into photo \
             (photo_id, sha256, building_id, author_id, bytes, received_ms) \
             values ($1, $2, $3, $4, $5, $6) on conflict (photo_id, sha256) do nothing";
        on!(self, |conn| sqlx::query(SQL)
            .bind(photo.photo)
            .bind(photo.sha256)
            .bind(photo.building)
            .bind(photo.author)
            .bind(photo.bytes)
            .bind(photo.received_ms)
            .execute(conn)
            .await
            .map(drop))
    }
}
