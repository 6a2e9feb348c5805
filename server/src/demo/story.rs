//! The story of 潮汐大厦 (B04): four phones and a desk, from a Sunday walk over its floors to full
//! coverage on Thursday, with the figures that every moment must show (domain §8.2).
//!
//! The figures stand here as a person worked them out, not as the program computes them; the replay
//! sends what the phones captured and reads back what the server makes of it.

mod cast;
mod script;
#[cfg(test)]
mod tests;

use super::accounts::{PASSWORD, SUPERVISOR, november, round_id};
use super::loader::building_id;
use super::phone::{Error, Pulled, Session, SyncReply};
use cast::Cast;
use saolou_protocol::building::answer::AnswerStatus;
use saolou_protocol::coverage::counts::{Counts, Metrics};
use saolou_protocol::ids::{BuildingId, FloorId, OpId};
use saolou_protocol::time::Millis;
use script::{Line, What, Who, script};
use serde::Deserialize;
use std::collections::BTreeMap;

/// When the story begins: Sunday, with a walk over the floors.
pub const SUNDAY_MS: Millis = november(22, 1330);
/// Code of the building.
pub const TIDE: &str = "B04";

/// The figures of a building or a floor at one moment. Shares are floored tenths of a percent,
/// absent where nothing is in scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rooms in scope.
    pub in_scope: i64,
    /// Rooms covered.
    pub covered: i64,
    /// Rooms nobody has been to.
    pub unvisited: i64,
    /// Rooms with an attempt that says nothing.
    pub attempted: i64,
    /// Rooms found locked.
    pub locked: i64,
    /// Rooms that kept us out.
    pub blocked: i64,
    /// Rooms with elements missing.
    pub partial: i64,
    /// Rooms whose exclusion waits for approval.
    pub exclusion_pending: i64,
    /// Covered of in scope.
    pub coverage_permille: Option<i64>,
    /// Knocked on of in scope.
    pub visited_permille: Option<i64>,
    /// Rooms whose mandatory photo has not arrived.
    pub evidence_pending: i64,
}

impl Figures {
    /// The figures in counts and the shares that were published with them.
    #[must_use]
    pub const fn of(counts: &Counts, metrics: &Metrics) -> Self {
        Self {
            in_scope: counts.in_scope,
            covered: counts.covered,
            unvisited: counts.unvisited,
            attempted: counts.attempted,
            locked: counts.locked,
            blocked: counts.blocked,
            partial: counts.partial,
            exclusion_pending: counts.exclusion_pending,
            coverage_permille: metrics.coverage_rate.permille,
            visited_permille: metrics.visited_rate.permille,
            evidence_pending: counts.evidence_pending,
        }
    }

    /// A row of the table: the eight numbers of rooms, the two shares, evidence pending.
    const fn row(rooms: [i64; 8], permille: [i64; 2], evidence_pending: i64) -> Self {
        let [in_scope, covered, unvisited, attempted, locked, blocked, partial, exclusion_pending] =
            rooms;
        Self {
            in_scope,
            covered,
            unvisited,
            attempted,
            locked,
            blocked,
            partial,
            exclusion_pending,
            coverage_permille: Some(permille[0]),
            visited_permille: Some(permille[1]),
            evidence_pending,
        }
    }
}

/// A moment of the story: what the building must show, and what it shows.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at_ms: Millis,
    /// What the moment is, in Chinese.
    pub label_zh: &'static str,
    /// What the moment is, in English.
    pub label_en: &'static str,
    /// What must show.
    pub expected: Figures,
    /// What shows; all zero in a table that nothing was read for.
    pub observed: Figures,
    /// The state of the building that must show.
    pub expected_state: &'static str,
    /// The state that shows.
    pub observed_state: String,
    /// The floors, top down, at the moment that the floor table is given for.
    pub floors: Vec<FloorMoment>,
}

/// A floor at a moment.
#[derive(Clone, Debug)]
pub struct FloorMoment {
    /// As in the lift.
    pub label: &'static str,
    /// What must show.
    pub expected: FloorShows,
    /// What shows; none where the floor is missing.
    pub observed: Option<FloorShows>,
}

/// What the floor stack shows of one floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloorShows {
    /// Its figures.
    pub figures: Figures,
    /// Its state code.
    pub state: String,
    /// Labels of its locked and blocked rooms.
    pub locked: Vec<String>,
    /// Labels of rooms nobody got into.
    pub unvisited: Vec<String>,
}

impl Moment {
    /// Whether everything shows as it must.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.observed == self.expected
            && self.observed_state == self.expected_state
            && self.floors.iter().all(|floor| floor.observed.as_ref() == Some(&floor.expected))
    }
}

