//! Where the plugins are that come with weir: for processors of the Collector that are one of them with another configuration.

use std::path::{Path, PathBuf};

use crate::config::Environment;

/// Names their directory, and then nothing else is looked at.
const VARIABLE: &str = "WEIR_PLUGINS";
/// Where packages and the image put them.
const INSTALLED: &str = "/usr/share/weir/plugins";

/// The file of a shipped plugin. The error says where it was looked for and what to do.
pub fn plugin(name: &str, environment: &dyn Environment) -> Result<PathBuf, String> {
    let named = environment.var(VARIABLE).filter(|directory| !directory.is_empty());
    find(name, &places(named, std::env::current_exe().ok().as_deref()))
}

/// The directories in which shipped plugins may be, the first one first.
fn places(named: Option<String>, executable: Option<&Path>) -> Vec<PathBuf> {
    if let Some(named) = named {
        return vec![PathBuf::from(named)];
    }
    let beside = executable.and_then(Path::parent);
    // `make build` leaves target/release/weir and target/plugins.
    let built = beside.and_then(Path::parent).map(|directory| directory.join("plugins"));
    let beside = beside.map(|directory| directory.join("plugins"));
    built.into_iter().chain(beside).chain([PathBuf::from(INSTALLED)]).collect()
}

fn find(name: &str, places: &[PathBuf]) -> Result<PathBuf, String> {
    let file = format!("{name}.wasm");
    let found = places.iter().map(|place| place.join(&file)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        format!(
            "needs the plugin {file}, which comes with weir, and it is not in {}; set {VARIABLE} to the directory \
             in which it is (`make build` leaves it in target/plugins)",
            places.join(" or in ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_the_variable_is_the_only_one_that_counts() {
        let executable = Path::new("/opt/weir/bin/weir");
        assert_eq!(places(Some("/x".into()), Some(executable)), [PathBuf::from("/x")]);
        let usual = ["/opt/weir/plugins", "/opt/weir/bin/plugins", INSTALLED].map(PathBuf::from);
        assert_eq!(places(None, Some(executable)), usual);
        assert_eq!(places(None, None), [PathBuf::from(INSTALLED)]);
    }

    #[test]
    fn the_first_place_that_has_it_wins() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let places = [first.path().to_owned(), second.path().to_owned()];
        std::fs::write(second.path().join("sample.wasm"), "").unwrap();
        assert_eq!(find("sample", &places), Ok(second.path().join("sample.wasm")));
        std::fs::write(first.path().join("sample.wasm"), "").unwrap();
        assert_eq!(find("sample", &places), Ok(first.path().join("sample.wasm")));
    }

    #[test]
    fn one_that_is_nowhere_is_told_with_every_place_and_what_to_do() {
        let places = [PathBuf::from("/nowhere/a"), PathBuf::from("/nowhere/b")];
        assert_eq!(
            find("sample", &places).unwrap_err(),
            "needs the plugin sample.wasm, which comes with weir, and it is not in /nowhere/a or in /nowhere/b; set \
             WEIR_PLUGINS to the directory in which it is (`make build` leaves it in target/plugins)"
        );
    }
}
