//! A signed-in connection to the server, of a phone or of a desk: JSON and photos over HTTP on this
//! machine, renewed when its token is over and patient when the server is busy.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use saolou_protocol::canonical::Hash;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// How often a request is sent again because the connection broke.
const BROKEN_MAX: u32 = 2;
/// How often a request is sent before a busy server counts as unreachable.
const TRIES_MAX: u32 = 8;
/// Longest wait between two tries, whatever `Retry-After` asks for.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// A user's connection.
#[derive(Debug)]
pub struct Session {
    http: Client,
    base_url: String,
    username: String,
    password: String,
    access_token: String,
    /// Who is signed in.
    pub user: Uuid,
}

/// Why a request came to nothing. Each says what was being done.
#[derive(Debug)]
pub enum Error {
    /// The server could not be reached, or hung up.
    Unreachable {
        /// Method and path.
        doing: String,
        /// What went wrong below.
        source: reqwest::Error,
    },
    /// The server said no.
    Refused {
        /// Method and path.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// The body of the answer, a problem document as a rule.
        problem: String,
    },
    /// The answer is not what the contract says.
    Unreadable {
        /// Method and path.
        doing: String,
        /// What is odd about it.
        what: String,
    },
    /// The server was busy each time.
    Busy {
        /// Method and path.
        doing: String,
    },
    /// Nobody has signed in.
    SignedOut,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { doing, source } => write!(f, "{doing}: {source}"),
            Self::Refused { doing, status, problem } => write!(f, "{doing}: {status} {problem}"),
            Self::Unreadable { doing, what } => write!(f, "{doing}: unexpected answer: {what}"),
            Self::Busy { doing } => write!(f, "{doing}: the server stayed busy"),
            Self::SignedOut => f.write_str("nobody has signed in"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A request that can be sent again.
struct Request<'a> {
    method: Method,
    path: &'a str,
    content_type: &'a str,
    digest: Option<String>,
    body: Vec<u8>,
}

impl Request<'_> {
    fn doing(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Session {
    /// Signs in at `base_url`, for instance `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`Error`] where the server cannot be reached or refuses.
    pub async fn sign_in(base_url: &str, username: &str, password: &str) -> Result<Self, Error> {
        let mut session = Self {
            http: Client::new(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
            access_token: String::new(),
            user: Uuid::nil(),
        };
        session.renew().await?;
        Ok(session)
    }

    /// Sends JSON and reads the JSON answer.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn json<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|error| Error::Unreadable {
            doing: format!("{method} {path}"),
            what: format!("the request cannot be written: {error}"),
        })?;
        let request =
            Request { method, path, content_type: "application/json", digest: None, body };
        let answer = self.patiently(&request).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| Error::Unreadable { doing: request.doing(), what: error.to_string() })
    }

    /// Reads a JSON resource.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn read<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Error> {
        self.json(Method::GET, path, &Value::Null).await
    }

    /// Puts a JSON resource; whatever the server answers is left unread.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put(&mut self, path: &str, body: &impl Serialize) -> Result<(), Error> {
        let body = serde_json::to_vec(body).map_err(|error| Error::Unreadable {
            doing: format!("PUT {path}"),
            what: format!("the request cannot be written: {error}"),
        })?;
        let content_type = "application/json";
        let request = Request { method: Method::PUT, path, content_type, digest: None, body };
        self.patiently(&request).await.map(drop)
    }

    /// Puts bytes under their SHA-256 (RFC 9530).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn put_bytes(
        &mut self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        let digest = Some(format!("sha-256=:{}:", BASE64.encode(Hash::of(&body).0)));
        let request = Request { method: Method::PUT, path, content_type, digest, body };
        self.patiently(&request).await.map(drop)
    }

    async fn renew(&mut self) -> Result<(), Error> {
        let path = "/api/v1/session";
        let body = json!({"username": self.username, "password": self.password}).to_string();
        let request = Request {
            method: Method::POST,
            path,
            content_type: "application/json",
            digest: None,
            body: body.into_bytes(),
        };
        self.access_token.clear();
        let mut answer = self.once(&request).await?;
        for tries in 0..TRIES_MAX {
            let Some(wait) = busy(&answer, tries) else { break };
            tokio::time::sleep(wait).await;
            answer = self.once(&request).await?;
        }
        let answer = whole(&request, answer).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let token = answer["access_token"].as_str();
        let user = answer["user"]["user_id"].as_str().and_then(|text| text.parse().ok());
        let (Some(token), Some(user)) = (token, user) else {
            let what = "no access_token or no user.user_id".to_owned();
            return Err(Error::Unreadable { doing: request.doing(), what });
        };
        token.clone_into(&mut self.access_token);
        self.user = user;
        Ok(())
    }

    /// Sends until the server is not busy, and once more with a new token where the old one is over.
    async fn patiently(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Error> {
        let mut renewed = false;
        for tries in 0..TRIES_MAX {
            let answer = self.once(request).await?;
            if let Some(wait) = busy(&answer, tries) {
                tokio::time::sleep(wait).await;
            } else if answer.status() == StatusCode::UNAUTHORIZED && !renewed {
                renewed = true;
                self.renew().await?;
            } else {
                return whole(request, answer).await;
            }
        }
        Err(Error::Busy { doing: request.doing() })
    }

    /// Sends a request, and again where the connection breaks under it: a server may end one that was
    /// idle in the very moment in which it is used again. All that phones send may be sent twice.
    async fn once(&self, request: &Request<'_>) -> Result<Response, Error> {
        let mut broken = 0;
        loop {
            match self.sending(request).send().await {
                Err(error) if broken < BROKEN_MAX && error.is_request() && !error.is_timeout() => {
                    broken += 1;
                }
                answer => {
                    return answer
                        .map_err(|source| Error::Unreachable { doing: request.doing(), source });
                }
            }
        }
    }

    fn sending(&self, request: &Request<'_>) -> RequestBuilder {
        let url = format!("{}{}", self.base_url, request.path);
        let mut sending = self.http.request(request.method.clone(), url);
        if !self.access_token.is_empty() {
            sending = sending.header(AUTHORIZATION, format!("Bearer {}", self.access_token));
        }
        if request.method != Method::GET {
            sending = sending.header(CONTENT_TYPE, request.content_type).body(request.body.clone());
        }
        if let Some(digest) = &request.digest {
            sending = sending.header("content-digest", digest);
        }
        sending
    }
}

/// How long to wait before the next try, where the answer says the server is busy.
fn busy(answer: &Response, tries: u32) -> Option<Duration> {
    let busy = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS];
    if !busy.contains(&answer.status()) {
        return None;
    }
    let asked =
        answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let wait = asked.map_or(Duration::from_millis(100 << tries), Duration::from_secs);
    Some(wait.min(WAIT_MAX))
}

async fn whole(request: &Request<'_>, answer: Response) -> Result<Vec<u8>, Error> {
    let status = answer.status();
    let unreachable = |source| Error::Unreachable { doing: request.doing(), source };
    let body = answer.bytes().await.map_err(unreachable)?;
    if status.is_success() {
        return Ok(body.into());
    }
    let problem = String::from_utf8_lossy(&body).into_owned();
    Err(Error::Refused { doing: request.doing(), status: status.as_u16(), problem })
}
