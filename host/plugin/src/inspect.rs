//! What can be said of a plugin's file without running batches through it, and compiling it ahead of time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use prometheus::Registry;
use wasmparser::{Parser, Payload, ProducersSectionReader};
use weir_otlp::Interest;

use crate::bindings::{self, PROCESSOR};
use crate::compile::{HAS_COMPILER, NO_COMPILER};
use crate::engine::{Engine, EngineSettings};
use crate::failure::LoadError;
use crate::fingerprint::{hex, sha};
use crate::ledger;
use crate::load::{Code, Plugin};
use crate::settings::PluginSettings;

/// Entries of `producers` sections that are listed.
const PRODUCERS_MAX: usize = 32;
/// Imports, and exports, that are listed of a file that weir does not run.
const NAMES_MAX: usize = 256;

/// What there is to know about a plugin's file.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The file's size.
    pub bytes: u64,
    /// Of its content, in hexadecimal.
    pub sha256: String,
    /// The contract that it is to fulfil, if it does.
    pub contract: Option<&'static str>,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it was made with, as its tools wrote it: a field such as `language`, a name, a version.
    pub producers: Vec<[String; 3]>,
    /// What it declares for the configuration that was tried.
    pub interest: Option<Interest>,
    /// Why weir would not run it.
    pub problem: Option<String>,
}

/// Looks at a plugin's file, and starts and configures one instance of it to see what it declares.
///
/// # Errors
/// If the file cannot be read, or the engine does not start. What is wrong with the plugin itself is part of the answer.
pub fn inspect(settings: &PluginSettings, engine: EngineSettings) -> Result<Inspection, LoadError> {
    let wasm = ledger::read(&settings.plugin)?;
    let engine = Engine::new(engine, &Registry::new())?;
    let mut inspection = Inspection {
        bytes: wasm.len() as u64,
        sha256: hex(&sha(&wasm)),
        contract: None,
        imports: Vec::new(),
        exports: Vec::new(),
        producers: producers(&wasm),
        interest: None,
        problem: None,
    };
    let name = name_of(&settings.plugin);
    let code = match Code::new(&engine, &name, &wasm) {
        Ok(code) => code,
        Err(error) => {
            // What the file itself tells is told all the same.
            (inspection.imports, inspection.exports) = surface(&wasm);
            inspection.contract =
                inspection.exports.iter().any(|name| name == PROCESSOR).then_some(PROCESSOR);
            return Ok(Inspection { problem: Some(error.to_string()), ..inspection });
        }
    };
    inspection.contract = Some(PROCESSOR);
    (inspection.imports, inspection.exports) = bindings::surface(code.pre.component());
    match Plugin::new(&engine, &name, code, settings, Arc::default()) {
        Ok(plugin) => inspection.interest = Some(plugin.interest().clone()),
        Err(error) => inspection.problem = Some(error.to_string()),
    }
    Ok(inspection)
}

/// Compiles plugins into the cache of `engine`, so that later starts find them there.
///
/// # Errors
/// What keeps the first of them that fails from being used by weir, or the code from being kept.
pub fn precompile(plugins: &[PathBuf], engine: EngineSettings) -> Result<(), LoadError> {
    let fault = |reason: &str| LoadError::Precompile(reason.to_owned());
    if !HAS_COMPILER {
        return Err(fault(NO_COMPILER));
    }
    let engine: Arc<Engine> = Engine::new(engine, &Registry::new())?;
    let cache = engine.cache().ok_or_else(|| {
        fault("there is no directory to keep them in that weir may trust: give another --cache-dir")
    })?;
    if !cache.is_writable() {
        return Err(fault(&format!("{} cannot be written to", cache.directory().display())));
    }
    for path in plugins {
        Code::new(&engine, &name_of(path), &ledger::read(path)?)?;
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The names of what a component imports and exports, by its own sections. A file that is not well formed has none.
fn surface(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0_usize);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ComponentImportSection(section)) if depth == 0 => {
                let names = section.into_iter().flatten().map(|import| import.name.name.to_owned());
                imports.extend(names.take(NAMES_MAX - imports.len()));
            }
            Ok(Payload::ComponentExportSection(section)) if depth == 0 => {
                let names = section.into_iter().flatten().map(|export| export.name.name.to_owned());
                exports.extend(names.take(NAMES_MAX - exports.len()));
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    (imports, exports)
}

/// The `producers` sections of the component and the modules in it. A file that is not well formed has none.
fn producers(wasm: &[u8]) -> Vec<[String; 3]> {
    let mut found: Vec<[String; 3]> = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(payload) = payload else { break };
        let Payload::CustomSection(section) = payload else { continue };
        if section.name() != "producers" {
            continue;
        }
        let reader = wasmparser::BinaryReader::new(section.data(), section.data_offset());
        let Ok(fields) = ProducersSectionReader::new(reader) else { continue };
        for field in fields.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let entry = [field.name, value.name, value.version].map(str::to_owned);
                if found.len() < PRODUCERS_MAX && !found.contains(&entry) {
                    found.push(entry);
                }
            }
        }
    }
    found
}

#[cfg(test)]
#[cfg(feature = "compiler")]
mod tests {
    use super::*;
    use crate::guest::guest;

    fn look(text: &str) -> Inspection {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("p.wasm");
        std::fs::write(&path, text).unwrap();
        inspect(&PluginSettings::of(&path), EngineSettings::default()).unwrap()
    }

    #[test]
    fn a_plugin_says_what_it_is_and_what_it_asks_for() {
        let inspection = look(&guest('n'));
        assert_eq!(inspection.problem, None);
        assert_eq!(inspection.contract, Some(PROCESSOR));
        assert_eq!(inspection.imports, ["weir:plugin/host@0.1.0"]);
        assert_eq!(inspection.exports, ["weir:plugin/processor@0.1.0"]);
        assert_eq!(inspection.interest.unwrap().selectors.len(), 1);
    }

    #[test]
    fn what_weir_would_not_run_says_why() {
        let inspection = look("(component)");
        assert!(inspection.problem.unwrap().contains("does not export"));
        let inspection = look(&guest('r'));
        assert!(inspection.problem.unwrap().contains("refuses its configuration"));
        assert!(inspection.contract.is_some());
    }
}
