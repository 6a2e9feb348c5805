//! The bytes of one request as they come in, and what they were said to hash to.

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use http_body_util::BodyExt;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// How long nothing may come.
const IDLE: Duration = Duration::from_secs(30);
/// After this time a request must have brought so many bytes a second on the whole.
const PATIENCE: Duration = Duration::from_secs(60);
const BYTES_PER_S_MIN: u64 = 256;

/// How long a request that is not the newest any more may go on, and with which gaps.
const CLOSING: Duration = Duration::from_millis(250);
const CLOSING_GAP: Duration = Duration::from_millis(20);

/// The bytes of a request.
pub(crate) struct Content {
    body: Body,
    bytes: u64,
    since: Option<Instant>,
    /// Until when what is at hand is still taken.
    closing: Option<Instant>,
    trailers: Option<HeaderMap>,
}

/// What comes next of it.
pub(super) enum Next {
    Bytes(Bytes),
    End,
    /// The connection broke, or brought too little for too long.
    Broken,
}

/// All of a request.
pub(super) enum Whole {
    Bytes(Vec<Bytes>),
    /// More than it should have.
    TooMany,
    /// It ended before.
    TooFew,
    /// See [`Next::Broken`].
    Broken,
}

/// What a request says its bytes hash to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    Sha1(Vec<u8>),
    Sha256(Vec<u8>),
    /// In a trailer, after the bytes.
    Trailing,
}

impl Content {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, bytes: 0, since: None, closing: None, trailers: None }
    }

    pub(super) async fn next(&mut self) -> Next {
        let since = *self.since.get_or_insert_with(Instant::now);
        loop {
            let Ok(frame) = tokio::time::timeout(IDLE, self.body.frame()).await else {
                return Next::Broken;
            };
            let frame = match frame {
                None => return Next::End,
                Some(Err(_)) => return Next::Broken,
                Some(Ok(frame)) => frame,
            };
            match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.bytes += bytes.len() as u64;
                    let passed = since.elapsed();
                    let is_dripping =
                        passed > PATIENCE && self.bytes < passed.as_secs() * BYTES_PER_S_MIN;
                    return if is_dripping { Next::Broken } else { Next::Bytes(bytes) };
                }
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// All that comes, which should be so many bytes.
    pub(super) async fn whole(&mut self, bytes: i64) -> Whole {
        let (mut chunks, mut left) = (Vec::new(), bytes);
        loop {
            match self.next().await {
                Next::Bytes(chunk) => {
                    left -= i64::try_from(chunk.len()).unwrap_or(i64::MAX);
                    if left < 0 {
                        return Whole::TooMany;
                    }
                    chunks.push(chunk);
                }
                Next::End if left > 0 => return Whole::TooFew,
                Next::End => return Whole::Bytes(chunks),
                Next::Broken => return Whole::Broken,
            }
        }
    }

    /// What is at hand when a newer request has come: bytes that had arrived before the connection
    /// broke need not be sent again. Waits for nothing more than a moment.
    pub(super) async fn next_at_hand(&mut self) -> Next {
        let until = *self.closing.get_or_insert_with(|| Instant::now() + CLOSING);
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Next::Broken;
        }
        match tokio::time::timeout(left.min(CLOSING_GAP), self.next()).await {
            Ok(next) => next,
            Err(_) => Next::Broken,
        }
    }

    /// The checksum in the trailer, once all bytes are here.
    fn trailing(&self) -> Option<Checksum> {
        let value = self.trailers.as_ref()?.get("upload-checksum")?.to_str().ok()?;
        Checksum::of_tus(value)
    }
}

impl Checksum {
    /// `Upload-Checksum` of tus: an algorithm and base64. `None` where it is neither known nor sound.
    pub(crate) fn of_tus(value: &str) -> Option<Self> {
        use base64::Engine;
        let (algorithm, encoded) = value.trim().split_once(' ')?;
        let sum = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
        match (algorithm, sum.len()) {
            ("sha1", 20) => Some(Self::Sha1(sum)),
            ("sha256", 32) => Some(Self::Sha256(sum)),
            _ => None,
        }
    }
}

/// Hashes what comes in, where something has to be compared.
#[derive(Default)]
pub(super) struct Summing {
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
}

impl Summing {
    pub(super) fn for_checksum(checksum: Option<&Checksum>) -> Self {
        let is = |sum: fn(&Checksum) -> bool| checksum.is_some_and(sum);
        let sha1 = is(|sum| !matches!(sum, Checksum::Sha256(_)));
        let sha256 = is(|sum| !matches!(sum, Checksum::Sha1(_)));
        Self { sha1: sha1.then(Sha1::new), sha256: sha256.then(Sha256::new) }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// Whether the bytes hash to what was said of them.
    pub(super) fn matches(self, checksum: Option<Checksum>, content: &Content) -> bool {
        let said = match checksum {
            Some(Checksum::Trailing) => content.trailing(),
            said => said,
        };
        match said {
            Some(Checksum::Sha1(said)) => {
                self.sha1.is_some_and(|sha1| sha1.finalize()[..] == said[..])
            }
            Some(Checksum::Sha256(said)) => {
                self.sha256.is_some_and(|sha256| sha256.finalize()[..] == said[..])
            }
            Some(Checksum::Trailing) => false,
            // Announced, and then not sent: nothing to compare with.
            None => true,
        }
    }
}
