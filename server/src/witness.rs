//! A witness (C2SP `tlog-witness`) for a machine of the auditor's own: it remembers the last
//! checkpoint of each log that it watches and cosigns only what grew out of it. It has a key and a
//! folder, and knows nothing else of the server.

use crate::app::Failure;
use crate::clock::Clock;
use crate::config::WitnessOptions;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::checkpoint::Checkpoint;
use saolou_protocol::evidence::note::{NOTE_BYTES_MAX, Purpose, Signer, Verifier};
use saolou_protocol::evidence::witness::{AddCheckpoint, Refusal};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// A witness that listens.
pub struct Witness {
    seen: Arc<Seen>,
    listener: TcpListener,
}

/// What a witness knows.
struct Seen {
    signer: Signer,
    logs: Vec<Verifier>,
    folder: PathBuf,
    clock: Clock,
    // One request at a time: comparing and remembering are one act.
    one: Mutex<()>,
}

impl Witness {
    /// Opens the folder, makes the key where there is none, and listens.
    ///
    /// # Errors
    /// Where the folder cannot be written, a key is none, or the address is taken.
    pub async fn start(options: &WitnessOptions, clock: Clock) -> Result<Self, Failure> {
        let folder = options.state_dir.clone();
        std::fs::create_dir_all(&folder)?;
        let log = |text: &String| {
            let key = Verifier::parse(text).filter(|key| key.purpose() == Purpose::Log);
            key.ok_or_else(|| format!("--log {text}: not the key of a log"))
        };
        let logs = options.log.iter().map(log).collect::<Result<Vec<_>, _>>()?;
        let secret = secret(&folder.join("key"))?;
        let signer = Signer::new(&options.name, Purpose::Witness, &secret);
        let signer = signer.ok_or("--name: no spaces, no +")?;
        let listener = TcpListener::bind(SocketAddr::new(options.listen, options.port)).await?;
        let seen = Seen { signer, logs, folder, clock, one: Mutex::new(()) };
        Ok(Self { seen: Arc::new(seen), listener })
    }

    /// The key by which its cosignatures are verified.
    #[must_use]
    pub fn key(&self) -> Verifier {
        self.seen.signer.verifier()
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// Where the socket is gone.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` is done.
    ///
    /// # Errors
    /// Where the listener fails.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Failure> {
        let router = Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .route(
                "/key",
                get(async |State(seen): State<Arc<Seen>>| format!("{}\n", seen.signer.verifier())),
            )
            .layer(DefaultBodyLimit::max(2 * NOTE_BYTES_MAX))
            .with_state(self.seen);
        axum::serve(self.listener, router).with_graceful_shutdown(shutdown).await?;
        Ok(())
    }
}

async fn add_checkpoint(State(seen): State<Arc<Seen>>, body: String) -> Response {
    let answered = tokio::task::spawn_blocking(move || seen.judge(&body)).await;
    answered.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Seen {
    fn judge(&self, body: &str) -> Response {
        let Some(request) = AddCheckpoint::parse(body) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let origin = Checkpoint::parse(&request.note.text).map(|checkpoint| checkpoint.origin);
        let known = self.logs.iter().filter(|log| Some(log.name()) == origin.as_deref());
        let known: Vec<&Verifier> = known.collect();
        if known.is_empty() {
            return StatusCode::NOT_FOUND.into_response();
        }
        // A log whose key was changed has several.
        let log = known.iter().find(|log| log.has_signed(&request.note)).unwrap_or(&known[0]);
        let _one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.folder.join(format!("seen-{}", Hash::of(log.name().as_bytes())));
        let last = match last(&file) {
            Ok(last) => last,
            Err(error) => return failed(&error),
        };
        match request.judge(last, log) {
            Ok(signed) => {
                // Remembered before it is said.
                if let Err(error) = remember(&file, &signed.note.to_string()) {
                    return failed(&error);
                }
                let at_s = u64::try_from(self.clock.now_ms() / 1000).unwrap_or_default();
                let line = self.signer.cosign(&signed.note.text, at_s);
                tracing::info!(log = log.name(), size = signed.checkpoint.size, "cosigned");
                format!("{line}\n").into_response()
            }
            Err(refusal) => {
                tracing::warn!(log = log.name(), ?refusal, "not cosigned");
                refused(refusal)
            }
        }
    }
}

fn refused(refusal: Refusal) -> Response {
    const SIZE: (HeaderName, &str) = (header::CONTENT_TYPE, "text/x.tlog.size");
    match refusal {
        Refusal::Malformed => StatusCode::BAD_REQUEST.into_response(),
        Refusal::NotSigned => StatusCode::FORBIDDEN.into_response(),
        Refusal::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
        Refusal::Conflict(size) => {
            (StatusCode::CONFLICT, [SIZE], format!("{size}\n")).into_response()
        }
    }
}

fn failed(error: &std::io::Error) -> Response {
    tracing::error!(%error, "the state of the witness");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Size and root of the checkpoint that was cosigned last.
fn last(file: &Path) -> std::io::Result<Option<(u64, Hash)>> {
    let note = match std::fs::read_to_string(file) {
        Ok(note) => note,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // A state that cannot be read is not a state without history.
    let text = note.split_once("\n\n").map(|(text, _)| format!("{text}\n"));
    let checkpoint = text.as_deref().and_then(Checkpoint::parse);
    let checkpoint = checkpoint.ok_or_else(|| std::io::Error::other("the state is damaged"))?;
    Ok(Some((checkpoint.size, checkpoint.root)))
}

/// Under its name there is always a whole one, and after a power cut too.
fn remember(file: &Path, note: &str) -> std::io::Result<()> {
    let new = file.with_extension("new");
    let mut written = File::create(&new)?;
    written.write_all(note.as_bytes())?;
    written.sync_all()?;
    std::fs::rename(&new, file)?;
    file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// The secret of a witness; made where there is none.
fn secret(file: &Path) -> Result<[u8; 32], Failure> {
    if !file.exists() {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut made = options.open(file)?;
        made.write_all(STANDARD.encode(rand::random::<[u8; 32]>()).as_bytes())?;
        made.sync_all()?;
    }
    let bytes = STANDARD.decode(std::fs::read_to_string(file)?.trim())?;
    bytes.try_into().map_err(|_| format!("{}: no 32 bytes", file.display()).into())
}
