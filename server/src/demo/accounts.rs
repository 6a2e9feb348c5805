//! The people of the demo street: accounts, joint teams and their buildings, the campaign with
//! its phases, and round 1. Everything has the same id on every machine and in every run.
//!
//! Nobody here exists; surnames follow the order of the Hundred Family Surnames, given names say
//! the job.

use saolou_protocol::time::Millis;
use uuid::Uuid;

/// Namespace of all demo ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x9a0f_5d1e_7c44_5b02_8d3a_9901_0100_1000);
/// 2026-11-23 00:00 at +08:00, a Monday: the first moment of round 1.
const ROUND_FROM_MS: Millis = 1_795_363_200_000;
const MINUTE_MS: Millis = 60_000;
const DAY_MS: Millis = 24 * 60 * MINUTE_MS;

/// Password of every demo account; the demo listens on this machine only.
pub const PASSWORD: &str = "saolou-demo";
/// User name of the system administrator, who makes the other accounts.
pub const ADMIN: &str = "wei";
/// User name of the street supervisor, who registers the street and decides.
pub const SUPERVISOR: &str = "qian";
/// Administrative code of the demo street.
pub const STREET: &str = "990101001";

const CITY: &str = "990100";

/// The id of whatever a code names: `user:wang`, `unit:990101001`, `B04/-/6F/601` …
#[must_use]
pub fn id(code: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, code.as_bytes())
}

/// The id of an account by user name.
#[must_use]
pub fn user_id(username: &str) -> Uuid {
    id(&format!("user:{username}"))
}

/// The id of a joint team by code, `T1` to `T4`.
#[must_use]
pub fn team_id(code: &str) -> Uuid {
    id(&format!("team:{code}"))
}

/// The id of an administrative unit by code.
#[must_use]
pub fn unit_id(code: &str) -> Uuid {
    id(&format!("unit:{code}"))
}

/// The id of round 1.
#[must_use]
pub fn round_id() -> Uuid {
    id("round:1")
}

/// A moment of November 2026 at +08:00; `hhmm` is 1730 for half past five in the afternoon.
#[must_use]
pub const fn november(day: i64, hhmm: i64) -> Millis {
    ROUND_FROM_MS + (day - 23) * DAY_MS + (hhmm / 100 * 60 + hhmm % 100) * MINUTE_MS
}

/// An account.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// What is typed at sign-in.
    pub username: &'static str,
    /// Name as shown.
    pub name: &'static str,
    /// Role codes, each with the code of the unit it holds in.
    pub roles: &'static [(&'static str, &'static str)],
}

const INSPECTOR: (&str, &str) = ("inspector", STREET);
const LEADS_TEAM: (&str, &str) = ("team_leader", STREET);
const LIAISON: (&str, &str) = ("dept_liaison", STREET);

/// All accounts. Inspectors see the buildings that their team is assigned to.
pub const ACCOUNTS: &[Account] = &[
    account("zhao", "赵组长", &[LEADS_TEAM, INSPECTOR]),
    account("qian", "钱督导", &[("street_supervisor", STREET)]),
    account("sun", "孙警官", &[LIAISON, INSPECTOR]),
    account("li", "李市监", &[LIAISON, INSPECTOR]),
    account("zhou", "周房管", &[LIAISON]),
    account("wu", "吴社区", &[("community_manager", "990101001001")]),
    account("zheng", "郑研判", &[("lead_officer", STREET)]),
    account("wang", "王二检", &[INSPECTOR]),
    account("feng", "冯受理", &[("tip_officer", STREET)]),
    account("chen", "陈审计", &[("auditor", STREET)]),
    account("chu", "褚隐私", &[("privacy_officer", STREET)]),
    account("wei", "卫系统", &[("system_admin", CITY)]),
    account("jiang", "蒋安全", &[("security_admin", CITY)]),
    account("shen", "沈主任", &[("leader", STREET)]),
    account("han", "韩区办", &[("district_viewer", "990101")]),
    account("yang", "杨组长", &[LEADS_TEAM, INSPECTOR]),
    account("zhu", "朱三检", &[INSPECTOR]),
    account("qin", "秦组长", &[LEADS_TEAM, INSPECTOR]),
    account("you", "尤四检", &[INSPECTOR]),
    account("xu", "许社工", &[INSPECTOR]),
    account("he", "何协检", &[INSPECTOR]),
    account("lin", "林一检", &[INSPECTOR]),
];

const fn account(
    username: &'static str,
    name: &'static str,
    roles: &'static [(&'static str, &'static str)],
) -> Account {
    Account { username, name, roles }
}

