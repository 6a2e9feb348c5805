//! What each line of a roster means for a building: a new room, one that is there already, or
//! nothing that can be placed.

use std::collections::{BTreeSet, HashMap};

use saolou_protocol::ids::{FloorId, OfficeId};
use saolou_protocol::registry::office::{OfficeKind, Sharing, key_of};
use saolou_protocol::registry::room_key::RoomKey;
use unicode_normalization::UnicodeNormalization;

use super::table::word;
use super::{LineReason, RosterFile, RosterLine};

/// The name of the section of a building that has only one (domain §2.4).
const ONLY_SECTION: &str = "-";

/// What lists call the kinds of room, besides their codes.
const KINDS: [(OfficeKind, &[&str]); 10] = [
    (OfficeKind::Office, &["办公室", "办公", "写字间", "写字楼"]),
    (OfficeKind::Shop, &["商铺", "店铺", "门店", "铺位", "商业"]),
    (OfficeKind::Counter, &["柜台", "摊位", "柜台摊位", "专柜"]),
    (OfficeKind::SharedSpace, &["联合办公", "众创空间", "联合办公众创空间", "共享办公"]),
    (OfficeKind::OpenDeskArea, &["工位区", "工位"]),
    (OfficeKind::WholeFloor, &["整层"]),
    (OfficeKind::ResidentialUnit, &["住宅", "住宅户", "居住", "公寓", "residential"]),
    (OfficeKind::Utility, &["机房", "设备间", "公共区", "机房设备间公共区", "设备房"]),
    (OfficeKind::Unnumbered, &["无门牌"]),
    (OfficeKind::Other, &["其他", "其它"]),
];

/// What lists call the ways of sharing, besides their codes.
const SHARINGS: [(Sharing, &[&str]); 3] = [
    (Sharing::Single, &["独用", "独家", "独家使用", "单独使用", "自用"]),
    (Sharing::Shared, &["多家合用", "合用", "共用", "多家共用"]),
    (Sharing::RegisteredOnly, &["仅登记地址", "仅登记", "仅注册", "集群注册", "虚拟地址", "托管"]),
];

/// A floor that the building has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownFloor {
    /// Its id.
    pub(crate) id: FloorId,
    /// The name of its section; `-` where the building has only one.
    pub(crate) section: String,
    /// As the lift says it.
    pub(crate) label: String,
    /// Other names.
    pub(crate) aliases: Vec<String>,
    /// Its live rooms with their keys, oldest first.
    pub(crate) rooms: Vec<(OfficeId, String)>,
}

/// A line of the file and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlannedLine<'a> {
    /// Line of a CSV file or row of a sheet, from 1.
    pub(crate) line: usize,
    /// What the line says; `None` where it could not be read.
    pub(crate) typed: Option<&'a RosterLine>,
    /// What becomes of it.
    pub(crate) verdict: Verdict,
}

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A room the building does not have yet.
    Accepted {
        /// Where it is.
        floor: FloorId,
        /// The key of its label.
        key: String,
        /// Its kind: office where the list does not say.
        kind: OfficeKind,
        /// Its sharing: single where the list does not say.
        sharing: Sharing,
    },
    /// A second spelling of a room.
    Linked {
        /// Where it is.
        floor: FloorId,
        /// The room.
        to: LinkedTo,
        /// The key both share.
        key: String,
    },
    /// Nothing that can be placed.
    Refused(LineReason),
}

/// The room that a linked line is a second spelling of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkedTo {
    /// One that the building has.
    Existing(OfficeId),
    /// The one that an earlier line of the file adds.
    Line(usize),
}

/// Says for each line what becomes of it.
///
/// Of several lines for one door the first is accepted, also where a later one says more. A room
/// without a number (无门牌) is never linked to another line, because its text may fit two doors;
/// it is linked to a room of the building with the same text, one to one, so that importing a
/// file twice adds nothing.
pub(crate) fn plan<'a>(file: &'a RosterFile, floors: &[KnownFloor]) -> Vec<PlannedLine<'a>> {
    let mut doors = Doors::new(floors);
    let building = Building::new(file, floors);
    let lines = file.lines.iter().map(|line| match line {
        Ok(typed) => {
            let place = building.place(typed);
            let verdict = match place {
                Ok((floor, kind, sharing)) => doors.settle(typed, floor, kind, sharing),
                Err(reason) => Verdict::Refused(reason),
            };
            PlannedLine { line: typed.line, typed: Some(typed), verdict }
        }
        Err(refusal) => PlannedLine {
            line: refusal.line,
            typed: None,
            verdict: Verdict::Refused(refusal.reason.clone()),
        },
    });
    lines.collect()
}

