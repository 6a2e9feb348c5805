//! Ops as sent, and the time they are dated with.

use super::{OPS, TIME, cases};
use saolou_protocol::canonical::Hash;
use saolou_protocol::op::{OP_BYTES_MAX, Op};
use saolou_protocol::time::{Captured, ClockReading, Stamp};
use serde_json::{Value, json};

fn sent(case: &Value) -> &[u8] {
    case["sent"].as_str().expect("a text").as_bytes()
}

#[test]
fn every_op_has_the_canonical_form_and_hash_of_the_vectors() {
    for case in cases(OPS, "cases") {
        let op = Op::parse(sent(&case)).expect("an op");
        assert_eq!(json!(String::from_utf8_lossy(&op.canonical)), case["canonical"], "{case}");
        assert_eq!(json!(op.hash), case["hash"], "{case}");
        assert_eq!(op.hash, Hash::of(&op.canonical));
    }
}

#[test]
fn an_op_read_back_from_the_store_is_the_op_that_was_sent() {
    for case in cases(OPS, "cases") {
        let op = Op::parse(sent(&case)).expect("an op");
        let restored = Op::restore(op.canonical.clone(), op.hash).expect("what was accepted");
        assert_eq!(restored, op, "{case}");
        let content = serde_json::from_slice(&op.canonical).expect("JSON");
        let (sealed, sealed_sent) = Op::seal(content).expect("the envelope is whole");
        assert_eq!(sealed, op, "{case}");
        assert_eq!(Op::parse(&sealed_sent).expect("an op"), op, "{case}");
    }
}

#[test]
fn what_is_no_op_is_refused_with_the_code_of_the_vectors() {
    for case in cases(OPS, "refused") {
        let refusal = Op::parse(sent(&case)).expect_err("no op");
        assert_eq!(json!(refusal.code), case["code"], "{case}: {refusal:?}");
        assert_eq!(json!(refusal.op_id), case["op_id"], "{case}");
    }
}

#[test]
fn an_op_beyond_the_limit_is_too_large() {
    let refusal = Op::parse(&vec![b' '; OP_BYTES_MAX + 1]).expect_err("too large");
    assert_eq!(refusal.code, "too_large");
}

#[test]
fn times_are_corrected_as_the_vectors_say() {
    for case in cases(TIME, "cases") {
        let captured: Captured =
            serde_json::from_value(case["captured"].clone()).expect("captured");
        let now: Option<ClockReading> =
            serde_json::from_value(case["now"].clone()).expect("clocks");
        let received_ms = case["received_ms"].as_i64().expect("a time");
        let stamp = Stamp::correct(&captured, now.as_ref(), received_ms);
        assert_eq!(json!(stamp.corrected_ms), case["corrected_ms"], "{case}");
        assert_eq!(json!(stamp.quality), case["quality"], "{case}");
        assert_eq!(json!(stamp.is_skewed(&captured)), case["skewed"], "{case}");
        assert_eq!(stamp.received_ms, received_ms);
    }
}
