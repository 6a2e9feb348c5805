//! The course of a round (进度): where a unit and its buildings stood at the end of every step, from
//! the facts that were here by then, and the pace that the rest needs.
//!
//! Each building is folded once, its facts in the order in which they came, and looked at after each
//! step.

use super::super::access::Caller;
use super::super::fold::{self, dated};
use super::super::sync::Sync;
use super::courses;
use super::cut::{Cut, blank, heads_below};
use super::parse;
use crate::error::{Error, Result};
use crate::store::{Head, Tx};
use saolou_protocol::building::EntityKind;
use saolou_protocol::building::view::{BuildingRound, BuildingView};
use saolou_protocol::coverage::building::BuildingState;
use saolou_protocol::coverage::counts::{Counts, Metrics};
use saolou_protocol::coverage::pace::{DAY_MS, Pace, midnight_after};
use saolou_protocol::ids::RoundId;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// Most steps of one answer: over a year of days.
const STEPS_MAX: usize = 400;
/// Shortest step, in milliseconds.
const STEP_MS_MIN: Millis = 5 * 60 * 1000;

/// Which round, until when, and in how large steps; by default to now, and a step a day, each ending
/// at midnight in China.
#[derive(Deserialize)]
pub(crate) struct Steps {
    round: Option<Uuid>,
    as_of: Option<Millis>,
    step_ms: Option<Millis>,
}

/// The course of a round.
#[derive(Serialize)]
pub(crate) struct Progress {
    round_id: Uuid,
    from_ms: Millis,
    until_ms: Millis,
    steps: Vec<Step>,
    buildings: Vec<Course>,
    /// From the last step to the end of the round.
    pace: Pace,
}

/// Where a unit stood.
#[derive(Serialize)]
struct Step {
    /// What had come by then counts.
    at_ms: Millis,
    counts: Counts,
    metrics: Metrics,
    buildings_by_state: BTreeMap<&'static str, i64>,
}

/// Where a building stood at the same times; none before it was registered.
#[derive(Serialize)]
struct Course {
    building_id: Uuid,
    steps: Vec<Option<Standing>>,
}

/// Where a building stood: what a map shows.
#[derive(Clone, Copy, Serialize)]
struct Standing {
    state: BuildingState,
    in_scope: i64,
    covered: i64,
    /// Locked or blocked.
    locked: i64,
    /// Nobody got into, never having found it locked.
    unvisited: i64,
    evidence_pending: i64,
}

impl From<&BuildingRound> for Standing {
    fn from(BuildingRound { state, counts, .. }: &BuildingRound) -> Self {
        Self {
            state: *state,
            in_scope: counts.in_scope,
            covered: counts.covered,
            locked: counts.locked + counts.blocked,
            unvisited: counts.unvisited + counts.attempted,
            evidence_pending: counts.evidence_pending,
        }
    }
}

/// Reads the course of a round below a unit that lies in one street.
pub(crate) async fn progress(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
    Steps { round, as_of, step_ms }: Steps,
) -> Result<Progress> {
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let street = tx.street_of(unit).await?;
    let street =
        street.ok_or_else(|| Error::Invalid("choose a street, or a part of one".into()))?;
    let cut = Cut { round, as_of };
    let round_id = cut.round(&mut tx, street).await?;
    let rounds = tx.rounds(street).await?;
    let round = rounds.into_iter().find(|round| round.round_id == round_id);
    let round = round.ok_or(Error::NotFound)?;
    let last_ms = as_of.unwrap_or_else(|| sync.clock.now_ms());
    let at_ms = ends(round.from_ms, last_ms, step_ms.unwrap_or(DAY_MS))?;
    let mut steps: Vec<Step> = at_ms.iter().copied().map(Step::new).collect();
    let mut buildings = Vec::new();
    for (head, _) in heads_below(&mut tx, unit).await? {
        let standings = known(sync, &mut tx, &head, RoundId(round_id), as_of, &at_ms).await?;
        for (step, standing) in steps.iter_mut().zip(standings.iter()) {
            step.add(standing.as_ref());
        }
        let steps = standings.iter().map(|standing| standing.as_ref().map(Standing::from));
        buildings.push(Course { building_id: head.building_id, steps: steps.collect() });
    }
    for step in &mut steps {
        step.metrics = step.counts.metrics();
    }
    let remaining = steps.last().map_or(0, |step| step.counts.in_scope - step.counts.covered);
    let pace = Pace::of(remaining, last_ms, round.until_ms);
    Ok(Progress {
        round_id,
        from_ms: round.from_ms,
        until_ms: round.until_ms,
        steps,
        buildings,
        pace,
    })
}

