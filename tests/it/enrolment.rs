//! Device keys: how a phone is enrolled, what its signature is then worth, which of its photos are
//! missing, and what an auditor makes of all that.

mod sightings;

use crate::actors::Actor;
use crate::evidence::{auditor, bytes, key, proof};
use crate::uploads::{location, patch, picture, plan, sha256};
use crate::world::{World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use reqwest::Method;
use saolou_protocol::evidence::device_key::DeviceKey;
use saolou_protocol::evidence::enrolment::{
    Invitation, enrolled_bytes, log_fingerprint, rotated_bytes,
};
use saolou_protocol::evidence::event::{Entry, Event};
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::ids::DeviceId;
use saolou_server::commands::evidence::verify;
use saolou_server::config::{TrustedKeys, Verify};
use serde_json::{Value, json};
use uuid::Uuid;

/// What signs in a phone.
enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    Es256(p256::ecdsa::SigningKey),
}

impl Secret {
    fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    fn es256(seed: u8) -> Self {
        Self::Es256(
            p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a number below the order"),
        )
    }

    fn public(&self) -> DeviceKey {
        match self {
            Self::Ed25519(key) => DeviceKey::Ed25519(key.verifying_key()),
            Self::Es256(key) => DeviceKey::Es256(*key.verifying_key()),
        }
    }

    fn sign(&self, message: &[u8]) -> String {
        match self {
            Self::Ed25519(key) => STANDARD.encode(key.sign(message).to_bytes()),
            Self::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                STANDARD.encode(signature.to_bytes())
            }
        }
    }
}

