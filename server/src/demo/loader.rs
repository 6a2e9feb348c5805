//! Registers the demo street with a running server, over HTTP and as the people whose work that is:
//! the system administrator makes units and accounts, the street supervisor the campaign, the
//! buildings, the teams and what they are assigned to.
//!
//! Every id is made here from a code, so loading twice changes nothing.

#[cfg(test)]
pub(in crate::demo) mod standin;

use super::accounts::{
    ACCOUNTS, CAMPAIGN, CAMPAIGN_DOCUMENT, PASSWORD, PHASES, PUBLISHED_MS, Phase, ROUND, STREET,
    SUPERVISOR, TEAMS, Team, id, round_id, team_id, unit_id, user_id,
};
use super::phone::{Error, Session};
use super::street::{BuildingPlan, FloorPlan, OccupantPlan, RoomPlan, Street, Unit, street};
use serde_json::{Value, json};
use uuid::Uuid;

/// The id of a building by its code, `B01` to `B12`.
#[must_use]
pub fn building_id(code: &str) -> Uuid {
    id(code)
}

/// The id of a floor by building, section name and label.
#[must_use]
pub fn floor_id(building: &str, section: &str, floor: &str) -> Uuid {
    id(&format!("{building}/{section}/{floor}"))
}

/// The id of an office by building, section name, floor label and room label.
#[must_use]
pub fn office_id(building: &str, section: &str, floor: &str, room: &str) -> Uuid {
    id(&format!("{building}/{section}/{floor}/{room}"))
}

/// The id of a company's stay in an office, by its place on the office's list.
#[must_use]
pub fn occupancy_id(office: Uuid, place: usize) -> Uuid {
    id(&format!("{office}/{place}"))
}

/// One thing that was registered.
#[derive(Clone, Copy, Debug)]
pub struct Registered<'a> {
    /// How many of `of` are done.
    pub done: usize,
    /// How many there are.
    pub of: usize,
    /// Its name.
    pub name: &'a str,
}

