//! What lies in a bucket: originals and their versions. Delete markers hide nothing here.

use super::{ORIGINALS, S3, told};
use crate::blobs::{Found, Mark, Place, Result};
use saolou_protocol::canonical::Hash;

/// Most versions on a page.
const PAGE_MAX: i32 = 1000;

impl S3 {
    /// All versions of all originals, in pages.
    pub(crate) async fn list(&self, after: Option<Mark>) -> Result<(Vec<Found>, Option<Mark>)> {
        self.page(&self.other_key(ORIGINALS), after).await
    }

    /// The versions of one key, the newest first.
    pub(super) async fn versions(&self, key: &str) -> Result<Vec<Found>> {
        let (mut found, _) = self.page(key, None).await?;
        found.retain(|found| found.place.key == key);
        Ok(found)
    }

    async fn page(&self, prefix: &str, after: Option<Mark>) -> Result<(Vec<Found>, Option<Mark>)> {
        match self.page_of_versions(prefix, after.clone()).await {
            Err(failure) if failure.is_not_implemented() => self.page_of_keys(prefix, after).await,
            other => other,
        }
    }

    async fn page_of_versions(
        &self,
        prefix: &str,
        after: Option<Mark>,
    ) -> Result<(Vec<Found>, Option<Mark>)> {
        let (key, version) = after.map(|mark| (mark.key, mark.version)).unzip();
        let list = self.client.list_object_versions().bucket(&self.bucket).prefix(prefix);
        let list = list.max_keys(PAGE_MAX).set_key_marker(key);
        let page = list.set_version_id_marker(version.flatten()).send().await.map_err(told)?;
        let versions = page.versions.unwrap_or_default().into_iter();
        let found = versions
            .filter_map(|version| self.found(&version.key?, version.version_id, version.size));
        let found = found.collect();
        let next = page.next_key_marker.filter(|_| page.is_truncated == Some(true));
        let version = page.next_version_id_marker;
        Ok((found, next.map(|key| Mark { key, version })))
    }

    /// The same for a store that keeps one version only and cannot list several.
    async fn page_of_keys(
        &self,
        prefix: &str,
        after: Option<Mark>,
    ) -> Result<(Vec<Found>, Option<Mark>)> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let list = list.max_keys(PAGE_MAX).set_start_after(after.map(|mark| mark.key));
        let page = list.send().await.map_err(told)?;
        let objects = page.contents.unwrap_or_default();
        let last = objects.last().and_then(|object| object.key.clone());
        let next = last.filter(|_| page.is_truncated == Some(true));
        let found = objects.into_iter();
        let found = found.filter_map(|object| self.found(&object.key?, None, object.size));
        Ok((found.collect(), next.map(|key| Mark { key, version: None })))
    }

    /// An original by its key; `None` where the key is no hash.
    fn found(&self, key: &str, version: Option<String>, bytes: Option<i64>) -> Option<Found> {
        let hash = Hash::parse(key.rsplit('/').next()?)?;
        Some(Found { hash, place: self.place(key, version), bytes: bytes.unwrap_or_default() })
    }

    /// Everything below a prefix that is no original, with its delete markers; the first page.
    pub(crate) async fn others(&self, name: &str) -> Result<Vec<Place>> {
        let list = self.client.list_object_versions().bucket(&self.bucket);
        let page = list.prefix(self.other_key(name)).max_keys(PAGE_MAX).send().await;
        let page = page.map_err(told)?;
        let versions = page.versions.unwrap_or_default().into_iter();
        let markers = page.delete_markers.unwrap_or_default().into_iter();
        let named = versions
            .map(|version| (version.key, version.version_id))
            .chain(markers.map(|marker| (marker.key, marker.version_id)));
        Ok(named.filter_map(|(key, version)| Some(self.place(&key?, version))).collect())
    }
}
