//! The server under test: the program as it is released, in a process of its own.

use super::postgres::Cluster;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Which database a server stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// What a commit survives.
    pub(crate) fn durability(self) -> &'static str {
        match self {
            Self::Sqlite => "WAL, synchronous=FULL",
            Self::Postgres => "fsync on, synchronous_commit on",
        }
    }
}

/// Password of every account here.
pub(crate) const PASSWORD: &str = "correct horse";
/// The account that may do everything.
pub(crate) const ROOT: &str = "root";

/// How long a server may take until it answers.
const READY_MAX: Duration = Duration::from_secs(30);
/// Clock ticks a second in `/proc`, the same on every Linux.
const TICKS_PER_SECOND: u32 = 100;

/// Runs the server until it ends or the pipe on standard input does, and tells its process id.
/// However this program ends, the kernel closes the pipe.
const GUARDIAN: &str = r#"
log=$1
shift
exec 3<&0
"$@" 3<&- > "$log" 2>&1 &
server=$!
echo "$server"
{ read -r end <&3; kill -TERM "$server"; } &
watch=$!
wait "$server"
kill "$watch" 2> /dev/null
"#;

/// An empty database with the tables in it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) url: Option<String>,
}

impl Place {
    /// Makes the tables and the first account by the program's own means. The folder lies where
    /// the build does: the system's temporary folder is often in memory, where a sync costs nothing.
    pub(crate) async fn new(program: &Path, cluster: Option<&Cluster>) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let url = match cluster {
            Some(cluster) => Some(cluster.fresh_url().await),
            None => None,
        };
        let place = Self { folder, url };
        for role in ["system_admin", "street_supervisor"] {
            let mut command = Command::new(program);
            command.args(["user", "--username", ROOT, "--unit", "990100=演示市"]);
            command.args(["--role", role, "--password-env", "BENCH_PASSWORD"]);
            place.settle(&mut command).env("BENCH_PASSWORD", PASSWORD);
            let output = command.output().expect("the program runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        place
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("saolou.db")
    }

    /// Tells a command where the data are, whatever the environment says.
    fn settle<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for name in ["SAOLOU_CONFIG", "SAOLOU_LISTEN", "SAOLOU_LOG", "DATABASE_URL"] {
            command.env_remove(name);
        }
        if let Some(url) = &self.url {
            command.env("DATABASE_URL", url);
        }
        command.arg("--data-dir").arg(self.folder.path())
    }
}

/// A server that answers; letting go of it stops it.
pub(crate) struct Server {
    guardian: Child,
    pid: u32,
    pub(crate) base: String,
    pub(crate) place: Place,
}

/// Builds the program and says where it is.
///
/// # Panics
/// Where it does not build.
pub(crate) fn build() -> PathBuf {
    let here = std::env::current_exe().expect("a program knows where it is");
    // `<target>/release/deps/<this program>`
    let target = here.ancestors().nth(3).expect("three folders above").to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--quiet", "-p", "saolou-server", "--bin", "saolou"])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the server does not build");
    target.join("release/saolou")
}

impl Server {
    /// Starts the program on an empty database.
    ///
    /// # Panics
    /// Where it does not answer in time.
    pub(crate) async fn start(program: &Path, cluster: Option<&Cluster>) -> Self {
        let place = Place::new(program, cluster).await;
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        let mut command = Command::new("sh");
        command.args(["-c", GUARDIAN, "sh"]).arg(place.folder.path().join("log"));
        command.arg(program).args(["serve", "--listen", "127.0.0.1", "--port"]);
        command.arg(port.to_string());
        place.settle(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut guardian = command.spawn().expect("a shell");
        let mut line = String::new();
        let told = guardian.stdout.take().expect("asked for when it was started");
        BufReader::new(told).read_line(&mut line).expect("the shell tells the process id");
        let pid = line.trim().parse().expect("a process id");
        let server = Self { guardian, pid, base: format!("http://127.0.0.1:{port}"), place };
        server.wait_until_ready().await;
        server
    }

    async fn wait_until_ready(&self) {
        let started = Instant::now();
        while started.elapsed() < READY_MAX {
            let answer = reqwest::get(format!("{}/health/ready", self.base)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let log = fs::read_to_string(self.place.folder.path().join("log")).unwrap_or_default();
        panic!("the server does not answer: {log}");
    }

    /// What it occupies, as far as the system tells.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let kib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        Some(Memory { now_kib: kib("VmRSS:")?, peak_kib: kib("VmHWM:")? })
    }

    /// Lets the peak start anew from what is occupied now.
    pub(crate) fn forget_peak_memory(&self) {
        // Where the system does not have this, the peak is that of the whole run.
        drop(fs::write(format!("/proc/{}/clear_refs", self.pid), "5"));
    }

    /// Processor time that it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        processor_time(self.pid)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        // Nobody is left to tell of an error.
        drop(self.guardian.wait());
    }
}

/// Resident memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now_kib: u64,
    pub(crate) peak_kib: u64,
}

/// Processor time that a process has used, its threads together; zero where nobody tells.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of the program stands in brackets, and anything may stand in a name.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    Duration::from_secs(1) * ticks.map(Result::unwrap_or_default).sum::<u32>() / TICKS_PER_SECOND
}
