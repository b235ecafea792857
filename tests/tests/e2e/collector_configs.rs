//! Configurations as people have them for the Collector: each is taken, and does what it says, or refused with the reason and what
//! to do instead. They stand in `tests/configs/collector`; `table.rs` says what is expected, `running.rs` what each does.

mod running;
mod table;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;
use weir_tests::{build, namespace, tls};

use running::Site;
use table::{Expected, ROWS, Row};

/// The upstreams of all files.
const NAMES: &[&str] = &[
    "gateway",
    "gateway.observability.svc.cluster.local",
    "otlp.vendor.example",
    "tempo",
    "tempo-primary",
    "tempo-secondary",
    "loki",
    "metrics",
];

fn folder() -> PathBuf {
    build::source_file("configs/collector")
}

/// The components that this weir has, as `weir components` lists them.
async fn components() -> String {
    let output = weir_tests::weir::run(&["components"], std::path::Path::new(".")).await;
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Why a row cannot be looked at; said, and none if it can.
fn is_skipped(row: &Row, components: &str) -> bool {
    let lacks = |name: &&&str| !components.contains(&format!("- name: {name}\n"));
    let Some(lacking) = row.needs.iter().find(lacks) else { return false };
    eprintln!("skipped: {}: this weir has no {lacking}", row.file);
    true
}

/// What `weir validate` says of a file: its status, and its lines without those that only show something.
async fn validate(site: &Site, file: &str) -> (Option<i32>, Vec<String>) {
    std::fs::copy(folder().join(file), site.dir().join(file)).unwrap();
    let mut command = Command::new(build::weir_binary());
    command.args(["validate", "--config", file]).current_dir(site.dir()).envs(site.variables());
    command.env("XDG_CACHE_HOME", build::target_dir().join("test-cache"));
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines = said.lines().filter(|line| !line.is_empty() && !line.starts_with("    "));
    // Plugins that are loaded are told in the log.
    (output.status.code(), lines.filter(|line| !line.contains(" INFO ")).map(str::to_owned).collect())
}

#[test]
fn every_file_has_a_row_and_every_row_a_file() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let files: BTreeSet<String> = files.map(|name| name.into_string().unwrap()).collect();
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.file.to_owned()).collect();
    assert_eq!(files, rows);
    assert!(rows.len() >= 15, "{rows:?}");
}

#[tokio::test]
async fn each_is_taken_or_refused_with_the_very_reasons_that_its_row_says() {
    let components = components().await;
    for row in ROWS.iter().filter(|row| !is_skipped(row, &components)) {
        let site = Site::new();
        let (status, said) = validate(&site, row.file).await;
        let (expected_status, expected) = match row.expected {
            Expected::Taken(warnings) => (0, warnings),
            Expected::Refused(problems) => (64, problems),
        };
        let prefix = if expected_status == 0 { "warning: " } else { "" };
        let expected: Vec<String> =
            expected.iter().map(|line| format!("{prefix}{}:{line}", row.file)).collect();
        assert_eq!((status, said), (Some(expected_status), expected), "{}", row.file);
    }
}

#[tokio::test]
async fn what_is_shown_with_a_refusal_is_indented_and_there_once() {
    let site = Site::new();
    std::fs::copy(folder().join("ottl.yaml"), site.dir().join("ottl.yaml")).unwrap();
    let output = weir_tests::weir::run(&["validate", "--config", "ottl.yaml"], site.dir()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    for line in ["    impl Plugin for DropHealthChecks {", "    weir_sdk::plugin!(RenameAttribute);"] {
        assert_eq!(said.lines().filter(|said| *said == line).count(), 1, "{line}\n{said}");
    }
    for example in ["drop-health-checks", "rename-attribute"] {
        let plugin = build::target_dir().join(format!("plugins/examples/{example}.wasm"));
        assert!(plugin.is_file(), "what is shown is built by make plugins");
    }
}

#[tokio::test]
async fn what_is_taken_runs_and_does_what_it_says() {
    if !namespace::in_own_network("collector_configs::what_is_taken_runs_and_does_what_it_says", NAMES) {
        return;
    }
    let components = components().await;
    let taken = ROWS.iter().filter(|row| matches!(row.expected, Expected::Taken(_)));
    for row in taken.filter(|row| !is_skipped(row, &components)) {
        eprintln!("{}", row.file);
        running::run(row.file, Site::new()).await;
    }
}

/// The certificates of the tests, for files that name them by a variable.
fn certificates() -> PathBuf {
    tls::file("ca.pem").parent().unwrap().to_owned()
}
