//! Photos that have arrived: who sees them, and which wait for the desk.

use crate::actors::problem;
use crate::photo_faults::place;
use crate::uploads::{
    field, has_pending_evidence, location, manifest, patch, picture, plan, vacant,
};
use crate::world::{DAY_MS, World, id, on_both};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

on_both! {
    async fn a_photo_is_seen_through_a_link_that_ends_and_that_somebody_answers_for(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let bytes = picture("licence", 40_000);
        let path = location(&plan(&wang, &[manifest("licence", &bytes)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &bytes).await.status(), 204);
        let link_path = format!("/api/v1/photos/{}/link", id("licence"));
        let wanted = Some(json!({ "variant": "original" }));
        let han = world.actor("han").await;
        han.refused(Method::POST, &link_path, wanted.clone(), 403, "forbidden").await;
        wang.sync(&[vacant(1, "101", "licence", &bytes)]).await;
        let other = world.actor("other qian").await;
        other.refused(Method::POST, &link_path, wanted.clone(), 404, "not_found").await;
        let link = qian.send(Method::POST, &link_path, wanted.clone()).await;
        let link: Value = link.json().await.expect("JSON");
        let url = link["url"].as_str().expect("a url").to_owned();
        let get = |url: String, range: Option<&'static str>| {
            let request = reqwest::Client::new().get(format!("{}{url}", world.base));
            let request = range.map_or(request.try_clone().expect("no body"), |range| {
                request.header("Range", range)
            });
            async move { request.send().await.expect("an answer") }
        };
        let whole = get(url.clone(), None).await;
        assert_eq!(field(&whole, "content-type"), "image/jpeg");
        assert!(field(&whole, "content-disposition").contains("filename*=UTF-8''%E7%A9%BA%E7%BD%AE"));
        assert_eq!(whole.bytes().await.expect("bytes"), bytes);
        let part = get(url.clone(), Some("bytes=100-199")).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.bytes().await.expect("bytes"), bytes[100..200]);
        let mut forged = url.clone().into_bytes();
        let middle = forged.len() - 20;
        forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
        let forged = get(String::from_utf8(forged).expect("text"), None).await;
        problem(forged, 404, "not_found", "a forged link").await;
        world.clock.set_ms(world.clock.now_ms() + 11 * 60 * 1000);
        problem(get(url, None).await, 410, "link_expired", "an old link").await;
        let views = world.direct().await.texts("select variant from photo_view").await;
        assert_eq!(views, ["original"]);
    }

    async fn what_shows_persons_is_seen_for_a_reason(world: World) {
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        for (kind, who_may) in [("contract_page", true), ("id_card", true)] {
            let bytes = picture(kind, 2_000);
            let mut said = manifest(kind, &bytes);
            said["kind"] = json!(kind);
            let path = location(&plan(&wang, &[said]).await[0]);
            assert_eq!(patch(&wang, &path, 0, &bytes).await.status(), 204);
            let n = if kind == "id_card" { 2 } else { 1 };
            wang.sync(&[vacant(n, "101", kind, &bytes)]).await;
            let path = format!("/api/v1/photos/{}/link", id(kind));
            let silent = Some(json!({ "variant": "512" }));
            qian.refused(Method::POST, &path, silent, 422, "invalid").await;
            let told = Some(json!({ "variant": "original", "reason": "核对租赁合同" }));
            let seen = qian.send(Method::POST, &path, told.clone()).await;
            assert_eq!(seen.status().is_success(), who_may, "{kind}");
            let lin = world.actor("lin").await;
            let seen = lin.send(Method::POST, &path, told).await;
            assert_eq!(seen.status().is_success(), kind != "id_card", "{kind}");
        }
    }

    async fn a_photo_from_a_revoked_device_is_kept_and_shows_nothing(world: World) {
        let qian = world.actor("qian").await;
        let bytes = picture("stolen", 9_000);
        let mut wang = world.actor("wang").await;
        let device = id("phone of wang");
        let body = json!({ "username": "wang", "password": crate::world::PASSWORD, "device": device });
        let signed_in: Value = wang
            .send(Method::POST, "/api/v1/session", Some(body)).await.json().await.expect("JSON");
        wang.token = signed_in["access_token"].as_str().expect("a token").to_owned();
        wang.sync(&[vacant(1, "101", "stolen", &bytes)]).await;
        let revoke = format!("/api/v1/devices/{device}/revoke");
        qian.send(Method::POST, &revoke, Some(json!({ "reason": "遗失" }))).await;
        let path = location(&plan(&wang, &[manifest("stolen", &bytes)]).await[0]);
        assert_eq!(patch(&wang, &path, 0, &bytes).await.status(), 204);
        let here = plan(&wang, &[manifest("stolen", &bytes)]).await.remove(0);
        assert_eq!((&here["state"], &here["reason"]), (&json!("quarantined"), &json!("device_revoked")));
        assert!(has_pending_evidence(&qian, "101").await);
        let list = format!("/api/v1/photos?unit={}&waiting=quarantined", id("street"));
        let item = qian.get(&list).await["items"][0].clone();
        assert_eq!(item["reason"]["zh"], "设备已吊销", "{item}");
        let mut decision = json!({
            "sha256": item["sha256"], "author_id": item["author_id"], "decision": "release",
            "reason": "设备吊销前所拍",
        });
        let path = format!("/api/v1/photos/{}/decide", id("stolen"));
        let other = world.actor("other qian").await;
        other.refused(Method::POST, &path, Some(decision.clone()), 404, "not_found").await;
        decision["building_id"] = json!(id("no building"));
        qian.refused(Method::POST, &path, Some(decision.clone()), 422, "invalid").await;
        decision["building_id"] = json!(id("building"));
        let released = qian.send(Method::POST, &path, Some(decision.clone())).await;
        assert_eq!(released.status(), StatusCode::OK);
        assert!(!has_pending_evidence(&qian, "101").await);
        qian.refused(Method::POST, &path, Some(decision), 422, "invalid").await;
        assert_eq!(qian.get(&list).await["items"], json!([]));
    }

    async fn a_photo_whose_record_never_comes_is_told_of_after_a_day(world: World) {
        let wang = world.actor("wang").await;
        let (lone, bound) = (picture("lone", 3_000), picture("bound", 3_000));
        let manifests = [manifest("lone", &lone), manifest("bound", &bound)];
        let planned = plan(&wang, &manifests).await;
        for (planned, bytes) in planned.iter().zip([&lone, &bound]) {
            assert_eq!(patch(&wang, &location(planned), 0, bytes).await.status(), 204);
        }
        wang.sync(&[vacant(1, "101", "bound", &bound)]).await;
        let orphans = format!("/api/v1/photos?unit={}&waiting=orphan", id("street"));
        let qian = world.actor("qian").await;
        assert_eq!(qian.get(&orphans).await["items"], json!([]));
        world.clock.set_ms(world.clock.now_ms() + DAY_MS + 60_000);
        let qian = world.actor("qian").await;
        let items = qian.get(&orphans).await["items"].clone();
        assert_eq!((items[0]["photo_id"].clone(), items.as_array().map(Vec::len)), (json!(id("lone")), Some(1)));
    }

    async fn a_photo_that_is_attached_to_a_building_of_another_street_belongs_there(world: World) {
        let root = world.actor("root").await;
        let sun = json!({
            "username": "sun", "name": "sun", "password": crate::world::PASSWORD,
            "roles": [
                { "role": "street_supervisor", "unit_id": id("street") },
                { "role": "street_supervisor", "unit_id": id("other street") },
            ],
        });
        root.put(&format!("/api/v1/users/{}", id("sun")), sun).await;
        let (wang, qian) = (world.actor("wang").await, world.actor("qian").await);
        let (stranger, sun) = (world.actor("stranger").await, world.actor("sun").await);
        let list = format!("/api/v1/photos?unit={}&waiting=quarantined", id("other street"));
        // Whether the record is here before the desk decides, or comes after it.
        for (n, room, photo) in [(1, "101", "before"), (2, "102", "after")] {
            let bytes = picture(photo, 9_000);
            if photo == "before" {
                wang.sync(&[vacant(n, room, photo, &bytes)]).await;
            }
            let path = location(&plan(&stranger, &[manifest(photo, &bytes)]).await[0]);
            assert_eq!(patch(&stranger, &path, 0, &bytes).await.status(), 204);
            let item = sun.get(&list).await["items"][0].clone();
            assert_eq!(item["reason"]["code"], "building_unknown", "{item}");
            let decision = json!({
                "sha256": item["sha256"], "author_id": item["author_id"], "decision": "attach",
                "reason": "借调人员所拍", "building_id": id("building"),
            });
            let path = format!("/api/v1/photos/{}/decide", id(photo));
            let decided = sun.send(Method::POST, &path, Some(decision)).await;
            assert_eq!(decided.status(), StatusCode::OK, "{photo}");
            assert_eq!(sun.get(&list).await["items"], json!([]));
            if photo == "after" {
                wang.sync(&[vacant(n, room, photo, &bytes)]).await;
            }
            assert!(!has_pending_evidence(&qian, room).await, "{photo}");
            let mut direct = world.direct().await;
            let street = direct.id(id("street"));
            let bound = format!(
                "select count(*) from photo where street_id = {street} and bound_ms is not null"
            );
            assert_eq!(direct.number(&bound).await, n, "{photo}");
            let path = format!("/api/v1/photos/{}/link", id(photo));
            let seen = qian.send(Method::POST, &path, Some(json!({ "variant": "original" }))).await;
            assert_eq!(seen.status(), StatusCode::OK, "{photo}");
            // The phone that brought it brings it again: it is the same photo still.
            std::fs::remove_file(place(world.folder(), &bytes)).expect("it was there");
            let planned = plan(&stranger, &[manifest(photo, &bytes)]).await.remove(0);
            assert_eq!(patch(&stranger, &location(&planned), 0, &bytes).await.status(), 204);
            let here = plan(&stranger, &[manifest(photo, &bytes)]).await.remove(0);
            assert_eq!((&here["do"], &here["state"]), (&json!("have"), &json!("stored")), "{here}");
            assert_eq!(world.number("select count(*) from photo").await, n);
        }
        world.clock.set_ms(world.clock.now_ms() + DAY_MS + 60_000);
        let sun = world.actor("sun").await;
        for street in ["street", "other street"] {
            let orphans = format!("/api/v1/photos?unit={}&waiting=orphan", id(street));
            assert_eq!(sun.get(&orphans).await["items"], json!([]), "{street}");
        }
        assert_eq!(world.number("select count(distinct street_id) from op").await, 1);
        crate::rebuild::assert_rebuilt(&world).await;
    }
}
