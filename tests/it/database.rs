//! A way into a world's database beside its server: to look at what is kept, to do what must not
//! happen, and to hold up the writer.

use crate::world::{Database, World};
use saolou_server::config::Settings;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};
use uuid::Uuid;

/// One connection.
pub(crate) enum Direct {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one expression over the connection of either driver.
macro_rules! on {
    ($direct:expr, |$conn:ident| $query:expr) => {
        match $direct {
            Direct::Sqlite($conn) => $query.await,
            Direct::Postgres($conn) => $query.await,
        }
    };
}

impl World {
    /// A connection to this world's database.
    pub(crate) async fn direct(&self) -> Direct {
        let direct = Direct::open(self.settings()).await;
        assert_eq!(matches!(direct, Direct::Sqlite(_)), self.database == Database::Sqlite);
        direct
    }

    /// One number that a query gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.direct().await.number(sql).await
    }

    /// How many ops are kept, in effect or in quarantine.
    pub(crate) async fn ops_kept(&self) -> i64 {
        self.number("select count(*) from op").await
    }

    /// How many things are kept that are no ops, with this reason.
    pub(crate) async fn rejected(&self, reason: &str) -> i64 {
        self.number(&format!("select count(*) from quarantine where reason = '{reason}'")).await
    }
}

impl Direct {
    async fn open(settings: &Settings) -> Self {
        match &settings.database_url {
            Some(url) => {
                Self::Postgres(PgConnection::connect(url).await.expect("the server accepts us"))
            }
            None => {
                let file = settings.data_dir.join("saolou.db");
                let options = SqliteConnectOptions::new().filename(file);
                Self::Sqlite(options.connect().await.expect("the file is there"))
            }
        }
    }

    /// Runs a statement; gives how many rows it touched.
    pub(crate) async fn execute(&mut self, sql: &str) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, |conn| async { conn.execute(sql).await.map(|done| done.rows_affected()) })
            .expect("a statement that works")
    }

    /// One number.
    pub(crate) async fn number(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, |conn| sqlx::query_scalar(sql).fetch_one(conn)).expect("a number")
    }

    /// Texts, one a row.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, |conn| sqlx::query_scalar(sql).fetch_all(conn)).expect("texts")
    }

    /// Bytes, one a row.
    pub(crate) async fn bytes(&mut self, sql: &str) -> Vec<Vec<u8>> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, |conn| sqlx::query_scalar(sql).fetch_all(conn)).expect("bytes")
    }

    /// An id as SQL writes it.
    pub(crate) fn id(&self, id: Uuid) -> String {
        match self {
            Self::Sqlite(_) => format!("x'{}'", id.simple()),
            Self::Postgres(_) => format!("'{id}'::uuid"),
        }
    }

    /// Bytes as SQL writes them.
    pub(crate) fn blob(&self, bytes: &[u8]) -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sqlite(_) => format!("x'{digits}'"),
            Self::Postgres(_) => format!("'\\x{digits}'::bytea"),
        }
    }

    /// Holds up whoever writes, and nobody who reads, until [`Self::let_go`].
    pub(crate) async fn hold_up_the_writer(&mut self) {
        match self {
            Self::Sqlite(_) => drop(self.execute("begin immediate").await),
            Self::Postgres(_) => {
                self.execute("begin").await;
                self.execute("lock table bucket in share row exclusive mode").await;
            }
        }
    }

    pub(crate) async fn let_go(&mut self) {
        self.execute("rollback").await;
    }
}
