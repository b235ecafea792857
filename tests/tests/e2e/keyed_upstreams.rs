//! One application with one exporter to loopback, four upstreams: each with a key of its own in a header of its own, over gRPC, HTTP
//! and HTTP with TLS, two of them with half of the traces and two with a tenth. Each gets what is its own, and no key is told to
//! anybody else.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tonic::Code;
use weir_tests::build::plugin;
use weir_tests::items::hex;
use weir_tests::requests::{self, attribute, span, text, text_of, unique_ids};
use weir_tests::{
    Answer, GrpcSender, HttpSender, Launch, Oracle, Received, Signal, Upstream, Weir, http, tls, wait, weir,
};

use prost::Message;

const TRACES: usize = 600;
const EMAIL: &str = "ada.lovelace@example.org";

/// The variables that hold the keys, and the keys.
const KEYS: [(&str, &str); 4] = [
    ("JUNJO_API_KEY", "junjo-hush-1111"),
    ("JAEGER_KEY", "jaeger-hush-2222"),
    ("TEMPO_TOKEN", "tempo-hush-3333"),
    ("HONEYCOMB_KEY", "honey-hush-4444"),
];

/// What a tenth and a half are, as thresholds of randomness.
const TENTH: Oracle<'static> = Oracle { threshold: "e666", texts: Vec::new(), resource: &[] };
const HALF: Oracle<'static> = Oracle { threshold: "8", texts: Vec::new(), resource: &[] };

struct Upstreams {
    junjo: Upstream,
    jaeger: Upstream,
    tempo: Upstream,
    honeycomb: Upstream,
}

impl Upstreams {
    async fn start() -> Upstreams {
        Upstreams {
            junjo: Upstream::start().await,
            jaeger: Upstream::start().await,
            tempo: Upstream::start().await,
            honeycomb: Upstream::start_tls().await,
        }
    }

    fn all(&self) -> [&Upstream; 4] {
        [&self.junjo, &self.jaeger, &self.tempo, &self.honeycomb]
    }

    fn exporters(&self) -> Value {
        json!({
            "otlp_grpc/junjo": {
                "endpoint": self.junjo.address(), "tls": {"insecure": true},
                "headers": {"x-junjo-api-key": "${env:JUNJO_API_KEY}"},
            },
            "otlp_grpc/jaeger": {
                "endpoint": self.jaeger.address(), "tls": {"insecure": true},
                "headers": {"x-jaeger-key": "${env:JAEGER_KEY}"},
            },
            "otlp_http/tempo": {
                "endpoint": format!("http://{}", self.tempo.address()),
                "headers": {"authorization": "Bearer ${env:TEMPO_TOKEN}"},
            },
            "otlp_http/honeycomb": {
                "endpoint": format!("https://localhost:{}", self.honeycomb.port()),
                "headers": {"x-honeycomb-team": "${env:HONEYCOMB_KEY}"},
                "tls": {"ca_file": tls::file("ca.pem")},
            },
        })
    }

    /// The weir between. What its two samplers drop is told apart by their files, which therefore are two, in `plugins`.
    fn launch(&self, plugins: &Path) -> Launch {
        let mut launch = Launch::new();
        launch.config["exporters"] = self.exporters();
        let sample = |name: &str, percentage: u32| {
            let file = plugins.join(format!("{name}.wasm"));
            std::fs::copy(plugin("sample"), &file).unwrap();
            json!({"plugin": file, "config": {"percentage": percentage}})
        };
        launch.config["processors"] = json!({
            "wasm/half": sample("half", 50), "wasm/tenth": sample("tenth", 10),
            "wasm/redact_half": {"plugin": plugin("redact")}, "wasm/redact_tenth": {"plugin": plugin("redact")},
        });
        launch.config["service"]["pipelines"] = json!({
            "traces/half": {
                "receivers": ["otlp"], "processors": ["wasm/half", "wasm/redact_half"],
                "exporters": ["otlp_grpc/junjo", "otlp_grpc/jaeger"],
            },
            "traces/tenth": {
                "receivers": ["otlp"], "processors": ["wasm/tenth", "wasm/redact_tenth"],
                "exporters": ["otlp_http/tempo", "otlp_http/honeycomb"],
            },
        });
        launch.config["service"]["telemetry"]["logs"] = json!({"level": "debug"});
        launch.env = KEYS.map(|(name, key)| (name.to_owned(), key.to_owned())).into();
        launch
    }
}

