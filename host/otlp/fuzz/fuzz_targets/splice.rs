//! Plugins see what the decoded message says, and the spliced request says what their edits say.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    common::checks::chain_of_plugins(data);
    common::checks::plugin_of_everything(data);
});
