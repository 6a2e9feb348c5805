//! One photo: its bundle, or its bytes with a proof.

use super::{Report, Trusted, removed};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::device_key::DeviceKey;
use saolou_protocol::evidence::event::{Commitment, Entry, Event};
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::evidence::note::Verdict;
use saolou_protocol::evidence::proof::{Proof, Shown};
use saolou_protocol::evidence::tree::leaf_hash;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Largest file of a bundle that is read, in bytes.
const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Most files that a bundle may have.
const FILES_MAX: usize = 10_000;

/// The files of a bundle, by their names.
type Files = BTreeMap<String, Vec<u8>>;

/// Verifies a photo against a `.tlog-proof` whose extra line carries the entry.
#[must_use]
pub fn verify_photo(photo: &[u8], proof: &str, trusted: &Trusted) -> Report {
    let mut report = Report::default();
    let Some(proof) = Proof::parse(proof) else {
        report.unknown("证明文件无法读取", "the proof cannot be read");
        return report;
    };
    let Some(entry) = proof.extra.clone() else {
        report.unknown("证明文件未附日志条目", "the proof does not carry its entry");
        return report;
    };
    let included = judge_entry(&mut report, &entry, &proof, trusted);
    judge_bytes(&mut report, photo, &[entry], included);
    beyond(&mut report);
    report
}

/// Verifies a bundle, a ZIP file or a folder.
#[must_use]
pub fn verify_bundle(path: &Path, trusted: &Trusted) -> Report {
    let mut report = Report::default();
    let files = match read(path) {
        Ok(files) => files,
        Err(error) => {
            report.unknown(format!("证据包无法读取：{error}"), format!("cannot be read: {error}"));
            return report;
        }
    };
    let original = files.get("original");
    let mut entries = Vec::new();
    let mut all_included = true;
    for (name, entry) in files.iter().filter(|(name, _)| name.starts_with("entries/")) {
        let Some(stem) = name.strip_suffix(".json") else { continue };
        let proof = files.get(&format!("{stem}.tlog-proof"));
        let proof = proof.and_then(|proof| Proof::parse(std::str::from_utf8(proof).ok()?));
        let Some(proof) = proof else {
            report.unknown(format!("{name} 没有可读的证明"), format!("{name} has no proof"));
            continue;
        };
        all_included &= judge_entry(&mut report, entry, &proof, trusted);
        entries.push(entry.clone());
    }
    let sha256 = match original {
        Some(original) => {
            judge_bytes(&mut report, original, &entries, all_included);
            Some(Hash::of(original))
        }
        None => removed::judge(&mut report, &entries, all_included),
    };
    let Some(sha256) = sha256 else { return report };
    judge_manifest(&mut report, &files, sha256, &entries, trusted);
    judge_opened(&mut report, &files, &entries);
    if all_included {
        tell_of_holds(&mut report, &entries);
    }
    if files.contains_key("timestamp/token.tsr") {
        report.not_proved(
            "随附的时间戳令牌（RFC 3161）未在此核验，请用 openssl ts -verify 及该机构证书核验",
            "the enclosed time-stamp token (RFC 3161) is not verified here: use `openssl ts -verify` \
             with the authority's certificate",
        );
    }
    beyond(&mut report);
    report
}

/// Whether an entry is in a log that is trusted.
fn judge_entry(report: &mut Report, entry: &[u8], proof: &Proof, trusted: &Trusted) -> bool {
    let leaf = leaf_hash(entry);
    let index = proof.index;
    if trusted.logs.is_empty() {
        report.unknown("未给出日志公钥（--key）", "no key of the log was given (--key)");
        return false;
    }
    let shown = trusted.logs.iter().map(|log| proof.check(leaf, log));
    let best = shown.max_by_key(|shown| match shown {
        Shown::NotSigned => 0,
        Shown::NotIncluded => 1,
        Shown::Included(_) => 2,
    });
    match best {
        Some(Shown::Included(signed)) => {
            let size = signed.checkpoint.size;
            let origin = &signed.checkpoint.origin;
            report.proved(
                format!("条目 {index} 在日志 {origin}（共 {size} 条）中，且未被改动"),
                format!("entry {index} is in the log {origin} of {size} entries, unchanged"),
            );
        }
        Some(Shown::NotIncluded) => {
            report.disproved(
                format!("条目 {index} 不在所证明的日志位置，已被改动或伪造"),
                format!("entry {index} is not in the log where the proof says: changed or forged"),
            );
            return false;
        }
        Some(Shown::NotSigned) | None => {
            report.disproved(
                format!("条目 {index} 的检查点不是由所信任的公钥签署"),
                format!("the checkpoint of entry {index} is not signed by a key that is trusted"),
            );
            return false;
        }
    }
    for witness in &trusted.witnesses {
        let name = witness.name();
        match witness.verdict(&proof.checkpoint) {
            Verdict::Signed(at_s) => {
                let at = at_s.and_then(|at_s| i64::try_from(at_s).ok()).unwrap_or_default();
                let at = crate::domain::evidence::certificate::in_china(at.saturating_mul(1000));
                report.proved(
                    format!("见证方 {name} 于 {at} 看到该日志，且与其以往所见一致"),
                    format!("the witness {name} saw the log at {at}, consistent with all before"),
                );
            }
            Verdict::Forged => report.disproved(
                format!("见证方 {name} 的签名是伪造的"),
                format!("the cosignature of {name} is forged"),
            ),
            Verdict::Absent => report.unknown(
                format!("检查点上没有见证方 {name} 的签名"),
                format!("the checkpoint has no cosignature of {name}"),
            ),
        }
    }
    true
}

