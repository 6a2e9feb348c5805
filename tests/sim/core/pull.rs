//! The reading half of the server in memory: pages of the feed, and what became of ops.

use super::{Core, LIMITS};
use crate::backend::Person;
use saolou_protocol::building::answer::AnswerStatus;
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::{Sums, first_byte};
use saolou_protocol::engine::pull::{Cursor, Pager, Scope};
use saolou_protocol::ids::{BuildingId, DeviceId, OpId};
use saolou_protocol::issue::Issues;
use saolou_protocol::time::Millis;
use saolou_protocol::wire::{BucketSums, Page, PullRequest, Review, Rows};
use saolou_protocol::zoo::{Defect, is_planted};
use std::ops::Range;

impl Core {
    /// What became of ops that their author asks about.
    pub(super) fn reviews(&mut self, by: Person, ask: &[OpId]) -> Vec<Review> {
        let mut reviews = Vec::new();
        for op_id in ask {
            let accepted = self.data.accepted.get(op_id);
            let accepted = accepted.filter(|(op, _)| op.fact.author == by.user);
            let waiting = self.data.quarantine.iter();
            let waiting = waiting
                .filter(|((op, _, _), waiting)| op == op_id && waiting.op.author == by.user)
                .any(|(_, waiting)| waiting.is_waiting);
            let state = match accepted {
                Some((accepted, _)) => {
                    let building = self.folded(accepted.bucket);
                    let state = match building.answer(*op_id, Issues::default()).status {
                        AnswerStatus::Parked => "parked",
                        AnswerStatus::Conflict => "conflict",
                        _ => "applied",
                    };
                    self.keep(building);
                    state
                }
                None if waiting => "quarantined",
                None => "unknown",
            };
            reviews.push(Review { op_id: *op_id, state: state.to_owned(), reason: None });
        }
        reviews
    }

    /// What somebody may read.
    pub(super) fn scope(&self, by: Person, device: DeviceId, now_ms: Millis) -> Scope {
        let is_out = self.data.suspended.contains_key(&by.user);
        let is_revoked = self.data.revoked.contains(&device);
        let has_now =
            |time: &Range<Millis>| time.contains(&now_ms) || is_planted(Defect::ScopeNeverLost);
        let has = |building: &BuildingId| {
            by.is_supervisor
                || self
                    .data
                    .assigned
                    .get(&(by.user, *building))
                    .is_some_and(|times| times.iter().any(&has_now))
        };
        let heads = self.data.heads.iter().filter(|(id, _)| !is_out && !is_revoked && has(id));
        Scope {
            heads: heads.map(|(id, head)| (*id, *head)).collect(),
            lost_because: match (is_out, is_revoked) {
                (_, true) => "device_revoked",
                (true, false) => "suspended",
                (false, false) => "reassigned",
            },
        }
    }

    /// The next page of what somebody may see.
    pub(super) fn page(
        &mut self,
        by: Person,
        device: DeviceId,
        asked: PullRequest,
        now_ms: Millis,
    ) -> Page {
        let scope = self.scope(by, device, now_ms);
        let text = asked.cursor.clone().unwrap_or_default();
        let cursor = serde_json::from_str(&text).unwrap_or_else(|_| {
            let mut cursor = Cursor::start(self.epoch());
            let held = self.data.holdings.iter().filter(|(d, _)| *d == device);
            cursor.read.extend(held.map(|(_, bucket)| (*bucket, 0)));
            cursor
        });
        let max = LIMITS.page_bytes_max;
        let mut pager = Pager::begin(cursor, asked, scope, self.epoch(), max, now_ms);
        while let Some((bucket, _, read)) = pager.wants() {
            // Read two by two, as a server would in larger runs.
            let mut rows = self.data.rows(bucket, |seq, _| seq > read);
            rows.sort_by_key(|row| row.seq);
            let all = rows.len() < 2;
            rows.truncate(2);
            pager.take(rows, all);
        }
        let repair = pager.differing().into_iter().map(|bucket| {
            let rows = self.data.rows(bucket, |_, _| true);
            let terms = rows
                .iter()
                .map(|row| (row.kind.as_str(), row.id, Hash::of(row.body.get().as_bytes())));
            BucketSums { bucket, sums: Sums::of(terms) }
        });
        let repair = repair.collect();
        let rows = pager.rows_asked().map(|asked| Rows {
            bucket: asked.bucket,
            first_bytes: asked.first_bytes.clone(),
            entities: self.data.rows(asked.bucket, |_, (kind, id)| {
                asked.first_bytes.contains(&first_byte(kind, *id))
            }),
        });
        let rows = rows.collect();
        let is_set_back = pager.came_from_the_future();
        let seal = |cursor: &Cursor| serde_json::to_string(cursor).expect("ids and numbers");
        let (page, holdings) = pager.end(repair, rows, seal);
        self.data.holdings.extend(holdings.given.iter().map(|bucket| (device, *bucket)));
        for bucket in &holdings.left {
            self.data.holdings.remove(&(device, *bucket));
        }
        if is_set_back {
            self.begin_epoch();
        }
        page
    }
}
