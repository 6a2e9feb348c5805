//! Epochs: a database that went back to an older state, or that is another one, begins a new epoch by
//! itself; one that was only restarted does not.

use crate::actors::visit;
use crate::world::{Database, World, on_both};
use serde_json::Value;
use std::fs;

async fn epoch(world: &World) -> Value {
    world.actor("wang").await.sync(&[]).await["epoch"].clone()
}

on_both! {
    async fn a_server_that_is_started_again_keeps_its_epoch(given: World) {
        let mut world = given;
        let before = epoch(&world).await;
        world.actor("wang").await.sync(&[visit("wang", 1, "101", "locked")]).await;
        for _ in 0..2 {
            world.stop().await;
            world.start().await;
            assert_eq!(epoch(&world).await, before);
        }
    }

    async fn a_server_on_an_older_or_another_database_begins_a_new_epoch(given: World) {
        let mut world = given;
        let before = epoch(&world).await;
        world.stop().await;
        let (file, kept) = (world.folder().join("saolou.db"), world.folder().join("kept.db"));
        if world.database == Database::Sqlite {
            fs::copy(&file, &kept).expect("a copy of a closed file");
        }
        world.start().await;
        world.actor("wang").await.sync(&[visit("wang", 1, "101", "locked")]).await;
        world.stop().await;
        // It sees how far it has come.
        world.start().await;
        assert_eq!(epoch(&world).await, before);
        world.stop().await;
        if world.database == Database::Sqlite {
            fs::copy(&kept, &file).expect("the older file");
        } else {
            // As in a standby that was promoted: the same rows, on another timeline.
            let sql = "update setting set value = '7/00000001/5' where name = 'incarnation'";
            assert_eq!(world.direct().await.execute(sql).await, 1);
        }
        world.start().await;
        let after = epoch(&world).await;
        assert_ne!(after, before);
        world.stop().await;
        world.start().await;
        assert_eq!(epoch(&world).await, after, "one new epoch, not one at every start");
    }
}
