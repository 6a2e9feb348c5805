//! The twelve buildings of the demo street: where they stand, who manages them, and which
//! floors and doors they have, with the oddities real buildings show.
//!
//! Labels say what the lift and the door say; the physical order of floors is counted
//! separately, because a missing label is not a missing floor.

use super::companies::Register;
use super::street::{BuildingPlan, FloorPlan, RoomPlan, SectionPlan, degrees, footprint};

/// Priority buildings (重点).
const PRIORITY: [&str; 3] = ["B01", "B05", "B08"];

/// What is known of a building besides its floors.
struct Facts {
    code: &'static str,
    name: &'static str,
    aliases: &'static [&'static str],
    house: &'static str,
    kind: &'static str,
    property_manager: Option<&'static str>,
    /// Centre, metres east and north of the origin.
    centre_m: (f64, f64),
    /// Corners anticlockwise, each as metres east and metres north of the centre.
    outline_m: &'static [i32],
}

/// The twelve buildings in order of their codes, with their companies.
pub(super) fn buildings() -> Vec<BuildingPlan> {
    let mut register = Register::new();
    let mut plan = |community, facts: &Facts| {
        let mut sections = sections(facts.code);
        register.settle(facts.code, &mut sections);
        let (longitude, latitude) = degrees(facts.centre_m);
        BuildingPlan {
            code: facts.code,
            name: facts.name,
            aliases: facts.aliases.to_vec(),
            address: format!("云岚市星湖区云港街道{}", facts.house),
            community,
            kind: facts.kind,
            key: PRIORITY.contains(&facts.code),
            latitude,
            longitude,
            footprint: footprint(facts.centre_m, facts.outline_m),
            property_manager: facts.property_manager,
            sections,
        }
    };
    let mut plans = Vec::new();
    for (community, facts) in [&WEST[..], &MIDDLE, &EAST].into_iter().enumerate() {
        plans.extend(facts.iter().map(|facts| plan(community, facts)));
    }
    plans
}

/// 望潮社区.
const WEST: [Facts; 4] = [
    Facts {
        code: "B01",
        name: "云港国际中心A座",
        aliases: &["云港国际A座", "望潮路18号A座"],
        house: "望潮路18号A座",
        kind: "office_tower",
        property_manager: Some("云港国际物业服务中心（演示）"),
        centre_m: (0.0, 110.0),
        outline_m: &[23, 17, 17, 23, -17, 23, -23, 17, -23, -17, -17, -23, 17, -23, 23, -17],
    },
    Facts {
        code: "B02",
        name: "云港国际中心B座",
        aliases: &["云港国际B座", "望潮路18号B座"],
        house: "望潮路18号B座",
        kind: "office_tower",
        property_manager: Some("云港国际物业服务中心（演示）"),
        centre_m: (110.0, 110.0),
        outline_m: &[20, 9, 9, 20, -9, 20, -20, 9, -20, -9, -9, -20, 9, -20, 20, -9],
    },
    Facts {
        code: "B03",
        name: "望潮商务广场",
        aliases: &["望潮广场"],
        house: "望潮路26号",
        kind: "commercial_plaza",
        property_manager: Some("望潮商业管理处（演示）"),
        centre_m: (0.0, 0.0),
        outline_m: &[-39, -35, 39, -35, 39, 9, 5, 9, 5, 35, -39, 35],
    },
    Facts {
        code: "B04",
        name: "潮汐大厦",
        aliases: &["潮汐写字楼"],
        house: "听潮巷7号",
        kind: "office_tower",
        property_manager: Some("潮汐大厦物业管理处（演示）"),
        centre_m: (110.0, 0.0),
        outline_m: &[-17, -11, 17, -11, 17, 11, -17, 11],
    },
];

