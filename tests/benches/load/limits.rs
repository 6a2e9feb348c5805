//! What the machine could do at best: how often its disk syncs, how many of the same rows the same
//! database takes in bulk, and how many of the same bodies a server parses that stores nothing.

use crate::postgres::Cluster;
use crate::report::Report;
use crate::server::{Place, Server};
use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use saolou_protocol::op::Op;
use serde_json::value::RawValue;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, QueryBuilder, SqliteConnection};
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tokio::net::TcpListener;
use uuid::Uuid;

/// The argument that makes this program the endpoint that stores nothing.
pub(crate) const NOTHING: &str = "--nothing";

/// Most ops that are inserted in bulk.
const RAW_OPS_MAX: i64 = 40_000;
/// Rows of one transaction, as of one statement.
const RAW_ROWS: usize = 1000;

/// The endpoint that stores nothing, in a process of its own; letting go of it stops it.
pub(crate) struct Nothing {
    child: Child,
    pub(crate) base: String,
}

impl Nothing {
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("a program knows where it is");
        let mut command = Command::new(program);
        command.arg(NOTHING).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program runs once more");
        let mut base = String::new();
        let told = child.stdout.take().expect("asked for when it was started");
        BufReader::new(told).read_line(&mut base).expect("it tells its address");
        Self { child, base: base.trim().to_owned() }
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Nobody is left to tell of an error.
        drop(self.child.wait());
    }
}

/// Serves until standard input ends.
pub(crate) async fn serve_nothing() {
    let route = Router::new().route("/api/v1/sync", post(parse)).layer(DefaultBodyLimit::disable());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    crate::report::say(&format!("http://{address}"));
    let ended = tokio::task::spawn_blocking(|| drop(std::io::stdin().read(&mut [0])));
    tokio::select! {
        served = axum::serve(listener, route) => served.expect("it serves until it is stopped"),
        _ = ended => {}
    }
}

/// Reads a push as the server does, and names the ops in it.
async fn parse(body: Bytes) -> String {
    let sent: HashMap<&str, &RawValue> = serde_json::from_slice(&body).expect("a push");
    let ops: Vec<&RawValue> = serde_json::from_str(sent["ops"].get()).expect("a list");
    let ids = ops.iter().map(|op| Op::parse(op.get().as_bytes()).expect("an op").op_id);
    serde_json::to_string(&ids.collect::<Vec<_>>()).expect("ids are text")
}

/// A row of `op`: all columns, in the order of the table.
type OpRow =
    (Uuid, Uuid, Uuid, Uuid, i64, Uuid, String, Vec<u8>, Vec<u8>, Vec<u8>, i64, i64, String);
/// A row of `entity`: all columns, in the order of the table.
type EntityRow = (Uuid, Uuid, String, Uuid, i64, Vec<u8>);

const OPS: &str = "select * from op where street_id = $1 and kind = 'visit' limit $2";
const ENTITIES: &str = "select * from entity where street_id = $1 order by seq desc limit $2";
const PUT_OPS: &str = "insert into op ";
const PUT_ENTITIES: &str = "insert into entity ";
const REPLACE: &str = " on conflict (street_id, building_id, kind, entity_id) \
     do update set seq = excluded.seq, body = excluded.body";

/// A connection to the database of a server, past the server.
pub(crate) enum Database {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one expression over the connection of either driver.
macro_rules! on {
    ($database:expr, |$conn:ident| $query:expr) => {
        match $database {
            Database::Sqlite($conn) => $query,
            Database::Postgres($conn) => $query,
        }
    };
}

impl Place {
    /// Connects with the durability that the server asks for.
    pub(crate) async fn database(&self) -> Database {
        if let Some(url) = &self.url {
            return Database::Postgres(PgConnection::connect(url).await.expect("a connection"));
        }
        let options = SqliteConnectOptions::new()
            .filename(self.file())
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("cache_size", "-16000");
        Database::Sqlite(options.connect().await.expect("a connection"))
    }
}

impl Database {
    /// How often entities of a street were written.
    pub(crate) async fn changes(&mut self, street: Uuid) -> i64 {
        const SQL: &str = "select cast(sum(seq) as bigint) from bucket where street_id = $1";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(street).fetch_one(conn).await)
            .expect("a number")
    }

    /// The visits of a street that took effect, by their ops.
    pub(crate) async fn visits(&mut self, street: Uuid) -> Vec<Uuid> {
        const SQL: &str = "select op_id from op where street_id = $1 and kind = 'visit'";
        on!(self, |conn| sqlx::query_scalar(SQL).bind(street).fetch_all(conn).await)
            .expect("a list of ops")
    }

