//! The golden vectors, which clients in other languages read too.

use serde_json::Value;

mod coverage;
mod evidence;
mod findings;
mod held;
mod ops;
mod phone;
mod structure;
mod suspicions;
mod visits;

const COVERAGE: &str = include_str!("../../../mobile-client-spec/vectors/coverage.json");
const SHARED_ROOMS: &str = include_str!("../../../mobile-client-spec/vectors/shared_rooms.json");
const ROLLUP: &str = include_str!("../../../mobile-client-spec/vectors/rollup.json");
const TIME: &str = include_str!("../../../mobile-client-spec/vectors/time.json");
const OPS: &str = include_str!("../../../mobile-client-spec/vectors/ops.json");
const VISITS: &str = include_str!("../../../mobile-client-spec/vectors/visits.json");
const STRUCTURE: &str = include_str!("../../../mobile-client-spec/vectors/structure.json");
const SUSPICIONS: &str = include_str!("../../../mobile-client-spec/vectors/suspicions.json");
const FINDINGS: &str = include_str!("../../../mobile-client-spec/vectors/findings.json");
const HELD: &str = include_str!("../../../mobile-client-spec/vectors/held.json");
const DIGEST: &str = include_str!("../../../mobile-client-spec/vectors/digest.json");
const EVIDENCE: &str = include_str!("../../../mobile-client-spec/vectors/evidence.json");
const PHONE: &str = include_str!("../../../mobile-client-spec/vectors/phone.json");

fn file(text: &str) -> Value {
    serde_json::from_str(text).expect("the vectors are JSON")
}

/// The cases under one name of a file; an empty list is a failure.
fn cases(text: &str, name: &str) -> Vec<Value> {
    let cases = file(text)[name].as_array().expect("a list of cases").clone();
    assert!(!cases.is_empty());
    cases
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A list of texts, sorted; absent is empty.
fn texts(value: &Value, name: &str) -> Vec<String> {
    let mut texts: Vec<String> =
        list(value, name).iter().map(|text| text.as_str().expect("a text").to_owned()).collect();
    texts.sort();
    texts
}

#[test]
fn no_two_vectors_share_an_id() {
    let mut ids = Vec::new();
    for text in [
        COVERAGE,
        SHARED_ROOMS,
        ROLLUP,
        TIME,
        OPS,
        VISITS,
        STRUCTURE,
        SUSPICIONS,
        FINDINGS,
        HELD,
        DIGEST,
        EVIDENCE,
        PHONE,
    ] {
        let file = file(text);
        for part in file.as_object().expect("an object").values() {
            let cases = part.as_array().into_iter().flatten();
            ids.extend(cases.filter_map(|case| Some(case.get("id")?.as_str()?.to_owned())));
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count > 150, "{count} vectors");
}
