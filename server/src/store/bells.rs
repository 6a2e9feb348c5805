//! A line between servers that share a PostgreSQL database: `LISTEN` and `NOTIFY`.

use super::{Result, Store};
use sqlx::PgPool;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgListener, PgPoolOptions};

/// Hears what servers say.
pub(crate) struct Ear(PgListener);

/// Says something to all servers on the same tables, the one that says it included.
pub(crate) struct Line {
    pool: PgPool,
    channel: String,
}

impl Store {
    /// A line to the other servers; `None` where the database is this server's own.
    pub(crate) async fn line(&self) -> Result<Option<(Ear, Line)>> {
        let Self::Postgres(pool, _) = self else { return Ok(None) };
        // A channel reaches all of a database, which may hold several schemas with tables of ours.
        let schema: String =
            sqlx::query_scalar("select current_schema()::text").fetch_one(pool).await?;
        let channel = format!("saolou.{schema}");
        // A connection of its own: listening for ever, it must not be lacking among the others.
        let options = pool.connect_options().as_ref().clone();
        let one = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&one).await?;
        listener.eager_reconnect(false);
        listener.listen(&channel).await?;
        Ok(Some((Ear(listener), Line { pool: pool.clone(), channel })))
    }
}

impl Ear {
    /// What is said next; `None` when the line is broken.
    pub(crate) async fn hear(&mut self) -> Result<Option<String>> {
        let heard = self.0.try_recv().await?;
        Ok(heard.map(|said| said.payload().to_owned()))
    }
}

impl Line {
    /// Says something.
    pub(crate) async fn say(&self, text: &str) -> Result<()> {
        let said = sqlx::query("select pg_notify($1, $2)").bind(&self.channel).bind(text);
        said.execute(&self.pool).await.map(drop)
    }
}

/// Whether a transaction failed because another server was at the same rows: it may simply be done
/// again. A deadlock's victim, a serialization failure, and an op that the other one stored first.
pub(crate) fn is_race(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| ["40P01", "40001", "23505"].contains(&&*code))
}
