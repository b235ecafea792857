//! Programs with real telemetry libraries, which scripts such as `tests/python/setup.sh` install in `tests/.cache`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::build::source_file;

/// More than any of them takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// `tests/go`.
    Go,
    /// `tests/java`, which is run from its source.
    Java,
    /// A file in Python with everything of `tests/python/requirements.txt`, relative to `tests`.
    Python(&'static str),
    /// A file in Python with what the applications of `deploy/stacks` need, relative to `tests`.
    Stack(&'static str),
    /// `tests/js`.
    JavaScript,
}

impl Client {
    /// Its command line; `None` where it is not installed, which is said.
    fn command(self) -> Option<Vec<PathBuf>> {
        let cache = |path: &str| source_file(".cache").join(path);
        let (words, script) = match self {
            Client::Go => (vec![cache("go/agents")], "go/setup.sh"),
            Client::Java => {
                let jars = cache("java/jars");
                let class_path = jars.join("*");
                if !jars.is_dir() {
                    return skipped("java/setup.sh");
                }
                return Some(vec!["java".into(), "-cp".into(), class_path, source_file("java/Orders.java")]);
            }
            Client::Python(file) => (vec![cache("venv/bin/python"), source_file(file)], "python/setup.sh"),
            Client::Stack(file) => (vec![cache("stacks/bin/python"), source_file(file)], "python/stacks.sh"),
            Client::JavaScript => {
                let file = cache("js/emit.mjs");
                return if file.exists() { Some(vec!["node".into(), file]) } else { skipped("js/setup.sh") };
            }
        };
        if words[0].exists() { Some(words) } else { skipped(script) }
    }

    /// Runs it to its end and gives what it printed. `None` where it is not installed. Panics if it fails, or if it says anything
    /// on stderr: that is where these libraries tell of what they could not send.
    pub async fn run(self, arguments: &[&str], environment: &[(&str, &str)]) -> Option<String> {
        let words = self.command()?;
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(arguments).envs(environment.iter().copied());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output =
            output.unwrap_or_else(|_| panic!("{self:?} does not end")).expect("a program that is there runs");
        let (told, printed) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success() && told.is_empty(), "{self:?}: {}\n{told}\n{printed}", output.status);
        Some(printed.into_owned())
    }
}

fn skipped<T>(script: &str) -> Option<T> {
    eprintln!("skipped: not installed here, tests/{script} says why");
    None
}
