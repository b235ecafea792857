//! Why a value was not taken, on its way from the value's type to the report.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::diagnostic::Diagnostic;
use super::node::Node;

/// What a `Deserialize` says about a value. The reader that holds the value adds where it stands.
#[derive(Debug)]
pub enum Rejection {
    /// The value is not what is wanted; this names what is.
    Expected(String),
    /// Anything else.
    Reason(String),
    /// Complete: nothing is to be added on the way up.
    Placed(Box<Diagnostic>),
}

impl Rejection {
    /// The complete diagnostic for a value, unless it is complete already.
    pub fn placed(self, node: &Node, path: &str) -> Diagnostic {
        let reason = match self {
            Rejection::Placed(diagnostic) => return *diagnostic,
            Rejection::Expected(what) => format!("expected {what}, found {}", node.describe()),
            Rejection::Reason(reason) => reason,
        };
        Diagnostic::new(path, reason).at(&node.place)
    }
}

impl From<Diagnostic> for Rejection {
    fn from(diagnostic: Diagnostic) -> Self {
        Rejection::Placed(Box::new(diagnostic))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejection::Expected(what) => write!(f, "expected {what}"),
            Rejection::Reason(reason) => f.write_str(reason),
            Rejection::Placed(diagnostic) => diagnostic.fmt(f),
        }
    }
}

impl std::error::Error for Rejection {}

// serde's own texts repeat the value, which may be a secret: only what was expected is kept of them.
impl de::Error for Rejection {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Rejection::Reason(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Rejection::Expected(expected.to_string())
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Rejection::Expected(expected.to_string())
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Rejection::Expected(expected.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Rejection::Reason(required(field))
    }
}

/// What is said if a key is missing.
pub fn required(key: &str) -> String {
    format!("the key \"{key}\" is required")
}
