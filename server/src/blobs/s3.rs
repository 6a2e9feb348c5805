//! A bucket of an S3-compatible store, with Object Lock where it has that.
//!
//! An original goes up as one request that says what it must become: only where nothing is
//! (`If-None-Match: *`), with this SHA-256 — as a checksum header and, because some stores ignore
//! that, in the signature — and with this lock. Its key is its hash: no place, person or date can
//! be read from the names in a bucket. Bytes stream from and to the disk; memory does not grow with
//! them.

mod listing;
mod signing;

use super::{Failure, Lock, Mode, Original, Place, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedHttpClient,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saolou_protocol::canonical::Hash;
use saolou_protocol::time::Millis;
use sha2::{Digest, Sha256};
use signing::SignedHash;
use std::path::Path;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long the store may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may say nothing.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one attempt may take: 64 MiB over 4 Mbit/s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(150);
/// Attempts within one call; what fails then is tried again by whoever keeps the work.
const ATTEMPTS_MAX: u32 = 3;
/// At most how long is waited before the second attempt; twice that before the third.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// Before the hash in a key, after the prefix.
const ORIGINALS: &str = "originals/sha256/";

/// How a bucket is reached.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) bucket: String,
    /// Before every key: empty, or ending with a slash.
    pub(crate) prefix: String,
    /// `http://…` or `https://…`; left out, the region's own.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) session: Option<String>,
    /// Whether the bucket is part of the host's name instead of the path.
    pub(crate) by_host: bool,
    /// Whether the store takes checksums that nobody asked for.
    pub(crate) checksums_always: bool,
}

/// A bucket.
#[derive(Clone, Debug)]
pub(crate) struct S3 {
    client: Client,
    bucket: String,
    prefix: String,
}

/// Bytes in memory that go to a key, and how: for the canaries of the probe.
#[derive(Clone, Copy, Default)]
pub(super) struct Small<'a> {
    pub(super) key: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) lock: Option<(Mode, Millis)>,
    pub(super) only_new: bool,
    /// What the checksum header says; left out, there is none.
    pub(super) checksum: Option<Hash>,
    /// What the signature says; left out, the truth.
    pub(super) signed: Option<Hash>,
}

