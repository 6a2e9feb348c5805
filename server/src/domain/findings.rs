//! Findings for the desk: what is to be looked at about the photos below a unit, with both records
//! beside each other, and closing what somebody has looked at.

use super::access::{Act, Caller};
use super::conflicts::Door;
use super::coverage::parse;
use super::desk;
use super::fold::fold;
use super::settling::{reason_of, reviewed};
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{Head, TimelineRow, Tx};
use saolou_protocol::building::settle::Ruling;
use saolou_protocol::building::{Building, EntityKind};
use saolou_protocol::ids::{FindingId, OfficeId, PhotoId, VisitId};
use saolou_protocol::photo::PhotoKind;
use saolou_protocol::photo::finding::Finding;
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// Findings on one page, and in one request to close some.
const LISTED: usize = 200;
const LISTED_MAX: usize = 500;

/// Which findings, and behind which one the page begins.
#[derive(Deserialize)]
pub(crate) struct Asked {
    unit: Uuid,
    building: Option<Uuid>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// The open findings below a unit: building by building, photo by photo.
#[derive(Serialize)]
pub(crate) struct Found {
    findings: Vec<Item>,
    /// How many there are, on all pages.
    total: usize,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// Where a finding stands in the list: also where it was closed since.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    building: Uuid,
    photo: Uuid,
    finding: Uuid,
}

impl Place {
    fn of(building: Uuid, finding: &Finding) -> Self {
        Self { building, photo: finding.photo_id.0, finding: finding.finding_id.0 }
    }

    fn parse(cursor: &str) -> Result<Self> {
        let ids: Option<Vec<Uuid>> = cursor.split('.').map(|id| id.parse().ok()).collect();
        match ids.as_deref() {
            Some([building, photo, finding]) => {
                Ok(Self { building: *building, photo: *photo, finding: *finding })
            }
            _ => Err(Error::Invalid("cursor: unknown; begin anew".into())),
        }
    }

    fn cursor(self) -> String {
        let Self { building, photo, finding } = self;
        [building, photo, finding].map(|id| id.simple().to_string()).join(".")
    }
}

/// An open finding.
#[derive(Serialize)]
struct Item {
    #[serde(flatten)]
    finding: Finding,
    zh: &'static str,
    en: &'static str,
    /// The one who took the photo is told, too.
    is_for_author: bool,
    building_id: Uuid,
    building: String,
    /// What the records say of the photo and, where there is one, of the other: the one that the
    /// finding is about first.
    sides: Vec<Side>,
}

/// What one record says of one photo.
#[derive(Clone, Serialize)]
struct Side {
    photo_id: PhotoId,
    kind: PhotoKind,
    building_id: Uuid,
    building: String,
    offices: Vec<Door>,
    visit_id: VisitId,
    op_id: Uuid,
    author_id: Uuid,
    author: Option<String>,
    corrected_ms: Millis,
    quality: String,
    received_ms: Millis,
}

/// Only the part of a building that the list needs.
#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    findings_open: usize,
}

