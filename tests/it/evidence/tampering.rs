//! What happens when somebody changes, drops or sets back what is stored.

use super::{PATIENCE, audit, auditor, bytes, fill, head, key, proof, send, text, until};
use crate::actors::{Actor, problem};
use crate::world::{World, id, on_both};
use reqwest::{Method, StatusCode};
use saolou_protocol::evidence::checkpoint::Checkpoint;
use saolou_protocol::evidence::event::{Entry, Event};
use saolou_protocol::evidence::note::{Note, Purpose, Signer};
use saolou_protocol::evidence::proof::Shown;
use saolou_protocol::evidence::tree::leaf_hash;
use std::time::Instant;

/// Sets the log in the database back to so many entries, as a restored backup does.
pub(crate) async fn set_back(world: &World, size: u64) {
    let mut direct = world.direct().await;
    for sql in [
        format!("delete from evidence_event where leaf_index >= {size}"),
        format!("delete from evidence_checkpoint where size > {size}"),
        format!("delete from evidence_node where level > 0 and (node_index + 1) * 256 > {size}"),
    ] {
        direct.execute(&sql).await;
    }
}

/// How often the server refused to sign.
async fn refusals(world: &World) -> f64 {
    let http = reqwest::Client::new();
    let request = http.get(format!("{}/metrics", world.base)).bearer_auth("metrics-secret");
    let text = request.send().await.expect("an answer").text().await.expect("a text");
    let line = text.lines().find_map(|line| line.strip_prefix("saolou_evidence_refusals_total "));
    line.map_or(0.0, |count| count.parse().expect("a number"))
}

/// Waits until the server refuses to sign once more.
pub(crate) async fn refuses(world: &World) {
    let before = refusals(world).await;
    let refused = async || (refusals(world).await > before).then_some(());
    until("a refusal", refused).await;
}

async fn note(actor: &Actor, note: String) -> reqwest::Response {
    let request = actor.request(Method::POST, "/api/v1/evidence/checkpoint").body(note);
    request.send().await.expect("an answer")
}

