//! Licences found at work: an index over the buildings of a street, derived from ops.

use super::bulk::{for_chunks, select_in};
use super::{Result, Tx, on};
use uuid::Uuid;

/// A licence that was found at work in a building in a round.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub(crate) struct LicenceRow {
    pub(crate) street_id: Uuid,
    pub(crate) uscc: String,
    pub(crate) round_id: Uuid,
    pub(crate) building_id: Uuid,
}

impl Tx {
    /// Where in a street these licences were found, by their codes.
    pub(crate) async fn licences_found(
        &mut self,
        street: Uuid,
        codes: &[&str],
    ) -> Result<Vec<LicenceRow>> {
        Ok(select_in!(
            self,
            codes,
            LicenceRow,
            "select street_id, uscc, round_id, building_id from licence_site where street_id = ",
            street,
            " and uscc in ("
        ))
    }

    /// The licences found in a building.
    pub(crate) async fn licences_in(
        &mut self,
        street: Uuid,
        building: Uuid,
    ) -> Result<Vec<LicenceRow>> {
        const SQL: &str = "select street_id, uscc, round_id, building_id from licence_site \
             where street_id = $1 and building_id = $2";
        on!(self, |conn| sqlx::query_as(SQL).bind(street).bind(building).fetch_all(conn).await)
    }

    /// Stores licences as found, those that are there already included.
    pub(crate) async fn put_licences(&mut self, rows: &[LicenceRow]) -> Result<()> {
        const HEAD: &str = "insert into licence_site (street_id, uscc, round_id, building_id) ";
        for_chunks!(
            self,
            rows,
            HEAD,
            |values, row| _ = values
                .push_bind(row.street_id)
                .push_bind(row.uscc.as_str())
                .push_bind(row.round_id)
                .push_bind(row.building_id),
            " on conflict (street_id, uscc, round_id, building_id) do nothing"
        );
        Ok(())
    }

    /// Removes licences that are found no more: few, and seldom.
    pub(crate) async fn delete_licences(&mut self, rows: &[LicenceRow]) -> Result<()> {
        const SQL: &str = "delete from licence_site where street_id = $1 and uscc = $2 \
             and round_id = $3 and building_id = $4";
        for row in rows {
            on!(self, |conn| sqlx::query(SQL)
                .bind(row.street_id)
                .bind(row.uscc.as_str())
                .bind(row.round_id)
                .bind(row.building_id)
                .execute(conn)
                .await
                .map(drop))?;
        }
        Ok(())
    }
}
