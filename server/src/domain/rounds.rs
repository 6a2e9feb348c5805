//! Rounds (轮次): their window and their status, who changed that and why, and where each stands.
//!
//! Closing a round fixes its figures (截止快照): what was here by then. What arrives later changes the
//! figures of today and not those, so that both can be told. A round is reopened by a decision with a
//! reason, and closed again with figures of their own.

use super::access::{Act, Caller};
use super::coverage::cut::Cut;
use super::coverage::sums;
use super::fold::{is_published, window_of};
use super::folded::Folded;
use super::registry::{one_of, streets};
use super::settling::reason_of;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{RoundRow, StepRow, ToldStepRow, Tx};
use saolou_protocol::coverage::counts::{Counts, Metrics};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long phones may still send what they captured in a round, where it is not said (domain B.1).
const GRACE_MS: Millis = 3 * 24 * 3600 * 1000;

const KINDS: &[&str] =
    &["full_sweep", "revisit_only", "key_targets", "random_sample", "sector_check", "continuous"];
const STATUSES: &[&str] =
    &["draft", "published", "open", "closing", "closed", "archived", "reopened"];
/// What a round with final figures may not simply turn into again.
const RUNNING: &[&str] = &["draft", "published", "open", "closing"];

/// A round.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRound {
    campaign_id: Uuid,
    street_id: Uuid,
    number: i64,
    kind: String,
    status: String,
    from_ms: Millis,
    until_ms: Millis,
    #[serde(default)]
    grace_until_ms: Option<Millis>,
    /// Why its status changes; reopening takes one.
    #[serde(default)]
    reason: Option<String>,
}

