//! Settling conflicts: what the sides say, and which decisions end the disagreement.
//!
//! A decision that settles a conflict has seen all its siblings. Whatever comes later without having
//! seen it opens a new one; withdrawn, it leaves the conflict as it was.

use super::Building;
use crate::canonical::Hash;
use crate::codes::codes;
use crate::conflict::{Conflict, ConflictCode};
use crate::fact::{Fact, Kind};
use crate::field::{Field, Source, Write};
use crate::ids::{ConflictId, OfficeId, OpId, PhotoId, UserId, VisitId};
use crate::registry::office::{NewOffice, OfficeKind};
use crate::registry::structure::Status;
use crate::visit::Promise;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What somebody chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// `field`: the value that this sibling wrote.
    Take(OpId),
    /// `duplicate_key`: one office.
    SameAs,
    /// `duplicate_key`: different offices, for good.
    NotSameAs,
    /// `structure_disputed`: this proposal; the others are rejected.
    Keep(OpId),
    /// `structure_disputed`, `lineage_cycle`, `alias_contradicted`: these are rejected.
    Reject(BTreeSet<OpId>),
    /// `needs_reassignment`: all these visits belong to this office.
    Office(OfficeId),
    /// `needs_reassignment`: each of these visits, by its op, belongs to an office of its own.
    Offices(BTreeMap<OpId, OfficeId>),
    /// `void_review`: the void stands, this revision having been considered.
    Void,
    /// `void_review`: the visit counts again.
    Unvoid,
}

codes! {
    /// Why a choice settles nothing.
    pub enum Unsettled {
        /// A conflict of this code is not settled that way.
        WrongChoice = "wrong_choice",
        /// What was chosen is not among the siblings.
        NotASibling = "not_a_sibling",
        /// The office is not a live one of this building.
        OfficeNotLive = "office_not_live",
        /// The conflict would stay open.
        NoEffect = "no_effect",
    }
}

/// A decision that is to be filed.
#[derive(Clone, Debug, PartialEq)]
pub struct Ruling {
    /// The kind of op.
    pub kind: &'static str,
    /// What it is about.
    pub subject: Uuid,
    /// What its author has considered.
    pub seen: Vec<OpId>,
    /// What it says.
    pub body: Value,
}

