//! What was found, in both languages.

use std::fmt;

/// How a verification ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that was asked is proved: exit code 0.
    Proved,
    /// Something is disproved: exit code 1.
    Disproved,
    /// Nothing is disproved, and what was asked cannot be told: exit code 2.
    Unknown,
}

/// Findings, each a sentence in Chinese and in English.
#[derive(Clone, Debug, Default)]
pub struct Report {
    proved: Vec<(String, String)>,
    disproved: Vec<(String, String)>,
    unknown: Vec<(String, String)>,
    not_proved: Vec<(String, String)>,
}

impl Report {
    pub(super) fn proved(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.proved.push((zh.into(), en.into()));
    }

    pub(super) fn disproved(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.disproved.push((zh.into(), en.into()));
    }

    /// What was asked and cannot be told.
    pub(super) fn unknown(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.unknown.push((zh.into(), en.into()));
    }

    /// What nobody should read into the rest.
    pub(super) fn not_proved(&mut self, zh: impl Into<String>, en: impl Into<String>) {
        self.not_proved.push((zh.into(), en.into()));
    }

    /// One question: proved where it holds, disproved where not.
    pub(super) fn judge(&mut self, holds: bool, yes: (&str, &str), no: (&str, &str)) {
        if holds { self.proved(yes.0, yes.1) } else { self.disproved(no.0, no.1) }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if !self.disproved.is_empty() {
            Outcome::Disproved
        } else if self.proved.is_empty() || !self.unknown.is_empty() {
            Outcome::Unknown
        } else {
            Outcome::Proved
        }
    }

    /// The exit code of the program: 0 proved, 1 disproved, 2 could not tell.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.outcome() {
            Outcome::Proved => 0,
            Outcome::Disproved => 1,
            Outcome::Unknown => 2,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}",
            match self.outcome() {
                Outcome::Proved => "结论：已证明 / Result: proved",
                Outcome::Disproved => "结论：已证伪 / Result: DISPROVED",
                Outcome::Unknown => "结论：无法判断 / Result: could not tell",
            }
        )?;
        let parts = [
            ("已证伪 / Disproved", &self.disproved),
            ("已证明 / Proved", &self.proved),
            ("无法判断 / Could not tell", &self.unknown),
            ("未证明 / NOT proved by this", &self.not_proved),
        ];
        for (title, findings) in parts.into_iter().filter(|(_, findings)| !findings.is_empty()) {
            writeln!(f, "\n{title}:")?;
            findings.iter().try_for_each(|(zh, en)| writeln!(f, "- {zh}\n  {en}"))?;
        }
        Ok(())
    }
}
