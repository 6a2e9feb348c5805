//! Histories over a small universe: few rooms, colliding labels, three authors, two rounds, so that
//! everything that can meet does meet.

use crate::world::{Draft, id};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, option, sample};
use saolou_protocol::canonical::Hash;
use serde_json::{Value, json};
use uuid::Uuid;

/// Most actions of a generated history, without those that every history begins with.
const ACTIONS_MAX: usize = 24;

const LABELS: [&str; 6] = ["1201", "12-01", "1202", "1201A", "1208", "东侧"];
const OUTCOMES: [&str; 19] = [
    "inspected",
    "inspected",
    "inspected",
    "inspected",
    "inspected",
    "inspected_partial",
    "shut_down",
    "handed_over",
    "vacant",
    "moved_out",
    "under_renovation",
    "locked",
    "locked_deliberate",
    "refused_entry",
    "access_denied",
    "not_found",
    "merged_into",
    "not_in_scope",
    "teleported",
];
/// Name and code: one name has two codes, one code two names, one company only a name.
const COMPANIES: [(Option<&str>, Option<&str>); 6] = [
    (None, None),
    (Some("青柠设计"), None),
    (Some("青柠设计"), Some("91990101MADEMA0198")),
    (Some("青柠设计"), Some("91350100M000100Y43")),
    (Some("海棠商贸"), Some("91350100M000100Y43")),
    (Some("海棠商贸"), None),
];
const KINDS: [&str; 3] = ["initial", "joint_revisit", "supplement"];

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    author: u64,
    at_ms: i64,
    /// Moves the op id about, so that ids say nothing about order.
    salt: u8,
    /// Which ops of the history its author had seen: op `i` where bit `i % 32` is set.
    seen: u32,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Register(u8),
    Floor { floor: u64, place: i64 },
    ConfirmFloor(u64),
    Office { office: u64, floor: u64, label: usize, unnumbered: bool, shared: bool, initial: bool },
    Split { parent: u64, children: Vec<(u64, usize)>, hint: Option<(usize, u64)> },
    Merge { parents: Vec<u64>, child: u64, label: usize },
    Rename { office: u64, label: usize, desk: bool },
    Reclassify { office: u64, shared: bool, shop: bool },
    Link { a: u64, b: u64, same: bool },
    Occupancy { occupancy: u64, office: u64, company: usize, physical: bool },
    ConfirmOccupants(u64),
    Visit(Visit),
    Remove(u64),
    Void(u64),
    AcceptLate(u64),
    Photo { photo: u64, right: bool },
    Exclude { office: u64, round: Option<u64> },
    RejectClaims,
    Withdraw(usize),
    Accept(u64),
    Other(usize),
}

#[derive(Clone, Debug)]
struct Visit {
    visit: u64,
    revision: i64,
    offices: Vec<u64>,
    outcome: usize,
    company: usize,
    missing: u8,
    signs: bool,
    photo: Option<u64>,
    kind: usize,
    round: Option<u64>,
    occupancy: Option<u64>,
}

fn office() -> impl Strategy<Value = u64> + Clone {
    prop_oneof![4 => Just(0), 3 => 1..4u64, 1 => 4..9u64]
}

fn visit() -> impl Strategy<Value = Visit> {
    let place = (0..5u64, 0..3i64, collection::vec(office(), 1..3), option::of(0..3u64));
    let found = (0..OUTCOMES.len(), 0..COMPANIES.len(), missing(), any::<bool>());
    let more = (option::of(0..3u64), 0..KINDS.len(), option::weighted(0.8, 0..2u64));
    (place, found, more).prop_map(|(place, found, more)| Visit {
        visit: place.0,
        revision: place.1,
        offices: place.2,
        occupancy: place.3,
        outcome: found.0,
        company: found.1,
        missing: found.2,
        signs: found.3,
        photo: more.0,
        kind: more.1,
        round: more.2,
    })
}

fn missing() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(0), 2 => (0..6u8).prop_map(|bit| 1 << bit), 1 => 0..64u8]
}

