//! The figures of looking: floor stacks, lists of buildings, overviews, one request after the other.

use crate::report::Spread;
use crate::street::{City, Desk, Street};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Most requests of one kind, and the time after which there are enough.
const REQUESTS_MAX: usize = 300;
const ENOUGH: Duration = Duration::from_secs(4);

/// What looking took.
pub(crate) struct Reading {
    /// How many offices there are.
    pub(crate) offices: usize,
    pub(crate) views: Vec<View>,
}

/// One kind of request.
pub(crate) struct View {
    pub(crate) name: &'static str,
    pub(crate) latencies: Spread,
    /// Bytes of the largest answer.
    pub(crate) bytes_max: usize,
}

/// Looks at a street.
pub(crate) async fn of_street(desk: &Desk, street: &Street, offices: usize) -> Reading {
    let buildings: Vec<Uuid> = street.buildings.iter().map(|building| building.id).collect();
    Reading { offices, views: views(desk, &buildings, street.id).await }
}

/// Looks at a city.
pub(crate) async fn of_city(desk: &Desk, city: &City) -> Reading {
    Reading { offices: city.offices, views: views(desk, &city.buildings, city.id).await }
}

async fn views(desk: &Desk, buildings: &[Uuid], unit: Uuid) -> Vec<View> {
    // A stride that meets every building, and neighbours far apart.
    let building = |turn: usize| buildings[turn * 7919 % buildings.len()];
    vec![
        View::measure(desk, "floor stack", |turn| {
            format!("/api/v1/buildings/{}/floors", building(turn))
        })
        .await,
        View::measure(desk, "overview", |_| format!("/api/v1/coverage/{unit}")).await,
        View::measure(desk, "list of buildings", |_| format!("/api/v1/buildings?unit={unit}"))
            .await,
        View::measure(desk, "open floors", |_| format!("/api/v1/coverage/{unit}/open-floors"))
            .await,
    ]
}

impl View {
    async fn measure(desk: &Desk, name: &'static str, path: impl Fn(usize) -> String) -> Self {
        let (mut latencies, mut bytes_max) = (Vec::new(), 0);
        let started = Instant::now();
        while latencies.len() < REQUESTS_MAX && started.elapsed() < ENOUGH {
            let path = path(latencies.len());
            let asked = Instant::now();
            let answer = desk.get(&path).await;
            latencies.push(asked.elapsed());
            bytes_max = bytes_max.max(answer.len());
        }
        Self { name, latencies: Spread::of(latencies), bytes_max }
    }
}
