//! Rebuild: whatever is stored can be recounted from the ops, and what was tampered with is found.
//!
//! The command prints to its terminal, so it runs in a process of its own: this test program again,
//! told to run nothing but [`the_command`].

use crate::actors::{office_add, op, visit};
use crate::suspicions::met;
use crate::world::{DAY_MS, MONDAY_MS, World, id, on_both};
use saolou_server::commands;
use saolou_server::config::{ArchiveSettings, Evidence, LogFormat, MapSettings, Settings};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{ExitCode, Output};

const DATA_DIR: &str = "SAOLOU_TEST_REBUILD_DATA_DIR";
const DATABASE_URL: &str = "SAOLOU_TEST_REBUILD_DATABASE_URL";

/// The command, where a test has asked for it in the environment.
#[tokio::test]
async fn the_command() {
    let Some(data_dir) = std::env::var_os(DATA_DIR) else { return };
    let settings = Settings {
        config: None,
        data_dir: data_dir.into(),
        database_url: std::env::var(DATABASE_URL).ok(),
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        metrics_token: None,
        log: "error".into(),
        log_format: LogFormat::Text,
        map: MapSettings::default(),
        archive: ArchiveSettings::default(),
        evidence: Evidence::default(),
    };
    let code = commands::rebuild(&settings).await.expect("a database that can be read");
    // Only the answer counts: this process ends with it as the program does.
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}

/// Runs the command on a world; its exit code and what it printed.
pub(crate) async fn rebuild(world: &World) -> (Option<i32>, String) {
    let program = std::env::current_exe().expect("this program");
    let mut command = tokio::process::Command::new(program);
    command.args(["--exact", "rebuild::the_command", "--nocapture"]);
    command.env(DATA_DIR, world.folder()).env_remove(DATABASE_URL);
    if let Some(url) = &world.settings().database_url {
        command.env(DATABASE_URL, url);
    }
    let Output { status, stdout, .. } = command.output().await.expect("a process");
    (status.code(), String::from_utf8(stdout).expect("UTF-8"))
}

/// Checks that what is stored is what the ops make.
pub(crate) async fn assert_rebuilt(world: &World) {
    let (code, printed) = rebuild(world).await;
    assert_eq!(code, Some(0), "{printed}");
}

/// A day on which everything happens once: attempts, contacts, two teams in one room, a revision, a
/// split, a new room, a claim and its approval, a void, a confirmation that is too old.
async fn mixed_day(world: &World) {
    let (wang, lin, qian) =
        (world.actor("wang").await, world.actor("lin").await, world.actor("qian").await);
    let revised = json!({
        "revision": 2, "round_id": id("round"), "kind": "initial",
        "office_ids": [id("101")], "outcome": "refused_entry",
    });
    let split = json!({ "parent": id("203"), "children": [
        { "office_id": id("203A"), "label": "203A" }, { "office_id": id("203B"), "label": "203B" },
    ] });
    let confirmed = json!({ "floor_id": id("floor 1") });
    wang.sync(&[
        visit("wang", 1, "101", "locked"),
        visit("wang", 2, "102", "inspected"),
        op("wang", 3, "visit", id("visit wang 1"), revised, |_| ()),
        visit("wang", 4, "203", "vacant"),
        op("wang", 5, "office_split", id("203"), split, |_| ()),
        office_add("wang", 6, "104", "floor 1"),
        op("wang", 7, "floor_confirm", id("floor 1"), confirmed, |_| ()),
        visit("wang", 8, "201", "not_in_scope"),
    ])
    .await;
    lin.sync(&[visit("lin", 1, "101", "locked_deliberate"), visit("lin", 2, "202", "locked")])
        .await;
    let void = json!({ "visit_id": id("visit lin 2") });
    let excluded = json!({ "office_id": id("201"), "round_id": id("round") });
    qian.sync(&[
        op("qian", 1, "visit_void", id("visit lin 2"), void, |_| ()),
        op("qian", 2, "exclusion_approve", id("201"), excluded, |op| {
            op["seen"] = json!([id("op wang 8")]);
        }),
    ])
    .await;
}

