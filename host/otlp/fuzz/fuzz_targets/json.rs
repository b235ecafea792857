//! Whatever a JSON text is, it is refused or becomes a valid request; what the walk accepts has JSON and comes back from it.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::json::any_text(data);
    common::json::mutated_text(data);
    common::json::round_trip(data);
    common::json::any_request(data);
    common::json::difference_of_two(data);
});
