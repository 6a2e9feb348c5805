//! A world: a server of its own, on a database of its own, with a small street in it.

use crate::actors::Actor;
use crate::{decoding, postgres};
use saolou_server::app::Server;
use saolou_server::clock::Clock;
use saolou_server::commands::{NewUser, Top, make_user};
use saolou_server::config::{ArchiveSettings, Evidence, LogFormat, MapSettings, Settings};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use tokio::sync::oneshot;
use uuid::Uuid;

/// Monday 2026-11-23 08:00 in Shanghai.
pub(crate) const MONDAY_MS: i64 = 1_795_392_000_000;
pub(crate) const DAY_MS: i64 = 24 * 3600 * 1000;
pub(crate) const PASSWORD: &str = "correct horse";

/// Which database a world stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// Runs a test in a world on each database; without PostgreSQL on a desk, on SQLite alone.
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($world:ident: $kind:ty $(,)?) $body:block)+) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            async fn run($world: $kind) $body
            $crate::world::run_on_both(stringify!($name), run);
        }
    )+};
}
pub(crate) use on_both;

pub(crate) fn run_on_both<F: Future<Output = ()>>(name: &str, run: impl Fn(World) -> F) {
    run_in_each(name, World::new, run);
}

/// Like [`run_on_both`], in worlds made in another way.
pub(crate) fn run_in_each<M: Future<Output = Option<World>>, F: Future<Output = ()>>(
    name: &str,
    make: impl Fn(Database) -> M,
    run: impl Fn(World) -> F,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    for database in [Database::Sqlite, Database::Postgres] {
        runtime.block_on(async {
            match make(database).await {
                Some(world) => run(world).await,
                #[expect(clippy::print_stderr, reason = "a skipped test says so")]
                None => eprintln!("{name}: skipped on {database:?}, which is not installed"),
            }
        });
    }
}

pub(crate) struct World {
    pub(crate) base: String,
    pub(crate) clock: Clock,
    pub(crate) database: Database,
    settings: Settings,
    folder: tempfile::TempDir,
    server: Option<(oneshot::Sender<()>, tokio::task::JoinHandle<()>)>,
}

/// A stable id for a name.
pub(crate) fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

impl World {
    /// A running server with the small street; `None` where its database is not installed.
    pub(crate) async fn new(database: Database) -> Option<Self> {
        Some(Self::empty(database).await?.settled().await)
    }

    /// A running server with the small street, on a PostgreSQL of the test's own.
    pub(crate) async fn on(url: String) -> Self {
        Self::over(Database::Postgres, Some(url)).await.settled().await
    }

    async fn settled(self) -> Self {
        let root = NewUser {
            username: "root",
            name: "root",
            password: PASSWORD,
            role: "system_admin",
            top: Some(Top { unit_id: id("city"), code: "990100", name: "云岚市" }),
        };
        make_user(&self.settings, &root).await.expect("the first account");
        self.populate().await;
        self
    }

