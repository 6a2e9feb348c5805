//! Actors: people with a browser or a phone, who say what they want and look at what they get.

use crate::world::id;
use reqwest::{Method, Response, StatusCode};
use saolou_protocol::op::Op;
use serde_json::{Value, json};
use uuid::Uuid;

/// Somebody who is signed in.
pub(crate) struct Actor {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    pub(crate) user: Uuid,
    /// The device incarnation of his phone.
    pub(crate) device: Uuid,
}

impl Actor {
    pub(crate) async fn sign_in(base: &str, username: &str, password: &str) -> Self {
        let http = reqwest::Client::new();
        let body = json!({ "username": username, "password": password });
        let response = http.post(format!("{base}/api/v1/session")).json(&body).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{username} signs in");
        let signed_in: Value = response.json().await.expect("JSON");
        let text = |name: &str| signed_in[name].as_str().expect("a text").to_owned();
        Self {
            http,
            base: base.to_owned(),
            token: text("access_token"),
            refresh_token: text("refresh_token"),
            user: signed_in["user"]["user_id"].as_str().expect("an id").parse().expect("a uuid"),
            device: id(&format!("phone of {username}")),
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.request(method, path);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        request.send().await.expect("an answer")
    }

    /// Reads something that must be there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.send(Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "GET {path}");
        response.json().await.expect("JSON")
    }

    /// Writes something that must be taken.
    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        let response = self.send(Method::PUT, path, Some(body)).await;
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "PUT {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Syncs ops as they are, and gives the whole reply.
    pub(crate) async fn sync(&self, ops: &[String]) -> Value {
        let response = self.sync_raw(sync_body_of(self.device, ops)).await;
        assert_eq!(response.status(), StatusCode::OK, "a push is answered op by op");
        response.json().await.expect("JSON")
    }

    /// Asks for something that must fail with this status and code; gives the problem.
    pub(crate) async fn refused(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        status: u16,
        code: &str,
    ) -> Value {
        let response = self.send(method, path, body).await;
        problem(response, status, code, path).await
    }

    pub(crate) async fn sync_raw(&self, body: impl Into<reqwest::Body>) -> Response {
        self.request(Method::POST, "/api/v1/sync").body(body).send().await.expect("an answer")
    }

    /// The state of a room of the small street's building.
    pub(crate) async fn office(&self, label: &str) -> Value {
        let stack = self.get(&format!("/api/v1/buildings/{}/floors", id("building"))).await;
        let floors = stack["sections"][0]["floors"].as_array().expect("floors").clone();
        let offices = floors.iter().flat_map(|f| f["offices"].as_array().expect("offices").clone());
        let found = offices.into_iter().find(|office| office["label"] == label);
        found.unwrap_or(Value::Null)
    }
}

/// Checks that a response is a problem of this status and code, as RFC 9457 and our table say it.
pub(crate) async fn problem(response: Response, status: u16, code: &str, of: &str) -> Value {
    let told = response.status().as_u16();
    let kind = response.headers().get("content-type").cloned();
    let text = response.text().await.expect("a body");
    assert!(kind.is_some_and(|kind| kind == "application/problem+json"), "{of}: {told} {text}");
    let problem: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((told, &problem["code"]), (status, &json!(code)), "{of}: {problem}");
    assert_eq!(problem["status"], status, "{of}");
    for name in ["type", "title", "detail", "title_en", "detail_en"] {
        let text = problem[name].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{of}: {name} is missing in {problem}");
    }
    problem
}

pub(crate) fn sync_body(ops: &[String]) -> String {
    sync_body_of(id("phone"), ops)
}

fn sync_body_of(device: Uuid, ops: &[String]) -> String {
    format!(r#"{{"device":"{device}","ops":[{}]}}"#, ops.join(","))
}

/// When a phone captured its op `n`: far enough from the one before that nobody suspects a double
/// tap, inside the round's window and before the server's clock. After 43 the times come again.
pub(crate) fn captured_ms(n: i64) -> i64 {
    const APART_MS: i64 = 11 * 60 * 1000;
    crate::world::MONDAY_MS - (43 - n.rem_euclid(43)) * APART_MS
}

/// An op of a user's phone, sealed; `edit` may change its content before that.
pub(crate) fn op(
    author: &str,
    n: i64,
    kind: &str,
    subject: Uuid,
    body: Value,
    edit: impl FnOnce(&mut Value),
) -> String {
    let at_ms = captured_ms(n);
    let mut content = json!({
        "op_id": id(&format!("op {author} {n}")),
        "device": id(&format!("phone of {author}")),
        "n": n,
        "author": id(author),
        "kind": kind,
        "subject": { "type": kind.split('_').next(), "id": subject },
        "bucket": id("building"),
        "schema": format!("{kind}/1"),
        "captured": {
            "wall_ms": at_ms, "utc_offset_min": 480,
            "anchor": { "server_ms": at_ms, "elapsed_ms": 0 },
        },
        "seen": [],
    });
    content["body"] = body;
    edit(&mut content);
    let Value::Object(content) = content else { panic!("an op is an object") };
    let (_, sent) = Op::seal(content).expect("an op");
    String::from_utf8(sent).expect("JSON is UTF-8")
}

/// A room that somebody adds on site.
pub(crate) fn office_add(author: &str, n: i64, room: &str, floor: &str) -> String {
    let body = json!({ "floor_id": id(floor), "office_id": id(room), "label": room });
    op(author, n, "office_add", id(room), body, |_| ())
}

/// A visit that ended in `outcome`, to a room of the small street.
pub(crate) fn visit(author: &str, n: i64, room: &str, outcome: &str) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "team_id": id("team 1"),
        "kind": "initial", "office_ids": [id(room)], "outcome": outcome,
    });
    op(author, n, "visit", id(&format!("visit {author} {n}")), body, |_| ())
}
