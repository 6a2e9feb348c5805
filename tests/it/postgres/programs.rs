//! The programs of PostgreSQL that this machine has.

use std::fs;
use std::path::PathBuf;

/// The folder with the server programs; `None` says that a test skips what needs them.
///
/// # Panics
/// In CI, where no test may skip anything.
pub(crate) fn installed() -> Option<PathBuf> {
    let programs = programs();
    assert!(
        programs.is_some()
            || std::env::var_os("CI").is_none_or(|ci| ci.is_empty() || ci == "false"),
        "PostgreSQL is not installed, and in CI no test may skip it: \
         install its server programs (Debian: apt-get install postgresql)"
    );
    programs
}

/// The folder with the newest server programs on this machine.
fn programs() -> Option<PathBuf> {
    /// Where systems put them; a star stands for versions.
    const USUAL: [&str; 6] = [
        "/usr/lib/postgresql/*/bin",
        "/usr/lib/postgresql*/bin",
        "/usr/pgsql-*/bin",
        "/opt/homebrew/opt/postgresql*/bin",
        "/usr/local/opt/postgresql*/bin",
        "/Applications/Postgres.app/Contents/Versions/*/bin",
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    USUAL
        .iter()
        .flat_map(|pattern| versions(pattern))
        .chain(std::env::split_paths(&path))
        .find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
}

/// The folders that a pattern with one star stands for, the highest version first.
fn versions(pattern: &str) -> Vec<PathBuf> {
    let (before, after) = pattern.split_once('*').expect("every pattern has its star");
    let (parent, prefix) = before.rsplit_once('/').expect("every pattern is absolute");
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.trim_start_matches(['@', '-']);
            let major = version.split('.').next()?.parse().unwrap_or(0);
            Some((major, PathBuf::from(format!("{parent}/{name}{after}"))))
        })
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found.into_iter().map(|(_, folder)| folder).collect()
}
