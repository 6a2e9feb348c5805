//! Pull: a phone that follows its cursor has what a fresh download gives, whatever happens.

use crate::actors::{Actor, sync_body, visit};
use crate::replica::Replica;
use crate::world::{Database, MONDAY_MS, World, id, on_both, run_on_both};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends or begins the work of team 1 in the building.
async fn assign(qian: &Actor, until_ms: Option<i64>) {
    let body = json!({
        "round_id": id("round"), "building_id": id("building"), "team_id": id("team 1"),
        "from_ms": 0, "until_ms": until_ms,
    });
    qian.put(&format!("/api/v1/assignments/{}", id("assignment team 1")), body).await;
}

on_both! {
    async fn the_first_pull_gives_everything_page_by_page_and_then_nothing(world: World) {
        let wang = world.actor("wang").await;
        let whole = Replica::download(&wang).await;
        // The building, two floors, six rooms.
        assert_eq!(whole.entities.len(), 9);
        for page_bytes_max in [0, 1, 700, 2000, 1_000_000_000] {
            let mut replica =
                Replica { page_bytes_max: Some(page_bytes_max), ..Replica::default() };
            let came = replica.follow(&wang).await;
            assert_eq!(replica.entities, whole.entities, "pages of {page_bytes_max} bytes");
            assert_eq!(came.len(), 9, "nothing comes twice in pages of {page_bytes_max} bytes");
            assert!(replica.page(&wang).await.is_empty(), "there is nothing more");
        }
    }

    async fn a_pull_that_is_cut_off_goes_on_from_its_last_page(world: World) {
        let wang = world.actor("wang").await;
        let mut replica = Replica { page_bytes_max: Some(1), ..Replica::default() };
        replica.page(&wang).await;
        let cursor = replica.cursor.clone();
        let lost = replica.page(&wang).await;
        replica.cursor = cursor;
        assert_eq!(replica.page(&wang).await, lost, "the same page comes again");
        assert_eq!(replica.follow(&wang).await.len(), 7);
    }

    async fn what_changes_comes_again_once_and_nothing_else_does(world: World) {
        let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
        let mut replica = Replica::download(&wang).await;
        lin.sync(&[visit("lin", 1, "201", "locked")]).await;
        let mut came = replica.follow(&wang).await;
        came.sort();
        let mut expected = [id("201"), id("floor 2"), id("building")].map(|id| id.to_string());
        expected.sort();
        assert_eq!(came, expected);
        assert_eq!(replica.state("201"), "locked");
        assert!(replica.follow(&wang).await.is_empty());
    }

    async fn a_push_is_seen_by_the_pull_of_the_same_request(world: World) {
        let wang = world.actor("wang").await;
        let mut replica = Replica::download(&wang).await;
        let mut body: Value =
            serde_json::from_str(&sync_body(&[visit("wang", 1, "101", "locked")])).expect("JSON");
        body["pull"] = json!({ "cursor": replica.cursor });
        let reply: Value = wang.sync_raw(body.to_string()).await.json().await.expect("JSON");
        replica.apply(&reply["pull"]);
        assert_eq!(replica.state("101"), "locked");
        assert_eq!(replica.entities, Replica::download(&wang).await.entities);
    }

    async fn a_cursor_that_is_garbage_starts_anew_and_never_fails(world: World) {
        let wang = world.actor("wang").await;
        let mut replica = Replica::download(&wang).await;
        let good = replica.cursor.clone().expect("a cursor");
        let whole = replica.entities.clone();
        for cursor in
            ["", "x", "AAAA", "../../etc/passwd", "\u{0}", "楼", &good[1..], &"A".repeat(2_000_000)]
        {
            replica.cursor = Some(cursor.to_owned());
            replica.entities.clear();
            replica.follow(&wang).await;
            assert_eq!(replica.entities, whole, "{}", cursor.chars().take(20).collect::<String>());
        }
        replica.cursor = Some(good);
        assert!(replica.follow(&wang).await.is_empty(), "a good one is still good");
    }

    async fn a_cursor_that_is_ahead_of_the_server_starts_anew(given: World) {
        let mut world = given;
        // As after the restore of a backup: the phone has read further than the server now is.
        let wang = world.actor("wang").await;
        let mut replica = Replica::download(&wang).await;
        world.stop().await;
        let mut direct = world.direct().await;
        direct.execute("update entity set seq = 1").await;
        direct.execute("update bucket set seq = 1").await;
        world.start().await;
        let wang = world.actor("wang").await;
        replica.entities.clear();
        replica.follow(&wang).await;
        assert_eq!(replica.entities.len(), 9);
    }

    async fn a_cursor_of_another_epoch_starts_anew(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        let mut replica = Replica::download(&wang).await;
        world.stop().await;
        let epoch = id("another epoch");
        let sql = format!("update setting set value = '{epoch}' where name = 'epoch'");
        world.direct().await.execute(&sql).await;
        world.start().await;
        let wang = world.actor("wang").await;
        replica.entities.clear();
        replica.follow(&wang).await;
        assert_eq!(replica.entities.len(), 9);
        assert_eq!(wang.sync(&[]).await["epoch"], json!(epoch));
    }

    async fn a_building_that_is_lost_stops_coming_and_one_that_is_gained_comes_whole(world: World) {
        let (qian, lin) = (world.actor("qian").await, world.actor("lin").await);
        let wang = world.actor("wang").await;
        let mut replica = Replica::download(&wang).await;
        assign(&qian, Some(MONDAY_MS - 1)).await;
        lin.sync(&[visit("lin", 1, "101", "locked")]).await;
        assert!(replica.follow(&wang).await.is_empty(), "lost");
        let floors = format!("/api/v1/buildings/{}/floors", id("building"));
        wang.refused(Method::GET, &floors, None, 404, "not_found").await;
        assign(&qian, None).await;
        assert!(!replica.follow(&wang).await.is_empty(), "gained before it was left: the rest comes");
        assert_eq!(replica.state("101"), "locked");
    }

    async fn a_reader_that_follows_while_eight_write_misses_nothing(world: World) {
        let (qian, reader) = (world.actor("qian").await, world.actor("wu").await);
        for building in ["B2", "B3"] {
            let body = json!({ "unit_id": id("community"), "code": building, "name": building });
            qian.put(&format!("/api/v1/buildings/{}", id(building)), body).await;
        }
        let done = Arc::new(AtomicBool::new(false));
        let following = tokio::spawn({
            let done = Arc::clone(&done);
            async move {
                let mut replica = Replica { page_bytes_max: Some(3000), ..Replica::default() };
                while !done.load(Ordering::Acquire) {
                    replica.page(&reader).await;
                }
                replica.follow(&reader).await;
                (reader, replica)
            }
        });
        let mut writers = Vec::new();
        for writer in 0..8 {
            let (wang, lin) = (world.actor("wang").await, world.actor("lin").await);
            writers.push(tokio::spawn(async move {
                for turn in 0..20 {
                    let (author, actor) =
                        if writer % 2 == 0 { ("wang", &wang) } else { ("lin", &lin) };
                    let n = 1 + writer * 20 + turn;
                    let reply = actor.sync(&[somewhere(author, n)]).await;
                    let status =
                        reply["results"][0]["status"].as_str().expect("a status").to_owned();
                    assert!(status.starts_with("applied"), "{reply}");
                }
            }));
        }
        for writer in writers {
            writer.await.expect("a writer that ends well");
        }
        done.store(true, Ordering::Release);
        let (reader, replica) = following.await.expect("a reader that ends well");
        let fresh = Replica::download(&reader).await;
        assert_eq!(replica.entities, fresh.entities);
        let added = fresh
            .entities
            .keys()
            .filter(|(bucket, kind, _)| kind == "floor" && *bucket != id("building").to_string());
        assert_eq!(added.count(), 107, "two of three pushes added a floor");
        let visits: i64 = ["101", "102", "103"].iter().map(|room| visits(&fresh, room)).sum();
        assert_eq!(visits, 53, "one of three pushes was a visit");
    }
}

