//! The figures of pushing: so many phones, each sending batch after batch for a while.

use crate::phone::{BATCH, Phone, Target};
use crate::report::Spread;
use crate::server::{Server, processor_time};
use crate::street::Street;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Visits a second that outboxes are filled for: one phone, and many.
const ENOUGH: [usize; 2] = [6_000, 12_000];
/// Longest that the endpoint that stores nothing is measured.
const NOTHING_MAX: Duration = Duration::from_secs(3);

/// What a number of phones gave.
pub(crate) struct Cell {
    pub(crate) phones: usize,
    /// Durable visits a second.
    pub(crate) visits_per_second: f64,
    /// Round trips of batches.
    pub(crate) latencies: Spread,
    pub(crate) odd: usize,
    pub(crate) turned_away: usize,
    /// Visits a second of the endpoint that parses the same bodies and stores nothing.
    pub(crate) nothing_per_second: f64,
    /// Bytes of a visit as sent, on average.
    pub(crate) visit_bytes: usize,
    /// Entities that a visit changed, on average.
    pub(crate) entities_per_visit: f64,
    /// Processor time for one visit: of the server, of its database, of the phones.
    pub(crate) server_time: Duration,
    pub(crate) database_time: Duration,
    pub(crate) phones_time: Duration,
}

impl Cell {
    /// Has the crew of a street push, first to the endpoint that stores nothing and then to the
    /// server, the same batches.
    pub(crate) async fn measure(
        server: &Server,
        nothing: &str,
        street: &Street,
        crew: &mut Vec<Phone>,
        time: Duration,
    ) -> Self {
        let phones = crew.len();
        let enough = ENOUGH[usize::from(phones > 1)] as f64 * time.as_secs_f64();
        fill(crew, (enough as usize).div_ceil(BATCH * phones));
        let batches: usize = crew.iter().map(Phone::batches).sum();
        let bytes: usize = crew.iter().map(Phone::outbox_bytes).sum();
        let to_nothing = Target::Nothing(nothing.to_owned());
        let limit = push(crew, &to_nothing, time.min(NOTHING_MAX)).await;
        let mut database = server.place.database().await;
        let entities_before = database.changes(street.id).await;
        let times_before = times(server, &database.processes().await);
        let pushed = push(crew, &Target::Server, time).await;
        let processes = database.processes().await;
        let spent = times(server, &processes);
        let entities = database.changes(street.id).await - entities_before;
        let answered = u32::try_from(pushed.answered).expect("few enough visits");
        let [server_time, database_time, phones_time] =
            [0, 1, 2].map(|who| spent[who].saturating_sub(times_before[who]) / answered);
        crew.iter_mut().for_each(Phone::clear);
        Self {
            phones,
            visits_per_second: pushed.per_second(),
            nothing_per_second: limit.per_second(),
            latencies: Spread::of(pushed.latencies),
            odd: pushed.odd,
            turned_away: pushed.turned_away,
            visit_bytes: bytes / (batches * BATCH),
            entities_per_visit: entities as f64 / f64::from(answered),
            server_time,
            database_time,
            phones_time,
        }
    }
}

/// Has a crew visit about every second office, so that there is something to look at.
pub(crate) async fn visit_half(crew: &mut Vec<Phone>) {
    let offices: usize = crew.iter().map(Phone::offices).sum();
    let phones = crew.len();
    fill(crew, (offices / 2).div_ceil(BATCH * phones).max(1));
    let pushed = push(crew, &Target::Server, Duration::from_secs(60)).await;
    assert_eq!(pushed.odd, 0, "every visit takes effect: {:?}", pushed.example);
    crew.iter_mut().for_each(Phone::clear);
}

/// Makes so many batches for every phone. They are made in turns, as people work at the same time.
fn fill(crew: &mut [Phone], batches: usize) {
    for _ in 0..batches {
        crew.iter_mut().for_each(Phone::visit_next);
    }
}

/// What all phones of a crew got together.
#[derive(Default)]
struct Pushed {
    took: Duration,
    latencies: Vec<Duration>,
    answered: usize,
    odd: usize,
    example: Option<String>,
    turned_away: usize,
}

impl Pushed {
    /// Visits a second, from the first push to the last answer.
    fn per_second(&self) -> f64 {
        self.answered as f64 / self.took.as_secs_f64()
    }
}

/// Has all phones push at once. No phone starts a batch after `time`, and what is under way then
/// is waited for and counted, time and visits.
async fn push(crew: &mut Vec<Phone>, target: &Target, time: Duration) -> Pushed {
    let started = Instant::now();
    let mut phones = JoinSet::new();
    for phone in crew.drain(..) {
        phones.spawn(phone.push_all(target.clone(), started + time));
    }
    let mut pushed = Pushed::default();
    for (phone, tally) in phones.join_all().await {
        pushed.latencies.extend(tally.latencies);
        pushed.answered += tally.answered;
        pushed.odd += tally.odd;
        pushed.example = pushed.example.or(tally.example);
        pushed.turned_away += tally.turned_away;
        let ended = tally.ended.unwrap_or(started);
        pushed.took = pushed.took.max(ended - started);
        crew.push(phone);
    }
    assert!(pushed.answered > 0, "somebody is answered in time");
    pushed
}

/// Processor time of the server, of its database, of this program.
fn times(server: &Server, database: &[u32]) -> [Duration; 3] {
    let database = database.iter().map(|process| processor_time(*process)).sum();
    [server.processor_time(), database, processor_time(std::process::id())]
}