/// 星桥社区.
const MIDDLE: [Facts; 5] = [
    Facts {
        code: "B05",
        name: "星桥金融大厦",
        aliases: &["星桥金融中心", "金融大厦"],
        house: "星桥大道1号",
        kind: "office_tower",
        property_manager: Some("星桥楼宇物业服务处（演示）"),
        centre_m: (260.0, 110.0),
        outline_m: &[27, 0, 14, 23, -14, 23, -27, 0, -14, -23, 14, -23],
    },
    Facts {
        code: "B06",
        name: "银杏科技园1号楼",
        aliases: &["银杏园1号楼"],
        house: "银杏路9号1号楼",
        kind: "park_building",
        property_manager: Some("银杏科技园运营管理处（演示）"),
        centre_m: (370.0, 110.0),
        outline_m: &[-32, -9, 32, -9, 32, 9, -32, 9],
    },
    Facts {
        code: "B07",
        name: "银杏科技园2号楼",
        aliases: &["银杏园2号楼"],
        house: "银杏路9号2号楼",
        kind: "park_building",
        property_manager: Some("银杏科技园运营管理处（演示）"),
        centre_m: (480.0, 110.0),
        outline_m: &[-10, -26, 10, -26, 10, 26, -10, 26],
    },
    Facts {
        code: "B08",
        name: "蜂巢众创空间",
        aliases: &["蜂巢空间", "银杏科技园孵化楼"],
        house: "银杏路11号",
        kind: "coworking",
        property_manager: Some("蜂巢众创空间运营部（演示）"),
        centre_m: (260.0, 0.0),
        outline_m: &[18, 0, 13, 13, 0, 18, -13, 13, -18, 0, -13, -13, 0, -18, 13, -13],
    },
    Facts {
        code: "B09",
        name: "星桥百货大楼(裙楼+写字楼)",
        aliases: &["星桥百货", "星百大楼"],
        house: "星桥大道15号",
        kind: "mixed_use",
        property_manager: Some("星桥百货物业部（演示）"),
        centre_m: (370.0, 0.0),
        outline_m: &[
            38, -18, 38, 18, 18, 18, 18, 38, -18, 38, -18, 18, -38, 18, -38, -18, -18, -18, -18,
            -38, 18, -38, 18, -18,
        ],
    },
];

/// 青屿社区.
const EAST: [Facts; 3] = [
    Facts {
        code: "B10",
        name: "青屿广场",
        aliases: &["青屿购物广场"],
        house: "青屿路2号",
        kind: "commercial_plaza",
        property_manager: Some("青屿商业管理处（演示）"),
        centre_m: (630.0, 110.0),
        outline_m: &[-36, -40, 36, -40, 36, 8, 12, 8, 12, 40, -36, 40],
    },
    Facts {
        code: "B11",
        name: "青屿SOHO 1号楼",
        aliases: &["青屿公寓", "SOHO 1号楼"],
        house: "青屿路8号1号楼",
        kind: "soho",
        property_manager: Some("青屿SOHO物业服务处（演示）"),
        centre_m: (740.0, 110.0),
        outline_m: &[
            29, -9, 29, 9, 9, 9, 9, 29, -9, 29, -9, 9, -29, 9, -29, -9, -9, -9, -9, -29, 9, -29, 9,
            -9,
        ],
    },
    Facts {
        code: "B12",
        name: "老供销大楼",
        aliases: &["供销社老楼"],
        house: "供销巷3号",
        kind: "walkup",
        property_manager: None,
        centre_m: (630.0, 0.0),
        outline_m: &[-21, -6, 21, -6, 21, 6, -21, 6],
    },
];

/// Sections of one building, lowest first, with no company in yet.
fn sections(code: &str) -> Vec<SectionPlan> {
    let floors = match code {
        "B01" => twin_tower(6, 236),
        "B02" => twin_tower(4, 190),
        "B03" => wang_chao_plaza(),
        "B04" => tide_building(),
        "B05" => finance_building(),
        "B06" => stack(1, (1..=9).map(|n| numbered(n, 8, "室")).collect()),
        "B07" => stack(1, (1..=9).map(|n| numbered(n, 6, "")).collect()),
        "B08" => coworking(),
        "B09" => return department_store(),
        "B10" => qing_yu_plaza(),
        "B11" => soho(),
        _ => walkup(),
    };
    vec![SectionPlan { name: "-", floors }]
}

