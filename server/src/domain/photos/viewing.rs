//! Seeing photos: a link that lasts for minutes, is for one person, and is noted with its reason.

use super::Photos;
use super::arrival::row_of;
use crate::domain::access::{Act, Caller};
use crate::domain::cursor::{open_sealed, seal_text};
use crate::error::{Error, Result};
use crate::store::{Account, PhotoRow, Tx, ViewRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::photo::{PhotoClass, of_kind};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use uuid::Uuid;

/// How long a link can be followed (domain §5.2: ten minutes at most).
const LINK_TTL_MS: Millis = 10 * 60 * 1000;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 200;

/// Which picture of a photo.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) enum Variant {
    /// The bytes as they were taken, with all that the camera wrote into them.
    #[serde(rename = "original")]
    Original,
    /// 1,600 pixels on the long side, without metadata.
    #[serde(rename = "1600")]
    Large,
    /// 512 pixels on the long side, without metadata.
    #[serde(rename = "512")]
    Small,
}

/// What somebody wants to see, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    variant: Variant,
    /// Which content, where several came under one id.
    sha256: Option<Hash>,
    reason: Option<String>,
}

/// A link to a picture.
#[derive(Serialize)]
pub(crate) struct Link {
    url: String,
    expires_ms: Millis,
    media_type: String,
    sha256: Hash,
}

/// What a link says.
#[derive(Serialize, Deserialize)]
struct Ticket {
    photo: Uuid,
    sha256: Hash,
    variant: Variant,
    user: Uuid,
    until_ms: Millis,
}

/// A picture to send.
pub(crate) struct Picture {
    pub(crate) path: PathBuf,
    pub(crate) media_type: String,
    /// What a browser saves it as, for instance `营业执照-0198….jpg`.
    pub(crate) name: String,
}