/// Whether the bytes are those that the entries say were received.
fn judge_bytes(report: &mut Report, photo: &[u8], entries: &[Vec<u8>], included: bool) {
    let hash = Hash::of(photo);
    let received = entries.iter().find_map(|entry| match Entry::read(entry)? {
        Entry { at_ms, event: Event::Received { sha256, .. }, .. } => Some((at_ms, sha256)),
        _ => None,
    });
    let Some((at_ms, sha256)) = received else {
        report.unknown("没有“已接收”条目", "there is no entry that says it was received");
        return;
    };
    if sha256 != hash {
        report.disproved(
            format!("照片的 SHA-256 为 {hash}，日志记录为 {sha256}：不是同一张照片"),
            format!("the photo's SHA-256 is {hash}, the log has {sha256}: another photo"),
        );
    } else if included {
        let at = crate::domain::evidence::certificate::in_china(at_ms);
        report.proved(
            format!("照片与服务器记录于 {at} 接收的字节完全相同（SHA-256 {hash}）"),
            format!("the photo has exactly the bytes that the server says it received at {at}"),
        );
    }
}

/// Whether the manifest is the one that was logged, of these bytes, and signed by the device.
fn judge_manifest(
    report: &mut Report,
    files: &Files,
    sha256: Hash,
    entries: &[Vec<u8>],
    trusted: &Trusted,
) {
    let value: Option<Value> =
        files.get("manifest.json").and_then(|bytes| serde_json::from_slice(bytes).ok());
    let manifest = value.as_ref().and_then(Value::as_object).and_then(Manifest::read);
    let Some(manifest) = manifest else {
        report.not_proved(
            "没有拍摄清单：由哪台设备拍摄、何时拍摄未经证明",
            "there is no capture manifest: which device took it, and when, is not proved",
        );
        return;
    };
    report.judge(
        manifest.sha256 == sha256,
        ("拍摄清单所记校验值与原件一致", "the capture manifest names these bytes"),
        ("拍摄清单所记校验值与原件不符", "the capture manifest names other bytes"),
    );
    let logged = entries.iter().find_map(|entry| match Entry::read(entry)?.event {
        Event::Received { manifest, .. } => manifest,
        _ => None,
    });
    report.judge(
        logged == Some(manifest.hash()),
        ("拍摄清单与日志记录一致", "the capture manifest is the one that was logged"),
        ("拍摄清单不是日志所记录的那一份", "the capture manifest is not the one that was logged"),
    );
    let enclosed = files.get("device.key").and_then(|key| std::str::from_utf8(key).ok());
    let trusted = trusted.devices.iter().map(String::as_str);
    let keys: Vec<DeviceKey> = trusted.filter_map(DeviceKey::parse).collect();
    if keys.iter().any(|key| manifest.is_signed_by(key) == Some(true)) {
        report.proved("拍摄清单由所信任的设备签名", "a trusted device signed the manifest");
    } else if !keys.is_empty() {
        report.disproved("拍摄清单不是由所给设备签名", "none of the given devices signed it");
    } else if let Some(key) = enclosed.and_then(|key| DeviceKey::parse(key.trim())) {
        match manifest.is_signed_by(&key) {
            Some(true) if is_registered(entries, &key) => report.proved(
                "拍摄清单由该照片所属设备签名；该设备公钥在收到照片之前已登记于日志",
                "the manifest is signed by the device that the photo came from, with the key that \
                 the log says was registered for it before the photo was received",
            ),
            Some(true) => report.not_proved(
                "拍摄清单的签名与随附的设备公钥相符，但该公钥是否属于某台设备未经证明（用 --device 指定）",
                "the manifest is signed by the enclosed key; whose key that is, is not proved \
                 (name it with --device)",
            ),
            _ => report.disproved("拍摄清单签名无效", "the manifest's signature is invalid"),
        }
    }
}

