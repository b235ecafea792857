//! Whole documents through the plugin, as files.

#[test]
fn what_comes_out_is_what_the_golden_files_say() {
    // The configurations name their files as seen from the plugin's own folder.
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    weir_sdk::testing::check_golden_files::<enrich::Enrich>("tests/golden");
}
