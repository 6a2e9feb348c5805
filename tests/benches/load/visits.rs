//! What phones say: bodies of visits in the mixture that a street sees. A little less than half are
//! full inspections of 2 to 3 KB, most of the others are doors that stayed shut.

use saolou_protocol::identifiers::uscc::Uscc;
use serde_json::{Value, json};
use uuid::Uuid;

/// Where, when and by whom a visit was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) round: Uuid,
    pub(crate) team: Uuid,
    pub(crate) user: Uuid,
    pub(crate) office: Uuid,
    pub(crate) at_ms: i64,
    /// Tells visits apart, and decides what this one ended in.
    pub(crate) number: usize,
}

/// The body of a visit.
pub(crate) fn body(setting: &Setting) -> Value {
    match setting.number * 37 % 100 {
        0..47 => inspected(setting),
        47..85 => shut(setting, "locked", "敲门三次无人应答", "door_closed"),
        85..93 => shut(setting, "vacant", "室内无人无物", "vacant_interior"),
        _ => shut(setting, "refused_entry", "前台称负责人不在，不同意进入", "door_plate"),
    }
}

fn shut(setting: &Setting, outcome: &str, note: &str, photo: &str) -> Value {
    let mut body = start(setting, outcome, note);
    body["photos"] = json!([promise(setting, photo)]);
    body
}

fn inspected(setting: &Setting) -> Value {
    let mut body = start(setting, "inspected", "三问三查已完成");
    let name = format!("演示科技{}有限公司", setting.office.as_u128() % 100_000);
    let uscc = uscc(setting.office);
    body["company"] = json!({
        "name": name, "signage_name": name, "uscc": uscc,
        "actual_business": "企业管理咨询与软件开发", "finance_class": "unclassified",
    });
    let person = |place: usize| {
        json!({
            "name": "演示人员", "role": if place == 0 { "legal_rep" } else { "employee" },
            "phone": format!("1749000{:04}", (setting.number + place) % 10_000),
            "present": place != 2,
        })
    };
    let heads = 3 + setting.number % 5;
    let people: Vec<Value> = (0..heads).map(person).collect();
    body["three_ask"] = json!({
        "q1_identity": "answered",
        "q2_people": {
            "responsible": people[0], "headcount_claimed": heads, "headcount_present": heads - 1,
            "difference_explained": 1, "difference_note": "一人外出跑业务，负责人已说明去向",
        },
        "q3_history": {
            "started_at_site_on": "2023-04-01",
            "note": "原在本区其他楼宇办公，租约到期后迁入；无改名，无纠纷，房租按季支付",
        },
    });
    body["persons"] = json!(people);
    body["id_check"] =
        json!({ "basis": "police_statutory", "method": "visual", "checked_count": heads });
    body["licence_check"] = json!({
        "status": "licensed_displayed", "typed_uscc": uscc, "name_on_licence": name,
        "scope_text": "企业管理咨询；软件开发（依法须经批准的项目，经相关部门批准后方可开展经营活动）",
        "scope_match": "match", "address_match": "match", "established_on": "2018-06-12",
    });
    body["ledger_check"] = json!({
        "items": ["account_books", "lease", "agency_contracts", "employment_contracts"],
        "result": "normal",
        "note": "抽看近三个月收支流水与合同，金额与业务相符，未见向不特定公众吸收资金",
    });
    body["red_flags"] = json!([]);
    let photos = ["licence_front", "door_plate", "interior", "ledger_page", "sign"];
    body["photos"] = photos.map(|kind| promise(setting, kind)).into();
    body
}

fn start(setting: &Setting, outcome: &str, note: &str) -> Value {
    json!({
        "revision": 1, "round_id": setting.round, "team_id": setting.team,
        "members_present": [{ "user": setting.user, "function": "police", "card_no": "演示0001" }],
        "kind": "initial", "office_ids": [setting.office], "roster_version": 1,
        "checklist_version": 3, "started_ms": setting.at_ms - 9 * 60_000,
        "ended_ms": setting.at_ms, "outcome": outcome, "note": note, "notice_given": true,
    })
}

/// A photo that will come later. Its digest is made up: nobody sends the bytes here.
fn promise(setting: &Setting, kind: &str) -> Value {
    let digits = |half: &str| {
        let name = format!("{kind}{half}{}", setting.number);
        Uuid::new_v5(&setting.office, name.as_bytes())
    };
    let (one, other) = (digits("a"), digits("b"));
    json!({
        "photo_id": one, "kind": kind, "bytes": 912_384, "mime": "image/jpeg",
        "sha256": format!("{}{}", one.simple(), other.simple()),
    })
}

/// A code of the district 990101, which does not exist, with a right check character.
fn uscc(office: Uuid) -> String {
    let first = format!("91990101MADE{:05}", office.as_u128() % 100_000);
    let mut codes =
        "0123456789ABCDEFGHJKLMNPQRTUWXY".chars().map(|check| format!("{first}{check}"));
    codes.find(|code| Uscc::parse(code).is_ok()).expect("one of the symbols is the right one")
}
