//! Others confirm the log: witnesses cosign each new checkpoint, and a time-stamping authority
//! (RFC 3161) one a day.

use super::log::{Log, tiles_of};
use crate::config::Evidence;
use crate::error::{Error, Result};
use crate::store::{CheckpointRow, KnownRow};
use saolou_protocol::canonical::Hash;
use saolou_protocol::evidence::note::{Note, Purpose, SignatureLine, Verdict, Verifier};
use saolou_protocol::evidence::tree::consistency;
use saolou_protocol::evidence::witness::AddCheckpoint;
use saolou_protocol::time::Millis;
use std::time::Duration;

/// How often witnesses are asked for what is new.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long a witness or an authority may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an authority is asked.
const TIMESTAMP_EVERY_MS: Millis = 24 * 3600 * 1000;
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A witness, and where it is.
struct Witness {
    key: Verifier,
    url: String,
}

/// Who confirms the log.
pub(crate) struct Confirming {
    log: Log,
    witnesses: Vec<Witness>,
    tsa_url: Option<String>,
    client: reqwest::Client,
}

impl Confirming {
    /// Reads the settings.
    ///
    /// # Errors
    /// Where a witness is not given as key, `=` and address.
    pub(crate) fn read(settings: &Evidence, log: &Log) -> std::result::Result<Self, String> {
        let witness = |text: &String| {
            let at = text.find("=http").ok_or("no address")?;
            let (key, url) = (&text[..at], &text[at + 1..]);
            let key = Verifier::parse(key).ok_or("no key")?;
            if key.purpose() != Purpose::Witness {
                return Err("the key is not that of a witness");
            }
            Ok(Witness { key, url: url.trim_end_matches('/').to_owned() })
        };
        let read = settings
            .evidence_witness
            .iter()
            .map(|text| witness(text).map_err(|why| format!("--evidence-witness {text}: {why}")));
        let client = reqwest::Client::builder().timeout(ANSWER_TIMEOUT).build();
        Ok(Self {
            log: log.clone(),
            witnesses: read.collect::<std::result::Result<_, _>>()?,
            tsa_url: settings.tsa_url.clone(),
            client: client.map_err(|error| error.to_string())?,
        })
    }

    /// Asks every witness how many entries it knows. One that does not answer holds up nothing.
    pub(crate) async fn look(&self) {
        for witness in &self.witnesses {
            if let Err(error) = self.compare(witness).await {
                tracing::warn!(%error, witness = witness.key.name(), "what it knows is not known");
            }
        }
    }

    /// A request with the old size 0 tells the size that was cosigned last.
    async fn compare(&self, witness: &Witness) -> Result<()> {
        let Some(head) = self.log.store.read().await?.log_head().await? else { return Ok(()) };
        let (status, answer) = self.submit(witness, 0, &head.note, head.size).await?;
        match (status, answer.trim().parse::<i64>()) {
            (200, _) => self.keep_cosignature(witness, &head, &answer).await,
            (409, Ok(seen)) if seen > head.size => self.witness_is_ahead(witness, seen).await,
            (409, Ok(_)) => Ok(()),
            _ => Err(odd(witness, &format!("status {status}"))),
        }
    }

    /// Asks whoever is to be asked, until it is dropped.
    pub(crate) async fn keep(self) {
        if self.witnesses.is_empty() && self.tsa_url.is_none() {
            return;
        }
        let mut every = tokio::time::interval(ASK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            for witness in &self.witnesses {
                if let Err(error) = self.ask(witness).await {
                    tracing::warn!(%error, witness = witness.key.name(), "no cosignature");
                }
            }
            if let Some(url) = &self.tsa_url
                && let Err(error) = self.stamp(url).await
            {
                tracing::warn!(%error, "no time stamp");
            }
        }
    }

