//! The exporter against a scripted upstream: what it sends, and what it makes of the answers.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use super::*;
use crate::exporter::tests::Upstream;
use crate::exporter::{ExporterSettings, Headers, build};

fn to(upstream: &Upstream) -> RemoteWriteSettings {
    RemoteWriteSettings { endpoint: format!("http://{}/api/v1/write", upstream.address), ..settings() }
}

async fn export(settings: RemoteWriteSettings, metrics: Vec<Metric>) -> Result<Exported, ExportError> {
    let exporter = build("under_test", &ExporterSettings::RemoteWrite(Box::new(settings))).unwrap();
    let payload = request(&[], None, metrics);
    exporter.export(Batch::new(Signal::Metrics, payload.into(), 1)).await
}

fn answer(status: u16, text: &'static str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from_static(text.as_bytes()))).unwrap()
}

fn header<'r>(request: &'r Request<Bytes>, name: &str) -> &'r str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn tagged(count: usize) -> Vec<Metric> {
    let point = |at: usize| point(&[("at", &format!("{at:0>100}"))], (0, 1), 1);
    vec![gauge("a", (0..count).map(point).collect())]
}

#[tokio::test]
async fn a_batch_is_one_post_of_snappy_protobuf_with_the_headers_of_remote_write() {
    let upstream = Upstream::start(vec![answer(204, "")]).await;
    let mut settings = to(&upstream);
    settings.client.headers = Headers(vec![("x-scope-orgid".to_owned(), "acme".to_owned())]);
    // Enough for a thread of its own.
    assert_eq!(export(settings, tagged(500)).await, Ok(Exported::default()));
    let asked = upstream.asked().remove(0);
    assert_eq!((asked.method().as_str(), asked.uri().path()), ("POST", "/api/v1/write"));
    for (name, value) in [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
        ("x-scope-orgid", "acme"),
    ] {
        assert_eq!(header(&asked, name), value, "{name}");
    }
    assert!(header(&asked, "user-agent").starts_with("weir/"));
    assert_eq!(read(asked.body()).timeseries.len(), 500);
}

#[tokio::test]
async fn a_part_that_is_refused_costs_no_other_and_one_that_may_pass_ends_the_attempt() {
    let split = |upstream: &Upstream| RemoteWriteSettings { batch_bytes_max: 1000, ..to(upstream) };
    let upstream = Upstream::start(vec![answer(204, ""), answer(400, "out of order"), answer(204, "")]).await;
    let Exported { rejected, message } = export(split(&upstream), tagged(15)).await.unwrap();
    let sizes: Vec<_> = upstream.asked().iter().map(|asked| read(asked.body()).timeseries.len()).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (3, 15));
    assert_eq!(
        (rejected, message.as_deref()),
        (sizes[1] as u64, Some("the upstream answered HTTP 400: out of order"))
    );

    let upstream = Upstream::start(vec![answer(204, ""), answer(503, "later")]).await;
    let error = export(split(&upstream), tagged(15)).await.unwrap_err();
    assert_eq!((error.retryable, error.upstream_said.as_deref()), (true, Some("later")));
    assert_eq!(upstream.asked().len(), 2, "the third one is not tried");
}

#[tokio::test]
async fn answers_are_what_remote_write_says_that_they_are() {
    for (status, retryable) in
        [(429, true), (500, true), (503, true), (599, true), (400, false), (404, false), (413, false)]
    {
        let upstream = Upstream::start(vec![answer(status, "because of hush-hush")]).await;
        let mut settings = to(&upstream);
        settings.client.headers = Headers(vec![("authorization".to_owned(), "Bearer hush-hush".to_owned())]);
        let error = export(settings, tagged(1)).await.unwrap_err();
        assert_eq!(error.retryable, retryable, "{status}");
        assert_eq!(error.upstream_said.as_deref(), Some("because of [REDACTED]"));
    }
    let patient = Response::builder().status(429).header("retry-after", "7");
    let upstream = Upstream::start(vec![patient.body(Full::new(Bytes::new())).unwrap()]).await;
    let error = export(to(&upstream), tagged(1)).await.unwrap_err();
    assert_eq!(error.retry_after, Some(std::time::Duration::from_secs(7)));
}

#[tokio::test]
async fn deltas_are_refused_with_what_to_do_and_without_a_request() {
    let upstream = Upstream::start(Vec::new()).await;
    let delta = || sum("a", DELTA, true, vec![point(&[], (1, 2), 1), point(&[("x", "y")], (1, 2), 1)]);
    let Exported { rejected, message } = export(to(&upstream), vec![delta()]).await.unwrap();
    assert_eq!((rejected, upstream.asked().len()), (2, 0));
    let message = message.unwrap();
    assert!(message.contains("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"), "{message}");

    let upstream = Upstream::start(vec![answer(400, "too old")]).await;
    let mut metrics = tagged(3);
    metrics.push(delta());
    // Nothing at all was taken.
    let error = export(to(&upstream), metrics).await.unwrap_err();
    assert!(!error.retryable, "{error:?}");
}

#[tokio::test]
async fn what_is_no_otlp_or_no_metrics_is_refused_for_good() {
    let upstream = Upstream::start(Vec::new()).await;
    let exporter = build("under_test", &ExporterSettings::RemoteWrite(Box::new(to(&upstream)))).unwrap();
    for (signal, payload, code) in [
        (Signal::Metrics, &[0x0a, 5, 0][..], code::INVALID_ARGUMENT),
        (Signal::Logs, &[][..], code::UNIMPLEMENTED),
    ] {
        let batch = Batch::new(signal, Bytes::copy_from_slice(payload), 1);
        let error = exporter.export(batch).await.unwrap_err();
        assert_eq!((error.retryable, error.code), (false, code));
    }
}
