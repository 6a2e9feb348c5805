//! A PostgreSQL of the tests' own.
//!
//! The suite runs on `PostgreSQL` as it runs on `SQLite`, and asks nothing of the machine but
//! the installed programs: each test process starts one server of its own in a temporary
//! folder, and each test takes a fresh schema in it, so that no test sees another's rows.
//!
//! *One server a process, not one for all.* A server shared among processes needs an agreement
//! on who starts it and who is the last to leave, and every way to agree breaks when a process
//! is killed. Processes that share nothing cannot break each other; what that costs is small,
//! because the empty data folder is made once and then copied.
//!
//! *Nothing is left behind.* A `static` is never dropped and a killed process runs no code, so
//! the server is not ours to stop: it is the child of a guardian, a shell that reads a pipe
//! whose other end only this process holds. However the process ends, the kernel closes the
//! pipe; the guardian then stops the server and removes the folder.

// Named, because other targets take this file from here, too.
#[path = "postgres/programs.rs"]
mod programs;

pub(crate) use programs::installed;
use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, File};
use std::hash::BuildHasher as _;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// A fresh, empty schema on this process's server, as a URL to connect with.
///
/// `None` says that `PostgreSQL` is not installed: the caller names what it skips and returns.
///
/// # Panics
/// In CI when `PostgreSQL` is not installed, and anywhere when it is but does not start.
pub(crate) async fn fresh_url() -> Option<String> {
    static SERVER: OnceLock<Option<Cluster>> = OnceLock::new();
    let cluster = SERVER.get_or_init(|| Cluster::start(Durability::Off)).as_ref()?;
    Some(cluster.fresh_url().await)
}

/// What a commit on the server survives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the server, not that of the machine: `fsync` is off. For tests.
    Off,
    /// All that `PostgreSQL` promises, on a real disk where there is one. For measurements.
    Full,
}

/// A running server; letting go of it stops the server and removes its folder.
pub(crate) struct Cluster {
    guardian: Child,
    folder: PathBuf,
    /// Still readable when the guardian has removed the folder.
    log: File,
    port: u16,
    schemas: AtomicU32,
}

/// How long a server may take until it accepts connections, on a machine busy with builds.
const READY_MAX: Duration = Duration::from_secs(60);

/// How many free ports are tried, as somebody may take one between our look and the server's.
const STARTS_MAX: u32 = 3;

/// Runs the server until it ends or the pipe on standard input does, then removes the folder.
///
/// The pipe's first line is the port and says that the data folder is complete; it ends without
/// one when the process died earlier. `$1` is the folder, the rest is the server's command.
/// A shell gives its background children `/dev/null` for input, hence the second descriptor.
/// `QUIT` is the shutdown that does not wait for clients: what it skips is of no use here.
const GUARDIAN: &str = r#"
folder=$1
shift
exec 3<&0
trap 'rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }' EXIT
read -r port <&3 || exit
"$@" -p "$port" 3<&- &
server=$!
{ read -r end <&3; kill -QUIT "$server"; } &
watch=$!
wait "$server"
kill "$watch"
"#;

impl Cluster {
    /// Starts a server, or says `None` where `PostgreSQL` is not installed.
    ///
    /// # Panics
    /// In CI when `PostgreSQL` is not installed, and anywhere when it is but does not start.
    pub(crate) fn start(durability: Durability) -> Option<Self> {
        let programs = installed()?;
        let mut start = Self::start_once(&programs, durability);
        for _ in 1..STARTS_MAX {
            start = start.or_else(|_| Self::start_once(&programs, durability));
        }
        let programs = programs.display();
        Some(
            start
                .unwrap_or_else(|error| panic!("PostgreSQL in {programs} does not start: {error}")),
        )
    }

