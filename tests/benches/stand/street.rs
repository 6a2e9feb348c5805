//! What is registered before anything is measured: units, rounds, buildings, people; through the
//! same interface as everybody's.

use super::server::{PASSWORD, ROOT};
use saolou_server::clock::Clock;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Requests at once while registering.
const DESKS: usize = 8;
/// Streets of a city, each with an equal share of its buildings.
const STREETS: usize = 60;
/// What a building of the city looks like.
const CITY_BUILDING: Plan = Plan { buildings: 1, floors: 7, rooms: 10 };
pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;

/// How large a street is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) buildings: usize,
    /// Floors of a building.
    pub(crate) floors: usize,
    /// Rooms of a floor.
    pub(crate) rooms: usize,
}

impl Plan {
    pub(crate) const fn offices(self) -> usize {
        self.buildings * self.floors * self.rooms
    }
}

/// A street with a round that is running.
pub(crate) struct Street {
    pub(crate) id: Uuid,
    pub(crate) round: Uuid,
    pub(crate) buildings: Vec<Building>,
}

/// A building with its offices, floor by floor.
pub(crate) struct Building {
    pub(crate) id: Uuid,
    pub(crate) offices: Vec<Uuid>,
}

/// A city, by what is looked at.
pub(crate) struct City {
    pub(crate) id: Uuid,
    pub(crate) offices: usize,
    pub(crate) buildings: Vec<Uuid>,
}

/// Somebody who is signed in and may register everything.
#[derive(Clone)]
pub(crate) struct Desk {
    http: reqwest::Client,
    pub(crate) base: Arc<str>,
    token: Arc<str>,
    pub(crate) clock: Clock,
    city: Uuid,
    district: Uuid,
}

impl Desk {
    /// Signs in and registers the district that all streets lie in.
    pub(crate) async fn open(base: &str) -> Self {
        let (http, clock) = (reqwest::Client::new(), Clock::default());
        let (token, _) = sign_in(&http, base, ROOT).await;
        let district = clock.new_id();
        let (base, token) = (base.into(), token.into());
        let mut desk = Self { http, base, token, clock, city: Uuid::nil(), district };
        let units: Value =
            serde_json::from_slice(&desk.get("/api/v1/org-units").await).expect("a list of units");
        desk.city = units["units"][0]["unit_id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("the topmost unit");
        desk.unit(district, desk.city, "990101", "district").await;
        desk
    }

    /// Reads something that must be there.
    pub(crate) async fn get(&self, path: &str) -> Vec<u8> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let response = request.send().await.expect("an answer");
        assert!(response.status().is_success(), "GET {path}: {}", response.status());
        response.bytes().await.expect("a body").to_vec()
    }

    /// Writes something that must be taken.
    pub(crate) async fn put(&self, path: String, body: Value) {
        let request = self.http.put(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let response = request.json(&body).send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "PUT {path}: {status} {text}");
    }

    async fn unit(&self, id: Uuid, parent: Uuid, code: &str, level: &str) {
        let unit = json!({ "parent_id": parent, "code": code, "level": level, "name": code });
        self.put(format!("/api/v1/org-units/{id}"), unit).await;
    }

    /// Registers a street; `number` tells it from the others.
    pub(crate) async fn street(&self, number: usize, plan: Plan) -> Street {
        let [id, community, campaign, round] = [(); 4].map(|()| self.clock.new_id());
        let code = format!("990101{number:03}");
        self.unit(id, self.district, &code, "street").await;
        self.unit(community, id, &format!("{code}001"), "community").await;
        let named = json!({ "street_id": id, "name": "压测" });
        self.put(format!("/api/v1/campaigns/{campaign}"), named).await;
        let now_ms = self.clock.now_ms();
        let window = json!({
            "campaign_id": campaign, "street_id": id, "number": 1, "kind": "full_sweep",
            "status": "open", "from_ms": now_ms - 10 * DAY_MS, "until_ms": now_ms + 20 * DAY_MS,
        });
        self.put(format!("/api/v1/rounds/{round}"), window).await;
        let mut desks = JoinSet::new();
        for share in 0..DESKS.min(plan.buildings) {
            let desk = self.clone();
            desks.spawn(async move {
                let mut registered = Vec::new();
                for number in (share..plan.buildings).step_by(DESKS) {
                    registered.push(desk.building(community, number, plan).await);
                }
                registered
            });
        }
        let buildings = desks.join_all().await.into_iter().flatten().collect();
        Street { id, round, buildings }
    }

    async fn building(&self, unit: Uuid, number: usize, plan: Plan) -> Building {
        let (id, mut offices) = (self.clock.new_id(), Vec::new());
        let mut floors = Vec::new();
        for floor in 1..=plan.floors {
            let rooms = (1..=plan.rooms).map(|room| {
                let office = self.clock.new_id();
                offices.push(office);
                json!({ "office_id": office, "label": format!("{floor}{room:02}") })
            });
            floors.push(json!({
                "floor_id": self.clock.new_id(), "label": format!("{floor}F"),
                "sort_order_milli": floor * 1000, "kind": "office",
                "roster_status": "imported", "offices": rooms.collect::<Vec<_>>(),
            }));
        }
        let sections =
            json!([{ "section_id": self.clock.new_id(), "name": "-", "floors": floors }]);
        let building = json!({
            "unit_id": unit, "code": format!("B{number:04}"), "name": format!("演示大厦{number}"),
            "address": "演示路1号", "kind": "office", "sections": sections,
        });
        self.put(format!("/api/v1/buildings/{id}"), building).await;
        Building { id, offices }
    }

    /// Registers streets with about so many offices together, and says how long that took.
    pub(crate) async fn city(&self, offices: usize) -> (City, Duration) {
        let started = Instant::now();
        let all = offices.div_ceil(CITY_BUILDING.offices());
        let mut buildings = Vec::new();
        for number in 0..STREETS {
            let share = all * (number + 1) / STREETS - all * number / STREETS;
            let street = self.street(number, Plan { buildings: share, ..CITY_BUILDING }).await;
            buildings.extend(street.buildings.iter().map(|building| building.id));
        }
        let offices = buildings.len() * CITY_BUILDING.offices();
        (City { id: self.city, offices, buildings }, started.elapsed())
    }
}

impl Desk {
    /// Registers an inspector of a street, and signs him in; gives his token and his id.
    pub(crate) async fn inspector(&self, http: &reqwest::Client, street: Uuid) -> (String, Uuid) {
        let user = self.clock.new_id();
        let username = format!("user-{user}");
        let account = json!({
            "username": username, "name": username, "password": PASSWORD,
            "roles": [{ "role": "inspector", "unit_id": street }],
        });
        self.put(format!("/api/v1/users/{user}"), account).await;
        sign_in(http, &self.base, &username).await
    }
}

/// Signs somebody in; gives his token and his id.
async fn sign_in(http: &reqwest::Client, base: &str, username: &str) -> (String, Uuid) {
    let body = json!({ "username": username, "password": PASSWORD });
    let response = http.post(format!("{base}/api/v1/session")).json(&body).send().await;
    let signed_in: Value = response.expect("an answer").json().await.expect("JSON");
    let token = signed_in["access_token"].as_str().expect("a token").to_owned();
    let user = signed_in["user"]["user_id"].as_str().and_then(|id| id.parse().ok());
    (token, user.expect("an id"))
}
