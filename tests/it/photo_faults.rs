//! Photos while servers die and lines break: at every step of a completion, at any byte of a request
//! or of its reply. Whatever happens, the phone asks, sends the rest, and ends with a receipt; there
//! is one row and one original, and no offset ever went back.

use crate::actors::Actor;
use crate::evidence::key;
use crate::hand::faults_factor;
use crate::process::Process;
use crate::uploads::{location, manifest, patch, picture, plan, sha256};
use crate::world::{Database, World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::receipt::Receipt;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// How far the places lie apart at which a request and its reply are cut.
const STEP_BYTES: usize = 31;

/// The same person, at a server that runs elsewhere now.
pub(crate) fn moved(actor: &Actor, base: &str) -> Actor {
    let (token, refresh_token) = (actor.token.clone(), actor.refresh_token.clone());
    let (http, base) = (reqwest::Client::new(), base.to_owned());
    Actor { http, base, token, refresh_token, user: actor.user, device: actor.device }
}

/// Where an original lies.
pub(crate) fn place(folder: &Path, bytes: &[u8]) -> PathBuf {
    let name = sha256(bytes);
    folder.join("photos/sha256").join(&name[..2]).join(name)
}

/// A phone asks what is still to be sent, sends it, and has a receipt in the end; gives the receipt.
pub(crate) async fn send_rest(
    actor: &Actor,
    photo: &str,
    bytes: &[u8],
    acknowledged: u64,
) -> String {
    let manifests = [manifest(photo, bytes)];
    let mut here = plan(actor, &manifests).await.remove(0);
    let mut acknowledged = acknowledged;
    while here["do"] != "have" {
        let offset = here["offset"].as_u64().unwrap_or_else(|| panic!("an offset: {here}"));
        assert!(offset >= acknowledged, "{photo}: {offset} after {acknowledged}");
        acknowledged = offset;
        let offset = usize::try_from(offset).expect("a small photo");
        let sent = patch(actor, &location(&here), offset, &bytes[offset..]).await;
        // What was cut off may still have been on its way: then the upload stands elsewhere.
        assert!([204, 409].contains(&sent.status().as_u16()), "{photo}: {}", sent.status());
        here = plan(actor, &manifests).await.remove(0);
    }
    assert_eq!((&here["do"], &here["state"]), (&json!("have"), &json!("stored")), "{here}");
    let receipt = here["receipt"].as_str().expect("a receipt").to_owned();
    let opened = Receipt::open(&receipt, &key(actor).await).expect("a receipt of this log");
    assert_eq!((opened.photo_id.0, opened.sha256), (id(photo), Hash::of(bytes)));
    receipt
}

/// The server is started again, and the phone does its part once more.
async fn repeat(world: &World, who: &Actor, photo: &str, bytes: &[u8], acknowledged: u64) {
    let process = Process::start(world);
    send_rest(&moved(who, &process.base), photo, bytes, acknowledged).await;
    process.kill();
}

/// Checks that so many photos are here, each once, with a row, an op and a whole original, and that
/// nothing else lies about.
pub(crate) async fn assert_each_once(world: &World, photos: usize) {
    let count = i64::try_from(photos).expect("a small number");
    for sql in [
        "select count(*) from photo where state = 'stored'",
        "select count(*) from photo",
        "select count(*) from op where kind = 'photo_verified'",
        "select count(distinct sha256) from job",
    ] {
        assert_eq!(world.number(sql).await, count, "{sql}");
    }
    let mut originals = 0;
    for folder in std::fs::read_dir(world.folder().join("photos/sha256")).expect("a folder") {
        for original in std::fs::read_dir(folder.expect("an entry").path()).expect("a folder") {
            let original = original.expect("an entry");
            let bytes = std::fs::read(original.path()).expect("it may be read");
            assert_eq!(sha256(&bytes), original.file_name().to_string_lossy(), "it is whole");
            originals += 1;
        }
    }
    assert_eq!(originals, photos, "one original a photo");
}

async fn until_so(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..20_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{what}: not in time");
}

/// Starts sending the rest of an upload, and does not wait for it.
fn sending(
    actor: &Actor,
    path: &str,
    offset: usize,
    bytes: &[u8],
) -> tokio::task::JoinHandle<Option<u16>> {
    let request = actor.request(Method::PATCH, path).header("Tus-Resumable", "1.0.0");
    let request = request.header("Upload-Offset", offset.to_string());
    let request = request.header("Content-Type", "application/offset+octet-stream");
    let request = request.body(bytes[offset..].to_vec());
    tokio::spawn(async move { Some(request.send().await.ok()?.status().as_u16()) })
}

on_both! {
    async fn a_server_killed_at_any_step_of_a_completion_loses_and_doubles_nothing(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        world.stop().await;
        let mut photos = 0;
        // While the bytes that are here are hashed again, before they are linked to their place.
        for _ in 0..faults_factor() {
            photos += 1;
            let (name, process) = (format!("photo {photos}"), Process::start(&world));
            let (wang, bytes) = (moved(&wang, &process.base), picture(&name, 4_000_000));
            let path = location(&plan(&wang, &[manifest(&name, &bytes)]).await[0]);
            assert_eq!(patch(&wang, &path, 0, &bytes[..1_000_000]).await.status(), 204);
            let phone = sending(&wang, &path, 1_000_000, &bytes);
            let upload = path.rsplit('/').next().expect("an id").to_owned();
            let part = world.folder().join("photos/incoming").join(upload);
            until_so("all bytes are here", async || {
                std::fs::metadata(&part).is_ok_and(|file| file.len() == 4_000_000)
                    || place(world.folder(), &bytes).exists()
            }).await;
            process.kill();
            phone.await.expect("a phone that gives up");
            repeat(&world, &wang, &name, &bytes, 1_000_000).await;
        }
        // When it is linked, at each table that the commit writes, or where SQLite waits to begin.
        let tables: &[&str] = match world.database {
            Database::Sqlite => &[""],
            Database::Postgres => &["op", "photo", "upload", "evidence_event", "job"],
        };
        for table in tables {
            photos += 1;
            let (name, process) = (format!("photo {photos}"), Process::start(&world));
            let (wang, bytes) = (moved(&wang, &process.base), picture(&name, 50_000));
            let mut manifest = manifest(&name, &bytes);
            manifest["seq"] = json!(photos);
            let path = location(&plan(&wang, &[manifest]).await[0]);
            assert_eq!(patch(&wang, &path, 0, &bytes[..20_000]).await.status(), 204);
            let mut gate = world.direct().await;
            if table.is_empty() {
                gate.execute("begin immediate").await;
            } else {
                gate.execute("begin").await;
                gate.execute(&format!("lock table {table} in exclusive mode")).await;
            }
            let phone = sending(&wang, &path, 20_000, &bytes);
            until_so("it is linked", async || place(world.folder(), &bytes).exists()).await;
            if !table.is_empty() {
                let waiting = format!(
                    "select count(*) from pg_locks where not granted and relation = '{table}'::regclass"
                );
                until_so(table, async || world.number(&waiting).await > 0).await;
            }
            process.kill();
            gate.let_go().await;
            assert_eq!(phone.await.expect("a phone that gives up"), None, "{table}: no answer");
            repeat(&world, &wang, &name, &bytes, 20_000).await;
        }
        // When it is committed and the answer is on its way.
        photos += 1;
        let (name, process) = (format!("photo {photos}"), Process::start(&world));
        let bytes = picture(&name, 50_000);
        let stream = unheard(by_tus, &moved(&wang, &process.base), &name, &bytes).await;
        let count = i64::try_from(photos).expect("a small number");
        until_so("it is committed", async || world.number("select count(*) from photo").await == count).await;
        process.kill();
        drop(stream);
        repeat(&world, &wang, &name, &bytes, 50_000).await;
        assert_each_once(&world, photos).await;
        let (code, told) = crate::rebuild::rebuild(&world).await;
        assert_eq!(code, Some(0), "{told}");
    }

    async fn a_request_that_is_cut_at_any_byte_is_gone_on_with(world: World) {
        let wang = world.actor("wang").await;
        let step = (STEP_BYTES / faults_factor()).max(1);
        let (mut photos, mut resumed) = (0, 0);
        for way in WAYS {
            for cut_at in (1..).step_by(step) {
                photos += 1;
                let name = format!("photo {photos}");
                let bytes = picture(&name, 100);
                let (head, body) = way(&wang, &name, &bytes).await;
                let sent = [head.as_bytes(), &body].concat();
                let whole = cut_at >= sent.len();
                let mut stream = TcpStream::connect(wang.base.strip_prefix("http://").expect("http"))
                    .await.expect("a connection");
                stream.write_all(&sent[..cut_at.min(sent.len())]).await.expect("sent");
                drop(stream);
                let planned = plan(&wang, &[manifest(&name, &bytes)]).await.remove(0);
                let arrived = cut_at.saturating_sub(head.len());
                if let Some(offset) = planned["offset"].as_u64() {
                    assert!(offset <= arrived as u64, "{name}: {offset} of {arrived}");
                    resumed += usize::from(offset > 0);
                }
                send_rest(&wang, &name, &bytes, 0).await;
                if whole {
                    break;
                }
            }
        }
        assert!(photos > 4 * 10, "places of each request: {photos}, gone on with {resumed}");
        assert_each_once(&world, photos).await;
    }

    async fn an_answer_that_is_lost_after_the_commit_comes_again(world: World) {
        let wang = world.actor("wang").await;
        let mut photos = 0;
        for way in WAYS {
            photos += 1;
            let name = format!("photo {photos}");
            let bytes = picture(&name, 3_000);
            let stream = unheard(way, &wang, &name, &bytes).await;
            let sql = "select count(*) from photo";
            until_so("it is committed", async || world.number(sql).await == photos).await;
            drop(stream);
            let first = send_rest(&wang, &name, &bytes, 3_000).await;
            assert_eq!(send_rest(&wang, &name, &bytes, 3_000).await, first, "the same receipt");
        }
        assert_each_once(&world, usize::try_from(photos).expect("a small number")).await;
    }

    async fn one_photo_that_comes_in_three_protocols_at_once_is_one(world: World) {
        let wang = world.actor("wang").await;
        let rounds = 3 * faults_factor();
        for round in 0..rounds {
            let name = format!("photo {round}");
            let bytes = picture(&name, 150_000);
            let path = location(&plan(&wang, &[manifest(&name, &bytes)]).await[0]);
            let digest = format!("sha-256=:{}:", STANDARD.encode(Hash::of(&bytes).0));
            let put_path = format!("/api/v1/photos/{}?building={}", id(&name), id("building"));
            let put = wang.request(Method::PUT, &put_path).header("content-digest", digest);
            let query = format!("photo_id={}&building={}&sha256={}", id(&name), id("building"), sha256(&bytes));
            let post = wang.request(Method::POST, &format!("/api/v1/uploads?{query}"));
            let post = post.header("Upload-Draft-Interop-Version", "8").header("Upload-Complete", "?1");
            let (tus, ietf, put) = tokio::join!(
                patch(&wang, &path, 0, &bytes),
                post.body(bytes.clone()).send(),
                put.body(bytes.clone()).send(),
            );
            let (ietf, put): (Response, Response) = (ietf.expect("an answer"), put.expect("an answer"));
            let told = [tus.status(), ietf.status(), put.status()].map(|status| status.as_u16());
            assert_eq!(told, [204, 200, 200], "{name}");
            let receipt = send_rest(&wang, &name, &bytes, 150_000).await;
            for answer in [ietf, put] {
                let stored: Value = answer.json().await.expect("JSON");
                assert_eq!(stored["receipt"], json!(receipt), "one entry of the log for all three");
            }
        }
        assert_each_once(&world, rounds).await;
    }
}

/// Sends a photo whole, and hears no answer.
async fn unheard(way: Way, who: &Actor, photo: &str, bytes: &[u8]) -> TcpStream {
    let (head, body) = way(who, photo, bytes).await;
    let server = who.base.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(server).await.expect("a connection");
    stream.write_all(&[head.as_bytes(), &body].concat()).await.expect("sent");
    stream
}

/// A way of sending a photo whole: head and body of the request.
type Way = for<'a> fn(&'a Actor, &'a str, &'a [u8]) -> Sent<'a>;
type Sent<'a> = std::pin::Pin<Box<dyn Future<Output = (String, Vec<u8>)> + 'a>>;

