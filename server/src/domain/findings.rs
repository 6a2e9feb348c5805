//! Findings: what a person should look at about a photo. Never a verdict, and nothing is refused for
//! one.
//!
//! A function of the reading of the bytes, of what the record says of the photo, and of the photos
//! that resemble it. It does not matter which of them came first: whenever one arrives, the findings
//! are derived again.

use crate::pipeline::{Exif, Reading, Undecodable};
use saolou_protocol::identifiers::licence_qr::claimed;
use saolou_protocol::identifiers::uscc::{Standing, is_same};
use saolou_protocol::location::{Datum, Location};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// The long side from which the small print of a licence is legible, and anything else, in pixels
/// (domain §2.17).
const LICENCE_PX_MIN: u32 = 1600;
const PHOTO_PX_MIN: u32 = 1024;
/// A photo taken longer before or after its visit is of another time.
const GAP_MS_MAX: u64 = 2 * 3600 * 1000;
/// A photo taken farther from its visit is of another place, in metres.
const GAP_M_MAX: f64 = 300.0;
/// Bits that the small and the large hash of one photo and its copy may differ in.
pub(crate) const SMALL_BITS_MAX: u32 = 6;
const LARGE_BITS_MAX: u32 = 26;

/// What the record says of a photo that it promises.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// The offices of the visits that promise it.
    pub(crate) offices: Vec<Uuid>,
    /// What it is to show (domain §2.17).
    pub(crate) kind: String,
    /// The credit code that was typed, as it was.
    pub(crate) code: Option<String>,
    /// When the visit was, corrected.
    pub(crate) visited_ms: Option<Millis>,
    /// Where the visit was.
    pub(crate) place: Option<VisitPlace>,
}

/// Where a visit was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct VisitPlace {
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) datum: String,
}

/// Another photo with the same bytes, or one that looks like it.
#[derive(Clone, Debug)]
pub(crate) struct Resembling {
    pub(crate) photo: Uuid,
    pub(crate) offices: Vec<Uuid>,
    /// Whether it is the same, byte for byte.
    pub(crate) is_same: bool,
    /// In how many bits the hashes of their looks differ, where both have one.
    pub(crate) bits: Option<(u32, u32)>,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// What it is.
    pub(crate) code: &'static str,
    /// The other photo, where there is one.
    pub(crate) other: Option<Uuid>,
    /// What led to it.
    pub(crate) body: Value,
}

/// What is to be looked at.
pub(crate) fn findings(
    reading: &Reading,
    record: Option<&Record>,
    others: &[Resembling],
) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    found.of_bytes(reading);
    if let Some(record) = record {
        found.of_legibility(reading, record);
        found.of_codes(reading, record);
        if let Some(exif) = &reading.exif {
            found.of_time_and_place(exif, record);
        }
        found.of_others(record, others);
    }
    found.0
}

struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, code: &'static str, body: Value) {
        self.0.push(Finding { code, other: None, body });
    }

    fn of_bytes(&mut self, reading: &Reading) {
        let Some(why) = reading.undecodable else { return };
        let code = match why {
            Undecodable::PreviewUnavailable => "preview_unavailable",
            _ => "not_image",
        };
        self.add(code, json!({ "why": why, "format": reading.format }));
    }

    fn of_legibility(&mut self, reading: &Reading, record: &Record) {
        let side = reading.width.max(reading.height);
        let side_min = if is_licence(&record.kind) { LICENCE_PX_MIN } else { PHOTO_PX_MIN };
        if side > 0 && side < side_min {
            self.add("low_resolution", json!({ "side_px": side, "side_px_min": side_min }));
        }
        let Some(look) = &reading.look else { return };
        let is_smeared = look.is_smeared() && is_to_be_read(&record.kind);
        let has_no_code = record.kind == "licence_qr" && reading.qr.is_empty();
        if is_smeared || has_no_code {
            let sharpness = look.sharpness.round();
            self.add(
                "unreadable",
                json!({ "sharpness": sharpness, "is_code_missing": has_no_code }),
            );
        }
    }

    fn of_codes(&mut self, reading: &Reading, record: &Record) {
        let licences: Vec<&str> = reading.qr.iter().filter_map(|text| claimed(text)).collect();
        let is_licence = is_licence(&record.kind);
        if !licences.is_empty() && record.kind == "other" {
            self.add("wrong_kind", json!({ "kind": record.kind, "shows": "licence" }));
        }
        let is_elsewhere =
            !reading.qr.is_empty() && reading.qr.iter().all(|text| is_no_licence(text));
        if is_licence && is_elsewhere {
            self.add("wrong_kind", json!({ "kind": record.kind, "shows": "other_code" }));
        }
        let Some(typed) = record.code.as_deref().filter(|_| is_licence) else { return };
        // Where several licences hang side by side, one of them is enough.
        if licences.is_empty() || licences.iter().any(|code| is_same(code, typed)) {
            return;
        }
        let codes: Vec<Value> = licences
            .iter()
            .map(|code| json!({ "code": code, "standing": Standing::of(code) }))
            .collect();
        let typed = json!({ "code": typed, "standing": Standing::of(typed) });
        self.add("code_mismatch", json!({ "typed": typed, "scanned": codes }));
    }

    fn of_time_and_place(&mut self, exif: &Exif, record: &Record) {
        if let (Some(taken_ms), Some(visited_ms)) = (exif.taken_ms, record.visited_ms) {
            let gap_ms = taken_ms.abs_diff(visited_ms);
            if gap_ms > GAP_MS_MAX {
                self.add("photo_time_gap", json!({ "taken_ms": taken_ms, "gap_ms": gap_ms }));
            }
        }
        let (Some(taken), Some(visited)) = (&exif.place, &record.place) else { return };
        let at =
            |latitude, longitude, datum| Location { latitude, longitude, datum, accuracy_m: 0.0 };
        let camera = at(taken.latitude, taken.longitude, Datum::Wgs84);
        let datum = Datum::parse(&visited.datum).unwrap_or(Datum::Other);
        let gap_m = camera.distance_m(&at(visited.latitude, visited.longitude, datum));
        if let Some(gap_m) = gap_m.filter(|gap_m| *gap_m > GAP_M_MAX) {
            self.add("photo_place_gap", json!({ "gap_m": gap_m.round() }));
        }
    }

    fn of_others(&mut self, record: &Record, others: &[Resembling]) {
        for other in others {
            // One visit may cover several rooms: what shares one of them is of the same office.
            let is_shared = other.offices.iter().any(|office| record.offices.contains(office));
            if is_shared || other.offices.is_empty() || record.offices.is_empty() {
                continue;
            }
            let (code, body) = match other.bits {
                _ if other.is_same => ("photo_reused", json!({})),
                Some((small, large)) if small <= SMALL_BITS_MAX && large <= LARGE_BITS_MAX => {
                    ("near_duplicate", json!({ "bits_of_64": small, "bits_of_256": large }))
                }
                _ => continue,
            };
            self.0.push(Finding { code, other: Some(other.photo), body });
        }
    }
}

fn is_licence(kind: &str) -> bool {
    matches!(kind, "licence_front" | "licence_duplicate" | "licence_qr")
}

/// Whether a photo of this kind is of print, which a smear makes worthless.
fn is_to_be_read(kind: &str) -> bool {
    const PRINT: [&str; 5] =
        ["permit", "ledger_page", "contract_page", "document_served", "staff_list"];
    is_licence(kind) || PRINT.contains(&kind)
}

