//! The evidence log: a photo is received, logged and proved; whoever changes, drops or forks
//! anything of it is found out.

use crate::actors::{Actor, problem};
use crate::world::{World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Signed;
use saolou_protocol::evidence::event::{Commitment, Entry, Event};
use saolou_protocol::evidence::note::Verifier;
use saolou_protocol::evidence::proof::{Proof, Shown};
use saolou_protocol::evidence::receipt::Receipt;
use saolou_protocol::evidence::tile::{Tile, read_entries, read_hashes};
use saolou_protocol::evidence::tree::{Edge, leaf_hash};
use serde_json::Value;
use std::time::{Duration, Instant};
use uuid::Uuid;

mod auditing;
mod tampering;

pub(crate) use auditing::audit;
pub(crate) use tampering::{refuses, set_back};
mod witnesses;

/// Longest time until something that happens by itself has happened.
const PATIENCE: Duration = Duration::from_secs(30);

/// Asks again until there is an answer.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sends a photo of some bytes; gives the answer.
async fn send(actor: &Actor, photo: Uuid, bytes: &[u8]) -> Value {
    let path = format!("/api/v1/photos/{photo}?building={}", id("building"));
    let digest = format!("sha-256=:{}:", STANDARD.encode(Hash::of(bytes).0));
    let request = actor.request(Method::PUT, &path).header("content-digest", digest);
    let answer = request.body(bytes.to_vec()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

/// The text of a path; `None` where there is nothing.
async fn text(actor: &Actor, path: &str) -> Option<String> {
    let answer = actor.send(Method::GET, path, None).await;
    if answer.status() == 404 {
        return None;
    }
    assert_eq!(answer.status(), 200, "{path}");
    Some(answer.text().await.expect("a text"))
}

pub(crate) async fn bytes(actor: &Actor, path: &str) -> Vec<u8> {
    let answer = actor.send(Method::GET, path, None).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.expect("bytes").to_vec()
}

pub(crate) async fn key(actor: &Actor) -> Verifier {
    let keys = text(actor, "/evidence/log/key").await.expect("a key");
    Verifier::parse(keys.lines().last().expect("a line")).expect("a key")
}

/// The proof of a photo, as soon as there is one.
pub(crate) async fn proof(actor: &Actor, photo: Uuid) -> Proof {
    let path = format!("/api/v1/evidence/photos/{photo}/proof");
    let proof = until("a proof", || text(actor, &path)).await;
    Proof::parse(&proof).expect("a proof")
}

/// The newest checkpoint, once it covers so many entries.
pub(crate) async fn head(actor: &Actor, size_min: u64) -> Signed {
    let key = key(actor).await;
    until("a checkpoint", || async {
        let note = text(actor, "/evidence/log/checkpoint").await?;
        let signed = Signed::open(&note, &key).expect("a signed checkpoint");
        (signed.checkpoint.size >= size_min).then_some(signed)
    })
    .await
}

/// Every tile and bundle of the log, below the paths where they are served.
async fn log(actor: &Actor, size: u64) -> Vec<(Tile, Vec<u8>)> {
    let mut files = Vec::new();
    for tile in Tile::all(size) {
        files.push((tile, bytes(actor, &format!("/evidence/log/{tile}")).await));
        if tile.level == Some(0) {
            let entries = tile.entries();
            files.push((entries, bytes(actor, &format!("/evidence/log/{entries}")).await));
        }
    }
    files
}

pub(crate) async fn auditor(world: &World) -> Actor {
    let user = serde_json::json!({
        "username": "shen", "name": "shen", "password": crate::world::PASSWORD,
        "roles": [{ "role": "auditor", "unit_id": id("street") }],
    });
    world.actor("root").await.put(&format!("/api/v1/users/{}", id("shen")), user).await;
    world.actor("shen").await
}

on_both! {
    async fn a_photo_gets_a_receipt_at_once_and_a_proof_that_keeps_its_promise(world: World) {
        let wang = world.actor("wang").await;
        let key = key(&wang).await;
        let answer = send(&wang, id("photo"), b"a photo").await;
        let receipt = answer["receipt"].as_str().expect("a receipt");
        let promised = Receipt::open(receipt, &key).expect("a receipt of this log");
        assert_eq!((promised.photo_id.0, promised.bytes), (id("photo"), 7));
        assert_eq!(promised.sha256, Hash::of(b"a photo"));
        let proof = proof(&wang, id("photo")).await;
        let Shown::Included(signed) = proof.check(promised.leaf, &key) else {
            panic!("the promised entry is in the log: {proof}");
        };
        assert!(signed.checkpoint.size >= 1);
        // The proof carries the entry, and the entry names the photo and nobody.
        let entry = proof.extra.clone().expect("the entry");
        assert_eq!(leaf_hash(&entry), promised.leaf);
        let Some(Entry { event: Event::Received { sha256, author, .. }, .. }) = Entry::read(&entry)
        else { panic!("a received photo") };
        assert_eq!(sha256, Hash::of(b"a photo"));
        let said = String::from_utf8(entry).expect("JSON");
        assert!(!said.contains(&id("wang").to_string()), "{said}");
        // Whoever has the salt can show who it was.
        let sql = "select salt from evidence_salt where name = 'author'";
        let salts = world.direct().await.bytes(sql).await;
        let salt: [u8; 32] = salts[0].as_slice().try_into().expect("32 bytes");
        assert_eq!(author, Some(Commitment::of(&salt, "author", id("wang").as_bytes())));
    }

    async fn the_same_photo_again_gets_the_same_receipt_and_no_second_entry(world: World) {
        let wang = world.actor("wang").await;
        let first = send(&wang, id("photo"), b"a photo").await;
        proof(&wang, id("photo")).await;
        world.clock.set_ms(world.clock.now_ms() + 60_000);
        assert_eq!(send(&wang, id("photo"), b"a photo").await, first);
        send(&wang, id("another photo"), b"another").await;
        proof(&wang, id("another photo")).await;
        let mut direct = world.direct().await;
        let photo = direct.id(id("photo"));
        let sql = format!("select count(*) from evidence_event where photo_id = {photo}");
        assert_eq!(direct.number(&sql).await, 1);
    }

    async fn the_log_can_be_read_tile_by_tile_and_hashes_to_its_checkpoint(world: World) {
        let (wang, shen) = (world.actor("wang").await, auditor(&world).await);
        for n in 0..5 {
            send(&wang, id(&format!("photo {n}")), format!("photo {n}").as_bytes()).await;
        }
        fill(&world, 300).await;
        let signed = head(&shen, 305).await;
        let mut edge = Edge::default();
        let files = log(&shen, signed.checkpoint.size).await;
        for (tile, bytes) in &files {
            if tile.level.is_none() {
                let entries = read_entries(bytes).expect("whole entries");
                entries.iter().for_each(|entry| _ = edge.push(leaf_hash(entry)));
            }
        }
        assert_eq!((edge.size(), edge.root()), (signed.checkpoint.size, signed.checkpoint.root));
        let (_, upper) = files.iter().find(|(tile, _)| tile.level == Some(1)).expect("a level 1");
        assert_eq!(read_hashes(upper).expect("hashes").len(), 1);
        // What is larger than the log is not there.
        for path in ["tile/0/009", "tile/2/000", "tile/0/001.p/255", "tile/nonsense", "tile/0/1"] {
            let answer = shen.send(Method::GET, &format!("/evidence/log/{path}"), None).await;
            problem(answer, 404, "not_found", path).await;
        }
    }

    async fn a_photo_tells_its_hash_who_took_it_and_what_the_log_says_of_it(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let path = format!("/api/v1/evidence/photos/{}", id("photo"));
        qian.refused(Method::GET, &path, None, 404, "not_found").await;
        send(&wang, id("photo"), b"a photo").await;
        let index = proof(&wang, id("photo")).await.index;
        let told = qian.get(&path).await;
        assert_eq!(told["sha256"], Hash::of(b"a photo").to_string(), "{told}");
        assert_eq!((&told["author"], &told["photo_id"]), (&serde_json::json!("wang"), &serde_json::json!(id("photo"))));
        assert!(told.get("stated").is_none(), "this phone stated nothing: {told}");
        let entries = told["entries"].as_array().expect("entries");
        let received = entries.iter().find(|entry| entry["event"] == "received");
        let received = received.expect("that it was received");
        assert_eq!(received["leaf_index"], index, "{told}");
        assert!(told["checkpoint_size"].as_u64() > Some(index), "{told}");
        let places: Vec<i64> = entries.iter().filter_map(|entry| entry["leaf_index"].as_i64()).collect();
        assert!(places.is_sorted() && places.len() == entries.len(), "{told}");
        let nobody = world.actor("other qian").await;
        nobody.refused(Method::GET, &path, None, 404, "not_found").await;
    }

    async fn entries_are_for_auditors_and_proofs_for_who_may_see_the_photo(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        send(&wang, id("photo"), b"a photo").await;
        let proof = proof(&wang, id("photo")).await;
        assert!(proof.index < 2);
        let path = format!("/api/v1/evidence/photos/{}/proof", id("photo"));
        assert!(text(&world.actor("qian").await, &path).await.is_some());
        assert!(text(&world.actor("stranger").await, &path).await.is_none());
        assert!(text(&world.actor("other qian").await, &path).await.is_none());
        let answer = lin.send(Method::GET, "/evidence/log/tile/entries/000.p/2", None).await;
        problem(answer, 403, "forbidden", "entries").await;
        let http = reqwest::Client::new();
        for path in ["checkpoint", "key", "tile/0/000.p/2"] {
            let answer = http.get(format!("{}/evidence/log/{path}", world.base)).send().await;
            assert_eq!(answer.expect("an answer").status(), 401, "{path}");
        }
    }
}

/// Files so many events beside the server, as its own code does.
async fn fill(world: &World, events: u64) {
    let mut direct = world.direct().await;
    direct.execute("begin").await;
    for n in 0..events {
        let event_id = id(&format!("probe {n}"));
        let event = Event::StoreProbe { bucket: format!("probe-{n}"), outcomes: [].into() };
        let entry = Entry { id: event_id, at_ms: 1, event };
        let leaf = entry.leaf().expect("a small one");
        let (event_id, body) = (direct.id(event_id), direct.blob(&leaf));
        let columns = "evidence_event (event_id, at_ms, body)";
        let sql = format!("insert into {columns} values ({event_id}, 1, {body})");
        direct.execute(&sql).await;
    }
    direct.execute("commit").await;
}
