//! Component ids, `type[/name]`, in the Collector's grammar.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};

/// The longest type; the Collector's limit.
const TYPE_CHARS_MAX: usize = 63;
/// The longest name; the Collector's limit.
const NAME_CHARS_MAX: usize = 1024;

/// The id of a component: its type, and a name if there are several of the type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId {
    component_type: String,
    name: Option<String>,
}

impl ComponentId {
    /// Reads `type` or `type/name`. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (component_type, name) = split(text)?;
        let mut chars = component_type.chars();
        let starts_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
        let goes_on_well = chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !starts_well || !goes_on_well || component_type.len() > TYPE_CHARS_MAX {
            return Err(format!(
                "invalid id {text:?}: a type starts with a letter and has letters, digits and underscores, \
                 {TYPE_CHARS_MAX} at most"
            ));
        }
        Ok(ComponentId { component_type: component_type.to_owned(), name: name.map(str::to_owned) })
    }

    /// What stands before the slash.
    pub fn component_type(&self) -> &str {
        &self.component_type
    }

    /// What stands after the slash.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl<'de> Deserialize<'de> for ComponentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        ComponentId::parse(&text).map_err(D::Error::custom)
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}/{name}", self.component_type),
            None => f.write_str(&self.component_type),
        }
    }
}

/// Splits an id at its first slash and checks the name, if there is one.
pub(super) fn split(text: &str) -> Result<(&str, Option<&str>), String> {
    let Some((kind, name)) = text.split_once('/') else {
        return Ok((text.trim(), None));
    };
    let name = name.trim();
    if name.is_empty() {
        return Err(format!("invalid id {text:?}: the part after / must not be empty"));
    }
    if name.chars().count() > NAME_CHARS_MAX || !name.chars().all(is_name_char) {
        return Err(format!(
            "invalid id {:?}: a name has no spaces, control characters or symbols, {NAME_CHARS_MAX} characters at most",
            text.chars().take(80).collect::<String>()
        ));
    }
    Ok((kind.trim(), Some(name)))
}

/// The Collector's rule is "no separator, control or symbol": these are the ASCII symbols among them.
fn is_name_char(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_a_type_and_perhaps_a_name() {
        for (text, component_type, name) in [
            ("otlp", "otlp", None),
            ("wasm/redact", "wasm", Some("redact")),
            ("otlp_grpc/a/b", "otlp_grpc", Some("a/b")),
            (" otlp / x ", "otlp", Some("x")),
        ] {
            let id = ComponentId::parse(text).unwrap();
            assert_eq!((id.component_type(), id.name()), (component_type, name), "{text}");
        }
        assert_eq!(ComponentId::parse("wasm/redact").unwrap().to_string(), "wasm/redact");
    }

    #[test]
    fn bad_ids_are_refused() {
        let long_type = "a".repeat(64);
        let long_name = format!("otlp/{}", "a".repeat(1025));
        for text in [
            "",
            "/",
            "otlp/",
            "1otlp",
            "ot-lp",
            "otlp/a b",
            "otlp/a$",
            long_type.as_str(),
            long_name.as_str(),
        ] {
            assert!(ComponentId::parse(text).is_err(), "{text}");
        }
    }
}
