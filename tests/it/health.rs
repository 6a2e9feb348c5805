//! Health, metrics and the page at the root: what a machine and a passer-by see.

use crate::actors::visit;
use crate::world::{World, on_both};
use reqwest::{Client, Method, StatusCode};

on_both! {
    async fn a_server_that_works_is_live_and_ready(world: World) {
        for path in ["/health/live", "/health/ready", "/"] {
            let response = Client::new().get(format!("{}{path}", world.base)).send().await;
            let response = response.expect("an answer");
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
            assert!(response.headers().contains_key("x-request-id"), "{path}");
        }
    }

    async fn a_server_that_was_stopped_answers_nobody(given: World) {
        let mut world = given;
        world.stop().await;
        Client::new().get(format!("{}/health/live", world.base)).send().await.unwrap_err();
    }

    async fn metrics_count_requests_and_ops(world: World) {
        let (root, wang) = (world.actor("root").await, world.actor("wang").await);
        wang.sync(&[visit("wang", 1, "101", "locked")]).await;
        let metrics = root.send(Method::GET, "/metrics", None).await.text().await.expect("a text");
        for name in ["saolou_requests_total", "saolou_request_seconds", "saolou_ops_total"] {
            let counted = metrics.lines().any(|line| line.starts_with(name));
            assert!(counted, "{name} is missing in {metrics}");
        }
    }

    async fn answers_with_personal_data_are_kept_by_no_cache(world: World) {
        let wang = world.actor("wang").await;
        let response = wang.send(Method::GET, "/api/v1/me", None).await;
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}
