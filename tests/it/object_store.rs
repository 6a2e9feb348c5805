//! Object stores to archive in: a strict one that keeps what Object Lock promises, with defects that
//! can be planted one by one, and one that takes every header and keeps no promise. Both speak the
//! real protocol over a real socket.

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    DeleteMarkerEntry, DeleteObjectInput, DeleteObjectOutput, ETagCondition, GetObjectInput,
    GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectVersionsInput, ListObjectVersionsOutput,
    ObjectLockConfiguration, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectVersion,
    PutObjectInput, PutObjectLegalHoldInput, PutObjectLegalHoldOutput, PutObjectOutput,
    PutObjectRetentionInput, PutObjectRetentionOutput, StreamingBlob, Timestamp,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use saolou_protocol::canonical::Hash;
use saolou_server::clock::Clock;
use saolou_server::config::ArchiveSettings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::TcpListener;

/// A way in which a store breaks its promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Defect {
    /// It gives other bytes than it was given.
    Forgets,
    /// It takes locks and shows none.
    ShowsNoLock,
    /// It lets a lock be made shorter.
    Shortens,
    /// It lets a lock be made weaker.
    Weakens,
    /// It keeps one version of a key, and says there are several.
    Overwrites,
    /// A delete without a version deletes.
    DeletesByMarker,
    /// It deletes what is locked.
    Deletes,
    /// It deletes what is locked for whoever claims to be allowed.
    Bypasses,
    /// It deletes what is held.
    DeletesHeld,
    /// It takes bytes that are not what was declared.
    TakesDamage,
    /// It does not know the condition that nothing must be there yet.
    Replaces,
    /// It says that it is overloaded, whatever it is asked.
    IsDown,
}

#[derive(Clone)]
struct Version {
    id: String,
    /// `None` for a delete marker.
    bytes: Option<Vec<u8>>,
    mode: Option<String>,
    until: Option<Timestamp>,
    is_held: bool,
}

/// A strict store, but for the defects that are planted in it.
#[derive(Clone)]
pub(crate) struct Strict {
    keys: Arc<Mutex<BTreeMap<String, Vec<Version>>>>,
    defects: Arc<Mutex<BTreeSet<Defect>>>,
    clock: Clock,
    /// Where it listens.
    pub(crate) address: String,
}

impl Strict {
    /// An empty store that listens.
    pub(crate) async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let (keys, defects, clock) = (Arc::default(), Arc::default(), clock.clone());
        let store = Self { keys, defects, clock, address };
        serve(listener, S3ServiceBuilder::new(store.clone()));
        store
    }

    /// Plants a defect, and gives a store with it.
    pub(crate) fn with(self, defect: Defect) -> Self {
        self.plant(defect, true);
        self
    }

    /// Plants a defect, or mends it.
    pub(crate) fn plant(&self, defect: Defect, planted: bool) {
        let mut defects = self.defects.lock().expect("no test panicked with it");
        if planted { _ = defects.insert(defect) } else { _ = defects.remove(&defect) }
    }

    /// Damages every version of one original behind the back of everybody.
    pub(crate) fn damage(&self, hash: Hash) {
        let mut keys = self.keys.lock().expect("no test panicked with it");
        let named = keys.iter_mut().filter(|(key, _)| key.ends_with(&hash.to_string()));
        for version in named.flat_map(|(_, versions)| versions) {
            if let Some(byte) = version.bytes.as_mut().and_then(|bytes| bytes.first_mut()) {
                *byte ^= 1;
            }
        }
    }

    /// Loses every version of one original.
    pub(crate) fn lose(&self, hash: Hash) {
        let mut keys = self.keys.lock().expect("no test panicked with it");
        keys.retain(|key, _| !key.ends_with(&hash.to_string()));
    }

    /// How many versions of one original there are, and how many are whole.
    pub(crate) fn versions(&self, hash: Hash) -> (usize, usize) {
        let keys = self.keys.lock().expect("no test panicked with it");
        let named = keys.iter().filter(|(key, _)| key.ends_with(&hash.to_string()));
        let versions: Vec<_> = named.flat_map(|(_, versions)| versions).collect();
        let whole = |version: &&&Version| version.bytes.as_deref().map(Hash::of) == Some(hash);
        (versions.len(), versions.iter().filter(whole).count())
    }

    /// Whether every version of one original is under legal hold.
    pub(crate) fn is_held(&self, hash: Hash) -> bool {
        let keys = self.keys.lock().expect("no test panicked with it");
        let mut named = keys.iter().filter(|(key, _)| key.ends_with(&hash.to_string()));
        named.any(|(_, versions)| versions.iter().all(|version| version.is_held))
    }

    /// All keys.
    pub(crate) fn names(&self) -> Vec<String> {
        self.keys.lock().expect("no test panicked with it").keys().cloned().collect()
    }

    fn has(&self, defect: Defect) -> bool {
        self.defects.lock().expect("no test panicked with it").contains(&defect)
    }

    fn now(&self) -> Timestamp {
        let now_ms = u64::try_from(self.clock.now_ms()).expect("after 1970");
        (UNIX_EPOCH + Duration::from_millis(now_ms)).into()
    }

    /// Runs a change of one version of a key, the newest where none is named.
    fn change<T>(
        &self,
        key: &str,
        version: Option<&String>,
        change: impl FnOnce(&mut Version) -> S3Result<T>,
    ) -> S3Result<T> {
        if self.has(Defect::IsDown) {
            return Err(s3_error!(SlowDown));
        }
        let mut keys = self.keys.lock().expect("no test panicked with it");
        let versions = keys.get_mut(key).ok_or_else(|| s3_error!(NoSuchKey))?;
        let found = match version {
            Some(id) => versions.iter_mut().find(|found| found.id == *id),
            None => versions.last_mut().filter(|found| found.bytes.is_some()),
        };
        change(found.ok_or_else(|| s3_error!(NoSuchKey))?)
    }

    fn keep(&self, input: PutObjectInput, bytes: Vec<u8>) -> S3Result<String> {
        let declared = input.checksum_sha256.as_deref();
        if declared.is_some_and(|declared| declared != base64_of(&bytes))
            && !self.has(Defect::TakesDamage)
        {
            return Err(s3_error!(BadDigest));
        }
        let mut keys = self.keys.lock().expect("no test panicked with it");
        let versions = keys.entry(input.key).or_default();
        let is_there = versions.last().is_some_and(|last| last.bytes.is_some());
        let only_new = matches!(input.if_none_match, Some(ETagCondition::Any));
        if is_there && only_new && !self.has(Defect::Replaces) {
            return Err(s3_error!(PreconditionFailed));
        }
        if self.has(Defect::Overwrites) {
            versions.clear();
        }
        let id = self.clock.new_id().to_string();
        let (mode, until) = (input.object_lock_mode, input.object_lock_retain_until_date);
        versions.push(Version {
            id: id.clone(),
            bytes: Some(bytes),
            mode: mode.map(|mode| mode.as_str().to_owned()),
            until,
            is_held: false,
        });
        Ok(id)
    }
}

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(Hash::of(bytes).0)
}

