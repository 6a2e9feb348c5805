//! What happens in 潮汐大厦 from Sunday to Thursday, line by line, on five devices: P1 to P4 and the
//! supervisor's desk.

use super::super::accounts::november;
use What::{
    Add907, ApproveExclusion, Confirm, Deferred, Expired, Hear, HeldPhoto, Inspected, Joint,
    Locked, LockedDeliberate, Mistyped, Moment, NoLedger, NotFound, PhotoLater, Refused,
    Renovation, Revisit, ShutDown, Split603, Supplement, Sync, Vacant, VacantUnproven,
};
use Who::{Desk, P1, P2, P3, P4};
use saolou_protocol::time::Millis;

/// A device of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// 赵组长 of T1.
    P1,
    /// 林一检 of T1.
    P2,
    /// 李市监 of T2.
    P3,
    /// 王二检 of T2.
    P4,
    /// 钱督导 in the street office.
    Desk,
}

impl Who {
    /// All, in order.
    pub(super) const ALL: [Self; 5] = [P1, P2, P3, P4, Desk];
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The device connects and hears the server's time; nothing is waiting.
    Hear,
    /// Everything waiting is pushed, then all photos but held ones are sent.
    Sync,
    /// The held licence photo of the room is sent.
    HeldPhoto,
    /// The figures are read; the number says which row of the table they must match.
    Moment(usize),
    /// The room list of a floor is confirmed, having walked it.
    Confirm,
    /// All six elements, on the first visit.
    Inspected,
    /// All six elements, after earlier tries.
    Revisit,
    /// All six elements, with police and market supervision.
    Joint,
    /// 601 with 602: one digit of the code is typed wrongly, the QR is right.
    Mistyped,
    /// Inspected; the licence photo stays on the phone for now.
    PhotoLater,
    /// Inspected; the licence has expired, with the order to apply.
    Expired,
    /// All but the ledger.
    NoLedger,
    /// The ledger that was missing.
    Supplement,
    /// Closed on the spot by market supervision, police present.
    ShutDown,
    /// Nobody there.
    Locked,
    /// Lights and voices behind a locked door.
    LockedDeliberate,
    /// Somebody said no.
    Refused,
    /// Empty, with a photo.
    Vacant,
    /// Empty, without evidence.
    VacantUnproven,
    /// Being renovated, with a photo.
    Renovation,
    /// No such room.
    NotFound,
    /// An appointment was made.
    Deferred,
    /// 603 turns out to be 603A and 603B.
    Split603,
    /// A door that no list has.
    Add907,
    /// The room is approved as no object of the canvass.
    ApproveExclusion,
}

/// A line of the script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// When, by a right clock.
    pub(super) at_ms: Millis,
    /// On which device.
    pub(super) who: Who,
    /// Room label; for confirmations the floor's label.
    pub(super) place: &'static str,
    /// What happens.
    pub(super) what: What,
}

impl Line {
    /// Whether it talks to the server.
    pub(super) const fn is_online(&self) -> bool {
        matches!(self.what, Sync | HeldPhoto | Moment(_))
    }
}