impl S3 {
    /// A bucket. Nothing is asked of it yet.
    pub(crate) fn new(access: &Access) -> Self {
        let calculation = if access.checksums_always {
            RequestChecksumCalculation::WhenSupported
        } else {
            RequestChecksumCalculation::WhenRequired
        };
        let keys = (access.key_id.clone(), access.secret.clone());
        let credentials =
            Credentials::new(keys.0, keys.1, access.session.clone(), None, "settings");
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS_MAX)
            .with_initial_backoff(FIRST_BACKOFF);
        let is_plain = access.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(access.region.clone()))
            .credentials_provider(credentials)
            .force_path_style(!access.by_host)
            .request_checksum_calculation(calculation)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .retry_config(retries)
            .timeout_config(timeouts)
            .http_client(http_client(is_plain));
        config.set_endpoint_url(access.endpoint.clone());
        let client = Client::from_conf(config.build());
        Self { client, bucket: access.bucket.clone(), prefix: access.prefix.clone() }
    }

    /// Its name in rows.
    pub(crate) fn name(&self) -> String {
        format!("s3:{}/{}", self.bucket, self.prefix)
    }

    /// Puts an original. Where its key is taken, the version that has its bytes is its place; where
    /// none has, it becomes a version of its own beside whatever is there.
    pub(crate) async fn put(&self, original: &Original<'_>) -> Result<Place> {
        let key = self.key(original.hash);
        // Some stores keep the condition of the request only in buckets without versions: a look
        // first spares them a version for each time that a killed worker begins again.
        match self.lock(&self.place(&key, None)).await {
            Err(Failure::Missing) => match self.put_once(original, &key, true).await {
                Err(Failure::Exists) => {}
                Err(failure) if failure.is_not_implemented() => {
                    return self.put_once(original, &key, false).await;
                }
                other => return other,
            },
            other => drop(other?),
        }
        for found in self.versions(&key).await? {
            let read = self.read(&found.place, None).await;
            if matches!(read, Ok((hash, _)) if hash == original.hash) {
                return Ok(found.place);
            }
        }
        self.put_once(original, &key, false).await
    }

    async fn put_once(&self, original: &Original<'_>, key: &str, only_new: bool) -> Result<Place> {
        let body = ByteStream::from_path(original.file).await;
        let body = body.map_err(|error| Failure::Disk(std::io::Error::other(error)))?;
        let (mode, until) = lock(original.lock);
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(body)
            .content_type(original.media)
            .checksum_sha256(STANDARD.encode(original.hash.0))
            .set_if_none_match(only_new.then(|| "*".to_owned()))
            .set_metadata(original.photo.map(|photo| {
                std::iter::once(("saolou-photo".to_owned(), photo.to_string())).collect()
            }))
            .set_object_lock_mode(mode)
            .set_object_lock_retain_until_date(until)
            .customize()
            .interceptor(SignedHash(original.hash));
        let done = put.send().await.map_err(told)?;
        Ok(self.place(key, done.version_id))
    }

    /// Puts bytes from memory; for the probe.
    pub(super) async fn put_small(&self, small: &Small<'_>) -> Result<Place> {
        let (mode, until) = lock(small.lock);
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(small.key)
            .body(ByteStream::from(small.bytes.to_vec()))
            .content_type("text/plain")
            .set_checksum_sha256(small.checksum.map(|hash| STANDARD.encode(hash.0)))
            .set_if_none_match(small.only_new.then(|| "*".to_owned()))
            .set_object_lock_mode(mode)
            .set_object_lock_retain_until_date(until)
            .customize()
            .interceptor(SignedHash(small.signed.unwrap_or_else(|| Hash::of(small.bytes))));
        let done = put.send().await.map_err(told)?;
        Ok(self.place(small.key, done.version_id))
    }

    /// Reads a version to its end, and keeps it in a new file where one is named.
    pub(crate) async fn read(&self, place: &Place, to: Option<&Path>) -> Result<(Hash, i64)> {
        let get = self.client.get_object().bucket(&place.bucket).key(&place.key);
        let got = get.set_version_id(version(place)).send().await.map_err(told)?;
        let mut file = match to {
            Some(path) => Some(tokio::fs::File::create_new(path).await?),
            None => None,
        };
        let (mut body, mut hasher, mut bytes) = (got.body, Sha256::new(), 0);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| Failure::Down(format!("reading: {error}")))?;
            hasher.update(&chunk);
            bytes += i64::try_from(chunk.len()).unwrap_or(i64::MAX);
            if let Some(file) = &mut file {
                file.write_all(&chunk).await?;
            }
        }
        if let Some(file) = file {
            file.sync_all().await?;
        }
        Ok((Hash(hasher.finalize().into()), bytes))
    }

    /// The lock of a version.
    pub(crate) async fn lock(&self, place: &Place) -> Result<Lock> {
        let head = self.client.head_object().bucket(&place.bucket).key(&place.key);
        let head = head.set_version_id(version(place)).send().await.map_err(told)?;
        let mode = match head.object_lock_mode {
            Some(ObjectLockMode::Compliance) => Mode::Compliance,
            Some(ObjectLockMode::Governance) => Mode::Governance,
            _ => Mode::None,
        };
        let until = head.object_lock_retain_until_date;
        let until_ms = until.and_then(|until| until.to_millis().ok());
        let hold = head.object_lock_legal_hold_status == Some(ObjectLockLegalHoldStatus::On);
        Ok(Lock { mode, until_ms: until_ms.filter(|_| mode != Mode::None), hold })
    }

    /// Sets how long a version is kept; `None` asks to keep it no longer.
    pub(crate) async fn retain(
        &self,
        place: &Place,
        lock: Option<(Mode, Millis)>,
        bypass: bool,
    ) -> Result<()> {
        let mode = lock.and_then(|(mode, _)| match mode {
            Mode::None => None,
            Mode::Governance => Some(ObjectLockRetentionMode::Governance),
            Mode::Compliance => Some(ObjectLockRetentionMode::Compliance),
        });
        let retention = ObjectLockRetention::builder()
            .set_mode(mode)
            .set_retain_until_date(lock.map(|(_, until_ms)| seconds(until_ms)))
            .build();
        let put = self.client.put_object_retention().bucket(&place.bucket).key(&place.key);
        let put = put.set_version_id(version(place)).retention(retention);
        let put = put.set_bypass_governance_retention(bypass.then_some(true));
        put.send().await.map(drop).map_err(told)
    }

    /// Puts a version under legal hold, or frees it.
    pub(crate) async fn hold(&self, place: &Place, on: bool) -> Result<()> {
        let status =
            if on { ObjectLockLegalHoldStatus::On } else { ObjectLockLegalHoldStatus::Off };
        let hold = ObjectLockLegalHold::builder().status(status).build();
        let put = self.client.put_object_legal_hold().bucket(&place.bucket).key(&place.key);
        let put = put.set_version_id(version(place)).legal_hold(hold);
        put.send().await.map(drop).map_err(told)
    }

    /// Asks to remove a version; without one, the key. Gives the delete marker that this left.
    pub(crate) async fn delete(&self, place: &Place, bypass: bool) -> Result<Option<Place>> {
        let delete = self.client.delete_object().bucket(&place.bucket).key(&place.key);
        let delete = delete.set_version_id(version(place));
        let delete = delete.set_bypass_governance_retention(bypass.then_some(true));
        let done = delete.send().await.map_err(told)?;
        let is_marker = done.delete_marker == Some(true);
        Ok(is_marker.then(|| self.place(&place.key, done.version_id)))
    }

    /// Removes every version of an original: more than one is there after a repair.
    pub(crate) async fn remove(&self, place: &Place) -> Result<()> {
        for found in self.versions(&place.key).await? {
            self.delete(&found.place, false).await?;
        }
        Ok(())
    }

    /// What the bucket gives objects that come without a lock, in its own words; `None` for nothing.
    pub(super) async fn default_retention(&self) -> Result<Option<String>> {
        let got = self.client.get_object_lock_configuration().bucket(&self.bucket).send().await;
        let configuration = got.map_err(told)?.object_lock_configuration;
        let rule = configuration.and_then(|configuration| configuration.rule);
        Ok(rule.and_then(|rule| rule.default_retention).map(|default| {
            let mode = default.mode.as_ref().map_or("?", |mode| mode.as_str());
            let days = default.days.map(|days| format!("{days} d"));
            let years = default.years.map(|years| format!("{years} y"));
            format!("{mode} {}", days.or(years).unwrap_or_default()).to_lowercase()
        }))
    }

    /// The key of an original.
    fn key(&self, hash: Hash) -> String {
        let name = hash.to_string();
        format!("{}{ORIGINALS}{}/{name}", self.prefix, &name[..2])
    }

    /// The key of something that is no original.
    pub(super) fn other_key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn place(&self, key: &str, version: Option<String>) -> Place {
        // A bucket without versions calls the only one `null`, where it calls it anything.
        let version = version.filter(|version| version != "null").unwrap_or_default();
        Place { bucket: self.bucket.clone(), key: key.to_owned(), version }
    }
}

