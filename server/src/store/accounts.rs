//! Accounts, what they may do and where, their sessions and devices.

use super::bulk::select_in;
use super::{Result, Store, Tx, on};
use saolou_protocol::time::Millis;
use uuid::Uuid;

/// An account.
#[derive(Clone, sqlx::FromRow)]
pub(crate) struct Account {
    pub(crate) user_id: Uuid,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) password_hash: String,
    pub(crate) status: String,
    /// Since when it is suspended, where it is.
    pub(crate) suspended_ms: Option<Millis>,
}

/// A role in a unit and everything below it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Grant {
    pub(crate) role: String,
    pub(crate) unit_id: Uuid,
}

/// A session with its account.
#[derive(sqlx::FromRow)]
pub(crate) struct SessionRow {
    pub(crate) session_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) name: String,
    pub(crate) suspended_ms: Option<Millis>,
    /// The device that the session was opened on was revoked.
    pub(crate) device_revoked: bool,
    pub(crate) expires_ms: Millis,
}

/// A session with its account and one of the account's roles, where it has any.
#[derive(sqlx::FromRow)]
struct SessionGrant {
    #[sqlx(flatten)]
    session: SessionRow,
    role: Option<String>,
    unit_id: Option<Uuid>,
}

impl Store {
    /// A session with its account, and what the user may do and where: one statement without a
    /// transaction around it, since every request begins with it.
    pub(crate) async fn session(&self, session: Uuid) -> Result<Option<(SessionRow, Vec<Grant>)>> {
        const SQL: &str = "select session.session_id, session.user_id, account.name, \
             account.suspended_ms, device.revoked_ms is not null as device_revoked, \
             session.expires_ms, role_grant.role, role_grant.unit_id from session \
             join account on account.user_id = session.user_id \
             left join device on device.device_id = session.device_id \
             left join role_grant on role_grant.user_id = session.user_id \
             where session.session_id = $1 order by role_grant.role, role_grant.unit_id";
        let rows: Vec<SessionGrant> = match self {
            Self::Sqlite { readers, .. } => {
                sqlx::query_as(SQL).bind(session).fetch_all(readers).await?
            }
            Self::Postgres(pool, _) => sqlx::query_as(SQL).bind(session).fetch_all(pool).await?,
        };
        let (mut found, mut grants) = (None, Vec::new());
        for SessionGrant { session, role, unit_id } in rows {
            grants.extend(role.zip(unit_id).map(|(role, unit_id)| Grant { role, unit_id }));
            found = Some(session);
        }
        Ok(found.map(|session| (session, grants)))
    }
}

impl Tx {
    /// The account with a username.
    pub(crate) async fn account_named(&mut self, username: &str) -> Result<Option<Account>> {
        const SQL: &str = "select user_id, username, name, password_hash, status, suspended_ms \
             from account \
             where username = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(username).fetch_optional(conn).await)
    }

    /// The account of a user.
    pub(crate) async fn account(&mut self, user: Uuid) -> Result<Option<Account>> {
        const SQL: &str = "select user_id, username, name, password_hash, status, suspended_ms \
             from account \
             where user_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(user).fetch_optional(conn).await)
    }

    /// All accounts, by username.
    pub(crate) async fn accounts(&mut self) -> Result<Vec<Account>> {
        const SQL: &str = "select user_id, username, name, password_hash, status, suspended_ms \
             from account \
             order by username";
        on!(self, |conn| sqlx::query_as(SQL).fetch_all(conn).await)
    }

