//! The companies of the demo street: invented names, codes that cannot be real, and which
//! door each sits behind.

use super::street::{OccupantPlan, RoomPlan, SectionPlan};

/// Symbols of the unified social credit code (GB 32100-2015); a symbol's value is its place.
const USCC_SYMBOLS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// A credit code in the region 990101, which does not exist, with both check characters right.
///
/// `n` tells demo companies apart: the last two digits of `n` follow a two-letter page that
/// starts at `MA` and turns every hundred (99 → `MADEMA99…`, 100 → `MADEMB00…`). `individual`
/// chooses kind 2, individual business, over kind 1, enterprise. Source: GB 32100-2015 for the
/// code, GB 11714-1997 for the check of the organisation part.
///
/// # Panics
/// For `n` of 21,000 or more, where the pages end.
pub fn demo_uscc(n: u32, individual: bool) -> String {
    let letters = &USCC_SYMBOLS[10..];
    // `M` is the twelfth letter of the alphabet in use.
    let page = 11 * letters.len() + n as usize / 100;
    assert!(page < letters.len() * letters.len(), "demo code {n} is past the last page");
    let [first, second] =
        [page / letters.len(), page % letters.len()].map(|i| char::from(letters[i]));
    let organisation = format!("MADE{first}{second}{:02}", n % 100);
    let kind = if individual { '2' } else { '1' };
    let inner = organisation_check(&organisation);
    let body = format!("9{kind}990101{organisation}{inner}");
    let check = uscc_check(&body);
    format!("{body}{check}")
}

/// Check character of an organisation code's eight symbols (GB 11714-1997).
fn organisation_check(organisation: &str) -> char {
    let weights = [3, 7, 9, 10, 5, 8, 4, 2];
    let values = organisation.chars().map(|c| c.to_digit(36).expect("letters and digits only"));
    let sum: u32 = values.zip(weights).map(|(value, weight)| value * weight).sum();
    match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from_digit(digit, 10).expect("1 to 9 remain"),
    }
}

/// Check character of a credit code's first seventeen symbols (GB 32100-2015).
fn uscc_check(body: &str) -> char {
    let mut weight = 1;
    let mut sum = 0;
    for symbol in body.bytes() {
        let value = USCC_SYMBOLS.iter().position(|s| *s == symbol);
        sum += value.expect("built from the symbols of the code") * weight;
        weight = weight * 3 % 31;
    }
    char::from(USCC_SYMBOLS[(31 - sum % 31) % 31])
}

/// The companies of 潮汐大厦 that the demo story is about: door, name, number of the code,
/// whether an individual business.
const STORY: [(&str, &str, Option<u32>, bool); 12] = [
    ("101", "月饼早餐店", Some(3), true),
    ("102", "糖罐便利店", Some(8), true),
    ("302", "蒲公英信息咨询", None, false),
    ("303", "海棠资产管理（云岚）有限公司", Some(2), false),
    ("502", "橘子家政（云岚）有限公司", Some(7), false),
    ("601", "青柠设计（云岚）有限公司", Some(1), false),
    ("602", "青柠设计（云岚）有限公司", Some(1), false),
    ("603", "半夏文化（云岚）有限公司", Some(5), false),
    ("603", "白鹭科技（云岚）有限公司", Some(6), false),
    ("605", "纸飞机软件工作室", Some(4), false),
    ("802", "三叶草贸易（云岚）有限公司", Some(9), false),
    ("906", "陀螺教育（云岚）有限公司", Some(10), false),
];
/// Codes up to this number belong to the story.
const STORY_CODES: u32 = 10;
/// Doors of 潮汐大厦 that the story finds vacant or gone.
const STORY_VACANT: [&str; 4] = ["205", "506", "705", "803"];

