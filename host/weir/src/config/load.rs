//! From sources (files, text, settings of the command line) to a configuration.

use std::path::PathBuf;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Place, join};
use super::environment::Environment;
use super::node::{Entry, Node, Value};
use super::{Config, assemble, expand, merge, read, yaml};

/// Where a configuration comes from. Several are merged, later ones over earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A YAML file.
    File(PathBuf),
    /// YAML text, and what to call it in messages.
    Text {
        /// A name such as `built-in`.
        name: &'static str,
        /// The YAML.
        text: String,
    },
    /// An environment variable that holds YAML.
    Variable(String),
    /// `a.b.c=value`: one value, whose text is YAML.
    Set(String),
}

/// A configuration that weir can run, and what is odd about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What an operator should know.
    pub warnings: Vec<Diagnostic>,
}

/// Loads configuration files. The error lists everything that is wrong, in the order of the files.
pub fn load(paths: &[PathBuf], environment: &dyn Environment) -> Result<Loaded, Vec<Diagnostic>> {
    let sources: Vec<Source> = paths.iter().cloned().map(Source::File).collect();
    load_sources(&sources, environment)
}

/// Loads any sources. The error lists everything that is wrong, in the order of the sources.
pub fn load_sources(sources: &[Source], environment: &dyn Environment) -> Result<Loaded, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut merged: Option<Node> = None;
    for source in sources {
        match source.read(environment) {
            Ok(node) => match &mut merged {
                Some(base) => merge::merge(base, node),
                None => merged = Some(node),
            },
            Err(mut more) => problems.append(&mut more),
        }
    }
    // What a file that cannot be read would have said is unknown, so nothing further can be judged.
    let root = match merged {
        Some(root) if problems.is_empty() => root,
        _ if problems.is_empty() => return Err(vec![Diagnostic::new("", "no configuration is given")]),
        _ => return Err(problems),
    };
    let expand::Expanded { root, errors, warnings: unset } = expand::expand(root, environment);
    problems.extend(errors);
    let mut warnings = Vec::new();
    match assemble::assemble(&root, environment, &mut problems, &mut warnings) {
        Some(config) => {
            warnings.extend(unset);
            warnings.sort_by(|a, b| a.place.cmp(&b.place));
            Ok(Loaded { config, warnings })
        }
        None => {
            // A variable that is not set is often the reason for the rest.
            problems.extend(unset);
            problems.sort_by(|a, b| a.place.cmp(&b.place));
            Err(problems)
        }
    }
}

impl Source {
    fn read(&self, environment: &dyn Environment) -> Result<Node, Vec<Diagnostic>> {
        match self {
            Source::File(path) => {
                let name: Arc<str> = Arc::from(path.to_string_lossy().as_ref());
                let text = read::text(path).map_err(|reason| vec![Diagnostic::new("", reason)])?;
                document(&text, name)
            }
            Source::Text { name, text } => document(text, Arc::from(*name)),
            Source::Variable(name) => {
                let text = environment.var(name).ok_or_else(|| {
                    vec![Diagnostic::new(
                        "",
                        format!("the variable {name} is to hold the configuration and is not set"),
                    )]
                })?;
                document(&text, Arc::from(format!("env:{name}")))
            }
            Source::Set(setting) => set(setting).map_err(|problem| vec![problem]),
        }
    }

    /// What `--config` names: a file, or `file:PATH`, `env:NAME` or `yaml:TEXT` as the Collector takes them.
    pub fn of_argument(argument: &str) -> Source {
        match argument.split_once(':') {
            Some(("file", path)) => Source::File(PathBuf::from(path)),
            Some(("env", name)) => Source::Variable(name.to_owned()),
            Some(("yaml", text)) => Source::Text { name: "yaml:", text: text.to_owned() },
            _ => Source::File(PathBuf::from(argument)),
        }
    }
}

/// A document whose root is a map; an empty one counts as such.
fn document(text: &str, name: Arc<str>) -> Result<Node, Vec<Diagnostic>> {
    let mut node = yaml::parse(text, &name)?;
    match node.value {
        Value::Map(_) => {}
        Value::Null => node.value = Value::Map(Vec::new()),
        _ => {
            let reason = "expected a map with the keys receivers, processors, exporters and service";
            return Err(vec![Diagnostic::new("", reason).at(&node.place)]);
        }
    }
    Ok(node)
}

/// `a.b.c=value` as a tree. The Collector's `::` separates keys too, for names with a point in them.
fn set(setting: &str) -> Result<Node, Diagnostic> {
    let place = Place::whole("--set");
    let (keys, value) = setting.split_once('=').ok_or_else(|| {
        Diagnostic::new("", "expected key=value, such as service.telemetry.logs.level=debug").at(&place)
    })?;
    let keys: Vec<&str> =
        if keys.contains("::") { keys.split("::").collect() } else { keys.split('.').collect() };
    let path = keys.iter().fold(String::new(), |path, key| join(&path, key));
    if keys.len() > yaml::DEPTH_MAX || keys.iter().any(|key| key.is_empty()) {
        return Err(Diagnostic::new(path, "each part of the key must have a name").at(&place));
    }
    let parsed = yaml::parse(value, &place.file)
        .map_err(|_| Diagnostic::new(path, "the value is not valid YAML").at(&place))?;
    let value = Node { place: place.clone(), ..parsed };
    Ok(keys.into_iter().rev().fold(value, |value, key| {
        let entry = Entry { key: key.to_owned(), place: place.clone(), value };
        Node::new(Value::Map(vec![entry]), place.clone())
    }))
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