/// The seven moments in order, with nothing observed yet.
#[must_use]
pub fn expected() -> [Moment; 7] {
    let moment = |day, hhmm, (label_zh, label_en), expected_state, expected| Moment {
        at_ms: november(day, hhmm),
        label_zh,
        label_en,
        expected,
        observed: Figures::default(),
        expected_state,
        observed_state: String::new(),
        floors: Vec::new(),
    };
    let row = Figures::row;
    let published = ("周一 08:00 底册下发", "Mon 08:00 roster published");
    let first = ("周一 17:30 第1期通报（P4 未同步）", "Mon 17:30 bulletin no. 1 (P4 missing)");
    let synced = ("周二 08:30 P4 同步之后", "Tue 08:30 after P4 synced");
    let second = ("周二 17:30 第2期通报", "Tue 17:30 bulletin no. 2");
    let third = ("周三 17:30 第3期通报", "Wed 17:30 bulletin no. 3");
    let record = ("周四 10:05 606 记录已到", "Thu 10:05 (606 record in)");
    let photo = ("周四 19:00 照片已到", "Thu 19:00 (photo in)");
    let going = "in_progress";
    let mut moments = [
        moment(23, 800, published, "not_started", row([37, 0, 37, 0, 0, 0, 0, 0], [0, 0], 0)),
        moment(23, 1730, first, going, row([37, 12, 20, 0, 3, 1, 1, 0], [324, 459], 1)),
        moment(24, 830, synced, going, row([38, 15, 16, 0, 4, 2, 1, 0], [394, 578], 1)),
        moment(24, 1730, second, going, row([39, 28, 0, 1, 6, 3, 0, 1], [717, 1000], 0)),
        moment(25, 1730, third, going, row([38, 37, 0, 0, 1, 0, 0, 0], [973, 1000], 0)),
        moment(26, 1005, record, going, row([38, 38, 0, 0, 0, 0, 0, 0], [1000, 1000], 1)),
        moment(
            26,
            1900,
            photo,
            "covered_pending_acceptance",
            row([38, 38, 0, 0, 0, 0, 0, 0], [1000, 1000], 0),
        ),
    ];
    moments[3].floors = expected_floors();
    moments
}

/// The floors with rooms on Tuesday at 17:30, top down.
fn expected_floors() -> Vec<FloorMoment> {
    let floor = |label, rooms, coverage, state: &str, locked: &[&str], unvisited: &[&str]| {
        let texts = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
        let expected = FloorShows {
            figures: Figures::row(rooms, [coverage, 1000], 0),
            state: state.to_owned(),
            locked: texts(locked),
            unvisited: texts(unvisited),
        };
        FloorMoment { label, expected, observed: None }
    };
    let going = "in_progress";
    vec![
        floor("9F", [6, 3, 0, 1, 1, 1, 0, 0], 500, going, &["906", "907"], &["903"]),
        floor("8F", [5, 4, 0, 0, 0, 0, 0, 1], 800, going, &[], &[]),
        floor("7F", [5, 4, 0, 0, 1, 0, 0, 0], 800, going, &["703"], &[]),
        floor("6F", [6, 3, 0, 0, 2, 1, 0, 0], 500, going, &["603B", "605", "606"], &[]),
        floor("5F", [5, 4, 0, 0, 1, 0, 0, 0], 800, going, &["503"], &[]),
        floor("3F", [5, 3, 0, 0, 1, 1, 0, 0], 600, going, &["302", "306"], &[]),
        floor("2F", [5, 5, 0, 0, 0, 0, 0, 0], 1000, "complete", &[], &[]),
        floor("1F", [2, 2, 0, 0, 0, 0, 0, 0], 1000, "complete", &[], &[]),
    ]
}

/// The story as it was told to a server.
#[derive(Clone, Debug)]
pub struct Told {
    /// The moments with what the server showed.
    pub moments: Vec<Moment>,
    /// Ops sent.
    pub ops: usize,
    /// Ops that the server had before: all of them where the story was told it before, and then
    /// only the last moment can hold.
    pub duplicates: usize,
}

/// A story that is being told to a server.
pub struct Telling {
    cast: Cast,
    desk: Session,
    lines: std::vec::IntoIter<Line>,
    told: Told,
}

impl Telling {
    /// Begins to tell it to the server at `base_url`, which the street was loaded into and whose
    /// clock shows Sunday.
    ///
    /// # Errors
    /// [`Error`] where a request fails.
    pub async fn begin(base_url: &str) -> Result<Self, Error> {
        let mut cast = Cast::new();
        for (who, user) in Who::ALL.into_iter().zip(Cast::users()) {
            cast.phone(who).sign_in(base_url, user, PASSWORD).await?;
        }
        let desk = Session::sign_in(base_url, SUPERVISOR, PASSWORD).await?;
        let pulled = cast.phone(Who::P1).pull(SUNDAY_MS).await?;
        let tide = BuildingId(building_id(TIDE));
        cast.show_roster(roster_of(pulled.iter().filter(|entity| entity.bucket == tide)));
        let told = Told { moments: expected().into(), ops: 0, duplicates: 0 };
        let lines: Vec<_> = script().collect();
        Ok(Self { cast, desk, lines: lines.into_iter(), told })
    }

