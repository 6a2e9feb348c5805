//! What may be removed.

use super::*;

const NOW_MS: Millis = 1_795_392_000_000;
const YEAR_MS: Millis = 365 * 24 * 3600 * 1000;

fn copy(store: &str, archived_ms: Millis, retain_until_ms: Option<Millis>) -> CopyRow {
    CopyRow {
        sha256: vec![0; 32],
        store: store.to_owned(),
        bucket: String::new(),
        key: String::new(),
        version: String::new(),
        bytes: 1,
        mode: "compliance".to_owned(),
        is_proven: 1,
        retain_until_ms,
        is_held: 0,
        archived_ms,
        verified_ms: archived_ms,
        checked_ms: archived_ms,
        state: "whole".to_owned(),
    }
}

#[test]
fn an_original_stays_until_the_last_of_its_terms_is_over() {
    let copies = [copy("local", 0, None), copy("s3", 0, Some(NOW_MS))];
    assert_eq!(may_remove(&copies, YEAR_MS, NOW_MS - 1), Err(Kept::Until(NOW_MS)));
    assert_eq!(may_remove(&copies, YEAR_MS, NOW_MS), Ok(()));
    // A folder locks nothing; the settings say how long it is kept.
    let copies = [copy("local", NOW_MS, None)];
    assert_eq!(may_remove(&copies, YEAR_MS, NOW_MS), Err(Kept::Until(NOW_MS + YEAR_MS)));
}

#[test]
fn a_legal_hold_outlasts_every_term() {
    let held = CopyRow { is_held: 1, ..copy("s3", 0, Some(0)) };
    assert_eq!(may_remove(&[copy("local", 0, None), held], YEAR_MS, NOW_MS), Err(Kept::Held));
}

#[test]
fn what_is_not_archived_or_gone_already_is_not_removed() {
    let gone = CopyRow { state: "removed".to_owned(), ..copy("s3", 0, Some(0)) };
    assert_eq!(may_remove(&[], YEAR_MS, NOW_MS), Err(Kept::NotArchived));
    assert_eq!(may_remove(&[gone], YEAR_MS, NOW_MS), Err(Kept::NotArchived));
}
