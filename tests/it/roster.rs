//! Roster import (walk W7): the property manager's list of a tower, as CSV and as a workbook.

use crate::actors::Actor;
use crate::world::{World, id, on_both};
use reqwest::{Method, StatusCode};
use saolou_server::demo::street::street;
use serde_json::{Value, json};

const CSV: &[u8] = include_bytes!("../../server/src/domain/roster_file/fixtures/b02.csv");
const XLSX: &[u8] = include_bytes!("../../server/src/domain/roster_file/fixtures/b02.xlsx");

/// Registers 云港国际中心B座 with its floors and without its rooms.
async fn register_without_rooms(qian: &Actor, name: &str) -> String {
    let street = street();
    let plan = street.buildings.iter().find(|plan| plan.code == "B02").expect("B02");
    let section = &plan.sections[0];
    let floors = section.floors.iter().map(|floor| {
        json!({
            "floor_id": id(&format!("{name} {}", floor.label)), "label": floor.label,
            "sort_order_milli": floor.sort_order_milli, "kind": floor.kind,
        })
    });
    let floors: Vec<Value> = floors.collect();
    let body = json!({
        "unit_id": id("community"), "code": plan.code, "name": plan.name,
        "sections": [{ "section_id": id(&format!("{name} -")), "name": section.name, "floors": floors }],
    });
    let path = format!("/api/v1/buildings/{}", id(name));
    qian.put(&path, body).await;
    path
}

async fn import(actor: &Actor, building: &str, how: &str, file: &'static [u8]) -> Value {
    let path = format!("{building}/roster{how}");
    let request = actor.request(Method::POST, &path).body(file).send().await;
    let response = request.expect("an answer");
    let status = response.status();
    let report: Value = response.json().await.expect("JSON");
    assert_eq!(status, StatusCode::OK, "{report}");
    report
}

fn tally(report: &Value) -> [i64; 3] {
    ["accepted", "linked", "refused"].map(|name| report[name].as_i64().expect("a number"))
}

async fn rooms(actor: &Actor, building: &str) -> Value {
    actor.get(&format!("{building}/floors")).await["counts"]["in_scope"].clone()
}

on_both! {
    async fn a_list_of_199_lines_becomes_194_rooms_and_says_what_became_of_every_line(world: World) {
        let (qian, wu) = (world.actor("qian").await, world.actor("wu").await);
        let building = register_without_rooms(&qian, "B02").await;
        let dry = import(&wu, &building, "?dry_run=true", CSV).await;
        assert_eq!(tally(&dry), [194, 3, 2]);
        assert_eq!(rooms(&wu, &building).await, Value::Null, "a dry run adds nothing");
        let report = import(&wu, &building, "", CSV).await;
        assert_eq!(tally(&report), [194, 3, 2]);
        assert_eq!(report["lines"].as_array().map(Vec::len), Some(199));
        assert_eq!(rooms(&wu, &building).await, 194);
        let lines = report["lines"].as_array().expect("lines");
        let refused: Vec<&Value> = lines.iter().filter(|l| l["verdict"] == "refused").collect();
        assert_eq!([&refused[0]["line"], &refused[1]["line"]], [89, 200]);
        for line in refused {
            assert_eq!(line["reason"]["code"], "floor_unknown");
            assert!(["zh", "en"].iter().all(|text| line["reason"][text].is_string()));
        }
        let again = import(&wu, &building, "", XLSX).await;
        assert_eq!(tally(&again), [0, 197, 2], "the same list as a workbook adds nothing");
        assert_eq!(rooms(&wu, &building).await, 194);
    }

    async fn a_workbook_gives_the_same_rooms_as_the_csv_file(world: World) {
        let qian = world.actor("qian").await;
        let building = register_without_rooms(&qian, "B02").await;
        assert_eq!(tally(&import(&qian, &building, "", XLSX).await), [194, 3, 2]);
        assert_eq!(rooms(&qian, &building).await, 194);
    }

    async fn what_is_no_list_and_who_may_not_import_is_told_so(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        let building = register_without_rooms(&qian, "B02").await;
        let path = format!("{building}/roster");
        let send = |actor: &Actor, bytes: &'static [u8]| {
            let request = actor.request(Method::POST, &path).body(bytes);
            async { request.send().await.expect("an answer") }
        };
        assert_eq!(send(&wang, CSV).await.status(), StatusCode::FORBIDDEN);
        for (bytes, code) in [
            (&b""[..], "file_empty"),
            (&b"hello,world\n1,2\n"[..], "header_missing"),
            (&b"PK\x03\x04 broken"[..], "file_unreadable"),
        ] {
            let response = send(&qian, bytes).await;
            assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
            let problem: Value = response.json().await.expect("a problem");
            assert!(problem["cause"].as_str().is_some_and(|cause| cause.starts_with(code)), "{problem}");
        }
    }
}
