//! Bytes that no SDK would send: whatever can be converted is a push that Loki can read.

use proptest::prelude::*;
use weir_otlp::Signal;

use super::*;

/// A request with something of everything.
fn seed(format: &str, pick: usize) -> Vec<u8> {
    let mut record = log(
        text("cart=7 loaded"),
        &[
            ("user.id", "u-1"),
            ("level", "notice"),
            ("loki.attribute.labels", "user.id,deep.er"),
            ("loki.tenant", "service.name"),
        ],
    );
    let deep = Any::KvlistValue(KeyValueList { values: attributes(&[("er", "x"), ("\u{fffd}", "\u{0}")]) });
    record.attributes.push(attribute("deep", any_value(deep.clone())));
    record.attributes.push(attribute("bytes", any_value(Any::BytesValue(vec![0, 200, 255]))));
    record.attributes.push(attribute("double", any_value(Any::DoubleValue(f64::NAN))));
    let mut other = record.clone();
    other.body = Some(any_value(deep));
    other.time_unix_nano = pick as u64;
    let mut resource = attributes(&SERVICE);
    resource.extend(attributes(&[("loki.resource.labels", "service.name"), ("loki.format", format)]));
    request(resource, vec![record, other, LogRecord::default()])
}

/// Reads `{name="value",...}` as strictly as Loki.
fn check_labels(labels: &str) {
    let mut rest = labels.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    let mut last = String::new();
    let mut count = 0;
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap();
        let mut letters = name.chars();
        assert!(letters.next().unwrap().is_ascii_alphabetic(), "{labels}");
        assert!(letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_'), "{labels}");
        assert!(name > last.as_str(), "the names are in order, each once: {labels}");
        name.clone_into(&mut last);
        let mut is_escaped = false;
        let end = value
            .char_indices()
            .find(|(_, letter)| {
                assert!(!letter.is_control() && *letter != '\u{fffd}', "{labels:?}");
                let ends = *letter == '"' && !is_escaped;
                is_escaped = *letter == '\\' && !is_escaped;
                ends
            })
            .unwrap()
            .0;
        assert!(end > 0, "no value is empty: {labels}");
        count += 1;
        rest = &value[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    assert!((1..=15).contains(&count), "{labels}");
}

fn check(request: &[u8]) {
    let Ok(converted) = convert(request, LAYOUT, RECEIVED, &Charge::default()) else { return };
    let mut items = converted.unlabelled;
    for push in &converted.pushes {
        let mut of_push = 0;
        for stream in decoded(push).streams {
            check_labels(&stream.labels);
            of_push += stream.entries.len() as u64;
            let times: Vec<_> = stream.entries.iter().map(Entry::time).collect();
            assert!(times.is_sorted() && times.iter().all(|time| *time > 0));
        }
        assert_eq!(push.items, of_push);
        items += of_push;
    }
    assert_eq!(items, weir_otlp::count(Signal::Logs, request).unwrap(), "no log is lost");
    let json = Layout { encoding: PushEncoding::Json, ..LAYOUT };
    for push in super::converted(request, json).pushes {
        let push: Json = serde_json::from_slice(&push.body).unwrap();
        for value in
            push["streams"].as_array().unwrap().iter().flat_map(|one| one["values"].as_array().unwrap())
        {
            value[0].as_str().unwrap().parse::<i64>().unwrap();
            value[1].as_str().unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_bytes_are_refused_or_converted_whole(
        format in prop_oneof![Just("json"), Just("logfmt"), Just("raw")],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..6),
    ) {
        let mut bytes = seed(format, changes.len());
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte & 7),
                2 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        check(&bytes);
    }

    #[test]
    fn any_text_is_a_label_an_attribute_and_a_body(key in ".{0,20}", value in any::<String>(), format in "json|logfmt|raw") {
        let hints = [(key.as_str(), value.as_str()), ("loki.attribute.labels", key.as_str()), ("loki.format", format.as_str())];
        let bytes = request(attributes(&[("service.name", &value)]), vec![log(text(&value), &hints)]);
        check(&bytes);
        let (_, entry) = entry(&bytes, LAYOUT);
        match format.as_str() {
            "raw" => prop_assert_eq!(entry.line, value),
            "json" => {
                let line = entry.json();
                prop_assert_eq!(line["body"].as_str().unwrap(), value);
            }
            _ => prop_assert!(!entry.line.contains('\n'), "{}", entry.line),
        }
    }
}