/// First words of invented names; with the invented city 云岚 beside them no name is real.
const BRANDS: &str = "\
    松针 石榴 海盐 风铃 麦穗 灯塔 云杉 贝壳湾 木槿 雨燕 青瓷 \
    山核桃 竹影 银鱼 晚樱 铜铃 芦苇 小满 谷雨 霜降 苔原 北斗湾 \
    柚木 砂砾 雪松 杏仁 棉桃 浮萍 春笋 鹭岛湾 珊瑚 帆影 沙鸥 豆荚 \
    紫藤 栗树 梧桐里 石桥 长堤 星汉 月台 潮声 鲸歌 海雾 礁石 远帆 \
    锚点 航标 白桦 红杉 蓝莓 黄杨 绿洲湾 墨竹 朱砂 琥珀 水杉 火棘 \
    土陶 金桂 莲蓬 荷塘 菱角 藕塘 茴香 薄荷叶 罗勒 迷迭 丁香 百里 \
    甘草 陈皮";
/// Trades found behind office doors.
const OFFICE_TRADES: &str = "\
    网络科技 信息技术 软件 文化传媒 广告 建筑设计 装饰工程 工程咨询 \
    人力资源 会计服务 税务服务 知识产权代理 国际贸易 供应链管理 物流 \
    医疗器械 生物科技 新能源 电子商务 会展服务 教育咨询 企业管理咨询";
/// Trades that make a canvasser look twice.
const FINANCE_TRADES: &str = "\
    投资咨询 资产管理 商务信息咨询 金融信息服务 财富管理 融资租赁 \
    商业保理 汽车租赁服务";
/// Trades found behind shop doors: as an individual business / as a company.
const SHOP_TRADES: &str = "\
    咖啡馆/餐饮管理 服装店/服饰 鞋店/鞋业 眼镜店/眼镜 美发店/美容美发 \
    花店/花艺 书店/图书 文具店/办公用品 数码店/数码产品 茶叶店/茶业 \
    面馆/食品 糖水铺/饮品 玩具店/玩具 珠宝店/珠宝 家纺店/家居用品 \
    药房/医药连锁";

/// Hands out companies, each name and each code once.
pub(super) struct Register {
    next_code: u32,
    offices: usize,
    financiers: usize,
    shops: usize,
}

impl Register {
    /// An empty register.
    pub(super) fn new() -> Self {
        Self { next_code: STORY_CODES + 1, offices: 0, financiers: 0, shops: 0 }
    }

    /// Moves the companies of the building `code` in: 1,150 over the whole street.
    pub(super) fn settle(&mut self, code: &str, sections: &mut [SectionPlan]) {
        let mut rooms = doors(sections);
        let finance = code == "B05";
        let companies = match code {
            "B01" => 190,
            "B02" => 152,
            "B03" => 84,
            "B04" => {
                move_story_in(&mut rooms);
                rooms.retain(|room| !STORY_VACANT.contains(&room.label.as_str()));
                22
            }
            "B05" => {
                let suite = rooms.iter_mut().find(|room| room.label == "2001-2006");
                self.move_in(suite.expect("the suite is one of the building's doors"), finance);
                195
            }
            "B06" => 58,
            "B07" => 44,
            "B08" => return self.settle_shared(&mut rooms),
            "B09" => 132,
            "B10" => 92,
            "B11" => 60,
            _ => 23,
        };
        rooms.retain(|room| room.occupants.is_empty());
        let doors = rooms.len();
        for (i, room) in rooms.into_iter().enumerate() {
            // The prime shares no factor with any number of doors here, so this picks exactly
            // `companies` of them, never leaving more than two doors in a row empty.
            if i * 277 % doors < companies {
                self.move_in(room, finance);
            }
        }
    }

    /// Fills the co-working rooms: 71 companies at desks, and 15 that only use the address of
    /// the first room.
    fn settle_shared(&mut self, rooms: &mut [&mut RoomPlan]) {
        for (i, room) in rooms.iter_mut().enumerate() {
            let desks = if i == 0 { 8 } else { 9 };
            for _ in 0..desks {
                let occupant = self.office_company(false);
                room.occupants.push(OccupantPlan { kind: "physical", ..occupant });
            }
        }
        for _ in 0..15 {
            let occupant = self.office_company(false);
            rooms[0].occupants.push(OccupantPlan { kind: "registered_only", ..occupant });
        }
    }

