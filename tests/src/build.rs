//! Where `make build` leaves things.

use std::path::{Path, PathBuf};

/// Cargo's target directory, found from the running test or benchmark.
pub fn target_dir() -> PathBuf {
    let own = std::env::current_exe().expect("a running program has a path");
    let release = own
        .ancestors()
        .find(|dir| dir.ends_with("release"))
        .unwrap_or_else(|| panic!("{} is not in a release directory: run with --release", own.display()));
    release.parent().expect("release is inside the target directory").to_path_buf()
}

/// The binary under test. Panics if it was not built.
pub fn weir_binary() -> PathBuf {
    built(target_dir().join("release").join("weir"))
}

/// The binary without a compiler, if `make runtime-only` has built it.
pub fn runtime_only_binary() -> Option<PathBuf> {
    Some(target_dir().join("runtime-only/release/weir")).filter(|path| path.is_file())
}

/// A shipped plugin, `redact` for instance. Panics if it was not built.
pub fn plugin(name: &str) -> PathBuf {
    built(target_dir().join("plugins").join(format!("{name}.wasm")))
}

/// A file of this crate, `recorded/python-traces.bin` for instance.
pub fn source_file(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn built(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{} is not there: run `make build` first", path.display());
    path
}
