//! Other people's clients of tus against our server: tus-js-client and tuspy, each in processes of
//! their own, as an app would use them. `tests/suites/install` brings them; where it could not, their
//! tests say so and are skipped.

use crate::actors::Actor;
use crate::proxy::{Proxy, impatience};
use crate::uploads::{manifest, picture, plan, sha256};
use crate::world::{DAY_MS, World, id, on_both};
use reqwest::Method;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::note::Verifier;
use saolou_protocol::evidence::receipt::Receipt;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// What a team brings home after a morning.
const PHOTOS: usize = 130;
/// How much of what the server says one connection of a breaking line lets through at most.
const REPLIES_BYTES_MAX: usize = 2_000;
/// How long one process of a client may take, on a machine busy with builds.
const WORK_MAX: Duration = Duration::from_secs(240);

/// A library, and the program that drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    TusJs,
    Tuspy,
}

/// A photo on a phone.
struct Taken {
    name: String,
    bytes: Vec<u8>,
}

/// A phone with other people's software on it.
struct Handset {
    client: Client,
    folder: tempfile::TempDir,
    base: String,
    token: String,
}

impl Client {
    /// Those that are installed.
    fn installed() -> Vec<Self> {
        let here = [Self::TusJs, Self::Tuspy].into_iter().filter(|client| client.is_installed());
        here.collect()
    }

    fn is_installed(self) -> bool {
        let package = match self {
            Self::TusJs => "node_modules/tus-js-client",
            Self::Tuspy => "python/tusclient",
        };
        let is_here = suites().join(package).exists();
        if !is_here {
            #[expect(clippy::print_stderr, reason = "a skipped test says so")]
            {
                eprintln!("{self:?}: skipped, tests/suites/install has not installed it");
            }
        }
        is_here
    }

    const fn program(self) -> (&'static str, &'static str) {
        match self {
            Self::TusJs => ("node", "clients.mjs"),
            Self::Tuspy => ("python3", "clients.py"),
        }
    }
}

fn suites() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/suites")
}

impl Taken {
    fn new(name: &str, bytes: usize) -> Self {
        Self { name: name.to_owned(), bytes: picture(name, bytes) }
    }

    fn manifest(&self) -> Value {
        manifest(&self.name, &self.bytes)
    }
}

impl Handset {
    /// Talks to `base`, as somebody who is signed in.
    fn new(client: Client, actor: &Actor, base: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { client, folder, base: base.to_owned(), token: actor.token.clone() }
    }

    /// What a program is told of a photo: where it is, and where it goes if that was planned.
    fn photo(&self, taken: &Taken, planned: Option<&Value>) -> Value {
        let file = self.folder.path().join(&taken.name);
        std::fs::write(&file, &taken.bytes).expect("room for a photo");
        json!({
            "file": file, "url": planned.map(|planned| planned["location"].clone()),
            "metadata": {
                "photo_id": id(&taken.name), "sha256": sha256(&taken.bytes),
                "building": id("building"), "kind": "vacant_interior", "filename": "执照.jpg",
            },
        })
    }

    /// Runs a job to its end, however it ends.
    async fn run(&self, act: &str, photos: &[Value], more: Value) -> (ExitStatus, String) {
        let storage = self.folder.path().join("urls.json");
        let mut job = json!({
            "do": act, "base": self.base, "token": self.token, "photos": photos,
            "storage": storage,
        });
        let members = job.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        let (program, script) = self.client.program();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites").join(script);
        let mut command = tokio::process::Command::new(program);
        command.arg(script).env("SAOLOU_SUITES", suites()).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("its program is installed");
        let mut told = child.stdin.take().expect("it is piped");
        told.write_all(job.to_string().as_bytes()).await.expect("it listens");
        drop(told);
        let ended = tokio::time::timeout(WORK_MAX, child.wait_with_output()).await;
        let ended = ended.unwrap_or_else(|_| panic!("{:?}: {act} takes too long", self.client));
        let ended = ended.expect("it has ended");
        (ended.status, String::from_utf8(ended.stdout).expect("text"))
    }

    /// Runs a job that must succeed; gives what it says.
    async fn done(&self, act: &str, photos: &[Value], more: Value) -> Value {
        let (status, said) = self.run(act, photos, more).await;
        assert!(status.success(), "{:?}: {act}: {status}", self.client);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{act}: {error}: {said}"))
    }
}