    fn move_in(&mut self, room: &mut RoomPlan, finance: bool) {
        let occupant = match room.kind {
            "shop" | "counter" => self.shop_company(),
            _ => self.office_company(finance),
        };
        room.occupants.push(occupant);
    }

    /// The next office company; of a finance building, every third has a finance-like trade.
    fn office_company(&mut self, finance: bool) -> OccupantPlan {
        self.offices += 1;
        let (brand, trade) = if finance && self.offices.is_multiple_of(3) {
            self.financiers += 1;
            pair(self.financiers, FINANCE_TRADES)
        } else {
            pair(self.offices, OFFICE_TRADES)
        };
        let company = match self.offices % 23 {
            0 => format!("{brand}{trade}有限公司云岚分公司"),
            n if n % 2 == 0 => format!("云岚{brand}{trade}有限公司"),
            _ => format!("{brand}{trade}（云岚）有限公司"),
        };
        let kind = if self.offices.is_multiple_of(17) { "sublet" } else { "physical" };
        OccupantPlan { company, uscc: self.code(false), kind }
    }

    /// The next shop; two of three are individual businesses.
    fn shop_company(&mut self) -> OccupantPlan {
        self.shops += 1;
        let (brand, trade) = pair(self.shops, SHOP_TRADES);
        let (shop, trade) = trade.split_once('/').expect("every shop trade has two forms");
        let individual = !self.shops.is_multiple_of(3);
        let company = match individual {
            true => format!("云岚市星湖区{brand}{shop}"),
            false => format!("云岚{brand}{trade}有限公司"),
        };
        let kind = if self.shops.is_multiple_of(29) { "storage" } else { "physical" };
        OccupantPlan { company, uscc: self.code(individual), kind }
    }

    /// The next code, except that every nineteenth company's list gives none.
    fn code(&mut self, individual: bool) -> Option<String> {
        let n = self.next_code;
        self.next_code += 1;
        (!n.is_multiple_of(19)).then(|| demo_uscc(n, individual))
    }
}

/// Doors of a building that companies may take, homes left out.
fn doors(sections: &mut [SectionPlan]) -> Vec<&mut RoomPlan> {
    let floors = sections.iter_mut().flat_map(|section| &mut section.floors);
    let rooms = floors.flat_map(|floor| &mut floor.rooms);
    rooms.filter(|room| room.kind != "residential_unit").collect()
}

fn move_story_in(rooms: &mut [&mut RoomPlan]) {
    for (door, company, code, individual) in STORY {
        let room = rooms.iter_mut().find(|room| room.label == door);
        room.expect("every door of the story exists").occupants.push(OccupantPlan {
            company: company.to_owned(),
            uscc: code.map(|n| demo_uscc(n, individual)),
            kind: "physical",
        });
    }
}

