//! Courses of buildings that readers asked for: while a round runs, every page with a chart asks again
//! after each commit, and one building of a street has changed.

use crate::store::Head;
use saolou_protocol::building::RoundWindow;
use saolou_protocol::building::view::BuildingRound;
use saolou_protocol::digest::Digest;
use saolou_protocol::ids::RoundId;
use saolou_protocol::time::Millis;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Courses that are kept, over all buildings: some 20 KiB each. More, and all are made anew.
const KEPT_MAX: usize = 1000;

/// Where a building stood at the end of each step; `None` before it was registered.
pub(super) type Course = Arc<Vec<Option<BuildingRound>>>;

/// The courses up to now that readers asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Courses(Arc<Mutex<HashMap<(Uuid, RoundId), Kept>>>);

#[derive(Debug)]
struct Kept {
    seq: i64,
    digest: Digest,
    rounds: Vec<RoundWindow>,
    /// The ends of all steps but the last, which is now.
    at_ms: Vec<Millis>,
    course: Course,
}

impl Courses {
    /// The course, where nothing came since and no step has ended.
    pub(super) fn kept(
        &self,
        head: &Head,
        round: RoundId,
        rounds: &[RoundWindow],
        at_ms: &[Millis],
    ) -> Option<Course> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.get(&(head.building_id, round))?;
        let is_valid = (kept.seq, kept.digest) == (head.seq, head.digest())
            && kept.rounds == rounds
            && kept.at_ms == ended(at_ms);
        is_valid.then(|| Arc::clone(&kept.course))
    }

    /// Keeps a course.
    pub(super) fn keep(
        &self,
        head: &Head,
        round: RoundId,
        rounds: &[RoundWindow],
        at_ms: &[Millis],
        course: &Course,
    ) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let one = Kept {
            seq: head.seq,
            digest: head.digest(),
            rounds: rounds.to_vec(),
            at_ms: ended(at_ms).to_vec(),
            course: Arc::clone(course),
        };
        kept.insert((head.building_id, round), one);
    }
}

/// The ends that never change: all but the last.
fn ended(at_ms: &[Millis]) -> &[Millis] {
    at_ms.split_last().map_or(&[], |(_, ended)| ended)
}