    /// How many rows of a street are in quarantine.
    pub(crate) async fn quarantined(&mut self, street: Uuid) -> usize {
        const SQL: &str = "select count(*) from quarantine where street_id = $1";
        let rows: i64 =
            on!(self, |conn| sqlx::query_scalar(SQL).bind(street).fetch_one(conn).await)
                .expect("a number");
        usize::try_from(rows).unwrap_or(usize::MAX)
    }

    /// The version of the database, as it tells.
    pub(crate) async fn version(&mut self) -> String {
        match self {
            Self::Sqlite(conn) => {
                sqlx::query_scalar("select sqlite_version()").fetch_one(conn).await
            }
            Self::Postgres(conn) => sqlx::query_scalar("show server_version").fetch_one(conn).await,
        }
        .expect("a version")
    }

    /// The processes of a database server; a database in a file has none.
    pub(crate) async fn processes(&mut self) -> Vec<u32> {
        const SQL: &str = "select pid from pg_stat_activity";
        let Self::Postgres(conn) = self else { return Vec::new() };
        let found: Vec<i32> =
            sqlx::query_scalar(SQL).fetch_all(conn).await.expect("a list of processes");
        found.into_iter().filter_map(|pid| pid.try_into().ok()).collect()
    }

    async fn rows(&mut self, street: Uuid) -> (Vec<OpRow>, Vec<EntityRow>) {
        let ops = on!(self, |conn| sqlx::query_as(OPS)
            .bind(street)
            .bind(RAW_OPS_MAX)
            .fetch_all(&mut *conn)
            .await);
        let entities = on!(self, |conn| sqlx::query_as(ENTITIES)
            .bind(street)
            .bind(i64::try_from(RAW_ROWS * 4).unwrap_or(i64::MAX))
            .fetch_all(&mut *conn)
            .await);
        (ops.expect("rows of ops"), entities.expect("rows of entities"))
    }

    /// Inserts ops, `RAW_ROWS` a transaction, each with so many entities; gives ops a second.
    async fn insert(&mut self, ops: &[OpRow], entities: &[EntityRow], per_op: f64) -> f64 {
        let started = Instant::now();
        let mut next = entities.iter().cycle();
        for ops in ops.chunks(RAW_ROWS) {
            let changed = ((ops.len() as f64 * per_op) as usize).min(entities.len());
            let changed: Vec<&EntityRow> = next.by_ref().take(changed).collect();
            on!(self, |conn| {
                let mut tx = conn.begin().await.expect("a transaction");
                let mut query = QueryBuilder::new(PUT_OPS);
                query.push_values(ops, |mut values, op| {
                    values.push_bind(op.0).push_bind(op.1).push_bind(op.2).push_bind(op.3);
                    values.push_bind(op.4).push_bind(op.5).push_bind(&op.6).push_bind(&op.7);
                    values.push_bind(&op.8).push_bind(&op.9).push_bind(op.10);
                    values.push_bind(op.11).push_bind(&op.12);
                });
                query.build().execute(&mut *tx).await.expect("rows of ops");
                for entities in changed.chunks(RAW_ROWS) {
                    let mut query = QueryBuilder::new(PUT_ENTITIES);
                    query.push_values(entities, |mut values, entity| {
                        values.push_bind(entity.0).push_bind(entity.1).push_bind(&entity.2);
                        values.push_bind(entity.3).push_bind(entity.4).push_bind(&entity.5);
                    });
                    query.push(REPLACE);
                    query.build().execute(&mut *tx).await.expect("rows of entities");
                }
                tx.commit().await.expect("a commit");
            });
        }
        ops.len() as f64 / started.elapsed().as_secs_f64()
    }
}

/// What the same database takes in bulk of the same rows, past the server.
pub(crate) struct Raw {
    pub(crate) ops: usize,
    pub(crate) ops_per_second: f64,
    /// The same with the entities that the same number of visits changed.
    pub(crate) with_entities_per_second: f64,
}

impl Raw {
    /// Reads rows that the server has stored of the last street, and inserts them into empty
    /// tables of the same kind.
    pub(crate) async fn measure(
        server: &Server,
        program: &Path,
        cluster: Option<&Cluster>,
        report: &Report,
    ) -> Option<Self> {
        let (street, cell) = (report.raw_street?, report.cells.last()?);
        let (ops, entities) = server.place.database().await.rows(street).await;
        let mut rates = [0.0; 2];
        for (rate, per_op) in rates.iter_mut().zip([0.0, cell.entities_per_visit]) {
            let place = Place::new(program, cluster).await;
            *rate = place.database().await.insert(&ops, &entities, per_op).await;
        }
        let [ops_per_second, with_entities_per_second] = rates;
        Some(Self { ops: ops.len(), ops_per_second, with_entities_per_second })
    }
}
