//! The pull half: the next page of what somebody may see and has not read, from one snapshot.

use super::Head;
use crate::digest::Digest;
use crate::ids::BuildingId;
use crate::time::Millis;
use crate::wire::{BucketSums, Leave, Page, PullRequest, Rows, RowsAsked, Served};
use crate::zoo::{Defect, is_planted};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// The page that a phone gets where it does not ask, in bytes of entities.
pub const PAGE_BYTES_DEFAULT: usize = 512 * 1024;
/// How long a phone has to purge a bucket before somebody is told: three days.
pub const PURGE_MS: Millis = 3 * 24 * 3600 * 1000;
/// Most buckets whose sub-sums or rows one page carries.
pub const REPAIRS_MAX: usize = 8;

/// How far a phone has read. What it gets is opaque to it and authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The incarnation of the server's data that the numbers belong to.
    pub epoch: Uuid,
    /// The last number read, by bucket: these are the buckets that the phone holds something of.
    pub read: BTreeMap<BuildingId, i64>,
    /// The buckets among them that it was told to leave, with the deadline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub leaving: BTreeMap<BuildingId, Millis>,
}

impl Cursor {
    /// The cursor of a phone that has read nothing.
    #[must_use]
    pub fn start(epoch: Uuid) -> Self {
        Self { epoch, read: BTreeMap::new(), leaving: BTreeMap::new() }
    }
}

/// What somebody may see, in one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The buckets in scope.
    pub heads: BTreeMap<BuildingId, Head>,
    /// Why what is no longer in scope is not: `reassigned`, `suspended`, `device_revoked`.
    pub lost_because: &'static str,
}

/// What the server should remember about who holds what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Buckets that the phone is given rows of for the first time.
    pub given: BTreeSet<BuildingId>,
    /// Buckets that it is told to leave for the first time, with the deadline.
    pub told: BTreeMap<BuildingId, Millis>,
    /// Buckets that it has left.
    pub left: BTreeSet<BuildingId>,
}

/// A page in the making: asks for rows, one bucket after another, until it is full.
#[derive(Debug)]
pub struct Pager {
    scope: Scope,
    cursor: Cursor,
    bytes_max: usize,
    bytes: usize,
    /// Buckets that have more rows than were read, in order.
    open: Vec<BuildingId>,
    entities: Vec<Served>,
    full: bool,
    asked: PullRequest,
    holdings: Holdings,
    came_from_the_future: bool,
}

impl Pager {
    /// Begins a page. A cursor of another epoch starts anew.
    #[must_use]
    pub fn begin(
        mut cursor: Cursor,
        asked: PullRequest,
        scope: Scope,
        epoch: Uuid,
        bytes_max: usize,
        now_ms: Millis,
    ) -> Self {
        let mut holdings = Holdings::default();
        for bucket in &asked.left {
            cursor.leaving.remove(bucket);
            if !is_planted(Defect::LeftKeepsCursor) {
                cursor.read.remove(bucket);
            }
            holdings.left.insert(*bucket);
        }
        let mut came_from_the_future = false;
        if cursor.epoch == epoch {
            for (bucket, read) in &mut cursor.read {
                // Nobody but this server numbers its feeds: it has been set back since.
                if scope.heads.get(bucket).is_some_and(|head| head.seq < *read) {
                    came_from_the_future = true;
                    *read = 0;
                }
            }
        } else {
            // Whatever it holds stays listed, so that it can be told to leave it.
            cursor.read.values_mut().for_each(|read| *read = 0);
            cursor.epoch = epoch;
        }
        if is_planted(Defect::LostDropsFromCursor) {
            cursor.read.retain(|bucket, _| scope.heads.contains_key(bucket));
        }
        for bucket in cursor.read.keys() {
            if scope.heads.contains_key(bucket) {
                cursor.leaving.remove(bucket);
            } else if !cursor.leaving.contains_key(bucket) {
                cursor.leaving.insert(*bucket, now_ms + PURGE_MS);
                holdings.told.insert(*bucket, now_ms + PURGE_MS);
            }
        }
        let read = |bucket: &BuildingId| cursor.read.get(bucket).copied().unwrap_or(0);
        let mut open: Vec<BuildingId> = scope
            .heads
            .iter()
            .filter(|(bucket, head)| read(bucket) < head.seq)
            .map(|(bucket, _)| *bucket)
            .collect();
        open.reverse();
        let wanted = asked.page_bytes_max.unwrap_or(PAGE_BYTES_DEFAULT);
        Self {
            scope,
            cursor,
            bytes_max: wanted.min(bytes_max),
            bytes: 0,
            open,
            entities: Vec::new(),
            full: false,
            asked,
            holdings,
            came_from_the_future,
        }
    }

