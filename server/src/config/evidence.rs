//! What can be set for the evidence log, and what can be done with evidence.

use super::Settings;
use clap::{Args, Subcommand};
use std::net::IpAddr;
use std::path::PathBuf;

/// Name, keys and confirmation of the evidence log.
#[derive(Clone, Debug, Default, Args)]
pub struct Evidence {
    /// Name of the evidence log, usually where it is served, without `https://`. Taken at the first
    /// start; left out, one is made up.
    #[arg(long, env = "SAOLOU_EVIDENCE_ORIGIN")]
    pub evidence_origin: Option<String>,
    /// File with the 32 secret bytes of the log's Ed25519 key, in base64; left out, a key is made
    /// and kept in the database.
    #[arg(long, env = "SAOLOU_EVIDENCE_KEY_FILE")]
    pub evidence_key_file: Option<PathBuf>,
    /// A witness that cosigns checkpoints: its key, `=`, its address, for instance
    /// `auditor.example+1a2b3c4d+BH…=http://10.0.0.7:8090`. May be given several times.
    #[arg(long, env = "SAOLOU_EVIDENCE_WITNESS", value_delimiter = ',')]
    pub evidence_witness: Vec<String>,
    /// Address of an RFC 3161 time-stamping authority that is asked once a day.
    #[arg(long, env = "SAOLOU_TSA_URL")]
    pub tsa_url: Option<String>,
}

/// What can be done with evidence.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Verify; exit code 0 proved, 1 disproved, 2 could not tell. / 核验
    #[command(subcommand)]
    Verify(Verify),
    /// Take out a photo with all that proves it; that is logged. / 导出证据包
    Export(Export),
    /// Sign the log with a new key from now on; that is logged. / 更换日志密钥
    RotateKey(Settings),
}

/// What is to be verified.
#[derive(Debug, Subcommand)]
pub enum Verify {
    /// A bundle, as a ZIP file or unpacked. / 证据包
    Bundle {
        /// File or folder.
        bundle: PathBuf,
        /// What is trusted.
        #[command(flatten)]
        keys: TrustedKeys,
    },
    /// A photo against its proof. / 单张照片
    Photo {
        /// The photo.
        photo: PathBuf,
        /// Its `.tlog-proof`.
        #[arg(long)]
        proof: PathBuf,
        /// What is trusted.
        #[command(flatten)]
        keys: TrustedKeys,
    },
    /// A whole log: a folder of tiles, or `evidence` in a data folder. / 整个日志
    Log {
        /// The folder.
        folder: PathBuf,
        /// What is trusted.
        #[command(flatten)]
        keys: TrustedKeys,
    },
    /// That one of two checkpoints is the beginning of the other. / 两个检查点
    Consistency {
        /// A checkpoint.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
        /// The log, as for `log`.
        #[arg(long)]
        log: PathBuf,
        /// What is trusted.
        #[command(flatten)]
        keys: TrustedKeys,
    },
    /// That every photo of a log lies in a folder of originals (`photos/sha256`). / 原件目录
    Store {
        /// The folder of originals.
        folder: PathBuf,
        /// The log, as for `log`.
        #[arg(long)]
        log: PathBuf,
        /// What is trusted.
        #[command(flatten)]
        keys: TrustedKeys,
    },
}

/// Public keys that are trusted, got in another way than what is verified.
#[derive(Clone, Debug, Default, Args)]
pub struct TrustedKeys {
    /// A key of the log, `name+id+key`. May be given several times.
    #[arg(long)]
    pub key: Vec<String>,
    /// A key of a witness that must have cosigned. May be given several times.
    #[arg(long)]
    pub witness: Vec<String>,
    /// Public key of the device that took the photo, in base64. May be given several times.
    #[arg(long)]
    pub device: Vec<String>,
}

/// An export.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// Where the data are.
    #[command(flatten)]
    pub settings: Settings,
    /// The photo.
    #[arg(long)]
    pub photo: uuid::Uuid,
    /// User name of the account in whose name it is taken out.
    #[arg(long)]
    pub by: String,
    /// The file to write; left out, `evidence-<photo>.zip`.
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// A witness.
#[derive(Clone, Debug, Args)]
pub struct WitnessOptions {
    /// Name of the witness, for instance `auditor.example/w1`.
    #[arg(long)]
    pub name: String,
    /// Folder for its key and for what it has seen; made when it is missing.
    #[arg(long, default_value = "saolou-witness")]
    pub state_dir: PathBuf,
    /// Key of a log to witness, `name+id+key`. May be given several times.
    #[arg(long, required = true)]
    pub log: Vec<String>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub listen: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    pub port: u16,
}
