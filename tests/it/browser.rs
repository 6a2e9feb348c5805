//! Sessions of browsers: cookies that scripts cannot read and other sites cannot use.

use crate::actors::problem;
use crate::world::{PASSWORD, World, id, on_both};
use reqwest::header::{COOKIE, HeaderMap, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

fn ask(world: &World, method: Method, path: &str, cookies: &str) -> RequestBuilder {
    Client::new().request(method, format!("{}{path}", world.base)).header(COOKIE, cookies)
}

async fn sign_in(world: &World, username: &str) -> Response {
    let body = json!({ "username": username, "password": PASSWORD });
    let request = ask(world, Method::POST, "/api/v1/session/browser", "").json(&body);
    request.header("sec-fetch-site", "same-origin").send().await.expect("an answer")
}

/// The cookies that an answer sets, whole, and as a browser sends them back.
fn cookies(headers: &HeaderMap) -> (Vec<String>, String) {
    let text = |value: &reqwest::header::HeaderValue| value.to_str().expect("text").to_owned();
    let whole: Vec<String> = headers.get_all(SET_COOKIE).iter().map(text).collect();
    let pairs: Vec<&str> = whole.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    let sent = pairs.join("; ");
    (whole, sent)
}

on_both! {
    async fn a_browser_is_signed_in_by_cookies_that_no_script_reads(world: World) {
        let response = sign_in(&world, "qian").await;
        assert_eq!(response.status(), StatusCode::OK);
        let (set, sent) = cookies(response.headers());
        assert_eq!(set.len(), 2);
        for cookie in &set {
            for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
                assert!(cookie.contains(part), "{part} in {cookie}");
            }
            assert!(!cookie.contains("Secure"), "over a plain address it would be lost: {cookie}");
        }
        let told: Value = response.json().await.expect("JSON");
        assert_eq!(told["user"]["name"], "qian");
        assert!(told.get("access_token").is_none() && told.get("refresh_token").is_none(), "{told}");
        let me = ask(&world, Method::GET, "/api/v1/me", &sent).send().await.expect("an answer");
        assert_eq!(me.status(), StatusCode::OK);

        let out = ask(&world, Method::DELETE, "/api/v1/session/browser", &sent)
            .header("sec-fetch-site", "same-origin").send().await.expect("an answer");
        assert_eq!(out.status(), StatusCode::NO_CONTENT);
        let (gone, _) = cookies(out.headers());
        assert!(gone.iter().all(|cookie| cookie.contains("Max-Age=0")), "{gone:?}");
        let me = ask(&world, Method::GET, "/api/v1/me", &sent).send().await.expect("an answer");
        problem(me, 401, "session_ended", "after signing out").await;
    }

    async fn behind_tls_the_cookies_are_kept_from_plain_addresses(world: World) {
        let body = json!({ "username": "qian", "password": PASSWORD });
        let request = ask(&world, Method::POST, "/api/v1/session/browser", "").json(&body);
        let response = request.header("x-forwarded-proto", "https").send().await.expect("an answer");
        let (set, _) = cookies(response.headers());
        assert!(set.len() == 2 && set.iter().all(|cookie| cookie.contains("; Secure")), "{set:?}");
    }

    async fn another_sites_page_changes_nothing_in_the_name_of_who_is_signed_in(world: World) {
        let (_, sent) = cookies(sign_in(&world, "qian").await.headers());
        let path = format!("/api/v1/teams/{}", id("a team"));
        let team = json!({ "street_id": id("street"), "name": "冒名", "members": [] });
        let put = || ask(&world, Method::PUT, &path, &sent).json(&team);
        let host = world.base.strip_prefix("http://").expect("an address");
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            (ORIGIN.as_str(), "http://elsewhere.example"),
            (ORIGIN.as_str(), "null"),
        ] {
            let response = put().header(name, value).send().await.expect("an answer");
            problem(response, 401, "unauthenticated", value).await;
        }
        let own = put().header(ORIGIN, format!("http://{host}")).send().await.expect("an answer");
        assert!(own.status().is_success(), "{}", own.status());
        // Nor does it sign anybody in.
        let body = json!({ "username": "qian", "password": PASSWORD });
        let request = ask(&world, Method::POST, "/api/v1/session/browser", "").json(&body);
        let response = request.header("sec-fetch-site", "cross-site").send().await.expect("an answer");
        problem(response, 403, "forbidden", "signing in from elsewhere").await;
    }

    async fn a_session_is_renewed_by_its_cookie_once(world: World) {
        let (_, first) = cookies(sign_in(&world, "qian").await.headers());
        let renew = |sent: String| ask(&world, Method::PUT, "/api/v1/session/browser", &sent)
            .header("sec-fetch-site", "same-origin").send();
        world.clock.set_ms(world.clock.now_ms() + 31 * 60 * 1000);
        let me = ask(&world, Method::GET, "/api/v1/me", &first).send().await.expect("an answer");
        problem(me, 401, "session_ended", "after half an hour").await;
        let renewed = renew(first.clone()).await.expect("an answer");
        assert_eq!(renewed.status(), StatusCode::OK);
        let (_, second) = cookies(renewed.headers());
        let me = ask(&world, Method::GET, "/api/v1/me", &second).send().await.expect("an answer");
        assert_eq!(me.status(), StatusCode::OK);
        problem(renew(first).await.expect("an answer"), 401, "session_ended", "used up").await;
    }

    async fn pages_are_served_with_a_policy_and_a_wrong_address_of_the_interface_is_a_problem(world: World) {
        let get = |path: &str| ask(&world, Method::GET, path, "").header("accept", "text/html").send();
        let view = format!("/street/{}", id("street"));
        for path in ["/", view.as_str()] {
            let page = get(path).await.expect("an answer");
            assert_eq!(page.status(), StatusCode::OK, "{path}");
            let header = |name: &str| page.headers()[name].to_str().expect("text").to_owned();
            assert!(header("content-type").starts_with("text/html"), "{path}");
            assert!(header("content-security-policy").contains("default-src 'self'"), "{path}");
            assert_eq!(header("cache-control"), "no-cache", "{path}");
        }
        for path in ["/api/v1/nothing", "/photo/nothing", "/assets/nothing.js"] {
            let response = get(path).await.expect("an answer");
            let status = response.status().as_u16();
            assert!(status == 404 || status == 410, "{path}: {status}");
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
        }
        let posted = ask(&world, Method::POST, "/nothing", "").send().await.expect("an answer");
        problem(posted, 404, "not_found", "a page is only read").await;
    }

    async fn a_page_asks_no_other_server_but_that_of_the_map(world: World) {
        let mut world = world;
        let told = async |world: &World| {
            let page = reqwest::get(&world.base).await.expect("an answer");
            let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
            let style = world.actor("qian").await.get("/api/v1/map").await["style"].clone();
            (policy, style)
        };
        let (policy, style) = told(&world).await;
        assert!(style.is_null() && !policy.contains("http"), "{policy}");
        let url = "https://maps.example.cn:8443/gov/style.json";
        world.stop().await;
        world.settings_mut().map.map_style = Some(url.parse().expect("a style"));
        world.start().await;
        let (policy, style) = told(&world).await;
        assert_eq!(style, json!(url));
        for source in ["connect-src 'self'", "img-src 'self' data: blob:"] {
            assert!(policy.contains(&format!("{source} https://maps.example.cn:8443;")), "{policy}");
        }
        assert!(policy.contains("default-src 'self';") && !policy.contains("script-src"), "{policy}");
    }
}
