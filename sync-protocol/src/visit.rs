//! Reading a visit (走访): what its body says, judged by its content and never by its own flags.
//!
//! Source: domain §2.7, §2.10–2.13. Everything that coverage does not need stays in the stored op.

mod elements;

use crate::body::Body;
use crate::building::LicenceSite;
use crate::canonical::Hash;
use crate::clears::{self, ClearInputs};
use crate::company::Company;
use crate::identifiers::resident_id::{self, ResidentIdForm};
use crate::identifiers::uscc::Uscc;
use crate::ids::{OccupancyId, OfficeId, PhotoId, RoundId, TeamId, VisitId};
use crate::issue::Issues;
use crate::location::Location;
use crate::members::Members;
use crate::outcome::{Circumstances, Class, Elements, Outcome, VisitKind};
use crate::photo::PhotoKind;
use crate::time::Millis;
use elements::missing_elements;
use serde_json::{Map, Value};

/// A visit as far as the merge looks at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// The visit; its revisions share the id.
    pub visit_id: VisitId,
    /// From 1; the highest counts.
    pub revision: i64,
    /// The hash of the op: between two contents of one revision the larger counts.
    pub content: Hash,
    /// The round it belongs to.
    pub round: Option<RoundId>,
    /// The team it was made by.
    pub team: Option<TeamId>,
    /// The rooms it covers; the first is the door knocked at.
    pub offices: Vec<OfficeId>,
    /// The company of a shared room that it was made to.
    pub occupancy: Option<OccupancyId>,
    /// Its kind.
    pub kind: VisitKind,
    /// What it ended in.
    pub outcome: Outcome,
    /// What that means for coverage.
    pub class: Class,
    /// Elements it did not obtain.
    pub missing: Elements,
    /// The company it met.
    pub company: Company,
    /// Where the phone was.
    pub location: Option<Location>,
    /// The version of the building's room list that the phone worked from.
    pub roster_version: Option<i64>,
    /// What it contributes to the three clears.
    pub clears: ClearInputs,
    /// The credit code that was typed, as it was.
    pub typed_code: Option<String>,
    /// When it was captured, by the clock of the phone.
    pub wall_ms: Option<Millis>,
    /// Every photo that it promised.
    pub photographs: Vec<Photograph>,
    /// The mandatory photos that it promised: without them verified, evidence is pending.
    pub mandatory: Vec<Promise>,
    /// The company trades under a licence, which was seen.
    pub licensed: bool,
    /// No valid licence, and neither a measure nor a hand-over.
    pub unlicensed_open: bool,
}

/// A photo that was promised, with what it is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Photograph {
    /// The photo.
    pub promise: Promise,
    /// What it is to show.
    pub kind: PhotoKind,
}

/// A photo that was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The photo.
    pub photo: PhotoId,
    /// The SHA-256 of its bytes at capture.
    pub sha256: Option<Hash>,
}

impl Promise {
    /// Whether what arrived is what was promised.
    #[must_use]
    pub fn is_kept_by(&self, arrived: &Self) -> bool {
        self.photo == arrived.photo && (self.sha256.is_none() || self.sha256 == arrived.sha256)
    }
}

/// The long side from which a licence is legible, and any other photo, in pixels (domain §2.10).
const LICENCE_PX_MIN: i64 = 1600;
const PHOTO_PX_MIN: i64 = 1024;
/// An identity number of at most this many characters is a part of one, by the capture policy.
const SHORTENED_ID_CHARS_MAX: usize = 6;
/// Characters of a typed credit code that are looked at; one has 18.
const CODE_CHARS_MAX: usize = 64;
/// Most rooms that one visit may name, and most photos it may promise.
pub const LIST_MAX: usize = 256;