impl Counted {
    fn name(&self) -> &str {
        self.attributes.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Lists the open findings of the buildings below a unit, or of one of them, a page at a time.
pub(crate) async fn list(sync: &Sync, caller: &Caller, asked: Asked) -> Result<Found> {
    let Asked { unit, building, cursor, limit } = asked;
    let behind = cursor.as_deref().map(Place::parse).transpose()?;
    let limit = limit.unwrap_or(LISTED).clamp(1, LISTED_MAX);
    let mut tx = sync.store.read().await?;
    caller.require_at(&mut tx, Act::Review, unit).await?;
    let mut rows = tx.entities_below(unit, EntityKind::Building.code()).await?;
    rows.retain(|row| building.is_none_or(|wanted| row.building_id == wanted));
    rows.sort_by_key(|row| row.building_id);
    if rows.is_empty() && building.is_some() {
        return Err(Error::NotFound);
    }
    let (mut page, mut total, mut goes_on) = (Vec::new(), 0, false);
    let mut opened = Opened { caller, buildings: HashMap::new() };
    for row in rows {
        let counted: Counted = parse(&row.body)?;
        let is_before = behind.is_some_and(|behind| row.building_id < behind.building);
        if counted.findings_open == 0 || is_before || goes_on {
            total += counted.findings_open;
            continue;
        }
        let mut open = opened.open_findings(&mut tx, row.building_id).await?;
        total += open.len();
        open.retain(|one| behind.is_none_or(|behind| Place::of(row.building_id, one) > behind));
        goes_on = page.len() + open.len() > limit;
        open.truncate(limit - page.len());
        page.extend(opened.items(&mut tx, row.building_id, open).await?);
    }
    let last = page.last().filter(|_| goes_on);
    let cursor = last.map(|item: &Item| Place::of(item.building_id, &item.finding).cursor());
    Ok(Found { findings: page, total, cursor })
}

/// Buildings that a list looks at, folded once each; `None` where the caller may not look.
struct Opened<'a> {
    caller: &'a Caller,
    buildings: HashMap<Uuid, Option<Folded>>,
}

struct Folded {
    head: Head,
    name: String,
    building: Building,
}

impl Opened<'_> {
    async fn open(&mut self, tx: &mut Tx, building: Uuid) -> Result<()> {
        if self.buildings.contains_key(&building) {
            return Ok(());
        }
        let folded = match reviewed(tx, self.caller, building).await {
            Ok(head) => {
                let (folded, entities) = fold(tx, &head).await?;
                let own = entities.iter().find(|entity| entity.kind == EntityKind::Building);
                let counted = own.map(|entity| parse::<Counted>(&entity.body)).transpose()?;
                let name = counted.map(|counted| counted.name().to_owned()).unwrap_or_default();
                Some(Folded { head, name, building: folded })
            }
            Err(Error::NotFound) => None,
            Err(error) => return Err(error),
        };
        self.buildings.insert(building, folded);
        Ok(())
    }

    /// The open findings of a building, in their order.
    async fn open_findings(&mut self, tx: &mut Tx, building_id: Uuid) -> Result<Vec<Finding>> {
        self.open(tx, building_id).await?;
        let Some(Some(here)) = self.buildings.get(&building_id) else { return Ok(Vec::new()) };
        let found = here.building.findings().into_iter();
        let mut open: Vec<Finding> = found.map(|(finding, _)| finding.clone()).collect();
        open.sort_by_key(|finding| Place::of(building_id, finding));
        Ok(open)
    }

    /// Findings of a building that is open, with what the records say.
    async fn items(
        &mut self,
        tx: &mut Tx,
        building_id: Uuid,
        open: Vec<Finding>,
    ) -> Result<Vec<Item>> {
        let Some(Some(here)) = self.buildings.get(&building_id) else { return Ok(Vec::new()) };
        let name = here.name.clone();
        let mut items = Vec::with_capacity(open.len());
        for finding in open {
            let mut sides = self.sides(tx, building_id, finding.photo_id).await?;
            sides.sort_by_key(|side| side.visit_id != finding.visit_id);
            sides.truncate(1);
            if let Some(other) = finding.other {
                self.open(tx, other.building_id.0).await?;
                sides.extend(self.sides(tx, other.building_id.0, other.photo_id).await?);
            }
            let [zh, en] = finding.code.explained();
            let (is_for_author, building) = (finding.code.is_for_author(), name.clone());
            items.push(Item { finding, zh, en, is_for_author, building_id, building, sides });
        }
        Ok(items)
    }

