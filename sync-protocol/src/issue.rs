//! Issues: what was odd about an accepted record. They warn; they never refuse.
//!
//! The codes are those of the domain's list of issue codes on accepted records, plus
//! `malformed_field:<path>` and `unknown_enum:<path>`.

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeSet};

/// A sorted set of issue codes, at most [`ISSUES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Issues(BTreeSet<Cow<'static, str>>);

/// More issues than this on one op are not listed: a body of rubbish must not breed a longer answer.
pub const ISSUES_MAX: usize = 32;

impl Issues {
    /// Adds a code.
    pub fn add(&mut self, code: &'static str) {
        self.insert(Cow::Borrowed(code));
    }

    /// Adds a code that names a place in the body.
    pub fn add_at(&mut self, code: &str, path: &str) {
        self.insert(Cow::Owned(format!("{code}:{path}")));
    }

    /// Adds a code where a condition holds.
    pub fn add_if(&mut self, condition: bool, code: &'static str) {
        if condition {
            self.add(code);
        }
    }

    fn insert(&mut self, code: Cow<'static, str>) {
        if self.0.len() < ISSUES_MAX {
            self.0.insert(code);
        }
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: Issues) {
        other.0.into_iter().for_each(|code| self.insert(code));
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a code is among them.
    #[must_use]
    pub fn contains(&self, code: &str) -> bool {
        self.0.contains(code)
    }

    /// The codes in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}
