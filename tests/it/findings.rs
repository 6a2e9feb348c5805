//! Findings: what the bytes of a photo say against what its record says, told to whoever took it and to
//! the desk, whatever came first.

use crate::actors::{Actor, op};
use crate::jobs::until;
use crate::rebuild::assert_rebuilt;
use crate::replica::Replica;
use crate::world::{World, building, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use rxing::qrcode::QRCodeWriter;
use rxing::{BarcodeFormat, Writer};
use saolou_protocol::canonical::Hash;
use serde_json::{Value, json};

pub(crate) const CODE: &str = "91990101MADEMA0198";
const OTHER_CODE: &str = "91990101MADEMA0273";

/// What the code of a licence links to.
fn link(code: &str) -> String {
    format!("https://www.gsxt.gov.cn/index.html?uniscid={code}")
}

/// A page of some width with stripes to be told by, and a QR code where one is asked for.
fn page(width: usize, stripe: usize, code: Option<&str>) -> Vec<u8> {
    let height = width * 2 / 3;
    let light = |at: usize| if (at % width / stripe).is_multiple_of(2) { 60 } else { 220 };
    let mut pixels: Vec<u8> = (0..width * height).map(light).collect();
    if let Some(text) = code {
        let matrix = QRCodeWriter.encode(text, &BarcodeFormat::QR_CODE, 0, 0).expect("a code");
        let (modules, dot) = (matrix.getWidth() as usize, 8);
        for y in 0..modules * dot {
            for x in 0..modules * dot {
                let is_dark = matrix.get((x / dot) as u32, (y / dot) as u32);
                pixels[(y + 20) * width + x + 20] = if is_dark { 10 } else { 250 };
            }
        }
    }
    let mut jpeg = Vec::new();
    let (w, h) = (width.try_into().expect("a width"), height.try_into().expect("a height"));
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 85);
    encoder.encode(&pixels, w, h, jpeg_encoder::ColorType::Luma).expect("a JPEG");
    jpeg
}

async fn bring(actor: &Actor, photo: &str, at: &str, bytes: &[u8]) {
    let path = format!("/api/v1/photos/{}?building={}", id(photo), id(at));
    let digest = format!("sha-256=:{}:", STANDARD.encode(Hash::of(bytes).0));
    let request = actor.request(Method::PUT, &path).body(bytes.to_vec());
    let response = request.header("content-digest", digest).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
}

/// A visit of wang's that promises a photo of a kind, with a typed code.
pub(crate) fn promise(n: i64, at: &str, room: &str, photo: &str, kind: &str, code: &str) -> String {
    revision(n, (n, 1), at, room, photo, (kind, code))
}

fn revision(
    n: i64,
    (visit, revision): (i64, i64),
    at: &str,
    room: &str,
    photo: &str,
    (kind, code): (&str, &str),
) -> String {
    let body = json!({
        "revision": revision, "round_id": id("round"), "kind": "initial", "office_ids": [id(room)],
        "outcome": "inspected_partial", "licence_check": { "typed_uscc": code },
        "photos": [{ "photo_id": id(photo), "kind": kind }],
    });
    op("wang", n, "visit", id(&format!("visit wang {visit}")), body, |op| {
        op["bucket"] = json!(id(at));
    })
}

/// Waits until the reading of so many photos is filed.
async fn read(world: &World, photos: i64) {
    until(world, "select count(*) from op where kind = 'photo_read'", photos).await;
    until(world, "select count(*) from job where stage = 'tell' and state = 'waiting'", 0).await;
}

/// The open findings that the desk sees, as code, photo and the other photo.
async fn listed(desk: &Actor) -> Vec<Value> {
    let path = format!("/api/v1/findings?unit={}&limit=500", id("street"));
    loop {
        let found = desk.get(&path).await;
        let listed = found["findings"].as_array().expect("findings").clone();
        assert_eq!(found["total"], listed.len());
        let by_pages = paged(desk, 3, None).await;
        // Unless something was found meanwhile.
        if desk.get(&path).await == found {
            assert_eq!(by_pages, listed, "the same, page by page");
            return listed;
        }
    }
}

