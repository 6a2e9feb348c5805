//! Teams, their members, and the buildings that they are assigned to.

use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// A team.
#[derive(sqlx::FromRow)]
pub(crate) struct TeamRow {
    pub(crate) team_id: Uuid,
    pub(crate) street_id: Uuid,
    pub(crate) name: String,
    pub(crate) leader_id: Option<Uuid>,
}

/// A member of a team.
pub(crate) struct MemberRow {
    pub(crate) user_id: Uuid,
    pub(crate) function: String,
    pub(crate) from_ms: Millis,
    pub(crate) until_ms: Millis,
}

/// A building that a team works on.
#[derive(sqlx::FromRow)]
pub(crate) struct AssignmentRow {
    pub(crate) assignment_id: Uuid,
    pub(crate) round_id: Uuid,
    pub(crate) building_id: Uuid,
    pub(crate) team_id: Uuid,
    pub(crate) assigned_by: Uuid,
    pub(crate) from_ms: Millis,
    pub(crate) until_ms: Millis,
}

/// A member of a team, with the name of the account.
#[derive(sqlx::FromRow)]
pub(crate) struct NamedMemberRow {
    pub(crate) team_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) name: String,
    pub(crate) function: String,
}

impl Tx {
    /// Stores a team and replaces its members.
    pub(crate) async fn put_team(&mut self, team: &TeamRow, members: &[MemberRow]) -> Result<()> {
        const PUT: &str = "insert into team (team_id, street_id, name, leader_id) \
             values ($1, $2, $3, $4) on conflict (team_id) do update \
             set name = excluded.name, leader_id = excluded.leader_id";
        const CLEAR: &str = "delete from team_member where team_id = $1";
        const MEMBER: &str = "insert into team_member \
             (team_id, user_id, function, from_ms, until_ms) values ($1, $2, $3, $4, $5)";
        on!(self, |conn| sqlx::query(PUT)
            .bind(team.team_id)
            .bind(team.street_id)
            .bind(team.name.as_str())
            .bind(team.leader_id)
            .execute(conn)
            .await
            .map(drop))?;
        on!(self, |conn| sqlx::query(CLEAR).bind(team.team_id).execute(conn).await.map(drop))?;
        for member in members {
            on!(self, |conn| sqlx::query(MEMBER)
                .bind(team.team_id)
                .bind(member.user_id)
                .bind(member.function.as_str())
                .bind(member.from_ms)
                .bind(member.until_ms)
                .execute(conn)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// What a team is called.
    pub(crate) async fn team_name(&mut self, team: Uuid) -> Result<Option<String>> {
        const SQL: &str = "select name from team where team_id = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(team).fetch_optional(conn).await)
    }

    /// The street of a team.
    pub(crate) async fn team_street(&mut self, team: Uuid) -> Result<Option<Uuid>> {
        const SQL: &str = "select street_id from team where team_id = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(team).fetch_optional(conn).await)
    }

    /// Stores an assignment. A new one is a new row; of an existing one only the end may change.
    /// `false` means that this id is taken by another.
    pub(crate) async fn put_assignment(&mut self, assignment: &AssignmentRow) -> Result<bool> {
        const SQL: &str = "insert into assignment (assignment_id, round_id, building_id, team_id, \
             assigned_by, from_ms, until_ms) values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (assignment_id) do update set until_ms = excluded.until_ms \
             where assignment.round_id = excluded.round_id \
             and assignment.building_id = excluded.building_id \
             and assignment.team_id = excluded.team_id";
        on!(self, |conn| sqlx::query(SQL)
            .bind(assignment.assignment_id)
            .bind(assignment.round_id)
            .bind(assignment.building_id)
            .bind(assignment.team_id)
            .bind(assignment.assigned_by)
            .bind(assignment.from_ms)
            .bind(assignment.until_ms)
            .execute(conn)
            .await
            .map(|done| done.rows_affected() > 0))
    }

    /// The teams of a street, by name.
    pub(crate) async fn teams(&mut self, street: Uuid) -> Result<Vec<TeamRow>> {
        const SQL: &str = "select team_id, street_id, name, leader_id from team \
             where street_id = $1 order by name, team_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).fetch_all(conn).await)
    }

    /// Who belongs to the teams of a street at a time, by name.
    pub(crate) async fn members(
        &mut self,
        street: Uuid,
        at_ms: Millis,
    ) -> Result<Vec<NamedMemberRow>> {
        const SQL: &str = "select distinct team.team_id, account.user_id, account.name, \
             team_member.function from team_member \
             join team on team.team_id = team_member.team_id \
             join account on account.user_id = team_member.user_id \
             where team.street_id = $1 and team_member.from_ms <= $2 and team_member.until_ms > $2 \
             order by account.name, account.user_id, team_member.function";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(at_ms).fetch_all(conn).await)
    }

    /// The assignments of the buildings below a unit that end after a time.
    pub(crate) async fn assignments_below(
        &mut self,
        unit: Uuid,
        after_ms: Millis,
    ) -> Result<Vec<AssignmentRow>> {
        const SQL: &str = "select assignment_id, round_id, assignment.building_id, team_id, \
             assigned_by, from_ms, until_ms from org_unit_above join bucket \
             on bucket.unit_id = org_unit_above.unit_id \
             join assignment on assignment.building_id = bucket.building_id \
             where org_unit_above.above_id = $1 and until_ms > $2 order by from_ms, assignment_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(unit).bind(after_ms).fetch_all(conn).await)
    }
}
