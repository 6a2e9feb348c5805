//! Order: whatever way the same ops take, split, repeated, shuffled, and whichever database they end
//! in, every phone ends up with the same entities.

use crate::actors::op;
use crate::replica::{Entities, Replica};
use crate::world::{Database, MONDAY_MS, World, id};
use serde_json::{Value, json};

/// How many ways the history is delivered, on each database.
const WAYS: u64 = 6;

/// An op with the one who made it, who alone can send it.
struct Made {
    author: &'static str,
    op: String,
}

/// The history of one building, op by op in the order in which people acted.
#[derive(Default)]
struct History(Vec<Made>);

impl History {
    fn add(&mut self, author: &'static str, name: &str, kind: &str, seen: &[&str], body: Value) {
        let n = i64::try_from(self.0.len()).expect("few ops") + 1;
        let at_ms = MONDAY_MS - 4 * 3600 * 1000 + n * 60 * 1000;
        let subject = id(body["visit"].as_str().unwrap_or(name));
        let op = op(author, n, kind, subject, body, |op| {
            op["op_id"] = json!(id(&format!("op {name}")));
            op["bucket"] = json!(id("tower"));
            op["seen"] = seen.iter().map(|name| json!(id(&format!("op {name}")))).collect();
            op["captured"] = json!({
                "wall_ms": at_ms, "utc_offset_min": 480,
                "anchor": { "server_ms": at_ms, "elapsed_ms": 0 },
            });
        });
        self.0.push(Made { author, op });
    }

    fn floor(&mut self, name: &str, place: i64, kind: &str) {
        self.add("qian", name, "floor_add", &[], json!({
            "floor_id": id(name), "section_id": id("tower section"), "label": format!("{place}F"),
            "sort_order_milli": place * 1000, "kind": kind,
        }));
    }

    fn room(&mut self, author: &'static str, name: &str, floor: &str, label: &str, sharing: &str) {
        self.add(
            author,
            name,
            "office_add",
            &[],
            json!({
                "floor_id": id(floor), "office_id": id(name), "label": label, "sharing": sharing,
            }),
        );
    }

    fn visit(
        &mut self,
        author: &'static str,
        name: &str,
        visit: &str,
        revision: i64,
        room: &str,
        outcome: &str,
    ) {
        self.add(
            author,
            name,
            "visit",
            &[],
            json!({
                "visit": visit, "revision": revision, "round_id": id("round"), "kind": "initial",
                "office_ids": [id(room)], "outcome": outcome,
                "company": { "name": "青柠设计", "actual_business": "设计" },
            }),
        );
    }

    fn split(
        &mut self,
        author: &'static str,
        name: &str,
        parent: &str,
        children: [(&str, &str); 2],
    ) {
        let children =
            children.map(|(name, label)| json!({ "office_id": id(name), "label": label }));
        self.add(
            author,
            name,
            "office_split",
            &[],
            json!({ "parent": id(parent), "children": children }),
        );
    }
}

/// Everything that can meet does: rooms added twice, a split and a split of a part, two splits of one
/// room, a merge, two names for one room, revisions, voids, claims, decisions that saw too little.
fn history() -> Vec<Made> {
    let mut day = History::default();
    register(&mut day);
    canvass(&mut day);
    rename(&mut day);
    decide(&mut day);
    day.0
}

fn register(h: &mut History) {
    let section = json!({ "section_id": id("tower section"), "name": "A座" });
    h.add("qian", "section", "section_add", &[], section);
    h.floor("f1", 1, "retail");
    h.floor("f2", 2, "office");
    h.floor("f2 again", 2, "office");
    for room in 1..=5 {
        h.room("qian", &format!("r{room}"), "f2", &format!("20{room}"), "single");
    }
    h.room("qian", "shared", "f1", "101", "shared");
    h.room("wang", "new by wang", "f2", "206", "single");
    h.room("lin", "new by lin", "f2 again", "206", "single");
}

fn canvass(h: &mut History) {
    h.visit("wang", "v1", "v1", 1, "r1", "locked");
    h.visit("lin", "v2", "v2", 1, "r1", "inspected");
    h.visit("wang", "v1 mended", "v1", 2, "r1", "locked_deliberate");
    h.visit("wang", "v1 forked", "v1", 2, "r1", "refused_entry");
    h.visit("lin", "v3", "v3", 1, "new by lin", "vacant");
    h.visit("wang", "v4", "v4", 1, "new by wang", "locked");
    h.split("wang", "split", "r2", [("r2a", "202A"), ("r2b", "202B")]);
    h.split("lin", "split again", "r2", [("r2x", "202-1"), ("r2y", "202-2")]);
    h.split("wang", "split of a part", "r2a", [("r2aa", "202A1"), ("r2ab", "202A2")]);
    h.visit("lin", "v5", "v5", 1, "r2", "locked");
    h.visit("wang", "v6", "v6", 1, "r2b", "locked");
    let child = json!({ "office_id": id("r34"), "label": "203-204" });
    let merged = json!({ "parents": [id("r3"), id("r4")], "child": child });
    h.add("lin", "merge", "office_merge", &[], merged);
    h.visit("wang", "v7", "v7", 1, "r3", "refused_entry");
    h.visit("wang", "v8", "v8", 1, "shared", "inspected");
    h.visit("lin", "v9", "v9", 1, "r5", "not_in_scope");
}

