//! Configuration: one struct; from the command line, then the environment, then an optional TOML
//! file, then the default.

mod archive;
mod evidence;
mod map;

pub use archive::{ArchiveAct, ArchiveCommand, ArchiveSettings, Checksums, LockMode, Worm};
pub use evidence::{Evidence, EvidenceCommand, Export, TrustedKeys, Verify, WitnessOptions};
pub use map::{MapSettings, MapStyle};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;

/// Saolou (扫楼): the server that inspection teams' phones sync with. / 楼宇摸排外勤核查同步平台
#[derive(Debug, Parser)]
#[command(name = "saolou", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve phones and desks until stopped. / 启动服务
    Serve(Settings),
    /// Load the demo street, replay its story, and serve it. / 演示
    Demo(Demo),
    /// Import a room list (CSV or XLSX) into a building. / 导入房间清册
    Import(Import),
    /// Recount everything from the ops and list what differs from what is stored; exit code 1 when
    /// anything does. / 重算核对
    Rebuild(Settings),
    /// Make or change an account, also the first one. / 账号管理
    User(User),
    /// See, try, scrub or restore the archive of originals; keep, hold or remove one. / 原图归档管理
    Archive(ArchiveCommand),
    /// Verify evidence without network and database, take it out, change the log's key. / 证据核验
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// Witness the evidence log of a server, on a machine of one's own. / 日志见证
    Witness(WitnessOptions),
    /// Reads one photo for a server, which starts this by itself.
    #[command(name = crate::pipeline::apart::COMMAND, hide = true)]
    ReadPhoto,
}

/// Where data are and how they are served. Every setting can also be given in the environment, or
/// in a TOML file by its long name with underscores.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// TOML file with settings.
    #[arg(long, env = "SAOLOU_CONFIG")]
    pub config: Option<PathBuf>,
    /// Folder for the database file and the photos; made when it is missing.
    #[arg(long, env = "SAOLOU_DATA_DIR", default_value = "saolou-data")]
    pub data_dir: PathBuf,
    /// `postgres://…` for PostgreSQL 15 or later; left out, a SQLite file in the data folder.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Address to listen on. Other machines reach it only when you say so (`0.0.0.0`); put TLS in
    /// front of it then.
    #[arg(long, env = "SAOLOU_LISTEN", default_value = "127.0.0.1")]
    pub listen: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, env = "SAOLOU_PORT", default_value_t = 8080)]
    pub port: u16,
    /// Bearer token that may read `/metrics`; left out, only a system administrator may.
    #[arg(long, env = "SAOLOU_METRICS_TOKEN", hide_env_values = true)]
    pub metrics_token: Option<String>,
    /// What is logged, for instance `info` or `info,saolou_server=debug`.
    #[arg(long, env = "SAOLOU_LOG", default_value = "info,sqlx=warn")]
    pub log: String,
    /// How lines are logged.
    #[arg(long, env = "SAOLOU_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Where originals are archived.
    #[command(flatten)]
    pub archive: ArchiveSettings,
    /// The evidence log.
    #[command(flatten)]
    pub evidence: Evidence,
    /// The map of the console.
    #[command(flatten)]
    pub map: MapSettings,
}

/// How lines are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The demo.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Folder for the demo's data; made when it is missing.
    #[arg(long, env = "SAOLOU_DEMO_DIR", default_value = "saolou-data/demo")]
    pub data_dir: PathBuf,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Forget what an earlier demo left in the data folder.
    #[arg(long)]
    pub fresh: bool,
    /// Leave after the replay instead of serving on.
    #[arg(long)]
    pub exit: bool,
}

/// An import.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// Where the data are.
    #[command(flatten)]
    pub settings: Settings,
    /// The building.
    #[arg(long)]
    pub building: uuid::Uuid,
    /// User name of the account in whose name rooms are added.
    #[arg(long)]
    pub by: String,
    /// Only say what would happen.
    #[arg(long)]
    pub dry_run: bool,
    /// The file, CSV or XLSX.
    pub file: PathBuf,
}

/// An account.
#[derive(Clone, Debug, Args)]
pub struct User {
    /// Where the data are.
    #[command(flatten)]
    pub settings: Settings,
    /// User name to sign in with.
    #[arg(long)]
    pub username: String,
    /// The person's name; left out, the user name.
    #[arg(long)]
    pub name: Option<String>,
    /// Role to grant in the topmost unit, for instance `system_admin`.
    #[arg(long, default_value = "system_admin")]
    pub role: String,
    /// Code and name of the topmost unit, when there is none yet, for instance `330100=某某市`.
    #[arg(long)]
    pub unit: Option<String>,
    /// Environment variable that holds the password; left out, it is read from standard input.
    #[arg(long)]
    pub password_env: Option<String>,
}

impl Cli {
    /// Reads the command line; what it and the environment leave open comes from the TOML file that
    /// `--config` or `SAOLOU_CONFIG` names. Ends the program with a message where that fails.
    #[must_use]
    pub fn read() -> Self {
        let arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
        let first = Self::command().ignore_errors(true).get_matches_from(&arguments);
        let file = first
            .subcommand()
            .and_then(|(_, of)| of.try_get_one::<PathBuf>("config").ok().flatten().cloned());
        let mut command = Self::command();
        if let Some(file) = file {
            match Self::with_file(command.clone(), &file) {
                Ok(with_file) => command = with_file,
                Err(message) => command.error(clap::error::ErrorKind::Io, message).exit(),
            }
        }
        let matches = command.get_matches_from(arguments);
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Makes the values of a TOML file the defaults of the arguments of the same name.
    fn with_file(command: clap::Command, file: &std::path::Path) -> Result<clap::Command, String> {
        let read = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| read(&error))?;
        let table: toml::Table = text.parse().map_err(|error| read(&error))?;
        let known = |name: &str| {
            let serve = command.find_subcommand("serve");
            serve.is_some_and(|serve| serve.get_arguments().any(|arg| arg.get_id() == name))
        };
        if let Some(unknown) = table.keys().find(|name| !known(name)) {
            return Err(read(&format!("unknown setting {unknown}")));
        }
        Ok(command.mut_subcommands(|subcommand| {
            subcommand.mut_args(|argument| match table.get(argument.get_id().as_str()) {
                Some(toml::Value::String(text)) => argument.default_value(text.clone()),
                Some(value) => argument.default_value(value.to_string()),
                None => argument,
            })
        }))
    }
}