/// Loads the whole street into the server at `base_url`. The account `admin`, as a rule
/// [`super::accounts::ADMIN`], must exist as system administrator; all others are made with the
/// demo's password. The server's clock should stand before [`PUBLISHED_MS`] or little after.
///
/// # Errors
/// [`Error`] of the first request that fails; loading again goes over what is there already.
pub async fn load(
    base_url: &str,
    admin: &str,
    password: &str,
    mut progress: impl FnMut(Registered<'_>),
) -> Result<(), Error> {
    let street = street();
    let session = Session::sign_in(base_url, admin, password).await?;
    put_all(session, &accounts_and_units(&street, admin), &mut progress).await?;
    let supervisor = Session::sign_in(base_url, SUPERVISOR, PASSWORD).await?;
    put_all(supervisor, &campaign_and_buildings(&street), &mut progress).await
}

/// A resource to put: its path, its name for the progress, its body.
struct Resource {
    path: String,
    name: String,
    body: Value,
}

fn resource(kind: &str, id: Uuid, name: &str, body: Value) -> Resource {
    Resource { path: format!("/api/v1/{kind}/{id}"), name: name.to_owned(), body }
}

async fn put_all(
    mut session: Session,
    resources: &[Resource],
    progress: &mut impl FnMut(Registered<'_>),
) -> Result<(), Error> {
    for (done, resource) in (1..).zip(resources) {
        session.put(&resource.path, &resource.body).await?;
        progress(Registered { done, of: resources.len(), name: &resource.name });
    }
    Ok(())
}

fn accounts_and_units(street: &Street, admin: &str) -> Vec<Resource> {
    let unit = |unit: &Unit, parent: Option<&Unit>| {
        let body = json!({
            "parent_id": parent.map(|parent| unit_id(parent.code)),
            "code": unit.code,
            "level": unit.level,
            "name": unit.name,
        });
        resource("org-units", unit_id(unit.code), unit.name, body)
    };
    let mut resources = vec![
        unit(&street.city, None),
        unit(&street.district, Some(&street.city)),
        unit(&street.street, Some(&street.district)),
    ];
    resources.extend(street.communities.iter().map(|c| unit(c, Some(&street.street))));
    // The administrator who does this has an account already.
    let others = ACCOUNTS.iter().filter(|account| account.username != admin);
    resources.extend(others.map(|account| {
        let roles = account.roles.iter();
        let roles = roles.map(|(role, unit)| json!({"role": role, "unit_id": unit_id(unit)}));
        let body = json!({
            "username": account.username,
            "name": account.name,
            "password": PASSWORD,
            "roles": roles.collect::<Vec<_>>(),
        });
        resource("users", user_id(account.username), account.name, body)
    }));
    resources
}

fn campaign_and_buildings(street: &Street) -> Vec<Resource> {
    let mut resources = campaign();
    resources.extend(street.buildings.iter().map(|plan| {
        resource("buildings", building_id(plan.code), plan.name, building(street, plan))
    }));
    TEAMS.iter().for_each(|team| resources.extend(team_at_work(team)));
    resources
}

fn campaign() -> Vec<Resource> {
    let phase = |phase: &Phase| {
        json!({
            "phase_id": id(&format!("phase:{}", phase.kind)),
            "kind": phase.kind,
            "from": phase.from,
            "until": phase.until,
            "goals": phase.goals,
        })
    };
    let campaign = json!({
        "street_id": unit_id(STREET),
        "name": CAMPAIGN,
        "document_no": CAMPAIGN_DOCUMENT,
        "phases": PHASES.iter().map(phase).collect::<Vec<_>>(),
    });
    let round = json!({
        "campaign_id": id("campaign"),
        "street_id": unit_id(STREET),
        "number": 1,
        "kind": "full_sweep",
        "status": "open",
        "from_ms": ROUND.from_ms,
        "until_ms": ROUND.until_ms,
        "grace_until_ms": ROUND.grace_until_ms,
    });
    vec![
        resource("campaigns", id("campaign"), CAMPAIGN, campaign),
        resource("rounds", round_id(), "第1轮 全面摸排", round),
    ]
}

/// A team and what it is assigned to.
fn team_at_work(team: &Team) -> Vec<Resource> {
    let members = team.members.iter();
    let members =
        members.map(|(user, function)| json!({"user_id": user_id(user), "function": function}));
    let body = json!({
        "street_id": unit_id(STREET),
        "name": team.name,
        "leader_id": user_id(team.leader),
        "members": members.collect::<Vec<_>>(),
    });
    let mut resources = vec![resource("teams", team_id(team.code), team.name, body)];
    resources.extend(team.buildings.iter().map(|code| {
        let assignment = json!({
            "round_id": round_id(),
            "building_id": building_id(code),
            "team_id": team_id(team.code),
            "from_ms": PUBLISHED_MS,
        });
        let name = format!("{} {code}", team.name);
        resource("assignments", id(&format!("assignment:{}:{code}", team.code)), &name, assignment)
    }));
    resources
}

/// A building as it is registered, with sections, floors, offices and companies.
pub(super) fn building(street: &Street, plan: &BuildingPlan) -> Value {
    let sections: Vec<_> = plan
        .sections
        .iter()
        .map(|section| {
            let floors = section.floors.iter();
            let floors: Vec<_> = floors.map(|f| floor(plan.code, section.name, f)).collect();
            json!({
                "section_id": id(&format!("{}/{}", plan.code, section.name)),
                "name": section.name,
                "floors": floors,
            })
        })
        .collect();
    json!({
        "unit_id": unit_id(street.communities[plan.community].code),
        "code": plan.code,
        "name": plan.name,
        "aliases": plan.aliases,
        "address": plan.address,
        "kind": plan.kind,
        "key": plan.key,
        "latitude": plan.latitude,
        "longitude": plan.longitude,
        "footprint": plan.footprint,
        "property_manager": plan.property_manager,
        "sections": sections,
    })
}

fn floor(building: &str, section: &str, plan: &FloorPlan) -> Value {
    let offices = plan
        .rooms
        .iter()
        .map(|room| office(office_id(building, section, &plan.label, &room.label), room));
    json!({
        "floor_id": floor_id(building, section, &plan.label),
        "label": plan.label,
        "sort_order_milli": plan.sort_order_milli,
        "kind": plan.kind,
        "roster_status": "imported",
        "offices": offices.collect::<Vec<_>>(),
    })
}

fn office(office: Uuid, plan: &RoomPlan) -> Value {
    let occupant = |(place, occupant): (usize, &OccupantPlan)| {
        json!({
            "occupancy_id": occupancy_id(office, place),
            "company": {"name": occupant.company, "uscc": occupant.uscc},
            "kind": occupant.kind,
        })
    };
    json!({
        "office_id": office,
        "label": plan.label,
        "kind": plan.kind,
        "sharing": plan.sharing,
        "position": plan.position,
        "occupants": plan.occupants.iter().enumerate().map(occupant).collect::<Vec<_>>(),
    })
}
