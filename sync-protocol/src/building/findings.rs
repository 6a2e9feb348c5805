//! The findings of a building: what is to be looked at about the photos of its visits, until somebody
//! has.
//!
//! Of a visit only the revision that counts has any, and only in the live offices that it belongs to.
//! A finding follows from a few ops; it is closed where those who closed it had seen all of them, so
//! that a new one opens it again (domain R3).

use super::ledger::VisitKey;
use super::suspicion::offices;
use super::{Building, Placed};
use crate::fact::{Fact, Kind};
use crate::ids::{FindingId, OfficeId, OpId, PhotoId, VisitId};
use crate::photo::PhotoKind;
use crate::photo::finding::{Finding, FindingCode, Other, Record, Side, of_alike, of_reading};
use crate::photo::reading::{Alike, PhotoReading};
use crate::visit::{Photograph, Promise, Visit};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Open findings, by the offices under which they stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    by_office: BTreeMap<OfficeId, Vec<Finding>>,
    /// Under how many offices each stands.
    offices: BTreeMap<FindingId, usize>,
}

impl Findings {
    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.offices.len()
    }

    fn set(&mut self, office: OfficeId, now: Vec<Finding>) {
        for finding in &now {
            *self.offices.entry(finding.finding_id).or_default() += 1;
        }
        let before = if now.is_empty() {
            self.by_office.remove(&office)
        } else {
            self.by_office.insert(office, now)
        };
        for finding in before.into_iter().flatten() {
            let Some(offices) = self.offices.get_mut(&finding.finding_id) else { continue };
            *offices -= 1;
            if *offices == 0 {
                self.offices.remove(&finding.finding_id);
            }
        }
    }
}

/// A visit that promises a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitWithPhoto {
    /// The visit.
    pub visit: VisitId,
    /// The revision that counts.
    pub op: OpId,
    /// What the photo is to show.
    pub kind: PhotoKind,
    /// The live offices that the visit belongs to.
    pub offices: BTreeSet<OfficeId>,
}

/// A photo that the revision of a visit which counts has promised.
#[derive(Clone, Copy)]
struct Promised<'a> {
    key: VisitKey,
    op: OpId,
    fact: &'a Fact,
    visit: &'a Visit,
    placed: &'a Placed,
    photo: Photograph,
    /// It shows an identity document, whatever was promised.
    is_restricted: bool,
}

impl Building {
    /// The open findings under an office, sorted by photo.
    pub fn findings_in(&self, office: OfficeId) -> impl Iterator<Item = &Finding> {
        self.findings.by_office.get(&office).into_iter().flatten()
    }

    /// All open findings, each with the offices under which it stands.
    #[must_use]
    pub fn findings(&self) -> Vec<(&Finding, BTreeSet<OfficeId>)> {
        let mut open: BTreeMap<FindingId, (&Finding, BTreeSet<OfficeId>)> = BTreeMap::new();
        for (office, findings) in &self.findings.by_office {
            for finding in findings {
                let of_id = open.entry(finding.finding_id);
                of_id.or_insert((finding, BTreeSet::new())).1.insert(*office);
            }
        }
        open.into_values().collect()
    }

    /// The codes of companies that a photo stands for: those that stand in it, and for a licence those
    /// that were typed. For whoever tells of it to another building.
    #[must_use]
    pub fn codes_of(&self, photo: PhotoId) -> Vec<String> {
        let promised = self.promised(photo);
        let codes = promised.iter().flat_map(|promised| {
            let scanned = self.reading_of(promised.photo.promise);
            let scanned = scanned.map(|(_, reading)| reading.codes.licences.as_slice());
            let record = promised.record();
            let codes = record.codes(scanned.unwrap_or_default());
            codes.into_iter().map(str::to_owned).collect::<Vec<String>>()
        });
        codes.collect()
    }

