//! The demo street 云港街道 as pure data: its place in the administrative tree, its three
//! communities, and its twelve buildings with every floor, door and seeded company.
//!
//! Everything here is fictitious. Region 990101 does not exist in GB/T 2260, so no code built
//! on it can belong to a real company, and the coordinates lie in open water in the Bohai Sea.
//! There are no ids: whoever loads the street gives them.

pub use super::companies::demo_uscc;

use super::buildings;

/// Centre of the street's south-western building in degrees: open water in the Bohai Sea.
const ORIGIN_LATITUDE: f64 = 38.7;
const ORIGIN_LONGITUDE: f64 = 119.9;
/// Length of one degree of latitude, near enough for a street.
const METRES_PER_DEGREE: f64 = 111_320.0;

/// The whole demo street.
#[derive(Clone, Debug, PartialEq)]
pub struct Street {
    /// The city above the street.
    pub city: Unit,
    /// The district between city and street.
    pub district: Unit,
    /// The street itself.
    pub street: Unit,
    /// The communities of the street; a building names its own by position in this list.
    pub communities: Vec<Unit>,
    /// The buildings, ordered by code.
    pub buildings: Vec<BuildingPlan>,
}

/// One unit of the administrative tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Administrative code: 6 digits for city and district, 9 for a street, 12 for a community.
    pub code: &'static str,
    /// Full Chinese name.
    pub name: &'static str,
    /// `city`, `district`, `street` or `community`.
    pub level: &'static str,
}

/// One building with its sections.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildingPlan {
    /// Demo code, `B01` to `B12`.
    pub code: &'static str,
    /// Name as on the building.
    pub name: &'static str,
    /// Other names people use for it.
    pub aliases: Vec<&'static str>,
    /// Postal address from the city down to the house number.
    pub address: String,
    /// Position of the building's community in [`Street::communities`].
    pub community: usize,
    /// Type code, such as `office_tower` or `walkup`.
    pub kind: &'static str,
    /// Whether the building is a priority building (重点).
    pub key: bool,
    /// Latitude of the centre in degrees, WGS-84.
    pub latitude: f64,
    /// Longitude of the centre in degrees, WGS-84.
    pub longitude: f64,
    /// Outline on a map: a closed ring of (longitude, latitude) in degrees, anticlockwise.
    pub footprint: Vec<(f64, f64)>,
    /// Property management company, if the building has one.
    pub property_manager: Option<&'static str>,
    /// Sections, lowest first.
    pub sections: Vec<SectionPlan>,
}

/// One section of a building.
#[derive(Clone, Debug, PartialEq)]
pub struct SectionPlan {
    /// `-` when the building has only one, otherwise the name in use, such as 裙楼.
    pub name: &'static str,
    /// Floors from the lowest to the highest.
    pub floors: Vec<FloorPlan>,
}

/// One floor of a section.
#[derive(Clone, Debug, PartialEq)]
pub struct FloorPlan {
    /// What the lift panel says.
    pub label: String,
    /// Physical storey × 1000, never read from the label: the ground floor is 1000, the first
    /// basement −1000, a mezzanine lies 500 above the storey below it.
    pub sort_order_milli: i64,
    /// Floor kind code, such as `office`, `parking` or `refuge`.
    pub kind: &'static str,
    /// Doors in the order one meets them; empty where the floor has none.
    pub rooms: Vec<RoomPlan>,
}

/// One door.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomPlan {
    /// What the door says; for a door without a plate, what the list calls it.
    pub label: String,
    /// Room kind code, such as `office`, `shop` or `unnumbered`.
    pub kind: &'static str,
    /// `single`, `shared` or `registered_only`.
    pub sharing: &'static str,
    /// Where to find the door; present exactly when the kind is `unnumbered`.
    pub position: Option<String>,
    /// Companies the lists place behind the door.
    pub occupants: Vec<OccupantPlan>,
}