/// TLS with ring, like everywhere else; none at all on a plain address, which needs no certificates.
fn http_client(is_plain: bool) -> SharedHttpClient {
    use aws_smithy_http_client::{Builder, tls};
    if is_plain {
        return Builder::new().build_http();
    }
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    Builder::new().tls_provider(ring).build_https()
}

fn version(place: &Place) -> Option<String> {
    Some(place.version.clone()).filter(|version| !version.is_empty())
}

fn lock(lock: Option<(Mode, Millis)>) -> (Option<ObjectLockMode>, Option<DateTime>) {
    match lock {
        None | Some((Mode::None, _)) => (None, None),
        Some((Mode::Governance, until)) => (Some(ObjectLockMode::Governance), Some(seconds(until))),
        Some((Mode::Compliance, until)) => (Some(ObjectLockMode::Compliance), Some(seconds(until))),
    }
}

/// Stores keep whole seconds; never a moment less than asked.
fn seconds(until_ms: Millis) -> DateTime {
    DateTime::from_secs(until_ms.div_euclid(1000) + i64::from(until_ms.rem_euclid(1000) > 0))
}

/// What a failed request means to us: whether to come back, and what it was told.
#[expect(clippy::needless_pass_by_value, reason = "the way errors are mapped")]
fn told<E: ProvideErrorMetadata>(error: SdkError<E, HttpResponse>) -> Failure {
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    let code = error.code().unwrap_or("no code").to_owned();
    match (&error, status) {
        (SdkError::ConstructionFailure(_), _) => {
            Failure::Refused("the request cannot be made".into())
        }
        (SdkError::ServiceError(_), Some(404)) => match code.as_str() {
            "NoSuchBucket" => Failure::Refused("NoSuchBucket (404)".into()),
            "ObjectLockConfigurationNotFoundError" | "NoSuchObjectLockConfiguration" => {
                Failure::Refused(format!("{code} (404)"))
            }
            _ => Failure::Missing,
        },
        (SdkError::ServiceError(_), Some(412)) => Failure::Exists,
        // 501 is not for later; 409 is a race of two writers that the loser may repeat.
        (SdkError::ServiceError(_), Some(status))
            if status != 501 && (status >= 500 || [408, 425, 429].contains(&status)) =>
        {
            Failure::Down(format!("{code} ({status})"))
        }
        (SdkError::ServiceError(_), Some(409)) if code == "ConditionalRequestConflict" => {
            Failure::Down(format!("{code} (409)"))
        }
        (SdkError::ServiceError(_), Some(status)) => Failure::Refused(format!("{code} ({status})")),
        (SdkError::TimeoutError(_), _) => Failure::Down("it does not answer in time".into()),
        (SdkError::DispatchFailure(_), _) => Failure::Down("it cannot be reached".into()),
        _ => Failure::Down(format!("its answer cannot be read ({status:?})")),
    }
}
