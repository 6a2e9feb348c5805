//! What the server holds of a device, and what a phone makes of it; digests.

use super::{DIGEST, HELD, cases, list};
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::{Digest, Sums, first_byte, term};
use saolou_protocol::held::Held;
use saolou_protocol::ids::DeviceId;
use saolou_protocol::phone::release::{highest_shown, is_missing};
use serde_json::{Value, json};
use uuid::Uuid;

#[test]
fn what_is_held_follows_from_the_counters_that_arrived() {
    for case in cases(HELD, "held") {
        let beyond = list(&case, "beyond").iter().map(|n| n.as_u64().expect("a counter"));
        let held = Held::of(DeviceId(Uuid::nil()), case["base"].as_u64().expect("it"), beyond);
        assert_eq!(json!(held.through), case["through"], "{case}");
        assert_eq!(json!(held.holes), case["holes"], "{case}");
    }
}

#[test]
fn a_phone_sends_again_what_is_missing_and_knows_counters_that_it_never_minted() {
    for case in cases(HELD, "missing") {
        let mut held = case["held"].clone();
        held["device"] = json!(Uuid::nil());
        let held: Held = serde_json::from_value(held).expect("held");
        let answered = list(&case, "answered").iter().map(|n| n.as_u64().expect("a counter"));
        let missing: Vec<u64> = answered.filter(|n| is_missing(&held, *n)).collect();
        assert_eq!(json!(missing), case["send_again"], "{case}");
        let ahead = highest_shown(&held) > case["minted"].as_u64().expect("a counter");
        assert_eq!(json!(ahead), case["new_device"], "{case}");
    }
}

fn rows(case: &Value, name: &str) -> Vec<(String, Uuid, Hash)> {
    let row = |row: &Value| {
        let text = |place: usize| row[place].as_str().expect("a text");
        let id = text(1).parse().expect("an id");
        (text(0).to_owned(), id, Hash::of(text(2).as_bytes()))
    };
    list(case, name).iter().map(row).collect()
}

fn sums(rows: &[(String, Uuid, Hash)]) -> Sums {
    Sums::of(rows.iter().map(|(kind, id, body)| (kind.as_str(), *id, *body)))
}

#[test]
fn every_row_has_the_term_and_the_first_byte_of_the_vectors() {
    for case in cases(DIGEST, "rows") {
        let [(kind, id, body)] = &rows(&case, "row")[..] else { panic!("one row: {case}") };
        assert_eq!(json!(term(kind, *id, *body)), case["term"], "{case}");
        assert_eq!(json!(first_byte(kind, *id)), case["first_byte"], "{case}");
    }
}

#[test]
fn digests_add_up_and_sub_sums_find_what_differs_as_the_vectors_say() {
    for case in cases(DIGEST, "digests") {
        let (ours, theirs) = (rows(&case, "ours"), rows(&case, "theirs"));
        for (name, rows) in [("digest_ours", &ours), ("digest_theirs", &theirs)] {
            let mut digest = Digest::default();
            rows.iter().for_each(|(kind, id, body)| digest.add_row(&term(kind, *id, *body)));
            assert_eq!(json!(digest), case[name], "{case}");
        }
        assert_eq!(json!(sums(&ours).differing(&sums(&theirs))), case["differing"], "{case}");
    }
}
