//! Where `${env:NAME}` looks: the process environment, or a map in tests.

use std::collections::BTreeMap;

/// The variables that a configuration may use. Injected, so that nothing below reads the process environment.
pub trait Environment: Send + Sync {
    /// The value of a variable, or `None` if it is not set.
    fn var(&self, name: &str) -> Option<String>;
}

/// The environment of this process. A value that is not UTF-8 counts as not set.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}
