//! Real servers over a real database, in this process: started, killed, set back to a backup.
//!
//! Each server has a runtime of its own. Killing it drops that runtime: whatever the server was
//! about to do it does no more, as after the end of a process.

use crate::core::LIMITS;
use crate::postgres::{Cluster, Durability};
use saolou_server::app::Server;
use saolou_server::clock::Clock;
use saolou_server::config::{ArchiveSettings, Evidence, LogFormat, MapSettings, Settings};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long the threads of a killed server may take to notice.
const KILL_MAX: Duration = Duration::from_secs(5);

/// Which database servers stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// One connection beside the servers.
pub(crate) enum Direct {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one expression over the connection of either driver.
macro_rules! on {
    ($direct:expr, |$conn:ident| $query:expr) => {
        match $direct {
            $crate::machine::Direct::Sqlite($conn) => $query.await,
            $crate::machine::Direct::Postgres($conn) => $query.await,
        }
    };
}
pub(crate) use on;

/// A database with the servers on it.
pub(crate) struct Machine {
    pub(crate) clock: Clock,
    settings: Settings,
    folder: tempfile::TempDir,
    servers: Vec<Option<Running>>,
    turn: usize,
    direct: Option<Direct>,
    runtime: Runtime,
    /// The PostgreSQL that it is on, with the name of its database there.
    postgres: Option<(&'static Cluster, String)>,
}

struct Running {
    runtime: Runtime,
    base: String,
}

/// The PostgreSQL of this process, where it is installed.
pub(crate) fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(Durability::Off)).as_ref()
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a runtime")
}

impl Machine {
    /// An empty database.
    pub(crate) fn new(database: Database, servers: usize) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let runtime = runtime();
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => {
                let name = format!("run_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                Some((cluster().expect("nobody asks for what is not there"), name))
            }
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings {
            config: None,
            data_dir: PathBuf::from(folder.path()),
            database_url: postgres.as_ref().map(|(cluster, name)| url(cluster, name)),
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            metrics_token: None,
            log: "error".into(),
            log_format: LogFormat::Text,
            map: MapSettings::default(),
            archive: ArchiveSettings::default(),
            evidence: Evidence::default(),
        };
        let servers = (0..servers.max(1)).map(|_| None).collect();
        let (clock, direct) = (Clock::default(), None);
        let machine = Self { clock, settings, folder, servers, turn: 0, direct, runtime, postgres };
        machine.administer(|name| vec![format!("create database {name}")]);
        machine
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Starts whatever does not run.
    pub(crate) fn start(&mut self) {
        for place in &mut self.servers {
            if place.is_some() {
                continue;
            }
            let runtime = runtime();
            let starting = Server::start(&self.settings, self.clock.clone());
            let server = runtime.block_on(starting).expect("a server").limited_to(LIMITS);
            let base = format!("http://{}", server.address().expect("an address"));
            // It is never asked to stop.
            runtime.spawn(server.serve(std::future::pending()));
            *place = Some(Running { runtime, base });
        }
    }

    /// The server whose turn it is.
    pub(crate) fn next(&mut self) -> String {
        self.turn = (self.turn + 1) % self.servers.len();
        self.servers[self.turn].as_ref().expect("it was started").base.clone()
    }

    /// The server that had the last turn dies, and another takes its place.
    pub(crate) fn kill_last(&mut self) {
        if let Some(running) = self.servers[self.turn].take() {
            running.runtime.shutdown_timeout(KILL_MAX);
        }
        self.start();
    }

    fn kill_all(&mut self) {
        self.direct = None;
        for running in self.servers.iter_mut().filter_map(Option::take) {
            running.runtime.shutdown_timeout(KILL_MAX);
        }
    }

    /// Waits for something.
    pub(crate) fn wait_for<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Runs something over a connection beside the servers.
    pub(crate) fn look<T>(&mut self, work: impl AsyncFnOnce(&mut Direct) -> T) -> T {
        let settings = &self.settings;
        let direct = &mut self.direct;
        self.runtime.block_on(async {
            if direct.is_none() {
                *direct = Some(connect(settings).await);
            }
            work(direct.as_mut().expect("it was just opened")).await
        })
    }

    /// Keeps a copy of the database as it is.
    pub(crate) fn back_up(&mut self) {
        if self.postgres.is_some() {
            self.kill_all();
            self.administer(|name| {
                vec![
                    format!("drop database if exists {name}_kept"),
                    format!("create database {name}_kept template {name}"),
                ]
            });
            return self.start();
        }
        let kept = self.kept();
        drop(fs::remove_file(&kept));
        let sql = AssertSqlSafe(format!("vacuum into '{}'", kept.display()));
        self.look(async |direct| {
            on!(direct, |conn| async { conn.execute(sql).await.map(drop) }).expect("a copy");
        });
    }

    /// Goes back to the copy that was kept, in a new epoch. On PostgreSQL the server finds that out;
    /// a file looks as it did before, so here it is told.
    /// `false` where none was.
    pub(crate) fn restore(&mut self) -> bool {
        if self.postgres.is_none() && !self.kept().exists() {
            return false;
        }
        if self.postgres.is_some() && !self.has_kept() {
            return false;
        }
        self.kill_all();
        if self.postgres.is_some() {
            self.administer(|name| {
                vec![
                    format!("drop database {name} with (force)"),
                    format!("create database {name} template {name}_kept"),
                ]
            });
        } else {
            self.wait_for_closed_files();
            let file = self.folder.path().join("saolou.db");
            for end in ["-wal", "-shm"] {
                drop(fs::remove_file(self.folder.path().join(format!("saolou.db{end}"))));
            }
            fs::copy(self.kept(), file).expect("a copy");
            let epoch = AssertSqlSafe(format!(
                "update setting set value = '{}' where name = 'epoch'",
                self.clock.new_id()
            ));
            self.look(async |direct| {
                on!(direct, |conn| async { conn.execute(epoch).await.map(drop) })
                    .expect("an epoch");
            });
        }
        self.start();
        true
    }

    /// SQLite closes its files on threads of its own, some time after its connections are gone; until
    /// then it may still write into them or delete them. Where the system does not tell which files
    /// are open, nothing is waited for.
    fn wait_for_closed_files(&self) {
        let file = self.folder.path().join("saolou.db");
        let is_open = || {
            let open = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
            open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|link| link == file)
        };
        let began = Instant::now();
        while is_open() {
            assert!(began.elapsed() < KILL_MAX, "somebody keeps {} open", file.display());
            std::thread::yield_now();
        }
    }

