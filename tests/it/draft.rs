//! What *Resumable Uploads for HTTP* (draft 12) asks of a server, case by case, where photos that find
//! their way do not show it.

use crate::actors::Actor;
use crate::uploads::{field, manifest, picture, plan, sha256};
use crate::world::{DAY_MS, World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PARTIAL: &str = "application/partial-upload";
const TYPES: &str = "https://iana.org/assignments/http-problem-types#";

/// Makes an upload of a photo.
async fn create(actor: &Actor, photo: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
    let (photo, building) = (id(photo), id("building"));
    let path = format!("/api/v1/uploads?photo_id={photo}&building={building}");
    send(actor, Method::POST, &path, fields, body).await
}

async fn append(actor: &Actor, path: &str, offset: usize, last: &str, body: &[u8]) -> Response {
    let offset = offset.to_string();
    let fields =
        [("Content-Type", PARTIAL), ("Upload-Offset", &*offset), ("Upload-Complete", last)];
    send(actor, Method::PATCH, path, &fields, body).await
}

async fn send(
    actor: &Actor,
    method: Method,
    path: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut request = actor.request(method, path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(body.to_vec()).send().await.expect("an answer")
}

/// The offset that a `HEAD` gives, and whether the upload is complete.
async fn standing(actor: &Actor, path: &str) -> (usize, String) {
    let head = send(actor, Method::HEAD, path, &[], b"").await;
    assert_eq!(head.status(), 204);
    assert_eq!(field(&head, "cache-control"), "no-store");
    assert!(field(&head, "upload-limit").contains("max-size=67108864"));
    (field(&head, "upload-offset").parse().expect("a number"), field(&head, "upload-complete"))
}

/// The problem type of a refusal.
async fn problem_type(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status);
    assert_eq!(field(&response, "content-type"), "application/problem+json");
    let told: Value = response.json().await.expect("a problem");
    told["type"].as_str().expect("a type").trim_start_matches(TYPES).to_owned()
}

fn digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(bytes)))
}