/// Traces of two spans, in requests of a hundred spans; the second span names a person.
async fn send(weir: &Weir) {
    let sender = GrpcSender::new(weir.ports.grpc);
    for chunk in unique_ids("keyed", TRACES).chunks(50) {
        let spans = chunk.iter().flat_map(|id| {
            let (root, mut child) = (span(id), span(id));
            child.span_id[0] ^= 0xff;
            child.parent_span_id.clone_from(&root.span_id);
            child.attributes.push(attribute("mail", text(EMAIL)));
            [root, child]
        });
        sender.send(Signal::Traces, requests::traces(spans.collect()).encode_to_vec()).await.unwrap();
    }
}

/// The traces that arrived, each of them whole.
fn arrived(received: &[Received]) -> BTreeSet<String> {
    let spans: Vec<_> = received.iter().flat_map(|one| requests::spans(&one.body)).collect();
    for span in &spans {
        let mail = text_of(&span.attributes, "mail");
        assert_eq!(mail, (!span.parent_span_id.is_empty()).then_some("[REDACTED:email]"));
    }
    let traces: BTreeSet<String> = spans.iter().map(|span| hex(&span.trace_id)).collect();
    assert_eq!(spans.len(), 2 * traces.len(), "both spans of each trace are there, once");
    traces
}

fn sampled(oracle: &Oracle<'_>) -> BTreeSet<String> {
    let ids = unique_ids("keyed", TRACES);
    let traces = ids.iter().map(|id| requests::trace_id(id));
    traces.filter(|trace| oracle.is_sampled(trace)).map(|trace| hex(&trace)).collect()
}

#[tokio::test]
async fn each_upstream_gets_its_own_header_and_its_own_share_and_the_smaller_share_is_a_part_of_the_larger() {
    let (upstreams, plugins) = (Upstreams::start().await, tempfile::tempdir().unwrap());
    let weir = upstreams.launch(plugins.path()).start().await;
    send(&weir).await;
    let (half, tenth) = (sampled(&HALF), sampled(&TENTH));
    assert!(tenth.is_subset(&half) && tenth.len() > TRACES / 20 && half.len() < TRACES * 3 / 5);
    let own = [
        ("x-junjo-api-key", "junjo-hush-1111", &half, "ot=th:8"),
        ("x-jaeger-key", "jaeger-hush-2222", &half, "ot=th:8"),
        ("authorization", "Bearer tempo-hush-3333", &tenth, "ot=th:e666"),
        ("x-honeycomb-team", "honey-hush-4444", &tenth, "ot=th:e666"),
    ];
    for (upstream, (header, key, share, state)) in upstreams.all().into_iter().zip(own) {
        let received = upstream.delivered();
        assert_eq!(arrived(&received), *share, "{header}");
        for one in &received {
            assert_eq!(one.headers.get(header).unwrap(), key);
            let others = own.iter().filter(|(other, ..)| *other != header);
            for (other, other_key, ..) in others {
                assert!(!one.headers.contains_key(*other), "{other} is told to the upstream of {header}");
                assert!(!one.headers.values().any(|value| value == other_key));
            }
            assert!(requests::spans(&one.body).iter().all(|span| span.trace_state == state), "{header}");
        }
    }
    assert!(upstreams.junjo.delivered().iter().all(Received::is_grpc));
    assert!(!upstreams.honeycomb.delivered().iter().any(Received::is_grpc));
}