/// Whether the log registered a key, before the photo was received, for the device that it names as
/// the photo's. Entries that are in no log disprove the bundle elsewhere.
fn is_registered(entries: &[Vec<u8>], key: &DeviceKey) -> bool {
    let read: Vec<Entry> = entries.iter().filter_map(|entry| Entry::read(entry)).collect();
    let received = read.iter().find_map(|entry| match &entry.event {
        Event::Received { device: Some(device), .. } => Some((*device, entry.at_ms)),
        _ => None,
    });
    let Some((of, received_ms)) = received else { return false };
    read.iter().any(|entry| match &entry.event {
        Event::DeviceKey { device, key: registered, .. } => {
            (*device, *registered) == (of, key.fingerprint()) && entry.at_ms <= received_ms
        }
        _ => false,
    })
}

/// Tells how often a case held it, and whether two persons removed it, as the entries shown say.
fn tell_of_holds(report: &mut Report, entries: &[Vec<u8>]) {
    let (mut on, mut off, mut removed) = (0, 0, 0);
    for entry in entries.iter().filter_map(|entry| Entry::read(entry)) {
        match entry.event {
            Event::HoldOn { .. } => on += 1,
            Event::HoldOff { .. } => off += 1,
            Event::Removed { .. } => removed += 1,
            _ => {}
        }
    }
    if on + off + removed > 0 {
        report.proved(
            format!("所附日志条目：依法冻结 {on} 次，解除 {off} 次，到期移除 {removed} 次"),
            format!("entries shown: held {on} times, freed {off} times, removed {removed} times"),
        );
    }
}

/// Whether what is opened is what the log is committed to.
fn judge_opened(report: &mut Report, files: &Files, entries: &[Vec<u8>]) {
    let opened: Vec<Value> = files
        .get("opened.json")
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .unwrap_or_default();
    for of in &opened {
        let text = |name: &str| of[name].as_str().unwrap_or_default();
        let entry = entries.iter().find_map(|entry| {
            let value: Value = serde_json::from_slice(entry).ok()?;
            (value["id"] == of["event_id"]).then_some(value)
        });
        let committed = entry.and_then(|entry| Hash::parse(entry[text("name")].as_str()?));
        let made = Hash::parse(text("salt")).zip(from_hex(text("value")));
        let made = made.map(|(salt, value)| Commitment::of(&salt.0, text("name"), &value).0);
        let (name, value) = (text("name"), text("value"));
        if made.is_some() && made == committed {
            report.proved(
                format!("日志条目对 {name} 的承诺所对应的标识为 {value}"),
                format!("the log is committed to {name} being {value}"),
            );
        } else {
            report.disproved(
                format!("{name} 与日志条目的承诺不符"),
                format!("{name} is not what the log is committed to"),
            );
        }
    }
}

/// What no bundle proves.
fn beyond(report: &mut Report) {
    report.not_proved(
        "拍摄内容是否真实、设备时钟与定位是否准确",
        "that what the photo shows is true, that the device's clock and place were right",
    );
    report.not_proved(
        "服务器时钟所记的接收时间，除非有见证方或时间戳机构佐证",
        "the time of receipt by the server's clock, beyond what a witness or an authority confirms",
    );
    report.not_proved(
        "certificate.txt 中的姓名与地点文字",
        "names and places as written in certificate.txt",
    );
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn read(path: &Path) -> std::io::Result<Files> {
    let mut files = Files::new();
    if path.is_dir() {
        let mut open = vec![path.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder)? {
                let at = entry?.path();
                if at.is_dir() {
                    open.push(at);
                } else if let Ok(name) = at.strip_prefix(path) {
                    let name = name.to_string_lossy().replace('\\', "/");
                    files.insert(name, std::fs::read(&at)?);
                }
            }
        }
        return Ok(files);
    }
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path)?)?;
    for at in 0..zip.len().min(FILES_MAX) {
        let file = zip.by_index(at)?;
        let (name, mut bytes) = (file.name()?.into_owned(), Vec::new());
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        // Of two files under one name nobody knows which was meant.
        if files.insert(name, bytes).is_some() {
            return Err(std::io::Error::other("two files have one name"));
        }
    }
    Ok(files)
}
