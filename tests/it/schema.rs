//! The schema: both databases have the same tables with the same columns and indexes.

use crate::world::{Database, World};

/// One line a column: table, column, type, whether it must have a value.
const SQLITE: &str = "select m.name || '.' || p.name || ' ' || lower(p.type) \
     || case when p.\"notnull\" = 1 or p.pk > 0 then ' not null' else '' end \
     from sqlite_master m join pragma_table_info(m.name) p \
     where m.type = 'table' and m.name not like 'sqlite\\_%' escape '\\' \
     and m.name not like '\\_sqlx%' escape '\\'";
const POSTGRES: &str = "select table_name || '.' || column_name || ' ' || case data_type \
     when 'uuid' then 'blob' when 'bytea' then 'blob' when 'bigint' then 'integer' \
     else data_type || '?' end || case is_nullable when 'NO' then ' not null' else '' end \
     from information_schema.columns \
     where table_schema = current_schema() and table_name not like '\\_sqlx%'";

/// Indexes that were given a name, with what they are on.
const SQLITE_INDEXES: &str =
    "select lower(sql) from sqlite_master where type = 'index' and sql is not null";
const POSTGRES_INDEXES: &str = "select lower(indexdef) from pg_indexes \
     where schemaname = current_schema() and tablename not like '\\_sqlx%' \
     and indexname not like '%\\_pkey' and indexname not like '%\\_key'";

async fn sorted(world: &World, sql: &str) -> Vec<String> {
    let mut lines = world.direct().await.texts(sql).await;
    lines.sort();
    lines
}

/// `create index name on table (columns)`, however a database words it.
fn plain(index: &str) -> String {
    let index = index.replace(" using btree", "").replace("where (", "where ");
    let index = if index.contains(" where ") { index.trim_end_matches(')') } else { &*index };
    let (head, on) = index.split_once(" on ").expect("an index is on something");
    let on = on.rsplit_once('.').map_or(on, |(_, table)| table);
    format!("{head} on {on}").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_have_the_same_tables_columns_and_indexes() {
    let sqlite = World::new(Database::Sqlite).await.expect("SQLite is built in");
    let Some(postgres) = World::new(Database::Postgres).await else { return };
    let columns = sorted(&sqlite, SQLITE).await;
    let other: Vec<String> = sorted(&postgres, POSTGRES)
        .await
        .iter()
        .map(|line| line.replace("text?", "text"))
        .collect();
    assert!(columns.len() > 50, "the tables are there: {columns:?}");
    for line in &columns {
        assert!(other.contains(line), "{line}: not so on PostgreSQL");
    }
    for line in &other {
        assert!(columns.contains(line), "{line}: not so on SQLite");
    }
    let names = |lines: Vec<String>| {
        let mut names: Vec<String> = lines.iter().map(|line| plain(line)).collect();
        names.sort();
        names
    };
    let indexes = names(sorted(&sqlite, SQLITE_INDEXES).await);
    assert_eq!(indexes, names(sorted(&postgres, POSTGRES_INDEXES).await));
}
