//! Disks that are full: the server says so, goes on reading, and takes everything when there is room
//! again, without being started anew.
//!
//! The disks are real and small, mounted where only the server sees them; or its files may grow no
//! further. They are gone when it is.

use crate::actors::{Actor, problem};
use crate::hand::Crew;
use crate::host::{End, Host, url};
use crate::process::Process;
use crate::world::{Database, World, id};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use saolou_protocol::canonical::Hash;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const PHONES: u64 = 4;
const OPS: usize = 100;
/// How often phones must have been turned away.
const TURNED_AWAY: usize = 5;

/// Runs a server with its data on a small disk of its own: `$1` is the disk's size, `$2` where it is
/// to lie, beside the data that it takes over.
const ON_SMALL_DISK: &str = r#"
mount -t tmpfs -o "size=$1" saolou "$2" && cp "$2"/../saolou.db "$2" || exit
shift 2
exec "$@"
"#;

/// Runs a test and says so where it cannot be run here.
pub(crate) fn run(name: &str, test: impl Future<Output = Option<()>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    if runtime.block_on(test).is_none() {
        eprintln!("{name}: skipped, this machine does not allow it");
    }
}

/// A file that takes all the room that is left.
pub(crate) struct Filler(PathBuf);

impl Filler {
    pub(crate) fn fill(file: PathBuf) -> Self {
        let mut filler = fs::File::create(&file).expect("there is room for a name");
        for len in [64 * 1024, 4096, 1] {
            while filler.write_all(&vec![7; len]).is_ok() {}
        }
        Self(file)
    }

    pub(crate) fn make_room(self) {
        fs::remove_file(self.0).expect("it is there");
    }
}

/// Who may mount a disk for himself alone: root, and elsewhere whoever may be root in a namespace of
/// his own.
pub(crate) fn namespace() -> Option<&'static [&'static str]> {
    const WAYS: [&[&str]; 2] = [&["--mount"], &["--mount", "--map-root-user"]];
    let may = |way: &&&[&str]| {
        let mut command = Command::new("unshare");
        command.args(**way).args(["sh", "-c", "mount -t tmpfs saolou /tmp"]);
        let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        ended.is_ok_and(|status| status.success())
    };
    WAYS.iter().find(may).copied()
}

/// Signs in at a server that turns writers away: a session is a row, too.
async fn is_turned_away(actor: &Actor, base: &str, code: &str) {
    let who = json!({ "username": "lin", "password": crate::world::PASSWORD });
    let sent = actor.http.post(format!("{base}/api/v1/session")).json(&who).send().await;
    let response = sent.expect("an answer");
    let wait_s = response.headers()["retry-after"].to_str().expect("a number").to_owned();
    assert_eq!(wait_s, if code == "storage_full" { "30" } else { "2" });
    problem(response, 503, code, "a sign-in").await;
}

/// Reads what the desk reads.
async fn is_read_from(actor: &Actor, base: &str) {
    let path = format!("{base}/api/v1/buildings/{}/floors", id("building"));
    let sent = actor.http.request(Method::GET, path).bearer_auth(&actor.token).send().await;
    assert_eq!(sent.expect("an answer").status(), StatusCode::OK, "reading goes on");
}

/// Sends a photo for which there is no room; nothing of it stays.
async fn takes_no_photo(actor: &Actor, base: &str, folder: &Path) {
    let bytes = vec![7; 300 * 1024];
    let digest = format!("sha-256=:{}:", STANDARD.encode(Hash::of(&bytes).0));
    let path = format!("{base}/api/v1/photos/{}?building={}", id("photo"), id("building"));
    let request = actor.http.put(path).bearer_auth(&actor.token);
    let sent = request.header("content-digest", digest).body(bytes).send().await;
    problem(sent.expect("an answer"), 507, "storage_full", "a photo").await;
    for place in ["photos/incoming", "photos/once"] {
        let litter = fs::read_dir(folder.join(place)).expect("a folder").count();
        assert_eq!(litter, 0, "nothing of it stays in {place}");
    }
}

async fn signed_in(world: &mut World) -> (Actor, Actor) {
    let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
    world.stop().await;
    (wang, qian)
}

