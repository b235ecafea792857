//! Counters, which weir publishes as `weir_plugin_counter_total{plugin, counter, label}`.

/// Adds to a counter. Count per batch, not per item: each call crosses the boundary. A plugin has at most 64
/// different pairs of counter and label, of at most 64 bytes each; what goes beyond is added to `("other", "")`.
pub fn add(counter: &str, label: &str, value: u64) {
    if value > 0 {
        crate::host::counter_add(counter, label, value);
    }
}
