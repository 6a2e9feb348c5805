//! Who sits in a room (domain §2.5): the companies that visits met and that lists name, each with the
//! values that are shown of it, the best source first, and the records that these are from.

use super::Building;
use crate::body::Body;
use crate::codes::codes;
use crate::company::Company;
use crate::fact::Kind;
use crate::field::{Field, Source, Write};
use crate::ids::{OfficeId, OpId};
use crate::issue::Issues;
use crate::outcome::{Class, Outcome};
use crate::time::Millis;
use serde::Serialize;
use serde_json::{Map, Value};

codes! {
    /// Whether a company is still there.
    pub enum Stay {
        /// 在驻: met at the latest contact.
        Present = "present",
        /// 已搬离: an absence was shown after it was met last.
        MovedOut = "moved_out",
        /// 未核实: on a list, never met.
        Unknown = "unknown",
    }
}

/// A company in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tenant {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Shown>,
    /// Its credit code, whose check character is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uscc: Option<Shown>,
    /// What the sign at the door says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signage: Option<Shown>,
    /// Whether it is still there.
    pub stay: Stay,
    /// It is physically there; otherwise it is only registered.
    pub physical: bool,
    /// When it was met first, by corrected time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_seen_ms: Option<Millis>,
    /// When it was met last, by corrected time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_ms: Option<Millis>,
}

/// A value, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The value as written.
    pub value: String,
    /// How it became known.
    pub source: Source,
    /// The record that says so.
    pub op_id: OpId,
    /// Other values that other records give, in the order of their sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

/// One record that names a company.
struct Named {
    op: OpId,
    at_ms: Millis,
    company: Company,
    met: bool,
    physical: bool,
    names: Vec<(Source, String)>,
    codes: Vec<(Source, String)>,
    signs: Vec<(Source, String)>,
}

impl Building {
    /// The companies of a room, the one met last first. `body` gives what a record says, word by word.
    #[must_use]
    pub fn tenants<'a>(
        &self,
        office: OfficeId,
        body: impl Fn(OpId) -> Option<&'a Map<String, Value>>,
    ) -> Vec<Tenant> {
        let named = self.named(office, body);
        let left_ms = self.left_ms(office);
        let numbered = Company::number(named.iter().map(|one| &one.company));
        let mut tenants: Vec<Tenant> = (0..numbered.len())
            .filter_map(|number| {
                let number = u32::try_from(number).ok()?;
                let is_of = |one: &&Named| numbered.of(&one.company) == [number];
                let of: Vec<&Named> = named.iter().filter(is_of).collect();
                (!of.is_empty()).then(|| tenant(&of, left_ms))
            })
            .collect();
        tenants.sort_by_key(|tenant| std::cmp::Reverse(tenant.last_seen_ms));
        tenants
    }

    fn named<'a>(
        &self,
        office: OfficeId,
        body: impl Fn(OpId) -> Option<&'a Map<String, Value>>,
    ) -> Vec<Named> {
        let keys = self.visits_of.iter().filter(|(of, _)| *of == office).map(|(_, key)| *key);
        let visits = keys.filter_map(|key| self.ledger.effective(key).map(|(op, _)| op));
        let members = self.structure.members(office);
        let lists = self.ledger.facts().filter_map(|fact| match &fact.kind {
            Kind::Occupancy { office, .. } if members.contains(office) => Some(fact.op),
            _ => None,
        });
        let ops = visits.chain(lists);
        ops.filter_map(|op| {
            let fact = self.ledger.fact(op)?;
            let at_ms = fact.stamp.corrected_ms;
            match &fact.kind {
                Kind::Visit(visit) => {
                    let met = visit.outcome.finds_company();
                    Some(of_visit(op, at_ms, met, visit.company.clone(), body(op)?))
                }
                Kind::Occupancy { company, name, physical, .. } => {
                    let source = Source::ImportedList;
                    let uscc = company.uscc.iter().map(|uscc| (source, uscc.to_string()));
                    Some(Named {
                        op,
                        at_ms,
                        met: false,
                        physical: *physical,
                        names: vec![(source, name.clone())],
                        codes: uscc.collect(),
                        signs: Vec::new(),
                        company: company.as_ref().clone(),
                    })
                }
                _ => None,
            }
        })
        .collect()
    }

    /// When the room was last shown to be left.
    fn left_ms(&self, office: OfficeId) -> Option<Millis> {
        let keys = self.visits_of.iter().filter(|(of, _)| *of == office).map(|(_, key)| *key);
        let left = keys.filter_map(|key| {
            let (op, visit) = self.ledger.effective(key)?;
            let is_left = matches!(visit.outcome, Outcome::Vacant | Outcome::MovedOut);
            let shown = visit.class == Class::Absent && is_left;
            shown.then_some(self.ledger.fact(op)?.stamp.corrected_ms)
        });
        left.max()
    }
}