#[async_trait::async_trait]
impl S3 for Strict {
    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        if self.has(Defect::IsDown) {
            return Err(s3_error!(SlowDown));
        }
        let mut input = request.input;
        let mut bytes = Vec::new();
        if let Some(mut body) = input.body.take() {
            while let Some(chunk) = futures_util::StreamExt::next(&mut body).await {
                match chunk {
                    Ok(chunk) => bytes.extend_from_slice(&chunk),
                    // The signature says that these are other bytes.
                    Err(_) if self.has(Defect::TakesDamage) => break,
                    Err(_) => return Err(s3_error!(BadDigest)),
                }
            }
        }
        let id = self.keep(input, bytes)?;
        Ok(S3Response::new(PutObjectOutput { version_id: Some(id), ..Default::default() }))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let (input, forgets) = (request.input, self.has(Defect::Forgets));
        let bytes = self.change(&input.key, input.version_id.as_ref(), |version| {
            version.bytes.clone().ok_or_else(|| s3_error!(MethodNotAllowed))
        })?;
        let bytes = if forgets { bytes.into_iter().rev().collect() } else { bytes };
        Ok(S3Response::new(GetObjectOutput {
            content_length: i64::try_from(bytes.len()).ok(),
            body: Some(StreamingBlob::from(Body::from(bytes))),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let (input, shows) = (request.input, !self.has(Defect::ShowsNoLock));
        let version =
            self.change(&input.key, input.version_id.as_ref(), |version| Ok(version.clone()))?;
        let hold = if version.is_held { "ON" } else { "OFF" };
        Ok(S3Response::new(HeadObjectOutput {
            content_length: version.bytes.and_then(|bytes| i64::try_from(bytes.len()).ok()),
            object_lock_mode: version.mode.filter(|_| shows).map(ObjectLockMode::from),
            object_lock_retain_until_date: version.until.filter(|_| shows),
            object_lock_legal_hold_status: Some(ObjectLockLegalHoldStatus::from_static(hold)),
            version_id: Some(version.id),
            ..Default::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let DeleteObjectInput { key, version_id, bypass_governance_retention, .. } = request.input;
        let Some(id) = version_id else {
            let mut keys = self.keys.lock().expect("no test panicked with it");
            let versions = keys.entry(key).or_default();
            if self.has(Defect::DeletesByMarker) {
                versions.clear();
            }
            let (id, bytes) = (self.clock.new_id().to_string(), None);
            versions.push(Version {
                id: id.clone(),
                bytes,
                mode: None,
                until: None,
                is_held: false,
            });
            let (delete_marker, version_id) = (Some(true), Some(id));
            let output = DeleteObjectOutput { delete_marker, version_id, ..Default::default() };
            return Ok(S3Response::new(output));
        };
        let now = self.now();
        let may_delete = self.change(&key, Some(&id), |version| {
            let is_claimed = bypass_governance_retention == Some(true);
            let is_locked = version.until.as_ref().is_some_and(|until| *until > now);
            let is_open =
                !is_locked || self.has(Defect::Deletes) || is_claimed && self.has(Defect::Bypasses);
            Ok(is_open && (!version.is_held || self.has(Defect::DeletesHeld)))
        })?;
        if !may_delete {
            return Err(s3_error!(AccessDenied));
        }
        let mut keys = self.keys.lock().expect("no test panicked with it");
        keys.entry(key).or_default().retain(|version| version.id != id);
        Ok(S3Response::new(DeleteObjectOutput { version_id: Some(id), ..Default::default() }))
    }

    async fn put_object_retention(
        &self,
        request: S3Request<PutObjectRetentionInput>,
    ) -> S3Result<S3Response<PutObjectRetentionOutput>> {
        let input = request.input;
        let retention = input.retention.ok_or_else(|| s3_error!(MalformedXML))?;
        let mode = retention.mode.map(|mode| mode.as_str().to_owned());
        self.change(&input.key, input.version_id.as_ref(), |version| {
            let is_shorter = retention.retain_until_date < version.until;
            let is_weaker = mode != version.mode && version.mode.is_some();
            if is_shorter && !self.has(Defect::Shortens) || is_weaker && !self.has(Defect::Weakens)
            {
                return Err(s3_error!(AccessDenied));
            }
            (version.mode, version.until) = (mode, retention.retain_until_date);
            Ok(S3Response::new(PutObjectRetentionOutput::default()))
        })
    }

    async fn put_object_legal_hold(
        &self,
        request: S3Request<PutObjectLegalHoldInput>,
    ) -> S3Result<S3Response<PutObjectLegalHoldOutput>> {
        let input = request.input;
        let status = input.legal_hold.and_then(|hold| hold.status);
        self.change(&input.key, input.version_id.as_ref(), |version| {
            version.is_held = status.is_some_and(|status| status.as_str() == "ON");
            Ok(S3Response::new(PutObjectLegalHoldOutput::default()))
        })
    }

    async fn get_object_lock_configuration(
        &self,
        _: S3Request<GetObjectLockConfigurationInput>,
    ) -> S3Result<S3Response<GetObjectLockConfigurationOutput>> {
        let object_lock_configuration = Some(ObjectLockConfiguration::default());
        Ok(S3Response::new(GetObjectLockConfigurationOutput { object_lock_configuration }))
    }

    async fn list_object_versions(
        &self,
        request: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        if self.has(Defect::IsDown) {
            return Err(s3_error!(SlowDown));
        }
        let prefix = request.input.prefix.unwrap_or_default();
        let keys = self.keys.lock().expect("no test panicked with it");
        let named = keys.iter().filter(|(key, _)| key.starts_with(&prefix));
        let all = named.flat_map(|(key, versions)| versions.iter().rev().map(move |of| (key, of)));
        let (there, markers): (Vec<_>, Vec<_>) = all.partition(|(_, of)| of.bytes.is_some());
        let versions = there.into_iter().map(|(key, version)| ObjectVersion {
            key: Some(key.clone()),
            version_id: Some(version.id.clone()),
            size: version.bytes.as_ref().and_then(|bytes| i64::try_from(bytes.len()).ok()),
            ..Default::default()
        });
        let markers = markers.into_iter().map(|(key, version)| DeleteMarkerEntry {
            key: Some(key.clone()),
            version_id: Some(version.id.clone()),
            ..Default::default()
        });
        Ok(S3Response::new(ListObjectVersionsOutput {
            versions: Some(versions.collect()),
            delete_markers: Some(markers.collect()),
            ..Default::default()
        }))
    }
}

/// A store that takes the headers of Object Lock and ignores them. Gives its address.
pub(crate) async fn liar(folder: &std::path::Path) -> String {
    std::fs::create_dir_all(folder.join("archive")).expect("a bucket is a folder");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    serve(listener, S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).expect("a folder")));
    address
}

fn serve(listener: TcpListener, mut service: S3ServiceBuilder) {
    service.set_auth(SimpleAuth::from_single("key", "secret"));
    let service: S3Service = service.build();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let connection = Builder::new(TokioExecutor::new());
                // A client that goes away is no failure of the store.
                drop(connection.serve_connection(TokioIo::new(socket), service).await);
            });
        }
    });
}

/// Settings that archive at an address.
pub(crate) fn archive_at(address: &str) -> ArchiveSettings {
    ArchiveSettings {
        archive: Some("s3://archive/of/street".to_owned()),
        archive_endpoint: Some(address.to_owned()),
        archive_key_id: Some("key".to_owned()),
        archive_secret: Some("secret".to_owned()),
        ..ArchiveSettings::default()
    }
}