/// Every photo is here once, byte for byte, and its receipt is signed by the log.
async fn assert_here(world: &World, actor: &Actor, taken: &[Taken]) {
    let keys = actor.send(Method::GET, "/evidence/log/key", None).await;
    let keys = keys.text().await.expect("a key");
    let key = Verifier::parse(keys.lines().last().expect("a line")).expect("a key");
    let manifests: Vec<Value> = taken.iter().map(Taken::manifest).collect();
    let planned = plan(actor, &manifests).await;
    let mut direct = world.direct().await;
    for (photo, here) in taken.iter().zip(&planned) {
        assert_eq!((&here["do"], &here["state"]), (&json!("have"), &json!("stored")), "{here}");
        let promised = Receipt::open(here["receipt"].as_str().expect("a receipt"), &key);
        let promised = promised.expect("a receipt of this log");
        let bytes = i64::try_from(promised.bytes).expect("a length");
        assert_eq!((promised.photo_id.0, bytes), (id(&photo.name), i64_len(&photo.bytes)));
        assert_eq!(promised.sha256, Hash::of(&photo.bytes));
        let hash = sha256(&photo.bytes);
        let place = world.folder().join("photos/sha256").join(&hash[..2]).join(hash);
        assert_eq!(std::fs::read(place).expect("it is kept"), photo.bytes, "{}", photo.name);
        let of = direct.id(id(&photo.name));
        let rows = format!("select count(*) from photo where photo_id = {of}");
        assert_eq!(direct.number(&rows).await, 1, "{} is here once", photo.name);
    }
}

fn i64_len(bytes: &[u8]) -> i64 {
    i64::try_from(bytes.len()).expect("a length")
}

/// A line to a world's server that lets at most so many bytes through before it is cut.
async fn breaking(world: &World, bytes_max: usize) -> Proxy {
    let port = world.base.rsplit_once(':').expect("it has a port").1.parse().expect("a port");
    let mut patience = impatience(7);
    let cut = move |_| {
        let (sent, back) = patience(bytes_max);
        (sent.min(bytes_max), back.min(REPLIES_BYTES_MAX))
    };
    Proxy::cutting(port, cut).await
}

