//! The command line of weir: reads the arguments, loads the configuration, and hands over to the service.

mod arguments;
mod cache_dir;
mod components;
mod plugin;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{self, Diagnostic, Environment, Loaded, ProcessEnvironment};
use crate::{demo, log, service};
use arguments::{Command, Options};

/// `EX_USAGE`: the configuration or the command line is wrong, and starting again will not help.
const EXIT_USAGE: u8 = 64;

const VERSION: &str = if weir_plugin::HAS_COMPILER {
    concat!("weir ", env!("CARGO_PKG_VERSION"), "\n")
} else {
    concat!("weir ", env!("CARGO_PKG_VERSION"), " without a compiler\n")
};

const HELP: &str = "\
weir, an OTLP sidecar with WebAssembly plugins

Usage:
  weir [--config FILE]...             run until SIGTERM or SIGINT; SIGHUP or a changed FILE reloads
  weir validate [--config FILE]...    check the configuration and load each plugin
  weir components                     list the components, as YAML
  weir plugin inspect FILE            what a plugin imports, sees and may change, and whether weir runs it
                                      (--json; --plugin-config JSON)
  weir plugin precompile FILE...      compile plugins ahead of time (--cache-dir DIR; --portable: not for this
                                      processor alone)
  weir demo                           show what weir does, on recorded traffic
  weir --version
  weir --help

Options:
  --config FILE           a configuration in the Collector's grammar; several are merged, later ones over
                          earlier ones. Also file:FILE, env:NAME or yaml:TEXT. Without it: OTLP on
                          localhost:4317 and localhost:4318, plugins from ./plugins.d, debug out
  --set KEY=VALUE         one value over all files, such as service.telemetry.logs.level=debug
  --shutdown-timeout 25s  how long to go on delivering after SIGTERM
  --cache-dir DIR         where compiled plugins are kept; \"\" keeps none

Exit status: 0 after a clean stop, 64 if the configuration is wrong, 1 for anything else.
";

/// Runs weir with the arguments of the process.
pub fn main() -> ExitCode {
    let arguments: Result<Vec<String>, _> =
        std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let command = arguments
        .map_err(|argument| format!("the argument {} is not UTF-8", argument.display()))
        .and_then(arguments::parse);
    match command {
        Ok(Command::Run(options)) => run(options, &ProcessEnvironment),
        Ok(Command::Validate(options)) => validate(&options, &ProcessEnvironment),
        Ok(Command::Components) => print(&components::list()),
        Ok(Command::Version) => print(VERSION),
        Ok(Command::Help) => print(HELP),
        Ok(Command::Plugin(command)) => plugin::run(&command, &ProcessEnvironment),
        Ok(Command::Demo) => demo::run(),
        Err(reason) => {
            eprintln!("weir: {reason}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn run(options: Options, environment: &dyn Environment) -> ExitCode {
    let options = Arc::new(options);
    let origin = origin(&options);
    let Loaded { config, warnings } = match origin.load() {
        Ok(loaded) => loaded,
        Err(problems) => return refuse(&problems),
    };
    let log = match start_log(config.telemetry.logs) {
        Ok(log) => log,
        Err(code) => return code,
    };
    if is_built_in(&options) {
        let plugins = if config.plugins.is_empty() { "none" } else { "./plugins.d" };
        tracing::info!(
            plugins,
            "no --config given: OTLP on localhost:4317 and localhost:4318, debug exporter"
        );
    }
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let cache_dir = cache_dir::resolve(&options.cache, environment);
    let settings = service::Settings { cache_dir, shutdown_timeout: options.shutdown_timeout, log };
    match service::run(config, Arc::new(origin), settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(service::Failure::Configuration(problems)) => refuse(&problems),
        Err(service::Failure::Runtime(reason)) => {
            tracing::error!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// The sources of the configuration, which may be read again at any time. Variables are those of the process.
fn origin(options: &Arc<Options>) -> service::Origin {
    let file = |source: &config::Source| match source {
        config::Source::File(path) => Some(path.clone()),
        _ => None,
    };
    let files = options.sources.iter().filter_map(file).collect();
    let options = Arc::clone(options);
    service::Origin::new(files, Box::new(move || load(&options, &ProcessEnvironment)))
}

fn validate(options: &Options, environment: &dyn Environment) -> ExitCode {
    let Loaded { config, warnings } = match load(options, environment) {
        Ok(loaded) => loaded,
        Err(problems) => return refuse(&problems),
    };
    if let Err(code) = start_log(config.telemetry.logs) {
        return code;
    }
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    let cache_dir = cache_dir::resolve(&options.cache, environment);
    match service::check(&config, cache_dir) {
        Ok(()) => print("the configuration is valid\n"),
        Err(problems) => refuse(&problems),
    }
}

fn start_log(config: config::LogsConfig) -> Result<log::Control, ExitCode> {
    log::init(config).map_err(|error| {
        eprintln!("weir: cannot start logging: {error}");
        ExitCode::FAILURE
    })
}

/// Whether no file was named, so that the built-in configuration is the base.
fn is_built_in(options: &Options) -> bool {
    options.sources.iter().all(|source| matches!(source, config::Source::Set(_)))
}

fn load(options: &Options, environment: &dyn Environment) -> Result<Loaded, Vec<Diagnostic>> {
    let mut sources = Vec::new();
    if is_built_in(options) {
        sources = config::builtin::sources(Path::new("."));
    }
    sources.extend(options.sources.iter().cloned());
    config::load_sources(&sources, environment)
}

/// Tells what is wrong with the configuration, one line each, whatever the log's level; and what is shown with it,
/// once, however many want it.
fn refuse(problems: &[Diagnostic]) -> ExitCode {
    let mut shown = Vec::new();
    for problem in problems {
        eprintln!("{problem}");
        let Some(lines) = problem.shown.filter(|lines| !shown.contains(lines)) else { continue };
        shown.push(lines);
        for line in lines.lines() {
            eprintln!("{}", format!("    {line}").trim_end());
        }
    }
    ExitCode::from(EXIT_USAGE)
}

/// Prints to stdout. A reader that went away (`weir components | head`) is no fault of ours.
fn print(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("weir: cannot write to stdout: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
