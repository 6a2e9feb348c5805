//! What becomes of photos that show too much, that never come, that are not what was promised, and
//! whose record had to wait.

use crate::actors::{Actor, op, problem};
use crate::jobs::until;
use crate::rebuild::assert_rebuilt;
use crate::world::{DAY_MS, World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response, StatusCode};
use saolou_protocol::canonical::Hash;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A picture that can be decoded, of some light.
fn picture(light: u8) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let pixels: Vec<u8> = (0..1200 * 800).map(|at| light ^ u8::from(at % 80 < 40)).collect();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 80);
    encoder.encode(&pixels, 1200, 800, jpeg_encoder::ColorType::Luma).expect("a JPEG");
    jpeg
}

async fn bring(who: &Actor, photo: &str, bytes: &[u8], declared: &[u8]) -> Response {
    let path = format!("/api/v1/photos/{}?building={}", id(photo), id("building"));
    let digest = format!("sha-256=:{}:", STANDARD.encode(Hash::of(declared).0));
    let request = who.request(Method::PUT, &path).body(bytes.to_vec());
    request.header("content-digest", digest).send().await.expect("an answer")
}

/// A visit that promises a photo of a kind.
fn promise(author: &str, n: i64, room: &str, outcome: &str, photo: &str, kind: &str) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "kind": "initial", "office_ids": [id(room)],
        "outcome": outcome, "photos": [{ "photo_id": id(photo), "kind": kind }],
        "company": { "name": "青柠设计", "actual_business": "平面设计" },
        "three_ask": {
            "q2_people": {
                "responsible": { "name": "秦演示", "phone": "17490000011" },
                "headcount_claimed": 3, "headcount_present": 2,
            },
            "q3_history": { "started_at_site_on": "2024-03-01", "note": "迁入" },
        },
        "id_check": { "checked_count": 1, "basis": "police_statutory" },
        "licence_check": { "status": "licensed_displayed", "qr_raw": "-" },
        "ledger_check": { "result": "normal" }, "notice_given": true,
    });
    op(author, n, "visit", id(&format!("visit {author} {n}")), body, |_| ())
}

async fn link(who: &Actor, photo: &str, variant: &str, reason: Option<&str>) -> Response {
    let path = format!("/api/v1/photos/{}/link", id(photo));
    let wanted = json!({ "variant": variant, "reason": reason });
    who.send(Method::POST, &path, Some(wanted)).await
}

async fn url(response: Response) -> String {
    assert_eq!(response.status(), StatusCode::OK);
    let link: Value = response.json().await.expect("JSON");
    link["url"].as_str().expect("a url").to_owned()
}

async fn follow(world: &World, url: &str) -> Response {
    reqwest::get(format!("{}{url}", world.base)).await.expect("an answer")
}

fn preview(world: &World, hash: Hash) -> std::path::PathBuf {
    let name = hash.to_string();
    world.folder().join("derived").join(&name[..2]).join(format!("{name}-512.jpg"))
}

/// Waits until all that was read has been told.
async fn told(world: &World, photos: i64) {
    until(world, "select count(*) from photo_reading", photos).await;
    until(world, "select count(*) from job where state = 'waiting'", 0).await;
}

async fn missing(who: &Actor) -> Vec<Value> {
    let list = who.get(&format!("/api/v1/photos/missing?unit={}", id("street"))).await;
    list["visits"].as_array().expect("visits").clone()
}

