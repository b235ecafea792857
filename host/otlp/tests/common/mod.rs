//! Generators and oracles of this crate's tests. The fuzz targets in `fuzz/` share them.
//!
//! - `dice`: decisions out of bytes, so that proptest and a fuzzer drive the same generators.
//! - `requests`, `odd`: valid requests as messages, and the same with all that the wire format allows beside.
//! - `model`, `decode`: what a request says, as a plain tree made from opentelemetry-proto's messages.
//! - `interests`, `seen`: what a plugin may see, computed from the tree, and read from a real view.
//! - `change`: random edits, applied to the tree one after the other.
//! - `objects`: single objects of OTLP/JSON.
//! - `checks`, `declared`, `json`: the properties themselves.
//! - `read`: borrowed messages against decoded ones.
//! - `split`: the parts of a request against the whole.
//! - `mutate`: changed copies of inputs, for runs without a fuzzer.
#![allow(dead_code, reason = "each test uses another part")]
#![allow(missing_docs, reason = "shared by tests, not a library")]
#![allow(clippy::unwrap_used, reason = "a test or a fuzz target may panic")]

pub mod change;
pub mod checks;
pub mod declared;
pub mod decode;
pub mod dice;
pub mod interests;
pub mod json;
pub mod model;
pub mod mutate;
pub mod objects;
pub mod odd;
pub mod outline;
pub mod read;
pub mod read_metrics;
pub mod requests;
pub mod seen;
pub mod split;