/// Everything that weir shows on its pages, and what it has printed.
async fn pages(weir: &Weir) -> Vec<String> {
    let mut told = vec![weir.stderr(), weir.stdout()];
    let ports = [(weir.ports.metrics, "/metrics"), (weir.ports.health, "/"), (weir.ports.health, "/plugins")];
    for (port, path) in ports {
        let reply = http::get(port, path).await.unwrap();
        told.push(format!("{:?} {}", reply.headers, reply.text()));
    }
    told
}

/// What `weir validate` says of the configuration with these values at these places.
async fn validated(good: &Value, changes: &[(&str, Value)]) -> String {
    let mut config = good.clone();
    for (pointer, value) in changes {
        *config.pointer_mut(pointer).unwrap() = value.clone();
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("weir.yaml"), config.to_string()).unwrap();
    run(&["validate", "--config", "weir.yaml"], dir.path()).await
}

async fn run(arguments: &[&str], dir: &Path) -> String {
    let mut command = weir::command(None);
    let output = command.args(arguments).current_dir(dir).envs(KEYS).output().await.unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Upstreams that each do what goes wrong with keys.
fn fail(upstreams: &Upstreams) {
    upstreams.junjo.always(Answer::Grpc(Code::Unauthenticated, None));
    upstreams.jaeger.always(Answer::Reset);
    upstreams.tempo.always(Answer::Http(401, None));
    upstreams.honeycomb.always(Answer::Http(403, None));
}

#[tokio::test]
async fn no_key_is_told_by_any_page_line_answer_or_command_whatever_its_upstream_does() {
    let (upstreams, plugins) = (Upstreams::start().await, tempfile::tempdir().unwrap());
    let mut launch = upstreams.launch(plugins.path());
    for exporter in launch.config["exporters"].as_object_mut().unwrap().values_mut() {
        exporter["retry_on_failure"] = json!({"enabled": false});
    }
    let good = launch.config.clone();
    let weir = launch.start().await;
    send(&weir).await;
    let mut told = pages(&weir).await;
    fail(&upstreams);
    let failed = requests::unique(Signal::Traces, "failed", 60);
    let status = GrpcSender::new(weir.ports.grpc).send(Signal::Traces, failed.clone()).await.unwrap_err();
    told.push(format!("{status:?}"));
    let reply = HttpSender::new(weir.ports.http).send(Signal::Traces, failed).await;
    assert_ne!(reply.status, 200);
    told.push(format!("{:?} {}", reply.headers, reply.text()));
    wait::until("every upstream has refused something", async || {
        upstreams.all().iter().all(|one| one.received().len() > one.delivered().len()).then_some(())
    })
    .await;

    let tempo = "/exporters/otlp_http~1tempo";
    let mistakes = [
        (format!("{tempo}/endpoint"), json!("${env:TEMPO_TOKEN}")),
        (format!("{tempo}/headers"), json!("Bearer ${env:TEMPO_TOKEN}")),
        (
            "/exporters/otlp_grpc~1junjo/headers".to_owned(),
            json!({"x-junjo-api-key": "${env:JUNJO_API_KEY}\n"}),
        ),
        ("/exporters/otlp_http~1honeycomb/tls".to_owned(), json!({"min_version": "${env:HONEYCOMB_KEY}"})),
        ("/service/telemetry/logs/level".to_owned(), json!("${env:JAEGER_KEY}")),
    ];
    assert!(validated(&good, &[]).await.contains("is valid"));
    for (number, (pointer, value)) in (1..).zip(&mistakes) {
        let said = validated(&good, &[(pointer.as_str(), value.clone())]).await;
        assert!(!said.contains("is valid"), "{pointer}: {said}");
        told.push(said);
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value.clone();
        weir.reconfigure(&bad);
        weir.reloads("failure", number).await;
    }
    // Anything that prints a configuration, should there be such a command.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("weir.yaml"), good.to_string()).unwrap();
    for command in ["print-config", "validate", "components"] {
        told.push(run(&[command, "--config", "weir.yaml"], dir.path()).await);
    }
    told.extend(pages(&weir).await);
    for (name, key) in KEYS {
        for told in &told {
            assert!(!told.contains(key), "{name} is told: {told}");
        }
    }
}