/// B01 and B02: no 4, 13, 14 and 24; 15 is the refuge floor required in towers over 100 m
/// (GB 50016), by law without offices.
fn twin_tower(shops: usize, offices: usize) -> Vec<FloorPlan> {
    let mut floors = vec![bare("B2", "parking"), bare("B1", "parking")];
    floors.push(floor("1", "lobby", rooms("1", "", shops, "shop")));
    let labels = (2..=30).filter(|n| ![4, 13, 14, 24].contains(n));
    let mut shares = shares(offices, 24);
    floors.extend(labels.map(|n| match n {
        15 => bare("15", "refuge"),
        _ => numbered(n, shares.next().expect("24 floors have offices"), ""),
    }));
    stack(-2, floors)
}

/// B03: a mezzanine `M` between L1 and L2; shops below, offices on L4 and L5.
fn wang_chao_plaza() -> Vec<FloorPlan> {
    let retail = |label: &str, kind, count| floor(label, kind, rooms(label, "-", count, "shop"));
    let office = |label: &str, count| floor(label, "office", rooms(label, "-", count, "office"));
    let floors = vec![
        bare("B1", "parking"),
        retail("L1", "retail", 20),
        retail("M", "mezzanine", 8),
        retail("L2", "retail", 22),
        retail("L3", "retail", 20),
        office("L4", 18),
        office("L5", 18),
    ];
    stack(-1, floors)
}

/// B04, the building of the told story: five doors a floor, no 4th floor.
fn tide_building() -> Vec<FloorPlan> {
    let mut floors = vec![bare("B1", "parking")];
    floors.push(floor("1F", "retail", rooms("1", "", 2, "shop")));
    let upper = [2, 3, 5, 6, 7, 8, 9];
    floors.extend(upper.map(|n| storey_f(n, rooms(&n.to_string(), "", 5, "office"))));
    stack(-1, floors)
}

/// B05: a `G` below its 1F, no 4, 13 and 14; on 20F six numbers are one suite with one door.
fn finance_building() -> Vec<FloorPlan> {
    let mut floors = vec![bare("B2", "parking"), bare("B1", "parking")];
    floors.push(floor("G", "lobby", rooms("G", "", 6, "shop")));
    let labels = (1..=23).filter(|n| ![4, 13, 14].contains(n));
    let mut shares = shares(230, 19);
    floors.extend(labels.map(|n| {
        let prefix = n.to_string();
        if n != 20 {
            let count = shares.next().expect("19 floors have single doors only");
            return storey_f(n, rooms(&prefix, "", count, "office"));
        }
        let mut doors = rooms(&prefix, "", 11, "office");
        doors.drain(..5);
        doors.insert(0, room("2001-2006".to_owned(), "office"));
        storey_f(n, doors)
    }));
    floors.push(bare("RF", "roof"));
    stack(-2, floors)
}

/// B08: two large rooms a floor, each shared by many companies.
fn coworking() -> Vec<FloorPlan> {
    let shared = |n: u32| {
        let mut doors = rooms(&n.to_string(), "", 2, "shared_space");
        doors.iter_mut().for_each(|door| door.sharing = "shared");
        storey_f(n, doors)
    };
    stack(1, (1..=4).map(shared).collect())
}

/// B09: a podium B1, L1–L4 and a tower on top of it that starts at 6 and lacks 13 and 14, so
/// nothing is called 5.
fn department_store() -> Vec<SectionPlan> {
    let retail = |(label, count, kind): (&str, usize, &'static str)| {
        floor(label, "retail", rooms(label, "-", count, kind))
    };
    let podium = [
        ("B1", 14, "counter"),
        ("L1", 20, "counter"),
        ("L2", 18, "shop"),
        ("L3", 16, "shop"),
        ("L4", 14, "shop"),
    ];
    let tower = (6..=18).filter(|n| ![13, 14].contains(n));
    vec![
        SectionPlan { name: "裙楼", floors: stack(-1, podium.map(retail).into()) },
        SectionPlan {
            name: "塔楼", floors: stack(5, tower.map(|n| numbered(n, 8, "")).collect())
        },
    ]
}

/// B10: floors are signed `F1` to `F5`, doors `1-08`.
fn qing_yu_plaza() -> Vec<FloorPlan> {
    let mut floors = vec![bare("B1", "parking")];
    floors.extend(
        (1..=5).map(|n| floor(&format!("F{n}"), "retail", rooms(&n.to_string(), "-", 24, "shop"))),
    );
    stack(-1, floors)
}

