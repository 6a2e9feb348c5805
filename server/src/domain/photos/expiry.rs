//! What is not waited for any longer: uploads that nobody goes on with, and bytes that were never
//! what they were said to be. Photos that have arrived are not touched.

use super::Photos;
use crate::error::Result;
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use std::time::Duration;

/// How long an upload waits for its next byte, and how long the server remembers one that ended, so
/// that a phone that lost the answer hears it again.
pub(crate) const UPLOAD_KEPT_MS: Millis = 14 * 24 * 3600 * 1000;
/// How long bytes are kept that do not match their hash (C38).
const MISMATCH_KEPT_MS: Millis = 30 * 24 * 3600 * 1000;
/// How often somebody looks.
const EVERY: Duration = Duration::from_secs(600);
/// Rows at a time.
const ROWS_MAX: i64 = 200;

impl Photos {
    /// Looks from time to time, for as long as the server runs.
    pub(crate) async fn expire_all(self) {
        loop {
            if let Err(error) = self.expire().await {
                tracing::warn!(%error, "expired uploads were not removed, and are looked at again later");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Looks once. Safe to run twice at the same time, and to be cut off anywhere.
    pub(crate) async fn expire(&self) -> Result<()> {
        let before_ms = self.sync.clock.now_ms() - UPLOAD_KEPT_MS;
        loop {
            let mut tx = self.sync.store.read().await?;
            let open = tx.uploads_untouched("open", before_ms, ROWS_MAX).await?;
            drop(tx);
            for upload in &open {
                self.folder.remove_part(*upload).await;
                let mut tx = self.sync.store.write().await?;
                tx.end_upload(*upload, "expired", 0, self.sync.clock.now_ms()).await?;
                tx.commit().await?;
            }
            if open.is_empty() {
                break;
            }
            tracing::info!(uploads = open.len(), "uploads expired");
        }
        for state in ["complete", "refused", "cancelled", "expired"] {
            let mut tx = self.sync.store.write().await?;
            for upload in tx.uploads_untouched(state, before_ms, ROWS_MAX).await? {
                tx.forget_upload(upload).await?;
                self.folder.remove_part(upload).await;
            }
            tx.commit().await?;
        }
        self.expire_mismatches().await
    }

    async fn expire_mismatches(&self) -> Result<()> {
        let before_ms = self.sync.clock.now_ms() - MISMATCH_KEPT_MS;
        let rows = self.sync.store.read().await?.photos_mismatched(before_ms, ROWS_MAX).await?;
        for row in rows {
            let mut tx = self.sync.store.write().await?;
            tx.decide_photo(&row, "removed", "hash_mismatch", row.building_id).await?;
            tx.commit().await?;
            if let Ok(sha256) = row.sha256.as_slice().try_into().map(Hash) {
                self.folder.remove_mismatch(sha256).await;
                tracing::info!(photo_id = %row.photo_id, %sha256, "bytes that matched nothing were removed");
            }
        }
        Ok(())
    }
}
