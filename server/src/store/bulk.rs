//! Bulk statements with few distinct texts, so that they stay prepared.

/// Rows for one statement: a bulk write is cut into these sizes, largest first.
const CHUNKS: [usize; 7] = [256, 64, 16, 8, 4, 2, 1];

/// Cuts rows into runs of the sizes in [`CHUNKS`].
pub(super) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNKS.into_iter().find(|size| *size <= rows.len())?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

/// One column of rows, for a statement that takes arrays.
pub(super) fn column<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// Runs a query builder for every chunk of rows, on either driver: `rows` are pushed as values.
/// Gives how many rows were affected.
macro_rules! for_chunks {
    ($tx:expr, $rows:expr, $head:expr, |$values:ident, $row:ident| $push:expr, $tail:expr) => {{
        let mut affected = 0_u64;
        for chunk in $crate::store::bulk::chunks($rows) {
            match $tx {
                $crate::store::Tx::Sqlite(tx) => {
                    let mut query = sqlx::QueryBuilder::<sqlx::Sqlite>::new($head);
                    query.push_values(chunk, |mut $values, $row| $push);
                    query.push($tail);
                    let done = query.build().execute(&mut **tx).await?;
                    affected += done.rows_affected();
                }
                $crate::store::Tx::Postgres(tx) => {
                    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new($head);
                    query.push_values(chunk, |mut $values, $row| $push);
                    query.push($tail);
                    let done = query.build().execute(&mut **tx).await?;
                    affected += done.rows_affected();
                }
            }
        }
        affected
    }};
}
pub(super) use for_chunks;

/// Selects rows of `$head $bound $middle (ids)`, in chunks of ids, on either driver.
macro_rules! select_in {
    ($tx:expr, $ids:expr, $row:ty, $head:literal $(, $bound:expr, $middle:literal)?) => {{
        let mut rows: Vec<$row> = Vec::new();
        match $tx {
            $crate::store::Tx::Sqlite(tx) => {
                for chunk in $crate::store::bulk::chunks($ids) {
                    let mut query = sqlx::QueryBuilder::<sqlx::Sqlite>::new($head);
                    $(query.push_bind($bound).push($middle);)?
                    let mut list = query.separated(", ");
                    chunk.iter().for_each(|id| _ = list.push_bind(*id));
                    query.push(")");
                    rows.extend(query.build_query_as::<$row>().fetch_all(&mut **tx).await?);
                }
            }
            // One array, however many ids: one round trip, and one text that stays prepared.
            $crate::store::Tx::Postgres(tx) if !$ids.is_empty() => {
                let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new($head);
                $(query.push_bind($bound).push($middle);)?
                query.push("select unnest(").push_bind($ids.to_vec()).push("))");
                rows.extend(query.build_query_as::<$row>().fetch_all(&mut **tx).await?);
            }
            $crate::store::Tx::Postgres(_) => {}
        }
        rows
    }};
}
pub(super) use select_in;