/// The open findings that the desk sees page by page, behind a cursor.
async fn paged(desk: &Actor, limit: usize, cursor: Option<String>) -> Vec<Value> {
    let (mut listed, mut cursor) = (Vec::new(), cursor);
    loop {
        let behind = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let path = format!("/api/v1/findings?unit={}&limit={limit}{behind}", id("street"));
        let page = desk.get(&path).await;
        let findings = page["findings"].as_array().expect("findings");
        assert!(findings.len() <= limit && page["total"].as_u64() >= Some(findings.len() as u64));
        listed.extend(findings.iter().cloned());
        let Some(next) = page["cursor"].as_str() else { return listed };
        cursor = Some(next.to_owned());
    }
}

fn codes(listed: &[Value]) -> Vec<String> {
    let code = |finding: &Value| finding["code"].as_str().expect("a code").to_owned();
    let mut codes: Vec<String> = listed.iter().map(code).collect();
    codes.sort();
    codes
}

/// What the phone of somebody is told of a room, as codes.
async fn told(actor: &Actor, room: &str) -> Vec<String> {
    let replica = Replica::download(actor).await;
    let mut entities = replica.entities.iter();
    let office =
        entities.find(|((_, kind, entity), _)| kind == "office" && *entity == id(room).to_string());
    let findings = office.expect("the room").1["findings"].as_array().cloned();
    codes(&findings.unwrap_or_default())
}

/// The building as served counts this many open findings.
async fn counted(actor: &Actor) -> i64 {
    let replica = Replica::download(actor).await;
    let key = (id("building").to_string(), "building".to_owned(), id("building").to_string());
    replica.entities[&key]["findings_open"].as_i64().unwrap_or(0)
}

pub(crate) async fn second_building(desk: &Actor) {
    let mut other = building();
    other["code"] = json!("B2");
    other["sections"] = json!([{ "section_id": id("B2 section"), "name": "-", "floors": [{
        "floor_id": id("B2 floor"), "label": "3F", "sort_order_milli": 3000, "kind": "office",
        "offices": [{ "office_id": id("301"), "label": "301" }],
    }] }]);
    desk.put(&format!("/api/v1/buildings/{}", id("B2")), other).await;
}

