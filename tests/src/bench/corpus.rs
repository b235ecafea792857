//! The benchmark's requests, encoded before anything is timed: logs of about 356 bytes and spans of about 491
//! bytes with ten attributes each. One item in eight holds an e-mail address; half of the trace ids are below
//! the threshold of 50 % sampling.

use bytes::Bytes;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;

use crate::Signal;
use crate::requests::{NOW, attribute, int, logs, text, trace_id, traces};

/// One item in so many holds personal data.
const PRIVATE_EVERY: u64 = 8;

/// Encoded requests of one signal and size, to be sent round and round.
pub struct Corpus {
    /// Which signal.
    pub signal: Signal,
    /// Items in each request.
    pub items: u64,
    /// The requests.
    pub requests: Vec<Bytes>,
}

impl Corpus {
    /// Enough different requests that no cache holds all of them, with a bound on memory.
    pub fn new(signal: Signal, items: u64) -> Corpus {
        let count = (20_000 / items).clamp(16, 512);
        let requests =
            (0..count).map(|request| encode(signal, request * items..(request + 1) * items)).collect();
        Corpus { signal, items, requests }
    }

    /// Bytes of a request per item, on average.
    pub fn bytes_per_item(&self) -> f64 {
        let bytes: usize = self.requests.iter().map(Bytes::len).sum();
        bytes as f64 / (self.items * self.requests.len() as u64) as f64
    }
}

fn encode(signal: Signal, numbers: std::ops::Range<u64>) -> Bytes {
    match signal {
        Signal::Traces => traces(numbers.map(span).collect()).encode_to_vec().into(),
        Signal::Logs => logs(numbers.map(log).collect()).encode_to_vec().into(),
        Signal::Metrics | Signal::Profiles => panic!("the benchmark sends logs and spans"),
    }
}

fn span(number: u64) -> Span {
    let id = sampled_id(number);
    Span {
        trace_id: id.to_vec(),
        span_id: id[..8].to_vec(),
        parent_span_id: id[4..12].to_vec(),
        name: format!("POST /api/v1/orders/{}", number % 100),
        kind: 2,
        start_time_unix_nano: NOW + number * 1_000,
        end_time_unix_nano: NOW + number * 1_000 + 2_500_000,
        attributes: span_attributes(number),
        status: Some(Status { code: i32::from(number.is_multiple_of(2)), ..Status::default() }),
        ..Span::default()
    }
}

fn log(number: u64) -> LogRecord {
    let id = sampled_id(number);
    let body = if is_private(number) {
        format!("order {number} confirmed, shipment booked, mail sent to buyer{}@example.com", number % 1_000)
    } else {
        format!("order {number} confirmed after 2 attempts, shipment booked with the carrier")
    };
    LogRecord {
        time_unix_nano: NOW + number * 1_000,
        observed_time_unix_nano: NOW + number * 1_000 + 500,
        severity_number: 9,
        severity_text: "INFO".into(),
        body: Some(text(body)),
        attributes: log_attributes(number),
        trace_id: id.to_vec(),
        span_id: id[..8].to_vec(),
        flags: 1,
        ..LogRecord::default()
    }
}

fn span_attributes(number: u64) -> Vec<KeyValue> {
    let user = if is_private(number) { format!("buyer{}@example.com", number % 1_000) } else { "-".into() };
    vec![
        attribute("http.request.method", text("POST")),
        attribute("http.route", text("/api/v1/orders/{order_id}")),
        attribute("url.path", text(format!("/api/v1/orders/{}", number % 10_000))),
        attribute("server.address", text("orders.shop.svc.cluster.local")),
        attribute("server.port", int(8_080)),
        attribute("http.response.status_code", int(200)),
        attribute("network.protocol.version", text("1.1")),
        attribute(
            "user_agent.original",
            text("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 shop/2"),
        ),
        attribute("thread.name", text(format!("worker-{}", number % 16))),
        attribute("app.contact", text(user)),
    ]
}

fn log_attributes(number: u64) -> Vec<KeyValue> {
    vec![
        attribute("http.request.method", text("POST")),
        attribute("log.logger", text("shop.orders.api")),
        attribute("url.path", text(format!("/orders/{}", number % 10_000))),
        attribute("server.port", int(8_080)),
        attribute("code.line", int(117)),
        attribute("order.id", int(number as i64)),
        attribute("thread.id", int(i64::try_from(number % 16).unwrap_or(0))),
        attribute("tenant", text("blue")),
        attribute("retry", int(2)),
        attribute("region", text("eu-central-1")),
    ]
}

fn is_private(number: u64) -> bool {
    number.is_multiple_of(PRIVATE_EVERY)
}

/// A trace id whose last 56 bits, the randomness of consistent sampling, are above one half for every other
/// item. Pairs of items go the same way so that the private items are not all on one side.
fn sampled_id(number: u64) -> [u8; 16] {
    let mut id = trace_id(&number.to_string());
    let keep = (number / PRIVATE_EVERY + number).is_multiple_of(2);
    id[9] = if keep { id[9] | 0x80 } else { id[9] & 0x7f };
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_the_sizes_that_the_goals_were_set_for() {
        let spans = Corpus::new(Signal::Traces, 1_000).bytes_per_item();
        let logs = Corpus::new(Signal::Logs, 1_000).bytes_per_item();
        assert!((481.0..501.0).contains(&spans), "spans of {spans} bytes");
        assert!((346.0..366.0).contains(&logs), "logs of {logs} bytes");
    }

    #[test]
    fn half_of_the_items_and_half_of_the_private_ones_are_sampled_out() {
        let kept = |number: &u64| sampled_id(*number)[9] >= 0x80;
        assert_eq!((0..1_600).filter(kept).count(), 800);
        assert_eq!((0..1_600).filter(|number| is_private(*number)).filter(kept).count(), 100);
    }
}