impl Photos {
    /// Makes a link for somebody who may see a photo, and notes that he asked for it.
    pub(crate) async fn link(&self, caller: &Caller, photo: Uuid, wanted: &Wanted) -> Result<Link> {
        let now_ms = self.sync.clock.now_ms();
        let reason = wanted.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if reason.is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
            let wrong = format!("reason: at most {REASON_CHARS_MAX} characters");
            return Err(Error::Invalid(wrong));
        }
        let mut tx = self.sync.store.read().await?;
        let rows = tx.photos(photo).await?;
        let row = row_of(rows, wanted.sha256).ok_or(Error::NotFound)?;
        may_see(&mut tx, caller, &row, now_ms).await?;
        let is_restricted = tx.is_photo_restricted(row.street_id, photo).await?;
        let class = of_kind(row.kind.as_deref()).1;
        let class = if is_restricted { PhotoClass::Identity } else { class };
        if class == PhotoClass::Identity && row.author_id != caller.user_id {
            caller.require_at(&mut tx, Act::Review, row.street_id).await?;
        }
        if is_restricted && wanted.variant != Variant::Original {
            return Err(Error::NotFound);
        }
        drop(tx);
        if class > PhotoClass::Visit && reason.is_none() {
            return Err(Error::Invalid("reason: this kind of photo is seen for a reason".into()));
        }
        let sha256 = hash_of(&row)?;
        let view = ViewRow {
            view_id: self.sync.clock.new_id(),
            street_id: row.street_id,
            photo_id: photo,
            sha256: row.sha256.clone(),
            user_id: caller.user_id,
            variant: variant_name(wanted.variant).to_owned(),
            reason: reason.map(str::to_owned),
            at_ms: now_ms,
        };
        let mut tx = self.sync.store.write().await?;
        tx.put_view(&view).await?;
        tx.commit().await?;
        let (until_ms, user) = (now_ms + LINK_TTL_MS, caller.user_id);
        let ticket = Ticket { photo, sha256, variant: wanted.variant, user, until_ms };
        let content = serde_json::to_vec(&ticket).expect("ids and numbers are always writable");
        let url = format!("/photo/{}", seal_text(&content, &self.sync.cursor_key));
        let media_type = match wanted.variant {
            Variant::Original => row.media_type,
            _ => "image/jpeg".to_owned(),
        };
        Ok(Link { url, expires_ms: until_ms, media_type, sha256 })
    }

    /// The picture behind a link, while it lasts and as long as its owner may sign in.
    pub(crate) async fn follow(&self, ticket: &str) -> Result<Picture> {
        let content = open_sealed(ticket, &self.sync.cursor_key).ok_or(Error::NotFound)?;
        let ticket: Ticket = serde_json::from_slice(&content).map_err(|_| Error::NotFound)?;
        if ticket.until_ms < self.sync.clock.now_ms() {
            return Err(Error::LinkExpired);
        }
        let mut tx = self.sync.store.read().await?;
        let account = tx.account(ticket.user).await?;
        let account = account.filter(|account| account.suspended_ms.is_none());
        let account = account.ok_or(Error::NotFound)?;
        let row = row_of(tx.photos(ticket.photo).await?, Some(ticket.sha256));
        let row = row.ok_or(Error::NotFound)?;
        if tx.is_photo_restricted(row.street_id, ticket.photo).await? {
            // The link may be from before somebody saw what the photo shows (C42).
            may_see_identity(&mut tx, &account, &row).await?;
            if ticket.variant != Variant::Original {
                return Err(Error::NotFound);
            }
        }
        let (label, _) = of_kind(row.kind.as_deref());
        let (path, media_type) = match ticket.variant {
            Variant::Original => (self.folder.place(ticket.sha256), row.media_type),
            variant => (self.derived(ticket.sha256, variant), "image/jpeg".to_owned()),
        };
        if !tokio::fs::try_exists(&path).await.unwrap_or(false) {
            return Err(Error::NotFound);
        }
        let ending = media_type.rsplit('/').next().unwrap_or("bin").replace("jpeg", "jpg");
        let ending = if ending == "octet-stream" { "bin".to_owned() } else { ending };
        let name = format!("{label}-{}.{ending}", ticket.photo);
        tracing::info!(photo_id = %ticket.photo, user_id = %ticket.user, "a photo is seen");
        Ok(Picture { path, media_type, name })
    }

    fn derived(&self, sha256: Hash, variant: Variant) -> PathBuf {
        let (hash, size) = (sha256.to_string(), variant_name(variant));
        let data = self.folder.root().parent().unwrap_or(self.folder.root());
        data.join("derived").join(&hash[..2]).join(format!("{hash}-{size}.jpg"))
    }
}

/// Whoever reads the visits of the building sees its photos; before a photo has its record, and while
/// it waits for the desk, only its author and the desk do (C36, C48).
async fn may_see(tx: &mut Tx, caller: &Caller, row: &PhotoRow, now_ms: Millis) -> Result<()> {
    if row.author_id == caller.user_id && row.state == "stored" {
        return Ok(());
    }
    if row.state != "stored" || row.bound_ms.is_none() {
        return caller.require_at(tx, Act::Review, row.street_id).await;
    }
    let unit = tx.building_unit(row.building_id).await?.ok_or(Error::NotFound)?;
    if caller.reads_visits_below(tx, unit).await?
        || caller.assigned(tx, now_ms).await?.contains(&row.building_id)
    {
        return Ok(());
    }
    Err(Error::NotFound)
}

/// Those who decide see an identity document, and its author.
async fn may_see_identity(tx: &mut Tx, account: &Account, row: &PhotoRow) -> Result<()> {
    if account.user_id == row.author_id {
        return Ok(());
    }
    let grants = tx.grants(account.user_id).await?;
    let caller = Caller::of(account.clone(), grants);
    caller.require_at(tx, Act::Review, row.street_id).await
}

fn hash_of(row: &PhotoRow) -> Result<Hash> {
    let read = row.sha256.as_slice().try_into().map(Hash);
    read.map_err(|_| Error::Internal("a stored hash is none".into()))
}

const fn variant_name(variant: Variant) -> &'static str {
    match variant {
        Variant::Original => "original",
        Variant::Large => "1600",
        Variant::Small => "512",
    }
}
