//! Who may do what, and where: roles and scopes are kept here, never in a token or on a page.
//!
//! A role is granted in a unit and holds for everything below it. Inspectors and team leaders reach
//! the buildings that their teams are assigned to; the other roles reach all buildings of their unit.

use crate::error::{Error, Result};
use crate::store::{Account, Grant, Head, Tx};
use saolou_protocol::engine::push::{self, Standing};
use saolou_protocol::ids::BuildingId;
use saolou_protocol::time::Millis;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user_id: Uuid,
    pub(crate) session_id: Uuid,
    pub(crate) name: String,
    pub(crate) grants: Vec<Grant>,
    /// Since when the account is suspended: then the caller may only hand over what phones hold.
    pub(crate) suspended_ms: Option<Millis>,
    /// The session was opened on a device that was revoked since: the same holds.
    pub(crate) device_revoked: bool,
}

/// Something that takes a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Send ops and photos.
    Push,
    /// Read coverage: buildings, floors, offices, counts.
    ReadCoverage,
    /// Read visits with their bodies.
    ReadVisits,
    /// Decide about the quarantine, conflicts and devices.
    Review,
    /// Change campaigns, rounds, teams, assignments, buildings, rosters.
    ManageRegistry,
    /// Import the roster of a building.
    ImportRoster,
    /// Change units and accounts.
    ManageAccounts,
    /// Read the metrics.
    ReadMetrics,
    /// Read the evidence log: which photos arrived when, and what happened to them.
    ReadEvidence,
    /// Take evidence out: an original with all that proves it.
    ExportEvidence,
    /// Hold evidence for a case, so that it is not removed at the end of its term.
    HoldEvidence,
}

/// The roles that this version grants (domain §5.1).
pub(crate) const ROLES: &[&str] = &[
    "inspector",
    "team_leader",
    "community_manager",
    "street_supervisor",
    "dept_liaison",
    "lead_officer",
    "tip_officer",
    "district_viewer",
    "city_office",
    "leader",
    "auditor",
    "privacy_officer",
    "system_admin",
    "security_admin",
];

/// What each role may do (domain §5.2, as far as this version has the acts).
fn allows(role: &str, act: Act) -> bool {
    match act {
        Act::Push => push::FILING_ROLES.contains(&role),
        Act::ReadCoverage => reads_coverage(role),
        Act::ReadVisits => matches!(
            role,
            "inspector"
                | "team_leader"
                | "community_manager"
                | "street_supervisor"
                | "dept_liaison"
                | "lead_officer"
                | "auditor"
        ),
        Act::Review | Act::ManageRegistry => role == "street_supervisor",
        Act::ImportRoster => matches!(role, "street_supervisor" | "community_manager"),
        Act::ManageAccounts | Act::ReadMetrics => role == "system_admin",
        Act::ReadEvidence => matches!(role, "street_supervisor" | "lead_officer" | "auditor"),
        Act::ExportEvidence => matches!(role, "street_supervisor" | "lead_officer" | "auditor"),
        Act::HoldEvidence => matches!(role, "street_supervisor" | "lead_officer"),
    }
}

fn reads_coverage(role: &str) -> bool {
    reaches_by_team(role) || reaches_by_unit(role)
}

fn reaches_by_team(role: &str) -> bool {
    matches!(role, "inspector" | "team_leader")
}

fn reaches_by_unit(role: &str) -> bool {
    matches!(
        role,
        "community_manager"
            | "street_supervisor"
            | "dept_liaison"
            | "lead_officer"
            | "district_viewer"
            | "city_office"
            | "leader"
            | "auditor"
    )
}

/// What of the console some role leads to, by name: the desk's acts, and whose coverage is read, that
/// of units or that of the buildings that teams are assigned to.
pub(crate) fn ways(grants: &[Grant]) -> Vec<&'static str> {
    let any = |leads: &dyn Fn(&str) -> bool| grants.iter().any(|grant| leads(&grant.role));
    let ways = [
        ("review", any(&|role| allows(role, Act::Review))),
        ("manage_registry", any(&|role| allows(role, Act::ManageRegistry))),
        ("import_roster", any(&|role| allows(role, Act::ImportRoster))),
        ("read_units", any(&reaches_by_unit)),
        ("read_assigned", any(&reaches_by_team)),
    ];
    ways.into_iter().filter(|(_, is_open)| *is_open).map(|(name, _)| name).collect()
}

/// Who may file which op. What nobody of the caller's roles may file is kept in quarantine.
pub(crate) fn may_file(caller: &Caller, kind: &str) -> bool {
    let roles: Vec<&str> = caller.grants.iter().map(|grant| grant.role.as_str()).collect();
    push::may_file(&roles, kind)
}

impl Caller {
    /// An account without a session: to find out what it may do.
    pub(crate) fn of(account: Account, grants: Vec<Grant>) -> Self {
        let Account { user_id, name, suspended_ms, .. } = account;
        let session_id = Uuid::nil();
        Self { user_id, session_id, name, grants, suspended_ms, device_revoked: false }
    }

    /// Whether any role allows an act.
    pub(crate) fn may(&self, act: Act) -> bool {
        self.grants.iter().any(|grant| allows(&grant.role, act))
    }

