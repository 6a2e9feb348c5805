//! Teams (联合工作组), and which of them works on which building in a round, from when to when.

use super::access::{Act, Caller};
use super::registry::taken;
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{AssignmentRow, MemberRow, TeamRow};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use uuid::Uuid;

/// An end that has not come.
const OPEN_END_MS: Millis = Millis::MAX;

/// A team as the desk sees it.
#[derive(Serialize)]
pub(crate) struct Team {
    team_id: Uuid,
    name: String,
    leader_id: Option<Uuid>,
    members: Vec<Member>,
}

/// Somebody who belongs to a team now.
#[derive(Serialize)]
struct Member {
    user_id: Uuid,
    name: String,
    function: String,
}

/// The teams of the street that a unit is or lies in, by name, with who belongs to each now.
pub(crate) async fn teams(sync: &Sync, caller: &Caller, unit: Uuid) -> Result<Vec<Team>> {
    let now_ms = sync.clock.now_ms();
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let street = tx.street_of(unit).await?.ok_or(Error::NotFound)?;
    let mut members: HashMap<Uuid, Vec<Member>> = HashMap::new();
    for row in tx.members(street, now_ms).await? {
        let (user_id, name, function) = (row.user_id, row.name, row.function);
        members.entry(row.team_id).or_default().push(Member { user_id, name, function });
    }
    let teams = tx.teams(street).await?.into_iter().map(|row| Team {
        members: members.remove(&row.team_id).unwrap_or_default(),
        team_id: row.team_id,
        name: row.name,
        leader_id: row.leader_id,
    });
    Ok(teams.collect())
}

/// An assignment that holds now or will.
#[derive(Serialize)]
pub(crate) struct Assignment {
    assignment_id: Uuid,
    round_id: Uuid,
    building_id: Uuid,
    team_id: Uuid,
    from_ms: Millis,
    /// Absent where no end was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    until_ms: Option<Millis>,
}

/// The assignments of the buildings below a unit that have not ended.
pub(crate) async fn assignments(
    sync: &Sync,
    caller: &Caller,
    unit: Uuid,
) -> Result<Vec<Assignment>> {
    let now_ms = sync.clock.now_ms();
    let mut tx = sync.store.read().await?;
    caller.require_unit(&mut tx, unit).await?;
    let rows = tx.assignments_below(unit, now_ms).await?.into_iter();
    let listed = rows.map(|row| Assignment {
        assignment_id: row.assignment_id,
        round_id: row.round_id,
        building_id: row.building_id,
        team_id: row.team_id,
        from_ms: row.from_ms,
        until_ms: Some(row.until_ms).filter(|until_ms| *until_ms != OPEN_END_MS),
    });
    Ok(listed.collect())
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
    /// Left out: now.
    #[serde(default)]
    from_ms: Option<Millis>,
    /// Left out: until it is ended.
    #[serde(default)]
    until_ms: Option<Millis>,
    /// Ends it now, by the server's clock.
    #[serde(default)]
    ended: bool,
}

/// Stores an assignment.
pub(crate) async fn put_assignment(
    sync: &Sync,
    caller: &Caller,
    assignment_id: Uuid,
    new: NewAssignment,
) -> Result<()> {
    let now_ms = sync.clock.now_ms();
    let until_ms = if new.ended { Some(now_ms) } else { new.until_ms };
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
        from_ms: new.from_ms.unwrap_or(now_ms),
        until_ms: until_ms.unwrap_or(OPEN_END_MS),
    };
    if !tx.put_assignment(&row).await? {
        let cause = "assignment_id: taken by another round, building or team";
        return Err(Error::Invalid(cause.into()));
    }
    tx.commit().await?;
    Ok(())
}
