//! Answers: what became of an op, as its phone is told.

use super::Building;
use super::view::OfficeRound;
use crate::codes::codes;
use crate::conflict::ConflictCode;
use crate::fact::{Fact, Kind};
use crate::ids::{OfficeId, OpId};
use crate::issue::Issues;
use crate::registry::structure::{Status, Target};
use crate::visit::Visit;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

codes! {
    /// What became of an op.
    pub enum AnswerStatus {
        /// Stored and in effect.
        Applied = "applied",
        /// Stored and in effect; something about it is odd.
        AppliedWithIssues = "applied_with_issues",
        /// Stored; it disagrees with another op, and a person will decide.
        Conflict = "conflict",
        /// Stored; what it made was known already under another id.
        Aliased = "aliased",
        /// Stored; it takes effect by itself when what it needs arrives.
        Parked = "parked",
        /// Stored; somebody at the desk must release it.
        Quarantined = "quarantined",
        /// Not stored, because it is no op; nothing else is refused.
        Refused = "refused",
        /// Not stored; send it again.
        Retry = "retry",
    }
}

/// The answer to one op. It is stored with the op: a repeated op is answered with the same bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// The op; none where it could not even be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub op_id: Option<OpId>,
    /// What became of it.
    pub status: AnswerStatus,
    /// Why it is parked, quarantined or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What is wrong, for the one who mends the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What is odd about it.
    #[serde(skip_serializing_if = "Issues::is_empty")]
    pub issues: Issues,
    /// Ids that it named, and the canonical ids that they stand for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub canonical: BTreeMap<Uuid, Uuid>,
    /// Where the offices that it touched stand now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offices: Vec<OfficeStanding>,
}

/// Where an office stands after an op.
#[derive(Clone, Debug, Serialize)]
pub struct OfficeStanding {
    /// The office.
    pub office_id: OfficeId,
    /// Its rounds.
    pub rounds: Vec<OfficeRound>,
}

/// Most offices that one answer describes.
const STANDINGS_MAX: usize = 16;

impl Answer {
    /// An answer that only has a status and a reason.
    #[must_use]
    pub fn plain(op_id: Option<OpId>, status: AnswerStatus, reason: &'static str) -> Self {
        Self {
            op_id,
            status,
            reason: Some(reason),
            detail: None,
            issues: Issues::default(),
            canonical: BTreeMap::new(),
            offices: Vec::new(),
        }
    }

    /// Its bytes, as stored and sent.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("answers have text keys and whole numbers")
    }
}

/// What the merge knows about an op besides its issues.
#[derive(Default)]
struct Findings {
    parked: Option<&'static str>,
    issues: Issues,
    canonical: BTreeMap<Uuid, Uuid>,
    offices: BTreeSet<OfficeId>,
}

impl Building {
    /// The answer to an op that was applied. `issues` are those of reading it.
    #[must_use]
    pub fn answer(&self, op: OpId, issues: Issues) -> Answer {
        let mut found = Findings { issues, ..Findings::default() };
        if let Some(fact) = self.ledger.fact(op) {
            self.find(fact, &mut found);
        }
        if self.ledger.waits_for_its_group(op) {
            found.parked = Some("group_incomplete");
        }
        if !self.is_registered() {
            found.parked = Some("building_unknown");
        }
        let disagrees = self.conflicts.open().iter().any(|conflict| {
            conflict.code != ConflictCode::NeedsReassignment && conflict.siblings.contains(&op)
        });
        let status = match found.parked {
            Some(_) => AnswerStatus::Parked,
            None if disagrees => AnswerStatus::Conflict,
            None if !found.canonical.is_empty() && found.offices.is_empty() => {
                AnswerStatus::Aliased
            }
            None if found.issues.is_empty() => AnswerStatus::Applied,
            None => AnswerStatus::AppliedWithIssues,
        };
        let offices = found.offices.into_iter().take(STANDINGS_MAX);
        Answer {
            op_id: Some(op),
            status,
            reason: found.parked,
            detail: None,
            issues: found.issues,
            canonical: found.canonical,
            offices: offices
                .map(|office_id| OfficeStanding {
                    office_id,
                    rounds: self.office_rounds(office_id),
                })
                .collect(),
        }
    }

