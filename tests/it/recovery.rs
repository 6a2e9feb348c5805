//! What a database that was set back has forgotten of photos comes back from the log and the archive;
//! what nobody can know any more waits, and nothing is lost.

use crate::archive::{With, command, removers};
use crate::evidence::{head, proof};
use crate::jobs::until;
use crate::object_store::{Defect, Strict, archive_at};
use crate::photo_backups::Backup;
use crate::photo_faults::{assert_each_once, place, send_rest};
use crate::uploads::{has_pending_evidence, location, manifest, patch, picture, plan, vacant};
use crate::world::{DAY_MS, World, id, on_both};
use reqwest::Method;
use saolou_protocol::canonical::Hash;
use saolou_server::config::{ArchiveAct, ArchiveSettings};
use serde_json::{Value, json};

const ARCHIVED: &str =
    "select count(*) from archive_copy where store <> 'local' and state = 'whole'";

/// Runs `saolou archive restore --from-archive`; gives what it says of photos.
async fn restored(world: &World, at: &ArchiveSettings) -> (bool, Value) {
    let (is_well, mut told) = command(world, at, ArchiveAct::Restore, With::default()).await;
    assert!(told["photos"].is_object(), "{told}");
    (is_well, told["photos"].take())
}

fn counts(photos: &Value) -> [i64; 3] {
    ["placed", "unclaimed", "lost"].map(|name| photos[name].as_i64().expect("a number"))
}

/// What a receipt promises, but for how the archive keeps it, which is said anew each time.
fn promised(receipt: &str) -> &str {
    receipt.split_once("\nworm ").expect("a receipt").0
}

/// How many rows a photo has in a state.
async fn rows(world: &World, photo: &str, state: &str) -> i64 {
    let photo = world.direct().await.id(id(photo));
    world
        .number(&format!(
            "select count(*) from photo where photo_id = {photo} and state = '{state}'"
        ))
        .await
}

/// All of a photo is in its place: author, building, record.
async fn is_in_its_place(world: &World, photo: &str) -> bool {
    let direct = world.direct().await;
    let (photo, wang) = (direct.id(id(photo)), direct.id(id("wang")));
    let building = direct.id(id("building"));
    drop(direct);
    let sql = format!(
        "select count(*) from photo where photo_id = {photo} and author_id = {wang} \
         and building_id = {building} and state = 'stored' and bound_ms is not null"
    );
    world.number(&sql).await == 1
}

async fn logged(world: &World, photos: &[&str]) {
    let wang = world.actor("wang").await;
    for photo in photos {
        let at = proof(&wang, id(photo)).await.index;
        head(&wang, at + 1).await;
    }
    until(world, "select count(*) from evidence_event where leaf_index is null", 0).await;
}

