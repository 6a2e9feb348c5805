//! Coverage of one office in one round: a function of the *set* of its visits and decisions.
//!
//! Source: domain §3.3, truth table A.1. Times are compared only between absence and occupancy and
//! between partial and blocked contact; everything else is membership in a set.

use crate::codes::{code_set, codes};
use crate::ids::OpId;
use crate::outcome::{Class, Elements, Outcome};
use crate::time::Millis;
use std::collections::{BTreeMap, BTreeSet};

codes! {
    /// Where a room stands in a round (domain §3.4).
    pub enum State {
        /// 未走访.
        Unvisited = "unvisited",
        /// 到访未入.
        Attempted = "attempted",
        /// 锁门待复查.
        Locked = "locked",
        /// 拒检/故意锁门.
        Blocked = "blocked",
        /// 待补检.
        Partial = "partial",
        /// 待核减.
        ExclusionPending = "exclusion_pending",
        /// 已覆盖.
        Covered = "covered",
        /// 不计入.
        Excluded = "excluded",
    }
}

codes! {
    /// Why a room is covered.
    pub enum Reason {
        /// 已检查.
        Inspected = "inspected",
        /// Closed on the spot by the competent department.
        Enforced = "enforced",
        /// 空置.
        Vacant = "vacant",
        /// 已搬离.
        MovedOut = "moved_out",
        /// 装修中.
        UnderRenovation = "under_renovation",
    }
}

codes! {
    /// What is remarkable about a room without changing its state (domain §3.3).
    pub enum Flag {
        /// A later visit found somebody where absence had been shown.
        AbsenceContradicted = "absence_contradicted",
        /// Blocked again after it was settled.
        BlockedAfterSettlement = "blocked_after_settlement",
        /// Two partial visits to the same company completed each other.
        CompletedBySupplement = "completed_by_supplement",
        /// The mandatory photo is promised and not yet verified.
        EvidencePending = "evidence_pending",
        /// An approved exclusion met a proof of existence its approver had not seen.
        ExclusionDefeated = "exclusion_defeated",
        /// Somebody claims there is no such room, somebody else was there.
        ExistenceContradicted = "existence_contradicted",
        /// Refused first, empty later.
        LeftAfterBlock = "left_after_block",
        /// Empty after it was inspected.
        LeftAfterInspection = "left_after_inspection",
        /// Two complete inspections name different companies.
        MultiOccupantSuspected = "multi_occupant_suspected",
        /// A later visit names another company than the one that settled the room.
        TenantChanged = "tenant_changed",
        /// One revision number carries two contents.
        RevisionFork = "revision_fork",
    }
}

code_set! {
    /// A set of flags.
    pub struct Flags(u16) of Flag
}

codes! {
    /// What became of a visit's mandatory photo.
    pub enum Evidence {
        /// None is due from this visit.
        NotDue = "not_due",
        /// Promised, and not yet verified.
        Pending = "pending",
        /// Verified in the archive.
        Verified = "verified",
    }
}

/// An effective visit, as far as coverage looks at it.
#[derive(Clone, Debug)]
pub struct Contact {
    /// The op that holds it.
    pub op: OpId,
    /// Corrected time.
    pub at_ms: Millis,
    /// What it ended in.
    pub outcome: Outcome,
    /// What that means.
    pub class: Class,
    /// Elements it did not obtain.
    pub missing: Elements,
    /// The company it met: a shared number means the same company within this office. None where
    /// it is unknown, several where several companies answer to what is known of it.
    pub companies: Vec<u32>,
    /// Its mandatory photo.
    pub evidence: Evidence,
}

/// Coverage of one office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Its state.
    pub state: State,
    /// Why it is covered.
    pub reason: Option<Reason>,
    /// What else is remarkable.
    pub flags: Flags,
    /// Where it is partial: what nobody obtained yet from the company last met.
    pub missing: Elements,
}

impl Contact {
    fn is_to_same_company(&self, other: &Self) -> bool {
        self.companies.iter().any(|company| other.companies.contains(company))
    }
}

impl Class {
    const fn proves_existence(self) -> bool {
        !matches!(self, Self::Claim | Self::Attempt)
    }

    const fn is_occupied(self) -> bool {
        matches!(self, Self::Partial | Self::Blocked)
    }
}

/// Computes coverage from the effective visits and from what each approval of an exclusion had seen.
#[must_use]
pub fn coverage(visits: &[Contact], approvals: &[&BTreeSet<OpId>]) -> Coverage {
    let mut flags = Flags::NONE;
    let visits = united(visits, &mut flags);
    let exist = || visits.iter().filter(|visit| visit.class.proves_existence());
    let claimed = visits.iter().any(|visit| visit.class == Class::Claim);
    flags.insert_if(claimed && exist().next().is_some(), Flag::ExistenceContradicted);
    if !approvals.is_empty() {
        if approvals.iter().any(|seen| exist().all(|visit| seen.contains(&visit.op))) {
            return settled_as(State::Excluded, None, flags);
        }
        flags.insert(Flag::ExclusionDefeated);
    }
    of_visits(&visits, claimed, flags)
}

fn settled_as(state: State, reason: Option<Reason>, flags: Flags) -> Coverage {
    Coverage { state, reason, flags, missing: Elements::NONE }
}