#[test]
fn on_a_full_disk_the_server_says_so_reads_on_and_takes_everything_once_there_is_room() {
    run("SQLite on a full disk", async {
        let unshare = namespace()?;
        let mut world = World::new(Database::Sqlite).await?;
        let (wang, qian) = signed_in(&mut world).await;
        let disk = world.folder().join("disk");
        fs::create_dir(&disk).expect("the folder is new");
        let place = disk.to_str().expect("a plain path");
        let shell = ["sh", "-c", ON_SMALL_DISK, "sh", "16m", place];
        let by = [&["unshare"], unshare, &shell].concat();
        let mut process = Process::start_by(&by, &world, &disk)?;
        // What lies on its disk is seen through it alone.
        let inside = disk.strip_prefix("/").expect("it is absolute");
        let seen = PathBuf::from(format!("/proc/{}/root", process.id())).join(inside);
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS);
        crew.answered(20).await;
        let filler = Filler::fill(seen.join("filler"));
        crew.until(|told| told.failures(503, "storage_full") >= TURNED_AWAY).await;
        is_turned_away(&wang, &process.base, "storage_full").await;
        takes_no_photo(&wang, &process.base, &seen).await;
        is_read_from(&qian, &process.base).await;
        filler.make_room();
        let told = crew.come_home().await;
        told.stands(&wang, &process.base).await;
        assert!(process.runs(), "the server was never started again");
        for file in ["saolou.db", "saolou.db-wal"] {
            fs::copy(seen.join(file), world.folder().join(file)).expect("nobody writes any more");
        }
        process.kill();
        told.is_kept_in(&world).await;
        told.assert_failed_only_with(&[(503, "storage_full")]);
        Some(())
    });
}

#[test]
fn files_that_may_not_grow_turn_writers_away_until_they_may() {
    run("files that may not grow", async {
        let mut world = World::new(Database::Sqlite).await?;
        let (wang, qian) = signed_in(&mut world).await;
        // Without the trap the system ends a program that writes beyond its limit.
        let by = ["sh", "-c", r#"trap "" XFSZ; exec "$@""#, "sh"];
        let mut process = Process::start_by(&by, &world, world.folder())?;
        let id = process.id().to_string();
        let limit = |bytes: &str| {
            let mut prlimit = Command::new("prlimit");
            prlimit.args(["--pid", &id, &format!("--fsize={bytes}:")]).status()
        };
        let is_allowed = limit("unlimited").is_ok_and(|status| status.success());
        if !is_allowed {
            return None;
        }
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS);
        crew.answered(20).await;
        let wal = fs::metadata(world.folder().join("saolou.db-wal")).expect("a log").len();
        limit(&wal.to_string()).expect("as before");
        crew.until(|told| told.failures(503, "database_unavailable") >= TURNED_AWAY).await;
        is_turned_away(&wang, &process.base, "database_unavailable").await;
        is_read_from(&qian, &process.base).await;
        limit("unlimited").expect("as before");
        let told = crew.come_home().await;
        told.is_kept_in(&world).await;
        told.assert_failed_only_with(&[(503, "database_unavailable")]);
        told.stands(&wang, &process.base).await;
        assert!(process.runs(), "the server was never started again");
        process.kill();
        Some(())
    });
}

#[test]
fn a_postgresql_on_a_full_disk_turns_writers_away_until_there_is_room() {
    run("PostgreSQL on a full disk", async {
        let mut host = Host::on_small_disk(128).await?;
        let mut world = World::on(url(host.port())).await;
        let (wang, qian) = signed_in(&mut world).await;
        let mut process = Process::start(&world);
        let crew = Crew::set_out(&wang, &process.base, PHONES, OPS);
        crew.answered(20).await;
        let filler = Filler::fill(host.on_its_disk("filler"));
        crew.until(|told| told.failures(503, "storage_full") >= TURNED_AWAY).await;
        is_read_from(&qian, &process.base).await;
        filler.make_room();
        // Where it could not even write its log, it has ended: somebody starts it again.
        if !host.comes_back(Duration::from_secs(2)).await {
            host.end(End::Immediate);
            host.start_again().await;
        }
        let told = crew.come_home().await;
        told.is_kept_in(&world).await;
        told.assert_failed_only_with(&[
            (503, "storage_full"),
            (503, "database_unavailable"),
            (503, "overloaded"),
        ]);
        told.stands(&wang, &process.base).await;
        assert!(process.runs(), "the server was never started again");
        process.kill();
        Some(())
    });
}
