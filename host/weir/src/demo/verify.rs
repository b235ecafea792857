//! Whether what arrived is right: computed here from the recorded requests, with nothing taken from weir's word.

use std::collections::BTreeMap;

use weir_otlp::Signal;

use super::items::Item;
use super::recorded::SECRETS;

/// Half of the traces: those whose id's lower 56 bits are not below this.
const THRESHOLD: u64 = 1 << 55;

/// What `enrich` adds to every resource by the demo's configuration.
pub(super) const ENRICHED: (&str, &str) = ("resource k8s.pod.name", "demo-pod");

/// What the application has said itself, and the configuration of `enrich` would say otherwise.
const LEFT_ALONE: (&str, &str) = ("resource deployment.environment.name", "demo");

/// Items by signal.
pub(super) type Counts = BTreeMap<Signal, u64>;

/// Whether the sampler must keep an item.
pub(super) fn is_expected(item: &Item) -> bool {
    match item.signal {
        Signal::Traces | Signal::Logs => item.is_error || randomness(&item.trace_id) >= THRESHOLD,
        Signal::Metrics | Signal::Profiles => true,
    }
}

/// The lower 56 bits of a trace id, which are random (W3C Trace Context, level 2).
fn randomness(trace_id: &[u8]) -> u64 {
    let low = trace_id.last_chunk::<8>().copied().unwrap_or_default();
    u64::from_be_bytes(low) & ((1 << 56) - 1)
}

/// Everything that is wrong with what arrived; empty if it is right.
pub(super) fn faults(expected: &Counts, arrived: &[Item]) -> Vec<String> {
    let mut faults = Vec::new();
    for (signal, &expected) in expected {
        let count = arrived.iter().filter(|item| item.signal == *signal).count() as u64;
        if count != expected {
            let items = signal.items_name();
            faults.push(format!("{count} {items} arrived where {expected} should have"));
        }
    }
    for (what, secret) in SECRETS {
        let is_leak = |item: &&Item| item.fields.iter().any(|(_, value)| value.contains(secret));
        let leaks = arrived.iter().filter(is_leak).count();
        if leaks > 0 {
            faults.push(format!("{what} is still in {leaks} items"));
        }
    }
    for (wanted, value) in [ENRICHED, LEFT_ALONE] {
        let has = |item: &&Item| item.fields.iter().any(|(place, found)| place == wanted && found == value);
        let lacking = arrived.iter().filter(|item| !has(item)).count();
        if lacking > 0 {
            faults.push(format!("{lacking} items lack {wanted} = {value}"));
        }
    }
    let broken =
        arrived.iter().flat_map(|item| &item.fields).filter(|(_, value)| is_broken_json(value)).count();
    if broken > 0 {
        faults.push(format!("{broken} JSON strings are no JSON any more"));
    }
    faults
}

/// A string that looks like a JSON document, as some recorded ones do, and is none.
fn is_broken_json(value: &str) -> bool {
    value.starts_with("{\"") && serde_json::from_str::<serde_json::Value>(value).is_err()
}
