//! The command line: which command, with which options.

use std::path::PathBuf;
use std::time::Duration;

use super::plugin::PluginCommand;
use crate::config::suggest::nearest;
use crate::config::{Source, parse_duration};

/// How long a stop may take. Kubernetes kills after 30 s, so weir is done before.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(25);

const COMMANDS: [&str; 4] = ["validate", "components", "plugin", "demo"];
const FLAGS: [&str; 6] = ["--config", "--set", "--shutdown-timeout", "--cache-dir", "--version", "--help"];

/// What weir is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Run until a signal says stop.
    Run(Options),
    /// Say whether the configuration is valid and its plugins load.
    Validate(Options),
    /// List the components.
    Components,
    /// Look at plugins, or compile them.
    Plugin(PluginCommand),
    /// Show what weir does, on recorded traffic.
    Demo,
    /// Print the version.
    Version,
    /// Print the help.
    Help,
}

/// The options of a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The configuration, in the order in which it is merged. Empty if none was given.
    pub sources: Vec<Source>,
    /// How long a stop may take.
    pub shutdown_timeout: Duration,
    /// Where compiled plugins are kept.
    pub cache: Cache,
}

/// Where compiled plugins are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cache {
    /// In the user's cache directory.
    Usual,
    /// In this directory.
    At(PathBuf),
    /// Nowhere: every start compiles.
    Off,
}

/// Reads the arguments behind the program's name. The error is one line that says what is wrong.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.next_if(|first| first == "plugin").is_some() {
        return super::plugin::parse(arguments).map(Command::Plugin);
    }
    let mut command = None;
    let (mut configs, mut sets) = (Vec::new(), Vec::new());
    let (mut shutdown_timeout, mut cache) = (SHUTDOWN_TIMEOUT, Cache::Usual);
    while let Some(argument) = arguments.next() {
        let (flag, attached) = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => (flag.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        let mut value =
            || attached.clone().or_else(|| arguments.next()).ok_or_else(|| format!("{flag} wants a value"));
        match flag.as_str() {
            "--config" => configs.push(Source::of_argument(&value()?)),
            "--set" => sets.push(Source::Set(value()?)),
            "--shutdown-timeout" => {
                shutdown_timeout = parse_duration(&value()?)
                    .ok_or("--shutdown-timeout wants a duration with its unit, such as 25s")?;
            }
            "--cache-dir" => {
                let directory = value()?;
                cache = if directory.is_empty() { Cache::Off } else { Cache::At(PathBuf::from(directory)) };
            }
            "--version" | "-V" | "-v" => return Ok(Command::Version),
            "--help" | "-h" | "help" => return Ok(Command::Help),
            word if command.is_none() && COMMANDS.contains(&word) => command = Some(word.to_owned()),
            unknown => return Err(unknown_argument(unknown, command.as_deref())),
        }
    }
    // Settings of the command line are for changing what the files say, wherever on the line they stand.
    let is_plain = configs.is_empty() && sets.is_empty();
    configs.extend(sets);
    let options = Options { sources: configs, shutdown_timeout, cache };
    match command.as_deref() {
        None => Ok(Command::Run(options)),
        Some("validate") => Ok(Command::Validate(options)),
        Some(other) if !is_plain => Err(format!("weir {other} takes no configuration")),
        Some("components") => Ok(Command::Components),
        Some("plugin") => Err("plugin stands first: weir plugin inspect FILE".to_owned()),
        Some(_) => Ok(Command::Demo),
    }
}

fn unknown_argument(unknown: &str, command: Option<&str>) -> String {
    let (noun, candidates) = match (unknown.starts_with('-'), command) {
        (true, _) => ("flag", FLAGS.as_slice()),
        (false, None) => ("command", COMMANDS.as_slice()),
        (false, Some(_)) => ("argument", [].as_slice()),
    };
    match nearest(unknown, candidates.iter().copied()) {
        Some(meant) => format!("unknown {noun} \"{unknown}\"; did you mean \"{meant}\"?"),
        None => format!("unknown {noun} \"{unknown}\"; weir --help lists what there is"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Command, String> {
        parse(words.iter().map(|word| (*word).to_owned()))
    }

    fn options(words: &[&str]) -> Options {
        match parse_words(words).unwrap() {
            Command::Run(options) | Command::Validate(options) => options,
            other => panic!("{other:?} has no options"),
        }
    }

    fn file(path: &str) -> Source {
        Source::File(PathBuf::from(path))
    }

    #[test]
    fn without_arguments_weir_runs_with_its_own_configuration() {
        let Command::Run(options) = parse_words(&[]).unwrap() else { panic!("not a run") };
        assert_eq!(options.sources, []);
        assert_eq!(options.shutdown_timeout, Duration::from_secs(25));
        assert_eq!(options.cache, Cache::Usual);
    }

    #[test]
    fn config_is_given_with_a_space_or_an_equals_sign_and_more_than_once() {
        let options =
            options(&["--config", "a.yaml", "--set", "x=1", "--config=file:b.yaml", "--config=env:C"]);
        let sources =
            [file("a.yaml"), file("b.yaml"), Source::Variable("C".into()), Source::Set("x=1".into())];
        assert_eq!(options.sources, sources);
    }

    #[test]
    fn commands_are_told_by_their_word_before_or_after_the_flags() {
        for words in [&["validate", "--config", "a"], &["--config", "a", "validate"]] {
            assert!(matches!(parse_words(words), Ok(Command::Validate(_))), "{words:?}");
        }
        assert_eq!(parse_words(&["components"]), Ok(Command::Components));
        assert_eq!(parse_words(&["demo"]), Ok(Command::Demo));
        assert_eq!(parse_words(&["--version"]), Ok(Command::Version));
        assert_eq!(parse_words(&["--help"]), Ok(Command::Help));
    }

    #[test]
    fn the_other_flags_are_read() {
        let options = options(&["--shutdown-timeout=1m", "--cache-dir", "/x"]);
        assert_eq!(options.shutdown_timeout, Duration::from_secs(60));
        assert_eq!(options.cache, Cache::At(PathBuf::from("/x")));
        assert_eq!(super::tests::options(&["--cache-dir", ""]).cache, Cache::Off);
        assert_eq!(super::tests::options(&["--cache-dir="]).cache, Cache::Off);
    }

    #[test]
    fn what_is_wrong_is_said_with_the_nearest_name() {
        for (words, message) in [
            (&["--confg", "a"][..], "unknown flag \"--confg\"; did you mean \"--config\"?"),
            (&["--verbose"], "unknown flag \"--verbose\"; weir --help lists what there is"),
            (&["validat"], "unknown command \"validat\"; did you mean \"validate\"?"),
            (&["validate", "a.yaml"], "unknown argument \"a.yaml\"; weir --help lists what there is"),
            (&["--config"], "--config wants a value"),
            (&["--shutdown-timeout", "5"], "--shutdown-timeout wants a duration with its unit, such as 25s"),
            (&["demo", "--config", "a"], "weir demo takes no configuration"),
        ] {
            assert_eq!(parse_words(words), Err(message.to_owned()), "{words:?}");
        }
    }
}
