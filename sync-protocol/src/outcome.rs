//! Outcomes of a visit, the classes that coverage is computed from, and the six elements.
//!
//! Source: domain §2.7.1–2.7.3 and §3.2.

use crate::codes::{code_set, codes};

codes! {
    /// What a visit ended in (结果).
    pub enum Outcome {
        /// 已检查: the three asks and three checks were done.
        Inspected = "inspected",
        /// 部分检查: something is still missing.
        InspectedPartial = "inspected_partial",
        /// 已关停/取缔.
        ShutDown = "shut_down",
        /// 已移交办案单位.
        HandedOver = "handed_over",
        /// 空置.
        Vacant = "vacant",
        /// 已搬离.
        MovedOut = "moved_out",
        /// 装修中.
        UnderRenovation = "under_renovation",
        /// 锁门（无人）.
        Locked = "locked",
        /// 故意锁门.
        LockedDeliberate = "locked_deliberate",
        /// 拒绝检查.
        RefusedEntry = "refused_entry",
        /// 物业/门禁阻拦.
        AccessDenied = "access_denied",
        /// 约定改期.
        Deferred = "deferred",
        /// 中止.
        Aborted = "aborted",
        /// 查无此房.
        NotFound = "not_found",
        /// 已并入其他房间.
        MergedInto = "merged_into",
        /// 非摸排对象.
        NotInScope = "not_in_scope",
        /// An outcome that this version does not know; the op keeps the raw code.
        Other = "other",
    }
}

codes! {
    /// Why the visit was made (走访类型).
    pub enum VisitKind {
        /// 首次走访.
        Initial = "initial",
        /// 复查.
        Revisit = "revisit",
        /// 补检.
        Supplement = "supplement",
        /// 联合上门核查.
        JointRevisit = "joint_revisit",
        /// 专项执法检查.
        SpecialCheck = "special_check",
        /// 抽查复核.
        SpotCheck = "spot_check",
        /// 暗访.
        CovertCheck = "covert_check",
        /// A kind that this version does not know.
        Other = "other",
    }
}

impl VisitKind {
    /// Whether a department can close a place on such a visit.
    #[must_use]
    pub const fn is_enforcing(self) -> bool {
        matches!(self, Self::JointRevisit | Self::SpecialCheck)
    }
}

codes! {
    /// What a visit means for coverage (domain §3.2).
    pub enum Class {
        /// Settled by contact.
        Settled = "S",
        /// Partial contact.
        Partial = "P",
        /// Somebody is there and kept us out.
        Blocked = "B",
        /// Locked, nobody seen.
        Locked = "L",
        /// Absence shown.
        Absent = "V",
        /// A claim that this is no object of the canvass.
        Claim = "X",
        /// An attempt that says nothing about the room.
        Attempt = "A",
    }
}

codes! {
    /// The six elements of three asks and three checks (三问三查).
    pub enum Element {
        /// 一问: company name and actual business.
        Q1Identity = "q1_identity",
        /// 二问: responsible person and staff.
        Q2People = "q2_people",
        /// 三问: history since it began to trade.
        Q3History = "q3_history",
        /// 一查: identity cards.
        C1IdCheck = "c1_id_check",
        /// 二查: the business licence, photographed as evidence.
        C2Licence = "c2_licence",
        /// 三查: ledgers and contracts.
        C3Ledger = "c3_ledger",
        /// Not an element of a visit: a shared room whose list of companies nobody confirmed.
        OccupantList = "occupant_list",
    }
}

code_set! {
    /// A set of elements, usually those that are missing.
    pub struct Elements(u8) of Element
}

impl Elements {
    /// The six elements of a visit: all but [`Element::OccupantList`].
    #[must_use]
    pub fn six() -> Self {
        Element::ALL.iter().copied().filter(|element| *element != Element::OccupantList).collect()
    }
}

/// What the class of a visit depends on, besides its outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// The elements that were not obtained.
    pub missing: Elements,
    /// Absence is shown by a photo or by the property manager's statement.
    pub absence_shown: bool,
    /// There were signs that somebody is inside.
    pub occupied_signs: bool,
    /// An enforcing kind of visit with a member of a competent department.
    pub enforcing: bool,
}

impl Outcome {
    /// The class of a visit with this outcome, with the downgrades and upgrades of domain §3.2.
    #[must_use]
    pub fn class(self, circumstances: Circumstances) -> Class {
        let Circumstances { missing, absence_shown, occupied_signs, enforcing } = circumstances;
        match self {
            Self::Inspected if missing.is_empty() => Class::Settled,
            Self::Inspected | Self::InspectedPartial => Class::Partial,
            Self::ShutDown | Self::HandedOver if enforcing => Class::Settled,
            Self::ShutDown | Self::HandedOver | Self::LockedDeliberate | Self::RefusedEntry => {
                Class::Blocked
            }
            Self::Vacant | Self::MovedOut | Self::UnderRenovation if absence_shown => Class::Absent,
            Self::Locked if occupied_signs => Class::Blocked,
            Self::Vacant | Self::MovedOut | Self::UnderRenovation | Self::Locked => Class::Locked,
            Self::NotFound | Self::MergedInto | Self::NotInScope => Class::Claim,
            Self::AccessDenied | Self::Deferred | Self::Aborted | Self::Other => Class::Attempt,
        }
    }

    /// Whether the visit met somebody of the company.
    #[must_use]
    pub const fn is_contact(self) -> bool {
        matches!(self, Self::Inspected | Self::InspectedPartial)
    }

    /// Whether the visit found the company in its room, whether or not it could be inspected.
    #[must_use]
    pub const fn finds_company(self) -> bool {
        self.is_contact() || matches!(self, Self::ShutDown | Self::HandedOver)
    }
}
