//! Other people's suites against our server: the conformity suite of *Resumable Uploads for HTTP*
//! (draft 12), which is Python, and the conformance suite of tus, which is Hurl. `tests/suites/install`
//! says how to put them where they are looked for; where one is not, its test says so and is skipped.
//!
//! What a suite asks for and we refuse on purpose is listed with the reason; whatever else fails, and
//! whatever is listed and passes all the same, fails the test.

use crate::actors::Actor;
use crate::world::{World, on_both};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The cases of the draft's suite that we fail on purpose, and why.
const APART_FROM_THE_DRAFT: [(&str, &str); 0] = [];
/// The cases of the suite of tus that we fail on purpose, and why.
const APART_FROM_TUS: [(&str, &str); 0] = [];
/// How many cases the draft's suite has at the pinned commit.
const DRAFT_CASES: usize = 51;
/// How long a suite, or a case of one, may take on a machine that is busy with builds.
const WORK_MAX: Duration = Duration::from_secs(240);
/// Most bytes of a request's first line.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    /// The suite itself leaves it out, as where a limit is not announced.
    LeftOut,
}

/// A suite's cases, by their names.
type Outcomes = BTreeMap<String, Outcome>;

/// A line to a world's server for a program that does not know how to sign in, nor that an address
/// may be relative: every request goes on as somebody's, on a connection of its own, and where the
/// answer names a place it names this line.
struct SignedLine {
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

on_both! {
    async fn the_conformity_suite_of_the_draft_passes_but_for_what_is_apart_on_purpose(world: World) {
        let Some(suite) = suite("SAOLOU_DRAFT_SUITE", "rufh_conformity_test.py") else { return };
        if !answers(python().args(["-m", "pytest", "--version"])).await {
            say_skipped("pytest is not installed; tests/suites/install brings it");
            return;
        }
        let wang = world.actor("wang").await;
        let line = SignedLine::of(&wang).await;
        let said = to_the_end(python()
            .args(["-m", "pytest", "--verbose", "--tb=short", "--color=no", "-p", "no:cacheprovider"])
            .arg(&suite)
            .env("RUFH_URL", line.uploads()))
            .await;
        let outcomes = of_pytest(&String::from_utf8_lossy(&said.stdout));
        assert!(outcomes.len() >= DRAFT_CASES, "only {}: {said:?}", outcomes.len());
        assert_apart(&outcomes, &APART_FROM_THE_DRAFT, &String::from_utf8_lossy(&said.stdout));
    }

    async fn the_conformance_suite_of_tus_passes_but_for_what_is_apart_on_purpose(world: World) {
        let Some(suite) = suite("SAOLOU_TUS_SUITE", "tus-conformance-tests") else { return };
        if !answers(tokio::process::Command::new("hurl").arg("--version")).await {
            say_skipped("hurl is not on the PATH; https://hurl.dev tells how to install it");
            return;
        }
        let wang = world.actor("wang").await;
        let line = SignedLine::of(&wang).await;
        let (mut outcomes, mut told) = (Outcomes::new(), String::new());
        for case in hurl_files(&suite) {
            let said = to_the_end(tokio::process::Command::new("hurl")
                .args(["--test", "--no-color", "--variable", "tus_version=1.0.0", "--variable"])
                .arg(format!("base_url={}", line.uploads()))
                .arg(&case))
                .await;
            let passed = if said.status.success() { Outcome::Passed } else { Outcome::Failed };
            let name = case.file_stem().expect("a file has a name").to_string_lossy().into_owned();
            outcomes.insert(name, passed);
            if passed == Outcome::Failed {
                told.push_str(&String::from_utf8_lossy(&said.stderr));
            }
        }
        assert!(!outcomes.is_empty(), "{} holds no case", suite.display());
        assert_apart(&outcomes, &APART_FROM_TUS, &told);
    }
}

/// What fails is what is listed.
fn assert_apart(outcomes: &Outcomes, apart: &[(&str, &str)], told: &str) {
    let failed = outcomes.iter().filter(|(_, outcome)| **outcome == Outcome::Failed);
    let failed: BTreeSet<&str> = failed.map(|(name, _)| name.as_str()).collect();
    let listed: BTreeSet<&str> = apart.iter().map(|(name, _)| *name).collect();
    assert_eq!(failed, listed, "failed, and apart on purpose: {apart:?}\n{told}");
    let passed = outcomes.values().filter(|outcome| **outcome == Outcome::Passed).count();
    #[expect(clippy::print_stderr, reason = "how much of a suite was run belongs to the result")]
    {
        eprintln!("{passed} of {} cases passed, {} failed", outcomes.len(), failed.len());
    }
}

/// The outcomes that pytest tells, a line each: `file::class::case PASSED [ 50%]`.
fn of_pytest(said: &str) -> Outcomes {
    let lines = said.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (_, name) = words.next()?.rsplit_once("::")?;
        let outcome = match words.next()? {
            "PASSED" => Outcome::Passed,
            "FAILED" | "ERROR" => Outcome::Failed,
            "SKIPPED" => Outcome::LeftOut,
            _ => return None,
        };
        Some((name.to_owned(), outcome))
    });
    lines.collect()
}

