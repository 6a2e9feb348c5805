//! The history of one office: every op that has to do with it, whether it counts or not.

use super::{Building, LicenceSite};
use crate::fact::{Fact, Kind};
use crate::ids::{OfficeId, OpId, PhotoId, VisitId};
use crate::issue::Issues;
use crate::outcome::{Class, Elements};
use crate::photo::finding::Finding;
use crate::registry::structure::Target;
use crate::visit::Visit;
use serde::Serialize;
use std::collections::BTreeSet;

/// One op in the history of an office.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryItem {
    /// The op.
    pub op_id: OpId,
    /// What is odd about it beside everything else that is known of the building.
    #[serde(skip)]
    pub issues: Issues,
    /// The licence that it found at work here: elsewhere in the street it may have been found, too.
    #[serde(skip)]
    pub licence: Option<LicenceSite>,
    /// For a revision of a visit: what it is and whether it counts.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub visit: Option<VisitStanding>,
}

/// How a revision of a visit stands.
#[derive(Clone, Debug, Serialize)]
pub struct VisitStanding {
    /// The visit.
    pub visit_id: VisitId,
    /// The revision.
    pub revision: i64,
    /// It is the revision that counts.
    pub effective: bool,
    /// The visit is voided.
    pub voided: bool,
    /// What it means for coverage.
    pub class: Class,
    /// Elements it did not obtain.
    pub missing: Elements,
    /// Visits that say the same within minutes: one of them may be a slip of the finger.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub duplicates: BTreeSet<VisitId>,
    /// For the revision that counts: what is to be looked at about its photos.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingStanding>,
}

/// What is to be looked at about a photo, and whether somebody has.
#[derive(Clone, Debug, Serialize)]
pub struct FindingStanding {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Somebody who had seen all that it follows from has closed it.
    pub closed: bool,
}

impl Building {
    /// Every op that has to do with an office: the ops that made and changed it, all revisions of all
    /// visits that belong to it today, voids, exclusions; of one that was split also the visits of which
    /// nobody knows to which part they belong. Sorted by op id.
    #[must_use]
    pub fn history(&self, office: OfficeId) -> Vec<HistoryItem> {
        let mut items: Vec<HistoryItem> = self
            .ledger
            .facts()
            .filter_map(|fact| {
                let visit = match &fact.kind {
                    Kind::Visit(visit) => Some(visit.as_ref()),
                    _ => None,
                };
                let about = match (&fact.kind, visit) {
                    (_, Some(visit)) => self.belongs(visit, office),
                    (
                        Kind::Void { visit }
                        | Kind::LateAccepted { visit }
                        | Kind::Reassigned { visit, .. },
                        _,
                    ) => {
                        let mut revisions = self.ledger.revisions(*visit);
                        revisions.any(|op| {
                            self.ledger.visit(op).is_some_and(|v| self.belongs(v, office))
                        })
                    }
                    (Kind::PhotoVerified { photo, .. } | Kind::FindingClosed { photo, .. }, _) => {
                        self.is_of_photo(*photo, office)
                    }
                    (Kind::PhotoRead(reading), _) => self.is_of_photo(reading.photo, office),
                    (Kind::PhotosAlike(resemblance), _) => {
                        let mut photos = resemblance.photos.iter();
                        photos.any(|alike| self.is_of_photo(alike.photo, office))
                    }
                    (kind, _) => self.names(kind, office),
                };
                about.then(|| match visit {
                    Some(visit) => self.visit_item(fact, visit),
                    None => HistoryItem {
                        op_id: fact.op,
                        issues: Issues::default(),
                        licence: None,
                        visit: None,
                    },
                })
            })
            .collect();
        items.sort_by_key(|item| item.op_id);
        items
    }

    fn visit_item(&self, fact: &Fact, visit: &Visit) -> HistoryItem {
        let suspicions = self.suspect(fact, visit);
        let key = (visit.visit_id, fact.author);
        let effective = self.ledger.effective(key).is_some_and(|(op, _)| op == fact.op);
        let findings = if effective { self.findings_of(key) } else { Vec::new() };
        let standing = VisitStanding {
            visit_id: visit.visit_id,
            revision: visit.revision,
            effective,
            voided: self.ledger.is_voided(visit.visit_id),
            class: visit.class,
            missing: visit.missing,
            duplicates: suspicions.duplicates,
            findings: findings
                .into_iter()
                .map(|finding| FindingStanding { closed: self.is_closed(&finding), finding })
                .collect(),
        };
        let mut issues = suspicions.issues;
        issues.extend(self.timing(fact, visit));
        HistoryItem {
            op_id: fact.op,
            issues,
            licence: self.licence_found_by(fact.op),
            visit: Some(standing),
        }
    }

    /// Whether a visit that belongs to an office promises a photo.
    fn is_of_photo(&self, photo: PhotoId, office: OfficeId) -> bool {
        let visits = self.ledger.visits_that_promise(photo);
        let mut revisions = visits.flat_map(|key| self.ledger.revisions_of(key));
        revisions.any(|op| self.ledger.visit(op).is_some_and(|visit| self.belongs(visit, office)))
    }

    fn belongs(&self, visit: &Visit, office: OfficeId) -> bool {
        let targets = self.targets(visit);
        targets.contains(&Target::Office(office))
            || targets.contains(&Target::NeedsReassignment(office))
    }

    fn names(&self, kind: &Kind, office: OfficeId) -> bool {
        let same = |id: &OfficeId| self.structure.members(office).contains(id);
        match kind {
            Kind::Office { office, .. } => same(&office.office),
            Kind::Split { parent, children, .. } => {
                same(parent) || children.iter().any(|child| same(&child.office))
            }
            Kind::Merge { parents, child } => parents.iter().any(same) || same(&child.office),
            Kind::OfficeFields { office, .. }
            | Kind::Occupancy { office, .. }
            | Kind::OccupantsConfirmed { office }
            | Kind::ExclusionApproved { office, .. } => same(office),
            Kind::Link { a, b, .. } => same(a) || same(b),
            _ => false,
        }
    }
}
