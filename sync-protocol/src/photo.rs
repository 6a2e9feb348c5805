//! What photos show, and how much of a person is in them (domain §2.17, §5.3).

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

/// What a kind of photo is called in Chinese, and its class. A kind that nobody knows is treated like
/// one that shows persons.
#[must_use]
pub fn of_kind(kind: Option<&str>) -> (&'static str, PhotoClass) {
    use PhotoClass::{Identity, Personal, Visit};
    match kind.unwrap_or_default() {
        "building_facade" => ("楼宇外观", Visit),
        "directory_board" => ("楼层水牌", Visit),
        "corridor" => ("楼道", Visit),
        "door_plate" => ("门牌", Visit),
        "door_closed" => ("锁门取证", Visit),
        "sign" => ("招牌", Visit),
        "licence_front" => ("营业执照", Visit),
        "licence_duplicate" => ("执照副本", Visit),
        "licence_qr" => ("执照二维码", Visit),
        "permit" => ("许可证", Visit),
        "vacant_interior" => ("空置现场", Visit),
        "ad_material" => ("广告", Visit),
        "document_served" => ("送达文书", Visit),
        "measure_scene" => ("处置现场", Visit),
        "interior" => ("室内", Personal),
        "ledger_page" => ("台账", Personal),
        "contract_page" => ("合同", Personal),
        "signature" => ("签字", Personal),
        "staff_list" => ("花名册", Personal),
        "id_card" => ("身份证件", Identity),
        _ => ("其他", Personal),
    }
}
