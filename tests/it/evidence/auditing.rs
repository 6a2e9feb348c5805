//! What an auditor finds without network and database, and what he does not.

use super::{auditor, bytes, fill, head, key, log, proof, send, text, until};
use crate::actors::problem;
use crate::world::{World, id, on_both};
use reqwest::Method;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Checkpoint;
use saolou_protocol::evidence::event::{Commitment, Entry, Event};
use saolou_protocol::evidence::note::{Purpose, Signer};
use saolou_protocol::evidence::tile::put_entry;
use saolou_protocol::evidence::tree::{Edge, leaf_hash};
use saolou_protocol::ids::PhotoId;
use saolou_server::auditor::{
    Outcome, Trusted, verify_consistency, verify_log, verify_photo, verify_store,
};
use saolou_server::commands::evidence::verify;
use saolou_server::config::{TrustedKeys, Verify};
use std::path::Path;

/// Whether a bundle is proved by a key, and what is said of it.
pub(crate) fn audit(bundle: &Path, key: String) -> (bool, String) {
    let keys = TrustedKeys { key: vec![key], ..Default::default() };
    let report = verify(&Verify::Bundle { bundle: bundle.to_owned(), keys }).expect("told");
    (report.outcome() == Outcome::Proved, report.to_string())
}

/// Unpacks a bundle into a folder.
fn unpack(zip: &Path, folder: &Path) {
    let file = std::fs::File::open(zip).expect("it is there");
    zip::ZipArchive::new(file).expect("a ZIP file").extract(folder).expect("whole files");
}

