//! What devices say in an ordinary sync, and whom it reaches.

use super::{deliver, devices, manifest};
use crate::actors::{Actor, problem, visit};
use crate::evidence::{head, refuses, set_back, until};
use crate::uploads::picture;
use crate::world::{World, id, on_both};
use reqwest::Method;
use serde_json::{Value, json};

on_both! {
    async fn the_desk_sees_what_a_phone_still_holds_and_how_its_clock_is_off(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let now_ms = world.clock.now_ms();
        for (pending, expected) in [
            (json!({ "records": 3, "photos": 12 }), json!({ "records": 3, "photos": 12 })),
            (json!("many"), Value::Null),
        ] {
            let body = json!({
                "device": wang.device, "pending": pending,
                "clock": { "wall_ms": now_ms + 600_000 },
            });
            assert_eq!(wang.sync_raw(body.to_string()).await.status(), 200, "nothing is refused for it");
            let found = devices(&qian).await;
            assert_eq!(found.len(), 1);
            assert_eq!(found[0]["pending"], expected, "{found:?}");
            let skew_ms = found[0]["skew_ms"].as_i64().expect("a number");
            assert!((590_000..=600_000).contains(&skew_ms), "{skew_ms}");
            assert!(found[0]["synced_ms"].as_i64() >= Some(now_ms));
        }
        let path = format!("/api/v1/devices?unit={}", id("street"));
        let other = world.actor("other qian").await;
        problem(other.send(Method::GET, &path, None).await, 404, "not_found", &path).await;
    }

    async fn a_database_that_was_set_back_meets_a_checkpoint_in_an_ordinary_sync(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        let sync = async |who: &Actor, carried: Option<String>| -> Value {
            let body = json!({ "device": who.device, "checkpoint": carried });
            who.sync_raw(body.to_string()).await.json().await.expect("JSON")
        };
        let photo = picture("photo 1", 1_500);
        deliver(&wang, &manifest(1, None, "photo 1", &photo, None), &photo).await;
        let early = head(&wang, 1).await;
        let photo = picture("photo 2", 1_500);
        deliver(&wang, &manifest(2, None, "photo 2", &photo, None), &photo).await;
        let late = head(&wang, early.checkpoint.size + 1).await;
        let told = until("the checkpoint is told", async || {
            let told = sync(&wang, Some(early.note.to_string())).await["checkpoint"].clone();
            (told == json!(late.note.to_string())).then_some(told)
        }).await;
        let carried = told.as_str().expect("a note").to_owned();
        assert_eq!(sync(&wang, Some(carried.clone())).await["checkpoint"], Value::Null, "once is enough");
        assert_eq!(sync(&wang, Some("rubbish".into())).await["checkpoint"], told);
        world.stop().await;
        std::fs::remove_dir_all(world.folder().join("evidence")).expect("it is there");
        set_back(&world, early.checkpoint.size).await;
        world.start().await;
        let wang = world.actor("wang").await;
        let reply = sync(&wang, Some(carried)).await;
        assert!(reply["server_now_ms"].is_i64(), "the sync itself is answered: {reply}");
        let sql = "select count(*) from evidence_known where source like 'device %'";
        assert_eq!(world.number(sql).await, 1);
        let photo = picture("photo 3", 1_500);
        deliver(&wang, &manifest(3, None, "photo 3", &photo, None), &photo).await;
        refuses(&world).await;
        assert_eq!(head(&wang, 1).await.checkpoint, early.checkpoint, "nothing is signed beside it");
    }
}
