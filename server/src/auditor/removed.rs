//! A bundle without its original: what the log proves of a photo that two persons removed after its
//! term, and what nobody can prove any more.

use super::Report;
use crate::domain::evidence::certificate::in_china;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::{Entry, Event};

/// Judges what the entries say of bytes that are not enclosed. Gives their hash, or `None` where no
/// entry says that they were removed: then somebody left the original out.
pub(super) fn judge(report: &mut Report, entries: &[Vec<u8>], included: bool) -> Option<Hash> {
    let read: Vec<Entry> = entries.iter().filter_map(|entry| Entry::read(entry)).collect();
    let received = read.iter().find_map(|entry| match entry.event {
        Event::Received { sha256, bytes, .. } => Some((sha256, bytes, entry.at_ms)),
        _ => None,
    });
    let removed = read.iter().find_map(|entry| match entry.event {
        Event::Removed { sha256, .. } => Some((sha256, entry.at_ms)),
        _ => None,
    });
    let (Some((sha256, bytes, received_ms)), Some((gone, removed_ms))) = (received, removed) else {
        report.unknown(
            "证据包中没有原件，也没有“已移除”条目",
            "there is no original in the bundle, and no entry that says that it was removed",
        );
        return None;
    };
    if gone != sha256 {
        report.disproved(
            "“已移除”条目所指不是这张照片的字节",
            "the entry of a removal is about other bytes than these",
        );
    } else if included {
        let (received, removed) = (in_china(received_ms), in_china(removed_ms));
        report.proved(
            format!(
                "服务器记录于 {received} 接收了 SHA-256 为 {sha256} 的 {bytes} 字节，\
                 并于 {removed} 由两人共同移除"
            ),
            format!(
                "the server says that it received {bytes} bytes with the SHA-256 {sha256} at \
                 {received}, and that two persons removed them at {removed}"
            ),
        );
    }
    report.not_proved(
        format!("照片内容：原件已移除，不在包内；他处如有副本，其 SHA-256 须为 {sha256}"),
        format!(
            "what the photo showed: the original was removed and is not enclosed; a copy held \
             elsewhere is it where its SHA-256 is {sha256}"
        ),
    );
    Some(sha256)
}
