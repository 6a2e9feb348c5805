//! Histories over a small universe: few rooms, colliding labels, three authors, two rounds, so that
//! everything that can meet does meet.

mod content;

use crate::world::{Draft, id};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, option, sample};

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
    Reassign { visit: u64, office: u64, instead_of: Option<u64> },
    Photo { photo: u64, right: bool },
    Read { photo: u64, long_side_px: i64, reader: i64 },
    Alike { a: u64, b: u64, bits: Option<i64>, next_door: bool },
    Look { visit: u64, author: u64, photo: u64 },
    Waive(u64),
    Card(u64),
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
        (0..5u64, office(), option::of(office())).prop_map(|(visit, office, instead_of)| {
            Act::Reassign { visit, office, instead_of }
        }),
        (0..3u64, any::<bool>()).prop_map(|(photo, right)| Act::Photo { photo, right }),
        photo_told(),
        photo_told(),
        (office(), option::of(0..2u64)).prop_map(|(office, round)| Act::Exclude { office, round }),
        Just(Act::RejectClaims),
        office().prop_map(Act::Remove),
        (0..2u64).prop_map(Act::Accept),
        (0..3usize).prop_map(Act::Other),
    ]
}

fn photo_told() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..3u64, sample::select(vec![100, 4000]), 0..3i64)
            .prop_map(|(photo, long_side_px, reader)| Act::Read { photo, long_side_px, reader }),
        (0..3u64, 0..3u64, option::of(0..9i64), any::<bool>())
            .prop_map(|(a, b, bits, next_door)| Act::Alike { a, b, bits, next_door }),
        (0..5u64, 0..3u64, 0..3u64).prop_map(|(visit, author, photo)| Act::Look {
            visit,
            author,
            photo
        }),
        (0..3u64).prop_map(Act::Waive),
        (0..3u64).prop_map(Act::Card),
    ]
}

fn with_author(act: impl Strategy<Value = Act>) -> impl Strategy<Value = Action> {
    let seen = prop_oneof![Just(0), Just(u32::MAX), any::<u32>()];
    let at_ms =
        prop_oneof![8 => 0..8i64, 1 => 998..1002i64, 1 => Just(2500i64), 1 => Just(600_500i64)];
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
        2 => decision(),
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
            // An approval of one's own claim counts for nothing: most come from somebody else.
            author: if kind == "exclusion_approve" && action.salt % 4 > 0 {
                3
            } else {
                action.author
            },
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

/// Keys that shuffle a history, and the sizes of its batches.
pub(crate) fn deliveries() -> impl Strategy<Value = (Vec<u32>, Vec<usize>)> {
    let keys = collection::vec(any::<u32>(), ACTIONS_MAX * 3);
    let batches = collection::vec(sample::select(vec![1usize, 1, 2, 3, 8, 40]), ACTIONS_MAX * 3);
    (keys, batches)
}
