//! A Ceph object gateway of the tests' own, on one machine and in memory: the one store at hand that
//! keeps Object Lock for real. It needs root and four Debian packages; without them its test says so
//! and is skipped, in CI too, because not every machine can install them.

use saolou_server::config::ArchiveSettings;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the gateway may take until it answers, on a machine busy with builds.
const READY_MAX: Duration = Duration::from_secs(90);

/// Sets up a monitor, one storage daemon in memory, the gateway, a user and two buckets, and waits
/// for the end of its input, with which everything ends. Says `ready` when it is.
const GUARDIAN: &str = include_str!("ceph.sh");

/// A running gateway; letting go of it stops it.
pub(crate) struct Gateway {
    guardian: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Gateway {
    /// A gateway that answers; `None`, with a word about it, where there can be none.
    pub(crate) async fn start() -> Option<Self> {
        let programs = ["ceph-mon", "ceph-osd", "ceph", "radosgw", "radosgw-admin"];
        if !programs.iter().all(|program| is_installed(program)) || !is_root() {
            return skip("it needs root and radosgw, ceph-mon, ceph-osd, ceph-common");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            listener.local_addr().expect("an address").port()
        };
        let (monitor, port) = (free(), free());
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let guardian = Command::new("bash")
            .arg("-c")
            .arg(GUARDIAN)
            .arg("ceph")
            .arg(folder.path())
            .args([monitor.to_string(), port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a shell");
        let address = format!("http://127.0.0.1:{port}");
        let mut gateway = Self { guardian, address, _folder: folder };
        let started = Instant::now();
        while !gateway._folder.path().join("ready").exists() {
            let ended = gateway.guardian.try_wait().expect("a child");
            if ended.is_some() || started.elapsed() > READY_MAX {
                let log = std::fs::read_to_string(gateway._folder.path().join("log"));
                return skip(&format!("it does not start here: {}", log.unwrap_or_default()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(gateway)
    }

    /// Settings that archive in one of its buckets: `locked` or `plain`.
    pub(crate) fn archive(&self, bucket: &str) -> ArchiveSettings {
        ArchiveSettings {
            archive: Some(format!("s3://{bucket}")),
            archive_endpoint: Some(self.address.clone()),
            archive_key_id: Some("key".to_owned()),
            archive_secret: Some("secret".to_owned()),
            ..ArchiveSettings::default()
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // The end of its input is what the guardian waits for.
        if let Some(mut input) = self.guardian.stdin.take() {
            input.flush().ok();
        }
        self.guardian.wait().ok();
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(why: &str) -> Option<Gateway> {
    eprintln!("skipped on Ceph: {why}");
    None
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}