on_both! {
    async fn photos_that_a_set_back_database_forgot_come_back_from_log_and_archive(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await;
        let at = archive_at(&store.address);
        world.archiving(at.clone()).await;
        let names = ["before", "begun", "licence", "orphan"];
        let [before, begun, licence, orphan] = names.map(|name| picture(name, 20_000));
        let wang = world.actor("wang").await;
        send_rest(&wang, "before", &before, 0).await;
        let path = location(&plan(&wang, &[manifest("begun", &begun)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &begun[..5_000]).await.status(), 204);
        let backup = Backup::of(&mut world).await;
        // The last hours before the database is set back.
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let record = vacant(1, "101", "licence", &licence);
        wang.sync(std::slice::from_ref(&record)).await;
        let mut receipts = Vec::new();
        for (name, bytes) in [("begun", &begun), ("licence", &licence), ("orphan", &orphan)] {
            receipts.push(send_rest(&wang, name, bytes, 0).await);
        }
        let for_case = json!({ "case": "案 1", "reason": "调取证据" });
        let path = format!("/api/v1/photos/{}/hold", id("before"));
        assert_eq!(qian.send(Method::POST, &path, Some(for_case)).await.status(), 200);
        until(&world, ARCHIVED, 4).await;
        logged(&world, &names).await;
        backup.restore(&mut world).await;
        assert_eq!(world.number("select count(*) from photo").await, 1);
        // Cut off by the store, it is simply done again.
        store.plant(Defect::IsDown, true);
        assert!(!command(&world, &at, ArchiveAct::Restore, With::default()).await.0);
        store.plant(Defect::IsDown, false);
        let (is_well, photos) = restored(&world, &at).await;
        assert!(is_well && counts(&photos) == [1, 2, 0], "{photos}");
        assert_eq!((&photos["holds"], photos["unknown"].as_array().map(Vec::len)),
            (&json!(1), Some(2)), "{photos}");
        let told = photos["told"].to_string();
        assert!(told.contains("2 photos wait") && told.contains("2 张照片的拍摄人"), "{told}");
        assert_eq!(rows(&world, "begun", "stored").await, 1, "its upload tells whose it is");
        assert_eq!(world.number("select count(*) from upload where state = 'open'").await, 0);
        let held = "select count(*) from evidence_hold where lifted_ms is null";
        assert_eq!(world.number(held).await, 1);
        let status = command(&world, &at, ArchiveAct::Status, With::default()).await.1;
        assert_eq!(status["waiting"], 0, "all are archived, and known to be: {status}");
        // The desk sees what waits, and who has the record brings the rest.
        let qian = world.actor("qian").await;
        let path = format!("/api/v1/photos?unit={}&waiting=quarantined", id("street"));
        let listed = qian.get(&path).await.to_string();
        assert!(listed.contains("record_lost") && listed.contains("恢复"), "{listed}");
        let wang = world.actor("wang").await;
        wang.sync(std::slice::from_ref(&record)).await;
        assert!(is_in_its_place(&world, "licence").await, "claimed by its record");
        assert!(!has_pending_evidence(&wang, "101").await);
        for (name, bytes, receipt) in [("begun", &begun, &receipts[0]),
            ("licence", &licence, &receipts[1]), ("orphan", &orphan, &receipts[2])]
        {
            // What the phone is promised is the entry that it was promised then.
            assert_eq!(promised(&send_rest(&wang, name, bytes, 0).await), promised(receipt), "{name}");
        }
        assert_each_once(&world, names.len()).await;
        let (is_well, photos) = restored(&world, &at).await;
        assert!(is_well && counts(&photos) == [0, 0, 0] && photos["holds"] == 0, "{photos}");
        assert_each_once(&world, names.len()).await;
        crate::rebuild::assert_rebuilt(&world).await;
    }

    async fn a_record_that_came_again_first_says_where_its_photo_belongs(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await;
        let at = archive_at(&store.address);
        world.archiving(at.clone()).await;
        let backup = Backup::of(&mut world).await;
        let bytes = picture("licence", 20_000);
        let wang = world.actor("wang").await;
        let record = vacant(1, "101", "licence", &bytes);
        wang.sync(std::slice::from_ref(&record)).await;
        send_rest(&wang, "licence", &bytes, 0).await;
        until(&world, ARCHIVED, 1).await;
        logged(&world, &["licence"]).await;
        backup.restore(&mut world).await;
        let wang = world.actor("wang").await;
        wang.sync(std::slice::from_ref(&record)).await;
        assert!(has_pending_evidence(&wang, "101").await);
        let (is_well, photos) = restored(&world, &at).await;
        assert!(is_well && counts(&photos) == [1, 0, 0], "{photos}");
        assert!(is_in_its_place(&world, "licence").await);
        assert!(!has_pending_evidence(&wang, "101").await);
        // The row alone is gone, as after a table was repaired: its op is here, and its entry.
        until(&world, "select count(*) from job where state <> 'done'", 0).await;
        let mut direct = world.direct().await;
        let events = world.number("select count(*) from evidence_event").await;
        direct.execute("delete from photo").await;
        assert_eq!(counts(&restored(&world, &at).await.1), [1, 0, 0]);
        assert!(is_in_its_place(&world, "licence").await);
        until(&world, "select count(*) from evidence_event", events).await;
        assert_eq!(world.number("select count(*) from quarantine").await, 0);
        crate::rebuild::assert_rebuilt(&world).await;
    }

    async fn without_an_archive_the_folder_beside_the_server_is_looked_at(given: World) {
        let mut world = given;
        let backup = Backup::of(&mut world).await;
        let bytes = picture("licence", 20_000);
        let wang = world.actor("wang").await;
        let record = vacant(1, "101", "licence", &bytes);
        wang.sync(std::slice::from_ref(&record)).await;
        send_rest(&wang, "licence", &bytes, 0).await;
        logged(&world, &["licence"]).await;
        backup.restore(&mut world).await;
        world.actor("wang").await.sync(std::slice::from_ref(&record)).await;
        let (is_well, photos) = restored(&world, &ArchiveSettings::default()).await;
        assert!(is_well && counts(&photos) == [1, 0, 0], "{photos}");
        assert!(photos["told"].to_string().contains("no archive is named"), "{photos}");
        assert!(is_in_its_place(&world, "licence").await);
        crate::rebuild::assert_rebuilt(&world).await;
    }

    async fn what_was_removed_stays_so_and_what_is_nowhere_is_told(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await;
        let at = archive_at(&store.address);
        world.archiving(at.clone()).await;
        removers(&world).await;
        let [old, new] = ["old", "new"].map(|name| picture(name, 20_000));
        let wang = world.actor("wang").await;
        send_rest(&wang, "old", &old, 0).await;
        until(&world, ARCHIVED, 1).await;
        let backup = Backup::of(&mut world).await;
        let wang = world.actor("wang").await;
        send_rest(&wang, "new", &new, 0).await;
        until(&world, ARCHIVED, 2).await;
        world.clock.set_ms(world.clock.now_ms() + 400 * DAY_MS);
        for by in ["one", "two"] {
            let with = With { original: Some(Hash::of(&old)), days: None, by: Some(by) };
            assert!(command(&world, &at, ArchiveAct::Remove, with).await.0, "{by}");
        }
        logged(&world, &["old", "new"]).await;
        backup.restore(&mut world).await;
        std::fs::remove_file(place(world.folder(), &new)).expect("it was there");
        store.lose(Hash::of(&new));
        let (is_well, photos) = restored(&world, &at).await;
        assert!(!is_well && counts(&photos) == [0, 0, 1] && photos["removals"] == 1, "{photos}");
        assert_eq!(photos["unknown"][0]["photo_id"], json!(id("new")), "{photos}");
        let wang = world.actor("wang").await;
        let planned = plan(&wang, &[manifest("old", &old), manifest("new", &new)]).await;
        assert_eq!((&planned[0]["do"], &planned[1]["do"]), (&json!("have"), &json!("need")));
        let (is_well, done) = command(&world, &at, ArchiveAct::Scrub, With::default()).await;
        assert!(is_well, "nobody misses what was removed: {done}");
        assert_eq!(restored(&world, &at).await.1["removals"], 0);
    }
}
