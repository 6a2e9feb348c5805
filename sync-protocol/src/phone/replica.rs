//! The base replica: the entities of every bucket with their bytes as served, and nothing else.
//! Pending ops lie in the outbox; the screen is both together.

use super::verbatim::Verbatim;
use crate::canonical::Hash;
use crate::digest::{Digest, Sums, first_byte, term};
use crate::ids::BuildingId;
use crate::wire::{Rows, Served};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What a row is known by within its bucket: its kind and its id.
pub type RowKey = (String, Uuid);

/// What a phone holds of the server's entities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replica {
    buckets: BTreeMap<BuildingId, Bucket>,
}

/// The rows of one bucket, and their digest, which is kept by difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    rows: BTreeMap<RowKey, Verbatim>,
    digest: Digest,
}

impl Bucket {
    /// The rows, by kind and id.
    pub fn rows(&self) -> impl Iterator<Item = (&RowKey, &Verbatim)> {
        self.rows.iter()
    }

    /// The bytes of one row.
    #[must_use]
    pub fn row(&self, kind: &str, id: Uuid) -> Option<&Verbatim> {
        self.rows.get(&(kind.to_owned(), id))
    }

    /// The digest as kept by difference.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest counted anew from the bytes.
    #[must_use]
    pub fn recounted(&self) -> Digest {
        let mut digest = Digest::default();
        self.rows.iter().for_each(|((kind, id), body)| digest.add_row(&row_term(kind, *id, body)));
        digest
    }

    /// The sub-sums, counted from the bytes.
    #[must_use]
    pub fn sums(&self) -> Sums {
        let hash = |body: &Verbatim| Hash::of(body.text().as_bytes());
        Sums::of(self.rows.iter().map(|((kind, id), body)| (kind.as_str(), *id, hash(body))))
    }

    fn put(&mut self, served: Served) {
        let body = Verbatim::from(served.body);
        self.digest.add_row(&row_term(&served.kind, served.id, &body));
        let key = (served.kind, served.id);
        if let Some(old) = self.rows.get(&key) {
            self.digest.remove_row(&row_term(&key.0, key.1, old));
        }
        self.rows.insert(key, body);
    }

    fn replace(&mut self, first_bytes: &BTreeSet<u8>, entities: &[Served]) -> usize {
        let before = self.rows.clone();
        self.rows.retain(|(kind, id), _| !first_bytes.contains(&first_byte(kind, *id)));
        for served in entities {
            if first_bytes.contains(&first_byte(&served.kind, served.id)) {
                let key = (served.kind.clone(), served.id);
                self.rows.insert(key, served.body.clone().into());
            }
        }
        // The rows were wrong, so nothing says that their digest was right.
        self.digest = self.recounted();
        let changed = self.rows.iter().filter(|(key, body)| before.get(*key) != Some(*body));
        changed.count() + before.keys().filter(|key| !self.rows.contains_key(*key)).count()
    }
}

fn row_term(kind: &str, id: Uuid, body: &Verbatim) -> crate::digest::Sum {
    term(kind, id, Hash::of(body.text().as_bytes()))
}

impl Replica {
    /// The buckets of which the phone holds rows.
    pub fn buckets(&self) -> impl Iterator<Item = (BuildingId, &Bucket)> {
        self.buckets.iter().map(|(id, bucket)| (*id, bucket))
    }

    /// One bucket; `None` where the phone holds not a row of it.
    #[must_use]
    pub fn bucket(&self, bucket: BuildingId) -> Option<&Bucket> {
        self.buckets.get(&bucket)
    }

    /// The sub-sums of a bucket; of one that the phone does not hold those of nothing.
    #[must_use]
    pub fn sums(&self, bucket: BuildingId) -> Sums {
        self.bucket(bucket).map_or_else(|| Sums::of([]), Bucket::sums)
    }

