//! Photos and the visits that promised them: whichever comes second binds them. And photos that must
//! not be seen like others, because of what somebody said that they show.

use super::Building;
use super::ledger::VisitKey;
use super::suspicion::offices;
use crate::canonical::Hash;
use crate::coverage::office::Evidence;
use crate::fact::Kind;
use crate::ids::{OfficeId, OpId, PhotoId, RoundId, VisitId};
use crate::visit::{Photograph, Promise, Visit};
use std::collections::{BTreeMap, BTreeSet};

/// A photo whose bytes and whose record are both here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// The photo.
    pub photo: PhotoId,
    /// The SHA-256 of its bytes, as they arrived.
    pub sha256: Hash,
    /// The visit, in the revision that promised it.
    pub visit: OpId,
}

/// A visit whose mandatory photo has not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingForPhotos {
    /// The visit.
    pub visit: VisitId,
    /// The revision that counts.
    pub op: OpId,
    /// The round that it names.
    pub round: Option<RoundId>,
    /// The photos that it promised.
    pub photos: BTreeSet<PhotoId>,
    /// The live offices that it belongs to.
    pub offices: BTreeSet<OfficeId>,
}

impl Building {
    /// What the fact of an op binds: a visit binds the photos it promised that are here, a photo
    /// the visits that promised it. The pairs are the same whichever came first.
    #[must_use]
    pub fn bound_by(&self, op: OpId) -> Vec<Binding> {
        match self.ledger.fact(op).map(|fact| &fact.kind) {
            Some(Kind::Visit(visit)) => self.photos_of(op, visit).collect(),
            Some(Kind::PhotoVerified { photo, sha256 }) => {
                let visits = self.ledger.visits_that_promise(*photo);
                let revisions = visits.flat_map(|visit| self.ledger.revisions_of(visit));
                let visits = revisions.filter_map(|op| Some((op, self.ledger.visit(op)?)));
                let promise = Promise { photo: *photo, sha256: Some(*sha256) };
                visits
                    .filter(|(_, visit)| {
                        visit.photographs.iter().any(|of| of.promise.is_kept_by(&promise))
                    })
                    .map(|(visit, _)| Binding { photo: *photo, sha256: *sha256, visit })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// The visits whose mandatory photo has not come, each with the photos that it promised as such: any
    /// of them would do (C37).
    #[must_use]
    pub fn waiting_for_photos(&self) -> Vec<WaitingForPhotos> {
        let waiting = self.without_photo.iter().filter_map(|key| {
            let placed = self.placed.get(key)?;
            let visit = self.ledger.visit(placed.op)?;
            Some(WaitingForPhotos {
                visit: key.0,
                op: placed.op,
                round: visit.round,
                photos: visit.mandatory.iter().map(|promise| promise.photo).collect(),
                offices: offices(placed).collect(),
            })
        });
        waiting.collect()
    }

    /// Notes whether the mandatory photo of a visit is still to come.
    pub(super) fn note_photo(&mut self, key: VisitKey) {
        let visit = self.ledger.effective(key).map(|(_, visit)| visit);
        if visit.is_some_and(|visit| self.ledger.evidence(visit) == Evidence::Pending) {
            self.without_photo.insert(key);
        } else {
            self.without_photo.remove(&key);
        }
    }

    /// The photos of which an op may have changed whether they show an identity document, each with
    /// whether they do now.
    #[must_use]
    pub fn restricted_by(&self, op: OpId) -> Vec<(PhotoId, bool)> {
        let restrictions = self.ledger.photographs.restrictions();
        let now = |photo: &PhotoId| (*photo, self.is_restricted(*photo));
        match self.ledger.fact(op).map(|fact| &fact.kind) {
            Some(Kind::PhotoRestricted { photo }) => vec![now(photo)],
            Some(Kind::Visit(visit)) => {
                let photos = visit.photographs.iter().map(|photo| photo.promise.photo);
                photos.filter(|photo| restrictions.contains_key(photo)).map(|p| now(&p)).collect()
            }
            Some(Kind::Withdrawal) => restrictions.keys().map(now).collect(),
            _ => Vec::new(),
        }
    }

    /// The photos of which somebody said that they show an identity document, each with whether they
    /// do now.
    #[must_use]
    pub fn restrictions(&self) -> BTreeMap<PhotoId, bool> {
        let said = self.ledger.photographs.restrictions().keys();
        said.map(|photo| (*photo, self.is_restricted(*photo))).collect()
    }

    /// Whether somebody said that a photo shows an identity document, and the desk did not say
    /// otherwise having seen it (C42).
    #[must_use]
    pub fn is_restricted(&self, photo: PhotoId) -> bool {
        let said = self.ledger.photographs.restrictions().get(&photo);
        self.ledger.standing(said).next().is_some()
    }

    fn photos_of(&self, op: OpId, visit: &Visit) -> impl Iterator<Item = Binding> {
        visit.photographs.iter().flat_map(move |Photograph { promise, .. }| {
            let here = self.ledger.arrived(promise.photo);
            here.map(|sha256| Promise { photo: promise.photo, sha256: Some(sha256) })
                .filter(|arrived| promise.is_kept_by(arrived))
                .filter_map(|arrived| arrived.sha256)
                .map(move |sha256| Binding { photo: promise.photo, sha256, visit: op })
        })
    }
}
