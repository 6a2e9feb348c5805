//! The phone by itself, and against a server that only knows a few answers by heart.

use super::*;
use saolou_protocol::time::{Stamp, TimeQuality};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HOUR_MS: Millis = 3_600_000;

#[test]
fn a_told_twice_story_makes_the_same_ops() {
    let tell = || {
        let mut phone = Phone::new("P9", id("user:nobody"), 0);
        let house = BuildingId(id("B04"));
        phone.capture("note", ("building", house.0), house, Body::new(), &[], HOUR_MS);
        phone.capture("note", ("building", house.0), house, Body::new(), &[], 2 * HOUR_MS);
        phone.take_outbox()
    };
    let (first, second) = (tell(), tell());
    let hashes = |ops: &[Waiting]| ops.iter().map(|w| (w.op.op_id, w.op.hash)).collect::<Vec<_>>();
    assert_eq!(hashes(&first), hashes(&second));
    assert!(first.iter().all(|w| w.op.op_id.0.get_version_num() == 7));
    assert_ne!(first[0].op.op_id, first[1].op.op_id);
}

#[test]
fn a_phone_a_day_ahead_still_dates_its_captures_right() {
    let mut phone = Phone::new("P9", id("user:nobody"), 0);
    phone.skew_ms = 26 * HOUR_MS;
    phone.hear(HOUR_MS + 7, HOUR_MS);
    let captured = phone.captured(3 * HOUR_MS);
    assert_eq!(captured.wall_ms, 29 * HOUR_MS);
    let stamp = Stamp::correct(&captured, None, 20 * HOUR_MS);
    assert_eq!((stamp.corrected_ms, stamp.quality), (3 * HOUR_MS + 7, TimeQuality::Anchored));
    phone.reboot(4 * HOUR_MS);
    assert_eq!(phone.captured(5 * HOUR_MS).anchor, None);
}

/// A server on this machine that gives one canned answer to each request, and then the requests.
async fn server(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(request(&mut stream).await);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (base_url, serving)
}

async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).await.unwrap();
        read.extend(&part[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if count == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\nretry-after: 0\r\n\r\n{body}"
    )
}

fn signed_in(token: &str) -> String {
    let user = id("user:nobody");
    answer("200 OK", &json!({"access_token": token, "user": {"user_id": user}}).to_string())
}

fn synced(statuses: &[&str], ops_max: usize) -> String {
    let results: Vec<_> = statuses.iter().map(|status| json!({"status": status})).collect();
    let reply = json!({"server_now_ms": 5, "results": results, "limits": {"ops_max": ops_max}});
    answer("200 OK", &reply.to_string())
}

fn phone_with_notes(count: usize) -> Phone {
    let mut phone = Phone::new("P9", id("user:nobody"), 0);
    phone.batch_ops_max = 2;
    let house = BuildingId(id("B04"));
    for _ in 0..count {
        phone.capture("note", ("building", house.0), house, Body::new(), &[], HOUR_MS);
    }
    phone
}

#[tokio::test]
async fn an_op_stays_until_it_is_answered_however_busy_the_server_is() {
    let mut phone = phone_with_notes(3);
    let (base_url, serving) = server(vec![
        signed_in("first"),
        answer("503 Service Unavailable", ""),
        answer("401 Unauthorized", ""),
        signed_in("second"),
        synced(&["applied", "retry"], 1),
        synced(&["applied_with_issues"], 1),
        synced(&["conflict"], 1),
    ])
    .await;
    phone.sign_in(&base_url, "nobody", "password").await.unwrap();
    let reply = phone.sync(2 * HOUR_MS).await.unwrap();
    assert_eq!(reply.answers.len(), 3);
    assert_eq!((phone.outbox().count(), reply.server_now_ms), (0, 5));
    let requests = serving.await.unwrap();
    assert!(requests[1].contains("Bearer first") && requests[4].contains("Bearer second"));
    let ops = |request: &str| request.matches("\"op_id\"").count();
    let sent: Vec<usize> = requests[4..].iter().map(|request| ops(request)).collect();
    assert_eq!(sent, [2, 1, 1], "the served limit holds from the first reply on");
}

#[tokio::test]
async fn a_refused_sync_keeps_the_outbox() {
    let mut phone = phone_with_notes(2);
    let (base_url, serving) =
        server(vec![signed_in("first"), answer("413 Payload Too Large", "{}")]).await;
    phone.sign_in(&base_url, "nobody", "password").await.unwrap();
    let error = phone.sync(2 * HOUR_MS).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 413, .. }), "{error}");
    assert_eq!(phone.outbox().count(), 2);
    serving.await.unwrap();
}

#[tokio::test]
async fn a_photo_travels_with_its_digest() {
    let mut phone = phone_with_notes(0);
    let (base_url, serving) = server(vec![signed_in("first"), answer("201 Created", "{}")]).await;
    phone.sign_in(&base_url, "nobody", "password").await.unwrap();
    let house = BuildingId(id("B04"));
    phone.send_photo(PhotoId(id("photo")), house, b"abc".to_vec()).await.unwrap();
    let requests = serving.await.unwrap();
    let digest = "content-digest: sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:";
    assert!(requests[1].contains(digest), "{}", requests[1]);
}

#[tokio::test]
async fn what_a_connection_broke_under_is_sent_again() {
    let mut phone = phone_with_notes(1);
    let (base_url, serving) =
        server(vec![signed_in("first"), String::new(), synced(&["applied"], 1)]).await;
    phone.sign_in(&base_url, "nobody", "password").await.unwrap();
    phone.sync(2 * HOUR_MS).await.unwrap();
    assert_eq!(phone.outbox().count(), 0);
    let requests = serving.await.unwrap();
    assert!(requests[1].contains("\"op_id\"") && requests[1] == requests[2]);
}
