//! Facts: what an accepted op means to the merge, in compact form.
//!
//! A [`Fact`] is read from an op once and never fails to be read: what a body lacks becomes an
//! issue, and a kind or schema that this version does not know becomes [`Kind::Unknown`], which is
//! stored and waits for a version that does. [`reading`] says how.

pub mod reading;

use crate::canonical::Hash;
use crate::company::Company;
use crate::coverage::floor::RosterStatus;
use crate::field::Source;
use crate::ids::{
    FindingId, FloorId, OccupancyId, OfficeId, OpId, PhotoId, RoundId, SectionId, UserId, VisitId,
};
use crate::op::Group;
use crate::photo::reading::{PhotoReading, Resemblance};
use crate::registry::office::{NewOffice, OfficeKind, Sharing};
use crate::time::Stamp;
use crate::visit::Visit;
use serde_json::{Map, Value};

/// An accepted op, ready to merge.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The op.
    pub op: OpId,
    /// Its author.
    pub author: UserId,
    /// When it happened and when it came.
    pub stamp: Stamp,
    /// The group that it takes effect with.
    pub group: Option<Group>,
    /// What its author's screen showed.
    pub seen: Vec<OpId>,
    /// What it says.
    pub kind: Kind,
}

/// What a fact says.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `building_add`: attributes of the building; the body as sent.
    Building(Map<String, Value>),
    /// `section_add`: a tower, podium or wing.
    Section {
        /// The section.
        section: SectionId,
        /// `A座`, `裙楼`, `-`.
        name: String,
    },
    /// `floor_add`.
    Floor(Box<NewFloor>),
    /// `floor_confirm`: the room list of a floor is complete, as far as `seen` goes.
    FloorConfirmed {
        /// The floor.
        floor: FloorId,
    },
    /// `office_add`.
    Office {
        /// The floor it is on.
        floor: FloorId,
        /// The office.
        office: Box<NewOffice>,
        /// It was on the first roster.
        initial: bool,
    },
    /// `office_split`.
    Split {
        /// The office that was split.
        parent: OfficeId,
        /// What it was split into.
        children: Vec<NewOffice>,
        /// Which company sits in which part.
        hints: Vec<(Company, OfficeId)>,
    },
    /// `office_merge`.
    Merge {
        /// The offices that were merged.
        parents: Vec<OfficeId>,
        /// What they became.
        child: Box<NewOffice>,
    },
    /// `office_rename`, `office_reclassify`: writes to single-valued fields of an office.
    OfficeFields {
        /// The office.
        office: OfficeId,
        /// A new label.
        label: Option<String>,
        /// A new kind.
        kind: Option<OfficeKind>,
        /// A new sharing.
        sharing: Option<Sharing>,
        /// Where the values come from.
        source: Source,
    },
    /// `structure_reject`, `office_restore`, `visit_unvoid`, `photo_declassify`: withdraws the decisions and structure
    /// changes in its `seen`.
    Withdrawal,
    /// `same_as`, `not_same_as` for two offices.
    Link {
        /// One of them.
        a: OfficeId,
        /// The other.
        b: OfficeId,
        /// They are the same; otherwise they never are.
        same: bool,
    },
    /// `occupancy_add`: a company sits in an office.
    Occupancy {
        /// The stay.
        occupancy: OccupancyId,
        /// The office.
        office: OfficeId,
        /// Physically there, so that it is to be visited; otherwise only registered.
        physical: bool,
        /// The company.
        company: Box<Company>,
        /// Its name as written.
        name: String,
    },
    /// `occupants_confirm`: the list of companies of a shared room is complete, as far as `seen` goes.
    OccupantsConfirmed {
        /// The office.
        office: OfficeId,
    },
    /// `visit` of any revision, and `office_remove`, which claims like a visit.
    Visit(Box<Visit>),
    /// `visit_void`.
    Void {
        /// The visit.
        visit: VisitId,
    },
    /// `exclusion_approve`: not an object of the canvass, as far as `seen` goes.
    ExclusionApproved {
        /// The office.
        office: OfficeId,
        /// The round; none means every round.
        round: Option<RoundId>,
    },
    /// `exclusion_reject`: the claims in `seen` do not hold.
    ExclusionRejected,
    /// `accept_late`: a visit from outside the round's window counts.
    LateAccepted {
        /// The visit.
        visit: VisitId,
    },
    /// `visit_reassign`: the visit belongs to this office.
    Reassigned {
        /// The visit.
        visit: VisitId,
        /// The office that it belongs to.
        office: OfficeId,
        /// The split or withdrawn office in whose place that is; none means that the whole visit
        /// belongs there.
        instead_of: Option<OfficeId>,
    },
    /// `photo_verified`, made by the server when the bytes of a promised photo have arrived.
    PhotoVerified {
        /// The photo.
        photo: PhotoId,
        /// SHA-256 of the bytes.
        sha256: Hash,
    },
    /// `photo_read`, made by the server when it has read the bytes of a photo.
    PhotoRead(Box<PhotoReading>),
    /// `photo_alike`, made by the server when it has found two photos that look alike.
    PhotosAlike(Box<Resemblance>),
    /// `finding_close`: somebody looked at it, as far as `seen` goes.
    FindingClosed {
        /// The finding.
        finding: FindingId,
        /// The photo that it is about.
        photo: PhotoId,
    },
    /// `waive_photo`: a promised photo need not come (C37).
    PhotoWaived {
        /// The photo.
        photo: PhotoId,
    },
    /// `photo_reclassify`: it shows an identity document, whatever its record says (C42).
    PhotoRestricted {
        /// The photo.
        photo: PhotoId,
    },
    /// `building_accept`: full coverage accepted.
    Accepted {
        /// The round.
        round: RoundId,
    },
    /// A kind that is stored and shown but changes nothing here: `note`, `heartbeat`, drafts.
    Recorded,
    /// A kind or schema of a later version, kept until this one is replaced.
    Unknown,
}

/// A floor as somebody added it.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFloor {
    /// The floor.
    pub floor: FloorId,
    /// Its section.
    pub section: SectionId,
    /// Exactly what the lift panel says.
    pub label: String,
    /// Physical order × 1000; never derived from the label.
    pub sort_order_milli: i64,
    /// `office`, `retail`, `refuge`, …
    pub kind: String,
    /// What is known of its rooms when it is added.
    pub roster: RosterStatus,
}

impl Fact {
    /// Whether it can change what offices there are, so that the whole building is derived anew.
    #[must_use]
    pub const fn is_structural(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Visit(_)
                | Kind::Void { .. }
                | Kind::ExclusionApproved { .. }
                | Kind::LateAccepted { .. }
                | Kind::Reassigned { .. }
                | Kind::PhotoVerified { .. }
                | Kind::PhotoRead(_)
                | Kind::PhotosAlike(_)
                | Kind::FindingClosed { .. }
                | Kind::PhotoWaived { .. }
                | Kind::PhotoRestricted { .. }
                | Kind::Accepted { .. }
                | Kind::Recorded
                | Kind::Unknown
        )
    }
}
