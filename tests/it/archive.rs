//! The archive of originals, against stores that keep their promises and stores that do not.

use crate::object_store::{Defect, Strict, archive_at, liar};
use crate::world::{Database, MONDAY_MS, World, id, on_both};
use crate::{actors::Actor, ceph, world};
use reqwest::Method;
use saolou_protocol::canonical::Hash;
use saolou_server::clock::Clock;
use saolou_server::commands::{NewUser, archive_to, make_user};
use saolou_server::config::{ArchiveAct, ArchiveCommand, ArchiveSettings, LockMode, Worm};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A variable that Cargo sets for every test: its value serves as a password.
const PASSWORD_ENV: &str = "CARGO_PKG_NAME";

/// What a command needs besides its settings.
#[derive(Default)]
pub(crate) struct With<'a> {
    pub(crate) original: Option<Hash>,
    pub(crate) days: Option<u32>,
    pub(crate) by: Option<&'a str>,
}

/// Runs `saolou archive …`; gives whether all is well, and what it says.
pub(crate) async fn command(
    world: &World,
    at: &ArchiveSettings,
    act: ArchiveAct,
    with: With<'_>,
) -> (bool, Value) {
    let mut settings = world.settings().clone();
    settings.archive = at.clone();
    let options = ArchiveCommand {
        act,
        settings,
        now: true,
        from_archive: true,
        sha256: with.original.map(|hash| hash.to_string()),
        days: with.days,
        by: with.by.map(str::to_owned),
        reason: Some("its time is over".to_owned()),
        password_env: Some(PASSWORD_ENV.to_owned()),
    };
    let mut out = Vec::new();
    match archive_to(&options, &world.clock, &mut out).await {
        Ok(is_well) => (is_well, serde_json::from_slice(&out).expect("one document")),
        Err(error) => (false, json!({ "error": error.to_string() })),
    }
}

/// Accounts of those who may remove together, `one` and `two`, and of one who may not, `three`.
pub(crate) async fn removers(world: &World) {
    let password = std::env::var(PASSWORD_ENV).expect("Cargo sets it");
    for (username, role) in
        [("one", "privacy_officer"), ("two", "security_admin"), ("three", "inspector")]
    {
        let new = NewUser { username, name: username, password: &password, role, top: None };
        make_user(world.settings(), &new).await.expect("an account");
    }
}

async fn scrub(world: &World, at: &ArchiveSettings) -> (bool, Value) {
    command(world, at, ArchiveAct::Scrub, With::default()).await
}

/// Puts an original where the server keeps what it received.
async fn receive(world: &World, name: &str) -> Hash {
    let bytes = [b"\xFF\xD8\xFF".as_slice(), name.repeat(5000).as_bytes()].concat();
    let hash = Hash::of(&bytes);
    let file = file_of(world, hash);
    fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("a folder");
    fs::write(&file, &bytes).expect("a file");
    let mut direct = world.direct().await;
    let (photo, building) = (direct.id(id(name)), direct.id(id("building")));
    let street = direct.id(id("street"));
    let (author, sha256) = (direct.id(id("wang")), direct.blob(&hash.0));
    let sql = format!(
        "insert into photo (street_id, photo_id, author_id, sha256, building_id, media_type, \
         bytes, state, received_ms) values ({street}, {photo}, {author}, {sha256}, {building}, \
         'image/jpeg', {}, 'stored', {MONDAY_MS})",
        bytes.len()
    );
    direct.execute(&sql).await;
    hash
}

fn file_of(world: &World, hash: Hash) -> PathBuf {
    let name = hash.to_string();
    world.folder().join("photos/sha256").join(&name[..2]).join(name)
}

fn is_whole(world: &World, hash: Hash) -> bool {
    fs::read(file_of(world, hash)).is_ok_and(|bytes| Hash::of(&bytes) == hash)
}

/// Changes a byte of the file, as a bad disk or a bad person does.
fn damage(world: &World, hash: Hash) {
    let file = file_of(world, hash);
    let mut bytes = fs::read(&file).expect("it was there");
    bytes[0] ^= 1;
    fs::remove_file(&file).expect("its folder may be written");
    fs::write(&file, bytes).expect("a file");
}

async fn copies(world: &World, what: &str) -> i64 {
    world.number(&format!("select count(*) from archive_copy where {what}")).await
}

/// A world whose clock runs with that of the stores, without the small street.
async fn bare() -> World {
    World::empty(Database::Sqlite).await.expect("SQLite is built in")
}

