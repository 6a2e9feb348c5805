//! Reading apart: starts the process that reads a photo, waits for its answer, and ends it where that
//! takes too long.

use super::child::{ANSWER, Request};
use super::{Format, Reading, Undecodable};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The subcommand of the program that reads a photo.
pub(crate) const COMMAND: &str = "read-photo";
/// How long one photo may take by the clock, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(180);
/// What the allocator of the program takes in advance, in KiB.
const ARENA_KIB: &str = "65536";
/// Bytes of an answer: sixteen QR codes at their longest, and the rest.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// How a process that reads a photo is started.
#[derive(Clone, Debug)]
pub struct Apart {
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(OsString, OsString)>,
    patience: Duration,
}

/// Why there is no reading: it may go well another time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("it took longer than {0:?}")]
    TooLong(Duration),
    #[error("the reader was ended from outside: {0}")]
    Ended(ExitStatus),
}

impl Failure {
    /// Whether it was a matter of time: of the photo's, or of a machine's that has much to do.
    pub(crate) fn is_too_long(&self) -> bool {
        matches!(self, Self::TooLong(_))
    }
}

impl Apart {
    /// This program, told by its hidden subcommand.
    ///
    /// # Errors
    /// Where the program does not know where it is.
    pub fn this_program() -> std::io::Result<Self> {
        // The allocator takes a gibibyte of addresses in advance, and makes them writable, which counts
        // as memory; one that lives for one photo does with less.
        let program = Self::program(std::env::current_exe()?).arg(COMMAND);
        Ok(program.env("MIMALLOC_ARENA_RESERVE", ARENA_KIB))
    }

    /// Another program that calls [`run`](super::run).
    #[must_use]
    pub fn program(program: PathBuf) -> Self {
        Self { program, args: Vec::new(), envs: Vec::new(), patience: PATIENCE }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// With a variable in its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Waits only that long.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Reads an original; previews are left in a folder, each named for its long side. What the
    /// photo is to blame for is a reading, too.
    pub(crate) async fn read(&self, original: &Path, into: &Path) -> Result<Reading, Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.envs.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // In a group with what it starts itself, so that all of it can be ended.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.kill_on_drop(true).spawn()?;
        let mut group = Group::of(&child);
        let request = Request { original: original.to_owned(), into: into.to_owned() };
        let asking = async {
            let answer = ask(&mut child, &request).await?;
            Ok::<_, Failure>((answer, child.wait().await?))
        };
        let asked = tokio::time::timeout(self.patience, asking).await;
        let (answer, status) = asked.map_err(|_| Failure::TooLong(self.patience))??;
        if status.success() {
            // It waited for whatever it had started.
            group.leader = None;
        }
        judged(&answer, status)
    }
}

async fn ask(child: &mut Child, request: &Request) -> Result<String, Failure> {
    let mut line = serde_json::to_vec(request).map_err(std::io::Error::from)?;
    line.push(b'\n');
    let mut stdin = child.stdin.take().expect("it is piped");
    // One that does not live long enough to listen says why by how it ended.
    drop(stdin.write_all(&line).await);
    drop(stdin);
    let mut answer = Vec::new();
    let stdout = child.stdout.take().expect("it is piped");
    stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What an answer, or its lack, says of the photo.
fn judged(answer: &str, status: ExitStatus) -> Result<Reading, Failure> {
    let line = answer.lines().find_map(|line| line.strip_prefix(ANSWER));
    if let Some(reading) = line.and_then(|line| serde_json::from_str(line).ok()) {
        return Ok(reading);
    }
    match blame(status) {
        Some(why) => Ok(Reading::nothing(Format::Unknown, why)),
        None => Err(Failure::Ended(status)),
    }
}

/// What the photo is to blame for, where it is: the process ran out of what it had given itself.
#[cfg(unix)]
fn blame(status: ExitStatus) -> Option<Undecodable> {
    use rustix::process::Signal;
    use std::os::unix::process::ExitStatusExt;
    let signal = status.signal().and_then(Signal::from_named_raw)?;
    match signal {
        Signal::XCPU => Some(Undecodable::TooSlow),
        Signal::ABORT => Some(Undecodable::OutOfMemory),
        Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE => Some(Undecodable::Crashed),
        // Killed: by the system for its memory, or by a person.
        _ => None,
    }
}

#[cfg(not(unix))]
fn blame(status: ExitStatus) -> Option<Undecodable> {
    (!status.success()).then_some(Undecodable::Crashed)
}

/// A process and what it started; ended when this goes.
struct Group {
    leader: Option<i32>,
}

impl Group {
    fn of(child: &Child) -> Self {
        Self { leader: child.id().and_then(|id| i32::try_from(id).ok()) }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader.and_then(rustix::process::Pid::from_raw) {
            // Most of the time nobody is left of it.
            _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{Apart, Failure};
    use crate::pipeline::{Reading, Undecodable};
    use std::path::Path;
    use std::time::{Duration, Instant};

    async fn told(script: &str, patience_ms: u64) -> Result<Reading, Failure> {
        let shell = Apart::program("/bin/sh".into()).arg("-c").arg(script);
        let shell = shell.patience(Duration::from_millis(patience_ms));
        shell.read(Path::new("/original"), Path::new("/into")).await
    }

    #[tokio::test]
    async fn how_a_reader_ended_says_who_is_to_blame() {
        for (script, expected) in [
            ("kill -XCPU $$", Some(Undecodable::TooSlow)),
            ("kill -ABRT $$", Some(Undecodable::OutOfMemory)),
            ("kill -SEGV $$", Some(Undecodable::Crashed)),
            ("kill -KILL $$", None),
            ("exit 3", None),
            ("echo nothing", None),
        ] {
            let read = told(script, 10_000).await;
            assert_eq!(read.ok().and_then(|reading| reading.undecodable), expected, "{script}");
        }
        let answer = "{\"format\":\"png\",\"width\":3,\"height\":2}";
        let read = told(&format!("echo noise; echo 'saolou-reading {answer}'"), 10_000).await;
        assert_eq!(read.unwrap().width, 3);
    }

    #[tokio::test]
    async fn a_reader_that_takes_too_long_is_ended_with_all_that_it_started() {
        let started = Instant::now();
        let mark = std::env::temp_dir().join(format!("saolou-{}-outlived", std::process::id()));
        let script = format!("(sleep 1; touch {}) & sleep 30", mark.display());
        let read = told(&script, 100).await;
        assert!(matches!(read, Err(Failure::TooLong(_))));
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!mark.exists(), "its child outlived it");
    }
}
