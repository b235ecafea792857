//! Which plugins a source names at this moment, in order, with their settings.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::failure::LoadError;
use crate::settings::{PluginSettings, SettingsReader, Source};

/// The most plugins of one directory. A batch passes through all of them.
const PLUGINS_MAX: usize = 256;

/// A plugin that should be there.
pub(crate) struct Candidate {
    /// The file's stem, unless the settings name it.
    pub name: String,
    /// How to run it, or why that is not known.
    pub settings: Result<PluginSettings, LoadError>,
}

/// The candidates, in the order in which batches pass them.
///
/// # Errors
/// If the directory cannot be listed.
pub(crate) fn candidates(source: &Source) -> Result<Vec<Candidate>, LoadError> {
    match source {
        Source::Plugin(settings) => {
            let name = settings.name.clone().unwrap_or_else(|| stem(&settings.plugin));
            Ok(vec![Candidate { name, settings: Ok(settings.clone()) }])
        }
        Source::Directory { path, settings } => Ok(files(path)?
            .into_iter()
            .map(|file| Candidate { name: stem(&file), settings: settings_beside(&file, settings) })
            .collect()),
    }
}

/// Every `*.wasm` of the directory that is not hidden, by file name. What cannot be a plugin, such as a directory or a
/// link that leads nowhere, is listed too: a redactor that was replaced by it is broken, not taken away.
fn files(directory: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let fault = |reason: String| LoadError::Read { path: directory.to_owned(), reason };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| fault(error.to_string()))? {
        let path = entry.map_err(|error| fault(error.to_string()))?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let wasm = path.extension().is_some_and(|extension| extension == "wasm");
        if wasm && !hidden {
            files.push(path);
        }
        if files.len() > PLUGINS_MAX {
            return Err(fault(format!("it holds more than {PLUGINS_MAX} plugins")));
        }
    }
    files.sort();
    Ok(files)
}

fn settings_beside(wasm: &Path, read: &SettingsReader) -> Result<PluginSettings, LoadError> {
    let yaml = wasm.with_extension("yaml");
    let fault = |reason: String| LoadError::Settings { path: yaml.clone(), reason };
    // Of the link itself: one that leads nowhere must not mean "the default settings".
    match fs::symlink_metadata(&yaml) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(PluginSettings::of(wasm)),
        Err(error) => return Err(fault(error.to_string())),
        Ok(_) => {}
    }
    match fs::metadata(&yaml) {
        Err(error) => return Err(fault(error.to_string())),
        Ok(metadata) if !metadata.is_file() => return Err(fault("it is not a file".to_owned())),
        Ok(_) => {}
    }
    let settings = read(&yaml, wasm).map_err(fault)?;
    Ok(PluginSettings { plugin: wasm.to_owned(), ..settings })
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    fn directory(path: &Path) -> Source {
        let settings: SettingsReader = Arc::new(|yaml, _| {
            let text = fs::read_to_string(yaml).map_err(|error| error.to_string())?;
            let config = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            Ok(PluginSettings { config, ..PluginSettings::default() })
        });
        Source::Directory { path: path.to_owned(), settings }
    }

    #[test]
    fn plugins_come_in_file_name_order_and_hidden_or_foreign_files_are_left_out() {
        let home = tempfile::tempdir().unwrap();
        for name in ["b.wasm", "10-a.wasm", "a.wasm", "a-b.wasm", ".c.wasm", "d.wasm.tmp", "e.txt"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        let found = candidates(&directory(home.path())).unwrap();
        let names: Vec<_> = found.iter().map(|candidate| candidate.name.as_str()).collect();
        assert_eq!(names, ["10-a", "a-b", "a", "b"]);
    }

    #[test]
    fn settings_are_read_beside_the_plugin_and_a_bad_file_spoils_one_plugin_only() {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in
            [("a.wasm", ""), ("a.yaml", "[1]"), ("b.wasm", ""), ("b.yaml", "{"), ("c.wasm", "")]
        {
            fs::write(home.path().join(name), text).unwrap();
        }
        let found = candidates(&directory(home.path())).unwrap();
        let [a, b, c] = found.as_slice() else { panic!("three plugins") };
        let a = a.settings.as_ref().unwrap();
        assert_eq!(a.config, serde_json::json!([1]));
        assert_eq!(a.plugin, home.path().join("a.wasm"));
        assert!(b.settings.as_ref().unwrap_err().to_string().contains("b.yaml"));
        assert_eq!(c.settings.as_ref().unwrap().config, serde_json::Value::Null);
    }

    #[test]
    fn what_stands_where_a_plugin_was_but_is_no_file_is_still_named() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("folder.wasm")).unwrap();
        symlink("nowhere", home.path().join("link.wasm")).unwrap();
        let found = candidates(&directory(home.path())).unwrap();
        let names: Vec<_> = found.iter().map(|candidate| candidate.name.as_str()).collect();
        assert_eq!(names, ["folder", "link"]);
    }

    #[test]
    fn settings_that_are_there_but_cannot_be_read_are_not_the_default_settings() {
        let home = tempfile::tempdir().unwrap();
        for name in ["a.wasm", "b.wasm"] {
            fs::write(home.path().join(name), "").unwrap();
        }
        fs::create_dir(home.path().join("a.yaml")).unwrap();
        symlink("nowhere", home.path().join("b.yaml")).unwrap();
        for candidate in candidates(&directory(home.path())).unwrap() {
            let error = candidate.settings.unwrap_err().to_string();
            assert!(error.contains(&format!("{}.yaml", candidate.name)), "{error}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_that_names_it() {
        let error = candidates(&directory(Path::new("/nowhere/plugins"))).err().unwrap().to_string();
        assert!(error.starts_with("cannot read /nowhere/plugins: "), "{error}");
    }
}
