//! Live events: a doorbell for every building in scope that changes, and for no other.

use crate::actors::{Actor, visit};
use crate::world::{PASSWORD, World, id, on_both};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an event may take on a machine busy with builds.
const EVENT_MAX: Duration = Duration::from_secs(30);

/// An open stream of events.
struct Events {
    response: Response,
    unread: String,
}

impl Events {
    async fn listen(actor: &Actor) -> Self {
        let response = actor.send(Method::GET, "/api/v1/events", None).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, unread: String::new() }
    }

    /// The next doorbell; `None` when the server has closed the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                let data = event.lines().find_map(|line| line.strip_prefix("data: "));
                // A comment keeps the connection alive and says nothing; and who missed something
                // looks at everything, which these tests do not.
                let Some(data) = data.filter(|_| !event.contains("event: missed")) else {
                    continue;
                };
                assert!(event.contains("event: doorbell"), "{event}");
                return Some(serde_json::from_str(data).expect("JSON"));
            }
            let chunk = tokio::time::timeout(EVENT_MAX, self.response.chunk()).await;
            let chunk = chunk.expect("an event in time").ok().flatten()?;
            self.unread.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }
}

on_both! {
    async fn a_listener_is_told_the_heads_at_once_and_every_commit_after_that(world: World) {
        let wang = world.actor("wang").await;
        let mut events = Events::listen(&wang).await;
        let head = events.next().await.expect("a doorbell");
        assert_eq!(head["bucket"], json!(id("building")));
        world.actor("lin").await.sync(&[visit("lin", 1, "101", "locked")]).await;
        let rung = events.next().await.expect("a doorbell");
        assert_eq!(rung["bucket"], json!(id("building")));
        assert!(rung["seq"].as_i64() > head["seq"].as_i64(), "{rung} after {head}");
    }

    async fn a_doorbell_rings_only_for_buildings_in_scope(world: World) {
        let other = world.actor("other qian").await;
        let path = format!("/api/v1/buildings/{}", id("theirs"));
        let body = |name: &str| json!({ "unit_id": id("other street"), "name": name });
        other.put(&path, body("before")).await;
        let mut events = Events::listen(&other).await;
        let head = events.next().await.expect("a doorbell");
        assert_eq!(head["bucket"], json!(id("theirs")), "of all heads only theirs");
        world.actor("wang").await.sync(&[visit("wang", 1, "101", "locked")]).await;
        other.put(&path, body("after")).await;
        let rung = events.next().await.expect("a doorbell");
        assert_eq!(rung["bucket"], json!(id("theirs")), "nobody rang for the other building");
    }

    async fn a_commit_on_one_server_rings_at_another_on_the_same_database(world: World) {
        let Some(beside) = world.beside().await else { return };
        let there = Actor::sign_in(&beside.base, "wang", PASSWORD).await;
        let mut events = Events::listen(&there).await;
        let head = events.next().await.expect("the head");
        let lin = world.actor("lin").await;
        // A bell that rings before the line stands is lost, which is harmless, and not waited for.
        for n in 1.. {
            lin.sync(&[visit("lin", n, "101", "locked")]).await;
            let soon = Duration::from_millis(500);
            let Ok(rung) = tokio::time::timeout(soon, events.next()).await else { continue };
            let rung = rung.expect("a doorbell");
            assert_eq!(rung["bucket"], json!(id("building")));
            assert!(rung["seq"].as_i64() > head["seq"].as_i64(), "{rung} after {head}");
            break;
        }
    }

    async fn the_streams_end_when_the_server_stops_and_hold_it_up_no_longer(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        let mut streams = [Events::listen(&wang).await, Events::listen(&wang).await];
        for events in &mut streams {
            events.next().await.expect("the head");
        }
        tokio::time::timeout(EVENT_MAX, world.stop()).await.expect("the server stops");
        for events in &mut streams {
            assert_eq!(events.next().await, None);
        }
    }
}