/// One company behind one door. A company in two rooms appears twice under the same name.
#[derive(Clone, Debug, PartialEq)]
pub struct OccupantPlan {
    /// Company name.
    pub company: String,
    /// Unified social credit code, where the list gives one.
    pub uscc: Option<String>,
    /// `physical`, `registered_only`, `sublet` or `storage`.
    pub kind: &'static str,
}

/// The demo street, the same on every call.
pub fn street() -> Street {
    let unit = |code, name, level| Unit { code, name, level };
    Street {
        city: unit("990100", "云岚市（示范）", "city"),
        district: unit("990101", "星湖区", "district"),
        street: unit("990101001", "云港街道", "street"),
        communities: vec![
            unit("990101001001", "望潮社区", "community"),
            unit("990101001002", "星桥社区", "community"),
            unit("990101001003", "青屿社区", "community"),
        ],
        buildings: buildings::buildings(),
    }
}

/// Longitude and latitude of a point in metres from the origin, to about a centimetre.
pub(super) fn degrees((east_m, north_m): (f64, f64)) -> (f64, f64) {
    let round = |degrees: f64| (degrees * 1e7).round() / 1e7;
    let metres_per_degree_east = METRES_PER_DEGREE * ORIGIN_LATITUDE.to_radians().cos();
    (
        round(ORIGIN_LONGITUDE + east_m / metres_per_degree_east),
        round(ORIGIN_LATITUDE + north_m / METRES_PER_DEGREE),
    )
}

