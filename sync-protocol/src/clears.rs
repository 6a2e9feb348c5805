//! The three clears (三清): members, period of trading and business scope, per company and round.
//!
//! Source: domain §2.7.4. Every visit contributes what it found; what any visit to the company
//! found counts.

use crate::body::Body;
use crate::codes::{code_set, codes};
use crate::issue::Issues;
use crate::visit::Licence;

codes! {
    /// One thing that a clear needs.
    pub enum ClearInput {
        /// The responsible person is identified.
        Responsible = "responsible",
        /// Listed persons and the explained difference make up the headcount.
        StaffExplained = "staff_explained",
        /// Identity cards were checked, without a waiver.
        IdsChecked = "ids_checked",
        /// The date of establishment is known.
        Established = "established",
        /// The date of moving in is known.
        MovedIn = "moved_in",
        /// The company moved in before it was established: it cannot be clear.
        PeriodContradicts = "period_contradicts",
        /// The licensed scope is recorded.
        ScopeRecorded = "scope_recorded",
        /// The actual business is recorded.
        BusinessRecorded = "business_recorded",
        /// Somebody could tell whether the two match.
        ScopeCompared = "scope_compared",
    }
}

code_set! {
    /// What visits found towards the three clears.
    pub struct ClearInputs(u16) of ClearInput
}

codes! {
    /// One of the three clears.
    pub enum Clear {
        /// 成员清.
        Members = "members",
        /// 经营时间清.
        Period = "period",
        /// 经营范围清.
        Scope = "scope",
    }
}

code_set! {
    /// A set of clears.
    pub struct Clears(u8) of Clear
}

impl ClearInputs {
    /// The clears that these inputs make.
    #[must_use]
    pub fn clears(self) -> Clears {
        let has = |inputs: &[ClearInput]| inputs.iter().all(|input| self.contains(*input));
        let mut clears = Clears::NONE;
        clears.insert_if(
            has(&[ClearInput::Responsible, ClearInput::StaffExplained, ClearInput::IdsChecked]),
            Clear::Members,
        );
        clears.insert_if(
            has(&[ClearInput::Established, ClearInput::MovedIn])
                && !self.contains(ClearInput::PeriodContradicts),
            Clear::Period,
        );
        clears.insert_if(
            has(&[
                ClearInput::ScopeRecorded,
                ClearInput::BusinessRecorded,
                ClearInput::ScopeCompared,
            ]),
            Clear::Scope,
        );
        clears
    }
}

/// Reads what one visit contributes.
pub(crate) fn read(body: &Body<'_>, licence: &Licence, issues: &mut Issues) -> ClearInputs {
    let mut found = ClearInputs::NONE;
    let ask = body.object("three_ask", issues);
    let people = ask.object("q2_people", issues);
    let responsible = people.object("responsible", issues).text("name", issues).is_some();
    found.insert_if(responsible, ClearInput::Responsible);
    let listed = i64::try_from(body.list("persons", issues).len()).unwrap_or(i64::MAX);
    let explained = people.count("difference_explained", issues).unwrap_or(0);
    let claimed = people.count("headcount_claimed", issues);
    found.insert_if(
        claimed.is_some_and(|claimed| listed.saturating_add(explained) == claimed),
        ClearInput::StaffExplained,
    );
    let ids = body.object("id_check", issues);
    let checked = ids.count("checked_count", issues).is_some_and(|count| count >= 1);
    found.insert_if(checked && ids.text("waiver", issues).is_none(), ClearInput::IdsChecked);
    let moved_in = ask.object("q3_history", issues).text("started_at_site_on", issues);
    let established = licence.established.as_deref();
    found.insert_if(established.is_some(), ClearInput::Established);
    found.insert_if(moved_in.is_some(), ClearInput::MovedIn);
    // Dates are ISO 8601, so they compare as text.
    let contradicts = moved_in.zip(established).is_some_and(|(moved, born)| moved < born);
    found.insert_if(contradicts, ClearInput::PeriodContradicts);
    issues.add_if(contradicts, "started_before_established");
    found.insert_if(licence.scope_recorded, ClearInput::ScopeRecorded);
    let business = body.object("company", issues).text("actual_business", issues).is_some();
    found.insert_if(business, ClearInput::BusinessRecorded);
    found.insert_if(licence.scope_known, ClearInput::ScopeCompared);
    found
}
