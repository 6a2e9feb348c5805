//! Tiles (C2SP `tlog-tiles`): the tree cut into pieces of eight levels, and the entries in bundles
//! beside them; files that can be served, mirrored and kept as they are.

use super::tree::{Node, Range, node_hash};
use crate::canonical::Hash;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Levels of the tree in a tile.
const TILE_HEIGHT: u32 = 8;

/// A tile or a bundle of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// 0 for hashes of leaves; `None` for the entries themselves.
    pub level: Option<u32>,
    /// How many of the level stand before it.
    pub index: u64,
    /// How many hashes or entries it has, 1 to 256.
    pub width: u64,
}

/// Hashes of tiles, by level and index; enough of them for what is asked.
#[derive(Clone, Debug, Default)]
pub struct Hashes(BTreeMap<(u32, u64), Vec<Hash>>);

impl Tile {
    /// The tile in which a node of a tree of some size is, or below which its leaves are.
    #[must_use]
    pub const fn around(node: Node, size: u64) -> Self {
        let level = node.height / TILE_HEIGHT;
        let first = node.index << (node.height % TILE_HEIGHT);
        Self::of(level, first / TILE_WIDTH, size)
    }

    /// A tile as it is in a tree of some size; of width 0 where it is not there.
    #[must_use]
    pub const fn of(level: u32, index: u64, size: u64) -> Self {
        let hashes = if level >= 8 { 0 } else { size >> (TILE_HEIGHT * level) };
        let before = index * TILE_WIDTH;
        let left = hashes.saturating_sub(before);
        let width = if left > TILE_WIDTH { TILE_WIDTH } else { left };
        Self { level: Some(level), index, width }
    }

    /// All tiles of hashes of a tree.
    #[must_use]
    pub fn all(size: u64) -> Vec<Self> {
        let tiles = (0..8).flat_map(|level| {
            let count = (size >> (TILE_HEIGHT * level)).div_ceil(TILE_WIDTH);
            (0..count).map(move |index| Self::of(level, index, size))
        });
        tiles.collect()
    }

    /// The bundle of the entries whose hashes a tile of level 0 has.
    #[must_use]
    pub const fn entries(self) -> Self {
        Self { level: None, ..self }
    }

    /// The indices of what it consists of: leaves, or nodes of its level.
    #[must_use]
    pub const fn range(self) -> std::ops::Range<u64> {
        let start = self.index * TILE_WIDTH;
        start..start + self.width
    }

    /// Reads the path after `tile/`; `None` for what is no tile.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.split_once('/')?;
        let level = match level {
            "entries" => None,
            level => Some(level.parse().ok().filter(|level| *level < 64)?),
        };
        let (rest, width) = match rest.split_once(".p/") {
            Some((rest, width)) => (rest, width.parse().ok().filter(|w| (1..256).contains(w))?),
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for element in rest.split('/') {
            let digits = element.strip_prefix('x').unwrap_or(element);
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        index.checked_mul(TILE_WIDTH)?.checked_add(TILE_WIDTH)?;
        let tile = Self { level, index, width };
        // There is one spelling: no zeros in front, every element but the last with an `x`.
        (tile.to_string().strip_prefix("tile/") == Some(path)).then_some(tile)
    }
}

/// The path below the log's address.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Some(level) => write!(f, "tile/{level}/")?,
            None => f.write_str("tile/entries/")?,
        }
        let mut elements = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            elements.push(rest % 1000);
            rest /= 1000;
        }
        for element in elements[1..].iter().rev() {
            write!(f, "x{element:03}/")?;
        }
        write!(f, "{:03}", elements[0])?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl Hashes {
    /// The tiles that hold what some ranges of a tree are hashed of.
    #[must_use]
    pub fn needed(ranges: &[Range], size: u64) -> BTreeSet<Tile> {
        let nodes = ranges.iter().flat_map(|range| range.nodes());
        nodes.map(|node| Tile::around(node, size)).collect()
    }

    /// Adds the hashes of a tile.
    pub fn add(&mut self, tile: Tile, hashes: Vec<Hash>) {
        if let Some(level) = tile.level {
            self.0.insert((level, tile.index), hashes);
        }
    }

    /// The hash of a node; `None` where its tile was not added, or is too narrow.
    #[must_use]
    pub fn node(&self, node: Node) -> Option<Hash> {
        let (level, below) = (node.height / TILE_HEIGHT, node.height % TILE_HEIGHT);
        let first = node.index << below;
        let tile = self.0.get(&(level, first / TILE_WIDTH))?;
        let at = usize::try_from(first % TILE_WIDTH).ok()?;
        let mut hashes = tile.get(at..at + (1 << below))?.to_vec();
        while hashes.len() > 1 {
            hashes = hashes.chunks_exact(2).map(|pair| node_hash(pair[0], pair[1])).collect();
        }
        hashes.first().copied()
    }

    /// The hash of each of some ranges; `None` where one is not to be had.
    #[must_use]
    pub fn ranges(&self, ranges: &[Range]) -> Option<Vec<Hash>> {
        ranges.iter().map(|range| range.hash(|node| self.node(node))).collect()
    }
}

/// Reads the hashes of a tile; `None` where the bytes are not whole hashes.
#[must_use]
pub fn read_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let chunks = bytes.chunks_exact(32);
    if !chunks.remainder().is_empty() {
        return None;
    }
    chunks.map(|chunk| chunk.try_into().ok().map(Hash)).collect()
}

/// Adds an entry to a bundle: its length in two bytes, big-endian, and its bytes.
///
/// # Panics
/// Where it is larger than a leaf may be.
pub fn put_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let len = u16::try_from(entry.len()).expect("a leaf has a bound");
    bundle.extend_from_slice(&len.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// Takes the first entry off a bundle; `None` where there is no whole one.
pub fn take_entry<'a>(bundle: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = bundle.split_first_chunk::<2>()?;
    let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    *bundle = rest;
    Some(entry)
}

/// The entries of a bundle; `None` where it is cut off.
#[must_use]
pub fn read_entries(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        entries.push(take_entry(&mut bundle)?);
    }
    Some(entries)
}
