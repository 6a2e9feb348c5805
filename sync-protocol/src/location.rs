//! Where something was: coordinates with their datum, and how far two of them lie apart.
//!
//! Source: domain §2.4, §2.7.1. Maps in China show GCJ-02, receivers give WGS-84, and the two differ
//! by some hundred metres: coordinates of different datums are never compared as they are.

use crate::body::Body;
use crate::codes::codes;
use crate::issue::Issues;
use std::f64::consts::PI;

codes! {
    /// What coordinates refer to.
    pub enum Datum {
        /// World Geodetic System 1984, as receivers give it.
        Wgs84 = "wgs84",
        /// China Geodetic Coordinate System 2000; within centimetres of WGS-84.
        Cgcs2000 = "cgcs2000",
        /// The shifted datum of public maps in China.
        Gcj02 = "gcj02",
        /// One that this version does not know, or none that was named: compared with nothing.
        Other = "other",
    }
}

/// A place on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// Degrees north, −90 to 90.
    pub latitude: f64,
    /// Degrees east, −180 to 180.
    pub longitude: f64,
    /// What they refer to.
    pub datum: Datum,
    /// How far off it may be, in metres; 0 where that is not said.
    pub accuracy_m: f64,
}

/// Mean radius of the earth, in metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

impl Location {
    /// Reads `location {lat, lon, accuracy, datum}` of a visit. Without a datum it is a place that
    /// cannot be compared.
    #[must_use]
    pub fn read(body: &Body<'_>, issues: &mut Issues) -> Option<Self> {
        let location = body.object("location", issues);
        let datum = location.code("datum", issues, Datum::parse, Datum::Other);
        let degrees = [("lat", 90.0), ("lon", 180.0)]
            .map(|(name, most)| location.number(name, -most..=most, issues));
        let accuracy_m = location.number("accuracy", 0.0..=f64::MAX, issues);
        Some(Self {
            latitude: degrees[0]?,
            longitude: degrees[1]?,
            datum: datum.unwrap_or(Datum::Other),
            accuracy_m: accuracy_m.unwrap_or(0.0),
        })
    }

    /// How far another place is, in metres; `None` where their datums cannot be brought together.
    #[must_use]
    pub fn distance_m(&self, other: &Self) -> Option<f64> {
        let (here, there) = (self.datum.is_shifted()?, other.datum.is_shifted()?);
        // Shifting is exact and shifting back is not, so the unshifted one of the two is shifted.
        let place = |location: &Self, is_shifted: bool| {
            let place = (location.latitude, location.longitude);
            if here != there && !is_shifted { shifted(place) } else { place }
        };
        Some(haversine_m(place(self, here), place(other, there)))
    }
}

impl Datum {
    /// Whether it is the shifted one; `None` where this version does not know.
    const fn is_shifted(self) -> Option<bool> {
        match self {
            Self::Wgs84 | Self::Cgcs2000 => Some(false),
            Self::Gcj02 => Some(true),
            Self::Other => None,
        }
    }
}

/// Great-circle distance between two places in degrees of latitude and longitude.
fn haversine_m(a: (f64, f64), b: (f64, f64)) -> f64 {
    let half_sine = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin();
    let across = a.0.to_radians().cos() * b.0.to_radians().cos() * half_sine(a.1, b.1).powi(2);
    let chord = half_sine(a.0, b.0).powi(2) + across;
    2.0 * EARTH_RADIUS_M * chord.min(1.0).sqrt().asin()
}

/// Semi-major axis, in metres, and squared eccentricity of the ellipsoid of Krassowsky, on which the
/// shift of GCJ-02 is laid out.
const KRASSOWSKY: (f64, f64) = (6_378_245.0, 0.006_693_421_622_965_943);

