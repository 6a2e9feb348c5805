//! Traces: what may still tell who took a photo, and for which building. The op by which the server
//! said that it is here, the record that promised it, the upload that it came by, and the salt of the
//! commitment in the log, where that is left.

use super::Forgotten;
use crate::domain::fold::fact;
use crate::error::Result;
use crate::store::{Account, Head, Store, Tx, UploadRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::event::Commitment;
use saolou_protocol::evidence::manifest::Manifest;
use saolou_protocol::fact::Kind;
use saolou_protocol::ids::PhotoId;
use saolou_protocol::visit::Promise;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What is known of one photo.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub(super) author: Option<Uuid>,
    /// Where it waits, where the building is not known.
    pub(super) street: Uuid,
    /// Nil where nothing tells.
    pub(super) building: Uuid,
    /// The record that promised it.
    pub(super) record: Option<Uuid>,
    pub(super) device: Option<Uuid>,
    pub(super) kind: Option<String>,
    pub(super) manifest: Option<Vec<u8>>,
    /// An upload of it that is open still.
    pub(super) open_upload: Option<Uuid>,
}

impl Trace {
    /// Whether author and building are known.
    pub(super) const fn is_placed(&self) -> bool {
        self.author.is_some() && !self.building.is_nil()
    }
}

/// A record that promises a photo.
#[derive(Clone, Copy, Debug)]
struct Record {
    op: Uuid,
    author: Uuid,
    building: Uuid,
}

/// What the database has that may tell.
pub(super) struct Traces {
    heads: BTreeMap<Uuid, Head>,
    records: BTreeMap<(PhotoId, Hash), Record>,
    /// The buildings for which the server said that a photo is here.
    said: BTreeMap<(PhotoId, Hash), Uuid>,
    uploads: Vec<UploadRow>,
    accounts: Vec<Account>,
    /// Where what belongs nowhere waits.
    street: Uuid,
}

impl Traces {
    /// Looks through all ops, once.
    pub(super) async fn read(store: &Store, forgotten: &[Forgotten]) -> Result<Self> {
        let mut tx = store.read().await?;
        let heads: Vec<Head> = tx.buckets(None).await?;
        let ids: BTreeSet<Uuid> = forgotten.iter().map(|one| one.photo.0).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let uploads = tx.uploads_for(&ids).await?;
        let accounts = tx.accounts().await?;
        let streets: BTreeSet<Uuid> = heads.iter().map(|head| head.street_id).collect();
        let top = tx.top_unit().await?.unwrap_or_default();
        drop(tx);
        // Where there is one street only, its supervisor knows best.
        let street = match streets.first() {
            Some(only) if streets.len() == 1 => *only,
            _ => top,
        };
        let (mut records, mut said) = (BTreeMap::new(), BTreeMap::new());
        let wanted: BTreeMap<PhotoId, BTreeSet<Hash>> =
            forgotten.iter().fold(BTreeMap::new(), |mut wanted, one| {
                wanted.entry(one.photo).or_default().insert(one.sha256);
                wanted
            });
        for head in &heads {
            let ops = store.read().await?.accepted_ops(head.street_id, head.building_id).await?;
            for op in ops {
                let fact = fact(op)?;
                match &fact.kind {
                    Kind::PhotoVerified { photo, sha256 } => {
                        said.entry((*photo, *sha256)).or_insert(head.building_id);
                    }
                    Kind::Visit(visit) => {
                        for photograph in &visit.photographs {
                            let promise = photograph.promise;
                            let hashes = wanted.get(&promise.photo).into_iter().flatten();
                            for sha256 in hashes.copied() {
                                let arrived =
                                    Promise { photo: promise.photo, sha256: Some(sha256) };
                                if promise.is_kept_by(&arrived) {
                                    let (op, author) = (fact.op.0, fact.author.0);
                                    let building = head.building_id;
                                    let record = Record { op, author, building };
                                    records.entry((promise.photo, sha256)).or_insert(record);
                                }
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        let heads = heads.into_iter().map(|head| (head.building_id, head)).collect();
        Ok(Self { heads, records, said, uploads, accounts, street })
    }

    /// What is known of a photo.
    pub(super) async fn of(&self, store: &Store, one: &Forgotten) -> Result<Trace> {
        let key = (one.photo, one.sha256);
        let mut tx = store.read().await?;
        let proved = self.author_by_salt(&mut tx, one).await?;
        let is_his = |who: Uuid| proved.is_none_or(|proved| proved == who);
        let record = self.records.get(&key).filter(|record| is_his(record.author));
        let upload = self.uploads.iter().find(|upload| {
            upload.photo_id == Some(one.photo.0)
                && upload.sha256.as_deref() == Some(&one.sha256.0[..])
                && is_his(upload.user_id)
        });
        let author = proved
            .or_else(|| upload.map(|upload| upload.user_id))
            .or_else(|| record.map(|record| record.author));
        let building = self.said.get(&key).copied();
        let building = building.or_else(|| record.map(|record| record.building));
        let by_upload = upload.filter(|upload| self.heads.contains_key(&upload.building_id));
        let mut building = building.or_else(|| by_upload.map(|upload| upload.building_id));
        let mut street = building.and_then(|of| self.heads.get(&of)).map(|head| head.street_id);
        if let (Some(author), Some(of)) = (author, street)
            && record.is_none()
            && !self.said.contains_key(&key)
        {
            // Where he does not file, an upload alone places nothing.
            let his = tx.streets_of_user(author).await?;
            if !his.iter().any(|(_, _, street)| *street == of) {
                (building, street) = (None, his.first().map(|(_, _, street)| *street));
            }
        }
        let manifest = self.manifest(&mut tx, one, upload).await?;
        Ok(Trace {
            author,
            street: street.unwrap_or(self.street),
            building: building.unwrap_or_default(),
            record: record.map(|record| record.op),
            device: upload.and_then(|upload| upload.device_id),
            kind: upload.and_then(|upload| upload.kind.clone()),
            manifest,
            open_upload: upload.filter(|upload| upload.state == "open").map(|of| of.upload_id),
        })
    }

    /// Who the log is committed to, where the salt is left.
    async fn author_by_salt(&self, tx: &mut Tx, one: &Forgotten) -> Result<Option<Uuid>> {
        let Some(author) = one.author else { return Ok(None) };
        let salt = tx.salt(one.event_id, "author").await?;
        let Some(salt) = salt.and_then(|salt| <[u8; 32]>::try_from(salt).ok()) else {
            return Ok(None);
        };
        let is_it = |account: &&Account| {
            Commitment::of(&salt, "author", account.user_id.as_bytes()) == author
        };
        Ok(self.accounts.iter().find(is_it).map(|account| account.user_id))
    }

    /// The manifest that the log names.
    async fn manifest(
        &self,
        tx: &mut Tx,
        one: &Forgotten,
        upload: Option<&UploadRow>,
    ) -> Result<Option<Vec<u8>>> {
        let Some(hash) = one.manifest else { return Ok(None) };
        if let Some(sent) = upload.and_then(|upload| upload.manifest.as_ref()) {
            let read = serde_json::from_slice(sent).ok().as_ref().and_then(Manifest::read);
            if read.is_some_and(|manifest| manifest.hash() == hash) {
                return Ok(Some(sent.clone()));
            }
        }
        Ok(tx.manifest_of(one.photo.0, &hash.0).await?)
    }
}
