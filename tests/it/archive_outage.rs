//! An archive that is away for an hour: photos are received and stand as evidence, their jobs wait
//! longer and longer, and all is archived when it is back, by the same server.

use crate::jobs::until;
use crate::object_store::{Defect, Strict, archive_at};
use crate::photo_faults::{assert_each_once, place, send_rest};
use crate::uploads::{manifest, picture, plan};
use crate::world::{World, on_both};
use saolou_protocol::canonical::Hash;
use saolou_server::config::{ArchiveSettings, Worm};

const PHOTOS: i64 = 3;
const HOUR_MS: i64 = 3_600_000;
/// The longest wait of a job between two attempts.
const WAIT_MS_MAX: i64 = 15 * 60_000;
/// Whether it is known what the store promises; the folder of the world before it was tried, too.
const TRIED: &str = "select count(*) from archive_probe where store <> 'local'";
/// What was archived elsewhere and is whole.
const ARCHIVED: &str = "select count(*) from archive_copy where store <> 'local' and state = 'whole' and is_proven = 1";

fn photo(number: i64) -> (String, Vec<u8>) {
    let name = format!("photo {number}");
    let bytes = picture(&name, 20_000);
    (name, bytes)
}

fn required(store: &Strict) -> ArchiveSettings {
    ArchiveSettings { worm: Worm::Required, ..archive_at(&store.address) }
}

/// Brings the photos; each has its receipt.
async fn bring(world: &World) {
    let wang = world.actor("wang").await;
    for number in 0..PHOTOS {
        let (name, bytes) = photo(number);
        send_rest(&wang, &name, &bytes, 0).await;
    }
}

/// Waits until every original was tried so often, and waits for its next time.
async fn tried(world: &World, attempts: i64) {
    let sql = format!(
        "select count(*) from job where stage = 'archive' and state = 'waiting' \
         and attempts = {attempts} and holder is null and reason is not null"
    );
    until(world, &sql, PHOTOS).await;
}

/// The phone is done with its photos, and they are archived nowhere but here.
async fn stands_unarchived(world: &World) {
    let wang = world.actor("wang").await;
    for number in 0..PHOTOS {
        let (name, bytes) = photo(number);
        let planned = plan(&wang, &[manifest(&name, &bytes)]).await.remove(0);
        assert!(planned["do"] == "have" && planned["state"] == "stored", "{planned}");
        assert!(planned["receipt"].is_string(), "{planned}");
        assert!(place(world.folder(), &bytes).exists(), "{name}");
    }
    assert_eq!(world.number(ARCHIVED).await, 0);
    let failed = "select count(*) from job where state = 'failed'";
    assert_eq!(world.number(failed).await, 0, "an original is never given up");
}

/// Everything is there, once.
async fn is_archived(world: &World, store: &Strict) {
    until(world, ARCHIVED, PHOTOS).await;
    let done = "select count(*) from job where stage = 'archive' and state = 'done'";
    until(world, done, PHOTOS).await;
    for number in 0..PHOTOS {
        assert_eq!(store.versions(Hash::of(&photo(number).1)), (1, 1));
    }
    assert_each_once(world, usize::try_from(PHOTOS).expect("a few")).await;
}

on_both! {
    async fn an_archive_that_is_away_for_an_hour_gets_every_photo_when_it_is_back(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await;
        world.archiving(required(&store)).await;
        until(&world, TRIED, 1).await;
        store.plant(Defect::IsDown, true);
        // It shows what it is set to, however long this machine takes.
        let begun_ms = world.clock.now_ms();
        world.clock.halt_at(begun_ms);
        bring(&world).await;
        tried(&world, 1).await;
        let (mut attempts, mut wait_ms) = (1, 2_000);
        while world.clock.now_ms() < begun_ms + HOUR_MS {
            // It waits at least half of the longest wait, and never longer than that.
            let now_ms = world.clock.now_ms();
            let waits = format!(
                "select count(*) from job where stage = 'archive' and due_ms between {} and {}",
                now_ms + wait_ms / 2, now_ms + wait_ms
            );
            assert_eq!(world.number(&waits).await, PHOTOS, "after {attempts} attempts");
            world.clock.halt_at(now_ms + wait_ms);
            (attempts, wait_ms) = (attempts + 1, (wait_ms * 2).min(WAIT_MS_MAX));
            tried(&world, attempts).await;
        }
        assert!(attempts < 20, "{attempts} attempts in an hour");
        stands_unarchived(&world).await;
        store.plant(Defect::IsDown, false);
        world.clock.halt_at(world.clock.now_ms() + WAIT_MS_MAX);
        is_archived(&world, &store).await;
    }

    async fn an_archive_that_is_away_when_the_server_starts_is_used_when_it_is_there(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await.with(Defect::IsDown);
        world.archiving(required(&store)).await;
        bring(&world).await;
        tried(&world, 1).await;
        stands_unarchived(&world).await;
        store.plant(Defect::IsDown, false);
        until(&world, TRIED, 1).await;
        world.clock.set_ms(world.clock.now_ms() + WAIT_MS_MAX);
        is_archived(&world, &store).await;
    }
}
