//! Prints what a walk, a view and a splice cost per item, in nanoseconds: 1000 logs of about 356 bytes and 1000 spans of
//! about 491 bytes, ten attributes each. `cargo run --release -p weir-otlp --example walk_ns`.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and its input is its own")]

use std::hint::black_box;
use std::time::Instant;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use weir_otlp::{
    Cursor, EditsRef, Interest, Plan, READ, Selector, Signal, Tape, View, WRITE, field, level, op,
};

const ITEMS: u64 = 1000;

fn main() {
    let logs = logs();
    let spans = spans();
    for (signal, request) in [(Signal::Logs, &logs), (Signal::Traces, &spans)] {
        println!("{}: {} bytes an item", signal.name(), request.len() as u64 / ITEMS);
        report("count", || {
            black_box(weir_otlp::count(signal, black_box(request)).unwrap());
        });
        measure("nothing selected", signal, request, &[]);
        measure("one key", signal, request, &[attribute("http.route", READ)]);
        measure("every attribute", signal, request, &[attribute("*", READ)]);
        let mut every = vec![attribute("*", READ)];
        for code in
            [field::BODY, field::SEVERITY_TEXT, field::NAME, field::STATUS_MESSAGE, field::TRACE_STATE]
        {
            every.push(Selector { field: code, access: READ, ..Selector::default() });
        }
        measure("every text", signal, request, &every);
        for code in [field::TRACE_ID, field::SPAN_ID, field::TIME, field::START_TIME, field::END_TIME] {
            every.push(Selector { field: code, access: READ, ..Selector::default() });
        }
        measure("every cell", signal, request, &every);
        let rename = [attribute("http.route", READ | WRITE), attribute("route", WRITE)];
        measure("rename one", signal, request, &rename);
    }
}

fn measure(what: &str, signal: Signal, request: &[u8], selectors: &[Selector]) {
    let interest = Interest { signals: signal.bit(), selectors: selectors.to_vec(), ..Interest::default() };
    let plan = Plan::new(signal, &[&interest]);
    let mut tape = Tape::default();
    report(&format!("{what}: walk"), || tape.walk(&plan, black_box(request)).unwrap());
    let mut view = View::default();
    let from = Cursor::default();
    report(&format!("{what}: view"), || {
        black_box(view.build(&plan, 0, &tape, request, from));
    });
    if selectors.iter().any(Selector::writes) {
        rename(what, &plan, request);
    }
}

/// Walk, view, apply and splice; only the last two are new.
fn rename(what: &str, plan: &Plan, request: &[u8]) {
    let (mut tape, mut view, mut out) = (Tape::default(), View::default(), Vec::new());
    tape.walk(plan, request).unwrap();
    view.build(plan, 0, &tape, request, Cursor::default()).unwrap();
    let cells = view.index()[2];
    let mut edits = vec![2, cells];
    for cell in 0..cells {
        edits.extend([u32::from(op::RENAME), cell, field::NAMED + 1, 0]);
    }
    let edits = EditsRef { index: &edits, bytes: &[] };
    let clean = tape.clone();
    report(&format!("{what}: clone"), || {
        tape.clone_from(&clean);
    });
    report(&format!("{what}: clone and apply"), || {
        tape.clone_from(&clean);
        black_box(tape.apply(plan, 0, &mut view, edits).unwrap());
    });
    report(&format!("{what}: splice"), || {
        out.clear();
        tape.splice(plan, request, &mut out);
        black_box(&out);
    });
}

/// The best of many rounds: the machine's noise only ever adds. Arguments: what to measure, and how many rounds.
fn report(what: &str, mut run: impl FnMut()) {
    let mut arguments = std::env::args().skip(1);
    let is_asked = arguments.next().is_none_or(|asked| what.contains(&asked));
    let rounds = arguments.next().map_or(400, |rounds| rounds.parse().unwrap());
    let mut best = u128::MAX;
    for _ in 0..if is_asked { rounds } else { 1 } {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_nanos());
    }
    if is_asked {
        println!("  {what:<32} {:>6.1} ns", best as f64 / ITEMS as f64);
    }
}

fn attribute(name: &str, access: u32) -> Selector {
    Selector {
        levels: 1 << level::ITEM,
        field: field::ATTRIBUTE,
        access,
        name: name.to_owned(),
        ..Selector::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn int(key: &str, value: i64) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::IntValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn resource() -> Option<Resource> {
    let attributes = vec![text("service.name", "checkout"), text("k8s.pod.name", "checkout-7d4b9c-x2x1")];
    Some(Resource { attributes, ..Resource::default() })
}

fn logs() -> Vec<u8> {
    let record = |i: u64| LogRecord {
        time_unix_nano: 1_790_000_000_000_000_000 + i,
        observed_time_unix_nano: 1_790_000_000_000_000_900 + i,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: text("", "order placed").value,
        attributes: vec![
            text("http.request.method", "POST"),
            text("http.route", "/api/v1/orders"),
            int("http.response.status_code", 200),
            text("user.id", &format!("user-{i:06}")),
            text("thread.name", "worker-3"),
            text("code.function", "place_order"),
            int("code.lineno", 211),
            text("app.tenant", "acme"),
            text("app.region", "eu-west-1"),
            int("app.latency_us", 1834 + i as i64),
        ],
        trace_id: (u128::from(i) << 64 | 0x5bd1).to_be_bytes().to_vec(),
        span_id: (i + 1).to_be_bytes().to_vec(),
        ..LogRecord::default()
    };
    let scope_logs =
        vec![ScopeLogs { log_records: (0..ITEMS).map(record).collect(), ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

fn spans() -> Vec<u8> {
    let span = |i: u64| Span {
        trace_id: (u128::from(i) << 64 | 0x5bd1).to_be_bytes().to_vec(),
        span_id: (i + 1).to_be_bytes().to_vec(),
        parent_span_id: (i + 7).to_be_bytes().to_vec(),
        name: "POST /api/v1/orders".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_790_000_000_000_000_000 + i,
        end_time_unix_nano: 1_790_000_000_000_900_000 + i,
        attributes: vec![
            text("http.request.method", "POST"),
            text("http.route", "/api/v1/orders"),
            text("url.full", &format!("https://shop.example/api/v1/orders?session={i:012}")),
            int("http.response.status_code", 200),
            text("server.address", "shop.example"),
            int("server.port", 443),
            text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0"),
            text("client.address", "203.0.113.77"),
            text("network.protocol.version", "1.1"),
            text("enduser.id", &format!("user-{i:06}")),
        ],
        status: Some(Status { code: 1, ..Status::default() }),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..ITEMS).map(span).collect(), ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}
