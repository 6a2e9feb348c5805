//! Signing in: passwords hashed with Argon2id, short-lived signed tokens, refresh tokens that work once.

use super::access::{self, Caller, ROLES};
use super::attempts::Attempts;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::{Account, Grant, Store, Tx};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use saolou_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// How long an access token is good for.
pub(crate) const ACCESS_TTL_MS: Millis = 30 * 60 * 1000;
/// How long a phone may stay away before its user must type the password again.
pub(crate) const REFRESH_TTL_MS: Millis = 14 * 24 * 3600 * 1000;
/// Shortest password that is accepted for an account.
pub(crate) const PASSWORD_CHARS_MIN: usize = 8;

/// What signs and checks tokens, and counts failures.
#[derive(Clone)]
pub(crate) struct Gate {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Hashing takes 19 MiB and a core for a moment: only as many at once as there are cores.
    hashing: Arc<Semaphore>,
    failures: Attempts,
}

/// What a token says: who, in which session, until when (seconds).
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
}

/// What signing in gives.
#[derive(Serialize)]
pub(crate) struct SignedIn {
    pub(crate) access_token: String,
    pub(crate) expires_in_s: i64,
    pub(crate) refresh_token: String,
    pub(crate) user: Me,
}

/// Who the caller is.
#[derive(Serialize)]
pub(crate) struct Me {
    user_id: Uuid,
    name: String,
    roles: Vec<RoleAt>,
    /// What of the desk's work some role allows, so that pages offer it; each route asks again.
    may: Vec<&'static str>,
}

/// A role and where it holds.
#[derive(Serialize)]
struct RoleAt {
    role: String,
    unit_id: Uuid,
}

impl Me {
    pub(crate) fn new(user_id: Uuid, name: &str, grants: &[Grant]) -> Self {
        let at = |grant: &Grant| RoleAt { role: grant.role.clone(), unit_id: grant.unit_id };
        let may = access::ways(grants);
        Self { user_id, name: name.to_owned(), roles: grants.iter().map(at).collect(), may }
    }
}

impl Gate {
    pub(crate) fn new(secret: &[u8]) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            hashing: Arc::new(Semaphore::new(cores)),
            failures: Attempts::default(),
        }
    }

    /// Signs somebody in by password.
    pub(crate) async fn sign_in(
        &self,
        store: &Store,
        clock: &Clock,
        username: &str,
        password: &str,
        device: Option<Uuid>,
    ) -> Result<SignedIn> {
        let now_ms = clock.now_ms();
        let account = self.person(store, username, password, now_ms).await?;
        let (session, refresh) = (clock.new_id(), new_refresh_token());
        let mut tx = store.write().await?;
        let expires_ms = now_ms + REFRESH_TTL_MS;
        let (user, hash) = (account.user_id, digest(&refresh));
        tx.open_session(session, user, device, &hash, now_ms, expires_ms).await?;
        let signed_in = self.signed_in(&mut tx, session, &account, refresh, now_ms).await?;
        tx.commit().await?;
        tracing::info!(user_id = %account.user_id, session_id = %session, "signed in");
        Ok(signed_in)
    }

    /// Whose password this is.
    pub(crate) async fn person(
        &self,
        store: &Store,
        username: &str,
        password: &str,
        now_ms: Millis,
    ) -> Result<Account> {
        self.failures.check(username, now_ms)?;
        let account = store.read().await?.account_named(username).await?;
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        if !self.verify(password.to_owned(), hash).await? {
            self.failures.failed(username, now_ms);
            return Err(Error::WrongPassword);
        }
        let account = account.ok_or(Error::WrongPassword)?;
        self.failures.forget(username);
        Ok(account)
    }

    /// Renews a session; the refresh token shown is used up.
    pub(crate) async fn refresh(
        &self,
        store: &Store,
        clock: &Clock,
        shown: &str,
    ) -> Result<SignedIn> {
        let now_ms = clock.now_ms();
        let refresh = new_refresh_token();
        let mut tx = store.write().await?;
        let renewed = tx
            .rotate_session(&digest(shown), &digest(&refresh), now_ms, now_ms + REFRESH_TTL_MS)
            .await?;
        let session = renewed.ok_or(Error::SessionEnded)?;
        let row = tx.session(session).await?.ok_or(Error::SessionEnded)?;
        let account = tx.account(row.user_id).await?.ok_or(Error::SessionEnded)?;
        let signed_in = self.signed_in(&mut tx, session, &account, refresh, now_ms).await?;
        tx.commit().await?;
        Ok(signed_in)
    }

    async fn signed_in(
        &self,
        tx: &mut Tx,
        session: Uuid,
        account: &Account,
        refresh_token: String,
        now_ms: Millis,
    ) -> Result<SignedIn> {
        let grants = tx.grants(account.user_id).await?;
        let iat = now_ms / 1000;
        let exp = iat + ACCESS_TTL_MS / 1000;
        let claims = Claims { sub: account.user_id, sid: session, iat, exp };
        let access_token = jsonwebtoken::encode(&Header::default(), &claims, &self.encoding)
            .map_err(|error| Error::Internal(format!("signing a token: {error}")))?;
        Ok(SignedIn {
            access_token,
            expires_in_s: ACCESS_TTL_MS / 1000,
            refresh_token,
            user: Me::new(account.user_id, &account.name, &grants),
        })
    }

    /// The caller behind a token: its session must still be open. A suspended
    /// account, or one on a revoked device, comes as such: it may still hand over what a phone holds.
    pub(crate) async fn caller(&self, store: &Store, clock: &Clock, token: &str) -> Result<Caller> {
        let mut validation = Validation::new(Algorithm::HS256);
        // The injected clock judges the expiry, so that a shifted clock shifts this too.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation)
            .map_err(|_| Error::Unauthenticated)?
            .claims;
        let now_ms = clock.now_ms();
        if claims.exp <= now_ms / 1000 {
            return Err(Error::SessionEnded);
        }
        let (session, grants) = store.session(claims.sid).await?.ok_or(Error::SessionEnded)?;
        if session.user_id != claims.sub || session.expires_ms <= now_ms {
            return Err(Error::SessionEnded);
        }
        let (user_id, session_id) = (session.user_id, session.session_id);
        let (name, suspended_ms) = (session.name, session.suspended_ms);
        let device_revoked = session.device_revoked;
        Ok(Caller { user_id, session_id, name, grants, suspended_ms, device_revoked })
    }

    /// Compares a password; an unknown account costs the same time as a wrong password.
    async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        let _turn = self.hashing.acquire().await.map_err(|_| Error::Overloaded)?;
        let verified = tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let hash = hash.map_or_else(nobodys_hash, Ok)?;
            let parsed = PasswordHash::new(&hash)
                .map_err(|error| Error::Internal(format!("a stored password hash: {error}")))?;
            let matches = Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(matches && known)
        });
        verified.await.map_err(|error| Error::Internal(format!("hashing: {error}")))?
    }
}

