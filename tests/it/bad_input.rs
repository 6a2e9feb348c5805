//! Bad input: whatever a broken or hostile client sends gets the answer that the protocol gives it;
//! the rest of its batch is applied, the server stays up, and nothing stored is lost.

use crate::actors::{Actor, op, problem, sync_body, visit};
use crate::world::{World, id, on_both};
use reqwest::{Method, StatusCode};
use saolou_protocol::canonical::{Hash, canonical};
use serde_json::{Value, json};
use std::io::Write;

/// The largest body of a push, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The answer to one op, pushed by itself.
pub(crate) async fn answer(actor: &Actor, op: String) -> Value {
    actor.sync(&[op]).await["results"][0].clone()
}

/// The content of a note by wang, to be spoilt.
pub(crate) fn note(n: i64) -> Value {
    let text = op("wang", n, "note", id("note"), json!({ "text": "一切正常" }), |_| ());
    let mut content: Value = serde_json::from_str(&text).expect("an op is JSON");
    content.as_object_mut().expect("an op is an object").remove("hash");
    content
}

/// Writes content with the hash it has, whether or not it is an op.
pub(crate) fn sealed(content: &Value) -> String {
    let map = content.as_object().expect("an object");
    let mut sent = map.clone();
    sent.insert("hash".into(), json!(Hash::of(&canonical(map)).to_string()));
    Value::Object(sent).to_string()
}

/// A note of wang's with one member spoilt, and the hash that goes with it.
fn spoilt(name: &str, value: Value) -> String {
    let mut content = note(900);
    content[name] = value;
    sealed(&content)
}

fn without(name: &str) -> String {
    let mut content = note(900);
    content.as_object_mut().expect("an object").remove(name);
    sealed(&content)
}

/// Things that are no op, and the code they are refused with.
fn no_ops() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let good = sealed(&note(900));
    let mut bad_utf8 = good.clone().into_bytes();
    let place = good.find("一").expect("the note's text");
    bad_utf8[place] = 0xff;
    let long = |text: &str, times| spoilt("body", json!({ "text": text.repeat(times) }));
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("a number", text("7"), "malformed"),
        ("null", text("null"), "malformed"),
        ("a list", text("[]"), "malformed"),
        ("an empty object", text("{}"), "malformed"),
        ("no hash", note(900).to_string().into_bytes(), "malformed"),
        ("a hash that is none", text(&good.replace("\"hash\":\"", "\"hash\":\"zz")), "malformed"),
        ("changed content", text(&good.replace("正常", "异常")), "hash_mismatch"),
        ("a negative counter", text(&spoilt("n", json!(-1))), "malformed"),
        ("half a counter", text(&spoilt("n", json!(1.5))), "malformed"),
        ("a counter as text", text(&spoilt("n", json!("1"))), "malformed"),
        ("a counter beyond exact numbers", text(&spoilt("n", json!(1_i64 << 54))), "malformed"),
        ("an op id that is none", text(&spoilt("op_id", json!("op-1"))), "malformed"),
        ("no author", text(&without("author")), "malformed"),
        ("no body", text(&without("body")), "malformed"),
        ("a list for a body", text(&spoilt("body", json!([]))), "malformed"),
        ("no bucket", text(&without("bucket")), "malformed"),
        ("no time", text(&without("captured")), "malformed"),
        ("a time as text", text(&spoilt("captured", json!({ "wall_ms": "today" }))), "malformed"),
        ("a text for what was seen", text(&spoilt("seen", json!("all"))), "malformed"),
        ("a kind with spaces", text(&spoilt("kind", json!("a b"))), "malformed"),
        ("an empty kind", text(&spoilt("kind", json!(""))), "malformed"),
        ("a subject without id", text(&spoilt("subject", json!({ "type": "note" }))), "malformed"),
        ("half a surrogate pair", text(&good.replace("一切", r"\ud800")), "malformed"),
        ("a number beyond all numbers", text(&good.replace("900", "1e400")), "malformed"),
        ("deep nesting", text(&good.replace("\"一切正常\"", &nested)), "malformed"),
        ("bytes that are no UTF-8", bad_utf8, "hash_mismatch"),
        ("an op of 300 KB", text(&long("x", 300 * 1024)), "too_large"),
        ("an op of 10 MB", text(&long("0123456789", 1024 * 1024)), "too_large"),
    ]
}

