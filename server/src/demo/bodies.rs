//! Bodies of visits as phones write them: complete inspections, doors that stayed shut, rooms that
//! are empty, and all the ways between. Every person and number is made up.
//!
//! What counts as complete is the business of the protocol; these say everything it asks for
//! (domain §2.7.2, §2.7.3). Equal arguments give equal bodies, photos included.

mod lot;
mod photo;

pub use photo::photo_bytes;

use super::accounts::id;
use lot::Lot;
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::time::Millis;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The body of an op.
pub type Body = Map<String, Value>;

/// Whom, where and when a visit was made.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Tells this visit from all others; the ids of visit and photos follow from it.
    pub key: &'a str,
    /// The round.
    pub round: Uuid,
    /// The team.
    pub team: Uuid,
    /// Who was there.
    pub members: &'a [Member<'a>],
    /// The rooms, the door knocked at first.
    pub offices: &'a [Uuid],
    /// Visit kind code: `initial`, `revisit`, `joint_revisit` …
    pub kind: &'a str,
    /// When the visit ended, by a right clock.
    pub at_ms: Millis,
    /// The version of the room list that the phone shows.
    pub roster_version: i64,
}

/// A member of the team that made the visit.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The account.
    pub user: Uuid,
    /// Department function code.
    pub function: &'a str,
}

/// The company behind the door.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its credit code, where it has one.
    pub uscc: Option<&'a str>,
    /// What it really does.
    pub business: &'a str,
}

/// The id of the visit that a setting's key names.
#[must_use]
pub fn visit_id(key: &str) -> Uuid {
    id(&format!("visit:{key}"))
}

/// `inspected`: all six elements obtained, licence displayed, its photo and two more promised.
#[must_use]
pub fn inspected(setting: &Setting<'_>, tenant: &Tenant<'_>) -> Body {
    let mut body = start(setting, "inspected", "三问三查已完成");
    let lot = Lot::of(setting.key);
    let heads = lot.number("heads", 2, 14);
    tell_company(&mut body, tenant);
    let people: Vec<_> = (0..heads.min(8)).map(|place| lot.person(place)).collect();
    body.insert(
        "three_ask".into(),
        json!({
            "q1_identity": "answered",
            "q2_people": {
                "responsible": people[0],
                "headcount_claimed": heads,
                "headcount_present": heads - lot.number("out", 0, 2),
                "difference_explained": heads - people.len() as u64,
                "difference_note": "其余人员外出跑业务，负责人已逐一说明去向",
            },
            "q3_history": {
                "started_at_site_on": lot.date("site", 2021, 2025),
                "note": "原在本区其他楼宇办公，租约到期后迁入；无改名，无纠纷，房租按季支付",
            },
        }),
    );
    body.insert("persons".into(), json!(people));
    body.insert("id_check".into(), id_check(setting, heads));
    let mut licence = licence_check(tenant, "licensed_displayed");
    licence["established_on"] = json!(lot.date("born", 2012, 2020));
    body.insert("licence_check".into(), licence);
    body.insert(
        "ledger_check".into(),
        json!({
            "items": ["account_books", "lease", "agency_contracts", "employment_contracts"],
            "result": "normal",
            "note": "抽看近三个月收支流水与合同，金额与业务相符，未见向不特定公众吸收资金",
        }),
    );
    body.insert("red_flags".into(), json!([]));
    for kind in ["licence_front", "door_plate", "ledger_page"] {
        promise(&mut body, setting.key, kind);
    }
    body
}

/// As [`inspected`], but the licence was shown on the tenant's phone, so that no photo is due.
#[must_use]
pub fn inspected_by_e_licence(setting: &Setting<'_>, tenant: &Tenant<'_>) -> Body {
    let mut body = inspected(setting, tenant);
    body["licence_check"]["status"] = json!("e_licence_shown");
    body["licence_check"]["e_licence_shown"] = json!(true);
    body["photos"] = json!([]);
    body
}

/// `inspected_partial`: everything but the ledger, which was not there.
#[must_use]
pub fn partial_without_ledger(setting: &Setting<'_>, tenant: &Tenant<'_>) -> Body {
    let mut body = inspected(setting, tenant);
    body.insert("outcome".into(), json!("inspected_partial"));
    body.insert("missing".into(), json!(["c3_ledger"]));
    body.insert("note".into(), json!("台账在财务处，约定次日补看"));
    body["ledger_check"] = json!({"items": [], "result": "not_present"});
    if let Some(photos) = body["photos"].as_array_mut() {
        photos.retain(|photo| photo["kind"] != "ledger_page");
    }
    body
}

