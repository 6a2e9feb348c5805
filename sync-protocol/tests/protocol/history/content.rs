//! What the actions of a generated history say, as bodies of ops.

use super::{Act, COMPANIES, KINDS, LABELS, OUTCOMES, Visit};
use crate::world::{building_id, id};
use saolou_protocol::canonical::Hash;
use saolou_protocol::ids::{PhotoId, UserId, VisitId};
use saolou_protocol::photo::finding::{Finding, FindingCode};
use serde_json::{Value, json};
use uuid::Uuid;

impl Act {
    pub(super) fn content(&self) -> (&'static str, Uuid, Value) {
        let office = |number: &u64| id("office", *number);
        let nowhere = id("nowhere", 0);
        match self {
            Self::Visit(visit) => ("visit", id("visit", visit.visit), visit.body()),
            Self::Void(visit) => ("visit_void", nowhere, json!({"visit_id": id("visit", *visit)})),
            Self::AcceptLate(visit) => {
                ("accept_late", nowhere, json!({"visit_id": id("visit", *visit)}))
            }
            Self::Reassign { visit, office: to, instead_of } => {
                let mut body = json!({"visit_id": id("visit", *visit), "office_id": office(to)});
                if let Some(from) = instead_of {
                    body["instead_of"] = json!(office(from));
                }
                ("visit_reassign", nowhere, body)
            }
            Self::Photo { photo, right } => {
                let bytes = if *right { format!("photo {photo}") } else { "other".into() };
                let sha256 = Hash::of(bytes.as_bytes());
                (
                    "photo_verified",
                    nowhere,
                    json!({"photo_id": id("photo", *photo), "sha256": sha256}),
                )
            }
            Self::Read { .. }
            | Self::Alike { .. }
            | Self::Look { .. }
            | Self::Waive(_)
            | Self::Card(_) => self.photo_content(),
            Self::Exclude { office: room, round } => {
                let round = round.map(|round| id("round", round));
                let body = json!({"office_id": office(room), "round_id": round});
                ("exclusion_approve", nowhere, body)
            }
            Self::Remove(room) => {
                let body = json!({"office_id": office(room), "round_id": id("round", 0)});
                ("office_remove", office(room), body)
            }
            Self::RejectClaims => ("exclusion_reject", nowhere, json!({})),
            Self::Withdraw(kind) => {
                (["structure_reject", "office_restore", "visit_unvoid"][*kind], nowhere, json!({}))
            }
            Self::Accept(round) => {
                ("building_accept", nowhere, json!({"round_id": id("round", *round)}))
            }
            Self::Other(kind) => {
                (["note", "teleport", "heartbeat"][*kind], nowhere, json!({"x": 1}))
            }
            Self::Register(name) => {
                let (north, geofence_m) =
                    (30.25 + f64::from(*name % 2) / 100.0, u32::from(*name) * 700);
                let body = json!({"name": name, "latitude": north, "longitude": 120.17,
                    "geofence_m": geofence_m});
                ("building_add", nowhere, body)
            }
            _ => self.structure_content(),
        }
    }

    fn photo_content(&self) -> (&'static str, Uuid, Value) {
        let photo = |number: u64| id("photo", number);
        let sha256 = |number: u64| Hash::of(format!("photo {number}").as_bytes());
        let nowhere = id("nowhere", 0);
        match self {
            Self::Read { photo: of, long_side_px, reader } => {
                let body = json!({"photo_id": photo(*of), "sha256": sha256(*of),
                    "reader": reader, "long_side_px": long_side_px,
                    "licence_codes": ["91990101MADEMA0273"], "is_code_there": true});
                ("photo_read", nowhere, body)
            }
            Self::Alike { a, b, bits, next_door } => {
                let side = |of: u64, building: Uuid| {
                    json!({"photo_id": photo(of), "sha256": sha256(of), "building_id": building,
                        "licence_codes": []})
                };
                let there = if *next_door { id("building", 2) } else { building_id().0 };
                let mut body = json!({"photos": [side(*a, building_id().0), side(*b, there)]});
                if let Some(bits) = bits {
                    (body["bits_of_64"], body["bits_of_256"]) = (json!(bits), json!(bits));
                }
                ("photo_alike", nowhere, body)
            }
            Self::Look { visit, author, photo: of } => {
                let key = (VisitId(id("visit", *visit)), UserId(id("author", *author)));
                let what = (FindingCode::LowResolution, Value::Null);
                let of = PhotoId(photo(*of));
                let finding = Finding::new(key, of, what, None, Vec::new());
                let body = json!({"finding_id": finding.finding_id, "photo_id": of});
                ("finding_close", nowhere, body)
            }
            Self::Waive(of) => ("waive_photo", nowhere, json!({"photo_id": photo(*of)})),
            Self::Card(of) => {
                ("photo_reclassify", nowhere, json!({"photo_id": photo(*of), "kind": "id_card"}))
            }
            _ => unreachable!("it is about something else"),
        }
    }