    /// Stores an account; an existing one of the same id is replaced.
    pub(crate) async fn put_account(&mut self, account: &Account, now_ms: Millis) -> Result<()> {
        const SQL: &str = "insert into account \
             (user_id, username, name, password_hash, status, suspended_ms, created_ms) \
             values ($1, $2, $3, $4, $5, $6, $7) on conflict (user_id) do update \
             set username = excluded.username, name = excluded.name, \
             password_hash = excluded.password_hash, status = excluded.status, \
             suspended_ms = excluded.suspended_ms";
        on!(self, |conn| sqlx::query(SQL)
            .bind(account.user_id)
            .bind(account.username.as_str())
            .bind(account.name.as_str())
            .bind(account.password_hash.as_str())
            .bind(account.status.as_str())
            .bind(account.suspended_ms)
            .bind(now_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// What a user may do, and where.
    pub(crate) async fn grants(&mut self, user: Uuid) -> Result<Vec<Grant>> {
        const SQL: &str = "select role, unit_id from role_grant where user_id = $1 \
             order by role, unit_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(user).fetch_all(conn).await)
    }

    /// Replaces what a user may do.
    pub(crate) async fn put_grants(&mut self, user: Uuid, grants: &[Grant]) -> Result<()> {
        const CLEAR: &str = "delete from role_grant where user_id = $1";
        const PUT: &str = "insert into role_grant (user_id, role, unit_id) values ($1, $2, $3) \
             on conflict do nothing";
        on!(self, |conn| sqlx::query(CLEAR).bind(user).execute(conn).await.map(drop))?;
        for grant in grants {
            on!(self, |conn| sqlx::query(PUT)
                .bind(user)
                .bind(grant.role.as_str())
                .bind(grant.unit_id)
                .execute(conn)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// A session with its account.
    pub(crate) async fn session(&mut self, session: Uuid) -> Result<Option<SessionRow>> {
        const SQL: &str = "select session.session_id, session.user_id, account.name, \
             account.suspended_ms, device.revoked_ms is not null as device_revoked, \
             session.expires_ms from session \
             join account on account.user_id = session.user_id \
             left join device on device.device_id = session.device_id where session.session_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(session).fetch_optional(conn).await)
    }

    /// Opens a session, and forgets those of the same user that have ended.
    pub(crate) async fn open_session(
        &mut self,
        session: Uuid,
        user: Uuid,
        device: Option<Uuid>,
        refresh_hash: &[u8],
        now_ms: Millis,
        expires_ms: Millis,
    ) -> Result<()> {
        const CLEAR: &str = "delete from session where user_id = $1 and expires_ms < $2";
        const PUT: &str = "insert into session \
             (session_id, user_id, refresh_hash, created_ms, expires_ms, device_id) \
             values ($1, $2, $3, $4, $5, $6)";
        on!(self, |conn| sqlx::query(CLEAR).bind(user).bind(now_ms).execute(conn).await.map(drop))?;
        on!(self, |conn| sqlx::query(PUT)
            .bind(session)
            .bind(user)
            .bind(refresh_hash)
            .bind(now_ms)
            .bind(expires_ms)
            .bind(device)
            .execute(conn)
            .await
            .map(drop))
    }

    /// Replaces a session's refresh token, where it still is the one that was shown. Gives the
    /// session; `None` for a token that was used before or never existed.
    pub(crate) async fn rotate_session(
        &mut self,
        before: &[u8],
        after: &[u8],
        now_ms: Millis,
        expires_ms: Millis,
    ) -> Result<Option<Uuid>> {
        const SQL: &str = "update session set refresh_hash = $2, expires_ms = $4 \
             where refresh_hash = $1 and expires_ms > $3 returning session_id";
        on!(self, |conn| sqlx::query_scalar(SQL)
            .bind(before)
            .bind(after)
            .bind(now_ms)
            .bind(expires_ms)
            .fetch_optional(conn)
            .await)
    }

    /// Ends a session.
    pub(crate) async fn close_session(&mut self, session: Uuid) -> Result<()> {
        const SQL: &str = "delete from session where session_id = $1";
        on!(self, |conn| sqlx::query(SQL).bind(session).execute(conn).await.map(drop))
    }

    /// Buildings below a unit.
    pub(crate) async fn heads_below(&mut self, unit: Uuid) -> Result<Vec<super::Head>> {
        const SQL: &str = "select bucket.building_id, bucket.street_id, bucket.seq, \
             bucket.digest_count, bucket.digest_sum \
             from org_unit_above join bucket on bucket.unit_id = org_unit_above.unit_id \
             where org_unit_above.above_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(unit).fetch_all(conn).await)
    }

    /// Buildings that a user's teams are assigned to at a time.
    pub(crate) async fn heads_assigned(
        &mut self,
        user: Uuid,
        at_ms: Millis,
    ) -> Result<Vec<super::Head>> {
        const SQL: &str = "select distinct bucket.building_id, bucket.street_id, bucket.seq, \
             bucket.digest_count, bucket.digest_sum \
             from team_member \
             join assignment on assignment.team_id = team_member.team_id \
             join team on team.team_id = team_member.team_id \
             join bucket on bucket.street_id = team.street_id \
             and bucket.building_id = assignment.building_id \
             where team_member.user_id = $1 \
             and team_member.from_ms <= $2 and team_member.until_ms > $2 \
             and assignment.from_ms <= $2 and assignment.until_ms > $2";
        on!(self, |conn| sqlx::query_as(SQL).bind(user).bind(at_ms).fetch_all(conn).await)
    }

    /// When a user was assigned to which of these buildings, by his teams: building, from, until.
    pub(crate) async fn assigned_times(
        &mut self,
        user: Uuid,
    ) -> Result<Vec<(Uuid, Millis, Millis, Millis, Millis)>> {
        const SQL: &str = "select assignment.building_id, assignment.from_ms, assignment.until_ms, \
             team_member.from_ms, team_member.until_ms from team_member \
             join assignment on assignment.team_id = team_member.team_id \
             where team_member.user_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(user).fetch_all(conn).await)
    }

    /// Whether a unit lies below any unit in which a user has a role.
    pub(crate) async fn units_above(&mut self, unit: Uuid) -> Result<Vec<Uuid>> {
        const SQL: &str = "select above_id from org_unit_above where unit_id = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(unit).fetch_all(conn).await)
    }

    /// The streets of a user's teams, and those at or above the units of his roles: the role, its
    /// unit, the street. A team has no role here.
    pub(crate) async fn streets_of_user(
        &mut self,
        user: Uuid,
    ) -> Result<Vec<(Option<String>, Option<Uuid>, Uuid)>> {
        let found = self.streets_of_users(&[user]).await?;
        Ok(found.into_iter().map(|(_, role, unit, street)| (role, unit, street)).collect())
    }

    /// The same of several users: whose, then as [`Self::streets_of_user`].
    pub(crate) async fn streets_of_users(
        &mut self,
        users: &[Uuid],
    ) -> Result<Vec<(Uuid, Option<String>, Option<Uuid>, Uuid)>> {
        let mut found: Vec<(Uuid, Option<String>, Option<Uuid>, Uuid)> = select_in!(
            self,
            users,
            (Uuid, Option<String>, Option<Uuid>, Uuid),
            "select role_grant.user_id, role_grant.role, role_grant.unit_id, above.unit_id \
             from role_grant join org_unit_above on org_unit_above.unit_id = role_grant.unit_id \
             join org_unit above on above.unit_id = org_unit_above.above_id \
             where above.level = 'street' and role_grant.user_id in ("
        );
        found.extend(select_in!(
            self,
            users,
            (Uuid, Option<String>, Option<Uuid>, Uuid),
            "select team_member.user_id, null, null, team.street_id from team_member \
             join team on team.team_id = team_member.team_id where team_member.user_id in ("
        ));
        Ok(found)
    }

    /// The streets whose teams a user belongs to.
    pub(crate) async fn streets_of_teams(&mut self, user: Uuid) -> Result<Vec<Uuid>> {
        const SQL: &str = "select distinct team.street_id from team_member \
             join team on team.team_id = team_member.team_id where team_member.user_id = $1 \
             order by team.street_id";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(user).fetch_all(conn).await)
    }
}
