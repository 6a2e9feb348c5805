//! Importing a room list (房间清册) into a building: what each line becomes, and the ops that make
//! it so. One bad line never loses the good ones, and a dry run says the same as the import.

use super::access::{Act, Caller};
use super::coverage::parse;
use super::desk;
use super::roster_file::{self, FileError, KnownFloor, LineReason, LinkedTo, RosterLine, Verdict};
use super::sync::Sync;
use crate::error::{Error, Result};
use crate::store::{Head, Tx};
use bytes::Bytes;
use saolou_protocol::building::EntityKind;
use saolou_protocol::building::view::{BuildingView, FloorView, OfficeView};
use saolou_protocol::ids::{FloorId, OfficeId, SectionId};
use serde::Serialize;
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// What an import did, or would do.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) dry_run: bool,
    pub(crate) accepted: usize,
    pub(crate) linked: usize,
    pub(crate) refused: usize,
    pub(crate) lines: Vec<ReportLine>,
}

/// What became of one line.
#[derive(Serialize)]
pub(crate) struct ReportLine {
    /// As the program that shows the file counts.
    line: usize,
    /// `accepted`, `linked` or `refused`.
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    floor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    /// The room that the line added, or is a second spelling of.
    #[serde(skip_serializing_if = "Option::is_none")]
    office_id: Option<OfficeId>,
    /// The earlier line of the file that it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as_line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<ReportReason>,
}

/// Why a line is refused, and what to do.
#[derive(Serialize)]
struct ReportReason {
    code: &'static str,
    zh: String,
    en: String,
}

impl From<&LineReason> for ReportReason {
    fn from(reason: &LineReason) -> Self {
        Self { code: reason.code(), zh: reason.zh(), en: reason.en() }
    }
}

/// Imports a list for somebody who is named and not signed in: the operator at the machine.
pub(crate) async fn import_as(
    sync: &Sync,
    username: &str,
    building: Uuid,
    file: Bytes,
    dry_run: bool,
) -> Result<Report> {
    let mut tx = sync.store.read().await?;
    let account = tx.account_named(username).await?;
    let account = account.ok_or_else(|| Error::Invalid(format!("no account {username}")))?;
    let grants = tx.grants(account.user_id).await?;
    drop(tx);
    import(sync, &Caller::of(account, grants), building, file, dry_run).await
}

/// Imports a list: reads the file, says for each line what becomes of it, and adds the rooms.
pub(crate) async fn import(
    sync: &Sync,
    caller: &Caller,
    building: Uuid,
    file: Bytes,
    dry_run: bool,
) -> Result<Report> {
    let mut tx = sync.store.read().await?;
    let unit = tx.building_unit(building).await?.ok_or(Error::NotFound)?;
    caller.require_at(&mut tx, Act::ImportRoster, unit).await?;
    let head = tx.head(building).await?.ok_or(Error::NotFound)?;
    let floors = known_floors(&mut tx, &head).await?;
    drop(tx);
    let read = tokio::task::spawn_blocking(move || roster_file::read(&file));
    let read = read.await.map_err(|error| Error::Internal(format!("reading a list: {error}")))?;
    let file = read.map_err(|error| unreadable(&error))?;
    let planned = roster_file::plan(&file, &floors);
    let mut import = Import { sync, caller, head, ops: Vec::new(), added: HashMap::new() };
    let mut report = Report { dry_run, accepted: 0, linked: 0, refused: 0, lines: Vec::new() };
    for line in &planned {
        report.add(import.take(line.line, line.typed, &line.verdict)?);
    }
    if !dry_run {
        desk::file(&sync.writer, import.ops).await?;
    }
    Ok(report)
}

fn unreadable(error: &FileError) -> Error {
    Error::Invalid(format!("{}: {} / {}", error.code(), error.zh(), error.en()))
}

impl Report {
    fn add(&mut self, line: ReportLine) {
        match line.verdict {
            "accepted" => self.accepted += 1,
            "linked" => self.linked += 1,
            _ => self.refused += 1,
        }
        self.lines.push(line);
    }
}

struct Import<'a> {
    sync: &'a Sync,
    caller: &'a Caller,
    head: Head,
    ops: Vec<saolou_protocol::engine::push::Judged>,
    /// Rooms that lines of this file add, by line.
    added: HashMap<usize, OfficeId>,
}

