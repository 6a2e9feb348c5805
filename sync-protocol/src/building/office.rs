//! Derives one office: what its visits and decisions make of it in every round.

use super::RoundWindow;
use super::ledger::{Ledger, VisitKey};
use crate::clears::{Clear, ClearInputs};
use crate::company::{Company, Numbered};
use crate::coverage::counts::{CompanyCounts, Counts, OfficeExtras};
use crate::coverage::office::{Contact, Coverage, Evidence, Flag, State, coverage};
use crate::coverage::owed::{Open, Opens};
use crate::coverage::shared::{Companies, SharedRoom};
use crate::ids::{FloorId, OccupancyId, OfficeId, OpId, RoundId, UserId, VisitId};
use crate::outcome::{Class, Element, Elements, Outcome};
use crate::registry::office::Sharing;
use crate::registry::structure::{Office, Structure};
use crate::time::Millis;
use crate::visit::Visit;
use crate::zoo::{Defect, is_planted};
use std::collections::{BTreeMap, BTreeSet};

/// An office as derived.
#[derive(Clone, Debug)]
pub(super) struct OfficeDerived {
    pub(super) floor: FloorId,
    /// One for each round, in the order of the rounds.
    pub(super) cells: Vec<Cell>,
}

impl OfficeDerived {
    /// Whether the floor shows the same of both.
    pub(super) fn is_same_on_floor(&self, other: &Self) -> bool {
        let mut cells = self.cells.iter().zip(&other.cells);
        self.floor == other.floor && cells.all(|(a, b)| a.on_floor() == b.on_floor())
    }
}

/// Where an office stands in a round.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) round: RoundId,
    pub(super) coverage: Coverage,
    pub(super) companies: Option<Companies>,
    pub(super) counts: Counts,
    /// Visits that found it shut or got nowhere.
    pub(super) attempts: i64,
    /// Effective visits.
    pub(super) visits: i64,
    /// The latest effective visit by corrected time.
    pub(super) last: Option<(Millis, Outcome)>,
    /// Who made it.
    pub(super) last_by: Option<UserId>,
}

/// The effective revision of a visit to the office.
#[derive(Clone, Copy)]
struct Effective<'a> {
    key: VisitKey,
    visit: &'a Visit,
    op: OpId,
    at_ms: Millis,
    /// What it means for coverage, in the round that is looked at.
    class: Class,
    /// Elements it did not obtain.
    missing: Elements,
}

impl Effective<'_> {
    /// Whether it counts for a round: captured inside the window by corrected time, or accepted
    /// late by a decision.
    fn counts_for(&self, window: &RoundWindow, ledger: &Ledger) -> bool {
        counts_for(self.visit, self.key.0, self.at_ms, window, ledger)
    }
}

/// Whether a visit of a time counts for a round.
pub(super) fn counts_for(
    visit: &Visit,
    id: VisitId,
    at_ms: Millis,
    window: &RoundWindow,
    ledger: &Ledger,
) -> bool {
    let inside = (window.from_ms..window.until_ms).contains(&at_ms);
    match visit.round {
        Some(round) => round == window.round && (inside || ledger.is_late_accepted(id)),
        None => inside,
    }
}

pub(super) fn derive(
    ledger: &Ledger,
    structure: &Structure,
    rounds: &[RoundWindow],
    id: OfficeId,
    office: &Office,
    visits: impl Iterator<Item = VisitKey>,
) -> OfficeDerived {
    let effective = visits.filter_map(|key| {
        let (op, visit) = ledger.effective(key)?;
        let stamp = ledger.fact(op)?.stamp;
        let by_receipt = is_planted(Defect::ReceiptTime);
        let at_ms = if by_receipt { stamp.received_ms } else { stamp.corrected_ms };
        let rejected = visit.class == Class::Claim && ledger.is_rejected_claim(op);
        let (class, missing) = (visit.class, visit.missing);
        (!rejected).then_some(Effective { key, visit, op, at_ms, class, missing })
    });
    let visits = effective.collect();
    let deriving = Deriving { ledger, structure, id, office, visits };
    let cells = rounds.iter().map(|window| deriving.cell(window)).collect();
    OfficeDerived { floor: office.floor, cells }
}

struct Deriving<'a> {
    ledger: &'a Ledger,
    structure: &'a Structure,
    id: OfficeId,
    office: &'a Office,
    visits: Vec<Effective<'a>>,
}

