//! A whole log, two checkpoints of it, and a folder of originals.

use super::{Report, Trusted};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Signed;
use saolou_protocol::evidence::event::{Entry, Event};
use saolou_protocol::evidence::tile::{Tile, read_entries, read_hashes, take_entry};
use saolou_protocol::evidence::tree::{Edge, leaf_hash};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Largest number of sequence numbers whose gaps are listed one by one.
const GAPS_TOLD_MAX: usize = 20;

/// Verifies a whole log: a folder in the layout of `tlog-tiles` (`checkpoint`, `tile/…`), or the copy
/// that a server keeps (`entries`, `checkpoints`).
#[must_use]
pub fn verify_log(folder: &Path, trusted: &Trusted) -> Report {
    let mut report = Report::default();
    match read_log(folder) {
        Ok((entries, notes)) => judge_log(&mut report, folder, &entries, &notes, trusted),
        Err(error) => {
            report.unknown(format!("日志无法读取：{error}"), format!("cannot be read: {error}"));
        }
    }
    report
}

/// Verifies that of two checkpoints the smaller is the beginning of the larger, by the log in a
/// folder.
#[must_use]
pub fn verify_consistency(folder: &Path, notes: [&str; 2], trusted: &Trusted) -> Report {
    let mut report = Report::default();
    let opened = notes.map(|note| open(note, trusted));
    let [Some(first), Some(second)] = opened else {
        report.disproved(
            "至少一个检查点不是由所信任的公钥签署",
            "one of the checkpoints is not signed by a key that is trusted",
        );
        return report;
    };
    let heads = [&first, &second].map(|signed| (signed.checkpoint.size, signed.checkpoint.root));
    if heads[0].0 == heads[1].0 {
        report.judge(
            heads[0].1 == heads[1].1,
            ("两个检查点相同", "the two checkpoints are the same"),
            (
                "同一大小的两个检查点根哈希不同：日志已分叉，两份签名即为证据",
                "two roots of one size: the log has forked, and the two signatures prove it",
            ),
        );
        return report;
    }
    let Ok((entries, _)) = read_log(folder) else {
        report.unknown("日志条目无法读取", "the entries of the log cannot be read");
        return report;
    };
    let roots = roots(&entries, &heads.map(|(size, _)| size).into());
    for (size, root) in heads {
        match roots.get(&size) {
            None => report.unknown(
                format!("所给日志不足 {size} 条"),
                format!("the log that was given has fewer than {size} entries"),
            ),
            Some(here) if *here == root => report.proved(
                format!("{size} 条的检查点与所给日志一致"),
                format!("the checkpoint over {size} entries is of this log"),
            ),
            Some(_) => report.disproved(
                format!("{size} 条的检查点与所给日志不一致"),
                format!("the checkpoint over {size} entries is not of this log"),
            ),
        }
    }
    report
}

/// Verifies a folder of originals (`<two digits>/<64 digits>`) against a log: every received photo is
/// there and has its hash.
#[must_use]
pub fn verify_store(store: &Path, log: &Path, trusted: &Trusted) -> Report {
    let mut report = verify_log(log, trusted);
    let Ok((entries, _)) = read_log(log) else { return report };
    let received: BTreeSet<Hash> = entries
        .iter()
        .filter_map(|entry| match Entry::read(entry)?.event {
            Event::Received { sha256, .. } => Some(sha256),
            _ => None,
        })
        .collect();
    let (mut good, mut missing) = (0, 0);
    for hash in &received {
        let name = hash.to_string();
        match std::fs::read(store.join(&name[..2]).join(&name)) {
            Ok(bytes) if Hash::of(&bytes) == *hash => good += 1,
            Ok(_) => report.disproved(
                format!("原件 {name} 的内容已改变"),
                format!("the original {name} was changed"),
            ),
            Err(_) => {
                missing += 1;
                report.disproved(format!("缺少原件 {name}"), format!("{name} is missing"));
            }
        }
    }
    if good > 0 {
        report.proved(
            format!("{good} 份原件齐全且未改变（缺 {missing} 份）"),
            format!("{good} originals are there and unchanged ({missing} missing)"),
        );
    }
    report
}

fn open(note: &str, trusted: &Trusted) -> Option<Signed> {
    trusted.logs.iter().find_map(|log| Signed::open(note, log))
}

