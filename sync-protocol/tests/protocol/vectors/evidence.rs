//! The evidence log: trees, tiles, notes, proofs, manifests, receipts.

use super::{EVIDENCE, cases, list};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::{Checkpoint, Signed};
use saolou_protocol::evidence::device_key::{DeviceKey, from_base64};
use saolou_protocol::evidence::enrolment::{
    Invitation, enrolled_bytes, log_fingerprint, rotated_bytes,
};
use saolou_protocol::evidence::event::{Commitment, Entry};
use saolou_protocol::evidence::manifest::{Link, Manifest};
use saolou_protocol::evidence::note::{Note, Purpose, Signer, Verdict, Verifier};
use saolou_protocol::evidence::proof::{Proof, Shown};
use saolou_protocol::evidence::receipt::Receipt;
use saolou_protocol::evidence::tile::{Hashes, Tile, put_entry, read_entries, read_hashes};
use saolou_protocol::evidence::tree::{
    Edge, Node, Range, consistency, inclusion, is_consistent, is_included, leaf_hash,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"))
}

fn number(case: &Value, name: &str) -> u64 {
    case[name].as_u64().unwrap_or_else(|| panic!("{name} of {case}"))
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| {
        u8::from_str_radix(std::str::from_utf8(pair).expect("as the vectors are"), 16)
            .expect("as the vectors are")
    };
    digits.map(byte).collect()
}

fn hash(case: &Value, name: &str) -> Hash {
    Hash::parse(text(case, name)).expect("a hash")
}

fn hashes(case: &Value, name: &str) -> Vec<Hash> {
    list(case, name)
        .iter()
        .map(|hash| {
            Hash::parse(hash.as_str().expect("as the vectors are")).expect("as the vectors are")
        })
        .collect()
}

fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn edge(size: u64) -> Edge {
    let mut edge = Edge::default();
    (0..size).for_each(|index| _ = edge.push(leaf_hash(&leaf(index))));
    edge
}

/// All tiles of a tree of leaves of the vectors.
fn tiles(size: u64) -> Vec<(Tile, Vec<Hash>)> {
    let leaves: Vec<Hash> = (0..size).map(|index| leaf_hash(&leaf(index))).collect();
    let mut levels = vec![leaves];
    while let Some(full) = levels.last().filter(|level| level.len() >= 256) {
        let node = |tile: &[Hash]| {
            let mut edge = Edge::default();
            tile.iter().for_each(|hash| _ = edge.push(*hash));
            edge.root()
        };
        levels.push(full.chunks_exact(256).map(node).collect());
    }
    let of = |tile: Tile| {
        let level = &levels
            [usize::try_from(tile.level.expect("as the vectors are")).expect("as the vectors are")];
        let range = tile.range();
        let range = usize::try_from(range.start).expect("as the vectors are")
            ..usize::try_from(range.end).expect("as the vectors are");
        (tile, level[range].to_vec())
    };
    Tile::all(size).into_iter().map(of).collect()
}

fn all_hashes(size: u64) -> Hashes {
    let mut hashes = Hashes::default();
    tiles(size).into_iter().for_each(|(tile, of)| hashes.add(tile, of));
    hashes
}

#[test]
fn trees_have_the_roots_of_the_vectors() {
    for case in cases(EVIDENCE, "trees") {
        assert_eq!(edge(number(&case, "size")).root(), hash(&case, "root"), "{case}");
    }
    for case in cases(EVIDENCE, "reference_trees") {
        let mut edge = Edge::default();
        for leaf in list(&case, "leaves") {
            edge.push(leaf_hash(&hex(leaf.as_str().expect("as the vectors are"))));
        }
        assert_eq!(edge.root(), hash(&case, "root"), "{case}");
    }
}

#[test]
fn proofs_are_made_of_the_hashes_of_the_vectors() {
    for case in cases(EVIDENCE, "inclusion") {
        let (index, size) = (number(&case, "index"), number(&case, "size"));
        let path = all_hashes(size).ranges(&inclusion(index, size)).expect("all is there");
        assert_eq!(path, hashes(&case, "path"), "{case}");
        assert!(is_included(leaf_hash(&leaf(index)), index, size, &path, edge(size).root()));
    }
    for case in cases(EVIDENCE, "consistency") {
        let (from, to) = (number(&case, "from"), number(&case, "to"));
        let proof = all_hashes(to).ranges(&consistency(from, to)).expect("all is there");
        assert_eq!(proof, hashes(&case, "proof"), "{case}");
        assert!(is_consistent((from, edge(from).root()), (to, edge(to).root()), &proof), "{case}");
    }
}