/// Day of November, time of day, device, place, what happens.
type Row = (i64, i64, Who, &'static str, What);

#[rustfmt::skip]
const TO_MONDAY: &[Row] = &[
    (22, 1400, P1, "B1", Confirm), (22, 1405, P1, "1F", Confirm), (22, 1415, P1, "2F", Confirm),
    (22, 1425, P1, "3F", Confirm), (22, 1435, P1, "5F", Confirm), (22, 1445, P1, "6F", Confirm),
    (22, 1455, P1, "7F", Confirm), (22, 1505, P1, "8F", Confirm), (22, 1515, P1, "9F", Confirm),
    (22, 1530, P1, "", Sync),
    (23, 800, Desk, "", Moment(0)),
    (23, 905, P1, "101", Inspected), (23, 930, P1, "102", Inspected),
    (23, 955, P1, "201", Inspected), (23, 1030, P1, "202", Locked),
    (23, 1050, P1, "203", Inspected), (23, 1120, P1, "205", Vacant),
    (23, 1145, P1, "206", Inspected),
    (23, 910, P2, "301", Inspected), (23, 950, P2, "302", Refused),
    (23, 1020, P2, "303", NoLedger), (23, 1110, P2, "306", Locked),
    (23, 925, P3, "501", Inspected), (23, 1005, P3, "502", Expired),
    (23, 1205, P1, "", Sync), (23, 1207, P2, "", Sync), (23, 1210, P3, "", Sync),
    (23, 1338, P4, "", Hear),
    (23, 1405, P2, "305", PhotoLater),
    (23, 1430, P3, "503", Locked), (23, 1500, P3, "505", Inspected),
    (23, 1530, P3, "506", VacantUnproven), (23, 1610, P3, "202", Inspected),
    (23, 1410, P4, "601", Mistyped), (23, 1450, P4, "603", Split603),
    (23, 1455, P4, "603A", Inspected), (23, 1520, P4, "6F", Confirm),
    (23, 1530, P4, "605", LockedDeliberate), (23, 1550, P4, "606", Locked),
    (23, 1650, P2, "", Sync), (23, 1710, P3, "", Sync), (23, 1715, P1, "", Sync),
    (23, 1730, Desk, "", Moment(1)),
];

#[rustfmt::skip]
const TUESDAY: &[Row] = &[
    (24, 830, P4, "", Sync), (24, 830, Desk, "", Moment(2)),
    (24, 834, P4, "", Sync), (24, 835, P4, "", Sync),
    (24, 905, P1, "701", Inspected), (24, 930, P1, "702", Inspected),
    (24, 955, P1, "703", Locked), (24, 1015, P1, "705", Vacant), (24, 1035, P1, "706", Inspected),
    (24, 930, P2, "303", Supplement),
    (24, 910, P3, "801", Inspected), (24, 940, P3, "802", Renovation),
    (24, 1000, P3, "805", Inspected), (24, 1040, P3, "806", Inspected),
    (24, 910, P4, "901", Inspected), (24, 940, P4, "902", Inspected),
    (24, 1005, P4, "903", Deferred), (24, 1025, P4, "905", Inspected),
    (24, 1045, P4, "906", Refused), (24, 1055, P4, "907", Add907), (24, 1057, P4, "907", Locked),
    (24, 1058, P4, "9F", Confirm), (24, 1105, P4, "", Sync),
    (24, 1130, P2, "", Sync), (24, 1132, P2, "305", HeldPhoto), (24, 1205, P1, "", Sync),
    (24, 1420, P1, "302", Locked), (24, 1440, P3, "803", NotFound),
    (24, 1520, P3, "603B", Locked), (24, 1600, P3, "506", Vacant),
    (24, 1650, P1, "", Sync), (24, 1700, P3, "", Sync),
    (24, 1730, Desk, "", Moment(3)),
];

#[rustfmt::skip]
const TO_THURSDAY: &[Row] = &[
    (25, 900, Desk, "803", ApproveExclusion), (25, 900, Desk, "", Sync),
    (25, 930, P4, "605", Joint), (25, 1020, P3, "302", ShutDown), (25, 1100, P4, "906", Joint),
    (25, 1205, P3, "", Sync), (25, 1210, P4, "", Sync),
    (25, 1400, P1, "703", Revisit), (25, 1415, P2, "306", Revisit),
    (25, 1430, P3, "503", Revisit), (25, 1500, P3, "603B", Revisit),
    (25, 1400, P4, "606", Locked), (25, 1430, P4, "903", Revisit), (25, 1510, P4, "907", Revisit),
    (25, 1640, P1, "", Sync), (25, 1645, P2, "", Sync), (25, 1650, P3, "", Sync),
    (25, 1655, P4, "", Sync),
    (25, 1730, Desk, "", Moment(4)),
    (26, 1000, P4, "606", PhotoLater), (26, 1002, P4, "", Sync),
    (26, 1005, Desk, "", Moment(5)),
    (26, 1858, P4, "606", HeldPhoto),
    (26, 1900, Desk, "", Moment(6)),
];

/// The script, each device's lines in order of time.
pub(super) fn script() -> impl Iterator<Item = Line> {
    let rows = [TO_MONDAY, TUESDAY, TO_THURSDAY].into_iter().flatten();
    rows.map(|(day, hhmm, who, place, what)| Line {
        at_ms: november(*day, *hhmm),
        who: *who,
        place,
        what: *what,
    })
}
