//! Reference data: units, campaigns, rounds.

use super::{Result, Tx, on};
use saolou_protocol::time::Millis;
use serde::Serialize;
use uuid::Uuid;

/// A unit of the organisation tree.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub(crate) struct UnitRow {
    pub(crate) unit_id: Uuid,
    pub(crate) parent_id: Option<Uuid>,
    pub(crate) code: String,
    pub(crate) level: String,
    pub(crate) name: String,
}

/// A campaign.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub(crate) struct CampaignRow {
    pub(crate) campaign_id: Uuid,
    pub(crate) street_id: Uuid,
    pub(crate) name: String,
    pub(crate) document_no: Option<String>,
}

/// A phase of a campaign.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub(crate) struct PhaseRow {
    pub(crate) phase_id: Uuid,
    pub(crate) campaign_id: Uuid,
    pub(crate) kind: String,
    pub(crate) from_date: String,
    pub(crate) until_date: String,
    pub(crate) goals: Option<String>,
}

/// A round.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub(crate) struct RoundRow {
    pub(crate) round_id: Uuid,
    pub(crate) campaign_id: Uuid,
    pub(crate) street_id: Uuid,
    pub(crate) number: i64,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) from_ms: Millis,
    pub(crate) until_ms: Millis,
    pub(crate) grace_until_ms: Millis,
}

const ROUND: &str = "select round_id, campaign_id, street_id, number, kind, status, from_ms, \
     until_ms, grace_until_ms from round";

impl Tx {
    /// A unit.
    pub(crate) async fn unit(&mut self, unit: Uuid) -> Result<Option<UnitRow>> {
        const SQL: &str =
            "select unit_id, parent_id, code, level, name from org_unit where unit_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(unit).fetch_optional(conn).await)
    }

    /// The units below a unit, itself included, by code.
    pub(crate) async fn units_below(&mut self, unit: Uuid) -> Result<Vec<UnitRow>> {
        const SQL: &str = "select org_unit.unit_id, parent_id, code, level, name \
             from org_unit_above join org_unit on org_unit.unit_id = org_unit_above.unit_id \
             where org_unit_above.above_id = $1 order by code";
        on!(self, |conn| sqlx::query_as(SQL).bind(unit).fetch_all(conn).await)
    }

    /// The first unit that has none above it.
    pub(crate) async fn top_unit(&mut self) -> Result<Option<Uuid>> {
        const SQL: &str = "select unit_id from org_unit where parent_id is null \
             order by code limit 1";
        on!(self, |conn| sqlx::query_scalar(SQL).fetch_optional(conn).await)
    }

