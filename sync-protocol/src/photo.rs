//! What photos show, and how much of a person is in them (domain §2.17, §5.3).
//!
//! [`reading`] is what the bytes of a photo gave whoever read them, [`finding`] what a person should
//! look at when that stands beside what the record says.

pub mod finding;
pub mod reading;

use crate::codes::codes;

/// How a photo may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhotoClass {
    /// L2: whoever reads the visits of the building.
    Visit,
    /// L3: persons or papers; seen for a reason that is noted.
    Personal,
    /// L4: an identity document; seen by those who decide, for a reason that is noted.
    Identity,
}

codes! {
    /// What a photo shows.
    pub enum PhotoKind {
        /// The building from outside.
        BuildingFacade = "building_facade",
        /// The board that lists who is on which floor.
        DirectoryBoard = "directory_board",
        /// A corridor.
        Corridor = "corridor",
        /// The number on a door.
        DoorPlate = "door_plate",
        /// A door that nobody opened.
        DoorClosed = "door_closed",
        /// A company's sign.
        Sign = "sign",
        /// The business licence, its front.
        LicenceFront = "licence_front",
        /// The duplicate of a business licence.
        LicenceDuplicate = "licence_duplicate",
        /// The code on a business licence.
        LicenceQr = "licence_qr",
        /// A permit.
        Permit = "permit",
        /// A room from inside.
        Interior = "interior",
        /// An empty room.
        VacantInterior = "vacant_interior",
        /// A page of account books.
        LedgerPage = "ledger_page",
        /// A page of a contract.
        ContractPage = "contract_page",
        /// Advertisements.
        AdMaterial = "ad_material",
        /// A document that was served.
        DocumentServed = "document_served",
        /// A measure on the spot.
        MeasureScene = "measure_scene",
        /// A signature.
        Signature = "signature",
        /// An identity document.
        IdCard = "id_card",
        /// A list of staff.
        StaffList = "staff_list",
        /// Anything else, and whatever this version does not know.
        Other = "other",
    }
}

impl PhotoKind {
    /// Its name in Chinese, and its class. What nobody knows is treated like what shows persons.
    #[must_use]
    pub const fn told(self) -> (&'static str, PhotoClass) {
        use PhotoClass::{Identity, Personal, Visit};
        match self {
            Self::BuildingFacade => ("楼宇外观", Visit),
            Self::DirectoryBoard => ("楼层水牌", Visit),
            Self::Corridor => ("楼道", Visit),
            Self::DoorPlate => ("门牌", Visit),
            Self::DoorClosed => ("锁门取证", Visit),
            Self::Sign => ("招牌", Visit),
            Self::LicenceFront => ("营业执照", Visit),
            Self::LicenceDuplicate => ("执照副本", Visit),
            Self::LicenceQr => ("执照二维码", Visit),
            Self::Permit => ("许可证", Visit),
            Self::VacantInterior => ("空置现场", Visit),
            Self::AdMaterial => ("广告", Visit),
            Self::DocumentServed => ("送达文书", Visit),
            Self::MeasureScene => ("处置现场", Visit),
            Self::Interior => ("室内", Personal),
            Self::LedgerPage => ("台账", Personal),
            Self::ContractPage => ("合同", Personal),
            Self::Signature => ("签字", Personal),
            Self::StaffList => ("花名册", Personal),
            Self::IdCard => ("身份证件", Identity),
            Self::Other => ("其他", Personal),
        }
    }

    /// Whether it is of a business licence.
    #[must_use]
    pub const fn is_licence(self) -> bool {
        matches!(self, Self::LicenceFront | Self::LicenceDuplicate | Self::LicenceQr)
    }

    /// Whether it is of print, which a smear makes worthless.
    #[must_use]
    pub const fn is_print(self) -> bool {
        self.is_licence()
            || matches!(
                self,
                Self::Permit
                    | Self::LedgerPage
                    | Self::ContractPage
                    | Self::DocumentServed
                    | Self::StaffList
            )
    }
}

/// What a kind of photo is called in Chinese, and its class.
#[must_use]
pub fn of_kind(kind: Option<&str>) -> (&'static str, PhotoClass) {
    kind.and_then(PhotoKind::parse).unwrap_or(PhotoKind::Other).told()
}
