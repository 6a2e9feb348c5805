//! Lenient reading of bodies.
//!
//! Field evidence is never refused for its content: a member of the wrong type counts as absent
//! and leaves the issue `malformed_field:<path>`; an enum value that this version does not know
//! leaves `unknown_enum:<path>` and degrades, while the stored op keeps the raw value.

use crate::issue::Issues;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A JSON object that is read without ever failing, collecting issues on the way.
pub struct Body<'a> {
    map: Option<&'a Map<String, Value>>,
    path: String,
}

impl<'a> Body<'a> {
    /// The top of a body.
    #[must_use]
    pub fn new(map: &'a Map<String, Value>) -> Self {
        Self { map: Some(map), path: String::new() }
    }

    fn path_of(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// The member as it is, where it is neither absent nor null.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        self.map?.get(name).filter(|value| !value.is_null())
    }

    fn read<T>(
        &self,
        name: &str,
        issues: &mut Issues,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.raw(name)?;
        let read = read(value);
        if read.is_none() {
            issues.add_at("malformed_field", &self.path_of(name));
        }
        read
    }

    /// A nested object; where it is absent or of another type, one in which everything is absent.
    #[must_use]
    pub fn object(&self, name: &str, issues: &mut Issues) -> Body<'a> {
        let map = self.read(name, issues, Value::as_object);
        Body { map, path: self.path_of(name) }
    }

    /// Whether the member is an object.
    #[must_use]
    pub fn has_object(&self, name: &str) -> bool {
        self.raw(name).is_some_and(Value::is_object)
    }

    /// A text, trimmed; blank counts as absent.
    #[must_use]
    pub fn text(&self, name: &str, issues: &mut Issues) -> Option<&'a str> {
        let text = self.read(name, issues, Value::as_str)?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// A count: a whole number from 0 to 1,000,000. Anything else is an issue and absent.
    #[must_use]
    pub fn count(&self, name: &str, issues: &mut Issues) -> Option<i64> {
        self.read(name, issues, |value| value.as_i64().filter(|n| (0..=1_000_000).contains(n)))
    }

    /// Any whole number that fits 64 bits.
    #[must_use]
    pub fn integer(&self, name: &str, issues: &mut Issues) -> Option<i64> {
        self.read(name, issues, Value::as_i64)
    }

    /// A number within bounds, whole or not. Anything else is an issue and absent.
    #[must_use]
    pub fn number(
        &self,
        name: &str,
        bounds: RangeInclusive<f64>,
        issues: &mut Issues,
    ) -> Option<f64> {
        self.read(name, issues, |value| value.as_f64().filter(|number| bounds.contains(number)))
    }

    /// An id.
    #[must_use]
    pub fn id<T: FromStr>(&self, name: &str, issues: &mut Issues) -> Option<T> {
        self.read(name, issues, |value| value.as_str()?.parse().ok())
    }

    /// A list; empty where it is absent or of another type.
    #[must_use]
    pub fn list(&self, name: &str, issues: &mut Issues) -> &'a [Value] {
        self.read(name, issues, |value| value.as_array().map(Vec::as_slice)).unwrap_or_default()
    }

    /// A list of ids; members that are none are left out with an issue.
    #[must_use]
    pub fn ids<T: FromStr>(&self, name: &str, issues: &mut Issues) -> Vec<T> {
        let mut ids = Vec::new();
        for value in self.list(name, issues) {
            match value.as_str().and_then(|text| text.parse().ok()) {
                Some(id) => ids.push(id),
                None => issues.add_at("malformed_field", &self.path_of(name)),
            }
        }
        ids
    }

    /// A list of objects; members that are none are left out with an issue.
    #[must_use]
    pub fn objects(&self, name: &str, issues: &mut Issues) -> Vec<Body<'a>> {
        let path = self.path_of(name);
        let mut objects = Vec::new();
        for value in self.list(name, issues) {
            match value.as_object() {
                Some(map) => objects.push(Body { map: Some(map), path: path.clone() }),
                None => issues.add_at("malformed_field", &path),
            }
        }
        objects
    }

    /// A value of a closed list, by its code. `None` where it is absent; an unknown code leaves
    /// an issue and gives `other`.
    #[must_use]
    pub fn code<T>(
        &self,
        name: &str,
        issues: &mut Issues,
        parse: impl FnOnce(&str) -> Option<T>,
        other: T,
    ) -> Option<T> {
        let text = self.text(name, issues)?;
        Some(parse(text).unwrap_or_else(|| {
            issues.add_at("unknown_enum", &self.path_of(name));
            other
        }))
    }
}