    fn find(&self, fact: &Fact, found: &mut Findings) {
        match &fact.kind {
            Kind::Visit(visit) => self.find_visit(fact, visit, found),
            Kind::Unknown => found.parked = Some("schema_unknown"),
            Kind::Floor(floor) => {
                if let Some((canonical, _)) = self.structure.floor(floor.floor)
                    && canonical != floor.floor
                {
                    found.canonical.insert(floor.floor.0, canonical.0);
                }
            }
            Kind::FloorConfirmed { floor } if self.structure.floor(*floor).is_none() => {
                found.parked = Some("floor_unknown");
            }
            Kind::Office { floor, office, .. } => {
                if self.structure.floor(*floor).is_none() {
                    found.parked = Some("floor_unknown");
                }
                let refuge = self.structure.floor(*floor).is_some_and(|(_, f)| f.kind == "refuge");
                found.issues.add_if(refuge, "office_on_refuge_floor");
                self.find_made(office.office, found);
            }
            Kind::Split { parent, children, .. } => {
                self.find_change(std::slice::from_ref(parent), found);
                children.iter().for_each(|child| self.find_made(child.office, found));
            }
            Kind::Merge { parents, child } => {
                self.find_change(parents, found);
                self.find_made(child.office, found);
            }
            Kind::OfficeFields { office, .. }
            | Kind::Occupancy { office, .. }
            | Kind::OccupantsConfirmed { office }
            | Kind::ExclusionApproved { office, .. } => self.find_named(*office, found),
            Kind::Link { a, b, .. } => {
                self.find_named(*a, found);
                self.find_named(*b, found);
            }
            Kind::Reassigned { office, .. } if !self.structure.offices.contains_key(office) => {
                found.parked = Some("office_unknown");
            }
            Kind::Void { visit }
            | Kind::LateAccepted { visit }
            | Kind::Reassigned { visit, .. }
                if !self.ledger.is_known(*visit) =>
            {
                found.parked = Some("visit_unknown");
            }
            _ => {}
        }
    }

    fn find_visit(&self, fact: &Fact, visit: &Visit, found: &mut Findings) {
        found.issues.extend(self.timing(fact, visit));
        found.issues.add_if(self.ledger.is_forked((visit.visit_id, fact.author)), "revision_fork");
        found.issues.add_if(self.ledger.is_shared_id(visit.visit_id), "wrong_owner");
        found.issues.add_if(self.ledger.is_voided(visit.visit_id), "visit_voided");
        found.issues.extend(self.suspect(fact, visit).issues);
        let mut placed = visit.offices.is_empty();
        let moved = self.moved(visit.visit_id);
        for named in &visit.offices {
            for target in self.targets_of(*named, &visit.company, &moved) {
                match target {
                    Target::Office(office) => {
                        placed = true;
                        found.offices.insert(office);
                        if office != *named {
                            found.canonical.insert(named.0, office.0);
                            found.issues.add("room_superseded");
                        }
                    }
                    Target::NeedsReassignment(_) => {
                        placed = true;
                        found.issues.add("room_superseded");
                        found.issues.add("needs_reassignment");
                    }
                    Target::Unknown(_) => found.issues.add("office_unknown"),
                }
            }
        }
        if !placed {
            found.parked = Some("office_unknown");
        }
    }

    fn find_made(&self, office: OfficeId, found: &mut Findings) {
        match self.structure.offices.get(&office).map(|office| &office.status) {
            Some(Status::Live) => drop(found.offices.insert(office)),
            Some(Status::Alias(canonical)) => {
                found.canonical.insert(office.0, canonical.0);
                found.issues.add("room_key_duplicate");
            }
            Some(Status::Superseded(_) | Status::NotInForce(_)) | None => {}
        }
    }

    fn find_named(&self, office: OfficeId, found: &mut Findings) {
        if !self.structure.offices.contains_key(&office) {
            found.parked = Some("office_unknown");
        }
        if let Some(canonical) = self.structure.canonical(office) {
            found.offices.insert(canonical);
        }
    }

    fn find_change(&self, parents: &[OfficeId], found: &mut Findings) {
        if parents.iter().any(|parent| !self.structure.offices.contains_key(parent)) {
            found.parked = Some("office_unknown");
        }
    }
}
