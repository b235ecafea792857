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

/// The static binary of this processor, if `make image` has built it.
pub fn static_binary() -> Option<PathBuf> {
    let target = format!("static/{}-unknown-linux-musl/release/weir", std::env::consts::ARCH);
    Some(target_dir().join(target)).filter(|path| path.is_file())
}

/// A shipped plugin, `redact` for instance. Panics if it was not built.
pub fn plugin(name: &str) -> PathBuf {
    built(target_dir().join("plugins").join(format!("{name}.wasm")))
}

/// A file of this crate, `recorded/python-traces.bin` for instance.
pub fn source_file(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A tool of the deployment tests, which `make deploy-tools` installs. `None` where it is not, which is said.
pub fn tool(name: &str) -> Option<PathBuf> {
    let own = source_file(".cache/tools/bin").join(name);
    if own.is_file() {
        return Some(own);
    }
    eprintln!("skipped: {name} is not installed here, `make deploy-tools` installs it");
    None
}

fn built(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "{} is not there: run `make build` first", path.display());
    path
}