fn visits(replica: &Replica, room: &str) -> i64 {
    let key = (id("building").to_string(), "office".to_owned(), id(room).to_string());
    replica.entities[&key]["rounds"][0]["visits"].as_i64().expect("a number")
}

/// A visit in the first building, or a floor in the second or third, by turns.
fn somewhere(author: &str, n: i64) -> String {
    let building = match n % 3 {
        0 => {
            return visit(
                author,
                n,
                ["101", "102", "103"][usize::try_from(n / 3 % 3).expect("small")],
                "locked",
            );
        }
        1 => "B2",
        _ => "B3",
    };
    let floor = id(&format!("{building} floor {n}"));
    let body = json!({
        "floor_id": floor, "section_id": id(building), "label": format!("{n}F"),
        "sort_order_milli": n * 1000, "kind": "office",
    });
    crate::actors::op(author, n, "floor_add", floor, body, |op| op["bucket"] = json!(id(building)))
}

/// A cursor is only good on the server that gave it.
#[test]
fn a_cursor_of_another_server_starts_anew() {
    run_on_both("a_cursor_of_another_server_starts_anew", |world| async move {
        let other = World::new(Database::Sqlite).await.expect("SQLite is built in");
        let mut replica = Replica::download(&other.actor("wang").await).await;
        replica.entities.clear();
        let wang = world.actor("wang").await;
        replica.follow(&wang).await;
        assert_eq!(replica.entities, Replica::download(&wang).await.entities);
        let response = wang.send(Method::GET, "/health/ready", None).await;
        assert_eq!(response.status(), StatusCode::OK);
    });
}