    /// Has a witness cosign the newest checkpoint, where it has not.
    async fn ask(&self, witness: &Witness) -> Result<()> {
        let mut tx = self.log.store.read().await?;
        let Some(head) = tx.log_head().await? else { return Ok(()) };
        let mut old = tx.cosigned_size(witness.key.name()).await?;
        drop(tx);
        if old >= head.size {
            return Ok(());
        }
        // Once more where it remembers another size than the database does.
        for _ in 0..2 {
            let (status, answer) = self.submit(witness, old, &head.note, head.size).await?;
            match status {
                200 => return self.keep_cosignature(witness, &head, &answer).await,
                409 => {
                    let seen: i64 = answer.trim().parse().map_err(|_| odd(witness, &answer))?;
                    if seen > head.size {
                        return self.witness_is_ahead(witness, seen).await;
                    }
                    if seen == old {
                        return Err(odd(witness, "it cosigned another history"));
                    }
                    old = seen;
                }
                status => return Err(odd(witness, &format!("status {status}"))),
            }
        }
        Err(odd(witness, "it keeps changing its mind"))
    }

    async fn submit(
        &self,
        witness: &Witness,
        old: i64,
        note: &str,
        size: i64,
    ) -> Result<(u16, String)> {
        let (old, size) = (natural(old), natural(size));
        let ranges = consistency(old, size);
        let mut tx = self.log.store.read().await?;
        let proof = tiles_of(&mut tx, &ranges, size).await?.ranges(&ranges);
        drop(tx);
        let proof = proof.ok_or_else(|| Error::Internal("hashes are missing".into()))?;
        let note = Note::parse(note).ok_or_else(|| Error::Internal("no checkpoint".into()))?;
        let request = AddCheckpoint { old_size: old, proof, note }.to_string();
        let url = format!("{}/add-checkpoint", witness.url);
        let (status, bytes) = answer(self.client.post(url).body(request)).await?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn keep_cosignature(
        &self,
        witness: &Witness,
        head: &CheckpointRow,
        answer: &str,
    ) -> Result<()> {
        let mut note = Note::parse(&head.note).ok_or_else(|| odd(witness, "no checkpoint"))?;
        note.signatures = answer.lines().filter_map(SignatureLine::parse).collect();
        // A witness may send lines of several keys; those that nobody asked for are left out.
        note.signatures.retain(|line| line.name == witness.key.name());
        let Verdict::Signed(Some(at_s)) = witness.key.verdict(&note) else {
            return Err(odd(witness, "the cosignature does not verify"));
        };
        let lines: Vec<String> = note.signatures.iter().map(ToString::to_string).collect();
        let at_ms = i64::try_from(at_s).unwrap_or(0).saturating_mul(1000);
        let mut tx = self.log.store.write().await?;
        tx.put_cosignature(head.size, witness.key.name(), &lines.join("\n"), at_ms).await?;
        Ok(tx.commit().await?)
    }

    /// A witness cosigned more entries than there are: the database was set back.
    async fn witness_is_ahead(&self, witness: &Witness, seen: i64) -> Result<()> {
        tracing::error!(witness = witness.key.name(), seen, "a witness knows more entries");
        let mut tx = self.log.store.write().await?;
        tx.put_known(&KnownRow {
            size: seen,
            root: Vec::new(),
            note: String::new(),
            source: format!("witness {}", witness.key.name()),
            at_ms: self.log.clock.now_ms(),
        })
        .await?;
        Ok(tx.commit().await?)
    }

    /// Has an authority say when it saw the newest checkpoint, once a day.
    async fn stamp(&self, url: &str) -> Result<()> {
        let now_ms = self.log.clock.now_ms();
        let mut tx = self.log.store.read().await?;
        let last_ms = tx.last_timestamped_ms().await?;
        let head = tx.log_head().await?;
        drop(tx);
        let Some(head) = head else { return Ok(()) };
        if last_ms.is_some_and(|last_ms| head.at_ms < last_ms + TIMESTAMP_EVERY_MS)
            || now_ms < head.at_ms
        {
            return Ok(());
        }
        let query = timestamp_query(Hash::of(head.note.as_bytes()), rand::random());
        let request = self.client.post(url).header("content-type", "application/timestamp-query");
        let (status, reply) = answer(request.body(query)).await?;
        if status != 200 || !is_granted(&reply) {
            return Err(Error::Internal(format!("the authority answered {status}, not granted")));
        }
        let mut tx = self.log.store.write().await?;
        tx.put_timestamp(head.size, &reply).await?;
        Ok(tx.commit().await?)
    }
}

/// A `TimeStampReq` (RFC 3161 §2.4.1) over a SHA-256, with a nonce, asking for the certificate.
fn timestamp_query(hash: Hash, nonce: u64) -> Vec<u8> {
    // Version 1; messageImprint { { id-sha256, null }, the hash }.
    const HEAD: [u8; 22] = [
        0x02, 0x01, 0x01, 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
        0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
    ];
    // A leading byte below 0x80 that is not zero: eight bytes of a positive integer, always.
    let nonce = ((nonce >> 1) | (1 << 62)).to_be_bytes();
    let body = [&HEAD[..], &hash.0, &[0x02, 0x08], &nonce, &[0x01, 0x01, 0xff]].concat();
    let len = u8::try_from(body.len()).expect("the body has 67 bytes");
    [&[0x30, len][..], &body].concat()
}

/// Whether a `TimeStampResp` says that the token was granted: status 0 or 1. What the token is worth
/// is for whoever trusts the authority to verify.
fn is_granted(reply: &[u8]) -> bool {
    // SEQUENCE { SEQUENCE { INTEGER status …: the lengths before it are of one to five bytes.
    let skip = |bytes: &[u8]| -> Option<usize> {
        let long = bytes.get(1)? & 0x80 != 0;
        Some(if long { 2 + usize::from(bytes[1] & 0x7f) } else { 2 })
    };
    let status = || {
        let inner = reply.strip_prefix(&[0x30]).and(skip(reply)).and_then(|at| reply.get(at..))?;
        let status = inner.strip_prefix(&[0x30]).and(skip(inner)).and_then(|at| inner.get(at..))?;
        status.strip_prefix(&[0x02, 0x01])?.first().copied()
    };
    matches!(status(), Some(0 | 1))
}

/// Status and body of an answer, which is cut off where it is too long.
async fn answer(request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>)> {
    let failed = |error: reqwest::Error| Error::Internal(error.without_url().to_string());
    let mut response = request.send().await.map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Error::Internal("the answer is too long".into()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((response.status().as_u16(), bytes))
}

fn natural(size: i64) -> u64 {
    u64::try_from(size).unwrap_or_default()
}

fn odd(witness: &Witness, what: &str) -> Error {
    Error::Internal(format!("witness {}: {what}", witness.key.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_what_an_authority_reads() {
        // `openssl ts -query -text` reads these as version 1, SHA-256, nonce 0x4000000000000003,
        // certificate required; its `-reply` was granted and verified.
        let query = timestamp_query(Hash([0xab; 32]), 7);
        assert_eq!(query[..5], [0x30, 67, 0x02, 0x01, 0x01]);
        assert_eq!(query[24..56], [0xab; 32]);
        assert_eq!(query[56..], [0x02, 8, 0x40, 0, 0, 0, 0, 0, 0, 3, 0x01, 0x01, 0xff]);
    }

    #[test]
    fn only_granted_tokens_are_kept() {
        assert!(is_granted(&[0x30, 0x82, 0x05, 0x7f, 0x30, 0x03, 0x02, 0x01, 0x00, 0x30, 0x82]));
        assert!(is_granted(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x01]));
        assert!(!is_granted(&[0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02]), "rejected");
        for rubbish in [&b""[..], &[0x30], b"<html>", &[0x30, 0x05, 0x31, 0x03, 0x02, 0x01, 0x00]] {
            assert!(!is_granted(rubbish));
        }
    }
}
