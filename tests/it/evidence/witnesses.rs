//! A witness cosigns what grows and refuses what forks; the server asks it by itself.

use super::tampering::refuses;
use super::{head, key, proof, send, text, until};
use crate::actors::Actor;
use crate::world::{World, id, on_both};
use reqwest::StatusCode;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Checkpoint;
use saolou_protocol::evidence::note::{Note, Purpose, SignatureLine, Signer, Verdict, Verifier};
use saolou_protocol::evidence::tree::{Edge, leaf_hash};
use saolou_protocol::evidence::witness::AddCheckpoint;
use saolou_server::clock::Clock;
use saolou_server::config::WitnessOptions;
use saolou_server::witness::Witness;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// A running witness: its key and its address.
async fn witness(folder: &Path, log: &Verifier) -> (Verifier, String) {
    let options = WitnessOptions {
        name: "witness.example/w1".into(),
        state_dir: folder.to_owned(),
        log: vec![log.to_string()],
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
    };
    let witness = Witness::start(&options, Clock::default()).await.expect("a witness");
    let (key, address) = (witness.key(), witness.address().expect("an address"));
    tokio::spawn(witness.serve(std::future::pending()));
    (key, format!("http://{address}"))
}

on_both! {
    async fn the_server_has_its_checkpoints_cosigned_and_shows_it_in_proofs(world: World) {
        let mut world = world;
        let wang = world.actor("wang").await;
        let folder = world.folder().join("witness");
        let (witness, url) = witness(&folder, &key(&wang).await).await;
        send(&wang, id("photo 1"), b"photo 1").await;
        head(&wang, 1).await;
        world.stop().await;
        world.settings_mut().evidence.evidence_witness = vec![format!("{witness}={url}")];
        world.start().await;
        let wang = world.actor("wang").await;
        let cosigned = async |wang: &Actor, more_than: u64| {
            until("a cosigned checkpoint", async || {
                let note = Note::parse(&text(wang, "/evidence/log/checkpoint").await?)?;
                let size = Checkpoint::parse(&note.text)?.size;
                (size > more_than && witness.has_signed(&note)).then_some(size)
            })
            .await
        };
        let early = cosigned(&wang, 0).await;
        send(&wang, id("photo 2"), b"photo 2").await;
        let logged = proof(&wang, id("photo 2")).await.index;
        let late = cosigned(&wang, logged.max(early)).await;
        until("a cosignature in the proof", async || {
            proof(&wang, id("photo 2")).await.witnessed_s(&witness)
        })
        .await;
        // The database and its copy are both set back: the witness still knows.
        world.stop().await;
        std::fs::remove_dir_all(world.folder().join("evidence")).expect("it is there");
        let mut direct = world.direct().await;
        for sql in [
            format!("delete from evidence_event where leaf_index >= {early}"),
            format!("delete from evidence_cosignature where size > {early}"),
            format!("delete from evidence_checkpoint where size > {early}"),
        ] {
            direct.execute(&sql).await;
        }
        world.start().await;
        let wang = world.actor("wang").await;
        send(&wang, id("photo 3"), b"photo 3").await;
        refuses(&world).await;
        let size = world.number("select max(size) from evidence_checkpoint").await;
        assert_eq!(u64::try_from(size), Ok(early));
        let known = world.number("select max(size) from evidence_known").await;
        assert!(u64::try_from(known).expect("a size") >= late);
    }
}

fn tree(leaves: &[&str]) -> (u64, Hash) {
    let mut edge = Edge::default();
    leaves.iter().for_each(|leaf| _ = edge.push(leaf_hash(leaf.as_bytes())));
    (edge.size(), edge.root())
}

#[tokio::test]
async fn a_witness_refuses_what_does_not_follow_from_what_it_saw() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Signer::new("log.example", Purpose::Log, &[1; 32]).expect("a name");
    let (key, url) = witness(folder.path(), &log.verifier()).await;
    let http = reqwest::Client::new();
    let ask = async |url: &str, old: u64, head: (u64, Hash), proof: Vec<Hash>, by: &Signer| {
        let origin = by.name().to_owned();
        let note = Checkpoint { origin, size: head.0, root: head.1 }.sign(by).note;
        let body = AddCheckpoint { old_size: old, proof, note: note.clone() }.to_string();
        let request = http.post(format!("{url}/add-checkpoint")).body(body);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("a text"), note)
    };
    let leaf = |text: &str| leaf_hash(text.as_bytes());
    let (two, forked) = (tree(&["a", "b"]), tree(&["a", "x"]));
    let three = tree(&["a", "b", "c"]);
    let (status, line, mut note) = ask(&url, 0, two, vec![], &log).await;
    assert_eq!(status, StatusCode::OK);
    note.signatures.push(SignatureLine::parse(line.trim_end()).expect("a line"));
    assert!(matches!(key.verdict(&note), Verdict::Signed(Some(_))));
    // A fork of the same size; one that claims to be new; a proof that does not hold.
    let (status, seen, _) = ask(&url, 2, forked, vec![], &log).await;
    assert_eq!((status, seen.as_str()), (StatusCode::CONFLICT, "2\n"));
    let (status, seen, _) = ask(&url, 0, three, vec![], &log).await;
    assert_eq!((status, seen.as_str()), (StatusCode::CONFLICT, "2\n"));
    let status = ask(&url, 2, three, vec![leaf("x")], &log).await.0;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ask(&url, 4, three, vec![], &log).await.0, StatusCode::BAD_REQUEST);
    // Another log, and another key of this one.
    let stranger = Signer::new("other.example", Purpose::Log, &[1; 32]).expect("a name");
    assert_eq!(ask(&url, 2, three, vec![leaf("c")], &stranger).await.0, StatusCode::NOT_FOUND);
    let thief = Signer::new("log.example", Purpose::Log, &[2; 32]).expect("a name");
    assert_eq!(ask(&url, 2, three, vec![leaf("c")], &thief).await.0, StatusCode::FORBIDDEN);
    let nonsense = http.post(format!("{url}/add-checkpoint")).body("nonsense").send().await;
    assert_eq!(nonsense.expect("an answer").status(), StatusCode::BAD_REQUEST);
    // It remembers over a restart, and goes on with what follows.
    let (again, url) = witness(folder.path(), &log.verifier()).await;
    assert_eq!(again, key);
    assert_eq!(ask(&url, 2, forked, vec![], &log).await.0, StatusCode::CONFLICT);
    assert_eq!(ask(&url, 2, three, vec![leaf("c")], &log).await.0, StatusCode::OK);
    assert_eq!(ask(&url, 3, three, vec![], &log).await.0, StatusCode::OK, "the same once more");
}
