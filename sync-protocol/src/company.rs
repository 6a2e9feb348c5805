//! Which company a visit met, as far as one visit can tell.

use crate::body::Body;
use crate::identifiers::licence_qr::{self, LicenceQr};
use crate::identifiers::uscc::Uscc;
use crate::issue::Issues;
use std::collections::{BTreeMap, BTreeSet};
use unicode_normalization::UnicodeNormalization;

/// What identifies a company: a checksum-valid unified social credit code, a name, or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Company {
    /// Its credit code: the QR's where it holds a valid one, else the typed one where valid.
    pub uscc: Option<Uscc>,
    /// Its name in comparison form: NFKC, uppercase, no spaces.
    pub name: Option<String>,
}

impl Company {
    /// Reads the company of a visit, cross-checking typed code and QR (domain §2.11, C28).
    #[must_use]
    pub fn read(body: &Body<'_>, issues: &mut Issues) -> Self {
        let company = body.object("company", issues);
        let check = body.object("licence_check", issues);
        let by_qr = check.text("qr_raw", issues).and_then(|raw| match licence_qr::read(raw) {
            LicenceQr::Uscc(uscc) => Some(uscc),
            LicenceQr::Opaque => None,
        });
        let typed = check.text("typed_uscc", issues).or_else(|| company.text("uscc", issues));
        let valid = typed.and_then(|typed| Uscc::parse(typed).ok());
        issues.add_if(typed.is_some() && valid.is_none(), "uscc_checksum_failed");
        issues.add_if(by_qr.is_some() && typed.is_some() && by_qr != valid, "licence_mismatch_qr");
        let name = company.text("name", issues);
        let on_licence = check.text("name_on_licence", issues);
        let signage = company.text("signage_name", issues);
        let unlike_sign = on_licence.zip(signage).is_some_and(|(licence, sign)| {
            let (licence, sign) = (comparison_form(licence), comparison_form(sign));
            !licence.contains(&sign) && !sign.contains(&licence)
        });
        issues.add_if(unlike_sign, "licence_name_vs_sign");
        Self { uscc: by_qr.or(valid), name: name.map(comparison_form) }
    }

    /// Reads `{uscc?, name?}`.
    #[must_use]
    pub fn read_named(named: &Body<'_>, issues: &mut Issues) -> Self {
        let uscc = named.text("uscc", issues).and_then(|typed| Uscc::parse(typed).ok());
        Self { uscc, name: named.text("name", issues).map(comparison_form) }
    }

    /// Whether it says anything.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.uscc.is_some() || self.name.is_some()
    }

    /// Whether the two are one company: the same code, or the same name without differing codes.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        match (&self.uscc, &other.uscc) {
            (Some(a), Some(b)) => a == b,
            _ => self.name.is_some() && self.name == other.name,
        }
    }

    /// Numbers the companies of one office, so that a shared number means the same company: by code,
    /// and by name where no code is known. The result does not depend on order, and a further
    /// company never takes apart two that shared a number.
    #[must_use]
    pub fn number<'a>(companies: impl Iterator<Item = &'a Self>) -> Numbered<'a> {
        let known: Vec<&Self> = companies.filter(|company| company.is_known()).collect();
        let mut codes_of_name: BTreeMap<&str, BTreeSet<&Uscc>> = BTreeMap::new();
        for company in &known {
            if let (Some(name), Some(uscc)) = (company.name.as_deref(), &company.uscc) {
                codes_of_name.entry(name).or_default().insert(uscc);
            }
        }
        let mut numbered = Numbered { codes_of_name, keys: Vec::new() };
        let mut keys: Vec<Key<'a>> =
            known.iter().flat_map(|company| numbered.keys(company)).collect();
        keys.sort_unstable();
        keys.dedup();
        numbered.keys = keys;
        numbered
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Code(&'a Uscc),
    Name(&'a str),
}

/// The companies of one office, numbered.
#[derive(Debug)]
pub struct Numbered<'a> {
    codes_of_name: BTreeMap<&'a str, BTreeSet<&'a Uscc>>,
    keys: Vec<Key<'a>>,
}

impl<'a> Numbered<'a> {
    fn keys(&self, company: &'a Company) -> Vec<Key<'a>> {
        if let Some(uscc) = &company.uscc {
            return vec![Key::Code(uscc)];
        }
        let Some(name) = company.name.as_deref() else { return Vec::new() };
        match self.codes_of_name.get(name) {
            Some(codes) => codes.iter().map(|code| Key::Code(code)).collect(),
            None => vec![Key::Name(name)],
        }
    }

    /// The numbers of a company, sorted: none where nothing is known of it, several where only a
    /// name is known that stands beside several codes.
    #[must_use]
    pub fn of(&self, company: &'a Company) -> Vec<u32> {
        let place = |key| u32::try_from(self.keys.binary_search(&key).ok()?).ok();
        self.keys(company).into_iter().filter_map(place).collect()
    }

    /// How many companies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// A name as it is compared: NFKC, uppercase, without white space.
#[must_use]
pub fn comparison_form(name: &str) -> String {
    name.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}
