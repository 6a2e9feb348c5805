//! Latency at a given load. Phones that each send their next batch as soon as the last is answered
//! (a closed loop) always fill the server's queue: what their batches take is the length of that
//! queue, whatever the server does (Little's law). Here batches come when they come, at a share of
//! what the closed loop reached, whether or not earlier ones are answered, and each is timed from
//! the moment it was due.

use crate::dice::Dice;
use crate::phone::{BATCH, Phone, Tally};
use crate::report::Spread;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Percentages of the closed loop's visits a second that are asked for.
pub(crate) const SHARES: [usize; 3] = [20, 50, 70];

/// What a rate of arrivals gave.
pub(crate) struct Level {
    pub(crate) percent: usize,
    pub(crate) visits_per_second: f64,
    /// From the moment a batch was due to its answer.
    pub(crate) latencies: Spread,
    pub(crate) turned_away: usize,
}

/// Has a crew send batches at each share of a rate, for so long each.
pub(crate) async fn measure(
    mut crew: Vec<Phone>,
    closed_per_second: f64,
    time: Duration,
) -> Vec<Level> {
    let mut levels = Vec::new();
    for percent in SHARES {
        let rate = closed_per_second * percent as f64 / 100.0 / BATCH as f64;
        let due = arrivals(rate, time);
        for place in 0..due.len() {
            let turn = place % crew.len();
            crew[turn].visit_next();
        }
        let (tally, back) = run(crew, &due).await;
        crew = back;
        levels.push(Level {
            percent,
            visits_per_second: rate * BATCH as f64,
            latencies: Spread::of(tally.latencies),
            turned_away: tally.turned_away,
        });
    }
    levels
}

/// When batches are due: at random, so many a second on average (a Poisson process).
fn arrivals(rate: f64, time: Duration) -> Vec<Duration> {
    let mut dice = Dice::new(1);
    let (mut due, mut at) = (Vec::new(), 0.0);
    loop {
        at -= dice.share().ln() / rate;
        if at > time.as_secs_f64() && !due.is_empty() {
            return due;
        }
        due.push(Duration::from_secs_f64(at));
    }
}

/// Sends batch after batch of the phones in turn, each when it is due.
async fn run(crew: Vec<Phone>, due: &[Duration]) -> (Tally, Vec<Phone>) {
    let crew: Vec<Arc<Phone>> = crew.into_iter().map(Arc::new).collect();
    let (started, mut pushes) = (Instant::now(), JoinSet::new());
    for (place, after) in due.iter().enumerate() {
        let (due, phone) = (started + *after, Arc::clone(&crew[place % crew.len()]));
        let batch = place / crew.len();
        tokio::time::sleep_until(due).await;
        pushes.spawn(async move { phone.push_one(batch, due.into_std()).await });
    }
    let mut all = Tally::default();
    for tally in pushes.join_all().await {
        all.latencies.extend(tally.latencies);
        all.turned_away += tally.turned_away;
    }
    let back = crew.into_iter().map(|phone| Arc::into_inner(phone).expect("all pushes are done"));
    let mut back: Vec<Phone> = back.collect();
    back.iter_mut().for_each(Phone::clear);
    (all, back)
}
