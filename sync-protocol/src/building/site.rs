//! Where the building stands, as far as visits are measured by it (domain §2.4).

use crate::body::Body;
use crate::issue::Issues;
use crate::location::{Datum, Location};
use serde_json::{Map, Value};

/// How far from the building a phone may be, in metres, where the building does not say.
const GEOFENCE_M: f64 = 150.0;

/// A building's place and the radius that visits are expected in.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    location: Option<Location>,
    geofence_m: f64,
}

impl Site {
    /// Reads `latitude`, `longitude`, `datum` (WGS-84 where it is not named) and `geofence_m` of a
    /// building's attributes.
    pub(super) fn read(attributes: &Map<String, Value>) -> Self {
        let (body, mut unheard) = (Body::new(attributes), Issues::default());
        let degrees = [("latitude", 90.0), ("longitude", 180.0)]
            .map(|(name, most)| body.number(name, -most..=most, &mut unheard));
        let datum = body.code("datum", &mut unheard, Datum::parse, Datum::Other);
        let location = degrees[0].zip(degrees[1]).map(|(latitude, longitude)| Location {
            latitude,
            longitude,
            datum: datum.unwrap_or(Datum::Wgs84),
            accuracy_m: 0.0,
        });
        let geofence_m = body.number("geofence_m", 0.0..=f64::MAX, &mut unheard);
        Self { location, geofence_m: geofence_m.unwrap_or(GEOFENCE_M) }
    }

    /// Whether a phone was farther away than the radius, its own inaccuracy allowed for. Never where
    /// one of the places is unknown or their datums cannot be brought together.
    pub(super) fn is_outside(&self, phone: &Location) -> bool {
        let distance_m = self.location.and_then(|location| location.distance_m(phone));
        distance_m.is_some_and(|metres| metres > self.geofence_m + phone.accuracy_m)
    }
}
