//! The fork guard: what is known of the log beside the database, compared before each signature.
//!
//! A log that signs two histories of one size is worth nothing. A database that was set back to a
//! backup would do just that with the next event, in good faith.

use super::copy::Beyond;
use super::filing;
use super::log::{Log, root_at, signed_size};
use super::sequencer::{self, place};
use crate::error::{Error, Result};
use crate::store::CheckpointRow;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::Event;
use saolou_protocol::evidence::tree::{Edge, empty_root};

/// Entries that are read from the database at once to fill the copy up.
const CHUNK: i64 = 256;

/// What the guard says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Database and copy agree with each other and with all that is known.
    Clear,
    /// Nothing may be signed, and why.
    Refused(String),
    /// Another server is at it; nothing may be signed meanwhile.
    Elsewhere,
    /// The database had been set back, and was filled up from the copy.
    Restored,
}

/// Fills the database up from the copy where it is behind. `None` where it is not.
pub(super) async fn restore(log: &Log) -> Result<Option<Verdict>> {
    // What the copy holds was in the database before: that is looked at second.
    let copied = log.with_copy(|copy| Ok(copy.last().map_or(0, |kept| kept.size))).await?;
    let head = log.store.read().await?.log_head().await?;
    let (size, root) = match &head {
        Some(head) => (head.size, hash(&head.root)?),
        None => (0, empty_root()),
    };
    if signed_size(copied) <= size {
        return Ok(None);
    }
    if root_of_copy(log, size).await? != Some(root) {
        let what = format!("the copy of {copied} entries does not begin with {size}");
        return Ok(Some(forked(&what)));
    }
    replay(log, size).await.map(Some)
}

/// Compares the database with the copy and with what others brought back. The copy is filled up from
/// the database where it is behind, and the database from the copy where that is behind.
pub(super) async fn compare(log: &Log) -> Result<Verdict> {
    if let Some(verdict) = restore(log).await? {
        return Ok(verdict);
    }
    let mut tx = log.store.read().await?;
    let head = tx.log_head().await?;
    let known = tx.known_checkpoints().await?;
    drop(tx);
    if let Some(head) = &head {
        log.is_newest(&head.note);
    }
    let (size, root) = match &head {
        Some(head) => (head.size, hash(&head.root)?),
        None => (0, empty_root()),
    };
    let (copied, copied_root) = log
        .with_copy(|copy| {
            let last = copy.last().map(|kept| (kept.size, kept.root));
            Ok(last.unwrap_or((0, empty_root())))
        })
        .await?;
    if signed_size(copied) > size {
        // It was set back a moment ago; the next look sees to it.
        return Ok(Verdict::Elsewhere);
    }
    let mut tx = log.store.read().await?;
    let here =
        if signed_size(copied) == size { Some(root) } else { root_at(&mut tx, copied).await? };
    if here != Some(copied_root) {
        return Ok(forked(&format!(
            "the log does not begin with the {copied} entries of the copy"
        )));
    }
    drop(tx);
    if let Some(head) = head
        && head.size > signed_size(copied)
    {
        fill_up(log, copied, &head).await?;
    }
    for known in known {
        let mut tx = log.store.read().await?;
        let at = u64::try_from(known.size).unwrap_or_default();
        let here = if known.size > size { None } else { root_at(&mut tx, at).await? };
        drop(tx);
        match here {
            None => {
                return Ok(Verdict::Refused(format!(
                    "{} knows {} entries, the log has {size}",
                    known.source, known.size
                )));
            }
            Some(here) if here.0[..] == known.root[..] || known.root.is_empty() => {
                let mut tx = log.store.write().await?;
                tx.drop_known(known.size, &known.root).await?;
                tx.commit().await?;
            }
            Some(_) => {
                let (source, size) = (known.source, known.size);
                return Ok(forked(&format!("{source} holds another root for {size} entries")));
            }
        }
    }
    Ok(Verdict::Clear)
}

fn forked(what: &str) -> Verdict {
    Verdict::Refused(format!("the log has forked: {what}"))
}

/// The root that the copy had at a number of entries.
async fn root_of_copy(log: &Log, size: i64) -> Result<Option<Hash>> {
    let size = u64::try_from(size).unwrap_or_default();
    log.with_copy(move |copy| {
        let entries = copy.beyond(0)?.entries;
        let mut edge = Edge::default();
        for entry in entries.iter().take(usize::try_from(size).unwrap_or(usize::MAX)) {
            edge.push(saolou_protocol::evidence::tree::leaf_hash(entry));
        }
        Ok((edge.size() == size).then(|| edge.root()))
    })
    .await
}

/// Appends to the copy what the database has beyond it, as one piece under the last checkpoint.
async fn fill_up(log: &Log, copied: u64, head: &CheckpointRow) -> Result<()> {
    let mut entries = Vec::new();
    let mut tx = log.store.read().await?;
    let mut at = signed_size(copied);
    while at < head.size {
        let until = head.size.min(at + CHUNK);
        entries.extend(tx.log_entries(at..until).await?);
        at = until;
    }
    drop(tx);
    let kept = sequencer::kept(head)?;
    log.with_copy(move |copy| copy.append(&entries, kept).map(drop)).await
}

/// Gives the entries of the copy their old places again, keeps the checkpoints over them, and logs
/// that it was necessary.
async fn replay(log: &Log, size: i64) -> Result<Verdict> {
    let from = u64::try_from(size).unwrap_or_default();
    let Beyond { entries, checkpoints } = log.with_copy(move |copy| copy.beyond(from)).await?;
    let Some(last) = checkpoints.last().cloned() else { return Ok(Verdict::Clear) };
    let now_ms = log.clock.now_ms();
    let mut tx = log.store.write().await?;
    if !tx.take_sequencer_lease(log.me, now_ms, now_ms + sequencer::LEASE_MS).await? {
        return Ok(Verdict::Elsewhere);
    }
    if tx.log_head().await?.map_or(0, |head| head.size) != size {
        return Ok(Verdict::Elsewhere);
    }
    let mut edge = sequencer::edge_of(&mut tx, from).await?;
    let (rows, nodes) = place(&mut edge, entries.iter().map(Vec::as_slice))?;
    if (edge.size(), edge.root()) != (last.size, last.root) {
        return Ok(forked("the copy does not continue the log"));
    }
    if tx.place_events(&rows).await? != rows.len() as u64 {
        return Ok(forked("entries of the copy have other places in the log"));
    }
    tx.put_nodes(&nodes).await?;
    for kept in checkpoints {
        tx.put_checkpoint(&CheckpointRow {
            size: signed_size(kept.size),
            root: kept.root.0.to_vec(),
            note: kept.note,
            at_ms: now_ms,
        })
        .await?;
    }
    let restored = Event::LogRestored {
        from_size: from,
        to_size: last.size,
        root: last.root,
        source: "data_folder".into(),
    };
    tx.put_events(&[filing::event(log.clock.new_id(), now_ms, restored)]).await?;
    tx.commit().await?;
    tracing::warn!(from_size = from, to_size = last.size, "the evidence log was filled up again");
    Ok(Verdict::Restored)
}

fn hash(bytes: &[u8]) -> Result<Hash> {
    let bytes = bytes.try_into().map(Hash);
    bytes.map_err(|_| Error::Internal("evidence log: a stored hash is none".into()))
}
