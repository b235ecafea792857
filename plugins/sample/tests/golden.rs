//! Whole documents through the plugin, as files.

#[test]
fn what_comes_out_is_what_the_golden_files_say() {
    weir_sdk::testing::check_golden_files::<sample::Sample>(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden"
    ));
}