impl Deriving<'_> {
    fn cell(&self, window: &RoundWindow) -> Cell {
        let visits = self.visits.iter().copied();
        let effective: Vec<Effective<'_>> = visits
            .filter(|visit| visit.counts_for(window, self.ledger))
            .map(|visit| self.at_closing(visit, window))
            .collect();
        let numbered = Company::number(effective.iter().map(|effective| &effective.visit.company));
        let approvals = self.approvals(window.round);
        let (mut coverage, companies) = if self.office.sharing == Sharing::Shared {
            let (coverage, companies) =
                self.shared_room(&effective, &numbered).coverage(&approvals);
            (coverage, Some(companies))
        } else {
            let contacts: Vec<Contact> =
                effective.iter().map(|effective| self.contact(effective, &numbered)).collect();
            (coverage(&contacts, &approvals), None)
        };
        let forked = effective.iter().any(|effective| self.ledger.is_forked(effective.key));
        coverage.flags.insert_if(forked, Flag::RevisionFork);
        let extras = self.extras(&effective, &numbered, companies);
        let Coverage { state, reason, flags, .. } = coverage;
        let shut = |class| matches!(class, Class::Locked | Class::Blocked | Class::Attempt);
        let attempts = effective.iter().filter(|effective| shut(effective.class)).count();
        let last = effective.iter().max_by_key(|effective| (effective.at_ms, effective.op));
        Cell {
            round: window.round,
            counts: Counts::of_office(state, reason, flags, extras),
            coverage,
            companies,
            attempts: to_i64(attempts),
            visits: to_i64(effective.len()),
            last: last.map(|effective| (effective.at_ms, effective.visit.outcome)),
            last_by: last.map(|effective| effective.key.1),
        }
    }

    /// What a visit counts for when its round is closed: without its mandatory photo an inspection has
    /// not seen the licence, and an absence was not shown (C37, domain §2.7.2). The photo may still
    /// come, or be waived; then all is as it was.
    fn at_closing<'a>(&self, mut visit: Effective<'a>, window: &RoundWindow) -> Effective<'a> {
        if window.is_closed && self.evidence(visit.visit) == Evidence::Pending {
            match visit.class {
                Class::Settled | Class::Partial => {
                    visit.class = Class::Partial;
                    visit.missing.insert(Element::C2Licence);
                }
                Class::Absent => visit.class = Class::Locked,
                _ => {}
            }
        }
        visit
    }

    /// What the approvers of an exclusion had seen. An approval stands on a claim that somebody
    /// else made: nobody takes a room off the list alone (domain §3.6).
    fn approvals(&self, round: RoundId) -> Vec<&BTreeSet<OpId>> {
        let claims = || self.visits.iter().filter(|claim| claim.visit.class == Class::Claim);
        let on_anothers_claim = |approver: UserId, seen: &BTreeSet<OpId>| {
            claims().any(|Effective { key, .. }| {
                key.1 != approver && self.ledger.revisions_of(*key).any(|op| seen.contains(&op))
            })
        };
        let same = self.structure.members(self.id).iter();
        same.flat_map(|id| self.ledger.approvals(*id, round))
            .filter(|(approver, seen)| on_anothers_claim(*approver, seen))
            .map(|(_, seen)| seen)
            .collect()
    }

    fn contact<'a>(&self, effective: &Effective<'a>, numbered: &Numbered<'a>) -> Contact {
        let Effective { visit, op, at_ms, class, missing, .. } = effective;
        Contact {
            op: *op,
            at_ms: *at_ms,
            outcome: visit.outcome,
            class: *class,
            missing: *missing,
            companies: numbered.of(&visit.company),
            evidence: self.evidence(visit),
        }
    }

    fn evidence(&self, visit: &Visit) -> Evidence {
        self.ledger.evidence(visit)
    }

    fn shared_room<'a>(&self, effective: &[Effective<'a>], numbered: &Numbered<'a>) -> SharedRoom {
        let mut room = SharedRoom {
            list_confirmed: self.structure.occupants_confirmed.contains(&self.id),
            ..SharedRoom::default()
        };
        let occupants = self.structure.occupants.get(&self.id);
        for (occupancy, occupant) in occupants.into_iter().flatten() {
            if occupant.physical {
                room.to_company.insert(*occupancy, Vec::new());
            }
        }
        for effective in effective {
            let contact = self.contact(effective, numbered);
            let met = self.occupancy_met(effective.visit);
            match met.and_then(|met| room.to_company.get_mut(&met)) {
                Some(visits) => visits.push(contact),
                None => room.to_room.push(contact),
            }
        }
        room
    }

    /// The stay that a visit was made to: the one it names, else the one of the company it met.
    fn occupancy_met(&self, visit: &Visit) -> Option<OccupancyId> {
        if visit.occupancy.is_some() {
            return visit.occupancy;
        }
        let occupants = self.structure.occupants.get(&self.id)?;
        let met = occupants.iter().find(|(_, occupant)| occupant.company.matches(&visit.company));
        met.map(|(occupancy, _)| *occupancy)
    }

    fn extras<'a>(
        &self,
        effective: &[Effective<'a>],
        numbered: &Numbered<'a>,
        companies: Option<Companies>,
    ) -> OfficeExtras {
        let latest = |wanted: &[Class]| {
            let wanted = effective.iter().filter(|e| wanted.contains(&e.class));
            wanted.max_by_key(|effective| (effective.at_ms, effective.op))
        };
        let settled = latest(&[Class::Settled, Class::Absent]);
        let blocked = latest(&[Class::Blocked]);
        let case_open = blocked
            .is_some_and(|blocked| settled.is_none_or(|settled| settled.at_ms < blocked.at_ms));
        let shut = |class| matches!(class, Class::Locked | Class::Blocked);
        OfficeExtras {
            added_on_site: !self.office.initial,
            case_open,
            unlicensed_open: is_unlicensed_open(effective, numbered),
            ever_shut: effective.iter().any(|effective| shut(effective.class)),
            companies: self.company_counts(effective, numbered, companies),
        }
    }

    fn company_counts<'a>(
        &self,
        effective: &[Effective<'a>],
        numbered: &Numbered<'a>,
        companies: Option<Companies>,
    ) -> CompanyCounts {
        let mut by_company: BTreeMap<Option<u32>, CompanyFound> = BTreeMap::new();
        let contacts = effective.iter().filter(|e| e.visit.outcome.is_contact());
        for (company, effective) in contacts.flat_map(|e| companies_met(e, numbered)) {
            let found = by_company.entry(company).or_default();
            found.inputs = found.inputs.union(effective.visit.clears);
            found.missing = found.missing.intersection(effective.missing);
            found.licensed |= effective.visit.licensed;
            found.verified |=
                effective.visit.licensed && self.evidence(effective.visit) == Evidence::Verified;
        }
        let count = |wanted: fn(&CompanyFound) -> bool| {
            to_i64(by_company.values().filter(|found| wanted(found)).count())
        };
        let listed = self.structure.occupants.get(&self.id).map_or(0, BTreeMap::len);
        let mut counts = CompanyCounts {
            known: to_i64(listed.max(numbered.len())),
            inspected: count(CompanyFound::inspected),
            three_clear: count(|found| {
                found.inspected() && Clear::ALL.iter().all(|c| found.inputs.clears().contains(*c))
            }),
            licensed: count(|found| found.inspected() && found.licensed),
            licence_verified: count(|found| found.inspected() && found.licensed && found.verified),
        };
        if let Some(companies) = companies {
            counts.known = counts.known.max(companies.total);
        }
        counts
    }
}

