//! The Collector's `probabilistic_sampler`, which is the shipped plugin `sample`: against the real Collector where it is in the
//! cache, and by its place in the accounts.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value, json};
use weir_tests::backend::Backend;
use weir_tests::requests::{
    array, attribute, int, log, log_records, logs, span, spans, text, text_of, traces, unique, unique_ids,
};
use weir_tests::{GrpcSender, Launch, Signal, Upstream, build, ids, wait};

/// Items of one request.
const BATCH: usize = 1000;
/// What both are given of each signal and configuration.
const ITEMS: usize = 10_000;

/// What became of an item: not there if it was dropped, else its threshold and randomness, "" for none.
type Fates = BTreeMap<String, (String, String)>;

fn fates_of_spans(bodies: &[bytes::Bytes]) -> Fates {
    let fate = |span: Span| {
        let entry = span.trace_state.split(',').find_map(|member| member.strip_prefix("ot=")).unwrap_or("");
        let value = |key: &str| {
            let values = entry.split(';').filter_map(|pair| pair.split_once(':'));
            values.filter(|(known, _)| *known == key).map(|(_, value)| value.to_owned()).collect::<String>()
        };
        let id = text_of(&span.attributes, ids::KEY).unwrap().to_owned();
        (id, (value("th"), value("rv")))
    };
    bodies.iter().flat_map(|body| spans(body)).map(fate).collect()
}

fn fates_of_logs(bodies: &[bytes::Bytes]) -> Fates {
    let fate = |record: LogRecord| {
        let value = |key: &str| text_of(&record.attributes, key).unwrap_or_default().to_owned();
        (value(ids::KEY), (value("sampling.threshold"), value("sampling.randomness")))
    };
    bodies.iter().flat_map(|body| log_records(body)).map(fate).collect()
}

/// One that is behind a Collector and a weir with the same configuration of the processor.
struct Pair {
    collector: Backend,
    behind_collector: Upstream,
    weir: weir_tests::Weir,
    behind_weir: Upstream,
}

impl Pair {
    /// `None` where there is no Collector.
    async fn start(keys: &Value) -> Option<Pair> {
        let (behind_collector, behind_weir) = (Upstream::start().await, Upstream::start().await);
        let exporter = json!({
            "endpoint": behind_collector.address(), "tls": {"insecure": true}, "compression": "none",
            "sending_queue": {"enabled": false},
        });
        let pipeline =
            json!({"receivers": ["otlp"], "processors": ["probabilistic_sampler"], "exporters": ["otlp"]});
        let config = json!({
            "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:${env:GRPC}"}}}},
            "processors": {"probabilistic_sampler": keys},
            "exporters": {"otlp": exporter},
            "service": {"pipelines": {"traces": pipeline, "logs": pipeline}},
        });
        let collector = Backend::collector(&config.to_string()).await?;
        let mut launch = Launch::new().to_grpc(&behind_weir.address());
        launch.config["processors"]["probabilistic_sampler"] = keys.clone();
        for signal in ["traces", "logs"] {
            launch.config["service"]["pipelines"][signal]["processors"] = json!(["probabilistic_sampler"]);
        }
        Some(Pair { collector, behind_collector, weir: launch.start().await, behind_weir })
    }

    /// What became of the items of a request in the Collector and in weir.
    async fn fates(&self, signal: Signal, bodies: &[Vec<u8>]) -> (Fates, Fates) {
        let (collector, weir) = (GrpcSender::new(self.collector.grpc), GrpcSender::new(self.weir.ports.grpc));
        for body in bodies {
            collector.send(signal, body.clone()).await.unwrap();
            weir.send(signal, body.clone()).await.unwrap();
        }
        // Both answer when their upstream has.
        let of = |upstream: &Upstream| {
            let delivered = upstream.delivered().into_iter().filter(|one| one.signal == signal);
            let bodies: Vec<_> = delivered.map(|one| one.body).collect();
            if signal == Signal::Traces { fates_of_spans(&bodies) } else { fates_of_logs(&bodies) }
        };
        (of(&self.behind_collector), of(&self.behind_weir))
    }
}

fn assert_same(collector: &Fates, weir: &Fates, what: &str) {
    let kept = collector.len();
    for (id, fate) in collector {
        assert_eq!(weir.get(id), Some(fate), "{what}: {id}, which the Collector keeps so");
    }
    for (id, fate) in weir {
        assert!(collector.contains_key(id), "{what}: {id} is kept with {fate:?}, which the Collector drops");
    }
    assert!(kept > 0 && kept < ITEMS, "{what}: {kept} of {ITEMS}, which shows nothing");
}

