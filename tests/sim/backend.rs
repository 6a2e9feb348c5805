//! What a run needs of a server: the one in memory, or a real one behind HTTP.

use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::Digest;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::time::{Millis, Stamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// Somebody who syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) is_supervisor: bool,
}

/// What the desk does apart from filing ops.
#[derive(Clone, Debug)]
pub(crate) enum Desk {
    /// From now on a user's team has a building, or has it no longer.
    Assign { user: UserId, building: BuildingId, has: bool },
    /// A user is suspended, or taken back.
    Suspend { user: UserId, is: bool },
    /// A device is revoked.
    Revoke { device: DeviceId },
    /// Whatever waits in quarantine, was made by its sender and is an op takes effect.
    ReleaseAll,
    /// The bytes of a promised photo have come: the server files that, and what reading them gave.
    Verify { op: OpId, building: BuildingId, photo: Uuid },
}

/// A reply as HTTP brings it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// An accepted op, as stored.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) bucket: BuildingId,
    pub(crate) device: DeviceId,
    pub(crate) n: u64,
    pub(crate) hash: Hash,
    pub(crate) content: Vec<u8>,
    pub(crate) stamp: Stamp,
    /// What it says.
    pub(crate) fact: Fact,
}

/// The rows of a bucket as stored, by kind and id.
pub(crate) type StoredRows = BTreeMap<(String, Uuid), Arc<[u8]>>;

/// Everything that a server has, to be compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dump {
    pub(crate) accepted: BTreeMap<OpId, Arc<Accepted>>,
    /// Ops in quarantine that their author sent, whatever was decided about them.
    pub(crate) quarantined: BTreeSet<(OpId, Hash)>,
    pub(crate) entities: BTreeMap<BuildingId, StoredRows>,
    pub(crate) digests: BTreeMap<BuildingId, Digest>,
}

/// A server.
pub(crate) trait Backend {
    /// Prepares a street: buildings, people, and whose teams are assigned to all of them.
    fn set_up(&mut self, buildings: &[BuildingId], people: &[Person], now_ms: Millis);
    /// A sync, by somebody with a valid session.
    fn sync(&mut self, by: Person, body: &[u8], now_ms: Millis) -> Reply;
    /// A sync during which the server dies: before the commit of its push, or right after.
    fn sync_and_die(&mut self, by: Person, body: &[u8], now_ms: Millis, committed: bool);
    /// Whether somebody, or this device of his, gets nothing any more.
    fn is_shut_out(&mut self, who: Person, device: DeviceId) -> bool;
    /// Something at the desk.
    fn desk(&mut self, act: &Desk, now_ms: Millis);
    /// Keeps a backup, or goes back to the one that was kept. `false` where that cannot be done.
    fn back_up(&mut self) -> bool;
    /// See [`Backend::back_up`].
    fn restore(&mut self) -> bool;
    /// Goes back to what was kept without noticing: the epoch stays. `false` where that cannot be.
    fn fail_over(&mut self) -> bool;
    /// Whether an op is there with this content, accepted or in quarantine.
    fn has(&mut self, op: OpId, hash: Hash) -> bool;
    /// All there is.
    fn dump(&mut self) -> Dump;
}
