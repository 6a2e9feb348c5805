//! Photos on their way: what breaks, what is sent twice, what is not what it says, and what a phone
//! is told then.

use crate::actors::{Actor, op, problem};
use crate::photo_faults::place;
use crate::world::{DAY_MS, World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod wire;

/// A picture as far as its first bytes say so.
pub(crate) fn picture(name: &str, bytes: usize) -> Vec<u8> {
    let mut content = vec![0xff, 0xd8, 0xff, 0xe0];
    let mut block = Sha256::digest(name.as_bytes());
    while content.len() < bytes {
        content.extend_from_slice(&block);
        block = Sha256::digest(block);
    }
    content.truncate(bytes);
    content
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the phone says of a photo that it took.
pub(crate) fn manifest(photo: &str, bytes: &[u8]) -> Value {
    json!({
        "photo_id": id(photo), "sha256": sha256(bytes), "bytes": bytes.len(),
        "kind": "vacant_interior", "building": id("building"), "device_id": id("phone of wang"),
    })
}

/// A vacant room, shown by a photo that was promised.
pub(crate) fn vacant(n: i64, room: &str, photo: &str, bytes: &[u8]) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "team_id": id("team 1"), "kind": "initial",
        "office_ids": [id(room)], "outcome": "vacant",
        "photos": [{
            "photo_id": id(photo), "kind": "vacant_interior", "sha256": sha256(bytes),
        }],
    });
    op("wang", n, "visit", id(&format!("visit wang {n}")), body, |_| ())
}

