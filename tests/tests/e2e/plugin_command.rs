//! `weir plugin`: what an operator learns of a plugin's file, compiling ahead of time, and compiling in a child.

use serde_json::{Value, json};
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::weir::run;
use weir_tests::{Launch, wait};

async fn weir(args: &[&str]) -> (Option<i32>, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let output = run(args, dir.path()).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn inspect_describes_a_shipped_plugin() {
    let redact = plugin("redact").display().to_string();
    let (code, text, stderr) = weir(&["plugin", "inspect", &redact]).await;
    assert_eq!(code, Some(0), "{stderr}");
    for line in [
        "contract:     weir:plugin/processor@0.1.0",
        "processed-by: wit-component",
        "redacts: never bypassed",
        "runs it",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    let (code, page, _) = weir(&["plugin", "inspect", "--json", &redact]).await;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((code, &page["interest"]["redacts"], &page["problem"]), (Some(0), &json!(true), &Value::Null));
    assert_eq!(page["sha256"].as_str().unwrap().len(), 64);
    assert!(page["imports"].as_array().unwrap().contains(&json!("weir:plugin/host@0.1.0")), "{page}");
}

#[tokio::test]
async fn inspect_says_why_weir_would_not_run_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let module = dir.path().join("module.wasm");
    std::fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    let (code, text, _) = weir(&["plugin", "inspect", &module.display().to_string()]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("does not run it: plugin module is no WebAssembly component"), "{text}");
    // Of a component that does not fit, what it asks for is shown all the same.
    let foreign = dir.path().join("foreign.wasm");
    let component = r#"(component (import "acme:vault/secrets@1.0.0" (instance (export "f" (func)))))"#;
    std::fs::write(&foreign, wat::parse_str(component).unwrap()).unwrap();
    let (code, text, _) = weir(&["plugin", "inspect", &foreign.display().to_string()]).await;
    assert_eq!(code, Some(1));
    assert!(text.contains("imports:      acme:vault/secrets@1.0.0\n"), "{text}");
    let (code, _, stderr) = weir(&["plugin", "inspect", "/nowhere.wasm"]).await;
    assert_eq!(code, Some(64));
    assert!(stderr.contains("cannot read /nowhere.wasm"), "{stderr}");
    let (code, _, stderr) = weir(&["plugin", "inspct"]).await;
    assert_eq!(code, Some(64));
    assert!(stderr.contains("expected weir plugin inspect FILE"), "{stderr}");
}

#[tokio::test]
async fn what_was_compiled_ahead_of_time_is_not_compiled_at_the_start() {
    let redact = plugin("redact").display().to_string();
    for flags in [[].as_slice(), &["--portable"]] {
        let cache = tempfile::tempdir().unwrap();
        // As in an image: below what XDG_CACHE_HOME names.
        let code = cache.path().join("weir").display().to_string();
        let arguments = ["plugin", "precompile", &redact, "--cache-dir", &code];
        let (status, text, stderr) = weir(&[&arguments, flags].concat()).await;
        assert_eq!(status, Some(0), "{stderr}");
        assert!(text.starts_with("1 compiled into "), "{text}");
        let launch = Launch { cache: cache.path().to_owned(), ..Launch::new() };
        let launch = launch.exporter("nop", json!({})).processor("wasm/redact", json!({"plugin": redact}));
        let weir = launch.start().await;
        let metrics = weir.metrics().await;
        let looked_up = |result| metrics.sum("weir_plugin_code_cache_total", &[("result", result)]);
        assert_eq!((looked_up("hit"), looked_up("miss")), (1.0, 0.0), "{flags:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_said_to_be_compiled() {
    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let redact = plugin("redact").display().to_string();
    let at = open.path().display().to_string();
    let (code, _, stderr) = weir(&["plugin", "precompile", &redact, "--cache-dir", &at]).await;
    assert_eq!(code, Some(64));
    assert!(stderr.contains("there is no directory to keep them in that weir may trust"), "{stderr}");
}

/// A component that is small to write and large to compile: one function of very many values that are all alive.
fn bomb() -> String {
    let mut body = String::new();
    for i in 0..60_000 {
        body.push_str(&format!(
            "(local.set {i} (i64.rotl (i64.mul (local.get {}) (local.get 0)) (i64.const {})))",
            (i * 7919 + 1) % 60_000,
            i % 63
        ));
    }
    let locals = "i64 ".repeat(50_000);
    let body = body.replace("local.set 5", "local.set 4").replace("local.get 5", "local.get 4");
    format!("(component (core module (func (param i64) (local {locals}) {body})))")
}

#[tokio::test]
async fn a_plugin_that_blows_up_the_compiler_leaves_the_former_one_and_weir_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = Guest::Tag("test.tag", "old").install(dir.path(), "guest");
    let cache = tempfile::tempdir().unwrap();
    let launch = Launch { cache: cache.path().to_owned(), ..Launch::new() };
    let weir =
        launch.exporter("nop", json!({})).processor("wasm/guest", json!({"plugin": path})).start().await;
    let resident = resident_kib(weir.pid());
    let new = dir.path().join("new");
    std::fs::write(&new, bomb()).unwrap();
    std::fs::rename(&new, &path).unwrap();
    // Another plugin waits for its turn behind the bomb or not: health answers all along.
    wait::until("the bomb is refused", async || {
        assert_eq!(weir.health().await, Some(200));
        weir.stderr().contains("plugin cannot be loaded, the former version stays").then_some(())
    })
    .await;
    assert!(weir.is_running());
    let grown = resident_kib(weir.pid()).saturating_sub(resident);
    assert!(grown < 100 << 10, "the compiler's memory is not weir's: it grew by {grown} KiB");
}

fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}
