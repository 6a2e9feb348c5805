//! Ids, one newtype for each noun, so that a floor can never be passed where an office is meant.
//!
//! All are UUIDs minted by whoever makes the thing, usually an offline phone. Phones mint `UUIDv7`
//! for the locality of keys; nothing is ever ordered by the time inside.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// An op: one immutable fact or decision, minted once at capture.
    OpId,
    /// A device incarnation; a restored or cloned phone mints a new one.
    DeviceId,
    /// A person with an account.
    UserId,
    /// A group of ops that apply together or not at all.
    GroupId,
    /// A bucket, which is the unit of scope, feed and lock: one building.
    BuildingId,
    /// A tower, podium or wing of a building (座/塔楼/裙楼).
    SectionId,
    /// A floor (楼层) of one section.
    FloorId,
    /// An office (房间/单元): the door that is the unit of coverage.
    OfficeId,
    /// A company's stay in an office (入驻关系).
    OccupancyId,
    /// A visit (走访); its revisions share the id.
    VisitId,
    /// A photo, promised by a visit and sent apart from it.
    PhotoId,
    /// A round (轮次) of a campaign.
    RoundId,
    /// A joint team (联合工作组).
    TeamId,
    /// A conflict, whose id follows from its content.
    ConflictId,
    /// Something to look at about a photo, whose id follows from what it is about.
    FindingId,
    /// One boot of a phone: monotonic times compare only within it.
    BootId,
}
