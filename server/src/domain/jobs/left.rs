//! What jobs leave behind in the database: written with how they ended, many of them in one commit.

use crate::clock::Clock;
use crate::domain::archive::{self, Copies};
use crate::error::Result;
use crate::store::{NewJob, ReadingRow, Tx};

/// What one job leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Left {
    pub(crate) copies: Copies,
    /// What was read in a photo.
    pub(crate) reading: Option<ReadingRow>,
    /// What is to be done next.
    pub(crate) next: Option<NewJob>,
}

/// Writes what jobs leave behind. Gives whether there is something to be done next, for which
/// whoever commits rings.
pub(super) async fn write<'a>(
    tx: &mut Tx,
    clock: &Clock,
    left: impl Iterator<Item = &'a Left> + Clone,
) -> Result<bool> {
    archive::note(tx, clock, left.clone().map(|one| &one.copies)).await?;
    let readings: Vec<&ReadingRow> = left.clone().filter_map(|one| one.reading.as_ref()).collect();
    tx.put_readings(&readings).await?;
    let next: Vec<NewJob> = left.filter_map(|one| one.next).collect();
    tx.put_jobs(&next, clock.now_ms()).await?;
    Ok(!next.is_empty())
}
