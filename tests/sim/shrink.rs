//! What a failing run needs: the fewest events, and the fewest faults among them, with which it still
//! breaks the same rule.
//!
//! Events are left out by delta debugging: halves first, then ever smaller parts, until no single one
//! can be spared. As every event throws dice of its own, leaving one out changes nothing about what the
//! others try to do. All of it follows from the seed, and ends after a number of runs.

use crate::Options;
use crate::check::Broken;
use crate::plan::Fault;
use std::collections::BTreeSet;

/// Most runs in memory to find out what a failure needs.
pub(crate) const RUNS_MAX: usize = 1_500;
/// Most runs on real servers.
pub(crate) const REAL_RUNS_MAX: usize = 40;

/// The least that still fails.
pub(crate) struct Smallest {
    pub(crate) seed: u64,
    pub(crate) options: Options,
    /// How often something goes wrong in it.
    pub(crate) faults: usize,
    /// How many runs have shown it.
    pub(crate) runs: usize,
}

/// Looks for the smallest run that breaks the rule that a run broke. `again` makes a run, and gives
/// what it breaks.
pub(crate) fn smallest(
    options: &Options,
    seed: u64,
    broken: &Broken,
    runs_max: usize,
    again: impl Fn(&Options) -> Option<Broken>,
) -> Smallest {
    let mut hunt = Hunt {
        seed,
        options: options.clone(),
        rule: broken.rule,
        fired: broken.fired.clone(),
        left: runs_max,
        again,
    };
    loop {
        let before = (hunt.options.clone(), hunt.fired.len());
        hunt.leave_out_events();
        hunt.switch_faults_off();
        hunt.spare_events();
        let after = (&hunt.options, hunt.fired.len());
        if (&before.0, before.1) == after || hunt.left == 0 {
            break;
        }
    }
    hunt.forget_idle_faults();
    let Hunt { options, fired, left, .. } = hunt;
    Smallest { seed, options, faults: fired.len(), runs: runs_max - left }
}

struct Hunt<A> {
    seed: u64,
    /// The smallest run so far.
    options: Options,
    rule: &'static str,
    /// What goes wrong in it.
    fired: BTreeSet<(usize, Fault)>,
    /// Runs that may still be made.
    left: usize,
    again: A,
}

impl<A: Fn(&Options) -> Option<Broken>> Hunt<A> {
    /// Goes on with a smaller run if it breaks the same rule.
    fn takes(&mut self, smaller: Options) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let Some(broken) = (self.again)(&smaller).filter(|broken| broken.rule == self.rule) else {
            return false;
        };
        (self.options, self.fired) = (smaller, broken.fired);
        true
    }

    fn leave_out_events(&mut self) {
        let all = || (0..self.options.plan(self.seed).0.events).collect();
        let mut events: Vec<usize> = match &self.options.only {
            Some(only) => only.iter().copied().collect(),
            None => all(),
        };
        let mut part = events.len().div_ceil(2).max(1);
        while !events.is_empty() && self.left > 0 {
            let mut at = events.len();
            let mut fewer_now = false;
            // From the end: what happened last is needed least often.
            while at > 0 {
                let from = at.saturating_sub(part);
                let rest = [&events[..from], &events[at..]].concat();
                let only = Some(rest.iter().copied().collect());
                if self.takes(Options { only, ..self.options.clone() }) {
                    (events, fewer_now) = (rest, true);
                }
                at = from;
            }
            if part == 1 && !fewer_now {
                break;
            }
            part = part.div_ceil(2).min(events.len().max(1));
        }
    }

    fn switch_faults_off(&mut self) {
        for fault in Fault::ALL {
            let mut fewer = self.options.clone();
            if fewer.without.insert(*fault) {
                self.takes(fewer);
            }
        }
    }

    fn spare_events(&mut self) {
        for one in self.fired.clone() {
            let mut fewer = self.options.clone();
            fewer.spared.insert(one);
            self.takes(fewer);
        }
    }

    /// Switches off no fault that does not fall in what is left, and spares no event that does not
    /// happen.
    fn forget_idle_faults(&mut self) {
        for fault in self.options.without.clone() {
            let (mut more, fired) = (self.options.clone(), self.fired.clone());
            more.without.remove(&fault);
            let least = self.options.clone();
            if self.takes(more) && self.fired != fired {
                (self.options, self.fired) = (least, fired);
            }
        }
        let Options { only, spared, without, .. } = &mut self.options;
        let happens = |event: &usize| only.as_ref().is_none_or(|only| only.contains(event));
        spared.retain(|(event, fault)| happens(event) && !without.contains(fault));
    }
}

/// A run of one seed as arguments of a command.
pub(crate) fn arguments(options: &Options, seed: u64) -> String {
    let mut command = format!("--seed {seed} --loud");
    if let Some(events) = options.events {
        command += &format!(" --events {events}");
    }
    if let Some(only) = &options.only {
        command += &format!(" --only {}", write_events(only));
    }
    if !options.without.is_empty() {
        let codes: Vec<&str> = options.without.iter().map(|fault| fault.code()).collect();
        command += &format!(" --without {}", codes.join(","));
    }
    if !options.spared.is_empty() {
        let one = |(event, fault): &(usize, Fault)| format!("{event}:{}", fault.code());
        let spared: Vec<String> = options.spared.iter().map(one).collect();
        command += &format!(" --spare {}", spared.join(","));
    }
    if let Some(defect) = options.planted {
        command += &format!(" --plant {}", defect.code());
    }
    command
}

/// Reads `3,17-22`; `none` is no event at all.
pub(crate) fn read_events(text: &str) -> Result<BTreeSet<usize>, String> {
    let mut events = BTreeSet::new();
    if text == "none" {
        return Ok(events);
    }
    for run in text.split(',') {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let number = |text: &str| text.parse::<usize>().map_err(|_| format!("{run}: no events"));
        events.extend(number(first)?..=number(last)?);
    }
    Ok(events)
}

fn write_events(events: &BTreeSet<usize>) -> String {
    if events.is_empty() {
        return "none".to_owned();
    }
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for event in events {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *event => *last = *event,
            _ => runs.push((*event, *event)),
        }
    }
    let one = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(one).collect::<Vec<String>>().join(",")
}
