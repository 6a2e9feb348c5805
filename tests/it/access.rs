//! Access: nothing is open but signing in, health and the page at the root; whoever is signed in
//! reaches what his roles and teams give him, as they are at this moment.

use crate::actors::{Actor, op, problem, visit};
use crate::replica::Replica;
use crate::world::{PASSWORD, World, id, on_both};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Every route, as the page of routes has it.
const ROUTES: &str = include_str!("../../server/src/http/mod.rs");

/// What answers without a token.
const OPEN: [&str; 5] = [
    "GET /health/live",
    "GET /health/ready",
    "POST /api/v1/session",
    "POST /api/v1/session/browser",
    "POST /api/v1/session/refresh",
];

/// Methods and paths of all routes, with some id for each place in a path.
fn routes() -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for route in ROUTES.split(".route(").skip(1) {
        let mut texts = route.split('"');
        let path = texts.nth(1).expect("a path");
        let handlers = texts.next().expect("handlers");
        let handlers = handlers.split(".layer(").next().expect("what stands before a layer");
        let handlers = handlers.split("\n}").next().expect("what stands before the end");
        const AT_ROOT: [&str; 4] = ["/api/", "/health/", "/evidence/", "/photo/"];
        let nested = path != "/" && !AT_ROOT.iter().any(|root| path.starts_with(root));
        let prefix = if nested && path != "/metrics" { "/api/v1" } else { "" };
        let path = path.split('/').map(|part| match part.starts_with('{') {
            true => id("somebody").to_string(),
            false => part.to_owned(),
        });
        let path = format!("{prefix}{}", path.collect::<Vec<_>>().join("/"));
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let named = format!("{}(", method.as_str().to_lowercase());
            if handlers.contains(&named) || handlers.contains("any(") {
                routes.push((method, path.clone()));
            }
        }
    }
    routes
}

/// An account as the administrator writes it, with one role.
pub(crate) fn account(username: &str, role: &str, unit: &str) -> Value {
    let roles = json!([{ "role": role, "unit_id": id(unit) }]);
    json!({ "username": username, "name": username, "roles": roles })
}

