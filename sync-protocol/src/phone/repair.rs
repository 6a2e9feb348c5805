//! Repair: the digest of the base is compared with the server's whenever all has been read; what
//! differs is narrowed down to rows, and these are replaced. Pending ops are never touched.

use super::request::Asked;
use super::stored::Stored;
use crate::digest::Digest;
use crate::ids::BuildingId;
use crate::wire::{BucketSums, Rows, RowsAsked};
use crate::zoo::{Defect, is_planted};
use std::collections::BTreeSet;

/// How far a repair is, and how often there was something to repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    stage: Stage,
    /// Repairs on end that did not help.
    in_vain: u32,
    counted: Mismatches,
}

/// How often the base was wrong, for reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mismatches {
    /// How often digests differed where they had not before.
    pub found: u64,
    /// Rows that a repair replaced, added or took away.
    pub rows: u64,
    /// How often everything was read anew, because repairs did not help.
    pub anew: u64,
}

/// What the next request carries for the repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing: the digests were equal when last compared.
    #[default]
    Even,
    /// The digests of all buckets.
    Digests,
    /// What to send again of these.
    Rows(Vec<RowsAsked>),
}

/// What a reply says when all has been read.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// The cursor of the page: the comparison holds for a base that is exactly there.
    pub(super) cursor: String,
    pub(super) digest: Digest,
    pub(super) repair: Vec<BucketSums>,
    /// The buckets that the page told to leave.
    pub(super) listed: BTreeSet<BuildingId>,
}

impl Repair {
    /// How often the base was wrong.
    #[must_use]
    pub const fn mismatches(&self) -> Mismatches {
        self.counted
    }

    /// Whether the base is known to differ from the server's, and being repaired.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.stage != Stage::Even
    }

    /// Whether the next request should not wait for the timer: a repair that was in vain once may be
    /// so for ever.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_under_way() && self.in_vain == 0
    }

    /// Rows to ask for.
    pub(super) fn rows(&self) -> Vec<RowsAsked> {
        match &self.stage {
            Stage::Rows(rows) => rows.clone(),
            Stage::Even | Stage::Digests => Vec::new(),
        }
    }

    /// Whether to send the digests of all buckets.
    pub(super) fn wants_sums(&self) -> bool {
        self.stage == Stage::Digests
    }

    /// Asks for nothing of a bucket that was purged.
    pub(super) fn forget(&mut self, bucket: BuildingId) {
        if let Stage::Rows(rows) = &mut self.stage {
            rows.retain(|asked| asked.bucket != bucket);
            if rows.is_empty() {
                self.stage = Stage::Digests;
            }
        }
    }
}

/// Whether so many repairs in vain are enough to read everything anew. Ever rarer: a server whose
/// digests are wrong must not make every phone download all it has at every sync.
fn reads_anew(in_vain: u32) -> bool {
    in_vain >= 4 && in_vain.is_power_of_two()
}

impl Stored {
    /// Replaces rows, where the base is exactly at the page they came with.
    pub(super) fn replace_rows(&mut self, cursor: &str, rows: &[Rows]) -> bool {
        if !self.is_at(cursor) {
            return false;
        }
        for rows in rows {
            if self.takes_rows(rows.bucket) {
                let changed = self.replica.replace(rows);
                if is_planted(Defect::RepairDropsPending) {
                    self.outbox.retain(|kept| kept.bucket != rows.bucket);
                }
                self.repair.counted.rows += u64::try_from(changed).unwrap_or(u64::MAX);
            }
        }
        true
    }

    /// Compares the base with the server's, and decides what the next request carries.
    pub(super) fn compare(&mut self, asked: &Asked, server: &Comparison) -> bool {
        if !self.is_at(&server.cursor) || self.is_missing_rows(&server.listed) {
            return false;
        }
        if self.is_even(server.digest) || is_planted(Defect::NeverRepairs) {
            (self.repair.stage, self.repair.in_vain) = (Stage::Even, 0);
            return true;
        }
        match self.repair.stage {
            Stage::Even => self.find_mismatch(server.digest),
            Stage::Digests if asked.digests => self.narrow_down(&server.repair),
            Stage::Rows(_) if asked.rows => self.repair_again(),
            // The request was made before this repair began: its reply says nothing about it.
            Stage::Digests | Stage::Rows(_) => {}
        }
        true
    }

    /// The digest over the buckets that are not being left.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.replica.digest(|bucket| !self.leaving.contains(bucket))
    }

    fn is_even(&self, digest: Digest) -> bool {
        self.digest() == digest
    }

    /// The digest kept by difference may itself be wrong: it is counted anew from the bytes first.
    fn find_mismatch(&mut self, digest: Digest) {
        self.repair.counted.found += 1;
        self.replica.recount();
        if self.digest() == Digest::default() {
            // There is nothing to narrow down.
            self.read_anew();
        } else if !self.is_even(digest) {
            self.repair.stage = Stage::Digests;
        }
    }

    fn narrow_down(&mut self, repair: &[BucketSums]) {
        let mut rows = Vec::new();
        for BucketSums { bucket, sums } in repair {
            let first_bytes = self.replica.sums(*bucket).differing(sums);
            if !first_bytes.is_empty() && !self.leaving.contains(*bucket) {
                rows.push(RowsAsked { bucket: *bucket, first_bytes });
            }
        }
        if rows.is_empty() {
            self.repair_again();
        } else {
            self.repair.stage = Stage::Rows(rows);
        }
    }

    /// The repair did not help: once more from the beginning, in the end with nothing in hand.
    fn repair_again(&mut self) {
        self.repair.stage = Stage::Digests;
        self.repair.in_vain = self.repair.in_vain.saturating_add(1);
        self.replica.recount();
        if reads_anew(self.repair.in_vain) {
            self.read_anew();
        }
    }

    /// Drops the base and the cursor; the ops stay, and are shown until their effects are back.
    fn read_anew(&mut self) {
        self.repair.counted.anew += 1;
        self.repair.stage = Stage::Even;
        self.replica = super::replica::Replica::default();
        (self.cursor, self.pulled) = (None, 0);
    }
}