fn of_visits(visits: &[Contact], claimed: bool, mut flags: Flags) -> Coverage {
    let latest = |wanted: fn(Class) -> bool| {
        let order = |visit: &&Contact| (visit.at_ms, visit.class == Class::Blocked, visit.op);
        visits.iter().filter(|visit| wanted(visit.class)).max_by_key(order)
    };
    let settled = latest(|class| class == Class::Settled);
    let absent = latest(|class| class == Class::Absent);
    let occupied = latest(Class::is_occupied);
    if let Some(settled) = settled {
        flag_after_settlement(visits, settled, &mut flags);
        return settled_as(State::Covered, Some(settling_reason(visits)), flags);
    }
    if let Some(absent) = absent {
        if occupied.is_none_or(|visit| visit.at_ms < absent.at_ms) {
            flags.insert_if(
                visits.iter().any(|visit| visit.class == Class::Blocked),
                Flag::LeftAfterBlock,
            );
            let evidence = visits.iter().filter(|visit| visit.class == Class::Absent);
            flags.insert_if(is_pending(evidence), Flag::EvidencePending);
            return settled_as(State::Covered, Some(absence_reason(absent.outcome)), flags);
        }
        flags.insert(Flag::AbsenceContradicted);
    }
    let any = |class| visits.iter().any(|visit| visit.class == class);
    match occupied {
        Some(last) if last.class == Class::Partial => {
            let missing = still_missing(visits, last);
            Coverage { state: State::Partial, reason: None, flags, missing }
        }
        Some(_) => settled_as(State::Blocked, None, flags),
        None if any(Class::Locked) => settled_as(State::Locked, None, flags),
        None if claimed => settled_as(State::ExclusionPending, None, flags),
        None if any(Class::Attempt) => settled_as(State::Attempted, None, flags),
        None => settled_as(State::Unvisited, None, flags),
    }
}

/// Partial visits to one company that together miss nothing settle the room (domain §3.2).
fn united(visits: &[Contact], flags: &mut Flags) -> Vec<Contact> {
    let mut missing_by_company: BTreeMap<u32, Elements> = BTreeMap::new();
    for visit in visits.iter().filter(|visit| visit.outcome.is_contact()) {
        for company in &visit.companies {
            let missing = missing_by_company.entry(*company).or_insert_with(Elements::all);
            *missing = missing.intersection(visit.missing);
        }
    }
    let mut united = visits.to_vec();
    for visit in united.iter_mut().filter(|visit| visit.class == Class::Partial) {
        let complete = visit.companies.iter().any(|company| missing_by_company[company].is_empty());
        if complete {
            visit.class = Class::Settled;
        }
    }
    let complete_alone = |partial: &Contact| {
        let mut settled = visits.iter().filter(|visit| visit.class == Class::Settled);
        settled.any(|visit| visit.is_to_same_company(partial))
    };
    flags.insert_if(
        united
            .iter()
            .zip(visits)
            .any(|(after, before)| after.class != before.class && !complete_alone(before)),
        Flag::CompletedBySupplement,
    );
    united
}

fn settling_reason(visits: &[Contact]) -> Reason {
    let contact =
        visits.iter().any(|visit| visit.class == Class::Settled && visit.outcome.is_contact());
    if contact { Reason::Inspected } else { Reason::Enforced }
}

fn absence_reason(outcome: Outcome) -> Reason {
    match outcome {
        Outcome::MovedOut => Reason::MovedOut,
        Outcome::UnderRenovation => Reason::UnderRenovation,
        _ => Reason::Vacant,
    }
}

fn flag_after_settlement(visits: &[Contact], last_settled: &Contact, flags: &mut Flags) {
    let settling = || visits.iter().filter(|visit| visit.class == Class::Settled);
    let settled_ms = last_settled.at_ms;
    let later = |class| visits.iter().any(|v| v.class == class && v.at_ms > settled_ms);
    flags.insert_if(later(Class::Blocked), Flag::BlockedAfterSettlement);
    flags.insert_if(later(Class::Absent), Flag::LeftAfterInspection);
    let named: Vec<&Contact> = settling().filter(|visit| !visit.companies.is_empty()).collect();
    let several =
        named.iter().any(|visit| named.iter().any(|other| !visit.is_to_same_company(other)));
    flags.insert_if(several, Flag::MultiOccupantSuspected);
    let other_tenant = visits.iter().any(|visit| {
        visit.class.is_occupied()
            && visit.at_ms > settled_ms
            && !(named.is_empty() || visit.companies.is_empty())
            && !named.iter().any(|settled| settled.is_to_same_company(visit))
    });
    flags.insert_if(other_tenant, Flag::TenantChanged);
    flags.insert_if(is_pending(settling()), Flag::EvidencePending);
}

/// Pending where some photo is due, and no settling visit has all that is due from it. A visit that
/// settled nothing about the licence by itself neither holds up nor clears.
fn is_pending<'a>(settling: impl Iterator<Item = &'a Contact>) -> bool {
    let mut pending = false;
    for visit in settling {
        match visit.evidence {
            Evidence::Pending => pending = true,
            Evidence::Verified => return false,
            Evidence::NotDue if visit.missing.is_empty() => return false,
            Evidence::NotDue => {}
        }
    }
    pending
}

fn still_missing(visits: &[Contact], last: &Contact) -> Elements {
    let same = |visit: &&Contact| {
        visit.outcome.is_contact() && (visit.op == last.op || visit.is_to_same_company(last))
    };
    visits.iter().filter(same).fold(Elements::all(), |missing, v| missing.intersection(v.missing))
}