    /// The digest over the buckets that count.
    #[must_use]
    pub fn digest(&self, counts: impl Fn(BuildingId) -> bool) -> Digest {
        let mut sum = Digest::default();
        let counted = self.buckets.iter().filter(|(id, _)| counts(**id));
        counted.for_each(|(_, bucket)| sum.add(&bucket.digest));
        sum
    }

    /// Puts an entity in the place of the one with its key.
    pub(super) fn put(&mut self, served: Served) {
        self.buckets.entry(served.bucket).or_default().put(served);
    }

    /// Puts rows in the place of all there are for these first bytes; gives how many changed.
    pub(super) fn replace(&mut self, rows: &Rows) -> usize {
        let first_bytes = rows.first_bytes.iter().copied().collect();
        let bucket = self.buckets.entry(rows.bucket).or_default();
        let changed = bucket.replace(&first_bytes, &rows.entities);
        if bucket.rows.is_empty() {
            self.buckets.remove(&rows.bucket);
        }
        changed
    }

    /// Purges a bucket.
    pub(super) fn purge(&mut self, bucket: BuildingId) {
        self.buckets.remove(&bucket);
    }

    /// Changes a byte of some row, as a bad disk would; `false` where there is no row.
    #[cfg(feature = "faults")]
    pub(super) fn rot(&mut self, random: u64) -> bool {
        let len: u64 = self.buckets.values().map(|bucket| bucket.rows.len() as u64).sum();
        let mut rows = self.buckets.values_mut().flat_map(|bucket| bucket.rows.values_mut());
        let Some(row) = rows.nth((random % len.max(1)) as usize) else { return false };
        *row = Verbatim::sealed(row.text().replacen('0', "7", 1).into_bytes());
        true
    }

    /// Counts all digests anew from the bytes.
    pub(super) fn recount(&mut self) {
        self.buckets.values_mut().for_each(|bucket| bucket.digest = bucket.recounted());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn served(id: u128, body: &str) -> Served {
        Served {
            bucket: BuildingId(Uuid::from_u128(1)),
            seq: 1,
            kind: "office".into(),
            id: Uuid::from_u128(id),
            body: RawValue::from_string(body.into()).expect("JSON"),
        }
    }

    fn bucket(replica: &Replica) -> &Bucket {
        replica.bucket(BuildingId(Uuid::from_u128(1))).expect("rows")
    }

    #[test]
    fn a_row_that_comes_again_replaces_the_old_one_in_the_digest() {
        let mut replica = Replica::default();
        for (id, body) in [(1, "{}"), (2, "[1, 2]"), (1, "{\"a\": 1}"), (1, "{ }")] {
            replica.put(served(id, body));
            assert_eq!(bucket(&replica).digest(), bucket(&replica).recounted());
        }
        assert_eq!(bucket(&replica).digest().count, 2);
        assert_eq!(bucket(&replica).row("office", Uuid::from_u128(1)).expect("it").text(), "{ }");
    }

    #[test]
    fn rows_replace_all_under_their_first_bytes_and_nothing_else() {
        let mut replica = Replica::default();
        (1..50).for_each(|id| replica.put(served(id, "1")));
        let byte = first_byte("office", Uuid::from_u128(7));
        let under = |id: u128| first_byte("office", Uuid::from_u128(id)) == byte;
        let outside = (60..).find(|id| !under(*id)).expect("one");
        let entities = vec![served(7, "2"), served(outside, "3")];
        let rows = Rows { bucket: served(0, "0").bucket, first_bytes: vec![byte], entities };
        replica.replace(&rows);
        let expected: Vec<u128> = (1..50).filter(|id| *id == 7 || !under(*id)).collect();
        let found: Vec<u128> = bucket(&replica).rows().map(|((_, id), _)| id.as_u128()).collect();
        assert_eq!(found, expected);
        assert_eq!(bucket(&replica).digest(), bucket(&replica).recounted());
    }
}