on_both! {
    async fn a_recount_after_a_mixed_day_finds_no_difference(world: World) {
        mixed_day(&world).await;
        let (code, printed) = rebuild(&world).await;
        assert!(printed.contains("1 buildings recounted, 0 differences"), "{printed}");
        assert_eq!(code, Some(0));
    }

    async fn what_was_tampered_with_is_listed_and_left_as_it_is(world: World) {
        mixed_day(&world).await;
        let mut direct = world.direct().await;
        let (room, floor, stray) =
            (direct.id(id("101")), direct.id(id("floor 1")), direct.id(id("stray")));
        let flip = |body: &str, what: &str| format!("update entity set body = {body} where {what}");
        // A floor that was painted green, a room that is gone, and one that no op made.
        let body = direct
            .bytes(&format!("select body from entity where entity_id = {floor}"))
            .await
            .remove(0);
        let body =
            String::from_utf8(body).expect("UTF-8").replace("\"in_scope\":4", "\"in_scope\":3");
        let body = direct.blob(body.as_bytes());
        assert_eq!(direct.execute(&flip(&body, &format!("entity_id = {floor}"))).await, 1);
        let copied = format!(
            "insert into entity (street_id, building_id, kind, entity_id, seq, body) \
             select street_id, building_id, kind, {stray}, seq, body from entity where entity_id = {room}"
        );
        assert_eq!(direct.execute(&copied).await, 1);
        assert_eq!(
            direct.execute(&format!("delete from entity where entity_id = {room}")).await,
            1
        );
        for turn in 1..=2 {
            let (code, printed) = rebuild(&world).await;
            assert_eq!(code, Some(1), "{printed}");
            assert!(printed.contains("1 buildings recounted, 3 differences"), "{turn}: {printed}");
            for (kind, entity) in [("floor", "floor 1"), ("office", "101"), ("office", "stray")] {
                let line = format!("{}\t{kind}\t{}\t", id("building"), id(entity));
                assert!(printed.contains(&line), "{line} is missing in {printed}");
            }
        }
    }

    async fn an_index_of_licences_that_was_tampered_with_is_listed_and_mended_with_the_rounds(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        wang.sync(&[met("wang", 1, "building", "101")]).await;
        let count = "select count(*) from licence_site";
        let mut direct = world.direct().await;
        assert_eq!(direct.number(count).await, 1);
        assert_eq!(direct.execute("update licence_site set uscc = 'X'").await, 1);
        let (code, printed) = rebuild(&world).await;
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains("1 buildings recounted, 2 differences"), "{printed}");
        for expected in ["91990101MADEMA0198", "nothing"] {
            let line = format!("{}\tlicence_site\t{}\t{expected}", id("building"), id("round"));
            assert!(printed.contains(&line), "{line} is missing in {printed}");
        }
        let mut longer = world.round("open");
        longer["until_ms"] = json!(MONDAY_MS + 20 * DAY_MS);
        qian.put(&format!("/api/v1/rounds/{}", id("round")), longer).await;
        let (code, printed) = rebuild(&world).await;
        assert!(printed.contains("1 buildings recounted, 0 differences"), "{printed}");
        assert_eq!(code, Some(0));
        assert_eq!(world.number(&format!("{count} where uscc <> 'X'")).await, 1);
    }

    async fn a_list_of_hidden_photos_that_was_tampered_with_is_found_and_mended_with_the_rounds(
        world: World,
    ) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let card = json!({ "photo_id": id("card"), "kind": "id_card" });
        wang.sync(&[op("wang", 1, "photo_reclassify", id("card"), card, |_| ())]).await;
        assert_rebuilt(&world).await;
        let mut direct = world.direct().await;
        let stray = direct.id(id("stray"));
        let count = "select count(*) from photo_restricted";
        assert_eq!(direct.number(count).await, 1);
        direct.execute(&format!("update photo_restricted set photo_id = {stray}")).await;
        let (code, printed) = rebuild(&world).await;
        assert_eq!(code, Some(1), "{printed}");
        assert!(printed.contains("1 buildings recounted, 2 differences"), "{printed}");
        for (building, photo, expected) in
            [(id("building"), "card", "restricted"), (uuid::Uuid::nil(), "stray", "nothing")]
        {
            let line = format!("{building}\tphoto_restricted\t{}\t{expected}", id(photo));
            assert!(printed.contains(&line), "{line} is missing in {printed}");
        }
        let mut longer = world.round("open");
        longer["until_ms"] = json!(MONDAY_MS + 20 * DAY_MS);
        qian.put(&format!("/api/v1/rounds/{}", id("round")), longer).await;
        assert_eq!(direct.number(count).await, 2, "what is hidden too much stays hidden");
        let (_, printed) = rebuild(&world).await;
        assert!(printed.contains("1 buildings recounted, 1 differences"), "{printed}");
    }
}
