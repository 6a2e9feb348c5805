//! Wrong passwords and wrong codes: how many of whom, so that nobody tries them all.

use crate::error::{Error, Result};
use saolou_protocol::time::Millis;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Failures under one name before it has to wait.
const FAILURES_MAX: u32 = 10;
/// How long it then waits.
const LOCKOUT_MS: Millis = 60 * 1000;
/// Names whose failures are remembered; more than that, and all are forgotten.
const NAMES_MAX: usize = 10_000;

/// The failures of late, by name: how many, and since when.
#[derive(Clone, Default)]
pub(crate) struct Attempts(Arc<Mutex<HashMap<String, (u32, Millis)>>>);

impl Attempts {
    /// Fails where there were too many under this name.
    pub(crate) fn check(&self, name: &str, now_ms: Millis) -> Result<()> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match failures.get(name) {
            Some((count, last_ms)) if *count >= FAILURES_MAX && now_ms - last_ms < LOCKOUT_MS => {
                Err(Error::TooManyAttempts)
            }
            _ => Ok(()),
        }
    }

    /// Notes one more.
    pub(crate) fn failed(&self, name: &str, now_ms: Millis) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= NAMES_MAX {
            failures.clear();
        }
        let entry = failures.entry(name.to_owned()).or_insert((0, now_ms));
        let fresh = now_ms - entry.1 >= LOCKOUT_MS;
        *entry = (if fresh { 1 } else { entry.0 + 1 }, now_ms);
    }

    /// Forgets them, after a success.
    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
