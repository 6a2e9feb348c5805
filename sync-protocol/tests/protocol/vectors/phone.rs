//! Scripts of what happens to a phone, and the requests and the state that must follow.

use super::{PHONE, cases, list};
use crate::world::object;
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::{Digest, Sums, term};
use saolou_protocol::evidence::enrolment::Invitation;
use saolou_protocol::evidence::note::Verifier;
use saolou_protocol::held::Held;
use saolou_protocol::ids::{BootId, BuildingId, DeviceId, GroupId, OpId, PhotoId, UserId};
use saolou_protocol::phone::evidence::Taken;
use saolou_protocol::phone::release::NewDevice;
use saolou_protocol::phone::reply::Response;
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::retry::Stopped;
use saolou_protocol::phone::{LIMITS, NotCaptured, Phone};
use saolou_protocol::time::ClockReading;
use saolou_protocol::wire::{
    BucketSums, Leave, Limits, Page, Review, Rows, RowsAsked, Served, SyncReply,
};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A number of the script as an id.
fn uuid(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x4000, 0x8000_0000_0000_0000 | number)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a number: {value}"))
}

fn numbers(value: &Value, name: &str) -> Vec<u64> {
    list(value, name).iter().map(number).collect()
}

fn back(id: Uuid) -> u64 {
    id.as_u64_pair().1 & !0x8000_0000_0000_0000
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}"))
}

/// `[bucket, id, body]`
fn served(row: &Value) -> Served {
    Served {
        bucket: BuildingId(uuid(number(&row[0]))),
        seq: 1,
        kind: "office".into(),
        id: uuid(number(&row[1])),
        body: RawValue::from_string(text(&row[2]).to_owned()).expect("JSON"),
    }
}

fn hash(row: &Served) -> Hash {
    Hash::of(row.body.get().as_bytes())
}

fn digest(rows: &[Value]) -> Digest {
    let mut digest = Digest::default();
    rows.iter().map(served).for_each(|row| digest.add_row(&term("office", row.id, hash(&row))));
    digest
}

fn sums(bucket: u64, rows: &[Value]) -> BucketSums {
    let rows: Vec<Served> = rows.iter().map(served).collect();
    let sums = Sums::of(rows.iter().map(|row| ("office", row.id, hash(row))));
    BucketSums { bucket: BuildingId(uuid(bucket)), sums }
}

struct Script {
    phone: Phone,
    requests: BTreeMap<String, Asked>,
    rows_asked: Vec<RowsAsked>,
    limits: Limits,
    mono_ms: i64,
}

impl Script {
    fn new(limits: &Value) -> Self {
        let most = |name: &str, most: usize| {
            limits[name].as_u64().map_or(most, |n| usize::try_from(n).expect("small"))
        };
        let limits = Limits {
            ops_max: most("ops_max", LIMITS.ops_max),
            op_bytes_max: most("op_bytes_max", LIMITS.op_bytes_max),
            keep_ms: limits["keep_ms"].as_i64().unwrap_or(1_000),
            ..LIMITS
        };
        let phone = Phone::new(UserId(uuid(1)), DeviceId(uuid(1)));
        Self { phone, requests: BTreeMap::new(), rows_asked: Vec::new(), limits, mono_ms: 0 }
    }

    fn clock(&mut self) -> ClockReading {
        self.mono_ms += 1;
        let boot_id = Some(BootId(uuid(1)));
        let mono_ms = Some(self.mono_ms);
        ClockReading { wall_ms: 0, mono_ms, boot_id, boot_offsets_ms: BTreeMap::new() }
    }

    fn run(&mut self, event: &Value) {
        let (kind, what) = object(event).into_iter().next().expect("an event");
        match kind.as_str() {
            "capture" => self.capture(&what),
            "request" => self.request(&what),
            "reply" => self.reply(&what),
            "fails" => self.fails(&what),
            "restart" => self.phone.restart(),
            "reincarnate" => self.phone.reincarnate(DeviceId(uuid(number(&what)))),
            "take_refused" => {
                assert!(self.phone.take_refused(OpId(uuid(number(&what)))).is_some());
            }
            "enrol" => self.enrol(&what),
            "photo" => self.photo(&what),
            "receipt" => {
                let photo = self.phone.photo_received(text(&what["text"]));
                assert_eq!(json!(photo.map(|photo| back(photo.0))), what["is"], "{what}");
            }
            "state" => self.state(&what),
            other => panic!("no such event: {other}"),
        }
    }