/// Hashes a password with Argon2id and a fresh salt.
pub(crate) fn hash_password(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string())
        .map_err(|error| Error::Internal(format!("hashing a password: {error}")))
}

/// What the password of a user who does not exist is compared with.
fn nobodys_hash() -> Result<String> {
    static HASH: OnceLock<String> = OnceLock::new();
    if let Some(hash) = HASH.get() {
        return Ok(hash.clone());
    }
    let hash = hash_password(&new_refresh_token())?;
    Ok(HASH.get_or_init(|| hash).clone())
}

/// An account as the administrator writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccount {
    pub(crate) username: String,
    pub(crate) name: String,
    /// Left out: an existing account keeps its own.
    #[serde(default)]
    pub(crate) password: Option<String>,
    #[serde(default)]
    pub(crate) suspended: bool,
    pub(crate) roles: Vec<NewGrant>,
}

/// A role to grant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGrant {
    pub(crate) role: String,
    pub(crate) unit_id: Uuid,
}

/// Stores an account and its roles.
pub(crate) async fn put_account(
    store: &Store,
    clock: &Clock,
    user_id: Uuid,
    new: NewAccount,
) -> Result<()> {
    let unknown = new.roles.iter().find(|grant| !ROLES.contains(&grant.role.as_str()));
    if let Some(grant) = unknown {
        return Err(Error::Invalid(format!("role: unknown {}", grant.role)));
    }
    if new.username.trim().is_empty() || new.username.chars().count() > 64 {
        return Err(Error::Invalid("username: expected 1 to 64 characters".into()));
    }
    let fresh = match &new.password {
        Some(password) if password.chars().count() < PASSWORD_CHARS_MIN => {
            return Err(Error::Invalid(format!(
                "password: at least {PASSWORD_CHARS_MIN} characters"
            )));
        }
        Some(password) => Some(hash_password(password)?),
        None => None,
    };
    let mut tx = store.write().await?;
    let before = tx.account(user_id).await?;
    let named = tx.account_named(&new.username).await?;
    if named.is_some_and(|named| named.user_id != user_id) {
        return Err(Error::Invalid("username: taken by another account".into()));
    }
    let now_ms = clock.now_ms();
    let since = before.as_ref().and_then(|before| before.suspended_ms);
    let suspended_ms = new.suspended.then(|| since.unwrap_or(now_ms));
    let password_hash = fresh.or_else(|| before.map(|before| before.password_hash));
    let password_hash =
        password_hash.ok_or_else(|| Error::Invalid("password: a new account needs one".into()))?;
    let status = if new.suspended { "suspended" } else { "active" }.to_owned();
    let (username, name) = (new.username, new.name);
    let account = Account { user_id, username, name, password_hash, status, suspended_ms };
    tx.put_account(&account, now_ms).await?;
    let grants: Vec<Grant> = new
        .roles
        .into_iter()
        .map(|grant| Grant { role: grant.role, unit_id: grant.unit_id })
        .collect();
    for grant in &grants {
        if tx.unit(grant.unit_id).await?.is_none() {
            return Err(Error::Invalid(format!("unit_id: unknown {}", grant.unit_id)));
        }
    }
    tx.put_grants(user_id, &grants).await?;
    tx.commit().await?;
    Ok(())
}

/// An account in a list.
#[derive(Serialize)]
pub(crate) struct ListedAccount {
    username: String,
    status: String,
    #[serde(flatten)]
    user: Me,
}

/// All accounts, by user name.
pub(crate) async fn list(store: &Store) -> Result<Vec<ListedAccount>> {
    let mut tx = store.read().await?;
    let mut listed = Vec::new();
    for Account { user_id, username, name, status, .. } in tx.accounts().await? {
        let user = Me::new(user_id, &name, &tx.grants(user_id).await?);
        listed.push(ListedAccount { username, status, user });
    }
    Ok(listed)
}

/// Ends a session; its tokens are good for nothing from now on.
pub(crate) async fn sign_out(store: &Store, session: Uuid) -> Result<()> {
    let mut tx = store.write().await?;
    tx.close_session(session).await?;
    tx.commit().await?;
    Ok(())
}

fn new_refresh_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