on_both! {
    async fn what_is_no_op_is_refused_and_kept_and_the_others_of_its_batch_are_applied(
        world: World,
    ) {
        let wang = world.actor("wang").await;
        let before = world.ops_kept().await;
        let mut n = 0;
        for (name, bad, code) in no_ops() {
            let kept = world.rejected(code).await;
            let (first, last) =
                (visit("wang", n + 1, "101", "locked"), visit("wang", n + 2, "102", "locked"));
            n += 2;
            let mut body = format!(r#"{{"device":"{}","ops":[{first},"#, id("phone")).into_bytes();
            body.extend_from_slice(&bad);
            body.extend_from_slice(format!(",{last}]}}").as_bytes());
            let response = wang.sync_raw(body).await;
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            let reply: Value = response.json().await.expect("JSON");
            let results = reply["results"].as_array().expect("answers");
            let told: Vec<&Value> = results.iter().map(|answer| &answer["status"]).collect();
            assert_eq!(told, ["applied", "refused", "applied"], "{name}: {reply}");
            assert_eq!(results[1]["reason"], code, "{name}: {reply}");
            assert!(results[1]["detail"].is_string(), "{name}: says what is wrong");
            assert_eq!(world.rejected(code).await, kept + 1, "{name} is kept for repair");
        }
        assert_eq!(world.ops_kept().await, before + n, "what is no op is not among the ops");
        assert_eq!(wang.office("102").await["visits"], n / 2);
    }

    async fn what_is_refused_again_and_again_is_kept_once(world: World) {
        let wang = world.actor("wang").await;
        for _ in 0..3 {
            wang.sync(&["7".to_owned(), r#"{"hash":1}"#.to_owned()]).await;
        }
        assert_eq!(world.rejected("malformed").await, 2);
    }

    async fn a_refused_op_that_is_mended_is_applied(world: World) {
        let wang = world.actor("wang").await;
        let good = visit("wang", 1, "101", "locked");
        let refused = answer(&wang, good.replace("locked", "vacant")).await;
        assert_eq!(
            (&refused["status"], &refused["op_id"]),
            (&json!("refused"), &json!(id("op wang 1")))
        );
        assert_eq!(answer(&wang, good).await["status"], "applied");
    }

    async fn a_body_that_is_no_sync_request_is_malformed_and_changes_nothing(world: World) {
        let wang = world.actor("wang").await;
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let before = world.ops_kept().await;
        let good = visit("wang", 2, "102", "locked");
        let device = id("phone");
        let whole = sync_body(std::slice::from_ref(&good));
        for body in [
            String::new(),
            "{".into(),
            "null".into(),
            "\"sync\"".into(),
            "<html>portal</html>".into(),
            whole[..whole.len() - 1].to_owned(),
            format!("{whole}{whole}"),
            format!(r#"{{"ops":[{good}]}}"#),
            format!(r#"{{"device":7,"ops":[{good}]}}"#),
            format!(r#"{{"device":"my phone","ops":[{good}]}}"#),
            format!(r#"{{"device":"{device}","device":"{device}","ops":[{good}]}}"#),
            format!(r#"{{"device":"{device}","ops":{good}}}"#),
            format!(r#"{{"device":"{device}","ops":[{good}],"pull":7}}"#),
            format!(r#"{{"device":"{device}","ops":[{good}],"pull":{{"cursor":7}}}}"#),
            format!(r#"{{"device":"{device}","ops":[{good}],"pull":{{"page_bytes_max":-1}}}}"#),
            format!(r#"{{"device":"{device}","ops":[{good}],"pull":{{"page_bytes_max":1e99}}}}"#),
        ] {
            let of = body.chars().take(80).collect::<String>();
            let told = problem(wang.sync_raw(body).await, 400, "malformed", &of).await;
            assert!(told["cause"].is_string(), "{of}: {told}");
        }
        assert_eq!(world.ops_kept().await, before);
        assert_eq!(answer(&wang, good).await["status"], "applied");
        assert_eq!(wang.office("101").await["state"], "locked");
    }

    async fn a_clock_that_makes_no_sense_does_not_hold_up_a_push(world: World) {
        let wang = world.actor("wang").await;
        for (n, clock) in
            [(1, "7"), (2, r#"{"wall_ms":"noon"}"#), (3, r#"{"wall_ms":1.5}"#), (4, "null")]
        {
            let op = visit("wang", n, "101", "locked");
            let device = id("phone");
            let body = format!(r#"{{"device":"{device}","clock":{clock},"ops":[{op}]}}"#);
            let reply: Value = wang.sync_raw(body).await.json().await.expect("JSON");
            assert_eq!(reply["results"][0]["status"], "applied", "{clock}: {reply}");
        }
    }

    async fn a_hundred_thousand_ops_are_too_many_and_the_answer_says_how_many_are_not(
        world: World,
    ) {
        let wang = world.actor("wang").await;
        let before = world.ops_kept().await;
        let body = sync_body(&vec!["{}".to_owned(); 100_000]);
        let told = problem(wang.sync_raw(body).await, 413, "too_large", "100,000 ops").await;
        let ops_max =
            usize::try_from(told["limits"]["ops_max"].as_u64().expect("a number")).expect("small");
        assert_eq!(world.ops_kept().await, before);
        let notes: Vec<String> = (1..)
            .take(ops_max)
            .map(|n| {
                sealed(&{
                    let mut note = note(n);
                    note["op_id"] = json!(id(&format!("note {n}")));
                    note
                })
            })
            .collect();
        let reply = wang.sync(&notes).await;
        let results = reply["results"].as_array().expect("answers");
        assert_eq!(results.len(), ops_max, "one answer for each op");
        assert!(results.iter().all(|answer| answer["status"] == "applied"), "{}", results[0]);
    }

    async fn a_body_over_the_limit_is_too_large_packed_or_not(world: World) {
        let wang = world.actor("wang").await;
        let plain = vec![b' '; BODY_BYTES_MAX + 1];
        let told = problem(wang.sync_raw(plain).await, 413, "too_large", "17 MB").await;
        assert_eq!(told["limits"]["body_bytes_max"], BODY_BYTES_MAX);
        let bomb = gzip_bomb();
        assert!(bomb.len() < BODY_BYTES_MAX / 8);
        let sent = wang.request(Method::POST, "/api/v1/sync").header("content-encoding", "gzip");
        let response = sent.body(bomb).send().await.expect("an answer");
        problem(response, 413, "too_large", "a gzip bomb").await;
        assert_eq!(answer(&wang, visit("wang", 1, "101", "locked")).await["status"], "applied");
    }

    async fn packed_bodies_are_read_and_what_is_packed_wrongly_is_malformed(world: World) {
        let wang = world.actor("wang").await;
        let body = |n| sync_body(&[visit("wang", n, "101", "locked")]).into_bytes();
        for (encoding, packed, applied) in [
            ("gzip", gzip(&body(1)), true),
            ("zstd", zstd(&body(2)), true),
            ("gzip", body(3), false),
            ("gzip", gzip(&body(3))[..100].to_vec(), false),
            ("zstd", zstd(&body(3))[..100].to_vec(), false),
            ("br", gzip(&body(3)), false),
            ("gzip, gzip", gzip(&gzip(&body(3))), false),
        ] {
            let sent =
                wang.request(Method::POST, "/api/v1/sync").header("content-encoding", encoding);
            let response = sent.body(packed).send().await.expect("an answer");
            if applied {
                let reply: Value = response.json().await.expect("JSON");
                assert_eq!(reply["results"][0]["status"], "applied", "{encoding}: {reply}");
            } else {
                problem(response, 400, "malformed", encoding).await;
            }
        }
        assert_eq!(wang.office("101").await["visits"], 2);
    }

    async fn a_sync_without_ops_is_answered(world: World) {
        let wang = world.actor("wang").await;
        let reply = wang.sync(&[]).await;
        assert_eq!(reply["results"], json!([]));
        let response = wang.sync_raw(format!(r#"{{"device":"{}"}}"#, id("phone"))).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}

/// 64 MB of blanks: blocks of one MB each, which can be repeated because they refer to nothing
/// before them (RFC 1952 for the header, RFC 1951 for the blocks).
fn gzip_bomb() -> Vec<u8> {
    let mut blocks = Vec::with_capacity(1024 * 1024);
    let mut deflate = flate2::Compress::new(flate2::Compression::default(), false);
    let blanks = vec![b' '; 1024 * 1024];
    deflate
        .compress_vec(&blanks, &mut blocks, flate2::FlushCompress::Full)
        .expect("memory takes it");
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    [header.as_slice(), &blocks.repeat(64)].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A Zstandard frame of one raw block (RFC 8878 §3.1.1): single segment, four bytes of size.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).expect("a small body");
    let last_raw_block = (len << 3) | 1;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000];
    frame.extend(len.to_le_bytes());
    frame.extend(&last_raw_block.to_le_bytes()[..3]);
    frame.extend(bytes);
    frame
}
