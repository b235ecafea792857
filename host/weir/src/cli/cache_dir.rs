//! Where compiled plugins are kept when nobody says where.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::arguments::Cache;
use crate::config::Environment;

/// The directory for compiled plugins, or `None` if nothing is to be kept.
pub fn resolve(cache: &Cache, environment: &dyn Environment) -> Option<PathBuf> {
    match cache {
        Cache::Off => None,
        Cache::At(directory) => Some(directory.clone()),
        Cache::Usual => Some(usual(environment)),
    }
}

/// The XDG cache directory, that below the home directory, or one of this user's in the temporary directory.
fn usual(environment: &dyn Environment) -> PathBuf {
    let absolute = |name: &str| {
        environment.var(name).map(PathBuf::from).filter(|path| path.is_absolute() && path != Path::new("/"))
    };
    if let Some(cache) = absolute("XDG_CACHE_HOME") {
        return cache.join("weir");
    }
    // In a container without a user the home directory is `/`, where nothing can be written.
    if let Some(home) = absolute("HOME") {
        return home.join(".cache/weir");
    }
    let temporary = absolute("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp"));
    temporary.join(format!("weir-{}", user()))
}

/// The number of the user that this process runs as: processes belong to it in `/proc`.
fn user() -> u32 {
    std::fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_first_directory_that_the_environment_names_is_taken() {
        let temporary = format!("/t/weir-{}", user());
        for (variables, directory) in [
            (&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")][..], "/c/weir"),
            (&[("HOME", "/h"), ("TMPDIR", "/t")], "/h/.cache/weir"),
            (&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")], "/h/.cache/weir"),
            (&[("HOME", "/"), ("TMPDIR", "/t")], temporary.as_str()),
        ] {
            let resolved = resolve(&Cache::Usual, &environment(variables));
            assert_eq!(resolved, Some(PathBuf::from(directory)), "{variables:?}");
        }
    }

    #[test]
    fn a_directory_of_the_command_line_is_taken_as_it_is() {
        let environment = environment(&[("HOME", "/h")]);
        assert_eq!(resolve(&Cache::At(PathBuf::from("x")), &environment), Some(PathBuf::from("x")));
        assert_eq!(resolve(&Cache::Off, &environment), None);
    }
}
