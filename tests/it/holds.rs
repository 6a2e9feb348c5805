//! Holds: a case keeps an original beyond its term, and the log says so; the log says, too, when two
//! persons have removed one.

use crate::actors::{Actor, problem};
use crate::archive::{With, command, removers};
use crate::evidence::{audit, bytes, key, proof};
use crate::jobs::until;
use crate::object_store::{Defect, Strict, archive_at};
use crate::photo_faults::{place, send_rest};
use crate::uploads::picture;
use crate::world::{DAY_MS, World, id, on_both};
use reqwest::{Method, Response};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::{Commitment, Entry, Event};
use saolou_server::config::{ArchiveAct, ArchiveSettings};
use serde_json::{Value, json};

async fn hold(who: &Actor, act: &str, case: &str) -> Response {
    let path = format!("/api/v1/photos/{}/{act}", id("door"));
    who.send(Method::POST, &path, Some(json!({ "case": case, "reason": "调取证据" }))).await
}

async fn is_held(response: Response) -> bool {
    assert_eq!(response.status(), 200);
    let holds: Value = response.json().await.expect("JSON");
    holds["is_held"].as_bool().expect("yes or no")
}

/// What the log says of some bytes, by the names of events, in order.
async fn logged(world: &World, hash: Hash) -> Vec<(String, Entry)> {
    let mut direct = world.direct().await;
    let bodies = direct.bytes("select body from evidence_event order by at_ms, leaf_index").await;
    let entries = bodies.iter().map(|body| {
        let name: Value = serde_json::from_slice(body).expect("JSON");
        let name = name["event"].as_str().expect("a name").to_owned();
        (name, Entry::read(body).expect("a known event"))
    });
    entries.filter(|(_, entry)| entry.event.sha256() == Some(hash)).collect()
}

async fn names(world: &World, hash: Hash) -> Vec<String> {
    let wanted = ["hold_on", "hold_off", "removed"];
    let names = logged(world, hash).await.into_iter().map(|(name, _)| name);
    names.filter(|name| wanted.contains(&name.as_str())).collect()
}

async fn removal(world: &World, at: &ArchiveSettings, hash: Hash, by: &str) -> String {
    let with = With { original: Some(hash), days: None, by: Some(by) };
    command(world, at, ArchiveAct::Remove, with).await.1.to_string()
}

async fn shown(who: &Actor) -> (bool, bool) {
    let holds = who.get(&format!("/api/v1/photos/{}/holds", id("door"))).await;
    (holds["is_held"] == true, holds["is_pending"] == true)
}

