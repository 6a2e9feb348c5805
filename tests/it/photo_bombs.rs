//! Photos that are made to break whoever reads them. Each is read in a process of its own, which may
//! end as it likes: the server lives and stays small, the original stays what it is, and it is told
//! that nobody can read it.

use crate::actors::Actor;
use crate::hand::faults_factor;
use crate::jobs::until;
use crate::photo_faults::{moved, place};
use crate::process::Process;
use crate::world::{Database, World, id, on_both};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use reqwest::Method;
use saolou_protocol::canonical::Hash;
use serde_json::Value;
use std::io::Write;

/// Broken pictures, over both databases: each is read by another process. All of them by hand, with
/// `SAOLOU_TEST_FAULTS=8`; usually one in eight.
const BROKEN: usize = 866;
/// What the server itself may need while its readers are at work, in KiB.
const SERVER_KIB_MAX: u64 = 400 * 1024;
/// What holds of every photo that was read: it is noted, in place, and told.
const TOLD: &str = "select count(*) from op where kind = 'photo_read'";

/// A chunk of a PNG, with or without its checksum.
fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).expect("a short one");
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(content);
    [&len.to_be_bytes(), &kind[..], content, &crc.sum().to_be_bytes()].concat()
}

/// A PNG of so many pixels a side, eight bits of four channels each, and the packed lines given.
fn png(side: u32, lines: &[u8]) -> Vec<u8> {
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", lines)].concat()
}

/// Sixty-five bytes that claim a picture of more than a gigabyte.
fn claim() -> Vec<u8> {
    let mut lines = [0; 20];
    lines[..2].copy_from_slice(&[0x78, 0x9c]);
    let bomb = png(20_000, &lines);
    assert_eq!(bomb.len(), 65);
    bomb
}

/// A megabyte that really is a picture of a gigabyte, every line black.
fn bomb() -> Vec<u8> {
    let mut lines = ZlibEncoder::new(Vec::new(), Compression::fast());
    let line = vec![0; 1 + 4 * 16_500];
    for _ in 0..16_500 {
        lines.write_all(&line).expect("memory");
    }
    let mut png = png(16_500, &lines.finish().expect("memory"));
    png.extend(chunk(b"IEND", b""));
    png
}

/// A small picture, cut short, with bits turned or its end made up.
fn broken(number: usize, valid: &[Vec<u8>], dice: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = valid[number % valid.len()].clone();
    let mut below = |most: usize| usize::try_from(dice.next_u32()).expect("it fits") % most;
    let from = 4 + below(bytes.len() - 4);
    match number / valid.len() % 3 {
        0 => bytes.truncate(from),
        1 => (0..=below(8)).for_each(|_| {
            let at = below(bytes.len());
            bytes[at] ^= 1 << below(8);
        }),
        _ => bytes[from..].iter_mut().for_each(|byte| *byte = below(256).to_le_bytes()[0]),
    }
    // No two are the same photo.
    bytes.extend(number.to_be_bytes());
    bytes
}

fn valid() -> [Vec<u8>; 3] {
    let pixels: Vec<u8> = (0..64 * 48).map(|at: usize| (at % 251).to_le_bytes()[0]).collect();
    let mut jpeg = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, 80);
    encoder.encode(&pixels, 64, 48, jpeg_encoder::ColorType::Luma).expect("a JPEG");
    let mut lines = ZlibEncoder::new(Vec::new(), Compression::fast());
    for line in pixels.chunks(64).cycle().take(64) {
        lines.write_all(&[&[0][..], line, line, line, line].concat()).expect("memory");
    }
    let mut png = png(64, &lines.finish().expect("memory"));
    png.extend(chunk(b"IEND", b""));
    let webp = [&b"RIFF\x40\0\0\0WEBPVP8L\x30\0\0\0\x2f\x3f\xc0\x0b\0"[..], &[0x5a; 48]].concat();
    [jpeg, png, webp]
}

async fn bring(who: &Actor, photo: &str, bytes: &[u8]) {
    let path = format!("/api/v1/photos/{}?building={}", id(photo), id("building"));
    let digest = format!("sha-256=:{}:", STANDARD.encode(Hash::of(bytes).0));
    let request = who.request(Method::PUT, &path).header("content-digest", digest);
    let sent = request.body(bytes.to_vec()).send().await.expect("an answer");
    let status = sent.status();
    let stored: Value = sent.json().await.expect("JSON");
    assert!(status == 200 && stored["receipt"].is_string(), "{photo}: {status} {stored}");
}

/// The most memory that a process ever had, in KiB.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Why nothing was read from the bytes of a photo.
async fn why(world: &World, bytes: &[u8]) -> Value {
    let mut direct = world.direct().await;
    let sha256 = direct.blob(&Hash::of(bytes).0);
    let sql = format!("select body from photo_reading where sha256 = {sha256}");
    let reading: Value = serde_json::from_slice(&direct.bytes(&sql).await[0]).expect("JSON");
    reading["undecodable"].clone()
}

on_both! {
    async fn pictures_that_are_bombs_or_broken_harm_nobody_but_their_reader(given: World) {
        let mut world = given;
        let wang = world.actor("wang").await;
        world.stop().await;
        let mut process = Process::start_reading(&world);
        let wang = moved(&wang, &process.base);
        let mut photos = vec![("claim".to_owned(), claim()), ("bomb".to_owned(), bomb())];
        let (valid, mut dice) = (valid(), ChaCha8Rng::seed_from_u64(866));
        let is_here = |number: &usize| number.is_multiple_of(2) == (world.database == Database::Sqlite);
        let some = BROKEN / 8 * faults_factor();
        for number in 0..if faults_factor() < 8 { some } else { BROKEN } {
            let bytes = broken(number, &valid, &mut dice);
            if is_here(&number) {
                photos.push((format!("broken {number}"), bytes));
            }
        }
        for (photo, bytes) in &photos {
            bring(&wang, photo, bytes).await;
        }
        let count = i64::try_from(photos.len()).expect("a few");
        for _ in 0..10 {
            // As long as there is something to read, it goes on.
            if world.number(TOLD).await == count {
                break;
            }
            drop(tokio::time::timeout(std::time::Duration::from_secs(25), until(&world, TOLD, count)).await);
        }
        assert_eq!(world.number(TOLD).await, count);
        // What was told is noted as done with others, a moment later.
        until(&world, "select count(*) from job where state <> 'done'", 0).await;
        for (photo, bytes) in &photos {
            let kept = std::fs::read(place(world.folder(), bytes));
            assert!(kept.is_ok_and(|kept| kept == *bytes), "{photo} is as it was taken");
        }
        assert_eq!(world.number("select count(*) from photo where state = 'stored'").await, count);
        for bytes in [claim(), bomb()] {
            let reason = why(&world, &bytes).await;
            let reasons = ["too_large", "corrupt", "out_of_memory", "too_slow", "crashed"];
            assert!(reasons.iter().any(|why| reason == *why), "{reason}");
        }
        assert!(process.runs(), "the server lives");
        if let Some(kib) = peak_kib(process.id()) {
            assert!(kib < SERVER_KIB_MAX, "{kib} KiB");
        }
        process.kill();
    }
}