/// The place that GCJ-02 shows for one in WGS-84. The shift was never published; this is the series
/// in general use, good to about a metre. Outside the region of Chinese maps there is none.
fn shifted((latitude, longitude): (f64, f64)) -> (f64, f64) {
    if !(0.8293..=55.8271).contains(&latitude) || !(72.004..=137.8347).contains(&longitude) {
        return (latitude, longitude);
    }
    let (east, north) = (longitude - 105.0, latitude - 35.0);
    let waves = |terms: &[(f64, f64, f64)]| -> f64 {
        terms.iter().map(|(height, at, length)| height * (at * PI / length).sin()).sum::<f64>()
            * 2.0
            / 3.0
    };
    let short = [(20.0, 6.0 * east, 1.0), (20.0, 2.0 * east, 1.0)];
    let metres_north = -100.0
        + 2.0 * east
        + 3.0 * north
        + 0.2 * north.powi(2)
        + 0.1 * east * north
        + 0.2 * east.abs().sqrt()
        + waves(&short)
        + waves(&[(20.0, north, 1.0), (40.0, north, 3.0)])
        + waves(&[(160.0, north, 12.0), (320.0, north, 30.0)]);
    let metres_east = 300.0
        + east
        + 2.0 * north
        + 0.1 * east.powi(2)
        + 0.1 * east * north
        + 0.1 * east.abs().sqrt()
        + waves(&short)
        + waves(&[(20.0, east, 1.0), (40.0, east, 3.0)])
        + waves(&[(150.0, east, 12.0), (300.0, east, 30.0)]);
    let (axis_m, eccentricity) = KRASSOWSKY;
    let (sine, cosine) = latitude.to_radians().sin_cos();
    let bulge = 1.0 - eccentricity * sine * sine;
    let meridian_m = axis_m * (1.0 - eccentricity) / bulge.powf(1.5);
    let parallel_m = axis_m / bulge.sqrt() * cosine;
    (
        latitude + (metres_north / meridian_m).to_degrees(),
        longitude + (metres_east / parallel_m).to_degrees(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64, datum: Datum) -> Location {
        Location { latitude, longitude, datum, accuracy_m: 0.0 }
    }

    #[test]
    fn a_degree_of_latitude_is_some_111_kilometres() {
        let distance = at(30.0, 120.0, Datum::Wgs84).distance_m(&at(31.0, 120.0, Datum::Cgcs2000));
        assert!(distance.is_some_and(|metres| (metres - 111_195.0).abs() < 1.0), "{distance:?}");
    }

    #[test]
    fn one_door_on_two_maps_is_one_place() {
        let pairs = [
            ((31.177_428, 121.527_211), (31.175_304, 121.531_542)),
            ((22.543_847, 113.912_316), (22.540_796, 113.917_176)),
            ((39.911_954, 116.377_817), (39.913_345, 116.384_047)),
        ];
        for (world, map) in pairs {
            let (by_receiver, on_map) =
                (at(world.0, world.1, Datum::Wgs84), at(map.0, map.1, Datum::Gcj02));
            for distance in [by_receiver.distance_m(&on_map), on_map.distance_m(&by_receiver)] {
                assert!(distance.is_some_and(|metres| metres < 1.0), "{distance:?}");
            }
            let unshifted = haversine_m(world, map);
            assert!(unshifted > 400.0, "as they are they lie {unshifted} m apart");
        }
    }

    #[test]
    fn what_has_no_datum_is_compared_with_nothing() {
        let here = at(30.0, 120.0, Datum::Other);
        assert_eq!(here.distance_m(&at(30.0, 120.0, Datum::Wgs84)), None);
        assert_eq!(at(30.0, 120.0, Datum::Gcj02).distance_m(&here), None);
    }

    #[test]
    fn outside_chinese_maps_nothing_is_shifted() {
        let (world, map) = (at(48.85, 2.35, Datum::Wgs84), at(48.85, 2.35, Datum::Gcj02));
        assert_eq!(world.distance_m(&map), Some(0.0));
    }
}