on_both! {
    async fn without_a_token_every_route_but_the_open_ones_asks_to_sign_in(world: World) {
        let client = reqwest::Client::new();
        let mut open = Vec::new();
        for (method, path) in routes() {
            let url = format!("{}{path}", world.base);
            let response = client.request(method.clone(), url).send().await.expect("an answer");
            let of = format!("{method} {path}");
            if response.status() == StatusCode::UNAUTHORIZED {
                assert_eq!(response.headers()["www-authenticate"], "Bearer", "{of}");
                let told = problem(response, 401, "unauthenticated", &of).await;
                assert_eq!(
                    (&told["title"], &told["title_en"]),
                    (&json!("未登录"), &json!("Not signed in"))
                );
            } else {
                open.push(of);
            }
        }
        open.sort();
        // A link to a photo is its own key; this one is none.
        let link = format!("GET /photo/{}", id("somebody"));
        let mut expected: Vec<&str> = OPEN.iter().copied().chain([link.as_str()]).collect();
        expected.sort_unstable();
        assert_eq!(open, expected);
        assert!(routes().len() > 20, "the page of routes is read: {:?}", routes());
    }

    async fn what_is_no_route_is_a_problem_too(world: World) {
        let wang = world.actor("wang").await;
        wang.refused(Method::GET, "/api/v1/no-such-thing", None, 404, "not_found").await;
        wang.refused(Method::GET, "/.env", None, 404, "not_found").await;
        wang.refused(Method::GET, "/api/v1/buildings/7/floors", None, 404, "not_found").await;
        let patched = wang.send(Method::PATCH, "/api/v1/me", None).await;
        assert!(patched.status().is_client_error());
    }

    async fn a_change_of_role_takes_effect_at_once(world: World) {
        let (root, wang) = (world.actor("root").await, world.actor("wang").await);
        let coverage = format!("/api/v1/coverage/{}", id("street"));
        wang.refused(Method::GET, &coverage, None, 404, "not_found").await;
        let path = format!("/api/v1/users/{}", id("wang"));
        root.put(&path, account("wang", "street_supervisor", "street")).await;
        wang.get(&coverage).await;
        root.put(&path, account("wang", "district_viewer", "district")).await;
        let push = Some(json!({ "device": id("phone") }));
        wang.refused(Method::POST, "/api/v1/sync", push, 403, "forbidden").await;
        wang.get(&coverage).await;
    }

    async fn an_inspector_sees_the_buildings_of_his_teams_and_no_other(world: World) {
        add_buildings(&world).await;
        let wang = world.actor("wang").await;
        let mine = Replica::download(&wang).await;
        let assigned = id("building").to_string();
        assert!(
            mine.entities.keys().all(|(bucket, _, _)| *bucket == assigned),
            "{:?}",
            mine.entities
        );
        wang.get(&floors("building")).await;
        wang.refused(Method::GET, &floors("B2"), None, 404, "not_found").await;
    }

    async fn what_lies_outside_the_scope_looks_as_if_it_were_not_there(world: World) {
        add_buildings(&world).await;
        world.actor("wang").await.sync(&[visit("wang", 1, "101", "locked")]).await;
        for who in ["stranger", "other qian"] {
            let actor = world.actor(who).await;
            for (there, nowhere) in [
                (floors("building"), floors("nowhere")),
                (timeline("building", "101"), timeline("nowhere", "101")),
                (coverage("street"), coverage("nowhere")),
                (coverage("district"), coverage("nowhere")),
                (open_floors("community"), open_floors("nowhere")),
                (buildings("community"), buildings("nowhere")),
            ] {
                let there = actor.refused(Method::GET, &there, None, 404, "not_found").await;
                assert_eq!(
                    there,
                    actor.refused(Method::GET, &nowhere, None, 404, "not_found").await
                );
            }
            let seen = Replica::download(&actor).await;
            let own = id("theirs").to_string();
            assert!(seen.entities.keys().all(|(bucket, _, _)| *bucket == own), "{who}");
        }
    }

    async fn ops_for_another_street_are_quarantined_and_tell_nothing(world: World) {
        world.actor("wang").await.sync(&[visit("wang", 1, "101", "locked")]).await;
        let stranger = world.actor("stranger").await;
        let split = json!({ "parent": id("102"), "children": [
            { "office_id": id("102A"), "label": "102A" }, { "office_id": id("102B"), "label": "102B" },
        ] });
        let ops = [
            visit("stranger", 1, "101", "inspected"),
            op("stranger", 2, "office_split", id("102"), split, |_| ()),
        ];
        for answer in stranger.sync(&ops).await["results"].as_array().expect("answers") {
            let members: Vec<&String> = answer.as_object().expect("an object").keys().collect();
            assert_eq!(answer["reason"], "foreign_street", "{answer}");
            assert_eq!(members, ["op_id", "reason", "status"], "{answer}");
        }
        let wang = world.actor("wang").await;
        assert_eq!(wang.office("101").await["visits"], 1);
        assert_eq!(wang.office("102").await["state"], "unvisited");
    }

    async fn a_supervisor_cannot_change_anything_of_another_street(world: World) {
        let other = world.actor("other qian").await;
        let mine = json!({ "street_id": id("other street"), "name": "其他", "members": [] });
        other.put(&format!("/api/v1/teams/{}", id("their team")), mine).await;
        let here = id("street");
        for (path, body) in [
            (format!("campaigns/{}", id("c")), json!({ "street_id": here, "name": "x" })),
            (
                format!("campaigns/{}", id("campaign")),
                json!({ "street_id": id("other street"), "name": "x" }),
            ),
            (format!("rounds/{}", id("round")), world.round("closed")),
            (
                format!("teams/{}", id("t")),
                json!({ "street_id": here, "name": "x", "members": [] }),
            ),
            (
                format!("teams/{}", id("team 1")),
                json!({ "street_id": id("other street"), "name": "x", "members": [] }),
            ),
            (format!("buildings/{}", id("b")), json!({ "unit_id": id("community"), "name": "x" })),
            (
                format!("buildings/{}", id("building")),
                json!({ "unit_id": id("other street"), "name": "x" }),
            ),
            (
                format!("assignments/{}", id("a")),
                json!({
                    "round_id": id("round"), "building_id": id("building"), "team_id": id("their team"), "from_ms": 0,
                }),
            ),
        ] {
            other
                .refused(Method::PUT, &format!("/api/v1/{path}"), Some(body), 404, "not_found")
                .await;
        }
        world.actor("wang").await.get(&floors("building")).await;
    }

    async fn ids_of_another_street_cannot_be_taken_over(world: World) {
        add_buildings(&world).await;
        let (qian, other) = (world.actor("qian").await, world.actor("other qian").await);
        let phase = |kind: &str| {
            json!([{
                "phase_id": id("phase"), "kind": kind, "from": "2026-11-23", "until": "2026-12-11",
            }])
        };
        let campaign =
            json!({ "street_id": id("street"), "name": "演示", "phases": phase("canvass") });
        qian.put(&format!("/api/v1/campaigns/{}", id("campaign")), campaign).await;
        let campaign =
            json!({ "street_id": id("other street"), "name": "x", "phases": phase("taken") });
        let path = format!("/api/v1/campaigns/{}", id("their campaign"));
        other.refused(Method::PUT, &path, Some(campaign), 422, "invalid").await;
        let kinds = world.direct().await.texts("select kind from campaign_phase").await;
        assert_eq!(kinds, ["canvass"]);
        let theirs = json!({ "street_id": id("other street"), "name": "其他" });
        other.put(&path, theirs).await;
        let mut round = world.round("open");
        round["campaign_id"] = json!(id("their campaign"));
        round["street_id"] = json!(id("other street"));
        other.put(&format!("/api/v1/rounds/{}", id("their round")), round).await;
        let team = json!({ "street_id": id("other street"), "name": "其他", "members": [] });
        other.put(&format!("/api/v1/teams/{}", id("their team")), team).await;
        let assignment = json!({
            "round_id": id("their round"), "building_id": id("theirs"), "team_id": id("their team"),
            "from_ms": 0, "until_ms": 1,
        });
        let path = format!("/api/v1/assignments/{}", id("assignment team 1"));
        other.refused(Method::PUT, &path, Some(assignment), 422, "invalid").await;
        world.actor("wang").await.get(&floors("building")).await;
    }

    async fn a_community_manager_reaches_his_community_and_nothing_beside_or_above_it(
        world: World,
    ) {
        add_buildings(&world).await;
        let wu = world.actor("wu").await;
        for path in
            [coverage("community"), floors("building"), floors("B2"), timeline("building", "101")]
        {
            wu.get(&path).await;
        }
        for path in [coverage("street"), coverage("community 2"), floors("B3"), buildings("street")]
        {
            wu.refused(Method::GET, &path, None, 404, "not_found").await;
        }
        let seen = Replica::download(&wu).await;
        assert!(!seen.entities.keys().any(|(bucket, _, _)| *bucket == id("B3").to_string()));
        assert!(seen.entities.keys().any(|(bucket, _, _)| *bucket == id("B2").to_string()));
        let body = json!({ "unit_id": id("community"), "name": "x" });
        wu.refused(
            Method::PUT,
            &format!("/api/v1/buildings/{}", id("b")),
            Some(body),
            403,
            "forbidden",
        )
        .await;
    }

    async fn a_district_viewer_reads_sums_and_no_visits(world: World) {
        let han = world.actor("han").await;
        for path in
            [coverage("district"), coverage("street"), buildings("street"), floors("building")]
        {
            han.get(&path).await;
        }
        han.refused(Method::GET, &timeline("building", "101"), None, 403, "forbidden").await;
        let push = Some(json!({ "device": id("phone") }));
        han.refused(Method::POST, "/api/v1/sync", push, 403, "forbidden").await;
        han.refused(
            Method::PUT,
            &format!("/api/v1/teams/{}", id("t")),
            Some(json!({})),
            403,
            "forbidden",
        )
        .await;
    }

    async fn a_system_administrator_has_accounts_and_no_business_content(world: World) {
        let root = world.actor("root").await;
        for path in [coverage("district"), floors("building"), timeline("building", "101")] {
            root.refused(Method::GET, &path, None, 403, "forbidden").await;
        }
        let qian = world.actor("qian").await;
        let mut user = account("new", "inspector", "street");
        user["password"] = json!(PASSWORD);
        let path = format!("/api/v1/users/{}", id("new"));
        qian.refused(Method::PUT, &path, Some(user.clone()), 403, "forbidden").await;
        root.put(&path, user).await;
        world.actor("new").await;
    }

    async fn metrics_are_for_the_metrics_token_and_the_administrator(world: World) {
        let mut actor = world.actor("qian").await;
        actor.refused(Method::GET, "/metrics", None, 403, "forbidden").await;
        actor.token = "metrics-secret".to_owned();
        let text = actor.send(Method::GET, "/metrics", None).await.text().await.expect("a text");
        assert!(text.contains("saolou_requests_total"), "{text}");
        actor.token = "metrics-guess".to_owned();
        actor.refused(Method::GET, "/metrics", None, 401, "unauthenticated").await;
        let root = world.actor("root").await;
        assert_eq!(root.send(Method::GET, "/metrics", None).await.status(), StatusCode::OK);
    }

    async fn a_visit_outside_the_assignment_is_taken_and_flagged(world: World) {
        add_buildings(&world).await;
        let wang = world.actor("wang").await;
        let there = visit_in("B2", "wang", 1, "B2 room");
        let told = wang.sync(&[there]).await["results"][0].clone();
        assert_eq!(told["status"], "applied_with_issues", "{told}");
        assert_eq!(told["issues"], json!(["out_of_assignment"]));
        let qian = world.actor("qian").await;
        let stack = qian.get(&floors("B2")).await;
        assert_eq!(stack["counts"]["locked"], 1, "{stack}");
    }
}