    fn capture(&mut self, what: &Value) {
        let group = what["group"].as_u64().map(|group| GroupId(uuid(group)));
        let ops = numbers(what, "ops");
        let content = |op: &u64| {
            object(&json!({
                "op_id": uuid(*op), "group": group, "group_len": group.map(|_| ops.len()),
                "kind": "note", "schema": "note/1", "bucket": uuid(number(&what["bucket"])),
                "subject": {"type": "office", "id": uuid(1)}, "captured": {"wall_ms": 0},
                "seen": [], "body": {"text": "x".repeat(what["bytes"].as_u64().unwrap_or(1) as usize)},
            }))
        };
        let room = what["room_bytes"].as_u64().map_or(usize::MAX, |bytes| bytes as usize);
        let captured = self.phone.capture_group(ops.iter().map(content).collect(), room);
        match (captured, what.get("n")) {
            (Ok(ops), _) => {
                let n: Vec<u64> = ops.iter().map(|op| op.n).collect();
                assert_eq!(json!(n), what["n"]);
            }
            (Err(why), None) => assert_eq!(why, NotCaptured::StorageFull),
            (Err(why), Some(_)) => panic!("{why:?}"),
        }
    }

    fn enrol(&mut self, what: &Value) {
        let invitation = Invitation::parse(text(&what["invitation"])).expect("an invitation");
        let key = Verifier::parse(text(&what["key"])).expect("a key");
        assert_eq!(json!(self.phone.enrol(&invitation, key)), what["is"], "{what}");
    }

    fn photo(&mut self, what: &Value) {
        let hash = |name: &str| what[name].as_str().and_then(Hash::parse);
        let sha256 = hash("sha256").expect("a hash");
        let taken = Taken { sha256, bytes: number(&what["bytes"]), manifest: hash("manifest") };
        self.phone.photo_taken(PhotoId(uuid(number(&what["id"]))), taken);
    }

    fn request(&mut self, what: &Value) {
        let clock = self.clock();
        let (request, asked) = self.phone.request(&clock);
        let ids = |ids: &[OpId]| ids.iter().map(|op| back(op.0)).collect::<Vec<_>>();
        let pull = request.pull.clone().unwrap_or_default();
        let found = json!({
            "device": back(request.device.0),
            "ops": ids(&asked.ops),
            "ask": ids(&request.ask),
            "cursor": pull.cursor,
            "left": pull.left.iter().map(|bucket| back(bucket.0)).collect::<Vec<_>>(),
            "digests": pull.digests.keys().map(|bucket| back(bucket.0)).collect::<Vec<_>>(),
            "rows": pull.rows.iter().map(|rows| back(rows.bucket.0)).collect::<Vec<_>>(),
            "checkpoint": request.checkpoint,
            "photos": request.pending.map(|pending| pending.photos),
        });
        for (name, value) in what["is"].as_object().into_iter().flatten() {
            assert_eq!(found[name], *value, "{name} of {what}");
        }
        self.rows_asked = pull.rows;
        self.requests.insert(text(&what["name"]).to_owned(), asked);
    }

    fn reply(&mut self, what: &Value) {
        let asked = self.requests[text(&what["to"])].clone();
        let held = &what["held"];
        let holes = list(held, "holes").iter().map(|run| (number(&run[0]), number(&run[1])));
        let answer = |(op, answer): (&OpId, &Value)| {
            let mut answer = object(answer);
            answer.insert("op_id".into(), json!(op));
            to_raw_value(&answer).expect("JSON")
        };
        let review = |review: &Value| Review {
            op_id: OpId(uuid(number(&review[0]))),
            state: text(&review[1]).to_owned(),
            reason: None,
        };
        let reply = SyncReply {
            server_now_ms: what["now"].as_i64().unwrap_or(0),
            epoch: uuid(what["epoch"].as_u64().unwrap_or(1)),
            results: asked.ops.iter().zip(list(what, "results")).map(answer).collect(),
            duplicates: Vec::new(),
            held: Held {
                device: asked.device,
                through: held["through"].as_u64().unwrap_or(0),
                holes: holes.collect(),
                durable_through: held["durable"].as_u64().unwrap_or(0),
            },
            reviews: list(what, "reviews").iter().map(review).collect(),
            checkpoint: what["checkpoint"].as_str().map(str::to_owned),
            backoff_ms: None,
            limits: self.limits,
            pull: what.get("page").map(|page| self.page(page)),
        };
        let body = serde_json::to_vec(&reply).expect("a reply is writable");
        let content_type = Some("application/json");
        let response = Response { status: 200, content_type, body: &body, ..Response::default() };
        let clock = self.clock();
        let steps = self.phone.receive(asked, &clock, &response).expect("a reply");
        let until = what["killed_before"].as_str();
        for step in steps {
            if until == Some(step.name()) {
                self.phone.restart();
                return;
            }
            self.phone.apply(step);
        }
        assert_eq!(until, None, "there is no such step");
    }

