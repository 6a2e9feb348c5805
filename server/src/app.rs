//! The running server: its parts, how they start, and how they stop.

use crate::clock::Clock;
use crate::config::{MapStyle, Settings};
use crate::domain::accounts::Gate;
use crate::domain::archive::Archive;
use crate::domain::attempts::Attempts;
use crate::domain::coverage::courses::Courses;
use crate::domain::devices;
use crate::domain::epoch::Mark;
use crate::domain::evidence::confirming::Confirming;
use crate::domain::evidence::keys::Given;
use crate::domain::evidence::log::Log;
use crate::domain::folded::Folded;
use crate::domain::jobs::{Jobs, Work};
use crate::domain::photos::Photos;
use crate::domain::sightings::Sightings;
use crate::domain::sync::{BODY_BYTES_MAX, Limits, Sync};
use crate::domain::writer::Writer;
use crate::http::interim::{Announcing, Interim};
use crate::pipeline::Apart;
use crate::store::Store;
use crate::{http, telemetry};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use metrics_exporter_prometheus::PrometheusHandle;
use saolou_protocol::wire;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Memory that bodies in flight may take together, in KiB.
const BODY_ROOM_KIB: usize = 8 * BODY_BYTES_MAX / 1024;
/// How long requests in flight may still take when the server stops.
const GRACE: Duration = Duration::from_secs(20);

/// What every handler can reach.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) sync: Sync,
    pub(crate) gate: Gate,
    pub(crate) sightings: Sightings,
    /// Codes that phones tried in vain.
    pub(crate) attempts: Attempts,
    pub(crate) photos: Photos,
    pub(crate) archive: Archive,
    pub(crate) evidence: Log,
    pub(crate) body_room: Arc<Semaphore>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) metrics_token: Option<Arc<str>>,
    /// What lies under the buildings on the map.
    pub(crate) map_style: Option<Arc<MapStyle>>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A server that listens and has not been asked to serve yet.
pub struct Server {
    app: App,
    listener: TcpListener,
    writer: tokio::task::JoinHandle<()>,
    stop: watch::Sender<bool>,
    mark: Option<Mark>,
    folder: PathBuf,
    confirming: Confirming,
    apart: Option<Apart>,
}

/// Why a server does not start or stops.
pub type Failure = Box<dyn std::error::Error + Send + std::marker::Sync>;

