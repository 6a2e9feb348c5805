//! The form of the repository: what may depend on what, and what lies where.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What lies at the top, besides what Git ignores.
const TOP: [&str; 15] = [
    ".ci",
    ".clippy.toml",
    ".deny.toml",
    ".git",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "mobile-client-spec",
    "rust-toolchain.toml",
    "server",
    "sync-protocol",
    "tests",
];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in the workspace").to_owned()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("names are UTF-8");
    entries.map(|entry| name(entry.expect("an entry"))).collect()
}

/// All Rust files below a folder of the repository, with what is in them.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![top().join(folder)];
    while let Some(folder) = open.pop() {
        for name in names(&folder) {
            let path = folder.join(name);
            if path.is_dir() {
                // What npm installs is not ours.
                open.extend((!path.ends_with("node_modules")).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source is UTF-8");
                let path = path.strip_prefix(top()).expect("it lies below the top");
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(!found.is_empty(), "there is nothing in {folder}");
    found
}

/// Fails where a file below a folder has one of these words outside its comments.
fn assert_absent(folder: &str, words: &[&str], why: &str) {
    for (path, text) in sources(folder) {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (number, line) in code.enumerate() {
            for word in words {
                assert!(!line.contains(word), "{path}: {why}; line {number} of code: {line}");
            }
        }
    }
}

#[test]
fn calls_go_from_http_to_the_domain_to_the_store_and_never_back() {
    let why = "calls go http → domain → store";
    assert_absent("server/src/store", &["crate::domain", "crate::http", "axum"], why);
    assert_absent("server/src/domain", &["crate::http"], why);
    assert_absent("server/src/http", &["Tx", "sqlx"], why);
}

#[test]
fn sql_is_spoken_by_the_store_alone() {
    for folder in ["server/src/domain", "server/src/http", "server/src/demo"] {
        assert_absent(folder, &["sqlx::query", "QueryBuilder"], "only the store speaks SQL");
    }
}

#[test]
fn the_protocol_does_no_io_and_has_no_clock_and_no_dice() {
    let words = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant",
        "tokio",
        "sqlx",
        "axum",
        "reqwest",
        "rand::",
        "new_v4",
        "now_v7",
        "println!",
    ];
    assert_absent("sync-protocol/src", &words, "the protocol is pure");
}

#[test]
fn what_is_tested_knows_nothing_of_the_tests() {
    for folder in ["server/src", "sync-protocol/src"] {
        assert_absent(folder, &["saolou_tests", "tests/it"], "nothing depends on the tests");
    }
    assert_absent("sync-protocol/src", &["saolou_server"], "the protocol stands alone");
}

#[test]
fn there_is_one_program_so_that_cargo_run_needs_no_name() {
    let manifests = ["sync-protocol", "server", "tests"].map(|folder| {
        fs::read_to_string(top().join(folder).join("Cargo.toml")).expect("a manifest")
    });
    let programs: usize =
        manifests.iter().map(|manifest| manifest.matches("[[bin]]").count()).sum();
    assert_eq!(programs, 1);
    let workspace = fs::read_to_string(top().join("Cargo.toml")).expect("a manifest");
    assert!(!workspace.contains("[package]"), "the workspace has no package of its own");
    for folder in ["sync-protocol", "tests", "server"] {
        assert!(!top().join(folder).join("src/bin").exists(), "{folder} has no further programs");
    }
}

#[test]
fn both_databases_have_migrations_of_the_same_names() {
    let migrations = top().join("server/migrations");
    assert_eq!(names(&migrations.join("sqlite")), names(&migrations.join("postgres")));
}

#[test]
fn nothing_lies_at_the_top_that_does_not_belong_there() {
    let ignored = fs::read_to_string(top().join(".gitignore")).expect("a list");
    let ignored: BTreeSet<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    for name in names(&top()) {
        let known = TOP.contains(&name.as_str());
        assert!(known || ignored.contains(name.as_str()), "{name} lies at the top");
    }
}

#[test]
fn every_file_of_tests_is_run() {
    for (folder, main) in [("tests/it", "main.rs"), ("sync-protocol/tests/protocol", "main.rs")] {
        let folder = top().join(folder);
        let declared = fs::read_to_string(folder.join(main)).expect("the list of modules");
        for name in names(&folder) {
            let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else {
                continue;
            };
            let line = format!("mod {module};");
            assert!(declared.lines().any(|declared| declared == line), "{name} is not declared");
        }
    }
}

#[test]
fn every_file_says_first_what_it_is() {
    for folder in ["server/src", "sync-protocol", "tests"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{path} begins with a sentence about itself");
        }
    }
}

/// Statements over the tables that grow, without the street in their condition, and why.
const WITHOUT_STREET: [(&str, &str); 9] = [
    ("from org_unit_above join bucket", "all streets below a unit"),
    ("from bucket where building_id in (", "which street it is"),
    ("from bucket where building_id = $1", "which street it is, where it lies"),
    ("sum(seq), 0) as bigint) from bucket", "how far all have come, in one file"),
    ("from bucket order by building_id", "all there is, for a recount"),
    ("update holding set purge_by_ms", "a phone is told to leave"),
    ("delete from holding where device_id", "a phone has left"),
    ("from holding where device_id = $1", "a phone lost its cursor"),
    ("from holding where purge_by_ms < $1", "who has not left, once a minute"),
];

/// The street is the unit by which data can be distributed: whatever a push or a phone's pull asks of
/// the tables that grow says which street it means.
#[test]
fn every_statement_of_the_hot_path_carries_the_street() {
    const TABLES: [&str; 6] = ["op", "entity", "bucket", "quarantine", "holding", "licence_site"];
    let mut excused = BTreeSet::new();
    for (path, text) in sources("server/src/store") {
        // Texts over several lines are one statement; `{SELECT}` and the like are completed elsewhere.
        let joined = text.replace("\\\n", " ");
        for statement in joined.split('"').skip(1).step_by(2) {
            let words: Vec<&str> = statement.split_whitespace().collect();
            let statement = words.join(" ");
            let named = words.windows(2).any(|two| {
                ["from", "join", "update"].contains(&two[0]) && TABLES.contains(&two[1])
            });
            let is_head = statement.ends_with("from quarantine");
            let carries = ["street_id =", "street_id in"].iter().any(|by| statement.contains(by));
            if !named || carries || is_head {
                continue;
            }
            let excuse = WITHOUT_STREET.iter().find(|(part, _)| statement.contains(part));
            let Some((part, _)) = excuse else { panic!("{path}: which street? {statement}") };
            excused.insert(*part);
        }
    }
    assert_eq!(excused.len(), WITHOUT_STREET.len(), "an excuse that nobody needs: {excused:?}");
}