fn structure() -> impl Strategy<Value = Act> {
    let label = 0..LABELS.len();
    let children = collection::vec((0..9u64, label.clone()), 1..3);
    let hint = option::of((0..COMPANIES.len(), 0..9u64));
    prop_oneof![
        1 => (0..4u64, 1..3i64).prop_map(|(floor, place)| Act::Floor { floor, place }),
        1 => (0..3u64).prop_map(Act::ConfirmFloor),
        1 => (0..9u64, 0..3u64, label.clone(), any::<(bool, bool, bool)>()).prop_map(
            |(office, floor, label, (unnumbered, shared, initial))| Act::Office {
                office,
                floor,
                label,
                unnumbered: unnumbered && shared,
                shared,
                initial,
            }
        ),
        1 => (office(), children, hint)
            .prop_map(|(parent, children, hint)| Act::Split { parent, children, hint }),
        1 => (collection::vec(office(), 1..4), 0..9u64, label.clone())
            .prop_map(|(parents, child, label)| Act::Merge { parents, child, label }),
        1 => (office(), label, any::<bool>())
            .prop_map(|(office, label, desk)| Act::Rename { office, label, desk }),
        1 => (office(), any::<bool>(), any::<bool>())
            .prop_map(|(office, shared, shop)| Act::Reclassify { office, shared, shop }),
        3 => (0..2u64, 0..4u64, any::<bool>()).prop_map(|(a, b, same)| Act::Link { a, b, same }),
        1 => (0..3u64, office(), 0..COMPANIES.len(), any::<bool>()).prop_map(
            |(occupancy, office, company, physical)| Act::Occupancy {
                occupancy,
                office,
                company,
                physical,
            }
        ),
        1 => office().prop_map(Act::ConfirmOccupants),
        1 => (0..3usize).prop_map(Act::Withdraw),
        1 => (0..3u8).prop_map(Act::Register),
    ]
}

fn decision() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..5u64).prop_map(Act::Void),
        (0..5u64).prop_map(Act::AcceptLate),
        (0..3u64, any::<bool>()).prop_map(|(photo, right)| Act::Photo { photo, right }),
        (office(), option::of(0..2u64)).prop_map(|(office, round)| Act::Exclude { office, round }),
        Just(Act::RejectClaims),
        office().prop_map(Act::Remove),
        (0..2u64).prop_map(Act::Accept),
        (0..3usize).prop_map(Act::Other),
    ]
}

fn with_author(act: impl Strategy<Value = Act>) -> impl Strategy<Value = Action> {
    let seen = prop_oneof![Just(0), Just(u32::MAX), any::<u32>()];
    let at_ms = prop_oneof![8 => 0..8i64, 1 => 998..1002i64, 1 => Just(2500i64)];
    (0..3u64, at_ms, any::<u8>(), seen, act).prop_map(|(author, at_ms, salt, seen, act)| Action {
        author,
        at_ms,
        salt,
        seen,
        act,
    })
}

/// A visit that somebody makes.
pub(crate) fn visits() -> impl Strategy<Value = Action> {
    with_author(visit().prop_map(Act::Visit))
}

/// A history: a registered building with two floors and four rooms, and what happens in it.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Draft>> {
    let act = prop_oneof![
        4 => visit().prop_map(Act::Visit),
        2 => structure(),
        1 => decision(),
    ];
    collection::vec(with_author(act), 0..ACTIONS_MAX).prop_map(|actions| {
        let mut all = begin();
        all.extend(actions);
        drafts(&all)
    })
}

/// The same, with one fixed salt so that op ids follow the order of making.
fn begin() -> Vec<Action> {
    let mut acts = vec![Act::Register(0)];
    acts.extend([1, 2].map(|place| Act::Floor { floor: u64::from(place == 2), place }));
    for office in 0..4 {
        let (floor, label) = (office / 2, if office % 2 == 0 { 0 } else { 2 });
        let (unnumbered, shared) = (false, office == 3);
        acts.push(Act::Office { office, floor, label, unnumbered, shared, initial: office != 1 });
    }
    acts.into_iter().map(|act| Action { author: 0, at_ms: 0, salt: 100, seen: 0, act }).collect()
}