    /// The street that a unit is or lies in; a unit above all streets stands for itself.
    pub(crate) async fn street_of(&mut self, unit: Uuid) -> Result<Option<Uuid>> {
        const SQL: &str = "select above.unit_id from org_unit_above \
             join org_unit above on above.unit_id = org_unit_above.above_id \
             where org_unit_above.unit_id = $1 and above.level = 'street'";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(unit).fetch_optional(conn).await)
    }

    /// Stores a unit. Its place in the tree is fixed when it is new.
    pub(crate) async fn put_unit(&mut self, unit: &UnitRow) -> Result<()> {
        const PUT: &str = "insert into org_unit (unit_id, parent_id, code, level, name) \
             values ($1, $2, $3, $4, $5) on conflict (unit_id) do update \
             set code = excluded.code, level = excluded.level, name = excluded.name";
        const SELF: &str = "insert into org_unit_above (unit_id, above_id) values ($1, $1) \
             on conflict do nothing";
        const ABOVE: &str = "insert into org_unit_above (unit_id, above_id) \
             select $1, above_id from org_unit_above where unit_id = $2 on conflict do nothing";
        on!(self, |conn| sqlx::query(PUT)
            .bind(unit.unit_id)
            .bind(unit.parent_id)
            .bind(unit.code.as_str())
            .bind(unit.level.as_str())
            .bind(unit.name.as_str())
            .execute(conn)
            .await
            .map(drop))?;
        on!(self, |conn| sqlx::query(SELF).bind(unit.unit_id).execute(conn).await.map(drop))?;
        if let Some(parent) = unit.parent_id {
            on!(self, |conn| sqlx::query(ABOVE)
                .bind(unit.unit_id)
                .bind(parent)
                .execute(conn)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// Stores a campaign with its phases. `false` means that another campaign has one of them, and
    /// this transaction must not be committed.
    pub(crate) async fn put_campaign(
        &mut self,
        campaign: &CampaignRow,
        phases: &[PhaseRow],
    ) -> Result<bool> {
        const PUT: &str = "insert into campaign (campaign_id, street_id, name, document_no) \
             values ($1, $2, $3, $4) on conflict (campaign_id) do update \
             set name = excluded.name, document_no = excluded.document_no";
        const PHASE: &str = "insert into campaign_phase \
             (phase_id, campaign_id, kind, from_date, until_date, goals) \
             values ($1, $2, $3, $4, $5, $6) on conflict (phase_id) do update \
             set kind = excluded.kind, from_date = excluded.from_date, \
             until_date = excluded.until_date, goals = excluded.goals \
             where campaign_phase.campaign_id = excluded.campaign_id";
        on!(self, |conn| sqlx::query(PUT)
            .bind(campaign.campaign_id)
            .bind(campaign.street_id)
            .bind(campaign.name.as_str())
            .bind(campaign.document_no.as_deref())
            .execute(conn)
            .await
            .map(drop))?;
        for phase in phases {
            let stored = on!(self, |conn| sqlx::query(PHASE)
                .bind(phase.phase_id)
                .bind(campaign.campaign_id)
                .bind(phase.kind.as_str())
                .bind(phase.from_date.as_str())
                .bind(phase.until_date.as_str())
                .bind(phase.goals.as_deref())
                .execute(conn)
                .await
                .map(|done| done.rows_affected()))?;
            if stored == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The campaigns of a street, by name.
    pub(crate) async fn campaigns(&mut self, street: Uuid) -> Result<Vec<CampaignRow>> {
        const SQL: &str = "select campaign_id, street_id, name, document_no from campaign \
             where street_id = $1 order by name, campaign_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).fetch_all(conn).await)
    }

    /// A campaign.
    pub(crate) async fn campaign(&mut self, campaign: Uuid) -> Result<Option<CampaignRow>> {
        const SQL: &str = "select campaign_id, street_id, name, document_no from campaign \
             where campaign_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(campaign).fetch_optional(conn).await)
    }

    /// The phases of a campaign, in order.
    pub(crate) async fn phases(&mut self, campaign: Uuid) -> Result<Vec<PhaseRow>> {
        const SQL: &str = "select phase_id, campaign_id, kind, from_date, until_date, goals \
             from campaign_phase where campaign_id = $1 order by from_date, phase_id";
        on!(self, |conn| sqlx::query_as(SQL).bind(campaign).fetch_all(conn).await)
    }

    /// Stores a round.
    pub(crate) async fn put_round(&mut self, round: &RoundRow) -> Result<()> {
        const SQL: &str = "insert into round (round_id, campaign_id, street_id, number, kind, \
             status, from_ms, until_ms, grace_until_ms) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             on conflict (round_id) do update set number = excluded.number, kind = excluded.kind, \
             status = excluded.status, from_ms = excluded.from_ms, until_ms = excluded.until_ms, \
             grace_until_ms = excluded.grace_until_ms";
        on!(self, |conn| sqlx::query(SQL)
            .bind(round.round_id)
            .bind(round.campaign_id)
            .bind(round.street_id)
            .bind(round.number)
            .bind(round.kind.as_str())
            .bind(round.status.as_str())
            .bind(round.from_ms)
            .bind(round.until_ms)
            .bind(round.grace_until_ms)
            .execute(conn)
            .await
            .map(drop))
    }

    /// A round.
    pub(crate) async fn round(&mut self, round: Uuid) -> Result<Option<RoundRow>> {
        let sql = select(ROUND, " where round_id = $1");
        on!(self, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(round)
            .fetch_optional(conn)
            .await)
    }

    /// The rounds of a street, oldest first.
    pub(crate) async fn rounds(&mut self, street: Uuid) -> Result<Vec<RoundRow>> {
        let sql = select(ROUND, " where street_id = $1 order by from_ms, round_id");
        on!(self, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(street)
            .fetch_all(conn)
            .await)
    }

    /// The rounds of the streets below a unit, oldest first.
    pub(crate) async fn rounds_below(&mut self, unit: Uuid) -> Result<Vec<RoundRow>> {
        const TAIL: &str = " where street_id in \
             (select unit_id from org_unit_above where above_id = $1) order by from_ms, round_id";
        let sql = select(ROUND, TAIL);
        on!(self, |conn| sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(unit).fetch_all(conn).await)
    }
}

fn select(head: &str, tail: &str) -> String {
    [head, tail].concat()
}