impl Visit {
    /// Reads a body of schema `visit/1`; never fails, collects issues.
    #[must_use]
    pub fn read(body: &Map<String, Value>, subject: VisitId, content: Hash) -> (Self, Issues) {
        let mut issues = Issues::default();
        let body = Body::new(body);
        let kind = body.code("kind", &mut issues, VisitKind::parse, VisitKind::Other);
        let outcome = body.code("outcome", &mut issues, Outcome::parse, Outcome::Other);
        issues.add_if(outcome.is_none(), "malformed_field:/outcome");
        let (kind, outcome) =
            (kind.unwrap_or(VisitKind::Initial), outcome.unwrap_or(Outcome::Other));
        let photos = Photos::read(&body, &mut issues);
        let licence = Licence::read(&body, &photos, &mut issues);
        let company = Company::read(&body, &mut issues);
        let missing = missing_elements(&body, outcome, &licence, &mut issues);
        let absence_shown = photos.shows_absence() || has_statement(&body, &mut issues);
        let members = Members::read(&body, &mut issues);
        members.add_composition(kind, &body, &mut issues);
        let circumstances = Circumstances {
            missing,
            absence_shown,
            occupied_signs: !body.list("occupied_signs", &mut issues).is_empty(),
            enforcing: kind.is_enforcing() && members.can_close(),
        };
        let class = outcome.class(circumstances);
        add_id_numbers(&body, &mut issues);
        add_downgrades(outcome, class, &mut issues);
        issues.add_if(
            outcome.is_contact() && body.raw("notice_given") != Some(&Value::Bool(true)),
            "notice_box_missing",
        );
        let mut offices: Vec<OfficeId> = body.ids("office_ids", &mut issues);
        issues.add_if(offices.is_empty(), "malformed_field:/office_ids");
        issues.add_if(offices.len() > LIST_MAX, "malformed_field:/office_ids");
        offices.truncate(LIST_MAX);
        let visit = Self {
            visit_id: subject,
            revision: body.integer("revision", &mut issues).unwrap_or(1),
            content,
            round: body.id("round_id", &mut issues),
            team: body.id("team_id", &mut issues),
            offices,
            occupancy: body.id("occupancy_id", &mut issues),
            kind,
            outcome,
            class,
            missing,
            location: Location::read(&body, &mut issues),
            roster_version: body.integer("roster_version", &mut issues),
            clears: clears::read(&body, &licence, &mut issues),
            company,
            mandatory: photos.mandatory(outcome, &licence),
            typed_code: typed_code(&body, &mut issues),
            wall_ms: None,
            photographs: photos.all,
            licensed: licence.is_licensed(),
            unlicensed_open: licence.is_unlicensed() && !licence.dealt_with,
        };
        (visit, issues)
    }

    /// The company's credit code, where the visit found the company at work there.
    #[must_use]
    pub fn licence_found(&self) -> Option<&Uscc> {
        self.company.uscc.as_ref().filter(|_| self.outcome.finds_company())
    }

    /// That code with the round that the visit names.
    #[must_use]
    pub fn licence_site(&self) -> Option<LicenceSite> {
        Some(LicenceSite { uscc: self.licence_found()?.clone(), round: self.round? })
    }

    /// A claim, made apart from any visit, that a room is no object of the canvass.
    #[must_use]
    pub fn claim(office: OfficeId, round: Option<RoundId>, id: VisitId, content: Hash) -> Self {
        Self {
            visit_id: id,
            revision: 1,
            content,
            round,
            team: None,
            offices: vec![office],
            occupancy: None,
            kind: VisitKind::Other,
            outcome: Outcome::NotInScope,
            class: Class::Claim,
            missing: Elements::NONE,
            company: Company::default(),
            location: None,
            roster_version: None,
            clears: ClearInputs::NONE,
            typed_code: None,
            wall_ms: None,
            photographs: Vec::new(),
            mandatory: Vec::new(),
            licensed: false,
            unlicensed_open: false,
        }
    }
}

/// The photos that a visit promised, by what they show.
struct Photos {
    licence: Vec<Promise>,
    absence: Vec<Promise>,
    all: Vec<Photograph>,
}