impl Import<'_> {
    fn take(
        &mut self,
        line: usize,
        typed: Option<&RosterLine>,
        verdict: &Verdict,
    ) -> Result<ReportLine> {
        let mut told = ReportLine {
            line,
            verdict: "refused",
            floor: typed.map(|typed| typed.floor.clone()),
            room: typed.map(|typed| typed.room.clone()),
            office_id: None,
            same_as_line: None,
            reason: None,
        };
        match (verdict, typed) {
            (Verdict::Accepted { floor, kind, sharing, .. }, Some(typed)) => {
                let office = OfficeId(self.sync.clock.new_id());
                let body = json!({
                    "floor_id": floor, "office_id": office, "label": typed.room,
                    "kind": kind, "sharing": sharing, "origin": "initial",
                });
                self.file("office_add", office.0, body)?;
                self.occupy(office, typed)?;
                self.added.insert(line, office);
                (told.verdict, told.office_id) = ("accepted", Some(office));
            }
            (Verdict::Linked { to, .. }, typed) => {
                told.verdict = "linked";
                told.office_id = match to {
                    LinkedTo::Existing(office) => Some(*office),
                    LinkedTo::Line(first) => {
                        told.same_as_line = Some(*first);
                        // A second line for a room that this file adds may name a second company.
                        let office = self.added.get(first).copied();
                        if let (Some(office), Some(typed)) = (office, typed) {
                            self.occupy(office, typed)?;
                        }
                        office
                    }
                };
            }
            (Verdict::Refused(reason), _) => told.reason = Some(reason.into()),
            (Verdict::Accepted { .. }, None) => {}
        }
        Ok(told)
    }

    /// Files the company that a line names as sitting in the room.
    fn occupy(&mut self, office: OfficeId, typed: &RosterLine) -> Result<()> {
        let Some(name) = &typed.company else { return Ok(()) };
        let registered_only = typed.occupancy.as_deref().is_some_and(|kind| kind.contains("登记"));
        let kind = if registered_only { "registered_only" } else { "physical" };
        // The id follows from room and name, so that the same line twice is one company.
        let occupancy = Uuid::new_v5(&office.0, name.as_bytes());
        let company = json!({ "name": name, "uscc": typed.uscc });
        let body = json!({
            "occupancy_id": occupancy, "office_id": office, "kind": kind, "company": company,
        });
        self.file("occupancy_add", occupancy, body)
    }

    fn file(&mut self, kind: &str, subject: Uuid, body: serde_json::Value) -> Result<()> {
        let clock = &self.sync.clock;
        let (op_id, now_ms, author) = (clock.new_id(), clock.now_ms(), self.caller.user_id);
        let building = self.head.building_id;
        let op = desk::op(op_id, author, now_ms, building, kind, subject, &[], body)?;
        self.ops.push(desk::judged(op, self.head.street_id, now_ms));
        Ok(())
    }
}

async fn known_floors(tx: &mut Tx, head: &Head) -> Result<Vec<KnownFloor>> {
    let mut sections: HashMap<SectionId, String> = HashMap::new();
    let mut rooms: HashMap<FloorId, Vec<(OfficeId, String)>> = HashMap::new();
    let mut floors: Vec<FloorView> = Vec::new();
    for row in tx.entities(head.street_id, head.building_id).await? {
        match EntityKind::parse(&row.kind) {
            Some(EntityKind::Building) => {
                let view: BuildingView = parse(&row.body)?;
                sections.extend(view.sections.into_iter().map(|s| (s.section_id, s.name)));
            }
            Some(EntityKind::Floor) => floors.push(parse(&row.body)?),
            Some(EntityKind::Office) => {
                let view: OfficeView = parse(&row.body)?;
                if view.status == "live" {
                    rooms.entry(view.floor_id).or_default().push((view.office_id, view.key));
                }
            }
            _ => {}
        }
    }
    let live = floors.into_iter().filter(|floor| floor.status == "live");
    let mut known: Vec<KnownFloor> = live
        .map(|floor| {
            let mut rooms = rooms.remove(&floor.floor_id).unwrap_or_default();
            rooms.sort_unstable();
            KnownFloor {
                id: floor.floor_id,
                section: sections.get(&floor.section_id).cloned().unwrap_or_default(),
                label: floor.label,
                aliases: Vec::new(),
                rooms,
            }
        })
        .collect();
    known.sort_by_key(|floor| floor.id);
    Ok(known)
}