/// A later visit that obtained the ledger and nothing else.
#[must_use]
pub fn supplement_of_ledger(setting: &Setting<'_>, tenant: &Tenant<'_>) -> Body {
    let mut body = start(setting, "inspected_partial", "补看台账、合同");
    tell_company(&mut body, tenant);
    body.insert("missing".into(), json!(["q2_people", "q3_history", "c1_id_check", "c2_licence"]));
    body.insert(
        "ledger_check".into(),
        json!({"items": ["account_books", "customer_register"], "result": "normal"}),
    );
    promise(&mut body, setting.key, "ledger_page");
    body
}

/// `inspected` with an expired licence, and the order to apply for a new one.
#[must_use]
pub fn inspected_with_expired_licence(setting: &Setting<'_>, tenant: &Tenant<'_>) -> Body {
    let mut body = inspected(setting, tenant);
    body["licence_check"]["status"] = json!("expired");
    body.insert("findings".into(), json!([{"code": "expired_licence", "text": "营业期限已过"}]));
    body.insert("on_spot_measures".into(), json!([measure(setting, "ordered_to_apply")]));
    promise(&mut body, setting.key, "document_served");
    body
}

/// A contact visit to a tenant without licence. Ordered to apply, it is complete; without any
/// measure the licence element stays open, so that it is partial.
#[must_use]
pub fn unlicensed(setting: &Setting<'_>, tenant: &Tenant<'_>, ordered: bool) -> Body {
    let mut body = inspected(setting, &Tenant { uscc: None, ..*tenant });
    body["licence_check"] = json!({"status": "unlicensed", "scope_match": "cannot_tell"});
    body.insert("findings".into(), json!([{"code": "unlicensed", "text": "现场未能提供营业执照"}]));
    body["photos"] = json!([]);
    if ordered {
        body.insert("on_spot_measures".into(), json!([measure(setting, "ordered_to_apply")]));
    } else {
        body.insert("outcome".into(), json!("inspected_partial"));
        body.insert("missing".into(), json!(["c2_licence"]));
    }
    promise(&mut body, setting.key, "sign");
    body
}

/// `shut_down`: trade without licence stopped on the spot. It settles the room only on a joint
/// re-visit with a member of a competent department.
#[must_use]
pub fn shut_down(setting: &Setting<'_>, tenant: &Tenant<'_>) -> Body {
    let mut body = start(setting, "shut_down", "无照经营，责令停止经营，当场关停");
    tell_company(&mut body, &Tenant { uscc: None, ..*tenant });
    body.insert("licence_check".into(), json!({"status": "unlicensed"}));
    body.insert(
        "findings".into(),
        json!([{"code": "unlicensed", "text": "无营业执照对外招揽业务"}]),
    );
    body.insert("on_spot_measures".into(), json!([measure(setting, "ordered_to_stop")]));
    promise(&mut body, setting.key, "document_served");
    promise(&mut body, setting.key, "measure_scene");
    body
}

/// `locked`: closed, nobody seen or heard.
#[must_use]
pub fn locked(setting: &Setting<'_>) -> Body {
    let mut body = start(setting, "locked", "敲门三次无人应答");
    promise(&mut body, setting.key, "door_closed");
    body
}

/// `locked_deliberate`: closed, with `signs` that somebody is inside.
#[must_use]
pub fn locked_deliberate(setting: &Setting<'_>, signs: &[&str]) -> Body {
    let mut body = start(setting, "locked_deliberate", "敲门不开，屋内有人");
    body.insert("occupied_signs".into(), json!(signs));
    promise(&mut body, setting.key, "door_closed");
    body
}

/// `refused_entry`: somebody said no.
#[must_use]
pub fn refused(setting: &Setting<'_>) -> Body {
    let mut body = start(setting, "refused_entry", "当事人拒绝检查");
    body.insert(
        "refusal".into(),
        json!({"who": "前台人员，未报姓名", "reason": "称负责人不在，不同意进入"}),
    );
    promise(&mut body, setting.key, "door_plate");
    body
}

/// `vacant` with a photo through the door.
#[must_use]
pub fn vacant(setting: &Setting<'_>) -> Body {
    let mut body = vacant_unproven(setting);
    promise(&mut body, setting.key, "vacant_interior");
    body
}

/// `vacant` on the word of the property manager, so that no photo is due.
#[must_use]
pub fn vacant_by_statement(setting: &Setting<'_>) -> Body {
    let mut body = vacant_unproven(setting);
    let number = Lot::of(setting.key).phone("manager");
    body.insert("manager_statement".into(), json!({"name": "物业值班员", "phone": number}));
    body
}

/// `vacant` without any evidence, which counts as locked.
#[must_use]
pub fn vacant_unproven(setting: &Setting<'_>) -> Body {
    start(setting, "vacant", "室内无人无物")
}

/// `under_renovation` with a photo.
#[must_use]
pub fn under_renovation(setting: &Setting<'_>) -> Body {
    let mut body = start(setting, "under_renovation", "室内装修，未营业");
    body.insert("recheck_after_days".into(), json!(30));
    promise(&mut body, setting.key, "interior");
    body
}

