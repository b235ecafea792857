//! The command line of the real binary: exit status, what goes to stdout and what to stderr.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output};

const GOOD: &str = "\
receivers: {otlp: {protocols: {grpc: {endpoint: 'localhost:0'}}}}
exporters: {otlp_grpc: {endpoint: 'up:4317', headers: {authorization: '${env:TOKEN}'}}}
service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc]}}}
";

fn weir(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir"))
        .args(arguments)
        .current_dir(directory)
        .env("TOKEN", "hunter2")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_valid_configuration_is_one_line_on_stdout_and_exit_0() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("weir.yaml"), GOOD).unwrap();
    let output = weir(directory.path(), &["validate", "--config", "weir.yaml", "--cache-dir="]);
    assert_eq!(text(&output.stdout), "the configuration is valid\n", "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_built_in_configuration_is_valid() {
    let directory = tempfile::tempdir().unwrap();
    let output = weir(directory.path(), &["validate", "--cache-dir="]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_wrong_configuration_is_told_on_stderr_with_its_place_and_exit_64() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("weir.yaml"), GOOD.replace("endpoint: 'up:", "endpont: 'up:"))
        .unwrap();
    for arguments in [&["--config", "weir.yaml"][..], &["validate", "--config=weir.yaml"]] {
        let output = weir(directory.path(), arguments);
        let stderr = text(&output.stderr);
        let line = "weir.yaml:2:25: exporters::otlp_grpc::endpont: unknown key \"endpont\"; did you mean \"endpoint\"?";
        assert!(stderr.starts_with(line), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(64), 0));
    }
}

#[test]
fn validate_loads_each_plugin() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("broken.wasm"), "this is no component").unwrap();
    let yaml = GOOD.replace("exporters: [otlp_grpc]", "processors: [wasm], exporters: [otlp_grpc]");
    let yaml = format!("{yaml}processors: {{wasm: {{plugin: broken.wasm}}}}\n");
    std::fs::write(directory.path().join("weir.yaml"), yaml).unwrap();
    let output = weir(directory.path(), &["validate", "--config", "weir.yaml", "--cache-dir="]);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{stderr}");
    assert!(stderr.contains("weir.yaml:4:14: processors::wasm: "), "{stderr}");
}

#[test]
fn a_missing_file_is_a_configuration_error() {
    let output = weir(Path::new("/"), &["--config", "/none.yaml"]);
    assert_eq!(text(&output.stderr), "cannot read /none.yaml: no such file or directory\n");
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn an_unknown_flag_is_told_with_the_nearest_one_and_exit_64() {
    let output = weir(Path::new("/"), &["--confg", "x"]);
    assert_eq!(text(&output.stderr), "weir: unknown flag \"--confg\"; did you mean \"--config\"?\n");
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn version_components_and_help_go_to_stdout() {
    for (argument, start) in [
        ("--version", concat!("weir ", env!("CARGO_PKG_VERSION"), "\n")),
        ("components", "buildinfo:\n  command: weir\n"),
        ("--help", "weir, an OTLP sidecar"),
    ] {
        let output = weir(Path::new("/"), &[argument]);
        assert!(text(&output.stdout).starts_with(start), "{argument}");
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{argument}");
    }
}
