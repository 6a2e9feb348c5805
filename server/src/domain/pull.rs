//! The pull: the next page of what a caller may see and has not read, from one snapshot.

use super::access::Caller;
use super::cursor::Cursor;
use super::sync::{Sync, raw};
use crate::error::Result;
use crate::store::EntityRow;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Largest page that a phone may ask for, in bytes of entities.
pub(crate) const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The page that it gets where it does not ask.
const PAGE_BYTES_DEFAULT: usize = 512 * 1024;
/// Rows that are read at once for a page.
const PAGE_ROWS: i64 = 500;
/// What a phone wants to read.
#[derive(Deserialize)]
pub(crate) struct PullSent {
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    page_bytes_max: Option<usize>,
}

/// A page of the feed. It is applied together with its cursor.
#[derive(Serialize)]
pub(crate) struct Page {
    cursor: String,
    /// There is more to read at once.
    more: bool,
    entities: Vec<PageEntity>,
}

#[derive(Serialize)]
struct PageEntity {
    bucket: Uuid,
    seq: i64,
    kind: String,
    id: Uuid,
    body: Box<RawValue>,
}

impl Sync {
    /// Reads the next page of what the caller may see. Buckets that the cursor does not know, or
    /// that it claims to have read beyond their head, are sent from the start.
    pub(super) async fn pull(&self, caller: &Caller, sent: PullSent) -> Result<Page> {
        let text = sent.cursor.unwrap_or_default();
        let mut cursor = Cursor::open(&text, &self.cursor_key, self.epoch);
        let page_bytes = sent.page_bytes_max.unwrap_or(PAGE_BYTES_DEFAULT).min(PAGE_BYTES_MAX);
        let mut tx = self.store.read().await?;
        let heads = caller.heads(&mut tx, self.clock.now_ms()).await?;
        cursor.read.retain(|bucket, _| heads.contains_key(bucket));
        let (mut entities, mut bytes, mut more) = (Vec::new(), 0, false);
        for (bucket, head) in &heads {
            let read = cursor.read.get(bucket).copied().unwrap_or(0);
            let mut read = if read > head.seq { 0 } else { read };
            while read < head.seq && !more {
                let rows = tx.changes_after(head, read, PAGE_ROWS).await?;
                let last = rows.len() < usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
                for row in rows {
                    if bytes + row.body.len() > page_bytes && !entities.is_empty() {
                        more = true;
                        break;
                    }
                    bytes += row.body.len();
                    read = row.seq;
                    entities.push(page_entity(row)?);
                }
                if last && !more {
                    read = head.seq;
                }
            }
            cursor.read.insert(*bucket, read);
            if more {
                break;
            }
        }
        Ok(Page { cursor: cursor.seal(&self.cursor_key), more, entities })
    }
}

fn page_entity(row: EntityRow) -> Result<PageEntity> {
    let EntityRow { building_id, kind, entity_id, seq, body, .. } = row;
    Ok(PageEntity { bucket: building_id, seq, kind, id: entity_id, body: raw(body)? })
}