#[test]
fn tiles_have_the_paths_and_the_bytes_of_the_vectors() {
    for case in cases(EVIDENCE, "tile_paths") {
        let level =
            case["level"].as_u64().map(|level| u32::try_from(level).expect("as the vectors are"));
        let tile = Tile { level, index: number(&case, "index"), width: number(&case, "width") };
        assert_eq!(tile.to_string(), text(&case, "path"));
        assert_eq!(
            Tile::parse(text(&case, "path").strip_prefix("tile/").expect("as the vectors are")),
            Some(tile)
        );
    }
    for case in cases(EVIDENCE, "not_tile_paths") {
        let path = text(&case, "path").strip_prefix("tile/").expect("as the vectors are");
        assert_eq!(Tile::parse(path), None, "{case}");
    }
    for case in cases(EVIDENCE, "tiles") {
        let tile =
            Tile::parse(text(&case, "path").strip_prefix("tile/").expect("as the vectors are"))
                .expect("one");
        let mut bytes = Vec::new();
        if tile.level.is_none() {
            tile.range().for_each(|index| put_entry(&mut bytes, &leaf(index)));
            assert_eq!(read_entries(&bytes).expect("whole").len() as u64, tile.width);
            assert_eq!(read_entries(&bytes[..bytes.len() - 1]), None);
        } else {
            let (_, hashes) = tiles(number(&case, "of_size"))
                .into_iter()
                .find(|(other, _)| *other == tile)
                .expect("it is one of the tree's");
            hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
            assert_eq!(read_hashes(&bytes), Some(hashes));
            assert_eq!(read_hashes(&bytes[1..]), None);
        }
        assert_eq!(Hash::of(&bytes), hash(&case, "sha256"), "{case}");
    }
}

#[test]
fn notes_are_signed_forged_or_neither_as_the_vectors_say() {
    for case in cases(EVIDENCE, "notes") {
        let note = Note::parse(text(&case, "note")).expect("a note");
        assert_eq!(note.to_string(), text(&case, "note"));
        let key = Verifier::parse(text(&case, "key")).expect("a key");
        assert_eq!(key.to_string(), text(&case, "key"));
        let expected = match text(&case, "verdict") {
            "signed" => Verdict::Signed(case["at_s"].as_u64()),
            "forged" => Verdict::Forged,
            _ => Verdict::Absent,
        };
        assert_eq!(key.verdict(&note), expected, "{case}");
        if let Some(secret) = case["secret"].as_str() {
            let secret = hex(secret).try_into().expect("32 bytes");
            let signer = Signer::new(key.name(), key.purpose(), &secret).expect("a name");
            assert_eq!(signer.verifier(), key);
            let line = match key.purpose() {
                Purpose::Log => signer.sign(&note.text),
                Purpose::Witness => signer.cosign(&note.text, number(&case, "at_s")),
            };
            assert!(note.signatures.contains(&line), "Ed25519 leaves no choice: {case}");
        }
        if case["size"].is_u64() {
            let signed = Signed::open(text(&case, "note"), &key).expect("a checkpoint");
            let (origin, size) = (key.name().to_owned(), number(&case, "size"));
            let root = hash(&case, "root");
            assert_eq!(signed.checkpoint, Checkpoint { origin, size, root });
            assert_eq!(signed.checkpoint.text(), note.text);
        }
    }
    for case in cases(EVIDENCE, "not_notes") {
        assert_eq!(Note::parse(text(&case, "note")), None, "{case}");
    }
}

#[test]
fn proofs_show_what_the_vectors_say() {
    for case in cases(EVIDENCE, "proofs") {
        let proof = Proof::parse(text(&case, "proof")).expect("a proof");
        assert_eq!(proof.to_string(), text(&case, "proof"));
        let key = Verifier::parse(text(&case, "key")).expect("a key");
        let shown = match proof.check(leaf_hash(text(&case, "leaf").as_bytes()), &key) {
            Shown::Included(_) => "included",
            Shown::NotIncluded => "not_included",
            Shown::NotSigned => "not_signed",
        };
        assert_eq!(shown, text(&case, "shows"), "{case}");
    }
}

