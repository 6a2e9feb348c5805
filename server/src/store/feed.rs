//! The feed: one head for each bucket, one row for each entity, moved to the head when it changes.

use super::bulk::{column, for_chunks, select_in};
use super::{Result, Tx, on};
use saolou_protocol::digest::{Digest, Sum};
use uuid::Uuid;

/// The head of a bucket, with the digest of its rows.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Head {
    pub(crate) building_id: Uuid,
    pub(crate) street_id: Uuid,
    pub(crate) seq: i64,
    pub(crate) digest_count: i64,
    pub(crate) digest_sum: Vec<u8>,
}

/// A head that moves from one number to another.
#[derive(Clone, Debug)]
pub(crate) struct HeadMove {
    pub(crate) building: Uuid,
    pub(crate) street: Uuid,
    pub(crate) from_seq: i64,
    pub(crate) to_seq: i64,
    pub(crate) digest: Digest,
}

impl Head {
    /// The digest of its rows.
    pub(crate) fn digest(&self) -> Digest {
        let sum = self.digest_sum.as_slice().try_into().map(Sum::from_bytes).unwrap_or_default();
        Digest { count: u64::try_from(self.digest_count).unwrap_or_default(), sum }
    }
}

/// An entity as stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct EntityRow {
    pub(crate) street_id: Uuid,
    pub(crate) building_id: Uuid,
    pub(crate) kind: String,
    pub(crate) entity_id: Uuid,
    pub(crate) seq: i64,
    pub(crate) body: Vec<u8>,
}

/// A building with the unit that it lies in.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct BuildingRow {
    pub(crate) building_id: Uuid,
    pub(crate) unit_id: Uuid,
    pub(crate) body: Vec<u8>,
}

impl Tx {
    /// The heads of these buckets of a street, where they exist.
    pub(crate) async fn heads_in(&mut self, street: Uuid, buildings: &[Uuid]) -> Result<Vec<Head>> {
        Ok(select_in!(
            self,
            buildings,
            Head,
            "select building_id, street_id, seq, digest_count, digest_sum from bucket \
             where street_id = ",
            street,
            " and building_id in ("
        ))
    }

    /// The heads of these buckets in whatever street, where they exist.
    pub(crate) async fn heads(&mut self, buildings: &[Uuid]) -> Result<Vec<Head>> {
        Ok(select_in!(
            self,
            buildings,
            Head,
            "select building_id, street_id, seq, digest_count, digest_sum from bucket \
             where building_id in ("
        ))
    }

    /// How far all feeds together have come.
    pub(crate) async fn feeds_sum(&mut self) -> Result<i64> {
        const SQL: &str = "select cast(coalesce(sum(seq), 0) as bigint) from bucket";
        on!(self, |conn| sqlx::query_scalar(SQL).fetch_one(conn).await)
    }

    /// The head of one bucket.
    pub(crate) async fn head(&mut self, building: Uuid) -> Result<Option<Head>> {
        const SQL: &str = "select building_id, street_id, seq, digest_count, digest_sum \
             from bucket where building_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(building).fetch_optional(conn).await)
    }

    /// The unit that a building lies in; `None` where it is not registered.
    pub(crate) async fn building_unit(&mut self, building: Uuid) -> Result<Option<Uuid>> {
        const SQL: &str = "select unit_id from bucket where building_id = $1";
        let unit: Option<Option<Uuid>> =
            on!(self, |conn| sqlx::query_scalar(SQL).bind(building).fetch_optional(conn).await)?;
        Ok(unit.flatten())
    }

    /// These buildings, each with every unit that it lies below.
    pub(crate) async fn units_above_buildings(
        &mut self,
        buildings: &[Uuid],
    ) -> Result<Vec<(Uuid, Uuid)>> {
        Ok(select_in!(
            self,
            buildings,
            (Uuid, Uuid),
            "select bucket.building_id, org_unit_above.above_id from org_unit_above \
             join bucket on bucket.unit_id = org_unit_above.unit_id where bucket.building_id in ("
        ))
    }