    /// The server's only address, as its superuser and on its default schema.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// A fresh, empty schema on this server, as a URL to connect with.
    ///
    /// # Panics
    /// When the server does not answer.
    pub(crate) async fn fresh_url(&self) -> String {
        let schema = format!("world_{}", self.schemas.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::connect(&self.url()).await.expect("the server accepts us");
        let sql = AssertSqlSafe(format!("create schema {schema}"));
        conn.execute(sql).await.expect("no other schema has this number");
        conn.close().await.expect("the server is still there");
        format!("{}&options[search_path]={schema}", self.url())
    }

    fn start_once(programs: &Path, durability: Durability) -> io::Result<Self> {
        let (folder, owner) = server_folder(durability)?;
        let data = folder.join("data");
        let log =
            File::options().create_new(true).read(true).append(true).open(folder.join("log"))?;
        let guardian = owner
            .command("sh")
            .args(["-c", GUARDIAN, "sh"])
            .arg(&folder)
            .arg(programs.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(settings(durability))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.try_clone()?)
            .spawn()?;
        let mut cluster = Self { guardian, folder, log, port: 0, schemas: AtomicU32::new(0) };
        make_data(programs, &data, owner, durability)?;
        cluster.port = free_port()?;
        let pipe = cluster.guardian.stdin.as_mut().expect("asked for when it was started");
        writeln!(pipe, "{}", cluster.port)?;
        cluster.wait_until_ready(&data.join("postmaster.pid"))?;
        Ok(cluster)
    }

    /// Waits for the server's own word: the eighth line of its pid file.
    fn wait_until_ready(&mut self, pid_file: &Path) -> io::Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY_MAX {
            let status = fs::read_to_string(pid_file).unwrap_or_default();
            if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
                return Ok(());
            }
            if self.guardian.try_wait()?.is_some() {
                return Err(io::Error::other(format!("it ended: {}", self.read_log())));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(io::Error::other(format!("not ready in {READY_MAX:?}: {}", self.read_log())))
    }

    fn read_log(&mut self) -> String {
        let mut text = String::new();
        let read = self.log.rewind().and_then(|()| self.log.read_to_string(&mut text));
        read.map_or_else(|error| format!("its log cannot be read: {error}"), |_| text)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        // Nobody is left to tell of an error. As root the guardian, who is somebody else, can
        // empty a folder that lies in one of ours but not unlink it, so that is done here.
        self.guardian.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// The server's options; TCP on the loopback only, because a socket file's path may be too long.
pub(crate) fn settings(durability: Durability) -> impl Iterator<Item = String> {
    let common = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300"];
    let fast: &[&str] = match durability {
        Durability::Off => &["fsync=off", "full_page_writes=off", "shared_buffers=32MB"],
        Durability::Full => &[],
    };
    common.into_iter().chain(fast.iter().copied()).flat_map(|set| ["-c".to_owned(), set.to_owned()])
}

/// Whom the server runs as. It refuses to run as root, as which CI often does.
#[derive(Clone, Copy)]
pub(crate) enum Owner {
    /// The user who runs the tests.
    Ourselves,
    /// The user that root runs it as.
    Other { uid: u32, gid: u32 },
}

impl Owner {
    /// The owner for a server whose folder, made by us, is `ours`.
    fn of(ours: &fs::Metadata) -> io::Result<Self> {
        if ours.uid() != 0 {
            return Ok(Self::Ourselves);
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let user = |wanted: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(wanted))?;
            let mut ids = line.split(':').skip(2).map(str::parse);
            Some(Self::Other { uid: ids.next()?.ok()?, gid: ids.next()?.ok()? })
        };
        user("postgres").or_else(|| user("nobody")).ok_or_else(|| {
            io::Error::other("as root it needs a user `postgres` or `nobody` to run as")
        })
    }

    /// A command run as the owner, out of reach of the terminal's Ctrl-C.
    pub(crate) fn command(self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env("LC_ALL", "C").process_group(0);
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives the owner what we made.
    pub(crate) fn take(self, path: &Path) -> io::Result<()> {
        match self {
            Self::Ourselves => Ok(()),
            Self::Other { uid, gid } => chown(path, Some(uid), Some(gid)),
        }
    }
}

/// A new folder for one server, with the owner it belongs to.
///
/// Measurements prefer the build folder, since the system's temporary folder often lies in
/// memory, where a sync costs nothing.
pub(crate) fn server_folder(durability: Durability) -> io::Result<(PathBuf, Owner)> {
    let build = (durability == Durability::Full).then(build_folder);
    let places = build.into_iter().chain([std::env::temp_dir(), PathBuf::from("/tmp")]);
    for place in places {
        let folder = place.join(format!("saolou-postgres-{:016x}", random()));
        if DirBuilder::new().mode(0o700).create(&folder).is_err() {
            continue;
        }
        let owner = Owner::of(&fs::metadata(&folder)?)?;
        if matches!(owner, Owner::Other { .. }) && !open_to_all(&place)? {
            fs::remove_dir(&folder)?;
            continue;
        }
        owner.take(&folder)?;
        return Ok((folder, owner));
    }
    Err(io::Error::other("no temporary folder that its user can reach and we can write"))
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Where Cargo lets tests keep files: on the disk of the build, gone with `cargo clean`.
fn build_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// A number that no other process has, for names of folders.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Whether every user may pass through this folder and all above it.
fn open_to_all(folder: &Path) -> io::Result<bool> {
    for above in folder.canonicalize()?.ancestors() {
        if fs::metadata(above)?.mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes the data folder of an empty server.
///
/// For tests it is a copy of an earlier one, which takes a third of the time, and has small log
/// files to be small itself; of several processes that find none, each makes its own and the
/// first to finish keeps a copy. The copy gets its name last, so that it is there whole or not
/// at all, and whatever goes wrong with it only costs time.
pub(crate) fn make_data(
    programs: &Path,
    data: &Path,
    owner: Owner,
    durability: Durability,
) -> io::Result<()> {
    let mut initdb = owner.command(programs.join("initdb"));
    initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    initdb.arg("-D").arg(data);
    if durability == Durability::Full {
        return stdout_of(&mut initdb).map(drop);
    }
    let version = stdout_of(Command::new(programs.join("postgres")).arg("--version"))?;
    let version = version.split_whitespace().nth(2).unwrap_or("unknown");
    let kept = build_folder().join(format!("postgres-{version}-empty"));
    if copy_folder(&kept, data, owner).is_ok() {
        return Ok(());
    }
    fs::remove_dir_all(data).ok();
    stdout_of(initdb.arg("--wal-segsize=1"))?;
    let copy = build_folder().join(format!("postgres-copy-{:016x}", random()));
    let kept = copy_folder(data, &copy, Owner::Ourselves).and_then(|()| fs::rename(&copy, &kept));
    if kept.is_err() {
        fs::remove_dir_all(&copy).ok();
    }
    Ok(())
}

/// Copies a folder with all in it to a place where nothing is, for this owner alone.
fn copy_folder(from: &Path, to: &Path, owner: Owner) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    owner.take(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target, owner)?;
        } else {
            fs::copy(entry.path(), &target)?;
            owner.take(&target)?;
        }
    }
    Ok(())
}

/// What a command prints; its complaint when it fails.
pub(crate) fn stdout_of(command: &mut Command) -> io::Result<String> {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output()?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&stderr);
    Err(io::Error::other(format!("{:?} ({status}): {complaint}", command.get_program())))
}

#[tokio::test]
async fn two_fresh_schemas_do_not_see_each_other() {
    let (Some(one), Some(other)) = (fresh_url().await, fresh_url().await) else { return };
    for url in [&one, &other] {
        let mut conn = PgConnection::connect(url).await.unwrap();
        conn.execute("create table office (name text)").await.unwrap();
    }
    let mut conn = PgConnection::connect(&one).await.unwrap();
    conn.execute("create table office (name text)").await.unwrap_err();
}

#[tokio::test]
async fn a_server_let_go_of_leaves_nothing_behind() {
    let Some(cluster) = Cluster::start(Durability::Full) else { return };
    let (url, folder) = (cluster.fresh_url().await, cluster.folder.clone());
    assert!(folder.is_dir());
    drop(cluster);
    assert!(!folder.exists());
    PgConnection::connect(&url).await.unwrap_err();
}
