//! What a line is: a request of the signal that its only member names.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use weir_otlp::Signal;
use weir_pipeline::{Cause, Charge, Refusal};

use crate::receiver::media::{decode_json, off_the_sockets};

/// The request of a line as protobuf, charged for while it is made.
///
/// # Errors
/// It is none, or there is no room for it. Nothing of it is in the message.
pub(super) async fn decode(text: Bytes, charge: &Charge) -> Result<(Signal, Bytes), Refusal> {
    charge.grow_to(2 * text.len() as u64)?;
    let charge = charge.clone();
    off_the_sockets(text.len(), move || {
        let signal = signal(&text)?;
        decode_json(signal, &text, &charge).map(|request| (signal, request))
    })
    .await
}

/// What of a line counts: neither the carriage return at its end nor, in front of the first of a file, a byte order mark.
pub(super) fn content(line: &[u8], is_first: bool) -> &[u8] {
    let line = if is_first { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    line.trim_ascii()
}

/// The signal that a line's members name.
fn signal(text: &[u8]) -> Result<Signal, Refusal> {
    let malformed = |reason: &str| Refusal::permanent(Cause::Malformed, reason);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    // What is ignored is passed over without recursion, and the rest is read by one who counts.
    deserializer.disable_recursion_limit();
    let named =
        Members.deserialize(&mut deserializer).map_err(|_| malformed("the line is no JSON object"))?;
    match named.as_slice() {
        [one] => Ok(*one),
        [] => Err(malformed("the line has none of resourceSpans, resourceMetrics and resourceLogs")),
        _ => Err(malformed("the line has more than one of resourceSpans, resourceMetrics and resourceLogs")),
    }
}

/// Looks at the names of an object's members and passes over what they hold.
struct Members;

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Vec<Signal>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Signal>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Vec<Signal>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Vec<Signal>, A::Error> {
        let mut named = Vec::new();
        while let Some(name) = members.next_key::<std::borrow::Cow<'_, str>>()? {
            let signal = match &*name {
                "resourceSpans" | "resource_spans" => Some(Signal::Traces),
                "resourceMetrics" | "resource_metrics" => Some(Signal::Metrics),
                "resourceLogs" | "resource_logs" => Some(Signal::Logs),
                _ => None,
            };
            named.extend(signal.filter(|signal| !named.contains(signal)));
            members.next_value::<IgnoredAny>()?;
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_is_that_which_the_line_names_wherever_it_does() {
        for (line, expected) in [
            ("{\"resourceSpans\":[]}", Signal::Traces),
            ("{\"resource_metrics\":[{\"resourceSpans\":[]}]}", Signal::Metrics),
            ("{\"schema\":{\"resourceSpans\":1}, \"resourceLogs\":null}", Signal::Logs),
            ("{\"resource\\u004cogs\":[]}", Signal::Logs),
        ] {
            assert_eq!(signal(line.as_bytes()), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_names_no_signal_or_two_is_malformed() {
        let deep = format!("{{\"x\":{}", "[".repeat(1 << 20));
        let both = "{\"resourceSpans\":[],\"resourceLogs\":[]}";
        for line in
            ["", "{", "[]", "7", "{}", "nonsense", "{\"resourceProfiles\":[]}", both, &deep, "\u{feff}{}"]
        {
            let refusal = signal(line.as_bytes()).unwrap_err();
            assert_eq!((refusal.cause, refusal.retryable), (Cause::Malformed, false));
            assert!(!refusal.message.contains("nonsense"));
        }
        assert!(signal(b"{\"resourceSpans\":\"\xff\"}").is_ok(), "the decoder looks at it");
        assert!(signal(b"{\"\xff\":1}").is_err());
    }

    #[test]
    fn line_ends_and_the_mark_at_the_beginning_of_a_file_do_not_count() {
        assert_eq!(content(b"\xef\xbb\xbf{}\r\n", true), b"{}");
        assert_eq!(content(b"\xef\xbb\xbf{}\n", false), b"\xef\xbb\xbf{}");
        assert_eq!(content(b" \t\r\n", false), b"");
    }
}