on_both! {
    async fn a_database_that_was_set_back_is_filled_up_from_the_copy_and_says_so(world: World) {
        let wang = world.actor("wang").await;
        send(&wang, id("photo 1"), b"photo 1").await;
        let early = head(&wang, 1).await.checkpoint;
        fill(&world, 300).await;
        send(&wang, id("photo 2"), b"photo 2").await;
        let late = head(&wang, 302).await.checkpoint;
        let before = proof(&wang, id("photo 2")).await;
        set_back(&world, early.size).await;
        let after = head(&wang, late.size + 1).await.checkpoint;
        assert!(after.size > late.size, "one entry more at least: that it was restored");
        // All that was proved before still is, over the same history.
        let again = proof(&wang, id("photo 2")).await;
        assert_eq!((again.index, &again.extra), (before.index, &before.extra));
        let leaf = leaf_hash(again.extra.as_ref().expect("the entry"));
        assert!(matches!(again.check(leaf, &key(&wang).await), Shown::Included(_)));
        let sql = "select body from evidence_event where leaf_index is not null";
        let bodies = world.direct().await.bytes(sql).await;
        let mut restored = bodies.iter().filter_map(|body| match Entry::read(body)?.event {
            Event::LogRestored { from_size, to_size, root, .. } => Some((from_size, to_size, root)),
            _ => None,
        });
        let (from_size, to_size, root) = restored.next().expect("it is logged");
        assert!(to_size >= late.size, "what came after the look counts too");
        assert_eq!(from_size, early.size);
        assert!(to_size > late.size || root == late.root);
    }

    async fn a_log_that_lost_what_a_phone_has_seen_signs_nothing_until_it_is_back(world: World) {
        let mut world = world;
        let wang = world.actor("wang").await;
        send(&wang, id("photo 1"), b"photo 1").await;
        let early = head(&wang, 1).await;
        let promised = send(&wang, id("photo 2"), b"photo 2").await["receipt"].take();
        let late = head(&wang, proof(&wang, id("photo 2")).await.index + 1).await;
        // A fork needs more than a backup of the database: the copy beside it is gone too.
        world.stop().await;
        let (copy, away) = (world.folder().join("evidence"), world.folder().join("away"));
        std::fs::rename(&copy, &away).expect("it is there");
        set_back(&world, early.checkpoint.size).await;
        world.start().await;
        let wang = world.actor("wang").await;
        assert_eq!(note(&wang, late.note.to_string()).await.status(), StatusCode::NO_CONTENT);
        // Photos are taken; what their entries will be is not promised, and phones keep them.
        for (photo, bytes) in [("photo 2", b"photo 2"), ("photo 3", b"photo 3")] {
            let answer = send(&wang, id(photo), bytes).await;
            assert!(answer["receipt"].is_null(), "{photo}: {answer}");
        }
        refuses(&world).await;
        assert_eq!(head(&wang, 1).await.checkpoint, early.checkpoint);
        // The copy is found again: what it holds takes its places, and then what waited.
        world.stop().await;
        std::fs::remove_dir_all(&copy).expect("it is there");
        std::fs::rename(&away, &copy).expect("it is there");
        world.start().await;
        let wang = world.actor("wang").await;
        head(&wang, late.checkpoint.size + 2).await;
        assert_eq!(world.number("select count(*) from evidence_known").await, 0);
        proof(&wang, id("photo 2")).await;
        proof(&wang, id("photo 3")).await;
        assert_eq!(send(&wang, id("photo 2"), b"photo 2").await["receipt"], promised);
        assert!(send(&wang, id("photo 3"), b"photo 3").await["receipt"].is_string());
    }

    async fn a_receipt_names_the_entry_that_the_log_had_before_it_was_set_back(world: World) {
        let (wang, shen) = (world.actor("wang").await, auditor(&world).await);
        send(&wang, id("photo 1"), b"photo 1").await;
        let early = head(&wang, 1).await.checkpoint;
        let promised = send(&wang, id("photo 2"), b"photo 2").await["receipt"].take();
        proof(&wang, id("photo 2")).await;
        // The database is set back under the server, and nobody may fill the log up yet.
        let mut direct = world.direct().await;
        let other = direct.id(id("another server"));
        let held = format!("update evidence_lease set holder = {other}, until_ms = 9000000000000000");
        direct.execute(&held).await;
        set_back(&world, early.size).await;
        let photo = direct.id(id("photo 2"));
        direct.execute(&format!("delete from photo where photo_id = {photo}")).await;
        direct.execute("delete from evidence_salt").await;
        world.clock.set_ms(world.clock.now_ms() + 60_000);
        let again = send(&wang, id("photo 2"), b"photo 2").await;
        assert!(again["state"] == "stored" && again["receipt"].is_null(), "{again}");
        direct.execute("delete from evidence_lease").await;
        until("the receipt", async || {
            let again = send(&wang, id("photo 2"), b"photo 2").await;
            (again["receipt"] == promised).then_some(())
        }).await;
        let proof = proof(&wang, id("photo 2")).await;
        let leaf = leaf_hash(proof.extra.as_ref().expect("the entry"));
        let key = key(&wang).await;
        assert!(matches!(proof.check(leaf, &key), Shown::Included(_)));
        // Salts of before are lost, those of now open nothing: a bundle opens neither, and proves.
        let file = world.folder().join("bundle.zip");
        let path = format!("/api/v1/evidence/photos/{}/bundle", id("photo 2"));
        std::fs::write(&file, bytes(&shen, &path).await).expect("it is ours");
        let (is_proved, told) = audit(&file, key.to_string());
        assert!(is_proved && !told.contains("committed to author"), "{told}");
    }

    async fn a_history_beside_the_one_that_was_signed_is_a_fork(world: World) {
        let wang = world.actor("wang").await;
        send(&wang, id("photo 1"), b"photo 1").await;
        head(&wang, 1).await;
        // Somebody rewrites the log and its checkpoint together, without the key.
        let mut direct = world.direct().await;
        let forged = direct.blob(&[7; 32]);
        let last = "(select max(size) from evidence_checkpoint)";
        let sql = format!("update evidence_checkpoint set root = {forged} where size = {last}");
        direct.execute(&sql).await;
        refuses(&world).await;
        send(&wang, id("photo 2"), b"photo 2").await;
        refuses(&world).await;
        let sql = format!("select note from evidence_checkpoint where root = {forged}");
        let note = Note::parse(&direct.texts(&sql).await[0]).expect("a note");
        let root = Checkpoint::parse(&note.text).expect("a checkpoint").root;
        let root = direct.blob(&root.0);
        let sql = format!("update evidence_checkpoint set root = {root} where root = {forged}");
        direct.execute(&sql).await;
        proof(&wang, id("photo 2")).await;
    }

    async fn a_changed_leaf_proves_nothing_and_a_dropped_one_is_missed(world: World) {
        let wang = world.actor("wang").await;
        send(&wang, id("photo"), b"a photo").await;
        let good = proof(&wang, id("photo")).await;
        let mut direct = world.direct().await;
        let body = String::from_utf8(good.extra.clone().expect("the entry")).expect("JSON");
        let (event, changed) = (direct.id(Entry::read(body.as_bytes()).expect("one").id),
            direct.blob(body.replace("\"bytes\":7", "\"bytes\":8").as_bytes()));
        direct.execute(&format!("update evidence_event set body = {changed} where event_id = {event}")).await;
        let changed = proof(&wang, id("photo")).await;
        assert_ne!(changed.extra, good.extra);
        let leaf = leaf_hash(changed.extra.as_ref().expect("the entry"));
        assert_eq!(changed.check(leaf, &key(&wang).await), Shown::NotIncluded);
        direct.execute(&format!("delete from evidence_event where event_id = {event}")).await;
        let path = format!("/api/v1/evidence/photos/{}/proof", id("photo"));
        assert!(text(&wang, &path).await.is_none());
    }

    async fn a_copy_that_was_changed_stops_the_signing_and_nothing_else(world: World) {
        let mut world = world;
        let wang = world.actor("wang").await;
        send(&wang, id("photo 1"), b"photo 1").await;
        head(&wang, 1).await;
        world.stop().await;
        let size = world.number("select max(size) from evidence_checkpoint").await;
        let file = world.folder().join("evidence/entries");
        let good = std::fs::read(&file).expect("it is there");
        let mut bad = good.clone();
        bad[40] ^= 1;
        std::fs::write(&file, bad).expect("it is ours");
        world.start().await;
        let wang = world.actor("wang").await;
        // Photos are taken all the same.
        send(&wang, id("photo 2"), b"photo 2").await;
        let begun = Instant::now();
        while begun.elapsed() < std::time::Duration::from_secs(3) {
            let now = world.number("select max(size) from evidence_checkpoint").await;
            assert_eq!(now, size);
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        world.stop().await;
        // Half an entry that a crash left at the end is no change.
        std::fs::write(&file, [&good[..], &[0, 200, 1, 2]].concat()).expect("it is ours");
        world.start().await;
        let wang = world.actor("wang").await;
        assert!(begun.elapsed() < PATIENCE);
        proof(&wang, id("photo 2")).await;
    }

    async fn a_checkpoint_that_the_log_never_signed_is_no_reason_to_stop(world: World) {
        let wang = world.actor("wang").await;
        send(&wang, id("photo 1"), b"photo 1").await;
        let good = head(&wang, 1).await;
        let forger = Signer::new(&good.checkpoint.origin, Purpose::Log, &[9; 32]).expect("a name");
        let forged = Checkpoint { size: 1_000_000, ..good.checkpoint.clone() }.sign(&forger);
        let size = good.checkpoint.size;
        let changed = good.note.to_string().replace(&format!("\n{size}\n"), "\n1000\n");
        for forged in [forged.note.to_string(), changed, "nonsense".to_owned()] {
            problem(note(&wang, forged).await, 422, "invalid", "a forged checkpoint").await;
        }
        assert_eq!(note(&wang, good.note.to_string()).await.status(), StatusCode::NO_CONTENT);
        send(&wang, id("photo 2"), b"photo 2").await;
        proof(&wang, id("photo 2")).await;
    }
}
