//! What else only the writer may say or do, because it alone has the buildings folded: how ops stand
//! today, and buildings derived anew.

use super::{ATTEMPTS_MAX, Work, in_time};
use crate::domain::batch::{head_move, rederived, rows_of};
use crate::domain::fold::{differences, head_of};
use crate::domain::{licences, restrictions};
use crate::error::Result;
use crate::store::EntityRow;
use saolou_protocol::building::answer::AnswerStatus;
use saolou_protocol::ids::{BuildingId, OpId};
use saolou_protocol::issue::Issues;
use saolou_protocol::wire::Review;
use std::collections::BTreeMap;
use uuid::Uuid;

impl Work {
    pub(super) async fn standing(&mut self, ops: Vec<(BuildingId, OpId)>) -> Result<Vec<Review>> {
        let mut tx = self.store.read().await?;
        let mut reviews = Vec::with_capacity(ops.len());
        for (bucket, op_id) in ops {
            let Some(row) = tx.head(bucket.0).await? else { continue };
            let head = head_of(&row);
            let buckets = BTreeMap::from([(bucket, head.street)]);
            let heads = BTreeMap::from([(bucket, head)]);
            let mut taken = self.cache.take(&mut tx, &buckets, &heads).await?;
            let Some(building) = taken.remove(&bucket) else { continue };
            let answer = building.answer(op_id, Issues::default());
            let state = match answer.status {
                AnswerStatus::Parked => "parked",
                AnswerStatus::Conflict => "conflict",
                _ => "applied",
            };
            let reason = answer.reason.map(str::to_owned);
            reviews.push(Review { op_id, state: state.to_owned(), reason });
            self.cache.put(bucket.0, head.seq, building);
        }
        Ok(reviews)
    }

    pub(super) async fn rederive(&mut self, street: Uuid) -> Result<()> {
        let heads = self.store.read().await?.buckets(Some(street)).await?;
        for head in heads {
            self.cache.forget(head.building_id);
            for _ in 0..ATTEMPTS_MAX {
                if in_time(self.rederive_one(head.building_id)).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn rederive_one(&self, building: Uuid) -> Result<bool> {
        let mut tx = self.store.write().await?;
        let Some(head) = tx.head(building).await? else { return Ok(true) };
        let (folded, changed) = differences(&mut tx, &head).await?;
        let moved_licences = licences::Moved::due(&mut tx, &head, &folded).await?;
        let unrestricted = restrictions::lacking(&mut tx, &head, &folded).await?;
        let digest = folded.digest();
        let is_whole = changed.is_empty() && digest == head.digest();
        if is_whole && moved_licences.is_empty() && unrestricted.is_empty() {
            return Ok(true);
        }
        moved_licences.write(&mut tx).await?;
        let mut again = Vec::new();
        for photo in unrestricted {
            again.extend(restrictions::note(&mut tx, head.street_id, photo, true).await?);
        }
        tx.put_jobs_again(&again, self.clock.now_ms()).await?;
        let change = rederived(building, head_of(&head), changed, digest);
        let rows: Vec<EntityRow> = rows_of(&change).collect();
        tx.put_entities(&rows).await?;
        if tx.move_heads(&[head_move(&change)]).await? == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        self.doorbells.ring(building, change.to.seq);
        Ok(true)
    }
}