fn floors(building: &str) -> String {
    format!("/api/v1/buildings/{}/floors", id(building))
}

fn timeline(building: &str, office: &str) -> String {
    format!("/api/v1/buildings/{}/offices/{}/timeline", id(building), id(office))
}

fn coverage(unit: &str) -> String {
    format!("/api/v1/coverage/{}", id(unit))
}

fn open_floors(unit: &str) -> String {
    format!("/api/v1/coverage/{}/open-floors", id(unit))
}

fn buildings(unit: &str) -> String {
    format!("/api/v1/buildings?unit={}", id(unit))
}

/// A locked door in some building.
fn visit_in(building: &str, author: &str, n: i64, room: &str) -> String {
    let body = json!({
        "revision": 1, "round_id": id("round"), "kind": "initial",
        "office_ids": [id(room)], "outcome": "locked",
    });
    let subject = id(&format!("visit {author} {n}"));
    op(author, n, "visit", subject, body, |op| op["bucket"] = json!(id(building)))
}

/// A second building in the community, one in a second community, one in the other street; nobody
/// is assigned to them.
async fn add_buildings(world: &World) {
    let root = world.actor("root").await;
    let unit = json!({
        "parent_id": id("street"), "code": "990101001002", "level": "community", "name": "community 2",
    });
    root.put(&format!("/api/v1/org-units/{}", id("community 2")), unit).await;
    for (who, name, unit) in [
        ("qian", "B2", "community"),
        ("qian", "B3", "community 2"),
        ("other qian", "theirs", "other street"),
    ] {
        let actor: Actor = world.actor(who).await;
        let room = format!("{name} room");
        let floor = json!({
            "floor_id": id(&format!("{name} floor")), "label": "1F", "sort_order_milli": 1000,
            "kind": "office", "offices": [{ "office_id": id(&room), "label": "101" }],
        });
        let section =
            json!({ "section_id": id(&format!("{name} section")), "name": "-", "floors": [floor] });
        let body =
            json!({ "unit_id": id(unit), "code": name, "name": name, "sections": [section] });
        actor.put(&format!("/api/v1/buildings/{}", id(name)), body).await;
    }
}
