//! Reference data as the desk writes them: units and campaigns.

use super::access::{Act, Caller};
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{CampaignRow, PhaseRow, Tx, UnitRow};
use saolou_protocol::identifiers::licence_date::LicenceDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

const LEVELS: &[&str] = &["city", "district", "street", "community", "grid"];

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
pub(super) async fn streets(tx: &mut Tx, caller: &Caller) -> Result<BTreeSet<Uuid>> {
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

pub(super) fn one_of(name: &str, value: &str, known: &[&str]) -> Result<()> {
    if known.contains(&value) {
        Ok(())
    } else {
        Err(Error::Invalid(format!("{name}: expected one of {}", known.join(", "))))
    }
}

pub(super) fn taken(name: &'static str) -> impl Fn(sqlx::Error) -> Error {
    move |error| match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => {
            Error::Invalid(format!("{name}: taken"))
        }
        _ => Error::Database(error),
    }
}
