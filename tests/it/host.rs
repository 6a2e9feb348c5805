//! A PostgreSQL that is one machine of several: it can be restarted, killed, filled up, and followed
//! by a standby. It lasts as long as the test that started it; see [`crate::postgres`] for the one
//! that all other tests share.

use crate::postgres::{
    Durability, Owner, free_port, installed, make_data, server_folder, settings, stdout_of,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers, on a machine busy with builds.
const READY_MAX: Duration = Duration::from_secs(60);

/// Does what it reads, one word a line: `start`, or the name of the signal that ends the server. It
/// says each word again when that is done. When the pipe ends, so does the server, and the folder is
/// removed.
const KEEPER: &str = r#"
folder=$1
shift
exec 3<&0
server=
trap 'rm -rf "$folder" 2>&- || { sleep 1; rm -rf "$folder"; }' EXIT
while read -r order <&3; do
    case $order in
    hello) ;;
    start)
        "$@" 3<&- >&2 &
        server=$!
        ;;
    *)
        kill "-$order" "$server"
        wait "$server"
        ;;
    esac
    echo "$order"
done
[ -z "$server" ] || { kill -QUIT "$server"; wait "$server"; }
"#;

/// Runs what follows as another user, and gives it a small disk that nobody else sees: `$1` is the
/// disk's size, `$2` where it lies, `$3` and `$4` are the user and the group.
const SMALL_DISK: &str = r#"
mount -t tmpfs -o "size=$1,mode=0700,uid=$3,gid=$4" saolou "$2" || exit
user=$3 group=$4
shift 4
exec setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
"#;

/// How a server is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// `pg_ctl stop -m fast`: clients are sent away, everything is written.
    Fast,
    /// `pg_ctl stop -m immediate`: nothing is written; the next start recovers.
    Immediate,
    /// `kill -9`.
    Killed,
}

/// A server with its data.
pub(crate) struct Host {
    keeper: Child,
    told: BufReader<ChildStdout>,
    programs: PathBuf,
    owner: Owner,
    folder: PathBuf,
    /// The same folder, as this program sees it.
    seen: PathBuf,
    port: u16,
}

impl Host {
    /// A server on empty data; `None` where PostgreSQL is not installed.
    ///
    /// # Panics
    /// In CI when PostgreSQL is not installed, and anywhere when it is but does not start.
    pub(crate) async fn start() -> Option<Self> {
        let mut host = Self::prepare(None)?;
        make_data(&host.programs, &host.data(), host.owner, Durability::Off).expect("empty data");
        host.start_again().await;
        Some(host)
    }

    /// A server on empty data, on a disk of so many MiB; `None` also where this program may not
    /// mount one.
    pub(crate) async fn on_small_disk(mib: u32) -> Option<Self> {
        let mut host = Self::prepare(Some(mib))?;
        make_data(&host.programs, &host.data(), host.owner, Durability::Off).expect("empty data");
        host.start_again().await;
        Some(host)
    }

    /// A hot standby of the server at this port of this machine.
    pub(crate) async fn following(port: u16) -> Self {
        let mut host = Self::prepare(None).expect("it is installed: there is a primary");
        let primary = format!("host=127.0.0.1 port={port} user=postgres sslmode=disable");
        let mut copy = host.owner.command(host.programs.join("pg_basebackup"));
        copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", &primary, "-D"]);
        stdout_of(copy.arg(host.data())).expect("a copy of the primary");
        host.start_again().await;
        host
    }

    fn prepare(disk_mib: Option<u32>) -> Option<Self> {
        let programs = installed()?;
        let (folder, owner) = server_folder(Durability::Off).expect("a folder");
        let disk = folder.join("disk");
        DirBuilder::new().mode(0o700).create(&disk).expect("the folder is new");
        owner.take(&disk).expect("we made it");
        let port = free_port().expect("a port");
        let mut command = match disk_mib {
            None => owner.command("sh"),
            Some(mib) => small_disk(mib, &disk, owner)?,
        };
        let log = fs::File::create(folder.join("log")).expect("the folder is new");
        command.args(["-c", KEEPER, "sh"]).arg(&folder).arg(programs.join("postgres"));
        command.arg("-D").arg(disk.join("data")).args(["-p", &port.to_string()]);
        command.args(settings(Durability::Off)).stderr(log);
        let mut keeper =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell");
        let told = BufReader::new(keeper.stdout.take().expect("it is piped"));
        let root = PathBuf::from(format!("/proc/{}/root", keeper.id()));
        let inside = folder.strip_prefix("/").expect("it is absolute");
        let seen = if disk_mib.is_some() { root.join(inside) } else { folder.clone() };
        let mut host = Self { keeper, told, programs, owner, folder, seen, port };
        host.order("hello").then_some(host)
    }

    /// Ends it in this way, and returns when it has ended.
    pub(crate) fn end(&mut self, end: End) {
        let signal = match end {
            End::Fast => "INT",
            End::Immediate => "QUIT",
            End::Killed => "KILL",
        };
        assert!(self.order(signal), "the keeper is there");
    }

    /// Starts it again after it has ended.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.order("start"), "the keeper is there");
        let is_there = self.comes_back(READY_MAX).await;
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        assert!(is_there, "it does not start: {log}");
    }

    /// Whether it accepts connections within this time.
    pub(crate) async fn comes_back(&self, within: Duration) -> bool {
        let began = Instant::now();
        while self.connect().await.is_err() {
            if began.elapsed() > within {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        true
    }

    /// Makes a primary of a standby; returns when it takes writes.
    pub(crate) async fn promote(&self) {
        self.execute("select pg_promote()").await;
    }

    /// Runs a statement on it.
    pub(crate) async fn execute(&self, sql: &str) {
        let mut conn = self.connect().await.expect("it accepts us");
        conn.execute(AssertSqlSafe(sql.to_owned())).await.expect("a statement that works");
    }

    /// One number that a query on it gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut conn = self.connect().await.expect("it accepts us");
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar(sql).fetch_one(&mut conn).await.expect("a number")
    }

    /// Waits until a query on it gives this number.
    pub(crate) async fn until(&self, sql: &str, number: i64) {
        let began = Instant::now();
        while self.number(sql).await != number {
            assert!(began.elapsed() < READY_MAX, "never {number}: {sql}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&url(self.port)).await
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// A file beside its data, on the same disk.
    pub(crate) fn on_its_disk(&self, name: &str) -> PathBuf {
        self.seen.join("disk").join(name)
    }

    fn data(&self) -> PathBuf {
        self.on_its_disk("data")
    }

    /// Whether the keeper did as it was told.
    fn order(&mut self, order: &str) -> bool {
        let pipe = self.keeper.stdin.as_mut().expect("asked for when it was started");
        let mut told = String::new();
        let done = writeln!(pipe, "{order}").and_then(|()| self.told.read_line(&mut told));
        done.is_ok() && told.trim_end() == order
    }
}

/// Where a server at this port of this machine is reached, or a line to one.
pub(crate) fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

/// A command for a shell on a small disk of its own; `None` where we are not root.
fn small_disk(mib: u32, disk: &Path, owner: Owner) -> Option<Command> {
    let Owner::Other { uid, gid } = owner else { return None };
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SMALL_DISK, "sh", &format!("{mib}m")]).arg(disk);
    command.args([uid.to_string(), gid.to_string(), "sh".to_owned()]).current_dir("/");
    Some(command)
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // As in `postgres.rs`: nobody is left to tell of an error, and what the keeper may not
        // unlink is unlinked here.
        self.keeper.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}