fn batches<T>(items: Vec<T>, encode: impl Fn(Vec<T>) -> Vec<u8>) -> Vec<Vec<u8>> {
    let (mut batches, mut items) = (Vec::new(), items.into_iter().peekable());
    while items.peek().is_some() {
        batches.push(encode(items.by_ref().take(BATCH).collect()));
    }
    batches
}

/// Spans with and without a priority, and now and then one without a trace.
fn all_spans() -> Vec<Vec<u8>> {
    let one = |(number, id): (usize, &String)| {
        let mut span = span(id);
        match number % 20 {
            1 => span.attributes.push(attribute("sampling.priority", int(number as i64 % 3 - 1))),
            2 => span.attributes.push(attribute("sampling.priority", text("0"))),
            3 => span.attributes.push(attribute("sampling.priority", text("no number"))),
            4 => span.trace_state = "vendor=a:b,other=c".into(),
            rest if rest == WITHOUT_TRACE => span.trace_id = Vec::new(),
            _ => {}
        }
        span
    };
    let spans = unique_ids("s", ITEMS).iter().enumerate().map(one).collect();
    batches(spans, |spans| traces(spans).encode_to_vec())
}

/// Records with and without a trace, a key of each kind, and a percentage of their own.
fn all_records() -> Vec<Vec<u8>> {
    let one = |(number, id): (usize, &String)| {
        let mut record = log(id);
        if is_traceless_record(number) {
            record.trace_id = Vec::new();
        }
        match number % 7 {
            0 => {}
            1 => record.attributes.push(attribute("logID", int(number as i64))),
            2 => record.attributes.push(attribute("logID", text(""))),
            3 => record.attributes.push(attribute("logID", double(number as f64 / 8.0 * 1e-7))),
            4 => record.attributes.push(attribute("logID", double(number as f64 * 1e19))),
            _ => record.attributes.push(attribute("logID", text(format!("id-{id}")))),
        }
        match number % 11 {
            0 => record.attributes.push(attribute("priority", int(number as i64 % 99 + 1))),
            1 => record.attributes.push(attribute("priority", double(10.125))),
            2 => record.attributes.push(attribute("priority", text("100"))),
            3 => record.attributes.push(attribute("priority", array([int(1)]))),
            _ => {}
        }
        record
    };
    let records = unique_ids("l", ITEMS).iter().enumerate().map(one).collect();
    batches(records, |records| logs(records).encode_to_vec())
}

fn double(value: f64) -> opentelemetry_proto::tonic::common::v1::AnyValue {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    opentelemetry_proto::tonic::common::v1::AnyValue { value: Some(Value::DoubleValue(value)) }
}

#[tokio::test]
async fn ten_thousand_items_meet_the_same_fate_as_in_the_collector_and_say_the_same() {
    let (spans, records) = (all_spans(), all_records());
    for keys in [
        json!({"sampling_percentage": 15.3}),
        json!({"sampling_percentage": 33.3, "hash_seed": 22, "fail_closed": false}),
        json!({"sampling_percentage": 0.7, "hash_seed": 4294967295_u32, "sampling_priority": "priority"}),
        json!({"sampling_percentage": 50, "hash_seed": 7, "attribute_source": "record", "from_attribute": "logID"}),
        json!({
            "sampling_percentage": 20, "from_attribute": "logID", "sampling_priority": "priority",
            "fail_closed": false, "sampling_precision": 6,
        }),
        json!({"sampling_percentage": 33.3, "mode": "equalizing", "sampling_precision": 6}),
        json!({"sampling_percentage": 12.5, "mode": "proportional", "sampling_priority": "priority"}),
    ] {
        let Some(pair) = Pair::start(&keys).await else { return };
        let (collector, weir) = pair.fates(Signal::Traces, &spans).await;
        let [collector, weir] = [collector, weir].map(|fates| silenced(fates, is_without_trace));
        assert_same(&collector, &weir, &format!("spans, {keys}"));
        let (collector, weir) = pair.fates(Signal::Logs, &records).await;
        let [collector, weir] = [collector, weir].map(|fates| silenced(fates, is_traceless_record));
        assert_same(&collector, &weir, &format!("records, {keys}"));
    }
}

