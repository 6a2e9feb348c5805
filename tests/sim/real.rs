//! The server behind HTTP: what the simulation asks of it goes through its real endpoints, and what
//! it has is read from its tables. [`street`] is what it needs before the first sync.

mod street;

use self::street::{desk, role, team};
use crate::backend::{Accepted, Backend, Desk, Dump, Person, Reply};
use crate::field;
use crate::machine::{self, Database, Machine, on};
use saolou_protocol::canonical::Hash;
use saolou_protocol::digest::{Digest, Sum};
use saolou_protocol::fact::Fact;
use saolou_protocol::ids::{BuildingId, DeviceId, OpId, UserId};
use saolou_protocol::op::Op;
use saolou_protocol::time::{Millis, Stamp, TimeQuality};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

const PASSWORD: &str = "correct horse";
/// A session is renewed when it has less than this left.
const MARGIN_MS: Millis = 10_000;

/// Real servers.
pub(crate) struct Real {
    machine: Machine,
    http: reqwest::Client,
    sessions: BTreeMap<String, Session>,
}

#[derive(Clone)]
struct Session {
    access: String,
    refresh: String,
    until_ms: Millis,
}

impl Real {
    /// Whether there is such a database here.
    ///
    /// # Panics
    /// In CI, where there must be.
    pub(crate) fn is_there(database: Database) -> bool {
        database == Database::Sqlite || machine::cluster().is_some()
    }

    /// Real servers on an empty database.
    pub(crate) fn new(database: Database, servers: usize) -> Self {
        let machine = Machine::new(database, servers);
        Self { machine, http: reqwest::Client::new(), sessions: BTreeMap::new() }
    }

    fn now_ms(&self) -> Millis {
        self.machine.clock.now_ms()
    }

    fn send(
        &mut self,
        request: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Reply {
        let base = self.machine.next();
        let request = request(&self.http, &base);
        self.machine.wait_for(async {
            let response = request.send().await.expect("an answer");
            let status = response.status().as_u16();
            let body = response.bytes().await.expect("a body");
            Reply { status, body: body.to_vec() }
        })
    }

    /// A valid access token: the one there is, or a new one.
    fn token(&mut self, name: &str) -> String {
        let known = self.sessions.get(name).cloned();
        if let Some(session) = &known
            && self.now_ms() + MARGIN_MS < session.until_ms
        {
            return session.access.clone();
        }
        let renewed = known.and_then(|session| {
            let shown = json!({ "refresh_token": session.refresh });
            self.open(name, "/api/v1/session/refresh", &shown)
        });
        renewed.unwrap_or_else(|| {
            let shown = json!({ "username": name, "password": PASSWORD });
            self.open(name, "/api/v1/session", &shown).expect("a session by password")
        })
    }

    fn open(&mut self, name: &str, path: &str, shown: &Value) -> Option<String> {
        let reply = self.send(|http, base| http.post(format!("{base}{path}")).json(shown));
        if reply.status != 200 {
            return None;
        }
        let opened: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let text = |member: &str| opened[member].as_str().expect("a text").to_owned();
        let lasts_ms = opened["expires_in_s"].as_i64().expect("seconds") * 1000;
        let until_ms = self.now_ms() + lasts_ms;
        let session =
            Session { access: text("access_token"), refresh: text("refresh_token"), until_ms };
        self.sessions.insert(name.to_owned(), session.clone());
        Some(session.access)
    }

    /// A request by somebody, signed in anew where a restored server forgot his session.
    fn ask(&mut self, name: &str, method: &reqwest::Method, path: &str, body: &[u8]) -> Reply {
        for _ in 0..2 {
            let token = self.token(name);
            let reply = self.send(|http, base| {
                let request = http.request(method.clone(), format!("{base}{path}"));
                let request = request.bearer_auth(token).header("content-type", "application/json");
                request.body(body.to_vec())
            });
            if reply.status != 401 {
                return reply;
            }
            self.sessions.remove(name);
        }
        panic!("{name} cannot sign in");
    }

    fn must(&mut self, name: &str, method: &reqwest::Method, path: &str, body: &Value) {
        let reply = self.ask(name, method, path, body.to_string().as_bytes());
        let said = String::from_utf8_lossy(&reply.body);
        assert!((200..300).contains(&reply.status), "{path}: {} {said}", reply.status);
    }

    fn put(&mut self, name: &str, path: &str, body: &Value) {
        self.must(name, &reqwest::Method::PUT, path, body);
    }
}

impl Backend for Real {
    fn set_up(&mut self, buildings: &[BuildingId], people: &[Person], now_ms: Millis) {
        self.machine.clock.halt_at(now_ms);
        self.found_street();
        buildings.iter().for_each(|building| self.place(*building));
        let people: BTreeMap<UserId, bool> =
            people.iter().map(|person| (person.user, person.is_supervisor)).collect();
        for (user, is_supervisor) in people {
            self.put_user(user, role(is_supervisor), false, Some(PASSWORD));
            if is_supervisor {
                continue;
            }
            let members = json!([{ "user_id": user, "function": "safety_construction" }]);
            let body = json!({ "street_id": field::street(), "name": user, "members": members });
            self.put(&desk(), &format!("/api/v1/teams/{}", team(user)), &body);
            for building in buildings {
                let id = field::named(&format!("{user} in {building}"));
                self.put_assignment(id, user, *building, now_ms - 1, Millis::MAX);
            }
        }
    }

