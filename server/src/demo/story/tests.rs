//! The story folded without a server: every figure of the tables must come out.

use super::super::loader::standin::Standin;
use super::super::street::street;
use super::*;
use saolou_protocol::building::answer::Answer;
use saolou_protocol::coverage::counts::Counts;
use saolou_protocol::ids::RoundId;

/// Tells the story to a stand-in, and gives the moments and all answers.
fn told() -> (Vec<Moment>, Vec<(Line, Answer)>) {
    let street = street();
    let plan = street.buildings.iter().find(|plan| plan.code == TIDE).unwrap();
    let mut server = Standin::of(&street, plan);
    let mut cast = Cast::new();
    cast.show_roster(roster_of(server.entities().iter()));
    let mut moments = Vec::from(expected());
    let mut answers = Vec::new();
    for line in script() {
        cast.capture(&line);
        match line.what {
            What::Moment(row) => observe(&mut moments[row], &server),
            What::HeldPhoto => {
                let photo = cast.held_photo(line.place).unwrap();
                server.take_photo(photo.photo, &photo.bytes);
            }
            What::Sync => {
                let phone = cast.phone(line.who);
                let (ops, clock) = (phone.take_outbox(), phone.clock(line.at_ms));
                let taken = server.take(ops, Some(&clock), line.at_ms);
                answers.extend(taken.into_iter().map(|answer| (line, answer)));
                for photo in cast.photos_to_send(line.who) {
                    server.take_photo(photo.photo, &photo.bytes);
                }
            }
            _ => {}
        }
    }
    (moments, answers)
}

fn observe(moment: &mut Moment, server: &Standin) {
    let figures = |counts: &Counts| Figures::of(counts, &counts.metrics());
    let standing = server.standing();
    assert_eq!(standing.round_id, RoundId(round_id()));
    moment.observed = figures(&standing.counts);
    moment.observed_state = standing.state.code().to_owned();
    let floors = server.floors();
    for floor in &mut moment.floors {
        let view = floors.iter().find(|view| view.label == floor.label).unwrap();
        let round = &view.rounds[0];
        floor.observed = Some(FloorShows {
            figures: figures(&round.counts),
            state: round.state.code().to_owned(),
            locked: round.locked.iter().map(|office| office.label.clone()).collect(),
            unvisited: round.unvisited.iter().map(|office| office.label.clone()).collect(),
        });
    }
}

#[test]
fn every_moment_shows_its_figures() {
    let (moments, _) = told();
    for moment in &moments {
        assert_eq!(moment.observed, moment.expected, "{}", moment.label_en);
        assert_eq!(moment.observed_state, moment.expected_state, "{}", moment.label_en);
    }
}

#[test]
fn the_floor_stack_of_tuesday_evening_is_as_told() {
    let (moments, _) = told();
    assert_eq!(moments[3].floors.len(), 8);
    for floor in &moments[3].floors {
        assert_eq!(floor.observed.as_ref(), Some(&floor.expected), "{}", floor.label);
    }
    assert!(moments.iter().all(Moment::holds));
}

#[test]
fn every_op_takes_effect_at_once() {
    for (line, answer) in told().1 {
        let taken = [AnswerStatus::Applied, AnswerStatus::AppliedWithIssues];
        assert!(taken.contains(&answer.status), "{line:?}: {answer:?}");
    }
}

#[test]
fn the_phone_without_signal_is_told_what_is_odd() {
    let (_, answers) = told();
    let of_tuesday = answers
        .iter()
        .filter(|(line, _)| line.who == Who::P4 && line.at_ms == november(24, 830))
        .map(|(_, answer)| answer);
    let of_tuesday: Vec<_> = of_tuesday.collect();
    assert_eq!(of_tuesday.len(), 8, "four visits, a split, two companies, a floor");
    assert!(of_tuesday.iter().all(|answer| answer.issues.contains("clock_skew")));
    let mistyped = &of_tuesday[0].issues;
    assert!(mistyped.contains("licence_mismatch_qr") && mistyped.contains("uscc_checksum_failed"));
    assert!(!mistyped.contains("time_clamped"));
}

#[test]
fn only_what_is_meant_to_be_odd_is_odd() {
    let (_, answers) = told();
    let others = answers.iter().filter(|(line, _)| line.who != Who::P4);
    let odd: Vec<String> =
        others.flat_map(|(_, answer)| answer.issues.iter().map(str::to_owned)).collect();
    assert_eq!(odd, ["evidence_missing_downgraded"], "506 is called vacant without evidence");
}
