//! Where the programs are: what `make backends` has built, or what Debian has.

use std::path::{Path, PathBuf};

const DEBIAN: &str = "/usr/bin";

/// A program from the cache. `None` if it is not there, which it says; fails instead where it is required.
pub fn found(name: &str) -> Option<PathBuf> {
    cached(name).or_else(|| {
        assert!(!are_required(), "{name} is not in the cache; make backends builds it");
        eprintln!("skipped: {name} is not in the cache; make backends builds it");
        None
    })
}

/// `promtool`, from the cache or Debian's. `None` if neither is there, which it says.
pub fn promtool() -> Option<PathBuf> {
    cached_or_debian("promtool")
}

pub(super) fn prometheus(is_recent: bool) -> Option<PathBuf> {
    if is_recent { found("prometheus") } else { cached_or_debian("prometheus") }
}

pub(super) fn is_cached(program: &Path) -> bool {
    !program.starts_with(DEBIAN)
}

fn cached_or_debian(name: &str) -> Option<PathBuf> {
    let debian = Path::new(DEBIAN).join(name);
    if cached(name).is_none() && debian.is_file() && !are_required() { Some(debian) } else { found(name) }
}

fn cached(name: &str) -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || {
        let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
        Some(cache.join("weir-backends"))
    };
    let file = variable("BACKENDS").or_else(cache)?.join("bin").join(name);
    file.is_file().then_some(file)
}

fn are_required() -> bool {
    std::env::var_os("WEIR_BACKENDS").is_some_and(|value| value == "required")
}
