//! Reference data as the desk writes them: units, campaigns, rounds, teams, assignments.

use super::access::{Act, Caller};
use super::fold::{is_published, window_of};
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{
    AssignmentRow, CampaignRow, MemberRow, PhaseRow, RoundRow, TeamRow, Tx, UnitRow,
};
use saolou_protocol::identifiers::licence_date::LicenceDate;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// An end that has not come.
const OPEN_END_MS: Millis = Millis::MAX;

/// How long phones may still send what they captured in a round, where it is not said (domain B.1).
const GRACE_MS: Millis = 3 * 24 * 3600 * 1000;

const LEVELS: &[&str] = &["city", "district", "street", "community", "grid"];
const ROUND_KINDS: &[&str] =
    &["full_sweep", "revisit_only", "key_targets", "random_sample", "sector_check", "continuous"];
const ROUND_STATUSES: &[&str] =
    &["draft", "published", "open", "closing", "closed", "archived", "reopened"];

/// A unit as the administrator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUnit {
    #[serde(default)]
    parent_id: Option<Uuid>,
    code: String,
    level: String,
    name: String,
}

/// Stores a unit. The first one of all may stand alone, every other has a parent.
pub(crate) async fn put_unit(sync: &Sync, unit_id: Uuid, new: NewUnit) -> Result<()> {
    let NewUnit { parent_id, code, level, name } = new;
    one_of("level", &level, LEVELS)?;
    let digits = code.chars().all(|c| c.is_ascii_digit());
    if !digits || !(4..=20).contains(&code.len()) || name.trim().is_empty() {
        return Err(Error::Invalid("code: 4 to 20 digits; name: not empty".into()));
    }
    let mut tx = sync.store.write().await?;
    let before = tx.unit(unit_id).await?;
    let known = match parent_id {
        Some(parent) => parent != unit_id && tx.unit(parent).await?.is_some(),
        None => tx.top_unit().await?.is_none_or(|top| top == unit_id),
    };
    if !known {
        return Err(Error::Invalid("parent_id: unknown unit".into()));
    }
    if before.is_some_and(|before| before.parent_id != parent_id) {
        return Err(Error::Invalid("parent_id: a unit keeps its place".into()));
    }
    let unit = UnitRow { unit_id, parent_id, code, level, name };
    tx.put_unit(&unit).await.map_err(taken("code"))?;
    tx.commit().await?;
    Ok(())
}

/// A campaign with its phases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCampaign {
    street_id: Uuid,
    name: String,
    #[serde(default)]
    document_no: Option<String>,
    #[serde(default)]
    phases: Vec<NewPhase>,
}

/// A phase; dates as `YYYY-MM-DD`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPhase {
    phase_id: Uuid,
    kind: String,
    from: String,
    until: String,
    #[serde(default)]
    goals: Option<String>,
}

/// Stores a campaign.
pub(crate) async fn put_campaign(
    sync: &Sync,
    caller: &Caller,
    campaign_id: Uuid,
    new: NewCampaign,
) -> Result<()> {
    let mut tx = sync.store.write().await?;
    caller.require_at(&mut tx, Act::ManageRegistry, new.street_id).await?;
    let other = |before: CampaignRow| before.street_id != new.street_id;
    if tx.campaign(campaign_id).await?.is_some_and(other) {
        return Err(Error::NotFound);
    }
    // As text, days in this form are in the order of time.
    let is_day = |text: &str| {
        LicenceDate::parse(text)
            .is_ok_and(|day| matches!(day, LicenceDate::On { .. }) && day.to_string() == text)
    };
    if !new.phases.iter().all(|p| is_day(&p.from) && is_day(&p.until) && p.from <= p.until) {
        let cause = "phases: from and until are days, YYYY-MM-DD, until not before from";
        return Err(Error::Invalid(cause.into()));
    }
    let phases: Vec<PhaseRow> = new
        .phases
        .into_iter()
        .map(|phase| PhaseRow {
            phase_id: phase.phase_id,
            campaign_id,
            kind: phase.kind,
            from_date: phase.from,
            until_date: phase.until,
            goals: phase.goals,
        })
        .collect();
    let (street_id, name, document_no) = (new.street_id, new.name, new.document_no);
    let campaign = CampaignRow { campaign_id, street_id, name, document_no };
    if !tx.put_campaign(&campaign, &phases).await? {
        return Err(Error::Invalid("phase_id: taken by another campaign".into()));
    }
    tx.commit().await?;
    Ok(())
}

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
}