/// The outline around a centre as a closed ring of longitude and latitude.
pub(super) fn footprint((east_m, north_m): (f64, f64), outline_m: &[i32]) -> Vec<(f64, f64)> {
    let (corners, _) = outline_m.as_chunks();
    let ring = corners.iter().chain(corners.first());
    ring.map(|[x, y]| degrees((east_m + f64::from(*x), north_m + f64::from(*y)))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn floors(building: &BuildingPlan) -> impl Iterator<Item = &FloorPlan> {
        building.sections.iter().flat_map(|s| &s.floors)
    }

    fn rooms(building: &BuildingPlan) -> impl Iterator<Item = &RoomPlan> {
        floors(building).flat_map(|f| &f.rooms)
    }

    fn building(code: &str) -> BuildingPlan {
        let mut all = street().buildings;
        all.retain(|b| b.code == code);
        all.pop().unwrap()
    }

    fn labels<'a>(floors: impl IntoIterator<Item = &'a FloorPlan>) -> Vec<&'a str> {
        floors.into_iter().map(|f| f.label.as_str()).collect()
    }

    fn floor<'a>(building: &'a BuildingPlan, label: &str) -> &'a FloorPlan {
        floors(building).find(|f| f.label == label).unwrap()
    }

    /// As much of the room key rule as these labels need: the trailing 室 goes, and a floor
    /// part is joined to its number. A span, whose two ends are equally long, stays.
    fn room_key(label: &str) -> String {
        let label = label.trim_end_matches('室').to_uppercase();
        match label.split_once('-') {
            Some((low, high)) if low.len() != high.len() || low.len() == 2 => {
                format!("{low}{high}")
            }
            _ => label,
        }
    }

    #[test]
    fn every_building_has_the_floors_and_rooms_of_the_plan() {
        let expected = [
            ("B01", "office_tower", 0, 28, 25, 242),
            ("B02", "office_tower", 0, 28, 25, 194),
            ("B03", "commercial_plaza", 0, 7, 6, 106),
            ("B04", "office_tower", 0, 9, 8, 37),
            ("B05", "office_tower", 1, 24, 21, 243),
            ("B06", "park_building", 1, 9, 9, 72),
            ("B07", "park_building", 1, 9, 9, 54),
            ("B08", "coworking", 1, 4, 4, 8),
            ("B09", "mixed_use", 1, 16, 16, 170),
            ("B10", "commercial_plaza", 2, 6, 5, 120),
            ("B11", "soho", 2, 24, 23, 358),
            ("B12", "walkup", 2, 6, 6, 42),
        ];
        let street = street();
        let found: Vec<_> = street
            .buildings
            .iter()
            .map(|b| {
                let with_rooms = floors(b).filter(|f| !f.rooms.is_empty()).count();
                (b.code, b.kind, b.community, floors(b).count(), with_rooms, rooms(b).count())
            })
            .collect();
        assert_eq!(found, expected);
        let total = |of: fn(&BuildingPlan) -> usize| street.buildings.iter().map(of).sum::<usize>();
        assert_eq!(total(|b| floors(b).count()), 170);
        assert_eq!(total(|b| floors(b).filter(|f| !f.rooms.is_empty()).count()), 157);
        assert_eq!(total(|b| rooms(b).count()), 1646);
        let per_community = [0, 1, 2].map(|community| {
            let of = street.buildings.iter().filter(|b| b.community == community);
            of.map(|b| rooms(b).count()).sum::<usize>()
        });
        assert_eq!(per_community, [579, 547, 520]);
    }

    #[test]
    fn no_two_doors_of_a_floor_share_a_key_and_none_ends_in_04() {
        for building in &street().buildings {
            for floor in floors(building) {
                let keys: HashSet<_> = floor.rooms.iter().map(|r| room_key(&r.label)).collect();
                assert_eq!(keys.len(), floor.rooms.len(), "{} {}", building.code, floor.label);
                assert!(
                    !keys.iter().any(|k| k.ends_with("04")),
                    "{} {}",
                    building.code,
                    floor.label
                );
            }
        }
    }

    #[test]
    fn floors_stand_on_each_other_in_physical_order() {
        for building in &street().buildings {
            let orders: Vec<_> = floors(building).map(|f| f.sort_order_milli).collect();
            assert!(orders.is_sorted_by(|a, b| a < b), "{}: {orders:?}", building.code);
            assert!(orders.contains(&1000), "{} has no ground floor", building.code);
            for floor in floors(building) {
                let basement = floor.label.starts_with('B');
                assert_eq!(
                    floor.sort_order_milli < 0,
                    basement,
                    "{} {}",
                    building.code,
                    floor.label
                );
                let between = floor.sort_order_milli % 1000 != 0;
                assert_eq!(between, floor.kind == "mezzanine", "{} {}", building.code, floor.label);
            }
            for section in &building.sections {
                let names: HashSet<_> = labels(&section.floors).into_iter().collect();
                assert_eq!(names.len(), section.floors.len(), "{}", building.code);
            }
        }
    }

    #[test]
    fn the_twin_towers_lack_unlucky_floors_and_have_a_refuge_floor() {
        for code in ["B01", "B02"] {
            let tower = building(code);
            let labels = labels(floors(&tower));
            assert!(["4", "13", "14", "24"].iter().all(|l| !labels.contains(l)), "{code}");
            assert!(floor(&tower, "15").rooms.is_empty());
            assert_eq!(floor(&tower, "15").kind, "refuge");
            assert_eq!(floor(&tower, "5").sort_order_milli, 4000);
        }
        assert!(rooms(&building("B02")).any(|r| r.label == "203"));
    }

    #[test]
    fn the_mezzanine_the_podium_and_the_missing_numbers_are_there() {
        let plaza = building("B03");
        assert_eq!(labels(floors(&plaza)), ["B1", "L1", "M", "L2", "L3", "L4", "L5"]);
        assert_eq!(floor(&plaza, "M").sort_order_milli, 1500);

        let finance = building("B05");
        let names = labels(floors(&finance));
        assert!(names.contains(&"G") && !["4F", "13F", "14F"].iter().any(|l| names.contains(l)));
        let suite = floor(&finance, "20F").rooms.iter().find(|r| r.label == "2001-2006").unwrap();
        assert_eq!(suite.occupants.len(), 1);
        let inside = ["2001", "2002", "2003", "2005", "2006"];
        assert!(!rooms(&finance).any(|r| inside.contains(&r.label.as_str())));

        let store = building("B09");
        let [podium, tower] = store.sections.as_slice() else { panic!("two sections") };
        assert_eq!((podium.name, tower.name), ("裙楼", "塔楼"));
        assert_eq!(labels(&podium.floors), ["B1", "L1", "L2", "L3", "L4"]);
        let upper = ["6", "7", "8", "9", "10", "11", "12", "15", "16", "17", "18"];
        assert_eq!(labels(&tower.floors), upper);
    }

    #[test]
    fn the_tide_building_is_as_told_in_its_story() {
        let tide = building("B04");
        assert_eq!(labels(floors(&tide)), ["B1", "1F", "2F", "3F", "5F", "6F", "7F", "8F", "9F"]);
        assert_eq!(floor(&tide, "B1").kind, "parking");
        let mut doors = vec!["101".to_owned(), "102".to_owned()];
        for storey in [2, 3, 5, 6, 7, 8, 9] {
            doors.extend([1, 2, 3, 5, 6].map(|n| format!("{storey}0{n}")));
        }
        assert_eq!(rooms(&tide).map(|r| r.label.clone()).collect::<Vec<_>>(), doors);
        assert!(rooms(&tide).all(|r| r.sharing == "single"));
    }

    #[test]
    fn shared_homes_and_unnumbered_doors_are_where_the_plan_puts_them() {
        let hive = building("B08");
        assert!(rooms(&hive).all(|r| r.sharing == "shared"));
        let kinds = rooms(&hive).flat_map(|r| &r.occupants).map(|o| o.kind);
        let (physical, registered): (Vec<_>, Vec<_>) = kinds.partition(|k| *k == "physical");
        assert_eq!((physical.len(), registered.len()), (71, 15));
        assert!(registered.iter().all(|k| *k == "registered_only"));

        let soho = building("B11");
        let homes: Vec<_> = rooms(&soho).filter(|r| r.kind == "residential_unit").collect();
        assert_eq!(homes.len(), 252, "about 70 % of 358");
        assert!(homes.iter().all(|r| r.occupants.is_empty()));

        for building in &street().buildings {
            let unnumbered = rooms(building).filter(|r| r.kind == "unnumbered").count();
            assert_eq!(unnumbered > 0, building.code == "B12");
            assert_eq!(building.property_manager.is_none(), building.code == "B12");
            assert!(rooms(building).all(|r| r.position.is_some() == (r.kind == "unnumbered")));
            assert_eq!(rooms(building).any(|r| r.sharing != "single"), building.code == "B08");
        }
    }

    #[test]
    fn buildings_stand_apart_with_their_centre_inside() {
        let street = street();
        let boxes = street.buildings.iter().map(|b| {
            let ring = &b.footprint;
            assert_eq!(ring.first(), ring.last());
            let twice_area: f64 = ring.windows(2).map(|w| w[0].0 * w[1].1 - w[1].0 * w[0].1).sum();
            assert!(ring.len() >= 5 && twice_area > 0.0, "{} is not anticlockwise", b.code);
            let crossings = ring.windows(2).filter(|w| {
                let [(x1, y1), (x2, y2)] = [w[0], w[1]];
                (y1 > b.latitude) != (y2 > b.latitude)
                    && b.longitude < x1 + (b.latitude - y1) / (y2 - y1) * (x2 - x1)
            });
            assert_eq!(crossings.count() % 2, 1, "{}", b.code);
            let low = ring.iter().fold((180.0_f64, 90.0_f64), |m, p| (m.0.min(p.0), m.1.min(p.1)));
            let high =
                ring.iter().fold((-180.0_f64, -90.0_f64), |m, p| (m.0.max(p.0), m.1.max(p.1)));
            (low, high)
        });
        let boxes: Vec<_> = boxes.collect();
        for (i, (low, high)) in boxes.iter().enumerate() {
            for (other_low, other_high) in &boxes[i + 1..] {
                let apart = other_low.0 > high.0 || other_high.0 < low.0;
                assert!(apart || other_low.1 > high.1 || other_high.1 < low.1);
            }
        }
    }

    #[test]
    fn the_street_is_the_same_on_every_call() {
        assert_eq!(street(), street());
    }
}
