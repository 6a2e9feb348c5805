//! Servers that die: killed under load and in the middle of a commit. What was answered is there
//! afterwards, what was not is taken when it is sent again, and everything is as the ops say.

use crate::actors::{Actor, sync_body, visit};
use crate::process::Process;
use crate::rebuild::rebuild;
use crate::world::{Database, World, on_both};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OPS: usize = 300;
const KILLS: usize = 5;
const PHONES: usize = 4;

/// What the server said of one op; `None` where it died before it did.
async fn push(actor: &Actor, base: &str, op: &str) -> Option<String> {
    let request = actor.http.request(Method::POST, format!("{base}/api/v1/sync"));
    let body = sync_body(&[op.to_owned()]);
    let sent = request.bearer_auth(&actor.token).body(body).send().await.ok()?;
    let status = sent.status();
    let text = sent.text().await.ok()?;
    assert_eq!(status, StatusCode::OK, "{text}");
    let reply: Value = serde_json::from_str(&text).expect("JSON");
    Some(reply["results"][0].to_string())
}

/// Many phones push at once, until so many pushes were answered; then the server dies.
async fn push_until_killed(
    process: Process,
    actor: &Arc<Actor>,
    ops: &Arc<Vec<String>>,
    answered: &Arc<Mutex<BTreeMap<usize, String>>>,
    answers: usize,
) {
    let before = answered.lock().expect("nobody panics with it").len();
    let next = Arc::new(AtomicUsize::new(0));
    let phones: Vec<_> = (0..PHONES)
        .map(|_| {
            let (actor, ops, answered) = (Arc::clone(actor), Arc::clone(ops), Arc::clone(answered));
            let (next, base) = (Arc::clone(&next), process.base.clone());
            tokio::spawn(async move {
                while let Some(op) = ops.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place = ops.iter().position(|other| other == op).expect("it is there");
                    if answered.lock().expect("nobody panics with it").contains_key(&place) {
                        continue;
                    }
                    let Some(answer) = push(&actor, &base, op).await else { return };
                    answered.lock().expect("nobody panics with it").insert(place, answer);
                }
            })
        })
        .collect();
    while answered.lock().expect("nobody panics with it").len() < before + answers {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    process.kill();
    for phone in phones {
        phone.await.expect("a phone that gives up");
    }
}

on_both! {
    async fn what_was_answered_survives_a_server_that_is_killed_under_load(given: World) {
        let mut world = given;
        let actor = Arc::new(world.actor("wang").await);
        world.stop().await;
        let rooms = ["101", "102", "103", "201", "202", "203"];
        let outcomes = ["locked", "inspected", "vacant", "refused_entry"];
        let op = |n: usize| {
            let count = i64::try_from(n + 1).expect("a small number");
            visit("wang", count, rooms[n % rooms.len()], outcomes[n % outcomes.len()])
        };
        let ops: Arc<Vec<String>> = Arc::new((0..OPS).map(op).collect());
        let answered = Arc::new(Mutex::new(BTreeMap::new()));
        for kill in 0..KILLS {
            let process = Process::start(&world);
            push_until_killed(process, &actor, &ops, &answered, 7 + 5 * kill).await;
            let (code, told) = rebuild(&world).await;
            assert_eq!(code, Some(0), "{told}");
        }
        let process = Process::start(&world);
        let first = answered.lock().expect("nobody panicked").clone();
        for (place, op) in ops.iter().enumerate() {
            let again = push(&actor, &process.base, op).await.expect("an answer");
            let before = first.get(&place).unwrap_or(&again);
            assert_eq!(&again, before, "the first answer, also after a crash");
        }
        process.kill();
        assert_eq!(world.number("select count(*) from op where kind = 'visit'").await, 300);
    }

    async fn a_commit_that_is_cut_off_at_any_write_leaves_nothing_half_done(given: World) {
        let mut world = given;
        // SQLite writes at the commit and not before: there is nothing between to stop at.
        if world.database == Database::Sqlite {
            return;
        }
        let actor = Arc::new(world.actor("wang").await);
        world.stop().await;
        // In the order in which a commit writes them.
        for (table, n) in ["device", "device_street", "op", "entity", "bucket"].iter().zip(1..) {
            let process = Process::start(&world);
            let ops = world.number("select count(*) from op").await;
            let op = visit("wang", n, "101", "locked");
            let mut gate = world.direct().await;
            gate.execute("begin").await;
            gate.execute(&format!("lock table {table} in exclusive mode")).await;
            let phone = tokio::spawn({
                let (actor, base, op) = (Arc::clone(&actor), process.base.clone(), op.clone());
                async move { push(&actor, &base, &op).await }
            });
            let waiting = format!(
                "select count(*) from pg_locks where not granted and relation = '{table}'::regclass"
            );
            while world.number(&waiting).await == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            process.kill();
            gate.let_go().await;
            let answer = phone.await.expect("a phone that gives up");
            assert_eq!(answer, None, "{table}");
            let (code, told) = rebuild(&world).await;
            assert_eq!(code, Some(0), "{table}: {told}");
            let kept = world.number("select count(*) from op").await;
            assert_eq!(kept, ops, "{table}: nothing half done");
            let process = Process::start(&world);
            push(&actor, &process.base, &op).await.expect("an answer");
            process.kill();
            assert_eq!(world.number("select count(*) from op").await, ops + 1, "{table}");
        }
    }
}