    /// The visits that promise a photo, in the revisions that count.
    #[must_use]
    pub fn visits_with_photo(&self, photo: PhotoId) -> Vec<VisitWithPhoto> {
        let promised = self.promised(photo).into_iter();
        let visit = |promised: Promised<'_>| VisitWithPhoto {
            visit: promised.key.0,
            op: promised.op,
            kind: promised.photo.kind,
            offices: offices(promised.placed).collect(),
        };
        promised.map(visit).collect()
    }

    /// Derives the findings under an office anew.
    pub(super) fn derive_findings(&mut self, office: OfficeId) {
        if self.ledger.photographs.is_empty() {
            return;
        }
        let mut found: Vec<Finding> = Vec::new();
        if self.offices.contains_key(&office) {
            let visits = self.visits_to(office);
            found.extend(visits.flat_map(|key| self.findings_of(key)));
            found.retain(|finding| !self.is_closed(finding));
            found.sort_by_key(|finding| (finding.photo_id, finding.finding_id));
        }
        self.findings.set(office, found);
    }

    /// The offices whose findings depend on a visit because it promises a photo that looks like one of
    /// theirs.
    pub(super) fn offices_alike(&self, visits: &BTreeSet<OpId>) -> BTreeSet<OfficeId> {
        let visits = visits.iter().filter_map(|op| self.ledger.visit(*op));
        let photos = visits.flat_map(|visit| &visit.photographs);
        let alike = photos.flat_map(|photo| self.ledger.photographs.alike(photo.promise.photo));
        let others = alike.flat_map(|(other, _)| self.ledger.visits_that_promise(other));
        others.filter_map(|key| self.placed.get(&key)).flat_map(offices).collect()
    }

    /// All that is to be looked at about the photos of a visit, closed or not.
    pub(super) fn findings_of(&self, key: VisitKey) -> Vec<Finding> {
        let mut found: BTreeMap<FindingId, Finding> = BTreeMap::new();
        for promised in self.photos_of_visit(key) {
            let by_itself = self.of_reading(&promised);
            for finding in by_itself.into_iter().chain(self.of_alike(&promised)) {
                found.insert(finding.finding_id, finding);
            }
        }
        found.into_values().collect()
    }

    /// Whether those who closed it had seen all that it follows from.
    pub(super) fn is_closed(&self, finding: &Finding) -> bool {
        let closings = self.ledger.standing(self.ledger.photographs.closings(finding.finding_id));
        let closings = closings.filter_map(|op| self.ledger.fact(op));
        let seen: BTreeSet<OpId> = closings.flat_map(|fact| &fact.seen).copied().collect();
        !seen.is_empty() && finding.siblings.iter().all(|op| seen.contains(op))
    }

    fn photos_of_visit(&self, key: VisitKey) -> Vec<Promised<'_>> {
        let promised = self.placed.get(&key).and_then(|placed| {
            let op = placed.op;
            let (fact, visit) = (self.ledger.fact(op)?, self.ledger.visit(op)?);
            let photos = visit.photographs.iter();
            Some(photos.map(move |photo| {
                let is_restricted = self.is_restricted(photo.promise.photo);
                Promised { key, op, fact, visit, placed, photo: *photo, is_restricted }
            }))
        });
        promised.into_iter().flatten().collect()
    }

    /// The visits that promise a photo, in the revisions that count.
    fn promised(&self, photo: PhotoId) -> Vec<Promised<'_>> {
        let keys = self.ledger.visits_that_promise(photo);
        let promised = keys.flat_map(|key| self.photos_of_visit(key));
        promised.filter(|promised| promised.photo.promise.photo == photo).collect()
    }

    fn of_reading(&self, promised: &Promised<'_>) -> Vec<Finding> {
        let Some((read, reading)) = self.reading_of(promised.photo.promise) else {
            return Vec::new();
        };
        let found = of_reading(reading, &promised.record());
        let siblings = || vec![read, promised.op];
        found.into_iter().map(|what| promised.finding(what, None, siblings())).collect()
    }

    /// What reading gave of the bytes that were promised: the latest reader's word.
    fn reading_of(&self, promise: Promise) -> Option<(OpId, &PhotoReading)> {
        let readings =
            self.ledger.photographs.readings(promise.photo).filter_map(|op| {
                match &self.ledger.fact(op)?.kind {
                    Kind::PhotoRead(reading) => Some((op, reading.as_ref())),
                    _ => None,
                }
            });
        let kept = readings.filter(|(_, reading)| {
            let sha256 = Some(reading.sha256);
            promise.is_kept_by(&Promise { photo: reading.photo, sha256 })
        });
        kept.max_by_key(|(op, reading)| (reading.reader, *op))
    }

    fn of_alike(&self, promised: &Promised<'_>) -> Vec<Finding> {
        let Promise { photo, sha256 } = promised.photo.promise;
        let mut pairs: BTreeMap<_, Vec<(OpId, [&Alike; 2])>> = BTreeMap::new();
        for (_, op) in self.ledger.photographs.alike(photo) {
            let Some(Kind::PhotosAlike(alike)) = self.ledger.fact(op).map(|fact| &fact.kind) else {
                continue;
            };
            let [one, other] = &alike.photos;
            let sides = if one.photo == photo { [one, other] } else { [other, one] };
            if sha256.is_none_or(|sha256| sha256 == sides[0].sha256) {
                let bytes = sides.map(|side| side.sha256);
                let pair = (sides[1].photo, sides[1].building, bytes, alike.bits);
                pairs.entry(pair).or_default().push((op, sides));
            }
        }
        let found = pairs
            .into_iter()
            .filter_map(|((.., bits), told)| self.of_resemblance(promised, bits, &told));
        found.collect()
    }

    /// What a resemblance is to one of its photos, where the other one is of another office. A photo of
    /// another building is; of one that nobody promised here nobody knows. The server may tell of a
    /// pair several times, when it has learned a code: whatever was told holds, in whichever order.
    fn of_resemblance(
        &self,
        promised: &Promised<'_>,
        bits: Option<(i64, i64)>,
        told: &[(OpId, [&Alike; 2])],
    ) -> Option<Finding> {
        let theirs = told.first()?.1[1];
        let scanned = [0, 1].map(|side| {
            let codes = told.iter().flat_map(|(_, sides)| &sides[side].licences);
            codes.collect::<BTreeSet<_>>().into_iter().cloned().collect::<Vec<String>>()
        });
        let mut siblings: Vec<OpId> = told.iter().map(|(op, _)| *op).collect();
        siblings.push(promised.op);
        let mut records = Vec::new();
        if theirs.building == self.id {
            let others: Vec<Promised<'_>> = self.promised(theirs.photo);
            let theirs: BTreeSet<OfficeId> =
                others.iter().flat_map(|other| offices(other.placed)).collect();
            // One visit may cover several rooms: what shares one of them is of the same office.
            if theirs.is_empty() || offices(promised.placed).any(|here| theirs.contains(&here)) {
                return None;
            }
            siblings.extend(others.iter().map(|other| other.op));
            records.extend(others.iter().map(Promised::record));
        }
        let record = [promised.record()];
        let here = Side { scanned: &scanned[0], records: &record };
        let there = Side { scanned: &scanned[1], records: &records };
        let what = of_alike(bits, here, there)?;
        let other = Other { photo_id: theirs.photo, building_id: theirs.building };
        Some(promised.finding(what, Some(other), siblings))
    }
}

impl<'a> Promised<'a> {
    fn record(&self) -> Record<'a> {
        let corrected_ms = self.fact.stamp.corrected_ms;
        Record {
            kind: if self.is_restricted { PhotoKind::IdCard } else { self.photo.kind },
            code: self.visit.typed_code.as_deref(),
            visited_ms: [corrected_ms, self.visit.wall_ms.unwrap_or(corrected_ms)],
            place: self.visit.location.as_ref(),
        }
    }

    fn finding(
        &self,
        what: (FindingCode, Value),
        other: Option<Other>,
        siblings: Vec<OpId>,
    ) -> Finding {
        Finding::new(self.key, self.photo.promise.photo, what, other, siblings)
    }
}