on_both! {
    async fn a_bundle_proves_a_photo_and_a_changed_one_does_not(world: World) {
        let (wang, shen) = (world.actor("wang").await, auditor(&world).await);
        send(&wang, id("photo"), b"\xff\xd8\xff a photo").await;
        proof(&wang, id("photo")).await;
        let path = format!("/api/v1/evidence/photos/{}/bundle", id("photo"));
        let refused = wang.send(Method::GET, &path, None).await;
        problem(refused, 403, "forbidden", "an inspector exports nothing").await;
        let folder = world.folder().join("bundle");
        let file = world.folder().join("bundle.zip");
        std::fs::write(&file, bytes(&shen, &path).await).expect("it is ours");
        let keys = TrustedKeys { key: vec![key(&wang).await.to_string()], ..Default::default() };
        let judge = |bundle: &Path| {
            verify(&Verify::Bundle { bundle: bundle.to_owned(), keys: keys.clone() }).expect("told")
        };
        let report = judge(&file);
        assert_eq!(report.exit_code(), 0, "{report}");
        let told = report.to_string();
        for words in ["未证明 / NOT proved", "所对应的标识为", "已证明"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        unpack(&file, &folder);
        assert_eq!(judge(&folder).outcome(), Outcome::Proved);
        let certificate = std::fs::read_to_string(folder.join("certificate.txt")).expect("it is");
        let hash = Hash::of(b"\xff\xd8\xff a photo").to_string();
        for words in ["image/jpeg", "完整性校验值", &hash, "潮汐大厦", "wang", "shen", "2026-11-23 08:00"] {
            assert!(certificate.contains(words), "{words}: {certificate}");
        }
        // Each file of it, with one byte changed.
        let entries: Vec<_> = std::fs::read_dir(folder.join("entries")).expect("a folder")
            .map(|entry| entry.expect("an entry").path()).collect();
        let opened = folder.join("opened.json");
        for path in entries.iter().chain([&folder.join("original"), &opened]) {
            let good = std::fs::read(path).expect("it is there");
            let mut bad = good.clone();
            let at = good.iter().rposition(u8::is_ascii_digit).unwrap_or(good.len() - 1);
            bad[at] = if bad[at] == b'1' { b'2' } else { b'1' };
            std::fs::write(path, bad).expect("it is ours");
            let report = judge(&folder);
            assert_ne!(report.exit_code(), 0, "{}: {report}", path.display());
            std::fs::write(path, good).expect("it is ours");
        }
        assert_eq!(judge(&folder).exit_code(), 0);
        std::fs::remove_file(folder.join("original")).expect("it is there");
        assert_eq!(judge(&folder).exit_code(), 2, "without the original nothing can be told");
        // One that is lost, and that nobody removed, is not taken out without its bytes.
        let kept = world.folder().join("photos/sha256").join(&hash[..2]).join(&hash);
        std::fs::remove_file(kept).expect("it is there");
        let refused = shen.send(Method::GET, &path, None).await;
        problem(refused, 409, "original_missing", "a lost original").await;
        // That it was taken out is itself logged, and by whom can be proved.
        until("the export is logged", async || {
            let sql = "select body from evidence_event where leaf_index is not null";
            let bodies = world.direct().await.bytes(sql).await;
            let read = |body: &Vec<u8>| Entry::read(body).map(|entry| entry.event);
            let is_exported = |event| matches!(event, Event::Exported { .. });
            bodies.iter().filter_map(read).any(is_exported).then_some(())
        }).await;
    }

    async fn a_photo_is_proved_by_its_bytes_and_a_text_alone(world: World) {
        let wang = world.actor("wang").await;
        send(&wang, id("photo"), b"a photo").await;
        let proof = proof(&wang, id("photo")).await.to_string();
        let trusted = Trusted { logs: vec![key(&wang).await], ..Trusted::default() };
        assert!(proof.len() < 2_000, "{} bytes", proof.len());
        let report = verify_photo(b"a photo", &proof, &trusted);
        assert_eq!(report.exit_code(), 0, "{report}");
        assert_eq!(verify_photo(b"another", &proof, &trusted).exit_code(), 1);
        assert_eq!(verify_photo(b"a photo", "nonsense", &trusted).exit_code(), 2);
        assert_eq!(verify_photo(b"a photo", &proof, &Trusted::default()).exit_code(), 2);
        let stranger = Signer::new(trusted.logs[0].name(), Purpose::Log, &[9; 32]).expect("a name");
        let others = Trusted { logs: vec![stranger.verifier()], ..Trusted::default() };
        assert_eq!(verify_photo(b"a photo", &proof, &others).exit_code(), 1);
    }

    async fn a_whole_log_is_verified_by_its_copy_and_by_its_tiles(world: World) {
        let (wang, shen) = (world.actor("wang").await, auditor(&world).await);
        send(&wang, id("photo"), b"a photo").await;
        let early = head(&shen, 1).await.note.to_string();
        fill(&world, 260).await;
        let late = head(&shen, 261).await;
        let trusted = Trusted { logs: vec![key(&wang).await], ..Trusted::default() };
        let copy = world.folder().join("evidence");
        until("the copy has it", async || {
            let report = verify_log(&copy, &trusted);
            report.to_string().contains("entries are whole").then_some(())
        }).await;
        assert_eq!(verify_log(&copy, &trusted).exit_code(), 0);
        let mirror = world.folder().join("mirror");
        for (tile, bytes) in log(&shen, late.checkpoint.size).await {
            let path = mirror.join(tile.to_string());
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is ours");
            std::fs::write(path, bytes).expect("it is ours");
        }
        let note = late.note.to_string();
        std::fs::write(mirror.join("checkpoint"), &note).expect("it is ours");
        let report = verify_log(&mirror, &trusted);
        assert_eq!(report.exit_code(), 0, "{report}");
        assert_eq!(verify_consistency(&mirror, [&early, &note], &trusted).exit_code(), 0);
        // A checkpoint over another history, signed by a key that was stolen.
        let thief = Signer::new("thief.example", Purpose::Log, &[9; 32]).expect("a name");
        let both = Trusted { logs: vec![key(&wang).await, thief.verifier()], ..Trusted::default() };
        let origin = "thief.example".to_owned();
        let forked = Checkpoint { origin, size: 100, root: Hash::of(b"x") }.sign(&thief);
        let forked = forked.note.to_string();
        assert_eq!(verify_consistency(&mirror, [&forked, &note], &both).exit_code(), 1);
        // A leaf changed, and a leaf dropped.
        let bundle = mirror.join("tile/entries/000");
        let good = std::fs::read(&bundle).expect("it is there");
        let mut bad = good.clone();
        bad[100] ^= 1;
        std::fs::write(&bundle, &bad).expect("it is ours");
        assert_eq!(verify_log(&mirror, &trusted).exit_code(), 1);
        let first = 2 + usize::from(u16::from_be_bytes([good[0], good[1]]));
        std::fs::write(&bundle, &good[first..]).expect("it is ours");
        assert_eq!(verify_log(&mirror, &trusted).exit_code(), 1);
        // The originals.
        std::fs::write(&bundle, &good).expect("it is ours");
        let store = world.folder().join("photos/sha256");
        let report = verify_store(&store, &mirror, &trusted);
        assert_eq!(report.exit_code(), 0, "{report}");
        let name = Hash::of(b"a photo").to_string();
        std::fs::remove_file(store.join(&name[..2]).join(&name)).expect("it is there");
        assert_eq!(verify_store(&store, &mirror, &trusted).exit_code(), 1);
    }

    async fn a_key_is_changed_while_the_server_runs_and_both_keys_are_good(world: World) {
        let wang = world.actor("wang").await;
        send(&wang, id("photo 1"), b"photo 1").await;
        let old = head(&wang, 1).await;
        let before = key(&wang).await;
        let settings = world.settings().clone();
        let rotate = saolou_server::config::EvidenceCommand::RotateKey(settings);
        saolou_server::commands::evidence::run(&rotate).await.expect("it is changed");
        send(&wang, id("photo 2"), b"photo 2").await;
        let keys = until("two keys", async || {
            let keys = text(&wang, "/evidence/log/key").await?;
            (keys.lines().count() == 2).then_some(keys)
        }).await;
        assert!(keys.starts_with(&before.to_string()));
        let new = head(&wang, 1).await;
        assert!(!before.has_signed(&new.note), "the new key signs");
        // Old checkpoints are still this log's.
        let request = wang.request(Method::POST, "/api/v1/evidence/checkpoint");
        let answer = request.body(old.note.to_string()).send().await.expect("an answer");
        assert_eq!(answer.status(), 204);
    }
}

#[test]
fn a_photo_removed_from_the_numbers_of_a_device_is_told_as_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Signer::new("log.example", Purpose::Log, &[1; 32]).expect("a name");
    let (mut edge, mut bundle) = (Edge::default(), Vec::new());
    for seq in [1_u64, 2, 4] {
        let (photo, hash) = (PhotoId(id(&format!("photo {seq}"))), Hash::of(&[0]));
        let mut event = Event::received(photo, hash, 1, None);
        if let Event::Received { seq: of, device, .. } = &mut event {
            *of = Some(seq);
            *device = Some(Commitment::of(&[7; 32], "device", b"one device"));
        }
        let leaf = Entry { id: photo.0, at_ms: 1, event }.leaf().expect("a small one");
        edge.push(leaf_hash(&leaf));
        put_entry(&mut bundle, &leaf);
    }
    let origin = "log.example".to_owned();
    let head = Checkpoint { origin, size: edge.size(), root: edge.root() }.sign(&log);
    std::fs::write(folder.path().join("entries"), bundle).expect("it is ours");
    std::fs::write(folder.path().join("checkpoints"), format!("{}\n", head.note)).expect("ours");
    let trusted = Trusted { logs: vec![log.verifier()], ..Trusted::default() };
    let report = verify_log(folder.path(), &trusted);
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.to_string().contains("photos 3 of device"), "{report}");
}