#[test]
fn manifests_are_canonical_signed_and_linked_as_the_vectors_say() {
    let all = cases(EVIDENCE, "manifests");
    let read = |case: &Value| {
        Manifest::read(case["manifest"].as_object().expect("as the vectors are")).expect("one")
    };
    for case in &all {
        let manifest = read(case);
        assert_eq!(manifest.canonical(), text(case, "canonical").as_bytes(), "{case}");
        assert_eq!(manifest.hash(), hash(case, "hash"), "{case}");
        let key = DeviceKey::parse(text(case, "key")).expect("a key");
        assert_eq!(DeviceKey::parse(&key.to_string()), Some(key.clone()));
        assert_eq!(json!(manifest.is_signed_by(&key)), case["signature_holds"], "{case}");
        let Some(before) = case["after"].as_str() else { continue };
        let before = all.iter().find(|case| case["id"] == before).expect("the one before");
        let link = match manifest.link_from(&read(before)) {
            Link::Follows => "follows",
            Link::Gap(1) => "gap",
            Link::Broken => "broken",
            Link::Gap(_) | Link::Unknown => "unknown",
        };
        assert_eq!(link, text(case, "link"), "{case}");
    }
}

#[test]
fn receipts_hold_as_the_vectors_say() {
    for case in cases(EVIDENCE, "receipts") {
        let key = Verifier::parse(text(&case, "key")).expect("a key");
        let receipt = Receipt::open(text(&case, "receipt"), &key);
        assert_eq!(json!(receipt.is_some()), case["holds"], "{case}");
        let Some(receipt) = receipt else { continue };
        let members = json!({
            "photo_id": receipt.photo_id, "sha256": receipt.sha256, "bytes": receipt.bytes,
            "manifest": receipt.manifest, "received_ms": receipt.received_ms,
            "leaf": receipt.leaf, "worm": receipt.worm,
        });
        for (name, value) in members.as_object().expect("as the vectors are") {
            assert_eq!(*value, case[name], "{name} of {case}");
        }
        let signer = Signer::new(key.name(), Purpose::Log, &std::array::from_fn(|n| n as u8));
        assert_eq!(receipt.sign(&signer.expect("as the vectors are")), text(&case, "receipt"));
    }
}

#[test]
fn entries_of_the_log_are_read_and_written_as_the_vectors_have_them() {
    for case in cases(EVIDENCE, "events") {
        let leaf = text(&case, "leaf").as_bytes();
        assert_eq!(leaf_hash(leaf), hash(&case, "hash"), "{case}");
        let entry = Entry::read(leaf);
        assert_eq!(entry.is_some(), case["event"].is_string(), "{case}");
        let Some(entry) = entry else { continue };
        let written = entry.leaf().expect("it is short enough");
        assert_eq!(String::from_utf8_lossy(&written), text(&case, "leaf"));
        assert_eq!(json!(entry)["event"], case["event"]);
    }
}

#[test]
fn enrolments_are_read_and_signed_as_the_vectors_say() {
    for case in cases(EVIDENCE, "enrolments") {
        if let Some(sent) = case["invitation"].as_str() {
            let invitation = Invitation::parse(sent);
            let server = invitation.as_ref().map(|invitation| invitation.server.as_str());
            assert_eq!(json!(server), case["server"], "{case}");
            let Some(invitation) = invitation else { continue };
            assert_eq!(invitation.to_string(), sent);
            assert_eq!(invitation.code, text(&case, "code"));
            let key = Verifier::parse(text(&case, "key")).expect("a key");
            assert_eq!(log_fingerprint(&key), hash(&case, "log"));
            assert_eq!(invitation.log, hash(&case, "log"));
            continue;
        }
        let device = text(&case, "device").parse().expect("a device");
        let key = DeviceKey::parse(text(&case, "key")).expect("a key");
        let before = case["before"].as_str().and_then(DeviceKey::parse);
        let signed = match &before {
            Some(before) => rotated_bytes(before, device, &key),
            None => enrolled_bytes(text(&case, "code"), device, &key),
        };
        assert_eq!(String::from_utf8_lossy(&signed), text(&case, "signed"), "{case}");
        let has_signed = |key: &DeviceKey, name: &str| {
            key.has_signed(&signed, &from_base64(text(&case, name)).expect("a signature"))
        };
        let holds = has_signed(&key, "signature")
            && before.is_none_or(|before| has_signed(&before, "signature_before"));
        assert_eq!(json!(holds), case["holds"], "{case}");
    }
}

