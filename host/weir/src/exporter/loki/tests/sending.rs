//! The exporter against a scripted Loki: what it sends, and what it makes of the answers.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use weir_otlp::Signal;

use super::*;
use crate::exporter::tests::Upstream;
use crate::exporter::{Compression, ExporterSettings, Headers, build};

fn settings(upstream: &Upstream) -> LokiSettings {
    let client = HttpClientSettings { compression: Compression::None, ..HttpClientSettings::default() };
    LokiSettings {
        endpoint: format!("http://{}/loki/api/v1/push", upstream.address),
        default_labels: LAYOUT.default_labels,
        encoding: PushEncoding::Proto,
        structured_metadata: true,
        client,
    }
}

async fn export(settings: LokiSettings, logs: Vec<LogRecord>) -> Result<Exported, ExportError> {
    let exporter = build("under_test", &ExporterSettings::Loki(Box::new(settings))).unwrap();
    let items = logs.len() as u64;
    exporter.export(Batch::new(Signal::Logs, request(Vec::new(), logs).into(), items)).await
}

fn answer(status: u16, text: &'static str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from_static(text.as_bytes()))).unwrap()
}

fn of_tenant(tenant: &str) -> LogRecord {
    log(text("x"), &[("t", tenant), ("loki.tenant", "t")])
}

fn header<'r>(request: &'r Request<Bytes>, name: &str) -> &'r str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_batch_is_one_post_of_snappy_protobuf() {
    let upstream = Upstream::start(vec![answer(204, "")]).await;
    let mut settings = settings(&upstream);
    settings.client.headers = Headers(vec![("x-scope-orgid".to_owned(), "acme".to_owned())]);
    // Enough for a thread of its own.
    let logs = vec![log(text(&"long ".repeat(100)), &[]); 200];
    assert_eq!(export(settings, logs).await, Ok(Exported::default()));
    let asked = upstream.asked().remove(0);
    assert_eq!((asked.method().as_str(), asked.uri().path()), ("POST", "/loki/api/v1/push"));
    assert_eq!(header(&asked, "content-type"), "application/x-protobuf");
    assert_eq!((header(&asked, "content-encoding"), header(&asked, "x-scope-orgid")), ("", "acme"));
    let push = Push { tenant: String::new(), body: asked.body().to_vec(), items: 0 };
    assert_eq!(decoded(&push).streams[0].entries.len(), 200);
}

#[tokio::test]
async fn json_is_named_and_compressed_by_gzip() {
    let upstream = Upstream::start(vec![answer(204, "")]).await;
    let mut settings = settings(&upstream);
    settings.encoding = PushEncoding::Json;
    settings.client.compression = Compression::Gzip;
    assert_eq!(export(settings, vec![log(text("x"), &[])]).await, Ok(Exported::default()));
    let asked = upstream.asked().remove(0);
    assert_eq!(
        (header(&asked, "content-type"), header(&asked, "content-encoding")),
        ("application/json", "gzip")
    );
    let push: Json = serde_json::from_reader(flate2::read::GzDecoder::new(&asked.body()[..])).unwrap();
    assert_eq!(push["streams"][0]["stream"]["level"], "INFO");
}

#[tokio::test]
async fn a_tenants_trouble_is_not_another_ones() {
    // b is busy, and c is told so all the same.
    let script = vec![answer(204, ""), answer(429, "slow down"), answer(400, "too old")];
    let upstream = Upstream::start(script).await;
    let tenants = || ["a", "b", "c"].map(of_tenant).to_vec();
    let mut own = settings(&upstream);
    own.client.headers = Headers(vec![("x-scope-orgid".to_owned(), "everybody".to_owned())]);
    let error = export(own, tenants()).await.unwrap_err();
    assert_eq!((error.retryable, error.upstream_said.as_deref()), (true, Some("slow down")));
    let asked = upstream.asked();
    assert_eq!(asked.iter().map(|asked| header(asked, "x-scope-orgid")).collect::<Vec<_>>(), ["a", "b", "c"]);

    let script = vec![answer(204, ""), answer(204, ""), answer(400, "too old")];
    let upstream = Upstream::start(script).await;
    let partial =
        Exported { rejected: 1, message: Some("the upstream answered HTTP 400: too old".to_owned()) };
    assert_eq!(export(settings(&upstream), tenants()).await, Ok(partial));
}

#[tokio::test]
async fn no_name_that_loki_would_refuse_gets_into_a_header() {
    let upstream = Upstream::start(vec![answer(204, "")]).await;
    let long = "x".repeat(151);
    let logs: Vec<_> = ["a b", "..", "a/b", "a\r\nx: y", &long, "gr\u{fc}n", "ok"].map(of_tenant).to_vec();
    let Exported { rejected, message } = export(settings(&upstream), logs).await.unwrap();
    let expected = "the attribute that loki.tenant names holds no name of a tenant";
    assert_eq!((rejected, message.as_deref()), (6, Some(expected)));
    assert_eq!(header(&upstream.asked()[0], "x-scope-orgid"), "ok");
}

#[tokio::test]
async fn logs_that_cannot_be_sent_at_all_are_refused_for_good() {
    let upstream = Upstream::start(Vec::new()).await;
    let mut unlabelled = settings(&upstream);
    unlabelled.default_labels = DefaultLabels { exporter: false, job: false, instance: false, level: false };
    let error = export(unlabelled, vec![log(text("x"), &[])]).await.unwrap_err();
    assert!(!error.retryable && error.message.contains("label"), "{error:?}");
    let settings = ExporterSettings::Loki(Box::new(settings(&upstream)));
    let batch = Batch::new(Signal::Logs, Bytes::from_static(&[0x0a, 5, 0]), 1);
    let error = build("under_test", &settings).unwrap().export(batch).await.unwrap_err();
    assert_eq!((error.retryable, error.code), (false, code::INVALID_ARGUMENT));
}
