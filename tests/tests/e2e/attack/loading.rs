//! Guests that never come to a batch: each is refused with a sentence that names it and says why, and what runs runs on.

use std::path::Path;

use serde_json::json;
use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir, requests, weir};

use super::{ATTACK, Host, saying};

/// Each guest with what the operator is told; the name of the plugin is the guest's, with `-` for `/`.
const REFUSED: [(&str, &str); 37] = [
    (
        "component/another_version",
        "exports weir:plugin/processor@9.0.0, but this weir needs weir:plugin/processor@0.1.0",
    ),
    ("component/core_module", "is no WebAssembly component that weir can compile"),
    (
        "component/host_function_of_another_shape",
        "imports component imports instance `weir:plugin/host@0.1.0`",
    ),
    ("component/host_function_unknown", "imports component imports instance `weir:plugin/host@0.1.0`"),
    ("component/http_import", "imports wasi:http/outgoing-handler@0.2.0, which weir does not offer"),
    ("component/misshapen", "did not start: "),
    ("component/nothing", "does not export weir:plugin/processor@0.1.0"),
    ("component/process_missing", "exports weir:plugin/processor@0.1.0 without the function `process`"),
    ("component/six_hundred_instances", "did not start: "),
    ("component/unknown_import", "imports acme:secrets/vault@1.0.0, which weir does not offer"),
    ("configure/access_unknown", "selector 0 of the interest asks for neither reading nor writing"),
    ("configure/answer_beyond_memory", "did not start: bad_output: "),
    ("configure/data_beyond_memory", "did not start: trap: "),
    ("configure/discriminant_unknown", "did not start: bad_output: "),
    ("configure/exceptions", "is no WebAssembly component that weir can compile"),
    ("configure/exits", "did not start: trap: "),
    ("configure/field_unknown", "selector 0 of the interest names a field that does not exist"),
    ("configure/garbage_collection", "is no WebAssembly component that weir can compile"),
    ("configure/key_missing", "selector 0 of the interest asks for an attribute without a key"),
    ("configure/key_not_utf8", "did not start: bad_output: "),
    ("configure/key_of_a_field", "selector 0 of the interest has a name, which only attributes may have"),
    ("configure/key_too_long", "selector 0 of the interest has a key of more than 1024 bytes"),
    ("configure/level_unknown", "selector 0 of the interest names no level that exists"),
    ("configure/memory_of_4_gib", "did not start: memory: wants "),
    ("configure/more_of_4_billion", "did not start: bad_output: "),
    ("configure/no_signal", "the interest names no signal"),
    ("configure/refuses_at_length", "refuses its configuration: xxxx"),
    ("configure/refuses_over_several_lines", "refuses its configuration: first"),
    ("configure/selectors_beyond_memory", "did not start: bad_output: "),
    ("configure/selectors_of_4_billion", "did not start: bad_output: "),
    ("configure/shared_memory", "is no WebAssembly component that weir can compile"),
    ("configure/start_traps", "did not start: trap: "),
    ("configure/table_of_ten_million", "did not start: "),
    ("configure/takes_all_memory", "did not start: memory: wants "),
    ("configure/too_many_selectors", "the interest has 1025 selectors, more than 1024"),
    ("configure/traps", "did not start: trap: "),
    ("configure/loops", "did not start: timeout: "),
];

/// The longest line that any of them may cause.
const LINE_BYTES_MAX: usize = 10_000;

/// The guests of this file.
pub(super) fn guests() -> Vec<&'static str> {
    REFUSED
        .iter()
        .map(|(guest, _)| *guest)
        .chain([
            "configure/start_loops",
            "configure/selects_keys_of_several_lines",
            "configure/wants_everything",
        ])
        .collect()
}

/// A weir that tags what it sends, with a plugin from this directory.
async fn tagging(plugins: &Path, upstream: &Upstream) -> Weir {
    Guest::Tag("test.tag", "good").install(plugins, "tag");
    let launch = Launch::new().to_grpc(&upstream.address());
    launch.processor("wasm", json!({"directory": plugins})).start().await
}

