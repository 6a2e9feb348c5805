//! Builds the pages: `npm ci` where the lock file is newer than what is installed, then Vite. Without
//! npm, or with `WEB=skip`, a page takes their place that says what to install.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

/// What the pages are made of, beside this folder.
const SOURCES: &[&str] =
    &["console", "shared", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];

const MISSING: &str = "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\">\
    <title>扫楼 Saolou</title><body style=\"font-family:sans-serif;max-width:40em;margin:4em auto\">\
    <h1>扫楼 Saolou</h1><p>接口正在运行，但此程序未包含网页：编译时缺少 Node，或无法下载网页所需的组件。请安装 Node 20 或更高版本，联网后重新编译。</p>\
    <p>The interface runs, but the pages are not in this program: Node was missing when it was \
    built, or could not fetch what they are made with. Install Node 20 or later and build again, with a network.</p></body></html>";

fn main() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rerun-if-env-changed=WEB");
    let into = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names it")).join("pages");
    drop(fs::remove_dir_all(&into));
    fs::create_dir_all(into.join("console")).expect("a folder for the pages");
    let is_skipped = env::var_os("WEB").is_some_and(|web| web == "skip");
    if is_skipped || !has_npm() {
        println!(
            "cargo::warning=the pages are left out: install Node 20 or later, and build again"
        );
        fs::write(into.join("console/index.html"), MISSING).expect("a page");
        return;
    }
    if is_stale() && !run(npm().arg("ci").arg("--no-audit").arg("--no-fund")) {
        println!(
            "cargo::warning=the pages are left out: npm could not install what they are made with"
        );
        fs::write(into.join("console/index.html"), MISSING).expect("a page");
        return;
    }
    assert!(run(npm().args(["run", "build"]).env("SAOLOU_PAGES", &into)), "the pages do not build");
}

fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

fn has_npm() -> bool {
    npm().arg("--version").output().is_ok_and(|told| told.status.success())
}

/// Whether what is installed is older than what the lock file says.
fn is_stale() -> bool {
    let changed = |path: &str| -> Option<SystemTime> {
        Path::new(path).metadata().and_then(|facts| facts.modified()).ok()
    };
    match (changed("node_modules/.package-lock.json"), changed("package-lock.json")) {
        (Some(installed), Some(locked)) => installed < locked,
        (installed, _) => installed.is_none(),
    }
}

/// Runs a command, and says what it said where it failed.
fn run(command: &mut Command) -> bool {
    let told = command.output().expect("npm was there a moment ago");
    if !told.status.success() {
        let [out, err] = [&told.stdout, &told.stderr].map(|text| String::from_utf8_lossy(text));
        println!("{command:?} failed: {out}{err}");
    }
    told.status.success()
}
