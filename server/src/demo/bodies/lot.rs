//! What differs from visit to visit and matters to nobody: names, dates, headcounts.

use super::super::accounts::id;
use serde_json::{Value, json};

/// What the lot decides about one visit: the same for the same key.
pub(super) struct Lot<'a>(&'a str);

impl<'a> Lot<'a> {
    /// The lot of the visit that a key names.
    pub(super) const fn of(key: &'a str) -> Self {
        Self(key)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn number(&self, what: &str, low: u64, high: u64) -> u64 {
        let drawn = id(&format!("{}:{what}", self.0)).as_u64_pair().0;
        low + drawn % (high - low + 1)
    }

    /// A day of one of these years, ISO 8601.
    pub(super) fn date(&self, what: &str, first_year: u64, last_year: u64) -> String {
        let year = self.number(what, first_year, last_year);
        let (month, day) =
            (self.number(&format!("{what}m"), 1, 12), self.number(&format!("{what}d"), 1, 28));
        format!("{year}-{month:02}-{day:02}")
    }

    /// A number of a satellite service that is not sold to consumers.
    pub(super) fn phone(&self, whose: &str) -> String {
        format!("1749000{:04}", self.number(whose, 0, 9999))
    }

    /// Somebody who works there; the first is the responsible person.
    pub(super) fn person(&self, place: u64) -> Value {
        const SURNAMES: &[&str] =
            &["秦", "尤", "许", "何", "吕", "施", "张", "孔", "曹", "严", "华", "金"];
        let pick = self.number(&format!("surname{place}"), 0, SURNAMES.len() as u64 - 1);
        let surname = SURNAMES[usize::try_from(pick).unwrap_or_default()];
        let role = ["legal_rep", "manager", "finance"].get(usize::try_from(place).unwrap_or(3));
        json!({
            "name": format!("{surname}演示"),
            "role": role.copied().unwrap_or("employee"),
            "phone": self.phone(&format!("person{place}")),
            "present": place != 2,
        })
    }
}