impl Building {
    /// The conflicts that are open.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.open().iter()
    }

    /// An open conflict.
    #[must_use]
    pub fn conflict(&self, id: ConflictId) -> Option<&Conflict> {
        self.conflicts().find(|conflict| conflict.conflict_id == id)
    }

    /// Who filed an op.
    #[must_use]
    pub fn author_of(&self, op: OpId) -> Option<UserId> {
        self.ledger.fact(op).map(|fact| fact.author)
    }

    /// The siblings of a conflict about a field, the displayed one first; no values for other codes.
    #[must_use]
    pub fn values(&self, conflict: &Conflict) -> Vec<Write<Value>> {
        let field = conflict.field.as_deref().unwrap_or_default();
        let class = self.class_of(conflict);
        let facts = conflict.siblings.iter().filter_map(|op| self.ledger.fact(*op));
        let writes = facts.filter_map(|fact| {
            let (value, source) = written(fact, &class, field)?;
            Some(Write { op: fact.op, value, source, at_ms: fact.stamp.corrected_ms })
        });
        Field::of(writes.collect(), |_| false).live
    }

    /// The offices that a conflict is about, as labels on doors.
    #[must_use]
    pub fn offices_of(&self, conflict: &Conflict) -> BTreeSet<OfficeId> {
        let named = |op: &OpId| match &self.ledger.fact(*op)?.kind {
            Kind::Split { parent, .. } => Some(vec![*parent]),
            Kind::Merge { parents, .. } => Some(parents.clone()),
            Kind::Link { a, b, .. } => Some(vec![*a, *b]),
            Kind::Visit(visit) => Some(visit.offices.clone()),
            _ => None,
        };
        match conflict.code {
            ConflictCode::Field => self.class_of(conflict).into_iter().take(1).collect(),
            ConflictCode::DuplicateKey => self.twins(conflict).into_iter().collect(),
            ConflictCode::StructureDisputed | ConflictCode::NeedsReassignment => {
                BTreeSet::from([OfficeId(conflict.subject)])
            }
            ConflictCode::LineageCycle
            | ConflictCode::AliasContradicted
            | ConflictCode::VoidReview => {
                conflict.siblings.iter().filter_map(named).flatten().collect()
            }
        }
    }

    /// Whether the promised bytes of a photo have arrived.
    #[must_use]
    pub fn has_photo(&self, photo: PhotoId, sha256: Option<Hash>) -> bool {
        self.ledger.is_verified(&Promise { photo, sha256 })
    }

    /// The label of an office id and of its floor, where it was ever added.
    #[must_use]
    pub fn door(&self, office: OfficeId) -> Option<(&str, &str)> {
        let known = self.structure.offices.get(&office)?;
        let floor = self.structure.floor(known.floor).map(|(_, floor)| floor.label.as_str());
        Some((&known.label, floor.unwrap_or_default()))
    }

    /// The decisions that make a choice about a conflict.
    ///
    /// # Errors
    /// [`Unsettled`], where the choice does not fit.
    pub fn rule(&self, conflict: &Conflict, choice: &Choice) -> Result<Vec<Ruling>, Unsettled> {
        let ruling =
            |kind, subject, body| Ruling { kind, subject, seen: conflict.siblings.clone(), body };
        match (conflict.code, choice) {
            (ConflictCode::Field, Choice::Take(op)) => {
                let taken = self.values(conflict).into_iter().find(|write| write.op == *op);
                let value = taken.ok_or(Unsettled::NotASibling)?.value;
                let (kind, body) = field_body(conflict, value);
                Ok(vec![ruling(kind, conflict.subject, body)])
            }
            (ConflictCode::DuplicateKey, Choice::SameAs) => {
                let twins = self.twins(conflict);
                let others = twins.iter().skip(1);
                let link = |b: &OfficeId| {
                    ruling("same_as", conflict.subject, json!({ "a": twins[0], "b": b }))
                };
                Ok(others.map(link).collect())
            }
            (ConflictCode::DuplicateKey, Choice::NotSameAs) => {
                let twins = self.twins(conflict);
                let pairs = twins.iter().enumerate();
                let pairs = pairs.flat_map(|(at, a)| twins[at + 1..].iter().map(move |b| (a, b)));
                let link =
                    |(a, b)| ruling("not_same_as", conflict.subject, json!({ "a": a, "b": b }));
                Ok(pairs.map(link).collect())
            }
            (ConflictCode::StructureDisputed, Choice::Keep(kept)) => {
                self.rule_to_keep(conflict, *kept)
            }
            (
                ConflictCode::StructureDisputed
                | ConflictCode::LineageCycle
                | ConflictCode::AliasContradicted,
                Choice::Reject(rejected),
            ) => reject(conflict, rejected.iter().copied().collect()),
            (ConflictCode::NeedsReassignment, Choice::Office(office)) => {
                let all = conflict.siblings.iter().map(|op| (*op, *office)).collect();
                self.rule_to_place(conflict, &all)
            }
            (ConflictCode::NeedsReassignment, Choice::Offices(offices)) => {
                self.rule_to_place(conflict, offices)
            }
            (ConflictCode::VoidReview, Choice::Void) => {
                let body = json!({ "visit_id": conflict.subject });
                Ok(vec![ruling("visit_void", conflict.subject, body)])
            }
            (ConflictCode::VoidReview, Choice::Unvoid) => {
                let seen = self.ledger.voids(VisitId(conflict.subject)).collect();
                let unvoid = ruling("visit_unvoid", conflict.subject, json!({}));
                Ok(vec![Ruling { seen, ..unvoid }])
            }
            _ => Err(Unsettled::WrongChoice),
        }
    }

    /// Rejects the proposals that say something else than the one to be kept.
    fn rule_to_keep(&self, conflict: &Conflict, kept: OpId) -> Result<Vec<Ruling>, Unsettled> {
        if !conflict.siblings.contains(&kept) {
            return Err(Unsettled::NotASibling);
        }
        let others = conflict.siblings.iter().copied();
        let others = others.filter(|op| *op != kept && !self.structure.agree(*op, kept));
        reject(conflict, others.collect())
    }

    fn rule_to_place(
        &self,
        conflict: &Conflict,
        offices: &BTreeMap<OpId, OfficeId>,
    ) -> Result<Vec<Ruling>, Unsettled> {
        let place = |(op, office): (&OpId, &OfficeId)| {
            let sibling = Some(op).filter(|op| conflict.siblings.contains(op));
            let visit = sibling.and_then(|op| self.ledger.visit(*op));
            let visit_id = visit.ok_or(Unsettled::NotASibling)?.visit_id;
            let known = self.structure.offices.get(office);
            if known.is_none_or(|known| known.status != Status::Live) {
                return Err(Unsettled::OfficeNotLive);
            }
            let body = json!({
                "visit_id": visit_id, "office_id": office, "instead_of": conflict.subject,
            });
            let seen = conflict.siblings.clone();
            Ok(Ruling { kind: "visit_reassign", subject: visit_id.0, seen, body })
        };
        let rulings: Vec<Ruling> = offices.iter().map(place).collect::<Result<_, _>>()?;
        if rulings.is_empty() { Err(Unsettled::WrongChoice) } else { Ok(rulings) }
    }

    /// All ids of the office that a conflict is about.
    fn class_of(&self, conflict: &Conflict) -> Vec<OfficeId> {
        let subject = OfficeId(conflict.subject);
        let members = self.structure.members(subject);
        if members.is_empty() { vec![subject] } else { members.to_vec() }
    }

    /// The live offices of a floor whose keys are that of the conflict's subject.
    fn twins(&self, conflict: &Conflict) -> Vec<OfficeId> {
        let Some(subject) = self.structure.offices.get(&OfficeId(conflict.subject)) else {
            return Vec::new();
        };
        let live = self.structure.live().filter(|(_, office)| {
            office.kind != OfficeKind::Unnumbered
                && (office.floor, &office.key) == (subject.floor, &subject.key)
        });
        live.map(|(id, _)| id).collect()
    }
}

