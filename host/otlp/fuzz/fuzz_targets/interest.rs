//! Whatever a plugin declares is refused with a reason, or can be served.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::declared::any_interest(data));