on_both! {
    async fn c42_a_photo_of_an_identity_card_is_hidden_at_once_and_loses_its_previews(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let qian = world.actor("qian").await;
        let bytes = picture(90);
        let hash = Hash::of(&bytes);
        wang.sync(&[promise("wang", 1, "101", "inspected", "desk", "licence_front")]).await;
        let path = format!("/api/v1/photos/{}?building={}&kind=licence_front", id("desk"), id("building"));
        let digest = format!("sha-256=:{}:", STANDARD.encode(hash.0));
        let request = wang.request(Method::PUT, &path).body(bytes.clone());
        let sent = request.header("content-digest", digest).send().await.expect("an answer");
        assert_eq!(sent.status(), StatusCode::OK);
        told(&world, 1).await;
        assert!(preview(&world, hash).exists());
        let before = url(link(&lin, "desk", "512", None).await).await;
        assert_eq!(follow(&world, &before).await.status(), StatusCode::OK);
        let card = json!({ "photo_id": id("desk"), "kind": "id_card" });
        wang.sync(&[op("wang", 2, "photo_reclassify", id("desk"), card, |_| ())]).await;
        // At once: also through a link that somebody had before.
        problem(follow(&world, &before).await, 404, "not_found", "the link").await;
        problem(link(&lin, "desk", "original", Some("?")).await, 404, "not_found", "lin").await;
        problem(link(&qian, "desk", "original", None).await, 422, "invalid", "no reason").await;
        problem(link(&qian, "desk", "512", Some("核对")).await, 404, "not_found", "a preview").await;
        let original = url(link(&qian, "desk", "original", Some("核对")).await).await;
        let seen = follow(&world, &original).await.bytes().await.expect("bytes");
        assert_eq!(seen, bytes, "the original stays");
        told(&world, 1).await;
        assert!(!preview(&world, hash).exists());
        // Nobody but the desk says otherwise, and only of what it has seen.
        let back = |author: &'static str, n: i64| {
            op(author, n, "photo_declassify", id("desk"), json!({ "reason": "非身份证" }), |op| {
                op["seen"] = json!([id("op wang 2")]);
            })
        };
        let answer = wang.sync(&[back("wang", 3)]).await;
        assert_eq!(answer["results"][0]["reason"], "forbidden", "{answer}");
        qian.sync(&[back("qian", 1)]).await;
        assert_eq!(link(&lin, "desk", "original", None).await.status(), StatusCode::OK);
        told(&world, 1).await;
        assert!(preview(&world, hash).exists(), "they are made again");
        let again = url(link(&lin, "desk", "512", None).await).await;
        assert_eq!(follow(&world, &again).await.status(), StatusCode::OK);
        let card = json!({ "photo_id": id("desk"), "kind": "id_card" });
        lin.sync(&[op("lin", 1, "photo_reclassify", id("desk"), card, |_| ())]).await;
        problem(link(&lin, "desk", "original", Some("?")).await, 404, "not_found", "again").await;
        told(&world, 1).await;
        assert!(!preview(&world, hash).exists());
        assert_rebuilt(&world).await;
    }

    async fn c42_a_photo_that_comes_after_it_was_reclassified_has_no_preview(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let card = json!({ "photo_id": id("late"), "kind": "id_card" });
        wang.sync(&[
            op("wang", 1, "photo_reclassify", id("late"), card, |_| ()),
            promise("wang", 2, "101", "inspected", "late", "licence_front"),
            // Promised as what it is, and brought without a word.
            promise("wang", 3, "102", "inspected", "card", "id_card"),
        ]).await;
        for (photo, light) in [("late", 120), ("card", 30)] {
            let bytes = picture(light);
            assert_eq!(bring(&wang, photo, &bytes, &bytes).await.status(), StatusCode::OK);
        }
        told(&world, 2).await;
        for (photo, light) in [("late", 120), ("card", 30)] {
            assert!(!preview(&world, Hash::of(&picture(light))).exists(), "{photo}");
            problem(link(&lin, photo, "original", Some("?")).await, 404, "not_found", photo).await;
        }
    }

    async fn c37_what_never_came_counts_as_missing_when_its_round_is_closed(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let lin = world.actor("lin").await;
        wang.sync(&[
            promise("wang", 1, "101", "inspected", "licence", "licence_front"),
            promise("wang", 2, "102", "vacant", "empty", "vacant_interior"),
            promise("wang", 3, "103", "inspected", "waived", "licence_front"),
        ]).await;
        for room in ["101", "102", "103"] {
            let office = qian.office(room).await;
            assert_eq!((&office["state"], &office["flags"]),
                (&json!("covered"), &json!(["evidence_pending"])), "{office}");
        }
        let early = missing(&lin).await;
        assert_eq!(early.len(), 3, "{early:?}");
        assert!(early.iter().all(|visit| visit["is_late"] == false), "{early:?}");
        world.clock.set_ms(world.clock.now_ms() + DAY_MS + 1000);
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let late = missing(&qian).await;
        assert!(late.iter().all(|visit| visit["is_late"] == true), "{late:?}");
        let waive = |author: &'static str| {
            let body = json!({ "photo_id": id("waived"), "reason": "手机损坏" });
            op(author, if author == "wang" { 4 } else { 1 }, "waive_photo", id("waived"), body, |op| {
                op["seen"] = json!([id("op wang 3")]);
            })
        };
        let answer = wang.sync(&[waive("wang")]).await;
        assert_eq!(answer["results"][0]["reason"], "forbidden", "{answer}");
        qian.sync(&[waive("qian")]).await;
        assert_eq!(missing(&qian).await.len(), 2);
        qian.put(&format!("/api/v1/rounds/{}", id("round")), world.round("closed")).await;
        let office = qian.office("101").await;
        assert_eq!((&office["state"], &office["missing"]),
            (&json!("partial"), &json!(["c2_licence"])), "{office}");
        assert_eq!(qian.office("102").await["state"], "locked", "no absence was shown");
        let office = qian.office("103").await;
        assert_eq!((&office["state"], &office["flags"]), (&json!("covered"), &Value::Null), "{office}");
        assert_rebuilt(&world).await;
        // What comes at last counts, whatever the round.
        let bytes = picture(60);
        assert_eq!(bring(&wang, "licence", &bytes, &bytes).await.status(), StatusCode::OK);
        assert_eq!(qian.office("101").await["state"], "covered");
        assert_eq!(missing(&qian).await.len(), 1);
        let mut again = world.round("reopened");
        again["reason"] = json!("补传照片");
        qian.put(&format!("/api/v1/rounds/{}", id("round")), again).await;
        assert_eq!(qian.office("102").await["state"], "covered");
        assert_rebuilt(&world).await;
    }

    async fn c38_a_device_that_keeps_sending_other_bytes_is_flagged_for_good(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let path = format!("/api/v1/devices/flagged?unit={}", id("street"));
        for times in 1..=3 {
            // The same wrong bytes, again and again.
            let response = bring(&wang, "door", b"wrong", b"right").await;
            problem(response, 422, "digest_mismatch", "C38").await;
            let flagged = qian.get(&path).await["devices"].as_array().expect("devices").len();
            assert_eq!(flagged, usize::from(times == 3), "{times}");
        }
        let flagged = qian.get(&path).await["devices"][0].clone();
        assert_eq!((&flagged["times"], &flagged["photo_id"], &flagged["user_id"]),
            (&json!(3), &json!(id("door")), &json!(wang.user)), "{flagged}");
        wang.refused(Method::GET, &path, None, 403, "forbidden").await;
        let other = world.actor("other qian").await;
        other.refused(Method::GET, &path, None, 404, "not_found").await;
        assert!(bring(&wang, "door", b"right", b"right").await.status().is_success());
        assert_eq!(qian.get(&path).await["devices"][0]["times"], 3, "it stays");
    }

    async fn a_record_that_is_released_binds_its_photos_and_has_its_findings(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let qian = world.actor("qian").await;
        let bytes = picture(140);
        assert_eq!(bring(&lin, "licence", &bytes, &bytes).await.status(), StatusCode::OK);
        told(&world, 1).await;
        // Sent by somebody else than its author.
        wang.sync(&[promise("lin", 1, "101", "inspected", "licence", "licence_front")]).await;
        assert_eq!(world.number("select count(*) from photo where bound_ms is not null").await, 0);
        let waiting = qian.get(&format!("/api/v1/quarantine?unit={}", id("street"))).await;
        let item = waiting["items"][0]["quarantine_id"].as_str().expect("an id").to_owned();
        let release = json!({ "decision": "release", "reason": "本人手机送修" });
        let path = format!("/api/v1/quarantine/{item}");
        let released = qian.send(Method::POST, &path, Some(release)).await;
        assert_eq!(released.status(), StatusCode::OK);
        assert_eq!(world.number("select count(*) from photo where bound_ms is not null").await, 1);
        let office = qian.office("101").await;
        assert_eq!((&office["state"], &office["flags"]), (&json!("covered"), &Value::Null), "{office}");
        let codes = office["findings"].as_array().expect("findings").iter();
        let codes: BTreeSet<&str> = codes.filter_map(|finding| finding["code"].as_str()).collect();
        assert_eq!(codes, BTreeSet::from(["low_resolution", "unreadable"]), "{office}");
        assert_rebuilt(&world).await;
    }
}