fn judge_log(
    report: &mut Report,
    folder: &Path,
    entries: &[Vec<u8>],
    notes: &[String],
    trusted: &Trusted,
) {
    if notes.is_empty() {
        report.unknown("没有检查点", "there is no checkpoint");
        return;
    }
    let mut signed = Vec::new();
    for note in notes {
        match open(note, trusted) {
            Some(of) => signed.push(of),
            None => report.disproved(
                "有检查点不是由所信任的公钥签署",
                "a checkpoint is not signed by a key that is trusted",
            ),
        }
    }
    let sizes: BTreeSet<u64> = signed.iter().map(|of| of.checkpoint.size).collect();
    let roots = roots(entries, &sizes);
    let mut proved_max = 0;
    for of in &signed {
        let size = of.checkpoint.size;
        if roots.get(&size) == Some(&of.checkpoint.root) {
            proved_max = proved_max.max(size);
        } else {
            report.disproved(
                format!("{size} 条的检查点与条目不符：有条目被改动、删除或插入"),
                format!(
                    "the checkpoint over {size} entries does not fit: changed, dropped or added"
                ),
            );
        }
    }
    if proved_max > 0 {
        let count = signed.len();
        report.proved(
            format!("{proved_max} 条日志条目完整未改，{count} 个检查点已核对"),
            format!("{proved_max} entries are whole and unchanged; checkpoints compared: {count}"),
        );
    }
    judge_tiles(report, folder, entries);
    tell_gaps(report, entries);
    report.not_proved(
        "日志未向他人出示另一份历史（须有见证方共同签名或比对他人所持检查点）",
        "that nobody was shown another history: that takes witnesses, or checkpoints others hold",
    );
}

/// Compares stored tiles of leaf hashes with the entries.
fn judge_tiles(report: &mut Report, folder: &Path, entries: &[Vec<u8>]) {
    for tile in Tile::all(entries.len() as u64).into_iter().filter(|tile| tile.level == Some(0)) {
        let Ok(bytes) = std::fs::read(folder.join(tile.to_string())) else { continue };
        let range = tile.range();
        let of = range.filter_map(|at| entries.get(usize::try_from(at).ok()?));
        let hashes: Vec<Hash> = of.map(|entry| leaf_hash(entry)).collect();
        if read_hashes(&bytes).as_ref() != Some(&hashes) {
            report.disproved(
                format!("{tile} 与条目不符"),
                format!("{tile} does not fit the entries"),
            );
        }
    }
}

/// Numbers of manifests that never arrived, by device.
fn tell_gaps(report: &mut Report, entries: &[Vec<u8>]) {
    let mut numbers: BTreeMap<Hash, BTreeSet<u64>> = BTreeMap::new();
    for entry in entries {
        if let Some(Event::Received { device: Some(device), seq: Some(seq), .. }) =
            Entry::read(entry).map(|entry| entry.event)
        {
            numbers.entry(device.0).or_default().insert(seq);
        }
    }
    for (device, seen) in numbers {
        let last = seen.last().copied().unwrap_or_default();
        let missing: Vec<String> = (1..=last)
            .filter(|seq| !seen.contains(seq))
            .take(GAPS_TOLD_MAX)
            .map(|seq| seq.to_string())
            .collect();
        if !missing.is_empty() {
            let list = missing.join(", ");
            report.not_proved(
                format!("设备 {device} 的第 {list} 号照片未到达：尚未上传，或已被移除"),
                format!("photos {list} of device {device} never arrived: not sent yet, or removed"),
            );
        }
    }
}

/// The roots of a log at some sizes, as far as it has them.
fn roots(entries: &[Vec<u8>], sizes: &BTreeSet<u64>) -> BTreeMap<u64, Hash> {
    let (mut edge, mut roots) = (Edge::default(), BTreeMap::new());
    for entry in entries {
        if sizes.contains(&edge.size()) {
            roots.insert(edge.size(), edge.root());
        }
        edge.push(leaf_hash(entry));
    }
    roots.insert(edge.size(), edge.root());
    roots
}

/// Entries and checkpoints of a log in a folder, of either form.
fn read_log(folder: &Path) -> std::io::Result<(Vec<Vec<u8>>, Vec<String>)> {
    if folder.join("entries").is_file() {
        let bytes = std::fs::read(folder.join("entries"))?;
        let (mut rest, mut entries) = (&bytes[..], Vec::new());
        while let Some(entry) = take_entry(&mut rest) {
            entries.push(entry.to_vec());
        }
        let text = std::fs::read_to_string(folder.join("checkpoints"))?;
        let mut parts = text.split_inclusive("\n\n");
        let mut notes = Vec::new();
        while let (Some(head), Some(signatures)) = (parts.next(), parts.next()) {
            notes.push(format!("{head}{}", signatures.strip_suffix('\n').unwrap_or(signatures)));
        }
        return Ok((entries, notes));
    }
    let note = std::fs::read_to_string(folder.join("checkpoint"))?;
    let size: u64 = note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_default();
    let mut entries = Vec::new();
    for tile in Tile::all(size).into_iter().filter(|tile| tile.level == Some(0)) {
        let partial = folder.join(tile.entries().to_string());
        let bytes = std::fs::read(partial)?;
        let bundle = read_entries(&bytes);
        let bundle = bundle.ok_or_else(|| std::io::Error::other("a bundle is cut off"))?;
        entries.extend(bundle.into_iter().map(<[u8]>::to_vec));
    }
    Ok((entries, vec![note]))
}
