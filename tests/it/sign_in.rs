//! Signing in: passwords, tokens that run out, tokens that work once, tokens that are made up.

use crate::access::account;
use crate::actors::{op, problem, visit};
use crate::world::{DAY_MS, MONDAY_MS, PASSWORD, World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use saolou_protocol::canonical::Hash;
use serde_json::{Value, json};

async fn sign_in(world: &World, username: &str, password: &str) -> reqwest::Response {
    let body = json!({ "username": username, "password": password });
    let url = format!("{}/api/v1/session", world.base);
    reqwest::Client::new().post(url).json(&body).send().await.expect("an answer")
}

async fn refresh(world: &World, token: &str) -> reqwest::Response {
    let body = json!({ "refresh_token": token });
    let url = format!("{}/api/v1/session/refresh", world.base);
    reqwest::Client::new().post(url).json(&body).send().await.expect("an answer")
}

/// HMAC-SHA-256 (RFC 2104) with a key of at most 64 bytes.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| -> Vec<u8> {
        (0..64).map(|place| key.get(place).copied().unwrap_or(0) ^ with).collect()
    };
    let inner = Hash::of(&[pad(0x36), message.to_vec()].concat());
    Hash::of(&[pad(0x5c), inner.0.to_vec()].concat()).0
}

on_both! {
    async fn a_wrong_password_and_an_unknown_name_look_the_same(world: World) {
        let wrong =
            problem(sign_in(&world, "wang", "wrong horse").await, 401, "wrong_password", "").await;
        let nobody =
            problem(sign_in(&world, "nobody", PASSWORD).await, 401, "wrong_password", "").await;
        assert_eq!(wrong, nobody);
    }

    async fn after_ten_wrong_passwords_the_name_has_to_wait_a_minute_and_no_other_name_does(
        world: World,
    ) {
        for _ in 0..10 {
            problem(sign_in(&world, "wang", "wrong horse").await, 401, "wrong_password", "").await;
        }
        let locked = sign_in(&world, "wang", PASSWORD).await;
        assert!(locked.headers().contains_key("retry-after"));
        problem(locked, 429, "too_many_attempts", "the eleventh").await;
        assert_eq!(sign_in(&world, "lin", PASSWORD).await.status(), StatusCode::OK);
        world.clock.set_ms(MONDAY_MS + 2 * 60 * 1000);
        assert_eq!(sign_in(&world, "wang", PASSWORD).await.status(), StatusCode::OK);
    }

    async fn an_access_token_runs_out_and_the_refresh_token_gives_a_new_one(world: World) {
        let mut wang = world.actor("wang").await;
        world.clock.set_ms(MONDAY_MS + 29 * 60 * 1000);
        wang.get("/api/v1/me").await;
        world.clock.set_ms(MONDAY_MS + 31 * 60 * 1000);
        wang.refused(Method::GET, "/api/v1/me", None, 401, "session_ended").await;
        let renewed: Value = refresh(&world, &wang.refresh_token).await.json().await.expect("JSON");
        wang.token = renewed["access_token"].as_str().expect("a token").to_owned();
        assert_eq!(wang.get("/api/v1/me").await["user_id"], json!(wang.user));
        let last = renewed["refresh_token"].as_str().expect("a token");
        world.clock.set_ms(MONDAY_MS + 20 * DAY_MS);
        problem(refresh(&world, last).await, 401, "session_ended", "three weeks later").await;
    }

    async fn a_refresh_token_works_once(world: World) {
        let wang = world.actor("wang").await;
        assert_eq!(refresh(&world, &wang.refresh_token).await.status(), StatusCode::OK);
        problem(refresh(&world, &wang.refresh_token).await, 401, "session_ended", "again").await;
        problem(refresh(&world, "made up").await, 401, "session_ended", "made up").await;
    }

    async fn signing_out_ends_this_session_and_no_other(world: World) {
        let (phone, tablet) = (world.actor("wang").await, world.actor("wang").await);
        let done = phone.send(Method::DELETE, "/api/v1/session", None).await;
        assert_eq!(done.status(), StatusCode::NO_CONTENT);
        phone.refused(Method::GET, "/api/v1/me", None, 401, "session_ended").await;
        problem(refresh(&world, &phone.refresh_token).await, 401, "session_ended", "").await;
        tablet.get("/api/v1/me").await;
    }

    async fn a_suspended_account_only_hands_over_what_its_phone_holds(world: World) {
        let (root, wang) = (world.actor("root").await, world.actor("wang").await);
        let path = format!("/api/v1/users/{}", id("wang"));
        let mut suspended = account("wang", "inspector", "street");
        suspended["suspended"] = json!(true);
        root.put(&path, suspended).await;
        let floors = format!("/api/v1/buildings/{}/floors", id("building"));
        wang.refused(Method::GET, &floors, None, 403, "account_suspended").await;
        assert_eq!(sign_in(&world, "wang", PASSWORD).await.status(), StatusCode::OK);
        let reply = wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        assert_eq!(reply["results"][0]["status"], "applied", "captured before: {reply}");
        let late = json!({
            "revision": 1, "round_id": id("round"), "office_ids": [id("102")], "outcome": "locked",
        });
        let late = op("wang", 2, "visit", id("late"), late, |op| {
            op["captured"] = json!({ "wall_ms": world.clock.now_ms() + 60_000 });
        });
        world.clock.set_ms(world.clock.now_ms() + 120_000);
        let reply = wang.sync(&[late]).await;
        assert_eq!(reply["results"][0]["reason"], "user_suspended", "captured after: {reply}");
        assert_eq!(reply["held"]["through"], 2, "both are held: {reply}");
        root.put(&path, account("wang", "inspector", "street")).await;
        wang.get(&floors).await;
    }

    async fn tokens_that_are_forged_or_tampered_with_are_worth_nothing(world: World) {
        let mut wang = world.actor("wang").await;
        let parts: Vec<&str> = wang.token.split('.').collect();
        let [header, claims, signature] = parts[..] else { panic!("a token has three parts") };
        let decoded = URL_SAFE_NO_PAD.decode(claims).expect("base64");
        let mut other: Value = serde_json::from_slice(&decoded).expect("JSON");
        other["sub"] = json!(id("qian"));
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let none = encode(&json!({ "alg": "none", "typ": "JWT" }));
        let signed = format!("{header}.{claims}");
        let by = |key: &[u8]| URL_SAFE_NO_PAD.encode(hmac(key, signed.as_bytes()));
        let forged = [
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{header}.{}.{signature}", encode(&other)),
            format!("{signed}."),
            format!("{signed}.{}", by(b"")),
            format!("{signed}.{}", by(b"secret")),
            format!("{}.{claims}.{signature}", encode(&json!({ "alg": "HS512", "typ": "JWT" }))),
            signed.clone(),
            "..".to_owned(),
            "x".repeat(10_000),
            wang.refresh_token.clone(),
            "metrics-secret".to_owned(),
        ];
        for token in forged {
            wang.token = token;
            wang.refused(Method::GET, "/api/v1/me", None, 401, "unauthenticated").await;
        }
    }
}
