//! Phones that send photos, each over a connection of its own, as cheaply as it can be done: what they
//! cost is in the figures.

use crate::stand::street::{Desk, Plan, Street};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

/// Connections of one person: the server lets nobody have more at work.
const CONNECTIONS_OF_ONE: usize = 20;
/// Photos that are planned in one request: few, so that what is planned is sent in a short cell.
const PLANNED: usize = 8;
/// The longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How photos are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One request each.
    Put,
    /// Planned by the dozen, then one `PATCH` of tus each.
    Tus,
}

/// Photos of one size, no two of which are the same.
#[derive(Clone)]
pub(crate) struct Film {
    /// All but the end, which differs.
    front: Arc<[u8]>,
    summed: Sha256,
}

/// One photo.
pub(crate) struct Photo {
    pub(crate) id: Uuid,
    pub(crate) sha256: [u8; 32],
    end: [u8; 16],
}

impl Film {
    pub(crate) fn of(bytes: usize) -> Self {
        let mut front = vec![0xff, 0xd8, 0xff, 0xe0];
        let mut block = Sha256::digest(bytes.to_le_bytes());
        while front.len() < bytes - 16 {
            front.extend_from_slice(&block);
            block = Sha256::digest(block);
        }
        front.truncate(bytes - 16);
        let summed = Sha256::new_with_prefix(&front);
        Self { front: front.into(), summed }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.front.len() + 16
    }

    /// The next photo, under a new id.
    pub(crate) fn photo(&self, id: Uuid) -> Photo {
        let end = *id.as_bytes();
        let sha256 = self.summed.clone().chain_update(end).finalize().into();
        Photo { id, sha256, end }
    }

    /// Some of the bytes that all photos begin with.
    pub(crate) fn front(&self, bytes: usize) -> &[u8] {
        &self.front[..bytes]
    }

    /// The whole photo.
    pub(crate) fn whole(&self, photo: &Photo) -> Vec<u8> {
        [&self.front[..], &photo.end].concat()
    }
}

/// A connection of somebody who sends photos of one building.
pub(crate) struct Line {
    stream: TcpStream,
    token: String,
    building: Uuid,
    clock: saolou_server::clock::Clock,
    film: Film,
    /// What was planned and not yet sent: the photo, and where it goes.
    planned: VecDeque<(Photo, String)>,
}

/// An answer, as far as it is looked at.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// As many connections to a server, with as few people as may have them.
pub(crate) async fn lines(base: &str, connections: usize, film: &Film) -> Vec<Line> {
    let desk = Desk::open(base).await;
    let street: Street = desk.street(0, Plan { buildings: 1, floors: 1, rooms: 1 }).await;
    let http = reqwest::Client::new();
    let address = base.strip_prefix("http://").expect("an address");
    let mut lines = Vec::new();
    let mut token = String::new();
    for number in 0..connections {
        if number % CONNECTIONS_OF_ONE == 0 {
            token = desk.inspector(&http, street.id).await.0;
        }
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an open socket");
        lines.push(Line {
            stream,
            token: token.clone(),
            building: street.buildings[0].id,
            clock: desk.clock.clone(),
            film: film.clone(),
            planned: VecDeque::new(),
        });
    }
    lines
}

impl Line {
    /// Makes ready what is to be sent next.
    pub(crate) async fn prepare(&mut self, way: Way) {
        if way == Way::Tus && self.planned.is_empty() {
            self.plan(PLANNED).await;
        }
    }

    /// Sends one photo, and waits until it is durable.
    pub(crate) async fn send(&mut self, way: Way) {
        let (photo, head) = match way {
            Way::Put => {
                let photo = self.film.photo(self.clock.new_id());
                let (id, building) = (photo.id, self.building);
                let digest = STANDARD.encode(photo.sha256);
                let head = format!(
                    "PUT /api/v1/photos/{id}?building={building} HTTP/1.1\r\n\
                     Content-Digest: sha-256=:{digest}:\r\n"
                );
                (photo, head)
            }
            Way::Tus => {
                let (photo, place) = self.planned.pop_front().expect("it was prepared");
                let head = format!(
                    "PATCH {place} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
                     Content-Type: application/offset+octet-stream\r\n"
                );
                (photo, head)
            }
        };
        let film = self.film.clone();
        self.say(&head, film.bytes()).await;
        self.stream.write_all(&film.front).await.expect("it listens");
        self.stream.write_all(&photo.end).await.expect("it listens");
        let answer = self.answer().await;
        let text = String::from_utf8_lossy(&answer.body);
        assert!((200..300).contains(&answer.status), "{}: {text}", answer.status);
    }

    /// Begins to send a photo, and stays in the middle of it.
    pub(crate) async fn begin(&mut self, bytes: usize) {
        self.plan(1).await;
        let (_, place) = self.planned.pop_front().expect("it was planned");
        let head = format!(
            "PATCH {place} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
             Content-Type: application/offset+octet-stream\r\n"
        );
        let film = self.film.clone();
        self.say(&head, film.bytes()).await;
        self.stream.write_all(film.front(bytes)).await.expect("it listens");
    }

    async fn plan(&mut self, photos: usize) {
        let photos: Vec<Photo> =
            (0..photos).map(|_| self.film.photo(self.clock.new_id())).collect();
        let manifests = photos.iter().map(|photo| {
            let sha256: String = photo.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            serde_json::json!({
                "photo_id": photo.id, "sha256": sha256, "bytes": self.film.bytes(),
                "building": self.building,
            })
        });
        let body = serde_json::json!({ "photos": manifests.collect::<Vec<_>>() }).to_string();
        let head = "POST /api/v1/photos/plan HTTP/1.1\r\nContent-Type: application/json\r\n";
        self.say(head, body.len()).await;
        self.stream.write_all(body.as_bytes()).await.expect("it listens");
        let answer = self.answer().await;
        let plan: serde_json::Value = serde_json::from_slice(&answer.body).expect("a plan");
        let planned = plan["photos"].as_array().expect("photos");
        for (photo, planned) in photos.into_iter().zip(planned) {
            let place = planned["location"].as_str().expect("a location").to_owned();
            self.planned.push_back((photo, place));
        }
    }

    /// Sends a head; so many bytes are to follow.
    async fn say(&mut self, head: &str, bytes: usize) {
        let token = &self.token;
        let head = format!(
            "{head}Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {bytes}\r\n\r\n"
        );
        self.stream.write_all(head.as_bytes()).await.expect("it listens");
    }

    async fn answer(&mut self) -> Answer {
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        let end = loop {
            let read = self.stream.read(&mut buffer).await.expect("an answer");
            assert!(read > 0 && heard.len() < HEAD_BYTES_MAX, "it hung up");
            heard.extend_from_slice(&buffer[..read]);
            if let Some(at) = heard.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let head = String::from_utf8_lossy(&heard[..end]).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).expect("a status");
        let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let len: usize = len.and_then(|len| len.parse().ok()).unwrap_or(0);
        let mut body = heard.split_off(end);
        while body.len() < len {
            let read = self.stream.read(&mut buffer).await.expect("the rest");
            assert!(read > 0, "it hung up");
            body.extend_from_slice(&buffer[..read]);
        }
        Answer { status, body }
    }
}
