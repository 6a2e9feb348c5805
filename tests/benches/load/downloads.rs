//! The figures of pulling: a phone that has nothing yet downloads a building, and one that was away
//! while every office of a building changed gets the difference.

use crate::phone::Phone;
use crate::report::Spread;
use crate::street::{Desk, Plan};
use saolou_server::clock::Clock;

/// A building with 200 offices, and one with 500.
const FIRST: Plan = Plan { buildings: 1, floors: 10, rooms: 20 };
const CHANGED: Plan = Plan { buildings: 1, floors: 20, rooms: 25 };
/// Phones of each kind, one after the other.
const PHONES: usize = 100;
/// Numbers of streets that nothing else is measured in.
const STREETS_FROM: usize = 900;

/// What a download took: all its pages together.
pub(crate) struct Download {
    pub(crate) name: &'static str,
    pub(crate) offices: usize,
    pub(crate) latencies: Spread,
    /// Bytes of all pages as received.
    pub(crate) bytes: usize,
    pub(crate) pages: usize,
}

/// The first download of a building, and the difference after all of one has changed.
pub(crate) async fn measure(desk: &Desk) -> [Download; 2] {
    let mut phone = visited(desk, STREETS_FROM, FIRST).await;
    let nothing = |_| None;
    let first = download(&mut phone, "first download", FIRST.offices(), nothing).await;
    let mut phone = visited(desk, STREETS_FROM + 1, CHANGED).await;
    let before = phone.pull_all(Clock::default().new_id(), None).await.cursor;
    visit_all(&mut phone, CHANGED).await;
    let cursor = |_| Some(before.clone());
    let delta = download(&mut phone, "after all have changed", CHANGED.offices(), cursor).await;
    [first, delta]
}

/// A phone whose building has been visited once, door by door.
async fn visited(desk: &Desk, number: usize, plan: Plan) -> Phone {
    let street = desk.street(number, plan).await;
    let mut phone = desk.crew(&street, 1).await.pop().expect("a crew of one");
    visit_all(&mut phone, plan).await;
    phone
}

async fn visit_all(phone: &mut Phone, plan: Plan) {
    phone.clear();
    for _ in 0..plan.offices().div_ceil(crate::phone::BATCH) {
        phone.visit_next();
    }
    for batch in 0..phone.batches() {
        phone.push_one(batch, std::time::Instant::now()).await;
    }
    phone.clear();
}

/// Phones of the same person, each of which reads from a cursor to the end.
async fn download(
    phone: &mut Phone,
    name: &'static str,
    offices: usize,
    cursor: impl Fn(usize) -> Option<String>,
) -> Download {
    let clock = Clock::default();
    let (mut latencies, mut bytes, mut pages) = (Vec::new(), 0, 0);
    for turn in 0..PHONES {
        let pulled = phone.pull_all(clock.new_id(), cursor(turn)).await;
        assert_eq!(pulled.offices, offices, "every office is served once");
        latencies.push(pulled.took);
        (bytes, pages) = (pulled.bytes, pulled.pages);
    }
    Download { name, offices, latencies: Spread::of(latencies), bytes, pages }
}
