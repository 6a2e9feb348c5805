//! Photos: promised by a record, brought by themselves, before it or after it, whole or not at all.

use crate::actors::{Actor, op, problem};
use crate::world::{World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response};
use saolou_protocol::canonical::Hash;
use serde_json::{Value, json};

pub(crate) const DOOR: &[u8] = b"the empty room behind the door";

/// Brings bytes as the photo of this name, declared to be these.
pub(crate) async fn bring(who: &Actor, photo: &str, bytes: &[u8], declared: &[u8]) -> Response {
    let path = format!("/api/v1/photos/{}?building={}", id(photo), id("building"));
    let digest = STANDARD.encode(Hash::of(declared).0);
    let request = who.request(Method::PUT, &path).body(bytes.to_vec());
    let request = request.header("content-digest", format!("sha-256=:{digest}:"));
    request.send().await.expect("an answer")
}

/// A visit to an empty room, which promises a photo.
pub(crate) fn promise(n: i64, room: &str, photo: &str) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "kind": "initial", "office_ids": [id(room)],
        "outcome": "vacant", "photos": [{
            "photo_id": id(photo), "kind": "vacant_interior", "sha256": Hash::of(DOOR),
            "bytes": DOOR.len(),
        }],
    });
    op("wang", n, "visit", id(&format!("visit wang {n}")), body, |_| ())
}

fn is_pending(office: &Value) -> bool {
    office["flags"].as_array().is_some_and(|flags| flags.contains(&json!("evidence_pending")))
}

on_both! {
    async fn a_photo_counts_for_its_record_whichever_of_them_comes_first(world: World) {
        let wang = world.actor("wang").await;
        assert!(bring(&wang, "early", DOOR, DOOR).await.status().is_success());
        assert_eq!(wang.office("101").await["state"], "unvisited", "C36: a photo alone says nothing");
        wang.sync(&[promise(1, "101", "early"), promise(2, "102", "late")]).await;
        let [first, second] = [wang.office("101").await, wang.office("102").await];
        assert_eq!((&first["state"], is_pending(&first)), (&json!("covered"), false), "{first}");
        assert_eq!((&second["state"], is_pending(&second)), (&json!("covered"), true), "{second}");
        assert!(bring(&wang, "late", DOOR, DOOR).await.status().is_success());
        assert!(!is_pending(&wang.office("102").await), "C37 until it comes");
    }

    async fn bytes_that_are_not_the_promised_ones_are_refused_and_asked_for_again(world: World) {
        let wang = world.actor("wang").await;
        wang.sync(&[promise(1, "101", "door")]).await;
        for cut in [0, 1, DOOR.len() - 1] {
            let response = bring(&wang, "door", &DOOR[..cut], DOOR).await;
            problem(response, 422, "digest_mismatch", "C38").await;
        }
        let office = wang.office("101").await;
        assert_eq!((&office["state"], is_pending(&office)), (&json!("covered"), true), "C38: {office}");
        assert!(bring(&wang, "door", DOOR, DOOR).await.status().is_success());
        assert!(!is_pending(&wang.office("101").await));
    }

    async fn a_photo_that_is_brought_again_is_one(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[promise(1, "101", "door")]).await;
        let (one, other) = tokio::join!(
            bring(&wang, "door", DOOR, DOOR),
            bring(&wang, "door", DOOR, DOOR),
        );
        let mut answers = Vec::new();
        for response in [one, other, bring(&wang, "door", DOOR, DOOR).await] {
            assert!(response.status().is_success(), "C40: {}", response.status());
            answers.push(response.json::<Value>().await.expect("JSON"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "C40: {answers:?}");
        assert!(!is_pending(&qian.office("101").await));
        crate::rebuild::assert_rebuilt(&world).await;
    }
}