on_both! {
    async fn whoever_took_a_photo_is_told_what_is_wrong_with_it_whichever_of_both_came_first(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let photos = [
            ("fine", "101", "licence_front", page(1700, 50, Some(&link(CODE))), None),
            ("other", "102", "licence_front", page(1700, 90, Some(&link(OTHER_CODE))),
                Some("code_mismatch")),
            ("pays", "103", "licence_front", page(1700, 130, Some("wxp://f2f0abc")),
                Some("wrong_kind")),
            ("small", "201", "licence_front", page(900, 30, Some(&link(CODE))),
                Some("low_resolution")),
            ("bare", "202", "licence_qr", page(1700, 170, None), Some("unreadable")),
            ("none", "203", "door_plate", b"no picture".to_vec(), Some("not_image")),
        ];
        for (n, (photo, room, kind, bytes, _)) in (1..).zip(&photos) {
            let record = promise(n, "building", room, photo, kind, CODE);
            if n % 2 == 0 {
                wang.sync(&[record]).await;
                bring(&wang, photo, "building", bytes).await;
            } else {
                bring(&wang, photo, "building", bytes).await;
                read(&world, n).await;
                wang.sync(&[record]).await;
            }
        }
        read(&world, 6).await;
        for (photo, room, _, _, expected) in &photos {
            let expected: Vec<&str> = expected.iter().copied().collect();
            assert_eq!(told(&wang, room).await, expected, "{photo}");
        }
        let listed = listed(&qian).await;
        assert_eq!(codes(&listed),
            ["code_mismatch", "low_resolution", "not_image", "unreadable", "wrong_kind"]);
        assert_eq!(counted(&qian).await, 5);
        let mismatch = listed.iter().find(|found| found["code"] == "code_mismatch").expect("it");
        assert_eq!(mismatch["detail"]["typed"]["code"], CODE, "{mismatch}");
        assert_eq!(mismatch["detail"]["scanned"][0]["code"], OTHER_CODE, "{mismatch}");
        assert_eq!(mismatch["sides"][0]["offices"][0]["label"], "102", "{mismatch}");
        assert_eq!(mismatch["sides"][0]["author_id"], json!(wang.user), "{mismatch}");
        let timeline = format!("/api/v1/buildings/{}/offices/{}/timeline", id("building"), id("102"));
        let items = qian.get(&timeline).await["items"].as_array().expect("items").clone();
        let visit = items.iter().find(|item| item["kind"] == "visit").expect("the visit");
        assert_eq!(visit["findings"][0]["code"], "code_mismatch", "{visit}");
        assert!(items.iter().any(|item| item["kind"] == "photo_read"), "{items:?}");
        assert_rebuilt(&world).await;
    }

    async fn a_photo_of_two_offices_is_found_from_both_also_between_buildings(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        second_building(&qian).await;
        let (bytes, mut alike) = (page(1100, 110, None), page(1100, 110, None));
        // Bytes after the end of a picture are not seen.
        alike.push(0);
        wang.sync(&[promise(1, "building", "101", "one", "corridor", CODE)]).await;
        bring(&wang, "one", "building", &bytes).await;
        read(&world, 1).await;
        assert_eq!(codes(&listed(&qian).await), Vec::<String>::new());
        // Of the same office; of another one; of another building; another picture of the same.
        bring(&wang, "mine", "building", &bytes).await;
        bring(&wang, "next door", "building", &bytes).await;
        bring(&wang, "next house", "B2", &bytes).await;
        bring(&wang, "alike", "building", &alike).await;
        read(&world, 5).await;
        wang.sync(&[
            promise(2, "building", "101", "mine", "corridor", CODE),
            promise(3, "building", "102", "next door", "corridor", CODE),
            promise(4, "B2", "301", "next house", "corridor", CODE),
            promise(5, "building", "103", "alike", "corridor", CODE),
        ]).await;
        let found = listed(&qian).await;
        // 101 twice, 102 and 301 each find the same bytes elsewhere; 103 looks like all four.
        let count = |code: &str| found.iter().filter(|found| found["code"] == code).count();
        assert_eq!((count("photo_reused"), count("near_duplicate")), (10, 8), "{found:#?}");
        let across = found.iter().find(|found| {
            found["photo_id"] == json!(id("next house")) && found["other"]["photo_id"] == json!(id("one"))
        }).expect("the photo next house");
        assert_eq!(across["sides"].as_array().expect("sides").len(), 2, "{across}");
        assert_eq!(across["sides"][1]["offices"][0]["label"], "101", "{across}");
        assert_eq!(told(&wang, "101").await, Vec::<String>::new(), "the desk is told, not he");
        assert_rebuilt(&world).await;
        // What is closed between two pages hides none of those behind it.
        let first = qian.get(&format!("/api/v1/findings?unit={}&limit=7", id("street"))).await;
        let last = &first["findings"][6];
        let close = json!({
            "reason": "同一照片", "building_id": last["building_id"], "findings": [last["finding_id"]],
        });
        let closed = qian.send(Method::POST, "/api/v1/findings/close", Some(close)).await;
        assert_eq!(closed.status(), StatusCode::OK);
        let cursor = first["cursor"].as_str().expect("more").to_owned();
        let seen: Vec<Value> = first["findings"].as_array().expect("findings").iter().cloned()
            .chain(paged(&qian, 7, Some(cursor)).await).map(|mut one| one["finding_id"].take()).collect();
        for one in listed(&qian).await {
            assert!(seen.contains(&one["finding_id"]), "{one}");
        }
        let path = format!("/api/v1/findings?unit={}&cursor=nonsense", id("street"));
        qian.refused(Method::GET, &path, None, 422, "invalid").await;
    }

    async fn licences_that_look_alike_are_two_where_their_codes_differ(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        second_building(&qian).await;
        // Small, so that they are read soon: that they are too small is no matter here.
        let shot = |tail: u8| [page(640, 64, None), vec![tail]].concat();
        let other_code = OTHER_CODE;
        for (n, (at, room, photo, code)) in (1..).zip([
            ("building", "101", "first", CODE),
            ("building", "102", "second", other_code),
            ("building", "103", "third", CODE),
            ("B2", "301", "fourth", other_code),
        ]) {
            wang.sync(&[promise(n, at, room, photo, "licence_front", code)]).await;
            bring(&wang, photo, at, &shot(u8::try_from(n).expect("few"))).await;
        }
        read(&world, 4).await;
        let mut found = listed(&qian).await;
        found.retain(|found| found["code"] == "near_duplicate");
        let pair = |found: &Value| [found["photo_id"].clone(), found["other"]["photo_id"].clone()];
        let mut pairs: Vec<String> = found.iter().map(|found| json!(pair(found)).to_string()).collect();
        pairs.sort();
        let mut expected = Vec::new();
        for (one, other) in [("first", "third"), ("second", "fourth")] {
            expected.push(json!([id(one), id(other)]).to_string());
            expected.push(json!([id(other), id(one)]).to_string());
        }
        expected.sort();
        assert_eq!(pairs, expected, "{found:#?}");
        let agreed = found.iter().find(|found| found["photo_id"] == json!(id("first")));
        assert_eq!(agreed.expect("the pair")["detail"]["codes"], "agree");
    }

    async fn what_was_typed_in_one_building_is_known_in_the_other_also_where_it_comes_last(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        second_building(&qian).await;
        let shot = |tail: u8| [page(640, 64, None), vec![tail]].concat();
        bring(&wang, "here", "building", &shot(1)).await;
        bring(&wang, "there", "B2", &shot(2)).await;
        read(&world, 2).await;
        let pairs = async || {
            let mut found = listed(&qian).await;
            found.retain(|found| found["code"] == "near_duplicate");
            found.len()
        };
        wang.sync(&[promise(1, "building", "101", "here", "licence_front", CODE)]).await;
        assert_eq!(pairs().await, 1, "of the other one nobody knows a code");
        wang.sync(&[promise(2, "B2", "301", "there", "licence_front", OTHER_CODE)]).await;
        for _ in 0..200 {
            if pairs().await == 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(pairs().await, 0);
        // What the list shows is what the building counts: both are too small, and nothing else.
        assert_eq!(codes(&listed(&qian).await), ["low_resolution", "low_resolution"]);
        assert_eq!(counted(&qian).await, 1);
        assert_rebuilt(&world).await;
    }

    async fn a_finding_that_was_closed_opens_again_for_what_nobody_had_seen(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[promise(1, "building", "101", "photo", "licence_front", CODE)]).await;
        bring(&wang, "photo", "building", &page(1700, 50, Some(&link(OTHER_CODE)))).await;
        read(&world, 1).await;
        let found = listed(&qian).await.remove(0);
        let close = json!({
            "reason": "执照为分支机构", "building_id": id("building"),
            "findings": [found["finding_id"], id("none")],
        });
        wang.refused(Method::POST, "/api/v1/findings/close", Some(close.clone()), 403, "forbidden")
            .await;
        let other = world.actor("other qian").await;
        other.refused(Method::POST, "/api/v1/findings/close", Some(close.clone()), 404, "not_found")
            .await;
        let response = qian.send(Method::POST, "/api/v1/findings/close", Some(close)).await;
        let closed: Value = response.json().await.expect("JSON");
        let mut statuses: Vec<&str> = closed["results"].as_array().expect("results").iter()
            .map(|result| result["status"].as_str().expect("a status")).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, ["closed", "stale"], "{closed}");
        assert_eq!(codes(&listed(&qian).await), Vec::<String>::new());
        assert_eq!((told(&wang, "101").await, counted(&qian).await), (Vec::new(), 0));
        // A revision that the desk had not seen, which still says otherwise than the photo.
        wang.sync(&[revision(2, (1, 2), "building", "101", "photo", ("licence_front", CODE))]).await;
        assert_eq!(codes(&listed(&qian).await), ["code_mismatch"]);
        assert_eq!(told(&wang, "101").await, ["code_mismatch"]);
        // One that corrects what was typed leaves nothing to look at.
        wang.sync(&[revision(3, (1, 3), "building", "101", "photo", ("licence_front", OTHER_CODE))])
            .await;
        assert_eq!(codes(&listed(&qian).await), Vec::<String>::new());
        assert_rebuilt(&world).await;
    }

    async fn what_the_desk_closed_can_be_undone(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[promise(1, "building", "101", "photo", "door_plate", CODE)]).await;
        bring(&wang, "photo", "building", b"no picture").await;
        read(&world, 1).await;
        let found = listed(&qian).await.remove(0);
        let close = json!({
            "reason": "原件另存", "building_id": id("building"), "findings": [found["finding_id"]],
        });
        let response = qian.send(Method::POST, "/api/v1/findings/close", Some(close)).await;
        let closed: Value = response.json().await.expect("JSON");
        assert_eq!(codes(&listed(&qian).await), Vec::<String>::new());
        let undo = json!({
            "reason": "误关", "building_id": id("building"),
            "ops": [closed["results"][0]["op_id"]],
        });
        let response = qian.send(Method::POST, "/api/v1/conflicts/undo", Some(undo)).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(codes(&listed(&qian).await), ["not_image"]);
    }
}
