//! Stack 3: a help desk made with junjo (`deploy/stacks/junjo/app.py`) in front of the weir of `deploy/stacks/junjo/weir.yaml`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_tests::{Client, Item, Launch, Oracle, Received, Signal, Upstream, Weir, items, stack, tls};

pub(crate) const LETTERS: usize = 60;
/// The variables that hold the keys, and the keys.
const KEYS: [(&str, &str); 3] = [
    ("JUNJO_API_KEY", "junjo-hush-1111"),
    ("TEMPO_TOKEN", "tempo-hush-2222"),
    ("HONEYCOMB_API_KEY", "honey-hush-3333"),
];

/// An urgent letter in five has nobody who takes it.
fn is_failed(number: usize) -> bool {
    number % 10 == 8
}

struct Junjo {
    sent: Upstream,
    junjo: Upstream,
    jaeger: Upstream,
    tempo: Upstream,
    honeycomb: Upstream,
    weir: Weir,
}

/// The weir of the stack, ready to be started.
pub(crate) fn launch(
    sent: &Upstream,
    junjo: &Upstream,
    jaeger: String,
    tempo: &Upstream,
    honeycomb: &Upstream,
) -> Launch {
    let pipelines = json!({
        "traces": {
            "receivers": ["otlp"], "processors": ["wasm/redact"],
            "exporters": ["otlp_grpc/junjo", "otlp_grpc/jaeger"],
        },
        "traces/sampled": {
            "receivers": ["otlp"], "processors": ["wasm/sample", "wasm/redact_sampled"],
            "exporters": ["otlp_http/tempo", "otlp_http/honeycomb"],
        },
    });
    let mut env = vec![
        ("JUNJO_ENDPOINT", junjo.address()),
        ("JAEGER_ENDPOINT", jaeger),
        ("TEMPO_URL", format!("http://{}", tempo.address())),
        ("HONEYCOMB_URL", format!("https://localhost:{}", honeycomb.port())),
    ];
    env.extend(KEYS.map(|(name, key)| (name, key.to_owned())));
    let mut launch = stack::launch("junjo", pipelines, sent, &env);
    // The authority of the tests, which no machine trusts by itself.
    let authority = tls::file("ca.pem").display().to_string();
    launch
        .args
        .extend(["--set".to_owned(), format!("exporters.otlp_http/honeycomb.tls.ca_file={authority}")]);
    launch
}

/// Runs the application to its end; `None` where junjo is not installed.
pub(crate) async fn app(weir: &Weir) -> Option<()> {
    let endpoint = format!("http://127.0.0.1:{}", weir.ports.grpc);
    let app = Client::Stack("../deploy/stacks/junjo/app.py");
    app.run(&[&endpoint, &LETTERS.to_string()], &[]).await.map(drop)
}

impl Junjo {
    /// The stack after the application has run; `None` where junjo is not installed.
    async fn run() -> Option<Junjo> {
        let (sent, junjo, jaeger) =
            (Upstream::start().await, Upstream::start().await, Upstream::start().await);
        let (tempo, honeycomb) = (Upstream::start().await, Upstream::start_tls().await);
        let weir = launch(&sent, &junjo, jaeger.address(), &tempo, &honeycomb).start().await;
        app(&weir).await?;
        Some(Junjo { sent, junjo, jaeger, tempo, honeycomb, weir })
    }
}

pub(crate) fn oracle(threshold: &str) -> Oracle<'_> {
    let mut texts: Vec<(String, &str)> = (0..LETTERS)
        .map(|number| (format!("grace.hopper{number}@example.com"), "[REDACTED:email]"))
        .collect();
    texts.push((
        ["sk-proj-", "Ab3dEf6hIj9kLm2nOp5q", "T3BlbkFJ", "Rs8tUv1wXy4zAb7cDe0f"].concat(),
        "[REDACTED:key]",
    ));
    Oracle { threshold, texts, resource: &[] }
}

/// The attributes of a span and of its events that hold a JSON document.
fn documents(span: &Item) -> Vec<(&String, Value)> {
    let texts = span.leaves.iter().filter_map(|(path, value)| Some((path, value.as_str()?)));
    let documents =
        texts.filter(|(path, text)| path.contains("attributes[junjo.") && text.starts_with(['{', '[']));
    documents.map(|(path, text)| (path, serde_json::from_str(text).expect("JSON stays JSON"))).collect()
}

/// Walks two documents at once: they have the same members in the same places, and the leaves that differ are texts. Those go into
/// `masked` by their path.
fn compare(before: &Value, after: &Value, path: &str, masked: &mut BTreeSet<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{path}");
            for (key, value) in before {
                compare(value, &after[key], &format!("{path}.{key}"), masked);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len(), "{path}");
            before
                .iter()
                .zip(after)
                .for_each(|(before, after)| compare(before, after, &format!("{path}[]"), masked));
        }
        (Value::String(before), Value::String(after)) if before != after => {
            assert!(after.contains("[REDACTED:"), "{path}: {after}");
            masked.insert(path.to_owned());
        }
        (before, after) => assert_eq!(before, after, "{path}"),
    }
}

fn by_type<'a>(spans: &'a [Item], of: &str) -> Vec<&'a Item> {
    spans.iter().filter(|span| *span.attribute("junjo.span_type") == of).collect()
}