    fn kept(&self) -> PathBuf {
        self.folder.path().join("kept.db")
    }

    fn has_kept(&self) -> bool {
        let Some((cluster, name)) = &self.postgres else { return false };
        let sql = format!("select count(*) from pg_database where datname = '{name}_kept'");
        let found: i64 = self.runtime.block_on(async {
            let mut conn = PgConnection::connect(&cluster.url()).await.expect("it accepts us");
            let found = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut conn).await;
            found.expect("a number")
        });
        found > 0
    }

    /// Runs statements about the database beside it, where it is PostgreSQL's, once nobody is
    /// connected to it any more.
    fn administer(&self, sql: impl Fn(&str) -> Vec<String>) {
        let Some((cluster, name)) = &self.postgres else { return };
        self.runtime.block_on(async {
            let mut conn = PgConnection::connect(&cluster.url()).await.expect("it accepts us");
            let others = format!(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity \
                 where datname in ('{name}', '{name}_kept')"
            );
            for sql in [others].into_iter().chain(sql(name)) {
                conn.execute(AssertSqlSafe(sql)).await.expect("a statement that works");
            }
        });
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill_all();
        self.administer(|name| {
            vec![
                format!("drop database if exists {name} with (force)"),
                format!("drop database if exists {name}_kept"),
            ]
        });
    }
}

fn url(cluster: &Cluster, name: &str) -> String {
    cluster.url().replace("/postgres?", &format!("/{name}?"))
}

async fn connect(settings: &Settings) -> Direct {
    match &settings.database_url {
        Some(url) => Direct::Postgres(PgConnection::connect(url).await.expect("it accepts us")),
        None => {
            let file = settings.data_dir.join("saolou.db");
            let options = SqliteConnectOptions::new().filename(file).busy_timeout(KILL_MAX);
            Direct::Sqlite(options.connect().await.expect("the file is there"))
        }
    }
}
