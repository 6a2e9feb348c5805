//! Who pushes: people with a phone each, in teams that share the buildings of a street.

use crate::phone::Phone;
use crate::street::{Building, DAY_MS, Desk, Street};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Joint teams of a street, where it has phones enough.
const TEAMS_MAX: usize = 20;

impl Desk {
    /// People with a phone each, in teams among which the buildings of a street are divided. The
    /// offices of a building are divided among the phones of its team.
    pub(crate) async fn crew(&self, street: &Street, phones: usize) -> Vec<Phone> {
        let teams = phones.min(TEAMS_MAX);
        let mut accounts = JoinSet::new();
        for place in 0..phones {
            let (desk, street) = (self.clone(), street.id);
            accounts.spawn(async move {
                let http = reqwest::Client::new();
                let (token, user) = desk.inspector(&http, street).await;
                (place, Phone::new(http, &desk.base, token, user, desk.clock.clone()))
            });
        }
        let mut crew = accounts.join_all().await;
        crew.sort_by_key(|(place, _)| *place);
        let mut crew: Vec<Phone> = crew.into_iter().map(|(_, phone)| phone).collect();
        for number in 0..teams {
            let team = self.clock.new_id();
            let members: Vec<&mut Phone> = crew.iter_mut().skip(number).step_by(teams).collect();
            let buildings = street.buildings.iter().skip(number).step_by(teams);
            self.team(team, street, &members, buildings.clone()).await;
            let len = members.len();
            for (turn, phone) in members.into_iter().enumerate() {
                let offices = buildings.clone().flat_map(|building| {
                    let share = building.offices.iter().skip(turn).step_by(len);
                    share.map(|office| (building.id, *office))
                });
                phone.assign(team, street.round, offices.collect());
            }
        }
        crew
    }

    async fn team(
        &self,
        team: Uuid,
        street: &Street,
        members: &[&mut Phone],
        buildings: impl Iterator<Item = &Building>,
    ) {
        let member = |phone: &&mut Phone| json!({ "user_id": phone.user, "function": "police" });
        let members: Vec<Value> = members.iter().map(member).collect();
        let body = json!({ "street_id": street.id, "name": "联合组", "members": members });
        self.put(format!("/api/v1/teams/{team}"), body).await;
        for building in buildings {
            let body = json!({
                "round_id": street.round, "building_id": building.id, "team_id": team,
                "from_ms": self.clock.now_ms() - DAY_MS,
            });
            self.put(format!("/api/v1/assignments/{}", self.clock.new_id()), body).await;
        }
    }
}
