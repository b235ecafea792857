//! The real Rust SDK over gRPC and HTTP.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use weir_tests::{Launch, Signal, Upstream, ids};

const ITEMS: u64 = 100;

/// The SDK exports on threads of its own, which have no runtime: this client lends them the one of the test.
#[derive(Debug)]
struct Client {
    runtime: Handle,
    hyper: HyperClient,
}

impl HttpClient for Client {
    fn send_bytes<'this, 'out>(
        &'this self,
        request: http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 'out>>
    where
        'this: 'out,
        Self: 'out,
    {
        let hyper = self.hyper.clone();
        let sending = self.runtime.spawn(async move { hyper.send_bytes(request).await });
        Box::pin(async move { sending.await? })
    }
}

impl Client {
    fn new() -> Client {
        let hyper = HyperClient::with_default_connector(Duration::from_secs(10), None);
        Client { runtime: Handle::current(), hyper }
    }
}

/// A hundred spans, log records and data points with ids; the providers are shut down on a thread where waiting
/// is allowed, for they wait for their last export.
async fn emit(spans: SpanExporter, logs: LogExporter, metrics: MetricExporter) {
    let tracers = SdkTracerProvider::builder().with_batch_exporter(spans).build();
    let loggers = SdkLoggerProvider::builder().with_batch_exporter(logs).build();
    let meters = SdkMeterProvider::builder().with_periodic_exporter(metrics).build();
    let (tracer, logger) = (tracers.tracer("test"), loggers.logger("test"));
    let counter = meters.meter("test").u64_counter("test.count").build();
    for number in 0..ITEMS {
        let id = |signal: &str| KeyValue::new(ids::KEY, format!("{signal}-{number}"));
        let span = tracer.span_builder("work").with_attributes([id("span")]).start(&tracer);
        drop(span);
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Info);
        record.set_body(AnyValue::from("worked"));
        record.add_attribute(Key::from(ids::KEY), format!("log-{number}"));
        logger.emit(record);
        counter.add(1, &[id("point")]);
    }
    tokio::task::spawn_blocking(move || {
        tracers.shutdown().expect("spans are exported");
        loggers.shutdown().expect("log records are exported");
        meters.shutdown().expect("data points are exported");
    })
    .await
    .expect("the shutdown does not panic");
}

fn everything_arrived(upstream: &Upstream) {
    let delivered = upstream.delivered_ids();
    assert_eq!((delivered.len() as u64, delivered.doubled().len()), (3 * ITEMS, 0));
    for signal in Signal::READ {
        assert!(upstream.delivered().iter().any(|one| one.signal == signal));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_rust_sdk_sends_over_grpc_arrives() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_http(&upstream.address()).start().await;
    let endpoint = format!("http://127.0.0.1:{}", weir.ports.grpc);
    emit(
        SpanExporter::builder().with_tonic().with_endpoint(&endpoint).build().unwrap(),
        LogExporter::builder().with_tonic().with_endpoint(&endpoint).build().unwrap(),
        MetricExporter::builder().with_tonic().with_endpoint(&endpoint).build().unwrap(),
    )
    .await;
    everything_arrived(&upstream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_rust_sdk_sends_over_http_arrives() {
    let upstream = Upstream::start().await;
    let weir = Launch::new().to_grpc(&upstream.address()).start().await;
    let at = |signal: Signal| format!("http://127.0.0.1:{}{}", weir.ports.http, signal.http_path());
    let (traces, logs, metrics) = (at(Signal::Traces), at(Signal::Logs), at(Signal::Metrics));
    emit(
        SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_endpoint(traces)
            .build()
            .unwrap(),
        LogExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_endpoint(logs)
            .build()
            .unwrap(),
        MetricExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_endpoint(metrics)
            .build()
            .unwrap(),
    )
    .await;
    everything_arrived(&upstream);
}
