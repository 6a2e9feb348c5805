//! Photos whose record did not come where they are (C36): the record comes later, or the desk finds the
//! building where it is.

use crate::actors::Actor;
use crate::findings::{CODE, promise, second_building};
use crate::photo_faults::send_rest;
use crate::uploads::{has_pending_evidence, picture, sha256, vacant};
use crate::world::{DAY_MS, World, id, on_both};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const BOUND: &str = "select count(*) from photo where bound_ms is not null";

/// The photos without a record that the desk is told of.
async fn orphans(world: &World) -> Vec<Value> {
    let qian = world.actor("qian").await;
    let listed = qian.get(&format!("/api/v1/photos?unit={}&waiting=orphan", id("street"))).await;
    let items = listed["items"].as_array().expect("items").iter();
    items.map(|item| item["photo_id"].clone()).collect()
}

async fn decide(who: &Actor, photo: &str, bytes: &[u8], decision: &str) -> reqwest::Response {
    let body = json!({
        "sha256": sha256(bytes), "author_id": id("wang"), "decision": decision,
        "reason": "照片传到了隔壁楼", "building_id": id("B2"),
    });
    who.send(Method::POST, &format!("/api/v1/photos/{}/decide", id(photo)), Some(body)).await
}

on_both! {
    async fn the_desk_attaches_a_photo_to_the_building_where_its_record_is(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        second_building(&qian).await;
        // Both were sent for the building; the records are in the one beside it, one before the desk
        // decides and one after.
        let names = ["early", "late"];
        let photos = names.map(|name| picture(name, 5_000));
        for (name, bytes) in names.iter().zip(&photos) {
            send_rest(&wang, name, bytes, 0).await;
        }
        wang.sync(&[promise(1, "B2", "301", "early", "corridor", CODE)]).await;
        assert_eq!(world.number(BOUND).await, 0, "it is said to be elsewhere");
        world.clock.set_ms(world.clock.now_ms() + DAY_MS + 60_000);
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        assert_eq!(orphans(&world).await.len(), 2);
        for (decision, who) in [("attach", &wang), ("release", &qian), ("discard", &qian)] {
            let refused = decide(who, "early", &photos[0], decision).await;
            assert!(refused.status().is_client_error(), "{decision}");
        }
        for (name, bytes) in names.iter().zip(&photos) {
            assert_eq!(decide(&qian, name, bytes, "attach").await.status(), StatusCode::OK, "{name}");
        }
        assert_eq!(world.number(BOUND).await, 1);
        assert_eq!(orphans(&world).await, [json!(id("late"))]);
        wang.sync(&[promise(2, "B2", "301", "late", "corridor", CODE)]).await;
        assert_eq!(world.number(BOUND).await, 2, "whichever came first");
        assert!(orphans(&world).await.is_empty());
        let mut direct = world.direct().await;
        let there = direct.id(id("B2"));
        let sql = format!("select count(*) from photo where building_id = {there} and state = 'stored'");
        assert_eq!(direct.number(&sql).await, 2);
        assert_eq!(world.number("select count(*) from quarantine").await, 0);
        let again = decide(&qian, "early", &photos[0], "attach").await;
        assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY, "it has its record");
        crate::rebuild::assert_rebuilt(&world).await;
    }

    async fn a_photo_without_a_record_is_seen_by_the_desk_alone_until_its_record_comes(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let bytes = picture("lone", 5_000);
        send_rest(&wang, "lone", &bytes, 0).await;
        let see = |who: Actor| async move {
            let wanted = json!({ "variant": "original", "reason": "核对" });
            let path = format!("/api/v1/photos/{}/link", id("lone"));
            who.send(Method::POST, &path, Some(wanted)).await.status()
        };
        assert_eq!(see(lin).await, StatusCode::NOT_FOUND);
        assert_eq!(see(world.actor("qian").await).await, StatusCode::OK);
        // A year later it is still here, and its record finds it.
        world.clock.set_ms(world.clock.now_ms() + 365 * DAY_MS);
        assert_eq!(orphans(&world).await, [json!(id("lone"))]);
        let wang = world.actor("wang").await;
        wang.sync(&[vacant(1, "101", "lone", &bytes)]).await;
        assert!(orphans(&world).await.is_empty());
        assert!(!has_pending_evidence(&wang, "101").await);
        assert_eq!(world.number(BOUND).await, 1);
    }
}