/// The rooms met so far, by floor and key.
struct Doors<'a> {
    existing: HashMap<(FloorId, &'a str), Vec<OfficeId>>,
    /// Rooms of the building that lines without a number have been linked to.
    taken: HashMap<(FloorId, String), usize>,
    added: HashMap<(FloorId, String), usize>,
}

impl<'a> Doors<'a> {
    fn new(floors: &'a [KnownFloor]) -> Self {
        let mut existing: HashMap<_, Vec<_>> = HashMap::new();
        for floor in floors {
            for (office, key) in &floor.rooms {
                existing.entry((floor.id, key.as_str())).or_default().push(*office);
            }
        }
        Self { existing, taken: HashMap::new(), added: HashMap::new() }
    }

    fn settle(
        &mut self,
        typed: &RosterLine,
        floor: FloorId,
        kind: Option<OfficeKind>,
        sharing: Sharing,
    ) -> Verdict {
        let key = key_of(&typed.room);
        let kind = kind.unwrap_or_else(|| kind_by_key(&key));
        let existing = self.existing.get(&(floor, key.as_str())).map_or(&[][..], Vec::as_slice);
        if kind == OfficeKind::Unnumbered {
            let taken = self.taken.entry((floor, key.clone())).or_default();
            if let Some(office) = existing.get(*taken) {
                *taken += 1;
                return Verdict::Linked { floor, to: LinkedTo::Existing(*office), key };
            }
            return Verdict::Accepted { floor, key, kind, sharing };
        }
        if let Some(office) = existing.first() {
            return Verdict::Linked { floor, to: LinkedTo::Existing(*office), key };
        }
        if let Some(line) = self.added.get(&(floor, key.clone())) {
            return Verdict::Linked { floor, to: LinkedTo::Line(*line), key };
        }
        self.added.insert((floor, key.clone()), typed.line);
        Verdict::Accepted { floor, key, kind, sharing }
    }
}

/// The kind of a room of which the list says none: `12层` is the whole floor.
fn kind_by_key(key: &str) -> OfficeKind {
    if key.ends_with("-ALL") { OfficeKind::WholeFloor } else { OfficeKind::Office }
}

/// A building as the lines of a list name its parts.
struct Building {
    floors: Vec<NamedFloor>,
    /// Whether what lists call a section can only be the building itself.
    sections_are_moot: bool,
}

/// A floor under all its names.
struct NamedFloor {
    id: FloorId,
    section: String,
    section_word: String,
    label: String,
    aliases: Vec<String>,
    /// What its label and aliases come to.
    words: Vec<String>,
}

impl Building {
    fn new(file: &RosterFile, floors: &[KnownFloor]) -> Self {
        let sections = file.lines.iter().flatten().filter_map(|line| line.section.as_deref());
        let typed: BTreeSet<_> = sections.map(section_word).collect();
        // A list of one building may repeat its name (B座) on every line. Two names in the list
        // of a building without sections belong to two buildings.
        let undivided = floors.iter().all(|floor| floor.section == ONLY_SECTION);
        let named = floors.iter().map(|floor| NamedFloor {
            id: floor.id,
            section: floor.section.clone(),
            section_word: section_word(&floor.section),
            label: floor.label.clone(),
            aliases: floor.aliases.clone(),
            words: [&floor.label]
                .into_iter()
                .chain(&floor.aliases)
                .map(|l| floor_word(l))
                .collect(),
        });
        Self { floors: named.collect(), sections_are_moot: undivided && typed.len() <= 1 }
    }

