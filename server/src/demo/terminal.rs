//! What the demo shows at a terminal.

use super::accounts::{ACCOUNTS, PASSWORD, unit_id};
use super::loader::building_id;
use super::story::{Figures, Moment, TIDE};
use std::io::{IsTerminal, Result, Stdout, Write, stdout};

/// Standard output, with a line of progress where somebody watches.
pub(super) struct Terminal {
    out: Stdout,
    watched: bool,
}

/// Column heads: Chinese, and the code that the API uses.
const COLUMNS: [(&str, &str); 11] = [
    ("底数", "in_scope"),
    ("覆盖", "covered"),
    ("未访", "unvisited"),
    ("未入", "attempted"),
    ("锁门", "locked"),
    ("拒检", "blocked"),
    ("待补", "partial"),
    ("核减", "excl."),
    ("覆盖率", "coverage"),
    ("走访率", "visited"),
    ("待证", "evidence"),
];

impl Terminal {
    pub(super) fn new() -> Self {
        let out = stdout();
        let watched = out.is_terminal();
        Self { out, watched }
    }

    pub(super) fn say(&mut self, chinese: &str, english: &str) -> Result<()> {
        writeln!(self.out, "{chinese} / {english}")
    }

    /// A line that is written over while it lasts, and stays when it is done.
    pub(super) fn progress(&mut self, chinese: &str, english: &str, done: usize, of: usize) {
        let end = if done == of { "\n" } else { "" };
        if !self.watched && done != of {
            return;
        }
        let start = if self.watched { "\r" } else { "" };
        // Progress that cannot be shown is no reason to stop.
        drop(write!(self.out, "{start}{chinese} / {english}: {done}/{of}{end}"));
        drop(self.out.flush());
    }

    pub(super) fn head(&mut self) -> Result<()> {
        writeln!(self.out)?;
        self.say(
            "潮汐大厦的四天：每一时刻应有的数字与实际的数字",
            "four days of 潮汐大厦: at each moment the figures that must show, and those that do",
        )?;
        let names = COLUMNS.map(|(_, code)| format!("{code:>9}"));
        writeln!(self.out, "{:8}{}", "", names.concat())?;
        // A Chinese character takes two columns.
        let names = COLUMNS.map(|(name, _)| {
            format!("{}{name}", " ".repeat(9_usize.saturating_sub(2 * name.chars().count())))
        });
        writeln!(self.out, "{:8}{}", "", names.concat())
    }

    pub(super) fn moment(&mut self, moment: &Moment) -> Result<()> {
        let mark = if moment.holds() { "✓" } else { "✗" };
        writeln!(self.out, "{mark} {} / {}", moment.label_zh, moment.label_en)?;
        self.row("应 must", &moment.expected)?;
        self.row("实 does", &moment.observed)?;
        for floor in &moment.floors {
            let Some(shows) = &floor.observed else {
                writeln!(self.out, "    {}: ✗", floor.label)?;
                continue;
            };
            let mark = if *shows == floor.expected { "✓" } else { "✗" };
            let Figures { covered, in_scope, .. } = shows.figures;
            let (label, state) = (floor.label, &shows.state);
            write!(self.out, "    {mark} {label} {covered}/{in_scope} {state}")?;
            if !shows.locked.is_empty() {
                write!(self.out, "  锁门 locked: {}", shows.locked.join(" "))?;
            }
            if !shows.unvisited.is_empty() {
                write!(self.out, "  未入 unvisited: {}", shows.unvisited.join(" "))?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn row(&mut self, name: &str, figures: &Figures) -> Result<()> {
        let rate = |permille: Option<i64>| match permille {
            Some(permille) => format!("{}.{}%", permille / 10, permille % 10),
            None => "—".to_owned(),
        };
        let numbers = [
            figures.in_scope,
            figures.covered,
            figures.unvisited,
            figures.attempted,
            figures.locked,
            figures.blocked,
            figures.partial,
            figures.exclusion_pending,
        ];
        let mut cells: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        cells.push(rate(figures.coverage_permille));
        cells.push(rate(figures.visited_permille));
        cells.push(figures.evidence_pending.to_string());
        let cells: String = cells.iter().map(|cell| format!("{cell:>9}")).collect();
        writeln!(self.out, "{name} {cells}")
    }

    /// What the comparison came to. `again`: an earlier demo was cut off, so that ops of later days
    /// were there from the beginning.
    pub(super) fn verdict(&mut self, holds: bool, again: bool) -> Result<()> {
        if holds && again {
            self.say(
                "上次演示中断，已续完；只能比对最后一刻，数字一致（重看全程用 --fresh）",
                "an earlier demo was cut off and is complete now; only the last moment can be \
                 compared, and it is as expected (--fresh tells it all again)",
            )
        } else if holds {
            self.say("全部数字一致", "all figures as expected")
        } else {
            self.say("有数字不一致（✗）", "some figures differ (✗)")
        }
    }

    /// Where to look, and as whom.
    pub(super) fn welcome(&mut self, base: &str) -> Result<()> {
        writeln!(self.out)?;
        self.say(&format!("服务地址 {base}"), "serving; Ctrl-C stops")?;
        self.say(&format!("所有账号密码 {PASSWORD}"), "password of all accounts")?;
        for account in ACCOUNTS {
            let roles: Vec<&str> = account.roles.iter().map(|(role, _)| *role).collect();
            writeln!(self.out, "  {:6} {}  {}", account.username, account.name, roles.join(", "))?;
        }
        let (tide, street) = (building_id(TIDE), unit_id(super::accounts::STREET));
        writeln!(self.out)?;
        self.say("看一看", "try it")?;
        writeln!(
            self.out,
            "  TOKEN=$(curl -s {base}/api/v1/session -d '{{\"username\":\"qian\",\"password\":\"{PASSWORD}\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n  \
             curl -s -H \"Authorization: Bearer $TOKEN\" {base}/api/v1/buildings/{tide}/floors\n  \
             curl -s -H \"Authorization: Bearer $TOKEN\" {base}/api/v1/coverage/{street}/open-floors\n"
        )?;
        self.out.flush()
    }
}
