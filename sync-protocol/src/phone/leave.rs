//! Leaving a bucket: it is hidden, what the phone has of it is pushed, then not a byte of it stays,
//! and the server is told so until it has heard it.

use super::request::Asked;
use super::stored::Stored;
use crate::ids::BuildingId;
use crate::wire::{Leave, Page};
use crate::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, BTreeSet};

/// The buckets that the phone was told to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving(BTreeMap<BuildingId, Stage>);

/// How far the phone is with leaving a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Hidden; its ops are still to be pushed.
    Pushing(Leave),
    /// Purged; the server does not know yet.
    Purged(Leave),
}

impl Leaving {
    /// Whether a bucket is being left: it is not shown, and no digest counts it.
    #[must_use]
    pub fn contains(&self, bucket: BuildingId) -> bool {
        self.0.contains_key(&bucket)
    }

    /// The buckets that are being left, and how far that is.
    pub fn iter(&self) -> impl Iterator<Item = (BuildingId, &Stage)> {
        self.0.iter().map(|(bucket, stage)| (*bucket, stage))
    }

    fn is_purged(&self, bucket: BuildingId) -> bool {
        matches!(self.0.get(&bucket), Some(Stage::Purged(_)))
    }

    /// Takes from a page which buckets are to be left, which need not be any more, and which the
    /// server knows to be left.
    pub(super) fn hear(&mut self, asked: &Asked, page: &Page) {
        let listed: BTreeSet<BuildingId> = page.leave.iter().map(|leave| leave.bucket).collect();
        let came: BTreeSet<BuildingId> = page.entities.iter().map(|row| row.bucket).collect();
        self.0.retain(|bucket, stage| {
            let back = match stage {
                Stage::Pushing(_) => is_back_in_scope(page, &came, *bucket),
                Stage::Purged(_) => is_confirmed(asked, *bucket),
            };
            listed.contains(bucket) || !back
        });
        for leave in &page.leave {
            self.0.entry(leave.bucket).or_insert_with(|| Stage::Pushing(leave.clone()));
        }
    }
}

/// Whether the server took a bucket back into scope before the phone had left it.
fn is_back_in_scope(page: &Page, came: &BTreeSet<BuildingId>, bucket: BuildingId) -> bool {
    !page.more || came.contains(&bucket)
}

/// Whether the server has heard that a bucket was left: its rows in this page, and in later ones,
/// begin from nothing.
fn is_confirmed(asked: &Asked, bucket: BuildingId) -> bool {
    asked.left.contains(&bucket)
}

impl Stored {
    /// Whether the phone may hold rows of a bucket: not once it was purged, even if a request that was
    /// made before brings some.
    pub(super) fn takes_rows(&self, bucket: BuildingId) -> bool {
        !self.leaving.is_purged(bucket)
    }

    /// What a request says in `left`: buckets of which not a byte is here.
    pub(super) fn left(&self) -> Vec<BuildingId> {
        if is_planted(Defect::LeftUnconfirmed) {
            return Vec::new();
        }
        let purged = self.leaving.0.keys().copied().filter(|id| self.leaving.is_purged(*id));
        purged.filter(|bucket| self.outbox.of_bucket(*bucket).next().is_none()).collect()
    }

    /// Purges a bucket that is being left once the server has all its ops: rows, and ops as well.
    pub(super) fn purge(&mut self, bucket: BuildingId) -> bool {
        if !self.may_purge(bucket) {
            return false;
        }
        self.replica.purge(bucket);
        self.outbox.retain(|kept| kept.bucket != bucket);
        self.repair.forget(bucket);
        if let Some(stage) = self.leaving.0.get_mut(&bucket)
            && let Stage::Pushing(leave) = stage
        {
            *stage = Stage::Purged(leave.clone());
        }
        true
    }

    /// Whether a bucket is to be left and nothing of it has to be pushed any more.
    fn may_purge(&self, bucket: BuildingId) -> bool {
        let is_pushed = self.is_pushed(bucket) || is_planted(Defect::PurgedUnpushed);
        self.leaving.contains(bucket) && is_pushed
    }

    /// Whether rows of a bucket are on their way that this phone could not take: it was purged, and
    /// the page was made as if it were not. No digest can be compared then.
    pub(super) fn is_missing_rows(&self, listed: &BTreeSet<BuildingId>) -> bool {
        self.leaving.0.keys().any(|id| self.leaving.is_purged(*id) && !listed.contains(id))
    }
}
