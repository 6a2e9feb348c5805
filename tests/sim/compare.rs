//! The same plan in memory and through the real server: both must come to the same state.

use crate::backend::{Backend, Dump};
use crate::check::Broken;
use crate::core::Core;
use crate::machine::Database;
use crate::plan::Fault;
use crate::real::Real;
use crate::world::{Outcome, World};
use crate::{Options, say};
use saolou_protocol::ids::OpId;
use std::collections::{BTreeMap, BTreeSet};

/// Runs a seed on both.
///
/// # Errors
/// What did not hold in either of them, or where they differ.
pub(crate) fn run(options: &Options, seed: u64, database: Database) -> Result<Outcome, Broken> {
    // Photos come over another way, which is not simulated; and a real server that goes on with an
    // older state notices.
    let plan_of = || {
        let (mut plan, dice) = options.plan(seed);
        plan.photos = false;
        plan.without(&BTreeSet::from([Fault::FailedOver]));
        (plan, dice)
    };
    let (plan, dice) = plan_of();
    let mut core = Core::default();
    let in_memory = World::new(&plan, dice, &mut core, options.loud).run()?;
    if options.loud {
        say(&format!("-- the same on {}", database.code()));
    }
    let mut real = Real::new(database, options.servers);
    let (plan, dice) = plan_of();
    let outcome = World::new(&plan, dice, &mut real, options.loud).run()?;
    if outcome.ops != in_memory.ops {
        let what = format!("{} ops were saved, in memory {}", outcome.ops, in_memory.ops);
        return Err(Broken::new("L1 = L2", what));
    }
    same(&core.dump(), &real.dump())?;
    Ok(outcome)
}

/// Whether two servers have the same: accepted ops with their times, the quarantine, every entity
/// byte for byte.
fn same(memory: &Dump, real: &Dump) -> Result<(), Broken> {
    let accepted = |dump: &Dump| -> BTreeMap<OpId, String> {
        let ops = dump.accepted.iter();
        ops.map(|(id, op)| (*id, format!("{} {} {:?}", op.bucket, op.hash, op.stamp))).collect()
    };
    same_rows("op", &accepted(memory), &accepted(real))?;
    let quarantined = |dump: &Dump| dump.quarantined.iter().map(|key| (*key, ())).collect();
    same_rows::<_, ()>("quarantined", &quarantined(memory), &quarantined(real))?;
    let nothing = BTreeMap::new();
    for bucket in memory.entities.keys().chain(real.entities.keys()) {
        let rows = |dump: &Dump| -> BTreeMap<_, String> {
            let rows = dump.entities.get(bucket).unwrap_or(&nothing).iter();
            rows.map(|(key, body)| (key.clone(), String::from_utf8_lossy(body).into_owned()))
                .collect()
        };
        same_rows(&format!("entity of {bucket}"), &rows(memory), &rows(real))?;
    }
    Ok(())
}

fn same_rows<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    memory: &BTreeMap<K, V>,
    real: &BTreeMap<K, V>,
) -> Result<(), Broken> {
    let differs = |key: &&K| memory.get(*key) != real.get(*key);
    match memory.keys().chain(real.keys()).find(differs) {
        None => Ok(()),
        Some(key) => {
            let (memory, real) = (memory.get(key), real.get(key));
            let what = format!("{what} {key:?}: in memory {memory:?}, really {real:?}");
            Err(Broken::new("L1 = L2", what))
        }
    }
}
