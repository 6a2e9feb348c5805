//! Rules of a phone that need many ops, or bytes, to show.

use super::{SERVED, bucket};
use crate::world::{id, object};
use saolou_protocol::held::Held;
use saolou_protocol::ids::{BootId, DeviceId, OpId, UserId};
use saolou_protocol::phone::handset::Handset;
use saolou_protocol::phone::reply::{Response, Step};
use saolou_protocol::phone::request::Asked;
use saolou_protocol::phone::{NotCaptured, Phone};
use saolou_protocol::time::ClockReading;
use saolou_protocol::wire::{ASK_MAX, Limits, Review, SyncReply};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn clock(mono_ms: i64) -> ClockReading {
    let boot_id = Some(BootId(id("boot", 1)));
    ClockReading { wall_ms: 0, mono_ms: Some(mono_ms), boot_id, boot_offsets_ms: BTreeMap::new() }
}

fn content(op: u64, text: &str) -> Map<String, Value> {
    object(&json!({
        "op_id": id("op", op), "kind": "note", "schema": "note/1", "bucket": bucket(1),
        "subject": {"type": "office", "id": id("office", 1)}, "seen": [], "body": {"text": text},
        "captured": {"wall_ms": 0, "mono_ms": 5_000, "boot_id": id("boot", 1)},
    }))
}

fn phone() -> Phone {
    Phone::new(UserId(id("user", 1)), DeviceId(id("device", 1)))
}

fn filled(ops: u64, bytes: usize) -> Phone {
    let mut phone = phone();
    for op in 0..ops {
        phone.capture(content(op, &"x".repeat(bytes)), usize::MAX).expect("there is room");
    }
    phone
}

/// Answers all that was sent alike; says of all that was asked about what `review` says.
fn reply(phone: &mut Phone, asked: Asked, status: &str, limits: Limits, review: &str) {
    let steps = steps(phone, asked, status, limits, (review, 1));
    steps.into_iter().for_each(|step| assert!(phone.apply(step)));
}

fn steps(
    phone: &mut Phone,
    asked: Asked,
    status: &str,
    limits: Limits,
    (review, epoch): (&str, u64),
) -> Vec<Step> {
    let answer = to_raw_value(&json!({"status": status})).expect("JSON");
    let results: Vec<Box<RawValue>> = asked.ops.iter().map(|_| answer.clone()).collect();
    let review = |op: &OpId| Review { op_id: *op, state: review.into(), reason: None };
    let reviews = asked.ask.iter().map(review).collect();
    let through = phone.stored().minted();
    let held = Held { device: asked.device, through, holes: Vec::new(), durable_through: through };
    let reply = SyncReply {
        server_now_ms: 1_000_000,
        epoch: id("epoch", epoch),
        results,
        duplicates: Vec::new(),
        held,
        reviews,
        checkpoint: None,
        backoff_ms: None,
        limits,
        pull: None,
    };
    let body = serde_json::to_vec(&reply).expect("a reply is writable");
    let response = Response { status: 200, body: &body, ..Response::default() };
    phone.receive(asked, &clock(100), &response).expect("a reply")
}

fn sync(phone: &mut Phone, status: &str, limits: Limits, review: &str) -> Asked {
    let (_, asked) = phone.request(&clock(90));
    reply(phone, asked.clone(), status, limits, review);
    asked
}

#[test]
fn no_request_is_larger_than_the_served_body() {
    let mut phone = filled(40, 900);
    let limits = Limits { body_bytes_max: 6_000, ops_max: 100, ..SERVED };
    sync(&mut phone, "retry", limits, "");
    let mut sent = BTreeSet::new();
    while phone.numbers().waiting > 0 {
        let (request, asked) = phone.request(&clock(90));
        let bytes = serde_json::to_vec(&request).expect("a request is writable").len();
        assert!(bytes <= 6_000 && asked.ops.len() >= 3, "{bytes} bytes, {} ops", asked.ops.len());
        sent.extend(asked.ops.iter().copied());
        reply(&mut phone, asked, "applied", limits, "");
    }
    assert_eq!(sent.len(), 40);
}

#[test]
fn what_is_asked_for_never_crowds_out_what_is_to_be_pushed() {
    let mut phone = filled(200, 10);
    sync(&mut phone, "parked", Limits { ops_max: 200, ..SERVED }, "");
    phone.capture(content(999, &"x".repeat(1_500)), usize::MAX).expect("there is room");
    sync(&mut phone, "applied", Limits { body_bytes_max: 5_000, ..SERVED }, "parked");
    phone.capture(content(1_000, &"x".repeat(1_500)), usize::MAX).expect("there is room");
    let (request, asked) = phone.request(&clock(90));
    assert_eq!((asked.ops.as_slice(), request.ask.len()), (&[OpId(id("op", 1_000))][..], 0));
    assert!(serde_json::to_vec(&request).expect("a request is writable").len() <= 5_000);
}