/// Stores a round. Where its window changes, or whether it is published or closed, all buildings of the
/// street are derived anew before this returns.
pub(crate) async fn put_round(
    sync: &Sync,
    caller: &Caller,
    round_id: Uuid,
    new: NewRound,
) -> Result<()> {
    one_of("kind", &new.kind, ROUND_KINDS)?;
    one_of("status", &new.status, ROUND_STATUSES)?;
    if new.from_ms >= new.until_ms {
        return Err(Error::Invalid("until_ms: must lie after from_ms".into()));
    }
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
    let same = before.is_some_and(|before| {
        is_published(&before) == is_published(&round) && window_of(&before) == window_of(&round)
    });
    tx.put_round(&round).await?;
    tx.commit().await?;
    if !same {
        sync.writer.rederive(round.street_id).await?;
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

/// A campaign with its phases, in order.
#[derive(Serialize)]
pub(crate) struct Campaign {
    #[serde(flatten)]
    campaign: CampaignRow,
    phases: Vec<PhaseRow>,
}

/// The campaigns that the caller works in.
pub(crate) async fn campaigns(sync: &Sync, caller: &Caller) -> Result<Vec<Campaign>> {
    let mut tx = sync.store.read().await?;
    let mut campaigns = Vec::new();
    for street in streets(&mut tx, caller).await? {
        for campaign in tx.campaigns(street).await? {
            let phases = tx.phases(campaign.campaign_id).await?;
            campaigns.push(Campaign { campaign, phases });
        }
    }
    Ok(campaigns)
}

/// The streets of the caller's teams, and those at, above or below the units of his roles.
async fn streets(tx: &mut Tx, caller: &Caller) -> Result<BTreeSet<Uuid>> {
    let mut streets: BTreeSet<Uuid> =
        tx.streets_of_teams(caller.user_id).await?.into_iter().collect();
    for grant in &caller.grants {
        match tx.street_of(grant.unit_id).await? {
            Some(street) => drop(streets.insert(street)),
            None => {
                let below = tx.units_below(grant.unit_id).await?.into_iter();
                streets.extend(below.filter(|u| u.level == "street").map(|unit| unit.unit_id));
            }
        }
    }
    Ok(streets)
}

/// The units that the caller reaches.
pub(crate) async fn units(sync: &Sync, caller: &Caller) -> Result<Vec<UnitRow>> {
    let mut tx = sync.store.read().await?;
    let mut units: Vec<UnitRow> = Vec::new();
    let mut seen = BTreeSet::new();
    for grant in &caller.grants {
        let below = tx.units_below(grant.unit_id).await?;
        units.extend(below.into_iter().filter(|unit| seen.insert(unit.unit_id)));
    }
    units.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(units)
}

/// A team with its members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTeam {
    street_id: Uuid,
    name: String,
    #[serde(default)]
    leader_id: Option<Uuid>,
    members: Vec<NewMember>,
}

/// A member: who, from which department, from when to when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMember {
    user_id: Uuid,
    function: String,
    #[serde(default)]
    from_ms: Option<Millis>,
    #[serde(default)]
    until_ms: Option<Millis>,
}

/// Stores a team.
pub(crate) async fn put_team(
    sync: &Sync,
    caller: &Caller,
    team_id: Uuid,
    new: NewTeam,
) -> Result<()> {
    let mut tx = sync.store.write().await?;
    caller.require_at(&mut tx, Act::ManageRegistry, new.street_id).await?;
    if tx.team_street(team_id).await?.is_some_and(|street| street != new.street_id) {
        return Err(Error::NotFound);
    }
    let users = new.members.iter().map(|member| member.user_id).chain(new.leader_id);
    for user in users {
        if tx.account(user).await?.is_none() {
            return Err(Error::Invalid(format!("user_id: unknown {user}")));
        }
    }
    let members: Vec<MemberRow> = new
        .members
        .into_iter()
        .map(|member| MemberRow {
            user_id: member.user_id,
            function: member.function,
            from_ms: member.from_ms.unwrap_or(0),
            until_ms: member.until_ms.unwrap_or(OPEN_END_MS),
        })
        .collect();
    let (street_id, name, leader_id) = (new.street_id, new.name, new.leader_id);
    let team = TeamRow { team_id, street_id, name, leader_id };
    tx.put_team(&team, &members).await.map_err(taken("members: a user_id and from_ms"))?;
    tx.commit().await?;
    Ok(())
}

/// An assignment: a team works on a building in a round, from when to when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAssignment {
    round_id: Uuid,
    building_id: Uuid,
    team_id: Uuid,
    from_ms: Millis,
    #[serde(default)]
    until_ms: Option<Millis>,
}

/// Stores an assignment.
pub(crate) async fn put_assignment(
    sync: &Sync,
    caller: &Caller,
    assignment_id: Uuid,
    new: NewAssignment,
) -> Result<()> {
    let mut tx = sync.store.write().await?;
    let round = tx.round(new.round_id).await?.ok_or(Error::NotFound)?;
    caller.require_at(&mut tx, Act::ManageRegistry, round.street_id).await?;
    let team = tx.team_street(new.team_id).await?;
    let building = tx.head(new.building_id).await?.map(|head| head.street_id);
    if team != Some(round.street_id) || building != Some(round.street_id) {
        return Err(Error::Invalid("round, team and building must be of one street".into()));
    }
    let row = AssignmentRow {
        assignment_id,
        round_id: new.round_id,
        building_id: new.building_id,
        team_id: new.team_id,
        assigned_by: caller.user_id,
        from_ms: new.from_ms,
        until_ms: new.until_ms.unwrap_or(OPEN_END_MS),
    };
    if !tx.put_assignment(&row).await? {
        let cause = "assignment_id: taken by another round, building or team";
        return Err(Error::Invalid(cause.into()));
    }
    tx.commit().await?;
    Ok(())
}

fn one_of(name: &str, value: &str, known: &[&str]) -> Result<()> {
    if known.contains(&value) {
        Ok(())
    } else {
        Err(Error::Invalid(format!("{name}: expected one of {}", known.join(", "))))
    }
}

fn taken(name: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            Error::Invalid(format!("{name}: taken"))
        }
        _ => Error::Database(error),
    }
}
