//! C25–C30, C33: companies, their names, codes and licences.

use super::{ends, inspected, read_issues, visit};
use serde_json::{Value, json};

const USCC: &str = "91990101MADEMA0198";

fn company(name: &str, uscc: Option<&str>) -> Value {
    let mut company = json!({ "name": name, "actual_business": "设计" });
    if let Some(uscc) = uscc {
        company["uscc"] = json!(uscc);
    }
    json!({ "company": company })
}

#[test]
fn c25_one_company_in_two_spellings_under_one_valid_code_is_one_and_both_spellings_stay() {
    let end = ends(&[
        inspected(1, 1, 1201, company("青柠设计", Some(USCC))),
        inspected(2, 2, 1201, company("青拧设计", Some(USCC))),
    ]);
    assert_eq!((end.state(1201), end.issues(1201, 2)), (json!("covered"), vec![]));
    assert_eq!(end.whole().rounds[0].counts.companies_known, 1);
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c26_two_spellings_without_a_code_on_one_side_are_not_joined_by_themselves() {
    let end = ends(&[
        inspected(1, 1, 1201, company("青柠设计", Some(USCC))),
        inspected(2, 2, 1201, company("青拧设计", None)),
    ]);
    assert_eq!(end.whole().rounds[0].counts.companies_known, 2);
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c27_two_companies_at_work_in_two_rooms_under_one_code_are_told_at_both() {
    let end = ends(&[
        inspected(1, 1, 1201, company("青柠设计", Some(USCC))),
        inspected(2, 2, 1202, company("海棠商贸", Some(USCC))),
    ]);
    assert_eq!((end.state(1201), end.state(1202)), (json!("covered"), json!("covered")));
    assert_eq!(end.issues(1201, 1), ["licence_seen_elsewhere"]);
    assert_eq!(end.issues(1202, 2), ["licence_seen_elsewhere"]);
}

#[test]
fn c28_a_typed_code_that_is_not_that_of_the_qr_is_told() {
    let odd = inspected(
        1,
        1,
        1201,
        json!({ "licence_check": { "status": "licensed_displayed",
        "typed_uscc": "91990101MADEMA0198",
        "qr_raw": "https://www.gsxt.gov.cn/index.html?uniscid=91990101MADEMA0273" } }),
    );
    assert!(
        read_issues(&odd).contains(&"licence_mismatch_qr".to_owned()),
        "{:?}",
        read_issues(&odd)
    );
    ends(&[odd]).keeps(1201, &[1]);
}

#[test]
fn c29_a_licence_in_another_name_than_the_sign_is_told_and_both_names_stay() {
    let unlike = json!({ "company": { "name": "青柠设计", "signage_name": "海棠商贸", "actual_business": "设计" },
        "licence_check": { "status": "licensed_displayed", "name_on_licence": "青柠设计" } });
    let odd = inspected(1, 1, 1201, unlike);
    assert!(read_issues(&odd).contains(&"licence_name_vs_sign".to_owned()));
    let end = ends(&[odd, visit(2, 2, 1201, "locked", json!({}))]);
    assert_eq!(end.state(1201), "partial", "the licence was displayed and not photographed");
    end.keeps(1201, &[1, 2]);
}

#[test]
fn c30_a_code_that_fails_its_checksum_is_kept_and_joins_nothing() {
    let wrong = json!({ "company": { "name": "青柠设计", "uscc": "91990101MADEMA0199" } });
    let odd = visit(1, 1, 1201, "inspected_partial", wrong);
    assert!(
        read_issues(&odd).contains(&"uscc_checksum_failed".to_owned()),
        "{:?}",
        read_issues(&odd)
    );
    ends(&[odd, visit(2, 2, 1201, "locked", json!({}))]).keeps(1201, &[1, 2]);
}

#[test]
fn c33_two_companies_that_give_one_telephone_number_stay_two() {
    let people = |name: &str| {
        json!({ "company": { "name": name, "actual_business": "设计" },
            "three_ask": { "q2_people": { "responsible": { "name": name, "phone": "17490000011" },
                "headcount_claimed": 9, "headcount_present": 7 },
            "q3_history": { "started_at_site_on": "2024-03-01", "note": "迁入" } } })
    };
    let end = ends(&[
        inspected(1, 1, 1201, people("青柠设计")),
        inspected(2, 2, 1201, people("海棠商贸")),
    ]);
    assert_eq!(end.whole().rounds[0].counts.companies_known, 2);
    end.keeps(1201, &[1, 2]);
}
