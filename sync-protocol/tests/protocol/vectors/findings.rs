//! What is to be looked at about photos, in whatever order bytes, records and decisions come.

use super::structure::{fact, id, name, orders};
use super::{FINDINGS, cases, list};
use saolou_protocol::building::view::{BuildingView, OfficeView};
use saolou_protocol::building::{Building, Entity, EntityKind, RoundWindow};
use saolou_protocol::fact::{Fact, Kind};
use saolou_protocol::ids::{BuildingId, OfficeId, PhotoId, RoundId, UserId, VisitId};
use saolou_protocol::photo::finding::{Finding, FindingCode, Other};
use saolou_protocol::photo::reading::{PhotoReading, Resemblance};
use serde_json::Value;
use uuid::Uuid;

fn building() -> Building {
    let round = RoundId(id("r1").expect("an id"));
    let window =
        RoundWindow { round, from_ms: 0, until_ms: 1000, grace_until_ms: 9000, is_closed: false };
    Building::new(BuildingId(id("b1").expect("an id")), vec![window])
}

fn fold<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Building {
    let mut building = building();
    facts.into_iter().for_each(|fact| drop(building.apply([fact.clone()])));
    building
}

/// The fact of a case; a closing names its finding by what it is about.
fn told(said: &Value, author: UserId) -> Fact {
    let Some(of) = said.get("of") else { return fact(FINDINGS, said) };
    let mut said = said.clone();
    let about = |place: usize| of[place].as_str().and_then(id);
    let code = FindingCode::parse(of[0].as_str().expect("a code")).expect("a known code");
    let photo = PhotoId(about(1).expect("a photo"));
    let visit = VisitId(about(2).expect("a visit"));
    let building_id = BuildingId(id("b1").expect("an id"));
    let other = about(3).map(|photo| Other { photo_id: PhotoId(photo), building_id });
    let finding =
        Finding::new((visit, author), photo, (code, Value::Null), other, Vec::new()).finding_id;
    said["body"]["finding_id"] = finding.to_string().into();
    said["body"]["photo_id"] = of[1].clone();
    fact(FINDINGS, &said)
}

fn open(building: &Building) -> Vec<Vec<String>> {
    let mut open: Vec<Vec<String>> = building
        .findings()
        .into_iter()
        .map(|(finding, _)| {
            let ids = [finding.photo_id.0, finding.visit_id.0].into_iter();
            let ids = ids.chain(finding.other.map(|other| other.photo_id.0));
            std::iter::once(finding.code.code().to_owned()).chain(ids.map(name)).collect()
        })
        .collect();
    open.sort();
    open
}

fn sorted(mut entities: Vec<Entity>) -> Vec<(Uuid, Vec<u8>)> {
    entities.sort_by_key(|entity| entity.id);
    entities.into_iter().map(|entity| (entity.id, entity.body)).collect()
}

/// How many findings the building counts, and how many its offices tell.
fn served(building: &Building) -> (usize, usize) {
    let (mut counted, mut told) = (0, 0);
    for entity in building.entities() {
        match entity.kind {
            EntityKind::Building => {
                let view: BuildingView = serde_json::from_slice(&entity.body).expect("a building");
                counted = view.findings_open;
            }
            EntityKind::Office => {
                let view: OfficeView = serde_json::from_slice(&entity.body).expect("an office");
                told += view.findings.len();
            }
            EntityKind::Floor => {}
        }
    }
    (counted, told)
}

#[test]
fn every_photo_has_the_findings_of_the_vectors_in_whatever_order_anything_comes() {
    let begin: Vec<Fact> =
        cases(FINDINGS, "begin").iter().map(|begun| fact(FINDINGS, begun)).collect();
    for case in cases(FINDINGS, "cases") {
        let visits = list(&case, "facts").iter().filter(|said| said["kind"] == "visit");
        let author = visits.map(|said| fact(FINDINGS, said).author).next().unwrap_or_default();
        let facts: Vec<Fact> = list(&case, "facts").iter().map(|said| told(said, author)).collect();
        let all: Vec<&Fact> = begin.iter().chain(&facts).collect();
        let mut expected: Vec<Vec<String>> = list(&case, "findings").iter().map(list_of).collect();
        expected.sort();
        let at_once = {
            let mut building = building();
            drop(building.apply(all.iter().copied().cloned()));
            building
        };
        assert_eq!(open(&at_once), expected, "{case}");
        for order in orders(&all) {
            let twice = order.iter().chain(&order).copied();
            let building = fold(twice);
            assert_eq!(open(&building), expected, "{case}");
            assert_eq!(sorted(building.entities()), sorted(at_once.entities()), "{case}");
            assert_eq!(building.digest(), at_once.digest(), "{case}");
        }
        let (counted, told) = served(&at_once);
        assert_eq!(counted, expected.len(), "{case}");
        let for_author = |finding: &&Finding| finding.code.is_for_author();
        let findings = (1..5).map(|room| {
            let room = OfficeId(id(&format!("o{room}")).expect("an id"));
            at_once.findings_in(room).filter(for_author).count()
        });
        assert_eq!(told, findings.sum::<usize>(), "{case}");
    }
}

fn list_of(value: &Value) -> Vec<String> {
    let texts = value.as_array().expect("a list").iter();
    texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

#[test]
fn what_the_server_writes_of_a_photo_is_what_it_reads_of_it() {
    let (mut readings, mut resemblances) = (0, 0);
    for case in cases(FINDINGS, "cases") {
        for said in list(&case, "facts").iter().filter(|said| said.get("of").is_none()) {
            let again = |body: Value| {
                let mut said = said.clone();
                said["body"] = body;
                fact(FINDINGS, &said).kind
            };
            match fact(FINDINGS, said).kind {
                Kind::PhotoRead(reading) => {
                    let Kind::PhotoRead(other) = again(PhotoReading::body(&reading)) else {
                        panic!("a reading")
                    };
                    assert_eq!(reading, other);
                    readings += 1;
                }
                Kind::PhotosAlike(resemblance) => {
                    let Kind::PhotosAlike(other) = again(Resemblance::body(&resemblance)) else {
                        panic!("a resemblance")
                    };
                    assert_eq!(resemblance, other);
                    resemblances += 1;
                }
                _ => {}
            }
        }
    }
    assert!(readings > 20 && resemblances > 8, "{readings}, {resemblances}");
}