#[tokio::test]
async fn what_it_drops_is_counted_under_its_id_and_the_accounts_balance() {
    let upstream = Upstream::start().await;
    let keys = json!({"sampling_percentage": 25, "mode": "equalizing"});
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.config["processors"]["probabilistic_sampler/quarter"] = keys;
    launch.config["service"]["pipelines"]["traces"]["processors"] = json!(["probabilistic_sampler/quarter"]);
    let weir = launch.start().await;
    let body = unique(Signal::Traces, "s", 400);
    GrpcSender::new(weir.ports.grpc).send(Signal::Traces, body).await.unwrap();
    let kept = spans(&upstream.deliveries(1).await[0].body);
    assert!(kept.len() > 50 && kept.len() < 200, "{} of 400", kept.len());
    assert!(kept.iter().all(|span| span.trace_state == "ot=th:c"));
    let labels = [("plugin", "probabilistic_sampler/quarter"), ("signal", "traces"), ("reason", "plugin")];
    let dropped = weir.metrics().await.sum("weir_plugin_items_dropped_total", &labels);
    assert_eq!(dropped, (400 - kept.len()) as f64);
    // The accounts are looked at when `weir` is dropped; here with the processor of another type than wasm.
    weir.settle().await;
}

#[tokio::test]
async fn a_reload_with_another_percentage_is_another_sampler() {
    let upstream = Upstream::start().await;
    let mut launch = Launch::new().to_grpc(&upstream.address());
    let with = |config: &mut Value, percentage: f64| {
        config["processors"]["probabilistic_sampler"] = json!({"sampling_percentage": percentage});
        config["service"]["pipelines"]["logs"]["processors"] = json!(["probabilistic_sampler"]);
    };
    with(&mut launch.config, 0.0);
    let mut config = launch.config.clone();
    let weir = launch.start().await;
    assert!(weir.stderr().contains("sampling_percentage is 0, so nothing passes"), "{}", weir.stderr());
    let send = async |tag: &str| {
        let body = unique(Signal::Logs, tag, 50);
        GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
    };
    send("before").await;
    with(&mut config, 100.0);
    weir.reconfigure(&config);
    weir.reloads("success", 1).await;
    send("after").await;
    wait::until("the later ones are there", async || (upstream.delivered_ids().len() == 50).then_some(()))
        .await;
    assert!(upstream.delivered_ids().iter().all(|id| id.starts_with("after-")));
}

#[tokio::test]
async fn a_weir_that_does_not_find_the_plugin_says_where_it_has_looked_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let config = "receivers: {otlp: {protocols: {grpc: }}}
processors:
  probabilistic_sampler: {sampling_percentage: 10}
exporters: {nop: }
service: {pipelines: {traces: {receivers: [otlp], processors: [probabilistic_sampler], exporters: [nop]}}}
";
    std::fs::write(dir.path().join("c.yaml"), config).unwrap();
    let mut command = tokio::process::Command::new(build::weir_binary());
    command.args(["validate", "--config", "c.yaml"]).current_dir(dir.path()).env("WEIR_PLUGINS", "/nowhere");
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = "c.yaml:3:3: processors::probabilistic_sampler: needs the plugin sample.wasm, which comes with weir, and it \
                    is not in /nowhere; set WEIR_PLUGINS to the directory in which it is (`make build` leaves it in \
                    target/plugins)\n";
    assert_eq!(said, expected);
}

/// The fates of items that have nothing to be judged by, without what is said of them: the Collector makes up an entry for what
/// it keeps of them, a threshold of 0 for instance, and weir leaves them as they are.
fn silenced(fates: Fates, is_meant: fn(usize) -> bool) -> Fates {
    let number = |id: &str| id.rsplit('-').next().and_then(|number| number.parse::<usize>().ok());
    let silence = |(id, (threshold, randomness)): (String, (String, String))| {
        let is_made_up = randomness.is_empty() || randomness == "ffffffffffffff";
        let is_silent = is_made_up && number(&id).is_some_and(is_meant);
        (id, if is_silent { Default::default() } else { (threshold, randomness) })
    };
    fates.into_iter().map(silence).collect()
}

/// The rest by 20 of the numbers of such spans.
const WITHOUT_TRACE: usize = 5;

fn is_without_trace(number: usize) -> bool {
    number % 20 == WITHOUT_TRACE
}

fn is_traceless_record(number: usize) -> bool {
    number.is_multiple_of(3)
}