/// Makes ops of actions. The ids follow from place and salt alone.
pub(crate) fn drafts(actions: &[Action]) -> Vec<Draft> {
    let op = |place: usize| {
        let place_number = u64::try_from(place).expect("a short history");
        id("op", u64::from(actions[place].salt) << 32 | place_number)
    };
    let draft = |(place, action): (usize, &Action)| {
        let seen =
            (0..actions.len()).filter(|at| *at != place && action.seen >> (at % 32) & 1 == 1);
        let (kind, subject, body) = action.act.content();
        Draft {
            op: op(place),
            author: action.author,
            kind,
            subject,
            at_ms: action.at_ms,
            seen: seen.map(op).collect(),
            body,
        }
    };
    actions.iter().enumerate().map(draft).collect()
}

/// A further visit to a history, under an id that nothing in it names.
pub(crate) fn further_visit(action: &Action, number: u64) -> Draft {
    let mut draft = drafts(std::slice::from_ref(action)).remove(0);
    draft.op = id("further op", number);
    draft.subject = id("further visit", number);
    draft
}

impl Act {
    fn content(&self) -> (&'static str, Uuid, Value) {
        let office = |number: &u64| id("office", *number);
        let nowhere = id("nowhere", 0);
        match self {
            Self::Visit(visit) => ("visit", id("visit", visit.visit), visit.body()),
            Self::Void(visit) => ("visit_void", nowhere, json!({"visit_id": id("visit", *visit)})),
            Self::AcceptLate(visit) => {
                ("accept_late", nowhere, json!({"visit_id": id("visit", *visit)}))
            }
            Self::Photo { photo, right } => {
                let bytes = if *right { format!("photo {photo}") } else { "other".into() };
                let sha256 = Hash::of(bytes.as_bytes());
                (
                    "photo_verified",
                    nowhere,
                    json!({"photo_id": id("photo", *photo), "sha256": sha256}),
                )
            }
            Self::Exclude { office: room, round } => {
                let round = round.map(|round| id("round", round));
                let body = json!({"office_id": office(room), "round_id": round});
                ("exclusion_approve", nowhere, body)
            }
            Self::Remove(room) => {
                let body = json!({"office_id": office(room), "round_id": id("round", 0)});
                ("office_remove", office(room), body)
            }
            Self::RejectClaims => ("exclusion_reject", nowhere, json!({})),
            Self::Withdraw(kind) => {
                (["structure_reject", "office_restore", "visit_unvoid"][*kind], nowhere, json!({}))
            }
            Self::Accept(round) => {
                ("building_accept", nowhere, json!({"round_id": id("round", *round)}))
            }
            Self::Other(kind) => {
                (["note", "teleport", "heartbeat"][*kind], nowhere, json!({"x": 1}))
            }
            Self::Register(name) => ("building_add", nowhere, json!({"name": name})),
            _ => self.structure_content(),
        }
    }

