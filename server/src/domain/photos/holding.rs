//! Holding a photo for a case: by whoever may do so where it was taken, with a reason.

use super::Photos;
use crate::domain::access::{Act, Caller};
use crate::domain::archive::{Holding, Holds};
use crate::domain::settling::reason_of;
use crate::error::{Error, Result};
use saolou_protocol::canonical::Hash;
use serde::Deserialize;
use uuid::Uuid;

/// Longest name of a case, in characters.
const CASE_MAX: usize = 200;

/// For which case, and why it is set or lifted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForCase {
    case: String,
    reason: String,
}

impl Photos {
    /// The cases of a photo.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it lies outside the caller's area.
    pub(crate) async fn holds(&self, caller: &Caller, photo: Uuid) -> Result<Holds> {
        let hash = self.held(caller, photo, Act::ReadEvidence).await?;
        self.archive.holds(hash).await
    }

    /// Sets or lifts the hold of a case.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the photo lies outside the caller's area, or the case does not hold it;
    /// [`Error::Invalid`] where case or reason is missing, or it is to be removed already.
    pub(crate) async fn set_hold(
        &self,
        caller: &Caller,
        photo: Uuid,
        of: &ForCase,
        is_on: bool,
    ) -> Result<Holds> {
        let hash = self.held(caller, photo, Act::HoldEvidence).await?;
        let (case, reason) = (of.case.trim(), reason_of(&of.reason)?);
        if case.is_empty() || case.chars().count() > CASE_MAX {
            return Err(Error::Invalid(format!("case: 1 to {CASE_MAX} characters")));
        }
        let holding = Holding { case, reason, by: caller.user_id };
        match is_on {
            true => self.archive.hold(hash, holding).await?,
            false => self.archive.free(hash, holding).await?,
        };
        if let Err(error) = self.archive.lock_as_held(hash).await {
            tracing::warn!(photo_id = %photo, %error, "the store is told of a hold later");
        }
        self.archive.holds(hash).await
    }

    /// The bytes of a photo, where the caller may do something with it.
    async fn held(&self, caller: &Caller, photo: Uuid, act: Act) -> Result<Hash> {
        self.log.require_photo(caller, photo, &[act]).await?;
        let facts = self.sync.store.read().await?.photo_facts(photo).await?;
        let hash = facts.ok_or(Error::NotFound)?.sha256.as_slice().try_into().map(Hash);
        hash.map_err(|_| Error::Internal("a stored hash has another length".into()))
    }
}
