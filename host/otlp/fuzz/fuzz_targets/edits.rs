//! Whatever a plugin answers is refused without a trace, or leaves a valid request.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| common::checks::any_edits(data));
