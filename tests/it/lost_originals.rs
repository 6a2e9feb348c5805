//! Originals that are noted and gone, as after the folder was set back to an older copy than the
//! database: a phone that still has one is asked for it, and must not throw it away.

use crate::jobs::until;
use crate::photo_faults::{assert_each_once, place};
use crate::uploads::{location, manifest, patch, picture, plan};
use crate::world::{MONDAY_MS, World, id, on_both};
use saolou_protocol::canonical::Hash;
use saolou_server::config::ArchiveSettings;
use serde_json::{Value, json};
use std::fs;

/// Brings a photo by the plan; gives what the plan says of it then.
async fn kept(world: &World, photo: &str, bytes: &[u8]) -> Value {
    let wang = world.actor("wang").await;
    let planned = plan(&wang, &[manifest(photo, bytes)]).await.remove(0);
    assert_eq!(patch(&wang, &location(&planned), 0, bytes).await.status(), 204);
    let kept = plan(&wang, &[manifest(photo, bytes)]).await.remove(0);
    assert_eq!((&kept["do"], kept["receipt"].is_string()), (&json!("have"), true), "{kept}");
    kept
}

/// What the plan says of a photo: `have`, `need`, …
async fn planned(world: &World, photo: &str, bytes: &[u8]) -> Value {
    let wang = world.actor("wang").await;
    plan(&wang, &[manifest(photo, bytes)]).await.remove(0)["do"].take()
}

on_both! {
    async fn an_original_that_is_gone_or_cut_short_is_asked_for_and_heals(world: World) {
        let bytes = picture("door", 60_000);
        let before = kept(&world, "door", &bytes).await;
        for cut in [None, Some(59_999), Some(0)] {
            let file = place(world.folder(), &bytes);
            fs::remove_file(&file).expect("it was there");
            if let Some(cut) = cut {
                fs::write(&file, &bytes[..cut]).expect("a file");
            }
            assert_eq!(planned(&world, "door", &bytes).await, "need", "{cut:?}");
            assert_eq!(planned(&world, "under another id", &bytes).await, "need", "{cut:?}");
            let after = kept(&world, "door", &bytes).await;
            assert_eq!(after, before, "{cut:?}: the same receipt");
            assert!(fs::read(&file).is_ok_and(|healed| healed == bytes), "{cut:?}");
            assert_each_once(&world, 1).await;
        }
        assert_eq!(planned(&world, "a copy", &bytes).await, "have", "it was shown to be his");
        crate::rebuild::assert_rebuilt(&world).await;
    }

    async fn an_original_that_is_whole_in_the_archive_needs_not_be_sent_again(given: World) {
        let mut world = given;
        let elsewhere = world.folder().join("elsewhere").display().to_string();
        let archive = ArchiveSettings { archive: Some(elsewhere), ..ArchiveSettings::default() };
        world.archiving(archive).await;
        let bytes = picture("door", 60_000);
        kept(&world, "door", &bytes).await;
        until(&world, "select count(*) from archive_copy where store <> 'local'", 1).await;
        fs::remove_file(place(world.folder(), &bytes)).expect("it was there");
        assert_eq!(planned(&world, "door", &bytes).await, "have");
        let mut direct = world.direct().await;
        direct.execute("update archive_copy set state = 'damaged' where store <> 'local'").await;
        assert_eq!(planned(&world, "door", &bytes).await, "need", "that copy is no copy");
    }

    async fn an_original_that_two_persons_removed_is_not_asked_for(world: World) {
        let bytes = picture("door", 60_000);
        kept(&world, "door", &bytes).await;
        fs::remove_file(place(world.folder(), &bytes)).expect("it was there");
        let mut direct = world.direct().await;
        let (sha256, one) = (direct.blob(&Hash::of(&bytes).0), direct.id(id("qian")));
        direct.execute(&format!(
            "insert into archive_removal (sha256, asked_by, asked_ms, reason) \
             values ({sha256}, {one}, {MONDAY_MS}, 'its time is over')"
        )).await;
        assert_eq!(planned(&world, "door", &bytes).await, "need", "one person alone decides nothing");
        let other = direct.id(id("zhao"));
        direct.execute(&format!(
            "update archive_removal set agreed_by = {other}, agreed_ms = {MONDAY_MS}"
        )).await;
        assert_eq!(planned(&world, "door", &bytes).await, "have");
    }
}