/// The `n`th pair of a brand and one of the `trades`; no pair comes twice while `n` stays below
/// the number of pairs.
fn pair(n: usize, trades: &'static str) -> (&'static str, &'static str) {
    let brands: Vec<_> = BRANDS.split(' ').collect();
    let trades: Vec<_> = trades.split(' ').collect();
    // 29 shares no factor with the 72 brands, so each run of 72 names every brand once.
    let brand = n * 29 % brands.len();
    let trade = (n / brands.len() + brand) % trades.len();
    (brands[brand], trades[trade])
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;
    use crate::demo::street::{BuildingPlan, street};

    /// The check of GB 32100-2015 once more, written from the printed weights.
    fn is_valid(uscc: &str) -> bool {
        let weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1];
        let symbols = "0123456789ABCDEFGHJKLMNPQRTUWXY";
        let values: Option<Vec<_>> = uscc.chars().map(|c| symbols.find(c)).collect();
        values.is_some_and(|values| {
            values.len() == 18
                && values.iter().zip(weights).map(|(v, w)| v * w).sum::<usize>() % 31 == 0
        })
    }

    #[test]
    fn the_first_ten_codes_are_the_published_demo_codes() {
        let published = [
            "91990101MADEMA0198",
            "91990101MADEMA0273",
            "92990101MADEMA035T",
            "91990101MADEMA043Q",
            "91990101MADEMA051K",
            "91990101MADEMA06XB",
            "91990101MADEMA078B",
            "92990101MADEMA0863",
            "91990101MADEMA0941",
            "91990101MADEMA107N",
        ];
        for (n, code) in (1..).zip(published) {
            assert_eq!(demo_uscc(n, code.starts_with("92")), code);
            assert!(is_valid(code));
        }
        assert!(!is_valid("91990101MADEMA0199"));
        assert!(!is_valid("91990101MAEDMA0198"));
    }

    #[test]
    fn codes_stay_valid_and_different_past_the_first_hundred() {
        assert!(demo_uscc(99, false).starts_with("91990101MADEMA99"));
        assert!(demo_uscc(100, true).starts_with("92990101MADEMB00"));
        let codes: HashSet<_> = (0..21_000).map(|n| demo_uscc(n, n % 2 == 0)).collect();
        assert_eq!(codes.len(), 21_000);
        assert!(codes.iter().all(|code| is_valid(code)));
    }

    fn rooms(building: &BuildingPlan) -> impl Iterator<Item = &RoomPlan> {
        building.sections.iter().flat_map(|s| &s.floors).flat_map(|f| &f.rooms)
    }

    #[test]
    fn the_companies_of_the_story_sit_behind_their_doors() {
        let street = street();
        let tide = street.buildings.iter().find(|b| b.code == "B04").unwrap();
        let inside = |door: &str| {
            let room = rooms(tide).find(|r| r.label == door).unwrap();
            let pairs = room.occupants.iter().map(|o| (o.company.as_str(), o.uscc.as_deref()));
            pairs.collect::<Vec<_>>()
        };
        let lime = ("青柠设计（云岚）有限公司", Some("91990101MADEMA0198"));
        assert_eq!((inside("601"), inside("602")), (vec![lime], vec![lime]));
        assert_eq!(inside("302"), [("蒲公英信息咨询", None)]);
        assert_eq!(inside("101"), [("月饼早餐店", Some("92990101MADEMA035T"))]);
        assert_eq!(inside("303")[0].0, "海棠资产管理（云岚）有限公司");
        assert_eq!(inside("605")[0].0, "纸飞机软件工作室");
        assert_eq!(inside("603").len(), 2);
        for (door, brand) in
            [("603", "半夏文化"), ("502", "橘子家政"), ("802", "三叶草贸易"), ("906", "陀螺教育")]
        {
            assert!(inside(door)[0].0.starts_with(brand), "{door}");
        }
        assert!(inside("603")[1].0.starts_with("白鹭科技"));
        assert!(["205", "506", "705", "803"].iter().all(|door| inside(door).is_empty()));
    }

    #[test]
    fn the_street_has_1150_companies_each_with_its_own_code() {
        let mut companies = BTreeMap::new();
        for occupant in street().buildings.iter().flat_map(rooms).flat_map(|r| &r.occupants) {
            let before = companies.insert(occupant.company.clone(), occupant.uscc.clone());
            assert!(before.is_none() || occupant.company.starts_with("青柠设计"), "{occupant:?}");
        }
        assert_eq!(companies.len(), 1150);
        let codes: Vec<_> = companies.values().flatten().collect();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), codes.len());
        assert_eq!(companies.len() - codes.len(), 61, "some lists give no code");
    }

    #[test]
    fn every_company_of_the_street_has_a_valid_code_or_none() {
        let street = street();
        let kinds = ["physical", "registered_only", "sublet", "storage"];
        for occupant in street.buildings.iter().flat_map(rooms).flat_map(|r| &r.occupants) {
            assert!(occupant.uscc.as_deref().is_none_or(is_valid), "{occupant:?}");
            assert!(kinds.contains(&occupant.kind));
        }
    }
}
