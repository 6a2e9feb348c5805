//! Photos while the disk is full that they are received on: the phone hears that there is no room, no
//! acknowledged byte is lost, and the same uploads go on when there is room again.

use crate::actors::{Actor, problem};
use crate::disk_full::{Filler, namespace, run};
use crate::photo_faults::{assert_each_once, moved, place, send_rest};
use crate::process::Process;
use crate::uploads::{half_sent, location, manifest, offset, patch, picture, plan};
use crate::world::{Database, World};
use reqwest::StatusCode;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What of a photo is acknowledged before the disk is full, in bytes.
const BEFORE: usize = 1_000_000;
/// A photo that the server acknowledges in pieces while it is being sent.
const PHOTO_BYTES: usize = 6_000_000;
/// A photo what is left of which is just too much to wait in memory for its end, and just not enough to
/// be acknowledged before it.
const LAST_BYTES: usize = BEFORE + 4 * 1024 * 1024;

/// Runs a server with its data on a small disk of its own: `$1` is where it is to lie, in the folder of
/// the data that it takes over. It has more room than the server wants to keep free, and little more.
const ON_SMALL_DISK: &str = r#"
mount -t tmpfs -o size=320m saolou "$1" || exit
for file in "$1"/../*; do [ "$file" -ef "$1" ] || cp -r "$file" "$1" || exit; done
shift
exec "$@"
"#;

/// A server on a small disk.
struct OnSmallDisk {
    process: Process,
    /// Where its disk is seen from outside.
    seen: PathBuf,
    wang: Actor,
}

impl OnSmallDisk {
    /// On the data of a world; `None` where that is not allowed here.
    async fn start(world: &mut World) -> Option<Self> {
        let unshare = namespace()?;
        let wang = world.actor("wang").await;
        world.stop().await;
        let disk = world.folder().join("disk");
        fs::create_dir(&disk).expect("the folder is new");
        let shell = ["sh", "-c", ON_SMALL_DISK, "sh", disk.to_str().expect("a plain path")];
        let process = Process::start_by(&[&["unshare"], unshare, &shell].concat(), world, &disk)?;
        let inside = disk.strip_prefix("/").expect("it is absolute");
        let seen = PathBuf::from(format!("/proc/{}/root", process.id())).join(inside);
        let wang = moved(&wang, &process.base);
        Some(Self { process, seen, wang })
    }

    /// Begins an upload whose first bytes are acknowledged; gives where it is.
    async fn begin(&self, photo: &str, bytes: &[u8]) -> String {
        let path = location(&plan(&self.wang, &[manifest(photo, bytes)]).await[0]);
        let sent = patch(&self.wang, &path, 0, &bytes[..BEFORE]).await;
        assert_eq!(sent.status(), StatusCode::NO_CONTENT);
        path
    }

    /// Starts to send what is left, and stops before some byte, when all before it is written.
    async fn send_until(&self, path: &str, bytes: &[u8], until: usize) -> TcpStream {
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {BEFORE}\r\n\
             Content-Type: application/offset+octet-stream\r\nConnection: close\r\n\
             Content-Length: {}",
            bytes.len() - BEFORE
        );
        let stream = half_sent(&self.wang, &head, &bytes[BEFORE..until]).await;
        let upload = path.rsplit('/').next().expect("an id");
        let part = self.seen.join("photos/incoming").join(upload);
        for _ in 0..2000 {
            if fs::metadata(&part).is_ok_and(|file| file.len() >= until as u64) {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{until} bytes are not written within ten seconds");
    }

    /// Stops it in the middle of whatever it does, and leaves what was on its disk in the folder of
    /// its world.
    fn kill(self, world: &World) {
        for name in ["photos", "saolou.db", "saolou.db-wal"] {
            let there = self.seen.join(name);
            if there.exists() {
                replace(&there, &world.folder().join(name));
            }
        }
        self.process.kill();
    }
}

fn replace(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    let done = copy.arg("-rT").arg(from).arg(to).status().expect("cp");
    assert!(done.success(), "{} is copied", from.display());
}

/// The rest of what a server answers; it may have stopped listening before.
async fn answer(mut stream: TcpStream, rest: &[u8]) -> String {
    drop(stream.write_all(rest).await);
    let mut heard = Vec::new();
    drop(stream.read_to_end(&mut heard).await);
    String::from_utf8_lossy(&heard).into_owned()
}

async fn test(database: Database) -> Option<()> {
    let mut world = World::new(database).await?;
    let server = OnSmallDisk::start(&mut world).await?;
    let (broken, last) = (picture("broken", PHOTO_BYTES), picture("last", LAST_BYTES));
    let (broken_at, last_at) =
        (server.begin("broken", &broken).await, server.begin("last", &last).await);
    // The disk is filled while photos are on their way: one in its middle, one before its last byte.
    let in_the_middle = server.send_until(&broken_at, &broken, 2_000_000).await;
    let at_the_end = server.send_until(&last_at, &last, last.len() - 1).await;
    let filler = Filler::fill(server.seen.join("filler"));
    let told = answer(in_the_middle, &broken[2_000_000..]).await;
    assert!(told.starts_with("HTTP/1.1 507 ") && told.contains("storage_full"), "{told}");
    assert!(told.contains("磁盘") || told.contains("空间"), "in Chinese, too: {told}");
    let told = answer(at_the_end, &last[last.len() - 1..]).await;
    // Where the database is elsewhere, or had room in its log, that was all it needed.
    let is_told =
        ["204", "503", "507"].iter().any(|status| told.starts_with(&format!("HTTP/1.1 {status} ")));
    assert!(is_told, "{told}");
    assert_eq!(offset(&server.wang, &broken_at).await, BEFORE, "what was acknowledged, no more");
    for _ in 0..3 {
        let again = patch(&server.wang, &broken_at, BEFORE, &broken[BEFORE..]).await;
        problem(again, 507, "storage_full", "again").await;
        assert_eq!(offset(&server.wang, &broken_at).await, BEFORE);
    }
    // There is room, but less than the server keeps free for what is more urgent.
    filler.make_room();
    let filler = server.seen.join("filler");
    fs::write(&filler, vec![7; 60 << 20]).expect("there is room again");
    let again = patch(&server.wang, &broken_at, BEFORE, &broken[BEFORE..]).await;
    problem(again, 507, "storage_full", "below the reserve").await;
    assert_eq!(offset(&server.wang, &broken_at).await, BEFORE);
    fs::remove_file(&filler).expect("it is there");
    for (photo, bytes, path) in [("broken", &broken, &broken_at), ("last", &last, &last_at)] {
        let planned = plan(&server.wang, &[manifest(photo, bytes)]).await.remove(0);
        if planned["do"] != "have" {
            assert_eq!(
                (&planned["do"], &location(&planned)),
                (&"resume".into(), path),
                "{planned}"
            );
        }
        send_rest(&server.wang, photo, bytes, BEFORE as u64).await;
    }
    let incoming = fs::read_dir(server.seen.join("photos/incoming")).expect("a folder").count();
    assert_eq!(incoming, 0, "nothing of what was begun lies about");
    server.kill(&world);
    assert_each_once(&world, 2).await;
    assert!(place(world.folder(), &broken).exists() && place(world.folder(), &last).exists());
    Some(())
}

#[test]
fn photos_on_a_full_disk_go_on_where_they_were_when_there_is_room() {
    for database in [Database::Sqlite, Database::Postgres] {
        run("photos on a full disk", test(database));
    }
}
