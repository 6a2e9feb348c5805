//! What the two protocols say on the wire: checksums, parts that are joined, what is heard in between.

use super::{
    field, half_sent, location, manifest, offset, patch, picture, plan, sha256, tus, until,
};
use crate::world::{World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

on_both! {
    async fn a_checksum_that_does_not_match_lets_no_byte_count(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("sum", 10_000);
        let path = location(&plan(&wang, &[manifest("sum", &bytes)]).await[0]);
        let sum = |bytes: &[u8]| format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)));
        let send = |offset: &'static str, said: String, body: Vec<u8>| {
            let (wang, path) = (&wang, &path);
            async move {
                let kind = "application/offset+octet-stream";
                let fields = [("Upload-Offset", offset), ("Content-Type", kind), ("Upload-Checksum", &*said)];
                tus(wang, Method::PATCH, path, &fields, &body).await.status().as_u16()
            }
        };
        assert_eq!(send("0", sum(b"other"), bytes[..5_000].to_vec()).await, 460);
        assert_eq!(offset(&wang, &path).await, 0);
        assert_eq!(send("0", "crc32 AAAA".to_owned(), bytes[..5_000].to_vec()).await, 400);
        assert_eq!(send("0", sum(&bytes[..5_000]), bytes[..5_000].to_vec()).await, 204);
        assert_eq!(offset(&wang, &path).await, 5_000);
        assert_eq!(send("5000", sum(&bytes[5_000..]), bytes[5_000..].to_vec()).await, 204);
    }

    async fn parts_that_were_sent_side_by_side_are_joined(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("joined", 90_000);
        let mut urls = Vec::new();
        for chunk in bytes.chunks(30_000) {
            let length = chunk.len().to_string();
            let fields = [("Upload-Length", &*length), ("Upload-Concat", "partial")];
            let response = tus(&wang, Method::POST, "/api/v1/uploads", &fields, b"").await;
            assert_eq!(response.status(), StatusCode::CREATED);
            urls.push(field(&response, "location"));
        }
        let text = |value: &str| STANDARD.encode(value);
        let metadata = format!(
            "photo_id {},sha256 {},building {}",
            text(&id("joined").to_string()), text(&sha256(&bytes)), text(&id("building").to_string())
        );
        let concat = format!("final;{}", urls.join(" "));
        let fields = [("Upload-Concat", &*concat), ("Upload-Metadata", &*metadata)];
        let whole = tus(&wang, Method::POST, "/api/v1/uploads", &fields, b"").await;
        assert_eq!(whole.status(), StatusCode::CREATED, "before its parts are here");
        let whole = field(&whole, "location");
        for (url, chunk) in urls.iter().zip(bytes.chunks(30_000)) {
            assert_eq!(patch(&wang, url, 0, chunk).await.status(), 204);
        }
        let looked = tus(&wang, Method::HEAD, &whole, &[], b"").await;
        assert_eq!(field(&looked, "upload-length"), "90000");
        assert_eq!(field(&looked, "upload-concat"), concat);
        assert_eq!(patch(&wang, &whole, 90_000, b"more").await.status(), StatusCode::FORBIDDEN);
        assert_eq!(plan(&wang, &[manifest("joined", &bytes)]).await[0]["do"], "have");
    }

    async fn a_client_of_the_draft_hears_of_its_upload_while_it_sends(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("iphone", 60_000);
        let query = format!("photo_id={}&building={}&sha256={}", id("iphone"), id("building"), sha256(&bytes));
        let head = format!(
            "POST /api/v1/uploads?{query} HTTP/1.1\r\nUpload-Draft-Interop-Version: 8\r\n\
             Upload-Complete: ?1\r\nContent-Length: {}", bytes.len()
        );
        let mut stream = half_sent(&wang, &head, &bytes[..20_000]).await;
        let mut heard = String::new();
        while !heard.contains("\r\n\r\n") {
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer).await.expect("something in between");
            heard.push_str(std::str::from_utf8(&buffer[..read]).expect("text"));
        }
        assert!(heard.starts_with("HTTP/1.1 104 "), "{heard}");
        assert!(heard.contains("upload-limit: max-size=67108864"), "{heard}");
        let path = heard.lines().find_map(|line| line.strip_prefix("location: ")).expect("a location");
        drop(stream);
        let looked = || async {
            let request = wang.request(Method::HEAD, path).header("Upload-Draft-Interop-Version", "8");
            request.send().await.expect("an answer")
        };
        until("what was sent is here", || async { field(&looked().await, "upload-offset") == "20000" }).await;
        let looked = looked().await;
        assert_eq!(looked.status(), StatusCode::NO_CONTENT);
        assert_eq!(field(&looked, "upload-complete"), "?0");
        assert_eq!(field(&looked, "upload-length"), "60000");
        let append = |offset: usize, complete: &'static str, body: Vec<u8>| {
            let request = wang.request(Method::PATCH, path)
                .header("Content-Type", "application/partial-upload")
                .header("Upload-Offset", offset).header("Upload-Complete", complete);
            async move { request.body(body).send().await.expect("an answer") }
        };
        let elsewhere = append(10_000, "?0", vec![1]).await;
        assert_eq!(elsewhere.status(), StatusCode::CONFLICT);
        assert_eq!(field(&elsewhere, "upload-offset"), "20000");
        let told: Value = elsewhere.json().await.expect("a problem");
        assert_eq!(told["type"], "https://iana.org/assignments/http-problem-types#mismatching-upload-offset");
        assert_eq!((&told["expected-offset"], &told["provided-offset"]), (&json!(20_000), &json!(10_000)));
        let more = append(20_000, "?0", bytes[20_000..40_000].to_vec()).await;
        assert_eq!((more.status().as_u16(), &*field(&more, "upload-complete")), (204, "?0"));
        let last = append(40_000, "?1", bytes[40_000..].to_vec()).await;
        assert_eq!((last.status().as_u16(), &*field(&last, "upload-complete")), (200, "?1"));
        let stored: Value = last.json().await.expect("JSON");
        assert_eq!(stored["sha256"], sha256(&bytes));
        let beyond = append(60_000, "?0", vec![1]).await;
        let told: Value = beyond.json().await.expect("a problem");
        assert_eq!(told["type"], "https://iana.org/assignments/http-problem-types#completed-upload");
    }

    async fn somebody_who_speaks_no_version_of_tus_is_told_which(world: World) {
        let wang = world.actor("wang").await;
        let request = wang.request(Method::POST, "/api/v1/uploads").header("Upload-Length", "1");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(field(&response, "tus-version"), "1.0.0");
        let options = wang.request(Method::OPTIONS, "/api/v1/uploads").send().await.expect("an answer");
        assert_eq!(options.status(), StatusCode::OK);
        assert!(field(&options, "tus-extension").contains("concatenation-unfinished"));
        assert_eq!(field(&options, "accept-patch"), "application/partial-upload");
    }
}
