//! What tus 1.0.0 asks of a server, extension by extension, where photos that find their way do not
//! show it: odd requests, and what every answer has to bear.

use crate::actors::Actor;
use crate::uploads::{field, half_sent, offset, patch, picture, tus};
use crate::world::{DAY_MS, World, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Response};
use serde_json::Value;
use sha1::{Digest, Sha1};
use tokio::io::AsyncReadExt;

const UPLOADS: &str = "/api/v1/uploads";
const STREAM: &str = "application/offset+octet-stream";
const SUM: &str = "Upload-Checksum";

/// Makes an upload; gives its address.
async fn make(actor: &Actor, fields: &[(&str, &str)]) -> String {
    let response = tus(actor, Method::POST, UPLOADS, fields, b"").await;
    assert_eq!(response.status(), 201, "{fields:?}");
    field(&response, "location")
}

/// The status of an answer, which says which version it is in.
fn status(response: &Response) -> u16 {
    assert_eq!(field(response, "tus-resumable"), "1.0.0");
    response.status().as_u16()
}

/// The status of a `PATCH` at 0 with a checksum.
async fn summed(actor: &Actor, path: &str, sum: &str, body: &[u8]) -> u16 {
    let fields = [("Upload-Offset", "0"), ("Content-Type", STREAM), ("Upload-Checksum", sum)];
    status(&tus(actor, Method::PATCH, path, &fields, body).await)
}

fn sha1(bytes: &[u8]) -> String {
    format!("sha1 {}", STANDARD.encode(Sha1::digest(bytes)))
}