    fn structure_content(&self) -> (&'static str, Uuid, Value) {
        let office = |number: &u64| id("office", *number);
        let floor = |number: &u64| id("floor", *number);
        let part = |(number, label): &(u64, usize)| {
            let kind = if *label == 5 { "unnumbered" } else { "office" };
            json!({"office_id": office(number), "label": LABELS[*label], "kind": kind})
        };
        let nowhere = id("nowhere", 0);
        match self {
            Self::Floor { floor: number, place } => {
                let body = json!({"floor_id": floor(number), "section_id": id("section", 1),
                    "label": format!("F{number}"), "sort_order_milli": place, "kind": "office"});
                ("floor_add", nowhere, body)
            }
            Self::ConfirmFloor(number) => {
                ("floor_confirm", nowhere, json!({"floor_id": floor(number)}))
            }
            Self::Office { office: number, floor: on, label, unnumbered, shared, initial } => {
                let body = json!({"office_id": office(number), "floor_id": floor(on),
                    "label": LABELS[*label],
                    "kind": if *unnumbered { "unnumbered" } else { "office" },
                    "sharing": if *shared { "shared" } else { "single" },
                    "origin": if *initial { "initial" } else { "on_site" }});
                ("office_add", office(number), body)
            }
            Self::Split { parent, children, hint } => {
                let hints: Vec<Value> = hint
                    .iter()
                    .map(|(met, child)| json!({"company": company(*met), "child": office(child)}))
                    .collect();
                let children: Vec<Value> = children.iter().map(part).collect();
                let body = json!({"parent": office(parent), "children": children, "hints": hints});
                ("office_split", office(parent), body)
            }
            Self::Merge { parents, child, label } => {
                let parents: Vec<Uuid> = parents.iter().map(office).collect();
                let body = json!({"parents": parents, "child": part(&(*child, *label))});
                ("office_merge", office(child), body)
            }
            Self::Rename { office: number, label, desk } => {
                let source = if *desk { "desk_verified" } else { "signage" };
                let body =
                    json!({"office_id": office(number), "label": LABELS[*label], "source": source});
                ("office_rename", office(number), body)
            }
            Self::Reclassify { office: number, shared, shop } => {
                let body = json!({"office_id": office(number),
                    "sharing": if *shared { "shared" } else { "single" },
                    "kind": if *shop { "shop" } else { "office" }});
                ("office_reclassify", office(number), body)
            }
            Self::Link { a, b, same } => {
                let kind = if *same { "same_as" } else { "not_same_as" };
                (kind, office(a), json!({"a": office(a), "b": office(b)}))
            }
            Self::Occupancy { occupancy, office: number, company: met, physical } => {
                let body = json!({"occupancy_id": id("occupancy", *occupancy),
                    "office_id": office(number), "company": company(*met),
                    "kind": if *physical { "physical" } else { "registered_only" }});
                ("occupancy_add", office(number), body)
            }
            Self::ConfirmOccupants(number) => {
                ("occupants_confirm", office(number), json!({"office_id": office(number)}))
            }
            _ => ("note", nowhere, json!({})),
        }
    }
}

fn company(company: usize) -> Value {
    let (name, uscc) = COMPANIES[company];
    json!({"name": name, "uscc": uscc})
}

impl Visit {
    fn body(&self) -> Value {
        let (name, uscc) = COMPANIES[self.company];
        let has = |bit: u8| self.missing >> bit & 1 == 0;
        let photos: Vec<Value> = self
            .photo
            .iter()
            .map(|photo| {
                let sha256 = Hash::of(format!("photo {photo}").as_bytes());
                let kind = if OUTCOMES[self.outcome].starts_with('i') {
                    "licence_front"
                } else {
                    "interior"
                };
                json!({"photo_id": id("photo", *photo), "kind": kind, "sha256": sha256})
            })
            .collect();
        let status = match self.photo {
            Some(_) => "licensed_displayed",
            None if self.signs => "unlicensed",
            None => "exempt",
        };
        json!({
            "revision": self.revision,
            "round_id": self.round.map(|round| id("round", round)),
            "office_ids": self.offices.iter().map(|office| id("office", *office)).collect::<Vec<_>>(),
            "occupancy_id": self.occupancy.map(|occupancy| id("occupancy", occupancy)),
            "kind": KINDS[self.kind],
            "outcome": OUTCOMES[self.outcome],
            "members_present": [{"function": if self.signs { "police" } else { "property" }}],
            "occupied_signs": if self.signs { json!(["voices_inside"]) } else { json!([]) },
            "company": {"name": name, "uscc": uscc, "actual_business": has(0).then_some("设计")},
            "three_ask": {
                "q2_people": {"responsible": {"name": "秦演示", "phone": "17490000011"},
                    "headcount_claimed": if has(1) { json!(3) } else { json!(-3) }, "headcount_present": 2},
                "q3_history": {"started_at_site_on": "2024-03-01", "note": has(2).then_some("迁入")}},
            "id_check": {"checked_count": i32::from(has(3)), "basis": "police_statutory"},
            "licence_check": {"status": has(4).then_some(status)},
            "ledger_check": {"result": if has(5) { "normal" } else { "refused" }},
            "photos": photos,
            "notice_given": true,
            "missing": ["c3_ledger"],
        })
    }
}

/// Keys that shuffle a history, and the sizes of its batches.
pub(crate) fn deliveries() -> impl Strategy<Value = (Vec<u32>, Vec<usize>)> {
    let keys = collection::vec(any::<u32>(), ACTIONS_MAX * 3);
    let batches = collection::vec(sample::select(vec![1usize, 1, 2, 3, 8, 40]), ACTIONS_MAX * 3);
    (keys, batches)
}
