//! Where originals are archived, how strictly that is taken, and what can be done there by hand.

use super::Settings;
use clap::{Args, ValueEnum};

/// Where originals are archived, and how strictly that is taken. / 原图归档
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Archive / 原图归档")]
pub struct ArchiveSettings {
    /// Where originals are archived: `s3://bucket` or `s3://bucket/prefix`, or a folder, best on
    /// another disk; left out, the folder they were received into, labelled `mode: none`.
    /// / 原图归档位置：S3 桶或另一块盘上的文件夹；不填则只留在接收文件夹，不防删改
    #[arg(long, env = "SAOLOU_ARCHIVE")]
    pub archive: Option<String>,
    /// Address of an S3-compatible store, `https://…`; left out, the one of the region.
    /// / S3 兼容存储的地址
    #[arg(long, env = "SAOLOU_ARCHIVE_ENDPOINT")]
    pub archive_endpoint: Option<String>,
    /// Region of the bucket. / 桶所在区域
    #[arg(long, env = "SAOLOU_ARCHIVE_REGION", default_value = "us-east-1")]
    pub archive_region: String,
    /// Whether the bucket's name is part of the host's name instead of the path.
    /// / 桶名是否写在域名里
    #[arg(long, env = "SAOLOU_ARCHIVE_BY_HOST")]
    pub archive_by_host: bool,
    /// Access key of the bucket; best in the environment. / 访问密钥编号
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub archive_key_id: Option<String>,
    /// Secret of the access key; best in the environment. / 访问密钥
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub archive_secret: Option<String>,
    /// Session token of the access key, where it has one. / 临时凭证
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    pub archive_session: Option<String>,
    /// When requests carry checksums of their own beside the SHA-256 that every original goes up
    /// with: older stores refuse them. / 请求是否总带附加校验和
    #[arg(
        long,
        env = "SAOLOU_ARCHIVE_CHECKSUMS",
        value_enum,
        default_value_t = Checksums::WhenRequired
    )]
    pub archive_checksums: Checksums,
    /// What is done where the store does not prove that locked originals cannot be changed or
    /// removed: `required` archives nothing and raises an alarm, while receiving goes on;
    /// `best_effort` archives and says what holds. / 存储不能证明防删改时：
    /// 前者停止归档并告警（不影响接收），后者照常归档并如实标注
    #[arg(long, env = "SAOLOU_WORM", value_enum, default_value_t = Worm::BestEffort)]
    pub worm: Worm,
    /// The lock that originals go up with: `compliance` holds against everybody, `governance` not
    /// against those with the right to bypass it, `none` not at all. / 对象锁模式
    #[arg(long, env = "SAOLOU_ARCHIVE_LOCK", value_enum, default_value_t = LockMode::Compliance)]
    pub archive_lock: LockMode,
    /// How many days originals are locked from the day they are archived. It can only be made
    /// longer afterwards: begin with the shortest term that any of them may be kept.
    /// / 归档后锁定天数，只能延长不能缩短，宜按最短保存期限设置
    #[arg(long, env = "SAOLOU_RETENTION_DAYS", default_value_t = 365,
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub retention_days: u32,
    /// Within how many days every copy is read again and compared with its hash. / 全部副本复核周期
    #[arg(long, env = "SAOLOU_SCRUB_DAYS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub scrub_days: u32,
    /// How many bytes a second are read for that. / 复核读取速度上限（字节/秒）
    #[arg(long, env = "SAOLOU_SCRUB_BYTES_PER_SECOND", default_value_t = 8 * 1024 * 1024,
        value_parser = clap::value_parser!(u64).range(1024..))]
    pub scrub_bytes_per_second: u64,
}

/// Something to do with the archive.
#[derive(Clone, Debug, Args)]
pub struct ArchiveCommand {
    /// What to do.
    #[arg(value_enum)]
    pub act: ArchiveAct,
    /// Where the data are.
    #[command(flatten)]
    pub settings: Settings,
    /// With `scrub`: every copy, however lately it was read. / 立即全部复核
    #[arg(long)]
    pub now: bool,
    /// With `restore`: says that the archive is what is believed. / 以归档为准恢复
    #[arg(long)]
    pub from_archive: bool,
    /// The original, by its SHA-256. / 原图的 SHA-256
    #[arg(long)]
    pub sha256: Option<String>,
    /// With `extend`: how many days from today it is kept. / 自今日起保存天数
    #[arg(long)]
    pub days: Option<u32>,
    /// With `remove`: user name of the one who asks or agrees. / 申请人或复核人
    #[arg(long)]
    pub by: Option<String>,
    /// With `remove`: why; with `hold` and `free`: the case. / 事由或案号
    #[arg(long)]
    pub reason: Option<String>,
    /// With `remove`: environment variable that holds his password; left out, it is read from
    /// standard input.
    #[arg(long)]
    pub password_env: Option<String>,
}

/// What can be done with the archive by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ArchiveAct {
    /// How it stands. / 状态
    Status,
    /// Try what it really keeps; exit code 1 when it is not write-once. / 检测存储是否防删改
    Probe,
    /// Read copies that are due and compare them; exit code 1 when one is bad. / 复核
    Scrub,
    /// Bring back what is in the archive and not here. / 从归档恢复
    Restore,
    /// Keep one longer. / 延长保存
    Extend,
    /// Put one under legal hold. / 依法冻结
    Hold,
    /// Free one from legal hold. / 解除冻结
    Free,
    /// Remove one after its time: one person asks, another agrees. / 到期销毁（双人）
    Remove,
}

/// What is done where a store does not prove that it is write-once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Worm {
    /// Archives, and says what holds.
    BestEffort,
    /// Archives nothing.
    Required,
}

/// The lock that originals go up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LockMode {
    /// None.
    None,
    /// Holds against all without the right to bypass it.
    Governance,
    /// Holds against everybody.
    Compliance,
}

/// When requests carry checksums of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Checksums {
    /// Where the protocol demands one.
    WhenRequired,
    /// Wherever it allows one.
    WhenSupported,
}

impl Default for ArchiveSettings {
    /// No archive but the folder that originals were received into; all else as on a command line
    /// that says nothing.
    fn default() -> Self {
        Self {
            archive: None,
            archive_endpoint: None,
            archive_region: "us-east-1".to_owned(),
            archive_by_host: false,
            archive_key_id: None,
            archive_secret: None,
            archive_session: None,
            archive_checksums: Checksums::WhenRequired,
            worm: Worm::BestEffort,
            archive_lock: LockMode::Compliance,
            retention_days: 365,
            scrub_days: 30,
            scrub_bytes_per_second: 8 * 1024 * 1024,
        }
    }
}
