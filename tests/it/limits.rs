//! Limits: a server with too much to do says so and forgets nothing; one that is stopped finishes
//! what it has taken.

use crate::actors::{Actor, problem, sync_body, visit};
use crate::replica::Replica;
use crate::world::{World, id, on_both};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// More pushes than wait for the writer at most.
const PUSHES: i64 = 400;
/// How long an answer may take on a machine busy with builds.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const ROOMS: [&str; 6] = ["101", "102", "103", "201", "202", "203"];

/// The `n`th of many pushes, each of one visit.
fn push(n: i64) -> String {
    let room = ROOMS[usize::try_from(n).expect("not negative") % ROOMS.len()];
    // The times of captures come again: no two visits to a room may look like a double tap.
    let outcome = if n <= PUSHES / 2 { "locked" } else { "refused_entry" };
    sync_body(&[visit("wang", n, room, outcome)])
}

/// Starts all pushes at once; their answers come as they are given. A connection that is cut off is
/// no answer.
fn push_all(actor: &Actor) -> UnboundedReceiver<Option<Response>> {
    let (answers, answered) = mpsc::unbounded_channel();
    for n in 1..=PUSHES {
        let sent = actor.request(Method::POST, "/api/v1/sync").body(push(n)).send();
        let answers = answers.clone();
        tokio::spawn(async move { answers.send(sent.await.ok()) });
    }
    answered
}

/// The next of these answers.
async fn next(answers: &mut UnboundedReceiver<Option<Response>>) -> Option<Option<Response>> {
    tokio::time::timeout(ANSWER_MAX, answers.recv()).await.expect("an answer in time")
}

/// How many pushes were done, of those that are not answered yet; the others must have been told to
/// come back.
async fn count_done(mut answers: UnboundedReceiver<Option<Response>>) -> i64 {
    let mut done = 0;
    while let Some(answer) = next(&mut answers).await {
        match answer.map(|response| response.status()) {
            Some(StatusCode::OK) => done += 1,
            Some(status) => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
            None => {}
        }
    }
    done
}

/// Pushes everything again, in one push, and checks that nothing is lost or counted twice.
async fn all_arrive(world: &World) {
    let wang = world.actor("wang").await;
    let ops: Vec<String> = (1..=PUSHES)
        .map(|n| {
            let body: Value = serde_json::from_str(&push(n)).expect("JSON");
            body["ops"][0].to_string()
        })
        .collect();
    let reply = wang.sync(&ops).await;
    let results = reply["results"].as_array().expect("answers");
    assert!(results.iter().all(|answer| answer["status"] == "applied"), "{reply}");
    let kept = world.number("select count(*) from op where kind = 'visit'").await;
    assert_eq!(kept, PUSHES);
    let mut visits = 0;
    for room in ROOMS {
        visits += wang.office(room).await["visits"].as_i64().expect("a number");
    }
    assert_eq!(visits, PUSHES);
}

/// Opens a push that says it is packed, so that room for the largest body is kept for it, and then
/// says nothing more.
async fn stall(world: &World, wang: &Actor) -> TcpStream {
    let address = world.base.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /api/v1/sync HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-encoding: gzip\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n",
        wang.token
    );
    stream.write_all(head.as_bytes()).await.expect("it takes a head");
    // The server asks for the body when it has made room and begins to read.
    let mut told = [0; 12];
    stream.read_exact(&mut told).await.expect("an interim answer");
    assert_eq!(&told, b"HTTP/1.1 100");
    stream
}