    /// What the records of a building say of a photo.
    async fn sides(&self, tx: &mut Tx, building_id: Uuid, photo_id: PhotoId) -> Result<Vec<Side>> {
        let Some(Some(folded)) = self.buildings.get(&building_id) else { return Ok(Vec::new()) };
        let promised = folded.building.visits_with_photo(photo_id);
        let ops: Vec<Uuid> = promised.iter().map(|visit| visit.op.0).collect();
        let told = tx.told(folded.head.street_id, &ops).await?;
        let told: HashMap<Uuid, TimelineRow> =
            told.into_iter().map(|row| (row.op_id, row)).collect();
        let sides = promised.into_iter().filter_map(|visit| {
            let row = told.get(&visit.op.0)?;
            let doors = |offices: &BTreeSet<OfficeId>| {
                offices.iter().filter_map(|id| Door::of(&folded.building, *id)).collect()
            };
            Some(Side {
                photo_id,
                kind: visit.kind,
                building_id,
                building: folded.name.clone(),
                offices: doors(&visit.offices),
                visit_id: visit.visit,
                op_id: row.op_id,
                author_id: row.author_id,
                author: row.author.clone(),
                corrected_ms: row.corrected_ms,
                quality: row.quality.clone(),
                received_ms: row.received_ms,
            })
        });
        Ok(sides.collect())
    }
}

/// Findings of one building that somebody has looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {
    reason: String,
    building_id: Uuid,
    findings: BTreeSet<FindingId>,
}

/// What became of each finding.
#[derive(Serialize)]
pub(crate) struct Closed {
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    finding_id: FindingId,
    /// `closed`, or `stale` where it is not open.
    status: &'static str,
    /// The op that closes it; withdrawing it opens it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    op_id: Option<Uuid>,
}

/// Closes findings. Who closes one has seen what it follows from; what comes later opens it again. Of
/// two photos of one building that look alike each has a finding, and both are closed with either.
pub(crate) async fn close(sync: &Sync, caller: &Caller, closing: Closing) -> Result<Closed> {
    let Closing { reason, building_id, findings } = closing;
    let reason = reason_of(&reason)?;
    if findings.is_empty() || findings.len() > LISTED_MAX {
        return Err(Error::Invalid(format!("findings: expected 1 to {LISTED_MAX}")));
    }
    let mut tx = sync.store.read().await?;
    let head = reviewed(&mut tx, caller, building_id).await?;
    let (folded, _) = fold(&mut tx, &head).await?;
    drop(tx);
    let open: BTreeMap<FindingId, &Finding> =
        folded.findings().into_iter().map(|(finding, _)| (finding.finding_id, finding)).collect();
    let pair = |finding: &Finding| finding.other.map(|o| (finding.photo_id, o.photo_id));
    let pairs: BTreeSet<(PhotoId, PhotoId)> =
        findings.iter().filter_map(|id| pair(open.get(id)?)).collect();
    let twins = open
        .values()
        .filter(|finding| pair(finding).is_some_and(|(one, other)| pairs.contains(&(other, one))));
    let mut wanted = findings;
    wanted.extend(twins.map(|finding| finding.finding_id));
    let (mut ops, mut results) = (Vec::new(), Vec::new());
    for finding_id in wanted {
        let Some(finding) = open.get(&finding_id) else {
            results.push(Outcome { finding_id, status: "stale", op_id: None });
            continue;
        };
        let (op_id, now_ms) = (sync.clock.new_id(), sync.clock.now_ms());
        let body = json!({
            "finding_id": finding_id, "photo_id": finding.photo_id, "reason": reason,
        });
        let (kind, subject, seen) = ("finding_close", finding_id.0, finding.siblings.clone());
        let ruling = Ruling { kind, subject, seen, body };
        let settles = json!({ "finding": finding_id, "reason": reason });
        let op = desk::settling(op_id, caller.user_id, now_ms, building_id, ruling, settles)?;
        ops.push(desk::judged(op, head.street_id, now_ms));
        results.push(Outcome { finding_id, status: "closed", op_id: Some(op_id) });
    }
    desk::file(&sync.writer, ops).await?;
    Ok(Closed { results })
}
