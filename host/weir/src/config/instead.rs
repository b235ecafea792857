//! What to do in weir instead of a component that the Collector has and weir lacks.

mod answers;

use answers::ANSWERS;

/// The answer for one component, or for several that want the same.
pub struct Instead {
    /// One of them, such as `processor`.
    noun: &'static str,
    /// Their names, with spaces between them.
    names: &'static str,
    /// What to do, in one line.
    pub answer: &'static str,
    /// What it looks like.
    pub shown: Shown,
}

/// Lines that show an answer.
#[derive(Clone, Copy)]
pub enum Shown {
    /// The line says it all.
    Nothing,
    /// A part of a configuration.
    Yaml(&'static str),
    /// The source of an example plugin; what stands between its marks is shown.
    Plugin(&'static str),
}

/// The answer for a component, `filter` of the kind `processor` for instance.
pub fn find(noun: &str, name: &str) -> Option<&'static Instead> {
    ANSWERS
        .iter()
        .find(|known| known.noun == noun && known.names.split_whitespace().any(|known| known == name))
}

impl Shown {
    /// The lines.
    pub fn text(self) -> Option<&'static str> {
        match self {
            Shown::Nothing => None,
            Shown::Yaml(yaml) => Some(yaml.trim()),
            Shown::Plugin(source) => {
                let (_, rest) = source.split_once("// [shown]\n")?;
                rest.split_once("// [/shown]").map(|(shown, _)| shown.trim())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::catalog::{CONNECTORS_ELSEWHERE, KINDS};
    use crate::config::testing::*;
    use crate::config::{Source, load_sources};

    #[test]
    fn every_component_that_weir_lacks_has_an_answer() {
        let lacking = KINDS.iter().flat_map(|kind| kind.elsewhere.iter().map(|name| (kind.noun, *name)));
        let connectors = CONNECTORS_ELSEWHERE.iter().map(|name| ("connector", *name));
        for (noun, name) in lacking.chain(connectors) {
            assert!(find(noun, name).is_some(), "{noun} {name}");
        }
    }

    #[test]
    fn there_is_no_answer_for_what_weir_has() {
        for kind in KINDS {
            for name in kind.types.iter().flat_map(|known| [&[known.name], known.aliases].concat()) {
                assert!(find(kind.noun, name).is_none(), "{} {name}", kind.noun);
            }
        }
    }

    #[test]
    fn no_component_has_two_answers() {
        let all = |one: &'static Instead| one.names.split_whitespace().map(|name| (one.noun, name));
        let mut names: Vec<_> = ANSWERS.iter().flat_map(all).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn what_is_shown_of_a_plugin_is_the_whole_plugin() {
        for Instead { names, shown, .. } in ANSWERS {
            let Shown::Plugin(_) = shown else { continue };
            let text = shown.text().unwrap_or_else(|| panic!("{names}: no marks"));
            assert!(
                text.starts_with("use weir_sdk::") && text.contains("weir_sdk::plugin!("),
                "{names}: {text}"
            );
            assert!(text.lines().count() < 45, "{names}");
        }
    }

    #[test]
    fn what_is_shown_of_a_configuration_is_valid_but_for_files_that_are_not_here() {
        let base = "receivers: {otlp: {protocols: {grpc: }}}\nexporters: {nop: }\n\
                    service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}\n";
        for Instead { names, shown, .. } in ANSWERS {
            let Shown::Yaml(yaml) = shown else { continue };
            let sources = [text(base), Source::Text { name: "shown", text: (*yaml).to_owned() }];
            let Err(problems) = load_sources(&sources, &no_environment()) else { continue };
            for problem in problems {
                let said = problem.to_string();
                let is_about_files = ["is not a file", "does not exist", "needs the plugin"]
                    .iter()
                    .any(|part| said.contains(part));
                assert!(is_about_files, "{names}: {said}\n{yaml}");
            }
        }
    }
}
