//! A server in a process of its own, which can be killed: this test program again, told to run
//! nothing but [`the_server`].

use crate::decoding;
use crate::world::{MONDAY_MS, World};
use saolou_server::app::Server;
use saolou_server::clock::Clock;
use saolou_server::config::{ArchiveSettings, Evidence, LogFormat, MapSettings, Settings};
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

const DATA_DIR: &str = "SAOLOU_TEST_SERVE_DATA_DIR";
/// Set where the server is to read the photos that it receives.
const READS_PHOTOS: &str = "SAOLOU_TEST_SERVE_READS_PHOTOS";
const DATABASE_URL: &str = "SAOLOU_TEST_SERVE_DATABASE_URL";

/// The server, where a test has asked for it in the environment. It ends with its test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server() {
    let Some(data_dir) = std::env::var_os(DATA_DIR) else { return };
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    let settings = Settings {
        config: None,
        data_dir: data_dir.into(),
        database_url: std::env::var(DATABASE_URL).ok(),
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        metrics_token: None,
        log: "error".into(),
        log_format: LogFormat::Text,
        map: MapSettings::default(),
        archive: ArchiveSettings::default(),
        evidence: Evidence::default(),
    };
    let clock = Clock::default();
    clock.set_ms(MONDAY_MS + 60_000);
    let mut server = Server::start(&settings, clock).await.expect("a server");
    if std::env::var_os(READS_PHOTOS).is_some() {
        server = server.reading_photos(decoding::reader());
    }
    let address = server.address().expect("an address");
    #[expect(clippy::print_stdout, reason = "whoever started this process waits for the line")]
    {
        println!("serving http://{address}");
    }
    server.serve(std::future::pending()).await.expect("a server that is killed");
}

/// A server in a process of its own.
pub(crate) struct Process {
    child: Child,
    /// Held open: it would end where it cannot say that it has been running for long.
    _told: BufReader<ChildStdout>,
    pub(crate) base: String,
}

impl Process {
    /// On the database of a world.
    pub(crate) fn start(world: &World) -> Self {
        Self::start_by(&[], world, world.folder()).expect("it serves")
    }

    /// On the database of a world, and reading the photos that it receives.
    pub(crate) fn start_reading(world: &World) -> Self {
        let by = ["env", &format!("{READS_PHOTOS}=1")];
        Self::start_by(&by, world, world.folder()).expect("it serves")
    }

    /// On the database of a world, by a program that runs what follows its arguments, with the files
    /// in a folder. `None` where that program does not get so far.
    pub(crate) fn start_by(by: &[&str], world: &World, folder: &Path) -> Option<Self> {
        let this = std::env::current_exe().expect("this program");
        let mut command = match by {
            [] => Command::new(this),
            [program, args @ ..] => {
                let mut command = Command::new(program);
                command.args(args).arg(this);
                command
            }
        };
        command.args(["--exact", "process::the_server", "--nocapture"]);
        command.env(DATA_DIR, folder).env_remove(DATABASE_URL);
        if let Some(url) = &world.settings().database_url {
            command.env(DATABASE_URL, url);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
        let mut told = BufReader::new(child.stdout.take().expect("it is piped"));
        let base = told.by_ref().lines().find_map(|line| {
            let line = line.expect("a line");
            line.split_once("serving ").map(|(_, base)| base.to_owned())
        });
        if base.is_none() {
            child.wait().expect("it has ended");
        }
        Some(Self { child, _told: told, base: base? })
    }

    /// Its id; it is the server's own where the program that started it became the server.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still is the process that was started.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }
}