/// Where a suite lies: where the variable says, or below `target/suites`.
fn suite(variable: &str, name: &str) -> Option<PathBuf> {
    let place = env::var_os(variable).map_or_else(|| suites().join(name), PathBuf::from);
    if place.exists() {
        return Some(place);
    }
    let place = format!("target/suites/{name} is not there");
    say_skipped(&format!("{place}; tests/suites/install tells where it comes from"));
    None
}

fn suites() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/suites")
}

fn say_skipped(why: &str) {
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    {
        eprintln!("skipped: {why}");
    }
}

/// Python, with what `tests/suites/install` put below `target/suites`, which it leaves as it is.
fn python() -> tokio::process::Command {
    let mut command = tokio::process::Command::new("python3");
    let installed = suites().join("python");
    if installed.join("pytest").exists() {
        command.env("PYTHONPATH", installed);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Whether a program is there.
async fn answers(command: &mut tokio::process::Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().await.is_ok_and(|status| status.success())
}

/// Runs a program to its end, however it ends.
async fn to_the_end(command: &mut tokio::process::Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(WORK_MAX, command.output()).await;
    ended.expect("it ends in time").expect("it can be started")
}

/// The files of a Hurl suite, in order.
fn hurl_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder that can be read");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            files.extend(hurl_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "hurl") {
            files.push(path);
        }
    }
    files.sort();
    files
}

impl SignedLine {
    /// A line on which everything is asked by this person.
    async fn of(actor: &Actor) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = actor.base.strip_prefix("http://").expect("an address").to_owned();
        let own = format!("location: http://127.0.0.1:{port}/");
        let signed = format!("Authorization: Bearer {}\r\n", actor.token);
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let (server, signed, own) = (server.clone(), signed.clone(), own.clone());
                tokio::spawn(async move { carry(near, &server, &signed, &own).await });
            }
        });
        Self { port, task }
    }

    /// Where the suites find the uploads.
    fn uploads(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1/uploads", self.port)
    }
}

impl Drop for SignedLine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Carries one request to the server and its answer back.
async fn carry(mut near: TcpStream, server: &str, signed: &str, own: &str) -> io::Result<()> {
    let mut head = Vec::new();
    let after_line = loop {
        if near.read_buf(&mut head).await? == 0 || head.len() > LINE_BYTES_MAX {
            return Ok(());
        }
        if let Some(at) = head.windows(2).position(|pair| pair == b"\r\n") {
            break at + 2;
        }
    };
    let mut far = TcpStream::connect(server).await?;
    let (line, rest) = head.split_at(after_line);
    // Answered once, the server hangs up: the end of its answer needs no reading.
    far.write_all(&[line, signed.as_bytes(), b"Connection: close\r\n", rest].concat()).await?;
    let (mut far_in, mut far_out) = far.split();
    let (mut near_in, mut near_out) = near.split();
    let mut answer = Vec::new();
    tokio::select! {
        read = far_in.read_to_end(&mut answer) => { read?; }
        // Whoever asked has gone.
        _ = tokio::io::copy(&mut near_in, &mut far_out) => return Ok(()),
    }
    near_out.write_all(&with_own_place(&answer, own)).await
}

/// An answer whose relative place names this line.
fn with_own_place(answer: &[u8], own: &str) -> Vec<u8> {
    let relative = b"\r\nlocation: /";
    let found = answer.windows(relative.len()).position(|window| window == relative);
    let Some(at) = found else { return answer.to_vec() };
    let (before, after) = (&answer[..at], &answer[at + relative.len()..]);
    [before, b"\r\n", own.as_bytes(), after].concat()
}