on_both! {
    async fn whoever_asks_what_there_is_need_not_say_a_version(world: World) {
        let wang = world.actor("wang").await;
        let options = wang.request(Method::OPTIONS, UPLOADS).send().await.expect("an answer");
        assert_eq!(options.status(), 200);
        assert_eq!(field(&options, "tus-version"), "1.0.0");
        assert!(field(&options, "tus-max-size").parse::<u64>().is_ok());
        assert!(field(&options, "tus-checksum-algorithm").split(',').any(|of| of == "sha1"));
        let offered = field(&options, "tus-extension");
        for extension in [
            "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum",
            "checksum-trailer", "termination", "concatenation", "concatenation-unfinished",
        ] {
            assert!(offered.split(',').any(|of| of == extension), "{extension}");
        }
    }

    async fn every_request_says_the_version_that_it_speaks(world: World) {
        let wang = world.actor("wang").await;
        let path = make(&wang, &[("Upload-Length", "10")]).await;
        for version in [None, Some("0.2.2"), Some("2.0.0")] {
            for (method, path) in [
                (Method::POST, UPLOADS), (Method::HEAD, &*path), (Method::PATCH, &*path),
                (Method::DELETE, &*path),
            ] {
                let mut request = wang.request(method.clone(), path).header("Upload-Length", "10");
                request = request.header("Upload-Offset", "0");
                if method == Method::PATCH {
                    request = request.header("Content-Type", STREAM);
                }
                if let Some(version) = version {
                    request = request.header("Tus-Resumable", version);
                }
                let response = request.send().await.expect("an answer");
                assert_eq!(response.status(), 412, "{method} {version:?}");
                assert_eq!(field(&response, "tus-version"), "1.0.0");
            }
        }
        assert_eq!(offset(&wang, &path).await, 0, "nothing was done");
    }

    async fn a_head_says_all_and_is_never_kept_by_a_proxy(world: World) {
        let wang = world.actor("wang").await;
        let metadata = "filename 5omn54WnLmpwZw==,is_confidential";
        let path = make(&wang, &[("Upload-Length", "10"), ("Upload-Metadata", metadata)]).await;
        let head = tus(&wang, Method::HEAD, &path, &[], b"").await;
        assert_eq!(status(&head), 200);
        for (name, value) in [
            ("upload-offset", "0"), ("upload-length", "10"), ("upload-metadata", metadata),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(field(&head, name), value);
        }
        assert_eq!(patch(&wang, &path, 0, &picture("head", 10)).await.status(), 204);
        let head = tus(&wang, Method::HEAD, &path, &[], b"").await;
        assert_eq!((field(&head, "upload-offset"), field(&head, "upload-length")), ("10".into(), "10".into()));
    }

    async fn what_is_not_there_is_not_found(world: World) {
        let wang = world.actor("wang").await;
        for path in [format!("{UPLOADS}/{}", uuid::Uuid::nil()), format!("{UPLOADS}/nothing")] {
            let fields = [("Upload-Offset", "0"), ("Content-Type", STREAM)];
            for method in [Method::HEAD, Method::PATCH, Method::DELETE] {
                let response = tus(&wang, method.clone(), &path, &fields, b"").await;
                assert_eq!(response.status(), 404, "{method} {path}");
            }
        }
    }

    async fn an_append_says_what_it_is_and_where_it_begins(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("append", 10);
        let path = make(&wang, &[("Upload-Length", "10")]).await;
        let send = async |fields: &[(&str, &str)], body: &[u8]| {
            tus(&wang, Method::PATCH, &path, fields, body).await
        };
        let kind = ("Content-Type", STREAM);
        assert_eq!(status(&send(&[("Upload-Offset", "0")], &bytes).await), 415);
        let json = ("Content-Type", "application/json");
        assert_eq!(status(&send(&[("Upload-Offset", "0"), json], &bytes).await), 415);
        assert_eq!(status(&send(&[kind], &bytes).await), 400);
        for odd in ["-1", "+0", "zero", "", "0.5"] {
            assert_eq!(status(&send(&[("Upload-Offset", odd), kind], &bytes).await), 400, "{odd}");
        }
        let elsewhere = send(&[("Upload-Offset", "5"), kind], &bytes[5..]).await;
        assert_eq!((status(&elsewhere), field(&elsewhere, "upload-offset")), (409, "0".into()));
        let beyond = send(&[("Upload-Offset", "0"), kind], &picture("beyond", 11)).await;
        assert_eq!(status(&beyond), 413);
        let other = send(&[("Upload-Offset", "0"), ("Upload-Length", "9"), kind], &bytes[..5]).await;
        assert_eq!(status(&other), 400, "its length was told before");
        for (at, end) in [(0, 3), (3, 3), (3, 9), (9, 10)] {
            let more = send(&[("Upload-Offset", &at.to_string()), kind], &bytes[at..end]).await;
            assert_eq!((status(&more), field(&more, "upload-offset")), (204, end.to_string()));
        }
        let after = send(&[("Upload-Offset", "10"), kind], b"more").await;
        assert!([409, 413].contains(&status(&after)), "it is complete: {}", after.status());
    }

    async fn a_new_upload_says_how_long_it_will_be(world: World) {
        let wang = world.actor("wang").await;
        let post = async |fields: &[(&str, &str)]| {
            status(&tus(&wang, Method::POST, UPLOADS, fields, b"").await)
        };
        for odd in ["-1", "+7", "seven", "", "1.5"] {
            assert_eq!(post(&[("Upload-Length", odd)]).await, 400, "{odd}");
        }
        for huge in ["67108865", "9223372036854775808", "99999999999999999999999999"] {
            assert_eq!(post(&[("Upload-Length", huge)]).await, 413, "{huge}");
        }
        assert_eq!(post(&[]).await, 400);
        assert_eq!(post(&[("Upload-Defer-Length", "2")]).await, 400);
        assert_eq!(post(&[("Upload-Defer-Length", "1"), ("Upload-Length", "7")]).await, 400);
        let empty = make(&wang, &[("Upload-Length", "0")]).await;
        assert_eq!(offset(&wang, &empty).await, 0, "it is whole");
    }

    async fn metadata_that_cannot_be_read_are_refused_before_a_byte_is_sent(world: World) {
        let wang = world.actor("wang").await;
        let post = async |metadata: &[u8]| {
            let value = reqwest::header::HeaderValue::from_bytes(metadata).expect("a value");
            let request = wang.request(Method::POST, UPLOADS).header("Tus-Resumable", "1.0.0");
            let request = request.header("Upload-Length", "7").header("Upload-Metadata", value);
            status(&request.send().await.expect("an answer"))
        };
        for odd in ["filename !!", "a YQ==,a Yg==", "文件 YQ=="] {
            assert_eq!(post(odd.as_bytes()).await, 400, "{odd}");
        }
        for fine in ["", "empty", "empty ,filename YQ==", "a YQ==, b Yg=="] {
            assert_eq!(post(fine.as_bytes()).await, 201, "{fine}");
        }
    }

    async fn the_length_may_come_later_and_only_once(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("deferred", 10);
        let path = make(&wang, &[("Upload-Defer-Length", "1")]).await;
        let head = tus(&wang, Method::HEAD, &path, &[], b"").await;
        assert_eq!(field(&head, "upload-defer-length"), "1");
        assert!(!head.headers().contains_key("upload-length"));
        assert_eq!(patch(&wang, &path, 0, &bytes[..4]).await.status(), 204);
        let send = async |length: &str| {
            let fields = [("Upload-Offset", "4"), ("Upload-Length", length), ("Content-Type", STREAM)];
            tus(&wang, Method::PATCH, &path, &fields, b"").await.status().as_u16()
        };
        assert_eq!(send("67108865").await, 413, "more than a photo may have");
        assert_eq!(send("10").await, 204);
        assert_eq!(send("11").await, 400);
        assert_eq!(field(&tus(&wang, Method::HEAD, &path, &[], b"").await, "upload-length"), "10");
        assert_eq!(patch(&wang, &path, 4, &bytes[4..]).await.status(), 204);
    }

    async fn bytes_may_come_with_the_request_that_makes_the_upload(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("at once", 10);
        let post = async |kind: &str, sum: &str, body: &[u8]| {
            let fields = [("Upload-Length", "10"), ("Content-Type", kind), ("Upload-Checksum", sum)];
            tus(&wang, Method::POST, UPLOADS, &fields, body).await
        };
        for end in [4, 10] {
            let made = post(STREAM, &sha1(&bytes[..end]), &bytes[..end]).await;
            assert_eq!((status(&made), field(&made, "upload-offset")), (201, end.to_string()));
            assert_eq!(offset(&wang, &field(&made, "location")).await, end);
        }
        let wrong = post(STREAM, &sha1(b"other"), &bytes).await;
        assert_eq!(status(&wrong), 460);
        assert_eq!(status(&post("text/plain", &sha1(&bytes), &bytes).await), 415);
    }

    async fn checksums_are_of_a_kind_that_is_offered(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("sums", 10);
        let path = make(&wang, &[("Upload-Length", "10")]).await;
        for odd in ["md5 YQ==", "crc32 AAAA", "sha1", "sha1 !!", "sha1 YQ==", "c2hhMQ=="] {
            assert_eq!(summed(&wang, &path, odd, &bytes).await, 400, "{odd}");
        }
        assert_eq!(summed(&wang, &path, &sha1(b"other"), &bytes).await, 460);
        assert_eq!(offset(&wang, &path).await, 0);
        assert_eq!(summed(&wang, &path, &sha1(b""), b"").await, 204, "nothing hashes to something");
        assert_eq!(summed(&wang, &path, &sha1(&bytes), &bytes).await, 204, "tried again");
    }

    async fn a_checksum_may_follow_the_bytes(world: World) {
        let wang = world.actor("wang").await;
        let bytes = b"0123456789";
        let path = make(&wang, &[("Upload-Length", "10")]).await;
        for (sum, status) in [(sha1(b"other"), "460"), (sha1(bytes), "204")] {
            let head = format!(
                "PATCH {path} HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
                 Content-Type: {STREAM}\r\nTransfer-Encoding: chunked\r\nTrailer: Upload-Checksum"
            );
            let body = format!("a\r\n0123456789\r\n0\r\nUpload-Checksum: {sum}\r\n\r\n");
            let mut stream = half_sent(&wang, &head, body.as_bytes()).await;
            let mut heard = [0; 256];
            let len = stream.read(&mut heard).await.expect("an answer");
            let heard = String::from_utf8_lossy(&heard[..len]).into_owned();
            assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{heard}");
        }
        assert_eq!(offset(&wang, &path).await, 10);
    }

    async fn what_was_ended_is_gone(world: World) {
        let wang = world.actor("wang").await;
        for is_complete in [false, true] {
            let path = make(&wang, &[("Upload-Length", "10")]).await;
            let sent = if is_complete { 10 } else { 5 };
            assert_eq!(patch(&wang, &path, 0, &picture("ended", sent)).await.status(), 204);
            assert_eq!(status(&tus(&wang, Method::DELETE, &path, &[], b"").await), 204);
            let head = tus(&wang, Method::HEAD, &path, &[], b"").await.status().as_u16();
            assert!([404, 410].contains(&head), "{head}");
            let more = patch(&wang, &path, sent, b"more").await.status().as_u16();
            assert!([404, 410].contains(&more), "{more}");
        }
    }

    async fn a_final_upload_is_made_of_partial_ones_that_exist(world: World) {
        let wang = world.actor("wang").await;
        let bytes = picture("joined in order", 20);
        let mut parts = Vec::new();
        for half in bytes.chunks(10) {
            let part = make(&wang, &[("Upload-Length", "10"), ("Upload-Concat", "partial")]).await;
            let head = tus(&wang, Method::HEAD, &part, &[], b"").await;
            assert_eq!(field(&head, "upload-concat"), "partial");
            assert_eq!(patch(&wang, &part, 0, half).await.status(), 204);
            parts.push(part);
        }
        let whole = make(&wang, &[("Upload-Length", "10")]).await;
        let post = async |concat: &str, length: Option<&str>| {
            let mut fields = vec![("Upload-Concat", concat)];
            fields.extend(length.map(|length| ("Upload-Length", length)));
            tus(&wang, Method::POST, UPLOADS, &fields, b"").await
        };
        let list = format!("final;{}", parts.join(" "));
        for (concat, length) in [
            (&*list, Some("20")), ("final;", None), ("final", None), ("whole", Some("20")),
            ("final;/api/v1/uploads/nothing", None), (&format!("final;{UPLOADS}/{}", uuid::Uuid::nil()), None),
            (&format!("final;{whole}"), None),
        ] {
            let refused = post(concat, length).await;
            assert!((400..500).contains(&status(&refused)), "{concat}: {}", refused.status());
        }
        let made = field(&post(&list, None).await, "location");
        let head = tus(&wang, Method::HEAD, &made, &[], b"").await;
        assert_eq!((field(&head, "upload-offset"), field(&head, "upload-length")), ("20".into(), "20".into()));
        assert_eq!(field(&head, "upload-concat"), list);
        assert_eq!(status(&patch(&wang, &made, 20, b"more").await), 403);
        assert_eq!(world.number("select count(*) from photo where bytes = 20").await, 1);
    }

    async fn every_answer_about_an_open_upload_says_until_when(world: World) {
        let wang = world.actor("wang").await;
        let made = tus(&wang, Method::POST, UPLOADS, &[("Upload-Length", "10")], b"").await;
        let path = field(&made, "location");
        let more = patch(&wang, &path, 0, b"01234").await;
        let head = tus(&wang, Method::HEAD, &path, &[], b"").await;
        for response in [made, more, head] {
            let until = field(&response, "upload-expires");
            assert!(until.ends_with(" GMT") && until.len() == 29, "{until}");
        }
    }

    async fn a_refusal_says_which_field_it_is_about(world: World) {
        let wang = world.actor("wang").await;
        let path = make(&wang, &[("Upload-Length", "10")]).await;
        let (at, kind) = (("Upload-Offset", "0"), ("Content-Type", STREAM));
        let (wrong, ten) = (sha1(b"other"), ("Upload-Length", "10"));
        for (method, path, fields, status, named) in [
            (Method::POST, UPLOADS, vec![], 400, "Upload-Length"),
            (Method::POST, UPLOADS, vec![("Upload-Length", "ten")], 400, "Upload-Length"),
            (Method::POST, UPLOADS, vec![ten, ("Upload-Metadata", "a !!")], 400, "Upload-Metadata"),
            (Method::POST, UPLOADS, vec![ten, ("Upload-Concat", "whole")], 400, "Upload-Concat"),
            (Method::PATCH, &path, vec![at], 415, "Content-Type"),
            (Method::PATCH, &path, vec![kind], 400, "Upload-Offset"),
            (Method::PATCH, &path, vec![at, kind, ("Upload-Checksum", "md5 YQ==")], 400, SUM),
            (Method::PATCH, &path, vec![at, kind, ("Upload-Checksum", &wrong)], 460, SUM),
        ] {
            let body: &[u8] = if method == Method::PATCH { b"0123" } else { b"" };
            let refused = tus(&wang, method, path, &fields, body).await;
            assert_eq!(self::status(&refused), status, "{fields:?}");
            assert_eq!(field(&refused, "content-type"), "application/problem+json", "{fields:?}");
            let told: Value = refused.json().await.expect("a problem");
            assert_eq!(told["status"], status, "{told}");
            let said = [&told["cause"], &told["title_en"]].into_iter().filter_map(Value::as_str);
            assert!(said.into_iter().any(|said| said.starts_with(named)), "{told}");
        }
        let unsaid = wang.request(Method::POST, UPLOADS).send().await.expect("an answer");
        assert_eq!(unsaid.status(), 412);
        let told: Value = unsaid.json().await.expect("a problem");
        assert_eq!(told["code"], "unsupported_tus_version");
    }

    async fn parts_that_are_named_by_whole_addresses_are_found_and_told_as_they_were_named(world: World) {
        let wang = world.actor("wang").await;
        let mut parts = Vec::new();
        for half in picture("whole addresses", 20).chunks(10) {
            let part = make(&wang, &[("Upload-Length", "10"), ("Upload-Concat", "partial")]).await;
            assert_eq!(patch(&wang, &part, 0, half).await.status(), 204);
            parts.push(format!("{}{part}", wang.base));
        }
        let concat = format!("final;{}", parts.join(" "));
        let made = make(&wang, &[("Upload-Concat", &concat)]).await;
        let head = tus(&wang, Method::HEAD, &made, &[], b"").await;
        assert_eq!((field(&head, "upload-concat"), field(&head, "upload-length")), (concat, "20".into()));
    }

    async fn the_same_file_may_be_begun_twice_and_each_upload_is_its_makers_alone(world: World) {
        let wang = world.actor("wang").await;
        let fields = [("Upload-Length", "10"), ("Upload-Metadata", "filename YS5qcGc=")];
        let paths = [make(&wang, &fields).await, make(&wang, &fields).await];
        assert_ne!(paths[0], paths[1]);
        assert_eq!(patch(&wang, &paths[0], 0, b"0123").await.status(), 204);
        assert_eq!(offset(&wang, &paths[1]).await, 0);
        let lin = world.actor("lin").await;
        let others = tus(&lin, Method::HEAD, &paths[0], &[], b"").await;
        assert_eq!(status(&others), 404, "it is nobody else's");
    }

    async fn the_term_of_an_upload_begins_anew_with_every_byte_and_ends_with_the_last(world: World) {
        let wang = world.actor("wang").await;
        let made = tus(&wang, Method::POST, UPLOADS, &[("Upload-Length", "10")], b"").await;
        let path = field(&made, "location");
        world.clock.set_ms(world.clock.now_ms() + DAY_MS);
        let wang = world.actor("wang").await;
        let more = patch(&wang, &path, 0, b"01234").await;
        // The day alone: the clock goes on while this is asked.
        let until = |response: &Response| field(response, "upload-expires")[..16].to_owned();
        assert_eq!((until(&made), until(&more)), ("Mon, 07 Dec 2026".into(), "Tue, 08 Dec 2026".into()));
        let head = tus(&wang, Method::HEAD, &path, &[], b"").await;
        assert_eq!(until(&head), until(&more));
        let last = patch(&wang, &path, 5, b"56789").await;
        assert_eq!(status(&last), 204);
        assert!(!last.headers().contains_key("upload-expires"), "it does not expire any more");
    }
}
