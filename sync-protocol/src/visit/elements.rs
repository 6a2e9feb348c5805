//! The three asks and three checks of a visit: which of the six its content shows.

use super::Licence;
use crate::body::Body;
use crate::identifiers::phone::{self, Phone};
use crate::issue::Issues;
use crate::outcome::{Element, Elements, Outcome};

/// The elements that the content does not show (domain §2.7.3). A visit that calls itself partial
/// misses at least what it says; where it does not say, everything.
pub(super) fn missing_elements(
    body: &Body<'_>,
    outcome: Outcome,
    licence: &Licence,
    issues: &mut Issues,
) -> Elements {
    if !outcome.is_contact() {
        return Elements::NONE;
    }
    let mut missing = Elements::NONE;
    missing.insert_if(!has_identity(body, issues), Element::Q1Identity);
    missing.insert_if(!has_people(body, issues), Element::Q2People);
    missing.insert_if(!has_history(body, issues), Element::Q3History);
    missing.insert_if(!has_id_check(body, issues), Element::C1IdCheck);
    missing.insert_if(!licence.is_obtained(), Element::C2Licence);
    missing.insert_if(!has_ledger(body, issues), Element::C3Ledger);
    if outcome == Outcome::InspectedPartial {
        let declared: Elements = body
            .list("missing", issues)
            .iter()
            .filter_map(|code| Element::parse(code.as_str()?))
            .collect();
        let declared = if declared.is_empty() { Elements::six() } else { declared };
        missing = missing.union(declared);
    }
    missing
}

fn has_identity(body: &Body<'_>, issues: &mut Issues) -> bool {
    let company = body.object("company", issues);
    company.text("name", issues).is_some() && company.text("actual_business", issues).is_some()
}

fn has_people(body: &Body<'_>, issues: &mut Issues) -> bool {
    let people = body.object("three_ask", issues).object("q2_people", issues);
    let responsible = people.object("responsible", issues);
    let claimed = people.count("headcount_claimed", issues);
    let present = people.count("headcount_present", issues);
    issues.add_if(claimed.zip(present).is_some_and(|(all, here)| here > all), "headcount_mismatch");
    if let Some(phone) = responsible.text("phone", issues) {
        let unknown = phone::normalise(phone) == Phone::Unrecognised;
        issues.add_if(unknown, "phone_format");
    }
    responsible.text("name", issues).is_some()
        && responsible.text("phone", issues).is_some()
        && claimed.is_some()
        && present.is_some()
}

fn has_history(body: &Body<'_>, issues: &mut Issues) -> bool {
    let history = body.object("three_ask", issues).object("q3_history", issues);
    let since = ["started_at_site_on", "started_at_site_range", "unknown_reason"]
        .iter()
        .any(|name| history.raw(name).is_some());
    since && history.text("note", issues).is_some()
}

fn has_id_check(body: &Body<'_>, issues: &mut Issues) -> bool {
    let check = body.object("id_check", issues);
    let checked = check.count("checked_count", issues).is_some_and(|count| count >= 1);
    let no_basis = checked && check.text("basis", issues).is_none();
    issues.add_if(no_basis, "id_basis_missing");
    let waived = check.text("waiver", issues).is_some_and(|waiver| {
        matches!(waiver, "no_police_present" | "not_carried" | "voluntary_declined")
    });
    checked || waived
}

fn has_ledger(body: &Body<'_>, issues: &mut Issues) -> bool {
    let check = body.object("ledger_check", issues);
    match check.text("result", issues) {
        Some("normal" | "suspicious") => true,
        Some("not_applicable") => check.text("reason", issues).is_some(),
        _ => false,
    }
}
