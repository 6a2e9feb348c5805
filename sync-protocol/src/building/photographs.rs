//! What is known of photos beside their promises: what their bytes gave, which look alike, which show
//! an identity document, and which findings people have closed.

use crate::fact::Kind;
use crate::ids::{FindingId, OpId, PhotoId};
use crate::photo::PhotoKind;
use std::collections::{BTreeMap, BTreeSet};

/// Ops about photos, by what they are about.
#[derive(Clone, Debug, Default)]
pub(super) struct Photographs {
    readings: BTreeMap<PhotoId, BTreeSet<OpId>>,
    alike: BTreeMap<PhotoId, BTreeSet<(PhotoId, OpId)>>,
    closings: BTreeMap<FindingId, BTreeSet<OpId>>,
    waivers: BTreeMap<PhotoId, BTreeSet<OpId>>,
    /// Ops that say of a photo that it shows an identity document.
    restrictions: BTreeMap<PhotoId, BTreeSet<OpId>>,
}

impl Photographs {
    /// Takes an op, and gives the photos that it is about.
    pub(super) fn put(&mut self, op: OpId, kind: &Kind) -> Vec<PhotoId> {
        match kind {
            Kind::PhotoRead(reading) => {
                self.readings.entry(reading.photo).or_default().insert(op);
                vec![reading.photo]
            }
            Kind::PhotosAlike(resemblance) => {
                let [one, other] = resemblance.photos.each_ref().map(|alike| alike.photo);
                self.alike.entry(one).or_default().insert((other, op));
                self.alike.entry(other).or_default().insert((one, op));
                vec![one, other]
            }
            Kind::FindingClosed { finding, photo } => {
                self.closings.entry(*finding).or_default().insert(op);
                vec![*photo]
            }
            Kind::PhotoWaived { photo } => {
                self.waivers.entry(*photo).or_default().insert(op);
                vec![*photo]
            }
            Kind::PhotoRestricted { photo } => {
                self.restrictions.entry(*photo).or_default().insert(op);
                vec![*photo]
            }
            Kind::Visit(visit) => {
                let cards = visit.photographs.iter().filter(|of| of.kind == PhotoKind::IdCard);
                for card in cards {
                    self.restrictions.entry(card.promise.photo).or_default().insert(op);
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Whether nothing is known of any photo, so that there is nothing to find.
    pub(super) fn is_empty(&self) -> bool {
        self.readings.is_empty() && self.alike.is_empty()
    }

    /// The ops that say what reading a photo gave.
    pub(super) fn readings(&self, photo: PhotoId) -> impl Iterator<Item = OpId> {
        self.readings.get(&photo).into_iter().flatten().copied()
    }

    /// The photos that look like one, each with the op that says so.
    pub(super) fn alike(&self, photo: PhotoId) -> impl Iterator<Item = (PhotoId, OpId)> {
        self.alike.get(&photo).into_iter().flatten().copied()
    }

    /// The photos that anybody ever said show an identity document, each with the ops that say so.
    pub(super) fn restrictions(&self) -> &BTreeMap<PhotoId, BTreeSet<OpId>> {
        &self.restrictions
    }

    /// The ops that say that a promised photo need not come.
    pub(super) fn waivers(&self, photo: PhotoId) -> Option<&BTreeSet<OpId>> {
        self.waivers.get(&photo)
    }

    /// The ops that close a finding.
    pub(super) fn closings(&self, finding: FindingId) -> Option<&BTreeSet<OpId>> {
        self.closings.get(&finding)
    }
}
