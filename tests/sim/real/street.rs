//! The street of a run on real servers: its units, accounts, buildings and teams, and its desk.

use super::{PASSWORD, Real};
use crate::field;
use crate::machine::on;
use saolou_protocol::digest::Sum;
use saolou_protocol::ids::{BuildingId, UserId};
use saolou_protocol::time::Millis;
use saolou_server::commands::{NewUser, Top, make_user};
use serde_json::json;
use uuid::Uuid;

impl Real {
    pub(super) fn put_user(
        &mut self,
        user: UserId,
        role: &str,
        is_suspended: bool,
        password: Option<&str>,
    ) {
        let name = user.to_string();
        let body = json!({
            "username": name, "name": name, "password": password, "suspended": is_suspended,
            "roles": [{ "role": role, "unit_id": field::street() }],
        });
        self.put("root", &format!("/api/v1/users/{user}"), &body);
    }

    pub(super) fn put_assignment(
        &mut self,
        id: Uuid,
        user: UserId,
        building: BuildingId,
        from_ms: Millis,
        until_ms: Millis,
    ) {
        let body = json!({
            "round_id": field::named("round 1"), "building_id": building, "team_id": team(user),
            "from_ms": from_ms, "until_ms": until_ms,
        });
        self.put(&desk(), &format!("/api/v1/assignments/{id}"), &body);
    }

    /// A street with its rounds, and the desk that manages it.
    pub(super) fn found_street(&mut self) {
        let root = NewUser {
            username: "root",
            name: "root",
            password: PASSWORD,
            role: "system_admin",
            top: Some(Top { unit_id: field::named("city"), code: "990100", name: "云岚市" }),
        };
        let settings = self.machine.settings().clone();
        self.machine.wait_for(make_user(&settings, &root)).expect("the first account");
        self.machine.start();
        let units = [
            ("city", "district", "990101", "district"),
            ("district", "street", "990101001", "street"),
        ];
        for (parent, name, code, level) in units {
            let parent = field::named(parent);
            let unit = json!({ "parent_id": parent, "code": code, "level": level, "name": name });
            self.put("root", &format!("/api/v1/org-units/{}", field::named(name)), &unit);
        }
        self.put_user(field::desk(), "street_supervisor", false, Some(PASSWORD));
        let (desk, campaign) = (desk(), field::named("campaign"));
        let body = json!({ "street_id": field::street(), "name": "摸排" });
        self.put(&desk, &format!("/api/v1/campaigns/{campaign}"), &body);
        for (round, number) in field::rounds().into_iter().zip(1..) {
            let body = json!({
                "campaign_id": campaign, "street_id": field::street(), "number": number,
                "kind": "full_sweep", "status": "open",
                "from_ms": round.from_ms, "until_ms": round.until_ms,
            });
            self.put(&desk, &format!("/api/v1/rounds/{}", round.round), &body);
        }
    }

    /// Places a building in the street. What there is to say of it is said by ops.
    pub(super) fn place(&mut self, building: BuildingId) {
        const SQL: &str = "insert into bucket \
            (building_id, street_id, unit_id, seq, digest_count, digest_sum) \
            values ($1, $2, $2, 0, 0, $3)";
        let sum = Sum::default();
        self.machine.look(async |direct| {
            let placed = on!(direct, |conn| async {
                let query = sqlx::query(SQL).bind(building.0).bind(field::street());
                query.bind(sum.bytes().as_slice()).execute(conn).await.map(drop)
            });
            placed.expect("a bucket");
        });
    }

    pub(super) fn assign(&mut self, user: UserId, building: BuildingId, has: bool) {
        const LAST: &str = "select assignment_id, from_ms, until_ms from assignment \
            where team_id = $1 and building_id = $2 order by from_ms desc, until_ms desc limit 1";
        let now_ms = self.now_ms();
        let last: Option<(Uuid, Millis, Millis)> = self.machine.look(async |direct| {
            on!(direct, |conn| sqlx::query_as(LAST)
                .bind(team(user))
                .bind(building.0)
                .fetch_optional(conn))
            .expect("assignments")
        });
        let holding = last.filter(|(_, from_ms, until_ms)| (*from_ms..*until_ms).contains(&now_ms));
        match (holding, has) {
            (None, true) => {
                let id = field::named(&format!("{user} in {building} from {now_ms}"));
                self.put_assignment(id, user, building, now_ms, Millis::MAX);
            }
            (Some((id, from_ms, _)), false) => {
                self.put_assignment(id, user, building, from_ms, now_ms);
            }
            _ => {}
        }
    }

    /// Releases what waits, was sent by its author and is not in effect.
    pub(super) fn release_all(&mut self) {
        const WAITING: &str = "select op_id, hash, quarantine_id from quarantine \
            where state = 'waiting' and op_id is not null and author_id = sender_id \
            and not exists (select 1 from op where op.op_id = quarantine.op_id)";
        let mut waiting: Vec<(Uuid, Vec<u8>, Uuid)> = self.machine.look(async |direct| {
            on!(direct, |conn| sqlx::query_as(WAITING).fetch_all(conn)).expect("a quarantine")
        });
        waiting.sort_unstable();
        waiting.dedup_by_key(|(op, _, _)| *op);
        for (_, _, id) in waiting {
            let decision = json!({ "decision": "release", "reason": "核实" });
            self.must(
                &desk(),
                &reqwest::Method::POST,
                &format!("/api/v1/quarantine/{id}"),
                &decision,
            );
        }
    }
}

pub(super) fn desk() -> String {
    field::desk().to_string()
}

pub(super) fn team(user: UserId) -> Uuid {
    field::named(&format!("team of {user}"))
}

pub(super) const fn role(is_supervisor: bool) -> &'static str {
    if is_supervisor { "street_supervisor" } else { "inspector" }
}