fn reject(conflict: &Conflict, rejected: Vec<OpId>) -> Result<Vec<Ruling>, Unsettled> {
    if rejected.iter().any(|op| !conflict.siblings.contains(op)) {
        return Err(Unsettled::NotASibling);
    }
    if rejected.is_empty() {
        return Err(Unsettled::WrongChoice);
    }
    // What it withdraws is what it lists; that all siblings were looked at is said beside it.
    let body = json!({ "considered": conflict.siblings });
    let kind = "structure_reject";
    Ok(vec![Ruling { kind, subject: conflict.subject, seen: rejected, body }])
}

/// The op that writes a value to the field of a conflict.
fn field_body(conflict: &Conflict, value: Value) -> (&'static str, Value) {
    let field = conflict.field.as_deref().unwrap_or_default();
    if field == "attributes" {
        return ("building_add", value);
    }
    let kind = if field == "label" { "office_rename" } else { "office_reclassify" };
    let mut body = json!({ "office_id": conflict.subject, "source": Source::DeskVerified });
    body[field] = value;
    (kind, body)
}

/// What a fact says of a field of one office, under whichever of its ids, and from where.
fn written(fact: &Fact, class: &[OfficeId], field: &str) -> Option<(Value, Source)> {
    let made = |office: &NewOffice| match field {
        "label" => Some(json!(office.label)),
        "kind" => Some(json!(office.kind)),
        "sharing" => Some(json!(office.sharing)),
        _ => None,
    };
    let of_class = |office: &&NewOffice| class.contains(&office.office);
    match &fact.kind {
        Kind::Building(attributes) if field == "attributes" => {
            Some((Value::Object(attributes.clone()), Source::DeskVerified))
        }
        Kind::Office { office, initial, .. } => {
            let source = if *initial { Source::ImportedList } else { Source::Signage };
            Some((made(Some(office.as_ref()).filter(of_class)?)?, source))
        }
        Kind::Split { children, .. } => {
            Some((made(children.iter().find(of_class)?)?, Source::Signage))
        }
        Kind::Merge { child, .. } => {
            Some((made(Some(child.as_ref()).filter(of_class)?)?, Source::Signage))
        }
        Kind::OfficeFields { office, label, kind, sharing, source } if class.contains(office) => {
            let value = match field {
                "label" => label.as_ref().map(|label| json!(label)),
                "kind" => kind.map(|kind| json!(kind)),
                "sharing" => sharing.map(|sharing| json!(sharing)),
                _ => None,
            };
            Some((value?, *source))
        }
        _ => None,
    }
}
