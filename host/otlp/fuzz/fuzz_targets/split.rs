//! The parts of a request say what it said; nothing is lost of what can be counted, and nothing panics.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::split::split_of_valid_request(data);
    common::split::split_of_any_bytes(data);
    common::split::split_of_mutated_request(data);
});
