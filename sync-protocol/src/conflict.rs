//! Conflicts: disagreements that a person should settle. Their ids follow from their content, so
//! every node that knows the same facts names the same conflict.

use crate::canonical::Hash;
use crate::codes::codes;
use crate::ids::{ConflictId, OpId};
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

codes! {
    /// What disagrees.
    pub enum ConflictCode {
        /// Two distinct live values of one field.
        Field = "field",
        /// Two live offices of one floor with the same room key, after a rename (C19).
        DuplicateKey = "duplicate_key",
        /// Proposals that change one office in different ways (C20).
        StructureDisputed = "structure_disputed",
        /// Splits and merges that lead back to where they began.
        LineageCycle = "lineage_cycle",
        /// Links join what a person keeps apart.
        AliasContradicted = "alias_contradicted",
        /// A visit that named an office which was split meanwhile, and no company tells which part.
        NeedsReassignment = "needs_reassignment",
        /// A voided visit has a revision that the author of the void had not seen (C11).
        VoidReview = "void_review",
    }
}

/// A conflict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conflict {
    /// Its id: the same on every node.
    pub conflict_id: ConflictId,
    /// What disagrees.
    pub code: ConflictCode,
    /// The canonical subject.
    pub subject: Uuid,
    /// The field, where the code is `field`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The ops that disagree, sorted.
    pub siblings: Vec<OpId>,
}

impl Conflict {
    /// Names a conflict by its content.
    #[must_use]
    pub fn new(
        code: ConflictCode,
        subject: Uuid,
        field: Option<&'static str>,
        mut siblings: Vec<OpId>,
    ) -> Self {
        siblings.sort_unstable();
        siblings.dedup();
        let mut content = Vec::with_capacity(64 + siblings.len() * 16);
        content.extend_from_slice(code.code().as_bytes());
        content.push(0);
        content.extend_from_slice(subject.as_bytes());
        content.extend_from_slice(field.unwrap_or_default().as_bytes());
        content.push(0);
        for op in &siblings {
            content.extend_from_slice(op.0.as_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&Hash::of(&content).0[..16]);
        let conflict_id = ConflictId(Builder::from_custom_bytes(id).into_uuid());
        Self { conflict_id, code, subject, field: field.map(str::to_owned), siblings }
    }

    /// Whether full coverage must wait until it is settled (domain §3.8, condition 5): disputes about
    /// what rooms there are, and whatever is urgent. Rooms with one key both count, a visit without
    /// a room covers none, and a void stands: of these the counts say enough.
    #[must_use]
    pub const fn blocks_acceptance(&self) -> bool {
        let disputed = matches!(
            self.code,
            ConflictCode::StructureDisputed
                | ConflictCode::LineageCycle
                | ConflictCode::AliasContradicted
        );
        disputed || matches!(self.code.severity(), Severity::Urgent)
    }
}

codes! {
    /// How soon somebody must look at it (domain §4).
    pub enum Severity {
        /// Nobody has to.
        Info = "info",
        /// Somebody reviews it.
        Review = "review",
        /// At once.
        Urgent = "urgent",
    }
}

codes! {
    /// Who is told of it (domain §4).
    pub enum Tell {
        /// Whoever filed what disagrees.
        Author = "author",
        /// The leaders of their teams.
        Leader = "leader",
        /// The community.
        Community = "community",
        /// The street.
        Street = "street",
    }
}

impl ConflictCode {
    /// How soon somebody must look at it.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Field
            | Self::DuplicateKey
            | Self::StructureDisputed
            | Self::LineageCycle
            | Self::AliasContradicted
            | Self::NeedsReassignment
            | Self::VoidReview => Severity::Review,
        }
    }

    /// Who is told: C34 for a field, C19, C20 for disputes and cycles, C18 for links, C14, C11.
    #[must_use]
    pub const fn tell(self) -> &'static [Tell] {
        match self {
            Self::Field => &[Tell::Author],
            Self::DuplicateKey | Self::NeedsReassignment => &[Tell::Leader, Tell::Community],
            Self::StructureDisputed | Self::LineageCycle | Self::VoidReview => {
                &[Tell::Street, Tell::Leader]
            }
            Self::AliasContradicted => &[Tell::Community],
        }
    }
}
