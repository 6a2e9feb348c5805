//! Lines between phones and server that break: at any byte of a request or of its reply, and at
//! random while several phones work. Whatever was cut is sent again, and everything ends once.

use crate::actors::{Actor, sync_body, visit};
use crate::hand::{Crew, faults_factor};
use crate::proxy::{ENDLESS, Proxy, impatience};
use crate::world::{World, on_both};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PHONES: u64 = 4;
const OPS: usize = 60;
/// How far the places lie apart at which a request and its reply are cut.
const STEP_BYTES: usize = 29;

/// One push over a connection of its own; `None` where it was cut off.
async fn push(actor: &Actor, base: &str, op: &str) -> Option<Value> {
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
    let request = http.post(format!("{base}/api/v1/sync")).bearer_auth(&actor.token);
    let sent = request.body(sync_body(&[op.to_owned()])).send().await.ok()?;
    let reply: Value = serde_json::from_slice(&sent.bytes().await.ok()?).expect("JSON");
    assert_eq!(reply["results"].as_array().map(Vec::len), Some(1), "{reply}");
    Some(reply)
}

fn port_of(base: &str) -> u16 {
    base.rsplit_once(':').expect("it has a port").1.parse().expect("a port")
}

on_both! {
    async fn a_push_that_is_cut_at_any_byte_ends_exactly_once_when_it_is_sent_again(world: World) {
        let wang = world.actor("wang").await;
        let step = (STEP_BYTES / faults_factor()).max(1);
        let bytes = Arc::new(AtomicUsize::new(0));
        let mut ops = 0;
        for cuts_replies in [false, true] {
            let patience = {
                let bytes = Arc::clone(&bytes);
                move |_| {
                    let bytes = bytes.load(Ordering::Relaxed);
                    if cuts_replies { (ENDLESS.0, bytes) } else { (bytes, ENDLESS.1) }
                }
            };
            let line = Proxy::cutting(port_of(&world.base), patience).await;
            let cut_base = format!("http://127.0.0.1:{}", line.port());
            for cut_at in (1..).step_by(step) {
                bytes.store(cut_at, Ordering::Relaxed);
                ops += 1;
                let op = visit("wang", ops, "101", "locked");
                let over_the_line = push(&wang, &cut_base, &op).await;
                let again = push(&wang, &world.base, &op).await.expect("a whole line");
                let was_there = again["duplicates"].as_array().is_some_and(|known| known.len() == 1);
                if cuts_replies {
                    assert!(was_there, "cut at {cut_at}: it was answered, so it was stored");
                }
                if let Some(first) = over_the_line {
                    assert_eq!(first["results"], again["results"]);
                    assert!(cut_at > 500, "a whole push in {cut_at} bytes");
                    break;
                }
            }
        }
        assert_eq!(world.number("select count(*) from op where kind = 'visit'").await, ops);
        let visits = wang.office("101").await["visits"].as_i64();
        assert_eq!(visits, Some(ops), "each counts once");
    }

    async fn phones_whose_lines_break_at_random_lose_nothing_and_repeat_nothing(world: World) {
        let wang = world.actor("wang").await;
        let mut patience = impatience(42);
        let line = Proxy::cutting(port_of(&world.base), move |_| patience(1 << 15)).await;
        let base = format!("http://127.0.0.1:{}", line.port());
        let crew = Crew::set_out(&wang, &base, PHONES, OPS * faults_factor());
        let told = crew.come_home().await;
        told.assert_failed_only_with(&[(0, "")]);
        told.is_kept_in(&world).await;
        told.stands(&wang, &world.base).await;
        assert!(told.failures(0, "") > 20, "lines broke: {}", told.failures(0, ""));
    }
}
