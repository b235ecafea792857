//! The headers of an exporter's requests or a server's answers: names are public, values are secrets.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::at::At;
use super::diagnostic::Diagnostic;
use super::secret::Secret;

/// Headers to send with each message, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(Vec<(String, Secret)>);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    value: Secret,
}

impl Headers {
    /// Names, in lower case, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that names and values may be sent at all.
    pub(super) fn check(&self, at: &At<'_>, problems: &mut Vec<Diagnostic>) {
        for (name, value) in self.iter() {
            let at = at.key(name);
            if http::HeaderName::try_from(name).is_err() {
                problems.push(at.problem(format!("{name:?} cannot be the name of a header")));
            } else if is_reserved(name) {
                problems.push(at.problem(format!("the header {name} is weir's own to set")));
            }
            if http::HeaderValue::try_from(value.expose()).is_err() {
                problems
                    .push(at.problem("the value cannot be sent: it has a line end or a control character"));
            }
        }
    }
}

/// Headers that describe the request or the connection itself.
fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "content-type" | "content-length" | "content-encoding" | "te" | "transfer-encoding" | "connection"
    ) || name.starts_with("grpc-")
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of names to values, or a list of {name, value}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut headers = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Secret>()? {
            headers.push((name.to_ascii_lowercase(), value));
        }
        Ok(Headers(headers))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Headers, A::Error> {
        let mut headers = Vec::new();
        while let Some(Header { name, value }) = items.next_element()? {
            headers.push((name.to_ascii_lowercase(), value));
        }
        Ok(Headers(headers))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Headers, E> {
        // Said without the text, which may be a secret that ended up one level too high.
        Err(E::custom(format_args!("expected {}", Expecting(&self))))
    }
}

struct Expecting<'a>(&'a HeadersVisitor);

impl fmt::Display for Expecting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Visitor::expecting(self.0, f)
    }
}
