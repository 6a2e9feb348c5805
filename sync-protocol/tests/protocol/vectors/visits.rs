//! Reading visits: class, missing elements and issues by content.

use super::{VISITS, cases, file, list, texts};
use crate::world::{id, object};
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::VisitId;
use saolou_protocol::visit::Visit;
use serde_json::{Value, json};

/// The object that holds what a pointer names, and the name in it.
fn place<'a, 'p>(body: &'a mut Value, pointer: &'p str) -> (&'a mut Value, &'p str) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    (body.pointer_mut(parent).expect("the parent is there"), name)
}

fn body(case: &Value) -> Value {
    let mut body = file(VISITS)["base"].clone();
    for pointer in list(case, "drop") {
        let (parent, name) = place(&mut body, pointer.as_str().expect("a pointer"));
        parent.as_object_mut().expect("an object").remove(name).expect("it was there");
    }
    for (pointer, value) in case["set"].as_object().into_iter().flatten() {
        let (parent, name) = place(&mut body, pointer);
        parent[name] = value.clone();
    }
    body
}

#[test]
fn every_visit_is_read_as_the_vectors_say() {
    for case in cases(VISITS, "cases") {
        let read = || {
            let body = object(&body(&case));
            Visit::read(&body, VisitId(id("visit", 1)), Hash::of(b"content"))
        };
        let (visit, issues) = read();
        assert_eq!(json!(visit.class), case["class"], "{case}");
        assert_eq!(json!(visit.missing), case["missing"], "{case}");
        let found: Vec<String> = issues.iter().map(str::to_owned).collect();
        assert_eq!(found, texts(&case, "issues"), "{case}");
        let uscc = visit.company.uscc.as_ref().map(ToString::to_string);
        let numbers = [
            ("mandatory_photos", json!(visit.mandatory.len())),
            ("offices", json!(visit.offices.len())),
            ("uscc", json!(uscc)),
        ];
        for (name, found) in numbers {
            assert!(case.get(name).is_none_or(|expected| *expected == found), "{name}: {case}");
        }
    }
}
