//! Versions: a client and a server that do not speak the same language keep everything and say who
//! is too old; what one of them does not know, the other ignores.

use crate::actors::{Actor, captured_ms, problem, sync_body};
use crate::replica::Replica;
use crate::world::{World, id, on_both};
use reqwest::{Method, Response, StatusCode};
use saolou_protocol::ids::{DeviceId, OpId, UserId};
use saolou_protocol::phone::Phone;
use saolou_protocol::phone::reply;
use saolou_protocol::phone::retry::{Failure, Stopped};
use saolou_protocol::time::ClockReading;
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn push(who: &Actor, body: String, headers: &[(&str, &str)]) -> Response {
    let mut request = who.request(Method::POST, "/api/v1/sync");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).send().await.expect("an answer")
}

fn clock() -> ClockReading {
    let boot_offsets_ms = BTreeMap::new();
    ClockReading { wall_ms: captured_ms(5), mono_ms: None, boot_id: None, boot_offsets_ms }
}

/// A phone that holds one visit, which waits.
fn phone_of(who: &Actor) -> Phone {
    let mut phone = Phone::new(UserId(who.user), DeviceId(who.device));
    let content = json!({
        "op_id": id("the visit"), "kind": "visit", "schema": "visit/1",
        "subject": { "type": "visit", "id": id("visit") }, "bucket": id("building"),
        "captured": { "wall_ms": captured_ms(5), "utc_offset_min": 480 }, "seen": [],
        "body": { "revision": 1, "round_id": id("round"), "kind": "initial",
            "office_ids": [id("101")], "outcome": "locked" },
    });
    let Value::Object(content) = content else { panic!("an op") };
    phone.capture(content, 1_000_000).expect("room for an op");
    phone
}

/// Lets a phone, which says that it speaks `version`, ask a server once; gives what stopped it.
async fn ask(who: &Actor, phone: &mut Phone, version: &str) -> Option<Failure> {
    let (request, asked) = phone.request(&clock());
    let body = serde_json::to_string(&request).expect("a request");
    let response = push(who, body, &[("sync-version", version)]).await;
    let status = response.status().as_u16();
    let header = |name: &str| {
        response.headers().get(name).map(|value| value.to_str().expect("text").to_owned())
    };
    let (content_type, sync_version) = (header("content-type"), header("sync-version"));
    assert_eq!(sync_version.as_deref(), Some("1"), "every reply says it");
    let body = response.bytes().await.expect("a body");
    let response = reply::Response {
        status,
        content_type: content_type.as_deref(),
        sync_version: sync_version.as_deref(),
        retry_after: None,
        body: &body,
    };
    match phone.receive(asked, &clock(), &response) {
        Ok(steps) => {
            assert!(steps.into_iter().all(|step| phone.apply(step)), "each step fits");
            None
        }
        Err(failure) => Some(failure),
    }
}