on_both! {
    async fn pushes_that_the_writer_cannot_take_are_told_to_come_back_and_are_not_lost(
        world: World,
    ) {
        let wang = world.actor("wang").await;
        let mut direct = world.direct().await;
        direct.hold_up_the_writer().await;
        let mut answers = push_all(&wang);
        // Whoever is answered while the writer is held up has been turned away.
        let turned_away = next(&mut answers).await.flatten().expect("an answer");
        assert!(turned_away.headers().contains_key("retry-after"));
        problem(turned_away, 503, "overloaded", "a push too many").await;
        let told = wang.sync(&[]).await;
        assert!(told["limits"]["ops_max"].as_u64() < Some(1000), "who comes back brings less: {told}");
        assert!(told["backoff_ms"].as_u64() > Some(0), "{told}");
        direct.let_go().await;
        let done = count_done(answers).await;
        assert!(done > 0, "what was waiting is done");
        let kept = world.number("select count(*) from op where kind = 'visit'").await;
        assert_eq!(kept, done, "kept is what was answered");
        all_arrive(&world).await;
    }

    async fn bodies_beyond_the_memory_set_aside_for_them_are_told_to_come_back(world: World) {
        let wang = world.actor("wang").await;
        let mut stalled = Vec::new();
        for _ in 0..7 {
            stalled.push(stall(&world, &wang).await);
        }
        let large = vec![b' '; 16 * 1024 * 1024];
        let response = wang.sync_raw(large).await;
        assert!(response.headers().contains_key("retry-after"));
        problem(response, 503, "overloaded", "no room").await;
        let small = wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        assert_eq!(small["results"][0]["status"], "applied", "small ones still pass");
        drop(stalled);
        let response = wang.sync_raw(vec![b' '; 16 * 1024 * 1024]).await;
        problem(response, 400, "malformed", "there is room again").await;
    }

    async fn a_server_that_stops_answers_what_it_has_taken_and_takes_nothing_by_half(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        let mut answers = push_all(&wang);
        // Somewhere in the middle: when the first of them is done. On a busy machine some are turned
        // away before that.
        while next(&mut answers).await.flatten().expect("an answer").status() != StatusCode::OK {}
        let stopping = world.stop();
        let (answered, ()) = tokio::join!(count_done(answers), stopping);
        let answered = answered + 1;
        world.start().await;
        let kept = world.number("select count(*) from op where kind = 'visit'").await;
        assert!(kept >= answered, "{kept} are kept of {answered} that were answered");
        all_arrive(&world).await;
    }

    async fn a_restart_keeps_everything(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        let mut replica = Replica::download(&wang).await;
        let ops = [visit("wang", 1, "101", "locked"), visit("wang", 2, "102", "refused_entry")];
        let before = wang.sync(&ops).await;
        world.stop().await;
        world.start().await;
        let wang = Actor { base: world.base.clone(), ..wang };
        let after = wang.sync(&ops).await;
        assert_eq!(after["results"], before["results"], "the session, the ops and their answers");
        assert_eq!(after["epoch"], before["epoch"]);
        assert_eq!(replica.follow(&wang).await.len(), 4, "the cursor");
        assert_eq!(replica.entities, Replica::download(&wang).await.entities);
        assert_eq!(wang.office("101").await["state"], json!("locked"));
    }

    async fn the_limits_are_served_and_a_later_version_is_told_to_wait(world: World) {
        let wang = world.actor("wang").await;
        let config = wang.get("/api/v1/sync/config").await;
        assert_eq!(config, wang.sync(&[]).await["limits"]);
        for name in
            ["ops_max", "op_bytes_max", "body_bytes_max", "page_bytes_max", "photo_bytes_max"]
        {
            assert!(config[name].as_u64() > Some(0), "{name}: {config}");
        }
        let request = wang.request(Method::POST, "/api/v1/sync").header("sync-version", "2");
        let response = request.body(sync_body(&[])).send().await.expect("an answer");
        problem(response, 426, "unsupported_version", "version 2").await;
        let device = id("phone");
        let request = wang.request(Method::POST, "/api/v1/sync").header("sync-version", "1");
        let response = request.body(format!(r#"{{"device":"{device}"}}"#)).send().await;
        assert_eq!(response.expect("an answer").status(), StatusCode::OK);
    }
}
