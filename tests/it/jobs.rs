//! Jobs: each is done once, by whichever server takes it, and what a killed server had taken is taken
//! again.

use crate::database::Direct;
use crate::world::{MONDAY_MS, World, id, on_both};
use saolou_protocol::canonical::Hash;
use std::time::Duration;

/// Waits until a query gives a number; a job is at work on its own.
pub(crate) async fn until(world: &World, sql: &str, number: i64) {
    let mut direct = world.direct().await;
    let mut found = 0;
    for _ in 0..600 {
        found = direct.number(sql).await;
        if found == number {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{sql}: {found} instead of {number} after half a minute");
}

/// Puts bytes where originals are, as if they had been received.
pub(crate) fn keep(world: &World, bytes: &[u8]) -> Hash {
    let hash = Hash::of(bytes);
    let folder = world.folder().join("photos/sha256").join(&hash.to_string()[..2]);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(hash.to_string()), bytes).expect("a file");
    hash
}

pub(crate) async fn put_job(
    direct: &mut Direct,
    hash: Hash,
    attempts: i64,
    due_ms: i64,
    is_held: bool,
) {
    let holder = if is_held { direct.id(id("killed")) } else { "null".into() };
    let (sha256, photo) = (direct.blob(&hash.0), direct.id(id(&hash.to_string())));
    let sql = format!(
        "insert into job (sha256, stage, version, photo_id, state, attempts, due_ms, holder, \
         created_ms) values ({sha256}, 'decode', 1, {photo}, 'waiting', {attempts}, {due_ms}, \
         {holder}, {MONDAY_MS})"
    );
    direct.execute(&sql).await;
}

on_both! {
    async fn what_a_killed_server_had_taken_is_done_when_its_hold_has_ended(world: World) {
        let hash = keep(&world, b"no picture");
        put_job(&mut world.direct().await, hash, 1, MONDAY_MS + 3_600_000, true).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(world.number("select count(*) from job where stage = 'decode' and state = 'done'").await, 0);
        world.clock.set_ms(MONDAY_MS + 3_600_001);
        until(&world, "select count(*) from job where stage = 'decode' and state = 'done' and attempts = 2", 1).await;
    }

    async fn what_cannot_be_done_is_given_up_at_last_and_stays_listed_with_its_reason(world: World) {
        let missing = Hash::of(b"never received");
        put_job(&mut world.direct().await, missing, 5, MONDAY_MS, false).await;
        let sql = "select count(*) from job where state = 'failed' and attempts = 6 \
                   and reason is not null and ended_ms is not null and holder is null";
        until(&world, sql, 1).await;
    }

    async fn several_servers_do_each_job_once(world: World) {
        let beside = world.beside().await;
        let mut direct = world.direct().await;
        for number in 0..16_u8 {
            let hash = keep(&world, &[number]);
            beside.iter().for_each(|beside| _ = keep(beside, &[number]));
            put_job(&mut direct, hash, 0, MONDAY_MS, false).await;
        }
        until(&world, "select count(*) from job where stage = 'decode' and state = 'done'", 16).await;
        assert_eq!(direct.number("select max(attempts) from job where stage = 'decode'").await, 1);
    }
}