on_both! {
    async fn every_reply_of_the_sync_says_which_version_is_spoken(world: World) {
        let wang = world.actor("wang").await;
        let nobody = Actor { token: "no token".into(), ..world.actor("wang").await };
        for (who, body, version, status) in [
            (&wang, sync_body(&[]), "1", 200),
            (&wang, "{".to_owned(), "1", 400),
            (&nobody, sync_body(&[]), "1", 401),
            (&wang, sync_body(&[]), "0", 426),
            (&wang, sync_body(&[]), "2", 426),
        ] {
            let response = push(who, body, &[("sync-version", version)]).await;
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()["sync-version"], "1", "{status}");
            if status == 426 {
                let told = problem(response, 426, "unsupported_version", version).await;
                assert_eq!(told["limits"]["ops_max"], 1000, "{told}");
            }
        }
        let config = wang.send(Method::GET, "/api/v1/sync/config", None).await;
        assert_eq!(config.headers()["sync-version"], "1");
        let other = wang.send(Method::GET, "/api/v1/me", None).await;
        assert!(!other.headers().contains_key("sync-version"));
    }

    async fn capabilities_that_one_side_does_not_know_are_ignored(world: World) {
        let wang = world.actor("wang").await;
        let headers = [("sync-version", "1"), ("sync-capabilities", "telepathy, gzip")];
        let response = push(&wang, sync_body(&[]), &headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        let told = response.headers()["sync-capabilities"].to_str().expect("text").to_owned();
        for capability in ["zstd", "gzip", "digests", "groups", "leave"] {
            assert!(told.split(", ").any(|one| one == capability), "{told}");
        }
    }

    async fn a_client_of_another_version_is_stopped_and_loses_nothing(world: World) {
        let wang = world.actor("wang").await;
        let mut phone = phone_of(&wang);
        for other in ["0", "2"] {
            let stopped = ask(&wang, &mut phone, other).await;
            assert!(matches!(stopped, Some(Failure::Stopped(_))), "{other}: {stopped:?}");
            assert_eq!(phone.numbers().waiting, 1, "kept for the version that is understood");
        }
        assert_eq!(world.number("select count(*) from op where kind = 'visit'").await, 0);
        // The app is updated, or the server: what waited goes through.
        phone.restart();
        assert_eq!(ask(&wang, &mut phone, "1").await, None);
        assert_eq!(wang.office("101").await["state"], "locked");
        assert!(phone.stored().outbox().get(OpId(id("the visit"))).is_some(), "kept for a while");
    }

    async fn two_offices_that_become_one_and_two_again_tell_phones_that_hold_both(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        wang.sync(&[crate::actors::office_add("wang", 1, "104", "floor 1")]).await;
        let twin = json!({
            "floor_id": id("floor 1"), "office_id": id("twin"), "label": "104", "kind": "unnumbered",
        });
        lin.sync(&[crate::actors::op("lin", 2, "office_add", id("twin"), twin, |_| ())]).await;
        let mut replica = Replica::download(&lin).await;
        let row = |replica: &Replica, office: &str| {
            let key = (id("building").to_string(), "office".to_owned(), id(office).to_string());
            let body = replica.entities[&key].clone();
            (body["status"].clone(), body["becomes"][0].clone())
        };
        assert_eq!(row(&replica, "104").0, "live");
        assert_eq!(row(&replica, "twin").0, "live", "no number on the door: no hard key");
        let pair = json!({ "a": id("104"), "b": id("twin") });
        let qian = world.actor("qian").await;
        qian.sync(&[crate::actors::op("qian", 1, "same_as", id("104"), pair.clone(), |_| ())]).await;
        replica.follow(&lin).await;
        let first = id("104").min(id("twin"));
        let (one, other) = if first == id("104") { ("104", "twin") } else { ("twin", "104") };
        assert_eq!(row(&replica, one).0, "live");
        assert_eq!(row(&replica, other), (json!("alias"), json!(first)));
        let apart = crate::actors::op("qian", 2, "structure_reject", id("104"), json!({}), |op| {
            op["seen"] = json!([id("op qian 1")]);
        });
        qian.sync(&[apart]).await;
        replica.follow(&lin).await;
        assert_eq!((row(&replica, one).0, row(&replica, other).0), (json!("live"), json!("live")));
        // A third room arrives with the key of the first: a hard key joins by itself, a person's
        // word that they differ separates for good.
        let same_key = crate::actors::op("lin", 3, "office_add", id("104 again"), json!({
            "floor_id": id("floor 1"), "office_id": id("104 again"), "label": "1-04室",
        }), |_| ());
        lin.sync(&[same_key]).await;
        replica.follow(&lin).await;
        let first = id("104").min(id("104 again"));
        let other = if first == id("104") { "104 again" } else { "104" };
        assert_eq!(row(&replica, other), (json!("alias"), json!(first)));
        let pair = json!({ "a": id("104 again"), "b": id("104") });
        qian.sync(&[crate::actors::op("qian", 4, "not_same_as", id("104"), pair, |_| ())]).await;
        replica.follow(&lin).await;
        assert_eq!(row(&replica, "104").0, "live");
        assert_eq!(row(&replica, "104 again").0, "live");
        assert_eq!(replica.entities, Replica::download(&lin).await.entities);
    }
}

#[test]
fn a_client_hears_from_either_side_which_one_is_too_old() {
    let told = |status, sync_version| {
        let content_type = Some("application/json");
        let response =
            reply::Response { status, content_type, sync_version, retry_after: None, body: b"{}" };
        reply::read(&response, 0).err()
    };
    let stopped = |why| Some(Failure::Stopped(why));
    assert_eq!(told(426, Some("2")), stopped(Stopped::ServerTooNew));
    assert_eq!(told(200, Some("2, 3")), stopped(Stopped::ServerTooNew));
    assert_eq!(told(426, Some("0")), stopped(Stopped::ServerTooOld));
    assert_eq!(told(200, Some("0")), stopped(Stopped::ServerTooOld));
}
