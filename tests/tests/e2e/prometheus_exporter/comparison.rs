//! The same metrics to weir and to the Collector: their pages have to say the same, but for what the table below lists.
//!
//! | what | the Collector | weir | why |
//! |---|---|---|---|
//! | labels without a value | `otel_scope_version=""` | left out | they mean the same to Prometheus |
//! | `_created` in OpenMetrics | left out | written | OpenTelemetry's specification asks for it; protobuf has it in both |
//! | `add_metric_suffixes: false`, which is deprecated | has no effect | as it says | the file says so |
//! | a histogram without a sum | `_sum` 0 | left out | nobody knows it |
//! | labels that collide | the metric is dropped | joined with `;` | OpenTelemetry's specification |
//! | `le`, `quantile`, `job`, `instance` of a sender | the metric is dropped | `exported_...` | what Prometheus itself does |
//! | a delta that overlaps | replaces a sum | is refused | it would take back what was counted |
//! | exponential histograms as deltas | see upstream | added up | as all other deltas |
//! | order of lines | by name, then by values | by name, then by labels | both are the same on every page |

use std::collections::BTreeMap;

use serde_json::json;
use weir_tests::metrics::Metrics;
use weir_tests::{Backend, HttpSender, Signal, wait};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};
use prost::Message;

use super::corpus::{CUMULATIVE, DELTA, counter, gauge, histogram, of_service, point, rich, sum};
use super::{Scraped, scrape};

/// The exporter's settings, and what is sent.
type Case = (serde_json::Value, Vec<ExportMetricsServiceRequest>);

fn cases() -> Vec<Case> {
    let odd_names = || {
        of_service(vec![
            gauge(
                "a__b..c-d",
                "",
                vec![point(&[("x..y", "1"), ("_z", "2"), ("1st", "3"), ("\u{fc}ber.a", "4")], 1.0)],
            ),
            gauge("1st.metric", "1/s", vec![point(&[], 0.5)]),
            gauge("bytes.read", "By", vec![point(&[], 1e21)]),
            gauge("ratio.of.things", "1", vec![point(&[], 1.0 / 3.0)]),
            gauge("rate", "{packet}/s", vec![point(&[], f64::INFINITY)]),
            counter("requests.total.count", "{request}", vec![point(&[], 12_345_678.0)]),
            counter("bytes", "By", vec![point(&[], 0.0)]),
            counter("speed", "m/s", vec![point(&[], 1e-7)]),
            counter("odd.unit", "my_unit/fortnight", vec![point(&[], 7.0)]),
            sum("queue", "{item}", CUMULATIVE, false, vec![point(&[("q", "\\\n\"")], -7.5)]),
            histogram("h.total", "ms", &[("k", "v")]),
        ])
    };
    let deltas = || {
        let start = super::corpus::now() - 60_000_000_000;
        let at = |from: u64, to: u64, value: i64| NumberDataPoint {
            start_time_unix_nano: start + from * 1_000_000_000,
            time_unix_nano: start + to * 1_000_000_000,
            value: Some(number_data_point::Value::AsInt(value)),
            ..point(&[("a", "b")], 0.0)
        };
        let request = |point| of_service(vec![sum("done", "", DELTA, true, vec![point])]);
        vec![request(at(1, 2, 5)), request(at(2, 3, 7)), request(at(9, 10, 4)), request(at(10, 11, 1))]
    };
    vec![
        (json!({}), vec![rich()]),
        (json!({}), vec![odd_names()]),
        (json!({"namespace": "agentstack"}), vec![rich(), odd_names()]),
        (json!({"translation_strategy": "UnderscoreEscapingWithoutSuffixes"}), vec![rich(), odd_names()]),
        (json!({"translation_strategy": "NoUTF8EscapingWithSuffixes"}), vec![rich()]),
        (json!({"translation_strategy": "NoTranslation"}), vec![rich(), odd_names()]),
        (json!({"without_scope_info": true}), vec![rich()]),
        (json!({"const_labels": {"env": "prod"}, "send_timestamps": false}), vec![rich()]),
        (json!({"resource_to_telemetry_conversion": {"enabled": true}}), vec![rich()]),
        (
            json!({"resource_constant_labels": {"included": ["k8s.*", "process.*"], "excluded": ["*.pid"]}}),
            vec![rich()],
        ),
        (json!({}), deltas()),
    ]
}

/// What a page says, whatever its order.
#[derive(Debug, Default, PartialEq)]
struct Page {
    types: BTreeMap<String, String>,
    helps: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Page {
    fn parse(text: &str) -> Page {
        let mut page = Page::default();
        for line in text.lines().filter_map(|line| line.strip_prefix("# ")) {
            let mut words = line.splitn(3, ' ');
            let (what, name, rest) = (words.next(), words.next().unwrap_or_default(), words.next());
            let into = if what == Some("TYPE") { &mut page.types } else { &mut page.helps };
            into.insert(name.to_owned(), rest.unwrap_or_default().to_owned());
        }
        for sample in Metrics::parse(text).samples() {
            let labels: Vec<String> = sample
                .labels
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!("{name}={value:?}"))
                .collect();
            page.samples.insert(format!("{}{{{}}}", sample.name, labels.join(",")), sample.value);
        }
        page
    }
}

#[tokio::test]
async fn weir_and_the_collector_make_the_same_page_of_the_same_metrics() {
    for (settings, requests) in cases() {
        let mut exporter = settings.clone();
        exporter["endpoint"] = json!("127.0.0.1:${env:SCRAPE}");
        let config = json!({
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": "127.0.0.1:${env:HTTP}"}}}},
            "exporters": {"prometheus": exporter},
            "service": {"pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["prometheus"]}}},
        });
        let Some(collector) = Backend::collector(&config.to_string()).await else { return };
        let scraped = Scraped::start(settings.clone()).await;
        for request in &requests {
            scraped.send(request, 0).await;
            let reply = HttpSender::new(collector.http).send(Signal::Metrics, request.encode_to_vec()).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
        let accept = [("accept", "text/plain;version=0.0.4")];
        let ours = Page::parse(&scraped.text().await);
        assert!(ours.samples.len() > 1, "{ours:?}");
        let theirs = wait::until("the Collector has a page", async || {
            let theirs = Page::parse(&scrape(collector.scrape, &accept).await.text());
            (!theirs.samples.is_empty()).then_some(theirs)
        })
        .await;
        assert_eq!(ours, theirs, "{settings}");
    }
}
