//! What a failing run needs: without which faults, and after how few events, it still fails.

use crate::plan::Fault;
use crate::{Options, run};

/// The smallest run of a seed that breaks the same rule, as arguments of a command.
pub(crate) fn smallest(options: &Options, seed: u64, rule: &str) -> String {
    let mut options = options.clone();
    let breaks =
        |options: &Options| run(options, seed, false).err().is_some_and(|b| b.rule == rule);
    loop {
        let before = (options.without.len(), options.events);
        for fault in Fault::ALL {
            let mut fewer = options.clone();
            if fewer.without.insert(*fault) && breaks(&fewer) {
                options = fewer;
            }
        }
        let mut events = options.plan(seed).0.events;
        while events > 0 {
            let fewer = Options { events: Some(events - events.div_ceil(8)), ..options.clone() };
            if !breaks(&fewer) {
                break;
            }
            events = fewer.events.unwrap_or_default();
            options = fewer;
        }
        if before == (options.without.len(), options.events) {
            break;
        }
    }
    let mut command = format!("--seed {seed} --loud");
    if let Some(events) = options.events {
        command += &format!(" --events {events}");
    }
    if !options.without.is_empty() {
        let codes: Vec<&str> = options.without.iter().map(|fault| fault.code()).collect();
        command += &format!(" --without {}", codes.join(","));
    }
    command
}
