//! What is suspected of visits beside everything else that is known of their building.

use super::structure::{fact, fold_one_by_one, id, name, orders};
use super::{SUSPICIONS, cases, list, texts};
use saolou_protocol::building::Building;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{OfficeId, OpId};
use saolou_protocol::issue::Issues;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the histories of all rooms say of an op: its issues, and the visits that it repeats.
type Said = BTreeMap<String, (Vec<String>, Vec<String>)>;

fn found(building: &Building) -> Said {
    let rooms = (1..10).filter_map(|number| id(&format!("o{number}")).map(OfficeId));
    let mut said = Said::new();
    for item in rooms.flat_map(|room| building.history(room)) {
        // When a visit was made is no suspicion.
        let issues = item.issues.iter().filter(|code| !DATES.contains(code));
        let issues = issues.map(str::to_owned).collect();
        let duplicates = item.visit.into_iter().flat_map(|visit| visit.duplicates);
        let of_op = (issues, duplicates.map(|visit| name(visit.0)).collect());
        let before = said.insert(name(item.op_id.0), of_op.clone());
        assert!(before.is_none_or(|before| before == of_op), "one op in two histories");
    }
    // The round of the vectors is short; its window is no matter of suspicion.
    for (issues, _) in said.values_mut() {
        issues.retain(|code| !matches!(code.as_str(), "out_of_window" | "late_arrival"));
    }
    said.retain(|_, (issues, _)| !issues.is_empty());
    said
}

/// Issues that say when a visit was made.
const DATES: [&str; 2] = ["out_of_window", "late_arrival"];

fn expected(case: &Value) -> Said {
    let ops = case["issues"].as_object().expect("issues by op").keys();
    let empty = Value::Null;
    let duplicates = case.get("duplicates").unwrap_or(&empty);
    ops.map(|op| (op.clone(), (texts(&case["issues"], op), texts(duplicates, op)))).collect()
}

#[test]
fn every_visit_is_suspected_as_the_vectors_say_in_whatever_order_it_comes() {
    let begin: Vec<Fact> =
        cases(SUSPICIONS, "begin").iter().map(|begun| fact(SUSPICIONS, begun)).collect();
    for case in cases(SUSPICIONS, "cases") {
        let facts: Vec<Fact> =
            list(&case, "facts").iter().map(|told| fact(SUSPICIONS, told)).collect();
        let all: Vec<&Fact> = begin.iter().chain(&facts).collect();
        for order in orders(&all) {
            assert_eq!(found(&fold_one_by_one(order.into_iter())), expected(&case), "{case}");
        }
        // The answer to what comes last says what the history says.
        let building = fold_one_by_one(all.into_iter());
        let last = facts.last().expect("a case has facts");
        let answer = building.answer(OpId(last.op.0), Issues::default());
        let told: Vec<&str> = answer.issues.iter().collect();
        for code in texts(&case["issues"], &name(last.op.0)) {
            assert!(told.contains(&code.as_str()), "{code} is not in {told:?}: {case}");
        }
    }
}
