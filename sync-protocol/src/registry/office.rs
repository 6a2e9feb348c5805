//! An office (房间) as somebody wrote it down.

use crate::body::Body;
use crate::codes::codes;
use crate::ids::OfficeId;
use crate::issue::Issues;
use crate::registry::room_key::RoomKey;

codes! {
    /// What kind of room it is (domain §2.4).
    pub enum OfficeKind {
        /// 办公室.
        Office = "office",
        /// 商铺.
        Shop = "shop",
        /// 柜台/摊位.
        Counter = "counter",
        /// 联合办公/众创空间.
        SharedSpace = "shared_space",
        /// 工位区.
        OpenDeskArea = "open_desk_area",
        /// 整层.
        WholeFloor = "whole_floor",
        /// 住宅户.
        ResidentialUnit = "residential_unit",
        /// 机房/设备间/公共区.
        Utility = "utility",
        /// 无门牌: its label says where it is, and its key joins it with nothing.
        Unnumbered = "unnumbered",
        /// A kind that this version does not know.
        Other = "other",
    }
}

codes! {
    /// Who sits there.
    pub enum Sharing {
        /// 独用.
        Single = "single",
        /// 多家合用.
        Shared = "shared",
        /// 仅登记地址.
        RegisteredOnly = "registered_only",
    }
}

/// An office as an add, a split or a merge names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOffice {
    /// Its id.
    pub office: OfficeId,
    /// As on the door.
    pub label: String,
    /// Its comparison key.
    pub key: String,
    /// Its kind.
    pub kind: OfficeKind,
    /// Its sharing.
    pub sharing: Sharing,
}

impl NewOffice {
    /// Reads `{office_id, label, kind?, sharing?}`; `None` where id or label is absent.
    #[must_use]
    pub fn read(body: &Body<'_>, issues: &mut Issues) -> Option<Self> {
        let label = body.text("label", issues)?.to_owned();
        let kind = body.code("kind", issues, OfficeKind::parse, OfficeKind::Other);
        let sharing = body.code("sharing", issues, Sharing::parse, Sharing::Single);
        Some(Self {
            office: body.id("office_id", issues)?,
            key: key_of(&label),
            label,
            kind: kind.unwrap_or(OfficeKind::Office),
            sharing: sharing.unwrap_or(Sharing::Single),
        })
    }
}

/// The comparison key of a label; where the label holds nothing that a key is made of, the label.
#[must_use]
pub fn key_of(label: &str) -> String {
    let key = RoomKey::of(label).key;
    if key.is_empty() { label.to_owned() } else { key }
}