/// B11: homes and companies on one corridor; seven homes of sixteen doors up to 9, fourteen of
/// sixteen above, about 70 % of the whole building.
fn soho() -> Vec<FloorPlan> {
    let mut floors = vec![bare("B1", "parking")];
    floors.push(floor("1", "retail", rooms("1", "", 6, "shop")));
    floors.extend((2..=23_u32).map(|n| {
        let (kind, homes) = if n < 10 { ("office", 7) } else { ("residential", 14) };
        let mut doors = rooms(&n.to_string(), "", 16, "office");
        for (i, door) in (0..16).zip(&mut doors) {
            // 5 and 16 share no factor, so this spreads exactly `homes` homes over the corridor.
            if (i * 5 + n) % 16 < homes {
                door.kind = "residential_unit";
            }
        }
        floor(&n.to_string(), kind, doors)
    }));
    stack(-1, floors)
}

/// B12: four numbered doors and three without a plate on every landing.
fn walkup() -> Vec<FloorPlan> {
    let places = ["楼梯口左侧第一间", "楼梯口右侧第二间", "走廊尽头靠水房一间"];
    let landing = |n: u32| {
        let (floor_kind, room_kind) =
            if n == 1 { ("retail", "shop") } else { ("office", "office") };
        let mut doors = rooms(&n.to_string(), "", 4, room_kind);
        doors.extend((1..).zip(places).map(|(i, place)| RoomPlan {
            position: Some(format!("{n}楼{place}")),
            ..room(format!("无门牌{i}"), "unnumbered")
        }));
        floor(&n.to_string(), floor_kind, doors)
    };
    stack(1, (1..=6).map(landing).collect())
}

/// Gives floors, listed bottom up, their physical order: `lowest` is the storey of the first,
/// there is no storey 0, and a mezzanine lies half a storey above the floor before it.
fn stack(lowest: i64, mut floors: Vec<FloorPlan>) -> Vec<FloorPlan> {
    let mut storey = lowest - 1;
    for floor in &mut floors {
        if floor.kind == "mezzanine" {
            floor.sort_order_milli = storey * 1000 + 500;
            continue;
        }
        storey += if storey == -1 { 2 } else { 1 };
        floor.sort_order_milli = storey * 1000;
    }
    floors
}

/// Splits `total` doors over `floors` as evenly as possible, the larger shares first.
fn shares(total: usize, floors: usize) -> impl Iterator<Item = usize> {
    (0..floors).map(move |i| total / floors + usize::from(i < total % floors))
}

/// An office floor whose label is its plain number; `suffix` ends every door label.
fn numbered(n: u32, count: usize, suffix: &str) -> FloorPlan {
    let mut doors = rooms(&n.to_string(), "", count, "office");
    doors.iter_mut().for_each(|door| door.label.push_str(suffix));
    floor(&n.to_string(), "office", doors)
}

/// An office floor labelled like `12F`.
fn storey_f(n: u32, rooms: Vec<RoomPlan>) -> FloorPlan {
    floor(&format!("{n}F"), "office", rooms)
}

/// A floor without doors.
fn bare(label: &str, kind: &'static str) -> FloorPlan {
    floor(label, kind, Vec::new())
}

fn floor(label: &str, kind: &'static str, rooms: Vec<RoomPlan>) -> FloorPlan {
    FloorPlan { label: label.to_owned(), sort_order_milli: 0, kind, rooms }
}

/// `count` doors of one floor, numbered 01, 02, 03, 05 and so on: nobody numbers a door 04.
fn rooms(prefix: &str, joint: &str, count: usize, kind: &'static str) -> Vec<RoomPlan> {
    let numbers = (1..).filter(|n| *n != 4).take(count);
    numbers.map(|n: u32| room(format!("{prefix}{joint}{n:02}"), kind)).collect()
}

fn room(label: String, kind: &'static str) -> RoomPlan {
    RoomPlan { label, kind, sharing: "single", position: None, occupants: Vec::new() }
}
