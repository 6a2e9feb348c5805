//! A database that was set back to an older copy than the folder of photos: what lies there and is
//! named by no row is neither trusted nor thrown away, and phones that have it bring it once more.

use crate::actors::Actor;
use crate::evidence::{head, proof};
use crate::jobs::until;
use crate::photo_faults::{assert_each_once, place, send_rest};
use crate::uploads::{location, manifest, patch, picture, plan};
use crate::world::{DAY_MS, Database, World, id, on_both};
use saolou_protocol::evidence::proof::Shown;
use std::fs;
use std::path::PathBuf;

/// A copy of a database, made while its server stands still.
pub(crate) struct Backup {
    /// The file of SQLite.
    file: PathBuf,
    /// The tables of PostgreSQL, each with a copy beside it.
    tables: Vec<String>,
}

impl Backup {
    pub(crate) async fn of(world: &mut World) -> Self {
        world.stop().await;
        let file = world.folder().join("kept.db");
        let mut tables = Vec::new();
        if world.database == Database::Sqlite {
            fs::copy(world.folder().join("saolou.db"), &file).expect("a copy of a closed file");
        } else {
            let mut direct = world.direct().await;
            let sql =
                "select cast(tablename as text) from pg_tables where schemaname = current_schema()";
            tables = direct.texts(sql).await;
            for table in &tables {
                direct.execute(&format!("create table kept_{table} as table {table}")).await;
            }
        }
        world.start().await;
        Self { file, tables }
    }

    /// The server stands on the older database from now on, and on the folder as it is.
    pub(crate) async fn restore(self, world: &mut World) {
        world.stop().await;
        if world.database == Database::Sqlite {
            for name in ["saolou.db-wal", "saolou.db-shm"] {
                drop(fs::remove_file(world.folder().join(name)));
            }
            fs::copy(&self.file, world.folder().join("saolou.db")).expect("the older file");
        } else {
            let mut direct = world.direct().await;
            // What one table says of another holds in the end, and not in between.
            direct.execute("set session_replication_role = replica").await;
            direct.execute(&format!("truncate {}", self.tables.join(", "))).await;
            for table in &self.tables {
                direct.execute(&format!("insert into {table} select * from kept_{table}")).await;
            }
        }
        world.start().await;
    }
}

/// Begins an upload; gives where.
async fn begin(wang: &Actor, photo: &str, bytes: &[u8], sent: usize) -> String {
    let path = location(&plan(wang, &[manifest(photo, bytes)]).await[0]);
    assert_eq!(patch(wang, &path, 0, &bytes[..sent]).await.status(), 204);
    path
}

async fn planned(wang: &Actor, photo: &str, bytes: &[u8]) -> serde_json::Value {
    plan(wang, &[manifest(photo, bytes)]).await.remove(0)
}

on_both! {
    async fn an_older_database_on_a_newer_folder_has_every_photo_brought_again_once(given: World) {
        let mut world = given;
        let names = ["before", "after", "half", "ended", "begun"];
        let [before, after, half, ended, begun] = names.map(|name| picture(name, 50_000));
        let wang = world.actor("wang").await;
        let first = send_rest(&wang, "before", &before, 0).await;
        begin(&wang, "half", &half, 10_000).await;
        begin(&wang, "ended", &ended, 10_000).await;
        let backup = Backup::of(&mut world).await;
        let wang = world.actor("wang").await;
        let second = send_rest(&wang, "after", &after, 0).await;
        // Of these the older database knows less than the folder, or nothing.
        let path = location(&planned(&wang, "half", &half).await);
        assert_eq!(patch(&wang, &path, 10_000, &half[10_000..30_000]).await.status(), 204);
        let third = send_rest(&wang, "ended", &ended, 10_000).await;
        let left = begin(&wang, "begun", &begun, 20_000).await;
        let left = world.folder().join("photos/incoming").join(left.rsplit('/').next().expect("an id"));
        let proved = proof(&wang, id("after")).await.index;
        let size = head(&wang, proved + 1).await.checkpoint.size;
        backup.restore(&mut world).await;
        let wang = world.actor("wang").await;
        assert_eq!(send_rest(&wang, "before", &before, 0).await, first, "the same receipt");
        for (photo, bytes, receipt) in [("after", &after, Some(second)), ("ended", &ended, Some(third)),
            ("half", &half, None), ("begun", &begun, None)]
        {
            let told = planned(&wang, photo, bytes).await;
            assert!(told["do"] == "need" || told["do"] == "resume", "{photo}: {told}");
            // Where bytes that the row counts are no longer there, the phone hears so and asks anew.
            let at = usize::try_from(told["offset"].as_u64().expect("an offset")).expect("a small one");
            let status = patch(&wang, &location(&told), at, &bytes[at..]).await.status().as_u16();
            assert_eq!(status, if photo == "ended" { 410 } else { 204 }, "{photo}");
            let again = send_rest(&wang, photo, bytes, 0).await;
            if let Some(receipt) = receipt {
                assert_eq!(again, receipt, "{photo}: what was promised is what is logged");
            }
            assert!(fs::read(place(world.folder(), bytes)).is_ok_and(|kept| kept == *bytes), "{photo}");
        }
        assert_each_once(&world, names.len()).await;
        // The log is the one that was there before, and all of it is proved.
        let key = crate::evidence::key(&wang).await;
        assert!(head(&wang, size).await.checkpoint.size >= size);
        for name in names {
            let proof = proof(&wang, id(name)).await;
            let entry = proof.extra.clone().expect("the entry");
            let leaf = saolou_protocol::evidence::tree::leaf_hash(&entry);
            assert!(matches!(proof.check(leaf, &key), Shown::Included(_)), "{name}");
        }
        assert!(left.exists(), "the bytes of an upload that nobody knows are no garbage");
        crate::rebuild::assert_rebuilt(&world).await;
    }

    async fn an_original_that_no_row_names_is_kept_however_old_it_gets(given: World) {
        let mut world = given;
        let backup = Backup::of(&mut world).await;
        let bytes = picture("after", 50_000);
        let wang = world.actor("wang").await;
        send_rest(&wang, "after", &bytes, 0).await;
        backup.restore(&mut world).await;
        world.clock.set_ms(world.clock.now_ms() + 400 * DAY_MS);
        world.stop().await;
        world.start().await;
        // What looks for things to remove has looked: an upload from before is gone.
        until(&world, "select count(*) from upload", 0).await;
        assert!(fs::read(place(world.folder(), &bytes)).is_ok_and(|kept| kept == bytes));
    }
}