    fn place(
        &self,
        typed: &RosterLine,
    ) -> Result<(FloorId, Option<OfficeKind>, Sharing), LineReason> {
        if RoomKey::of(&typed.room).key.is_empty() {
            return Err(LineReason::RoomMissing);
        }
        let floor = self.floor(&self.within(typed.section.as_deref())?, &typed.floor)?;
        let kind = typed.kind.as_ref().map(|text| {
            let known = named(text, &KINDS, OfficeKind::code);
            known.ok_or_else(|| LineReason::KindUnknown(text.clone()))
        });
        let sharing = typed.sharing.as_ref().map(|text| {
            let known = named(text, &SHARINGS, Sharing::code);
            known.ok_or_else(|| LineReason::SharingUnknown(text.clone()))
        });
        Ok((floor, kind.transpose()?, sharing.transpose()?.unwrap_or(Sharing::Single)))
    }

    /// The floors of the section a line names; all where it names none.
    fn within(&self, section: Option<&str>) -> Result<Vec<&NamedFloor>, LineReason> {
        let Some(section) = section.filter(|_| !self.sections_are_moot) else {
            return Ok(self.floors.iter().collect());
        };
        let word = section_word(section);
        let by = |fits: &dyn Fn(&NamedFloor) -> bool| {
            self.floors.iter().filter(|floor| fits(floor)).collect::<Vec<_>>()
        };
        let exact = by(&|floor| floor.section == section);
        let floors = if exact.is_empty() { by(&|floor| floor.section_word == word) } else { exact };
        // 2座 may be 2号楼, but not where the building has 2栋 as well.
        let one = floors.windows(2).all(|pair| pair[0].section == pair[1].section);
        let found = !floors.is_empty() && one;
        found.then_some(floors).ok_or_else(|| LineReason::SectionUnknown(section.to_owned()))
    }

    /// The floor a line names: by its label, else by another name, else by what they come to.
    fn floor(&self, floors: &[&NamedFloor], typed: &str) -> Result<FloorId, LineReason> {
        let word = floor_word(typed);
        let steps: [&dyn Fn(&NamedFloor) -> bool; 3] = [
            &|floor| floor.label == typed,
            &|floor| floor.aliases.iter().any(|alias| alias == typed),
            &|floor| floor.words.contains(&word),
        ];
        for fits in steps {
            let mut fitting = floors.iter().filter(|floor| fits(floor));
            match (fitting.next(), fitting.next()) {
                (Some(floor), None) => return Ok(floor.id),
                (Some(_), Some(_)) => return Err(LineReason::FloorAmbiguous(typed.to_owned())),
                (None, _) => {}
            }
        }
        Err(LineReason::FloorUnknown(typed.to_owned()))
    }
}

/// What the spellings of a floor have in common: `2`, `2F`, `F2`, `２层` and `二楼` are `2`,
/// `-1` and `负一层` are `B1`.
fn floor_word(typed: &str) -> String {
    let plain: String =
        typed.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
    let plain =
        plain.strip_suffix("FLOOR").unwrap_or(&plain).trim_end_matches(['层', '楼', '層', '樓']);
    let bare = plain.strip_suffix('F').unwrap_or(plain).trim_end_matches('/');
    let number = bare.strip_prefix('F').filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let bare = number.unwrap_or(bare);
    if bare.is_empty() {
        return plain.to_owned();
    }
    // The room key reads 十二层 and 负一层 as floors; so do we, by the same rule.
    let key = RoomKey::of(&format!("{bare}层")).key;
    key.strip_suffix("-ALL").unwrap_or(bare).to_owned()
}

/// What the spellings of a section have in common: `A座`, `a` and `Ａ栋` are `a`.
fn section_word(typed: &str) -> String {
    let word = word(typed);
    let bare = ["号楼", "座", "栋", "幢", "楼"].iter().find_map(|end| word.strip_suffix(end));
    bare.filter(|bare| !bare.is_empty()).unwrap_or(&word).to_owned()
}

/// The value that a text names by its code or by one of its other words.
fn named<T: Copy>(
    text: &str,
    values: &[(T, &[&str])],
    code: impl Fn(T) -> &'static str,
) -> Option<T> {
    let text = word(text);
    let fits = |(value, words): &&(T, &[&str])| {
        word(code(*value)) == text || words.contains(&text.as_str())
    };
    values.iter().find(fits).map(|(value, _)| *value)
}