#[tokio::test]
async fn junjo_s_state_comes_out_as_json_of_the_same_shape_with_what_is_secret_in_it_masked() {
    let Some(stack) = Junjo::run().await else { return };
    let (sent, arrived) = (stack.sent.delivered(), stack.junjo.delivered());
    let before = items::of(Signal::Traces, &sent);
    is_the_help_desk_s(&before);
    let outcome = oracle("").compare(Signal::Traces, &sent, &arrived);
    assert_eq!((outcome.sent, outcome.kept), (before.len(), before.len()));
    assert_eq!(oracle("").compare(Signal::Traces, &sent, &stack.jaeger.delivered()), outcome);

    let after = items::of(Signal::Traces, &arrived);
    let (mut masked, mut compared) = (BTreeSet::new(), BTreeSet::new());
    for span in &before {
        let same = after.iter().find(|one| one.key == span.key).unwrap();
        for ((path, before), (same_path, after)) in documents(span).iter().zip(&documents(same)) {
            assert_eq!(path, same_path);
            compare(before, after, "", &mut masked);
            compared.insert(path.as_str());
        }
        assert_eq!(documents(span).len(), documents(same).len());
    }
    for state in ["attributes[junjo.workflow.state.start]", "attributes[junjo.workflow.state.end]"] {
        assert!(compared.contains(state), "{compared:?}");
        assert!(outcome.masked.contains_key(state), "{outcome:?}");
    }
    assert!(compared.contains("events[0].attributes[junjo.state_json_patch]"), "{compared:?}");
    assert!(compared.contains("attributes[junjo.workflow.execution_graph_snapshot]"), "{compared:?}");
    // The last one is a patch of the state.
    let places = [
        ".answer",
        ".letter.sender",
        ".letter.text",
        ".lines[]",
        ".model.api_key",
        ".prompts[]",
        ".to",
        "[].value",
    ];
    assert_eq!(masked, places.map(str::to_owned).into());
    let graphs = outcome.masked.keys().filter(|path| path.contains("graph"));
    assert_eq!(graphs.count(), 0, "there is nothing secret in a graph");
}

/// What the application is known to send, whatever weir does.
fn is_the_help_desk_s(spans: &[Item]) {
    let failed = (0..LETTERS).filter(|number| is_failed(*number)).count();
    let (workflows, subflows) = (by_type(spans, "workflow"), by_type(spans, "subflow"));
    assert_eq!((workflows.len(), subflows.len()), (LETTERS, LETTERS - failed));
    let urgent = LETTERS / 2;
    assert_eq!(by_type(spans, "node").len(), LETTERS + urgent + 3 * (LETTERS - failed));
    assert_eq!(spans.iter().filter(|span| *span.at("status.code") == 2 && by_name(span)).count(), failed);
    for span in workflows {
        let state: Value = serde_json::from_str(span.text("attributes[junjo.workflow.state.start]")).unwrap();
        assert_eq!(state["model"]["temperature"], 0.5);
        assert_eq!(
            state["letter"]["sender"],
            format!("grace.hopper{}@example.com", state["letter"]["number"])
        );
        let number = state["letter"]["number"].as_u64().unwrap() as usize;
        let nodes = if is_failed(number) { 1 } else { 3 + usize::from(number.is_multiple_of(2)) };
        assert_eq!(*span.attribute("junjo.workflow.node.count"), nodes, "a number, and this one");
        assert!(state["letter"]["text"].as_str().unwrap().contains("Ünal\n\t/ \\"), "escapes of every kind");
    }
}

fn by_name(span: &Item) -> bool {
    span.text("name") == "help desk"
}

#[tokio::test]
async fn a_tenth_of_junjo_s_workflows_and_every_failure_reach_tempo_and_honeycomb_each_with_its_own_key() {
    let Some(stack) = Junjo::run().await else { return };
    let sent = stack.sent.delivered();
    let tenth = oracle("e666");
    for upstream in [&stack.tempo, &stack.honeycomb] {
        let outcome = tenth.compare(Signal::Traces, &sent, &upstream.delivered());
        assert!(outcome.kept > 0 && outcome.kept < outcome.sent / 2, "{outcome:?}");
    }
    let own = [
        (&stack.junjo, "x-junjo-api-key", "junjo-hush-1111"),
        (&stack.tempo, "authorization", "Bearer tempo-hush-2222"),
        (&stack.honeycomb, "x-honeycomb-team", "honey-hush-3333"),
    ];
    for (upstream, header, key) in own {
        assert!(upstream.delivered().iter().all(|one| one.headers[header] == key), "{header}");
    }
    let has_any = |one: &Received| own.iter().any(|(_, header, _)| one.headers.contains_key(*header));
    assert!(!stack.jaeger.delivered().iter().any(has_any));
    assert!(KEYS.iter().all(|(_, key)| !stack.weir.stderr().contains(key)));
}

#[tokio::test]
async fn what_the_readme_lays_over_the_configuration_is_valid() {
    for overlays in [&[][..], &["look.yaml"]] {
        let output = stack::validate("junjo", overlays).await;
        assert!(output.status.success(), "{overlays:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