pub(crate) async fn plan(actor: &Actor, manifests: &[Value]) -> Vec<Value> {
    let body = json!({ "photos": manifests });
    let response = actor.send(Method::POST, "/api/v1/photos/plan", Some(body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let plan: Value = response.json().await.expect("JSON");
    plan["photos"].as_array().expect("photos").clone()
}

pub(crate) fn location(planned: &Value) -> String {
    planned["location"].as_str().expect("a location").to_owned()
}

/// A request in the words of tus.
pub(crate) async fn tus(
    actor: &Actor,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut request = actor.request(method, path).header("Tus-Resumable", "1.0.0");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(body.to_vec()).send().await.expect("an answer")
}

pub(crate) async fn patch(actor: &Actor, path: &str, offset: usize, body: &[u8]) -> Response {
    let offset = offset.to_string();
    let fields = [("Upload-Offset", &*offset), ("Content-Type", "application/offset+octet-stream")];
    tus(actor, Method::PATCH, path, &fields, body).await
}

pub(crate) async fn offset(actor: &Actor, path: &str) -> usize {
    let response = tus(actor, Method::HEAD, path, &[], b"").await;
    assert_eq!(response.status(), StatusCode::OK, "HEAD {path}");
    field(&response, "upload-offset").parse().expect("a number")
}

pub(crate) fn field(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).unwrap_or_else(|| panic!("{name} is missing"));
    value.to_str().expect("text").to_owned()
}

/// Opens a connection and sends the head of a request and the first bytes of its body.
pub(crate) async fn half_sent(actor: &Actor, head: &str, body: &[u8]) -> TcpStream {
    let address = actor.base.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let token = &actor.token;
    let head = format!("{head}\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(body).await.expect("sent");
    stream
}

/// Waits until what a condition asks for is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    for _ in 0..400 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not within ten seconds: {what}");
}

pub(crate) async fn has_pending_evidence(actor: &Actor, room: &str) -> bool {
    let office = actor.office(room).await;
    office["flags"].as_array().is_some_and(|flags| flags.contains(&json!("evidence_pending")))
}

on_both! {
    async fn a_floor_waits_for_its_promised_photo_and_clears_when_the_last_byte_is_here(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("door", 300_000);
        wang.sync(&[vacant(1, "101", "door", &bytes)]).await;
        assert!(has_pending_evidence(&wang, "101").await);
        let planned = plan(&wang, &[manifest("door", &bytes)]).await.remove(0);
        assert_eq!((&planned["do"], &planned["offset"]), (&json!("need"), &json!(0)));
        let path = location(&planned);
        let first = patch(&wang, &path, 0, &bytes[..100_000]).await;
        assert_eq!(first.status(), StatusCode::NO_CONTENT);
        assert_eq!(field(&first, "upload-offset"), "100000");
        let again = plan(&wang, &[manifest("door", &bytes)]).await.remove(0);
        assert_eq!(again["do"], "resume");
        assert_eq!((&again["location"], &again["offset"]), (&planned["location"], &json!(100_000)));
        assert!(has_pending_evidence(&wang, "101").await, "a part of a photo shows nothing");
        let last = patch(&wang, &path, 100_000, &bytes[100_000..]).await;
        assert_eq!(last.status(), StatusCode::NO_CONTENT);
        assert!(!has_pending_evidence(&wang, "101").await);
        let here = plan(&wang, &[manifest("door", &bytes)]).await.remove(0);
        assert_eq!((&here["do"], &here["state"]), (&json!("have"), &json!("stored")), "{here}");
        assert_eq!(offset(&wang, &path).await, bytes.len(), "who lost the answer can ask again");
    }

    async fn a_photo_may_be_here_before_its_record(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("early", 20_000);
        let path = location(&plan(&wang, &[manifest("early", &bytes)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &bytes).await.status(), StatusCode::NO_CONTENT);
        wang.sync(&[vacant(1, "101", "early", &bytes)]).await;
        assert_eq!(wang.office("101").await["state"], "covered");
        assert!(!has_pending_evidence(&wang, "101").await);
    }

    async fn what_has_arrived_before_the_connection_broke_counts(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("basement", 400_000);
        let path = location(&plan(&wang, &[manifest("basement", &bytes)]).await[0]);
        let mut sent = 0;
        for cut in [1, 7, 65_536, 65_537, 131_072, 399_999] {
            let rest = bytes.len() - sent;
            let head = format!(
                "PATCH {path} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {sent}\r\n\
                 Content-Type: application/offset+octet-stream\r\nContent-Length: {rest}"
            );
            drop(half_sent(&wang, &head, &bytes[sent..cut]).await);
            until("all that was sent has arrived", || async {
                offset(&wang, &path).await == cut
            })
            .await;
            sent = cut;
        }
        let last = patch(&wang, &path, sent, &bytes[sent..]).await;
        assert_eq!(last.status(), StatusCode::NO_CONTENT);
        assert_eq!(plan(&wang, &[manifest("basement", &bytes)]).await[0]["do"], "have");
    }

    async fn what_was_cut_off_after_the_last_byte_is_done_when_somebody_looks(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("cut off", 10_000);
        wang.sync(&[vacant(1, "101", "cut off", &bytes)]).await;
        let path = location(&plan(&wang, &[manifest("cut off", &bytes)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &bytes[..9_000]).await.status(), 204);
        // As a server leaves it that dies between the last byte's sync and the commit.
        let upload = path.rsplit('/').next().expect("an id").to_owned();
        let file = world.folder().join("photos/incoming").join(upload);
        std::fs::write(&file, &bytes).expect("the rest");
        world.direct().await.execute("update upload set received = 10000").await;
        assert_eq!(offset(&wang, &path).await, 10_000);
        assert!(!has_pending_evidence(&wang, "101").await);
        assert_eq!(plan(&wang, &[manifest("cut off", &bytes)]).await[0]["do"], "have");
    }

    async fn a_newer_request_ends_an_older_one_that_hangs(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("lift", 100_000);
        let path = location(&plan(&wang, &[manifest("lift", &bytes)]).await[0]);
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
             Content-Type: application/offset+octet-stream\r\nContent-Length: {}", bytes.len()
        );
        let mut hanging = half_sent(&wang, &head, &bytes[..50_000]).await;
        until("the first half is here", || async { offset(&wang, &path).await == 50_000 }).await;
        assert_eq!(patch(&wang, &path, 50_000, &bytes[50_000..]).await.status(), 204);
        // 4xx would be the end for a client that is still there; after 5xx it asks, and goes on.
        let mut heard = [0; 1024];
        let len = hanging.read(&mut heard).await.expect("an answer");
        let heard = std::str::from_utf8(&heard[..len]).expect("text");
        assert!(heard.starts_with("HTTP/1.1 503 ") && heard.contains("upload-offset: 50000"), "{heard}");
        // Whatever the older request still sends changes nothing any more.
        drop(hanging.write_all(&[0; 50_000]).await);
        drop(hanging);
        assert_eq!(plan(&wang, &[manifest("lift", &bytes)]).await[0]["do"], "have");
    }

    async fn two_uploads_of_one_photo_at_once_make_one_photo(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("twice", 200_000);
        let first = location(&plan(&wang, &[manifest("twice", &bytes)]).await[0]);
        let put = || async {
            let path = format!("/api/v1/photos/{}?building={}", id("twice"), id("building"));
            let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&bytes)));
            let request = wang.request(Method::PUT, &path).header("Content-Digest", digest);
            request.body(bytes.clone()).send().await.expect("an answer")
        };
        let (patched, a, b) = tokio::join!(patch(&wang, &first, 0, &bytes), put(), put());
        assert_eq!((patched.status().as_u16(), a.status().as_u16(), b.status().as_u16()), (204, 200, 200));
        let rows = world.direct().await.texts("select cast(count(*) as text) from photo").await;
        assert_eq!(rows, ["1"]);
        let reply = wang.sync(&[vacant(1, "101", "twice", &bytes)]).await;
        assert_eq!(reply["results"][0]["status"], "applied", "{reply}");
    }

    async fn bytes_that_are_not_what_was_promised_are_set_aside_and_asked_for_again(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        let (bytes, other) = (picture("right", 50_000), picture("wrong", 50_000));
        wang.sync(&[vacant(1, "101", "right", &bytes)]).await;
        let path = location(&plan(&wang, &[manifest("right", &bytes)]).await[0]);
        problem(patch(&wang, &path, 0, &other).await, 422, "digest_mismatch", "PATCH").await;
        assert!(has_pending_evidence(&wang, "101").await);
        let kept = world.folder().join("photos/mismatched").join(sha256(&other));
        assert_eq!(std::fs::read(&kept).expect("kept"), other);
        let again = plan(&wang, &[manifest("right", &bytes)]).await.remove(0);
        assert_eq!(again["do"], "need", "{again}");
        assert_eq!(patch(&wang, &location(&again), 0, &bytes).await.status(), 204);
        assert!(!has_pending_evidence(&wang, "101").await);
        world.clock.set_ms(world.clock.now_ms() + 31 * DAY_MS);
        world.stop().await;
        world.start().await;
        until("they are removed after a month", || async { !kept.exists() }).await;
    }

    async fn one_photo_has_one_content(world: World) {
        let wang = world.actor("wang").await;
        let (bytes, other) = (picture("a", 5_000), picture("b", 5_000));
        let path = location(&plan(&wang, &[manifest("photo", &bytes)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &bytes).await.status(), 204);
        wang.sync(&[vacant(1, "101", "photo", &bytes)]).await;
        let refused = plan(&wang, &[manifest("photo", &other)]).await.remove(0);
        assert_eq!((&refused["do"], &refused["code"]), (&json!("refused"), &json!("photo_conflict")));
        let path = format!("/api/v1/photos/{}?building={}", id("photo"), id("building"));
        let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&other)));
        let request = wang.request(Method::PUT, &path).header("Content-Digest", digest);
        let response = request.body(other.clone()).send().await.expect("an answer");
        problem(response, 409, "photo_conflict", "PUT").await;
        assert!(place(world.folder(), &bytes).exists());
        assert!(!place(world.folder(), &other).exists(), "what is no photo's does not lie with them");
    }

    async fn what_came_first_under_an_id_does_not_keep_out_what_was_promised(world: World) {
        let wang = world.actor("wang").await;
        let (bytes, other) = (picture("promised", 5_000), picture("mixed up", 5_000));
        let wrong = plan(&wang, &[manifest("photo", &other)]).await.remove(0);
        assert_eq!(patch(&wang, &location(&wrong), 0, &other).await.status(), 204);
        wang.sync(&[vacant(1, "101", "photo", &bytes)]).await;
        assert!(has_pending_evidence(&wang, "101").await);
        let right = plan(&wang, &[manifest("photo", &bytes)]).await.remove(0);
        assert_eq!(right["do"], "need", "{right}");
        assert_eq!(patch(&wang, &location(&right), 0, &bytes).await.status(), 204);
        assert!(!has_pending_evidence(&wang, "101").await);
    }

    async fn who_has_shown_the_bytes_need_not_send_them_under_another_id(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let bytes = picture("licence", 30_000);
        let path = location(&plan(&wang, &[manifest("one", &bytes)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &bytes).await.status(), 204);
        let theirs = plan(&lin, &[manifest("one", &bytes), manifest("other", &bytes)]).await;
        assert_eq!((&theirs[0]["do"], &theirs[1]["do"]), (&json!("need"), &json!("need")));
        wang.sync(&[vacant(1, "101", "other", &bytes)]).await;
        assert!(has_pending_evidence(&wang, "101").await);
        assert_eq!(plan(&wang, &[manifest("other", &bytes)]).await[0]["do"], "have");
        assert!(!has_pending_evidence(&wang, "101").await);
    }

    async fn an_upload_is_nobody_elses(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let bytes = picture("mine", 1_000);
        let path = location(&plan(&wang, &[manifest("mine", &bytes)]).await[0]);
        problem(patch(&lin, &path, 0, &bytes).await, 404, "not_found", "PATCH").await;
        assert_eq!(tus(&lin, Method::HEAD, &path, &[], b"").await.status(), 404);
        assert_eq!(tus(&lin, Method::DELETE, &path, &[], b"").await.status(), 404);
        assert_eq!(patch(&wang, &path, 0, &bytes).await.status(), 204);
    }

    async fn an_upload_that_nobody_goes_on_with_is_gone_after_two_weeks(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("late", 10_000);
        let path = location(&plan(&wang, &[manifest("late", &bytes)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &bytes[..5_000]).await.status(), 204);
        world.clock.set_ms(world.clock.now_ms() + 15 * DAY_MS);
        let wang = world.actor("wang").await;
        until("it expires", || async {
            tus(&wang, Method::HEAD, &path, &[], b"").await.status() == StatusCode::GONE
        })
        .await;
        problem(patch(&wang, &path, 5_000, &bytes[5_000..]).await, 410, "upload_gone", "PATCH").await;
        let again = plan(&wang, &[manifest("late", &bytes)]).await.remove(0);
        assert_eq!(again["do"], "need");
        assert_eq!(patch(&wang, &location(&again), 0, &bytes).await.status(), 204);
    }

    async fn a_photo_over_the_limit_is_told_so_before_it_is_sent(world: World) {
        let wang = world.actor("wang").await;
        let mut large = manifest("large", b"");
        large["bytes"] = json!(65 * 1024 * 1024);
        let refused = plan(&wang, &[large]).await.remove(0);
        assert_eq!((&refused["do"], &refused["code"]), (&json!("refused"), &json!("too_large")));
        let fields = [("Upload-Length", "100000000")];
        let response = tus(&wang, Method::POST, "/api/v1/uploads", &fields, b"").await;
        problem(response, 413, "too_large", "POST").await;
        let malformed = plan(&wang, &[json!({ "photo_id": 7 })]).await.remove(0);
        assert_eq!((&malformed["do"], &malformed["code"]), (&json!("refused"), &json!("malformed")));
    }
}