    fn structure_content(&self) -> (&'static str, Uuid, Value) {
        let office = |number: &u64| id("office", *number);
        let floor = |number: &u64| id("floor", *number);
        let part = |(number, label): &(u64, usize)| {
            let kind = if *label == 5 { "unnumbered" } else { "office" };
            json!({"office_id": office(number), "label": LABELS[*label], "kind": kind})
        };
        let nowhere = id("nowhere", 0);
        match self {
            Self::Floor { floor: number, place } => {
                let body = json!({"floor_id": floor(number), "section_id": id("section", 1),
                    "label": format!("F{number}"), "sort_order_milli": place, "kind": "office"});
                ("floor_add", nowhere, body)
            }
            Self::ConfirmFloor(number) => {
                ("floor_confirm", nowhere, json!({"floor_id": floor(number)}))
            }
            Self::Office { office: number, floor: on, label, unnumbered, shared, initial } => {
                let body = json!({"office_id": office(number), "floor_id": floor(on),
                    "label": LABELS[*label],
                    "kind": if *unnumbered { "unnumbered" } else { "office" },
                    "sharing": if *shared { "shared" } else { "single" },
                    "origin": if *initial { "initial" } else { "on_site" }});
                ("office_add", office(number), body)
            }
            Self::Split { parent, children, hint } => {
                let hints: Vec<Value> = hint
                    .iter()
                    .map(|(met, child)| json!({"company": company(*met), "child": office(child)}))
                    .collect();
                let children: Vec<Value> = children.iter().map(part).collect();
                let body = json!({"parent": office(parent), "children": children, "hints": hints});
                ("office_split", office(parent), body)
            }
            Self::Merge { parents, child, label } => {
                let parents: Vec<Uuid> = parents.iter().map(office).collect();
                let body = json!({"parents": parents, "child": part(&(*child, *label))});
                ("office_merge", office(child), body)
            }
            Self::Rename { office: number, label, desk } => {
                let source = if *desk { "desk_verified" } else { "signage" };
                let body =
                    json!({"office_id": office(number), "label": LABELS[*label], "source": source});
                ("office_rename", office(number), body)
            }
            Self::Reclassify { office: number, shared, shop } => {
                let body = json!({"office_id": office(number),
                    "sharing": if *shared { "shared" } else { "single" },
                    "kind": if *shop { "shop" } else { "office" }});
                ("office_reclassify", office(number), body)
            }
            Self::Link { a, b, same } => {
                let kind = if *same { "same_as" } else { "not_same_as" };
                (kind, office(a), json!({"a": office(a), "b": office(b)}))
            }
            Self::Occupancy { occupancy, office: number, company: met, physical } => {
                let body = json!({"occupancy_id": id("occupancy", *occupancy),
                    "office_id": office(number), "company": company(*met),
                    "kind": if *physical { "physical" } else { "registered_only" }});
                ("occupancy_add", office(number), body)
            }
            Self::ConfirmOccupants(number) => {
                ("occupants_confirm", office(number), json!({"office_id": office(number)}))
            }
            _ => ("note", nowhere, json!({})),
        }
    }
}

fn company(company: usize) -> Value {
    let (name, uscc) = COMPANIES[company];
    json!({"name": name, "uscc": uscc})
}

impl Visit {
    fn body(&self) -> Value {
        let (name, uscc) = COMPANIES[self.company];
        let has = |bit: u8| self.missing >> bit & 1 == 0;
        let photos: Vec<Value> = self
            .photo
            .iter()
            .map(|photo| {
                let sha256 = Hash::of(format!("photo {photo}").as_bytes());
                let kind = if OUTCOMES[self.outcome].starts_with('i') {
                    "licence_front"
                } else {
                    "interior"
                };
                json!({"photo_id": id("photo", *photo), "kind": kind, "sha256": sha256})
            })
            .collect();
        let status = match self.photo {
            Some(_) => "licensed_displayed",
            None if self.signs => "unlicensed",
            None => "exempt",
        };
        json!({
            "revision": self.revision,
            "round_id": self.round.map(|round| id("round", round)),
            "office_ids": self.offices.iter().map(|office| id("office", *office)).collect::<Vec<_>>(),
            "occupancy_id": self.occupancy.map(|occupancy| id("occupancy", occupancy)),
            "roster_version": self.revision,
            "location": {"lat": 30.25 + f64::from(self.missing % 3) / 100.0, "lon": 120.17,
                "datum": if self.missing < 32 { "wgs84" } else { "gcj02" }},
            "kind": KINDS[self.kind],
            "outcome": OUTCOMES[self.outcome],
            "members_present": [{"function": if self.signs { "police" } else { "property" }}],
            "occupied_signs": if self.signs { json!(["voices_inside"]) } else { json!([]) },
            "company": {"name": name, "uscc": uscc, "actual_business": has(0).then_some("设计")},
            "three_ask": {
                "q2_people": {"responsible": {"name": "秦演示", "phone": "17490000011"},
                    "headcount_claimed": if has(1) { json!(3) } else { json!(-3) }, "headcount_present": 2},
                "q3_history": {"started_at_site_on": "2024-03-01", "note": has(2).then_some("迁入")}},
            "id_check": {"checked_count": i32::from(has(3)), "basis": "police_statutory"},
            "licence_check": {"status": has(4).then_some(status)},
            "ledger_check": {"result": if has(5) { "normal" } else { "refused" }},
            "photos": photos,
            "notice_given": true,
            "missing": ["c3_ledger"],
        })
    }
}
