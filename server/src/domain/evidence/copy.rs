//! The copy of the log in the data folder: every entry and every checkpoint, appended and never
//! changed. It is what the log is filled up from when the database was set back, and what tells that
//! it was.
//!
//! `entries` is what bundles of entries are (C2SP `tlog-tiles`), one after the other without end;
//! `checkpoints` are signed notes, a blank line between them.

use crate::error::{Error, Result};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Checkpoint;
use saolou_protocol::evidence::note::Note;
use saolou_protocol::evidence::tile::{put_entry, take_entry};
use saolou_protocol::evidence::tree::{Edge, Node, leaf_hash};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The copy, open for appending.
pub(crate) struct Copy {
    entries: File,
    checkpoints: File,
    edge: Edge,
    last: Option<Kept>,
    /// Bytes of both files that are whole. What a crash cut off behind them goes when something is
    /// appended: whoever only reads, maybe beside the server, changes nothing.
    whole: (u64, u64),
}

/// A checkpoint of the copy.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    pub(crate) note: String,
}

/// What the copy holds beyond some size.
pub(crate) struct Beyond {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) checkpoints: Vec<Kept>,
}

impl Copy {
    /// Opens the copy in a folder, and makes it where there is none. What a crash cut off at the end
    /// does not count: it was in no checkpoint that anybody saw.
    ///
    /// # Errors
    /// Where the files cannot be read or written, or an entry is not the one that was signed.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        let open = |name: &str| {
            let path = folder.join(name);
            let options = OpenOptions::new().read(true).append(true).create(true).open(&path);
            options.map_err(|error| failed(&path, &error))
        };
        let (mut entries, mut checkpoints) = (open("entries")?, open("checkpoints")?);
        let read = read_checkpoints(&mut checkpoints).map_err(|error| failed(folder, &error));
        let (kept, whole_checkpoints) = read?;
        let mut bytes = Vec::new();
        entries.read_to_end(&mut bytes).map_err(|error| failed(folder, &error))?;
        let (mut rest, mut edge) = (&bytes[..], Edge::default());
        let mut last = None;
        for checkpoint in kept {
            while edge.size() < checkpoint.size {
                let Some(entry) = take_entry(&mut rest) else {
                    return Err(changed(folder, "entries are missing"));
                };
                edge.push(leaf_hash(entry));
            }
            if edge.root() != checkpoint.root {
                return Err(changed(folder, &format!("entries before {}", checkpoint.size)));
            }
            last = Some(checkpoint);
        }
        let whole = ((bytes.len() - rest.len()) as u64, whole_checkpoints);
        Ok(Self { entries, checkpoints, edge, last, whole })
    }

    /// The right edge of the tree over all entries.
    pub(crate) const fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The last checkpoint.
    pub(crate) const fn last(&self) -> Option<&Kept> {
        self.last.as_ref()
    }

    /// Appends entries and the checkpoint over them, durably; gives the subtrees that are complete
    /// with them.
    ///
    /// # Errors
    /// Where the disk does not take it, or the checkpoint is not of these entries.
    pub(crate) fn append(&mut self, entries: &[Vec<u8>], kept: Kept) -> Result<Vec<(Node, Hash)>> {
        let (mut edge, mut bytes, mut nodes) = (self.edge.clone(), Vec::new(), Vec::new());
        for entry in entries {
            put_entry(&mut bytes, entry);
            nodes.extend(edge.push(leaf_hash(entry)));
        }
        if (edge.size(), edge.root()) != (kept.size, kept.root) {
            let what = format!("the entries of checkpoint {} are others", kept.size);
            return Err(Error::Internal(format!("evidence log: {what}")));
        }
        let note = format!("{}\n", kept.note);
        // Half an entry must not stand before the next whole one.
        let (whole_entries, whole_checkpoints) = self.whole;
        let written = self
            .entries
            .set_len(whole_entries)
            .and_then(|()| self.checkpoints.set_len(whole_checkpoints))
            .and_then(|()| self.entries.write_all(&bytes))
            .and_then(|()| self.entries.sync_data())
            .and_then(|()| self.checkpoints.write_all(note.as_bytes()))
            .and_then(|()| self.checkpoints.sync_data());
        written.map_err(|error| Error::Internal(format!("copy of the evidence log: {error}")))?;
        self.whole.0 += bytes.len() as u64;
        self.whole.1 += note.len() as u64;
        (self.edge, self.last) = (edge, Some(kept));
        Ok(nodes)
    }

    /// What the copy holds beyond a number of entries.
    ///
    /// # Errors
    /// Where the files cannot be read.
    pub(crate) fn beyond(&mut self, size: u64) -> Result<Beyond> {
        let read = |error: std::io::Error| Error::Internal(format!("copy of the log: {error}"));
        let mut bytes = Vec::new();
        self.entries.seek(SeekFrom::Start(0)).map_err(read)?;
        (&mut self.entries).take(self.whole.0).read_to_end(&mut bytes).map_err(read)?;
        let (mut rest, mut entries, mut index) = (&bytes[..], Vec::new(), 0);
        while let Some(entry) = take_entry(&mut rest) {
            if index >= size {
                entries.push(entry.to_vec());
            }
            index += 1;
        }
        let (mut checkpoints, _) = read_checkpoints(&mut self.checkpoints).map_err(read)?;
        checkpoints.retain(|kept| (size + 1..=self.edge.size()).contains(&kept.size));
        Ok(Beyond { entries, checkpoints })
    }
}

/// The whole checkpoints of a file, and how many bytes they take; one that was cut off is none.
fn read_checkpoints(file: &mut File) -> std::io::Result<(Vec<Kept>, u64)> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let (mut kept, mut whole) = (Vec::new(), 0);
    // A checkpoint's text has no blank line: texts and signatures take turns.
    let mut parts = text.split_inclusive("\n\n");
    while let (Some(head), Some(signatures)) = (parts.next(), parts.next()) {
        let Some(note) = signatures.strip_suffix('\n').map(|lines| format!("{head}{lines}")) else {
            break;
        };
        let read = Note::parse(&note).and_then(|note| Checkpoint::parse(&note.text));
        let Some(Checkpoint { size, root, .. }) = read else { break };
        whole += head.len() + signatures.len();
        kept.push(Kept { size, root, note });
    }
    Ok((kept, whole as u64))
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Internal(format!("{}: {error}", path.display()))
}

fn changed(folder: &Path, what: &str) -> Error {
    Error::Internal(format!("{}: the copy of the log was changed: {what}", folder.display()))
}