async fn still_tags(weir: &Weir, upstream: &Upstream) {
    assert_eq!(weir.health().await, Some(200));
    let body = requests::unique(Signal::Logs, "tagged", 2);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    let resource = requests::log_resource(&upstream.delivered().pop().unwrap().body);
    assert_eq!(requests::text_of(&resource, "test.tag"), Some("good"));
}

#[tokio::test]
async fn guests_that_cannot_run_are_refused_by_name_while_the_others_run_on() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let weir = tagging(plugins.path(), &upstream).await;
    for (guest, _) in REFUSED {
        Guest::Hostile(guest).install(plugins.path(), &guest.replace('/', "-"));
    }
    for (guest, reason) in REFUSED {
        let name = guest.replace('/', "-");
        let told = weir_tests::wait::within(std::time::Duration::from_secs(60), guest, async || {
            let stderr = weir.stderr();
            let line = stderr.lines().find(|line| line.contains(&format!("reason=\"plugin {name} ")))?;
            Some(line.to_owned())
        })
        .await;
        assert!(told.contains("plugin cannot be loaded, nothing of it runs"), "{told}");
        assert!(told.contains(reason), "{guest}: {told}");
        assert!(told.len() < LINE_BYTES_MAX, "{guest}: {} bytes", told.len());
        still_tags(&weir, &upstream).await;
    }
    super::words::is_not_fooled(&weir.stderr());
    for (guest, _) in REFUSED {
        let labels = [("plugin", &*guest.replace('/', "-")), ("result", "failure")];
        let failed = weir.metrics().await.sum("weir_plugin_reloads_total", &labels);
        assert_eq!(failed, 1.0, "{guest}");
    }
}

#[tokio::test]
async fn a_new_version_that_hangs_in_its_start_leaves_the_former_one_at_work() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let weir = tagging(plugins.path(), &upstream).await;
    Guest::Hostile("configure/start_loops").install(plugins.path(), "tag");
    weir_tests::wait::until("the new version is refused", async || {
        still_tags(&weir, &upstream).await;
        weir.stderr().contains("plugin cannot be loaded, the former version stays").then_some(())
    })
    .await;
    weir.stderr_says("plugin tag did not start: timeout: ").await;
    still_tags(&weir, &upstream).await;
}

#[tokio::test]
async fn the_words_of_a_guest_that_ends_the_start_are_one_line() {
    for (guest, words) in [
        ("configure/refuses_over_several_lines", "plugin guest refuses its configuration: first\\n"),
        ("configure/refuses_at_length", "plugin guest refuses its configuration: xxx"),
    ] {
        let plugins = tempfile::tempdir().unwrap();
        let plugin = Guest::Hostile(guest).install(plugins.path(), "guest");
        let mut weir = Launch::new()
            .exporter("nop", json!({}))
            .processor("wasm/guest", json!({"plugin": plugin}))
            .spawn()
            .await;
        assert_ne!(weir.wait().await.code(), Some(0));
        weir.stderr_says(words).await;
        let stderr = weir.stderr();
        let line = stderr.lines().find(|line| line.contains(words)).unwrap();
        assert!(line.len() < LINE_BYTES_MAX, "{} bytes", line.len());
        for line in stderr.lines() {
            assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{line:?}");
            assert!(!line.contains("forged") || line.contains("plugin guest refuses its"), "{line:?}");
        }
    }
}

#[tokio::test]
async fn inspect_shows_the_names_of_a_guest_without_what_a_terminal_would_obey() {
    let plugins = tempfile::tempdir().unwrap();
    for guest in ["configure/selects_keys_of_several_lines", "configure/refuses_over_several_lines"] {
        let plugin = Guest::Hostile(guest).install(plugins.path(), "guest");
        let output = weir::run(&["plugin", "inspect", plugin.to_str().unwrap()], plugins.path()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("forged"), "{text}");
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{2028}'), "{text:?}");
        assert!(text.lines().all(|line| !line.starts_with("forged")), "{text:?}");
    }
}

#[tokio::test]
async fn a_guest_may_ask_for_everything_and_is_seen_to() {
    let host = Host::start("configure/wants_everything", json!({})).await;
    host.delivers_unchanged("it changes nothing", saying(ATTACK)).await;
    host.weir.stderr_says(r#"reads="attribute *, body" writes="attribute *, body" drops=true"#).await;
    assert_eq!(host.all_failures().await, 0.0);
}