/// Stores a round. Where its window changes, or whether it is published or closed, all buildings of the
/// street are derived anew before this returns; a closing then has its figures.
pub(crate) async fn put_round(
    sync: &Sync,
    caller: &Caller,
    round_id: Uuid,
    mut new: NewRound,
) -> Result<()> {
    one_of("kind", &new.kind, KINDS)?;
    one_of("status", &new.status, STATUSES)?;
    if new.from_ms >= new.until_ms {
        return Err(Error::Invalid("until_ms: must lie after from_ms".into()));
    }
    let reason = new.reason.take();
    let reason = reason.as_deref().map(reason_of).transpose()?.map(str::to_owned);
    let mut tx = sync.store.write().await?;
    caller.require_at(&mut tx, Act::ManageRegistry, new.street_id).await?;
    let campaign = tx.campaign(new.campaign_id).await?;
    if campaign.is_none_or(|campaign| campaign.street_id != new.street_id) {
        return Err(Error::Invalid("campaign_id: no campaign of this street".into()));
    }
    let before = tx.round(round_id).await?;
    if before.as_ref().is_some_and(|before| before.street_id != new.street_id) {
        return Err(Error::NotFound);
    }
    let round = row(round_id, new)?;
    let was = before.as_ref().map(|before| before.status.as_str());
    require_step(was, &round.status, reason.is_some())?;
    if let Some(before) = &before {
        // Its figures are those of a closed round: they are fixed before it is none any more.
        fix(&mut tx, &sync.folded, before).await?;
    }
    tx.put_round(&round).await?;
    if was != Some(round.status.as_str()) {
        let status = round.status.clone();
        let (step_id, author_id) = (sync.clock.new_id(), caller.user_id);
        let at_ms = sync.clock.now_ms();
        tx.put_step(&StepRow { step_id, round_id, status, reason, author_id, at_ms }).await?;
    }
    tx.commit().await?;
    let same = before.is_some_and(|before| {
        is_published(&before) == is_published(&round) && window_of(&before) == window_of(&round)
    });
    if !same {
        sync.writer.rederive(round.street_id).await?;
    }
    if round.status == "closed" {
        let mut tx = sync.store.write().await?;
        fix(&mut tx, &sync.folded, &round).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn row(round_id: Uuid, new: NewRound) -> Result<RoundRow> {
    let round = RoundRow {
        round_id,
        campaign_id: new.campaign_id,
        street_id: new.street_id,
        number: new.number,
        kind: new.kind,
        status: new.status,
        from_ms: new.from_ms,
        until_ms: new.until_ms,
        grace_until_ms: new.grace_until_ms.unwrap_or(new.until_ms.saturating_add(GRACE_MS)),
    };
    if round.grace_until_ms < round.until_ms {
        return Err(Error::Invalid("grace_until_ms: must not lie before until_ms".into()));
    }
    Ok(round)
}

/// What was closed runs on only as `reopened`, and for a reason.
fn require_step(was: Option<&str>, becomes: &str, has_reason: bool) -> Result<()> {
    let was_closed = matches!(was, Some("closed" | "archived"));
    if was_closed && RUNNING.contains(&becomes) {
        return Err(Error::Invalid("status: a closed round is reopened".into()));
    }
    if becomes == "reopened" && was != Some("reopened") && !has_reason {
        return Err(Error::Invalid("reason: reopening a round takes one".into()));
    }
    Ok(())
}

/// Notes the figures of a closing that has none yet: those of the facts that were here by then.
async fn fix(tx: &mut Tx, folded: &Folded, round: &RoundRow) -> Result<()> {
    if !window_of(round).is_closed {
        return Ok(());
    }
    let steps = tx.steps(round.round_id).await?;
    let Some(closing) = steps.into_iter().rev().find(|step| step.status == "closed") else {
        return Ok(());
    };
    if closing.counts.is_none() {
        let cut = Cut { round: Some(round.round_id), as_of: Some(closing.at_ms) };
        let (counts, _) = sums(tx, folded, round.street_id, cut).await?;
        let counts = serde_json::to_vec(&counts)
            .map_err(|error| Error::Internal(format!("counts are no JSON: {error}")))?;
        tx.put_step_counts(closing.step_id, &counts).await?;
    }
    Ok(())
}

/// The rounds that the caller works in.
pub(crate) async fn rounds(sync: &Sync, caller: &Caller) -> Result<Vec<RoundRow>> {
    let mut tx = sync.store.read().await?;
    let mut rounds = Vec::new();
    for street in streets(&mut tx, caller).await? {
        rounds.extend(tx.rounds(street).await?);
    }
    Ok(rounds)
}

/// A round with its steps, and where it stands below a unit.
#[derive(Serialize)]
pub(crate) struct Standing {
    #[serde(flatten)]
    round: RoundRow,
    /// Oldest first.
    steps: Vec<Step>,
    counts: Counts,
    metrics: Metrics,
    buildings_by_state: BTreeMap<&'static str, i64>,
}

/// A change of the status of a round.
#[derive(Serialize)]
struct Step {
    status: String,
    reason: Option<String>,
    author: String,
    at_ms: Millis,
    /// Of a closing: the figures of the whole street as they were then.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
}

impl Step {
    fn read(row: ToldStepRow) -> Result<Self> {
        let counts = row.counts.as_deref().map(super::coverage::parse::<Counts>).transpose()?;
        let ToldStepRow { status, reason, author, at_ms, .. } = row;
        Ok(Self { status, reason, author, at_ms, counts, metrics: counts.map(|c| c.metrics()) })
    }
}

/// The rounds of the street that a unit is or lies in, the newest first, with where each stands there.
pub(crate) async fn standings(sync: &Sync, caller: &Caller, unit: Uuid) -> Result<Vec<Standing>> {
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let street = tx.street_of(unit).await?;
    let street =
        street.ok_or_else(|| Error::Invalid("choose a street, or a part of one".into()))?;
    let mut standings = Vec::new();
    for round in tx.rounds(street).await?.into_iter().rev() {
        let steps = tx.steps(round.round_id).await?;
        let steps = steps.into_iter().map(Step::read).collect::<Result<Vec<Step>>>()?;
        let (counts, buildings_by_state) = if is_published(&round) {
            sums(&mut tx, &sync.folded, unit, Cut { round: Some(round.round_id), as_of: None })
                .await?
        } else {
            Default::default()
        };
        let metrics = counts.metrics();
        standings.push(Standing { round, steps, counts, metrics, buildings_by_state });
    }
    Ok(standings)
}