on_both! {
    async fn whoever_asks_hears_the_limits(world: World) {
        let wang = world.actor("wang").await;
        let options = send(&wang, Method::OPTIONS, "/api/v1/uploads", &[], b"").await;
        assert_eq!(options.status(), 200);
        assert_eq!(field(&options, "upload-limit"), "max-size=67108864");
        assert_eq!(field(&options, "accept-patch"), PARTIAL);
    }

    async fn an_upload_is_whole_at_once_or_goes_on_later(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("whole", 1_000);
        let whole = create(&wang, "whole", &[("Upload-Complete", "?1")], &bytes).await;
        assert_eq!((whole.status().as_u16(), &*field(&whole, "upload-complete")), (200, "?1"));
        assert_eq!(standing(&wang, &field(&whole, "location")).await, (1_000, "?1".into()));
        let told: Value = whole.json().await.expect("JSON");
        assert_eq!((&told["sha256"], &told["state"]), (&json!(sha256(&bytes)), &json!("stored")));
        let bytes = picture("later", 1_000);
        let made = create(&wang, "later", &[("Upload-Complete", "?0")], &bytes[..300]).await;
        assert_eq!((made.status().as_u16(), &*field(&made, "upload-complete")), (201, "?0"));
        assert!(field(&made, "upload-limit").contains("max-age="));
        let path = field(&made, "location");
        assert_eq!(standing(&wang, &path).await, (300, "?0".into()));
        for (from, until) in [(300, 300), (300, 700), (700, 1_000)] {
            let more = append(&wang, &path, from, "?0", &bytes[from..until]).await;
            assert_eq!((more.status().as_u16(), &*field(&more, "upload-complete")), (204, "?0"));
            assert_eq!(standing(&wang, &path).await, (until, "?0".into()));
        }
        let last = append(&wang, &path, 1_000, "?1", b"").await;
        assert_eq!((last.status().as_u16(), &*field(&last, "upload-complete")), (200, "?1"));
        assert_eq!(standing(&wang, &path).await, (1_000, "?1".into()));
        assert_eq!(plan(&wang, &[manifest("later", &bytes)]).await[0]["do"], "have");
    }

    async fn an_append_bears_all_that_the_draft_asks_for(world: World) {
        let wang = world.actor("wang").await;
        let made = create(&wang, "photo", &[("Upload-Complete", "?0")], &picture("photo", 10)).await;
        let path = field(&made, "location");
        let (at, last) = (("Upload-Offset", "10"), ("Upload-Complete", "?1"));
        let kind = ("Content-Type", PARTIAL);
        let other = ("Content-Type", "application/octet-stream");
        for (fields, status) in [
            (vec![at, last], 415), (vec![at, last, other], 415), (vec![at, kind], 400),
            (vec![last, kind], 400), (vec![("Upload-Offset", "\"10\""), last, kind], 400),
            (vec![at, ("Upload-Complete", "true"), kind], 400),
        ] {
            let refused = send(&wang, Method::PATCH, &path, &fields, b"more").await;
            assert_eq!(refused.status(), status, "{fields:?}");
        }
        assert_eq!(standing(&wang, &path).await, (10, "?0".into()));
        let elsewhere = append(&wang, &path, 7, "?0", b"more").await;
        assert_eq!(field(&elsewhere, "upload-offset"), "10");
        assert_eq!(problem_type(elsewhere, 409).await, "mismatching-upload-offset");
    }

    async fn who_asks_how_far_an_upload_has_come_states_nothing(world: World) {
        let wang = world.actor("wang").await;
        let made = create(&wang, "asked", &[("Upload-Complete", "?0"), ("Upload-Length", "20")], b"0123").await;
        let path = field(&made, "location");
        for stated in [("Upload-Offset", "4"), ("Upload-Complete", "?0"), ("Upload-Length", "20")] {
            let version = ("Upload-Draft-Interop-Version", "8");
            let refused = send(&wang, Method::HEAD, &path, &[stated, version], b"").await;
            assert_eq!(refused.status(), 400, "{stated:?}");
        }
        for method in [Method::HEAD, Method::GET] {
            let told = send(&wang, method.clone(), &path, &[], b"").await;
            assert_eq!(told.status(), 204, "{method}");
            for (name, value) in [
                ("upload-offset", "4"), ("upload-complete", "?0"), ("upload-length", "20"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(field(&told, name), value, "{method}");
            }
            assert!(field(&told, "upload-limit").contains("max-age="), "{method}");
        }
    }

    async fn the_term_of_an_upload_begins_anew_with_every_append(world: World) {
        let wang = world.actor("wang").await;
        let made = create(&wang, "slow", &[("Upload-Complete", "?0")], b"0123").await;
        let path = field(&made, "location");
        world.clock.set_ms(world.clock.now_ms() + DAY_MS);
        let wang = world.actor("wang").await;
        // By whole days, begun ones counted: the clock goes on while this is asked.
        let days = |response: &Response| {
            let limits = field(response, "upload-limit");
            let age = limits.rsplit_once("max-age=").expect("a term").1.parse::<i64>();
            (age.expect("seconds") * 1000 + DAY_MS - 1) / DAY_MS
        };
        assert_eq!(days(&made), 14);
        assert_eq!(days(&send(&wang, Method::HEAD, &path, &[], b"").await), 13);
        let more = append(&wang, &path, 4, "?0", b"4567").await;
        assert_eq!((more.status().as_u16(), days(&more)), (204, 14));
        assert_eq!(days(&send(&wang, Method::HEAD, &path, &[], b"").await), 14);
    }

    async fn lengths_that_contradict_each_other_are_told(world: World) {
        let wang = world.actor("wang").await;
        let fields = [("Upload-Complete", "?1"), ("Upload-Length", "20")];
        let refused = create(&wang, "photo", &fields, &picture("photo", 10)).await;
        assert_eq!(field(&refused, "upload-complete"), "?0");
        assert!(field(&refused, "upload-limit").contains("max-size=67108864"));
        assert_eq!(problem_type(refused, 400).await, "inconsistent-upload-length");
        let unread = create(&wang, "photo", &[("Upload-Complete", "true")], b"0123").await;
        assert_eq!(unread.status(), 400, "it is neither ?0 nor ?1");
        for (last, body) in [("?1", 5), ("?0", 15)] {
            let fields = [("Upload-Complete", "?0"), ("Upload-Length", "20")];
            let made = create(&wang, "photo", &fields, &picture("photo", 10)).await;
            let path = field(&made, "location");
            let refused = append(&wang, &path, 10, last, &picture("more", body)).await;
            assert_eq!(field(&refused, "upload-complete"), "?0");
            assert_eq!(problem_type(refused, 400).await, "inconsistent-upload-length");
        }
        let fields = [("Upload-Complete", "?0"), ("Upload-Length", "67108865")];
        let large = create(&wang, "photo", &fields, b"").await;
        assert_eq!((large.status().as_u16(), field(&large, "upload-limit").is_empty()), (413, false));
    }

    async fn nothing_follows_what_is_complete_or_cancelled(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("done", 10);
        let made = create(&wang, "done", &[("Upload-Complete", "?0")], &bytes[..5]).await;
        let path = field(&made, "location");
        assert_eq!(append(&wang, &path, 5, "?1", &bytes[5..]).await.status(), 200);
        let after = append(&wang, &path, 10, "?0", b"more").await;
        assert_eq!(field(&after, "upload-complete"), "?1");
        assert_eq!(problem_type(after, 400).await, "completed-upload");
        let made = create(&wang, "cancelled", &[("Upload-Complete", "?0")], &bytes[..5]).await;
        let path = field(&made, "location");
        assert_eq!(send(&wang, Method::DELETE, &path, &[], b"").await.status(), 204);
        for response in [
            send(&wang, Method::HEAD, &path, &[], b"").await,
            append(&wang, &path, 5, "?1", &bytes[5..]).await,
            send(&wang, Method::DELETE, &path, &[], b"").await,
        ] {
            assert!([404, 410].contains(&response.status().as_u16()), "{}", response.status());
        }
        let nowhere = format!("/api/v1/uploads/{}", uuid::Uuid::nil());
        assert_eq!(send(&wang, Method::HEAD, &nowhere, &[], b"").await.status(), 404);
    }

    async fn digests_are_compared_of_a_request_and_of_the_whole(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("digest", 10);
        let (right, wrong) = (digest(&bytes), digest(b"other"));
        let fields = [("Upload-Complete", "?0"), ("Repr-Digest", &*right)];
        let path = field(&create(&wang, "digest", &fields, b"").await, "location");
        let send_with = async |digest: &str| {
            let fields = [
                ("Content-Type", PARTIAL), ("Upload-Offset", "0"), ("Upload-Complete", "?1"),
                ("Content-Digest", digest),
            ];
            send(&wang, Method::PATCH, &path, &fields, &bytes).await.status().as_u16()
        };
        assert_eq!(send_with(&wrong).await, 400);
        assert_eq!(standing(&wang, &path).await, (0, "?0".into()), "no byte of it counts");
        assert_eq!(send_with(&right).await, 200);
        let fields = [("Upload-Complete", "?1"), ("Repr-Digest", &*wrong)];
        let refused = create(&wang, "other", &fields, &bytes).await;
        assert_eq!((refused.status().as_u16(), &*field(&refused, "upload-complete")), (422, "?1"));
    }
}