impl Server {
    /// Opens the database and the data folder, starts the writer, and listens.
    ///
    /// # Errors
    /// Where the folder cannot be written, the database not opened, the address not bound.
    pub async fn start(settings: &Settings, clock: Clock) -> Result<Self, Failure> {
        let folder = settings.data_dir.as_path();
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("data folder {}: {error}", folder.display()))?;
        let store = Store::open(settings.database_url.as_deref(), folder).await?;
        let keys = Keys::read(&store, &clock).await?;
        let mark = Mark::compare(folder, &store, &clock).await?;
        let archive =
            Archive::open(&settings.archive, &folder.join("photos"), store.clone(), clock.clone())?;
        let given = Given::read(&settings.evidence)?;
        let evidence = Log::open(&store, &clock, folder, given).await?;
        let confirming = Confirming::read(&settings.evidence, &evidence)?;
        let address = SocketAddr::new(settings.listen, settings.port);
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let (stop, stopping) = watch::channel(false);
        let (writer, task) = Writer::start(store.clone(), clock.clone());
        let (cursor_key, limits) = (keys.cursor.into(), Limits::SERVED);
        let (jobs, folded, courses) = (Jobs::default(), Folded::default(), Courses::default());
        let sync = Sync { store, clock, writer, jobs, folded, courses, cursor_key, limits };
        let app = App {
            photos: Photos::start(
                sync.clone(),
                evidence.clone(),
                archive.clone(),
                &folder.join("photos"),
            )?,
            sync,
            gate: Gate::new(&keys.token),
            sightings: Sightings::default(),
            attempts: Attempts::default(),
            archive,
            evidence,
            body_room: Arc::new(Semaphore::new(BODY_ROOM_KIB)),
            metrics: telemetry::metrics()?,
            metrics_token: settings.metrics_token.as_deref().map(Arc::from),
            map_style: settings.map.map_style.clone().map(Arc::new),
            stopping,
        };
        let folder = settings.data_dir.clone();
        Ok(Self { app, listener, writer: task, stop, mark, folder, confirming, apart: None })
    }

    /// Takes and serves other amounts than usual: less of them, so that a test meets them.
    #[must_use]
    pub fn limited_to(mut self, limits: wire::Limits) -> Self {
        self.app.sync.limits = limits;
        self
    }

    /// Reads photos in processes started like this. Without it, they wait to be read.
    #[must_use]
    pub fn reading_photos(mut self, apart: Apart) -> Self {
        self.apart = Some(apart);
        self
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// Where the socket is gone.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What the commands of the program work with.
    pub(crate) fn sync(&self) -> &Sync {
        &self.app.sync
    }

    /// Serves until `shutdown` is done, then in order: takes no new connections, ends live streams,
    /// waits for requests in flight, lets jobs and the writer finish, closes the database.
    ///
    /// # Errors
    /// Where the listener fails.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Failure> {
        let Self { app, listener, writer, stop, mark, folder, confirming, apart } = self;
        let (store, sync) = (app.sync.store.clone(), app.sync.clone());
        let probing = tokio::spawn(app.archive.clone().keep_probing());
        let scrubbing = tokio::spawn(app.archive.clone().keep_scrubbing());
        let holding = tokio::spawn(app.archive.clone().keep_telling_holds());
        let log = app.evidence.clone();
        log.catch_up().await;
        let logging = tokio::spawn(async move {
            // What witnesses know is known before anything is signed.
            confirming.look().await;
            tokio::join!(log.keep(), confirming.keep());
        });
        let mut stopping = app.stopping.clone();
        let photos = app.photos.clone();
        let sightings = app.sightings.clone();
        let sighting = tokio::spawn(sightings.clone().keep(store.clone()));
        let work = Work {
            store: store.clone(),
            clock: sync.clock.clone(),
            folder: Arc::new(folder),
            archive: app.archive.clone(),
            apart: apart.map(Arc::new),
            writer: sync.writer.clone(),
            jobs: sync.jobs.clone(),
        };
        let working = tokio::spawn(sync.jobs.clone().work(work, stopping.clone()));
        let service = http::router(app).into_make_service_with_connect_info::<Interim>();
        let serving =
            axum::serve(Announcing(listener), service).with_graceful_shutdown(async move {
                // Also when the sender is gone: nobody is left who could ask to go on.
                drop(stopping.wait_for(|stopping| *stopping).await);
            });
        let doorbells = sync.writer.doorbells().clone();
        let sharing = tokio::spawn(doorbells.share(store.clone(), sync.clock.new_id()));
        let watching = tokio::spawn(devices::watch_leaves(sync));
        let expiring = tokio::spawn(photos.expire_all());
        let marking = tokio::spawn(async move {
            if let Some(mark) = mark {
                mark.keep().await;
            }
        });
        let mut serving = tokio::spawn(serving.into_future());
        tokio::select! {
            () = shutdown => {}
            ended = &mut serving => ended??,
        }
        tracing::info!("stopping");
        stop.send_replace(true);
        match tokio::time::timeout(GRACE, &mut serving).await {
            Ok(ended) => ended??,
            Err(_) => {
                tracing::warn!("requests in flight were cut off after the grace period");
                serving.abort();
                drop(serving.await);
            }
        }
        // It ends by itself, and gives back what it does not get done.
        drop(working.await);
        for task in
            [sighting, watching, sharing, marking, expiring, probing, scrubbing, holding, logging]
        {
            task.abort();
            drop(task.await);
        }
        if let Err(error) = sightings.write(&store).await {
            tracing::warn!(%error, "when devices were heard of last was not written down");
        }
        // The handlers are gone, and with them the last ways to the writer.
        drop(tokio::time::timeout(GRACE, writer).await);
        store.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Secrets, made once and kept in the database beside the epoch.
struct Keys {
    token: Vec<u8>,
    cursor: Vec<u8>,
}

impl Keys {
    async fn read(store: &Store, clock: &Clock) -> Result<Self, Failure> {
        let mut tx = store.write().await?;
        for name in ["token_key", "cursor_key"] {
            tx.add_setting(name, &STANDARD.encode(rand::random::<[u8; 32]>())).await?;
        }
        tx.add_setting("epoch", &clock.new_id().to_string()).await?;
        let (token, cursor) = (tx.setting("token_key").await?, tx.setting("cursor_key").await?);
        tx.commit().await?;
        let key = |text: Option<String>| STANDARD.decode(text.unwrap_or_default());
        Ok(Self { token: key(token)?, cursor: key(cursor)? })
    }
}
