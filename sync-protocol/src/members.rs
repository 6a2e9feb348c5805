//! Who was present at a visit, and from which department (domain §2.2, §2.7.1).

use crate::body::Body;
use crate::issue::Issues;
use crate::outcome::VisitKind;

/// The members of the team that were present, as far as departments matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Members {
    competent: bool,
    police: bool,
    /// Police who gave the number of their card.
    police_with_card: bool,
    market_supervision: bool,
}

impl Members {
    pub(crate) fn read(body: &Body<'_>, issues: &mut Issues) -> Self {
        let mut members = Self::default();
        for member in body.objects("members_present", issues) {
            let Some(function) = member.text("function", issues) else { continue };
            members.competent |= is_competent(function);
            members.market_supervision |= function == "market_supervision";
            if function == "police" {
                members.police = true;
                members.police_with_card |= member.text("card_no", issues).is_some();
            }
        }
        members
    }

    /// Whether somebody was there whose department can close a place. Community staff and property
    /// managers can close nothing (domain §2.13).
    pub(crate) const fn can_close(self) -> bool {
        self.competent
    }

    /// Flags a visit that was not made by those whom it takes: a joint re-visit takes police and
    /// market supervision, as a joint team does (§2.2); identity cards are inspected on statutory
    /// grounds by police who show theirs, and by nobody else (§2.10).
    pub(crate) fn add_composition(self, kind: VisitKind, body: &Body<'_>, issues: &mut Issues) {
        let joint = kind == VisitKind::JointRevisit;
        let basis = body.object("id_check", issues).text("basis", issues);
        let statutory = basis == Some("police_statutory");
        let complete = (!joint || self.police && self.market_supervision)
            && (!statutory || self.police_with_card);
        issues.add_if(!complete, "team_composition");
    }
}

fn is_competent(function: &str) -> bool {
    matches!(
        function,
        "police"
            | "market_supervision"
            | "housing"
            | "finance_office"
            | "fire"
            | "tax"
            | "commerce"
            | "financial_regulator"
            | "cyberspace"
    )
}