    /// Fails unless a role allows an act at a unit.
    pub(crate) async fn require_at(&self, tx: &mut Tx, act: Act, unit: Uuid) -> Result<()> {
        let above = tx.units_above(unit).await?;
        let here = |grant: &Grant| allows(&grant.role, act) && above.contains(&grant.unit_id);
        if self.grants.iter().any(here) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Fails unless a role that reaches a unit may file a kind of op.
    pub(crate) async fn require_filing_at(
        &self,
        tx: &mut Tx,
        kind: &str,
        unit: Uuid,
    ) -> Result<()> {
        let above = tx.units_above(unit).await?;
        let here = |grant: &&Grant| reaches_by_unit(&grant.role) && above.contains(&grant.unit_id);
        let mut here = self.grants.iter().filter(here).peekable();
        if here.peek().is_none() {
            return Err(Error::NotFound);
        }
        let may = here.any(|grant| push::may_file(&[grant.role.as_str()], kind));
        if may { Ok(()) } else { Err(Error::Forbidden) }
    }

    /// Whether the caller reads the visits of all buildings of a unit.
    pub(crate) async fn reads_visits_below(&self, tx: &mut Tx, unit: Uuid) -> Result<bool> {
        let above = tx.units_above(unit).await?;
        Ok(self.grants.iter().any(|grant| {
            let reads = allows(&grant.role, Act::ReadVisits) && reaches_by_unit(&grant.role);
            reads && above.contains(&grant.unit_id)
        }))
    }

    /// The buildings of the caller's teams, whose visits he reads.
    pub(crate) async fn assigned(&self, tx: &mut Tx, at_ms: Millis) -> Result<BTreeSet<Uuid>> {
        if !self.grants.iter().any(|grant| reaches_by_team(&grant.role)) {
            return Ok(BTreeSet::new());
        }
        let heads = tx.heads_assigned(self.user_id, at_ms).await?;
        Ok(heads.into_iter().map(|head| head.building_id).collect())
    }

    /// Fails unless a unit is within what the caller reads: below or at a unit of a role.
    pub(crate) async fn require_unit(&self, tx: &mut Tx, unit: Uuid) -> Result<()> {
        let above = tx.units_above(unit).await?;
        let here = |grant: &Grant| reaches_by_unit(&grant.role) && above.contains(&grant.unit_id);
        if self.grants.iter().any(here) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// The heads of all buildings in scope at a time.
    pub(crate) async fn heads(&self, tx: &mut Tx, at_ms: Millis) -> Result<BTreeMap<Uuid, Head>> {
        let mut heads = BTreeMap::new();
        let mut units: Vec<Uuid> = self.units().collect();
        units.sort_unstable();
        units.dedup();
        for unit in units {
            for head in tx.heads_below(unit).await? {
                heads.insert(head.building_id, head);
            }
        }
        if self.grants.iter().any(|grant| reaches_by_team(&grant.role)) {
            for head in tx.heads_assigned(self.user_id, at_ms).await? {
                heads.insert(head.building_id, head);
            }
        }
        Ok(heads)
    }

    /// Which of these buckets the caller reaches through a unit, and when which of them was assigned
    /// to a team of his.
    pub(crate) async fn reach(
        &self,
        tx: &mut Tx,
        buckets: &[Uuid],
        standing: &mut Standing,
    ) -> Result<()> {
        if self.units().next().is_some() {
            let mine: BTreeSet<Uuid> = self.units().collect();
            for (bucket, above) in tx.units_above_buildings(buckets).await? {
                if mine.contains(&above) {
                    standing.reached.insert(BuildingId(bucket));
                }
            }
        }
        if self.grants.iter().any(|grant| reaches_by_team(&grant.role)) {
            for (bucket, from, until, joined, gone) in tx.assigned_times(self.user_id).await? {
                let times = standing.assigned.entry(BuildingId(bucket)).or_default();
                times.push(from.max(joined)..until.min(gone));
            }
        }
        Ok(())
    }

    fn units(&self) -> impl Iterator<Item = Uuid> {
        let by_unit = self.grants.iter().filter(|grant| reaches_by_unit(&grant.role));
        by_unit.map(|grant| grant.unit_id)
    }

    /// The head of a building, where it is in scope.
    pub(crate) async fn building(
        &self,
        tx: &mut Tx,
        building: Uuid,
        at_ms: Millis,
    ) -> Result<Head> {
        let (Some(head), unit) = (tx.head(building).await?, tx.building_unit(building).await?)
        else {
            return Err(Error::NotFound);
        };
        if let Some(unit) = unit
            && self.require_unit(tx, unit).await.is_ok()
        {
            return Ok(head);
        }
        if self.grants.iter().any(|grant| reaches_by_team(&grant.role)) {
            let assigned = tx.heads_assigned(self.user_id, at_ms).await?;
            if assigned.iter().any(|head| head.building_id == building) {
                return Ok(head);
            }
        }
        Err(Error::NotFound)
    }

    /// The streets in which the caller may file: those of the roles and of the teams.
    pub(crate) async fn streets(&self, tx: &mut Tx) -> Result<Vec<Uuid>> {
        Ok(Self::streets_among(tx.streets_of_user(self.user_id).await?))
    }

    /// Those among a user's streets, each with the role that leads there, in which he may file.
    pub(crate) fn streets_among(mut found: Vec<(Option<String>, Option<Uuid>, Uuid)>) -> Vec<Uuid> {
        // Those of the teams first, whatever a database thinks of the order of nothing.
        found.sort();
        let mut streets: Vec<Uuid> = Vec::new();
        for (role, _, street) in found {
            let files = role.is_none_or(|role| allows(&role, Act::Push));
            if files && !streets.contains(&street) {
                streets.push(street);
            }
        }
        streets
    }
}
