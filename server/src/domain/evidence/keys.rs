//! The log's name and keys: made at the first start and kept in the database, or given in a file.
//!
//! Every key that ever signed stays known by its public half, so that old checkpoints and receipts
//! can still be told from forged ones.

use super::filing;
use crate::clock::Clock;
use crate::config::Evidence;
use crate::error::{Error, Result};
use crate::store::Tx;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saolou_protocol::evidence::checkpoint::Signed;
use saolou_protocol::evidence::event::Event;
use saolou_protocol::evidence::note::{Purpose, Signer, Verifier, is_key_name};

const ORIGIN: &str = "evidence_origin";
const KEY: &str = "evidence_key";
const VERIFIERS: &str = "evidence_verifiers";

/// The key that signs now, and the public halves of all that ever did, the newest last.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) signer: Signer,
    pub(crate) verifiers: Vec<Verifier>,
}

/// What the operator says of name and key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// The log's name; left out, one is made up.
    pub(crate) origin: Option<String>,
    /// The 32 secret bytes.
    pub(crate) secret: Option<[u8; 32]>,
}

impl Given {
    /// Reads what the settings say.
    ///
    /// # Errors
    /// Where the file of the key cannot be read, or holds no key.
    pub(crate) fn read(settings: &Evidence) -> std::result::Result<Self, String> {
        let origin = settings.evidence_origin.clone();
        let Some(file) = &settings.evidence_key_file else {
            return Ok(Self { origin, secret: None });
        };
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
        let secret = STANDARD.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        let secret = secret.ok_or_else(|| format!("{}: no 32 bytes in base64", file.display()))?;
        Ok(Self { origin, secret: Some(secret) })
    }
}

impl Keys {
    /// Reads the keys; makes them where there are none. A given key that is another one than before
    /// takes over, and that is logged.
    ///
    /// # Errors
    /// Where a setting is damaged, or the given name is none.
    pub(crate) async fn read(tx: &mut Tx, clock: &Clock, given: &Given) -> Result<Self> {
        let made_up = || format!("saolou.invalid/{}", clock.new_id().simple());
        let origin = given.origin.clone().unwrap_or_else(made_up);
        if !is_key_name(&origin) {
            return Err(Error::Invalid("the origin of the evidence log is no key name".into()));
        }
        // The name is the log's identity: once it has signed, it stays.
        tx.add_setting(ORIGIN, &origin).await?;
        let origin = tx.setting(ORIGIN).await?.unwrap_or_default();
        let secret = match given.secret {
            Some(secret) => secret,
            None => {
                tx.add_setting(KEY, &STANDARD.encode(rand::random::<[u8; 32]>())).await?;
                let text = tx.setting(KEY).await?.unwrap_or_default();
                let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.ok_or_else(|| damaged(KEY))?
            }
        };
        let signer = Signer::new(&origin, Purpose::Log, &secret).ok_or_else(|| damaged(ORIGIN))?;
        let mine = signer.verifier();
        tx.add_setting(VERIFIERS, &mine.to_string()).await?;
        let before = tx.setting(VERIFIERS).await?.unwrap_or_default();
        let mut verifiers: Vec<Verifier> = before
            .lines()
            .map(|line| Verifier::parse(line).ok_or_else(|| damaged(VERIFIERS)))
            .collect::<Result<_>>()?;
        let last = verifiers.last().ok_or_else(|| damaged(VERIFIERS))?;
        if *last != mine {
            let rotated = Event::KeyRotated { before: last.to_string(), after: mine.to_string() };
            let after = format!("{before}\n{mine}");
            if tx.swap_setting(VERIFIERS, &before, &after).await? {
                let event = filing::event(clock.new_id(), clock.now_ms(), rotated);
                tx.put_events(&[event]).await?;
                tracing::warn!(key = %mine, "the evidence log signs with another key");
            }
            verifiers.push(mine);
        }
        Ok(Self { signer, verifiers })
    }

    /// Replaces the key in the database by a new one. What runs takes it up with its next batch.
    ///
    /// # Errors
    /// Where the key is not in the database.
    pub(crate) async fn rotate(tx: &mut Tx, clock: &Clock) -> Result<Self> {
        let before = tx.setting(KEY).await?.ok_or_else(|| {
            Error::Invalid("the key is not in the database: replace its file and restart".into())
        })?;
        let secret: [u8; 32] = rand::random();
        tx.swap_setting(KEY, &before, &STANDARD.encode(secret)).await?;
        Self::read(tx, clock, &Given::default()).await
    }

    /// The checkpoint of a note that one of the log's keys signed.
    pub(crate) fn open(&self, note: &str) -> Option<Signed> {
        self.verifiers.iter().rev().find_map(|key| Signed::open(note, key))
    }
}

fn damaged(name: &str) -> Error {
    Error::Internal(format!("the setting {name} is damaged"))
}
