//! The walk accepts what a decoder accepts, and panics on nothing.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::checks::walk_of_any_bytes(data);
    common::checks::walk_of_mutated_request(data);
});