impl Photos {
    fn read(body: &Body<'_>, issues: &mut Issues) -> Self {
        let (mut licence, mut absence, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for photo in body.objects("photos", issues).into_iter().take(LIST_MAX) {
            let Some(id) = photo.id("photo_id", issues) else { continue };
            let sha256 = photo.text("sha256", issues).and_then(Hash::parse);
            let promise = Promise { photo: id, sha256 };
            let kind = photo.text("kind", issues).and_then(PhotoKind::parse);
            let kind = kind.unwrap_or(PhotoKind::Other);
            all.push(Photograph { promise, kind });
            let legible_px =
                if kind == PhotoKind::LicenceFront { LICENCE_PX_MIN } else { PHOTO_PX_MIN };
            let sides_px = ["width_px", "height_px"].map(|side| photo.integer(side, issues));
            let long_px = sides_px.into_iter().flatten().max();
            issues.add_if(long_px.is_some_and(|px| px < legible_px), "photo_low_resolution");
            match kind {
                PhotoKind::LicenceFront => licence.push(promise),
                PhotoKind::VacantInterior
                | PhotoKind::Interior
                | PhotoKind::DoorClosed
                | PhotoKind::DoorPlate
                | PhotoKind::Corridor => absence.push(promise),
                _ => {}
            }
        }
        Self { licence, absence, all }
    }

    fn shows_absence(&self) -> bool {
        !self.absence.is_empty()
    }

    fn mandatory(&self, outcome: Outcome, licence: &Licence) -> Vec<Promise> {
        match outcome {
            Outcome::Inspected | Outcome::InspectedPartial if licence.is_licensed() => {
                self.licence.clone()
            }
            Outcome::Vacant | Outcome::MovedOut | Outcome::UnderRenovation => self.absence.clone(),
            _ => Vec::new(),
        }
    }
}

fn typed_code(body: &Body<'_>, issues: &mut Issues) -> Option<String> {
    let typed = body.object("licence_check", issues).text("typed_uscc", issues);
    let typed = typed.or_else(|| body.object("company", issues).text("uscc", issues));
    typed.map(|code| code.chars().take(CODE_CHARS_MAX).collect())
}

/// The licence check (domain §2.11).
pub(crate) struct Licence {
    status: Option<String>,
    pub(crate) scope_recorded: bool,
    pub(crate) scope_known: bool,
    pub(crate) established: Option<String>,
    dealt_with: bool,
    photographed: bool,
    shown_electronically: bool,
}

impl Licence {
    fn read(body: &Body<'_>, photos: &Photos, issues: &mut Issues) -> Self {
        let check = body.object("licence_check", issues);
        let measures = body.objects("on_spot_measures", issues);
        let two_officers = measures.iter().all(|measure| {
            let enforcing = measure.text("kind", issues).is_some_and(|kind| {
                matches!(kind, "case_filed" | "sealed_or_seized" | "banned" | "ordered_to_stop")
            });
            !enforcing || measure.list("officers", issues).len() >= 2
        });
        issues.add_if(!two_officers, "two_officer_rule");
        let elsewhere = check.text("address_match", issues) == Some("mismatch");
        issues.add_if(elsewhere, "licence_address_mismatch");
        let photographed = !photos.licence.is_empty();
        let scope_match = check.text("scope_match", issues);
        let licence = Self {
            status: check.text("status", issues).map(str::to_owned),
            scope_recorded: check.text("scope_text", issues).is_some() || photographed,
            scope_known: scope_match.is_some_and(|verdict| verdict != "cannot_tell"),
            established: check.text("established_on", issues).map(str::to_owned),
            dealt_with: !measures.is_empty(),
            photographed,
            shown_electronically: check.text("qr_raw", issues).is_some()
                || check.raw("e_licence_shown") == Some(&Value::Bool(true)),
        };
        let no_code = check.text("typed_uscc", issues).is_none() && !licence.shown_electronically;
        issues.add_if(licence.is_licensed() && no_code, "uscc_missing");
        licence
    }

    fn is_licensed(&self) -> bool {
        matches!(
            self.status.as_deref(),
            Some("licensed_displayed" | "licensed_not_displayed" | "e_licence_shown")
        )
    }

    fn is_unlicensed(&self) -> bool {
        matches!(self.status.as_deref(), Some("unlicensed" | "expired" | "revoked" | "cancelled"))
    }

    fn is_obtained(&self) -> bool {
        match self.status.as_deref() {
            Some("e_licence_shown") => self.photographed || self.shown_electronically,
            Some("licensed_displayed" | "licensed_not_displayed") => self.photographed,
            Some("at_headquarters") => self.shown_electronically,
            Some("exempt") => true,
            Some("applying") => self.photographed || self.dealt_with,
            _ => self.is_unlicensed() && self.dealt_with,
        }
    }
}

fn has_statement(body: &Body<'_>, issues: &mut Issues) -> bool {
    let statement = body.object("manager_statement", issues);
    statement.text("name", issues).is_some() && statement.text("phone", issues).is_some()
}

/// Judges the identity numbers of listed persons, where they were taken down in full.
fn add_id_numbers(body: &Body<'_>, issues: &mut Issues) {
    for person in body.objects("persons", issues).into_iter().take(LIST_MAX) {
        let Some(number) = person.text("id_number", issues) else { continue };
        if number.chars().count() <= SHORTENED_ID_CHARS_MAX {
            continue;
        }
        // No clock here: a birth date in the future is left to whoever has one.
        let check = resident_id::check(number, (9999, 12, 31), true);
        issues.add_if(!check.checksum_ok || !check.birth_date_ok, "id_checksum_failed");
        issues.add_if(
            check.form != ResidentIdForm::Malformed && !check.region_known,
            "id_region_unknown",
        );
    }
}

fn add_downgrades(outcome: Outcome, class: Class, issues: &mut Issues) {
    let absence = matches!(outcome, Outcome::Vacant | Outcome::MovedOut | Outcome::UnderRenovation);
    issues.add_if(absence && class == Class::Locked, "evidence_missing_downgraded");
    let enforced = matches!(outcome, Outcome::ShutDown | Outcome::HandedOver);
    issues.add_if(enforced && class == Class::Blocked, "enforcement_kind_downgraded");
}