/// A joint team and the buildings it is assigned to.
#[derive(Clone, Copy, Debug)]
pub struct Team {
    /// `T1` to `T4`.
    pub code: &'static str,
    /// Name as shown.
    pub name: &'static str,
    /// User name of the leader.
    pub leader: &'static str,
    /// User name and department function of every member, the leader included.
    pub members: &'static [(&'static str, &'static str)],
    /// Codes of the buildings.
    pub buildings: &'static [&'static str],
}

const WEST: &[&str] = &["B01", "B02", "B03", "B04"];

/// The four teams.
pub const TEAMS: &[Team] = &[
    Team {
        code: "T1",
        name: "望潮一组",
        leader: "zhao",
        members: &[
            ("zhao", "safety_construction"),
            ("lin", "safety_construction"),
            ("xu", "community_committee"),
        ],
        buildings: WEST,
    },
    Team {
        code: "T2",
        name: "望潮二组",
        leader: "wang",
        members: &[
            ("wang", "safety_construction"),
            ("sun", "police"),
            ("li", "market_supervision"),
            ("he", "community_committee"),
        ],
        buildings: WEST,
    },
    Team {
        code: "T3",
        name: "星桥组",
        leader: "yang",
        members: &[("yang", "safety_construction"), ("zhu", "community_committee")],
        buildings: &["B05", "B06", "B07", "B08", "B09"],
    },
    Team {
        code: "T4",
        name: "青屿组",
        leader: "qin",
        members: &[("qin", "safety_construction"), ("you", "community_committee")],
        buildings: &["B10", "B11", "B12"],
    },
];

/// A phase of the campaign.
#[derive(Clone, Copy, Debug)]
pub struct Phase {
    /// Phase code.
    pub kind: &'static str,
    /// First day, ISO 8601.
    pub from: &'static str,
    /// Last day, ISO 8601.
    pub until: &'static str,
    /// What it is to reach.
    pub goals: &'static str,
}

/// Name of the campaign.
pub const CAMPAIGN: &str = "云岚市打击治理涉众型经济违法犯罪暨楼宇摸排专项行动（演示）";
/// Its document number.
pub const CAMPAIGN_DOCUMENT: &str = "云平安办〔2026〕11号（演示）";

/// The phases of the campaign; the last one stays open, its end is the horizon of the plan.
pub const PHASES: &[Phase] = &[
    phase(
        "concentrated_canvass",
        "2026-11-23",
        "2026-12-31",
        "逐栋、逐层、逐户摸排，底数清、情况明",
    ),
    phase("consolidation", "2027-01-01", "2027-02-28", "锁门拒检回头看，问题销号"),
    phase("summary", "2027-03-01", "2027-03-31", "总结经验，归档备查"),
    phase("long_term", "2027-04-01", "2027-12-31", "新入驻企业随到随查，动态更新"),
];

const fn phase(
    kind: &'static str,
    from: &'static str,
    until: &'static str,
    goals: &'static str,
) -> Phase {
    Phase { kind, from, until, goals }
}

/// A round as a window of time; each end is the first moment after.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// First moment of the round.
    pub from_ms: Millis,
    /// First moment after it.
    pub until_ms: Millis,
    /// First moment after the days of grace for late phones.
    pub grace_until_ms: Millis,
}

/// Round 1: 2026-11-23 to 2026-12-11, phones may follow until 2026-12-14.
pub const ROUND: Window = Window {
    from_ms: ROUND_FROM_MS,
    until_ms: ROUND_FROM_MS + 19 * DAY_MS,
    grace_until_ms: ROUND_FROM_MS + 22 * DAY_MS,
};

/// When the roster is published and teams can download it: Friday 2026-11-20, 09:00.
pub const PUBLISHED_MS: Millis = november(20, 900);

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_tell_everything_apart_and_never_change() {
        let users: BTreeSet<_> = ACCOUNTS.iter().map(|a| user_id(a.username)).collect();
        assert_eq!(users.len(), ACCOUNTS.len());
        assert_eq!(id("B04"), id("B04"));
        assert_ne!(user_id("wang"), team_id("wang"));
    }

    #[test]
    fn every_member_has_an_account_and_every_building_a_team() {
        let names: BTreeSet<_> = ACCOUNTS.iter().map(|a| a.username).collect();
        for team in TEAMS {
            assert!(team.members.iter().all(|(name, _)| names.contains(name)), "{}", team.code);
            assert!(team.members.iter().any(|(name, _)| *name == team.leader));
        }
        let assigned: BTreeSet<_> = TEAMS.iter().flat_map(|team| team.buildings).collect();
        assert_eq!(assigned.len(), 12);
    }

    #[test]
    fn the_round_lasts_from_monday_the_23rd_to_the_end_of_the_11th() {
        assert_eq!(november(23, 0), ROUND.from_ms);
        assert_eq!(november(42, 0), ROUND.until_ms, "the 42nd of November is 12 December");
        assert_eq!(november(26, 1005) - november(26, 1000), 5 * MINUTE_MS);
    }
}