impl Step {
    fn new(at_ms: Millis) -> Self {
        let counts = Counts::default();
        Self { at_ms, counts, metrics: counts.metrics(), buildings_by_state: BTreeMap::new() }
    }

    fn add(&mut self, standing: Option<&BuildingRound>) {
        let Some(standing) = standing else { return };
        self.counts += standing.counts;
        *self.buildings_by_state.entry(standing.state.code()).or_default() += 1;
    }
}

/// The ends of the steps from the beginning of a round: midnights, or whatever divides a day, and
/// the last moment itself.
fn ends(from_ms: Millis, last_ms: Millis, step_ms: Millis) -> Result<Vec<Millis>> {
    if !(STEP_MS_MIN..=DAY_MS).contains(&step_ms) || DAY_MS % step_ms != 0 {
        let cause = format!("step_ms: expected {STEP_MS_MIN} to {DAY_MS}, dividing a day");
        return Err(Error::Invalid(cause));
    }
    // Steps are counted from the midnight before the round.
    let midnight_ms = midnight_after(from_ms) - DAY_MS;
    let first = (from_ms - midnight_ms).div_euclid(step_ms) + 1;
    let ends = (first..).map(|step| midnight_ms + step * step_ms);
    let mut ends: Vec<Millis> =
        ends.take_while(|end_ms| *end_ms < last_ms).take(STEPS_MAX).collect();
    if ends.len() == STEPS_MAX {
        let cause = format!("step_ms: more than {STEPS_MAX} steps; choose a longer one");
        return Err(Error::Invalid(cause));
    }
    ends.push(last_ms);
    Ok(ends)
}

/// Where a building stood, from memory where it is asked up to now and nothing has changed.
async fn known(
    sync: &Sync,
    tx: &mut Tx,
    head: &Head,
    round: RoundId,
    as_of: Option<Millis>,
    at_ms: &[Millis],
) -> Result<courses::Course> {
    if as_of.is_some() {
        return Ok(Arc::new(course(tx, head, round, at_ms).await?.0));
    }
    let rounds = fold::rounds(tx, head.street_id).await?;
    if let Some(course) = sync.courses.kept(head, round, &rounds, at_ms) {
        return Ok(course);
    }
    let (course, is_whole) = course(tx, head, round, at_ms).await?;
    let course = Arc::new(course);
    if is_whole {
        sync.courses.keep(head, round, &rounds, at_ms, &course);
    }
    Ok(course)
}

/// Where a building stood in a round at these times, ascending; and whether all its facts had come by
/// the last of them.
async fn course(
    tx: &mut Tx,
    head: &Head,
    round: RoundId,
    at_ms: &[Millis],
) -> Result<(Vec<Option<BuildingRound>>, bool)> {
    let mut building = blank(tx, head).await?;
    let mut facts = dated(tx, head).await?.into_iter().peekable();
    let mut standing = None;
    let mut course = Vec::with_capacity(at_ms.len());
    for at_ms in at_ms {
        let mut come = Vec::new();
        while let Some((_, fact)) = facts.next_if(|(since_ms, _)| since_ms <= at_ms) {
            come.push(fact);
        }
        if !come.is_empty() {
            let entities = building.apply(come);
            let changed = entities.iter().find(|entity| entity.kind == EntityKind::Building);
            if let Some(entity) = changed {
                let view: BuildingView = parse(&entity.body)?;
                standing = super::standing(view.rounds, &HashSet::from([round]));
            }
        }
        course.push(standing.clone());
    }
    Ok((course, facts.peek().is_none()))
}