fn rename(h: &mut History) {
    let name = |label: &str| json!({ "office_id": id("r5"), "label": label });
    h.add("wang", "rename", "office_rename", &[], name("205甲"));
    h.add("lin", "rename too", "office_rename", &[], name("205乙"));
    h.add("qian", "rename last", "office_rename", &["rename"], name("205丙"));
    let stay = |stay: &str, company: &str| {
        let company = json!({ "name": company });
        json!({ "occupancy_id": id(stay), "office_id": id("shared"), "company": company })
    };
    h.add("wang", "stay 1", "occupancy_add", &[], stay("stay 1", "青柠设计"));
    h.add("wang", "stay 2", "occupancy_add", &[], stay("stay 2", "海棠商贸"));
    h.add("wang", "stays", "occupants_confirm", &["stay 1"], json!({ "office_id": id("shared") }));
}

fn decide(h: &mut History) {
    let excluded = json!({ "office_id": id("r5"), "round_id": id("round") });
    h.add("qian", "excluded", "exclusion_approve", &["v9"], excluded);
    h.visit("wang", "v10", "v10", 1, "r5", "locked");
    h.add("qian", "void", "visit_void", &["v4"], json!({ "visit_id": id("v4") }));
    h.add("qian", "void too early", "visit_void", &[], json!({ "visit_id": id("v6") }));
    h.add("qian", "apart", "not_same_as", &[], json!({ "a": id("r1"), "b": id("r5") }));
    h.add("wang", "f1 confirmed", "floor_confirm", &["shared"], json!({ "floor_id": id("f1") }));
    h.add("lin", "f2 confirmed", "floor_confirm", &["r1", "r2"], json!({ "floor_id": id("f2") }));
    let gone = json!({ "office_id": id("r34"), "round_id": id("round") });
    h.add("lin", "gone", "office_remove", &[], gone);
    h.add("wang", "note", "note", &[], json!({ "text": "电梯检修" }));
    h.add("wang", "later kind", "hologram", &[], json!({}));
}

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).expect("small")).expect("below a usize")
    }
}

/// Delivers the history in one of the ways; what the supervisor's phone then has of the building.
async fn deliver(world: &World, history: &[Made], way: u64) -> Entities {
    let qian = world.actor("qian").await;
    let actors = [
        ("wang", world.actor("wang").await),
        ("lin", world.actor("lin").await),
        ("qian", world.actor("qian").await),
    ];
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (way + 1));
    let mut places: Vec<usize> = (0..history.len()).collect();
    if way > 0 {
        // Some come twice; the first way alone is in order and without repetitions.
        places.extend((0..history.len()).filter(|_| dice.below(4) == 0).collect::<Vec<_>>());
        for end in (2..=places.len()).rev() {
            places.swap(end - 1, dice.below(end));
        }
    }
    let register = async || {
        let body = json!({ "unit_id": id("community"), "code": "T1", "name": "观澜中心" });
        qian.put(&format!("/api/v1/buildings/{}", id("tower")), body).await;
    };
    if way.is_multiple_of(2) {
        register().await;
    }
    let mut rest = places.as_slice();
    while !rest.is_empty() {
        let (batch, later) = rest.split_at((1 + dice.below(9)).min(rest.len()));
        rest = later;
        for (author, actor) in &actors {
            let made = batch.iter().map(|place| &history[*place]);
            let ops: Vec<String> =
                made.filter(|made| made.author == *author).map(|made| made.op.clone()).collect();
            let reply = actor.sync(&ops).await;
            for answer in reply["results"].as_array().expect("answers") {
                let status = answer["status"].as_str().expect("a status");
                assert!(!["refused", "quarantined", "retry"].contains(&status), "{answer}");
            }
        }
    }
    if !way.is_multiple_of(2) {
        register().await;
    }
    let mut entities = Replica::download(&qian).await.entities;
    let tower = id("tower").to_string();
    entities.retain(|(bucket, _, _), _| *bucket == tower);
    entities
}

#[test]
fn the_same_ops_end_in_the_same_entities_in_whatever_order_they_come_on_either_database() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let history = history();
        assert!(history.len() >= 40, "{} ops", history.len());
        let mut expected: Option<Entities> = None;
        for database in [Database::Sqlite, Database::Postgres] {
            for way in 0..WAYS {
                let Some(world) = World::new(database).await else { continue };
                let entities = deliver(&world, &history, way).await;
                let expected = expected.get_or_insert_with(|| entities.clone());
                for kind in ["building", "floor", "office"] {
                    assert!(expected.keys().any(|(_, is, _)| is == kind), "there is no {kind}");
                }
                let disagree = |body: &Value| body["conflicts"].as_array().is_some();
                assert!(expected.values().any(disagree), "nothing is disputed");
                for (key, body) in &*expected {
                    assert_eq!(entities.get(key), Some(body), "{key:?} on {database:?}, way {way}");
                }
                assert_eq!(entities.len(), expected.len(), "on {database:?}, way {way}");
            }
        }
    });
}
