//! Photos that were received are read in a process apart: previews without metadata, a reading of what
//! is in them, and findings that do not depend on what came first.

use crate::actors::Actor;
use crate::jobs::{keep, put_job, until};
use crate::world::{MONDAY_MS, World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use saolou_protocol::canonical::Hash;
use saolou_server::pipeline::{self, Apart};
use serde_json::{Value, json};
use uuid::Uuid;

const READER: &str = "SAOLOU_TEST_READER";

/// The process apart, where a test's server has asked for it in the environment.
#[test]
fn the_reader() {
    if std::env::var_os(READER).is_some() {
        pipeline::run().expect("a request that names a photo");
    }
}

/// This test program again, told to run nothing but [`the_reader`].
pub(crate) fn reader() -> Apart {
    let program = Apart::program(std::env::current_exe().expect("this program"));
    program.arg("--exact").arg("decoding::the_reader").arg("--nocapture").env(READER, "1")
}

/// Stripes of a width, 1700 by 1100 pixels, with what a camera writes.
fn photo(width: usize) -> Vec<u8> {
    let light = |at: usize| if (at % 1700 / width).is_multiple_of(2) { 30 } else { 220 };
    let pixels: Vec<u8> = (0..1700 * 1100).map(light).collect();
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 80);
    // One entry: it lies on its side.
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]);
    encoder.add_app_segment(1, exif).expect("a short segment");
    encoder.encode(&pixels, 1700, 1100, jpeg_encoder::ColorType::Luma).expect("a JPEG");
    jpeg
}

async fn upload(actor: &Actor, photo: Uuid, bytes: &[u8]) -> Hash {
    let hash = Hash::of(bytes);
    let path = format!("/api/v1/photos/{photo}?building={}", id("building"));
    let request = actor.request(Method::PUT, &path).body(bytes.to_vec());
    let digest = format!("sha-256=:{}:", STANDARD.encode(hash.0));
    let response = request.header("content-digest", digest).send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    hash
}

async fn reading(world: &World, hash: Hash) -> Value {
    let mut direct = world.direct().await;
    let sha256 = direct.blob(&hash.0);
    until(world, &format!("select count(*) from photo_reading where sha256 = {sha256}"), 1).await;
    let bodies = format!("select body from photo_reading where sha256 = {sha256}");
    serde_json::from_slice(&direct.bytes(&bodies).await[0]).expect("JSON")
}

on_both! {
    async fn a_received_photo_is_read_and_its_previews_are_bare_and_upright(world: World) {
        let wang = world.actor("wang").await;
        let hash = upload(&wang, id("photo"), &photo(50)).await;
        let read = reading(&world, hash).await;
        assert_eq!((&read["format"], &read["width"], &read["height"]),
            (&json!("jpeg"), &json!(1100), &json!(1700)), "{read}");
        assert_eq!(read["exif"]["orientation"], 6);
        assert_eq!(read["previews"], json!([1600, 512]));
        let name = hash.to_string();
        for side in [1600, 512] {
            let path = world.folder().join("derived").join(&name[..2]).join(format!("{name}-{side}.jpg"));
            let preview = std::fs::read(path).expect("a preview");
            assert!(preview.starts_with(&[0xff, 0xd8]));
            assert!(!preview.windows(4).any(|bytes| bytes == b"Exif"));
        }
        let left = std::fs::read_dir(world.folder().join("derived/incoming")).expect("a folder");
        assert_eq!(left.count(), 0);
    }

    async fn what_is_no_picture_stays_and_is_told(world: World) {
        let wang = world.actor("wang").await;
        let mut broken = photo(50);
        broken.truncate(300);
        for (name, bytes, why) in [
            ("none", b"no picture at all".to_vec(), "not_image"),
            ("empty", Vec::new(), "not_image"),
            ("broken", broken, "corrupt"),
            ("gif", b"GIF89a".to_vec(), "preview_unavailable"),
        ] {
            let hash = upload(&wang, id(name), &bytes).await;
            assert_eq!(reading(&world, hash).await["undecodable"], why, "{name}");
        }
        until(&world, "select count(*) from op where kind = 'photo_read'", 4).await;
        assert_eq!(world.number("select count(*) from job where state = 'failed'").await, 0);
    }

    async fn a_server_killed_while_it_read_leaves_nothing_behind(world: World) {
        let hash = keep(&world, &photo(40));
        let left = world.folder().join(format!("derived/incoming/{hash}.1"));
        std::fs::create_dir_all(&left).expect("a folder");
        std::fs::write(left.join("1600.jpg"), b"half").expect("a file");
        put_job(&mut world.direct().await, hash, 1, MONDAY_MS, true).await;
        assert_eq!(reading(&world, hash).await["previews"], json!([1600, 512]));
        until(&world, "select count(*) from job where stage = 'decode' and state = 'done'", 1).await;
        assert!(!left.exists());
    }
}
