//! The labels of a stream: names and values as Loki takes them, and no more of them than it takes.

use weir_otlp::read::{Value, put_json_text};

use super::PushEncoding;

/// Loki's default for `max_label_names_per_series`. What is above it stays in the line.
const LABELS_MAX: usize = 15;

/// Loki's default for `max_label_name_length`.
const NAME_BYTES_MAX: usize = 1024;

/// Loki's default for `max_label_value_length`.
const VALUE_BYTES_MAX: usize = 2048;

/// A set of labels. Cleared and filled again it needs no memory of its own.
#[derive(Default)]
pub(super) struct Labels {
    /// Names and values.
    text: Vec<u8>,
    pairs: Vec<Pair>,
}

#[derive(Clone, Copy)]
struct Pair {
    name: (usize, usize),
    value: (usize, usize),
}

impl Labels {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.pairs.clear();
    }

    /// The same labels as another set.
    pub(super) fn copy_from(&mut self, other: &Labels) {
        self.text.clone_from(&other.text);
        self.pairs.clone_from(&other.pairs);
    }

    /// Sets a label to a value, in place of the one that it had. False if there is no place for it, or if Loki would not take it:
    /// then nothing has changed.
    pub(super) fn set(&mut self, name: &str, value: Value<'_>) -> bool {
        let start = self.text.len();
        let is_set = self.try_set(name, value);
        if !is_set {
            self.text.truncate(start);
        }
        is_set
    }

    fn try_set(&mut self, name: &str, value: Value<'_>) -> bool {
        let start = self.text.len();
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return false;
        }
        put_name(&mut self.text, name);
        let middle = self.text.len();
        // The length of text is known before it is copied; what else there is, is long only if someone means it to be.
        if matches!(value, Value::Text(text) if text.len() > VALUE_BYTES_MAX)
            || value.put_text(&mut self.text).is_err()
        {
            return false;
        }
        let end = self.text.len();
        if middle - start > NAME_BYTES_MAX || end == middle || end - middle > VALUE_BYTES_MAX {
            return false;
        }
        let pair = Pair { name: (start, middle), value: (middle, end) };
        let same = self.pairs.iter().position(|other| self.part(other.name) == self.part(pair.name));
        if let Some(same) = same.and_then(|at| self.pairs.get_mut(at)) {
            *same = pair;
            return true;
        }
        let has_room = self.pairs.len() < LABELS_MAX;
        if has_room {
            self.pairs.push(pair);
        }
        has_room
    }

    /// Writes them in the order of their names, as they stand in a push: `{job="checkout"}`, or as an object of JSON.
    pub(super) fn put(&mut self, encoding: PushEncoding, out: &mut Vec<u8>) {
        let Labels { text, pairs } = self;
        let text: &[u8] = text;
        let part = |(from, to): (usize, usize)| text.get(from..to).unwrap_or_default();
        pairs.sort_unstable_by_key(|pair| part(pair.name));
        out.push(b'{');
        for (at, pair) in pairs.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            // Both came out of text, and names are ASCII.
            let value = std::str::from_utf8(part(pair.value)).unwrap_or_default();
            match encoding {
                PushEncoding::Proto => {
                    out.extend_from_slice(part(pair.name));
                    out.push(b'=');
                    put_quoted(out, value);
                }
                PushEncoding::Json => {
                    out.push(b'"');
                    out.extend_from_slice(part(pair.name));
                    out.extend_from_slice(b"\":");
                    put_json_text(out, &value.replace(REPLACEMENT, "?"));
                }
            }
        }
        out.push(b'}');
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn part(&self, (from, to): (usize, usize)) -> &[u8] {
        self.text.get(from..to).unwrap_or_default()
    }
}

/// What Loki's parser of labels takes for bytes that are no UTF-8, though it may stand in a text.
const REPLACEMENT: char = '\u{fffd}';

/// A name as Prometheus has it: letters, digits and underscores, of which none comes first, as leading ones are Loki's own.
fn put_name(out: &mut Vec<u8>, name: &str) {
    match name.chars().next() {
        Some('0'..='9') => out.extend_from_slice(b"key_"),
        Some(first) if !first.is_ascii_alphabetic() => out.extend_from_slice(b"key"),
        _ => {}
    }
    out.extend(name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter as u8 } else { b'_' }));
}

/// A value in quotes, with the escapes of Go.
fn put_quoted(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    for letter in value.chars() {
        match letter {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            REPLACEMENT => out.push(b'?'),
            '\0'..' ' | '\x7f'..='\u{9f}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(letter)).as_bytes());
            }
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(labels: &mut Labels, encoding: PushEncoding) -> String {
        let mut out = Vec::new();
        labels.put(encoding, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn of(pairs: &[(&str, Value<'_>)]) -> Labels {
        let mut labels = Labels::default();
        for (name, value) in pairs {
            labels.set(name, *value);
        }
        labels
    }

    #[test]
    fn labels_are_written_in_the_order_of_their_names_with_what_was_set_last() {
        let mut labels = of(&[
            ("job", Value::Text("shop/cart")),
            ("exporter", Value::Text("OTLP")),
            ("level", Value::Text("INFO")),
            ("job", Value::Int(-7)),
        ]);
        assert_eq!(written(&mut labels, PushEncoding::Proto), r#"{exporter="OTLP",job="-7",level="INFO"}"#);
        assert_eq!(
            written(&mut labels, PushEncoding::Json),
            r#"{"exporter":"OTLP","job":"-7","level":"INFO"}"#
        );
    }

    #[test]
    fn names_are_those_that_prometheus_takes() {
        for (name, label) in [
            ("service.name", "service_name"),
            ("a-b c", "a_b_c"),
            ("gr\u{fc}n", "gr_n"),
            ("7days", "key_7days"),
            ("_x", "key_x"),
            ("__name__", "key__name__"),
            ("\u{fc}", "key_"),
            ("A1_", "A1_"),
        ] {
            let mut labels = of(&[(name, Value::Bool(true))]);
            assert_eq!(written(&mut labels, PushEncoding::Proto), format!("{{{label}=\"true\"}}"));
        }
    }

    #[test]
    fn values_are_escaped_as_go_does() {
        let mut labels = of(&[("a", Value::Text("\"\\\n\t\u{1}\u{7f}\u{85}\u{fffd}gr\u{fc}n"))]);
        assert_eq!(
            written(&mut labels, PushEncoding::Proto),
            "{a=\"\\\"\\\\\\n\\u0009\\u0001\\u007f\\u0085?gr\u{fc}n\"}"
        );
        let json: serde_json::Value =
            serde_json::from_str(&written(&mut labels, PushEncoding::Json)).unwrap();
        assert_eq!(json["a"], "\"\\\n\t\u{1}\u{7f}\u{85}?gr\u{fc}n");
    }

    #[test]
    fn what_loki_would_not_take_is_no_label() {
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        let mut labels = Labels::default();
        assert!(labels.set("a", Value::Text(&long[1..])));
        for (name, value) in [
            ("b", Value::Text(&long)),
            ("b", Value::Bytes(long.as_bytes())),
            ("b", Value::Text("")),
            ("b", Value::Empty),
            ("", Value::Text("x")),
            (&long, Value::Text("x")),
        ] {
            assert!(!labels.set(name, value));
        }
        for at in 1..LABELS_MAX {
            assert!(labels.set(&format!("n{at}"), Value::Int(1)));
        }
        assert!(!labels.set("one.more", Value::Int(1)), "there is no place for it");
        assert!(labels.set("n1", Value::Int(2)), "it has a place");
        assert_eq!(labels.pairs.len(), LABELS_MAX);
    }
}
