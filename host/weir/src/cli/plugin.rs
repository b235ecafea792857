//! `weir plugin`: look at a plugin's file, or compile it ahead of time.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use weir_plugin::{
    EngineSettings, HAS_COMPILER, Inspection, PluginSettings, Processors, inspect, on_one_line, precompile,
};

use super::arguments::Cache;
use super::{EXIT_USAGE, cache_dir, print};
use crate::admin::interest_page;
use crate::compiler;
use crate::config::Environment;

/// What is asked of `weir plugin`.
#[derive(Debug, PartialEq, Eq)]
pub enum PluginCommand {
    /// Describe a plugin's file.
    Inspect {
        /// The file.
        file: PathBuf,
        /// What `configure` is given, as JSON.
        config: Value,
        /// As JSON rather than as text.
        json: bool,
    },
    /// Compile plugins into the cache.
    Precompile {
        /// The files.
        files: Vec<PathBuf>,
        /// Where compiled code is kept.
        cache: Cache,
        /// Where it is to run.
        processors: Processors,
    },
    /// Be the compiler.
    Compile {
        /// The name of the bounds to compile for.
        bounds: String,
    },
}

const USAGE: &str = "expected weir plugin inspect FILE or weir plugin precompile FILE...";

/// Reads the arguments behind `weir plugin`.
///
/// # Errors
/// One line that says what is wrong.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<PluginCommand, String> {
    let mut arguments = arguments.into_iter();
    let command = arguments.next().ok_or(USAGE)?;
    let (mut files, mut config, mut json, mut cache) = (Vec::new(), Value::Null, false, Cache::Usual);
    let mut processors = Processors::This;
    while let Some(argument) = arguments.next() {
        let (flag, attached) = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        let mut value =
            || attached.clone().or_else(|| arguments.next()).ok_or(format!("{flag} wants a value"));
        match (command.as_str(), flag.as_str()) {
            ("inspect", "--json") => json = true,
            ("inspect", "--plugin-config") => {
                config = serde_json::from_str(&value()?)
                    .map_err(|error| format!("--plugin-config wants JSON: {error}"))?;
            }
            ("precompile", "--portable") => processors = Processors::Portable,
            ("precompile", "--cache-dir") => cache = Cache::At(PathBuf::from(value()?)),
            (_, unknown) if unknown.starts_with('-') => {
                return Err(format!(
                    "unknown flag \"{unknown}\" of weir plugin {command}; weir --help lists them"
                ));
            }
            _ => files.push(PathBuf::from(flag)),
        }
    }
    match (command.as_str(), files.as_slice()) {
        ("inspect", [file]) => Ok(PluginCommand::Inspect { file: file.clone(), config, json }),
        ("precompile", [_, ..]) => Ok(PluginCommand::Precompile { files, cache, processors }),
        ("compile", [bounds]) => Ok(PluginCommand::Compile { bounds: bounds.to_string_lossy().into_owned() }),
        _ => Err(USAGE.to_owned()),
    }
}

/// Does it. Exit status 0, 1 if weir would not run a plugin, 64 if it cannot be looked at.
pub fn run(command: &PluginCommand, environment: &dyn Environment) -> ExitCode {
    match command {
        PluginCommand::Compile { bounds } => compiler::main(bounds),
        PluginCommand::Inspect { file, config, json } => {
            let settings = PluginSettings { config: config.clone(), ..PluginSettings::of(file) };
            // Not from the cache, and not into it: what is looked at need not be trusted yet. Without a compiler there
            // is nothing to look at but what somebody else trusted enough to compile it.
            let cache_dir = if HAS_COMPILER { None } else { cache_dir::resolve(&Cache::Usual, environment) };
            let engine =
                EngineSettings { cache_dir, compiler: compiler::command(), ..EngineSettings::default() };
            match inspect(&settings, engine) {
                Ok(inspection) => {
                    let text = if *json { as_json(&inspection) } else { as_text(&inspection) };
                    let printed = print(&text);
                    if inspection.problem.is_none() { printed } else { ExitCode::FAILURE }
                }
                Err(error) => refuse(&error.to_string()),
            }
        }
        PluginCommand::Precompile { files, cache, processors } => {
            let (cache_dir, processors) = (cache_dir::resolve(cache, environment), *processors);
            let engine =
                EngineSettings { cache_dir: cache_dir.clone(), processors, ..EngineSettings::default() };
            match precompile(files, engine) {
                Ok(()) => {
                    let place = cache_dir.unwrap_or_default();
                    print(&format!("{} compiled into {}\n", files.len(), place.display()))
                }
                Err(error) => refuse(&error.to_string()),
            }
        }
    }
}