    fn sync(&mut self, by: Person, body: &[u8], now_ms: Millis) -> Reply {
        self.machine.clock.halt_at(now_ms);
        self.ask(&by.user.to_string(), &reqwest::Method::POST, "/api/v1/sync", body)
    }

    fn sync_and_die(&mut self, by: Person, body: &[u8], now_ms: Millis, committed: bool) {
        if committed {
            self.sync(by, body, now_ms);
        }
        self.machine.kill_last();
    }

    fn is_shut_out(&mut self, who: Person, device: DeviceId) -> bool {
        const SQL: &str = "select (select count(*) from account \
            where user_id = $1 and suspended_ms is not null) + (select count(*) from device \
            where device_id = $2 and revoked_ms is not null)";
        let found: i64 = self.machine.look(async |direct| {
            on!(direct, |conn| sqlx::query_scalar(SQL)
                .bind(who.user.0)
                .bind(device.0)
                .fetch_one(conn))
            .expect("a number")
        });
        found > 0
    }

    fn desk(&mut self, act: &Desk, now_ms: Millis) {
        self.machine.clock.halt_at(now_ms);
        match act {
            Desk::Assign { user, building, has } => self.assign(*user, *building, *has),
            Desk::Suspend { user, is } => self.put_user(*user, role(false), *is, None),
            Desk::Revoke { device } => {
                let path = format!("/api/v1/devices/{device}/revoke");
                let why = json!({ "reason": "遗失" }).to_string();
                let reply = self.ask(&desk(), &reqwest::Method::POST, &path, why.as_bytes());
                // Nobody has heard of a device that never filed anything.
                assert!([204, 404].contains(&reply.status), "{}", reply.status);
            }
            Desk::ReleaseAll => self.release_all(),
            Desk::Verify { .. } => unreachable!("runs on a real server have no photos"),
        }
    }

    fn back_up(&mut self) -> bool {
        self.machine.back_up();
        true
    }

    fn restore(&mut self) -> bool {
        self.machine.restore()
    }

    fn fail_over(&mut self) -> bool {
        unreachable!("a real server notices")
    }

    fn has(&mut self, op: OpId, hash: Hash) -> bool {
        const SQL: &str = "select (select count(*) from op where op_id = $1 and hash = $2) + \
            (select count(*) from quarantine where op_id = $1 and hash = $2)";
        let found: i64 = self.machine.look(async |direct| {
            on!(direct, |conn| sqlx::query_scalar(SQL)
                .bind(op.0)
                .bind(hash.0.as_slice())
                .fetch_one(conn))
            .expect("a number")
        });
        found > 0
    }

    fn dump(&mut self) -> Dump {
        let mut dump = Dump::default();
        for (op, hash) in self.rows::<(Uuid, Vec<u8>)>(
            // What counts although its counter was taken lies there for the desk alone.
            "select op_id, hash from quarantine where op_id is not null and reason <> 'device_forked'",
        ) {
            dump.quarantined.insert((OpId(op), hash_of(hash)));
        }
        type OpRow = (Uuid, Uuid, Uuid, i64, Vec<u8>, Vec<u8>, Millis, Millis, String);
        for (op, bucket, device, n, hash, content, corrected_ms, received_ms, quality) in self.rows::<OpRow>(
            "select op_id, building_id, device_id, n, hash, content, corrected_ms, received_ms, \
             quality from op",
        ) {
            let quality = TimeQuality::parse(&quality).expect("a quality");
            let stamp = Stamp { corrected_ms, received_ms, quality };
            let restored = Op::restore(content.clone(), hash_of(hash.clone()));
            let fact = Fact::read(&restored.expect("it was accepted"), stamp).0;
            let accepted = Accepted {
                bucket: BuildingId(bucket),
                device: DeviceId(device),
                n: u64::try_from(n).expect("a counter"),
                hash: hash_of(hash),
                content,
                stamp,
                fact,
            };
            dump.accepted.insert(OpId(op), Arc::new(accepted));
        }
        for (bucket, kind, id, body) in self.rows::<(Uuid, String, Uuid, Vec<u8>)>(
            "select building_id, kind, entity_id, body from entity",
        ) {
            let rows = dump.entities.entry(BuildingId(bucket)).or_default();
            rows.insert((kind, id), body.into());
        }
        for (bucket, count, sum) in self.rows::<(Uuid, i64, Vec<u8>)>(
            "select building_id, digest_count, digest_sum from bucket",
        ) {
            let count = u64::try_from(count).expect("a count");
            let sum = Sum::from_bytes(sum.as_slice().try_into().expect("a sum"));
            dump.digests.insert(BuildingId(bucket), Digest { count, sum });
        }
        dump
    }
}

impl Real {
    fn rows<T>(&mut self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow>
            + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>
            + Send
            + Unpin,
    {
        self.machine.look(async |direct| {
            on!(direct, |conn| sqlx::query_as(sql).fetch_all(conn)).expect("rows")
        })
    }
}

fn hash_of(hash: Vec<u8>) -> Hash {
    Hash(hash.try_into().expect("32 bytes"))
}
