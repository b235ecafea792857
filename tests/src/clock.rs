//! The time of the clock, as OTLP has it: real backends judge telemetry by its age.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in unix nanoseconds.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_nanos()).expect("a clock before 2554")
}