fn refuse(reason: &str) -> ExitCode {
    eprintln!("weir: {reason}");
    ExitCode::from(EXIT_USAGE)
}

fn as_json(inspection: &Inspection) -> String {
    let page = json!({
        "bytes": inspection.bytes,
        "sha256": inspection.sha256,
        "contract": inspection.contract,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "producers": inspection.producers,
        "interest": inspection.interest.as_ref().map(interest_page),
        "problem": inspection.problem,
    });
    format!("{page:#}\n")
}

fn as_text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let list = |names: &[String]| if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let mut line = |name: &str, value: &str| {
        // Names and words of the file's making are not to steer the terminal. Writing to a string does not fail.
        let _ = writeln!(text, "{:<14}{}", on_one_line(&format!("{name}:")), on_one_line(value));
    };
    line("size", &format!("{} bytes", inspection.bytes));
    line("sha256", &inspection.sha256);
    line("contract", inspection.contract.unwrap_or("none that weir knows"));
    line("imports", &list(&inspection.imports));
    line("exports", &list(&inspection.exports));
    for [kind, name, version] in &inspection.producers {
        line(kind, &format!("{name} {version}"));
    }
    if let Some(interest) = &inspection.interest {
        line("reads", &list(&interest.reads()));
        line("writes", &list(&interest.writes()));
        let traits = [
            (interest.drops != 0, "may drop items"),
            (interest.stateful, "stateful: one instance"),
            (interest.redacts, "redacts: never bypassed"),
        ];
        let traits: Vec<String> =
            traits.iter().filter(|(has, _)| *has).map(|(_, text)| (*text).to_owned()).collect();
        line("traits", &list(&traits));
    }
    line(
        "weir",
        &inspection.problem.as_ref().map_or("runs it".to_owned(), |why| format!("does not run it: {why}")),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Result<PluginCommand, String> {
        parse(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn the_commands_are_read_with_their_flags_anywhere() {
        let inspect = |json, config| PluginCommand::Inspect { file: "p.wasm".into(), config, json };
        assert_eq!(words(&["inspect", "p.wasm"]), Ok(inspect(false, Value::Null)));
        assert_eq!(
            words(&["inspect", "--json", "p.wasm", "--plugin-config={}"]),
            Ok(inspect(true, json!({})))
        );
        let files = vec![PathBuf::from("a.wasm"), PathBuf::from("b.wasm")];
        let precompile = |processors| PluginCommand::Precompile {
            files: files.clone(),
            cache: Cache::At("/c".into()),
            processors,
        };
        assert_eq!(
            words(&["precompile", "a.wasm", "--cache-dir", "/c", "b.wasm"]),
            Ok(precompile(Processors::This))
        );
        assert_eq!(
            words(&["precompile", "--portable", "a.wasm", "--cache-dir=/c", "b.wasm"]),
            Ok(precompile(Processors::Portable))
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, reason) in [
            (&[][..], USAGE),
            (&["inspect"], USAGE),
            (&["inspect", "a", "b"], USAGE),
            (&["precompile"], USAGE),
            (&["inspekt", "a"], USAGE),
            (
                &["precompile", "a", "--json"],
                "unknown flag \"--json\" of weir plugin precompile; weir --help lists them",
            ),
        ] {
            assert_eq!(words(line), Err(reason.to_owned()), "{line:?}");
        }
        assert!(
            words(&["inspect", "a", "--plugin-config", "{"])
                .unwrap_err()
                .starts_with("--plugin-config wants JSON")
        );
    }
}