    /// Goes on with what happens before `to_ms`. `set_clock` sets the server's clock and is called
    /// with rising times; `on_moment` sees every moment as it comes.
    ///
    /// # Errors
    /// [`Error`] where a request fails or an op is not accepted.
    pub async fn until(
        &mut self,
        to_ms: Millis,
        mut set_clock: impl FnMut(Millis),
        mut on_moment: impl FnMut(&Moment),
    ) -> Result<(), Error> {
        while let Some(line) = self.lines.as_slice().first().copied().filter(|l| l.at_ms < to_ms) {
            self.lines.next();
            self.cast.capture(&line);
            if !line.is_online() {
                continue;
            }
            set_clock(line.at_ms);
            if let What::Moment(row) = line.what {
                observe(&mut self.told.moments[row], &mut self.desk).await?;
                on_moment(&self.told.moments[row]);
                continue;
            }
            let reply = go_online(&mut self.cast, &line).await?;
            self.told.ops += reply.answers.len();
            self.told.duplicates += reply.duplicates.len();
        }
        Ok(())
    }

    /// What was told.
    #[must_use]
    pub fn told(self) -> Told {
        self.told
    }
}

/// Tells the whole story to the server at `base_url`, as [`Telling`] does.
///
/// # Errors
/// [`Error`] where a request fails or an op is not accepted. A moment that does not hold is no
/// error: see [`Moment::holds`].
pub async fn replay(
    base_url: &str,
    mut set_clock: impl FnMut(Millis),
    on_moment: impl FnMut(&Moment),
) -> Result<Told, Error> {
    set_clock(SUNDAY_MS);
    let mut telling = Telling::begin(base_url).await?;
    telling.until(Millis::MAX, set_clock, on_moment).await?;
    Ok(telling.told())
}

/// Which ops made the offices of the first roster, by floor, from what a phone pulled: what a
/// person who walks the floor has on the screen. Offices added since are left out, so that the
/// answer is the same whenever it is asked.
pub(super) fn roster_of<'a>(
    entities: impl Iterator<Item = &'a Pulled>,
) -> BTreeMap<FloorId, Vec<OpId>> {
    #[derive(Deserialize)]
    struct Office {
        floor_id: FloorId,
        initial: bool,
        made_by: Vec<OpId>,
    }
    let mut made: BTreeMap<FloorId, Vec<OpId>> = BTreeMap::new();
    for entity in entities.filter(|entity| entity.kind == "office") {
        let Ok(office) = Office::deserialize(&entity.body) else { continue };
        if office.initial {
            made.entry(office.floor_id).or_default().extend(office.made_by);
        }
    }
    for ops in made.values_mut() {
        ops.sort_unstable();
        ops.dedup();
    }
    made
}

/// Pushes what waits on the device of a line, and sends its photos.
async fn go_online(cast: &mut Cast, line: &Line) -> Result<SyncReply, Error> {
    let photos: Vec<_> = match line.what {
        What::HeldPhoto => cast.held_photo(line.place).into_iter().collect(),
        _ => cast.photos_to_send(line.who),
    };
    let phone = cast.phone(line.who);
    let reply = phone.sync(line.at_ms).await?;
    let lost = [AnswerStatus::Refused, AnswerStatus::Quarantined, AnswerStatus::Parked];
    if let Some(answer) = reply.answers.iter().find(|answer| lost.contains(&answer.status)) {
        let doing = format!("the story at {}", line.at_ms);
        return Err(Error::Unreadable { doing, what: format!("{answer:?}") });
    }
    for photo in photos {
        phone.send_photo(photo.photo, BuildingId(building_id(TIDE)), photo.bytes).await?;
    }
    Ok(reply)
}

#[derive(Deserialize)]
struct FloorStack {
    state: String,
    counts: Counts,
    metrics: Metrics,
    sections: Vec<StackSection>,
}

#[derive(Deserialize)]
struct StackSection {
    floors: Vec<StackFloor>,
}

#[derive(Deserialize)]
struct StackFloor {
    label: String,
    state: String,
    counts: Counts,
    metrics: Metrics,
    locked: Vec<StackOffice>,
    unvisited: Vec<StackOffice>,
}

#[derive(Deserialize)]
struct StackOffice {
    label: String,
}

/// Reads the floor stack as the supervisor sees it.
async fn observe(moment: &mut Moment, desk: &mut Session) -> Result<(), Error> {
    let path = format!("/api/v1/buildings/{}/floors?round={}", building_id(TIDE), round_id());
    let stack: FloorStack = desk.read(&path).await?;
    moment.observed = Figures::of(&stack.counts, &stack.metrics);
    moment.observed_state = stack.state;
    let floors: Vec<_> = stack.sections.into_iter().flat_map(|section| section.floors).collect();
    for expected in &mut moment.floors {
        expected.observed =
            floors.iter().find(|f| f.label == expected.label).map(StackFloor::shows);
    }
    Ok(())
}

impl StackFloor {
    fn shows(&self) -> FloorShows {
        let labels =
            |open: &[StackOffice]| open.iter().map(|office| office.label.clone()).collect();
        FloorShows {
            figures: Figures::of(&self.counts, &self.metrics),
            state: self.state.clone(),
            locked: labels(&self.locked),
            unvisited: labels(&self.unvisited),
        }
    }
}