/// `not_found`: there is no such room; the photo shows the place.
#[must_use]
pub fn not_found(setting: &Setting<'_>) -> Body {
    let mut body = start(setting, "not_found", "现场无此门牌，位置为消防通道");
    promise(&mut body, setting.key, "corridor");
    body
}

/// `not_in_scope`, with a reason code such as `residential_use`.
#[must_use]
pub fn not_in_scope(setting: &Setting<'_>, reason: &str) -> Body {
    let mut body = start(setting, "not_in_scope", "住宅自用，未见经营活动");
    body.insert("outcome_detail".into(), json!({"reason": reason}));
    body
}

/// `deferred`: come another time.
#[must_use]
pub fn deferred(setting: &Setting<'_>, appointment_ms: Millis) -> Body {
    let mut body = start(setting, "deferred", "负责人在外，约定改期");
    let contact = Lot::of(setting.key).phone("contact");
    body.insert("appointment".into(), json!({"at_ms": appointment_ms, "contact": contact}));
    body
}

/// Puts a mistyped credit code where it was typed; the QR keeps the right one.
pub fn mistype(body: &mut Body, typed: &str) {
    body["licence_check"]["typed_uscc"] = json!(typed);
    body["company"]["uscc"] = json!(typed);
}

/// The photos that a body promises, each with its kind.
#[must_use]
pub fn promised(body: &Body) -> Vec<(PhotoId, String)> {
    let photos = body.get("photos").and_then(Value::as_array).into_iter().flatten();
    let read = |photo: &Value| {
        let id = photo["photo_id"].as_str()?.parse().ok()?;
        Some((id, photo["kind"].as_str()?.to_owned()))
    };
    photos.filter_map(read).collect()
}

fn start(setting: &Setting<'_>, outcome: &str, note: &str) -> Body {
    let members: Vec<_> = setting
        .members
        .iter()
        .map(|member| json!({"user": member.user, "function": member.function, "card_no": card(member)}))
        .collect();
    let Value::Object(body) = json!({
        "revision": 1,
        "round_id": setting.round,
        "team_id": setting.team,
        "members_present": members,
        "kind": setting.kind,
        "office_ids": setting.offices,
        "roster_version": setting.roster_version,
        "checklist_version": 3,
        "started_ms": setting.at_ms - 9 * 60_000,
        "ended_ms": setting.at_ms,
        "outcome": outcome,
        "note": note,
        "notice_given": true,
        "photos": [],
    }) else {
        unreachable!("an object literal is an object")
    };
    body
}

/// A made-up card number for those who must show one.
fn card(member: &Member<'_>) -> Option<String> {
    let has_card = matches!(member.function, "police" | "market_supervision");
    has_card.then(|| format!("演示{:04}", member.user.as_u128() % 10_000))
}

fn tell_company(body: &mut Body, tenant: &Tenant<'_>) {
    let company = json!({
        "name": tenant.name,
        "signage_name": tenant.name,
        "uscc": tenant.uscc,
        "actual_business": tenant.business,
        "finance_class": "unclassified",
    });
    body.insert("company".into(), company);
}

/// With police there, they check; otherwise people show their cards of their own free will.
fn id_check(setting: &Setting<'_>, heads: u64) -> Value {
    let police = setting.members.iter().any(|member| member.function == "police");
    let basis = if police { "police_statutory" } else { "voluntary" };
    json!({"basis": basis, "method": "visual", "checked_count": heads.min(7), "waiver": null})
}

fn licence_check(tenant: &Tenant<'_>, status: &str) -> Value {
    let qr = tenant.uscc.map(|c| format!("https://www.gsxt.gov.cn/index.html?uniscid={c}"));
    json!({
        "status": status,
        "typed_uscc": tenant.uscc,
        "qr_raw": qr,
        "name_on_licence": tenant.name,
        "scope_text": format!("{}（依法须经批准的项目，经相关部门批准后方可开展经营活动）", tenant.business),
        "scope_match": "match",
        "address_match": "match",
    })
}

fn measure(setting: &Setting<'_>, kind: &str) -> Value {
    let officers: Vec<_> = setting.members.iter().filter_map(card).collect();
    json!({
        "kind": kind,
        "department": "market_supervision",
        "officers": officers,
        "document_no": format!("云港市监责改〔2026〕{}号（演示）", Lot::of(setting.key).number("document", 1, 99)),
        "deadline_days": 10,
        "signature": "signed",
    })
}

fn promise(body: &mut Body, key: &str, kind: &str) {
    let photo = PhotoId(id(&format!("photo:{key}:{kind}")));
    let bytes = photo_bytes(photo);
    let promised = json!({
        "photo_id": photo,
        "kind": kind,
        "sha256": Hash::of(&bytes),
        "bytes": bytes.len(),
        "mime": "image/png",
    });
    if let Some(photos) = body.get_mut("photos").and_then(Value::as_array_mut) {
        photos.push(promised);
    }
}
