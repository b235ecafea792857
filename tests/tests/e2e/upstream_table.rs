//! What weir makes of every answer and every failure of an upstream: tried again or final, and what its sender is told on
//! both protocols. The table is OTLP's; `grpc` and `http` go through the codes, `patience` through the
//! delays that upstreams ask for, `broken` through connections that break, `hostile` through answers that are none.

use std::time::Duration;

use serde_json::{Value, json};
use tonic::Code;
use weir_tests::rpc::retry_delay;
use weir_tests::weir::plain_grpc;
use weir_tests::{GrpcSender, HttpSender, Launch, Signal, Upstream, Weir, requests};

mod broken;
mod grpc;
mod hostile;
mod http;
mod patience;

/// What a sender is told, over gRPC and over HTTP.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    grpc: Code,
    http: u16,
}

const fn told(grpc: Code, http: u16) -> Told {
    Told { grpc, http }
}

const OK: Told = told(Code::Ok, 200);
const TRY_AGAIN: Told = told(Code::Unavailable, 503);

/// What becomes of a request that is answered like this once, and with success from then on.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It is delivered, and its sender told so.
    Taken,
    /// It is sent a second time, and its sender told OK.
    Retried,
    /// It is not sent again, and its sender is told this.
    Final(Told),
}

/// The same request over both protocols. Each says what it was told, and after how long it may try again.
struct Senders {
    grpc: GrpcSender,
    http: HttpSender,
}

impl Senders {
    fn of(weir: &Weir) -> Senders {
        Senders { grpc: GrpcSender::new(weir.ports.grpc), http: HttpSender::new(weir.ports.http) }
    }

    async fn grpc(&self, tag: &str) -> (Code, Option<Duration>) {
        let body = requests::unique(Signal::Logs, tag, ITEMS);
        match self.grpc.send(Signal::Logs, body).await {
            Ok(_) => (Code::Ok, None),
            Err(status) => (status.code(), retry_delay(status.details())),
        }
    }

    async fn http(&self, tag: &str) -> (u16, Option<Duration>) {
        let body = requests::unique(Signal::Logs, tag, ITEMS);
        let reply = self.http.send(Signal::Logs, body).await;
        (reply.status, reply.header("retry-after").parse().ok().map(Duration::from_secs))
    }
}

/// Items in each request.
const ITEMS: usize = 2;

/// Sends a request over each protocol, before each of which `prepare` arranges for the upstream's next answer, and compares
/// what becomes of them, and what is counted, with what should.
async fn check(what: &str, weir: &Weir, attempts: &dyn Fn() -> usize, prepare: &dyn Fn(), fate: Fate) {
    let senders = Senders::of(weir);
    let (told, times) = match fate {
        Fate::Taken => (OK, 1),
        Fate::Retried => (OK, 2),
        Fate::Final(told) => (told, 1),
    };
    let (before, counted) = (attempts(), counts(weir).await);
    prepare();
    assert_eq!(senders.grpc(what).await.0, told.grpc, "{what}");
    assert_eq!(attempts() - before, times, "attempts for {what} from gRPC");
    let before = attempts();
    prepare();
    assert_eq!(senders.http(what).await.0, told.http, "{what}");
    assert_eq!(attempts() - before, times, "attempts for {what} from HTTP");
    let items = 2.0 * ITEMS as f64;
    let expected = if told == OK { [items, 0.0] } else { [0.0, items] };
    let after = counts(weir).await;
    assert_eq!([after[0] - counted[0], after[1] - counted[1]], expected, "sent and failed for {what}");
}

/// Items sent, and items failed.
async fn counts(weir: &Weir) -> [f64; 2] {
    let metrics = weir.metrics().await;
    ["otelcol_exporter_sent_log_records_total", "otelcol_exporter_send_failed_log_records_total"]
        .map(|name| metrics.sum(name, &[]))
}

fn grpc_settings(address: &str) -> Value {
    plain_grpc(address)
}

fn http_settings(address: &str) -> Value {
    json!({"endpoint": format!("http://{address}"), "compression": "none"})
}

/// A weir with this exporter, and everything else by default.
async fn weir(exporter: &str, settings: Value) -> Weir {
    Launch::new().exporter(exporter, settings).start().await
}

/// The same without retries, so that the first failure is told.
async fn impatient(exporter: &str, mut settings: Value) -> Weir {
    settings["retry_on_failure"] = json!({"enabled": false});
    weir(exporter, settings).await
}

fn received(upstream: &Upstream) -> impl Fn() -> usize {
    || upstream.received().len()
}