/// What contact visits found about one company.
struct CompanyFound {
    inputs: ClearInputs,
    missing: Elements,
    licensed: bool,
    verified: bool,
}

impl Default for CompanyFound {
    fn default() -> Self {
        let inputs = ClearInputs::NONE;
        Self { inputs, missing: Elements::all(), licensed: false, verified: false }
    }
}

impl CompanyFound {
    fn inspected(&self) -> bool {
        self.missing.is_empty()
    }
}

/// The companies that a visit met; one that nothing is known of is none in particular.
fn companies_met<'a, 'e>(
    effective: &'e Effective<'a>,
    numbered: &Numbered<'a>,
) -> Vec<(Option<u32>, &'e Effective<'a>)> {
    let companies = numbered.of(&effective.visit.company);
    if companies.is_empty() {
        return vec![(None, effective)];
    }
    companies.into_iter().map(|company| (Some(company), effective)).collect()
}

/// Whether some company was last met without a licence, measure or hand-over, and neither absence
/// nor a department on the spot has settled the room since (domain §3.8, condition 7).
fn is_unlicensed_open<'a>(effective: &[Effective<'a>], numbered: &Numbered<'a>) -> bool {
    let order = |effective: &Effective<'_>| (effective.at_ms, effective.op);
    let mut last_met: BTreeMap<Option<u32>, &Effective<'a>> = BTreeMap::new();
    let contacts = effective.iter().filter(|e| e.visit.outcome.is_contact());
    for (company, met) in contacts.flat_map(|e| companies_met(e, numbered)) {
        let last = last_met.entry(company).or_insert(met);
        if order(met) > order(last) {
            *last = met;
        }
    }
    let ends_it = |effective: &Effective<'_>| match effective.class {
        Class::Absent => true,
        Class::Settled => !effective.visit.outcome.is_contact(),
        _ => false,
    };
    let ended = effective.iter().filter(|e| ends_it(e)).map(order).max();
    last_met
        .values()
        .any(|met| met.visit.unlicensed_open && ended.is_none_or(|end| order(met) > end))
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Cell {
    /// What the floor shows of it: its counts, and where it stands while it is open.
    fn on_floor(&self) -> (Counts, Option<(State, i64, Option<Millis>)>) {
        let listed = self.is_shut() || self.is_unvisited();
        let last_ms = self.last.map(|(at_ms, _)| at_ms);
        (self.counts, listed.then_some((self.coverage.state, self.attempts, last_ms)))
    }

    /// What its visits left open beside its state.
    pub(super) fn open(&self) -> Opens {
        let mut open = Opens::NONE;
        open.insert_if(self.counts.cases_open > 0, Open::Case);
        open.insert_if(self.counts.unlicensed_open > 0, Open::Unlicensed);
        open
    }

    /// Whether the floor's list of locked offices names it.
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.coverage.state, State::Locked | State::Blocked)
    }

    /// Whether the floor's list of unvisited offices names it.
    pub(super) fn is_unvisited(&self) -> bool {
        matches!(self.coverage.state, State::Unvisited | State::Attempted)
    }
}