/// Whether the text of a code is surely none of a licence: what pays, what signs into a network, what
/// makes friends. Anything else may be a local register's.
fn is_no_licence(text: &str) -> bool {
    const BEGIN: [&str; 12] = [
        "wxp://",
        "https://qr.alipay.com/",
        "https://qr.95516.com/",
        "https://u.wechat.com/",
        "http://weixin.qq.com/",
        "https://weixin.qq.com/",
        "wifi:",
        "begin:vcard",
        "mecard:",
        "tel:",
        "mailto:",
        "smsto:",
    ];
    let text = text.trim().to_ascii_lowercase();
    BEGIN.iter().any(|begin| text.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::{Finding, Record, Resembling, VisitPlace, findings};
    use crate::pipeline::{Exif, Format, LargeHash, Look, Place, Reading, SmallHash, Undecodable};
    use uuid::Uuid;

    const CODE: &str = "91990101MADEMA0198";
    const OTHER_CODE: &str = "91990101MADEMA0273";

    fn link(code: &str) -> String {
        format!("https://www.gsxt.gov.cn/index.html?uniscid={code}")
    }

    fn reading(side: u32, qr: &[String]) -> Reading {
        let look = Look { sharpness: 5_000.0, small: SmallHash(0), large: LargeHash([0; 4]) };
        let format = Format::Jpeg;
        Reading {
            format,
            width: side,
            height: side / 2,
            qr: qr.to_vec(),
            look: Some(look),
            ..Reading::default()
        }
    }

    fn record(kind: &str, code: &str) -> Record {
        let offices = vec![Uuid::from_u128(1)];
        Record { offices, kind: kind.into(), code: Some(code.into()), ..Record::default() }
    }

    fn codes(found: &[Finding]) -> Vec<&'static str> {
        found.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_licence_whose_code_is_the_typed_one_gives_nothing_to_look_at() {
        let reading = reading(4000, &[link(CODE), "WIFI:S:a;;".into()]);
        for typed in [CODE, " 91990101madema0198 "] {
            assert_eq!(findings(&reading, Some(&record("licence_front", typed)), &[]), []);
        }
        assert_eq!(findings(&reading, None, &[]), []);
    }

    #[test]
    fn another_code_than_the_typed_one_is_told_with_how_far_each_can_be_believed() {
        let wrong = "91990101MADEMA0199";
        let found =
            findings(&reading(4000, &[link(CODE)]), Some(&record("licence_qr", wrong)), &[]);
        assert_eq!(codes(&found), ["code_mismatch"]);
        assert_eq!(found[0].body["typed"]["standing"], "anomaly");
        assert_eq!(found[0].body["scanned"][0]["standing"], "valid");
        let both = [link(OTHER_CODE), link(CODE)];
        assert_eq!(findings(&reading(4000, &both), Some(&record("licence_qr", CODE)), &[]), []);
    }

    #[test]
    fn size_and_sharpness_are_measured_by_what_the_photo_is_to_show() {
        for (kind, side, expected) in [
            ("licence_front", 1599, vec!["low_resolution"]),
            ("licence_front", 1600, vec![]),
            ("door_plate", 1023, vec!["low_resolution"]),
            ("door_plate", 1024, vec![]),
            ("licence_qr", 1600, vec!["unreadable"]),
        ] {
            let found = findings(&reading(side, &[]), Some(&record(kind, CODE)), &[]);
            assert_eq!(codes(&found), expected, "{kind} {side}");
        }
        let mut smeared = reading(4000, &[]);
        smeared.look.as_mut().unwrap().sharpness = 1.0;
        let of = |kind| codes(&findings(&smeared, Some(&record(kind, CODE)), &[]));
        assert_eq!(of("licence_front"), ["unreadable"]);
        assert_eq!(of("corridor"), Vec::<&str>::new());
    }

    #[test]
    fn a_wrong_kind_is_told_only_where_the_code_says_so() {
        let of = |kind, text: &str| {
            codes(&findings(&reading(4000, &[text.into()]), Some(&record(kind, CODE)), &[]))
        };
        assert_eq!(of("licence_front", "wxp://f2f0abc"), ["wrong_kind"]);
        assert_eq!(of("licence_front", "https://local.example/register?id=1"), Vec::<&str>::new());
        assert_eq!(of("other", &link(CODE)), ["wrong_kind"]);
        assert_eq!(of("interior", &link(CODE)), Vec::<&str>::new());
    }

    #[test]
    fn what_is_no_picture_is_told_even_before_its_record_is_there() {
        let of = |why| codes(&findings(&Reading::nothing(Format::Unknown, why), None, &[]));
        assert_eq!(of(Undecodable::NotImage), ["not_image"]);
        assert_eq!(of(Undecodable::Corrupt), ["not_image"]);
        assert_eq!(of(Undecodable::PreviewUnavailable), ["preview_unavailable"]);
    }

    #[test]
    fn gaps_of_time_and_place_begin_after_two_hours_and_three_hundred_metres() {
        const VISIT_MS: i64 = 1_795_392_000_000;
        let at = |taken_ms, latitude| {
            let place = Some(Place { latitude, longitude: 120.0, accuracy_m: None });
            let exif = Exif { taken_ms: Some(taken_ms), place, ..Exif::default() };
            let reading = Reading { exif: Some(exif), ..reading(4000, &[]) };
            let datum = "wgs84".to_owned();
            let place = Some(VisitPlace { latitude: 30.0, longitude: 120.0, datum });
            let record = Record { visited_ms: Some(VISIT_MS), place, ..record("corridor", CODE) };
            codes(&findings(&reading, Some(&record), &[]))
        };
        assert_eq!(at(VISIT_MS + 7_200_000, 30.0026), Vec::<&str>::new());
        assert_eq!(at(VISIT_MS - 7_200_001, 30.0), ["photo_time_gap"]);
        assert_eq!(at(VISIT_MS, 30.0028), ["photo_place_gap"]);
    }

    #[test]
    fn photos_that_resemble_are_told_only_between_offices_and_by_both_hashes() {
        let other = |office, is_same, bits| {
            let offices = vec![Uuid::from_u128(office)];
            let other = Resembling { photo: Uuid::from_u128(9), offices, is_same, bits };
            codes(&findings(&reading(4000, &[]), Some(&record("corridor", CODE)), &[other]))
        };
        assert_eq!(other(1, true, None), Vec::<&str>::new());
        assert_eq!(other(2, true, None), ["photo_reused"]);
        assert_eq!(other(2, false, Some((6, 26))), ["near_duplicate"]);
        assert_eq!(other(2, false, Some((7, 26))), Vec::<&str>::new());
        assert_eq!(other(2, false, Some((6, 27))), Vec::<&str>::new());
        assert_eq!(other(1, false, Some((0, 0))), Vec::<&str>::new());
    }
}