#[test]
fn all_that_is_in_review_is_asked_about_in_turn() {
    let mut phone = filled(500, 1);
    let limits = Limits { ops_max: 1_000, ..SERVED };
    for _ in 0..3 {
        sync(&mut phone, "quarantined", limits, "quarantined");
    }
    let mut asked = Vec::new();
    for _ in 0..3 {
        let ask = sync(&mut phone, "", limits, "quarantined").ask;
        assert_eq!(ask.len(), ASK_MAX);
        asked.extend(ask);
    }
    assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 500);
}

#[test]
fn a_server_that_puts_everything_off_is_not_asked_again_at_once() {
    let mut phone = filled(3, 1);
    assert_eq!(phone.next_try_after(999), Some(0));
    sync(&mut phone, "retry", SERVED, "");
    assert_eq!(phone.next_try_after(999), Some(999));
    sync(&mut phone, "applied", SERVED, "");
    phone.capture(content(9, ""), usize::MAX).expect("there is room");
    assert_eq!(phone.next_try_after(999), Some(0));
}

#[test]
fn a_capture_after_the_first_reply_of_a_boot_carries_the_servers_time() {
    let mut phone = phone();
    let first = phone.capture(content(1, ""), usize::MAX).expect("there is room");
    assert_eq!(first.captured.anchor, None);
    sync(&mut phone, "applied", SERVED, "");
    let anchor = phone.capture(content(2, ""), usize::MAX).expect("there is room").captured.anchor;
    let anchor = anchor.expect("the server was heard");
    assert_eq!((anchor.server_ms, anchor.elapsed_ms), (1_000_000, 4_900));
}

#[test]
fn an_op_beyond_every_limit_is_not_called_saved_and_takes_no_counter() {
    let mut phone = phone();
    let refused = phone.capture(content(1, &"x".repeat(300_000)), usize::MAX);
    assert!(matches!(refused, Err(NotCaptured::Refused(why)) if why.code == "too_large"));
    assert!(phone.capture(content(1, ""), 10).is_err());
    assert_eq!(phone.capture(content(1, ""), usize::MAX).expect("there is room").n, 1);
    let twice = phone.capture(content(1, ""), usize::MAX);
    assert_eq!(twice, Err(NotCaptured::Known(OpId(id("op", 1)))));
}

#[test]
fn two_shifts_share_a_handset_and_neither_sends_what_is_the_others() {
    let users = [1, 2].map(|user| UserId(id("user", user)));
    let mut handset = Handset::default();
    let first = handset.sign_in(users[0], DeviceId(id("device", 1)));
    first.capture(content(1, ""), usize::MAX).expect("there is room");
    handset.sign_out();
    let second = handset.sign_in(users[1], DeviceId(id("device", 2)));
    let op = second.capture(content(2, ""), usize::MAX).expect("there is room");
    assert_eq!((op.author, op.n), (users[1], 1));
    assert_eq!(second.request(&clock(1)).1.ops, [op.op_id]);
    handset.sign_out();
    handset.restart();
    let first = handset.sign_in(users[0], DeviceId(id("device", 3)));
    assert_eq!(first.request(&clock(1)).1.ops, [OpId(id("op", 1))]);
    assert_eq!(first.stored().device(), DeviceId(id("device", 1)));
}

#[test]
fn steps_of_an_epoch_that_is_over_change_nothing() {
    let mut phone = filled(2, 1);
    sync(&mut phone, "parked", SERVED, "");
    let (_, asked) = phone.request(&clock(90));
    let overtaken = steps(&mut phone, asked.clone(), "", SERVED, ("applied", 1));
    let news = steps(&mut phone, asked, "", SERVED, ("unknown", 2));
    news.into_iter().for_each(|step| assert!(phone.apply(step)));
    let stored = phone.stored().clone();
    overtaken.into_iter().for_each(|step| assert!(!phone.apply(step)));
    assert_eq!((phone.numbers().waiting, phone.stored()), (2, &stored));
}

#[test]
fn a_restart_loses_nothing_that_was_stored() {
    let mut phone = filled(3, 1);
    sync(&mut phone, "parked", SERVED, "");
    let stored = phone.stored().clone();
    phone.restart();
    assert_eq!(*phone.stored(), stored);
    assert_eq!(*Phone::open(stored.clone()).stored(), stored);
}