async fn invite(qian: &Actor, user: Option<&str>) -> Value {
    let mut body = json!({ "street_id": id("street"), "server": "https://saolou.example" });
    if let Some(user) = user {
        body["user_id"] = json!(id(user));
    }
    let answer = qian.send(Method::POST, "/api/v1/enrolments", Some(body)).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

/// What a phone sends with a code.
fn request(code: &str, device: Uuid, secret: &Secret) -> Value {
    let key = secret.public();
    let signature = secret.sign(&enrolled_bytes(code, DeviceId(device), &key));
    json!({ "code": code, "device": device, "public_key": key.to_string(), "signature": signature })
}

async fn enrol(world: &World, who: &Actor, secret: &Secret) -> Value {
    let invited = invite(&world.actor("qian").await, None).await;
    let code = invited["code"].as_str().expect("a code");
    let asked = request(code, who.device, secret);
    let answer = who.send(Method::POST, "/api/v1/devices/enrol", Some(asked)).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

/// The manifest of a photo, as a phone makes it; with a key, signed.
fn manifest(
    seq: u64,
    previous: Option<&Value>,
    photo: &str,
    bytes: &[u8],
    secret: Option<&Secret>,
) -> Value {
    let mut manifest = json!({
        "photo_id": id(photo), "sha256": sha256(bytes), "bytes": bytes.len(),
        "kind": "vacant_interior", "building": id("building"), "device_id": id("phone of wang"),
        "location": { "none": "no_fix" }, "seq": seq,
    });
    if let Some(previous) = previous {
        let of = Manifest::read(previous.as_object().expect("an object")).expect("a manifest");
        manifest["previous"] = json!(of.hash());
    }
    if let Some(secret) = secret {
        let read = Manifest::read(manifest.as_object().expect("an object")).expect("a manifest");
        manifest["signature"] = json!(secret.sign(&read.signed_bytes()));
    }
    manifest
}

/// Plans a photo and sends it; gives the plan's answer afterwards.
async fn deliver(who: &Actor, manifest: &Value, bytes: &[u8]) -> Value {
    let planned = plan(who, std::slice::from_ref(manifest)).await.remove(0);
    if planned["do"] == "need" {
        let sent = patch(who, &location(&planned), 0, bytes).await;
        assert_eq!(sent.status(), 204, "a photo is taken whatever its manifest says");
    }
    plan(who, std::slice::from_ref(manifest)).await.remove(0)
}

async fn numbers(who: &Actor) -> Value {
    who.get(&format!("/api/v1/devices/{}/manifests", id("phone of wang"))).await
}

async fn devices(who: &Actor) -> Vec<Value> {
    let path = format!("/api/v1/devices?unit={}", id("street"));
    who.get(&path).await["devices"].as_array().expect("devices").clone()
}

/// What the log says of a kind, in its order.
async fn logged(world: &World, is_one: impl Fn(&Event) -> bool) -> Vec<Event> {
    let bodies = world.direct().await.bytes("select body from evidence_event").await;
    let events = bodies.iter().filter_map(|body| Some(Entry::read(body)?.event));
    events.filter(is_one).collect()
}

/// What the log says that the signature of a photo was worth.
async fn worth(world: &World, photo: &str) -> Option<String> {
    let found = logged(world, |event| event.photo_id().is_some_and(|of| of.0 == id(photo))).await;
    let signature = |event| match event {
        Event::Received { signature, .. } => Some(signature),
        _ => None,
    };
    found.into_iter().find_map(signature).expect("it was received")
}

on_both! {
    async fn a_phone_registers_its_key_with_a_code_that_works_once(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        for (n, secret) in [Secret::ed25519(1), Secret::es256(2)].into_iter().enumerate() {
            let invited = invite(&qian, Some("wang")).await;
            let text = invited["text"].as_str().expect("a text");
            let invitation = Invitation::parse(text).expect("an invitation");
            assert_eq!(invitation.server, "https://saolou.example");
            assert_eq!(invitation.log, log_fingerprint(&key(&wang).await));
            assert!(text.len() < 300, "a code that a camera reads: {text}");
            let device = id(&format!("phone {n}"));
            let asked = request(&invitation.code, device, &secret);
            let path = "/api/v1/devices/enrol";
            let first = wang.send(Method::POST, path, Some(asked.clone())).await;
            assert_eq!(first.status(), 200);
            let first: Value = first.json().await.expect("JSON");
            assert_eq!(first["fingerprint"], json!(secret.public().fingerprint()));
            assert_eq!(first["log_keys"][0], json!(key(&wang).await.to_string()));
            let again: Value = wang.send(Method::POST, path, Some(asked)).await.json().await.expect("JSON");
            assert_eq!(again["fingerprint"], first["fingerprint"], "a lost answer comes again");
            for other in [request(&invitation.code, id("other"), &secret),
                request(&invitation.code, device, &Secret::ed25519(9))] {
                wang.refused(Method::POST, path, Some(other), 422, "enrolment_refused").await;
            }
            let found = devices(&qian).await;
            let found = found.iter().find(|one| one["device"] == json!(device)).expect("it is listed");
            assert_eq!(found["key"]["fingerprint"], first["fingerprint"]);
            assert_eq!((&found["name"], &found["manifests_missing"]), (&json!("wang"), &json!(0)));
        }
        let entries = logged(&world, |event| matches!(event, Event::DeviceKey { .. })).await;
        assert_eq!(entries.len(), 2, "one entry a key: {entries:?}");
        assert_eq!(world.number("select count(*) from enrolment where code_hash is not null").await, 2);
    }

    async fn a_code_is_nobody_elses_ends_and_cannot_be_guessed(world: World) {
        let (qian, wang, lin) =
            (world.actor("qian").await, world.actor("wang").await, world.actor("lin").await);
        let stranger = world.actor("stranger").await;
        let secret = Secret::ed25519(1);
        let code = |invited: &Value| invited["code"].as_str().expect("a code").to_owned();
        let path = "/api/v1/devices/enrol";
        let refused = async |who: &Actor, asked: Value| {
            who.refused(Method::POST, path, Some(asked), 422, "enrolment_refused").await;
        };
        let his = code(&invite(&qian, Some("wang")).await);
        refused(&lin, request(&his, lin.device, &secret)).await;
        let anybodys = code(&invite(&qian, None).await);
        refused(&stranger, request(&anybodys, stranger.device, &secret)).await;
        // Whoever has the code and not the secret half registers nothing.
        let mut forged = request(&his, wang.device, &Secret::ed25519(2));
        forged["public_key"] = json!(secret.public().to_string());
        wang.refused(Method::POST, path, Some(forged), 422, "invalid").await;
        world.clock.set_ms(world.clock.now_ms() + 29 * 60 * 1000);
        let late = request(&his, wang.device, &secret);
        let in_time = wang.send(Method::POST, path, Some(late)).await;
        assert_eq!(in_time.status(), 200);
        world.clock.set_ms(world.clock.now_ms() + 60 * 1000);
        let (lin, wang) = (world.actor("lin").await, world.actor("wang").await);
        refused(&lin, request(&anybodys, lin.device, &secret)).await;
        for guess in 0..9 {
            refused(&lin, request(&format!("AAAA-{guess}"), lin.device, &secret)).await;
        }
        let one_more = request("AAAA-BBBB", lin.device, &secret);
        lin.refused(Method::POST, path, Some(one_more), 429, "too_many_attempts").await;
        // Only for a street that one supervises, and not without end.
        let body = json!({ "street_id": id("street"), "server": "https://saolou.example" });
        let other = world.actor("other qian").await;
        other.refused(Method::POST, "/api/v1/enrolments", Some(body.clone()), 404, "not_found").await;
        wang.refused(Method::POST, "/api/v1/enrolments", Some(body.clone()), 403, "forbidden").await;
        let qian = world.actor("qian").await;
        for _ in 0..50 {
            invite(&qian, None).await;
        }
        qian.refused(Method::POST, "/api/v1/enrolments", Some(body), 429, "too_many_attempts").await;
    }

    async fn a_key_is_replaced_by_one_that_both_sign_and_what_the_old_one_signed_stays(world: World) {
        let wang = world.actor("wang").await;
        let (old, new) = (Secret::es256(1), Secret::ed25519(2));
        enrol(&world, &wang, &old).await;
        let (key, device) = (new.public(), DeviceId(wang.device));
        let message = rotated_bytes(&old.public(), device, &key);
        let path = format!("/api/v1/devices/{device}/key");
        let asked = |before: &Secret| json!({
            "public_key": key.to_string(), "signature": new.sign(&message),
            "signature_before": before.sign(&message),
        });
        wang.refused(Method::POST, &path, Some(asked(&new)), 422, "invalid").await;
        let lin = world.actor("lin").await;
        lin.refused(Method::POST, &path, Some(asked(&old)), 404, "not_found").await;
        for _ in 0..2 {
            let answer = wang.send(Method::POST, &path, Some(asked(&old))).await;
            assert_eq!(answer.status(), 200, "also where the answer was lost");
        }
        let photo = picture("old", 2_000);
        deliver(&wang, &manifest(1, None, "old", &photo, Some(&old)), &photo).await;
        assert_eq!(worth(&world, "old").await.as_deref(), Some("valid"));
        let entries = logged(&world, |event| matches!(event, Event::DeviceKey { .. })).await;
        let before: Vec<_> = entries.iter().map(|event| match event {
            Event::DeviceKey { before, .. } => *before,
            _ => None,
        }).collect();
        assert!(before.contains(&Some(old.public().fingerprint())), "{entries:?}");
        assert_eq!(entries.len(), 2);
    }

    async fn a_photo_is_taken_whatever_its_signature_is_worth_and_the_desk_sees_it(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        let (secret, thief) = (Secret::ed25519(1), Secret::ed25519(6));
        let early = picture("early", 2_000);
        let first = manifest(1, None, "early", &early, Some(&secret));
        assert_eq!(deliver(&wang, &first, &early).await["do"], "have");
        assert_eq!(worth(&world, "early").await.as_deref(), Some("unknown_key"));
        enrol(&world, &wang, &secret).await;
        let mut last = first;
        for (seq, photo, by, expected) in [
            (2, "signed", Some(&secret), "valid"),
            (3, "forged", Some(&thief), "invalid"),
            (4, "bare", None, "absent"),
        ] {
            let bytes = picture(photo, 2_000);
            last = manifest(seq, Some(&last), photo, &bytes, by);
            let here = deliver(&wang, &last, &bytes).await;
            assert_eq!((&here["do"], &here["state"]), (&json!("have"), &json!("stored")), "{here}");
            assert!(here["receipt"].is_string(), "a receipt for each");
            assert_eq!(worth(&world, photo).await.as_deref(), Some(expected));
        }
        let told = numbers(&qian).await;
        let unproved = told["unproved"].as_array().expect("a list");
        let unproved: Vec<_> = unproved.iter().map(|one| (&one["seq"], &one["signature"])).collect();
        assert_eq!(unproved, [(&json!(3), &json!("invalid")), (&json!(4), &json!("absent"))],
            "what came before the key was registered is proved now: {told}");
        let other = world.actor("other qian").await;
        let path = format!("/api/v1/devices/{}/manifests", wang.device);
        other.refused(Method::GET, &path, None, 404, "not_found").await;
    }

    async fn a_photo_that_was_removed_is_a_gap_and_one_whose_manifest_came_is_named(world: World) {
        let (qian, wang) = (world.actor("qian").await, world.actor("wang").await);
        let secret = Secret::es256(1);
        enrol(&world, &wang, &secret).await;
        let mut chain: Vec<(Value, Vec<u8>)> = Vec::new();
        for seq in 1..=7 {
            let bytes = picture(&format!("photo {seq}"), 1_500);
            let before = chain.last().map(|(manifest, _)| manifest.clone());
            let made = manifest(seq, before.as_ref(), &format!("photo {seq}"), &bytes, Some(&secret));
            chain.push((made, bytes));
        }
        // Last first, without the third and the fourth; of the sixth nothing but its manifest.
        for at in [6, 5, 4, 1, 0] {
            let (manifest, bytes) = &chain[at];
            if at == 5 {
                plan(&wang, std::slice::from_ref(manifest)).await;
            } else {
                deliver(&wang, manifest, bytes).await;
            }
        }
        let told = numbers(&qian).await;
        assert_eq!((&told["last_seq"], &told["missing"]), (&json!(7), &json!([[3, 4]])), "{told}");
        assert_eq!(told["not_here"], json!([id("photo 6")]));
        assert_eq!((&told["broken"], &told["doubled"]), (&json!([]), &json!([])));
        assert_eq!(devices(&qian).await[0]["manifests_missing"], 2);
        // Another one in the place of the third: it names what was before it, and is not named.
        let bytes = picture("another", 1_500);
        let another = manifest(3, Some(&chain[1].0), "another", &bytes, Some(&secret));
        deliver(&wang, &another, &bytes).await;
        let (fourth, of_fourth) = &chain[3];
        deliver(&wang, fourth, of_fourth).await;
        assert_eq!(numbers(&qian).await["broken"], json!([4]));
        let (third, of_third) = &chain[2];
        deliver(&wang, third, of_third).await;
        let told = numbers(&qian).await;
        assert_eq!((&told["broken"], &told["doubled"]), (&json!([]), &json!([3])), "{told}");
    }

    async fn an_auditor_proves_the_device_with_nothing_but_the_key_of_the_log(world: World) {
        let (wang, shen) = (world.actor("wang").await, auditor(&world).await);
        let secret = Secret::es256(1);
        let photo = picture("photo", 3_000);
        enrol(&world, &wang, &secret).await;
        deliver(&wang, &manifest(1, None, "photo", &photo, Some(&secret)), &photo).await;
        proof(&wang, id("photo")).await;
        let path = format!("/api/v1/evidence/photos/{}/bundle", id("photo"));
        let file = world.folder().join("bundle.zip");
        std::fs::write(&file, bytes(&shen, &path).await).expect("it is ours");
        let keys = TrustedKeys { key: vec![key(&wang).await.to_string()], ..Default::default() };
        let folder = world.folder().join("bundle");
        let zip = std::fs::File::open(&file).expect("it is there");
        zip::ZipArchive::new(zip).expect("a ZIP file").extract(&folder).expect("whole files");
        let judge = || {
            verify(&Verify::Bundle { bundle: folder.clone(), keys: keys.clone() }).expect("told")
        };
        let report = judge().to_string();
        for words in ["the log says was registered", "committed to device being"] {
            assert!(report.contains(words), "{words}: {report}");
        }
        assert_eq!(judge().exit_code(), 0, "{report}");
        // Somebody else's key, and his signature: the log knows nothing of it.
        let thief = Secret::ed25519(6);
        let forged = manifest(1, None, "photo", &photo, Some(&thief));
        std::fs::write(folder.join("manifest.json"), forged.to_string()).expect("it is ours");
        assert_eq!(judge().exit_code(), 1, "it is not signed by the enclosed key");
        std::fs::write(folder.join("device.key"), thief.public().to_string()).expect("it is ours");
        let report = judge().to_string();
        assert!(!report.contains("the log says was registered"), "{report}");
    }
}