    /// A running server with nothing in it; `None` where its database is not installed.
    pub(crate) async fn empty(database: Database) -> Option<Self> {
        let database_url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(postgres::fresh_url().await?),
        };
        Some(Self::over(database, database_url).await)
    }

    async fn over(database: Database, database_url: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = Settings {
            config: None,
            data_dir: PathBuf::from(folder.path()),
            database_url,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            metrics_token: Some("metrics-secret".into()),
            log: "error".into(),
            log_format: LogFormat::Text,
            map: MapSettings::default(),
            archive: ArchiveSettings::default(),
            evidence: Evidence::default(),
        };
        let clock = Clock::default();
        clock.set_ms(MONDAY_MS);
        let base = String::new();
        let mut world = Self { base, clock, database, settings, folder, server: None };
        world.start().await;
        world
    }

    /// Another server on the same database; `None` where a database has one server only.
    pub(crate) async fn beside(&self) -> Option<Self> {
        self.settings.database_url.as_ref()?;
        let (settings, clock, database) =
            (self.settings.clone(), self.clock.clone(), self.database);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let base = String::new();
        let mut world = Self { base, clock, database, settings, folder, server: None };
        world.start().await;
        Some(world)
    }

    pub(crate) async fn start(&mut self) {
        let server = Server::start(&self.settings, self.clock.clone()).await.expect("a server");
        let server = server.reading_photos(decoding::reader());
        self.base = format!("http://{}", server.address().expect("an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server.serve(stopped).await.expect("a server that stops in order");
        });
        self.server = Some((stop, task));
    }

    /// Stops the server in order; [`Self::start`] starts it again on the same data.
    pub(crate) async fn stop(&mut self) {
        if let Some((stop, task)) = self.server.take() {
            drop(stop);
            task.await.expect("the server's task");
        }
    }

    /// Starts the server again, with its originals archived elsewhere.
    pub(crate) async fn archiving(&mut self, archive: ArchiveSettings) {
        self.stop().await;
        self.settings.archive = archive;
        self.start().await;
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// For the next [`Self::start`].
    pub(crate) fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) async fn actor(&self, username: &str) -> Actor {
        Actor::sign_in(&self.base, username, PASSWORD).await
    }

    /// A street with a supervisor, two teams of one inspector each, one round, and one building
    /// with the floors 1 and 2 and the rooms 101–103 and 201–203.
    async fn populate(&self) {
        let root = self.actor("root").await;
        let units = root.get("/api/v1/org-units").await;
        let city = units["units"][0]["unit_id"].clone();
        for (name, parent, code, level) in [
            ("district", city.clone(), "990101", "district"),
            ("street", json!(id("district")), "990101001", "street"),
            ("community", json!(id("street")), "990101001001", "community"),
            ("other street", json!(id("district")), "990101002", "street"),
        ] {
            let unit = json!({ "parent_id": parent, "code": code, "level": level, "name": name });
            root.put(&format!("/api/v1/org-units/{}", id(name)), unit).await;
        }
        for (username, role, unit) in [
            ("qian", "street_supervisor", "street"),
            ("wang", "inspector", "street"),
            ("lin", "inspector", "street"),
            ("wu", "community_manager", "community"),
            ("stranger", "inspector", "other street"),
            ("other qian", "street_supervisor", "other street"),
            ("han", "district_viewer", "district"),
        ] {
            let user = json!({
                "username": username, "name": username, "password": PASSWORD,
                "roles": [{ "role": role, "unit_id": id(unit) }],
            });
            root.put(&format!("/api/v1/users/{}", id(username)), user).await;
        }
        let qian = self.actor("qian").await;
        let campaign = json!({ "street_id": id("street"), "name": "演示" });
        qian.put(&format!("/api/v1/campaigns/{}", id("campaign")), campaign).await;
        qian.put(&format!("/api/v1/rounds/{}", id("round")), self.round("open")).await;
        qian.put(&format!("/api/v1/buildings/{}", id("building")), building()).await;
        for (team, user) in [("team 1", "wang"), ("team 2", "lin")] {
            let members = json!([{ "user_id": id(user), "function": "safety_construction" }]);
            let body = json!({ "street_id": id("street"), "name": team, "members": members });
            qian.put(&format!("/api/v1/teams/{}", id(team)), body).await;
            let body = json!({
                "round_id": id("round"), "building_id": id("building"), "team_id": id(team),
                "from_ms": MONDAY_MS - DAY_MS,
            });
            qian.put(&format!("/api/v1/assignments/{}", id(&format!("assignment {team}"))), body)
                .await;
        }
    }

    pub(crate) fn round(&self, status: &str) -> Value {
        json!({
            "campaign_id": id("campaign"), "street_id": id("street"), "number": 1,
            "kind": "full_sweep", "status": status,
            "from_ms": MONDAY_MS - 8 * 3600 * 1000, "until_ms": MONDAY_MS + 18 * DAY_MS,
        })
    }
}

/// The building of the small street.
pub(crate) fn building() -> Value {
    let floor = |number: i64| {
        let rooms = (1..=3).map(|room| {
            let label = format!("{number}0{room}");
            json!({ "office_id": id(&label), "label": label })
        });
        json!({
            "floor_id": id(&format!("floor {number}")), "label": format!("{number}F"),
            "sort_order_milli": number * 1000, "kind": "office",
            "offices": rooms.collect::<Vec<_>>(),
        })
    };
    json!({
        "unit_id": id("community"), "code": "B1", "name": "潮汐大厦",
        "sections": [{ "section_id": id("section"), "name": "-", "floors": [floor(1), floor(2)] }],
    })
}