    /// Whether a cursor that only this server can have written lies beyond its data: it was restored
    /// to an older state, and its epoch must change.
    #[must_use]
    pub const fn came_from_the_future(&self) -> bool {
        self.came_from_the_future
    }

    /// The rows to read next: a bucket, and after which number; `None` when the page is done.
    #[must_use]
    pub fn wants(&self) -> Option<(BuildingId, Head, i64)> {
        let bucket = *self.open.last().filter(|_| !self.full)?;
        let read = self.cursor.read.get(&bucket).copied().unwrap_or(0);
        Some((bucket, self.scope.heads[&bucket], read))
    }

    /// Takes rows of the bucket that was asked for, in feed order; `all` says that there are no more.
    pub fn take(&mut self, rows: impl IntoIterator<Item = Served>, all: bool) {
        let Some(bucket) = self.open.last().copied() else { return };
        for row in rows {
            let bytes = row.body.get().len();
            if self.bytes + bytes > self.bytes_max && !self.entities.is_empty() {
                self.full = true;
                if is_planted(Defect::UnsentRowRead) {
                    self.set_read(bucket, row.seq);
                }
                return;
            }
            self.bytes += bytes;
            self.set_read(bucket, row.seq);
            self.entities.push(row);
        }
        if all {
            self.set_read(bucket, self.scope.heads[&bucket].seq);
            self.open.pop();
        }
    }

    fn set_read(&mut self, bucket: BuildingId, seq: i64) {
        if self.cursor.read.insert(bucket, seq).is_none() {
            self.holdings.given.insert(bucket);
        }
    }

    /// The buckets whose digests, as the phone sent them, are not the server's though it has read
    /// them to their head: it should get their sub-sums.
    #[must_use]
    pub fn differing(&self) -> Vec<BuildingId> {
        if self.asked.digests.is_empty() {
            return Vec::new();
        }
        let differs = |(bucket, head): (&BuildingId, &Head)| {
            // A bucket that the phone does not name is one that it has lost as a whole.
            let theirs = self.asked.digests.get(bucket).copied().unwrap_or_default();
            let at_head = !self.open.contains(bucket) && !self.has_entities(*bucket);
            (at_head && head.digest != theirs).then_some(*bucket)
        };
        self.scope.heads.iter().filter_map(differs).take(REPAIRS_MAX).collect()
    }

    fn has_entities(&self, bucket: BuildingId) -> bool {
        self.entities.iter().any(|entity| entity.bucket == bucket)
    }

    /// The rows that the phone asked to get anew, of buckets in scope.
    pub fn rows_asked(&self) -> impl Iterator<Item = &RowsAsked> {
        let asked = self.asked.rows.iter().take(REPAIRS_MAX);
        asked.filter(|asked| self.scope.heads.contains_key(&asked.bucket))
    }

    /// Ends the page. `seal` makes the text that the phone keeps of a cursor.
    pub fn end(
        self,
        repair: Vec<BucketSums>,
        rows: Vec<Rows>,
        seal: impl FnOnce(&Cursor) -> String,
    ) -> (Page, Holdings) {
        let more = !self.open.is_empty();
        let mut digest = Digest::default();
        self.scope.heads.values().for_each(|head| digest.add(&head.digest));
        let told = &self.holdings.told;
        let is_listed = |bucket| !is_planted(Defect::LeaveToldOnce) || told.contains_key(bucket);
        let leave = self.cursor.leaving.iter().filter(|(bucket, _)| is_listed(*bucket));
        let leave = leave.map(|(bucket, purge_by_ms)| Leave {
            bucket: *bucket,
            reason: self.scope.lost_because.to_owned(),
            purge_by_ms: *purge_by_ms,
        });
        let page = Page {
            leave: leave.collect(),
            cursor: seal(&self.cursor),
            more,
            entities: self.entities,
            digest: (!more).then_some(digest),
            repair,
            rows,
        };
        (page, self.holdings)
    }
}