/// What a probe says is missing.
async fn missing(world: &World, at: &ArchiveSettings) -> (bool, Vec<String>) {
    let (is_well, report) = command(world, at, ArchiveAct::Probe, With::default()).await;
    let needed =
        |check: &&Value| check["outcome"] != "holds" && check["property"] != "default_retention";
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("a report: {report}"));
    let names = checks.iter().filter(needed).map(|check| check["property"].clone());
    (is_well, names.map(|name| name.as_str().expect("a name").to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_write_once_only_where_it_keeps_every_promise() {
    let mut world = bare().await;
    world.stop().await;
    let strict = Strict::start(&world.clock).await;
    let (is_well, lacking) = missing(&world, &archive_at(&strict.address)).await;
    assert!(is_well && lacking.is_empty(), "a strict store lacks nothing: {lacking:?}");
    for (defect, lacks) in [
        (Defect::ShowsNoLock, "lock_kept"),
        (Defect::Shortens, "shorten"),
        (Defect::Weakens, "downgrade"),
        (Defect::Overwrites, "overwrite"),
        (Defect::DeletesByMarker, "delete_marker"),
        (Defect::Deletes, "delete_version"),
        (Defect::Bypasses, "delete_bypass"),
        (Defect::DeletesHeld, "legal_hold"),
        (Defect::TakesDamage, "checksum"),
        (Defect::Forgets, "read_back"),
    ] {
        let store = Strict::start(&world.clock).await.with(defect);
        let (is_well, lacking) = missing(&world, &archive_at(&store.address)).await;
        assert!(!is_well, "{defect:?} is found");
        assert_eq!(lacking.first().map(String::as_str), Some(lacks), "{defect:?}: {lacking:?}");
    }
    // What is written twice costs space and no evidence.
    let store = Strict::start(&world.clock).await.with(Defect::Replaces);
    let (is_well, lacking) = missing(&world, &archive_at(&store.address)).await;
    assert!(is_well && lacking == ["only_new"], "{lacking:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_only_takes_the_headers_is_refused_where_write_once_is_required() {
    let mut world = World::new(Database::Sqlite).await.expect("SQLite is built in");
    let hash = receive(&world, "licence").await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = archive_at(&liar(folder.path()).await);
    let required = ArchiveSettings { worm: Worm::Required, ..at.clone() };
    let (is_well, done) = scrub(&world, &required).await;
    assert!(!is_well, "{done}");
    let why = done["unread"][0].as_str().unwrap_or_default();
    assert!(why.contains("worm = required") && why.contains("lock_kept"), "{done}");
    assert_eq!(copies(&world, "store <> 'local'").await, 0);
    // The server says so to whoever asks, and receives on.
    world.archiving(required).await;
    let qian = world.actor("qian").await;
    let mut ready = String::new();
    for _ in 0..600 {
        ready = text(&qian, "/health/ready").await;
        if ready.contains("lacks") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(ready.starts_with("ready") && ready.contains("lock_kept"), "{ready}");
    // Told to do its best, it archives, and calls it by its name.
    let (is_well, done) = scrub(&world, &at).await;
    assert!(is_well && done["archived"] == 1, "{done}");
    let honest = "store <> 'local' and mode = 'none' and is_proven = 0 and state = 'whole'";
    assert_eq!(copies(&world, honest).await, 1);
    assert!(is_whole(&world, hash));
}

async fn text(actor: &Actor, path: &str) -> String {
    actor.send(Method::GET, path, None).await.text().await.expect("a text")
}

on_both! {
    async fn an_original_is_archived_once_however_often_it_is_tried(world: World) {
        let store = Strict::start(&world.clock).await.with(Defect::Replaces);
        let at = ArchiveSettings { worm: Worm::Required, ..archive_at(&store.address) };
        let (one, other) = (receive(&world, "licence").await, receive(&world, "door").await);
        for (archived, forget) in [(2, true), (2, true), (2, false), (0, false)] {
            let (is_well, done) = scrub(&world, &at).await;
            assert!(is_well && done["archived"] == archived, "{done}");
            if forget {
                // Killed after the store had it and before the database knew.
                let mut direct = world.direct().await;
                direct.execute("delete from archive_copy where store <> 'local'").await;
            }
        }
        for hash in [one, other] {
            assert_eq!(store.versions(hash), (1, 1));
        }
        let locked = "mode = 'compliance' and is_proven = 1 and retain_until_ms > 0";
        assert_eq!(copies(&world, locked).await, 2);
        let keys = store.names();
        let originals = keys.iter().filter(|key| key.starts_with("of/street/originals/sha256/"));
        assert_eq!(originals.count(), 2, "{keys:?}");
    }

    async fn what_waits_for_a_store_that_is_down_is_archived_when_it_is_back(world: World) {
        let store = Strict::start(&world.clock).await.with(Defect::IsDown);
        let at = ArchiveSettings { worm: Worm::Required, ..archive_at(&store.address) };
        receive(&world, "licence").await;
        let (is_well, done) = scrub(&world, &at).await;
        assert!(!is_well && done["archived"] == 0, "{done}");
        let (_, status) = command(&world, &at, ArchiveAct::Status, With::default()).await;
        assert_eq!((&status["waiting"], &status["waiting_since_ms"]), (&json!(1), &json!(MONDAY_MS)));
        store.plant(Defect::IsDown, false);
        let (is_well, done) = scrub(&world, &at).await;
        assert!(is_well && done["archived"] == 1, "{done}");
        let (_, status) = command(&world, &at, ArchiveAct::Status, With::default()).await;
        assert_eq!((&status["waiting"], &status["missing"]), (&json!(0), &json!([])));
    }

    async fn a_bad_copy_is_mended_from_the_other_and_nothing_is_deleted(world: World) {
        let store = Strict::start(&world.clock).await;
        let at = archive_at(&store.address);
        let names = ["damaged here", "missing here", "damaged there", "missing there", "lost"];
        let mut hashes = Vec::new();
        for name in names {
            hashes.push(receive(&world, name).await);
        }
        assert!(scrub(&world, &at).await.0);
        damage(&world, hashes[0]);
        fs::remove_file(file_of(&world, hashes[1])).expect("it was there");
        store.damage(hashes[2]);
        store.lose(hashes[3]);
        damage(&world, hashes[4]);
        store.damage(hashes[4]);
        let (is_well, done) = scrub(&world, &at).await;
        assert!(!is_well, "one is lost for good: {done}");
        assert_eq!(done["mended"], 4, "{done}");
        let bad = done["bad"].as_array().expect("a list");
        assert!(bad.len() == 2 && bad.iter().all(|bad| bad["sha256"] == json!(hashes[4])), "{done}");
        for hash in &hashes[..4] {
            assert!(is_whole(&world, *hash), "{hash} is here");
            assert_eq!(store.versions(*hash).1, 1, "{hash} is there");
        }
        assert_eq!(store.versions(hashes[2]), (2, 1), "the bad version stays behind the good one");
        let aside = fs::read_dir(world.folder().join("photos/damaged")).expect("a folder").count();
        assert_eq!(aside, 1, "the bad file was set aside");
        assert_eq!(world.number("select count(*) from archive_finding").await, 6);
        assert_eq!(copies(&world, "state = 'damaged'").await, 2);
        // Nothing new is found the next time.
        assert!(!scrub(&world, &at).await.0);
        assert_eq!(world.number("select count(*) from archive_finding").await, 6);
    }

    async fn retention_only_grows_and_removal_takes_two_persons(world: World) {
        let store = Strict::start(&world.clock).await;
        let at = archive_at(&store.address);
        let hash = receive(&world, "licence").await;
        removers(&world).await;
        assert!(scrub(&world, &at).await.0);
        let act = async |act, days, by| {
            command(&world, &at, act, With { original: Some(hash), days, by }).await
        };
        let until = |told: &Value| told["retain_until_ms"].as_i64().expect("a time");
        let first = until(&act(ArchiveAct::Extend, Some(1), None).await.1);
        let days = |until_ms: i64| (until_ms - MONDAY_MS) / world::DAY_MS;
        assert_eq!(days(first), 365, "it does not shrink");
        let longer = until(&act(ArchiveAct::Extend, Some(400), None).await.1);
        assert_eq!(days(longer), 400);
        assert_eq!(act(ArchiveAct::Hold, None, None).await.1["is_held"], true);
        world.clock.set_ms(MONDAY_MS + 401 * world::DAY_MS);
        let (_, told) = act(ArchiveAct::Remove, None, Some("one")).await;
        assert!(told["kept"].as_str().is_some_and(|why| why.contains("legal hold")), "{told}");
        assert_eq!(act(ArchiveAct::Free, None, None).await.1["is_held"], false);
        for (by, wanted) in [
            ("three", "kept"),
            ("one", "asked"),
            ("one", "two persons"),
            ("two", "removed"),
        ] {
            assert!(is_whole(&world, hash), "it is there before two have agreed");
            let (_, told) = act(ArchiveAct::Remove, None, Some(by)).await;
            assert!(told.to_string().contains(wanted), "{by}: {told}");
        }
        assert_eq!(store.versions(hash), (0, 0));
        assert!(!file_of(&world, hash).exists());
        // A scrub does not miss it, and does not bring it back.
        let (is_well, done) = scrub(&world, &at).await;
        assert!(is_well && done["archived"] == 0, "{done}");
        assert_eq!(copies(&world, "state = 'removed'").await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_folder_and_database_come_back_from_the_archive() {
    let world = World::new(Database::Sqlite).await.expect("SQLite is built in");
    let store = Strict::start(&world.clock).await;
    let at = archive_at(&store.address);
    let (good, bad) = (receive(&world, "licence").await, receive(&world, "door").await);
    assert!(scrub(&world, &at).await.0);
    let other = bare().await;
    let (is_well, told) = command(&other, &at, ArchiveAct::Restore, With::default()).await;
    assert!(is_well && told["fetched"] == 2 && told["unnamed"] == 2, "{told}");
    assert!(is_whole(&other, good) && is_whole(&other, bad));
    assert_eq!(copies(&other, "mode = 'compliance' and state = 'whole'").await, 2);
    // Again it goes on where it was, and what is bad in the archive is not believed.
    store.damage(bad);
    fs::remove_file(file_of(&other, bad)).expect("it was there");
    let (is_well, told) = command(&other, &at, ArchiveAct::Restore, With::default()).await;
    assert!(!is_well && told["here"] == 1 && told["bad"] == json!([bad]), "{told}");
    assert!(!file_of(&other, bad).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_an_archive_that_says_it_locks_nothing() {
    let world = World::new(Database::Sqlite).await.expect("SQLite is built in");
    let hash = receive(&world, "licence").await;
    let disk = tempfile::tempdir().expect("a temporary folder");
    let folder = disk.path().join("second disk");
    let at = ArchiveSettings {
        archive: Some(folder.display().to_string()),
        ..ArchiveSettings::default()
    };
    let required = ArchiveSettings { worm: Worm::Required, ..at.clone() };
    let (is_well, done) = scrub(&world, &required).await;
    assert!(!is_well && done["unread"][0].as_str().unwrap_or_default().contains("locks nothing"));
    let (is_well, done) = scrub(&world, &at).await;
    assert!(is_well && done["archived"] == 1, "{done}");
    assert_eq!(copies(&world, "mode = 'none' and retain_until_ms is null").await, 2);
    fs::remove_file(file_of(&world, hash)).expect("it was there");
    assert_eq!(scrub(&world, &at).await.1["mended"], 1);
    assert!(is_whole(&world, hash));
    assert!(!command(&world, &at, ArchiveAct::Probe, With::default()).await.0);
}

/// Ceph's gateway, where it is installed: locks are kept for real, and its owner may bypass
/// governance. Its clock is the real one.
#[tokio::test(flavor = "multi_thread")]
async fn ceph_is_believed_as_far_as_it_deserves_it() {
    let Some(gateway) = ceph::Gateway::start().await else { return };
    let mut world = World::new(Database::Sqlite).await.expect("SQLite is built in");
    world.clock = Clock::default();
    let hash = receive(&world, "licence").await;
    let strict = |lock| ArchiveSettings {
        worm: Worm::Required,
        archive_lock: lock,
        retention_days: 1,
        ..gateway.archive("locked")
    };
    let (is_well, lacking) = missing(&world, &strict(LockMode::Governance)).await;
    assert!(!is_well && lacking == ["only_new", "shorten", "delete_bypass"], "{lacking:?}");
    let (is_well, lacking) = missing(&world, &strict(LockMode::Compliance)).await;
    assert!(is_well && lacking == ["only_new"], "{lacking:?}");
    let plain = ArchiveSettings { worm: Worm::Required, ..gateway.archive("plain") };
    assert!(!scrub(&world, &plain).await.0, "a bucket without locks is refused");
    let at = strict(LockMode::Compliance);
    for archived in [1, 0] {
        let (is_well, done) = scrub(&world, &at).await;
        assert!(is_well && done["archived"] == archived, "{done}");
    }
    assert_eq!(copies(&world, "mode = 'compliance' and is_proven = 1").await, 1);
    let with = |days| With { original: Some(hash), days, by: None };
    let (_, held) = command(&world, &at, ArchiveAct::Hold, with(None)).await;
    assert_eq!(held["is_held"], true, "{held}");
    let (_, freed) = command(&world, &at, ArchiveAct::Free, with(None)).await;
    assert_eq!(freed["is_held"], false, "{freed}");
    let (is_well, longer) = command(&world, &at, ArchiveAct::Extend, with(Some(2))).await;
    assert!(is_well, "{longer}");
    fs::remove_file(file_of(&world, hash)).expect("it was there");
    let (is_well, done) = scrub(&world, &at).await;
    assert!(is_well && done["mended"] == 1 && is_whole(&world, hash), "{done}");
}