fn of_visit(
    op: OpId,
    at_ms: Millis,
    met: bool,
    company: Company,
    body: &Map<String, Value>,
) -> Named {
    let mut unused = Issues::default();
    let body = Body::new(body);
    let said = body.object("company", &mut unused);
    let check = body.object("licence_check", &mut unused);
    let mut text = |of: &Body<'_>, name| of.text(name, &mut unused).map(str::to_owned);
    let (name, sign) = (text(&said, "name"), text(&said, "signage_name"));
    let (stated, typed) = (text(&said, "uscc"), text(&check, "typed_uscc"));
    let printed = text(&check, "name_on_licence");
    // Of the code the visit holds the QR's, where that was a valid one.
    let scanned = text(&check, "qr_raw").and(company.uscc.as_ref()).map(ToString::to_string);
    let (photo, mouth) = (Source::LicencePhotoTyped, Source::StatedOrally);
    let codes = [(Source::LicenceQrVerified, scanned), (photo, typed), (mouth, stated)];
    let names = [(photo, printed), (mouth, name)];
    let given = |(source, value): (Source, Option<String>)| value.map(|value| (source, value));
    Named {
        op,
        at_ms,
        met,
        physical: true,
        names: names.into_iter().filter_map(given).collect(),
        codes: codes.into_iter().filter_map(given).collect(),
        signs: sign.map(|sign| (Source::Signage, sign)).into_iter().collect(),
        company,
    }
}

fn tenant(named: &[&Named], left_ms: Option<Millis>) -> Tenant {
    let met = || named.iter().filter(|one| one.met).map(|one| one.at_ms);
    let last_seen_ms = met().max();
    let stay = match last_seen_ms {
        None => Stay::Unknown,
        Some(last_ms) if left_ms.is_some_and(|left_ms| left_ms > last_ms) => Stay::MovedOut,
        Some(_) => Stay::Present,
    };
    Tenant {
        name: shown(named, |one| &one.names),
        uscc: shown(named, |one| &one.codes),
        signage: shown(named, |one| &one.signs),
        stay,
        physical: named.iter().any(|one| one.physical),
        first_seen_ms: met().min(),
        last_seen_ms,
    }
}

/// The value to show: by source, then the latest, then by op.
fn shown(named: &[&Named], of: impl Fn(&Named) -> &Vec<(Source, String)>) -> Option<Shown> {
    let writes = named.iter().flat_map(|one| {
        let write = |(source, value): &(Source, String)| Write {
            op: one.op,
            value: value.clone(),
            source: *source,
            at_ms: one.at_ms,
        };
        of(one).iter().map(write)
    });
    let field = Field::of(writes.collect(), |_| false);
    let best = field.displayed()?;
    let mut others: Vec<String> = Vec::new();
    for write in &field.live {
        if write.value != best.value && !others.contains(&write.value) {
            others.push(write.value.clone());
        }
    }
    Some(Shown { value: best.value.clone(), source: best.source, op_id: best.op, others })
}
