//! Makes ops as phones and desk would, and the facts that a building is folded from.

use saolou_protocol::building::{Building, Entity, RoundWindow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, OpId, RoundId};
use saolou_protocol::issue::Issues;
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A noun and a number as an id, the same in every test.
pub(crate) fn id(noun: &str, number: u64) -> Uuid {
    let digest = Hash::of(noun.as_bytes()).0;
    let high = u64::from_be_bytes(digest[..8].try_into().expect("eight bytes"));
    Uuid::from_u64_pair(high, number)
}

/// The building that all facts are about.
pub(crate) fn building_id() -> BuildingId {
    BuildingId(id("building", 1))
}

/// A round by its number, from 0.
pub(crate) fn round_id(round: u64) -> RoundId {
    RoundId(id("round", round))
}

/// Two rounds: from 0 to 1000 and from 1000 to 2000, the second of which is closed.
pub(crate) fn rounds() -> Vec<RoundWindow> {
    let window = |round: u64, from_ms| RoundWindow {
        round: round_id(round),
        from_ms,
        until_ms: from_ms + 1000,
        grace_until_ms: from_ms + 5_500,
        is_closed: round == 1,
    };
    vec![window(0, 0), window(1, 1000)]
}

/// An op that is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Its id.
    pub(crate) op: Uuid,
    /// The number of its author.
    pub(crate) author: u64,
    /// `visit`, `office_add` …
    pub(crate) kind: &'static str,
    /// The id of what it is about.
    pub(crate) subject: Uuid,
    /// Corrected time.
    pub(crate) at_ms: Millis,
    /// What its author had seen.
    pub(crate) seen: Vec<Uuid>,
    /// What it says.
    pub(crate) body: Value,
}

impl Draft {
    /// The op as it would be sent.
    pub(crate) fn op(&self) -> Op {
        let content = json!({
            "op_id": self.op,
            "device": id("device", self.author),
            "n": 1,
            "author": id("author", self.author),
            "kind": self.kind,
            "subject": {"type": "any", "id": self.subject},
            "bucket": building_id(),
            "schema": format!("{}/1", self.kind),
            "captured": {"wall_ms": self.at_ms},
            "seen": self.seen,
            "body": self.body,
        });
        Op::seal(object(&content)).expect("the envelope is whole").0
    }

    /// What it means, and what is odd about it.
    pub(crate) fn read(&self) -> (Fact, Issues) {
        let (corrected_ms, received_ms) = (self.at_ms, self.at_ms + 5_000);
        let stamp = Stamp { corrected_ms, received_ms, quality: TimeQuality::Anchored };
        Fact::read(&self.op(), stamp)
    }
}

/// A JSON object as a map.
pub(crate) fn object(value: &Value) -> Map<String, Value> {
    value.as_object().expect("a JSON object").clone()
}

/// A building that holds these facts.
pub(crate) fn fold(facts: &[Fact]) -> Building {
    let mut building = Building::new(building_id(), rounds());
    building.apply(facts.iter().cloned());
    building
}

/// Applies one fact, and gives what changed.
pub(crate) fn apply(building: &mut Building, fact: &Fact) -> Vec<Entity> {
    building.apply([fact.clone()])
}

/// An op id as a building takes it.
pub(crate) fn op_id(op: Uuid) -> OpId {
    OpId(op)
}