on_both! {
    async fn a_hundred_and_thirty_photos_of_real_clients_arrive_once_over_a_line_that_breaks(world: World) {
        for client in Client::installed() {
            let wang = world.actor("wang").await;
            let line = breaking(&world, 1 << 17).await;
            let handset = Handset::new(client, &wang, &format!("http://127.0.0.1:{}", line.port()));
            let taken: Vec<Taken> = (0..PHOTOS)
                .map(|n| Taken::new(&format!("{client:?} {n}"), 20_000 + n * 1_013))
                .collect();
            // Half of them were planned, the others are new to the server.
            let manifests: Vec<Value> = taken[..PHOTOS / 2].iter().map(Taken::manifest).collect();
            let planned = plan(&wang, &manifests).await;
            let photos: Vec<Value> = taken.iter().enumerate()
                .map(|(n, taken)| handset.photo(taken, planned.get(n)))
                .collect();
            let told = handset.done("send", &photos, json!({ "at_once": 4, "chunk": 65_536 })).await;
            assert_eq!(told["sent"].as_array().map(Vec::len), Some(PHOTOS));
            assert!(line.lines() > 100, "lines broke: there were {}", line.lines());
            assert_here(&world, &wang, &taken).await;
        }
    }

    async fn a_real_client_goes_on_in_another_process_where_one_was_killed(world: World) {
        for client in Client::installed() {
            let wang = world.actor("wang").await;
            let handset = Handset::new(client, &wang, &world.base);
            let taken = Taken::new(&format!("{client:?} killed"), 1_000_000);
            let photos = [handset.photo(&taken, None)];
            let (status, said) = handset.run("begin", &photos, json!({ "chunk": 100_000 })).await;
            assert!(!status.success(), "it was killed: {said}");
            assert_ne!(plan(&wang, &[taken.manifest()]).await[0]["do"], "have");
            let told = handset.done("resume", &photos, json!({ "chunk": 100_000 })).await;
            assert!(told["from"].as_u64() >= Some(500_000), "what was sent is not sent again: {told}");
            assert_here(&world, &wang, &[taken]).await;
        }
    }

    async fn parts_that_a_real_client_sends_side_by_side_are_one_photo(world: World) {
        if !Client::TusJs.is_installed() {
            return;
        }
        let wang = world.actor("wang").await;
        // Not over a line that breaks: what it then aborts on Node throws where nobody can catch it.
        let handset = Handset::new(Client::TusJs, &wang, &world.base);
        let taken: Vec<Taken> = (0..6)
            .map(|n| Taken::new(&format!("parallel {n}"), 900_000 + n))
            .collect();
        let photos: Vec<Value> = taken.iter().map(|taken| handset.photo(taken, None)).collect();
        handset.done("send", &photos, json!({ "parallel": 3, "chunk": 100_000 })).await;
        assert_here(&world, &wang, &taken).await;
    }

    async fn a_real_client_hears_of_a_checksum_that_does_not_match_and_no_byte_counts(world: World) {
        for client in Client::installed() {
            let wang = world.actor("wang").await;
            let handset = Handset::new(client, &wang, &world.base);
            let taken = Taken::new(&format!("{client:?} sum"), 50_000);
            let planned = plan(&wang, &[taken.manifest()]).await;
            let photos = [handset.photo(&taken, Some(&planned[0]))];
            let told = handset.done("mismatch", &photos, json!({})).await;
            assert_eq!(told["refused"], 460, "{client:?}");
            assert_eq!(told["from"], 0, "{client:?}: {told}");
            assert_here(&world, &wang, &[taken]).await;
        }
    }

    async fn a_real_client_begins_again_after_its_upload_has_expired(world: World) {
        for client in Client::installed() {
            let wang = world.actor("wang").await;
            let mut handset = Handset::new(client, &wang, &world.base);
            let taken = Taken::new(&format!("{client:?} late"), 400_000);
            let photos = [handset.photo(&taken, None)];
            let (status, _) = handset.run("begin", &photos, json!({ "chunk": 100_000 })).await;
            assert!(!status.success(), "it was killed");
            world.clock.set_ms(world.clock.now_ms() + 15 * DAY_MS);
            let wang = world.actor("wang").await;
            handset.token.clone_from(&wang.token);
            let told = handset.done("resume", &photos, json!({ "chunk": 100_000 })).await;
            assert_eq!(told["statuses"][0], "HEAD 410", "{client:?}: {told}");
            assert_eq!(told["from"], 0, "{client:?}: {told}");
            assert_here(&world, &wang, &[taken]).await;
        }
    }

    async fn a_real_client_need_not_know_the_length_before_the_end(world: World) {
        if !Client::TusJs.is_installed() {
            return;
        }
        let wang = world.actor("wang").await;
        let handset = Handset::new(Client::TusJs, &wang, &world.base);
        // None ends where a chunk does: of such a stream it never hears the end.
        let taken: Vec<Taken> = [1, 99_999, 100_001, 250_000].into_iter()
            .map(|bytes| Taken::new(&format!("deferred {bytes}"), bytes))
            .collect();
        let photos: Vec<Value> = taken.iter().map(|taken| handset.photo(taken, None)).collect();
        let told = handset.done("send", &photos, json!({ "deferred": true, "chunk": 100_000 })).await;
        assert_eq!(told["sent"].as_array().map(Vec::len), Some(4));
        assert_here(&world, &wang, &taken).await;
    }

    async fn a_real_client_may_send_bytes_with_the_request_that_makes_the_upload(world: World) {
        if !Client::TusJs.is_installed() {
            return;
        }
        let wang = world.actor("wang").await;
        let line = breaking(&world, 1 << 19).await;
        let handset = Handset::new(Client::TusJs, &wang, &format!("http://127.0.0.1:{}", line.port()));
        let taken: Vec<Taken> = (0..20)
            .map(|n| Taken::new(&format!("with creation {n}"), 1 + n * 7_919))
            .collect();
        let photos: Vec<Value> = taken.iter().map(|taken| handset.photo(taken, None)).collect();
        handset.done("send", &photos, json!({ "with_creation": true, "at_once": 4 })).await;
        assert_here(&world, &wang, &taken).await;
    }
}
