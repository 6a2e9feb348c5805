//! How figures are told: line by line, and times as what most of them do not exceed.

use std::time::Duration;

/// Says a line.
#[expect(clippy::print_stdout, reason = "a bench tells people what it measured")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Durations, sorted.
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    pub(crate) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The duration that so many of a hundred do not exceed, in milliseconds.
    pub(crate) fn ms(&self, of_hundred: usize) -> f64 {
        let place = (self.0.len() * of_hundred).div_ceil(100).saturating_sub(1);
        self.0.get(place).map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
    }
}