#[test]
fn commitments_are_those_of_the_vectors() {
    for case in cases(EVIDENCE, "commitments") {
        let salt = hex(text(&case, "salt")).try_into().expect("32 bytes");
        let made = Commitment::of(&salt, text(&case, "name"), &hex(text(&case, "value")));
        assert_eq!(json!(made), case["commitment"]);
    }
}

/// The leaves of the largest tree, its perfect subtrees, and the root of every size up to it.
fn grown(size: u64) -> (Vec<Hash>, BTreeMap<Node, Hash>, Vec<Hash>) {
    let leaves: Vec<Hash> = (0..size).map(|index| leaf_hash(&leaf(index))).collect();
    let (mut edge, mut nodes) = (Edge::default(), BTreeMap::new());
    let mut roots = vec![edge.root()];
    for leaf in &leaves {
        nodes.extend(edge.push(*leaf));
        roots.push(edge.root());
    }
    (leaves, nodes, roots)
}

#[test]
fn every_leaf_of_every_tree_is_proved_and_no_other() {
    let (leaves, nodes, roots) = grown(300);
    for (size, root) in (0..=300_u64).zip(roots) {
        assert_eq!(Range::whole(size).hash(|node| nodes.get(&node).copied()), Some(root));
        let of = |range: &Range| range.hash(|node| nodes.get(&node).copied()).expect("it is there");
        for (index, leaf) in (0..size).zip(&leaves) {
            let path: Vec<Hash> = inclusion(index, size).iter().map(of).collect();
            assert!(is_included(*leaf, index, size, &path, root), "{index} of {size}");
            assert!(!is_included(*leaf, index ^ 1, size, &path, root), "{index} of {size}");
            assert!(!is_included(root, index, size, &path, root) || size == 1);
        }
    }
}

#[test]
fn every_tree_is_the_beginning_of_every_larger_one_and_of_no_other() {
    let (_, nodes, roots) = grown(300);
    let root = |size: u64| roots[usize::try_from(size).expect("as the vectors are")];
    let of = |range: &Range| range.hash(|node| nodes.get(&node).copied()).expect("it is there");
    let forked = Hash::of(b"another tree");
    for to in 0..=300_u64 {
        for from in 0..=to {
            let proof: Vec<Hash> = consistency(from, to).iter().map(of).collect();
            let (old, new) = ((from, root(from)), (to, root(to)));
            assert!(is_consistent(old, new, &proof), "{from} to {to}");
            assert!(!is_consistent((from, forked), new, &proof), "{from} to {to}");
            if from > 0 {
                assert!(!is_consistent(old, (to, forked), &proof), "{from} to {to}");
            }
            if let Some((_, shorter)) = proof.split_last() {
                assert!(!is_consistent(old, new, shorter), "{from} to {to}");
            }
        }
    }
}

#[test]
fn tiles_hold_every_subtree_of_a_tree_of_three_levels() {
    let (_, nodes, _) = grown(300);
    let hashes = all_hashes(300);
    for (node, hash) in nodes {
        assert_eq!(hashes.node(node), Some(hash), "{node:?}");
        assert!(Tile::around(node, 300).width > 0, "{node:?}");
    }
    assert_eq!(Edge::of(300, |node| hashes.node(node)), Some(edge(300)));
    // 70,000 entries, as the specification counts them.
    let widths: Vec<(u32, usize)> = (0..3)
        .map(|level| (level, Tile::all(70_000).iter().filter(|t| t.level == Some(level)).count()))
        .collect();
    assert_eq!(widths, [(0, 274), (1, 2), (2, 1)]);
    assert_eq!(Tile::of(0, 273, 70_000).width, 112);
    assert_eq!(Tile::of(1, 1, 70_000).width, 17);
    assert_eq!(Tile::of(2, 0, 70_000).width, 1);
}
