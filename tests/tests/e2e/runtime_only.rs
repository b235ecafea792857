//! The build without a compiler: it runs what a full build has compiled, and says what to do about everything else. These tests
//! say that they were skipped where `make runtime-only` has not built it.

use std::path::{Path, PathBuf};
use std::process::Output;

use prost::Message;
use serde_json::{Value, json};
use weir_tests::build::{plugin, runtime_only_binary};
use weir_tests::requests::{attribute, log, logs, text};
use weir_tests::weir::run;
use weir_tests::{GrpcSender, Launch, Signal, Upstream};

fn binary() -> Option<PathBuf> {
    let binary = runtime_only_binary();
    if binary.is_none() {
        eprintln!("skipped: `make runtime-only` builds the weir without a compiler");
    }
    binary
}

async fn without_compiler(binary: &Path, args: &[&str], cache: &Path) -> Output {
    let mut command = tokio::process::Command::new(binary);
    command.args(args).env("XDG_CACHE_HOME", cache).output().await.unwrap()
}

fn said(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

#[tokio::test]
async fn what_a_full_build_has_compiled_runs_in_a_build_without_a_compiler() {
    let Some(binary) = binary() else { return };
    let cache = tempfile::tempdir().unwrap();
    let code = cache.path().join("weir").display().to_string();
    let (sample, redact) = (plugin("sample"), plugin("redact"));
    let files = [sample.display().to_string(), redact.display().to_string()];
    let output =
        run(&["plugin", "precompile", &files[0], &files[1], "--cache-dir", &code], cache.path()).await;
    assert!(output.status.success(), "{}", said(&output.stderr));

    let upstream = Upstream::start().await;
    let launch = Launch { binary: Some(binary.clone()), cache: cache.path().to_owned(), ..Launch::new() };
    let launch = launch
        .to_grpc(&upstream.address())
        .processor("wasm/sample", json!({"plugin": sample}))
        .processor("wasm/redact", json!({"plugin": redact}));
    let weir = launch.start().await;
    let mut record = log("precompiled");
    record.attributes.push(attribute("note", text("to ada.lovelace@example.org")));
    let sender = GrpcSender::new(weir.ports.grpc);
    sender.send(Signal::Logs, logs(vec![record]).encode_to_vec()).await.unwrap();
    let body = said(&upstream.delivered().pop().unwrap().body);
    assert!(body.contains("precompiled") && !body.contains("ada.lovelace"), "{body}");
    let metrics = weir.metrics().await;
    let looked_up = |result| metrics.sum("weir_plugin_code_cache_total", &[("result", result)]);
    assert_eq!((looked_up("hit"), looked_up("miss"), looked_up("rejected")), (2.0, 0.0, 0.0));

    let output = without_compiler(&binary, &["plugin", "inspect", &files[1]], cache.path()).await;
    let page = said(&output.stdout);
    assert!(page.contains("redacts: never bypassed") && page.contains("runs it"), "{page}");
}

#[tokio::test]
async fn without_a_compiler_what_is_not_in_the_cache_is_refused_with_what_to_do() {
    let Some(binary) = binary() else { return };
    let cache = tempfile::tempdir().unwrap();
    let redact = plugin("redact").display().to_string();
    let config = cache.path().join("weir.yaml");
    let launch = Launch::new().exporter("nop", json!({})).processor("wasm/redact", json!({"plugin": redact}));
    std::fs::write(&config, launch.config.to_string()).unwrap();
    let config = config.display().to_string();
    let output = without_compiler(&binary, &["validate", "--config", &config], cache.path()).await;
    let words = said(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{words}");
    assert!(words.contains("plugin redact has no compiled code for this machine in"), "{words}");
    assert!(
        words.contains("run `weir plugin precompile FILE --cache-dir DIRECTORY` of a full build"),
        "{words}"
    );

    let output = without_compiler(&binary, &["plugin", "inspect", "--json", &redact], cache.path()).await;
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &page["contract"]), (Some(1), &json!("weir:plugin/processor@0.1.0")));
    assert!(page["imports"].as_array().unwrap().contains(&json!("weir:plugin/host@0.1.0")), "{page}");
    assert!(page["problem"].as_str().unwrap().contains("has no compiler"), "{page}");
}

#[tokio::test]
async fn without_a_compiler_nothing_compiles_and_the_version_says_so() {
    let Some(binary) = binary() else { return };
    let cache = tempfile::tempdir().unwrap();
    let redact = plugin("redact").display().to_string();
    let output = without_compiler(&binary, &["plugin", "precompile", &redact], cache.path()).await;
    assert_eq!(output.status.code(), Some(64));
    assert!(said(&output.stderr).contains("this build of weir has no compiler"), "{}", said(&output.stderr));
    let output = without_compiler(&binary, &["plugin", "compile", "guarded"], cache.path()).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output.stderr).contains("this build of weir has no compiler"), "{}", said(&output.stderr));
    let output = without_compiler(&binary, &["--version"], cache.path()).await;
    assert!(said(&output.stdout).ends_with(" without a compiler\n"), "{}", said(&output.stdout));
}