    fn page(&self, page: &Value) -> Page {
        let leave = |bucket: u64| Leave {
            bucket: BuildingId(uuid(bucket)),
            reason: "reassigned".into(),
            purge_by_ms: 0,
        };
        let repair = page["sums_of"].as_array().map(|rows| sums(1, rows));
        let rows = page["rows_of"].as_array().map(|rows| Rows {
            bucket: BuildingId(uuid(1)),
            first_bytes: self.rows_asked[0].first_bytes.clone(),
            entities: rows.iter().map(served).collect(),
        });
        Page {
            cursor: text(&page["cursor"]).to_owned(),
            more: page["more"].as_bool().unwrap_or(false),
            entities: list(page, "entities").iter().map(served).collect(),
            leave: numbers(page, "leave").into_iter().map(leave).collect(),
            digest: page["digest_of"].as_array().map(|rows| digest(rows)),
            repair: repair.into_iter().collect(),
            rows: rows.into_iter().collect(),
        }
    }

    fn fails(&mut self, what: &Value) {
        let asked = self.requests[text(&what["to"])].clone();
        let before = self.phone.stored().outbox().clone();
        let response = Response {
            status: u16::try_from(number(&what["status"])).expect("a status"),
            content_type: what["content_type"].as_str(),
            sync_version: what["sync_version"].as_str(),
            retry_after: what["retry_after"].as_str(),
            body: what["body"].as_str().unwrap_or("{}").as_bytes(),
        };
        let clock = self.clock();
        self.phone.receive(asked, &clock, &response).expect_err("it fails");
        let ids = |outbox: &saolou_protocol::phone::outbox::Outbox| -> Vec<OpId> {
            outbox.iter().map(|kept| kept.op_id).collect()
        };
        assert_eq!(ids(&before), ids(self.phone.stored().outbox()), "nothing is lost");
        let stopped = self.phone.stopped().map(Stopped::code);
        assert_eq!(json!(stopped), what["stopped"], "{what}");
        let least_ms = self.phone.next_try_after(0);
        assert_eq!(json!(least_ms), what["not_before_ms"], "{what}");
    }

    fn state(&self, what: &Value) {
        let (stored, counted) = (self.phone.stored(), self.phone.numbers());
        let shown = |bucket: u64| {
            let screen = self.phone.screen(BuildingId(uuid(bucket)))?;
            let rows = screen.rows.iter().map(|((_, id), body)| json!([back(*id), body.text()]));
            let pending = screen.pending.iter().map(|kept| back(kept.op_id.0));
            Some(json!({"rows": rows.collect::<Vec<_>>(), "pending": pending.collect::<Vec<_>>()}))
        };
        let outbox: Vec<u64> = stored.outbox().iter().map(|kept| back(kept.op_id.0)).collect();
        let found = json!({
            "numbers": [counted.waiting, counted.in_review, counted.refused],
            "outbox": outbox,
            "new_device": self.phone.needs_new_device().map(NewDevice::code),
            "bucket_1": shown(1),
            "bucket_2": shown(2),
            "cursor": stored.cursor(),
            "epoch": stored.epoch().map(back),
            "has_rows_of": stored.replica().buckets().map(|(id, _)| back(id.0)).collect::<Vec<_>>(),
            "leaving": stored.leaving().iter().map(|(id, _)| back(id.0)).collect::<Vec<_>>(),
            "mismatches": self.phone.mismatches().found,
            "rows_repaired": self.phone.mismatches().rows,
        });
        for (name, value) in what.as_object().into_iter().flatten() {
            assert_eq!(found[name], *value, "{name} of {what}");
        }
    }
}

fn follow(case: &Value) {
    let mut script = Script::new(&case["limits"]);
    if case.get("limits").is_some() {
        script.run(&json!({"request": {"name": "limits"}}));
        script.run(&json!({"reply": {"to": "limits"}}));
    }
    for (place, event) in list(case, "events").iter().enumerate() {
        let run = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| script.run(event)));
        assert!(run.is_ok(), "{} event {place}: {event}", case["id"]);
    }
}

#[test]
fn every_script_leads_to_the_requests_and_the_state_of_the_vectors() {
    let failed = |case: &Value| std::panic::catch_unwind(|| follow(case)).is_err();
    let failed: Vec<Value> = cases(PHONE, "scripts").into_iter().filter(failed).collect();
    assert!(failed.is_empty(), "{} scripts fail", failed.len());
}