    /// Opens a bucket where there is none, so that facts can come before the registration.
    pub(crate) async fn open_bucket(&mut self, building: Uuid, street: Uuid) -> Result<()> {
        const SQL: &str = "insert into bucket (building_id, street_id, seq, digest_count, digest_sum) \
             values ($1, $2, 0, 0, $3) on conflict (building_id) do nothing";
        on!(self, |conn| sqlx::query(SQL)
            .bind(building)
            .bind(street)
            .bind(Sum::default().bytes().as_slice())
            .execute(conn)
            .await
            .map(drop))
    }

    /// Places a bucket in a unit of a street; where it lay in another street, all of it moves.
    pub(crate) async fn place_bucket(
        &mut self,
        building: Uuid,
        street: Uuid,
        unit: Uuid,
    ) -> Result<()> {
        // Locks the row, and says where the bucket lies now.
        const PUT: &str = "insert into bucket \
             (building_id, street_id, unit_id, seq, digest_count, digest_sum) \
             values ($1, $2, $3, 0, 0, $4) on conflict (building_id) do update \
             set unit_id = excluded.unit_id returning street_id";
        const MOVE: [&str; 4] = [
            "update bucket set street_id = $2 where street_id = $3 and building_id = $1",
            "update op set street_id = $2 where street_id = $3 and building_id = $1",
            "update entity set street_id = $2 where street_id = $3 and building_id = $1",
            "update licence_site set street_id = $2 where street_id = $3 and building_id = $1",
        ];
        let lies_in: Uuid = on!(self, |conn| sqlx::query_scalar(PUT)
            .bind(building)
            .bind(street)
            .bind(unit)
            .bind(Sum::default().bytes().as_slice())
            .fetch_one(conn)
            .await)?;
        if lies_in == street {
            return Ok(());
        }
        for sql in MOVE {
            on!(self, |conn| sqlx::query(sql)
                .bind(building)
                .bind(street)
                .bind(lies_in)
                .execute(conn)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// Moves heads. Gives how many stood where they were expected; fewer than asked for means that
    /// another writer was there first, and this transaction must not be committed.
    pub(crate) async fn move_heads(&mut self, moves: &[HeadMove]) -> Result<u64> {
        const HEAD: &str =
            "with moved (street_id, building_id, from_seq, to_seq, digest_count, digest_sum) as (";
        const TAIL: &str = ") update bucket set seq = moved.to_seq, \
             digest_count = moved.digest_count, digest_sum = moved.digest_sum from moved \
             where bucket.building_id = moved.building_id \
             and bucket.street_id = moved.street_id and bucket.seq = moved.from_seq";
        const ARRAYS: &str = "select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], \
             $4::bigint[], $5::bigint[], $6::bytea[])";
        if let Self::Postgres(tx) = self {
            let done = sqlx::query(sqlx::AssertSqlSafe([HEAD, ARRAYS, TAIL].concat()))
                .bind(column(moves, |head| head.street))
                .bind(column(moves, |head| head.building))
                .bind(column(moves, |head| head.from_seq))
                .bind(column(moves, |head| head.to_seq))
                .bind(column(moves, |head| count(&head.digest)))
                .bind(column(moves, |head| head.digest.sum.bytes().as_slice()))
                .execute(&mut **tx)
                .await?;
            return Ok(done.rows_affected());
        }
        Ok(for_chunks!(
            self,
            moves,
            HEAD,
            |values, head| _ = values
                .push_bind(head.street)
                .push_bind(head.building)
                .push_bind(head.from_seq)
                .push_bind(head.to_seq)
                .push_bind(count(&head.digest))
                .push_bind(head.digest.sum.bytes().as_slice()),
            TAIL
        ))
    }

    /// Stores entities, replacing what they were.
    pub(crate) async fn put_entities(&mut self, entities: &[EntityRow]) -> Result<()> {
        const HEAD: &str =
            "insert into entity (street_id, building_id, kind, entity_id, seq, body) ";
        const ARRAYS: &str = "select * from unnest($1::uuid[], $2::uuid[], $3::text[], \
             $4::uuid[], $5::bigint[], $6::bytea[])";
        const TAIL: &str = " on conflict (street_id, building_id, kind, entity_id) \
             do update set seq = excluded.seq, body = excluded.body";
        if entities.is_empty() {
            return Ok(());
        }
        if let Self::Postgres(tx) = self {
            sqlx::query(sqlx::AssertSqlSafe([HEAD, ARRAYS, TAIL].concat()))
                .bind(column(entities, |entity| entity.street_id))
                .bind(column(entities, |entity| entity.building_id))
                .bind(column(entities, |entity| entity.kind.as_str()))
                .bind(column(entities, |entity| entity.entity_id))
                .bind(column(entities, |entity| entity.seq))
                .bind(column(entities, |entity| entity.body.as_slice()))
                .execute(&mut **tx)
                .await?;
            return Ok(());
        }
        for_chunks!(
            self,
            entities,
            HEAD,
            |values, entity| _ = values
                .push_bind(entity.street_id)
                .push_bind(entity.building_id)
                .push_bind(entity.kind.as_str())
                .push_bind(entity.entity_id)
                .push_bind(entity.seq)
                .push_bind(entity.body.as_slice()),
            TAIL
        );
        Ok(())
    }

    /// Entities of a bucket that changed after a number, in feed order.
    pub(crate) async fn changes_after(
        &mut self,
        street: Uuid,
        building: Uuid,
        seq: i64,
        rows_max: i64,
    ) -> Result<Vec<EntityRow>> {
        const SQL: &str = "select street_id, building_id, kind, entity_id, seq, body from entity \
             where street_id = $1 and building_id = $2 and seq > $3 order by seq limit $4";
        on!(self, |conn| sqlx::query_as(SQL)
            .bind(street)
            .bind(building)
            .bind(seq)
            .bind(rows_max)
            .fetch_all(conn)
            .await)
    }

    /// All entities of a bucket.
    pub(crate) async fn entities(
        &mut self,
        street: Uuid,
        building: Uuid,
    ) -> Result<Vec<EntityRow>> {
        const SQL: &str = "select street_id, building_id, kind, entity_id, seq, body from entity \
             where street_id = $1 and building_id = $2";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(building).fetch_all(conn).await)
    }

    /// The buildings, or the floors, below a unit, with the unit that each building lies in.
    pub(crate) async fn entities_below(
        &mut self,
        unit: Uuid,
        kind: &str,
    ) -> Result<Vec<BuildingRow>> {
        const SQL: &str = "select bucket.building_id, bucket.unit_id, entity.body \
             from org_unit_above join bucket on bucket.unit_id = org_unit_above.unit_id \
             join entity on entity.street_id = bucket.street_id \
             and entity.building_id = bucket.building_id and entity.kind = $2 \
             where org_unit_above.above_id = $1";
        on!(self, |conn| sqlx::query_as(SQL).bind(unit).bind(kind).fetch_all(conn).await)
    }

    /// All buckets of a street, or of all streets.
    pub(crate) async fn buckets(&mut self, street: Option<Uuid>) -> Result<Vec<Head>> {
        const ALL: &str = "select building_id, street_id, seq, digest_count, digest_sum \
             from bucket order by building_id";
        const OF: &str = "select building_id, street_id, seq, digest_count, digest_sum \
             from bucket where street_id = $1 \
             order by building_id";
        match street {
            None => on!(self, |conn| sqlx::query_as(ALL).fetch_all(conn).await),
            Some(street) => {
                on!(self, |conn| sqlx::query_as(OF).bind(street).fetch_all(conn).await)
            }
        }
    }
}

/// How many rows a digest is of, as the database has it.
fn count(digest: &Digest) -> i64 {
    i64::try_from(digest.count).unwrap_or(i64::MAX)
}
