//! Prints what a clean value costs natively, where the scanner's vectors are plain arrays: a first look at a
//! change, not the figure that counts, which is measured in Wasm by `make bench`.
//!
//!     cargo run --release -p weir-redact --example clean_values
#![allow(clippy::print_stdout, reason = "printing is what it does")]

use std::time::Instant;

use redact::Redact;
use serde_json::{Map, Value, json};
use weir_sdk::testing::{Document, Harness, Packed};

const ITEMS: usize = 512;
const ROUNDS: usize = 200;

fn attributes(number: usize) -> Value {
    let route = format!("/api/v1/orders/{}/items/{number}", number * 7919);
    let host = format!("svc-{}.prod.svc.cluster.local", number % 40);
    let texts = [
        ("http.request.method", "GET"),
        ("url.path", &route),
        ("server.address", &host),
        ("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
        ("http.route", "/api/v1/orders/{id}/items/{item}"),
        ("service.version", "1.14.2-rc.1+build.5"),
        ("message", "request finished and returned 200 after 12 ms"),
    ];
    Value::Object(texts.into_iter().map(|(key, text)| (key.to_owned(), json!(text))).collect::<Map<_, _>>())
}

fn main() -> Result<(), String> {
    let items = (0..ITEMS).map(|number| json!({"attributes": attributes(number)})).collect();
    let document = Document::traces(items);
    let mut harness = Harness::<Redact>::new(Value::Null)?;
    let packed = Packed::new(&document, harness.interest()).ok_or("nothing is selected")?;
    let (values, bytes) = (packed.batch(harness.interest())?.cell_count(), packed.bytes.len());
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        harness.edits(&packed)?;
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    println!("{values} values of {} bytes: {:.1} ns a value", bytes / values, best / values as f64);
    Ok(())
}