const WAYS: [Way; 4] = [by_tus, by_ietf_patch, by_ietf_post, by_put];

fn by_tus<'a>(who: &'a Actor, photo: &'a str, bytes: &'a [u8]) -> Sent<'a> {
    Box::pin(async move {
        let path = location(&plan(who, &[manifest(photo, bytes)]).await[0]);
        let fields = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
                      Content-Type: application/offset+octet-stream\r\n";
        (head(who, "PATCH", &path, fields, bytes), bytes.to_vec())
    })
}

fn by_ietf_patch<'a>(who: &'a Actor, photo: &'a str, bytes: &'a [u8]) -> Sent<'a> {
    Box::pin(async move {
        let path = location(&plan(who, &[manifest(photo, bytes)]).await[0]);
        let fields = "Upload-Draft-Interop-Version: 8\r\nUpload-Offset: 0\r\n\
                      Upload-Complete: ?1\r\nContent-Type: application/partial-upload\r\n";
        (head(who, "PATCH", &path, fields, bytes), bytes.to_vec())
    })
}

fn by_ietf_post<'a>(who: &'a Actor, photo: &'a str, bytes: &'a [u8]) -> Sent<'a> {
    Box::pin(async move {
        let (photo, building, sha256) = (id(photo), id("building"), sha256(bytes));
        let path = format!("/api/v1/uploads?photo_id={photo}&building={building}&sha256={sha256}");
        let fields = "Upload-Draft-Interop-Version: 8\r\nUpload-Complete: ?1\r\n";
        (head(who, "POST", &path, fields, bytes), bytes.to_vec())
    })
}

fn by_put<'a>(who: &'a Actor, photo: &'a str, bytes: &'a [u8]) -> Sent<'a> {
    Box::pin(async move {
        let path = format!("/api/v1/photos/{}?building={}", id(photo), id("building"));
        let digest = STANDARD.encode(Hash::of(bytes).0);
        let fields = format!("Content-Digest: sha-256=:{digest}:\r\n");
        (head(who, "PUT", &path, &fields, bytes), bytes.to_vec())
    })
}

fn head(who: &Actor, method: &str, path: &str, fields: &str, body: &[u8]) -> String {
    let (host, token, len) = (&who.base["http://".len()..], &who.token, body.len());
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n{fields}\
         Content-Length: {len}\r\n\r\n"
    )
}