/// The bundle of what is no more has no original, says so, and proves what the log has.
async fn assert_taken_out_without_original(world: &World, qian: &Actor) {
    let bundle = bytes(qian, &format!("/api/v1/evidence/photos/{}/bundle", id("door"))).await;
    let shown = String::from_utf8_lossy(&bundle);
    assert!(shown.contains("由两人共同移除") && shown.contains("\"is_removed\":true"));
    let file = world.folder().join("without.zip");
    std::fs::write(&file, &bundle).expect("a file");
    let (is_proved, told) = audit(&file, key(qian).await.to_string());
    assert!(is_proved && told.contains("two persons removed them"), "{told}");
    for words in ["committed to asked_by", "committed to agreed_by", "what the photo showed"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

on_both! {
    async fn a_store_that_is_down_is_told_of_holds_and_releases_when_it_is_back(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await;
        let at = archive_at(&store.address);
        world.archiving(at.clone()).await;
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let photo = picture("door", 20_000);
        let hash = Hash::of(&photo);
        send_rest(&wang, "door", &photo, 0).await;
        until(&world, "select count(*) from archive_copy where store <> 'local'", 1).await;
        assert!(!store.is_held(hash));
        for (act, is_on) in [("hold", true), ("free", false)] {
            store.plant(Defect::IsDown, true);
            let answer = hold(&qian, act, "案 1").await;
            assert_eq!(answer.status(), 200);
            let told: Value = answer.json().await.expect("JSON");
            assert_eq!((&told["is_held"], &told["is_pending"]), (&json!(is_on), &json!(true)), "{told}");
            assert_eq!(shown(&qian).await, (is_on, true));
            let status = command(&world, &at, ArchiveAct::Status, With::default()).await.1;
            assert_eq!(status["holds_pending"], 1, "{status}");
            assert_eq!(store.is_held(hash), !is_on, "it could not be told");
            store.plant(Defect::IsDown, false);
            let noted = format!("select count(*) from archive_copy where store <> 'local' and is_held = {}",
                i64::from(is_on));
            until(&world, &noted, 1).await;
            assert_eq!(store.is_held(hash), is_on);
            assert_eq!(shown(&qian).await, (is_on, false));
        }
        // At a terminal, without a server that would do it: the next scrub does.
        world.stop().await;
        store.plant(Defect::IsDown, true);
        let with = || With { original: Some(hash), ..With::default() };
        let (is_well, told) = command(&world, &at, ArchiveAct::Hold, with()).await;
        assert!(!is_well && told["is_held"] == true && told["is_pending"] == true, "{told}");
        store.plant(Defect::IsDown, false);
        assert!(command(&world, &at, ArchiveAct::Scrub, With::default()).await.0);
        assert!(store.is_held(hash));
        let status = command(&world, &at, ArchiveAct::Status, With::default()).await.1;
        assert_eq!(status["holds_pending"], 0, "{status}");
    }

    async fn a_photo_that_is_held_before_it_is_archived_goes_up_held(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await.with(Defect::IsDown);
        let at = archive_at(&store.address);
        world.archiving(at.clone()).await;
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let photo = picture("door", 20_000);
        send_rest(&wang, "door", &photo, 0).await;
        assert_eq!(hold(&qian, "hold", "案 1").await.status(), 200);
        assert_eq!(shown(&qian).await, (true, false), "no store has it yet");
        store.plant(Defect::IsDown, false);
        assert!(command(&world, &at, ArchiveAct::Scrub, With::default()).await.0);
        assert!(store.is_held(Hash::of(&photo)));
        let held = "select count(*) from archive_copy where store <> 'local' and is_held = 1";
        assert_eq!(world.number(held).await, 1);
    }

    async fn what_a_case_holds_is_removed_by_nobody_and_the_log_says_who_held_and_removed(given: World) {
        let mut world = given;
        let store = Strict::start(&world.clock).await;
        let at = archive_at(&store.address);
        world.archiving(at.clone()).await;
        removers(&world).await;
        let wang = world.actor("wang").await;
        let photo = picture("door", 20_000);
        let hash = Hash::of(&photo);
        send_rest(&wang, "door", &photo, 0).await;
        until(&world, "select count(*) from archive_copy where store <> 'local'", 1).await;
        // Who took it does not decide about it, and nobody does from elsewhere or for no case.
        problem(hold(&wang, "hold", "案 1").await, 403, "forbidden", "wang").await;
        problem(hold(&world.actor("other qian").await, "hold", "案 1").await, 404, "not_found", "elsewhere").await;
        let qian = world.actor("qian").await;
        problem(hold(&qian, "hold", " ").await, 422, "invalid", "no case").await;
        for case in ["案 1", "案 2", "案 1"] {
            assert!(is_held(hold(&qian, "hold", case).await).await);
        }
        assert_eq!(names(&world, hash).await, ["hold_on", "hold_on"], "once a case");
        assert_eq!(world.number("select count(*) from archive_copy where is_held = 1").await, 1);
        // A bundle shows that it is held, and names no case.
        let exported = proof(&wang, id("door")).await.extra.is_some();
        assert!(exported);
        let held = "select count(*) from evidence_event where leaf_index is null";
        until(&world, held, 0).await;
        let bundle = bytes(&qian, &format!("/api/v1/evidence/photos/{}/bundle", id("door"))).await;
        let shown = String::from_utf8_lossy(&bundle);
        assert!(shown.contains("依法冻结 2 次") && shown.contains("\"hold_on\"") && !shown.contains("案 2"));
        let file = world.folder().join("bundle.zip");
        std::fs::write(&file, &bundle).expect("a file");
        let (is_proved, told) = audit(&file, key(&qian).await.to_string());
        assert!(is_proved && told.contains("依法冻结 2 次"), "{told}");
        // Its term is over.
        world.clock.set_ms(world.clock.now_ms() + 400 * DAY_MS);
        let qian = world.actor("qian").await;
        assert!(removal(&world, &at, hash, "one").await.contains("legal hold"));
        problem(hold(&qian, "free", "案 3").await, 404, "not_found", "a case that never held it").await;
        assert!(is_held(hold(&qian, "free", "案 1").await).await, "the other case holds on");
        assert!(removal(&world, &at, hash, "one").await.contains("legal hold"));
        assert!(!is_held(hold(&qian, "free", "案 2").await).await);
        assert_eq!(world.number("select count(*) from archive_copy where is_held = 1").await, 0);
        assert!(removal(&world, &at, hash, "one").await.contains("asked"));
        // Held again between the two, it stays.
        assert!(is_held(hold(&qian, "hold", "案 4").await).await);
        assert!(removal(&world, &at, hash, "two").await.contains("legal hold"));
        assert!(place(world.folder(), &photo).exists());
        assert!(!is_held(hold(&qian, "free", "案 4").await).await);
        assert!(removal(&world, &at, hash, "two").await.contains("removed"));
        assert!(!place(world.folder(), &photo).exists());
        problem(hold(&qian, "hold", "案 5").await, 422, "invalid", "it is gone").await;
        let names = names(&world, hash).await;
        assert_eq!(names.iter().filter(|name| *name == "hold_off").count(), 3, "{names:?}");
        assert_eq!(names.last().map(String::as_str), Some("removed"), "{names:?}");
        until(&world, held, 0).await;
        assert_taken_out_without_original(&world, &qian).await;
        // Whoever has the salts can show who it was.
        let mut entries = logged(&world, hash).await;
        entries.retain(|(name, _)| name == "removed");
        let removed = entries.pop().expect("an entry").1;
        let Event::Removed { asked_by, agreed_by, .. } = removed.event else { panic!("{removed:?}") };
        let mut direct = world.direct().await;
        for (name, who, said) in [("asked_by", "one", asked_by), ("agreed_by", "two", agreed_by)] {
            let of = direct.id(removed.id);
            let sql = format!("select salt from evidence_salt where event_id = {of} and name = '{name}'");
            let salt: [u8; 32] = direct.bytes(&sql).await[0].as_slice().try_into().expect("32 bytes");
            let user = direct.bytes(&format!("select {} from account where username = '{who}'",
                if world.database == crate::world::Database::Sqlite { "user_id" } else { "uuid_send(user_id)" })).await;
            assert_eq!(said, Commitment::of(&salt, name, &user[0]), "{who}");
        }
    }
}
